//! What the sources on Azure leave open, both ways: a build comes out the same, or ends well, whichever way Azure takes.

use std::time::Duration;

use azure_emulator::{
    DefaultVersion, Durations, Effect, Fault, ImageDisk, OperationUrls, Progress, ReadOnlyMembers,
    Switches,
};

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use crate::texts::{check_has, check_starts};

/// How long a build takes when nothing is special, and some.
pub(super) const USUAL: Duration = Duration::from_secs(28 * 60);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A way that Azure may take.
pub(super) type Switch = fn(&mut Switches);

/// A build that makes its image and leaves nothing else, within `longest`.
async fn succeeds(name: &str, switch: Switch, longest: Duration) -> Stage {
    let stage = Scene::windows().switches(switch).build(|_| {}).await;
    check_succeeded(name, &stage, longest);
    stage
}

pub(super) fn check_succeeded(name: &str, stage: &Stage, longest: Duration) {
    assert_eq!(stage.result(), "Succeeded", "{name}\n{}", stage.transcript);
    check_no_secret(stage);
    check_nothing_left(stage);
    assert_eq!(stage.cloud.inventory().image_versions.len(), 1, "{name}");
    assert!(stage.elapsed <= longest, "{name}: {:?}", stage.elapsed);
}

/// A build without an image, whose one error starts like this.
pub(super) fn check_failed(name: &str, stage: &Stage, error: &str) {
    assert_eq!(stage.result(), "Failed", "{name}\n{}", stage.transcript);
    assert!(
        stage.error().starts_with(error),
        "{name}: {}",
        stage.error()
    );
    check_no_secret(stage);
}

/// The run's operation ends so many seconds after the run.
fn closing(switches: &mut Switches, seconds: u64) {
    let durations = Durations {
        closing: Duration::from_secs(seconds),
        ..Durations::default()
    };
    switches.progress = Progress::ByClock(Box::new(durations));
}

/// Each of these builds makes its image and leaves nothing else.
async fn check_all(ways: &[(&str, Switch, Duration)]) {
    for (name, switch, longest) in ways {
        succeeds(name, *switch, *longest).await;
    }
}

