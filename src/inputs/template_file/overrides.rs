//! The sections of a template file, and which inputs each overrides. The warning, the help in the form and the pages are made of this one table.

use crate::inputs::manifest::{
    ARTIFACT_TAGS, BASE_IMAGE, BASE_IMAGE_PUB_OFFER_SKU, BASE_IMAGE_VERSION,
    BUILD_TIMEOUT_IN_MINUTES, BUILD_VM_IDENTITIES, CONTAINER_INSTANCE_SUBNET_ID,
    CONTINUE_DISTRIBUTE_ON_FAILURE, CUSTOM_IMAGE_RESOURCE_ID, DISTRIBUTE_STORAGE_ACCOUNT_TYPE,
    DISTRIBUTE_TYPE, DISTRIBUTE_VERSIONING_MAJOR, DISTRIBUTE_VERSIONING_SCHEME, ENABLE_VALIDATION,
    ERROR_HANDLING_ON_CUSTOMIZER_ERROR, ERROR_HANDLING_ON_VALIDATION_ERROR, EXCLUDE_FROM_LATEST,
    GALLERY_IMAGE_ID, IMAGE_ID_FOR_DISTRIBUTE, IMAGE_SOURCE, IMAGE_VERSION, IMAGE_VERSION_ID,
    INLINE_SCRIPT, Input, MANAGED_IMAGE_LOCATION, MANAGED_RESOURCE_TAGS, OPTIMIZE_VM_BOOT,
    OS_DISK_SIZE_GB, PLATFORM_IMAGE_PURCHASE_PLAN, PROVISIONER, PROXY_VM_SIZE, REPLICATION_MODE,
    REPLICATION_REGIONS, RUN_AS_SYSTEM, RUN_ELEVATED, SOURCE_VALIDATION_ONLY,
    STAGING_RESOURCE_GROUP, STOP_ON_ERROR, TARGET_REGIONS, VALIDATION_INLINE_SCRIPT, VHD_URI,
    VM_SIZE, VNET_SUBNET_ID, WINDOWS_UPDATE_PROVISIONER,
};
use crate::inputs::plan::Provisioner;
use crate::inputs::reader::Reader;

/// A section of the template file, and the inputs that count for nothing beside it.
#[derive(Debug)]
pub struct Override {
    /// The section's name in the file.
    pub section: &'static str,
    /// Each input, and the member of the section that says the same; empty where no one member does.
    pub inputs: &'static [(&'static Input, &'static str)],
}

