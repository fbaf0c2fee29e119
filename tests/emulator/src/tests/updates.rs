//! Session host updates through their states, with what people do to them.

use http::Method;
use serde_json::{Value, json};
use time::Duration;

use super::pools::{Estate, MINUTE, PREVIEW, custom, faults, settings, version};
use super::versions::code;
use crate::{Lock, LockLevel, Progress, SecondUpdate, StatusMembers, UpdateFate, UpdateTimes};

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn an_update_passes_through_its_states_to_its_end() {
    let estate = Estate::configured(|_, _| {});
    let never = estate.get("/sessionHostManagements/default/sessionHostUpdateStatuses/default");
    assert_eq!(code(&never), (404, "404".to_owned()));
    let before = estate.scene.cloud.session_hosts(&estate.production());
    let answer = estate.initiate(&json!({"update": settings(2), "scheduledDateTimeZone": "UTC"}));
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    // What was accepted shows after 20 s.
    estate.scene.wait(19);
    assert!(estate.status()["status"].is_null());
    estate.scene.wait(1);
    assert_eq!(estate.status()["status"], "ValidatingSessionHostUpdate");
    estate.scene.wait(30);
    let first = estate.status();
    assert_eq!(first["status"], "UpdatingSessionHosts");
    assert_eq!(
        first["progress"],
        json!({"totalSessionHosts": 4, "sessionHostsRollbackFailed": 0, "executionStartTime": first["progress"]["executionStartTime"],
            "sessionHostsInProgress": 1, "sessionHostsCompleted": 0})
    );
    // One host first: it is drained, its users are told, and signed out 5 min later.
    let host = || estate.scene.cloud.session_hosts(&estate.production())[0].clone();
    assert_eq!((host().status.as_str(), host().open), ("Upgrading", false));
    assert_eq!(host().users.len(), 2);
    let messages = estate.scene.cloud.messages();
    let texts: Vec<&str> = messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, ["Save your work."; 2]);
    estate.scene.wait(5 * MINUTE);
    assert_eq!(host().users.len(), 0);
    estate.scene.wait(15 * MINUTE);
    let second = estate.status();
    assert_eq!(
        (
            &second["percentComplete"],
            &second["progress"]["sessionHostsInProgress"]
        ),
        (&json!(25.0), &json!(2))
    );
    assert_eq!(estate.images(), ["1.0.1", "1.0.0", "1.0.0", "1.0.0"]);
    let updated = host();
    assert!(
        updated
            .machine
            .ends_with("/virtualMachines/avd-0-2025-04-30T06-28-30-00"),
        "{}",
        updated.machine
    );
    assert_eq!((updated.name.as_str(), updated.open), ("avd-0", true));
    assert!(estate.scene.cloud.resource(&before[0].machine).is_none());
    assert_eq!(host().status, "Available");
    // The active configuration is what it was until all is done.
    let active = |estate: &Estate| {
        let active = estate.get("/activeSessionHostConfigurations/default").body;
        active["properties"]["imageInfo"]["customInfo"]["resourceId"].clone()
    };
    assert_eq!(active(&estate), json!(version("1.0.0")));
    estate.scene.wait(40 * MINUTE);
    let last = estate.status();
    assert_eq!(
        (&last["status"], &last["percentComplete"]),
        (&json!("Succeeded"), &json!(100.0))
    );
    assert_eq!(estate.images(), ["1.0.1"; 4]);
    assert_eq!(active(&estate), json!(version("1.0.1")));
    // The next one is another one, and until it shows this one does.
    estate.configure(&custom("1.0.0"));
    estate.scene.wait(60);
    estate.initiate(&json!({}));
    assert_eq!(estate.status(), last);
    estate.scene.wait(20);
    let next = estate.status();
    assert_ne!(next["correlationId"], last["correlationId"]);
    assert_eq!(estate.scene.cloud.updates_begun(), 2);
}

#[test]
fn old_machines_can_stay() {
    let estate = Estate::configured(|_, _| {});
    let old = estate.scene.cloud.session_hosts(&estate.production())[0]
        .machine
        .clone();
    estate.initiate(&json!({"update": {"deleteOriginalVm": false}}));
    estate.scene.wait(50 + 20 * MINUTE);
    estate.status();
    assert!(estate.scene.cloud.resource(&old).is_some());
    assert!(!estate.scene.cloud.machine_runs(&old));
}

