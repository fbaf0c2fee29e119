//! The steps in `tests/yaml-cases`, with their placeholders filled in.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image_builder::inputs::{Code, Plan, Provisioner};
use image_builder::template::model::{Distributor, SharedImage, Source, Versioning};

use crate::job::{CONNECTION_ID, Job, id, job};
use crate::problems::problems;

/// The step of case `number`: nothing but these inputs, and the folder `package` in the working directory.
fn case(number: &str, package: &str, inputs: &[(&str, &str)]) -> Job {
    assert_eq!(
        names_in_file(number),
        names(inputs.iter().map(|(name, _)| *name)),
        "case {number}"
    );
    let mut job = job().package(package);
    job.given.inputs.clear();
    job.inputs(inputs)
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}

/// The names of a step's inputs: what stands at the indentation of the first one.
fn names_in_file(number: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/yaml-cases/{number}.yml"));
    let text = fs::read_to_string(path).unwrap();
    let (_, inputs) = text.split_once("inputs:").unwrap();
    let lines = inputs.lines().filter_map(|line| line.strip_prefix("    "));
    let own = lines.filter(|line| !line.starts_with(' '));
    names(own.filter_map(|line| Some(line.split_once(':')?.0)))
}

/// The script of a step that is written as a block.
fn script_in_file(number: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/yaml-cases/{number}.yml"));
    let text = fs::read_to_string(path).unwrap();
    let (_, block) = text.split_once("inlineScript: |\n").unwrap();
    let lines = block
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("      "));
    lines
        .map(|line| line.strip_prefix("      ").unwrap_or_default().to_owned() + "\n")
        .collect()
}

fn identity() -> String {
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg-images/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder".to_owned()
}

fn definition() -> String {
    id("Microsoft.Compute/galleries/gallery/images/web")
}

/// Publisher, offer, SKU and version of the source.
fn marketplace(plan: &Plan) -> [&str; 4] {
    match &plan.properties.source {
        Some(Source::PlatformImage(image)) => {
            [&image.publisher, &image.offer, &image.sku, &image.version].map(String::as_str)
        }
        other => panic!("not a marketplace image: {other:?}"),
    }
}

fn shared_image(plan: &Plan) -> &SharedImage {
    match plan.properties.targets() {
        [Distributor::SharedImage(target)] => target,
        other => panic!("not a gallery: {other:?}"),
    }
}

/// Version and regions of the target.
fn gallery(plan: &Plan) -> (Option<String>, Vec<&str>) {
    let (_, version) = shared_image(plan).image().unwrap();
    (version, plan.properties.targets()[0].regions())
}

fn codes(plan: &Plan) -> Vec<Code> {
    plan.warnings.iter().map(|warning| warning.code).collect()
}

const OFFICE: [&str; 4] = [
    "microsoftwindowsdesktop",
    "office-365",
    "20h1-evd-o365pp",
    "latest",
];

#[test]
fn case_01_lacks_the_identity_and_nothing_else() {
    let step = case(
        "01",
        "wvd/images",
        &[
            ("imageSource", "marketplace"),
            (
                "baseImage",
                "microsoftwindowsdesktop:office-365:19h2-evd-o365pp:windows",
            ),
            ("provisioner", "powershell"),
            ("windowsUpdateProvisioner", "true"),
            ("packagePath", "wvd/images"),
            (
                "inlineScript",
                r"& 'c:\buildartifacts\images\scripts\base-installs.ps1'",
            ),
            ("storageAccountName", "stimagebuilder"),
            ("distributeType", "sig"),
            ("galleryImageId", &definition()),
            ("replicationRegions", "centralus"),
            ("ibSubscription", CONNECTION_ID),
            ("ibAzureResourceGroup", "rg-images"),
            ("ibLocation", "westus2"),
            ("vmSize", "Standard_DS4_v2"),
        ],
    );
    let problems = problems(&step);
    assert!(
        problems[0].starts_with("AIB100 Input 'managedIdentity'"),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 1);
    let step = step.input("managedIdentity", &identity());
    let plan = step.plan().unwrap();
    assert_eq!(
        marketplace(&plan),
        [
            "microsoftwindowsdesktop",
            "office-365",
            "19h2-evd-o365pp",
            "latest"
        ]
    );
}

#[test]
fn case_02_names_its_image_freely() {
    let step = case(
        "02",
        "wvd/images",
        &[
            ("managedIdentity", &identity()),
            ("imageSource", "marketplace"),
            (
                "baseImagePubOfferSku",
                "microsoftwindowsdesktop:office-365:20h1-evd-o365pp",
            ),
            ("provisioner", "powershell"),
            ("windowsUpdateProvisioner", "true"),
            ("packagePath", "wvd/images"),
            (
                "inlineScript",
                r"& 'c:\buildartifacts\images\scripts\base-installs.ps1'",
            ),
            ("storageAccountName", "stimagebuilder"),
            ("distributeType", "sig"),
            ("galleryImageId", &definition()),
            ("replicationRegions", "centralus"),
            ("ibSubscription", CONNECTION_ID),
            ("ibAzureResourceGroup", "rg-images"),
            ("ibLocation", "westus2"),
            ("vmSize", "Standard_DS4_v2"),
        ],
    );
    let scripts = step.path("wvd/images/scripts");
    fs::create_dir(&scripts).unwrap();
    fs::write(scripts.join("base-installs.ps1"), "").unwrap();
    let plan = step.plan().unwrap();
    assert_eq!(marketplace(&plan), OFFICE);
    assert_eq!(plan.package.as_ref().unwrap().name, "images");
    assert!(plan.customization.windows_update);
    assert_eq!(gallery(&plan), (None, vec!["centralus"]));
    assert_eq!(codes(&plan), []);
}

