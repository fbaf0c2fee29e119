//! Trouble at every request of a build, judged by one oracle.

use std::fmt::Write as _;
use std::time::Duration;

use azure_emulator::{Effect, Entry, Fault, ImageDisk, Matcher};
use http::Method;

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use crate::golden::golden;
use crate::texts::check_starts;

/// Every request of a build that can meet trouble, in the order of the story.
fn requests() -> Vec<(&'static str, Matcher)> {
    let blob = "/imagebuilder-vststask/images/*";
    vec![
        ("oidc token", Matcher::path(Method::POST, "*/oidctoken")),
        (
            "entra token",
            Matcher::path(Method::POST, "*/oauth2/v2.0/token"),
        ),
        ("storage account", Matcher::operation("GetStorageAccount")),
        (
            "container",
            Matcher::path(Method::PUT, "/imagebuilder-vststask"),
        ),
        ("block", Matcher::path(Method::PUT, blob)),
        ("delegation key", Matcher::path(Method::POST, "/")),
        (
            "earlier attempts",
            Matcher::operation("ListTemplatesOfGroup"),
        ),
        ("submission", Matcher::operation("PutTemplate")),
        ("identity", Matcher::operation("GetIdentity")),
        ("operation", Matcher::operation("GetOperation")),
        ("template", Matcher::operation("GetTemplate")),
        ("start", Matcher::operation("RunTemplate")),
        (
            "staging account",
            Matcher::operation("ListStorageAccountsOfGroup"),
        ),
        ("staging keys", Matcher::operation("ListStorageKeys")),
        ("log", Matcher::path(Method::GET, "/packerlogs/*")),
        ("containers", Matcher::operation("ListContainerGroups")),
        ("output of the build", Matcher::operation("GetContainerLog")),
        ("versions", Matcher::operation("ListVersions")),
        (
            "versions of the source",
            Matcher::operation("ListPlatformImageVersions"),
        ),
        ("replication", Matcher::operation("GetVersion")),
        ("output", Matcher::operation("GetRunOutput")),
        ("blob deletion", Matcher::path(Method::DELETE, blob)),
        ("deletion", Matcher::operation("DeleteTemplate")),
    ]
}

