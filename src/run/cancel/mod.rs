//! `action: cancel`: canceling the run of a template of this task, and removing the template with its package.

mod stop;

use super::clean_up::Budget;
use super::context::sign_in;
use super::event::{Event, Events};
use super::find::{self, FoundTemplate, TemplateRef};
use super::leftover::Leftover;
use super::template_removal::{Removed, WhenBusy, remove};
use super::template_tags;
use crate::arm::Arm;
use crate::arm::template_state::{RunState, Template};
use crate::error::Error;
use crate::resource::tag::KEEP;
use crate::resource::{ResourceGroupId, ResourceId, quoted};
pub use stop::RunOutcome;
use stop::{NextStep, next_step, stop};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where the template is.
    pub group: &'a ResourceGroupId,
    /// Which one it is.
    pub template: TemplateRef<'a>,
    /// Whether template and package stay.
    pub keep: bool,
    /// Whether it is only said what would be done.
    pub preview: bool,
}

/// What a cancel came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Canceled {
    /// The template, as it was seen last.
    pub found: FoundTemplate,
    /// What became of its run.
    pub run: RunOutcome,
    /// What became of the template.
    pub template: TemplateOutcome,
}

/// What became of the template and of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateOutcome {
    /// Both are gone, but for what stays.
    Removed(Removed),
    /// They stay: the run has an image, which `wait` collects.
    LeftForWait,
    /// They stay because someone wants it.
    Kept {
        /// Why the tag that tells later steps so could not be written.
        tag_not_written: Option<String>,
    },
    /// They stay until the cancel is through.
    LeftCanceling,
    /// The template had gone by itself.
    Gone,
    /// Only this would be done.
    Preview(&'static str),
}

/// Cancels the run and removes the template, unless it is to be kept.
///
/// # Errors
/// There is no such template, several, or it is someone else's; Azure refuses.
pub async fn cancel(
    arm: &Arm,
    request: Request<'_>,
    events: &dyn Events,
) -> Result<Canceled, Error> {
    sign_in(arm).await?;
    let mut found = find::find_or_fail(arm, request.group, request.template).await?;
    check_ours(&found)?;
    let keep = request.keep || found.tags.keep;
    if request.preview {
        let (run, what) = preview(&found.template, keep);
        return Ok(Canceled {
            found,
            run,
            template: TemplateOutcome::Preview(what),
        });
    }
    let run = stop(arm, &mut found, events).await?;
    // It may have been made again under its name, by someone else.
    check_ours(&found)?;
    let state = found.template.last_run.as_ref().map(|run| &run.state);
    let has_image = state.is_some_and(RunState::has_image);
    let template = match run {
        None => TemplateOutcome::Gone,
        Some(RunOutcome::Canceling) => TemplateOutcome::LeftCanceling,
        Some(_) if keep || found.tags.keep => TemplateOutcome::Kept {
            tag_not_written: mark_as_kept(arm, &found).await.err(),
        },
        Some(_) if has_image => TemplateOutcome::LeftForWait,
        Some(_) => {
            events.emit(Event::CleaningUp);
            TemplateOutcome::Removed(
                remove(arm, &found, WhenBusy::WaitOut, events, Budget::AFTER_BUILD).await,
            )
        }
    };
    Ok(Canceled {
        found,
        run: run.unwrap_or(RunOutcome::None),
        template,
    })
}

fn check_ours(found: &FoundTemplate) -> Result<(), Error> {
    if found.tags.are_ours() {
        return Ok(());
    }
    let name = found.id.name();
    Err(Error::NotOurs {
        doing: format!("Canceling the run of image template '{name}'"),
        why: format!("'{name}' was not created by this task, and is not touched"),
        instead: format!(
            "give the name of another template; to cancel the run of this one, run: {}",
            cancel_command(&found.id)
        ),
    })
}

/// The command that cancels the run of a template, for a shell.
pub fn cancel_command(id: &ResourceId) -> String {
    format!(
        "az image builder cancel --subscription {} --resource-group {} --name {}",
        quoted(id.subscription()),
        quoted(id.resource_group()),
        quoted(id.name())
    )
}

/// Puts the tag on the template by which later steps keep it, too.
async fn mark_as_kept(arm: &Arm, found: &FoundTemplate) -> Result<(), String> {
    if found.tags.keep {
        return Ok(());
    }
    let doing = format!("Keeping image template '{}'", found.id.name());
    let tags = found.template.tags.clone();
    let written = template_tags::write_keep(arm, &doing, &found.id, tags).await;
    written.map_err(|failure| failure.to_string())
}

