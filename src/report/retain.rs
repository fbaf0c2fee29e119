//! `action: retain`, worded: a line for each version, the summary, the result file, the variables.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::ending::Ending;
use super::files::{Files, ResultFile};
use super::issue::{Issue, report_warnings};
use super::markup::{cause, code, escaped, warning};
use crate::agent::{Agent, Console};
use crate::error::duration;
use crate::inputs::manifest::{RETAIN_ACTION, RETAIN_PREVIEW};
use crate::inputs::{Retain, RetainAction};
use crate::retain::{Event, Events, Fate, Outcome, Reason, Verdict};
use crate::wording::counted;

/// Writes what happens to the versions to the job's log.
pub struct RetainReporter<'a> {
    console: Console,
    retain: &'a Retain,
}

/// More rows make a page that nobody reads; the log has them all.
const MOST_ROWS: usize = 200;

impl<'a> RetainReporter<'a> {
    /// A reporter to the agent's console, which says first what is known before anything is sent.
    pub fn new(agent: &Agent, retain: &'a Retain) -> Self {
        let reporter = Self {
            console: agent.console().clone(),
            retain,
        };
        let gallery = retain.definition.name_at(0).unwrap_or_default();
        reporter.console.line(&format!(
            "image definition:  {} in {gallery}",
            retain.definition.name()
        ));
        report_warnings(&reporter.console, &retain.warnings);
        reporter
    }

    /// The end of the step. The files are in `folder`.
    pub fn finish(&self, outcome: &Outcome, folder: &Path) {
        let mut ending = match &outcome.error {
            None => {
                let sentence = sentence(self.retain, outcome);
                Ending {
                    exists: Some(sentence.clone()),
                    ..Ending::done(sentence, !self.retain.warnings.is_empty())
                }
            }
            Some(error) => Ending::from(error),
        };
        let warnings = outcome.warnings.iter();
        let warnings = warnings.map(|it| Issue::warning(it.code, &it.text, &it.hint));
        ending.issues.splice(0..0, warnings);
        if outcome.listed {
            let removed = outcome.with(&Fate::Removed).count();
            ending.variables = vec![
                ("imageRetained", outcome.kept().count().to_string()),
                ("imageRemoved", removed.to_string()),
            ];
            ending.result = Some(ResultFile::new(document(self.retain, outcome)));
            ending.summary = Some(summary(self.retain, outcome));
        }
        ending.tell(Files::new(&self.console, folder, &self.retain.name));
    }

    fn verdict(&self, verdict: &Verdict) -> String {
        let fate = fate(self.retain, &verdict.fate);
        format!("image version {}:  {fate}", verdict.name)
    }
}

impl Events for RetainReporter<'_> {
    fn emit(&self, event: Event) {
        let verb = verb(self.retain.keep.action);
        let lines = match event {
            Event::Listed { versions } => vec![format!("image versions:  {versions}")],
            Event::NotLookedAt(places) => {
                let places = places.iter();
                places
                    .map(|place| format!("not checked:  {place}"))
                    .collect()
            }
            Event::Decided(verdicts) => verdicts.iter().map(|it| self.verdict(it)).collect(),
            Event::Starting { version } => {
                vec![format!("starting {verb} image version {version}...")]
            }
            Event::StillGoing {
                version,
                state,
                elapsed,
            } => vec![format!(
                "{verb} image version {version}:  {state} (after {} s)",
                elapsed.as_secs()
            )],
            Event::NoNews { reason } => vec![format!("no news:  {reason}")],
            Event::Done { version, elapsed } => vec![format!(
                "{verb} image version {version}:  Succeeded (after {})",
                duration(elapsed)
            )],
            Event::Settled(verdict) => vec![self.verdict(&verdict)],
        };
        for line in lines {
            self.console.line(&line);
        }
    }
}

/// `7 versions kept, 3 deleted`.
fn sentence(retain: &Retain, outcome: &Outcome) -> String {
    let kept = outcome.kept().count();
    let done = done(retain.keep.action);
    if outcome.preview {
        let goes = outcome.with(&Fate::Goes).count();
        if goes == 0 {
            return format!("Preview: {} would be kept, none {done}", versions(kept));
        }
        return format!(
            "Preview: {} would be kept, {goes} would be {done}; to do it, set input '{}' to 'false'",
            versions(kept),
            RETAIN_PREVIEW.name
        );
    }
    let removed = outcome.with(&Fate::Removed).count();
    format!("{} kept, {removed} {done}", versions(kept))
}

