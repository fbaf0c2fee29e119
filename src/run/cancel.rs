//! Canceling the run of a template of this task, and removing the template with its package.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::clean_up::Budget;
use super::event::{Event, Events};
use super::find::{self, Found, Sought};
use super::leftover::Leftover;
use super::removal::{Busy, Removed, remove};
use super::watch::{LONGEST_SILENCE, is_final};
use crate::arm::api::IMAGE_TEMPLATES;
use crate::arm::pace::Pace;
use crate::arm::template_state::{RunState, RunStatus, Template};
use crate::arm::{Arm, Failure};
use crate::error::Error;
use crate::inputs::origin::KEEP;
use crate::resource::{ResourceGroupId, ResourceId, quoted};

/// The community measured up to 40 minutes for provisioning; this is beyond doubt.
const PROVISIONING_LIMIT: Duration = Duration::from_secs(60 * 60);
/// How long a cancel is followed.
const CANCELING_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How often a cancel is sent again while Azure refuses it and shows the run at work.
const CANCEL_AGAIN: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where the template is.
    pub group: &'a ResourceGroupId,
    /// Which one it is.
    pub sought: Sought<'a>,
    /// Whether template and package stay.
    pub keep: bool,
    /// Whether it is only said what would be done.
    pub preview: bool,
}

/// What a cancel came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Canceled {
    /// The template, as it was seen last.
    pub found: Found,
    /// What became of its run.
    pub run: Run,
    /// What became of the template.
    pub end: End,
}

/// What became of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// There was none.
    None,
    /// It was canceled, by us or before.
    Canceled,
    /// It had ended already, or ended before the cancel arrived.
    Over,
    /// It was still being canceled when we stopped waiting.
    Canceling,
    /// It goes on: nothing was done.
    Untouched,
}

