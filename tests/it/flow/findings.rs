//! What becomes of the findings of a build: what hangs, what comes true, and what is certain only together.

use azure_emulator::{Effect, Fault, RunFate, SubState};

use super::ills::scene;
use super::preflight::LOOKS;
use super::scene::{Scene, Stage};

/// One that hangs for ever costs its own finding, and no other; the build continues after six seconds.
#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_costs_no_finding_but_its_own() {
    let silence = || Effect::Delay(std::time::Duration::from_secs(3600));
    for look in LOOKS {
        let mut ill = scene().input("platformImagePurchasePlan", "l1:cis-windows:cis");
        ill.world.subnets[0].default_outbound = Some(false);
        let stage = ill
            .build(|cloud| cloud.add_fault(Fault::always(*look, silence())))
            .await;
        let warnings = stage.issues("warning");
        let told = |code: &str| warnings.iter().any(|issue| issue.starts_with(code));
        let cell = format!("{look}\n{}", stage.transcript);
        assert_eq!(stage.result(), "Succeeded", "{cell}");
        let of_image = ["GetPlatformImageVersion", "ListPlatformImageVersions"];
        assert_eq!(told("AIB706"), !of_image.contains(look), "{cell}");
        assert_eq!(told("AIB714"), *look != "GetSubnet", "{cell}");
    }
}

/// A warning that comes true is the first thing that the failure's hint says.
#[tokio::test(start_paused = true)]
async fn a_warning_is_told_again_when_the_build_fails_in_a_way_that_fits() {
    let check = async |message: &str, expected: bool| {
        let mut ill = scene();
        for usage in &mut ill.world.usages {
            usage.used = usage.limit - 3;
        }
        let ill = ill.switches(|switches| {
            switches.run = RunFate::Fail {
                at: SubState::Building,
                code: "PackerBuildFailed".to_owned(),
                message: message.to_owned(),
            };
        });
        let stage = ill.build(|_| {}).await;
        let error = stage.error();
        let (_, hint) = error.split_once("\nhint: ").unwrap_or(("", ""));
        let again = "quota 'standardDSv5Family' of westeurope has 47 of 50 vCPUs in use, and a build VM of size Standard_D4s_v5 needs 4 (AIB716, reported before the build): request a quota increase, or choose another size: az vm list-usage";
        assert_eq!(hint.starts_with(again), expected, "{error}");
        let in_summary = stage.summary().contains("reported before the build");
        assert_eq!(in_summary, expected, "{}", stage.summary());
    };
    let quota = "Operation could not be completed as it results in exceeding approved standardDSv5Family Cores quota.";
    check(quota, true).await;
    check("Script exited with non-zero exit status: 3", false).await;
}

async fn built(scene: Scene, look: &str, body: &str) -> Stage {
    let effect = Effect::status(200, body);
    scene
        .build(|cloud| cloud.add_fault(Fault::always(look, effect)))
        .await
}

/// Azure opens regions all the time: one that this program does not know is one if the subscription has it, and only then.
#[tokio::test(start_paused = true)]
async fn an_unknown_region_counts_if_the_subscription_has_it() {
    let there = r#"{"value":[{"name":"westeurope"},{"name":"northeurope"},{"name":"northeurop"},{"name":"moonbase"}]}"#;
    let elsewhere = r#"{"value":[{"name":"westeurope"},{"name":"northeurope"}]}"#;
    let check = async |region: &str, locations: &str, refusal: Option<[&str; 2]>| {
        let regions = format!("westeurope, {region}");
        let scene = scene().input("replicationRegions", &regions);
        let stage = built(scene, "ListLocations", locations).await;
        let cell = format!("{region} {locations}\n{}", stage.transcript);
        let Some([why, fix]) = refusal else {
            let refused = stage
                .issues("error")
                .iter()
                .any(|error| error.contains("AIB702"));
            assert!(!refused, "{cell}");
            return;
        };
        let error = stage.error();
        let text = format!("AIB702: regions: region '{region}' of a target does not exist: {why}");
        assert!(error.starts_with(&text), "{error}");
        assert!(error.contains(&format!("\nhint: {fix}")), "{error}");
    };
    check("northeurop", there, None).await;
    check("moonbase", there, None).await;
    let lacks = "it is not one of the locations of the subscription";
    let meant = "did you mean 'northeurope'? All regions: az account list-locations --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --query [].name --output tsv";
    check("northeurop", elsewhere, Some([lacks, meant])).await;
    check(
        "moonbase",
        elsewhere,
        Some([lacks, "choose another one: az account list-locations"]),
    )
    .await;
    check("eastus9", elsewhere, Some([lacks, "choose another one"])).await;
    // Where nobody says, a typing error is one, and what is no typing error is left to Azure.
    let unknown = "Azure is not known to have such a region";
    check(
        "northeurop",
        "{}",
        Some([unknown, "did you mean 'northeurope'?"]),
    )
    .await;
    check("moonbase", "{}", None).await;
    check("eastus9", "{}", None).await;
    // What is known is not asked for.
    check("spaincentral", elsewhere, None).await;
}

