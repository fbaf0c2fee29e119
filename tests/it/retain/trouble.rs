//! What goes wrong with a deletion, and what becomes of the others then.

use std::time::Duration;

use azure_emulator::{Effect, Fault, Lock, LockLevel};
use serde_json::json;

use super::scene::{Ended, Shelf, version};
use crate::texts::{check_has, check_starts};

fn fault(operation: &str, nth: u32, times: u32, effect: Effect) -> Fault {
    Fault::once(operation, effect).starting_at(nth).times(times)
}

/// Versions 1.0.1 and 1.0.2 go, unless something is in the way.
fn shelf() -> Shelf {
    Shelf::with(4)
}

#[tokio::test(start_paused = true)]
async fn a_lock_keeps_a_version() {
    let shelf = shelf();
    let scope = shelf.id("1.0.1");
    let lock = Lock {
        scope,
        level: LockLevel::CanNotDelete,
    };
    let ended = shelf.run_in(|cloud| cloud.add_lock(lock)).await;
    ended.stage.check_result("SucceededWithIssues");
    assert_eq!(ended.there(), [1, 3, 4]);
    let warnings = ended.stage.issues("warning");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("AIB894: Image version 1.0.1 stays: Deleting image version 1.0.1 failed: Azure refused with ScopeLocked (409)"), "{warnings:?}");
    assert!(ended.reasons("1.0.1")[0].starts_with("refused: "));
    assert_eq!(ended.retained_and_removed(), ("3", "1"));
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_keeps_a_version() {
    let refused = fault(
        "DeleteVersion",
        1,
        9,
        Effect::refusal(
            403,
            "AuthorizationFailed",
            "The client has no authorization.",
        ),
    );
    let ended = shelf().run_in(|cloud| cloud.add_fault(refused)).await;
    ended.stage.check_result("SucceededWithIssues");
    assert_eq!(ended.there(), [1, 2, 3, 4]);
    let warnings = ended.stage.issues("warning");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for warning in warnings {
        check_starts(&warning, "AIB895: Image version 1.0.");
        assert!(warning.contains("Image Builder Task release"), "{warning}");
    }
    assert_eq!(ended.retained_and_removed(), ("4", "0"));
}

/// A refusal in the definition's own words, which were never recorded: status and code do not matter.
#[tokio::test(start_paused = true)]
async fn other_refusals_keep_a_version_too() {
    for code in [400, 409, 412, 500] {
        let refused = fault(
            "DeleteVersion",
            1,
            99,
            Effect::refusal(code, "OperationNotAllowed", "Replication is going on."),
        );
        let ended = shelf().run_in(|cloud| cloud.add_fault(refused)).await;
        assert_eq!(ended.stage.result(), "SucceededWithIssues", "{code}");
        assert_eq!(ended.there(), [1, 2, 3, 4]);
        let warnings = ended.stage.issues("warning");
        assert!(
            warnings
                .iter()
                .all(|it| it.starts_with("AIB894: ") && it.contains("Replication is going on")),
            "{warnings:?}"
        );
    }
}

/// Another job is at it: that is no trouble. It begins while Azure asks this one for patience.
#[tokio::test(start_paused = true)]
async fn what_another_job_deletes_is_no_trouble() {
    let shelf = shelf();
    let definition = shelf.definition();
    let deleting = version(&definition, "1.0.1", 365, &json!({"state": "Deleting"}));
    let patience = Effect::Status {
        code: 429,
        headers: vec![("retry-after".to_owned(), "30".to_owned())],
        body: String::new(),
    };
    let stage = shelf.scene.build_while(
        |cloud| cloud.add_fault(fault("DeleteVersion", 1, 1, patience)),
        |cloud| async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            cloud.put_image_version(&deleting);
        },
    );
    let ended = Ended::of(definition, stage.await);
    ended.stage.check_result("Succeeded");
    assert_eq!(
        ended.reasons("1.0.1"),
        ["not ended: another job deletes it"]
    );
    assert_eq!(ended.retained_and_removed(), ("3", "1"));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_no_trouble() {
    // Gone when it is read right before.
    let gone = fault(
        "GetVersion",
        1,
        1,
        Effect::refusal(404, "ResourceNotFound", "It was not found."),
    );
    let ended = shelf().run_in(|cloud| cloud.add_fault(gone)).await;
    ended.stage.check_result("Succeeded");
    assert_eq!(ended.retained_and_removed(), ("2", "1"));
    assert!(ended.says("already deleted by someone else"));
    // Gone when it is to be deleted.
    let gone = fault(
        "DeleteVersion",
        1,
        9,
        Effect::refusal(404, "ResourceNotFound", "It was not found."),
    );
    let ended = shelf().run_in(|cloud| cloud.add_fault(gone)).await;
    assert_eq!(
        (ended.stage.result(), ended.retained_and_removed()),
        ("Succeeded", ("2", "2"))
    );
}

