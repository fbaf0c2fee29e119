//! `action: sweep`: what lost jobs left goes, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::blob::BlobRole;
use azure_emulator::{Cloud, Effect, Fault, Matcher, RunFate};
use http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::scene::{Scene, Stage};
use super::someone::{Someone, asked, marks};
use crate::texts::check_has;

const CUSTOMIZING: Duration = Duration::from_secs(500);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const ACCOUNT: &str = "stcontosoimages";
const PACKAGES: &str = "imagebuilder-vststask";

/// Everything that changes something.
const CHANGES: [&str; 6] = [
    "PutTemplate",
    "PatchTemplate",
    "DeleteTemplate",
    "RunTemplate",
    "CancelTemplate",
    "DeleteBlob",
];

fn with(mut tags: Value, name: &str, value: &str) -> Value {
    tags[name] = json!(value);
    tags
}

fn error(code: u16) -> Effect {
    Effect::refusal(code, "AuthorizationFailed", "not permitted")
}

fn kept(stage: &Stage, name: &str) -> (String, bool) {
    let result = stage.result_file();
    let all = result["kept"].as_array().unwrap().iter();
    let named = |entry: &&Value| {
        let what = entry["what"].as_str().unwrap();
        what.contains(&format!("'{name}'"))
    };
    let mut found = all.filter(named);
    let entry = found
        .next()
        .unwrap_or_else(|| panic!("{name} is not in {result:#}"));
    let command = entry["command"].as_str().unwrap_or_default();
    (
        entry["why"].as_str().unwrap().to_owned(),
        command.starts_with("az "),
    )
}

/// The lost agent, whom nobody runs again: the scheduled sweep of the next day leaves nothing.
#[tokio::test(start_paused = true)]
async fn what_a_lost_job_left_goes_a_day_after_its_end() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let name = stage.variable("templateName").unwrap().to_owned();
    let stage = stage.run_action("sweep", &[]).await;
    assert_eq!(kept(&stage, &name), ("its run continues".to_owned(), false));
    tokio::time::sleep(2 * HOUR).await;
    let stage = stage.run_action("sweep", &[]).await;
    let (why, for_a_person) = kept(&stage, &name);
    assert!(
        why.starts_with("its run ended only 1 h ") && !for_a_person,
        "{why}"
    );
    stage.check_result("Succeeded");
    tokio::time::sleep(DAY).await;
    let from = stage.cloud.journal().len();
    let stage = stage.run_action("sweep", &[]).await;
    stage.check_result("Succeeded");
    assert_eq!(stage.templates(), Vec::<String>::new());
    assert_eq!(stage.packages(), Vec::<String>::new());
    // The package before the template.
    let changes = asked(&stage.cloud, from, &CHANGES);
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(changes[0].contains(PACKAGES), "{changes:?}");
    assert!(stage.transcript.contains("delete template:  Succeeded"));
    let summary = &stage.summary_text();
    assert!(
        summary.contains("### Deleted") && summary.contains(&name),
        "{summary}"
    );
    let result = stage.result_file();
    assert_eq!(result["deleted"].as_array().unwrap().len(), 2);
    // A second one has nothing to do, and is no failure.
    let stage = stage.run_action("sweep", &[]).await;
    stage.check_result("Succeeded");
}

