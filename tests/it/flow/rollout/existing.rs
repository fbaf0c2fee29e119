//! `rolloutMethod: existing`: hosts of the version let users in, the others do not.

use azure_emulator::{HealthCheck, HostPool, SessionHost};
use time::OffsetDateTime;

use super::hosts::*;
use crate::flow::scene::{Scene, clock};
use crate::golden::golden;
use crate::texts::check_starts;

fn existing() -> Scene {
    rollout("existing")
}

/// The pool with two open old hosts and so many drained ones of the new version.
fn beside(cloud: &azure_emulator::Cloud, new: usize) {
    let mut pool = HostPool::standard(staging(), "westeurope").with_hosts("stg", 2, &version(OLD));
    for number in 0..new {
        let mut host = SessionHost::of_version(
            &format!("new-{number}"),
            &group(),
            "westeurope",
            &version(NEW),
        );
        host.allow_new_session = false;
        pool.hosts.push(host);
    }
    cloud.put_host_pool(pool);
}

#[tokio::test(start_paused = true)]
async fn hosts_of_the_version_let_users_in_before_the_others_are_drained() {
    let stage = run(existing(), |cloud| beside(cloud, 2)).await;
    assert_good(&stage);
    assert_eq!(
        hosts(&stage.cloud),
        [
            "stg-0 1.0.0 drained",
            "stg-1 1.0.0 drained",
            "new-0 1.0.1 open",
            "new-1 1.0.1 open",
        ]
    );
    assert_eq!(stage.variable("rolloutState"), Some("Succeeded"));
    assert_eq!(
        stage.variable("rolloutPreviousImageId"),
        Some(version(OLD).as_str())
    );
    assert_eq!(stage.variable("rolloutHosts"), Some(r#"["new-0","new-1"]"#));
    assert_eq!(
        stage.variable("rolloutOldHosts"),
        Some(r#"["stg-0","stg-1"]"#)
    );
    golden("rollout/existing.txt", &log(&stage));
    // The same again finds nothing to do.
    let again = run_in(existing(), &stage.cloud).await;
    assert_good(&again);
    assert_eq!(again.variable("rolloutState"), Some("Nothing"));
}

#[tokio::test(start_paused = true)]
async fn too_few_hosts_of_the_version_change_nothing() {
    let stage = run(existing(), |cloud| beside(cloud, 1)).await;
    assert_eq!(
        stage.error(),
        "AIB852: Rolling out to host pool 'hp-staging' failed: 1 host of the pool is of the version, and 2 have to serve users; nothing was changed\n\
         hint: create hosts of the version with 'rolloutMethod: replace'; or set 'hostCount' to 1 if that many are enough"
    );
    assert_eq!(obeyed(&stage.cloud, "PatchSessionHost"), 0);
    let none = run(existing(), |_| {}).await;
    assert_eq!(
        none.error(),
        "AIB852: Rolling out to host pool 'hp-staging' failed: no host of the pool is of the version, and 2 have to serve users; nothing was changed\n\
         hint: create hosts of the version with 'rolloutMethod: replace'"
    );
    let fewer = run(existing().input("hostCount", "3"), |cloud| beside(cloud, 2)).await;
    assert!(fewer.error().starts_with("AIB852: "), "{}", fewer.error());
}

#[tokio::test(start_paused = true)]
async fn one_host_is_enough_where_one_is_asked_for() {
    let cloud = existing().new_cloud();
    beside(&cloud, 1);
    let watch = Watch::begin(&cloud);
    let scene = existing().input("hostCount", "1");
    let stage = scene.build_in(std::sync::Arc::clone(&cloud)).await;
    watch.end(&stage, 1);
    assert_good(&stage);
    assert_eq!(
        hosts(&cloud),
        [
            "stg-0 1.0.0 drained",
            "stg-1 1.0.0 drained",
            "new-0 1.0.1 open"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_get_healthy_drains_nobody() {
    let ill = |cloud: &azure_emulator::Cloud| {
        beside(cloud, 2);
        change(cloud, "new-1", |host| {
            host.status = Some("NeedsAssistance".to_owned());
            host.checks = vec![HealthCheck {
                name: "AADJoinedHealthCheck".to_owned(),
                result: "HealthCheckFailed".to_owned(),
                message: "the VM is not joined".to_owned(),
            }];
        });
    };
    let stage = run(existing(), ill).await;
    assert_eq!(
        stage.error(),
        "AIB853: Rolling out to host pool 'hp-staging' failed: of the version 1 host is healthy, and 2 have to serve users: \
         new-1: its status is NeedsAssistance, AADJoinedHealthCheck: HealthCheckFailed (the VM is not joined)\n\
         hint: no host was drained: users work as before; repair the hosts that are named, and run the step again"
    );
    assert_eq!(
        hosts(&stage.cloud),
        [
            "stg-0 1.0.0 open",
            "stg-1 1.0.0 open",
            "new-0 1.0.1 drained",
            "new-1 1.0.1 drained",
        ]
    );
    let minutes = stage.elapsed.as_secs() / 60;
    assert!((29..=31).contains(&minutes), "{minutes}");
}

#[tokio::test(start_paused = true)]
async fn a_host_more_than_needed_may_be_ill() {
    let ill = |cloud: &azure_emulator::Cloud| {
        beside(cloud, 3);
        // It says that it is available, and was not heard of for days.
        let azure_emulator::Clock::Given(now) = clock() else {
            unreachable!()
        };
        let days: OffsetDateTime = now() - time::Duration::days(3);
        change(cloud, "new-1", |host| host.last_heartbeat = Some(days));
    };
    let stage = run(existing().input("healthTimeoutInMinutes", "2"), ill).await;
    stage.check_result("SucceededWithIssues");
    let warnings = stage.issues("warning");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    check_starts(
        &warnings[0],
        "AIB853: 1 host of the version stays drained because it is not healthy: new-1: its last heartbeat was ",
    );
    assert_eq!(
        hosts(&stage.cloud),
        [
            "stg-0 1.0.0 drained",
            "stg-1 1.0.0 drained",
            "new-0 1.0.1 open",
            "new-1 1.0.1 drained",
            "new-2 1.0.1 open",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_where_nobody_shall() {
    let ill = |cloud: &azure_emulator::Cloud| {
        beside(cloud, 2);
        change(cloud, "new-1", |host| {
            host.status = Some("Unavailable".to_owned());
        });
    };
    let stage = run(existing().input("rolloutWait", "false"), ill).await;
    assert_good(&stage);
    assert_eq!(stage.variable("rolloutState"), Some("Running"));
    assert_eq!(obeyed(&stage.cloud, "PatchSessionHost"), 0);
    assert!(stage.elapsed.as_secs() < 30, "{:?}", stage.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_preview_changes_nothing() {
    let stage = run(existing().input("preview", "true"), |cloud| {
        beside(cloud, 2);
    })
    .await;
    assert_good(&stage);
    assert_eq!(stage.variable("rolloutState"), Some("Nothing"));
    golden("rollout/existing-preview.txt", &log(&stage));
    let journal = stage.cloud.journal().into_iter();
    let changes = journal.filter(|entry| entry.service == azure_emulator::Service::Arm);
    let changes: Vec<String> = changes
        .filter(|entry| entry.method != http::Method::GET)
        .map(|entry| entry.to_string())
        .collect();
    assert!(changes.is_empty(), "{changes:?}");
}
