//! The life of a gallery image version (`gallery_version_lifecycle`): the recording is stitched of four, and each is met in its own scene.

use azure_emulator::{
    Durations, NestedResources, OperationUrls, SceneResource, SceneVersion, SoftDelete,
};
use image_builder::arm::operation::Status;
use serde_json::{Value, json};
use time::macros::datetime;

use super::performance::Performance;
use super::recording::Step;
use super::rehearsal::Rehearsal;
use super::replay::read;
use crate::emulated::json_of;

const NAME: &str = "gallery_version_lifecycle";

/// These steps of the recording, each at its second; what lies between is of another one.
fn part(steps: &[(usize, i64, i64)], urls: OperationUrls) -> Rehearsal {
    let mut rehearsal = Rehearsal::new(NAME, urls, Durations::default());
    let all = rehearsal.recording.steps.clone();
    let timed = steps.iter().map(|(index, first, last)| Step {
        elapsed: Some((*first, *last)),
        ..all[*index].clone()
    });
    rehearsal.recording.steps = timed.collect();
    rehearsal
}

/// The version that an answer shows, as it was before.
fn existing(answer: &Value) -> SceneVersion {
    SceneVersion {
        id: answer["id"].as_str().unwrap().to_owned(),
        state: "Succeeded".to_owned(),
        published: Some(datetime!(2021-09-02 03:00:00.123_456_7 UTC)),
        body: answer.clone(),
    }
}

#[test]
fn a_block_of_deletion_is_switched_off() {
    let steps = [
        (0, 0, 0),
        (1, 1, 1),
        (2, 3, 126),
        (3, 187, 187),
        (4, 187, 187),
    ];
    let rehearsal = part(&steps, OperationUrls::Signed);
    let before = existing(&rehearsal.recording.steps[0].answer);
    rehearsal.arm.cloud.put_image_version(&before);
    rehearsal.check();
}

#[test]
fn a_patch_replaces_the_regions() {
    let steps = [(5, 0, 0), (6, 59, 119), (7, 180, 180), (8, 180, 180)];
    let rehearsal = part(&steps, OperationUrls::Plain);
    let mut before = existing(&rehearsal.recording.steps[0].answer);
    let properties = &mut before.body["properties"];
    let source = &properties["storageProfile"]["osDiskImage"]["source"]["id"];
    let snapshot = SceneResource {
        id: source.as_str().unwrap().to_owned(),
        body: json!({}),
    };
    // What the patch sends was otherwise before.
    properties["storageProfile"]["osDiskImage"]["hostCaching"] = json!("None");
    properties["publishingProfile"]["targetRegions"][0]["regionalReplicaCount"] = json!(1);
    properties["publishingProfile"]["publishedDate"] = Value::Null;
    rehearsal.arm.cloud.put_resource(snapshot);
    rehearsal.arm.cloud.put_image_version(&before);
    rehearsal.check();
}

#[test]
fn a_deleted_version_comes_back() {
    let steps = [
        (9, 0, 0),
        (10, 10, 130),
        (11, 190, 190),
        (12, 219, 219),
        (13, 220, 220),
        (14, 344, 344),
        (15, 345, 345),
    ];
    let rehearsal = part(&steps, OperationUrls::Signed);
    let restored = rehearsal.recording.steps[3].answer.clone();
    rehearsal.arm.cloud.put_image_version(&existing(&restored));
    let cloud = &rehearsal.arm.cloud;
    cloud.change_switches(|on| on.versions.nested_resources = NestedResources::Unnamed);
    let (gallery, _) = restored["id"]
        .as_str()
        .unwrap()
        .split_once("/images/")
        .unwrap();
    let url = format!("{}{gallery}?api-version=2024-03-03", rehearsal.arm.base);
    let policy = json!({"properties": {"softDeletePolicy": {"isSoftDeleteEnabled": true}}});
    let answer = json_of(&rehearsal.arm.send(&http::Method::PATCH, &url, &policy));
    let days = &answer["properties"]["softDeletePolicy"]["retentionPeriodInDays"];
    assert_eq!(days, &json!(SoftDelete::default().retention_days));
    rehearsal.check();
}

/// The client follows each of these operations at the pace that it is told, or its own where the recorder left that out.
#[tokio::test(start_paused = true)]
async fn each_change_is_followed_to_its_end() {
    let recording = read(NAME);
    for (change, polls, operation) in [
        (1, [2, 3], "0000000000d1"),
        (5, [6, 7], "0000000000d2"),
        (9, [10, 11], "0000000000d3"),
    ] {
        let [first, last] = polls;
        let steps = vec![
            recording.steps[change].clone(),
            recording.steps[first].clone(),
            recording.steps[last].clone(),
        ];
        let expected = steps[1].repeated + steps[2].repeated;
        let performance = Performance::new(steps.clone());
        assert_eq!(performance.follow(&steps[0]).await, Status::Succeeded);
        assert_eq!(performance.replay.polls(operation), expected);
        performance.finish();
    }
}
