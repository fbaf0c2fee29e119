//! Excludes one version from `latest`, or sets its end of life to today.

use tokio::time::Instant;

use super::delete::{locked, stays};
use super::event::Event;
use super::outcome::Fate;
use super::reason::Reason;
use super::retention::{Candidate, Ended, Retention, is_same};
use crate::arm::gallery::{Body, Version};
use crate::error::duration;
use crate::inputs::RetainAction;
use crate::release::change::{Change, Changed, NotChanged, Progress};

/// Why a version is not changed after all.
enum Unwanted {
    /// It is not what was decided on.
    Changed,
    /// It is gone.
    Gone,
}

impl Retention<'_> {
    /// Changes a version, if it is still what was decided on.
    pub(super) async fn change(&self, candidate: &Candidate<'_>) -> Ended {
        let start = Instant::now();
        let changing = self.make(candidate, start);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Ended::of(Fate::UnderWay),
            ended = changing => ended,
        }
    }

    async fn make(&self, candidate: &Candidate<'_>, start: Instant) -> Ended {
        let version = candidate.version;
        let seen = match self.arm.version(&candidate.id).await {
            Ok(seen) => seen,
            Err(failure) => return stays(candidate, &failure),
        };
        let tell = |progress: Progress| self.tell(&version.name, start, progress);
        let change = Change {
            arm: self.arm,
            id: &candidate.id,
            replicates: false,
            tell: &tell,
        };
        let wanted = |now: Option<&Version>| self.wanted(version, now);
        match change.make(seen, &wanted).await {
            Ok(Changed::Made(..)) => Ended::of(Fate::Removed),
            // Someone else has done it meanwhile.
            Ok(Changed::Already(_)) | Err(NotChanged::Unwanted(Unwanted::Changed)) => {
                Ended::kept(Reason::Changed)
            }
            Err(NotChanged::Unwanted(Unwanted::Gone) | NotChanged::Gone) => Ended::of(Fate::Gone),
            Err(NotChanged::Azure(failure)) => stays(candidate, &failure),
            Err(NotChanged::Ended { code, message }) => locked(
                version,
                format!("changing it failed: Azure reports {code}: {message}"),
            ),
            Err(NotChanged::Late { state, limit }) => locked(
                version,
                format!("it is still '{state}' after {}", duration(limit)),
            ),
        }
    }

    /// What is to be sent: nothing where it is already so.
    fn wanted(&self, listed: &Version, now: Option<&Version>) -> Result<Option<Body>, Unwanted> {
        let now = now.ok_or(Unwanted::Gone)?;
        let before = Body::of(now);
        let mut body = before.clone();
        match self.retain.keep.action {
            RetainAction::Delete | RetainAction::Exclude => body.exclude(true),
            RetainAction::EndOfLife => {
                let today = self.now().to_offset(time::UtcOffset::UTC).date();
                body.set_end_of_life(Some(today));
            }
        }
        if body.is_like(&before, &[]) {
            return Ok(None);
        }
        if !is_same(now, listed) {
            return Err(Unwanted::Changed);
        }
        Ok(Some(body))
    }

    fn tell(&self, version: &str, start: Instant, progress: Progress) {
        let version = version.to_owned();
        let event = match progress {
            Progress::Sending => Event::Starting { version },
            Progress::Busy { state, elapsed } => Event::StillGoing {
                version,
                state,
                elapsed,
            },
            Progress::Again { reason } => Event::NoNews { reason },
            Progress::Succeeded => Event::Done {
                version,
                elapsed: start.elapsed(),
            },
            Progress::Replicating(_) => return,
        };
        self.events.emit(event);
    }
}
