//! What inputs may be, and what they are taken for.

use image_builder::inputs::{ArchiveFormat, Plan, Provisioner, Warning};
use image_builder::template::model::{Distributor, PlanInfo, PlatformImage, Source};

use crate::job::{Job, id, job};

/// Every warning of a job as a log shows it.
pub(crate) fn warnings(job: &Job) -> Vec<String> {
    let show = |warning: &Warning| {
        let hint = warning.hint.as_ref();
        let hint = hint.map_or(String::new(), |hint| format!("\nhint: {hint}"));
        format!("{} {warning}{hint}", warning.code)
    };
    job.plan().unwrap().warnings.iter().map(show).collect()
}

fn marketplace() -> Job {
    job()
        .input("imageSource", "marketplace")
        .input("baseImage", "Canonical:ubuntu-24_04-lts:server")
}

fn gallery() -> Job {
    job().input("distributeType", "sig").input(
        "galleryImageId",
        &id("Microsoft.Compute/galleries/gallery/images/web"),
    )
}

fn powershell() -> Job {
    job().input("provisioner", "powershell")
}

fn source(plan: &Plan) -> &Source {
    plan.properties.source.as_ref().unwrap()
}

fn target(plan: &Plan) -> &Distributor {
    plan.properties.targets().first().unwrap()
}

#[test]
fn the_usual_job_has_no_warnings() {
    let plan = job().plan().unwrap();
    assert_eq!(plan.warnings, []);
    assert_eq!(plan.template_name, "t_1763800000000000");
    assert_eq!(plan.resource_group, "rg-images");
    assert_eq!(plan.location.as_str(), "westeurope");
    assert_eq!(plan.identity.name(), "id-image-builder");
    assert_eq!(plan.properties.vm_profile, None);
    assert_eq!(plan.run_output_name(), "ManagedImage_distribute");
}

#[test]
fn old_and_useless_values_are_warned_of() {
    let check = |job: Job, expected: &[&str]| assert_eq!(warnings(&job), expected);
    check(
        job().input("imageSource", "marketplace"),
        &[
            "AIB107 Input 'baseImage': the publisher has retired 'Canonical:UbuntuServer:18.04-LTS', and Azure may refuse to build from it\nhint: use 'Canonical:ubuntu-24_04-lts:server', or an image that 'az vm image list --all' shows",
        ],
    );
    check(
        job().input("vmSize", "standard_d1_v2"),
        &[
            "AIB107 Input 'vmSize': 'standard_d1_v2' is an old size with one core; Windows builds often fail on it, and it cannot start generation 2 images\nhint: set 'vmSize' to 'Standard_D2ds_v5'",
        ],
    );
    check(
        job()
            .input("windowsUpdateProvisioner", "true")
            .input("runElevated", "true")
            .input("runAsSystem", "true"),
        &[
            "AIB103 Input 'windowsUpdateProvisioner': it has no effect, because 'provisioner' is 'shell'\nhint: for a Windows image set 'provisioner' to 'powershell'",
            "AIB103 Input 'runElevated': it has no effect, because 'provisioner' is 'shell'\nhint: for a Windows image set 'provisioner' to 'powershell'",
        ],
    );
    check(
        powershell().input("runAsSystem", "true"),
        &[
            "AIB103 Input 'runAsSystem': it has no effect, because 'runElevated' is not 'true'\nhint: set 'runElevated' as well",
        ],
    );
    check(
        job()
            .input("inlinescrpt", "x")
            .input("osType", "Linux")
            .input("runNow", "true")
            .input("empty", " "),
        &[
            "AIB108 Input 'inlinescrpt' is not an input of this task and has no effect\nhint: did you mean 'inlineScript'?",
            "AIB108 These are not inputs of this task and have no effect: 'ostype', 'runnow'",
        ],
    );
}

