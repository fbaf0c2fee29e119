//! Trouble on the way: an answer that got lost, someone else, throttling, the end of a token, the end of the job.

use azure_emulator::{Busy, Effect, Fate, Fault};

use super::*;
use crate::texts::check_has;

fn on_put(nth: u32, times: u32, effect: Effect) -> Fault {
    Fault::once("PutVersion", effect)
        .starting_at(nth)
        .times(times)
}

fn refusal(code: u16, word: &str) -> Effect {
    Effect::status(
        code,
        format!(r#"{{"error":{{"code":"{word}","message":"no"}}}}"#),
    )
}

/// Whether the request came through or not, in the end the version counts, and it is changed once.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_decided_by_a_look() {
    let production = definition("galProduction");
    for (what, effect, sent) in [
        ("came through", Effect::ResetAfter, 1),
        ("did not", Effect::ResetBefore, 2),
        ("500", refusal(500, "InternalServerError"), 2),
        ("504", refusal(504, "GatewayTimeout"), 2),
    ] {
        for action in ["promote", "withdraw", "copy"] {
            let step = match action {
                "copy" => scene("promote", "1.0.2609402").input("promoteTo", &production),
                "withdraw" => scene("withdraw", "1.0.2609402").input("withdrawLast", "true"),
                action => scene(action, "1.0.2609402"),
            };
            let stage = step
                .build(|cloud| {
                    put(cloud, &shelf());
                    cloud.add_fault(on_put(1, 1, effect.clone()));
                })
                .await;
            assert_eq!(
                stage.result(),
                "Succeeded",
                "{what} {action}\n{}",
                stage.transcript
            );
            assert_eq!(
                puts(&stage).len(),
                sent,
                "{what} {action}\n{}",
                stage.transcript
            );
            assert!(
                stage.transcript.contains("put image version:  Succeeded"),
                "{what} {action}"
            );
            let expected = if action == "withdraw" {
                "false"
            } else {
                "true"
            };
            assert_eq!(
                stage.variable("imageReleased"),
                Some(expected),
                "{what} {action}"
            );
            assert!(stage.cloud.unconsumed_faults().is_empty());
        }
    }
}

