//! Where an image comes from: its tags, the result file, the summary.

use std::collections::BTreeMap;

use azure_emulator::{Effect, Fault};
use serde_json::Value;

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use crate::texts::check_has;

fn tags(stage: &Stage) -> BTreeMap<String, String> {
    stage.check_result("Succeeded");
    check_nothing_left(stage);
    check_no_secret(stage);
    let mut tags = stage.cloud.image_tags(stage.variable("imageUri").unwrap());
    // The service's own.
    tags.remove("VMImageBuilderSource");
    tags.remove("correlationId");
    // The archive of the same files differs from processor to processor.
    if let Some(sum) = tags.get_mut("packageSha256") {
        assert_eq!(sum.len(), 64, "{sum}");
        "SUM".clone_into(sum);
    }
    tags
}

const OF_SEED: [(&str, &str); 10] = [
    ("branch", "refs/heads/main"),
    ("buildId", "4711"),
    ("buildNumber", "20261122.1"),
    ("commit", "5c1f0a7e0d5d4be2a1e3f5d7c9b80716f4e2d3c1"),
    ("packageSha256", "SUM"),
    ("pipeline", "images"),
    ("repository", "https://dev.azure.com/contoso/avd/_git/avd"),
    (
        "source",
        "microsoftwindowsdesktop:office-365:win11-25h2-avd-m365",
    ),
    ("sourceVersion", "26200.7171.251111"),
    ("taskVersion", env!("CARGO_PKG_VERSION")),
];

fn of_seed() -> BTreeMap<String, String> {
    OF_SEED
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test(start_paused = true)]
async fn an_image_version_says_where_it_comes_from() {
    let stage = Scene::windows().build(|_| {}).await;
    assert_eq!(without_key(tags(&stage)), of_seed());
    let result = std::fs::read(stage.variable("resultPath").unwrap()).unwrap();
    let result: Value = serde_json::from_slice(&result).unwrap();
    let mut told: BTreeMap<String, String> =
        serde_json::from_value(result["provenance"].clone()).unwrap();
    told.insert("packageSha256".to_owned(), "SUM".to_owned());
    assert_eq!(told, of_seed());
    let summary = stage.summary();
    assert!(summary.contains("| Commit | `5c1f0a7e"), "{summary}");
    check_has(&summary, "| Build | `20261122.1`, id `4711` |");
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_says_so_too_and_the_authors_tags_win() {
    let stage = Scene::windows();
    let image = format!(
        "{}/providers/Microsoft.Compute/images/avd",
        stage.world.group_id("rg-images")
    );
    let stage = stage
        .input("distributeType", "managedImage")
        .input("imageIdForDistribute", &image)
        .input("artifactTags", "Commit=mine\nowner=web")
        .build(|_| {})
        .await;
    let mut expected = of_seed();
    expected.remove("commit");
    expected.insert("Commit".to_owned(), "mine".to_owned());
    expected.insert("owner".to_owned(), "web".to_owned());
    assert_eq!(without_key(tags(&stage)), expected);
}

/// The tags by which a later attempt finds the image are of each build.
fn without_key(mut tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for name in [
        "imageBuilderRun",
        "imageBuilderStep",
        "imageBuilderInputs",
        "imageBuilderTemplate",
    ] {
        let value = tags.remove(name).unwrap_or_default();
        assert!(!value.is_empty(), "{name}: {tags:?}");
    }
    tags
}

#[tokio::test(start_paused = true)]
async fn provenance_tags_can_be_switched_off() {
    let stage = Scene::windows()
        .input("provenanceTags", "false")
        .input("artifactTags", "owner=web")
        .build(|_| {})
        .await;
    let expected = [("owner".to_owned(), "web".to_owned())];
    assert_eq!(tags(&stage), expected.into());
    assert!(stage.summary().contains("| Commit |"));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_cannot_be_resolved_is_tagged_as_it_was_asked_for() {
    let stage = Scene::windows()
        .build(|cloud| {
            cloud.add_fault(
                Fault::once(
                    "ListPlatformImageVersions",
                    Effect::refusal(403, "AuthorizationFailed", "no"),
                )
                .times(2),
            );
        })
        .await;
    let tags = tags(&stage);
    assert_eq!(tags["sourceVersion"], "latest");
    assert!(stage.transcript.contains("pirVersion;]26200.7171.251111"));
}
