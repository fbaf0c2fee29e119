//! What need not be done again: sending a package that is there, building an image that is there.

use std::fs;
use std::sync::Arc;

use azure_emulator::{Cloud, Effect, Fault};
use http::Method;
use serde_json::Value;

use super::scene::{Scene, Stage};
use super::story::check_no_secret;
use crate::texts::check_has;

const PACKAGES: &str = "imagebuilder-vststask";

fn good(stage: &Stage) {
    stage.check_result("Succeeded");
    check_no_secret(stage);
    let inventory = stage.cloud.inventory();
    assert!(inventory.templates.is_empty(), "{inventory}");
}

/// The packages that are in storage.
fn packages(cloud: &Cloud) -> Vec<String> {
    let blobs = cloud.inventory().blobs.into_iter();
    blobs
        .filter(|(_, container, ..)| container == PACKAGES)
        .map(|(_, _, name, _)| name)
        .collect()
}

fn blocks_sent(cloud: &Cloud) -> usize {
    let sent = |entry: &azure_emulator::Entry| {
        entry.method == Method::PUT
            && entry.path.contains(PACKAGES)
            && entry.status == Some(201)
            && entry.path.matches('/').count() > 2
    };
    cloud.journal().iter().filter(|entry| sent(entry)).count()
}

fn runs(cloud: &Cloud) -> usize {
    let journal = cloud.journal();
    let run = |entry: &&azure_emulator::Entry| entry.operation == Some("RunTemplate");
    journal.iter().filter(run).count()
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_package_is_sent_once() {
    let scene = || Scene::windows().input("packageRetentionDays", "14");
    let first = scene().build(|_| {}).await;
    good(&first);
    let kept = packages(&first.cloud);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].starts_with("images/sha256-") && kept[0].ends_with("/images.zip"));
    assert_eq!(first.note.as_deref().unwrap_or("[]"), "[]");
    let sent = blocks_sent(&first.cloud);

    // Another run finds the same files.
    let second = scene().build_in(Arc::clone(&first.cloud)).await;
    good(&second);
    assert_eq!(blocks_sent(&second.cloud), sent, "sent again");
    assert!(second.transcript.contains(
        "the package is unchanged, so nothing is sent: it is in imagebuilder-vststask/images/sha256-"
    ));
    assert_eq!(packages(&second.cloud), kept);

    // A byte is another.
    let changed = scene();
    let file = changed
        .step
        .directories
        .sources
        .join("wvd/images/config/language.json");
    fs::write(file, "{ \"language\": \"de-DE\" }\n").unwrap();
    let third = changed.build_in(Arc::clone(&second.cloud)).await;
    good(&third);
    assert!(blocks_sent(&third.cloud) > sent);
    assert_eq!(packages(&third.cloud).len(), 2);
}

