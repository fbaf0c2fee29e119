//! Permissions, policies and sign-in.

use crate::diagnosis::entry::{ENTRY, Entry, FoundIn, NETWORKING, PERMISSIONS};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        pattern: r"disallowed by policy: policy assignment '([^']+)'.*, tag '([^']+)'",
        cause: "policy assignment '$1' does not allow this image template because of its tag '$2'",
        fix: "add a line '$2=<value>' to input '{template tags}'; the policy's owner knows which values are allowed, and can grant an exemption",
        ..TEMPLATE_POLICY
    },
    Entry {
        pattern: r"disallowed by policy.*policy assignment '([^']+)'",
        cause: "policy assignment '$1' does not allow this image template",
        ..TEMPLATE_POLICY
    },
    Entry {
        pattern: r"RequestDisallowedByPolicy|disallowed by policy|policy violation",
        cause: "an Azure Policy does not allow this image template",
        ..TEMPLATE_POLICY
    },
    Entry {
        // As this task words it, and as Azure does, in whatever depth of quotes.
        pattern: r#"(?:disallowed by policy|policy violation).*policy ?assignment(?: '|\W+name\W+)([^'"\\]+)"#,
        cause: "policy assignment '$1' does not allow a resource that the build needs in its staging resource group",
        ..STAGING_POLICY
    },
    Entry {
        pattern: r"RequestDisallowedByPolicy|disallowed by policy|policy violation",
        cause: "an Azure Policy does not allow a resource that the build needs in its staging resource group",
        ..STAGING_POLICY
    },
    Entry {
        pattern: r"userAssignedIdentities/assign/action' on the linked scope\(?s?\)? '(/[^']+)'",
        cause: "the service connection is not allowed to assign the managed identity to the image template",
        fix: "check the spelling of input '{identity}'; if it is right: az role assignment create --assignee <service connection's principal> --role \"Managed Identity Operator\" --scope $1; a new role assignment takes up to 10 minutes to take effect",
        ..LINKED
    },
    Entry {
        pattern: r"does not have permission to perform action\(?s?\)? '([^']+)' on the linked scope\(?s?\)? '(/[^']+)'",
        code: "AIB005",
        cause: "the service connection lacks the permission '$1' on $2",
        fix: "check that this resource exists; if it does: az role assignment create --assignee <service connection's principal> --role Contributor --scope $2 (or a narrower role with this permission); a new role assignment takes up to 10 minutes to take effect",
        ..LINKED
    },
    Entry {
        pattern: r"LinkedAuthorizationFailed|userAssignedIdentities/assign/action",
        cause: "the service connection is not allowed to assign the managed identity to the image template",
        fix: "check the spelling of input '{identity}'; if it is right, give the service connection's principal the role 'Managed Identity Operator' on that identity; a new role assignment takes up to 10 minutes to take effect",
        ..LINKED
    },
    Entry {
        code: "AIB007",
        places: &[
            FoundIn::Request,
            FoundIn::Submission,
            FoundIn::Run,
            FoundIn::Log,
        ],
        pattern: r"Microsoft\.Compute/disks/write.*proxyVmDiskWin",
        outside_steps: true,
        cause: "the image builder's own application is not allowed to create the disk of the proxy VM in the staging resource group",
        fix: "give the application 'Azure Virtual Machine Image Builder' the role 'Contributor' on the staging resource group",
        ..ENTRY
    },
    Entry {
        code: "AIB004",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::Run],
        pattern: r"Not authorized to access the resource: ?(\S+?)\.?(?:\s|$)",
        cause: "the managed identity has no access to $1",
        fix: "check the spelling of that name; if it is right: az role assignment create --assignee <principal id of the identity in input '{identity}'> --role Contributor --scope $1; a new role assignment takes up to 10 minutes to take effect",
        retriable: true,
        source: PERMISSIONS,
        ..ENTRY
    },
    Entry {
        code: "AIB038",
        places: &[FoundIn::Run],
        pattern: r"(?:Error getting |Build \(?)(?:Managed Image|Image Version|Shared Image Version).*StatusCode=403",
        cause: "the managed identity is not allowed to read the source image (status 403)",
        fix: "give the identity in input '{identity}' the role 'Reader' on the source image",
        ..ENTRY
    },
    Entry {
        code: "AIB038",
        places: &[FoundIn::Run],
        pattern: r"(?:Error getting |Build \(?)(?:Managed Image|Image Version|Shared Image Version).*StatusCode=404",
        cause: "the source image was not found (status 404)",
        fix: "check that it exists under this name, and that an image version is replicated to the region in input '{location}'",
        ..ENTRY
    },
    Entry {
        code: "AIB039",
        places: &[FoundIn::Run],
        pattern: r"#UpdateTags.*networkInterfaces.*was not found",
        cause: "the network interface of the build VM was changed or deleted while the VM was created",
        fix: "check the roles of the identity in input '{identity}', and exempt the staging resource groups (IT_...) from policies that set tags",
        ..ENTRY
    },
    Entry {
        code: "AIB013",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::Run],
        pattern: r"https://([a-z0-9]{3,24})\.blob\..*(?:PublicAccessNotPermitted|KeyBasedAuthenticationNotPermitted|AuthorizationFailure\b)",
        cause: "storage account '$1' does not let the image builder read a file",
        fix: "give the identity in input '{identity}' the role 'Storage Blob Data Reader' on that account, and allow the subnet of the build in the account's firewall",
        source: NETWORKING,
        ..ENTRY
    },
    Entry {
        code: "AIB013",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::Run],
        pattern: r"PublicAccessNotPermitted|KeyBasedAuthenticationNotPermitted|AuthorizationFailure\b",
        cause: "a storage account does not let the image builder read a file",
        fix: "give the identity in input '{identity}' the role 'Storage Blob Data Reader' on the account that holds the file, and allow the subnet of the build in the account's firewall",
        source: NETWORKING,
        ..ENTRY
    },
    Entry {
        places: &[FoundIn::Request],
        pattern: MISSING_PERMISSION,
        cause: "the service connection (client '$1') lacks the permission '$2' on $3",
        fix: "az role assignment create --assignee $1 --role Contributor --scope $4 (or a narrower role with this permission); a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        pattern: MISSING_PERMISSION,
        cause: "client '$1' lacks the permission '$2' on $3",
        fix: "that client is the identity in input '{identity}' or the image builder's own application; az role assignment create --assignee $1 --role Contributor --scope $4 (or a narrower role with this permission); a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        places: &[
            FoundIn::Request,
            FoundIn::Submission,
            FoundIn::Run,
            FoundIn::Log,
        ],
        pattern: r"does not have authorization to perform action '([^']+)'",
        cause: "the permission '$1' is missing",
        fix: "Azure's text says who asked; give that principal a role with this permission, such as 'Contributor' on the resource group in input '{resource group}'; a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        places: &[FoundIn::Request],
        pattern: r"\bAuthorizationFailed\b",
        cause: "the service connection lacks a permission, which Azure does not name",
        fix: "give the service connection's principal the role 'Contributor' on the resource group in input '{resource group}'; a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        pattern: r"\bAuthorizationFailed\b",
        cause: "a permission is missing, which Azure does not name",
        fix: "check the roles of the identity in input '{identity}' on the resource groups of the source, the target and the network; a new role assignment takes up to 10 minutes to take effect",
        ..PERMISSION
    },
    Entry {
        code: "AIB040",
        places: &[FoundIn::SignIn, FoundIn::Request],
        pattern: r"AADSTS700024",
        cause: "the assertion that the agent signed in with was not valid yet, or had expired, when Microsoft Entra ID checked it",
        fix: "check the agent's clock, and run the job again",
        retriable: true,
        source: "https://github.com/Azure/azure-cli/issues/28708",
        ..ENTRY
    },
];

