//! Which permissions each method needs, and what is said when one is missing.

use super::codes;
use super::outcome::{NotRolledOut, Refused};
use crate::arm::Failure;
use crate::arm::authorization::Action;
use crate::inputs::{Rollout, RolloutMethod};
use crate::resource::quoted;

/// What every method does with the pool and its hosts.
pub(super) const LOOKS: &[Action] = &[
    Action::Control("Microsoft.DesktopVirtualization/hostpools/read"),
    Action::Control("Microsoft.DesktopVirtualization/hostpools/sessionhosts/read"),
];
/// What a session host update does beside. Names below `hostpools` follow from the paths; whether a custom role takes them was never tried.
pub(super) const UPDATE: &[Action] = &[
    Action::Control("Microsoft.DesktopVirtualization/hostpools/sessionhostconfigurations/read"),
    Action::Control("Microsoft.DesktopVirtualization/hostpools/sessionhostconfigurations/write"),
    Action::Control(
        "Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/sessionhostupdatestatuses/read",
    ),
    Action::Control(
        "Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/initiatesessionhostupdate/action",
    ),
    Action::Control(
        "Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/controlsessionhostupdate/action",
    ),
];
/// What draining and letting in does.
pub(super) const DRAIN: &[Action] = &[Action::Control(
    "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write",
)];
/// What replacing does with the pool beside.
pub(super) const REPLACE: &[Action] = &[
    Action::Control("Microsoft.DesktopVirtualization/hostpools/write"),
    Action::Control("Microsoft.DesktopVirtualization/hostpools/retrieveRegistrationToken/action"),
    Action::Control("Microsoft.DesktopVirtualization/hostpools/sessionhosts/delete"),
    Action::Control("Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/read"),
    Action::Control("Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/delete"),
    Action::Control(
        "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/sendMessage/action",
    ),
];
/// What replacing does in the resource group of the new hosts.
pub(super) const DEPLOY: &[Action] = &[
    Action::Control("Microsoft.Resources/deployments/read"),
    Action::Control("Microsoft.Resources/deployments/write"),
    Action::Control("Microsoft.Resources/deployments/cancel/action"),
    Action::Control("Microsoft.Resources/deployments/operations/read"),
    Action::Control("Microsoft.Compute/virtualMachines/write"),
    Action::Control("Microsoft.Compute/virtualMachines/extensions/write"),
    Action::Control("Microsoft.Network/networkInterfaces/write"),
];

/// The same, with the role and the command where Azure refused for lack of a permission.
pub(super) fn explained(not_rolled_out: NotRolledOut, request: &Rollout) -> NotRolledOut {
    let NotRolledOut::Azure(failure) = not_rolled_out else {
        return not_rolled_out;
    };
    match forbidden(&failure, request) {
        Some(refused) => refused.into(),
        None => NotRolledOut::Azure(failure),
    }
}

/// The refusal with its role and principal, if a permission is missing.
fn forbidden(failure: &Failure, request: &Rollout) -> Option<Refused> {
    let refusal = failure.refusal()?;
    if refusal.code != "AuthorizationFailed" {
        return None;
    }
    let between = |start: &str| {
        let (_, rest) = refusal.message.split_once(start)?;
        rest.split_once('\'').map(|(text, _)| text)
    };
    let action = between("perform action '").unwrap_or_default();
    let plain = |id: &&str| id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let principal = between("object id '").filter(plain);
    let principal = principal.unwrap_or("<service connection's principal>");
    let (role, scope, place) = role(action, request);
    let hint = format!(
        "give the service connection's principal the role '{role}' on {place}: az role assignment create --assignee {principal} --role {} --scope {} (docs/permissions.md, 'Roll out to host pools'); a new role assignment takes up to 10 minutes to take effect",
        quoted(role),
        quoted(&scope)
    );
    Some(Refused::new(codes::FORBIDDEN, failure.to_string(), hint))
}

/// The built-in role that has the action, where it is assigned, and how that place is called.
fn role(action: &str, request: &Rollout) -> (&'static str, String, String) {
    let action = action.to_ascii_lowercase();
    let starts = |start: &str| action.starts_with(start);
    let group = || {
        let group = &request.group;
        (
            group.to_string(),
            format!("resource group '{}'", group.name()),
        )
    };
    if starts("microsoft.compute/galleries") {
        let version = request.image.version();
        let gallery = version
            .and_then(crate::resource::ResourceId::parent)
            .and_then(|definition| definition.parent());
        let scope = gallery.map_or_else(|| request.group.to_string(), |id| id.to_string());
        return ("Reader", scope, "the gallery".to_owned());
    }
    if starts("microsoft.network/") {
        let (scope, place) = group();
        return (
            "Network Contributor",
            scope,
            format!("{place}, and on the subnet"),
        );
    }
    if starts("microsoft.resources/") {
        let (scope, place) = group();
        return ("Contributor", scope, place);
    }
    if starts("microsoft.compute/") {
        let (scope, place) = group();
        let role = if action.ends_with("/read") && request.method != Some(RolloutMethod::Replace) {
            "Reader"
        } else {
            "Virtual Machine Contributor"
        };
        return (role, scope, format!("{place} of the session hosts' VMs"));
    }
    (
        "Desktop Virtualization Host Pool Contributor",
        request.pool.to_string(),
        format!("host pool '{}'", request.pool.name()),
    )
}