#[test]
fn an_update_that_failed_at_a_host_is_tried_again_or_canceled() {
    let check = |is_another: bool| {
        let estate = Estate::updating(|on, _| {
            on.desktops.update = UpdateFate::HostFails;
            on.desktops.retry_is_another_update = is_another;
        });
        estate.scene.wait(20 * MINUTE);
        let failed = estate.status();
        assert_eq!(
            (&failed["status"], &failed["percentComplete"]),
            (&json!("Failed"), &json!(100.0))
        );
        assert_eq!(faults(&failed), ["AgentRegistrationFailureGeneric_1024"]);
        assert_eq!(failed["progress"]["sessionHostsRollbackFailed"], 0);
        assert_eq!(estate.images(), ["1.0.0"; 4]);
        assert!(estate.scene.cloud.session_hosts(&estate.production())[0].open);
        assert_eq!(estate.control("Retry").status, 202);
        let again = estate.status();
        assert_eq!(
            (&again["status"], &again["endTime"], &again["error"]),
            (&json!("UpdatingSessionHosts"), &Value::Null, &Value::Null)
        );
        assert_eq!(
            again["correlationId"] != failed["correlationId"],
            is_another
        );
        estate.scene.wait(60 * MINUTE);
        assert_eq!(estate.status()["status"], "Succeeded");
        assert_eq!(estate.images(), ["1.0.1"; 4]);
    };
    check(false);
    check(true);
    let estate = Estate::updating(|on, _| on.desktops.update = UpdateFate::HostFails);
    estate.scene.wait(20 * MINUTE);
    assert_eq!(estate.control("Cancel").status, 202);
    assert_eq!(estate.status()["status"], "Canceled");
}

#[test]
fn a_host_whose_rollback_failed_is_left_out() {
    let estate = Estate::updating(|on, _| on.desktops.update = UpdateFate::RollbackFails);
    estate.scene.wait(20 * MINUTE);
    assert_eq!(estate.status()["progress"]["sessionHostsRollbackFailed"], 1);
    estate.control("Retry");
    estate.scene.wait(60 * MINUTE);
    assert_eq!(estate.status()["status"], "Succeeded");
    assert_eq!(estate.images(), ["1.0.0", "1.0.1", "1.0.1", "1.0.1"]);
    let host = estate.scene.cloud.session_hosts(&estate.production())[0].clone();
    assert_eq!((host.status.as_str(), host.open), ("UpgradeFailed", false));
}

#[test]
fn an_update_is_paused_after_its_batch_and_goes_on() {
    let estate = Estate::updating(|_, _| {});
    let paused = estate.control("Pause");
    assert_eq!(paused.header("retry-after"), Some("15"));
    let location = paused.header("location").unwrap().to_owned();
    let polled = estate.scene.get(&location);
    assert_eq!(
        (polled.status, polled.header("location")),
        (202, Some(location.as_str()))
    );
    assert_eq!(estate.status()["status"], "Pausing");
    estate.scene.wait(15);
    // The end of the action, not of the batch.
    assert_eq!(estate.scene.get(&location).status, 204);
    assert_eq!(estate.status()["status"], "Pausing");
    estate.scene.wait(20 * MINUTE);
    assert_eq!(estate.status()["status"], "Paused");
    estate.scene.wait(24 * 60 * MINUTE);
    assert_eq!(estate.images(), ["1.0.1", "1.0.0", "1.0.0", "1.0.0"]);
    assert_eq!(estate.control("Resume").status, 202);
    assert_eq!(estate.status()["status"], "UpdatingSessionHosts");
    estate.control("Pause");
    estate.scene.wait(20 * MINUTE);
    // Two weeks later it is canceled by itself.
    assert_eq!(estate.status()["status"], "Paused");
    estate.scene.wait(14 * 24 * 60 * MINUTE);
    assert_eq!(estate.status()["status"], "Canceled");
    assert_eq!(estate.images(), ["1.0.1", "1.0.1", "1.0.1", "1.0.0"]);
}

