//! Rules, preview, order, time: what a step does when nothing goes wrong.

use std::time::Duration;

use azure_emulator::SceneResource;
use serde_json::{Value, json};

use super::scene::{Ended, Shelf};
use crate::texts::check_has;

#[tokio::test(start_paused = true)]
async fn old_versions_are_deleted_four_at_a_time() {
    let ended = Shelf::with(8).run().await;
    ended.stage.check_result("Succeeded");
    assert_eq!(ended.there(), [7, 8]);
    assert_eq!(ended.retained_and_removed(), ("2", "6"));
    assert_eq!(ended.numbers("removed").len(), 6);
    let reasons = ended.reasons("1.0.8");
    assert_eq!(
        reasons,
        [
            "newest: the newest good one in westeurope",
            "newest: latest in westeurope",
            "count: one of the 2 newest good ones"
        ]
    );
    assert_eq!(
        ended.reasons("1.0.7"),
        ["count: one of the 2 newest good ones"]
    );
    // Each deletion takes 135 s, four of them together; polls are a minute apart.
    let elapsed = ended.stage.elapsed;
    let expected = Duration::from_secs(2 * 135)..Duration::from_secs(2 * 240);
    assert!(expected.contains(&elapsed), "{elapsed:?}");
    // The oldest go first, after one look for the four of them.
    let journal = ended.cloud().journal();
    let deleted: Vec<&str> = journal
        .iter()
        .filter(|entry| entry.operation == Some("DeleteVersion"))
        .map(|entry| entry.path.rsplit('/').next().unwrap())
        .collect();
    let mut first: Vec<_> = deleted[..4].to_vec();
    first.sort_unstable();
    assert_eq!(first, ["1.0.1", "1.0.2", "1.0.3", "1.0.4"]);
    assert_eq!(deleted.len(), 6);
    assert_eq!(
        (ended.count("QueryResources"), ended.count("ListScaleSets")),
        (2, 2)
    );
    crate::golden::golden("retain/deleted.txt", &readable(&ended));
}

/// The transcript without what differs from run to run.
fn readable(ended: &Ended) -> String {
    let transcript = ended.stage.transcript.lines();
    let plain = transcript.filter(|line| {
        !line.starts_with("##vso[task.setsecret]")
            && !line.contains("resultPath")
            && !line.starts_with("##vso[task.upload")
    });
    plain.fold(String::new(), |text, line| text + line + "\n")
}

#[tokio::test(start_paused = true)]
async fn without_being_told_nothing_is_changed() {
    for (inputs, is_preview) in [
        (&[][..], true),
        (&[("retainPreview", "true")], true),
        (&[("retainPreview", "")], true),
        (&[("retainPreview", "false"), ("preview", "true")], true),
        (&[("retainPreview", "false"), ("preview", "false")], false),
    ] {
        let mut shelf = Shelf::with(4);
        shelf.scene.step.inputs.remove("retainPreview");
        for (name, value) in inputs {
            shelf = shelf.input(name, value);
        }
        let ended = shelf.run().await;
        assert_eq!(
            ended.stage.result(),
            "Succeeded",
            "{inputs:?} {}",
            ended.stage.transcript
        );
        let expected = if is_preview { 0 } else { 2 };
        assert_eq!(ended.count("DeleteVersion"), expected, "{inputs:?}");
        assert_eq!(ended.document()["retain"]["retainPreview"], is_preview);
        if is_preview {
            assert_eq!(ended.retained_and_removed(), ("2", "0"));
            assert_eq!(ended.numbers("wouldRemove"), ["1.0.1", "1.0.2"]);
            assert!(ended.numbers("removed").is_empty());
            assert!(ended.says("image version 1.0.1:  would be deleted"));
            assert!(ended.says("set input 'retainPreview' to 'false'"));
            // Nothing is asked for that only a deletion needs.
            assert_eq!(ended.count("ListVirtualMachines"), 0);
        }
    }
}

