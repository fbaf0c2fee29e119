//! What may be wrong with what the result becomes.

use super::{Ill, InBuild, OWN_SOURCE, base_of_own, ill, nothing};

const MANAGED_IMAGE: &[(&str, &str)] = &[
    ("distributeType", "managedImage"),
    (
        "imageIdForDistribute",
        "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Compute/images/img-avd",
    ),
    ("managedImageLocation", "westeurope"),
    ("imageVersion", ""),
    ("replicationRegions", ""),
];

pub(super) const ILLS: &[Ill] = &[
    ill(
        |scene| drop(scene.world.galleries[0].definitions.remove(0)),
        &[],
        [
            "AIB707",
            "image definition 'win11-avd' does not exist in gallery 'galContoso'",
            "az sig image-definition create",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| scene.world.galleries.truncate(0),
        &[],
        [
            "AIB707",
            "image definition 'win11-avd' does not exist in gallery 'galContoso' of resource group 'rg-images', and the image version is created there; the gallery does not exist either",
            "--os-type Windows --hyper-v-generation V2 --architecture x64 --features SecurityType=TrustedLaunchSupported",
        ],
        InBuild::Untold,
    ),
    ill(
        |scene| "V1".clone_into(&mut scene.world.galleries[0].definitions[0].hyper_v_generation),
        &[],
        [
            "AIB708",
            "is for generation V1, but the source image is generation V2: Azure cannot create an image version from it",
            "az sig image-definition create",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| "Linux".clone_into(&mut scene.world.galleries[0].definitions[0].os_type),
        &[],
        [
            "AIB708",
            "is for Linux, but the source image is Windows: Azure cannot create an image version from it",
            "use a different source",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let definition = &mut scene.world.galleries[0].definitions[0];
            definition.security_type = Some("TrustedLaunch".to_owned());
        },
        &[],
        [
            "AIB708",
            "requires security type TrustedLaunch",
            "use an image definition that matches",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            scene.world.galleries[0].definitions[0]
                .versions
                .push("1.2.0".to_owned());
        },
        &[("imageVersion", "1.2.0")],
        [
            "AIB709",
            "version 1.2.0 of 'win11-avd' already exists",
            "input 'imageVersion'",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[(
            "galleryImageId",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/galContoso/images/win11-adv",
        )],
        [
            "AIB707",
            "image definition 'win11-adv' does not exist in gallery 'galContoso'",
            "check the spelling: did you mean 'win11-avd'? To create 'win11-adv': az sig image-definition create",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[(
            "galleryImageId",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/galConto/images/win11-avd",
        )],
        [
            "AIB707",
            "and the image version is created there; the gallery does not exist either",
            "check the spelling: did you mean 'galContoso'? To create 'galConto': az sig create",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let definition = &mut scene.world.galleries[0].definitions[0];
            definition.security_type = Some("ConfidentialVM".to_owned());
        },
        &[],
        [
            "AIB708",
            "image definition 'win11-avd' requires security type ConfidentialVM, but Azure VM Image Builder supports ConfidentialVMSupported only",
            "use an image definition that matches the source: az sig image-definition create",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let definition = &mut scene.world.galleries[0].definitions[0];
            definition.architecture = Some("Arm64".to_owned());
        },
        &[],
        [
            "AIB708",
            "is for architecture Arm64, but the source image is architecture x64",
            "--architecture x64",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let definition = &mut scene.world.galleries[0].definitions[0];
            definition.specialized = true;
        },
        &[],
        [
            "AIB708",
            "is for specialized images, but Azure VM Image Builder creates generalized ones",
            "az sig image-definition create",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let definition = &mut scene.world.galleries[0].definitions[0];
            definition.versions.push("1.2.0".to_owned());
            definition.versions_state = Some("Failed");
        },
        &[("imageVersion", "1.2.0")],
        [
            "AIB709",
            "image version: version 1.2.0 of 'win11-avd' already exists, in state Failed: it was left by a build that failed",
            "delete it: az sig image-version delete --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-images --gallery-name galContoso --gallery-image-definition win11-avd --gallery-image-version 1.2.0",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| "Linux".clone_into(&mut base_of_own(scene).os_type),
        OWN_SOURCE,
        [
            "AIB708",
            "image definition 'win11-avd' is for Windows, but the source image is Linux",
            "use a different source",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let facts = &mut scene.world.platform_images[0].facts;
            "Arm64".clone_into(&mut facts.architecture);
        },
        MANAGED_IMAGE,
        [
            "AIB708",
            "managed image: managed image 'img-avd' cannot be created: the source image is Arm64, and managed images support x64 only",
            "set input 'distributeType' to 'sig', with an image definition that matches the source",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let facts = &mut scene.world.platform_images[0].facts;
            facts.security_type = Some("TrustedLaunch".to_owned());
        },
        MANAGED_IMAGE,
        [
            "AIB708",
            "managed image 'img-avd' cannot be created: the source image requires security type TrustedLaunch",
            "set input 'distributeType' to 'sig'",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        MANAGED_IMAGE,
        [
            "AIB708",
            "managed image 'img-avd' loses the source's security type TrustedLaunchSupported",
            "set input 'distributeType' to 'sig'",
        ],
        InBuild::Warned,
    ),
];
