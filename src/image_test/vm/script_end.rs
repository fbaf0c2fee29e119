//! What a run command says of its script. Its own state says nothing: a command that was not run is provisioned, and has exit code 0.

use super::body::SCRIPT_SECONDS;
use crate::arm::run_command::RunCommand;

/// How a script ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Passed,
    /// Not as it should: why, as the rest of a sentence about it.
    Failed(String),
    /// It was not run, for this reason.
    NotRun(String),
    /// Someone canceled it.
    Canceled,
}

/// How Azure's text begins about a command that failed or was not run.
const FAILED: &str = "Execution failed";

/// How the script ended, if it has. `good` are the exit codes that are as they should be; none for 0 alone.
pub(super) fn end_of(view: &RunCommand, good: &[i64]) -> Option<End> {
    let is = |state: &str| view.state.eq_ignore_ascii_case(state);
    let is_good = match good {
        [] => view.exit_code == 0,
        good => good.contains(&view.exit_code),
    };
    if is("Succeeded") || is("Failed") {
        // A bare failure without an exit code is one all the same.
        let passed = is_good && (is("Succeeded") || view.exit_code != 0);
        return Some(if passed {
            End::Passed
        } else if view.exit_code == 0 && is("Failed") {
            End::Failed(said(view))
        } else {
            End::Failed(format!(
                "the script ended with exit code {}",
                view.exit_code
            ))
        });
    }
    if is("TimedOut") {
        return Some(End::Failed(out_of_time()));
    }
    if is("Canceled") {
        return Some(End::Canceled);
    }
    let start = view.message.trim_start().get(..FAILED.len());
    let was_refused = start.is_some_and(|start| start.eq_ignore_ascii_case(FAILED));
    if was_refused || view.has_ended || view.provisioning.eq_ignore_ascii_case("Failed") {
        return Some(End::NotRun(said(view)));
    }
    None
}

/// The script took longer than it may.
pub(super) fn out_of_time() -> String {
    format!(
        "the script ran out of time ({} minutes)",
        SCRIPT_SECONDS / 60
    )
}

fn said(view: &RunCommand) -> String {
    match view.message.trim() {
        "" => "Azure does not say why".to_owned(),
        message => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: &str, exit_code: i64, message: &str) -> RunCommand {
        RunCommand {
            provisioning: "Succeeded".to_owned(),
            state: state.to_owned(),
            exit_code,
            message: message.to_owned(),
            has_begun: true,
            ..RunCommand::default()
        }
    }

    fn check(view: &RunCommand, good: &[i64], expected: impl Into<Option<End>>) {
        assert_eq!(end_of(view, good), expected.into(), "{view:?} {good:?}");
    }

    fn failed(text: &str) -> End {
        End::Failed(text.to_owned())
    }

    #[test]
    fn only_state_and_exit_code_together_are_a_success() {
        let with_code = |code: i64| failed(&format!("the script ended with exit code {code}"));
        check(&view("Succeeded", 0, ""), &[], Some(End::Passed));
        check(&view("succeeded", 0, ""), &[], Some(End::Passed));
        check(&view("Succeeded", 3, ""), &[], with_code(3));
        let text = "Execution failed: command terminated with exit status=3";
        check(&view("Failed", 3, text), &[], with_code(3));
        check(&view("Failed", -1, ""), &[], with_code(-1));
        let text = "Execution failed: no shell";
        check(&view("Failed", 0, text), &[], failed(text));
        check(
            &view("Failed", 0, " "),
            &[],
            failed("Azure does not say why"),
        );
        let late = failed("the script ran out of time (60 minutes)");
        check(&view("TimedOut", -1, ""), &[], late);
        // An author may count other exit codes as good.
        check(&view("Failed", 3010, ""), &[0, 3010], Some(End::Passed));
        check(&view("Succeeded", 0, ""), &[3010], with_code(0));
    }

    #[test]
    fn what_was_not_run_has_ended_whatever_its_state() {
        let not_run = |text: &str| Some(End::NotRun(text.to_owned()));
        check(&view("Canceled", 0, ""), &[], Some(End::Canceled));
        for state in ["Pending", "Running", "Unknown", ""] {
            check(&view(state, 0, ""), &[], None);
            let ended = RunCommand {
                has_ended: true,
                ..view(state, 0, "no")
            };
            check(&ended, &[], not_run("no"));
        }
        // The recorded trap.
        let text = "Execution failed: failed to get configuration";
        check(&view("Running", 0, text), &[], not_run(text));
        check(&view("Running", 0, "Execution in progress"), &[], None);
        let refused = RunCommand {
            provisioning: "Failed".to_owned(),
            ..view("Pending", 0, "")
        };
        check(&refused, &[], not_run("Azure does not say why"));
    }
}
