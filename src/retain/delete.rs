//! Deletes one version, and follows that to its end.
//!
//! Azure deletes a version that VMs use without a warning, so the request follows the look for uses at once.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::event::Event;
use super::outcome::{Fate, Warned};
use super::reason::Reason;
use super::retention::{Candidate, Ended, NEWS, Retention, is_same};
use crate::arm::Failure;
use crate::arm::api::GALLERIES;
use crate::arm::gallery::{State, Version};
use crate::arm::operation::{Started, Status};
use crate::arm::pace::Pace;
use crate::error::{KEPT_LOCKED, KEPT_NO_PERMISSION, duration};
use crate::secret::Secret;

/// Azure takes two or three minutes; after this time the step stops waiting.
const LONGEST: Duration = Duration::from_secs(30 * 60);
impl Retention<'_> {
    /// Deletes a version, if it is still what was decided on.
    pub(super) async fn delete(&self, candidate: &Candidate<'_>) -> Ended {
        let (version, id) = (candidate.version, &candidate.id);
        match self.arm.version(id).await {
            Ok(None) => return Ended::of(Fate::Gone),
            Ok(Some(now)) if !is_same(&now, version) => return Ended::kept(Reason::Changed),
            Ok(Some(_)) => {}
            Err(failure) => return stays(candidate, &failure),
        }
        self.events.emit(Event::Starting {
            version: version.name.clone(),
        });
        let start = Instant::now();
        let doing = format!("Deleting image version {}", version.name);
        let ended = match self.arm.delete(&doing, id, GALLERIES).await {
            Ok(None) => Ended::of(Fate::Removed),
            Ok(Some(started)) => {
                let following = self.follow(candidate, started, start);
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => Ended::of(Fate::UnderWay),
                    ended = following => ended,
                }
            }
            Err(failure) => self.refused(candidate, &failure).await,
        };
        if ended.fate == Fate::Removed {
            self.events.emit(Event::Done {
                version: version.name.clone(),
                elapsed: start.elapsed(),
            });
        }
        ended
    }

    /// What a refusal means depends on how the version is now: another job may delete it.
    async fn refused(&self, candidate: &Candidate<'_>, failure: &Failure) -> Ended {
        match self.arm.version(&candidate.id).await {
            Ok(None) if failure.may_have_acted() => Ended::of(Fate::Removed),
            Ok(None) => Ended::of(Fate::Gone),
            Ok(Some(now)) if now.state == State::Deleting && failure.may_have_acted() => {
                Ended::of(Fate::UnderWay)
            }
            Ok(Some(now)) if now.state == State::Deleting => Ended::kept(Reason::DeletedByOthers),
            Ok(Some(_)) | Err(_) => stays(candidate, failure),
        }
    }

    /// Reads the operation, or the version where the operation cannot be read, until one of them has ended.
    async fn follow(&self, candidate: &Candidate<'_>, started: Started, start: Instant) -> Ended {
        let (mut operation, mut pace) = (started.operation, Pace::new(started.pause));
        let mut last_reported = start;
        while start.elapsed() < LONGEST {
            tokio::time::sleep(pace.pause()).await;
            let status = self.ask(candidate, &mut operation, &mut pace).await;
            let ended = match &status {
                Some(Status::Succeeded) => Some(Ended::of(Fate::Removed)),
                Some(Status::InProgress) => None,
                Some(Status::Failed { .. } | Status::Canceled) | None => {
                    self.end_of(candidate, status.as_ref()).await
                }
            };
            if let Some(ended) = ended {
                return ended;
            }
            if last_reported.elapsed() >= NEWS {
                last_reported = Instant::now();
                self.events.emit(Event::StillGoing {
                    version: candidate.version.name.clone(),
                    state: State::Deleting.as_str().to_owned(),
                    elapsed: start.elapsed(),
                });
            }
        }
        Ended {
            fate: Fate::UnderWay,
            warned: Some(Warned {
                code: KEPT_LOCKED,
                text: format!(
                    "The deletion of image version {} has not ended after {}; it continues in Azure",
                    candidate.version.name,
                    duration(start.elapsed())
                ),
                hint: format!(
                    "to see where it is, run: az sig image-version show --ids {}",
                    candidate.id
                ),
            }),
        }
    }

    /// The operation's status; `None` if it cannot be read.
    async fn ask(
        &self,
        candidate: &Candidate<'_>,
        operation: &mut Option<Secret>,
        pace: &mut Pace,
    ) -> Option<Status> {
        let address = operation.as_ref()?;
        let doing = format!(
            "Following the deletion of image version {}",
            candidate.version.name
        );
        match self.arm.operation(&doing, address).await {
            Ok(seen) => {
                pace.asked(seen.pause);
                Some(seen.value)
            }
            Err(failure) => {
                // Without the permission to read operations, the version alone is read.
                if failure.refusal().is_some() {
                    *operation = None;
                }
                self.events.emit(Event::NoNews {
                    reason: failure.to_string(),
                });
                None
            }
        }
    }

    /// What the version itself tells; nothing while it is being deleted, or where Azure does not answer. `status` is how the operation ended.
    async fn end_of(&self, candidate: &Candidate<'_>, status: Option<&Status>) -> Option<Ended> {
        match self.arm.version(&candidate.id).await {
            Ok(None) => Some(Ended::of(Fate::Removed)),
            Ok(Some(now)) if status.is_none() && now.state == State::Deleting => None,
            Ok(Some(_)) => Some(failed(candidate.version, status)),
            Err(failure) => {
                self.events.emit(Event::NoNews {
                    reason: failure.to_string(),
                });
                None
            }
        }
    }
}

/// Azure took the request, and did not carry it out.
fn failed(version: &Version, status: Option<&Status>) -> Ended {
    let why = match status {
        Some(Status::Failed { code, message }) if !code.is_empty() => {
            format!("Azure reports {code}: {message}")
        }
        _ => "Azure does not report why".to_owned(),
    };
    locked(version, format!("deleting it failed: {why}"))
}

/// A request was refused, or was not answered.
pub(super) fn stays(candidate: &Candidate<'_>, failure: &Failure) -> Ended {
    let version = candidate.version;
    if failure.is(StatusCode::FORBIDDEN) {
        return Ended {
            fate: Fate::Kept(vec![Reason::Refused(failure.to_string())]),
            warned: Some(Warned {
                code: KEPT_NO_PERMISSION,
                text: format!("Image version {} stays: {failure}", version.name),
                hint: format!(
                    "assign a role that permits this to the principal of the service connection: az role assignment create --assignee <object id of its principal> --role \"Image Builder Task release\" --scope {}; samples/setup creates the role",
                    candidate.definition()
                ),
            }),
        };
    }
    locked(version, failure.to_string())
}

pub(super) fn locked(version: &Version, why: String) -> Ended {
    Ended {
        warned: Some(Warned {
            code: KEPT_LOCKED,
            text: format!("Image version {} stays: {why}", version.name),
            hint: "run the step again when no other operation on the version is in progress; a lock on the version, its gallery or its resource group: az lock list".to_owned(),
        }),
        fate: Fate::Kept(vec![Reason::Refused(why)]),
    }
}
