//! The doctor's findings: a line or an issue for each, and a table on the page of the run.

use std::fmt::Write as _;
use std::path::Path;

use super::closing;
use super::outcome::{MOST_ISSUES, with_hint};
use super::summary::markup::{escaped, with_commands};
use crate::agent::{Console, IssueKind, TaskResult};
use crate::check::{Code, Finding, Verdict};
use crate::error::Error;
use crate::file;
use crate::inputs::{Fleet, ImageTest, Plan, Release, Retain, Rollout, Scheme, Warning};

/// What a visit of the doctor is about.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Who signs in.
    pub scheme: &'a Scheme,
    /// Before what it is, as the heading of the page says.
    pub before: &'static str,
    /// What the page of the visit is called by.
    pub name: &'a str,
    /// What was found in the inputs, and has been told.
    pub warnings: &'a [Warning],
}

impl<'a> From<&'a Plan> for Visit<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self {
            scheme: &plan.connection.scheme,
            before: "the build",
            name: &plan.template_name,
            warnings: &plan.warnings,
        }
    }
}

impl<'a> From<&'a Release> for Visit<'a> {
    fn from(request: &'a Release) -> Self {
        Self {
            scheme: &request.connection.scheme,
            before: "the version is changed",
            name: &request.name,
            warnings: &request.warnings,
        }
    }
}

impl<'a> From<&'a Retain> for Visit<'a> {
    fn from(retain: &'a Retain) -> Self {
        Self {
            scheme: &retain.connection.scheme,
            before: "versions are deleted",
            name: &retain.name,
            warnings: &retain.warnings,
        }
    }
}

impl<'a> From<&'a ImageTest> for Visit<'a> {
    fn from(request: &'a ImageTest) -> Self {
        Self {
            scheme: &request.connection.scheme,
            before: "the test",
            name: &request.name,
            warnings: &request.warnings,
        }
    }
}

impl<'a> From<&'a Rollout> for Visit<'a> {
    fn from(request: &'a Rollout) -> Self {
        Self {
            scheme: &request.connection.scheme,
            before: "the roll-out",
            name: &request.name,
            warnings: &request.warnings,
        }
    }
}

impl<'a> From<&'a Fleet> for Visit<'a> {
    fn from(fleet: &'a Fleet) -> Self {
        Self {
            scheme: &fleet.connection.scheme,
            before: "the report",
            name: &fleet.name,
            warnings: &fleet.warnings,
        }
    }
}

