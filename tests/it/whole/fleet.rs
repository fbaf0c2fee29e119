//! `action: report` through the launcher: a gate that fails, with the file and the page of the run.

use pipelines_agent::TaskResult;
use serde_json::Value;

use super::{give, run};
use crate::pipeline::{Pipeline, quick};

#[test]
fn a_gate_fails_the_step_and_leaves_its_report() {
    let (mut definition, mut pools) = (String::new(), Vec::new());
    let mut pipeline = Pipeline::seed_in(quick(), |world| {
        *world = world.clone().with_host_pools();
        let gallery = world.gallery_id(&world.galleries[0]);
        definition = format!("{gallery}/images/win11-avd");
        pools.extend(world.host_pools.iter().map(|pool| pool.id.clone()));
    });
    let inputs = [
        ("action", "report"),
        ("galleryImageId", &definition),
        ("reportHostPools", &pools.join("\n")),
        ("failWhen", "behind"),
    ];
    give(&mut pipeline, "fleet", &inputs);
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Failed, "{}", job.log());
    assert_eq!(job.main.output_variables["fleet.imageHostsBehind"], "6");
    let said = "6 session hosts run an image version to which there is a newer one: ";
    assert!(job.log().contains(said), "{}", job.log());
    assert_eq!(job.main.attachments.len(), 2, "{}", job.log());
    let mut files = job.main.attachments.iter();
    let file = files.find(|it| it.name.ends_with("fleet.json")).unwrap();
    let report: Value = serde_json::from_str(&file.text()).unwrap();
    assert_eq!(report["imageHostsBehind"], 6);
    assert_eq!(report["hosts"].as_array().unwrap().len(), 6);
}
