//! What the doctor says of a promotion before it is made; and a build under the number of a deleted version.

use azure_emulator::SoftDelete;

use super::*;
use crate::texts::check_has;

fn doctor(number: &str) -> Scene {
    Scene::bare("doctor").input("imageVersionId", &version(number))
}

#[tokio::test(start_paused = true)]
async fn the_doctor_checks_what_a_promotion_needs() {
    let stage = run(doctor("1.0.2609402").input("requireTags", "imageTest=passed")).await;
    assert!(
        ["Succeeded", "Failed"].contains(&stage.result()),
        "{}",
        stage.transcript
    );
    let told = lines(&stage);
    assert!(
        told.iter()
            .any(|line| line
                .contains("image version: version 1.0.2609402 exists, in state Succeeded")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|line| line.contains("permissions on the versions")),
        "{told:#?}"
    );
    assert!(puts(&stage).is_empty());
    check_has(&page(&stage), "## Before the version is changed");

    let missing = run(doctor("9.9.9")).await;
    missing.check_result("Failed");
    // Nothing was promoted, so nothing of that failed.
    let errors = missing.issues("error");
    let expected = "AIB821: image version: version 9.9.9 of 'win11-avd' in gallery 'galContoso': it does not exist\nhint: check input 'ImageVersionId'; ";
    assert!(errors[0].starts_with(expected), "{errors:?}");
    assert!(
        !missing.transcript.contains("failed"),
        "{}",
        missing.transcript
    );
    let tags = run(doctor("1.0.2609402").input("requireTags", "a=b")).await;
    assert!(
        tags.issues("error")[0].contains("AIB823"),
        "{:?}",
        tags.issues("error")
    );
}

#[tokio::test(start_paused = true)]
async fn the_doctor_checks_the_definitions_of_copies() {
    let production = definition("galProduction");
    let nothing = production.replace("win11-avd", "nothing");
    let both = format!("{production}\n{nothing}");
    let stage = run(doctor("1.0.2609402").input("promoteTo", &both)).await;
    stage.check_result("Failed");
    let errors = stage.issues("error").concat();
    assert!(errors.contains("AIB826: image definition of the copy: image definition 'nothing' does not exist in gallery 'galProduction'"), "{errors}");
}

#[tokio::test(start_paused = true)]
async fn the_doctor_names_the_permission_that_is_missing() {
    let mut step = doctor("1.0.2609402");
    step.world.role_assignments.clear();
    let stage = run(step).await;
    stage.check_result("Failed");
    let errors = stage.issues("error").concat();
    check_has(&errors, "Microsoft.Compute/galleries/images/versions/write");
    check_has(&errors, "Compute Gallery Artifacts Publisher");
}

#[tokio::test(start_paused = true)]
async fn a_build_never_takes_the_number_of_a_deleted_version() {
    let build = || {
        let mut scene = Scene::windows().input("imageVersion", "1.2.0");
        scene.world.galleries[0].soft_delete = Some(SoftDelete::default());
        scene
    };
    let stage = build().build(|_| {}).await;
    stage.check_result("Succeeded");
    delete(&stage, &version("1.2.0")).await;
    let again = then(&stage, build()).await;
    let error = again.error();
    assert!(
        error.starts_with("AIB827: ")
            && error
                .contains("version 1.2.0 of 'win11-avd' was deleted, and can be restored until 20"),
        "{error}"
    );
    check_has(&error, "hint: set input 'imageVersion' to another number");
    let templates = again.cloud.requests("PutTemplate");
    assert_eq!(templates.len(), 1);
    // Another number is free.
    let other = then(&stage, build().input("imageVersion", "1.2.1")).await;
    other.check_result("Succeeded");
}
