//! What a removal says: nothing where there was nothing, and at once what no waiting changes.

use std::time::Duration;

use azure_emulator::{Effect, Fault, Lock, LockLevel, Matcher};
use http::Method;
use serde_json::json;

use super::scene::Scene;
use super::story::check_nothing_left;

/// After this long the image is being customized.
const CUSTOMIZING: Duration = Duration::from_secs(500);
const GROUP: &str = "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images";

/// What is gone already is no news.
#[tokio::test(start_paused = true)]
async fn nothing_is_said_of_what_is_not_there() {
    let first = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let note = first.note.clone().unwrap();
    let done = first.clean_up().await;
    check_nothing_left(&done);
    let again = done.with_note(&note).clean_up().await;
    again.check_result("Succeeded");
    for word in ["removed ", "delete template"] {
        assert!(!again.transcript.contains(word), "{}", again.transcript);
    }
}

/// A template that Azure does not find at first was made all the same: it is looked for again, in both stages.
#[tokio::test(start_paused = true)]
async fn a_template_that_shows_late_is_removed() {
    let missing = |times| {
        Fault::once(
            "GetTemplate",
            Effect::refusal(404, "ResourceNotFound", "not found"),
        )
        .times(times)
    };
    for times in [1, 3] {
        let crashed = Scene::windows().build_until_crash(CUSTOMIZING).await;
        crashed.cloud.add_fault(missing(times));
        let done = crashed.clean_up().await;
        assert_eq!(done.result(), "Succeeded", "{times}\n{}", done.transcript);
        check_nothing_left(&done);
    }
}

/// A firewall lets nobody write: nothing was made, so nothing is removed, and there is nothing to say of it.
#[tokio::test(start_paused = true)]
async fn nothing_is_said_of_a_package_that_never_was() {
    for (method, path) in [
        (Method::PUT, "/imagebuilder-vststask"),
        (Method::PUT, "/imagebuilder-vststask/images/*"),
    ] {
        let refusal = Effect::Status {
            code: 403,
            headers: vec![(
                "x-ms-error-code".to_owned(),
                "AuthorizationFailure".to_owned(),
            )],
            body: String::new(),
        };
        let fault = Fault::always(Matcher::path(method, path), refusal);
        let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
        stage.check_result("Failed");
        assert!(
            !stage.transcript.contains("removed "),
            "{}",
            stage.transcript
        );
        assert_eq!(stage.issues("warning"), Vec::<String>::new());
        assert_eq!(stage.note, None, "nothing was made");
        let deletions = stage
            .cloud
            .journal()
            .into_iter()
            .filter(|entry| entry.method == Method::DELETE);
        assert_eq!(deletions.count(), 0);
    }
}

/// A lock is not waited for: it is named, and what to do about it comes before the command that it would refuse.
#[tokio::test(start_paused = true)]
async fn a_locked_group_is_told_at_once() {
    let message = format!(
        "The scope '{GROUP}/providers/Microsoft.VirtualMachineImages/imageTemplates/t_1' cannot perform delete operation because following scope(s) are locked: '{GROUP}'. Please remove the lock and try again."
    );
    let refusal = json!({"error": {"code": "ScopeLocked", "message": message}});
    let lock = format!("{GROUP}/providers/Microsoft.Authorization/locks/keep me");
    let locks = json!({"value": [{"name": "keep me", "id": lock, "properties": {"level": "CanNotDelete"}}]});
    let hidden = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
    let known = format!("the lock is 'keep me', az lock delete --ids '{lock}' deletes it");
    let unknown = "az lock list --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-images shows the lock".to_owned();
    for (of_locks, named) in [
        (Effect::status(200, &locks), known),
        (Effect::status(403, &hidden), unknown),
    ] {
        let stage = Scene::windows()
            .build(|cloud| {
                let deletion = Matcher::operation("DeleteTemplate");
                cloud.add_fault(Fault::always(deletion, Effect::status(409, &refusal)));
                let path = Matcher::path(Method::GET, "*/Microsoft.Authorization/locks");
                cloud.add_fault(Fault::always(path, of_locks));
            })
            .await;
        stage.check_result("SucceededWithIssues");
        let refused = stage.cloud.requests("DeleteTemplate");
        assert_eq!(refused.len(), 1, "it was not tried again");
        let name = stage.variable("templateName").unwrap();
        let expected = format!(
            "AIB601: Deleting image template '{name}' failed: Azure refused with ScopeLocked (409): {message} ({named})\nhint: a lock on '{GROUP}' blocks the delete operation: delete the lock first, and create it again afterwards; then run: az image builder delete --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-images --name {name}"
        );
        assert_eq!(stage.issues("warning"), [expected]);
    }
}

/// A lock on the group of the template, made while the image was built.
#[tokio::test(start_paused = true)]
async fn a_lock_that_came_during_the_build_is_told_at_once() {
    let stage = Scene::windows()
        .build(|cloud| {
            cloud.add_lock(Lock {
                scope: GROUP.to_owned(),
                level: LockLevel::CanNotDelete,
            });
        })
        .await;
    stage.check_result("SucceededWithIssues");
    let refused = stage.cloud.requests("DeleteTemplate");
    assert_eq!(refused.len(), 1, "it was not tried again");
    let told = stage.issues("warning").concat();
    let hint = format!(
        "hint: a lock on '{GROUP}' blocks the delete operation: delete the lock first, and create it again afterwards; then run: az image builder delete "
    );
    assert!(told.contains(&hint), "{told}");
}

/// Nor is anything else that only a person ends.
#[tokio::test(start_paused = true)]
async fn a_disabled_subscription_is_told_at_once() {
    let refusal = json!({"error": {"code": "ReadOnlyDisabledSubscription", "message": "The subscription is disabled and therefore marked as read only."}});
    let fault = Fault::always("DeleteTemplate", Effect::status(409, &refusal));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    let refused = stage.cloud.requests("DeleteTemplate");
    assert_eq!(refused.len(), 1, "it was not tried again");
    let told = stage.issues("warning").concat();
    let hint = "hint: the subscription is disabled, so nothing in it can be changed: let the subscription's owner enable it again; then run: az image builder delete";
    assert!(told.contains(hint), "{told}");
}

/// When the time is up, what Azure said last is told.
#[tokio::test(start_paused = true)]
async fn the_last_refusal_is_told_when_the_time_is_up() {
    let busy = json!({"error": {"code": "Conflict", "message": "something else is going on"}});
    let fault = Fault::always("DeleteTemplate", Effect::status(409, &busy));
    let stage = Scene::windows().build(|cloud| cloud.add_fault(fault)).await;
    let name = stage.variable("templateName").unwrap().to_owned();
    let told = stage.issues("warning").concat();
    let expected = format!(
        "it still existed after 15 minutes; the last answer was: Deleting image template '{name}' failed: Azure refused with Conflict (409): something else is going on"
    );
    assert!(told.contains(&expected), "{told}");
}