/// The answer to a deletion gets lost, or the operation is not to be read: the version itself tells.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_decided_by_a_look() {
    let broken = |operation, nth, effect| fault(operation, nth, 1, effect);
    let none = || {
        Effect::refusal(
            403,
            "AuthorizationFailed",
            "The client has no authorization.",
        )
    };
    for faults in [
        vec![broken("DeleteVersion", 1, Effect::ResetAfter)],
        vec![broken("DeleteVersion", 1, Effect::ResetBefore)],
        vec![broken("DeleteVersion", 1, Effect::NotJson)],
        vec![broken(
            "DeleteVersion",
            1,
            Effect::refusal(429, "TooManyRequests", "Later."),
        )],
        vec![fault("GetComputeOperation", 1, 99, none())],
        vec![fault("GetComputeOperation", 1, 99, Effect::ResetBefore)],
        vec![broken("GetComputeOperation", 1, Effect::ExpireToken)],
    ] {
        let told = format!("{faults:?}");
        let ended = shelf()
            .run_in(|cloud| faults.into_iter().for_each(|it| cloud.add_fault(it)))
            .await;
        assert_eq!(ended.there(), [3, 4], "{told} {}", ended.stage.transcript);
        assert_eq!(ended.stage.issues("error"), [""; 0], "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_in_azure_is_told() {
    let failed = json!({"status": "Failed", "error": {"code": "InternalExecutionError", "message": "An internal execution error occurred."}});
    let failed = Effect::status(200, &failed);
    let ended = shelf()
        .run_in(|cloud| cloud.add_fault(fault("GetComputeOperation", 1, 99, failed)))
        .await;
    ended.stage.check_result("SucceededWithIssues");
    let warnings = ended.stage.issues("warning");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].contains("deleting it failed: Azure reports InternalExecutionError"),
        "{warnings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_such_definition_is_an_error() {
    let shelf = Shelf::new();
    let id = shelf.definition().replace("win11-avd", "win11-avdd");
    let ended = shelf.input("galleryImageId", &id).run().await;
    let error = ended.stage.error();
    check_starts(
        &error,
        "AIB891: Listing the versions failed: image definition '",
    );
    check_has(&error, "az sig image-definition list --subscription ");
    ended.stage.check_result("Failed");
}

/// Nothing new is begun, what goes on in Azure is named, and the result says what was done.
#[tokio::test(start_paused = true)]
async fn a_canceled_job_begins_nothing_new() {
    for (after, deleted) in [(1, 4), (200, 8)] {
        let shelf = Shelf::with(9).input("keepVersions", "0");
        let definition = shelf.definition();
        let stop = Some(Duration::from_secs(after));
        let stage = shelf.scene.build_until(|_| {}, stop).await;
        let ended = Ended::of(definition, stage);
        ended.stage.check_result("Canceled");
        assert_eq!(
            ended.count("DeleteVersion"),
            deleted,
            "{after} {}",
            ended.stage.transcript
        );
        assert_eq!(ended.numbers("underWay").len(), 4);
        assert_eq!(ended.numbers("removed").len(), deleted - 4);
        let left = ended.reasons("1.0.8");
        let expected = ["canceled: the job was canceled first"];
        assert_eq!(
            left,
            if deleted == 4 { &expected[..] } else { &[] },
            "{after}"
        );
    }
}

/// A second request to stop: nothing is waited for.
#[tokio::test(start_paused = true)]
async fn a_job_that_ends_at_once_says_what_was_done() {
    let shelf = Shelf::with(6);
    let definition = shelf.definition();
    let stage = shelf
        .scene
        .build_until_twice(Duration::from_secs(60), Duration::from_millis(1))
        .await;
    let ended = Ended::of(definition, stage);
    ended.stage.check_result("Canceled");
    assert_eq!(ended.numbers("underWay").len(), 4);
}
