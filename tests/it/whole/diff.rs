//! `action: diff` through the launcher: two kept lists, one forbidden change.

use azure_emulator::SceneVersion;
use image_builder::inventory::{Component, Inventory, Kind, Subject, System, write};
use pipelines_agent::TaskResult;
use serde_json::{Value, json};
use time::macros::datetime;

use super::{give, run};
use crate::pipeline::{Pipeline, quick};

fn list(id: &str, version: &str) -> Vec<u8> {
    let edge = Component {
        kind: Kind::Program,
        name: "Microsoft Edge".to_owned(),
        arch: None,
        version: version.to_owned(),
        publisher: None,
        source: None,
    };
    let inventory = Inventory::new(System::default(), vec![edge], Vec::new());
    let subject = Subject {
        id,
        name: "win11-avd",
        version: None,
        ended: None,
        task_version: "1.1.0",
        provenance: &[],
    };
    write(&inventory, subject)
}

#[test]
fn two_versions_are_compared_by_the_program_that_ships() {
    let mut definition = String::new();
    let mut pipeline = Pipeline::seed_in(quick(), |world| {
        let gallery = world.gallery_id(&world.galleries[0]);
        definition = format!("{gallery}/images/win11-avd");
        for (number, published) in [
            ("1.0.1", datetime!(2026-10-01 00:00 UTC)),
            ("1.0.2", datetime!(2026-10-02 00:00 UTC)),
        ] {
            world.image_versions.push(SceneVersion {
                id: format!("{definition}/versions/{number}"),
                state: "Succeeded".to_owned(),
                published: Some(published),
                body: json!({"location": "westeurope", "tags": {}, "properties": {}}),
            });
        }
    });
    let subscription = definition.split('/').nth(2).unwrap().to_lowercase();
    for (number, version) in [("1.0.1", "143.0"), ("1.0.2", "142.0")] {
        let id = format!("{definition}/versions/{number}");
        pipeline.server.cloud.put_blob(
            "stcontosoimages",
            "imagebuilder-inventory",
            &format!("{subscription}/galcontoso/win11-avd/{number}.cdx.json"),
            list(&id, version).into(),
        );
    }
    let version = format!("{definition}/versions/1.0.2");
    let inputs = [
        ("action", "diff"),
        ("imageVersionId", &version),
        ("storageAccountName", "stcontosoimages"),
        ("failOnChange", "downgraded: *"),
    ];
    give(&mut pipeline, "changes", &inputs);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Failed, "{}", job.log());
    let expected = "Comparing 1.0.2 with 1.0.1 failed: 'failOnChange' forbids 1 change: Microsoft Edge was downgraded from 143.0 to 142.0 (downgraded: *)";
    assert!(job.log().contains(expected), "{}", job.log());
    let variables = &job.main.output_variables;
    assert_eq!(variables["changes.imageChanges"], "1");
    assert_eq!(variables["changes.imageVersionId"], version);
    // The changes, the result and the summary; the agent took the files.
    assert_eq!(job.main.attachments.len(), 3, "{}", job.log());
    let mut files = job.main.attachments.iter();
    let file = files.find(|it| it.name.contains("image-diff")).unwrap();
    let diff: Value = serde_json::from_str(&file.text()).unwrap();
    assert_eq!(diff["changed"][0]["downgraded"], true);
}