/// Cases 03 to 05 are revisions of one tutorial and differ in the script.
fn tutorial(number: &str, storage_account: &str) {
    let script = script_in_file(number);
    let version = format!("{}/versions/0.0.4711", definition());
    let step = case(
        number,
        "pipeline-artifacts",
        &[
            ("managedIdentity", &identity()),
            ("imageSource", "marketplace"),
            ("packagePath", "pipeline-artifacts"),
            ("inlineScript", &script),
            ("storageAccountName", storage_account),
            ("distributeType", "sig"),
            ("galleryImageId", &version),
            ("replicationRegions", "eastus2"),
            ("ibSubscription", CONNECTION_ID),
            ("ibAzureResourceGroup", "myVMSSResourceGroup"),
            ("ibLocation", "eastus2"),
        ],
    );
    let plan = step.plan().unwrap();
    assert_eq!(
        marketplace(&plan),
        ["Canonical", "UbuntuServer", "18.04-LTS", "latest"]
    );
    assert_eq!(plan.customization.provisioner, Provisioner::Shell);
    assert_eq!(plan.customization.inline.join("\n") + "\n", script);
    assert_eq!(plan.package.as_ref().unwrap().name, "pipeline-artifacts");
    assert_eq!(
        gallery(&plan),
        (Some("0.0.4711".to_owned()), vec!["eastus2"])
    );
    assert_eq!(
        plan.properties
            .vm_profile
            .as_ref()
            .unwrap()
            .vm_size
            .as_deref(),
        Some("Standard_D1_v2")
    );
    assert_eq!(plan.properties.build_timeout_in_minutes, None);
    assert_eq!(codes(&plan), [Code::Retired, Code::Retired]);
}

#[test]
fn cases_03_to_05_lean_on_the_defaults() {
    tutorial("03", "vmssstorageaccount2");
    tutorial("04", "vmssstorageaccount2");
    tutorial("05", "vmssstorageaccount");
}

#[test]
fn case_06_has_no_regions() {
    let step = case(
        "06",
        "WVD",
        &[
            ("managedIdentity", &identity()),
            ("imageSource", "marketplace"),
            (
                "baseImagePubOfferSku",
                "MicrosoftWindowsDesktop:office-365:20h1-evd-o365pp",
            ),
            ("provisioner", "powershell"),
            ("packagePath", "WVD"),
            ("inlineScript", r"& 'c:\buildArtifacts\WVD\Win10ms.ps1'"),
            ("storageAccountName", "stimagebuilder"),
            ("distributeType", "sig"),
            ("galleryImageId", &definition()),
            ("ibSubscription", CONNECTION_ID),
            ("ibAzureResourceGroup", "rg-images"),
            ("ibLocation", "westeurope"),
        ],
    );
    let plan = step.plan().unwrap();
    assert_eq!(gallery(&plan), (None, vec!["westeurope"]));
    // The package of the test does not hold the script.
    assert_eq!(codes(&plan), [Code::Retired, Code::Script]);
    fs::write(step.path("WVD/Win10ms.ps1"), "").unwrap();
    assert_eq!(codes(&step.plan().unwrap()), [Code::Retired]);
}

#[test]
fn case_07_names_two_images() {
    let script = r"'& set-executionpolicy remotesigned -scope Process -Force; c:\BuildArtifacts\WVD\win10.ps1'";
    let step = case(
        "07",
        "_WVD_POC/WVD",
        &[
            (
                "managedIdentity",
                "/subscriptions/0000-0000-000-0000-00000000/resourceGroups/AIB_Managed_Identity/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-aib-poc",
            ),
            ("imageSource", "marketplace"),
            ("baseImage", "MicrosoftWindowsDesktop:Windows-10:19h1-evd"),
            (
                "baseImagePubOfferSku",
                "MicrosoftWindowsDesktop:windows-10:20h2-evd ",
            ),
            ("provisioner", "powershell"),
            ("windowsUpdateProvisioner", "true"),
            ("packagePath", "_WVD_POC/WVD"),
            ("inlineScript", script),
            ("storageAccountName", "aibstagstor1594899547"),
            ("distributeType", "sig"),
            (
                "galleryImageId",
                "/subscriptions/0000-0000-000-0000-00000000/resourceGroups/aib/providers/Microsoft.Compute/galleries/SIGmvp/images/win10images",
            ),
            ("replicationRegions", "westeurope,northeurope"),
            ("ibSubscription", CONNECTION_ID),
            ("ibAzureResourceGroup", "aib"),
            ("ibLocation", "westeurope"),
        ],
    );
    let plan = step.plan().unwrap();
    assert_eq!(
        marketplace(&plan),
        [
            "MicrosoftWindowsDesktop",
            "windows-10",
            "20h2-evd",
            "latest"
        ]
    );
    assert_eq!(plan.customization.inline, [script]);
    assert_eq!(plan.package.as_ref().unwrap().name, "WVD");
    assert_eq!(gallery(&plan), (None, vec!["westeurope", "northeurope"]));
}

