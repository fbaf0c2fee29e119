//! A replacement that does not come to its end in one job: nobody waits for it, the job is canceled or dies, an answer gets lost.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, DeploymentFate, Effect, Fault, HostPool, SecondDeletion, SessionHost};
use http::{Method, Request};

use super::hosts::*;
use crate::flow::scene::{Death, Stage};

#[tokio::test(start_paused = true)]
async fn nobody_waits_where_nobody_shall() {
    let stage = run(replace().input("rolloutWait", "false"), |_| {}).await;
    assert_good(&stage);
    assert_eq!(stage.variable("rolloutState"), Some("Running"));
    assert_eq!(obeyed(&stage.cloud, "PutDeployment"), 1);
    tokio::time::sleep(Duration::from_secs(600)).await;
    // The next attempt goes on where it stands. The host has registered open meanwhile, and nobody drains it any more.
    let watch = Watch::begin(&stage.cloud);
    let second = replace()
        .attempt(2)
        .build_in(Arc::clone(&stage.cloud))
        .await;
    watch.end(&second, 2);
    assert_good(&second);
    assert_eq!(ended(&second.cloud), KEPT);
    assert_eq!(obeyed(&second.cloud, "PutDeployment"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_canceled_job_drains_first_and_leaves_or_cancels_the_deployment() {
    for (on_cancel, state) in [
        ("", "Running"),
        ("leave", "Running"),
        ("cancel", "Canceled"),
    ] {
        let scene = || replace().input("onCancel", on_cancel);
        let cloud = scene().new_cloud();
        let watch = Watch::begin(&cloud);
        // The host has registered five seconds ago, and no list has shown it yet.
        let stage = scene()
            .canceled_in(Arc::clone(&cloud), Duration::from_secs(260))
            .await;
        watch.end(&stage, 2);
        stage.check_result("Canceled");
        let states: Vec<String> = cloud
            .deployments()
            .into_iter()
            .map(|(_, state)| state)
            .collect();
        assert_eq!(states, [state], "{on_cancel}");
        assert_eq!(
            ended(&cloud),
            [
                "stg-0 1.0.0 open",
                "stg-1 1.0.0 open",
                "new-0 1.0.1 drained"
            ],
            "{on_cancel}\n{}",
            stage.transcript
        );
        let expected = if state == "Running" {
            "Running"
        } else {
            "Failed"
        };
        assert_eq!(stage.variable("rolloutState"), Some(expected));
        let made = format!("[\"{}-0\"]", prefix(&cloud));
        assert_eq!(stage.variable("rolloutHosts"), Some(made.as_str()));
        let second = run_in(scene().attempt(2), &cloud).await;
        assert_good(&second);
        assert_eq!(ended(&cloud), KEPT, "{on_cancel}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_to_wait_ends_the_step_and_not_the_roll_out() {
    let scene = replace().input("waitTimeoutInMinutes", "3");
    let stage = run(scene, |_| {}).await;
    let error = stage.error();
    assert!(error.starts_with("AIB804: "), "{error}");
    assert_eq!(stage.variable("rolloutState"), Some("Running"));
    let second = run_in(replace().attempt(2), &stage.cloud).await;
    assert_good(&second);
    assert_eq!(ended(&second.cloud), KEPT);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_deploys_nothing_twice() {
    for effect in [Effect::ResetAfter, Effect::ResetBefore] {
        for operation in [
            "PutDeployment",
            "PatchHostPool",
            "RetrieveRegistrationToken",
            "PatchSessionHost",
        ] {
            let cell = format!("{operation} {effect:?}");
            let stage = run(quick(), |cloud| {
                cloud.add_fault(Fault::once(operation, effect.clone()));
            })
            .await;
            assert_good(&stage);
            assert_eq!(ended(&stage.cloud), KEPT, "{cell}\n{}", stage.transcript);
            assert!(obeyed(&stage.cloud, "PutDeployment") <= 2, "{cell}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_leaves_alone_what_was_drained_before_the_first() {
    let scene = || replace().input("hostCount", "1");
    let cloud = scene().new_cloud();
    change(&cloud, "stg-1", |host| host.allow_new_session = false);
    let dies = |_: usize, request: &Request<bytes::Bytes>| {
        request.uri().path().ends_with("/stg-0") && request.method() == Method::PATCH
    };
    scene()
        .dies_at(Arc::clone(&cloud), dies, Death::After)
        .await;
    let second = run_in(scene().attempt(2), &cloud).await;
    assert_good(&second);
    assert_eq!(
        ended(&cloud),
        [
            "stg-0 1.0.0 drained, stopped",
            "stg-1 1.0.0 drained",
            "new-0 1.0.1 open"
        ]
    );
}

/// The kind of a request: its route, and for hosts what becomes of them.
fn kind(entry: &azure_emulator::Entry) -> String {
    let operation = entry.operation.unwrap_or("other");
    format!("{} {operation}", entry.method)
}

/// The requests at which a step may die: all that change something. Between two of them nothing is lost but looks.
fn moments(cloud: &Cloud) -> Vec<(usize, String)> {
    let kinds: Vec<String> = cloud.journal().iter().map(kind).collect();
    let changes = |(_, kind): &(usize, String)| !kind.starts_with("GET");
    kinds.into_iter().enumerate().filter(changes).collect()
}

#[tokio::test(start_paused = true)]
async fn whenever_a_job_dies_the_next_attempt_comes_to_the_same_end() {
    for keep in ["true", "false"] {
        let scene = |number| quick().input("keepOldHosts", keep).attempt(number);
        let whole = run(scene(1), |_| {}).await;
        assert_good(&whole);
        let expected = ended(&whole.cloud);
        let moments = moments(&whole.cloud);
        assert!(moments.len() > 10, "{moments:?}");
        // Only the end differs.
        let is_of_end = |kind: &str| kind.contains("Tags") || kind.contains("Deallocate");
        for (number, kind) in moments {
            if keep == "true" && !is_of_end(&kind) {
                continue;
            }
            for death in [Death::Before, Death::After] {
                let cell = format!("{keep}: {number} {kind}, {death:?}");
                let cloud = scene(1).new_cloud();
                let watch = Watch::begin(&cloud);
                let dies = move |at: usize, _: &Request<bytes::Bytes>| at == number;
                scene(1).dies_at(Arc::clone(&cloud), dies, death).await;
                let second: Stage = scene(2).build_in(Arc::clone(&cloud)).await;
                watch.end(&second, 2);
                assert_eq!(
                    second.result(),
                    "Succeeded",
                    "{cell}\n{}",
                    second.transcript
                );
                assert_eq!(ended(&cloud), expected, "{cell}\n{}", second.transcript);
                assert!(
                    obeyed(&cloud, "PutDeployment") <= 2,
                    "{cell}\n{}",
                    second.transcript
                );
                if keep == "false" {
                    for name in ["stg-0", "stg-1"] {
                        assert_eq!(
                            cloud.resource(&machine(name)),
                            None,
                            "{cell}\n{}",
                            second.transcript
                        );
                    }
                }
            }
        }
    }
}

/// A VM that an attempt has asked to delete, and that goes on being deleted.
#[tokio::test(start_paused = true)]
async fn a_vm_that_is_being_deleted_is_waited_for() {
    for second_deletion in [SecondDeletion::Taken, SecondDeletion::Refused] {
        let scene = |number| {
            replace()
                .input("keepOldHosts", "false")
                .attempt(number)
                .switches(|on| on.desktops.second_deletion = second_deletion)
        };
        let cloud = scene(1).new_cloud();
        let dies = |_: usize, request: &Request<bytes::Bytes>| {
            request.method() == Method::DELETE && request.uri().path() == machine("stg-0")
        };
        scene(1)
            .dies_at(Arc::clone(&cloud), dies, Death::After)
            .await;
        assert!(cloud.resource(&machine("stg-0")).is_some());
        let watch = Watch::begin(&cloud);
        let second = scene(2).build_in(Arc::clone(&cloud)).await;
        watch.end(&second, 2);
        assert_good(&second);
        assert_eq!(ended(&cloud), ["new-0 1.0.1 open", "new-1 1.0.1 open"]);
        for name in ["stg-0", "stg-1"] {
            assert_eq!(cloud.resource(&machine(name)), None, "{name}");
        }
    }
}

/// More hosts were drained before than the tags of a deployment can name: the second attempt cannot tell them from those of the first one.
#[tokio::test(start_paused = true)]
async fn drained_hosts_without_a_note_stay_and_are_named() {
    let scene = |number| replace().input("hostCount", "2").attempt(number);
    let cloud = scene(1).new_cloud();
    let pool = HostPool::standard(staging(), "westeurope").with_hosts("stg", 2, &version(OLD));
    let many = HostPool::standard(staging(), "westeurope").with_hosts(
        "a-name-of-the-old-days-that-is-as-long-as-it-gets",
        220,
        &version(OLD),
    );
    let drained = many.hosts.into_iter().map(|host| SessionHost {
        allow_new_session: false,
        ..host
    });
    let mut all = pool.clone();
    all.hosts.extend(drained);
    cloud.put_host_pool(all);
    let dies = |_: usize, request: &Request<bytes::Bytes>| {
        request.uri().path().ends_with("/stg-0") && request.method() == Method::PATCH
    };
    scene(1)
        .dies_at(Arc::clone(&cloud), dies, Death::After)
        .await;
    let second = scene(2).build_in(Arc::clone(&cloud)).await;
    let told = second.issues("warning");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("AIB601: These session hosts stay as they are: a-name-of-the-old-days-that-is-as-long-as-it-gets-0, ")
            && told[0].ends_with(
                " and 211 more. The tags of the deployment do not say which hosts were drained before the first attempt\n\
                 hint: if nobody needs them, remove them from the host pool and delete their VMs; or stop the VMs: az vm deallocate --ids <id of the VM>"
            ),
        "{told:?}"
    );
    let hosts = hosts(&cloud);
    assert_eq!(
        hosts[..2],
        ["stg-0 1.0.0 drained", "stg-1 1.0.0 drained, stopped"]
    );
}

/// What has ended is not said to go on, and cannot be canceled.
#[tokio::test(start_paused = true)]
async fn a_deployment_that_has_ended_does_not_go_on() {
    for on_cancel in ["leave", "cancel"] {
        let scene = || {
            replace()
                .input("onRolloutFailure", "back")
                .input("onCancel", on_cancel)
        };
        let cloud = scene().new_cloud();
        cloud.script_deployment(DeploymentFate::ExtensionFails);
        let meanwhile = Arc::clone(&cloud);
        // The first VM is being deleted.
        let begun = async move {
            while obeyed(&meanwhile, "DeleteVirtualMachine") == 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let stage = scene().canceled_when(Arc::clone(&cloud), begun).await;
        stage.check_result("Canceled");
        let told = log(&stage);
        assert!(!told.contains("continues"), "{told}");
        assert_eq!(obeyed(&cloud, "CancelDeployment"), 0);
        assert_eq!(stage.variable("rolloutState"), Some("Failed"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_gone_needs_no_cancel() {
    let scene = || replace().input("onCancel", "cancel");
    let cloud = scene().new_cloud();
    let body = r#"{"error":{"code":"DeploymentNotFound","message":"no"}}"#;
    let missing = Effect::status(404, body);
    cloud.add_fault(Fault::once("CancelDeployment", missing));
    let stage = scene()
        .canceled_in(Arc::clone(&cloud), Duration::from_secs(200))
        .await;
    let told = log(&stage);
    let last = told
        .lines()
        .find(|line| line.starts_with("deployment ") && line.contains("has ended"));
    assert!(last.is_some(), "{told}");
    assert!(!told.contains("continues"), "{told}");
}
