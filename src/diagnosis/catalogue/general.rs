//! What fits when nothing more specific does, and what shows after the build.

use crate::diagnosis::entry::{ENTRY, Entry, FoundIn, RELEASE_NOTES, TEMPLATE_REFERENCE};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB036",
        places: &[FoundIn::Run, FoundIn::Distribution],
        pattern: r"Error publishing MDI to .*gallery.*(?:context deadline exceeded|context has been cancell?ed)",
        cause: "replication to the regions took longer than the time limit of the build; it continues, so the image version can still become complete",
        fix: "check the image version before the next build; raise input '{build timeout}' (0 means 240 minutes), or replicate to fewer regions in input '{regions}'",
        ..ENTRY
    },
    Entry {
        code: "AIB037",
        places: &[
            FoundIn::Run,
            FoundIn::Distribution,
            FoundIn::Request,
            FoundIn::Submission,
            FoundIn::Log,
        ],
        pattern: r"gallery image version .*already exists|PropertyChangeNotAllowed.*publishingProfile\.source|Changing property '\S*publishingProfile\.source\S*' is not allowed",
        outside_steps: true,
        cause: "this image version already exists, and an image version cannot be replaced",
        fix: "choose a higher number in input '{image version}', or leave the number out there and in input '{gallery image}', so that the service chooses it",
        source: "https://github.com/hashicorp/packer-plugin-azure/issues/392",
        ..ENTRY
    },
    Entry {
        code: "AIB044",
        places: &[FoundIn::CleanUp],
        pattern: r"NicInUseWithPrivateEndpoint",
        cause: "a private endpoint of the build still uses a network interface",
        fix: "delete the private link service and the private endpoint of the staging resource group (IT_...), then the template",
        ..ENTRY
    },
    Entry {
        pattern: r"(?:delete|cancel/action)'? is not allowed in provisioning ?state:? '?\w+'? or run ?state:? '?(\w+)",
        cause: "the template is busy (run state '$1')",
        ..BUSY
    },
    Entry {
        pattern: r"(?:delete|cancel/action)'? is not allowed in provisioning ?state:? '?(\w+)",
        cause: "the template is busy (provisioning state '$1')",
        ..BUSY
    },
    Entry {
        code: "AIB041",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::CleanUp],
        pattern: r"gateway did not receive a response from 'Microsoft\.VirtualMachineImages'",
        cause: "Azure VM Image Builder did not answer Azure Resource Manager in time",
        fix: "run the job again; if it fails again, check Azure Service Health",
        retriable: true,
        source: "https://github.com/danielsollondon/azvmimagebuilder/issues/99",
        ..ENTRY
    },
    Entry {
        code: "AIB045",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::Run],
        pattern: r"trigger .*disabled|automatic image (?:creation|build)\w* .*(?:disabled|stopped)",
        cause: "Azure has stopped the automatic builds of this template after several failures",
        fix: "repair the build, and start it once by hand: after a success the automatic builds continue",
        source: RELEASE_NOTES,
        ..ENTRY
    },
    Entry {
        code: "AIB042",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"##\[error\]The operation was canceled|has exceeded the maximum execution time|The job running on agent .* ran longer than the maximum time",
        cause: "the job's own time limit ended the step",
        fix: "raise 'timeoutInMinutes' of the job: the default on Microsoft-hosted agents is 60 minutes",
        source: "https://learn.microsoft.com/azure/devops/pipelines/process/phases#timeouts",
        ..ENTRY
    },
    Entry {
        code: "AIB032",
        places: &[FoundIn::Run],
        pattern: r"(?:packerizer|microservice).*context deadline exceeded|context deadline exceeded.*packerizer",
        cause: "the build reached its time limit",
        fix: "raise input '{build timeout}' (0 means 240 minutes), or find what hangs in the last step of the log",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB034",
        places: &[FoundIn::Log],
        pattern: r"Cancelling build after receiving terminated|context cancellation",
        cause: "the service stopped the build: it was canceled, reached its time limit, or lost the connection to the build VM",
        fix: "if nobody canceled it, check what the last step changes in firewall, WinRM or SSH, and raise input '{build timeout}'",
        ..ENTRY
    },
    Entry {
        code: "AIB015",
        places: &[
            FoundIn::Request,
            FoundIn::Submission,
            FoundIn::Run,
            FoundIn::Distribution,
        ],
        pattern: r"Internal error occurred",
        cause: "Azure names no cause; most often the identity lacks a permission, a storage firewall blocks the service, or the service has an incident",
        fix: "run the job again; if it fails again, check the roles of the identity in input '{identity}' and the firewalls of the storage accounts that it reads, then ask Azure support and give the operation id",
        retriable: true,
        ..ENTRY
    },
];

const BUSY: Entry = Entry {
    code: "AIB043",
    places: &[FoundIn::CleanUp],
    fix: "wait until the run has ended, then delete the template",
    retriable: true,
    source: "https://github.com/danielsollondon/azvmimagebuilder/issues/79",
    ..ENTRY
};