/// What someone left under the name, but is not whole, is not used.
#[tokio::test(start_paused = true)]
async fn a_blob_that_does_not_say_what_it_holds_is_not_used() {
    let scene = || Scene::windows().input("packageRetentionDays", "14");
    let first = scene().build(|_| {}).await;
    let name = packages(&first.cloud).remove(0);
    let stage = scene()
        .build(|cloud| cloud.put_blob("stcontosoimages", PACKAGES, &name, "else".into()))
        .await;
    good(&stage);
    // The package went to a blob of the run's own, which is gone again; what lay there is of 1970, and goes as an unused one.
    assert_eq!(packages(&stage.cloud), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn packages_of_today_and_of_others_stay() {
    let scene = || Scene::windows().input("packageRetentionDays", "1");
    let first = scene().build(|_| {}).await;
    let young = packages(&first.cloud).remove(0);
    let other = "images/4711-1/images_1.zip";
    let cloud = Arc::clone(&first.cloud);
    cloud.put_blob("stcontosoimages", PACKAGES, other, "x".into());
    let second = Scene::linux()
        .input("packageRetentionDays", "1")
        .build_in(cloud)
        .await;
    good(&second);
    let left = packages(&second.cloud);
    assert!(left.contains(&young), "{left:?}");
    assert!(left.contains(&other.to_owned()), "{left:?}");
    assert_eq!(left.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_built_where_nothing_has_changed() {
    let scene = || Scene::windows().input("skipIfUnchanged", "true");
    let first = scene().build(|_| {}).await;
    good(&first);
    assert_eq!(first.variable("imageChanged"), Some("true"));
    let image = first.variable("imageUri").unwrap().to_owned();
    assert_eq!(first.cloud.image_tags(&image)["inputsSha256"].len(), 64);
    assert_eq!(runs(&first.cloud), 1);

    let second = scene()
        .input("artifactTags", "owner=someone else")
        .build_in(Arc::clone(&first.cloud))
        .await;
    good(&second);
    assert_eq!(runs(&second.cloud), 1, "{}", second.transcript);
    assert_eq!(second.variable("imageChanged"), Some("false"));
    assert_eq!(second.variable("imageUri"), Some(image.as_str()));
    assert_eq!(second.variable("imageVersion"), Some("1.0.0"));
    assert_eq!(second.variable("pirVersion"), Some("26200.7171.251111"));
    assert!(
        second
            .transcript
            .contains("nothing has changed since image version 1.0.0: no image is built")
    );
    assert!(!second.transcript.contains("run template:"));
    assert!(
        second
            .summary()
            .contains("## ✅ Image unchanged: win11-avd 1.0.0")
    );
    let result = fs::read(second.variable("resultPath").unwrap()).unwrap();
    let result: Value = serde_json::from_slice(&result).unwrap();
    assert_eq!(result["imageChanged"], false);
    assert_eq!(result["provenance"]["buildId"], "4711");

    // Each of these is a change.
    for (name, value) in [
        ("vmSize", "Standard_D8s_v5"),
        ("inlineScript", "exit 0"),
        ("replicationRegions", "westeurope"),
    ] {
        let before = runs(&second.cloud);
        let stage = scene()
            .input(name, value)
            .build_in(Arc::clone(&second.cloud))
            .await;
        good(&stage);
        assert_eq!(runs(&stage.cloud), before + 1, "{name}");
        assert_eq!(stage.variable("imageChanged"), Some("true"));
    }
    let changed = scene();
    let file = changed
        .step
        .directories
        .sources
        .join("wvd/images/config/language.json");
    fs::write(file, "{}\n").unwrap();
    let before = runs(&second.cloud);
    let stage = changed.build_in(Arc::clone(&second.cloud)).await;
    assert_eq!(runs(&stage.cloud), before + 1, "a file");
}

/// Source and target of a template file are compared as those of the inputs are: a newer version of the source is a change.
#[tokio::test(start_paused = true)]
async fn a_template_file_is_compared_as_the_inputs_are() {
    let scene = || {
        let scene = Scene::windows();
        let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
        let file = scene.step.directories.sources.join("web.yml");
        let text = format!(
            "source: {{type: PlatformImage, publisher: microsoftwindowsdesktop, offer: office-365, sku: win11-25h2-avd-m365}}\ndistribute:\n- type: SharedImage\n  runOutputName: gallery\n  galleryImageId: {gallery}/images/win11-avd\n  targetRegions: [{{name: westeurope}}]\n",
        );
        fs::write(&file, text).unwrap();
        scene
            .input("templateFile", file.to_str().unwrap())
            .input("skipIfUnchanged", "true")
    };
    let first = scene().build(|_| {}).await;
    assert_eq!(
        first.variable("imageChanged"),
        Some("true"),
        "{}",
        first.transcript
    );
    let second = scene().build_in(Arc::clone(&first.cloud)).await;
    assert_eq!(
        second.variable("imageChanged"),
        Some("false"),
        "{}",
        second.transcript
    );
    assert_eq!(runs(&second.cloud), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_means_a_build() {
    for operation in ["ListVersions", "ListPlatformImageVersions"] {
        let scene = || Scene::windows().input("skipIfUnchanged", "true");
        let first = scene().build(|_| {}).await;
        first.cloud.add_fault(Fault::once(
            operation,
            Effect::refusal(403, "AuthorizationFailed", "no"),
        ));
        let second = scene().build_in(Arc::clone(&first.cloud)).await;
        good(&second);
        assert_eq!(runs(&second.cloud), 2, "{operation}");
        let told = "an image is built, because the changes could not be determined:  ";
        assert!(second.transcript.contains(told), "{}", second.transcript);
    }
}

#[tokio::test(start_paused = true)]
async fn it_has_no_effect_where_nothing_can_be_compared() {
    let managed = Scene::windows();
    let image = format!(
        "{}/providers/Microsoft.Compute/images/avd",
        managed.world.group_id("rg-images")
    );
    let stages = [
        managed
            .input("distributeType", "managedImage")
            .input("imageIdForDistribute", &image),
        Scene::windows().input("provenanceTags", "false"),
    ];
    for scene in stages {
        let stage = scene.input("skipIfUnchanged", "true").build(|_| {}).await;
        let warnings = stage.issues("warning").concat();
        check_has(
            &warnings,
            "Input 'skipIfUnchanged': it has no effect, because",
        );
        assert_eq!(stage.variable("imageChanged"), Some("true"));
    }
}
