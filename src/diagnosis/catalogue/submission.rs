//! What Azure says to a template.

use crate::diagnosis::entry::{
    ENTRY, Entry, FoundIn, GALLERY_TROUBLESHOOTING, PERMISSIONS, RELEASE_NOTES, TEMPLATE_REFERENCE,
};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    // What is refused until someone changes something: waiting does not end it.
    Entry {
        code: "AIB070",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::CleanUp],
        pattern: r"cannot perform (\w+) operation because following scope\(s\) are locked: '([^']+)'",
        cause: "a lock on '$2' blocks the $1 operation",
        fix: "delete the lock first, and create it again afterwards",
        source: "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
        ..ENTRY
    },
    Entry {
        code: "AIB071",
        places: &[FoundIn::Request, FoundIn::Submission, FoundIn::CleanUp],
        pattern: r"ReadOnlyDisabledSubscription",
        cause: "the subscription is disabled, so nothing in it can be changed",
        fix: "let the subscription's owner enable it again",
        source: "https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-disabled",
        ..ENTRY
    },
    Entry {
        code: "AIB001",
        places: AT_SUBMISSION,
        pattern: r"Update/Upgrade of image templates is currently not supported",
        cause: "an image template with this name already exists, and templates cannot be changed",
        fix: "delete that template, or run the job again: each run uses a new name",
        ..ENTRY
    },
    Entry {
        pattern: r"Platform ?Image was not found.*publisher(?:Name)?: ([^,]+), offer: ([^,]+), sku: ([^,]+)",
        ..NO_IMAGE
    },
    Entry {
        pattern: r"platform image '([^':]+):([^':]+):([^':]+):[^']*' is not available",
        ..NO_IMAGE
    },
    Entry {
        pattern: r"Platform ?Image was not found|PlatformImageNotFound",
        cause: "the marketplace image that the build starts from does not exist in this region, or Azure has retired it",
        fix: "check the spelling of publisher, offer and SKU; to list all: az vm image list-skus --publisher <publisher> --offer <offer> --location <{location}> --output table",
        ..NO_IMAGE
    },
    Entry {
        pattern: r"Purchase Plan was not provided for image.*publisherName: ([^,]+), offer: ([^,]+), sku: ([^,]+), version: (\w+(?:\.\w+)*)",
        cause: "marketplace image $1:$2:$3 has a purchase plan, which the build has to name",
        fix: "set input '{plan}', most often to '$3:$2:$1'; to be sure: az vm image show --urn $1:$2:$3:$4 --query plan; and accept its terms once per subscription: az vm image terms accept --urn $1:$2:$3:$4",
        ..NO_PLAN
    },
    Entry {
        pattern: r"PurchasePlanNotProvided|VMMarketplaceInvalidInput|requires Plan information in the request",
        cause: "the source image has a purchase plan, which the build has to name",
        fix: "set input '{plan}' to <name>:<product>:<publisher> of the plan: az vm image show --urn <publisher>:<offer>:<sku>:latest --query plan; and accept its terms once per subscription: az vm image terms accept --urn <publisher>:<offer>:<sku>:latest",
        ..NO_PLAN
    },
    Entry {
        code: "AIB003",
        places: AT_SUBMISSION_OR_RUN,
        pattern: r"resourceGroups/([^/']+)/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/([^/']+)' was not found",
        cause: "managed identity '$2' was not found in resource group '$1'",
        fix: "check the spelling of input '{identity}'; to list all: az identity list --resource-group $1 --query [].name --output tsv",
        ..ENTRY
    },
    Entry {
        code: "AIB003",
        places: AT_SUBMISSION_OR_RUN,
        pattern: r"assigned managed identity cannot be used|FailedIdentityOperation|Failed to perform resource identity operation",
        cause: "the managed identity of the template does not exist, or was deleted and created again",
        fix: "check the spelling of input '{identity}', and that this identity exists; then run the job again",
        ..ENTRY
    },
    Entry {
        code: "AIB008",
        places: AT_SUBMISSION,
        pattern: r#"Unmarshalling entity encountered error.*unknown field "?\\*"?(\w+)"#,
        cause: "Azure does not know member '$1' of the template; upper and lower case differ since API version 2024-02-01",
        fix: "check its spelling in the template file; if it is not there, report this as a bug of the task, with the text above",
        source: RELEASE_NOTES,
        ..ENTRY
    },
    Entry {
        code: "AIB009",
        places: AT_SUBMISSION,
        pattern: r"Validation failed: .*Field '(\w+)' has a bad value",
        cause: "Azure does not accept the value of member '$1' of the template",
        fix: "check the input that the member comes from, or the template file; Azure's text quotes the value",
        ..ENTRY
    },
    Entry {
        code: "AIB009",
        places: AT_SUBMISSION,
        pattern: r"Validation failed: .*Missing field '?(\w+)",
        cause: "member '$1' of the template is missing",
        fix: "check the input that the member comes from, or the template file",
        ..ENTRY
    },
    Entry {
        pattern: r"different Hyper(?:-?V|visor) generation \['(V\d)'\] than .*\['(V\d)'\]",
        cause: "the source image is of Hyper-V generation $1, and the image definition is for generation $2",
        ..GENERATION
    },
    Entry {
        pattern: r"different Hyper-?V Generation: (V\d),\s+than source image: (V\d)",
        cause: "the source image is of Hyper-V generation $2, and the image definition is for generation $1",
        ..GENERATION
    },
    Entry {
        pattern: r"different Hyper(?:-?V|visor) Generation|cross-generation for multiple Hyper-?V",
        ..GENERATION
    },
    Entry {
        code: "AIB011",
        places: ANYWHERE,
        pattern: r"Confidential ?VM is not supported for the source",
        outside_steps: true,
        cause: "the image definition is for confidential VMs, and an image version for it cannot be created from this source",
        fix: "use an image definition without the feature SecurityType=ConfidentialVM; SecurityType=ConfidentialVmSupported suits sources of generation 2",
        source: "https://learn.microsoft.com/azure/confidential-computing/create-confidential-vm-from-compute-gallery",
        ..ENTRY
    },
    Entry {
        code: "AIB011",
        places: ANYWHERE,
        pattern: r"security type '?(TrustedLaunch\w*|ConfidentialVM\w*)'? is not supported",
        outside_steps: true,
        cause: "the image definition requires security type $1, which the source image does not have",
        fix: "give source and image definition the same security type; 'TrustedLaunchSupported' on the definition suits most sources",
        source: "https://github.com/hashicorp/packer-plugin-azure/issues/304",
        ..ENTRY
    },
    Entry {
        pattern: r"managed images are not supported for .*(Trusted ?Launch|Confidential ?VM)",
        cause: "a managed image cannot be created from a VM with security type $1",
        source: "https://learn.microsoft.com/azure/virtual-machines/trusted-launch",
        ..NO_MANAGED_IMAGE
    },
    Entry {
        pattern: r"CPU Architecture \W{1,3}(Arm64)\W{1,3} is not supported",
        cause: "a managed image cannot be created from a VM with CPU architecture $1",
        source: "https://github.com/hashicorp/packer-plugin-azure/issues/367",
        ..NO_MANAGED_IMAGE
    },
    Entry {
        pattern: r"publishing profile regions '?\[?([^'\]]*?)\]?'? ?must contain the location of image version '?([\w ]+)",
        cause: "the image version is stored in region $2, which is missing among the regions that it is replicated to ($1)",
        fix: "add $2 to input '{regions}'",
        ..REGIONS
    },
    Entry {
        pattern: r"publishing profile regions .*must contain the location of image version",
        cause: "the image version's own region is missing among the regions that it is replicated to",
        fix: "add the region in input '{location}' to input '{regions}'",
        ..REGIONS
    },
    Entry {
        pattern: r"Duplicate regions (?:are not|aren't) allowed",
        cause: "a region is named twice among the regions that the image version is replicated to",
        fix: "name each region once in input '{regions}'",
        ..REGIONS
    },
    Entry {
        code: "AIB012",
        places: AT_SUBMISSION,
        pattern: r"Downloading external file \(https://([a-z0-9]{3,24})\.blob\.[^/)]+(/[^)?]*)[^)]*\).*failed",
        cause: "the service cannot download $2 from storage account '$1'",
        fix: "run the job again; if it fails again, check that the account's firewall allows Azure; a file without a link is read by the identity in input '{identity}', which needs the role 'Storage Blob Data Reader' on the container",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB012",
        places: AT_SUBMISSION,
        pattern: r"Downloading external file \(([^)?]+)[^)]*\).*failed",
        cause: "the service cannot download '$1'",
        fix: "check the address, and that Azure reaches it without signing in; then run the job again",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB014",
        places: AT_SUBMISSION,
        pattern: r"BadStagingResourceGroup|staging.*(?:not empty|associated with another image template)",
        cause: "the staging resource group cannot be used: it must be empty, in the region of the template, and used by no other template",
        fix: "empty it, or set another group in input '{staging group}', and give the identity in input '{identity}' the role 'Contributor' on it",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB046",
        places: AT_SUBMISSION_OR_RUN,
        pattern: r"is not registered for the resource type 'imageTemplates|Microsoft\.VirtualMachineImages'? .*not registered|not registered to use namespace 'Microsoft\.VirtualMachineImages",
        cause: "the resource provider Microsoft.VirtualMachineImages is not registered in the subscription",
        fix: "az provider register --namespace Microsoft.VirtualMachineImages --wait (and in the same way Microsoft.Compute, Microsoft.KeyVault, Microsoft.Storage, Microsoft.Network and Microsoft.ContainerInstance)",
        source: PERMISSIONS,
        ..ENTRY
    },
    Entry {
        code: "AIB016",
        places: AT_SUBMISSION_OR_RUN,
        pattern: r"is not registered (?:to use namespace|for the resource type) '([\w.]+)'",
        cause: "the resource provider $1, which the build needs, is not registered in the subscription",
        fix: "az provider register --namespace $1 --wait",
        ..ENTRY
    },
    Entry {
        code: "AIB016",
        places: AT_SUBMISSION_OR_RUN,
        pattern: r"Container ?Instances?\S* .*provider not registered",
        cause: "the resource provider Microsoft.ContainerInstance, which the build needs, is not registered in the subscription",
        fix: "az provider register --namespace Microsoft.ContainerInstance --wait",
        ..ENTRY
    },
    Entry {
        code: "AIB016",
        places: AT_SUBMISSION_OR_RUN,
        pattern: r"MissingSubscriptionRegistration",
        cause: "a resource provider that the build needs is not registered in the subscription",
        fix: "az provider register --wait --namespace <the namespace in Azure's text>, most often Microsoft.ContainerInstance",
        ..ENTRY
    },
    Entry {
        code: "AIB047",
        places: AT_SUBMISSION,
        pattern: r"ResourceGroupNotFound: .*Resource group '([^']+)'",
        cause: "resource group '$1' does not exist in the subscription of the service connection",
        fix: "check the spelling of input '{resource group}'; to list all: az group list --query [].name --output tsv",
        source: NOT_FOUND,
        ..ENTRY
    },
    Entry {
        code: "AIB047",
        places: AT_SUBMISSION,
        pattern: r"ResourceGroupNotFound",
        cause: "the resource group does not exist in the subscription of the service connection",
        fix: "check the spelling of input '{resource group}'; to list all: az group list --query [].name --output tsv",
        source: NOT_FOUND,
        ..ENTRY
    },
    Entry {
        code: "AIB048",
        places: AT_SUBMISSION,
        pattern: r"LocationNotAvailableForResourceType.*location '(\w+)'",
        cause: "Azure VM Image Builder is not available in region $1",
        fix: "check the spelling of input '{location}', or choose one of the regions that Azure's text lists",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB048",
        places: AT_SUBMISSION,
        pattern: r"LocationNotAvailableForResourceType",
        cause: "Azure VM Image Builder is not available in this region",
        fix: "check the spelling of input '{location}', or choose one of the regions that Azure's text lists",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
];