/// A version for each row of the table, and some that go.
fn of_all_kinds(end: time::Date) -> Shelf {
    let excluded = json!({"targetRegions": [{"name": "westeurope"}], "excludeFromLatest": true});
    let north = json!({"targetRegions": [{"name": "northeurope"}]});
    let shelf = Shelf::new()
        .input("keepVersions", "0")
        .version("1.0.0", 400, &Value::Null)
        .version("1.1.0", 400, &json!({"state": "Updating"}))
        .version("1.2.0", 400, &json!({"publishingProfile": north}))
        .version("1.3.0", 3, &Value::Null)
        .version("1.4.0", 400, &json!({"tags": {"Keep": "yes"}}))
        .version("1.5.0", 400, &json!({"tags": {"keep": "False"}}))
        .version("1.6.0", 400, &json!({"safetyProfile": {"blockDeletionBeforeEndOfLife": true}}))
        .version("1.7.0", 400, &json!({
            "safetyProfile": {"blockDeletionBeforeEndOfLife": true},
            "publishingProfile": {"targetRegions": [{"name": "westeurope"}], "endOfLifeDate": format!("{end}T00:00:00Z")},
        }))
        .version("1.8.0", 400, &json!({"state": "Failed"}))
        .version("1.9.0", 0, &json!({"state": "Failed"}))
        .version("2.0.0", 400, &Value::Null)
        .version("2.1.0", 400, &json!({"publishingProfile": excluded, "tags": {"imageTest": "passed"}}))
        .version("2.2.0", 400, &json!({"publishingProfile": excluded}));
    let used = shelf.id("1.0.0");
    shelf.vm("vm-1", &used, Some("1.0.0"))
}

/// Every row of the table, at once: each version stays for one reason alone.
#[tokio::test(start_paused = true)]
async fn every_rule_is_seen_from_azure() {
    let end = (time::OffsetDateTime::now_utc() + time::Duration::days(30)).date();
    let ended = of_all_kinds(end).run().await;
    let words = |number: &str| -> Vec<String> {
        let reasons = ended.reasons(number).into_iter();
        reasons
            .map(|it| it.split(':').next().unwrap().to_owned())
            .collect()
    };
    for (number, expected) in [
        ("1.0.0", &["in use"][..]),
        ("1.1.0", &["not ended"]),
        ("1.2.0", &["newest", "newest"]),
        ("1.3.0", &["age"]),
        ("1.4.0", &["tag"]),
        ("1.5.0", &[]),
        ("1.6.0", &["blocked"]),
        ("1.7.0", &["blocked"]),
        ("1.8.0", &[]),
        ("1.9.0", &["failed"]),
        ("2.0.0", &["newest"]),
        ("2.1.0", &["awaits promotion"]),
        ("2.2.0", &["newest"]),
    ] {
        assert_eq!(words(number), expected, "{number}");
        assert_eq!(ended.now(number).is_none(), expected.is_empty(), "{number}");
    }
    assert_eq!(ended.numbers("removed"), ["1.5.0", "1.8.0"]);
    let warnings = ended.stage.issues("warning");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("AIB893: Image version 1.6.0 stays: it cannot be deleted before its end of life, and it has none"));
    assert!(
        warnings[1].contains(&format!("before its end of life, {end}")),
        "{warnings:?}"
    );
    assert!(warnings[1].contains("safetyProfile.blockDeletionBeforeEndOfLife=false"));
    ended.stage.check_result("SucceededWithIssues");
    let summary = ended.stage.transcript.lines();
    let mut summary = summary.filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
    let text = std::fs::read_to_string(summary.next_back().unwrap()).unwrap();
    check_has(
        &text,
        "| `1.0.0` | kept, in use: by VM 'vm-1' in resource group 'rg-images' |",
    );
    assert!(text.contains("| `1.5.0` | deleted |"), "{text}");
}

