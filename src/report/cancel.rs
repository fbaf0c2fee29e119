//! `action: cancel`: what became of the run, and of its template.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::ending::Ending;
use super::files::{Files, ResultFile};
use super::issue::Issue;
use super::markup::{self, code, escaped, fenced, table};
use super::messages::Warning;
use super::not_removed::{self, CODE_NOT_REMOVED, removals};
use super::status::{failure, reached_azure, template_members, template_variables};
use crate::agent::Console;
use crate::error::Error;
use crate::error::{LEFT_RUNNING, NOTHING_TO_CANCEL};
use crate::inputs::{Action, Existing};
use crate::resource::tag::KEEP;
use crate::run::cancel::{Canceled, RunOutcome, TemplateOutcome};
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::template_removal::Removed;

/// The end of `action: cancel`; the files are in `folder`.
pub fn report_cancel(
    console: &Console,
    request: &Existing,
    result: &Result<Canceled, Error>,
    folder: &Path,
) {
    let canceled = result.as_ref().ok();
    let mut ending = match result {
        Ok(canceled) => {
            let sentence = sentence(canceled);
            let warning = warning(canceled).as_ref().map(Issue::from);
            let not_removed = not_removed::issues(not_removed(canceled));
            Ending {
                issues: warning.into_iter().chain(not_removed).collect(),
                exists: Some(sentence.clone()),
                ..Ending::done(sentence, !request.warnings.is_empty())
            }
        }
        Err(error) => Ending::from(error),
    };
    ending.variables = template_variables(request, canceled.map(|it| &it.found));
    if reached_azure(result) {
        ending.result = Some(ResultFile::of_action(
            Action::Cancel,
            document(request, canceled),
        ));
    }
    ending.summary = match result {
        Ok(canceled) => Some(summary(canceled)),
        Err(Error::Canceled) => None,
        Err(error) => Some(failure("Canceling the image build failed", error)),
    };
    ending.tell(Files::new(console, folder, &request.files));
}

fn not_removed(canceled: &Canceled) -> &[NotRemoved] {
    match &canceled.template {
        TemplateOutcome::Removed(removed) => &removed.not_removed,
        _ => &[],
    }
}

/// What has become of everything, in one line.
fn sentence(canceled: &Canceled) -> String {
    let name = canceled.found.id.name();
    let run = match canceled.run {
        RunOutcome::None => "there was no run",
        RunOutcome::Canceled => "the run was canceled",
        RunOutcome::Over => "the run had ended",
        RunOutcome::Canceling => "the run is still being canceled",
        RunOutcome::Untouched => "the run continues",
    };
    match &canceled.template {
        TemplateOutcome::Removed(removed) if removed.not_removed.is_empty() => {
            format!("image template '{name}':  {run}; template and package are deleted")
        }
        TemplateOutcome::Removed(_) => {
            format!("image template '{name}':  {run}; not everything is deleted")
        }
        TemplateOutcome::LeftForWait => {
            format!("image template '{name}':  {run}; it stays, and 'wait' collects its image")
        }
        TemplateOutcome::Kept { .. } => {
            format!("image template '{name}':  {run}; template and package are kept")
        }
        TemplateOutcome::LeftCanceling => format!("image template '{name}':  {run}; it stays"),
        TemplateOutcome::Gone => {
            format!("image template '{name}':  it was deleted by someone else")
        }
        TemplateOutcome::Preview(what) => {
            format!("image template '{name}':  preview, nothing is changed; would {what}")
        }
    }
}

