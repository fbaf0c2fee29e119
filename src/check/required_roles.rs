//! Which permissions a build needs where, and the built-in roles that give them.

use super::codes::Code;
use super::finding::{Finding, Verdict};
use super::lookup::Azure;
use super::storage_account::account;
use super::subject::{Source, Target};
use crate::arm::authorization::{Action, Permission, missing};
use crate::inputs::PackageAccess;
use crate::resource::quoted;

/// Rights that are needed at one place, and the built-in role that gives them.
pub(super) struct RequiredRole {
    pub(super) scope: String,
    /// What the place is, for a sentence.
    pub(super) what: String,
    role: &'static str,
    pub(super) actions: &'static [Action],
    /// What does instead, although with less care.
    instead: Option<&'static [Action]>,
    /// Who needs them: `a build`.
    by: &'static str,
}

/// <https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>, the provider's operations.
const TEMPLATES: &[Action] = &[
    Action::Control("Microsoft.VirtualMachineImages/imageTemplates/read"),
    Action::Control("Microsoft.VirtualMachineImages/imageTemplates/write"),
    Action::Control("Microsoft.VirtualMachineImages/imageTemplates/delete"),
    Action::Control("Microsoft.VirtualMachineImages/imageTemplates/run/action"),
    Action::Control("Microsoft.VirtualMachineImages/imageTemplates/cancel/action"),
    Action::Control("Microsoft.VirtualMachineImages/imageTemplates/runOutputs/read"),
];
const ASSIGN: &[Action] = &[Action::Control(
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
)];
const PACKAGE: &[Action] = &[
    Action::Control(
        "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
    ),
    Action::Control("Microsoft.Storage/storageAccounts/blobServices/containers/write"),
    Action::Data("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"),
    Action::Data("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"),
    Action::Data("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete"),
];
const KEY: &[Action] = &[Action::Control(
    "Microsoft.Storage/storageAccounts/listKeys/action",
)];
/// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-permissions-cli>
const PUBLISH: &[Action] = &[
    Action::Control("Microsoft.Compute/galleries/read"),
    Action::Control("Microsoft.Compute/galleries/images/read"),
    Action::Control("Microsoft.Compute/galleries/images/versions/read"),
    Action::Control("Microsoft.Compute/galleries/images/versions/write"),
];
const READ_VERSION: &[Action] = &[
    Action::Control("Microsoft.Compute/galleries/read"),
    Action::Control("Microsoft.Compute/galleries/images/read"),
    Action::Control("Microsoft.Compute/galleries/images/versions/read"),
];
const READ_IMAGE: &[Action] = &[Action::Control("Microsoft.Compute/images/read")];
const WRITE_IMAGE: &[Action] = &[
    Action::Control("Microsoft.Compute/images/read"),
    Action::Control("Microsoft.Compute/images/write"),
    Action::Control("Microsoft.Compute/images/delete"),
];
const JOIN: &[Action] = &[
    Action::Control("Microsoft.Network/virtualNetworks/read"),
    Action::Control("Microsoft.Network/virtualNetworks/subnets/join/action"),
];
/// The network itself is read before.
const JOIN_ALONE: &[Action] = &[Action::Control(
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)];
/// Those of the role for tests in docs/permissions.md, but for the picture of the screen, without which a test has its verdict, too.
const MACHINES: &[Action] = &[
    Action::Control("Microsoft.Compute/virtualMachines/read"),
    Action::Control("Microsoft.Compute/virtualMachines/write"),
    Action::Control("Microsoft.Compute/virtualMachines/delete"),
    Action::Control("Microsoft.Compute/virtualMachines/runCommands/read"),
    Action::Control("Microsoft.Compute/virtualMachines/runCommands/write"),
    Action::Control("Microsoft.Compute/disks/read"),
    Action::Control("Microsoft.Compute/disks/write"),
    Action::Control("Microsoft.Compute/disks/delete"),
    Action::Control("Microsoft.Network/networkInterfaces/read"),
    Action::Control("Microsoft.Network/networkInterfaces/write"),
    Action::Control("Microsoft.Network/networkInterfaces/delete"),
    Action::Control("Microsoft.Network/networkInterfaces/join/action"),
];
/// A few of what Contributor gives.
const STAGING: &[Action] = &[
    Action::Control("Microsoft.Compute/virtualMachines/write"),
    Action::Control("Microsoft.Network/networkInterfaces/write"),
    Action::Control("Microsoft.Storage/storageAccounts/write"),
    Action::Control("Microsoft.KeyVault/vaults/write"),
];

impl RequiredRole {
    fn new(
        scope: impl Into<String>,
        what: impl Into<String>,
        role: &'static str,
        actions: &'static [Action],
    ) -> Self {
        Self {
            scope: scope.into(),
            what: what.into(),
            role,
            actions,
            instead: None,
            by: "a build",
        }
    }

    fn of_a_test(self) -> Self {
        Self {
            by: "the test",
            ..self
        }
    }

    fn or(mut self, instead: Option<&'static [Action]>) -> Self {
        self.instead = instead;
        self
    }

