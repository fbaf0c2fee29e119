//! The doctor's findings: a line for each, issues for those that matter, a table on the page of the run.

use std::fmt::Write as _;
use std::path::Path;

use super::outcome::{MOST_ISSUES, with_hint};
use super::summary::markup::escaped;
use crate::agent::{Console, IssueKind, TaskResult};
use crate::check::{Finding, Verdict};
use crate::error::Error;
use crate::inputs::{Plan, Scheme};

/// How the service connection signs in, in words.
fn scheme(plan: &Plan) -> &'static str {
    match plan.connection.scheme {
        Scheme::Secret { .. } => "a service principal with a secret",
        Scheme::Certificate { .. } => "a service principal with a certificate",
        Scheme::ManagedIdentity { .. } => "the managed identity of the agent",
        Scheme::AzureCli => "the Azure CLI",
        Scheme::Federated { .. } => "workload identity federation",
    }
}

/// Nobody could sign in, so nothing can be looked at.
pub fn report_no_visit(console: &Console, plan: &Plan, error: &Error) {
    console.line(&format!("problem   sign-in: {} ({})", error, scheme(plan)));
    let text = with_hint(&error.to_string(), error.hint().as_deref());
    console.issue(IssueKind::Error, Some(error.code()), &text);
    console.complete(TaskResult::Failed, &error.to_string());
}

/// What was found. The table is a file in `folder`.
pub fn report_visit(console: &Console, plan: &Plan, findings: &[Finding], folder: &Path) {
    console.line(&format!("ok        sign-in: by {}", scheme(plan)));
    for finding in findings {
        console.line(&format!("{:<9} {finding}", word(finding.verdict)));
    }
    report_findings(console, findings);
    let text = table(plan, findings);
    let path = folder.join(format!("{}-doctor.md", plan.template_name));
    match std::fs::write(&path, console.fit_to_show(&text)) {
        Ok(()) => console.upload_summary(&path),
        Err(error) => console.line(&format!(
            "no summary:  '{}' cannot be written: {error}",
            path.display()
        )),
    }
    let count = |wanted: &str| {
        let all = findings.iter();
        all.filter(|finding| word(finding.verdict) == wanted)
            .count()
    };
    let (problems, warnings, unknown) = (count("problem"), count("warning"), count("unknown"));
    let result = match (problems, warnings + plan.warnings.len()) {
        (0, 0) => TaskResult::Succeeded,
        (0, _) => TaskResult::SucceededWithIssues,
        _ => TaskResult::Failed,
    };
    let sentence = format!(
        "{} ok, {warnings} to look at, {problems} in the way, {unknown} not known",
        count("ok") + 1
    );
    console.complete(result, &sentence);
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fine => "ok",
        Verdict::Warning(_) => "warning",
        Verdict::Problem(_) | Verdict::Certain(_) => "problem",
        Verdict::Unknown => "unknown",
    }
}

/// An issue for each problem and warning. The page of the run shows ten of each: the rest goes into one.
pub(super) fn report_findings(console: &Console, findings: &[Finding]) {
    for (kind, problems) in [(IssueKind::Error, true), (IssueKind::Warning, false)] {
        let told = findings.iter().filter_map(|finding| {
            let code = finding.code()?;
            let text = with_hint(&finding.to_string(), finding.fix.as_deref());
            (finding.is_problem() == problems).then_some((code, text))
        });
        let told: Vec<_> = told.collect();
        let (shown, rest) = told.split_at(if told.len() > MOST_ISSUES {
            MOST_ISSUES - 1
        } else {
            told.len()
        });
        for (code, text) in shown {
            console.issue(kind, Some(code), text);
        }
        if let Some((code, _)) = rest.first() {
            let text: Vec<_> = rest.iter().map(|(_, text)| text.as_str()).collect();
            console.issue(kind, Some(code), &text.join("\n"));
        }
    }
}

fn table(plan: &Plan, findings: &[Finding]) -> String {
    let mut text = String::from(
        "## Before the build\n\n| | check | what was found | what to do |\n|---|---|---|---|\n",
    );
    writeln!(text, "| ✅ | sign-in | by {} | |", scheme(plan)).ok();
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
            escaped(fix)
        )
        .ok();
    }
    text.push_str(
        "\n❔ could not be read, which is no failure: a build needs no right to look around.\n",
    );
    text
}
