//! Nothing that is not this step's own is touched, whatever notes and blobs of others say; and everything that is goes.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Addresses, Cloud, Effect, Fault};
use http::Method;
use serde_json::json;

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};

/// After this long the image is being customized.
const CUSTOMIZING: Duration = Duration::from_secs(500);
const ACCOUNT: &str = "stcontosoimages";
const PACKAGES: &str = "imagebuilder-vststask";

/// What the cloud holds: templates, and blobs of the containers that others and we have.
fn holds(cloud: &Cloud) -> String {
    let inventory = cloud.inventory();
    let blobs = inventory.blobs.iter();
    let blobs: Vec<_> = blobs
        .filter(|(_, container, ..)| container != "packerlogs")
        .map(|(_, container, name, _)| format!("{container}/{name}"))
        .collect();
    let templates: Vec<_> = inventory.templates.iter().map(|(id, ..)| id).collect();
    format!("{templates:?} {blobs:?}")
}

/// The requests that change something, from number `from` on.
fn changes(cloud: &Cloud, from: usize) -> Vec<String> {
    let journal = cloud.journal().into_iter().skip(from);
    let harmless = |path: &str| path.ends_with("/token") || path.ends_with("/oidctoken");
    journal
        .filter(|entry| entry.method != Method::GET && entry.method != Method::HEAD)
        .filter(|entry| !harmless(&entry.path))
        .map(|entry| entry.to_string())
        .collect()
}

/// A stage that has met something that is not its own: it is named, left alone, and there is no command for it.
fn check_left_alone(what: &str, stage: &Stage, named: &str) {
    assert_eq!(
        stage.result(),
        "SucceededWithIssues",
        "{what}\n{}",
        stage.transcript
    );
    let warnings = stage.issues("warning");
    let told = warnings.iter().find(|told| told.contains(named));
    let told = told.unwrap_or_else(|| panic!("{what}: no '{named}' in {warnings:?}"));
    assert!(told.starts_with("AIB601: Left alone: "), "{what}: {told}");
    assert!(
        told.ends_with("hint: this task deletes only what this step created; the owner of the resource decides whether to delete it"),
        "{what}: {told}"
    );
    assert!(!told.contains("az "), "{what}: {told}");
    check_no_secret(stage);
}

/// A note with one blob, and its address as whoever forges it may write it.
fn note_of_blob(kind: &str, container: &str, name: &str, address: &str) -> String {
    let id = "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Storage/storageAccounts/stcontosoimages";
    let endpoint = Addresses::in_process().blob_endpoint(ACCOUNT);
    json!([{kind: {
        "account": {"id": id, "name": ACCOUNT, "blob_endpoint": endpoint, "takes_keys": true, "is_open": true},
        "container": container, "name": name, "url": format!("{endpoint}{address}"),
    }}])
    .to_string()
}

/// The endpoint above is the emulator's: a note that is not forged is obeyed.
#[tokio::test(start_paused = true)]
async fn a_note_of_the_steps_own_package_is_obeyed() {
    let name = "images/4711-1763800000000000/images_1763800000000000.zip";
    for kind in ["blob", "blobByKey"] {
        let put = |cloud: &Cloud| cloud.put_blob(ACCOUNT, PACKAGES, name, "x".into());
        let stage = Scene::windows().idle(put);
        let note = note_of_blob(kind, PACKAGES, name, &format!("{PACKAGES}/{name}"));
        let stage = stage.with_note(&note).clean_up().await;
        stage.check_result("Succeeded");
        check_nothing_left(&stage);
    }
}

const NUMBER: &str = "1763800000000000";