fn status(code: u16, headers: &[(&str, &str)]) -> Effect {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Effect::Status {
        code,
        headers: headers.iter().map(owned).collect(),
        body: format!(r#"{{"error":{{"code":"Scripted{code}","message":"scripted trouble"}}}}"#),
    }
}

async fn meet(matcher: Matcher, times: u32, effect: Effect) -> Stage {
    let fault = Fault::once(matcher, effect).times(times);
    Scene::windows().build(|cloud| cloud.add_fault(fault)).await
}

/// What holds in every cell, whatever the trouble.
fn oracle(cell: &str, stage: &Stage) {
    println!("{cell}");
    assert!(
        stage.cloud.unconsumed_faults().is_empty(),
        "{cell}: the trouble was not met\n{}",
        stage.transcript
    );
    let result = stage.result();
    let errors = stage.issues("error");
    assert!(
        matches!(result, "Succeeded" | "SucceededWithIssues" | "Failed"),
        "{cell}: {result}"
    );
    assert_eq!(
        errors.len(),
        usize::from(result == "Failed"),
        "{cell}: {result}\n{}",
        stage.transcript
    );
    assert!(
        errors.iter().all(|error| error.starts_with("AIB")),
        "{cell}: {errors:?}"
    );
    check_no_secret(stage);
    let inventory = stage.cloud.inventory();
    let named = stage
        .issues("warning")
        .iter()
        .filter(|warning| warning.starts_with("AIB601"))
        .count();
    if named == 0 {
        check_nothing_left(stage);
    } else {
        assert!(
            inventory.templates.len() + inventory.blobs.len() <= named,
            "{cell}: {inventory}\n{}",
            stage.transcript
        );
        assert_ne!(result, "Succeeded", "{cell}: leftovers without a sign");
    }
    let journal = stage.cloud.journal();
    check_no_run_twice(cell, &journal);
    assert!(journal.len() < 400, "{cell}: {} requests", journal.len());
}

/// One run is started, and a request for it that may have been obeyed is sent once more at most: after a minute in which Azure showed no run.
pub(super) fn check_no_run_twice(cell: &str, journal: &[Entry]) {
    let named = |name| {
        let entries = journal.iter();
        entries.filter(move |entry| entry.operation == Some(name))
    };
    let obeyed = named("RunTemplate").filter(|entry| entry.status == Some(202));
    assert!(obeyed.count() <= 1, "{cell}: a run was started twice");
    let not_sent_again = [429, 401, 409, 405];
    let perhaps = |entry: &&Entry| entry.status.is_none_or(|it| !not_sent_again.contains(&it));
    let starts: Vec<_> = named("RunTemplate").filter(perhaps).collect();
    assert!(starts.len() <= 2, "{cell}: {} requests", starts.len());
    if let [first, second] = starts.as_slice() {
        assert!(second.time - first.time >= time::Duration::MINUTE, "{cell}");
        let between = first.time..=second.time;
        let shown = named("GetTemplate").filter(|entry| between.contains(&entry.time));
        let answered = shown.filter(|entry| entry.status == Some(200));
        assert!(answered.count() >= 2, "{cell}: sent again blindly");
    }
}

/// Passing trouble: everything comes right in the end.
#[tokio::test(start_paused = true)]
async fn passing_trouble_is_survived_at_every_request() {
    for (name, matcher) in requests() {
        for (trouble, effect) in [
            ("503", status(503, &[])),
            ("429 with Retry-After", status(429, &[("retry-after", "7")])),
            ("500", status(500, &[])),
            ("a reset before", Effect::ResetBefore),
            ("a reset after", Effect::ResetAfter),
            ("a gateway's page", Effect::NotJson),
            ("a slow answer", Effect::Delay(Duration::from_secs(30))),
        ] {
            let stage = meet(matcher.clone(), 1, effect).await;
            let cell = format!("{trouble} at {name}");
            oracle(&cell, &stage);
            assert_eq!(stage.result(), "Succeeded", "{cell}\n{}", stage.transcript);
        }
    }
}

/// Half an answer counts as none.
#[tokio::test(start_paused = true)]
async fn truncated_answers_are_survived() {
    for (name, matcher) in requests() {
        let bodyless = ["container", "block", "start", "blob deletion", "deletion"];
        if bodyless.contains(&name) {
            continue;
        }
        let stage = meet(matcher, 1, Effect::Truncate).await;
        oracle(&format!("half an answer at {name}"), &stage);
        assert_eq!(stage.result(), "Succeeded", "{name}\n{}", stage.transcript);
    }
}

/// A token that Azure no longer takes is replaced, once.
#[tokio::test(start_paused = true)]
async fn an_expired_token_is_replaced_at_every_request() {
    for (name, matcher) in requests() {
        if name.ends_with("token") {
            continue;
        }
        let stage = meet(matcher, 1, Effect::ExpireToken).await;
        oracle(&format!("an expired token at {name}"), &stage);
        assert_eq!(stage.result(), "Succeeded", "{name}\n{}", stage.transcript);
    }
}

/// Lasting trouble: the build fails with a code, or finishes by another way, and nothing stays without being named. The golden file is the
/// whole table, to be read: each cell that succeeds has another way around the trouble.
#[tokio::test(start_paused = true)]
async fn lasting_trouble_is_reported_at_every_request() {
    let mut table = String::new();
    for (name, matcher) in requests() {
        for code in [400, 403, 404, 409, 500] {
            let stage = meet(matcher.clone(), 1000, status(code, &[])).await;
            let cell = format!("{code} always at {name}");
            assert!(
                stage.cloud.unconsumed_faults().is_empty(),
                "{cell}: not met"
            );
            check_no_secret(&stage);
            let kinds = ["error", "warning"]
                .into_iter()
                .flat_map(|kind| stage.issues(kind));
            let codes: Vec<_> = kinds.map(|issue| issue[..6].to_owned()).collect();
            writeln!(table, "{cell}: {} {}", stage.result(), codes.join(" ")).unwrap();
        }
    }
    golden("failures/lasting-trouble.txt", &table);
}

/// An account that is not in the template's group is looked for in the subscription.
#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_read_is_named_with_the_missing_right() {
    let stage = Scene::windows()
        .input("storageAccountName", "stnowhere")
        .build(|_| {})
        .await;
    stage.check_result("Failed");
    let error = stage.error();
    assert!(error.starts_with("AIB502: "), "{error}");
    assert!(
        error.contains("stnowhere") && error.contains("hint: "),
        "{error}"
    );
    check_nothing_left(&stage);
}

