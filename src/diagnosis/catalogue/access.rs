//! Rights, policies and sign-in.

use crate::diagnosis::entry::{ENTRY, Entry, NETWORKING, PERMISSIONS, Place, TROUBLESHOOTING};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB018",
        places: &[
            Place::Submission,
            Place::Run,
            Place::Log,
            Place::Distribution,
        ],
        pattern: r"RequestDisallowedByPolicy|disallowed by policy|policy violation",
        outside_steps: true,
        cause: "an Azure Policy forbids something that the build needs in its staging resource group",
        fix: "the text names the policy: ask its owner for an exemption of the staging resource groups (IT_...)",
        ..ENTRY
    },
    Entry {
        code: "AIB006",
        places: &[Place::Submission],
        pattern: r"LinkedAuthorizationFailed|userAssignedIdentities/assign/action",
        cause: "the service connection may not hand the managed identity to the template",
        fix: "grant the service connection's principal the role 'Managed Identity Operator' on the identity in input '{identity}'; a new role takes up to 10 minutes to count",
        retriable: true,
        source: PERMISSIONS,
        ..ENTRY
    },
    Entry {
        code: "AIB007",
        places: &[Place::Submission, Place::Run, Place::Log],
        pattern: r"Microsoft\.Compute/disks/write.*proxyVmDiskWin",
        outside_steps: true,
        cause: "the image builder's own application may not make the proxy VM's disk in the staging resource group",
        fix: "grant the application 'Azure Virtual Machine Image Builder' the role 'Contributor' on the staging resource group",
        ..ENTRY
    },
    Entry {
        code: "AIB004",
        places: &[Place::Submission, Place::Run],
        pattern: r"Not authorized to access the resource: ?(\S+?)\.?(?:\s|$)",
        cause: "the managed identity has no right on $1",
        fix: "check that it exists under this name; if it does, grant the identity in input '{identity}' the role that the build needs there: az role assignment create --assignee <principal id of the identity> --role Contributor --scope $1; a new role takes up to 10 minutes to count",
        retriable: true,
        source: PERMISSIONS,
        ..ENTRY
    },
    Entry {
        code: "AIB038",
        places: &[Place::Run],
        pattern: r"(?:Error getting |Build \(?)(?:Managed Image|Image Version|Shared Image Version).*StatusCode=(403|404)",
        cause: "the source image cannot be read (status $1)",
        fix: "grant the identity in input '{identity}' the right to read the source image (404 also comes when the version is not replicated to the region in input '{location}')",
        ..ENTRY
    },
    Entry {
        code: "AIB039",
        places: &[Place::Run],
        pattern: r"#UpdateTags.*networkInterfaces.*was not found",
        cause: "something changed or removed the build VM's network card while it was made",
        fix: "check the roles of the identity in input '{identity}', and exempt the staging resource groups (IT_...) from policies that set tags",
        ..ENTRY
    },
    Entry {
        code: "AIB013",
        places: &[Place::Submission, Place::Run],
        pattern: r"PublicAccessNotPermitted|KeyBasedAuthenticationNotPermitted|AuthorizationFailure\b",
        cause: "the storage account that holds the package lets the image builder not read it",
        fix: "give the identity in input '{identity}' the role 'Storage Blob Data Reader' on the storage account in input '{storage account}', and let the account's firewall admit the build's subnet",
        source: NETWORKING,
        ..ENTRY
    },
    Entry {
        code: "AIB005",
        places: &[Place::Submission, Place::Run, Place::Log],
        pattern: r"does not have authorization to perform action '([^']+)' (?:or the scope is invalid|over scope '([^']+)')|\bAuthorizationFailed\b",
        outside_steps: true,
        cause: "a right is missing: $1 on $2",
        fix: "the text names who asked: grant the service connection's principal the role 'Contributor' on the resource group in input '{resource group}', or a role with the named action to the one who asked; a new role takes up to 10 minutes to count",
        retriable: true,
        source: TROUBLESHOOTING,
        ..ENTRY
    },
    Entry {
        code: "AIB040",
        places: &[Place::SignIn, Place::Submission],
        pattern: r"AADSTS700024",
        cause: "the identity token of the pipeline was too old when Microsoft Entra ID saw it",
        fix: "check the agent's clock, and run the job again",
        retriable: true,
        source: "https://github.com/Azure/azure-cli/issues/28708",
        ..ENTRY
    },
];