/// Everything that may name a version: each holds another one.
#[tokio::test(start_paused = true)]
async fn whatever_uses_a_version_holds_it() {
    let mut shelf = Shelf::with(9).input("keepVersions", "1");
    let pool = shelf.in_group("Microsoft.DesktopVirtualization/hostPools/hp");
    shelf = shelf.input("retainHostPools", &format!("{pool}\n"));
    let definition = shelf.definition();
    let (second, third) = (shelf.id("1.0.2"), shelf.id("1.0.3"));
    let (fourth, fifth) = (shelf.id("1.0.4"), shelf.id("1.0.5"));
    let set = shelf.in_group("Microsoft.Compute/virtualMachineScaleSets/set");
    // Azure writes ids in other letter case now and then.
    shelf = shelf
        .vm("by-definition", &definition.to_uppercase(), Some("1.0.1"))
        .vm("by-latest", &format!("{definition}/versions/latest"), None)
        .vm(
            "of-another",
            &format!("{definition}-old/versions/1.0.6"),
            Some("1.0.6"),
        )
        .vm("of-the-marketplace", "", None);
    let resources = &mut shelf.scene.world.resources;
    resources.push(SceneResource::scale_set(
        set,
        "westeurope",
        &second.to_lowercase(),
    ));
    let configuration = |part: &str, version: &str| {
        SceneResource::session_hosts(format!("{pool}/{part}/default"), version)
    };
    resources.push(configuration("sessionHostConfigurations", &third));
    resources.push(configuration("activeSessionHostConfigurations", &fourth));
    let template = crate::retain::scene::definition(&shelf.scene);
    assert!(fifth.starts_with(&template));
    let ended = shelf.run().await;
    ended.stage.check_result("Succeeded");
    assert_eq!(ended.there(), [1, 2, 3, 4, 9]);
    let reason = |number: &str, who: &str| {
        let reasons = ended.reasons(number);
        let last = reasons.last().unwrap();
        assert!(last.contains(who), "{reasons:?}");
    };
    reason("1.0.1", "in use: by VM 'by-definition'");
    reason("1.0.2", "in use: by scale set 'set'");
    reason("1.0.3", "in use: by host pool 'hp'");
    reason("1.0.4", "in use: by host pool 'hp'");
    reason("1.0.9", "in use: by VM 'by-latest'");
}

/// What does not fit into the time is left to the next run, and said.
#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_the_time_is_left() {
    let ended = Shelf::with(9)
        .input("waitTimeoutInMinutes", "2")
        .run()
        .await;
    ended.stage.check_result("Succeeded");
    assert_eq!(ended.there(), [5, 6, 7, 8, 9]);
    assert_eq!(
        ended.reasons("1.0.5"),
        ["no time: it is left to the next run"]
    );
    assert_eq!(ended.retained_and_removed(), ("5", "4"));
}

/// `0` is 50 minutes: about fifteen turns.
#[tokio::test(start_paused = true)]
async fn the_usual_time_is_fifty_minutes() {
    let mut shelf = Shelf::new();
    for number in 1..=90 {
        shelf = shelf.version(&format!("2.0.{number}"), 365, &Value::Null);
    }
    let ended = shelf.run().await;
    let minutes = ended.stage.elapsed.as_secs() / 60;
    assert!((50..=54).contains(&minutes), "{minutes}");
    let left = ended.document()["retain"]["kept"].as_array().unwrap().len();
    assert!((20..60).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_definition_without_versions_is_fine() {
    let ended = Shelf::new().run().await;
    ended.stage.check_result("Succeeded");
    assert_eq!(ended.retained_and_removed(), ("0", "0"));
    assert_eq!(ended.count("QueryResources"), 0);
}

/// Soft delete looks the same, and brings a version back.
#[tokio::test(start_paused = true)]
async fn a_gallery_may_keep_what_was_deleted() {
    let mut shelf = Shelf::with(3);
    shelf.scene.world.galleries[0].soft_delete = Some(azure_emulator::SoftDelete::default());
    let ended = shelf.run().await;
    assert_eq!(ended.there(), [2, 3]);
    assert_eq!(ended.numbers("removed"), ["1.0.1"]);
}