/// How the service connection signs in, in words.
fn scheme(visit: Visit<'_>) -> &'static str {
    match visit.scheme {
        Scheme::Secret { .. } => "a service principal with a secret",
        Scheme::Certificate { .. } => "a service principal with a certificate",
        Scheme::ManagedIdentity { .. } => "the managed identity of the agent",
        Scheme::AzureCli => "the Azure CLI",
        Scheme::Federated { .. } => "workload identity federation",
    }
}

/// Nobody could sign in, so nothing can be looked at.
pub fn report_no_visit(console: &Console, visit: Visit<'_>, error: &Error) {
    let text = format!("sign-in by {}: {error}", scheme(visit));
    let text = with_hint(&text, error.hint().as_deref());
    console.issue(IssueKind::Error, Some(error.code()), &text);
    closing::what_to_do(console, error.code(), error.hint().as_deref());
    console.complete(TaskResult::Failed, &error.to_string());
}

/// What was found. The table is a file in `folder`.
pub fn report_visit(console: &Console, visit: Visit<'_>, findings: &[Finding], folder: &Path) {
    console.line(&format!("ok        sign-in: by {}", scheme(visit)));
    report_findings(console, findings);
    let text = table(visit, findings);
    let path = folder.join(format!("{}-doctor.md", visit.name));
    match file::write(&path, console.fit_to_show(&text)) {
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
    let result = match (problems, warnings + visit.warnings.len()) {
        (0, 0) => TaskResult::Succeeded,
        (0, _) => TaskResult::SucceededWithIssues,
        _ => TaskResult::Failed,
    };
    let sentence = format!(
        "{} passed, {warnings} warnings, {problems} errors, {unknown} unknown",
        count("ok") + 1
    );
    if result == TaskResult::Failed {
        let text = format!("correct what the errors name, and check again ({sentence})");
        closing::what_to_do(console, "", Some(&text));
    } else {
        closing::exists(console, &sentence);
    }
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

/// Each finding once, in order: problems and warnings as issues, the others as lines.
pub(super) fn report_findings(console: &Console, findings: &[Finding]) {
    let of_kind = |problems: bool| {
        let all = findings.iter().filter(|finding| finding.code().is_some());
        all.filter(|finding| finding.is_problem() == problems)
            .count()
    };
    let mut errors = Issues::new(console, IssueKind::Error, of_kind(true));
    let mut warnings = Issues::new(console, IssueKind::Warning, of_kind(false));
    for finding in findings {
        let Some(code) = finding.code() else {
            console.line(&format!("{:<9} {finding}", word(finding.verdict)));
            continue;
        };
        let text = with_hint(&finding.to_string(), finding.fix.as_deref());
        if finding.is_problem() {
            errors.tell(code, text);
        } else {
            warnings.tell(code, text);
        }
    }
    errors.end();
    warnings.end();
}

/// What the checks before a build found and a build goes on with: each a warning.
pub(super) fn report_suspected(console: &Console, findings: &[Finding]) {
    let mut warnings = Issues::new(console, IssueKind::Warning, findings.len());
    for finding in findings {
        let text = with_hint(&finding.to_string(), finding.fix.as_deref());
        warnings.tell(finding.code().unwrap_or_default(), text);
    }
    warnings.end();
}

/// The hint of a failure: first what was warned of before the build and may have come true, then what is known of the failure itself.
pub(super) fn hint_with(foreseen: &[Finding], hint: Option<String>) -> Option<String> {
    let warned = foreseen.iter().map(|finding| {
        let code = finding.code().unwrap_or_default();
        let fix = finding.fix.as_deref().unwrap_or_default();
        format!(
            "{} ({code}, reported before the build): {fix}",
            finding.text
        )
    });
    let warned: Vec<_> = warned.collect();
    // What was warned of may have said it all.
    let hint = hint.filter(|hint| !warned.iter().any(|text| text.contains(hint.as_str())));
    let all: Vec<_> = warned.into_iter().chain(hint).collect();
    (!all.is_empty()).then(|| all.join("; otherwise: "))
}

/// The page of the run shows ten issues of a kind: those after the ninth are one, if there are more than ten.
struct Issues<'a> {
    console: &'a Console,
    kind: IssueKind,
    total: usize,
    told: usize,
    rest: Vec<(Code, String)>,
}

impl<'a> Issues<'a> {
    fn new(console: &'a Console, kind: IssueKind, total: usize) -> Self {
        Self {
            console,
            kind,
            total,
            told: 0,
            rest: Vec::new(),
        }
    }

    fn tell(&mut self, code: Code, text: String) {
        if self.total > MOST_ISSUES && self.told >= MOST_ISSUES - 1 {
            self.rest.push((code, text));
            return;
        }
        self.told += 1;
        self.console.issue(self.kind, Some(code), &text);
    }

    fn end(self) {
        if let Some((code, _)) = self.rest.first() {
            let texts: Vec<_> = self.rest.iter().map(|(_, text)| text.as_str()).collect();
            self.console.issue(self.kind, Some(code), &texts.join("\n"));
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_says_nothing_twice() {
        let foreseen = [Finding {
            check: "storage account",
            verdict: Verdict::Fine,
            text: "storage account 'sta' does not exist".to_owned(),
            fix: Some("check the spelling: did you mean 'stb'? To create it: az x".to_owned()),
        }];
        let check = |hint: Option<&str>, expected: Option<&str>| {
            let told = hint_with(&foreseen, hint.map(str::to_owned)).unwrap_or_default();
            let (_, after) = told.split_once("To create it: az x").unwrap_or_default();
            assert_eq!(after.strip_prefix("; otherwise: "), expected, "{told}");
        };
        check(None, None);
        check(Some("did you mean 'stb'?"), None);
        check(Some("wait"), Some("wait"));
    }
}