/// Every override, in the order of the sections in the definition. `provisioner` counts beside customizers that tell no system.
pub const OVERRIDES: &[Override] = &[
    Override {
        section: SOURCE,
        inputs: &[
            (&IMAGE_SOURCE, "type"),
            (&CUSTOM_IMAGE_RESOURCE_ID, "imageId"),
            (&IMAGE_VERSION_ID, "imageVersionId"),
            (&BASE_IMAGE, "publisher"),
            (&BASE_IMAGE_PUB_OFFER_SKU, "publisher"),
            (&BASE_IMAGE_VERSION, "version"),
            (&PLATFORM_IMAGE_PURCHASE_PLAN, "planInfo"),
        ],
    },
    Override {
        section: CUSTOMIZE,
        inputs: &[
            (&PROVISIONER, "type"),
            (&INLINE_SCRIPT, "inline"),
            (&STOP_ON_ERROR, ""),
            (&RUN_ELEVATED, RUN_ELEVATED.name),
            (&RUN_AS_SYSTEM, RUN_AS_SYSTEM.name),
            (&WINDOWS_UPDATE_PROVISIONER, ""),
        ],
    },
    Override {
        section: "optimize",
        inputs: &[(&OPTIMIZE_VM_BOOT, "vmBoot.state")],
    },
    Override {
        section: VALIDATE,
        inputs: &[
            (&ENABLE_VALIDATION, ""),
            (&SOURCE_VALIDATION_ONLY, SOURCE_VALIDATION_ONLY.name),
            (
                &CONTINUE_DISTRIBUTE_ON_FAILURE,
                CONTINUE_DISTRIBUTE_ON_FAILURE.name,
            ),
            (&VALIDATION_INLINE_SCRIPT, "inVMValidations"),
        ],
    },
    Override {
        section: DISTRIBUTE,
        inputs: &[
            (&DISTRIBUTE_TYPE, "type"),
            (&IMAGE_ID_FOR_DISTRIBUTE, "imageId"),
            (&GALLERY_IMAGE_ID, GALLERY_IMAGE_ID.name),
            (&IMAGE_VERSION, GALLERY_IMAGE_ID.name),
            (&DISTRIBUTE_VERSIONING_SCHEME, "versioning.scheme"),
            (&DISTRIBUTE_VERSIONING_MAJOR, "versioning.major"),
            (&EXCLUDE_FROM_LATEST, EXCLUDE_FROM_LATEST.name),
            (&MANAGED_IMAGE_LOCATION, "location"),
            (&REPLICATION_REGIONS, TARGET_REGIONS.name),
            (&TARGET_REGIONS, TARGET_REGIONS.name),
            (
                &DISTRIBUTE_STORAGE_ACCOUNT_TYPE,
                "targetRegions.storageAccountType",
            ),
            (&REPLICATION_MODE, REPLICATION_MODE.name),
            (&VHD_URI, "uri"),
            (&ARTIFACT_TAGS, ARTIFACT_TAGS.name),
        ],
    },
    Override {
        section: "errorHandling",
        inputs: &[
            (&ERROR_HANDLING_ON_CUSTOMIZER_ERROR, "onCustomizerError"),
            (&ERROR_HANDLING_ON_VALIDATION_ERROR, "onValidationError"),
        ],
    },
    Override {
        section: TIMEOUT,
        inputs: &[(&BUILD_TIMEOUT_IN_MINUTES, "")],
    },
    Override {
        section: VM_PROFILE,
        inputs: &[
            (&VM_SIZE, VM_SIZE.name),
            (&OS_DISK_SIZE_GB, OS_DISK_SIZE_GB.name),
            (&BUILD_VM_IDENTITIES, "userAssignedIdentities"),
            (&VNET_SUBNET_ID, "vnetConfig.subnetId"),
            (
                &CONTAINER_INSTANCE_SUBNET_ID,
                "vnetConfig.containerInstanceSubnetId",
            ),
            (&PROXY_VM_SIZE, "vnetConfig.proxyVmSize"),
        ],
    },
    Override {
        section: STAGING_RESOURCE_GROUP.name,
        inputs: &[(&STAGING_RESOURCE_GROUP, "")],
    },
    Override {
        section: MANAGED_RESOURCE_TAGS.name,
        inputs: &[(&MANAGED_RESOURCE_TAGS, "")],
    },
];

/// The overrides of a file that has the sections for which `has` holds.
pub(crate) fn overrides_by(
    has: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&'static str, &'static Input, &'static str)> {
    OVERRIDES
        .iter()
        .filter(move |rule| has(rule.section))
        .flat_map(|rule| {
            let inputs = rule.inputs.iter();
            inputs.map(|(input, member)| (rule.section, *input, *member))
        })
}

/// Every input that was given a value of its own, for a section that is in the file.
pub(super) fn warn(
    reader: &mut Reader<'_>,
    has: impl Fn(&str) -> bool,
    system: Option<Provisioner>,
) {
    for (section, input, _) in overrides_by(has) {
        let counts = *input == PROVISIONER && system.is_none();
        if reader.is_set(input) && !counts {
            let reason = format!("because the template file has the section '{section}'");
            let hint = format!("remove '{}' or the section", input.name);
            reader.warn_without_effect(input, &reason, &hint);
        }
    }
}

/// What counts in place of an overridden input, as a hint names it.
pub(crate) fn in_the_file(section: &str, member: &str) -> String {
    if member.is_empty() {
        format!("'{section}' in the template file")
    } else {
        format!("'{member}' in section '{section}' of the template file")
    }
}

/// What the image starts from.
pub(in crate::inputs) const SOURCE: &str = "source";
/// What is done to the source.
pub(in crate::inputs) const CUSTOMIZE: &str = "customize";
/// How the image is checked.
pub(in crate::inputs) const VALIDATE: &str = "validate";
/// Where the image goes.
pub(in crate::inputs) const DISTRIBUTE: &str = "distribute";
/// What the build VM is.
pub(in crate::inputs) const VM_PROFILE: &str = "vmProfile";
/// How long a build takes at most. The member has the name of an input, but it is Azure's.
pub(in crate::inputs) const TIMEOUT: &str = BUILD_TIMEOUT_IN_MINUTES.name;