#[test]
fn an_update_is_canceled_after_its_batch() {
    let estate = Estate::updating(|_, _| {});
    assert_eq!(estate.control("Cancel").status, 202);
    assert_eq!(estate.status()["status"], "Cancelling");
    estate.scene.wait(20 * MINUTE);
    assert_eq!(estate.status()["status"], "Canceled");
    assert_eq!(estate.images(), ["1.0.1", "1.0.0", "1.0.0", "1.0.0"]);
}

#[test]
fn an_update_is_scheduled_and_started_early() {
    let estate = Estate::configured(|_, _| {});
    let at = |days: i64| {
        let time = estate.scene.now() + Duration::days(days);
        let text = time.format(&time::format_description::well_known::Rfc3339);
        json!({"scheduledDateTime": text.unwrap(), "scheduledDateTimeZone": "W. Europe Standard Time"})
    };
    assert_eq!(estate.initiate(&at(15)).status, 400);
    assert_eq!(estate.initiate(&at(-1)).status, 400);
    assert_eq!(estate.initiate(&at(1)).status, 204);
    estate.scene.wait(20);
    let status = estate.status();
    assert_eq!(status["status"], "Scheduled");
    // Two hours ahead of UTC, and a Z all the same.
    assert_eq!(status["scheduledDateTime"], "2025-05-01T08:07:40Z");
    assert_eq!(status["startTime"], status["scheduledDateTime"]);
    assert_eq!(estate.control("Resume").status, 409);
    estate.scene.wait(24 * 60 * MINUTE);
    assert_ne!(estate.status()["status"], "Scheduled");
    let early = Estate::configured(|_, _| {});
    early.initiate(&at(1));
    early.scene.wait(20);
    assert_eq!(early.control("Start").status, 202);
    assert_eq!(early.status()["status"], "ValidatingSessionHostUpdate");
    let canceled = Estate::configured(|_, _| {});
    canceled.initiate(&at(1));
    canceled.scene.wait(20);
    assert_eq!(canceled.control("Cancel").status, 202);
    assert_eq!(canceled.status()["status"], "Canceled");
}

#[test]
fn a_second_update_is_refused_or_taken() {
    let check = |second: SecondUpdate, status: u16| {
        let estate = Estate::updating(|on, _| on.desktops.update_while_updating = second);
        let before = estate.status();
        assert_eq!(estate.initiate(&json!({})).status, status);
        estate.scene.wait(30);
        assert_eq!(estate.status()["correlationId"], before["correlationId"]);
        assert_eq!(estate.scene.cloud.updates_begun(), 1);
    };
    check(SecondUpdate::Refused, 409);
    check(SecondUpdate::Taken, 204);
    let check = |second: SecondUpdate, status: u16| {
        let estate = Estate::updating(|on, _| {
            on.desktops.update = UpdateFate::HostFails;
            on.desktops.update_while_failed = second;
        });
        estate.scene.wait(20 * MINUTE);
        let failed = estate.status();
        assert_eq!(estate.initiate(&json!({})).status, status);
        estate.scene.wait(30);
        let is_another = estate.status()["correlationId"] != failed["correlationId"];
        assert_eq!(is_another, second == SecondUpdate::Taken);
    };
    check(SecondUpdate::Refused, 409);
    check(SecondUpdate::Taken, 204);
}

#[test]
fn a_standard_pool_has_no_configuration_and_no_update() {
    for status in [400, 404] {
        let estate = Estate::new(|on, _| on.desktops.standard_pool_status = status);
        let ask = |rest: &str, method: Method, body: Value| {
            let path = format!("{}{rest}", estate.pool("hp-staging"));
            estate.ask(method, &path, PREVIEW, &body).status
        };
        let management = "/sessionHostManagements/default";
        let initiate = format!("{management}/initiateSessionHostUpdate");
        assert_eq!(ask(&initiate, Method::POST, json!({})), status);
        assert_eq!(
            ask(
                "/sessionHostConfigurations/default",
                Method::GET,
                Value::Null
            ),
            404
        );
        assert_eq!(
            ask(
                "/activeSessionHostConfigurations/default",
                Method::GET,
                Value::Null
            ),
            404
        );
        assert_eq!(ask(management, Method::GET, Value::Null), 404);
    }
    let estate = Estate::new(|on, _| on.desktops.refused_control_status = 400);
    assert_eq!(estate.control("Cancel").status, 404);
    estate.initiate(&json!({}));
    estate.scene.wait(20);
    assert_eq!(estate.control("Resume").status, 400);
}

