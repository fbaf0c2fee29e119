//! What may be wrong with the source, and with the steps on it.

use azure_emulator::Deprecation;

use super::{Ill, InBuild, OWN_SOURCE, base_of_own, ill, nothing};
use crate::flow::scene::Scene;

fn deprecated(scene: &mut Scene, state: &str) {
    scene.world.platform_images[0].facts.deprecation = Some(Deprecation {
        state: state.to_owned(),
        time: Some("2026-12-31T00:00:00Z".to_owned()),
        alternative: Some("win11-26h2-avd-m365".to_owned()),
    });
}

pub(super) const ILLS: &[Ill] = &[
    ill(
        nothing,
        &[(
            "baseImagePubOfferSku",
            "microsoftwindowsdesktop:office-365:19h2-evd-o365pp",
        )],
        [
            "AIB704",
            "it has no SKU '19h2-evd-o365pp'; similar names: win11-25h2-avd-m365",
            "az vm image list-skus --location westeurope --publisher microsoftwindowsdesktop --offer office-365",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[(
            "baseImagePubOfferSku",
            "microsoftwindowsdesktop:office-356:win11-25h2-avd-m365",
        )],
        [
            "AIB704",
            "it has no offer 'office-356'; similar names: office-365",
            "az vm image list-skus",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[(
            "baseImagePubOfferSku",
            "microsoftwindowsdestop:office-365:win11-25h2-avd-m365",
        )],
        [
            "AIB704",
            "there is no publisher 'microsoftwindowsdestop'",
            "check the spelling: did you mean 'microsoftwindowsdesktop'? To list all: az vm image list-publishers --location westeurope",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("baseImageVersion", "26200.1.1")],
        [
            "AIB704",
            "it has no version '26200.1.1'; similar names: 26200.7171.251111",
            "az vm image list-skus",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| deprecated(scene, "ScheduledForDeprecation"),
        &[],
        [
            "AIB705",
            "its publisher will deprecate it (on 2026-12-31)",
            "the replacement that the publisher names: win11-26h2-avd-m365",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| deprecated(scene, "Deprecated"),
        &[],
        [
            "AIB705",
            "its publisher has deprecated it (on 2026-12-31)",
            "the replacement that the publisher names: win11-26h2-avd-m365",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| {
            let plan = ["l1", "cis", "cis-windows"].map(str::to_owned);
            scene.world.platform_images[0].facts.plan = Some(plan);
        },
        &[],
        [
            "AIB706",
            "has a purchase plan",
            "set input 'platformImagePurchasePlan' to 'l1:cis-windows:cis'",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("platformImagePurchasePlan", "l1:cis-windows:cis")],
        [
            "AIB706",
            "has no purchase plan, but one is set",
            "remove input 'platformImagePurchasePlan'",
        ],
        InBuild::Warned,
    ),
    ill(
        nothing,
        &[("provisioner", "shell")],
        [
            "AIB720",
            "steps: the script is of type Shell, for Linux, but the source image is Windows",
            "set input 'provisioner' to 'powershell' and use a script for Windows, or choose another source",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("baseImagePubOfferSku", "Canonical:ubuntu-24_04-lts:server")],
        [
            "AIB720",
            "steps: the script is of type PowerShell, for Windows, but the source image is Linux",
            "set input 'provisioner' to 'shell' and use a script for Linux, or choose another source",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| base_of_own(scene).versions_in = Some("northeurope".to_owned()),
        OWN_SOURCE,
        [
            "AIB704",
            "image version 1.0.0 of 'base' has no replica in westeurope, where the build VM starts from it; it has replicas in northeurope",
            "or set input 'ibLocation' to 'northeurope'",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| base_of_own(scene).versions_state = Some("Failed"),
        OWN_SOURCE,
        [
            "AIB704",
            "image version 1.0.0 of 'base' is in state Failed: it may be incomplete",
            "use a source in state Succeeded",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| base_of_own(scene).specialized = true,
        OWN_SOURCE,
        [
            "AIB704",
            "image definition 'base' of the source is specialized, but Azure VM Image Builder supports generalized images only",
            "generalize the VM before its image is created",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let plan = ["l1", "cis", "cis-windows"].map(str::to_owned);
            base_of_own(scene).purchase_plan = Some(plan);
        },
        OWN_SOURCE,
        [
            "AIB706",
            "image definition 'base' of the source has purchase plan 'l1:cis-windows:cis'",
            "az vm image terms accept --plan l1 --offer cis-windows --publisher cis",
        ],
        InBuild::Warned,
    ),
];