/// A size is refused only if the list of the region lacks it, too.
#[tokio::test(start_paused = true)]
async fn a_size_is_refused_for_two_lists_and_not_for_one() {
    let check = async |sizes: &str, refused: bool| {
        let scene = scene().input("vmSize", "Standard_D4s_v6");
        let stage = built(scene, "ListVmSizesOfRegion", sizes).await;
        let kind = if refused { "error" } else { "warning" };
        let issues = stage.issues(kind);
        let text = "AIB715: VM size: a build VM of size Standard_D4s_v6 is not available to the subscription in westeurope: Azure does not offer it there\nhint: did you mean 'Standard_D4s_v5'? Or choose another one for input 'vmSize': az vm list-skus --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --location westeurope --resource-type virtualMachines --output table";
        assert!(
            issues.iter().any(|issue| issue == text),
            "{}",
            stage.transcript
        );
    };
    check(r#"{"value":[{"name":"Standard_D4s_v5"}]}"#, true).await;
    check(r#"{"value":[{"name":"Standard_D4s_v6"}]}"#, false).await;
    check(r#"{"value":[]}"#, false).await;
    check("{}", false).await;
}

/// The proxy VM has a size of its own.
#[tokio::test(start_paused = true)]
async fn the_size_of_the_proxy_vm_is_looked_at() {
    let scene = scene()
        .input("containerInstanceSubnetId", "")
        .input("proxyVmSize", "Standard_Z99x_v9");
    let error = scene.build(|_| {}).await.error();
    let expected = "AIB715: VM size: a proxy VM of size Standard_Z99x_v9 is not available to the subscription in westeurope: Azure does not offer it there\nhint: choose another one for input 'proxyVmSize': az vm list-skus";
    assert!(error.starts_with(expected), "{error}");
}

/// What the template file says is changed there, and no input is named that has no effect.
#[tokio::test(start_paused = true)]
async fn a_fault_of_the_template_file_is_mended_there() {
    let check = async |file: &str, change: fn(&mut Scene), expected: &str| {
        let mut scene = scene();
        change(&mut scene);
        let path = scene.step.directories.sources.join("image.yml");
        std::fs::write(&path, file).unwrap();
        let scene = scene.input("templateFile", path.to_str().unwrap());
        let stage = scene.build(|_| {}).await;
        let errors = stage.issues("error");
        assert!(
            errors.iter().any(|error| error == expected),
            "{expected}\n{}",
            stage.transcript
        );
    };
    check(
        "customize:\n- type: Shell\n  name: Install\n  inline: [echo]\n- type: Shell\n  inline: [echo]\n",
        |_| {},
        "AIB720: steps: customizer 'Install' is of type Shell, for Linux, like 1 more, but the source image is Windows\nhint: use type PowerShell in the template file, or choose a source for Linux",
    )
    .await;
    check(
        "validate:\n  inVMValidations:\n  - type: Shell\n    inline: [echo]\n",
        |_| {},
        "AIB720: steps: validation 1 is of type Shell, for Linux, but the source image is Windows\nhint: use type PowerShell in the template file, or choose a source for Linux",
    )
    .await;
    check(
        "vmProfile:\n  vmSize: Standard_D1_v2\n",
        |_| {},
        "AIB708: VM size: a build VM of size Standard_D1_v2 supports images of generation V1 only, but the source image is of generation V2\nhint: choose another size for 'vmSize' in section 'vmProfile' of the template file",
    )
    .await;
    check(
        "source:\n  type: PlatformImage\n  publisher: microsoftwindowsdesktop\n  offer: office-365\n  sku: win11-25h2-avd-m365\n  version: latest\n",
        |scene| {
            let plan = ["l1", "cis", "cis-windows"].map(str::to_owned);
            scene.world.platform_images[0].facts.plan = Some(plan);
        },
        "AIB706: source: microsoftwindowsdesktop:office-365:win11-25h2-avd-m365:latest has a purchase plan, and Azure does not create a VM from it without the plan\nhint: add to section 'source' of the template file: \"planInfo\": {\"planName\": \"l1\", \"planProduct\": \"cis-windows\", \"planPublisher\": \"cis\"}, and accept its terms once: az vm image terms accept --urn microsoftwindowsdesktop:office-365:win11-25h2-avd-m365:latest",
    )
    .await;
}

/// A plan that is given may be the wrong one.
#[tokio::test(start_paused = true)]
async fn another_plan_than_that_of_the_image_is_a_warning() {
    let mut scene = scene().input("platformImagePurchasePlan", "l2:cis-windows:cis");
    let plan = ["l1", "cis", "cis-windows"].map(str::to_owned);
    scene.world.platform_images[0].facts.plan = Some(plan);
    let warnings = scene.build(|_| {}).await.issues("warning");
    let expected = "AIB706: source: microsoftwindowsdesktop:office-365:win11-25h2-avd-m365:latest has a different purchase plan than the one that is set\nhint: set input 'platformImagePurchasePlan' to 'l1:cis-windows:cis', and accept its terms once: az vm image terms accept --urn microsoftwindowsdesktop:office-365:win11-25h2-avd-m365:latest";
    assert!(
        warnings.iter().any(|issue| issue == expected),
        "{warnings:?}"
    );
}