#[test]
fn case_08_wants_windows_update_of_a_shell() {
    let inputs = |identity: &str| {
        case(
            "08",
            "dist",
            &[
                ("managedIdentity", identity),
                ("imageSource", "marketplace"),
                ("windowsUpdateProvisioner", "true"),
                ("packagePath", "dist"),
                ("storageAccountName", "stimagebuilder"),
                ("distributeType", "sig"),
                ("galleryImageId", &definition()),
                ("replicationRegions", "westeurope"),
                ("ibSubscription", CONNECTION_ID),
                ("ibAzureResourceGroup", "rg-images"),
                ("ibLocation", "westeurope"),
            ],
        )
    };
    let step = inputs(&identity());
    let plan = step.plan().unwrap();
    assert!(!plan.customization.windows_update);
    assert!(
        plan.customization
            .inline
            .iter()
            .all(|line| line.starts_with('#'))
    );
    assert_eq!(
        codes(&plan),
        [
            Code::Retired,
            Code::Contradiction,
            Code::Retired,
            Code::Placeholder
        ]
    );

    // As published, with a variable that is not defined.
    let step = inputs(
        "/subscriptions/$(SUBSCRIPTION_ID)/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i",
    );
    let problems = problems(&step);
    assert!(
        problems[0].starts_with("AIB106 Input 'managedIdentity'"),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 1);
}

/// Its package path is `$(System.DefaultWorkingDirectory)`, as the agent fills it in.
fn step_09() -> Job {
    let script = script_in_file("09");
    let whole = "{working directory}";
    let step = case(
        "09",
        "webapp",
        &[
            ("managedIdentity", &identity()),
            ("ibSubscription", CONNECTION_ID),
            ("ibAzureResourceGroup", "rg-images"),
            ("ibLocation", "westeurope"),
            ("imageSource", "marketplace"),
            (
                "baseImage",
                "microsoftwindowsdesktop:office-365:win11-25h2-avd-m365",
            ),
            ("provisioner", "powershell"),
            ("windowsUpdateProvisioner", "true"),
            ("runElevated", "true"),
            ("packagePath", whole),
            ("storageAccountName", "stimagebuilder"),
            ("inlineScript", &script),
            ("distributeType", "gallery"),
            ("galleryImageId", &definition()),
            ("targetRegions", "westeurope,northeurope"),
            ("distributeStorageAccountType", "Standard_LRS"),
            ("distributeVersioningScheme", "Latest"),
            ("excludeFromLatest", "false"),
            ("vmSize", "Standard_D4_v5"),
            ("buildTimeoutInMinutes", "120"),
            ("optimizeVmBoot", "true"),
            ("errorHandlingOnCustomizerError", "cleanup"),
            ("errorHandlingOnValidationError", "cleanup"),
        ],
    );
    let directory = step.given.working_directory.to_str().unwrap().to_owned();
    step.input("packagePath", &directory)
}

#[test]
fn case_09_is_of_the_second_version_of_a_sibling() {
    let step = step_09();
    let directory = step.given.working_directory.display();
    let plan = step.plan().unwrap();
    assert!(plan.customization.run_elevated);
    assert!(plan.properties.optimize.is_some());
    assert_eq!(plan.properties.error_handling, None);
    assert_eq!(plan.properties.build_timeout_in_minutes, Some(120));
    assert_eq!(gallery(&plan), (None, vec!["westeurope", "northeurope"]));
    let target = shared_image(&plan);
    assert_eq!(target.exclude_from_latest, None);
    let latest = Versioning {
        scheme: "Latest".to_owned(),
        ..Versioning::default()
    };
    assert_eq!(target.versioning, Some(latest));
    let mut regions = target.target_regions.iter().flatten();
    assert!(regions.all(|region| region.storage_account_type.as_deref() == Some("Standard_LRS")));
    assert_eq!(
        plan.warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [format!(
            "Input 'packagePath': all of '{directory}' is uploaded, because the script reads from the folder where it is unpacked"
        )]
    );

    // Nothing in the script speaks of the package: the input may as well be missing.
    let step = step.input("inlineScript", "Install-WindowsFeature Web-Server");
    let problems = problems(&step);
    assert!(
        problems[0].starts_with("AIB104 Input 'packagePath'"),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 1);
}