/// What would be done.
fn preview(template: &Template, keep: bool) -> (RunOutcome, &'static str) {
    let state = template.last_run.as_ref().map(|run| &run.state);
    let (run, what) = match next_step(template) {
        NextStep::Cancel | NextStep::Canceling => (
            RunOutcome::Untouched,
            "cancel the run, and delete the template and its package",
        ),
        NextStep::Provisioning => (
            RunOutcome::None,
            "wait until the template is provisioned, and delete it and its package",
        ),
        NextStep::Deleting => (RunOutcome::None, "wait until the template is gone"),
        NextStep::AtRest => match state {
            Some(RunState::Succeeded | RunState::PartiallySucceeded) => (
                RunOutcome::Over,
                "change nothing: the run has ended, and its image can be collected",
            ),
            Some(_) => (RunOutcome::Over, "delete the template and its package"),
            None => (RunOutcome::None, "delete the template and its package"),
        },
    };
    let what = match (next_step(template), keep) {
        (NextStep::Cancel | NextStep::Canceling, true) => "cancel the run, and keep the template",
        (NextStep::Provisioning | NextStep::AtRest, true)
            if run != RunOutcome::Over || what.starts_with("delete") =>
        {
            "keep the template"
        }
        _ => what,
    };
    (run, what)
}

impl Canceled {
    /// The command that writes the tag by which the template stays, for a shell.
    pub fn keep_command(&self) -> String {
        format!(
            "az tag update --operation Merge --resource-id {} --tags {KEEP}=true",
            quoted(self.found.id.as_str())
        )
    }

    /// The template, for a sentence and for the command that deletes it.
    pub fn leftover(&self) -> Leftover {
        Leftover::template(&self.found.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn template(provisioning: &str, run: Option<(&str, &str)>) -> Template {
        let run = run.map_or(
            Value::Null,
            |(state, end)| json!({"runState": state, "endTime": end}),
        );
        Template::read(
            &json!({"properties": {"provisioningState": provisioning, "lastRunStatus": run}}),
        )
    }

    const END: &str = "2026-11-22T05:00:00Z";
    const NONE: &str = "0001-01-01T00:00:00Z";

    fn check(
        provisioning: &str,
        run: Option<(&str, &str)>,
        expected: NextStep,
        plain: &str,
        kept: &str,
    ) {
        let template = template(provisioning, run);
        assert_eq!(next_step(&template), expected, "{provisioning} {run:?}");
        assert_eq!(preview(&template, false).1, plain, "{provisioning} {run:?}");
        assert_eq!(preview(&template, true).1, kept, "{provisioning} {run:?}");
    }

    #[test]
    fn the_next_step_follows_from_what_the_template_says() {
        let cancel = "cancel the run, and delete the template and its package";
        let (delete, keep) = ("delete the template and its package", "keep the template");
        let cancel_only = "cancel the run, and keep the template";
        let wait = "wait until the template is provisioned, and delete it and its package";
        let nothing = "change nothing: the run has ended, and its image can be collected";
        let gone = "wait until the template is gone";
        check("Creating", None, NextStep::Provisioning, wait, keep);
        check("Updating", None, NextStep::Provisioning, wait, keep);
        check("Succeeded", None, NextStep::AtRest, delete, keep);
        check("Failed", None, NextStep::AtRest, delete, keep);
        check("Deleting", None, NextStep::Deleting, gone, gone);
        check(
            "Succeeded",
            Some(("Running", NONE)),
            NextStep::Cancel,
            cancel,
            cancel_only,
        );
        check(
            "Succeeded",
            Some(("Levitating", NONE)),
            NextStep::Cancel,
            cancel,
            cancel_only,
        );
        check(
            "Succeeded",
            Some(("Canceling", NONE)),
            NextStep::Canceling,
            cancel,
            cancel_only,
        );
        check(
            "Succeeded",
            Some(("Succeeded", END)),
            NextStep::AtRest,
            nothing,
            nothing,
        );
        check(
            "Succeeded",
            Some(("PartiallySucceeded", END)),
            NextStep::AtRest,
            nothing,
            nothing,
        );
        check(
            "Succeeded",
            Some(("Failed", END)),
            NextStep::AtRest,
            delete,
            keep,
        );
        check(
            "Succeeded",
            Some(("Canceled", END)),
            NextStep::AtRest,
            delete,
            keep,
        );
    }
}
