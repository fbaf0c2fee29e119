//! Notes that others have forged, disks that are full, and a post-job stage that is stopped, through the launcher.

use std::fs;
use std::thread;
use std::time::Duration;

use azure_emulator::{Effect, Fault, Matcher, RunFate, SubState};
use http::Method;
use pipelines_agent::{Condition, Interruption, JobRun, TaskResult, Trigger, ViolationKind};
use serde_json::json;

use super::interruptions::wait_until;
use super::{check_empty, instant, judged, judged_twice};
use crate::pipeline::Pipeline;

const ACCOUNT: &str = "stcontosoimages";

/// The post-job stage alone, of a step that finds these notes: in the variable, and in the file.
fn post_job(pipeline: &mut Pipeline, variable: &str, file: &str) -> JobRun {
    let step = &mut pipeline.step;
    step.condition = Condition::Failed;
    step.task_variables.set("imageBuilderLeftovers", variable);
    step.task_variables.set("imageBuilderRun", "17638");
    let folder = step.directories.temp.join("image-builder-17638");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("note"), file).unwrap();
    judged(pipeline, None, &[])
}

#[test]
fn a_forged_note_deletes_nothing_that_is_not_of_the_step() {
    for in_file in [false, true] {
        let mut pipeline = Pipeline::seed(instant());
        let cloud = &pipeline.server.cloud;
        cloud.put_blob(ACCOUNT, "tfstate", "prod.tfstate", "x".into());
        let world = crate::seed::world(pipeline.server.addresses.clone());
        let group = world.group_id("rg-images");
        let endpoint = pipeline.server.addresses.blob_endpoint(ACCOUNT);
        let account = json!({
            "id": format!("{group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"),
            "name": ACCOUNT, "blob_endpoint": endpoint, "takes_keys": true, "is_open": true,
        });
        let blob = json!({
            "account": account, "container": "imagebuilder-vststask",
            "name": "1234567890123/../../tfstate/prod.tfstate",
            "url": format!("{endpoint}tfstate/prod.tfstate"),
        });
        let templates = format!("{group}/providers/Microsoft.VirtualMachineImages/imageTemplates");
        let forged = json!([
            {"blob": blob}, {"blobByKey": blob}, {"template": {"id": format!("{templates}/golden; rm -rf ~")}},
        ])
        .to_string();
        let (variable, file) = if in_file {
            ("[]", &*forged)
        } else {
            (&*forged, "[]")
        };
        let job = post_job(&mut pipeline, variable, file);
        let post = job.post.as_ref().unwrap();
        assert_eq!(
            post.result,
            TaskResult::SucceededWithIssues,
            "{}",
            job.log()
        );
        assert_eq!(post.warnings().len(), 3, "{}", job.log());
        assert!(!post.raw_text().contains("az "), "{}", job.log());
        let cloud = &pipeline.server.cloud;
        assert!(cloud.blob(ACCOUNT, "tfstate", "prod.tfstate").is_some());
        let journal = cloud.journal();
        assert!(journal.iter().all(|entry| entry.method != Method::DELETE));
    }
}

/// The older note is in the file, because nothing could be written there any more; the newer one is in the variable.
#[test]
fn a_full_disk_hides_nothing_from_the_post_job_stage() {
    let pipeline = Pipeline::seed(instant());
    let cloud = &pipeline.server.cloud;
    cloud.script_run(RunFate::NeverEnd {
        at: SubState::Building,
    });
    // The time between the first note and the second.
    let link = Matcher::path(Method::POST, &format!("/{ACCOUNT}/"));
    cloud.add_fault(Fault::once(link, Effect::Delay(Duration::from_secs(2))));
    let temp = pipeline.step.directories.temp.clone();
    let (fire, trigger) = Trigger::signal();
    let job = thread::scope(|scope| {
        scope.spawn(|| {
            let folder = || {
                let mut all = fs::read_dir(&temp)
                    .unwrap()
                    .map(|entry| entry.unwrap().path());
                all.find(|path| path.join("note").exists())
            };
            wait_until(|| folder().is_some());
            fs::create_dir(folder().unwrap().join("note.new")).unwrap();
            let started = |operation| operation == Some("RunTemplate");
            wait_until(|| cloud.journal().iter().any(|entry| started(entry.operation)));
            fire.fire();
        });
        let half = &[ViolationKind::Unparsable, ViolationKind::UnknownCommand];
        judged(&pipeline, Some(Interruption::kill_children(trigger)), half)
    });
    let note = job
        .main
        .task_variables
        .value("imageBuilderLeftovers")
        .unwrap();
    assert!(note.contains("imageTemplates/t_"), "{}", job.log());
    check_empty(&pipeline);
}

#[test]
fn a_post_job_stage_that_is_stopped_names_what_stays() {
    let pipeline = Pipeline::seed(instant());
    let cloud = &pipeline.server.cloud;
    cloud.script_run(RunFate::NeverEnd {
        at: SubState::Customizing,
    });
    cloud.change_switches(|switches| {
        switches.cancel_never_ends = true;
        switches.cancel_call = Duration::ZERO;
    });
    let (fire, trigger) = Trigger::signal();
    let job = thread::scope(|scope| {
        scope.spawn(|| {
            let asked = |operation: &str| {
                let journal = cloud.journal();
                let canceled = journal
                    .iter()
                    .rposition(|entry| entry.operation == Some("CancelTemplate"));
                let later = canceled.map_or(&[][..], |at| &journal[at..]);
                later.iter().any(|entry| entry.operation == Some(operation))
            };
            wait_until(|| asked("GetTemplate"));
            thread::sleep(Duration::from_millis(300));
            fire.fire();
        });
        let main = Interruption::cancel(Trigger::line("Running, Customizing"));
        judged_twice(
            &pipeline,
            (Some(main), Some(Interruption::cancel(trigger))),
            &[],
        )
    });
    let post = job.post.as_ref().unwrap();
    let cancellation = post.cancellation.as_ref().expect("it was stopped");
    assert!(
        cancellation.took().unwrap() < Duration::from_secs(3),
        "{cancellation:?}"
    );
    assert!(post.orphans.is_empty());
    let text = post.raw_text();
    for part in [
        "code=AIB601;]Deleting image template 't_",
        "failed: the post-job step was stopped before it was removed",
        "az image builder delete --subscription ",
        "##vso[task.complete result=SucceededWithIssues;]",
    ] {
        assert!(text.contains(part), "no '{part}' in {}", job.log());
    }
}
