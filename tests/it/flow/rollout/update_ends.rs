//! How a session host update ends, what is done about it, and what is told: whole.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, Effect, Entry, Fault, Lock, LockLevel, UpdateFate};

use super::updating::*;
use crate::emulated::token;
use crate::flow::scene::{Scene, Stage};
use crate::golden::golden;
use crate::texts::check_has;

fn refusal(code: u16, word: &str) -> Effect {
    Effect::status(
        code,
        format!(r#"{{"error":{{"code":"{word}","message":"no"}}}}"#),
    )
}

fn add(text: &mut String, name: &str, stage: &Stage) {
    writeln!(text, "## {name}\n{}\n", outcome(stage)).unwrap();
}

/// Every end with everything that can be done about it.
#[tokio::test(start_paused = true)]
async fn every_end_with_every_answer_to_it() {
    let fates = [
        ("too few processors", UpdateFate::CapacityRule),
        ("no host needs it", UpdateFate::NoHosts),
        ("a secret cannot be read", UpdateFate::KeyVault),
        ("a host fails once", UpdateFate::HostFails),
        ("a host fails and stays broken", UpdateFate::RollbackFails),
        ("it never shows", UpdateFate::NeverStarts),
    ];
    let mut text = String::new();
    for (name, fate) in fates {
        for on_failure in ["retry", "cancel", "back", "leave"] {
            let scene = quick().input("onRolloutFailure", on_failure);
            let stage = run(scene, |cloud| cloud.script_update(fate)).await;
            add(&mut text, &format!("{name}, {on_failure}"), &stage);
        }
    }
    golden("rollout/update-ends.txt", &text);
}

/// The second host fails: one has the image already.
#[tokio::test(start_paused = true)]
async fn a_host_that_is_done_keeps_the_image_unless_the_way_back_is_asked_for() {
    let mut text = String::new();
    for on_failure in ["retry", "cancel", "back", "leave"] {
        let scene = quick().input("onRolloutFailure", on_failure);
        let cloud = scene.new_cloud();
        // The service cannot delete the VM of the second host (documented).
        cloud.add_lock(Lock {
            scope: format!(
                "{}/providers/Microsoft.Compute/virtualMachines/avd-1",
                group()
            ),
            level: LockLevel::CanNotDelete,
        });
        let stage = run_in(scene, &cloud).await;
        add(&mut text, on_failure, &stage);
    }
    golden("rollout/update-half.txt", &text);
}

/// Sends a request in the name of someone else.
fn someone(cloud: &Cloud, action: &str) {
    let world = Scene::windows().world;
    let path = format!(
        "{}/sessionHostManagements/default/controlSessionHostUpdate?api-version=2025-04-01-preview",
        production()
    );
    let body = format!(r#"{{"action":"{action}"}}"#);
    let request = http::Request::post(format!("{}{path}", world.addresses.arm))
        .header("authorization", format!("Bearer {}", token(&world)))
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(bytes::Bytes::from(body))
        .unwrap();
    let answer = cloud.answer(request).response().unwrap();
    assert_eq!(answer.status(), 202, "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn somebody_cancels_or_pauses_the_update() {
    let mut text = String::new();
    for (name, after) in [("before any host", 10), ("after the first host", 30 * 60)] {
        let stage = update()
            .build_with(async |cloud: Arc<Cloud>| {
                tokio::time::sleep(Duration::from_secs(70 + after)).await;
                someone(&cloud, "Cancel");
            })
            .await;
        add(&mut text, &format!("canceled {name}"), &stage);
    }
    let stage = update()
        .build_with(async |cloud: Arc<Cloud>| {
            tokio::time::sleep(Duration::from_secs(600)).await;
            someone(&cloud, "Pause");
            tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
            someone(&cloud, "Resume");
        })
        .await;
    add(&mut text, "paused and resumed", &stage);
    golden("rollout/update-someone.txt", &text);
}

/// The update ends between the last question and the cancel: the service refuses the cancel, and the update is not said to continue.
#[tokio::test(start_paused = true)]
async fn an_update_that_ended_before_its_cancel_does_not_continue() {
    let whole = run(update(), |_| {}).await;
    let journal = whole.cloud.journal();
    let start = journal.first().unwrap().time;
    let asked = |entry: &&Entry| entry.operation == Some("GetUpdateStatus");
    let last = journal.iter().rfind(asked).unwrap().time;
    let after = (last - start - time::Duration::SECOND).unsigned_abs();
    let scene = update().input("onCancel", "cancel");
    let stage = scene.build_until(|_| {}, Some(after)).await;
    assert_eq!(stage.result(), "Canceled", "{}", stage.transcript);
    let said = "the session host update had ended before it could be canceled: Succeeded; \
                the session host configuration stays as it is: new hosts get 1.0.1";
    check_has(&log(&stage), said);
    check_has(&page(&stage), said);
    assert_eq!(stage.variable("rolloutState"), Some("Succeeded"));
    assert!(
        !stage.transcript.contains("continues"),
        "{}",
        stage.transcript
    );
}

/// The job is canceled, or has no more time: the update goes on, unless the author says otherwise.
#[tokio::test(start_paused = true)]
async fn the_step_ends_before_the_update() {
    let mut text = String::new();
    for (name, after) in [
        ("while the configuration is changed", 0),
        ("at work", 30 * 60),
    ] {
        for on_cancel in ["", "leave", "cancel"] {
            let scene = update().input("onCancel", on_cancel);
            let stage = scene
                .build_until(|_| {}, Some(Duration::from_secs(after)))
                .await;
            add(&mut text, &format!("canceled {name}, {on_cancel}"), &stage);
            let lines = log(&stage);
            let told = lines.lines().filter(|line| {
                line.contains("continues")
                    || line.contains("has started")
                    || line.contains("canceled")
                    || line.contains("stays as it is")
            });
            writeln!(text, "{}\n", told.collect::<Vec<_>>().join("\n")).unwrap();
        }
    }
    for when_not_ready in ["fail", "succeedWithIssues", "succeed"] {
        let scene = update()
            .input("waitTimeoutInMinutes", "50")
            .input("whenNotReady", when_not_ready);
        let stage = run(scene, |_| {}).await;
        add(&mut text, &format!("50 minutes, {when_not_ready}"), &stage);
    }
    golden("rollout/update-stopped.txt", &text);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_update_that_begins_later_or_is_left_alone() {
    let later = {
        let at = time::OffsetDateTime::now_utc() + time::Duration::days(2);
        let at = at.replace_nanosecond(0).unwrap();
        at.format(&time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    let scheduled = || update().input("rolloutAt", &later);
    let cloud = scheduled().new_cloud();
    let (stage, sent) = spied(scheduled(), &cloud).await;
    assert_good(&stage);
    assert_eq!(stage.variable("rolloutState"), Some("Scheduled"));
    assert_eq!(sent[1].2["scheduledDateTime"], later.as_str());
    assert_eq!(sent[1].2["scheduledDateTimeZone"], "UTC");
    assert!(
        stage.elapsed < Duration::from_secs(300),
        "{:?}",
        stage.elapsed
    );
    // A later attempt finds it, and does not ask for another one.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let again = run_in(scheduled().attempt(2), &cloud).await;
    assert_good(&again);
    assert_eq!(again.variable("rolloutState"), Some("Scheduled"));
    assert_eq!(cloud.updates_begun(), 1);
    let text = log(&again);
    assert!(text.contains("Scheduled at 20"), "{text}");
    // One that is to be followed is, to its end.
    let followed = scheduled().input("rolloutWait", "true").attempt(3);
    let followed = run_in(followed, &cloud).await;
    assert_good(&followed);
    assert_eq!(followed.variable("rolloutState"), Some("Succeeded"));
    assert_eq!(hosts(&cloud), all(NEW));
    assert_eq!(cloud.updates_begun(), 1);

    let left = update().input("rolloutWait", "false");
    let stage = run(left, |_| {}).await;
    assert_good(&stage);
    assert_eq!(stage.variable("rolloutState"), Some("Running"));
    assert_eq!(
        stage.variable("rolloutPreviousImageId"),
        Some(version(OLD).as_str())
    );
    assert!(
        stage.elapsed < Duration::from_secs(300),
        "{:?}",
        stage.elapsed
    );
}

/// Whether the request came through or not: one update, never asked for again before five minutes have shown none.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_decided_by_a_look() {
    let mut text = String::new();
    for operation in ["InitiateUpdate", "PatchSessionHostConfiguration"] {
        for (name, effect) in [
            ("came through", Effect::ResetAfter),
            ("did not", Effect::ResetBefore),
            ("500", refusal(500, "InternalServerError")),
            ("504", refusal(504, "GatewayTimeout")),
            ("403", refusal(403, "AuthorizationFailed")),
            ("400", refusal(400, "BadRequest")),
            ("429", refusal(429, "TooManyRequests")),
        ] {
            let stage = run(quick(), |cloud| {
                let fault = Fault::once(operation, effect.clone());
                cloud.add_fault(fault);
            })
            .await;
            assert!(stage.cloud.updates_begun() <= 1, "{operation} {name}");
            add(&mut text, &format!("{operation} {name}"), &stage);
        }
    }
    golden("rollout/update-lost.txt", &text);
}

/// A failed update that was left alone is named, although the hosts that let users in have the image.
#[tokio::test(start_paused = true)]
async fn a_failed_update_that_was_left_alone_is_named() {
    let first = quick().input("onRolloutFailure", "leave");
    let first = run(first, |cloud| cloud.script_update(UpdateFate::KeyVault)).await;
    first.check_result("Failed");
    let back = quick().input("imageVersionId", &version(OLD));
    let stage = run_in(back, &first.cloud).await;
    assert_eq!(stage.variable("rolloutState"), Some("Nothing"));
    let body = format!(
        r#"{{"properties":{{"imageInfo":{{"type":"Custom","customInfo":{{"resourceId":"{}"}}}}}}}}"#,
        version(OLD)
    );
    let told = stage.issues("warning");
    let expected = format!(
        "AIB849: the last session host update of host pool 'hp-production' failed: UnableToAccessKeyVaultSecret: the pool's identity cannot read a \
         secret of the session host configuration (the service says: The secret https://kv-contoso-avd.vault.azure.net/secrets/username cannot be \
         read. Caller: name=microsoft.desktopvirtualization/hostpools), and the session host configuration still has 1.0.1, which new hosts get\n\
         hint: to set it back to 1.0.0: az rest --method patch --url '{}/sessionHostConfigurations/default?api-version=2025-04-01-preview' --body '{}'; \
         or roll out 1.0.1 again when the fault is mended",
        production(),
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    );
    assert_eq!(told, [expected]);
}

/// A host that the service could not give back has the image, and lets no users in.
#[tokio::test(start_paused = true)]
async fn a_host_that_stays_drained_is_named_in_the_end() {
    let first = quick().input("onRolloutFailure", "cancel");
    let first = run(first, |cloud| {
        cloud.script_update(UpdateFate::RollbackFails);
    })
    .await;
    first.check_result("Failed");
    let back = quick().input("imageVersionId", &version(OLD));
    let stage = run_in(back, &first.cloud).await;
    assert_good(&stage);
    let command = format!(
        r#"az rest --method patch --url '{}/sessionHosts/avd-0?api-version=2025-10-10' --body '{{"properties":{{"allowNewSession":true}}}}'"#,
        production()
    );
    let told = log(&stage);
    check_has(
        &told,
        &format!("avd-0:  drained; to let users in: {command}\n"),
    );
    check_has(&told, "4 of 4 hosts have it (1 is drained: avd-0)");
    let page = page(&stage);
    assert!(
        page.contains("4 of 4 hosts have the image (1 is drained: avd-0).")
            && page.contains(&format!("- `avd-0`: `{command}`\n")),
        "{page}"
    );
}

/// Someone has set another image, and no update has followed: hosts that are made later get it.
#[tokio::test(start_paused = true)]
async fn a_configuration_with_another_image_is_named_where_there_is_nothing_to_do() {
    for preview in ["false", "true"] {
        names_the_other_image(preview).await;
    }
}

async fn names_the_other_image(preview: &str) {
    let mut scene = quick()
        .input("imageVersionId", &version(OLD))
        .input("preview", preview);
    for pool in &mut scene.world.host_pools {
        if let Some(configuration) = &mut pool.configuration {
            pool.active_configuration = Some(configuration.clone());
            configuration["imageInfo"]["customInfo"]["resourceId"] = version(NEW).into();
        }
    }
    let stage = run(scene, |_| {}).await;
    assert_eq!(stage.variable("rolloutState"), Some("Nothing"));
    assert!(changes(&stage.cloud).is_empty());
    let warnings = stage.issues("warning");
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    assert!(
        warning.starts_with(
            "AIB849: the session host configuration of host pool 'hp-production' has 1.0.1, which new hosts get\n\
             hint: to set it to 1.0.0: az rest --method patch --url "
        ) && warning.ends_with("; or roll out 1.0.1"),
        "{warning}"
    );
    assert!(page(&stage).contains(" has 1.0.1, which new hosts get"));
}

/// An attempt that only follows what an earlier one has begun: its end is the end of this roll-out, whatever it comes to.
#[tokio::test(start_paused = true)]
async fn the_end_of_an_update_of_an_earlier_attempt_is_told_as_ones_own() {
    let scene = |number| quick().input("onCancel", "cancel").attempt(number);
    let cloud = scene(1).new_cloud();
    let begun = |cloud: &Arc<Cloud>| {
        let cloud = Arc::clone(cloud);
        async move {
            while hosts(&cloud).iter().all(|host| host.contains(OLD)) {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    };
    let first = quick()
        .attempt(1)
        .canceled_when(Arc::clone(&cloud), begun(&cloud));
    let first = first.await;
    assert_eq!(first.variable("rolloutState"), Some("Running"));
    // The second attempt follows it, and cancels it when it is canceled itself.
    let second = scene(2).canceled_in(Arc::clone(&cloud), Duration::from_secs(10));
    let second = second.await;
    assert_eq!(obeyed(&cloud, "ControlUpdate"), 1, "{}", second.transcript);
    let told = log(&second);
    assert!(told.contains("run the job again to continue"), "{told}");
    assert!(told.contains("the way back:  "), "{told}");
    assert_eq!(second.variable("rolloutState"), Some("Failed"));
    // The third one follows it to its end.
    let third = run_in(scene(3), &cloud).await;
    assert!(third.error().starts_with("AIB850: "), "{}", third.error());
    assert_eq!(third.variable("rolloutState"), Some("Failed"));
    assert!(
        page(&third).contains("### The way back"),
        "{}",
        page(&third)
    );
}