/// Someone else changes the version: it is waited for, and the change is made again of what is there then.
#[tokio::test(start_paused = true)]
async fn a_change_of_somebody_else_is_not_undone() {
    let stage = scene("promote", "1.0.2609402")
        .build_while(
            |cloud| {
                put(cloud, &shelf());
                cloud.add_fault(on_put(1, 1, refusal(409, "Conflict")));
            },
            async |cloud| {
                tokio::time::sleep(Duration::from_secs(10)).await;
                let mut tagged = on_shelf("1.0.2609402", BOTH, true);
                tagged.body["tags"]["owner"] = "someone else".into();
                put(&cloud, &[tagged]);
            },
        )
        .await;
    good(&stage);
    assert_eq!(puts(&stage).len(), 2);
    let tags = tags(&stage, &version("1.0.2609402"));
    assert_eq!(tags["owner"], "someone else");
    assert!(tags["promotedAt"].is_string());
    assert!(stage.transcript.contains("the change is sent again:  Changing image version 1.0.2609402 of 'win11-avd' failed: Azure refused with Conflict (409): no"));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_stays_is_told_after_three_more_requests() {
    let stage = scene("promote", "1.0.2609402")
        .build(|cloud| {
            put(cloud, &shelf());
            cloud.add_fault(on_put(1, 9, refusal(409, "Conflict")));
        })
        .await;
    stage.check_result("Failed");
    assert_eq!(puts(&stage).len(), 4);
    check_has(&stage.error(), "Azure refused with Conflict (409)");
    // These are told at once; another one only while something goes on.
    for code in [
        "ScopeLocked",
        "PropertyChangeNotAllowed",
        "OperationNotAllowed",
        "SomethingNew",
    ] {
        let stage = scene("promote", "1.0.2609402")
            .build(|cloud| {
                put(cloud, &shelf());
                cloud.add_fault(on_put(1, 1, refusal(409, code)));
            })
            .await;
        assert_eq!(puts(&stage).len(), 1, "{code}");
        assert!(stage.error().contains(code), "{}", stage.error());
        assert!(stage.elapsed < Duration::from_secs(5));
    }
}

/// Two promotions at once: the one that comes second waits, and finds nothing to do.
#[tokio::test(start_paused = true)]
async fn two_promotions_at_once() {
    for busy in [Busy::Conflict, Busy::Taken] {
        let first =
            scene("promote", "1.0.2609402").switches(|on| on.versions.change_while_busy = busy);
        let stage = first
            .build_while(
                |cloud| {
                    put(cloud, &shelf());
                },
                async |cloud| {
                    tokio::time::sleep(Duration::from_secs(20)).await;
                    let second = scene("promote", "1.0.2609402").build_in(cloud).await;
                    good(&second);
                    assert!(
                        second
                            .transcript
                            .contains("waiting for the image version:  Updating"),
                        "{}",
                        second.transcript
                    );
                    check_has(&second.transcript, "nothing to do");
                },
            )
            .await;
        good(&stage);
        assert_eq!(puts(&stage).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let throttled = Effect::Status {
        code: 429,
        headers: vec![("retry-after".to_owned(), "17".to_owned())],
        body: r#"{"error":{"code":"TooManyRequests","message":"wait"}}"#.to_owned(),
    };
    for operation in [
        "PutVersion",
        "GetVersion",
        "ListVersions",
        "GetDefinition",
        "GetComputeOperation",
    ] {
        let stage = scene("promote", "1.0.2609402")
            .build(|cloud| {
                put(cloud, &shelf());
                cloud.add_fault(Fault::once(operation, throttled.clone()).times(2));
            })
            .await;
        good(&stage);
        assert!(stage.cloud.unconsumed_faults().is_empty(), "{operation}");
    }
}

/// Every read on the way fails once, in every way: the version counts in the end.
#[tokio::test(start_paused = true)]
async fn each_look_may_fail_once() {
    for operation in [
        "GetVersion",
        "ListVersions",
        "GetDefinition",
        "GetComputeOperation",
        "GetGallery",
        "ListSoftDeletedVersions",
    ] {
        for effect in [
            Effect::ResetAfter,
            Effect::ResetBefore,
            refusal(500, "x"),
            refusal(503, "x"),
        ] {
            for nth in 1..=3 {
                let step = scene("promote", "1.0.2609402")
                    .input("promoteTo", &definition("galProduction"));
                let stage = step
                    .build(|cloud| {
                        put(cloud, &shelf());
                        cloud.add_fault(Fault::once(operation, effect.clone()).starting_at(nth));
                    })
                    .await;
                assert_eq!(
                    stage.result(),
                    "Succeeded",
                    "{operation} {nth} {effect:?}\n{}",
                    stage.transcript
                );
                assert_eq!(puts(&stage).len(), 1, "{operation} {nth} {effect:?}");
            }
        }
    }
}

/// A token ends in the minutes that a copy takes.
#[tokio::test(start_paused = true)]
async fn a_token_ends_on_the_way() {
    let step = scene("promote", "1.0.2609402")
        .input("promoteTo", &definition("galProduction"))
        .switches(|on| on.token_lifetime = Duration::from_secs(330));
    let stage = run(step).await;
    good(&stage);
    assert!(
        stage
            .cloud
            .journal()
            .iter()
            .all(|entry| entry.status != Some(401))
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_is_told_in_azures_words() {
    let fate = || Fate::Fail {
        code: "ReplicationJobsNotCompleted".to_owned(),
        message: "The replication job has not completed due to capacity.".to_owned(),
    };
    let stage =
        run(scene("promote", "1.0.2609402").switches(|on| on.versions.change = fate())).await;
    let error = stage.error();
    assert!(error.contains("Promoting image version 1.0.2609402 of 'win11-avd' in gallery 'galContoso' failed: Azure started the change, and then: ReplicationJobsNotCompleted: The replication job has not completed due to capacity."), "{error}");
    stage.check_result("Failed");
    assert_eq!(stage.variable("imageReleased"), Some("false"));
    // One without an end.
    let stage =
        run(scene("promote", "1.0.2609402").switches(|on| on.versions.change = Fate::NeverEnd))
            .await;
    let error = stage.error();
    assert!(
        error.starts_with("AIB403: ")
            && error.contains("it is still in state Updating after 1 h 30 min"),
        "{error}"
    );
    assert!(
        stage.elapsed < Duration::from_secs(5_600),
        "{:?}",
        stage.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn a_canceled_job_leaves_the_change_to_azure() {
    let stage = scene("promote", "1.0.2609402")
        .build_until(|cloud| put(cloud, &shelf()), Some(Duration::from_secs(30)))
        .await;
    stage.check_result("Canceled");
    assert!(
        stage
            .transcript
            .contains("The change that was sent continues in Azure")
    );
    assert_eq!(
        result_file(&stage)["imageVersionId"],
        version("1.0.2609402")
    );
    assert!(stage.elapsed < Duration::from_secs(31));
    tokio::time::sleep(Duration::from_secs(200)).await;
    let again = then(&stage, scene("promote", "1.0.2609402")).await;
    good(&again);
    assert_eq!(puts(&again).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing() {
    let stage = scene("promote", "1.0.2609402")
        .build(|cloud| {
            put(cloud, &shelf());
            cloud.add_fault(on_put(1, 1, refusal(403, "AuthorizationFailed")));
        })
        .await;
    let error = stage.error();
    assert!(error.contains("Changing image version 1.0.2609402 of 'win11-avd' failed: Azure refused with AuthorizationFailed (403)"), "{error}");
    check_has(&error, "Compute Gallery Artifacts Publisher");
}
