//! A job that dies at any of its requests, and a second attempt on a fresh agent: the same end, and one update.

use std::sync::Arc;

use azure_emulator::{Entry, SecondUpdate, Service};
use http::Request;

use super::updating::*;
use crate::flow::scene::{Death, Scene};
use crate::golden::golden;

fn kind(entry: &Entry) -> String {
    let method = &entry.method;
    entry.operation.map_or_else(
        || format!("{method} {}", entry.path.rsplit('/').next().unwrap()),
        str::to_owned,
    )
}

/// The requests at which a job may die: of each kind the first one and the last one.
fn moments(journal: &[Entry]) -> Vec<(usize, String)> {
    let kinds: Vec<_> = journal.iter().map(kind).collect();
    let moment = |(number, kind): (usize, &String)| {
        let before = kinds[..number].iter().filter(|it| *it == kind).count();
        let is_last = !kinds[number + 1..].contains(kind);
        (before == 0 || is_last).then(|| (number, kind.clone()))
    };
    kinds.iter().enumerate().filter_map(moment).collect()
}

#[tokio::test(start_paused = true)]
async fn whenever_a_job_dies_the_next_attempt_comes_to_the_same_end_with_one_update() {
    let whole = run(quick(), |_| {}).await;
    let moments = moments(&whole.cloud.journal());
    assert!(moments.len() > 15, "{moments:?}");
    let mut outcomes: Vec<String> = Vec::new();
    for while_updating in [SecondUpdate::Refused, SecondUpdate::Taken] {
        let scene = |attempt: u32| -> Scene {
            quick()
                .attempt(attempt)
                .switches(|on| on.desktops.update_while_updating = while_updating)
        };
        for (number, kind) in &moments {
            // What a second request comes to matters only where there may be one.
            if while_updating == SecondUpdate::Taken && !kind.contains("Update") {
                continue;
            }
            for death in [Death::Before, Death::After] {
                let cloud = scene(1).new_cloud();
                let at = *number;
                let dies = move |request: usize, _: &Request<bytes::Bytes>| request == at;
                scene(1).dies_at(Arc::clone(&cloud), dies, death).await;
                let second = run_in(scene(2), &cloud).await;
                let cell = format!("{kind}, {death:?}");
                let told = format!("{while_updating:?} {number} {cell}\n{}", second.transcript);
                assert_eq!(second.result(), "Succeeded", "{told}");
                assert_eq!(hosts(&cloud), all(NEW), "{told}");
                assert_eq!(configured(&cloud), NEW, "{told}");
                assert_eq!(cloud.updates_begun(), 1, "{told}");
                assert_eq!(requests(&cloud, "InitiateUpdate"), 1, "{told}");
                assert!(
                    requests(&cloud, "PatchSessionHostConfiguration") <= 2,
                    "{told}"
                );
                let outcome = format!("{cell}: {}", outcome(&log(&second)));
                if !outcomes.contains(&outcome) {
                    outcomes.push(outcome);
                }
            }
        }
    }
    golden("rollout/update-crashes.txt", &(outcomes.join("\n") + "\n"));
}

/// A minute of silence needs a reason.
#[tokio::test(start_paused = true)]
async fn a_second_attempt_says_what_it_looks_for() {
    let cloud = quick().new_cloud();
    let dies = |_: usize, request: &Request<bytes::Bytes>| {
        request.uri().path().ends_with("/initiateSessionHostUpdate")
    };
    quick()
        .dies_at(Arc::clone(&cloud), dies, Death::Before)
        .await;
    let second = run_in(quick().attempt(2), &cloud).await;
    assert_good(&second);
    let told = log(&second);
    let expected = "session host update:  looking for a minute whether an earlier attempt has asked for one...\n\
                    starting session host update...\n";
    assert!(told.contains(expected), "{told}");
}

/// How often a route was asked, whatever it answered.
fn requests(cloud: &azure_emulator::Cloud, operation: &str) -> usize {
    let journal = cloud.journal().into_iter();
    journal
        .filter(|entry| entry.service == Service::Arm && entry.operation == Some(operation))
        .count()
}

/// What the second attempt did, without times.
fn outcome(log: &str) -> &'static str {
    let has = |text: &str| log.contains(text);
    match () {
        () if has("nothing to do") => "nothing to do",
        () if has("following the session host update") => "update followed",
        () if has("session host configuration:  ") => "configured and updated",
        () if has("starting session host update") => "updated",
        () => "something else",
    }
}
