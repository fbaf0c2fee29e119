//! Submitting the template, exactly once in effect.
//!
//! A request whose answer got lost may have been obeyed. So the template itself is read before anything is sent again.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::event::{Event, Events};
use super::leftover::Leftover;
use super::leftovers::Leftovers;
use super::ownership;
use super::watch::{HEARTBEAT, LONGEST_SILENCE};
use crate::arm::Arm;
use crate::arm::Failure;
use crate::arm::operation::{Started, Status};
use crate::arm::pace::{Pace, READ_AFTER_WRITE};
use crate::arm::template_state::Template;
use crate::error::Error;
use crate::inputs::Plan;
use crate::resource::ResourceId;
use crate::resource::tag::PACKAGE;
use crate::template::model::{ImageTemplate, Tags};

/// When a build gives up a template that is not provisioned: up to 40 minutes were measured. `action: cancel` waits as long.
pub(super) const PROVISIONING_LIMIT: Duration = Duration::from_secs(60 * 60);
/// Between two reads.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Submits the template and waits until it is provisioned. Returns what Azure says of it then.
pub async fn create_template(
    arm: &Arm,
    plan: &Plan,
    body: &ImageTemplate,
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
) -> Result<Created, Error> {
    let id = &plan.template_id;
    let leftover = Leftover::template(id);
    leftovers.register(leftover.clone(), &plan.origin.run);
    events.emit(Event::Submitting);
    let start = Instant::now();
    let submitted = match arm.create_template(id, body).await {
        Ok(started) => Submitted::Ours(started),
        Err(failure) if failure.may_have_acted() => {
            after_lost_answer(arm, plan, body, failure).await?
        }
        Err(failure) => Submitted::Refused(failure),
    };
    let started = match submitted {
        Submitted::Ours(started) => started,
        Submitted::Refused(failure) => {
            // What is there under this name, if anything, is not what was sent.
            leftovers.not_there(&leftover);
            let is_taken = failure.is(StatusCode::CONFLICT)
                && failure.refusal().is_some_and(|it| it.code == "Conflict");
            if is_taken && plan.long_build.named {
                return Ok(Created::NameTaken(failure));
            }
            return Err(failure.into());
        }
    };
    leftovers.confirm_ours(&leftover);
    let template = provisioned(arm, id, &started, start, events).await?;
    events.emit(Event::Submitted {
        staging_group: template.staging_group.clone(),
        elapsed: start.elapsed(),
    });
    Ok(Created::Provisioned(Box::new(template)))
}

/// What became of a template that was submitted.
pub enum Created {
    /// It is provisioned, and this is what Azure says of it.
    Provisioned(Box<Template>),
    /// There is another one of the name that the author gave it, and Azure refuses to replace that.
    NameTaken(Failure),
}

/// What the request came to.
enum Submitted {
    /// The template is there, and ours.
    Ours(Started),
    /// It is not there, or it is someone else's.
    Refused(Failure),
}

/// The answer to the submission got lost. If a template with our tags and our package is there, it is ours; if none is, it may be submitted once more.
async fn after_lost_answer(
    arm: &Arm,
    plan: &Plan,
    body: &ImageTemplate,
    failure: Failure,
) -> Result<Submitted, Error> {
    let id = &plan.template_id;
    let judge = |seen: &Template, failure| {
        let package = |tags: &Tags| tags.get(PACKAGE).cloned();
        let sent = body.tags.as_ref().and_then(package);
        if ownership::by_template_tags(seen, &plan.origin).is_err()
            || seen.tag(PACKAGE) != sent.as_ref()
        {
            return Submitted::Refused(failure);
        }
        Submitted::Ours(Started::elsewhere())
    };
    let start = Instant::now();
    while start.elapsed() < READ_AFTER_WRITE {
        match arm.template(id).await {
            Ok(seen) => return Ok(judge(&seen.value, failure)),
            Err(look) if look.is(StatusCode::NOT_FOUND) => sleep(LOOK_AGAIN).await,
            Err(_) => return Err(failure.into()),
        }
    }
    match arm.create_template(id, body).await {
        Ok(started) => Ok(Submitted::Ours(started)),
        // The first one came through after all, or it is someone else's.
        Err(second) if second.is(StatusCode::CONFLICT) => match arm.template(id).await {
            Ok(seen) => Ok(judge(&seen.value, second)),
            Err(_) => Err(second.into()),
        },
        Err(second) => Err(second.into()),
    }
}

/// Waits for the operation, then reads the template: it tells why it failed, and the source's version.
pub(super) async fn provisioned(
    arm: &Arm,
    id: &ResourceId,
    started: &Started,
    start: Instant,
    events: &dyn Events,
) -> Result<Template, Error> {
    let mut operation = started.operation.as_ref();
    let mut pace = Pace::new(started.pause);
    let mut last_line = Instant::now();
    let mut last_answer = Instant::now();
    let mut trouble = None;
    while start.elapsed() < PROVISIONING_LIMIT {
        sleep(pace.pause()).await;
        if last_line.elapsed() >= HEARTBEAT {
            last_line = Instant::now();
            events.emit(match trouble.clone() {
                Some(reason) => Event::NoAnswer { reason },
                None => Event::Provisioning {
                    elapsed: start.elapsed(),
                },
            });
        }
        if let Some(address) = operation {
            let doing = format!("Submitting image template '{}'", id.name());
            match arm.operation(&doing, address).await {
                Ok(seen) => {
                    trouble = None;
                    pace.asked(seen.pause);
                    match seen.value {
                        Status::InProgress => continue,
                        Status::Failed { code, message } => {
                            return Err(failed(id, code, message));
                        }
                        Status::Succeeded | Status::Canceled => {}
                    }
                }
                // The template itself tells enough.
                Err(_) => operation = None,
            }
        }
        match arm.template(id).await {
            Ok(seen) => {
                last_answer = Instant::now();
                trouble = None;
                pace.asked(seen.pause);
                if let Some(end) = end_of_provisioning(id, seen.value) {
                    return end;
                }
            }
            Err(look) if look.is(StatusCode::NOT_FOUND) && start.elapsed() < READ_AFTER_WRITE => {}
            Err(failure) if failure.is_final() || last_answer.elapsed() > LONGEST_SILENCE => {
                return Err(failure.into());
            }
            // A bad answer, or one that asks for a long pause, says nothing of the template.
            Err(failure) => trouble = Some(failure.to_string()),
        }
    }
    let limit = PROVISIONING_LIMIT.as_secs() / 60;
    Err(failed(
        id,
        "Timeout".to_owned(),
        format!("it was not provisioned after {limit} minutes"),
    ))
}

/// What the template says of its provisioning, once that is over.
fn end_of_provisioning(id: &ResourceId, template: Template) -> Option<Result<Template, Error>> {
    match template.provisioning_state.to_ascii_lowercase().as_str() {
        "succeeded" => Some(Ok(template)),
        "failed" | "canceled" => {
            let (code, message) = template.provisioning_error.unwrap_or_default();
            Some(Err(failed(id, code, message)))
        }
        _ => None,
    }
}

fn failed(id: &ResourceId, code: String, message: String) -> Error {
    Error::Submission {
        template: id.name().to_owned(),
        code,
        message,
    }
}