/// What did not go as asked.
fn warning(canceled: &Canceled) -> Option<Warning> {
    let name = canceled.found.id.name();
    let state = canceled.found.template.last_run.as_ref();
    let state = state.map(|run| run.state.to_string()).unwrap_or_default();
    if matches!(canceled.template, TemplateOutcome::Preview(_)) {
        return None;
    }
    if let TemplateOutcome::Kept {
        tag_not_written: Some(reason),
    } = &canceled.template
    {
        return Some(Warning::new(
            CODE_NOT_REMOVED,
            format!(
                "The image template '{name}' has no tag '{KEEP}', so action 'sweep' would delete it: {reason}"
            ),
            format!("to write the tag, run: {}", canceled.keep_command()),
        ));
    }
    match canceled.run {
        RunOutcome::Canceling => {
            let command = NotRemoved::of(canceled.leftover(), Ownership::Ours, "").command();
            Some(Warning::new(
                LEFT_RUNNING,
                format!(
                    "The run of image template '{name}' is '{state}' 10 minutes after the cancellation; the template is not deleted"
                ),
                format!(
                    "run action 'cancel' again later, or when the run has ended: {}",
                    command.unwrap_or_default()
                ),
            ))
        }
        RunOutcome::Over => Some(Warning::new(
            NOTHING_TO_CANCEL,
            format!(
                "There is nothing to cancel: the run of image template '{name}' has ended with '{state}'"
            ),
            match canceled.template {
                TemplateOutcome::LeftForWait => {
                    "action 'wait' collects the image and deletes the template".to_owned()
                }
                TemplateOutcome::Kept { .. } => "the template is kept, as requested".to_owned(),
                _ => "nothing needs to be done".to_owned(),
            },
        )),
        RunOutcome::None | RunOutcome::Canceled | RunOutcome::Untouched => None,
    }
}

fn document(request: &Existing, canceled: Option<&Canceled>) -> Value {
    let mut members = template_members(request, canceled.map(|it| &it.found));
    let end = canceled.map(|it| match it.template {
        TemplateOutcome::Removed(_) | TemplateOutcome::Gone => "deleted",
        TemplateOutcome::LeftForWait
        | TemplateOutcome::LeftCanceling
        | TemplateOutcome::Kept { .. } => "kept",
        TemplateOutcome::Preview(_) => "unchanged",
    });
    let removed = match canceled.map(|it| &it.template) {
        Some(TemplateOutcome::Removed(removed)) => removed.clone(),
        _ => Removed::default(),
    };
    let gone: Vec<_> = removed.gone.iter().map(Leftover::describe).collect();
    let stays: Vec<_> = removed
        .not_removed
        .iter()
        .map(|it| it.why.as_str())
        .collect();
    if let Some(members) = members.as_object_mut() {
        members.insert("template".to_owned(), json!(end));
        members.insert("deleted".to_owned(), json!(gone));
        members.insert("notDeleted".to_owned(), json!(stays));
    }
    members
}

fn summary(canceled: &Canceled) -> String {
    let sentence = sentence(canceled);
    let (_, what) = sentence.split_once(":  ").unwrap_or_default();
    let rows = [
        ("Image template", code(canceled.found.id.name())),
        ("Resource group", code(canceled.found.id.resource_group())),
        ("Result", escaped(what)),
    ];
    let (not_removed, warned) = (not_removed(canceled), warning(canceled));
    let title = match &canceled.template {
        TemplateOutcome::Preview(_) => "🔍 Image build not canceled: preview",
        _ if warned.is_some() || !not_removed.is_empty() => "⚠️ Canceled image build",
        _ => "✅ Canceled image build",
    };
    let mut text = format!("## {title}\n\n{}", table(&rows));
    let warned = warned.map(|it| markup::warning(it.code, &it.text, Some(&it.hint)));
    let stays = not_removed.iter();
    let stays = stays.map(|it| markup::warning(CODE_NOT_REMOVED, &it.why, None));
    let warnings: Vec<_> = warned.into_iter().chain(stays).collect();
    text.push_str(&markup::warnings(&warnings));
    let commands = removals(not_removed);
    if !commands.is_empty() {
        write!(text, "\n### Next\n\n{}", fenced("sh", &commands.join("\n"))).ok();
    }
    text
}