fn versions(count: usize) -> String {
    counted(count, "version")
}

/// What is done to a version, as the log calls it.
fn verb(action: RetainAction) -> &'static str {
    match action {
        RetainAction::Delete => "delete",
        RetainAction::Exclude => "exclude",
        RetainAction::EndOfLife => "end",
    }
}

fn done(action: RetainAction) -> &'static str {
    match action {
        RetainAction::Delete => "deleted",
        RetainAction::Exclude => "excluded from latest",
        RetainAction::EndOfLife => "set to end of life today",
    }
}

fn fate(retain: &Retain, fate: &Fate) -> String {
    let done = done(retain.keep.action);
    match fate {
        Fate::Kept(reasons) => format!("kept, {}", joined(reasons)),
        Fate::Goes if retain.preview => format!("would be {done}"),
        Fate::Goes => format!("to be {done}"),
        Fate::UnderWay => {
            format!("being {done}: Azure continues, and the step does not wait for it")
        }
        Fate::Removed => done.to_owned(),
        Fate::Gone => "already deleted by someone else".to_owned(),
    }
}

fn joined(reasons: &[Reason]) -> String {
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

fn ids<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Value {
    verdicts.map(|verdict| json!(verdict.id)).collect()
}

/// The members of `image-result.json` (`docs/image-result.md`).
fn document(retain: &Retain, outcome: &Outcome) -> Value {
    let kept = outcome.kept().map(|(verdict, reasons)| {
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        json!({"id": verdict.id, "reasons": reasons})
    });
    let kept: Vec<Value> = kept.collect();
    json!({
        "imageDefinitionId": retain.definition.as_str(),
        "retain": {
            RETAIN_ACTION.name: action_name(retain.keep.action),
            RETAIN_PREVIEW.name: outcome.preview,
            "kept": kept,
            "removed": ids(outcome.with(&Fate::Removed)),
            "wouldRemove": ids(outcome.with(&Fate::Goes)),
            "underWay": ids(outcome.with(&Fate::UnderWay)),
            "notLookedAt": outcome.not_looked_at,
        },
    })
}

fn action_name(action: RetainAction) -> &'static str {
    match action {
        RetainAction::Delete => "delete",
        RetainAction::Exclude => "exclude",
        RetainAction::EndOfLife => "endOfLife",
    }
}

fn summary(retain: &Retain, outcome: &Outcome) -> String {
    let mark = match (&outcome.error, outcome.preview) {
        (Some(_), _) => "❌",
        (None, true) => "🔍",
        (None, false) if !outcome.warnings.is_empty() => "⚠️",
        (None, false) => "✅",
    };
    let mut text = format!(
        "## {mark} Image versions of {}\n",
        code(retain.definition.name())
    );
    match &outcome.error {
        Some(error) => {
            let hint = error.hint();
            text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
        }
        None => {
            writeln!(text, "\n{}", escaped(&sentence(retain, outcome))).ok();
        }
    }
    let mut put = |line: &str| writeln!(text, "\n{line}").ok();
    let warned = outcome.warnings.iter().take(MOST_ROWS);
    let warned: Vec<_> = warned
        .map(|it| format!("- {}", warning(it.code, &it.text, Some(&it.hint))))
        .collect();
    if !warned.is_empty() {
        put(&warned.join("\n"));
    }
    if !outcome.not_looked_at.is_empty() {
        put("**Not checked**, so versions that are used there may be missing from the reasons:");
        let places = outcome.not_looked_at.iter();
        let places: Vec<_> = places
            .map(|place| format!("- {}", escaped(place)))
            .collect();
        put(&places.join("\n"));
    }
    if outcome.verdicts.is_empty() {
        return text;
    }
    text.push_str("\n| version | |\n|---|---|\n");
    // The newest first: those are looked for.
    for verdict in outcome.verdicts.iter().rev().take(MOST_ROWS) {
        let fate = escaped(&fate(retain, &verdict.fate));
        writeln!(text, "| {} | {fate} |", code(&verdict.name)).ok();
    }
    if let Some(more) = outcome.verdicts.len().checked_sub(MOST_ROWS + 1) {
        writeln!(text, "\n{} more are in the log.", more + 1).ok();
    }
    text
}
