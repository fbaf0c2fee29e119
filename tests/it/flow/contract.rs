//! Builds with inputs and template files beyond the seed scenario: the emulated service takes what the task sends.

use std::path::Path;

use azure_emulator::RunFate;

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use crate::texts::check_has;

fn check(stage: &Stage) {
    stage.check_result("Succeeded");
    check_nothing_left(stage);
    check_no_secret(stage);
}

#[tokio::test(start_paused = true)]
async fn the_inputs_of_version_2_make_an_image() {
    let stage = Scene::windows()
        .input(
            "targetRegions",
            "westeurope=2:Standard_ZRS, northeurope, uksouth=Premium_LRS",
        )
        .input("distributeStorageAccountType", "Standard_LRS")
        .input("distributeVersioningScheme", "Latest")
        .input("distributeVersioningMajor", "3")
        .input("excludeFromLatest", "true")
        .input("replicationMode", "Full")
        .input("artifactTags", "build=20261122.1\nowner=web")
        .input("templateTags", "{\"owner\": \"web\"}")
        .input("managedResourceTags", "{\"costCenter\": \"4711\"}")
        .input("osDiskSizeGB", "256")
        .input("optimizeVmBoot", "true")
        .input("enableValidation", "true")
        .input("validationInlineScript", "Get-Service W3SVC")
        .input("errorHandlingOnCustomizerError", "abort")
        .input("stopOnError", "true")
        .build(|_| {})
        .await;
    check(&stage);
    let versions = stage.cloud.inventory().image_versions;
    let (id, _, regions) = &versions[0];
    assert!(id.ends_with("/images/win11-avd/versions/3.0.0"), "{id}");
    assert_eq!(regions.len(), 3, "{regions:?}");
}

#[tokio::test(start_paused = true)]
async fn a_vm_that_is_kept_for_a_look_keeps_its_template() {
    for (word, left) in [("abort", 1), ("cleanup", 0)] {
        let stage = Scene::windows()
            .input("errorHandlingOnCustomizerError", word)
            .build(|cloud| cloud.script_run(RunFate::customizer_failed()))
            .await;
        stage.check_result("Failed");
        let inventory = stage.cloud.inventory();
        assert_eq!(inventory.templates.len(), left, "{word}: {inventory}");
        // The log of the run lies in the staging group; the package is gone.
        let package = inventory.to_string().contains("imagebuilder-vststask");
        assert!(!package, "{word}: {inventory}");
        let told = stage
            .transcript
            .contains("would be deleted with it. When it is no longer needed, run: ");
        assert_eq!(told, left == 1, "{}", stage.transcript);
        check_no_secret(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_version_is_numbered_by_the_build() {
    let stage = Scene::windows()
        .input("imageVersion", "1.02.$(Rev:r)")
        .build(|_| {})
        .await;
    check(&stage);
    let uri = stage.variable("imageUri").unwrap();
    assert!(uri.ends_with("/images/win11-avd/versions/1.2.1"), "{uri}");
}

fn with_template_file(mut scene: Scene) -> Scene {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/template-files/desktop.yml");
    let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
    scene.step = scene
        .step
        .variable("definition", format!("{gallery}/images/win11-avd"))
        .variable("Build.SourceVersion", "1f3a");
    scene.input("templateFile", file.to_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_template_file_makes_an_image_without_a_package() {
    let stage = with_template_file(Scene::windows())
        .input("packagePath", "")
        .input("storageAccountName", "")
        .input("inlineScript", "")
        .input("baseImagePubOfferSku", "")
        .input("windowsUpdateProvisioner", "")
        .input("galleryImageId", "")
        .input("replicationRegions", "")
        .input("provisioner", "shell")
        .input("distributeType", "managedimage")
        .input("vmSize", "")
        .input("buildTimeoutInMinutes", "0")
        .input("imageSource", "managedimage")
        .build(|_| {})
        .await;
    check(&stage);
    assert!(
        !stage.transcript.contains("Archiving"),
        "{}",
        stage.transcript
    );
    let uri = stage.variable("imageUri").unwrap();
    assert!(uri.ends_with("/images/win11-avd/versions/1.0.0"), "{uri}");
    assert_eq!(stage.variable("pirSku"), Some("win11-25h2-avd-m365"));
}

#[tokio::test(start_paused = true)]
async fn a_template_file_and_a_package_make_an_image() {
    let stage = with_template_file(Scene::windows()).build(|_| {}).await;
    // Inputs that the file wins over are warned of.
    stage.check_result("SucceededWithIssues");
    check_nothing_left(&stage);
    check_no_secret(&stage);
    check_has(&stage.transcript, "Archiving");
}

#[tokio::test(start_paused = true)]
async fn a_rendered_template_sends_nothing() {
    let stage = with_template_file(Scene::windows())
        .input("action", "render")
        .build(|_| {})
        .await;
    check_nothing_left(&stage);
    check_no_secret(&stage);
    assert_eq!(stage.variable("imageUri"), None);
    check_has(&stage.transcript, "\"vmProfile\": {");
    assert!(
        !stage.transcript.contains("put template"),
        "{}",
        stage.transcript
    );
}