/// One template of each kind, in one group, and their runs two days ago; two of them are of today.
async fn one_of_each(other: &Someone, cloud: &Cloud) {
    let none = json!({});
    let ours = || marks("4700");
    let vhd = json!({"distribute": [{"type": "VHD", "runOutputName": "disk"}]});
    let elsewhere = json!({"distribute": [{"type": "VHD", "runOutputName": "disk",
        "uri": "https://stcontosoimages.blob.core.windows.net/vhds/a.vhd"}]});
    let of_test = json!({
        "customize": [],
        "validate": {"sourceValidationOnly": true, "inVMValidations": [{"type": "Shell", "name": "a", "inline": ["true"]}]},
        "distribute": [{"type": "VHD", "runOutputName": "imageTest"}],
    });
    let kept = with(ours(), "IMAGEBUILDERKEEP", "yes");
    let not_kept = with(ours(), "imageBuilderKeep", "False");
    for (name, tags, more) in [
        ("succeeded", &ours(), &none),
        ("t_100", &none, &none),
        ("foreign", &none, &none),
        ("kept", &kept, &none),
        ("not-kept", &not_kept, &none),
        ("vhd", &ours(), &vhd),
        ("vhd-elsewhere", &ours(), &elsewhere),
        ("test", &ours(), &of_test),
    ] {
        other.make_and_run(name, tags, more).await;
    }
    let partly = RunFate::PartiallySucceed {
        outputs: 1,
        message: String::new(),
    };
    let unknown = RunFate::EndAs {
        state: "Levitated",
        outputs: 0,
    };
    for (name, more, fate) in [
        ("failed", &none, RunFate::customizer_failed()),
        ("failed-vhd", &vhd, RunFate::customizer_failed()),
        ("partly", &none, partly),
        ("unknown", &none, unknown),
    ] {
        cloud.script_run(fate);
        other.make_and_run(name, &ours(), more).await;
    }
    let old = with(ours(), "imageBuilderMade", "2020-01-01T00:00:00Z");
    other.make("never-ran", &old, &none).await;
    other.make("no-time", &ours(), &none).await;
    tokio::time::sleep(2 * DAY).await;
    let now = other.time().format(&Rfc3339).unwrap();
    other
        .make("young", &with(ours(), "imageBuilderMade", &now), &none)
        .await;
    other.make_and_run("running", &ours(), &none).await;
    tokio::time::sleep(CUSTOMIZING).await;
}

