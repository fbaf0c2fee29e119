//! `action: promote` and `action: withdraw` through the launcher: the second step reads the file of the first one, and the post-job stage has
//! nothing to do.

use azure_emulator::SceneVersion;
use pipelines_agent::TaskResult;
use serde_json::json;
use time::macros::datetime;

use super::{give, run};
use crate::pipeline::{Pipeline, quick};

#[test]
fn a_version_is_promoted_and_withdrawn_by_the_program_that_ships() {
    let mut definition = String::new();
    let mut pipeline = Pipeline::seed_in(quick(), |world| {
        let gallery = world.gallery_id(&world.galleries[0]);
        definition = format!("{gallery}/images/win11-avd");
        for (number, excluded) in [("1.0.1", false), ("1.0.2", true)] {
            let regions = json!([{"name": "West Europe"}, {"name": "northeurope"}]);
            world.image_versions.push(SceneVersion {
                id: format!("{definition}/versions/{number}"),
                state: "Succeeded".to_owned(),
                published: Some(datetime!(2026-11-20 00:00 UTC)),
                body: json!({"location": "westeurope", "tags": {"imageTest": "passed"}, "properties": {"publishingProfile": {"targetRegions": regions, "excludeFromLatest": excluded}}}),
            });
        }
    });
    let id = format!("{definition}/versions/1.0.2");
    let inputs = [
        ("action", "promote"),
        ("imageVersionId", id.as_str()),
        ("requireTags", "imageTest=passed"),
    ];
    give(&mut pipeline, "promote", &inputs);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    let latest = |region: &str| pipeline.server.cloud.latest_version(&definition, region);
    assert_eq!(latest("westeurope").as_deref(), Some(id.as_str()));
    let variables = &job.main.output_variables;
    assert_eq!(variables["promote.imageReleased"], "true");
    assert_eq!(variables["promote.imageVersionId"], id);
    assert_eq!(
        variables["promote.imagePreviousVersionId"],
        format!("{definition}/versions/1.0.1")
    );
    // The result and the summary; the agent took the files.
    assert_eq!(job.main.attachments.len(), 2, "{}", job.log());
    let file = job
        .main
        .attachments
        .iter()
        .find(|it| it.name.contains("image-result"));
    let file_in_sources = pipeline.step.directories.sources.join("image-result.json");
    std::fs::write(&file_in_sources, file.unwrap().text()).unwrap();

    let path = file_in_sources.display().to_string();
    let inputs = [
        ("action", "withdraw"),
        ("imageVersionId", path.as_str()),
        ("withdrawReason", "sign-in fails"),
    ];
    give(&mut pipeline, "back", &inputs);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    let latest = pipeline
        .server
        .cloud
        .latest_version(&definition, "northeurope");
    assert_eq!(latest, Some(format!("{definition}/versions/1.0.1")));
    assert_eq!(job.main.output_variables["back.imageReleased"], "false");
    let tags = pipeline.server.cloud.image_tags(&id);
    assert_eq!(tags["withdrawnReason"], "sign-in fails");
}