#[test]
fn kinds_are_understood_in_all_spellings() {
    let version = id("Microsoft.Compute/galleries/gallery/images/base/versions/latest");
    for spelling in [
        "sig",
        "SIG",
        "gallery",
        "SharedImageGallery",
        "shared-image gallery",
        "SharedImageVersion",
    ] {
        let plan = job()
            .input("imageSource", spelling)
            .input("ImageVersionId", &version)
            .plan()
            .unwrap();
        assert!(
            matches!(source(&plan), Source::SharedImageVersion(_)),
            "{spelling}"
        );
    }
    for spelling in [
        "marketplace",
        "Marketplace",
        "platformImage",
        "PlatformImage",
    ] {
        let plan = marketplace().input("imageSource", spelling).plan().unwrap();
        assert!(
            matches!(source(&plan), Source::PlatformImage(_)),
            "{spelling}"
        );
    }
    for spelling in [
        "managedimage",
        "ManagedImage",
        "Managed Image",
        " managedImage ",
    ] {
        let plan = job()
            .input("imageSource", spelling)
            .input("distributeType", spelling)
            .plan()
            .unwrap();
        assert!(
            matches!(source(&plan), Source::ManagedImage(_)),
            "{spelling}"
        );
        assert!(
            matches!(target(&plan), Distributor::ManagedImage(_)),
            "{spelling}"
        );
    }
}

#[test]
fn targets_and_provisioners_are_understood_in_all_spellings() {
    for spelling in ["sig", "gallery", "SharedImage", "SharedImageGallery"] {
        let plan = gallery().input("distributeType", spelling).plan().unwrap();
        assert!(
            matches!(target(&plan), Distributor::SharedImage(_)),
            "{spelling}"
        );
    }
    let plan = job().input("distributeType", "VHD").plan().unwrap();
    assert!(matches!(target(&plan), Distributor::Vhd(vhd) if vhd.uri.is_none()));
    for (spelling, expected) in [
        ("PowerShell", Provisioner::PowerShell),
        ("Shell", Provisioner::Shell),
        ("", Provisioner::Shell),
    ] {
        let plan = job().input("provisioner", spelling).plan().unwrap();
        assert_eq!(plan.customization.provisioner, expected, "{spelling}");
    }
}

#[test]
fn marketplace_images_come_from_the_inputs_that_say_something() {
    let check = |inputs: &[(&str, &str)], expected: [&str; 4], plan: Option<[&str; 3]>| {
        let expected = PlatformImage {
            publisher: expected[0].to_owned(),
            offer: expected[1].to_owned(),
            sku: expected[2].to_owned(),
            version: expected[3].to_owned(),
            plan_info: plan.map(|[name, product, publisher]| {
                Box::new(PlanInfo {
                    plan_name: name.to_owned(),
                    plan_product: product.to_owned(),
                    plan_publisher: publisher.to_owned(),
                    ..PlanInfo::default()
                })
            }),
            ..PlatformImage::default()
        };
        assert_eq!(
            *source(&marketplace().inputs(inputs).plan().unwrap()),
            Source::PlatformImage(expected),
            "{inputs:?}"
        );
    };
    let usual = ["Canonical", "ubuntu-24_04-lts", "server", "latest"];
    check(&[], usual, None);
    check(
        &[
            ("baseImagePubOfferSku", "publisher:OFFER:sku"),
            (
                "platformImagePurchasePlan",
                "planname:planproduct:planpublisher",
            ),
        ],
        usual,
        None,
    );
    check(&[("baseImageVersion", "")], usual, None);
    check(&[("baseImageVersion", "Latest")], usual, None);
    check(
        &[("baseImagePubOfferSku", "p : o : s ")],
        ["p", "o", "s", "latest"],
        None,
    );
    let numbered = ["p", "o", "s", "1.2.3"];
    check(&[("baseImage", "p:o:s:1.2.3:linux")], numbered, None);
    let twice = [("baseImage", "p:o:s:1.2.3"), ("baseImageVersion", "1.2.3")];
    check(&twice, numbered, None);
    let both = [
        ("baseImage", "not checked"),
        ("baseImagePubOfferSku", "p:o:s"),
        ("baseImageVersion", "1.2.3"),
    ];
    check(&both, numbered, None);
    check(
        &[("platformImagePurchasePlan", "n:p:q")],
        usual,
        Some(["n", "p", "q"]),
    );
}