/// What became of the template and of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Both are gone, but for what stays.
    Removed(Removed),
    /// They stay: the run has an image, which `wait` collects.
    LeftForWait,
    /// They stay because somebody wants it.
    Kept {
        /// Why the tag that tells later steps so could not be written.
        not_marked: Option<String>,
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
/// There is no such template, several, or it is somebody else's; Azure refuses.
pub async fn cancel(
    arm: &Arm,
    request: Request<'_>,
    events: &dyn Events,
) -> Result<Canceled, Error> {
    arm.client
        .sign_in(&arm.scope)
        .await
        .map_err(Error::SignIn)?;
    let mut found = find::find_or_fail(arm, request.group, request.sought).await?;
    check_ours(&found)?;
    let keep = request.keep || found.marks.keep;
    if request.preview {
        let (run, what) = preview(&found.template, keep);
        return Ok(Canceled {
            found,
            run,
            end: End::Preview(what),
        });
    }
    let run = stop(arm, &mut found, events).await?;
    // It may have been made anew under its name, by somebody else.
    check_ours(&found)?;
    let state = found.template.last_run.as_ref().map(|run| &run.state);
    let has_image = matches!(
        state,
        Some(RunState::Succeeded | RunState::PartiallySucceeded)
    );
    let end = match run {
        None => End::Gone,
        Some(Run::Canceling) => End::LeftCanceling,
        Some(_) if keep || found.marks.keep => End::Kept {
            not_marked: mark_as_kept(arm, &found).await.err(),
        },
        Some(_) if has_image => End::LeftForWait,
        Some(_) => {
            events.emit(Event::CleaningUp);
            End::Removed(remove(arm, &found, Busy::WaitOut, events, Budget::AFTER_BUILD).await)
        }
    };
    Ok(Canceled {
        found,
        run: run.unwrap_or(Run::None),
        end,
    })
}

fn check_ours(found: &Found) -> Result<(), Error> {
    if found.marks.are_ours() {
        return Ok(());
    }
    let name = found.id.name();
    Err(Error::NotOurs {
        doing: format!("Canceling the run of image template '{name}'"),
        why: format!("'{name}' was not made by this task, and is not touched"),
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

/// Puts the tag on the template by which later steps keep it, too. Azure takes no change while a run goes on.
async fn mark_as_kept(arm: &Arm, found: &Found) -> Result<(), String> {
    if found.marks.keep {
        return Ok(());
    }
    let mut tags = found.template.tags.clone();
    tags.retain(|name, _| !name.eq_ignore_ascii_case(KEEP));
    tags.insert(KEEP.to_owned(), "true".to_owned());
    let doing = format!("Keeping image template '{}'", found.id.name());
    // The whole map: whether Azure merges tags or replaces them is not documented, and with all of them it is the same.
    let body = json!({"tags": tags});
    let changed = arm.patch(&doing, &found.id, IMAGE_TEMPLATES, &body).await;
    changed.map(drop).map_err(|failure| failure.to_string())
}

/// What is next for a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is being provisioned.
    Provisioning,
    /// It is being deleted.
    Deleting,
    /// Its run is at work.
    Cancel,
    /// Its run is being canceled.
    Canceling,
    /// Nothing goes on.
    AtRest,
}

fn step(template: &Template) -> Step {
    let state = template.provisioning_state.to_ascii_lowercase();
    let open = template.last_run.as_ref().filter(|run| !run.is_over());
    match (state.as_str(), open.map(|run| &run.state)) {
        ("deleting", _) => Step::Deleting,
        (_, Some(RunState::Canceling)) => Step::Canceling,
        (_, Some(_)) => Step::Cancel,
        ("creating" | "updating", None) => Step::Provisioning,
        (_, None) => Step::AtRest,
    }
}

fn preview(template: &Template, keep: bool) -> (Run, &'static str) {
    let over = template.last_run.as_ref().map(|run| &run.state);
    let (run, what) = match step(template) {
        Step::Cancel | Step::Canceling => (
            Run::Untouched,
            "cancel the run, and delete the template and its package",
        ),
        Step::Provisioning => (
            Run::None,
            "wait until the template is provisioned, and delete it and its package",
        ),
        Step::Deleting => (Run::None, "wait until the template is gone"),
        Step::AtRest => match over {
            Some(RunState::Succeeded | RunState::PartiallySucceeded) => (
                Run::Over,
                "change nothing: the run has ended, and its image can be collected",
            ),
            Some(_) => (Run::Over, "delete the template and its package"),
            None => (Run::None, "delete the template and its package"),
        },
    };
    let what = match (step(template), keep) {
        (Step::Cancel | Step::Canceling, true) => "cancel the run, and keep the template",
        (Step::Provisioning | Step::AtRest, true)
            if run != Run::Over || what.starts_with("delete") =>
        {
            "keep the template"
        }
        _ => what,
    };
    (run, what)
}

/// Brings the template to rest. `None` where it went meanwhile.
async fn stop(arm: &Arm, found: &mut Found, events: &dyn Events) -> Result<Option<Run>, Error> {
    let (start, mut news) = (Instant::now(), Instant::now());
    let mut pace = Pace::new(None);
    let mut canceling = Canceling::default();
    let mut told = None;
    loop {
        tell(&found.template, &mut told, arm, events);
        match step(&found.template) {
            Step::AtRest => return Ok(Some(at_rest(&found.template, canceling.since))),
            Step::Provisioning | Step::Deleting if start.elapsed() > PROVISIONING_LIMIT => {
                return Err(never_at_rest(found));
            }
            Step::Cancel | Step::Canceling if canceling.takes_too_long() => {
                return Ok(Some(Run::Canceling));
            }
            Step::Provisioning | Step::Deleting | Step::Canceling => {}
            Step::Cancel => canceling.send(arm, &found.id, events).await?,
        }
        // What was refused has perhaps ended meanwhile: the next look tells, and comes at once.
        if !std::mem::take(&mut canceling.refused_just_now) {
            sleep(pace.pause()).await;
        }
        match look(arm, &found.id, &mut pace, &mut news).await {
            Ok(Some(template)) => found.see(template),
            Ok(None) => {}
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Ok(None),
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// What has become of the run of a template at rest, which was seen at work `since` then.
fn at_rest(template: &Template, since: Option<Instant>) -> Run {
    match template.last_run.as_ref().map(|run| &run.state) {
        None => Run::None,
        Some(RunState::Canceled) if since.is_some() => Run::Canceled,
        Some(_) => Run::Over,
    }
}

fn never_at_rest(found: &Found) -> Error {
    Error::Submission {
        template: found.id.name().to_owned(),
        code: "Timeout".to_owned(),
        message: format!(
            "it was '{}' for {} minutes",
            found.template.provisioning_state,
            PROVISIONING_LIMIT.as_secs() / 60
        ),
    }
}

/// The cancel of one run.
#[derive(Default)]
struct Canceling {
    /// Since when the run has been seen at work or being canceled.
    since: Option<Instant>,
    /// When a cancel was last sent.
    sent: Option<Instant>,
    /// Whether Azure has accepted it.
    accepted: bool,
    refused_just_now: bool,
}

impl Canceling {
    fn takes_too_long(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        since.elapsed() > CANCELING_LIMIT
    }

    /// Sends the cancel, and again after a while where Azure has refused it and still shows the run at work.
    async fn send(
        &mut self,
        arm: &Arm,
        id: &ResourceId,
        events: &dyn Events,
    ) -> Result<(), Failure> {
        let due = self.sent.is_none_or(|sent| sent.elapsed() >= CANCEL_AGAIN);
        if self.accepted || !due {
            return Ok(());
        }
        if self.sent.is_none() {
            events.emit(Event::Canceling);
        }
        self.sent = Some(Instant::now());
        self.accepted = send(arm, id).await?;
        self.refused_just_now = !self.accepted;
        Ok(())
    }
}

/// Whether Azure accepted the cancel. Refused because there is nothing to cancel, it is not.
async fn send(arm: &Arm, id: &ResourceId) -> Result<bool, Failure> {
    match arm.cancel_run(id).await {
        Ok(()) => Ok(true),
        Err(failure) => {
            let passes = [
                StatusCode::BAD_REQUEST,
                StatusCode::NOT_FOUND,
                StatusCode::METHOD_NOT_ALLOWED,
                StatusCode::CONFLICT,
            ];
            if passes.into_iter().any(|status| failure.is(status)) || failure.may_have_acted() {
                Ok(false)
            } else {
                Err(failure)
            }
        }
    }
}

/// What the template says now; `None` where Azure does not answer at the moment.
async fn look(
    arm: &Arm,
    id: &ResourceId,
    pace: &mut Pace,
    news: &mut Instant,
) -> Result<Option<Template>, Failure> {
    match arm.template(id).await {
        Ok(seen) => {
            pace.asked(seen.pause);
            *news = Instant::now();
            Ok(Some(seen.value))
        }
        Err(failure) if is_final(&failure) || news.elapsed() > LONGEST_SILENCE => Err(failure),
        Err(_) => {
            pace.asked(None);
            Ok(None)
        }
    }
}

/// One line for each change of the run.
fn tell(
    template: &Template,
    told: &mut Option<(RunState, Option<String>)>,
    arm: &Arm,
    events: &dyn Events,
) {
    let Some(RunStatus {
        state,
        sub_state,
        started,
        ..
    }) = &template.last_run
    else {
        return;
    };
    let now = (state.clone(), sub_state.clone());
    if told.as_ref() == Some(&now) {
        return;
    }
    let elapsed = arm.client.azure_time().zip(*started);
    let elapsed = elapsed.map(|(now, started)| (now - started).try_into().unwrap_or_default());
    events.emit(Event::RunChanged {
        state: now.0.clone(),
        sub_state: now.1.clone(),
        elapsed: elapsed.unwrap_or_default(),
    });
    *told = Some(now);
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
    use serde_json::Value;

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
        expected: Step,
        plain: &str,
        kept: &str,
    ) {
        let template = template(provisioning, run);
        assert_eq!(step(&template), expected, "{provisioning} {run:?}");
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
        check("Creating", None, Step::Provisioning, wait, keep);
        check("Updating", None, Step::Provisioning, wait, keep);
        check("Succeeded", None, Step::AtRest, delete, keep);
        check("Failed", None, Step::AtRest, delete, keep);
        check("Deleting", None, Step::Deleting, gone, gone);
        check(
            "Succeeded",
            Some(("Running", NONE)),
            Step::Cancel,
            cancel,
            cancel_only,
        );
        check(
            "Succeeded",
            Some(("Levitating", NONE)),
            Step::Cancel,
            cancel,
            cancel_only,
        );
        check(
            "Succeeded",
            Some(("Canceling", NONE)),
            Step::Canceling,
            cancel,
            cancel_only,
        );
        check(
            "Succeeded",
            Some(("Succeeded", END)),
            Step::AtRest,
            nothing,
            nothing,
        );
        check(
            "Succeeded",
            Some(("PartiallySucceeded", END)),
            Step::AtRest,
            nothing,
            nothing,
        );
        check(
            "Succeeded",
            Some(("Failed", END)),
            Step::AtRest,
            delete,
            keep,
        );
        check(
            "Succeeded",
            Some(("Canceled", END)),
            Step::AtRest,
            delete,
            keep,
        );
    }
}