#[tokio::test(start_paused = true)]
async fn operations_are_followed_however_azure_tells_of_them() {
    use OperationUrls::{Plain, Signed};
    check_all(&[
        ("signed URLs", |on| on.operation_urls = Signed, USUAL),
        ("plain URLs", |on| on.operation_urls = Plain, USUAL),
        ("no Retry-After", |on| on.retry_after = None, USUAL),
        ("Retry-After 30", |on| on.retry_after = Some(30), USUAL),
        ("closed at once", |on| closing(on, 0), USUAL),
        ("closed after 65 s", |on| closing(on, 65), USUAL),
        // The template's word is taken after five minutes.
        (
            "closed after 10 min",
            |on| closing(on, 600),
            USUAL + 4 * MINUTE,
        ),
        (
            "done at once",
            |on| on.progress = Progress::Immediate,
            2 * MINUTE,
        ),
        (
            "done after looks",
            |on| on.progress = Progress::AfterPolls(3),
            USUAL,
        ),
        ("other ids", |on| on.seed = 4711, USUAL),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn templates_are_built_however_azure_takes_them() {
    use ReadOnlyMembers::{Ignored, Refused};
    check_all(&[
        ("busy is 405", |on| on.not_allowed_status = 405, USUAL),
        ("busy is 409", |on| on.not_allowed_status = 409, USUAL),
        (
            "read-only: ignored",
            |on| on.read_only_members = Ignored,
            USUAL,
        ),
        (
            "read-only: refused",
            |on| on.read_only_members = Refused,
            USUAL,
        ),
        (
            "identity checked",
            |on| on.refuse_missing_identity = true,
            USUAL,
        ),
        (
            "third look fails",
            |on| on.internal_error_every = Some(3),
            USUAL,
        ),
        (
            "second look fails",
            |on| on.internal_error_every = Some(2),
            USUAL,
        ),
        (
            "no look at a run",
            |on| on.internal_error_every = Some(1),
            USUAL,
        ),
    ])
    .await;
}

/// Azure Resource Manager refills its allowance of reads by 25 a second: a third of that is the most that one job may use
/// (<https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>).
#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_no_pause_is_not_flooded() {
    let stage = succeeds("Retry-After 0", |on| on.retry_after = Some(0), USUAL).await;
    let seconds = stage.elapsed.as_secs();
    let polls = stage.polls_of_the_run();
    assert!(polls < 8 * seconds + 100, "{polls} polls in {seconds} s");
}

/// Two sources, each asked once in the pause that the server wants.
#[tokio::test(start_paused = true)]
async fn the_pause_that_the_server_wants_is_kept() {
    for pause in [1, 30, 90] {
        let stage = Scene::windows()
            .switches(|on| on.retry_after = Some(pause))
            .build(|_| {})
            .await;
        check_succeeded("Retry-After", &stage, USUAL + MINUTE);
        let most = 2 * (stage.elapsed.as_secs() / u64::from(pause)) + 2;
        let polls = stage.polls_of_the_run();
        assert!((most / 2..=most).contains(&polls), "{polls} of {most}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_number_of_an_image_version_is_read_not_guessed() {
    let check = |switch: Switch, expected: &'static str| async move {
        let stage = succeeds(expected, switch, USUAL).await;
        let versions = stage.cloud.inventory().image_versions;
        let (id, ..) = &versions[0];
        assert_eq!(stage.variable("imageUri"), Some(id.as_str()));
        let number = id.rsplit('/').next().unwrap();
        assert!(number.starts_with(expected), "{number}");
    };
    check(|on| on.default_version = DefaultVersion::Latest, "1.0.0").await;
    check(|on| on.default_version = DefaultVersion::DateLike, "0.25").await;
}

/// Refused at once, or after a while: the same cause in the same words, and nothing is left.
#[tokio::test(start_paused = true)]
async fn a_missing_identity_is_named_whenever_azure_notices() {
    for (at_once, error) in [(true, "AIB003: "), (false, "AIB003: ")] {
        let scene = Scene::windows();
        let missing = scene.step.inputs["managedIdentity"].replace("id-image-builder", "id-gone");
        let stage = scene
            .input("managedIdentity", &missing)
            .switches(|on| on.refuse_missing_identity = at_once)
            .build(|cloud| {
                // Who may read the identity refuses the build before Azure does.
                let effect = Effect::status(403, "");
                cloud.add_fault(Fault::once("GetIdentity", effect));
            })
            .await;
        check_failed(error, &stage, error);
        check_nothing_left(&stage);
        let error = stage.error();
        check_has(&error, "check the spelling of input 'managedIdentity'");
    }
}

/// Older versions of the service wrote errors without the member `error`; a gateway or a preview may do so again.
#[tokio::test(start_paused = true)]
async fn an_error_is_read_in_its_flat_form_too() {
    let check = |operation: &'static str, body: &'static str, expected: &'static str| async move {
        let effect = Effect::status(400, body);
        let fault = Fault::always(operation, effect);
        // Otherwise the image would be found without its run output.
        let scene = Scene::windows().switches(|on| on.image_disk = ImageDisk::Unnamed);
        let stage = scene.build(|cloud| cloud.add_fault(fault)).await;
        check_failed(operation, &stage, "AIB3");
        assert!(stage.error().contains(expected), "{}", stage.error());
        check_nothing_left(&stage);
    };
    let flat = r#"{"code":"ValidationFailed","message":"the profile is wrong"}"#;
    let wrapped = r#"{"error":{"code":"ValidationFailed","message":"the profile is wrong"}}"#;
    for operation in ["PutTemplate", "RunTemplate", "GetRunOutput"] {
        for body in [flat, wrapped] {
            check(
                operation,
                body,
                "Azure refused with ValidationFailed (400): the profile is wrong",
            )
            .await;
        }
    }
}

/// A cloud that lags behind is spoken to in the older version, unless the template needs the newest.
#[tokio::test(start_paused = true)]
async fn a_cloud_with_an_older_version_of_the_api_builds_all_the_same() {
    let older = |scene: Scene| {
        scene.switches(|on| on.newest_builder_version = Some("2024-02-01".to_owned()))
    };
    let stage = older(Scene::windows()).build(|_| {}).await;
    stage.check_result("Succeeded");
    check_nothing_left(&stage);
    let journal = stage.cloud.journal();
    let refused = journal
        .iter()
        .filter(|entry| entry.status == Some(400))
        .count();
    assert_eq!(refused, 1, "the newest version is tried once");

    let canceled = older(Scene::windows())
        .build_until(|_| {}, Some(Duration::from_secs(200)))
        .await;
    canceled.check_result("Canceled");
    let after = canceled.clean_up().await;
    let inventory = after.cloud.inventory();
    assert!(inventory.templates.is_empty(), "{inventory}");

    let shallow = |scene: Scene| scene.input("replicationMode", "Shallow");
    let stage = shallow(older(Scene::windows())).build(|_| {}).await;
    stage.check_result("Failed");
    let error = stage.error();
    check_starts(&error, "AIB306: Creating image template 't_");
    let why = "this cloud offers version 2024-02-01 of the image builder's API, which does not know properties.distribute[0].replicationMode";
    assert!(error.contains(why), "{error}");
    check_nothing_left(&stage);
    let stage = shallow(Scene::windows()).build(|_| {}).await;
    stage.check_result("Succeeded");

    let much_older =
        Scene::windows().switches(|on| on.newest_builder_version = Some("2022-07-01".to_owned()));
    let error = much_older.build(|_| {}).await.error();
    assert!(error.contains("NoRegisteredProviderFound"), "{error}");
}