    /// What is missing of it.
    pub(super) fn judge(
        &self,
        who: &str,
        assignee: &str,
        code: Code,
        given: &[Permission],
    ) -> Finding {
        let lacking = missing(given, self.actions);
        if lacking.is_empty() {
            return Finding::fine(format!(
                "{}: all permissions that {} needs",
                self.what, self.by
            ));
        }
        let instead = self.instead;
        let does_instead = instead.is_some_and(|other| missing(given, other).is_empty());
        let (verdict, end) = if does_instead {
            let end = "so a key of the account is used".to_owned();
            (Verdict::Warning(code), end)
        } else {
            (Verdict::Problem(code), format!("which {} needs", self.by))
        };
        let text = format!(
            "{who} lacks permission for {} on {}, {end}",
            lacking.join(", "),
            self.what
        );
        let fix = format!(
            "az role assignment create {assignee} --role '{}' --scope {} (or a custom role with these actions)",
            self.role,
            quoted(&self.scope)
        );
        Finding::new(verdict, text).fix(fix)
    }
}

/// Of the service connection.
pub(super) async fn of_connection(azure: &Azure<'_>) -> Vec<RequiredRole> {
    let subject = &azure.subject;
    let group = format!("resource group '{}'", subject.resource_group);
    let mut required = vec![RequiredRole::new(
        subject.in_group(),
        group,
        "Contributor",
        TEMPLATES,
    )];
    required.extend(subject.identity.as_ref().map(|identity| {
        let what = format!("identity '{}'", identity.name());
        RequiredRole::new(identity.as_str(), what, "Managed Identity Operator", ASSIGN)
    }));
    if let Some(account) = account(azure).await {
        let what = format!("storage account '{}'", account.name);
        let by_role = "Storage Blob Data Contributor";
        let by_key = account.takes_keys.then_some(KEY);
        required.push(match subject.package_access {
            PackageAccess::Key => {
                RequiredRole::new(account.id, what, "Storage Account Contributor", KEY)
            }
            PackageAccess::Auto => RequiredRole::new(account.id, what, by_role, PACKAGE).or(by_key),
            PackageAccess::Identity | PackageAccess::Sas => {
                RequiredRole::new(account.id, what, by_role, PACKAGE)
            }
        });
    }
    required
}

/// Of the service connection of a test that makes a VM (docs/permissions.md).
pub(super) fn of_tester(azure: &Azure<'_>) -> Vec<RequiredRole> {
    let subject = &azure.subject;
    let group = format!("resource group '{}'", subject.resource_group);
    let role = "Virtual Machine Contributor";
    let on_group = RequiredRole::new(subject.in_group(), group, role, MACHINES);
    let on_subnet = subject.subnet.as_ref().map(|subnet| {
        let what = format!("subnet '{}'", subnet.name());
        RequiredRole::new(subnet.as_str(), what, "Network Contributor", JOIN_ALONE)
    });
    let all = [Some(on_group), on_subnet].into_iter().flatten();
    all.map(RequiredRole::of_a_test).collect()
}

/// Of the identity that the service acts as.
pub(super) fn of_identity(azure: &Azure<'_>) -> Vec<RequiredRole> {
    let subject = &azure.subject;
    let mut required = Vec::new();
    for target in &subject.targets {
        required.push(match target {
            Target::Gallery { definition, .. } => {
                let gallery = definition.parent().unwrap_or_else(|| definition.clone());
                let what = format!("gallery '{}'", gallery.name());
                RequiredRole::new(gallery.as_str(), what, "Contributor", PUBLISH)
            }
            Target::ManagedImage(id) => {
                let what = format!("resource group '{}'", id.resource_group());
                RequiredRole::new(id.group().as_str(), what, "Contributor", WRITE_IMAGE)
            }
        });
    }
    match &subject.source {
        Source::ManagedImage(id) => {
            let what = format!("image '{}'", id.name());
            required.push(RequiredRole::new(id.as_str(), what, "Reader", READ_IMAGE));
        }
        Source::GalleryVersion(id) => {
            let gallery = id.parent().and_then(|definition| definition.parent());
            if let Some(gallery) = gallery {
                let what = format!("gallery '{}'", gallery.name());
                required.push(RequiredRole::new(
                    gallery.as_str(),
                    what,
                    "Reader",
                    READ_VERSION,
                ));
            }
        }
        Source::Marketplace { .. } | Source::Other => {}
    }
    let subnets = [&subject.subnet, &subject.container_subnet];
    for subnet in subnets.into_iter().flatten() {
        let (id, what) = (subnet.as_str(), format!("subnet '{}'", subnet.name()));
        required.push(RequiredRole::new(id, what, "Network Contributor", JOIN));
    }
    for identity in &subject.vm_identities {
        let (id, what) = (identity.as_str(), format!("identity '{}'", identity.name()));
        required.push(RequiredRole::new(
            id,
            what,
            "Managed Identity Operator",
            ASSIGN,
        ));
    }
    if let Some(group) = &subject.staging_group {
        let what = "the staging resource group";
        required.push(RequiredRole::new(
            group.as_str(),
            what,
            "Contributor",
            STAGING,
        ));
    }
    required
}