#[test]
fn times_are_local_with_a_false_zone_unless_the_switch_says_otherwise() {
    for (times, hours) in [(UpdateTimes::Local, 2), (UpdateTimes::Utc, 0)] {
        let estate = Estate::configured(|on, _| on.desktops.update_times = times);
        let asked_at = estate.scene.now() + Duration::hours(hours);
        estate.initiate(&json!({"scheduledDateTimeZone": "W. Europe Standard Time"}));
        estate.scene.wait(50);
        assert_eq!(
            estate.status()["startTime"],
            crate::clock::seconds(asked_at)
        );
    }
    let estate = Estate::configured(|_, _| {});
    assert_eq!(
        estate
            .initiate(&json!({"scheduledDateTimeZone": "Europe/Berlin"}))
            .status,
        400
    );
}

#[test]
fn a_status_has_its_members_once_or_twice() {
    for (members, top, below) in [
        (StatusMembers::Twice, true, true),
        (StatusMembers::Properties, false, true),
        (StatusMembers::Top, true, false),
    ] {
        let estate = Estate::updating(|on, _| on.desktops.status_members = members);
        let status = estate.status();
        assert_eq!(status.get("progress").is_some(), top);
        assert_eq!(status.pointer("/properties/progress").is_some(), below);
        assert_eq!(status["status"], "UpdatingSessionHosts");
    }
}

#[test]
fn an_update_can_be_accepted_and_never_show_or_end_in_an_error() {
    let estate = Estate::updating(|on, _| on.desktops.update = UpdateFate::NeverStarts);
    estate.scene.wait(3600);
    assert_eq!(estate.status()["status"], Value::Null);
    let estate = Estate::updating(|on, _| on.desktops.update = UpdateFate::Error);
    assert_eq!(estate.status()["status"], "Error");
    assert_eq!(estate.control("Cancel").status, 202);
    estate.scene.wait(20 * MINUTE);
    assert_eq!(estate.status()["status"], "Canceled");
}

#[test]
fn a_lock_on_a_machine_stops_the_update() {
    let estate = Estate::configured(|_, world| {
        let machine = world.host_pools[1].hosts[0].machine.id.clone();
        world.locks.push(Lock {
            scope: machine,
            level: LockLevel::CanNotDelete,
        });
    });
    estate.initiate(&json!({}));
    estate.scene.wait(50 + 20 * MINUTE);
    let status = estate.status();
    assert_eq!(faults(&status), ["ScopeLocked_1024"]);
    assert_eq!(estate.images(), ["1.0.0"; 4]);
}

#[test]
fn settings_of_an_update_are_checked_by_the_definition() {
    let estate = Estate::configured(|_, _| {});
    for (name, value) in [
        ("maxVmsRemoved", json!(0)),
        ("logOffDelayMinutes", json!(61)),
        ("logOffMessage", json!("x".repeat(261))),
        ("deleteOriginalVm", json!("true")),
        ("maxVms", json!(1)),
    ] {
        let refused = estate.initiate(&json!({"update": {name: value}}));
        assert_eq!(code(&refused), (400, "400".to_owned()), "{name}");
    }
    assert_eq!(estate.initiate(&json!({"updates": {}})).status, 400);
    let control = estate.control("Stop");
    assert_eq!(code(&control), (400, "400".to_owned()));
}

#[test]
fn work_is_seen_by_polls_or_done_at_once() {
    let estate = Estate::new(|on, _| on.progress = Progress::AfterPolls(1));
    estate.configure(&custom("1.0.1"));
    let location = estate.configure(&custom("1.0.1")).status;
    assert_eq!(location, 409);
    let estate = Estate::new(|on, _| on.progress = Progress::Immediate);
    estate.configure(&custom("1.0.1"));
    estate.initiate(&json!({}));
    assert_eq!(estate.status()["status"], "Succeeded");
    assert_eq!(estate.images(), ["1.0.1"; 4]);
}