#[test]
fn hidden_inputs_are_not_looked_at() {
    let plan = job()
        .inputs(&[
            ("ImageVersionId", "rubbish"),
            ("baseImage", "rubbish"),
            ("baseImagePubOfferSku", "rubbish"),
            ("baseImageVersion", "rubbish"),
            ("platformImagePurchasePlan", "rubbish"),
            ("galleryImageId", "$(rubbish)"),
            ("replicationRegions", "-"),
        ])
        .plan();
    assert_eq!(plan.unwrap().warnings, []);
}

#[test]
fn regions_are_trimmed_told_apart_and_filled_in() {
    let check = |text: &str, expected: &[&str]| {
        let plan = gallery().input("replicationRegions", text).plan().unwrap();
        assert_eq!(target(&plan).regions(), expected, "{text}");
    };
    check("", &["westeurope"]);
    check(" , ", &["westeurope"]);
    check("westus, eastus", &["westus", "eastus"]);
    check("West US,westus,WESTUS", &["westus"]);
    check("eastus,\n westus ,", &["eastus", "westus"]);
}

#[test]
fn managed_images_lie_at_the_given_place_or_beside_the_template() {
    let check = |text: &str, expected: &str| {
        let plan = job().input("managedImageLocation", text).plan().unwrap();
        assert_eq!(target(&plan).regions(), [expected], "{text}");
    };
    check("", "westeurope");
    check(" North Europe ", "northeurope");
}

#[test]
#[cfg(unix)]
fn packages_are_named_by_the_last_part_of_their_path() {
    let check = |folder: &str, path: &str, name: &str| {
        let job = job().package(folder);
        let text = path.replace(
            "{dir}",
            job.path("").to_str().unwrap().trim_end_matches('/'),
        );
        let job = job.input("packagePath", &text);
        let plan = job.plan().unwrap();
        assert_eq!(plan.package.as_ref().unwrap().name, name, "{path}");
        assert!(
            plan.package
                .as_ref()
                .unwrap()
                .folder
                .join("install.sh")
                .is_file(),
            "{path}"
        );
    };
    check("webapp", "{dir}/webapp", "webapp");
    check("webapp", "{dir}/webapp/", "webapp");
    check("webapp", "{dir}/webapp//", "webapp");
    check("webapp", " \"{dir}/webapp\" ", "webapp");
    check("webapp", "{dir}/./other/../webapp/.", "webapp");
    check("wvd/images", "wvd/images", "images");
    check("wvd/images", "wvd\\images\\", "images");
    check("_WVD_POC/my files", "{dir}/_WVD_POC/my files", "my files");
    check("drop.v1", "{dir}/drop.v1", "drop.v1");
}

#[test]
fn the_whole_working_directory_goes_if_that_is_said() {
    let job = job();
    let text = format!("{}/", job.path("").to_str().unwrap().trim_end_matches('/'));
    let job = job.input("packagePath", &text);
    let plan = job.plan().unwrap();
    assert!(
        plan.package
            .as_ref()
            .unwrap()
            .folder
            .join("webapp")
            .is_dir()
    );
}

#[test]
fn blobs_are_named_as_the_original_named_them() {
    let check = |job: Job, expected: &str, format: ArchiveFormat| {
        let package = job.plan().unwrap().package.unwrap();
        assert_eq!(package.blob_name, expected);
        assert_eq!(package.format, format);
        assert_eq!(package.storage_account, "stimagebuilder");
    };
    check(
        job(),
        "webapp/4711-1763800000000000/webapp_1763800000000000.tar.gz",
        ArchiveFormat::TarGz,
    );
    check(
        powershell().input("storageAccountName", "StImageBuilder"),
        "webapp/4711-1763800000000000/webapp_1763800000000000.zip",
        ArchiveFormat::Zip,
    );
    let mut release = powershell();
    release.given.release = Some(("18".to_owned(), "1".to_owned()));
    check(
        release,
        "webapp/18-1/webapp_1763800000000000.zip",
        ArchiveFormat::Zip,
    );
    let mut local = job();
    local.given.build_id = None;
    check(
        local,
        "webapp/1763800000000000/webapp_1763800000000000.tar.gz",
        ArchiveFormat::TarGz,
    );
}
