//! Cancel, time-out and crash.

use std::sync::mpsc::channel;
use std::thread;

use super::{Bench, SHORT};
use crate::TaskResult::{Canceled, Failed, Succeeded};
use crate::{Agent, Condition, Interruption, Stage, Step, StepRun, TaskResult, Timeouts, Trigger};

const STAY: &str = "setInterval(() => {}, 1000);";

/// Node with a child that holds the same output.
const WITH_CHILD: &str = "
    const child = require('child_process').spawn(process.execPath,
        ['-e', \"console.log('child up'); setInterval(() => {}, 1000)\"], {stdio: ['ignore', 'inherit', 'inherit']});
    setInterval(() => {}, 1000);";

fn interrupted(bench: &Bench, agent: &Agent, step: &Step, interruption: Interruption) -> StepRun {
    agent
        .run(&bench.task, Stage::Main, step, Some(interruption))
        .unwrap()
}

/// Whether SIGTERM and SIGKILL were sent, the exit code, and how many processes stayed.
type End = (bool, bool, i32, usize);

fn check_cancel(script: &str, timeouts: Timeouts, expected: End) {
    let bench = Bench::new(script);
    let agent = bench.agent.clone().timeouts(timeouts);
    let interruption = Interruption::cancel(Trigger::line("up"));
    let run = interrupted(&bench, &agent, &bench.step(), interruption);
    run.end_orphans();
    let cancellation = run.cancellation.clone().unwrap();
    let (terminated, killed) = (cancellation.terminated, cancellation.killed);
    let code = run.exit_code.unwrap();
    let end = (
        terminated.is_some(),
        killed.is_some(),
        code,
        run.orphans.len(),
    );
    assert_eq!(end, expected, "{script}\n{}", run.log());
    assert_eq!(run.result, Canceled);
    assert_eq!(run.errors(), ["The operation was canceled."]);
    let interrupted = cancellation.interrupted.unwrap();
    assert!(terminated.is_none_or(|at| at >= interrupted + timeouts.interrupt));
    assert!(killed.is_none_or(|at| at >= terminated.unwrap() + timeouts.terminate));
    assert!(cancellation.took().is_some());
}

#[test]
fn a_cancel_sends_signals_until_node_has_ended() {
    let complete = "##vso[task.complete result=Failed;]";
    let handle =
        format!("process.on('SIGINT', () => {{ console.log('{complete}'); process.exit(0) }});");
    let ignore = "process.on('SIGINT', () => {});";
    let deaf = "process.on('SIGINT', () => {}); process.on('SIGTERM', () => {});";
    let usual = Timeouts::default();
    let impatient = Timeouts {
        interrupt: SHORT,
        ..usual
    };
    for (script, timeouts, expected) in [
        (
            format!("{handle} console.log('up'); {STAY}"),
            usual,
            (false, false, 0, 0),
        ),
        (
            format!("console.log('up'); {STAY}"),
            usual,
            (false, false, 130, 0),
        ),
        (
            format!("{ignore} console.log('up'); {STAY}"),
            impatient,
            (true, false, 143, 0),
        ),
        (
            format!("{deaf} console.log('up'); {STAY}"),
            Timeouts::all(SHORT),
            (true, true, 137, 0),
        ),
        (
            WITH_CHILD.to_owned(),
            Timeouts {
                output: SHORT,
                ..usual
            },
            (false, false, 130, 1),
        ),
    ] {
        check_cancel(&script, timeouts, expected);
    }
}

#[test]
fn the_pipeline_may_grant_more_time() {
    let bench = Bench::new(&format!(
        "process.on('SIGINT', () => setTimeout(() => process.exit(0), 50)); console.log('up'); {STAY}"
    ));
    let agent = bench.agent.clone().timeouts(Timeouts {
        interrupt: std::time::Duration::ZERO,
        ..Timeouts::default()
    });
    let step = bench.step().variable("PROCESS_SIGINT_TIMEOUT", "60000");
    let run = interrupted(
        &bench,
        &agent,
        &step,
        Interruption::cancel(Trigger::line("up")),
    );
    assert_eq!(
        (run.exit_code, run.cancellation.unwrap().terminated),
        (Some(0), None)
    );
}

#[test]
fn a_step_that_always_runs_is_not_canceled() {
    let bench = Bench::new("console.log('up'); process.on('exit', () => console.log('finished'))");
    let step = bench.step().condition(Condition::Always);
    let run = interrupted(
        &bench,
        &bench.agent,
        &step,
        Interruption::cancel(Trigger::line("up")),
    );
    assert!(run.cancellation.unwrap().ignored);
    assert_eq!(run.result, Succeeded);
    assert_eq!(
        run.raw.last().map(|line| line.text.as_str()),
        Some("finished")
    );
}

#[test]
fn a_time_out_fails_the_step() {
    let bench = Bench::new(&format!("console.log('up'); {STAY}"));
    let run = interrupted(
        &bench,
        &bench.agent,
        &bench.step(),
        Interruption::time_out(Trigger::line("up")),
    );
    assert_eq!(
        (run.result, run.errors()),
        (Failed, vec!["The task has timed out."])
    );
}

#[test]
fn a_test_may_choose_the_moment() {
    let bench = Bench::new(STAY);
    let (fire, trigger) = Trigger::signal();
    let (ready, go) = channel();
    let other = thread::spawn(move || {
        go.recv().unwrap();
        fire.fire();
    });
    ready.send(()).unwrap();
    let run = interrupted(
        &bench,
        &bench.agent,
        &bench.step(),
        Interruption::cancel(trigger),
    );
    other.join().unwrap();
    assert_eq!(run.result, Canceled);
}

fn check_kill(
    in_container: bool,
    children: bool,
    script: &str,
    expected: (TaskResult, i32, usize),
) {
    let bench = Bench::new(script);
    let mut agent = bench.agent.clone().timeouts(Timeouts {
        output: SHORT,
        ..Timeouts::default()
    });
    if in_container {
        agent = agent.in_container();
    }
    let trigger = Trigger::line("up");
    let interruption = if children {
        Interruption::kill_children(trigger)
    } else {
        Interruption::kill_node(trigger)
    };
    let run = interrupted(&bench, &agent, &bench.step(), interruption);
    run.end_orphans();
    assert_eq!(
        (run.result, run.exit_code.unwrap(), run.orphans.len()),
        expected,
        "{in_container} {children}"
    );
}

#[test]
fn a_crash_of_node_or_of_its_child_has_its_result() {
    let watched = format!(
        "{WITH_CHILD} child.on('exit', (code, signal) => process.exit(signal === 'SIGKILL' ? 9 : 1));"
    );
    for (in_container, children, script, expected) in [
        (false, false, WITH_CHILD, (Failed, 137, 1)),
        (true, false, WITH_CHILD, (Succeeded, 0, 1)),
        (false, true, &watched, (Failed, 9, 0)),
        (true, true, &watched, (Failed, 9, 0)),
    ] {
        check_kill(in_container, children, script, expected);
    }
}

#[test]
fn no_signal_reaches_a_container() {
    let bench = Bench::new(&format!(
        "process.on('SIGINT', () => console.log('heard')); console.log('up'); {STAY}"
    ));
    let agent = bench.agent.clone().in_container();
    let run = interrupted(
        &bench,
        &agent,
        &bench.step(),
        Interruption::cancel(Trigger::line("up")),
    );
    run.end_orphans();
    // The invoker and the task both go on.
    assert_eq!(
        (run.result, run.orphans.len(), run.exit_code),
        (Canceled, 2, None)
    );
    assert!(!run.raw_text().contains("heard"));
}

#[test]
fn done_ends_the_waiting() {
    let bench = Bench::new(&format!(
        "console.log('##vso[task.complete result=Succeeded;done=true;]'); {STAY}"
    ));
    let agent = bench.agent.clone().timeouts(Timeouts {
        done: SHORT,
        ..Timeouts::default()
    });
    let run = agent
        .run(&bench.task, Stage::Main, &bench.step(), None)
        .unwrap();
    run.end_orphans();
    assert_eq!(
        (run.result, run.exit_code, run.orphans.len()),
        (Succeeded, None, 1)
    );
}

/// Everything of the stage is killed, and the violation says why.
#[test]
fn a_stage_without_an_end_is_given_up() {
    let bench = Bench::new(WITH_CHILD);
    let agent = bench.agent.clone().timeouts(Timeouts {
        stage: SHORT,
        ..Timeouts::default()
    });
    let run = agent
        .run(&bench.task, Stage::Main, &bench.step(), None)
        .unwrap();
    let found = run.violations.iter().map(ToString::to_string);
    let told = format!("NoEnd: no end after {SHORT:?}");
    assert_eq!(found.collect::<Vec<_>>(), [told], "{}", run.log());
    assert_eq!((run.result, run.exit_code), (Failed, Some(137)));
    assert!(run.orphans.is_empty(), "{:?}", run.orphans);
}
