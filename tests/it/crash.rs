//! What a mistake in the task itself looks like from outside. Each case runs in a process of its own, because it ends there.

use std::env;
use std::process::{Command, Output};

use image_builder::agent::{Agent, IssueKind};
use image_builder::report::{Stage, report_panics};
use image_builder::secret::Secret;

const CASE: &str = "CRASH_TEST_CASE";
const SECRET: &str = "hunter2-hunter2";

/// Breaks in the way that the case wants.
fn break_down(case: &str) {
    let agent = Agent::of_process();
    let console = agent.console();
    let stage = if case.ends_with("after the job") {
        Stage::PostJob
    } else {
        Stage::Main
    };
    report_panics(console, stage, agent.environment().is_agent());
    let secret = Secret::new(SECRET, console);
    match case {
        "a secret in the text" => panic!("no use for {}", secret.reveal()),
        "in another thread" => {
            let thread = std::thread::spawn(|| -> () { panic!("in a thread") });
            thread.join().unwrap_or_default();
            console.line("the program goes on");
        }
        "with a result" => {
            console.issue(IssueKind::Error, Some("AIB401"), "the build failed");
            console.complete(image_builder::agent::TaskResult::Failed, "the build failed");
            panic!("too late");
        }
        _ => panic!("a plain text"),
    }
}

fn run(case: &str, in_job: bool) -> Output {
    let mut program = Command::new(env::current_exe().unwrap());
    program
        .args([
            "--exact",
            "crash::a_mistake_is_one_issue_and_one_result",
            "--nocapture",
        ])
        .env(CASE, case)
        .env_remove("TF_BUILD");
    if in_job {
        program.env("TF_BUILD", "True");
    }
    program.output().unwrap()
}

/// The lines that are ours, with the number of the line in this file as `LINE`.
fn said(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| {
        let harness = ["running ", "test crash::", ""];
        !harness
            .iter()
            .any(|start| line.starts_with(start) && (!start.is_empty() || line.is_empty()))
    });
    lines
        .map(|line| match line.split_once("crash.rs:") {
            Some((before, after)) => {
                let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}crash.rs:LINE{rest}")
            }
            None => line.to_owned(),
        })
        .collect()
}

#[test]
fn a_mistake_is_one_issue_and_one_result() {
    if let Ok(case) = env::var(CASE) {
        return break_down(&case);
    }
    let mistake = "Internal error of the task at tests/it/crash.rs:LINE";
    let hint =
        "report this line to the authors; the post-job step deletes what was created in Azure";
    let expected = |text: &str, kind: &str, result: &str| {
        vec![
            format!("##vso[task.logissue type={kind};code=AIB903;]{mistake}{text}%0Ahint: {hint}"),
            format!("##vso[task.complete result={result};]{mistake}{text}"),
        ]
    };
    for (case, lines) in [
        (
            "a plain text",
            expected(": a plain text", "error", "Failed"),
        ),
        ("a secret in the text", expected("", "error", "Failed")),
        (
            "in another thread",
            expected(": in a thread", "error", "Failed"),
        ),
        (
            "after the job",
            expected(": a plain text", "warning", "SucceededWithIssues"),
        ),
        (
            "with a result",
            vec![
                "##vso[task.logissue type=error;code=AIB401;]the build failed".to_owned(),
                "##vso[task.complete result=Failed;]the build failed".to_owned(),
            ],
        ),
    ] {
        let output = run(case, true);
        let mut said = said(&output);
        said.retain(|line| !line.starts_with("##vso[task.setsecret]"));
        assert_eq!(said, lines, "{case}");
        assert_eq!(output.status.code(), Some(0), "{case}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains(SECRET), "{case}: {stderr}");
    }
    let output = run("a plain text", false);
    let text = format!("{mistake}: a plain text");
    assert_eq!(
        said(&output),
        [
            format!("error AIB903: {text}"),
            format!("hint: {hint}"),
            format!("Failed: {text}")
        ]
    );
    assert_eq!(output.status.code(), Some(101));
}
