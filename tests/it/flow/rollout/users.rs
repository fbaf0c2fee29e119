//! Users on the hosts that are replaced: a message, their time, and the end of their sessions.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, Fault};

use super::hosts::*;
use crate::golden::golden;
use crate::texts::check_has;

#[tokio::test(start_paused = true)]
async fn users_are_told_and_may_stay_as_long_as_they_like() {
    let stage = run(replace(), with_users).await;
    assert_good(&stage);
    assert_eq!(
        ended(&stage.cloud),
        [
            "stg-0 1.0.0 drained, 2 users",
            "stg-1 1.0.0 drained, stopped",
            "new-0 1.0.1 open",
            "new-1 1.0.1 open",
        ]
    );
    let messages = stage.cloud.messages();
    let texts: Vec<(&str, &str)> = messages
        .iter()
        .map(|message| (message.user.as_str(), message.text.as_str()))
        .collect();
    let text = "This desktop is updated when you next sign out.";
    assert_eq!(
        texts,
        [
            ("anna@contoso.example", text),
            ("bert@contoso.example", text)
        ]
    );
    golden("rollout/replace-users.txt", &log(&stage));
}

#[tokio::test(start_paused = true)]
async fn users_are_signed_out_when_their_time_is_over() {
    let scene = replace()
        .input("graceInMinutes", "10")
        .input("logOffMessage", "Out in {minutes}.");
    let stage = run(scene, with_users).await;
    assert_good(&stage);
    assert_eq!(ended(&stage.cloud), KEPT);
    let messages = stage.cloud.messages();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|message| message.text == "Out in 10."));
    // Who was disconnected first.
    let journal = stage.cloud.journal();
    let out: Vec<&str> = journal
        .iter()
        .filter(|entry| entry.operation == Some("DeleteUserSession"))
        .map(|entry| entry.path.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(out, ["3", "2"]);
}

/// How many sessions were ended from outside.
fn signed_out(cloud: &Cloud) -> usize {
    obeyed(cloud, "DeleteUserSession")
}

fn faults(cloud: &Cloud, operation: &str, times: usize) {
    let mut fault = Fault::once(operation, forbidden());
    fault.times = times.try_into().unwrap();
    cloud.add_fault(fault);
}

#[tokio::test(start_paused = true)]
async fn users_who_got_no_message_are_not_signed_out() {
    let role = "tell them to sign out: the hosts stay drained, and run until then; for the next time, give the principal of the service connection \
                the role 'Desktop Virtualization Host Pool Contributor' on the host pool";
    let of_message = "Sending a message to a session on 'stg-0' failed: Azure refused with AuthorizationFailed (403): no";
    let of_list = "Listing the sessions on session host 'stg-0' failed: Azure refused with AuthorizationFailed (403): no";
    for (operation, grace, expected) in [
        (
            "SendMessage",
            "10",
            format!(
                "Users on old session hosts got no message, so that nobody is signed out there: stg-0 (1 user): {of_message}"
            ),
        ),
        (
            "SendMessage",
            "0",
            format!("Users on old session hosts got no message: stg-0 (1 user): {of_message}"),
        ),
        (
            "ListUserSessionsOfHost",
            "10",
            format!(
                "Users on old session hosts got no message, so that nobody is signed out there: stg-0: {of_list}"
            ),
        ),
    ] {
        let scene = replace().input("graceInMinutes", grace);
        let stage = run(scene, |cloud| {
            with_users(cloud);
            faults(cloud, operation, 20);
        })
        .await;
        assert_eq!(
            stage.issues("warning"),
            [format!("AIB601: {expected}\nhint: {role}")],
            "{}",
            stage.transcript
        );
        stage.check_result("SucceededWithIssues");
        assert!(
            !log(&stage).contains("\nmessage to "),
            "{}",
            stage.transcript
        );
        assert_eq!(signed_out(&stage.cloud), 0);
        assert_eq!(
            ended(&stage.cloud)[0],
            "stg-0 1.0.0 drained, 2 users",
            "{}",
            stage.transcript
        );
    }
}

/// Nobody reads a message in a session that is disconnected.
#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_would_read_holds_nobody_up() {
    let scene = replace().input("graceInMinutes", "10");
    let stage = run(scene, |cloud| {
        with_users(cloud);
        change(cloud, "stg-0", |host| {
            host.sessions
                .retain(|session| session.state == "Disconnected");
        });
        faults(cloud, "SendMessage", 1);
    })
    .await;
    assert_good(&stage);
    assert_eq!(signed_out(&stage.cloud), 1);
    assert_eq!(ended(&stage.cloud), KEPT);
    assert!(
        !log(&stage).contains("\nmessage to "),
        "{}",
        stage.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_lets_users_in_again_is_left_alone() {
    let scene = || replace().input("graceInMinutes", "30");
    let cloud = scene().new_cloud();
    with_users(&cloud);
    let of_somebody = Arc::clone(&cloud);
    let task = tokio::spawn(async move {
        while of_somebody.messages().is_empty() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        change(&of_somebody, "stg-0", |host| host.allow_new_session = true);
    });
    let stage = run_in(scene(), &cloud).await;
    task.await.unwrap();
    assert_good(&stage);
    assert_eq!(signed_out(&cloud), 0, "{}", stage.transcript);
    assert_eq!(ended(&cloud)[0], "stg-0 1.0.0 open, 2 users");
    let told = log(&stage);
    check_has(
        &told,
        "stg-0:  stays as it is, because someone has let users in again\n",
    );
    assert!(!told.contains("signing out"), "{told}");
}
