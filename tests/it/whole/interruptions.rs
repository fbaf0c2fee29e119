//! Cancels and kills of the whole chain: what the cloud and the machine hold afterwards, and how long it takes.

use std::thread;
use std::time::{Duration, Instant};

use azure_emulator::{RunFate, SubState, Switches};
use pipelines_agent::{Interruption, JobRun, TaskResult, Trigger, ViolationKind};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use time::OffsetDateTime;

use super::{check_empty, instant, judged};
use crate::pipeline::Pipeline;

/// A build whose run does not end by itself.
fn endless(at: SubState, switches: Switches) -> Pipeline {
    let pipeline = Pipeline::seed(switches);
    pipeline.server.cloud.script_run(RunFate::NeverEnd { at });
    pipeline
}

fn check_canceled(pipeline: &Pipeline, job: &JobRun) {
    let cancellation = job.main.cancellation.as_ref().expect("the trigger was met");
    let took = cancellation.took().unwrap();
    assert!(took < Duration::from_secs(7), "{cancellation:?}");
    assert_eq!(cancellation.terminated, None, "{cancellation:?}");
    assert_eq!(job.main.result, TaskResult::Canceled, "{}", job.log());
    let told = "##vso[task.complete result=Canceled;]";
    assert!(job.main.raw_text().contains(told), "{}", job.log());
    assert!(job.main.orphans.is_empty());
    check_empty(pipeline);
}

#[test]
fn a_canceled_job_cancels_the_run_and_its_post_job_stage_empties_the_cloud() {
    let pipeline = endless(SubState::Customizing, instant());
    let cancel = Interruption::cancel(Trigger::line("Running, Customizing"));
    let job = judged(&pipeline, Some(cancel), &[]);
    check_canceled(&pipeline, &job);
}

/// From the signal to the cancel's arrival at Azure, which then takes its time to answer, as in 2025.
#[test]
fn a_cancel_is_sent_within_a_second_and_told_within_seven() {
    let pipeline = endless(SubState::Customizing, instant());
    let cloud = &pipeline.server.cloud;
    cloud.change_switches(|switches| switches.cancel_call = Duration::from_secs(16));
    let (fire, trigger) = Trigger::signal();
    let (job, fired) = thread::scope(|scope| {
        let firing = scope.spawn(|| {
            let started = |operation| operation == Some("RunTemplate");
            wait_until(|| cloud.journal().iter().any(|entry| started(entry.operation)));
            let now = OffsetDateTime::now_utc();
            fire.fire();
            // The post-job stage finds a quicker Azure, so that this test ends soon.
            thread::sleep(Duration::from_secs(2));
            cloud.change_switches(|switches| switches.cancel_call = Duration::ZERO);
            now
        });
        let job = judged(&pipeline, Some(Interruption::cancel(trigger)), &[]);
        (job, firing.join().unwrap())
    });
    let journal = cloud.journal();
    let mut cancels = journal
        .iter()
        .filter(|entry| entry.operation == Some("CancelTemplate"));
    let sent = cancels.next().unwrap().time - fired;
    let took = job.main.cancellation.as_ref().unwrap().took().unwrap();
    let empty = journal.last().unwrap().time - fired;
    println!("cancel sent after {sent}, told after {took:?}, cloud empty after {empty}");
    assert!(sent < Duration::from_secs(1), "{sent}");
    assert!(
        took > Duration::from_secs(3),
        "Azure answered at once: {took:?}"
    );
    check_canceled(&pipeline, &job);
}

/// The agent stops to listen, the core goes on, and the post-job stage starts beside it.
#[test]
fn in_a_container_the_post_job_stage_stops_the_main_stage() {
    let mut pipeline = endless(SubState::Customizing, instant());
    pipeline.agent = pipeline.agent.clone().in_container();
    let cancel = Interruption::cancel(Trigger::line("Running, Customizing"));
    let job = judged(&pipeline, Some(cancel), &[]);
    assert_eq!(job.main.result, TaskResult::Canceled, "{}", job.log());
    let post = job.post.as_ref().unwrap();
    assert!(
        post.duration < Duration::from_secs(8),
        "{:?}",
        post.duration
    );
    check_empty(&pipeline);
    let canceled = pipeline.server.cloud.requests("CancelTemplate");
    assert!(canceled.len() >= 1);
}

/// Before the agent hears of anything that was made: its note is older than the files.
#[test]
fn in_a_container_what_is_made_after_the_cancel_is_found_too() {
    let mut pipeline = endless(SubState::Building, instant());
    pipeline.agent = pipeline.agent.clone().in_container();
    let cancel = Interruption::cancel(Trigger::line("Source for image:"));
    let job = judged(&pipeline, Some(cancel), &[]);
    assert_eq!(job.main.task_variables.value("imageBuilderLeftovers"), None);
    check_empty(&pipeline);
}

fn check_killed(pipeline: &Pipeline, what: &str, trigger: Trigger, launcher: bool) {
    let (kill, forgiven) = if launcher {
        (Interruption::kill_node(trigger), &[][..])
    } else {
        // The core may die in the middle of a line.
        let half = &[ViolationKind::Unparsable, ViolationKind::UnknownCommand][..];
        (Interruption::kill_children(trigger), half)
    };
    let job = judged(pipeline, Some(kill), forgiven);
    let log = job.log();
    assert!(job.main.cancellation.is_some(), "{what}: {log}");
    assert!(
        job.main.orphans.is_empty(),
        "{what}: {:?}",
        job.main.orphans
    );
    assert!(job.post.as_ref().unwrap().orphans.is_empty(), "{what}");
    check_empty(pipeline);
    if !launcher {
        assert_eq!(job.main.result, TaskResult::Failed, "{what}: {log}");
        assert!(
            job.main.raw_text().contains("code=AIB902;"),
            "{what}: {log}"
        );
    }
}

/// The moments of a build, as its lines tell them.
#[test]
fn kills_at_every_stage_of_a_build_leave_no_process_and_nothing_in_the_cloud() {
    for (line, launcher) in [
        ("template name:", true),
        ("Archiving", false),
        ("created archive", true),
        ("put template:  Succeeded", false),
        ("starting run template", true),
        ("Running, Building", false),
        ("Running, Building", true),
    ] {
        let what = format!("launcher {launcher}, {line}");
        let pipeline = endless(SubState::Building, instant());
        check_killed(&pipeline, &what, Trigger::line(line), launcher);
    }
}

/// Some moments between the lines, always the same ones. A build comes to its run within half a second here.
#[test]
fn kills_at_random_moments_leave_no_process_and_nothing_in_the_cloud() {
    let mut random = TestRunner::deterministic();
    for launcher in [true, false, true, false] {
        let pipeline = endless(SubState::Building, instant());
        let after = (0..400_u64).new_tree(&mut random).unwrap().current();
        let after = Duration::from_millis(after);
        let (fire, trigger) = Trigger::signal();
        thread::scope(|scope| {
            let cloud = &pipeline.server.cloud;
            scope.spawn(move || {
                wait_until(|| !cloud.journal().is_empty());
                thread::sleep(after);
                fire.fire();
            });
            let what = format!("launcher {launcher}, {after:?} after the first request");
            check_killed(&pipeline, &what, trigger, launcher);
        });
    }
}

pub(super) fn wait_until(holds: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < limit, "it never came to that");
        thread::sleep(Duration::from_millis(5));
    }
}