/// Names of our own form, in the wrong place or of another run.
fn not_ours() -> [(&'static str, String); 4] {
    let ours = format!("images/4711-{NUMBER}/images_{NUMBER}.zip");
    [
        ("tfstate", "prod.tfstate".to_owned()),
        ("tfstate", ours.clone()),
        (PACKAGES, ours.replace("4711", "4712")),
        (PACKAGES, ours.replace(".zip", ".vhd")),
    ]
}

/// Container and name, and the address that goes with them, as a forged note may have them.
fn forged() -> Vec<(&'static str, String, String)> {
    let target = "tfstate/prod.tfstate";
    let upwards = [
        (format!("1234567890123/../../{target}"), target.to_owned()),
        (
            format!("images/4711-{NUMBER}/../../../{target}"),
            target.to_owned(),
        ),
        (format!("../{target}"), target.to_owned()),
        (
            format!("x/../../{target}"),
            format!("{PACKAGES}/x/../../{target}"),
        ),
        (
            format!("../4711-{NUMBER}/.._{NUMBER}.zip"),
            format!("4711-{NUMBER}/.._{NUMBER}.zip"),
        ),
        (format!(r"..\{target}"), target.to_owned()),
        (
            format!("%2e%2e/{target}"),
            format!("{PACKAGES}/%2e%2e/{target}"),
        ),
    ];
    let upwards = upwards.map(|(name, address)| (PACKAGES, name, address));
    let elsewhere = not_ours().map(|(container, name)| {
        let address = format!("{container}/{name}");
        (container, name, address)
    });
    upwards.into_iter().chain(elsewhere).collect()
}

#[tokio::test(start_paused = true)]
async fn a_forged_note_deletes_no_blob_of_others() {
    let put = |cloud: &Cloud| {
        for (container, name) in not_ours() {
            cloud.put_blob(ACCOUNT, container, &name, "x".into());
        }
    };
    for (container, name, address) in forged() {
        for kind in ["blob", "blobByKey"] {
            let what = format!("{kind} {container} {name}");
            let named = name.replace('%', "%AZP25");
            let note = note_of_blob(kind, container, &name, &address);
            let idle = Scene::windows().idle(put).with_note(&note);
            let before = holds(&idle.cloud);
            let cleaned = idle.clean_up().await;
            check_left_alone(&what, &cleaned, &named);
            assert_eq!(holds(&cleaned.cloud), before, "{what}");
            assert_eq!(changes(&cleaned.cloud, 0), Vec::<String>::new(), "{what}");

            // The main stage's own way, when it is started again.
            let second = cleaned.with_note(&note).retry().await;
            check_left_alone(&what, &second, &named);
            assert_eq!(holds(&second.cloud), before, "{what}");
        }
    }
}

/// Someone else's build is on; this step's note names it.
#[tokio::test(start_paused = true)]
async fn a_forged_note_touches_no_template_of_others() {
    type Change = fn(&mut pipelines_agent::Step);
    let others: [(&str, Change, &str); 4] = [
        (
            "another run",
            |step| step.variables.set("Build.BuildId", "4712"),
            "its tag 'imageBuilderRun' is '5a1d0c3e-8b2f-4d57-9c11-6f0e2b7a9d34/c2b6f3f0-4a57-4c0e-9f5e-3d1a7b8e6c21/4711'",
        ),
        (
            "another project",
            |step| step.variables.set("System.TeamProjectId", "p"),
            "its tag 'imageBuilderRun' is '",
        ),
        (
            "another step",
            |step| step.name = Some("other".to_owned()),
            "its tag 'imageBuilderStep' names another step",
        ),
        (
            "another group",
            |step| {
                step.inputs
                    .insert("ibAzureResourceGroup".to_owned(), "rg-other".to_owned());
            },
            "it is not in the resource group of this step",
        ),
    ];
    for (what, change, why) in others {
        let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
        let (note, from) = (stage.note.clone().unwrap(), stage.cloud.journal().len());
        let stage = stage.step(change).clean_up().await;
        let inventory = stage.cloud.inventory();
        assert_eq!(inventory.templates.len(), 1, "{what}: {inventory}");
        check_left_alone(what, &stage, why);
        let of_template = |line: &String| line.contains("imageTemplates");
        let touched: Vec<_> = changes(&stage.cloud, from)
            .into_iter()
            .filter(of_template)
            .collect();
        assert_eq!(touched, Vec::<String>::new(), "{what}");
        // It stays in the note, and whoever made it can remove it.
        assert!(stage.note.as_deref().unwrap().contains("imageTemplates/t_"));
        drop(note);
    }
}

/// A template without tags: of someone else, or of a version of the task that knew none.
#[tokio::test(start_paused = true)]
async fn a_template_without_our_tags_is_left_alone() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    let name = stage.variable("templateName").unwrap().to_owned();
    let body = |cloud: &Cloud| cloud.template_tags(&name);
    assert!(body(&stage.cloud).contains_key("imageBuilderRun"));
    stage
        .cloud
        .set_template_tags(&name, &[("owner", "someone")]);
    let from = stage.cloud.journal().len();
    let stage = stage.clean_up().await;
    check_left_alone("no tags", &stage, "it has no tag 'imageBuilderRun'");
    assert_eq!(stage.cloud.inventory().templates.len(), 1);
    let touched = changes(&stage.cloud, from);
    assert!(
        !touched.iter().any(|line| line.contains("imageTemplates")),
        "{touched:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_template_says_whose_it_is_from_its_first_moment() {
    let stage = Scene::windows()
        .input("templateTags", "owner=web")
        .build_until_crash(CUSTOMIZING)
        .await;
    let name = stage.variable("templateName").unwrap().to_owned();
    let tags = stage.cloud.template_tags(&name);
    let number = name.trim_start_matches("t_");
    let tag = |name: &str| tags[name].as_str();
    assert_eq!(tag("owner"), "web");
    assert_eq!(
        tag("imageBuilderTask"),
        image_builder::inputs::manifest::TASK_VERSION
    );
    assert_eq!(
        tag("imageBuilderRun"),
        "5a1d0c3e-8b2f-4d57-9c11-6f0e2b7a9d34/c2b6f3f0-4a57-4c0e-9f5e-3d1a7b8e6c21/4711"
    );
    assert_eq!(
        tag("imageBuilderStep"),
        "12f1170f-54f2-53f3-20dd-22fc7dff55f9/bake"
    );
    assert_eq!(
        tag("imageBuilderPackage"),
        format!("rg-images/{ACCOUNT}/images/4711-{number}/images_{number}.zip")
    );
    let made = time::OffsetDateTime::parse(
        tag("imageBuilderMade"),
        &time::format_description::well_known::Rfc3339,
    )
    .unwrap();
    let age = time::OffsetDateTime::now_utc() - made;
    assert!(age.abs() < time::Duration::hours(1), "{made}");
    let kept = Scene::windows()
        .input("packageRetentionDays", "14")
        .build_until_crash(CUSTOMIZING)
        .await;
    let name = kept.variable("templateName").unwrap().to_owned();
    assert_eq!(
        kept.cloud.template_tags(&name).get("imageBuilderPackage"),
        None
    );
}

fn always(operation: &str, code: u16) -> Fault {
    Fault::always(
        operation,
        Effect::refusal(code, "AuthorizationFailed", "not permitted"),
    )
}

/// Azure does not answer for the template; the list of its group has the tags as well.
#[tokio::test(start_paused = true)]
async fn the_list_of_the_group_proves_what_the_template_itself_does_not() {
    let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
    stage.cloud.add_fault(always("GetTemplate", 500));
    let stage = stage.clean_up().await;
    stage.check_result("Succeeded");
    check_nothing_left(&stage);
}

/// Nobody says whose it is: it stays, and the command comes with what to compare first.
#[tokio::test(start_paused = true)]
async fn what_nobody_may_look_at_stays_and_is_named_with_a_condition() {
    for code in [403, 500] {
        let stage = Scene::windows().build_until_crash(CUSTOMIZING).await;
        let from = stage.cloud.journal().len();
        stage.cloud.add_fault(always("GetTemplate", code));
        stage.cloud.add_fault(always("ListTemplatesOfGroup", code));
        let stage = stage.clean_up().await;
        assert_eq!(stage.result(), "SucceededWithIssues", "{code}");
        assert!(stage.elapsed <= Duration::from_secs(241), "{code}");
        let touched = changes(&stage.cloud, from);
        assert!(
            !touched.iter().any(|line| line.contains("imageTemplates")),
            "{touched:?}"
        );
        let told = stage.issues("warning").concat();
        let condition = "(only if its tag 'imageBuilderRun' is '5a1d0c3e-8b2f-4d57-9c11-6f0e2b7a9d34/c2b6f3f0-4a57-4c0e-9f5e-3d1a7b8e6c21/4711': then this run created it)";
        assert!(
            told.contains("az image builder delete --subscription ") && told.contains(condition),
            "{code}: {told}"
        );
    }
}

/// The answer to the submission is lost, and nobody may look: the stage fails, and the next one finds by the tags what is there.
#[tokio::test(start_paused = true)]
async fn what_was_made_without_an_answer_is_known_by_its_tags() {
    let stage = Scene::windows()
        .build(|cloud| {
            cloud.add_fault(Fault::always("PutTemplate", Effect::ResetAfter));
            cloud.add_fault(Fault {
                times: 30,
                ..always("GetTemplate", 403)
            });
        })
        .await;
    stage.check_result("Failed");
    let told = stage.issues("warning").concat();
    assert!(
        told.contains("AIB601") && told.contains("only if its tag"),
        "{told}"
    );
    assert_eq!(stage.cloud.inventory().templates.len(), 1);
    stage.cloud.clear_faults();
    let stage = stage.clean_up().await;
    stage.check_result("Succeeded");
    check_nothing_left(&stage);
}

/// Someone who may write to the container plants an archive that says of itself whatever is wanted.
#[tokio::test(start_paused = true)]
async fn a_planted_package_is_not_built() {
    let scene = || Scene::windows().input("packageRetentionDays", "14");
    let first = scene().build(|_| {}).await;
    let names = |cloud: &Cloud| -> Vec<String> {
        let blobs = cloud.inventory().blobs.into_iter();
        let packages = blobs.filter(|(_, container, ..)| container == PACKAGES);
        packages.map(|(_, _, name, _)| name).collect()
    };
    let name = names(&first.cloud).remove(0);
    let good = first.cloud.blob(ACCOUNT, PACKAGES, &name).unwrap();
    let sum = |bytes: &[u8]| image_builder::storage::Sha256::of(bytes).to_string();
    let content = name
        .split('/')
        .nth(1)
        .unwrap()
        .trim_start_matches("sha256-")
        .to_owned();
    let evil = bytes::Bytes::from(vec![7; good.len()]);
    for said in [sum(&evil), sum(&good)] {
        let cloud = Arc::clone(&first.cloud);
        let length = good.len().to_string();
        cloud.plant_blob(
            ACCOUNT,
            PACKAGES,
            &name,
            evil.clone(),
            &[
                ("content", content.as_str()),
                ("sha256", said.as_str()),
                ("length", length.as_str()),
            ],
        );
        let second = scene().build_in(cloud).await;
        let told = second
            .transcript
            .contains("the package is unchanged, so nothing is sent");
        if said == sum(&good) {
            // The build VM compares what it gets with the sum of the package itself.
            assert!(told, "{}", second.transcript);
        } else {
            assert!(!told, "{}", second.transcript);
            second.check_result("Succeeded");
        }
        let image = second.variable("imageUri").unwrap();
        assert_eq!(second.cloud.image_tags(image)["packageSha256"], sum(&good));
    }
}

/// Whoever ends the post-job stage is told what stays, with what is known of it.
#[tokio::test(start_paused = true)]
async fn a_stopped_post_job_stage_names_what_stays() {
    let scene = Scene::windows().switches(|switches| switches.cancel_never_ends = true);
    let stage = scene.build_until(|_| {}, Some(CUSTOMIZING)).await;
    let stage = stage.clean_up_until(Duration::from_secs(30)).await;
    assert!(
        stage.elapsed < Duration::from_secs(31),
        "{:?}",
        stage.elapsed
    );
    stage.check_result("SucceededWithIssues");
    let told = stage.issues("warning");
    assert_eq!(told.len(), 1, "{told:?}");
    let known = "failed: the post-job step was stopped before it was removed\nhint: when nothing uses it any longer, run: az image builder delete --subscription ";
    assert!(
        told[0].contains(known) && !told[0].contains("only if"),
        "{told:?}"
    );
    assert!(stage.note.as_deref().unwrap().contains("imageTemplates/t_"));
}
