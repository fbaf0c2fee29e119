//! What checks have found: lines and issues, and what it adds to the hint of a failure.

use super::issue::{Issue, Issues};
use super::markup::{cause, next_action, one_of_several};
use crate::agent::{Console, IssueKind};
use crate::check::{Finding, Verdict};
use crate::inputs::Action;
use crate::inputs::manifest::ACTION;

/// The word for a verdict.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fine => "ok",
        Verdict::Warning(_) => "warning",
        Verdict::Problem(_) | Verdict::Certain(_) => "problem",
        Verdict::Unknown => "unknown",
    }
}

/// Each finding once, in order: problems and warnings as issues, the others as lines.
pub(super) fn report_findings(console: &Console, findings: &[Finding]) {
    let issues: Vec<Option<Issue>> = findings.iter().map(issue).collect();
    let mut told = Issues::new(console, issues.iter().flatten());
    for (finding, issue) in findings.iter().zip(&issues) {
        match issue {
            Some(issue) => told.tell(issue),
            None => console.line(&format!("{:<9} {finding}", word(finding.verdict))),
        }
    }
    told.end();
}

/// A finding with a code as an issue.
fn issue(finding: &Finding) -> Option<Issue> {
    let kind = if finding.is_problem() {
        IssueKind::Error
    } else {
        IssueKind::Warning
    };
    let (text, fix) = (finding.to_string(), finding.fix.as_deref());
    Some(Issue::new(kind, finding.code()?, &text, fix))
}

/// The errors that refuse a run before anything is created.
pub(super) fn errors(findings: &[Finding]) -> Vec<Issue> {
    findings.iter().filter_map(issue).collect()
}

/// Why a run was refused, on its page: each finding with its fix.
pub(super) fn causes(findings: &[Finding]) -> String {
    let said = |finding: &Finding| (finding.code().unwrap_or_default(), finding.to_string());
    if let [only] = findings {
        let (code, text) = said(only);
        return cause(code, &text, only.fix.as_deref());
    }
    let each = findings.iter().map(|finding| {
        let (code, text) = said(finding);
        one_of_several(code, &text, finding.fix.as_deref())
    });
    let hint = hint_of_several(findings);
    each.chain(hint.as_deref().map(next_action)).collect()
}

/// What to do about several findings at once.
pub(super) fn hint_of_several(found: &[Finding]) -> Option<String> {
    (found.len() > 1).then(|| {
        format!(
            "correct all {} errors; '{}: {}' checks everything without a build",
            found.len(),
            ACTION.name,
            Action::Doctor.name()
        )
    })
}

/// What the checks before a build have found, and the build continues with.
pub(super) fn warnings(findings: &[Finding]) -> Vec<Issue> {
    let all = findings.iter();
    all.map(|finding| {
        let (text, fix) = (finding.to_string(), finding.fix.as_deref());
        let code = finding.code().unwrap_or_default();
        Issue::new(IssueKind::Warning, code, &text, fix)
    })
    .collect()
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
    let hint = hint.filter(|hint| {
        let role = assignment(hint);
        let mut warned = warned.iter();
        !warned
            .any(|text| text.contains(hint.as_str()) || role.is_some() && assignment(text) == role)
    });
    let all: Vec<_> = warned.into_iter().chain(hint).collect();
    (!all.is_empty()).then(|| all.join("; otherwise: "))
}

/// The role that a hint tells to assign, and its scope.
fn assignment(hint: &str) -> Option<(&str, &str)> {
    let (_, command) = hint.split_once("az role assignment create ")?;
    let after = |option: &str| {
        let (_, rest) = command.split_once(option)?;
        let end = match rest.chars().next()? {
            quote @ ('\'' | '"') => rest.get(1..)?.find(quote)? + 1,
            _ => rest.find([' ', ';', '`', ',']).unwrap_or(rest.len()),
        };
        Some(rest.get(..end)?.trim_matches(['\'', '"']))
    };
    Some((after("--role ")?, after("--scope ")?))
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

    #[test]
    fn a_role_is_named_once() {
        let warned = |role: &str| Finding {
            check: "permissions of the service connection",
            verdict: Verdict::Warning("AIB712"),
            text: "it lacks a permission".to_owned(),
            fix: Some(format!(
                "az role assignment create --assignee p --role '{role}' --scope /s/accounts/sta (or a custom role with these actions)"
            )),
        };
        let hint = |role: &str, scope: &str| {
            format!(
                "`az role assignment create --assignee p --role \"{role}\" --scope {scope}`; a new role assignment takes up to 10 minutes to take effect"
            )
        };
        let both = |first: &str, role: &str, scope: &str| {
            let told = hint_with(&[warned(first)], Some(hint(role, scope)));
            told.unwrap_or_default()
                .matches("az role assignment create")
                .count()
        };
        let (reader, contributor) = ("Storage Blob Data Reader", "Storage Blob Data Contributor");
        assert_eq!(both(contributor, contributor, "/s/accounts/sta"), 1);
        assert_eq!(both(contributor, contributor, "'/s/accounts/sta'"), 1);
        assert_eq!(both(contributor, reader, "/s/accounts/sta"), 2);
        assert_eq!(both(contributor, contributor, "/s/accounts/stb"), 2);
    }
}
