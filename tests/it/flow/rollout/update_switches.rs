//! What the sources leave open about session host updates: whichever it is, the step comes to the same end.

use azure_emulator::{
    BadConfiguration, Fate, ListScope, SecondUpdate, StatusMembers, Switches, UpdateFate,
    UpdateTimes,
};

use super::updating::*;
use crate::flow::scene::Scene;
use crate::texts::check_has;

/// Whether it ends well with the switch, and one update was begun.
async fn good(name: &str, change: impl FnOnce(&mut Switches)) {
    let scene = quick().switches(change);
    let stage = run(scene, |_| {}).await;
    assert_eq!(stage.result(), "Succeeded", "{name}\n{}", stage.transcript);
    assert_eq!(hosts(&stage.cloud), all(NEW), "{name}");
    assert_eq!(stage.cloud.updates_begun(), 1, "{name}");
}

#[tokio::test(start_paused = true)]
async fn an_update_comes_to_the_same_end_whatever_is_open() {
    for members in [
        StatusMembers::Twice,
        StatusMembers::Properties,
        StatusMembers::Top,
    ] {
        good(&format!("{members:?}"), |on| {
            on.desktops.status_members = members;
        })
        .await;
    }
    for times in [UpdateTimes::Local, UpdateTimes::Utc] {
        good(&format!("{times:?}"), |on| on.desktops.update_times = times).await;
    }
    for at_once in [false, true] {
        good("at once", |on| {
            on.desktops.configuration_shows_at_once = at_once;
        })
        .await;
        good("follows", |on| on.desktops.image_type_follows = at_once).await;
    }
    for scope in [ListScope::Pool, ListScope::Caller, ListScope::Subscription] {
        good(&format!("{scope:?}"), |on| {
            on.desktops.host_list_scope = scope;
        })
        .await;
    }
    good("few lists", |on| on.desktops.host_lists = 2).await;
    good("small pages", |on| on.desktops.host_page_size = 1).await;
}

/// The first host fails, and Retry goes on with the same update or makes another one of it.
#[tokio::test(start_paused = true)]
async fn retry_goes_on_or_is_another_update() {
    for another in [false, true] {
        let scene = quick().switches(|on| on.desktops.retry_is_another_update = another);
        let stage = run(scene, |cloud| cloud.script_update(UpdateFate::HostFails)).await;
        assert_good(&stage);
        assert_eq!(hosts(&stage.cloud), all(NEW));
        assert_eq!(obeyed(&stage.cloud, "ControlUpdate"), 1);
        assert_eq!(stage.cloud.updates_begun(), 1);
    }
}

/// A change of the configuration that is not possible shows in one of three ways, with the service's words where it has any.
#[tokio::test(start_paused = true)]
async fn a_configuration_that_is_not_possible_is_told() {
    for bad in [
        BadConfiguration::State,
        BadConfiguration::Location,
        BadConfiguration::AtOnce,
    ] {
        let scene = quick().switches(|on| {
            on.desktops.bad_configuration = bad;
            on.desktops.configuration = Fate::Fail {
                code: "ValidationFailed".to_owned(),
                message: "The image is not generalized".to_owned(),
            };
        });
        let stage = run(scene, |_| {}).await;
        let error = stage.error();
        let start =
            "AIB847: Changing the session host configuration of host pool 'hp-production' failed: ";
        assert!(error.starts_with(start), "{bad:?} {error}");
        if bad != BadConfiguration::State {
            assert!(
                error.contains("The image is not generalized"),
                "{bad:?} {error}"
            );
        }
        assert_eq!(stage.variable("rolloutState"), Some("Failed"));
        assert_eq!(stage.cloud.updates_begun(), 0);
    }
    let scene = quick().switches(|on| on.desktops.configuration = Fate::NeverEnd);
    let stage = run(scene, |_| {}).await;
    check_has(&stage.error(), "still in state");
}

/// A refused control action is no failure of its own, with whatever status it is refused.
#[tokio::test(start_paused = true)]
async fn a_refused_control_action_is_no_error() {
    for status in [400, 404, 409] {
        let scene = quick().switches(|on| on.desktops.refused_control_status = status);
        let stage = run(scene, |cloud| cloud.script_update(UpdateFate::CapacityRule)).await;
        assert!(stage.error().starts_with("AIB858: "), "{}", stage.error());
        assert_eq!(
            configured(&stage.cloud),
            OLD,
            "{status}\n{}",
            stage.transcript
        );
    }
}

/// An update waits after a failure, and the next attempt asks for another one, or tries it again.
#[tokio::test(start_paused = true)]
async fn the_next_attempt_after_a_failure_brings_the_pool_on() {
    for while_failed in [SecondUpdate::Taken, SecondUpdate::Refused] {
        for fate in [UpdateFate::HostFails, UpdateFate::RollbackFails] {
            let scene = |attempt: u32| -> Scene {
                quick()
                    .input("onRolloutFailure", "leave")
                    .switches(|on| on.desktops.update_while_failed = while_failed)
                    .attempt(attempt)
            };
            let cloud = scene(1).new_cloud();
            cloud.script_update(fate);
            let first = run_in(scene(1), &cloud).await;
            assert!(first.error().starts_with("AIB858: "), "{}", first.error());
            let second = run_in(scene(2), &cloud).await;
            let name = format!("{while_failed:?} {fate:?}\n{}", second.transcript);
            match (while_failed, fate) {
                // Its status counts no host, so it looks like one that failed in its validation.
                (SecondUpdate::Refused, UpdateFate::HostFails) => {
                    assert!(second.error().starts_with("AIB846: "), "{name}");
                    assert!(second.error().contains("waits for Cancel"), "{name}");
                }
                (_, UpdateFate::RollbackFails) => {
                    assert_eq!(second.result(), "Succeeded", "{name}");
                    assert_eq!(cloud.updates_begun(), 1, "{name}");
                }
                _ => {
                    assert_eq!(second.result(), "Succeeded", "{name}");
                    assert_eq!(hosts(&cloud), all(NEW), "{name}");
                }
            }
        }
    }
}

/// The list of hosts is refused for a while: it is waited for.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_refused_is_waited_for() {
    let scene = quick().switches(|on| on.desktops.host_lists = 1);
    let cloud = scene.new_cloud();
    // Someone has taken the only one.
    let first = run_in(quick().input("preview", "true"), &cloud).await;
    assert_good(&first);
    let scene = quick().switches(|on| on.desktops.host_lists = 1);
    let stage = run_in(scene, &cloud).await;
    assert_good(&stage);
    assert_eq!(hosts(&cloud), all(NEW));
    let lists = cloud.journal().into_iter();
    let refused = lists
        .filter(|entry| entry.operation == Some("ListSessionHosts") && entry.status == Some(429));
    assert!(refused.count() >= 1);
}

/// No more than one list a minute, and ten in five minutes.
#[tokio::test(start_paused = true)]
async fn hosts_are_listed_in_their_pace() {
    let stage = run(update(), |_| {}).await;
    let journal = stage.cloud.journal().into_iter();
    let times: Vec<_> = journal
        .filter(|entry| entry.operation == Some("ListSessionHosts"))
        .map(|entry| entry.time)
        .collect();
    assert!(times.len() > 10, "{}", times.len());
    // But for the one at the end.
    for pair in times[..times.len() - 1].windows(2) {
        assert!(pair[1] - pair[0] >= time::Duration::seconds(60), "{pair:?}");
    }
    for ten in times.windows(11) {
        assert!(ten[10] - ten[0] >= time::Duration::minutes(5), "{ten:?}");
    }
}
