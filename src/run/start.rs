//! Starting the run of a template, exactly once in effect.
//!
//! A run that Azure has accepted and names no operation for is looked for in the template, because nothing else tells of it: one that never shows there
//! would be followed until the build's time limit.
//!
//! A request without a good answer may have had its effect, so it is never sent again blindly: the template is read for a minute. Only when Azure
//! answers that no run has begun, a second and last request is sent. If the first one had its effect after all, Azure refuses the second, since a
//! template has one run at a time (`OperationNotAllowed`, Azure/azvmimagebuilder#45), and the run is followed.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::event::{Event, Events};
use super::watch::HEARTBEAT;
use crate::arm::failure::Failure;
use crate::arm::http::Sent;
use crate::arm::operation::Started;
use crate::arm::template_state::Template;
use crate::arm::{Arm, Cause};
use crate::error::{Error, StartRequest};
use crate::resource::ResourceId;

/// How long the template is read before the request is sent once more. A run shows within a second (recorded in 2023 and 2025).
const BEFORE_ASKING_AGAIN: Duration = Duration::from_secs(60);
/// How long a run may take to show that Azure says is on, or that may have been started by the last request.
const UNTIL_IT_SHOWS: Duration = Duration::from_secs(5 * 60);
/// Between two reads.
const READ_AGAIN: Duration = Duration::from_secs(15);

/// What the template says of the run.
enum Signs {
    /// It has begun.
    Run(Started),
    /// Azure answered until the end, and there is none.
    Nothing,
    /// Azure did not answer.
    Unreadable,
}

/// Starts the run of template `id`; `before` is what Azure said of the template before that.
pub async fn start_run(
    arm: &Arm,
    id: &ResourceId,
    before: &Template,
    events: &dyn Events,
) -> Result<Started, Error> {
    events.emit(Event::Starting);
    let template = TemplateReader {
        arm,
        id,
        before,
        events,
    };
    let not_started = |request, cause| Error::NotStarted {
        template: id.name().to_owned(),
        request,
        cause: Some(cause),
    };
    let failure = match arm.start_run(id).await {
        Ok(started) => return template.accepted(started).await,
        Err(failure) => failure,
    };
    let refused = says_running(&failure);
    if !refused && !may_still_work(&failure) {
        return Err(failure.into());
    }
    events.emit(Event::StartUncertain {
        reason: failure.to_string(),
    });
    match template.read_for(BEFORE_ASKING_AGAIN).await {
        Signs::Run(started) => return Ok(started),
        Signs::Nothing | Signs::Unreadable if refused => return Err(failure.into()),
        Signs::Unreadable => return Err(not_started(StartRequest::Unanswered, failure)),
        Signs::Nothing => {}
    }
    events.emit(Event::StartingAgain {
        reason: failure.to_string(),
    });
    let failure = match arm.start_run(id).await {
        Ok(started) => return template.accepted(started).await,
        Err(failure) => failure,
    };
    let refused = says_running(&failure);
    if !refused && !may_still_work(&failure) {
        return Err(failure.into());
    }
    match template.read_for(UNTIL_IT_SHOWS).await {
        Signs::Run(started) => Ok(started),
        Signs::Nothing | Signs::Unreadable if refused => Err(failure.into()),
        Signs::Nothing | Signs::Unreadable => Err(not_started(StartRequest::Repeated, failure)),
    }
}

/// Whether Azure refused because a run is on. The status was reported as 409, that of other actions as 405.
fn says_running(failure: &Failure) -> bool {
    failure.is(StatusCode::CONFLICT)
        || failure
            .refusal()
            .is_some_and(|refusal| refusal.code == "OperationNotAllowed")
}

/// Whether the same request may succeed a minute later, or has had its effect already.
fn may_still_work(failure: &Failure) -> bool {
    let never_sent =
        matches!(&failure.cause, Cause::Unreachable { error, .. } if error.sent == Sent::Nothing);
    never_sent || failure.may_have_acted() || failure.is(StatusCode::TOO_MANY_REQUESTS)
}

/// Reads a template for signs of a run.
struct TemplateReader<'a> {
    arm: &'a Arm,
    id: &'a ResourceId,
    before: &'a Template,
    events: &'a dyn Events,
}

impl TemplateReader<'_> {
    /// A run that Azure has accepted: `started` names its operation, or the template has to show it.
    async fn accepted(&self, started: Started) -> Result<Started, Error> {
        if started.operation.is_some() {
            return Ok(started);
        }
        match self.read_for(UNTIL_IT_SHOWS).await {
            Signs::Run(started) => Ok(started),
            Signs::Nothing | Signs::Unreadable => Err(Error::NotStarted {
                template: self.id.name().to_owned(),
                request: StartRequest::Accepted,
                cause: None,
            }),
        }
    }

    /// Reads until a run shows, or `time` is over and Azure has answered after that.
    async fn read_for(&self, time: Duration) -> Signs {
        let start = Instant::now();
        let mut last_line = start;
        loop {
            let over = start.elapsed() >= time;
            if last_line.elapsed() >= HEARTBEAT {
                last_line = Instant::now();
                self.events.emit(Event::StartUnseen {
                    elapsed: start.elapsed(),
                });
            }
            match self.arm.template(self.id).await {
                Ok(seen) if self.has_begun(&seen.value) => {
                    return Signs::Run(Started {
                        operation: None,
                        pause: seen.pause,
                    });
                }
                Ok(_) if over => return Signs::Nothing,
                Err(_) if start.elapsed() >= time.max(UNTIL_IT_SHOWS) => return Signs::Unreadable,
                Ok(_) | Err(_) => {}
            }
            sleep(READ_AGAIN).await;
        }
    }

    /// Whether a run is on, or has ended since.
    fn has_begun(&self, now: &Template) -> bool {
        let Some(run) = &now.last_run else {
            return false;
        };
        let earlier = self.before.last_run.as_ref();
        !run.is_over() || earlier.is_none_or(|earlier| earlier.started != run.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::Refusal;

    fn refused(status: StatusCode, code: &str) -> Failure {
        Failure {
            doing: "Starting the run".to_owned(),
            cause: Cause::Refused(Refusal {
                status,
                code: code.to_owned(),
                message: String::new(),
            }),
            tries: 1,
            elapsed: Duration::ZERO,
            request_id: None,
        }
    }

    #[test]
    fn a_refusal_says_whether_the_run_is_on() {
        let check = |status: u16, code: &str, on: bool, again: bool| {
            let failure = refused(StatusCode::from_u16(status).unwrap(), code);
            assert_eq!(says_running(&failure), on, "{failure}");
            assert_eq!(may_still_work(&failure), again, "{failure}");
        };
        check(409, "OperationNotAllowed", true, false);
        check(405, "OperationNotAllowed", true, false);
        check(409, "Conflict", true, false);
        check(405, "MethodNotAllowed", false, false);
        check(403, "AuthorizationFailed", false, false);
        check(404, "ResourceNotFound", false, false);
        check(429, "TooManyRequests", false, true);
        check(500, "InternalServerError", false, true);
        check(504, "GatewayTimeout", false, true);
    }
}
