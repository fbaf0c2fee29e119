//! The doctor's findings: a line or an issue for each, and a table on the page of the run.

use std::fmt::Write as _;
use std::path::Path;

use super::ending::{Conclusion, Ending, Failure};
use super::files::Files;
use super::findings::{report_findings, word};
use super::issue::Issue;
use super::markup::{escaped, with_commands};
use crate::agent::{Console, IssueKind};
use crate::check::{Finding, Verdict};
use crate::error::Error;
use crate::inputs::{Action, Connection, Examined, Scheme, Warning};
use crate::wording::counted;

/// What the doctor checks.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Who signs in.
    pub connection: &'a Connection,
    /// Before what it is, as the heading of the page says.
    pub before: &'static str,
    /// What the page of the visit is called by.
    pub name: &'a str,
    /// What was found in the inputs, and has been told.
    pub warnings: &'a [Warning],
}

impl<'a> From<&'a Examined> for Visit<'a> {
    fn from(examined: &'a Examined) -> Self {
        macro_rules! visit {
            ($request:ident, $name:ident, $before:literal) => {
                Self {
                    connection: &$request.connection,
                    before: $before,
                    name: &$request.$name,
                    warnings: &$request.warnings,
                }
            };
        }
        match examined {
            Examined::Build(plan) => visit!(plan, template_name, "the build"),
            Examined::Release(release) => visit!(release, name, "the version is changed"),
            Examined::Retain(retain) => visit!(retain, name, "versions are deleted"),
            Examined::Test(test) => visit!(test, name, "the test"),
            Examined::Rollout(rollout) => visit!(rollout, name, "the roll-out"),
            Examined::Report(fleet) => visit!(fleet, name, "the report"),
        }
    }
}

/// How the service connection signs in, in words.
fn scheme(visit: Visit<'_>) -> &'static str {
    match visit.connection.scheme {
        Scheme::Secret { .. } => "a service principal with a secret",
        Scheme::Certificate { .. } => "a service principal with a certificate",
        Scheme::ManagedIdentity { .. } => "the managed identity of the agent",
        Scheme::AzureCli => "the Azure CLI",
        Scheme::Federated { .. } => "workload identity federation",
    }
}

/// Nobody could sign in, so nothing can be checked.
pub fn report_no_visit(console: &Console, visit: Visit<'_>, error: &Error) {
    let text = format!("sign-in by {}: {error}", scheme(visit));
    let failure = Failure::from(error);
    let ending = Ending {
        issues: vec![Issue::new(
            IssueKind::Error,
            failure.code,
            &text,
            failure.hint.as_deref(),
        )],
        ..Ending::new(Conclusion::Failed(failure))
    };
    ending.tell_without_files(console);
}

/// What was found. The table is a file in `folder`.
pub fn report_visit(console: &Console, visit: Visit<'_>, findings: &[Finding], folder: &Path) {
    console.line(&format!("ok        sign-in: by {}", scheme(visit)));
    report_findings(console, findings);
    let count = |wanted: &str| {
        let all = findings.iter();
        all.filter(|finding| word(finding.verdict) == wanted)
            .count()
    };
    let (problems, warnings, unknown) = (count("problem"), count("warning"), count("unknown"));
    let sentence = format!(
        "{} passed, {}, {}, {unknown} unknown",
        count("ok") + 1,
        counted(warnings, "warning"),
        counted(problems, "error")
    );
    let ending = if problems == 0 {
        let was_warned = warnings + visit.warnings.len() > 0;
        Ending {
            exists: Some(sentence.clone()),
            ..Ending::done(sentence, was_warned)
        }
    } else {
        let hint = format!("correct what the errors name, and check again ({sentence})");
        Ending::new(Conclusion::Failed(Failure {
            code: "",
            text: sentence,
            hint: Some(hint),
        }))
    };
    let ending = Ending {
        summary: Some(table(visit, findings)),
        ..ending
    };
    ending.tell(Files::new(console, folder, visit.name).with_page(Action::Doctor.name()));
}

fn table(visit: Visit<'_>, findings: &[Finding]) -> String {
    let mut text = format!(
        "## Before {}\n\n| | check | what was found | what to do |\n|---|---|---|---|\n",
        visit.before
    );
    writeln!(text, "| ✅ | sign-in | by {} | |", scheme(visit)).ok();
    for finding in findings {
        let sign = match finding.verdict {
            Verdict::Fine => "✅",
            Verdict::Warning(_) => "⚠️",
            Verdict::Problem(_) | Verdict::Certain(_) => "❌",
            Verdict::Unknown => "❔",
        };
        let code = finding.code().map(|code| format!("**{code}** "));
        let fix = finding.fix.as_deref().unwrap_or_default();
        writeln!(
            text,
            "| {sign} | {} | {}{} | {} |",
            finding.check,
            code.unwrap_or_default(),
            escaped(&finding.text),
            with_commands(fix)
        )
        .ok();
    }
    if findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Unknown)
    {
        text.push_str(
            "\n❔ could not be checked. This is not a failure: the step does not need these permissions.\n",
        );
    }
    text
}
