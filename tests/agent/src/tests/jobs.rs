//! A step together with its post-job stage.

use serde_json::json;

use super::Bench;
use crate::TaskResult::{Canceled, Failed, Skipped, Succeeded};
use crate::{Condition, Interruption, Job, TaskResult, Trigger, ViolationKind};

const MAIN: &str = "
    const dir = process.env.AGENT_TEMPDIRECTORY;
    require('fs').writeFileSync(dir + '/summary.md', '# made');
    console.log('##vso[task.uploadsummary]' + dir + '/summary.md');
    console.log('##vso[task.settaskvariable variable=template;]t_1');
    console.log('##vso[task.setvariable variable=imageUri;]uri');
    console.log('##vso[task.setsecret]sas-signature');
    if (process.env.INPUT_MODE === 'stay') { setInterval(() => {}, 1000); }
    if (process.env.INPUT_MODE === 'fail') { console.log('##vso[task.complete result=Failed;]'); }
    console.log('all said');";

const POST: &str = "
    const { VSTS_TASKVARIABLE_TEMPLATE: template, AGENT_JOBSTATUS: status, IMAGEURI: uri } = process.env;
    console.log(['post', status, template, uri].join(' '));
    console.log('sas-' + 'signature');";

fn check(mode: &str, condition: Condition, main: TaskResult, job: TaskResult, said: &str) {
    let bench = Bench::with(
        MAIN,
        Some(POST),
        &json!({ "inputs": [{ "name": "mode", "type": "string" }] }),
    );
    let step = bench.step().input("mode", mode).condition(condition);
    let temp = step.directories.temp.clone();
    let mut planned = Job::new(&bench.agent, &bench.task, step);
    if mode == "stay" {
        planned = planned.interrupted(Interruption::cancel(Trigger::line("all said")));
    }
    let run = planned.run().unwrap();
    let post = run.post.as_ref().unwrap();
    assert_eq!((run.main.result, run.result), (main, job), "{mode}");
    assert_eq!(post.raw[0].text, said, "{mode}");
    assert_eq!(std::fs::read_dir(temp).unwrap().count(), 0);
    if main != Skipped {
        assert_eq!(run.main.summaries(), ["# made"]);
        assert!(run.main.violations.is_empty());
        assert!(run.log().contains("\n***\n"), "{}", run.log());
    }
}

#[test]
fn the_post_job_stage_always_runs() {
    for (mode, condition, main, job, said) in [
        (
            "go",
            Condition::Succeeded,
            Succeeded,
            Succeeded,
            "post Succeeded t_1 uri",
        ),
        (
            "fail",
            Condition::Succeeded,
            Failed,
            Failed,
            "post Failed t_1 uri",
        ),
        (
            "stay",
            Condition::Succeeded,
            Canceled,
            Canceled,
            "post Canceled t_1 uri",
        ),
        (
            "go",
            Condition::Failed,
            Skipped,
            Succeeded,
            "post Succeeded  ",
        ),
    ] {
        check(mode, condition, main, job, said);
    }
}

#[test]
fn what_the_step_left_is_ended_with_the_job() {
    let bench = Bench::new(
        "const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'],
            {stdio: 'ignore', detached: true});
         child.unref(); console.log('child', child.pid);",
    );
    let run = Job::new(&bench.agent, &bench.task, bench.step())
        .run()
        .unwrap();
    assert_eq!((run.main.orphans.len(), run.main.result), (1, Succeeded));
    let said = format!("child {}", run.main.orphans[0].id);
    assert_eq!(run.main.raw[0].text, said);
    run.assert_no_violations();
}

#[test]
fn an_attached_file_must_stay_until_the_job_ends() {
    let remove = "require('fs').unlinkSync(process.env.AGENT_TEMPDIRECTORY + '/summary.md')";
    let bench = Bench::with(MAIN, Some(remove), &json!({}));
    let run = Job::new(&bench.agent, &bench.task, bench.step())
        .run()
        .unwrap();
    let kinds: Vec<_> = run
        .main
        .violations
        .iter()
        .map(|violation| violation.kind)
        .collect();
    assert_eq!(kinds, [ViolationKind::MissingAttachment]);
    assert_eq!(run.main.summaries(), ["# made"]);
}

#[test]
fn the_log_can_be_watched() {
    let bench = Bench::printing(&["##vso[task.setsecret]hush-hush", "line"]);
    let (sender, lines) = std::sync::mpsc::channel();
    let agent = bench.agent.clone().live_log(sender);
    let run = Job::new(&agent, &bench.task, bench.step()).run().unwrap();
    drop(agent);
    assert_eq!(lines.iter().collect::<Vec<_>>(), run.main.log_lines);
}
