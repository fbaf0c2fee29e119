//! What Azure says to a template.

use crate::diagnosis::entry::{
    ENTRY, Entry, PERMISSIONS, Place, RELEASE_NOTES, TEMPLATE_REFERENCE,
};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB001",
        places: &[Place::Submission],
        pattern: r"Update/Upgrade of image templates is currently not supported",
        cause: "an image template of this name exists already, and templates cannot be changed",
        fix: "delete that template, or run the job again: each run has a name of its own",
        ..ENTRY
    },
    Entry {
        code: "AIB002",
        places: &[Place::Submission, Place::Run],
        pattern: r"Platform ?Image was not found|PlatformImageNotFound",
        cause: "the marketplace image that the build starts from does not exist in this region, or Azure has retired it",
        fix: "choose another one: az vm image list-skus --publisher <publisher> --offer <offer> --location <{location}> --output table",
        source: "https://github.com/Azure/azvmimagebuilder/issues/34",
        ..ENTRY
    },
    Entry {
        code: "AIB003",
        places: &[Place::Submission, Place::Run],
        pattern: r"assigned managed identity cannot be used|FailedIdentityOperation|Failed to perform resource identity operation",
        cause: "the managed identity of the template was deleted, or deleted and made again",
        fix: "check that the identity in input '{identity}' exists, and run the job again",
        ..ENTRY
    },
    Entry {
        code: "AIB008",
        places: &[Place::Submission],
        pattern: r#"Unmarshalling entity encountered error.*unknown field "?\\*"?(\w+)"#,
        cause: "Azure does not know the template's member '$1'; letter case counts since API version 2024-02-01",
        fix: "report this as a bug of the task, with the text above",
        source: RELEASE_NOTES,
        ..ENTRY
    },
    Entry {
        code: "AIB009",
        places: &[Place::Submission],
        pattern: r"Validation failed: .*(?:Field '(\w+)' has a bad value|Missing field '?(\w+))",
        cause: "Azure does not accept the template's member '$1$2'",
        fix: "check the input that the member comes from; the text quotes the value that Azure saw",
        ..ENTRY
    },
    Entry {
        code: "AIB010",
        places: &[Place::Submission, Place::Run, Place::Distribution],
        pattern: r"different Hyper-?V Generation|cross-generation for multiple Hyper-?V",
        cause: "the source image and the image definition are of different Hyper-V generations",
        fix: "use an image definition of the source's generation, or a source whose SKU has the definition's (often the same SKU with or without '-g2' or '-gen2')",
        source: "https://github.com/MicrosoftDocs/azure-compute-docs/pull/189",
        ..ENTRY
    },
    Entry {
        code: "AIB011",
        places: &[Place::Submission, Place::Run, Place::Distribution],
        pattern: r"security type '?(TrustedLaunch\w*|ConfidentialVM\w*)'? is not supported",
        cause: "the image definition asks for security type $1, which the source image does not have",
        fix: "give source and image definition the same security type; 'TrustedLaunchSupported' on the definition fits most sources",
        source: "https://github.com/hashicorp/packer-plugin-azure/issues/304",
        ..ENTRY
    },
    Entry {
        code: "AIB012",
        places: &[Place::Submission],
        pattern: r"Downloading external file \(([^)]*)\).*failed",
        cause: "the service cannot download a file of the template",
        fix: "run the job again; if it fails again, check that the firewall of the storage account in input '{storage account}' lets Azure in; a package without a link is read by the identity in input '{identity}', which needs the role 'Storage Blob Data Reader' on the container",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB014",
        places: &[Place::Submission],
        pattern: r"BadStagingResourceGroup|staging.*(not empty|associated with another image template)",
        cause: "the staging resource group cannot be used: it must be empty, in the template's region, and used by no other template",
        fix: "empty the group or name another one, and give the identity in input '{identity}' the role 'Contributor' on it",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB046",
        places: &[Place::Submission, Place::Run],
        pattern: r"is not registered for the resource type 'imageTemplates|Microsoft\.VirtualMachineImages'? .*not registered",
        cause: "the resource provider of the image builder is not registered in the subscription",
        fix: "run: az provider register --namespace Microsoft.VirtualMachineImages (and Microsoft.Compute, Microsoft.KeyVault, Microsoft.Storage, Microsoft.Network, Microsoft.ContainerInstance)",
        source: PERMISSIONS,
        ..ENTRY
    },
    Entry {
        code: "AIB016",
        places: &[Place::Submission, Place::Run],
        pattern: r"(?:Container ?Instances?\S* .*provider not registered|MissingSubscriptionRegistration|is not registered (?:to use namespace|for the resource type) '?([\w.]*))",
        cause: "a resource provider that the build needs is not registered in the subscription",
        fix: "run: az provider register --namespace Microsoft.ContainerInstance (or the namespace that the text names)",
        ..ENTRY
    },
    Entry {
        code: "AIB047",
        places: &[Place::Submission],
        pattern: r"ResourceGroupNotFound",
        cause: "the resource group does not exist in the subscription of the service connection",
        fix: "check input '{resource group}'",
        source: "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found",
        ..ENTRY
    },
    Entry {
        code: "AIB048",
        places: &[Place::Submission],
        pattern: r"LocationNotAvailableForResourceType",
        cause: "the image builder is not available in this region",
        fix: "choose one of the regions that the text lists for input '{location}'",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
];
