//! `action: retain` through the launcher: old versions go, and the post-job stage has nothing to do.

use azure_emulator::SceneVersion;
use pipelines_agent::TaskResult;
use serde_json::{Value, json};
use time::macros::datetime;

use super::{give, run};
use crate::pipeline::{Pipeline, quick};

#[test]
fn old_versions_are_deleted_by_the_program_that_ships() {
    let mut definition = String::new();
    let mut pipeline = Pipeline::seed_in(quick(), |world| {
        let gallery = world.gallery_id(&world.galleries[0]);
        definition = format!("{gallery}/images/win11-avd");
        for number in 1..=4 {
            world.image_versions.push(SceneVersion {
                id: format!("{definition}/versions/1.0.{number}"),
                state: "Succeeded".to_owned(),
                published: Some(datetime!(2025-04-01 00:00 UTC)),
                body: json!({"location": "westeurope", "tags": {}, "properties": {}}),
            });
        }
    });
    let inputs = [
        ("action", "retain"),
        ("galleryImageId", &definition),
        ("keepVersions", "2"),
        ("retainPreview", "false"),
    ];
    give(&mut pipeline, "clean", &inputs);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    let there: Vec<_> = (1..=4)
        .filter(|number| {
            let id = format!("{definition}/versions/1.0.{number}");
            pipeline.server.cloud.image_version(&id).is_some()
        })
        .collect();
    assert_eq!(there, [3, 4]);
    assert_eq!(job.main.output_variables["clean.imageRemoved"], "2");
    assert_eq!(job.main.output_variables["clean.imageRetained"], "2");
    // The result and the summary; the agent took the files.
    assert_eq!(job.main.attachments.len(), 2, "{}", job.log());
    let file = job
        .main
        .attachments
        .iter()
        .find(|it| it.name.contains("image-result"));
    let result: Value = serde_json::from_str(&file.unwrap().text()).unwrap();
    assert_eq!(result["retain"]["removed"].as_array().unwrap().len(), 2);
    assert_eq!(result["schemaVersion"], 1);
}
