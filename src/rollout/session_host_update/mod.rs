//! `rolloutMethod: sessionHostUpdate`: the service replaces the VMs behind the session hosts of a pool, host by host.
//!
//! The image is set in the session host configuration, then an update is asked for, which is answered with 204 and nothing else. There is one
//! status for a pool: an update is told from the one before by its correlation id and its start (`arm::desktops::UpdateStatus`), never by a clock.

mod configuration;
mod ending;
mod event;
mod follow;
mod initiate;
mod look;
mod stopped;

pub use event::{Event, words};
pub use stopped::{Going, stopped};

use super::event::Event as Of;
use super::{Job, NotRolledOut, Seen, State};
use look::{Look, Standing};

/// Makes the service update the pool, or follows the update that an earlier attempt has begun.
pub async fn carry_out(job: &Job<'_>, seen: Seen) -> Result<State, NotRolledOut> {
    job.emit(Of::Step("configuration"));
    let look = job.look_at_update(&seen).await?;
    match &look.standing {
        Standing::GoesOn(status) => {
            job.tell_previous(&look);
            return job.follow_earlier(&seen, &look, status.clone()).await;
        }
        Standing::Waits(status) => {
            job.tell_previous(&look);
            if let Some(retried) = job.retry(status).await? {
                return job.to_its_end(&seen, &look, retried, true).await;
            }
        }
        Standing::Free => {}
    }
    if is_settled(&seen, &look) {
        if let Some(image) = look.configured.as_ref().filter(|_| !look.is_configured) {
            job.emit(Of::Line(format!(
                "session host configuration:  it has {}, which hosts made later get",
                super::table::short(image)
            )));
        }
        return Ok(job.nothing(SETTLED));
    }
    job.tell_previous(&look);
    job.refuse_plans(&seen)?;
    if look.is_configured {
        // An earlier attempt may have asked for an update that does not show yet.
        if let Some(status) = job.shows_late(look.before.as_ref()).await? {
            return job.follow_earlier(&seen, &look, status).await;
        }
    } else if let Some(status) = job.configure(&look).await? {
        return job.follow_earlier(&seen, &look, status).await;
    }
    job.emit(Of::Step("update"));
    match job.initiate(&look).await? {
        Some(status) if job.request.is_followed() => {
            job.to_its_end(&seen, &look, status, false).await
        }
        _ if job.request.at.is_some() => Ok(State::Scheduled),
        _ => Ok(State::Running),
    }
}

const SETTLED: &str = "every host that lets users in has the image, and is healthy";

/// What would be done: no call changes anything.
pub async fn plan(job: &Job<'_>, seen: &Seen) -> Result<Vec<String>, NotRolledOut> {
    let look = job.look_at_update(seen).await?;
    let wanted = super::table::short(&look.wanted);
    let lines = match &look.standing {
        Standing::GoesOn(status) => vec![format!(
            "follow the session host update that goes on:  {}",
            event::words(status)
        )],
        Standing::Waits(_) => {
            vec!["try the session host update again that waits after a failure".to_owned()]
        }
        Standing::Free if is_settled(seen, &look) => {
            return Ok(vec!["nothing to do".to_owned()]);
        }
        Standing::Free => {
            job.refuse_plans(seen)?;
            let mut lines = Vec::new();
            if !look.is_configured {
                let before = look
                    .previous
                    .as_ref()
                    .map_or_else(|| "unknown".to_owned(), super::table::short);
                lines.push(format!("session host configuration:  {before} -> {wanted}"));
            }
            let old = seen.hosts.iter().filter(|host| !host.is_wanted).count();
            let request = job.update_request();
            let begins = request.at.as_ref();
            let begins = begins.map_or_else(|| "at once".to_owned(), |at| format!("at {at}"));
            lines.push(format!(
                "session host update, {begins}:  {old} of {} hosts get {wanted}, one first, then {} at a time",
                seen.hosts.len(),
                request.most_at_once
            ));
            lines.push(format!(
                "users are signed out after {} min:  {}",
                request.delay, request.message
            ));
            let fate = if request.deletes_old {
                "deleted"
            } else {
                "deallocated and kept"
            };
            lines.push(format!("the old VMs are {fate}"));
            lines
        }
    };
    job.tell_previous(&look);
    Ok(lines)
}

impl Job<'_> {
    /// The image of before, once it is known: the way back.
    fn tell_previous(&self, look: &Look) {
        if let Some(previous) = look
            .previous
            .as_ref()
            .filter(|image| !image.is(&look.wanted))
        {
            self.emit(Of::Previous(previous.to_string()));
        }
    }
}

/// Whether there is nothing to do. Where no host lets users in, the configuration decides.
fn is_settled(seen: &Seen, look: &Look) -> bool {
    let is_open = seen.hosts.iter().any(super::Host::is_open);
    let runs = look.active.as_ref();
    let is_active = runs.is_none_or(|image| image.is(&look.wanted));
    seen.settled || !is_open && look.is_configured && is_active
}
