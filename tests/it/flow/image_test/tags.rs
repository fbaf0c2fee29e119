//! The tags of the verdict: what is written, and what comes of a refusal.

use azure_emulator::{Effect, Fault, RunFate};
use serde_json::json;

use super::*;
use crate::texts::check_has;

fn refusal(code: u16, word: &str) -> Effect {
    Effect::status(
        code,
        format!(r#"{{"error":{{"code":"{word}","message":"no"}}}}"#),
    )
}

fn on_put(times: u32, effect: Effect) -> Fault {
    Fault::once("PutVersion", effect).times(times)
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_version_changes_but_its_tags() {
    let (stage, sent) = witnessed(scene()).await;
    let mut sent = sent.iter().filter(|(path, _)| path.contains("/versions/"));
    let (Some((_, put)), None) = (sent.next(), sent.next()) else {
        panic!("{}", stage.transcript)
    };
    let shelf = on_shelf(NUMBER, &["westeurope", "northeurope"]);
    let mut properties = put["properties"].clone();
    let profile = properties["publishingProfile"].as_object_mut().unwrap();
    let mut regions = profile["targetRegions"].clone();
    for region in regions.as_array_mut().unwrap() {
        let name = region["name"]
            .as_str()
            .unwrap()
            .replace(' ', "")
            .to_lowercase();
        region["name"] = json!(name);
    }
    assert_eq!(
        regions,
        shelf.body["properties"]["publishingProfile"]["targetRegions"]
    );
    assert_eq!(profile["excludeFromLatest"], json!(true));
    assert_eq!(put["tags"]["buildNumber"], NUMBER);
}

#[tokio::test(start_paused = true)]
async fn another_name_or_none() {
    let stage = run(scene().input("testTag", "smoke")).await;
    assert_eq!(tags_of_version(&stage)["smoke"], "passed");
    assert_eq!(tags_of_version(&stage)["smokeRun"], "20261122.1");
    let stage = run(scene().input("testTag", "")).await;
    stage.check_result("Succeeded");
    assert_eq!(puts(&stage, "/versions/"), 0);
    assert_eq!(tags_of_version(&stage), json!({"buildNumber": NUMBER}));
}

#[tokio::test(start_paused = true)]
async fn a_second_test_overwrites_the_tags_of_the_first() {
    let first = run(scene().switches(|on| on.run = RunFate::validator_failed())).await;
    assert_eq!(tags_of_version(&first)["imageTest"], "failed");
    let mut second = scene();
    second.step = second.step.variable("Build.BuildNumber", "20261122.2");
    first.cloud.script_run(RunFate::Succeed);
    let second = second.build_in(std::sync::Arc::clone(&first.cloud)).await;
    assert_eq!(
        tags_of_version(&second),
        json!({"buildNumber": NUMBER, "imageTest": "passed", "imageTestAt": "now", "imageTestRun": "20261122.2"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_warning_and_the_verdict_stands() {
    for (code, word) in [
        (400, "InvalidParameter"),
        (403, "AuthorizationFailed"),
        (404, "ResourceNotFound"),
        (409, "Conflict"),
        (409, "ScopeLocked"),
    ] {
        let prepare = |cloud: &Cloud| {
            shelf(cloud);
            cloud.add_fault(on_put(10, refusal(code, word)));
        };
        let stage = scene().build(prepare).await;
        let shown = format!("{code} {word}\n{}", stage.transcript);
        assert_eq!(codes(&stage, "warning"), ["AIB863"], "{shown}");
        assert_eq!(stage.result(), "SucceededWithIssues", "{shown}");
        assert_eq!(stage.variable("imageTested"), Some("passed"), "{shown}");
        assert!(page(&stage).contains("AIB863"), "{}", page(&stage));
        // What promotion would demand is not there, so it is not offered.
        assert!(!page(&stage).contains("requireTags: "), "{}", page(&stage));
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_with_many_tags_gets_no_more() {
    let stage = scene()
        .build(|cloud| {
            let mut version = on_shelf(NUMBER, &["westeurope"]);
            let tags = (0..48).map(|number| (format!("t{number}"), json!("x")));
            version.body["tags"] = serde_json::Value::Object(tags.collect());
            cloud.put_image_version(&version);
        })
        .await;
    let [(code, text)] = &issues(&stage, "warning")[..] else {
        panic!("{}", stage.transcript)
    };
    assert_eq!(code, "AIB863");
    assert_eq!(
        text,
        "Tagging image version 1.0.2609402 failed: it would have 51 tags, and Azure allows 50\nhint: remove tags that the version does not need, or set 'testTag' to the empty text"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_version_that_is_the_latest_one_is_told_loudly() {
    let stage = scene()
        .switches(|on| on.run = RunFate::validator_failed())
        .build(|cloud| {
            let mut version = on_shelf(NUMBER, &["westeurope", "northeurope"]);
            version.body["properties"]["publishingProfile"]["excludeFromLatest"] = json!(false);
            cloud.put_image_version(&version);
        })
        .await;
    let [(code, text)] = &issues(&stage, "warning")[..] else {
        panic!("{}", stage.transcript)
    };
    assert_eq!(code, "AIB861");
    assert_eq!(
        *text,
        format!(
            "Image version 1.0.2609402 has failed its test, and it is the latest one in northeurope, westeurope: whoever requests the latest version gets it\nhint: withdraw it, with a step of these inputs: action: withdraw, imageVersionId: {}, withdrawReason: failed its test",
            version(NUMBER)
        )
    );
    check_has(&page(&stage), "action: withdraw");
    stage.check_result("Failed");
}

/// What a test writes, a promotion demands.
#[tokio::test(start_paused = true)]
async fn a_promotion_demands_what_the_test_has_written() {
    let tested = run(scene()).await;
    let promote = |tag: &str| {
        Scene::bare("promote")
            .input("imageVersionId", &version(NUMBER))
            .input("requireTags", tag)
    };
    let cloud = std::sync::Arc::clone(&tested.cloud);
    let stage = promote("imageTest=passed").build_in(cloud).await;
    stage.check_result("Succeeded");
}