/// Who, what and where; the last group is the resource group, or the subscription, of the scope.
const MISSING_PERMISSION: &str = r"client '([^']+)'(?: with object id '[^']+')? does not have authorization to perform action '([^']+)' over scope '((/subscriptions/[^/']+(?:/resourceGroups/[^/']+)?)[^']*)'";

const PERMISSION: Entry = Entry {
    code: "AIB005",
    places: &[FoundIn::Submission, FoundIn::Run, FoundIn::Log],
    outside_steps: true,
    retriable: true,
    ..ENTRY
};

/// The permission to use one resource for another is missing.
const LINKED: Entry = Entry {
    code: "AIB006",
    places: &[FoundIn::Request, FoundIn::Submission],
    retriable: true,
    source: PERMISSIONS,
    ..ENTRY
};

/// Whatever a policy refuses of what this task sends is the template.
const TEMPLATE_POLICY: Entry = Entry {
    code: "AIB018",
    places: &[FoundIn::Request],
    fix: "if the policy requires a tag, add it to input '{template tags}'; otherwise ask the policy's owner for an exemption of the resource group in input '{resource group}'",
    source: POLICY,
    ..ENTRY
};

/// What the service sends comes to stand in the staging resource group.
const STAGING_POLICY: Entry = Entry {
    code: "AIB018",
    places: &[
        FoundIn::Submission,
        FoundIn::Run,
        FoundIn::Log,
        FoundIn::Distribution,
    ],
    outside_steps: true,
    fix: "ask the policy's owner for an exemption of the staging resource groups (IT_...), or name a resource group with an exemption in input '{staging group}'",
    source: POLICY,
    ..ENTRY
};

const POLICY: &str = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy";