const AT_SUBMISSION: &[FoundIn] = &[FoundIn::Request, FoundIn::Submission];
const AT_SUBMISSION_OR_RUN: &[FoundIn] = &[FoundIn::Request, FoundIn::Submission, FoundIn::Run];
const ANYWHERE: &[FoundIn] = &[
    FoundIn::Request,
    FoundIn::Submission,
    FoundIn::Run,
    FoundIn::Log,
    FoundIn::Distribution,
];

const NOT_FOUND: &str =
    "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found";

const NO_IMAGE: Entry = Entry {
    code: "AIB002",
    places: AT_SUBMISSION_OR_RUN,
    cause: "marketplace image $1:$2:$3 does not exist in this region, or Azure has retired it",
    fix: "check the spelling of publisher, offer and SKU; to list all: az vm image list-skus --publisher $1 --offer $2 --location <{location}> --output table",
    source: "https://github.com/Azure/azvmimagebuilder/issues/34",
    ..ENTRY
};

const NO_PLAN: Entry = Entry {
    code: "AIB052",
    places: ANYWHERE,
    outside_steps: true,
    source: "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-source",
    ..ENTRY
};

const GENERATION: Entry = Entry {
    code: "AIB010",
    places: ANYWHERE,
    outside_steps: true,
    cause: "the source image and the image definition are of different Hyper-V generations",
    fix: "use an image definition of the source's generation, or a source of the definition's generation (often the same SKU with or without '-g2' or '-gen2')",
    source: "https://github.com/MicrosoftDocs/azure-compute-docs/pull/189",
    ..ENTRY
};

const NO_MANAGED_IMAGE: Entry = Entry {
    code: "AIB053",
    places: ANYWHERE,
    outside_steps: true,
    fix: "distribute to a gallery instead: set input '{distribute}' to 'sig', and input '{gallery image}' to an image definition of the same security type and architecture",
    ..ENTRY
};

const REGIONS: Entry = Entry {
    code: "AIB061",
    places: ANYWHERE,
    outside_steps: true,
    source: GALLERY_TROUBLESHOOTING,
    ..ENTRY
};