/// After a cancel: the run is told to stop, the note names what is left, and the post-job stage empties the cloud.
#[tokio::test(start_paused = true)]
async fn a_cancel_at_any_moment_leaves_nothing_after_the_post_job_stage() {
    for seconds in [
        0, 1, 5, 20, 40, 50, 70, 200, 500, 900, 1200, 1260, 1300, 1330,
    ] {
        let stop = Duration::from_secs(seconds);
        let stage = Scene::windows().build_until(|_| {}, Some(stop)).await;
        let cell = format!("canceled after {seconds} s");
        let ended = stage.elapsed.saturating_sub(stop);
        check_no_secret(&stage);
        if stage.result() == "Canceled" {
            assert!(ended <= Duration::from_secs(7), "{cell}: it took {ended:?}");
            assert!(stage.issues("error").is_empty(), "{cell}");
        }
        let stage = stage.clean_up().await;
        println!("{cell}: {} {:?}", stage.transcript, stage.elapsed);
        assert!(
            stage.elapsed <= Duration::from_secs(240),
            "{cell}: {:?}",
            stage.elapsed
        );
        let inventory = stage.cloud.inventory();
        assert!(
            inventory.templates.is_empty() && inventory.blobs.is_empty(),
            "{cell}: {inventory}"
        );
        check_no_secret(&stage);
    }
}

/// A main stage that vanishes (killed, or the agent lost) has left its note before each request that makes something.
#[tokio::test(start_paused = true)]
async fn a_crash_at_any_moment_leaves_nothing_after_the_post_job_stage() {
    for seconds in [0, 1, 5, 20, 40, 50, 70, 500, 1200, 1260, 1330] {
        let stage = Scene::windows()
            .build_until_crash(Duration::from_secs(seconds))
            .await;
        let stage = stage.clean_up().await;
        let inventory = stage.cloud.inventory();
        let cell = format!("crashed after {seconds} s");
        assert!(
            inventory.templates.is_empty() && inventory.blobs.is_empty(),
            "{cell}: {inventory}\n{}",
            stage.transcript
        );
    }
}

/// When nothing is left, the post-job stage says nothing at all.
#[tokio::test(start_paused = true)]
async fn the_post_job_stage_is_silent_after_a_good_build() {
    let stage = Scene::windows().build(|_| {}).await.clean_up().await;
    assert_eq!(stage.transcript, "");
}

/// What cannot be removed is named with its command, and the first error stays the headline.
#[tokio::test(start_paused = true)]
async fn a_leftover_is_named_and_never_hides_the_first_error() {
    let refusal = |operation| Fault::always(operation, status(403, &[]));
    let stage = Scene::windows()
        .switches(|on| on.image_disk = ImageDisk::Unnamed)
        .build(|cloud| {
            cloud.add_fault(refusal("DeleteTemplate"));
            cloud.add_fault(refusal("GetRunOutput"));
        })
        .await;
    stage.check_result("Failed");
    let error = stage.error();
    check_starts(
        &error,
        "AIB301: Reading run output 'SharedImage_distribute'",
    );
    let warnings = stage.issues("warning");
    let warning = warnings
        .iter()
        .find(|warning| warning.starts_with("AIB601"))
        .unwrap();
    assert!(warning.contains("az image builder delete --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-images --name t_"), "{warning}");
    assert!(
        stage.note.as_deref().unwrap().contains("imageTemplates/t_"),
        "the post-job stage gets another chance"
    );
}
