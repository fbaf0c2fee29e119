//! `action: doctor` with the inputs of `retain`: what is missing is told, and nothing is changed.

use azure_emulator::{Effect, Fault, Role};

use super::scene::{Ended, Shelf};
use crate::texts::check_starts;

fn doctor() -> Shelf {
    Shelf::with(3).input("action", "doctor")
}

fn refused(operation: &str) -> Fault {
    Fault::always(
        operation,
        Effect::refusal(403, "AuthorizationFailed", "No."),
    )
}

fn changed_nothing(ended: &Ended) {
    assert_eq!(ended.count("DeleteVersion") + ended.count("PutVersion"), 0);
    assert_eq!(ended.there(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn all_is_well() {
    for action in ["delete", "exclude", "endOfLife"] {
        let ended = doctor().input("retainAction", action).run().await;
        ended.stage.check_result("Succeeded");
        changed_nothing(&ended);
        assert!(
            ended.says("ok        image versions: image definition 'win11-avd' has 3 versions")
        );
        let looks = usize::from(action != "exclude") + usize::from(action == "delete");
        let told = ended
            .stage
            .transcript
            .matches("which versions are in use can be determined");
        assert_eq!(told.count(), looks, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_told_with_its_command() {
    let scope = "--scope /subscriptions/";
    for (fault, code, text) in [
        ("ListVersions", "AIB712", "Image Builder Task release"),
        (
            "QueryResources",
            "",
            "not checked: what Azure Resource Graph finds",
        ),
        (
            "ListVirtualMachines",
            "AIB892",
            "Image Builder Task release reader",
        ),
    ] {
        let ended = doctor()
            .run_in(|cloud| cloud.add_fault(refused(fault)))
            .await;
        changed_nothing(&ended);
        assert!(ended.says(text), "{fault} {}", ended.stage.transcript);
        let errors = ended.stage.issues("error");
        if code.is_empty() {
            assert_eq!((ended.stage.result(), errors.len()), ("Succeeded", 0));
        } else {
            assert!(
                errors[0].starts_with(code) && errors[0].contains(scope),
                "{errors:?}"
            );
            ended.stage.check_result("Failed");
        }
    }
    let missing = doctor();
    let id = missing.definition() + "d";
    let ended = missing.input("galleryImageId", &id).run().await;
    assert!(
        ended
            .stage
            .error()
            .starts_with("AIB891: image versions: Listing the versions failed")
    );
}

/// A role that reads, and neither writes nor deletes.
#[tokio::test(start_paused = true)]
async fn a_role_that_only_reads_is_not_enough() {
    for (action, lacking) in [
        (
            "delete",
            "Microsoft.Compute/galleries/images/versions/delete",
        ),
        (
            "exclude",
            "Microsoft.Compute/galleries/images/versions/write",
        ),
    ] {
        let mut shelf = doctor().input("retainAction", action);
        let reader = Role {
            id: "acdd72a7-3385-48ef-bd42-f606fba81ae7".to_owned(),
            name: "Reader".to_owned(),
            actions: vec!["*/read".to_owned()],
            ..Role::default()
        };
        let world = &mut shelf.scene.world;
        for assignment in &mut world.role_assignments {
            assignment.role.clone_from(&reader.id);
        }
        world.roles.push(reader);
        let ended = shelf.run().await;
        let error = ended.stage.error();
        check_starts(
            &error,
            "AIB712: permissions on the versions: the service connection lacks ",
        );
        assert!(error.contains(lacking), "{error}");
    }
}