/// A preview says what would be, and not that it was.
fn check_nothing_was_swept(preview: &Stage) {
    let said = preview.transcript.to_lowercase();
    check_has(
        &said,
        "preview of resource group 'rg-images', older than 24 h 0 min:  8 would be deleted, ",
    );
    assert!(!said.contains("swept resource group"), "{said}");
    check_has(
        &preview.page(),
        "## 🔍 Resource group `rg-images` not swept: preview\n",
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_is_ours_at_rest_and_old_goes() {
    let stage = Scene::windows().cloud_alone();
    let cloud = Arc::clone(&stage.cloud);
    one_of_each(&Someone::signed_in(&cloud), &cloud).await;
    let preview = stage.run_action("sweep", &[("preview", "true")]).await;
    preview.check_result("Succeeded");
    assert_eq!(asked(&cloud, 0, &["DeleteTemplate"]), Vec::<String>::new());
    let result = preview.result_file();
    for name in [
        "failed",
        "failed-vhd",
        "never-ran",
        "not-kept",
        "partly",
        "succeeded",
        "test",
        "vhd-elsewhere",
    ] {
        let line = format!(
            "would delete:  image template '{name}' in resource group 'rg-images', with its package"
        );
        assert!(preview.transcript.contains(&line), "{}", preview.transcript);
    }
    assert_eq!(result["deleted"].as_array().unwrap().len(), 8, "{result:#}");
    check_nothing_was_swept(&preview);

    let stage = preview.run_action("sweep", &[]).await;
    stage.check_result("Succeeded");
    let left = [
        "foreign", "kept", "no-time", "running", "t_100", "unknown", "vhd", "young",
    ];
    assert_eq!(stage.templates(), left);
    for (name, start, told) in [
        ("kept", "its tag 'imageBuilderKeep' keeps it", false),
        ("running", "its run continues", false),
        ("young", "it was created, and never ran, only ", false),
        ("no-time", "Azure does not report when it was created", true),
        ("t_100", "it looks like one of this task before", true),
        (
            "unknown",
            "the state 'Levitated' of its run is not known",
            true,
        ),
        (
            "vhd",
            "the VHD that it created is in its staging resource group",
            true,
        ),
    ] {
        let (why, for_a_person) = kept(&stage, name);
        assert!(why.starts_with(start), "{name}: {why}");
        assert_eq!(for_a_person, told, "{name}");
    }
    assert_eq!(stage.result_file()["foreignTemplates"], 1);
    let line = "kept:  image template 'vhd' in resource group 'rg-images': the VHD that it created is in its staging resource group, and would be deleted with it; to delete it: az image builder delete --subscription ";
    assert!(stage.transcript.contains(line), "{}", stage.transcript);
    let summary = stage.summary_text();
    assert!(
        summary.contains("### Kept") && summary.contains("### Next"),
        "{summary}"
    );
}

/// What never ran counts by Azure's own word where the task's is missing.
#[tokio::test(start_paused = true)]
async fn the_age_counts_from_what_azure_says_where_there_is_no_tag() {
    let scene = Scene::windows().switches(|switches| switches.templates_have_system_data = true);
    let stage = scene.cloud_alone();
    Someone::signed_in(&stage.cloud)
        .make("aib-1", &marks("1"), &json!({}))
        .await;
    let stage = stage.run_action("sweep", &[]).await;
    assert!(
        kept(&stage, "aib-1").0.starts_with("it was created"),
        "{}",
        stage.transcript
    );
    tokio::time::sleep(DAY).await;
    let stage = stage.run_action("sweep", &[]).await;
    assert_eq!(
        stage.templates(),
        Vec::<String>::new(),
        "{}",
        stage.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn the_age_is_an_input() {
    for (hours, age, goes) in [("1", 3601, true), ("1", 3500, false), ("48", 3601, false)] {
        let stage = Scene::windows().cloud_alone();
        let other = Someone::signed_in(&stage.cloud);
        other.make_and_run("aib-1", &marks("1"), &json!({})).await;
        // Runs take 19 minutes and some seconds.
        tokio::time::sleep(Duration::from_secs(1200)).await;
        assert_eq!(other.state("aib-1"), "Succeeded");
        tokio::time::sleep(Duration::from_secs(age)).await;
        let stage = stage
            .run_action("sweep", &[("olderThanHours", hours)])
            .await;
        assert_eq!(
            stage.templates().is_empty(),
            goes,
            "{hours} {age}\n{}",
            stage.transcript
        );
    }
    for hours in ["0", "-1", "x", "1.5", "99999999"] {
        let stage = Scene::windows().cloud_alone();
        let stage = stage
            .run_action("sweep", &[("olderThanHours", hours)])
            .await;
        assert_eq!(stage.result(), "Failed", "{hours}");
        let told = stage.issues("error").concat();
        assert!(
            told.contains("AIB101: Input 'olderThanHours'"),
            "{hours}: {told}"
        );
        assert_eq!(stage.cloud.journal().len(), 0);
    }
}

/// One cannot be deleted: it is named, and the others go.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_named_and_the_others_go_on() {
    let stage = Scene::windows().cloud_alone();
    let cloud = Arc::clone(&stage.cloud);
    let other = Someone::signed_in(&cloud);
    for name in ["one", "two", "three", "four", "five", "six"] {
        other.make_and_run(name, &marks("1"), &json!({})).await;
    }
    tokio::time::sleep(2 * DAY).await;
    cloud.add_fault(Fault::always(
        Matcher::path(Method::DELETE, "*/imageTemplates/three"),
        error(403),
    ));
    let stage = stage.run_action("sweep", &[]).await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(stage.templates(), ["three"]);
    let told = stage.issues("warning");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("AIB601: Deleting image template 'three'"),
        "{told:?}"
    );
    assert!(
        told[0].contains("az image builder delete --subscription "),
        "{told:?}"
    );
    assert_eq!(
        stage.result_file()["notDeleted"].as_array().unwrap().len(),
        1
    );
}

/// Two sweeps at once: what the other one deletes is gone, and that is what was wanted.
#[tokio::test(start_paused = true)]
async fn what_another_sweep_deletes_is_no_failure() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    tokio::time::sleep(2 * DAY).await;
    let second = Scene::windows().at(&stage.cloud);
    let (first, second) = tokio::join!(
        stage.run_action("sweep", &[]),
        second.run_action("sweep", &[])
    );
    for stage in [&first, &second] {
        stage.check_result("Succeeded");
        assert_eq!(stage.templates(), Vec::<String>::new());
        assert_eq!(stage.packages(), Vec::<String>::new());
    }
}

/// Between the list and the deletion its run was started again.
#[tokio::test(start_paused = true)]
async fn what_has_begun_to_run_meanwhile_stays() {
    let stage = Scene::windows().cloud_alone();
    let cloud = Arc::clone(&stage.cloud);
    let other = Someone::signed_in(&cloud);
    other.make_and_run("aib-1", &marks("1"), &json!({})).await;
    tokio::time::sleep(2 * DAY).await;
    // The list is from before.
    let listed = {
        let id = other.id("rg-images", "aib-1");
        let path = id.rsplit_once('/').unwrap().0;
        let answer = other.send(Method::GET, path, None);
        String::from_utf8(answer.body().to_vec()).unwrap()
    };
    other.run("aib-1");
    let date = other.date();
    cloud.add_fault(Fault::once(
        "ListTemplatesOfGroup",
        Effect::Status {
            code: 200,
            headers: vec![("date".to_owned(), date)],
            body: listed,
        },
    ));
    let from = cloud.journal().len();
    let stage = stage.run_action("sweep", &[]).await;
    stage.check_result("Succeeded");
    assert_eq!(kept(&stage, "aib-1").0, "its run continues");
    assert_eq!(asked(&cloud, from, &CHANGES), Vec::<String>::new());
    assert_eq!(other.state("aib-1"), "Running");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_listed_is_not_swept() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    tokio::time::sleep(2 * DAY).await;
    stage
        .cloud
        .add_fault(Fault::always("ListTemplatesOfGroup", error(403)));
    let from = stage.cloud.journal().len();
    let stage = stage
        .run_action("sweep", &[("storageAccountName", ACCOUNT)])
        .await;
    stage.check_result("Failed");
    assert_eq!(asked(&stage.cloud, from, &CHANGES), Vec::<String>::new());
}

/// The name of a package that was sent `age` before now.
fn package(build: &str, age: Duration) -> String {
    let named = OffsetDateTime::now_utc() - age;
    let number = named.unix_timestamp_nanos() / 1000;
    format!("web/{build}-{number}/web_{number}.zip")
}

fn put(cloud: &Cloud, name: &str) {
    cloud.plant_blob(ACCOUNT, PACKAGES, name, "x".into(), &[]);
}

const NAMED: &str = "web/4800-1763800000000000/web_1763800000000000.zip";
const IN_SCRIPT: &str = "web/4801-1763800000000000/web_1763800000000000.zip";
const REWRITTEN: &str = "web/4711-1763800000000001/web_1763800000000001.zip";

/// In another group, and foreign: they may still be about to run.
async fn make_templates_that_name_packages(other: &Someone) {
    let by_tag = json!({"imageBuilderPackage": format!("rg-images/{ACCOUNT}/{NAMED}")});
    other
        .make_in("rg-production", "by-tag", &by_tag, &json!({}))
        .await;
    let address = format!("https://{ACCOUNT}.blob.core.windows.net/{PACKAGES}/{IN_SCRIPT}?sig=a");
    let script = format!("curl '{address}'");
    let by_address = json!({"customize": [{"type": "Shell", "name": "a", "inline": [script]}]});
    other
        .make_in("rg-production", "by-address", &json!({}), &by_address)
        .await;
}

/// Packages that nothing names: only with the account, only ours, only old ones by both times.
#[tokio::test(start_paused = true)]
async fn packages_without_a_template_go_when_they_are_old() {
    let stage = Scene::windows().cloud_alone();
    let cloud = Arc::clone(&stage.cloud);
    let shared = format!("web/sha256-{}/web.zip", "a".repeat(64));
    let not_ours = [
        "prod.tfstate",
        "web/4711-17/web_18.vhd",
        &shared,
        "web/x-17/web_17.zip",
    ];
    let old = [
        &package("4711", DAY),
        "web/1763800000000000/web_1763800000000000.tar.gz",
        "web/4711-1763800000000/web_1763800000000.zip",
        "web/31-2/web_1763800000000000.zip",
    ];
    for name in old.iter().chain(&not_ours).chain(&[NAMED, IN_SCRIPT]) {
        put(&cloud, name);
    }
    make_templates_that_name_packages(&Someone::signed_in(&cloud)).await;
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    put(&cloud, REWRITTEN);
    let before = stage.packages();

    // Without the account nobody looks.
    let stage = stage.run_action("sweep", &[]).await;
    assert_eq!(stage.packages(), before);
    let preview = [("storageAccountName", ACCOUNT), ("preview", "true")];
    let stage = stage.run_action("sweep", &preview).await;
    assert_eq!(stage.packages(), before);
    let result = stage.result_file();
    assert_eq!(result["deleted"].as_array().unwrap().len(), 4, "{result:#}");

    let stage = stage
        .run_action("sweep", &[("storageAccountName", ACCOUNT)])
        .await;
    stage.check_result("Succeeded");
    let mut expected = not_ours.to_vec();
    expected.extend([NAMED, IN_SCRIPT, REWRITTEN]);
    expected.sort_unstable();
    assert_eq!(stage.packages(), expected, "{}", stage.transcript);
    let why = |name: &str| kept(&stage, name).0;
    let by = |template: &str| {
        format!("image template '{template}' in resource group 'rg-production' names it")
    };
    assert_eq!(why(NAMED), by("by-tag"));
    assert_eq!(why(IN_SCRIPT), by("by-address"));
    assert!(why(REWRITTEN).starts_with("it was uploaded only "));
}

/// A list may hide groups: no package younger than a day goes, whatever is asked for.
#[tokio::test(start_paused = true)]
async fn no_package_younger_than_a_day_goes() {
    let stage = Scene::windows().cloud_alone();
    let name = "web/4711-1763800000000000/web_1763800000000000.zip";
    put(&stage.cloud, name);
    tokio::time::sleep(Duration::from_secs(23 * 3600)).await;
    let inputs = [("storageAccountName", ACCOUNT), ("olderThanHours", "1")];
    let stage = stage.run_action("sweep", &inputs).await;
    assert_eq!(stage.packages(), [name], "{}", stage.transcript);
    assert!(
        kept(&stage, name)
            .0
            .ends_with("and packages stay for 24 h 0 min")
    );
    tokio::time::sleep(2 * HOUR).await;
    let longer = [("storageAccountName", ACCOUNT), ("olderThanHours", "72")];
    let stage = stage.run_action("sweep", &longer).await;
    assert_eq!(stage.packages(), [name], "{}", stage.transcript);
    let stage = stage.run_action("sweep", &inputs).await;
    assert_eq!(
        stage.packages(),
        Vec::<String>::new(),
        "{}",
        stage.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_list_of_the_subscription_packages_stay() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let name = "web/4711-1763800000000000/web_1763800000000000.zip";
    put(&stage.cloud, name);
    tokio::time::sleep(2 * DAY).await;
    stage
        .cloud
        .add_fault(Fault::always("ListTemplates", error(403)));
    let stage = stage
        .run_action("sweep", &[("storageAccountName", ACCOUNT)])
        .await;
    stage.check_result("SucceededWithIssues");
    // The template of the group is proven by itself.
    assert_eq!(stage.templates(), Vec::<String>::new());
    assert_eq!(stage.packages(), [name]);
    let told = stage.issues("warning");
    assert!(told[0].starts_with("AIB601: The packages without a template were not deleted: Listing the image templates of subscription"), "{told:?}");
    assert!(
        told[0].contains("Microsoft.VirtualMachineImages/imageTemplates/read"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn packages_are_deleted_by_a_key_or_stay_where_there_is_no_permission() {
    let name = "web/4711-1763800000000000/web_1763800000000000.zip";
    for (roles, keys, goes) in [
        (vec![BlobRole::Contributor], false, true),
        (Vec::new(), true, true),
        (Vec::new(), false, false),
    ] {
        let mut scene = Scene::windows();
        let account = &mut scene.world.storage_accounts[0];
        account.roles.clear();
        account.roles.insert("any".to_owned(), roles);
        account.allow_shared_key = keys;
        // What a key signs has the date of the machine's clock.
        scene.switches.clock_skew = 3 * DAY;
        let stage = scene.cloud_alone();
        put(&stage.cloud, name);
        tokio::time::sleep(2 * DAY).await;
        let stage = stage
            .run_action("sweep", &[("storageAccountName", ACCOUNT)])
            .await;
        assert_eq!(stage.packages().is_empty(), goes, "{}", stage.transcript);
        let expected = if goes {
            "Succeeded"
        } else {
            "SucceededWithIssues"
        };
        assert_eq!(stage.result(), expected, "{}", stage.transcript);
    }
}

/// A typing error in the account's name is told before anything is deleted.
#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_there_stops_the_sweep() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    tokio::time::sleep(2 * DAY).await;
    let stage = stage
        .run_action("sweep", &[("storageAccountName", "stcontosoimage")])
        .await;
    stage.check_result("Failed");
    let told = stage.issues("error").concat();
    assert!(
        told.starts_with("AIB502: ") && told.contains("stcontosoimages"),
        "{told}"
    );
    assert_eq!(stage.templates().len(), 1);
}

/// At most four at once, and all of them go.
#[tokio::test(start_paused = true)]
async fn many_templates_go_four_at_a_time() {
    let stage = Scene::windows().cloud_alone();
    let other = Someone::signed_in(&stage.cloud);
    let old = with(marks("1"), "imageBuilderMade", "2020-01-01T00:00:00Z");
    for number in 0..12 {
        other.begin(&format!("aib-{number}"), &old, &json!({}));
    }
    tokio::time::sleep(HOUR).await;
    let stage = stage.run_action("sweep", &[]).await;
    stage.check_result("Succeeded");
    assert_eq!(stage.templates(), Vec::<String>::new());
    // Three rounds: one deletion takes some 80 s.
    let seconds = stage.elapsed.as_secs();
    assert!((150..600).contains(&seconds), "{seconds}");
}

/// A sweep that is stopped tells what it has done.
#[tokio::test(start_paused = true)]
async fn a_stopped_sweep_tells_what_is_gone() {
    let stage = Scene::windows().cloud_alone();
    let other = Someone::signed_in(&stage.cloud);
    let old = with(marks("1"), "imageBuilderMade", "2020-01-01T00:00:00Z");
    for number in 0..8 {
        other.begin(&format!("aib-{number}"), &old, &json!({}));
    }
    tokio::time::sleep(HOUR).await;
    let asked_for = stage.asked_for("sweep", &[]);
    let stage = Box::pin(asked_for.retry_until(Duration::from_secs(120))).await;
    stage.check_result("Canceled");
    assert!(stage.elapsed < Duration::from_secs(122));
    let gone = stage.result_file()["deleted"].as_array().unwrap().len();
    assert!((1..8).contains(&gone), "{gone}");
}
