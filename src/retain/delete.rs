//! Deletes one version, and follows that to its end.
//!
//! Azure deletes a version that VMs use, and says no word of it; so this is asked for right after the look.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::outcome::{Fate, Warned};
use super::reason::Reason;
use super::turn::{Ended, Turn, is_same};
use super::{Event, NEWS, Story};
use crate::arm::Failure;
use crate::arm::api::GALLERIES;
use crate::arm::gallery::{State, Version};
use crate::arm::operation::{Started, Status};
use crate::arm::pace::Pace;
use crate::error::{KEPT_LOCKED, KEPT_NO_PERMISSION, duration};
use crate::secret::Secret;

/// Azure takes two or three minutes; after this nobody waits any longer.
const LONGEST: Duration = Duration::from_secs(30 * 60);
impl Story<'_> {
    /// Deletes a version, if it is still what was decided on.
    pub(super) async fn delete(&self, turn: &Turn<'_>) -> Ended {
        let (version, id) = (turn.version, &turn.id);
        match self.arm.version(id).await {
            Ok(None) => return Ended::of(Fate::Gone),
            Ok(Some(now)) if !is_same(&now, version) => return Ended::kept(Reason::Changed),
            Ok(Some(_)) => {}
            Err(failure) => return stays(turn, &failure),
        }
        self.events.emit(Event::Starting {
            version: version.name.clone(),
        });
        let start = Instant::now();
        let doing = format!("Deleting image version {}", version.name);
        let ended = match self.arm.delete(&doing, id, GALLERIES).await {
            Ok(None) => Ended::of(Fate::Removed),
            Ok(Some(started)) => {
                let following = self.follow(turn, started, start);
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => Ended::of(Fate::UnderWay),
                    ended = following => ended,
                }
            }
            Err(failure) => self.refused(turn, &failure).await,
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
    async fn refused(&self, turn: &Turn<'_>, failure: &Failure) -> Ended {
        match self.arm.version(&turn.id).await {
            Ok(None) if failure.may_have_acted() => Ended::of(Fate::Removed),
            Ok(None) => Ended::of(Fate::Gone),
            Ok(Some(now)) if now.state == State::Deleting && failure.may_have_acted() => {
                Ended::of(Fate::UnderWay)
            }
            Ok(Some(now)) if now.state == State::Deleting => Ended::kept(Reason::DeletedByOthers),
            Ok(Some(_)) | Err(_) => stays(turn, failure),
        }
    }

    /// Asks for the operation, or for the version where that is not to be had, until one of them is at its end.
    async fn follow(&self, turn: &Turn<'_>, started: Started, start: Instant) -> Ended {
        let (mut operation, mut pace) = (started.operation, Pace::new(started.pause));
        let mut told = start;
        while start.elapsed() < LONGEST {
            tokio::time::sleep(pace.pause()).await;
            let status = self.ask(turn, &mut operation, &mut pace).await;
            let ended = match &status {
                Some(Status::Succeeded) => Some(Ended::of(Fate::Removed)),
                Some(Status::InProgress) => None,
                Some(Status::Failed { .. } | Status::Canceled) | None => {
                    self.end_of(turn, status.as_ref()).await
                }
            };
            if let Some(ended) = ended {
                return ended;
            }
            if told.elapsed() >= NEWS {
                told = Instant::now();
                self.events.emit(Event::StillGoing {
                    version: turn.version.name.clone(),
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
                    "The deletion of image version {} has not ended after {}; it goes on in Azure",
                    turn.version.name,
                    duration(start.elapsed())
                ),
                hint: format!(
                    "to see where it is, run: az sig image-version show --ids {}",
                    turn.id
                ),
            }),
        }
    }

    /// Where the operation stands; nothing if that is not to be had, for now or for good.
    async fn ask(
        &self,
        turn: &Turn<'_>,
        operation: &mut Option<Secret>,
        pace: &mut Pace,
    ) -> Option<Status> {
        let address = operation.as_ref()?;
        let doing = format!(
            "Following the deletion of image version {}",
            turn.version.name
        );
        match self.arm.operation(&doing, address).await {
            Ok(seen) => {
                pace.asked(seen.pause);
                Some(seen.value)
            }
            Err(failure) => {
                // It is the version that counts; who may not read operations reads that alone.
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
    async fn end_of(&self, turn: &Turn<'_>, status: Option<&Status>) -> Option<Ended> {
        match self.arm.version(&turn.id).await {
            Ok(None) => Some(Ended::of(Fate::Removed)),
            Ok(Some(now)) if status.is_none() && now.state == State::Deleting => None,
            Ok(Some(_)) => Some(failed(turn.version, status)),
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
pub(super) fn stays(turn: &Turn<'_>, failure: &Failure) -> Ended {
    let version = turn.version;
    if failure.is(StatusCode::FORBIDDEN) {
        return Ended {
            fate: Fate::Kept(vec![Reason::Refused(failure.to_string())]),
            warned: Some(Warned {
                code: KEPT_NO_PERMISSION,
                text: format!("Image version {} stays: {failure}", version.name),
                hint: format!(
                    "assign a role that permits this to the principal of the service connection: az role assignment create --assignee {{object id}} --role \"Image Builder Task release\" --scope {}; samples/setup creates the role",
                    turn.definition()
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
            hint: "run the step again when nothing is going on with the version; a lock on the version, its gallery or its resource group: az lock list".to_owned(),
        }),
        fate: Fate::Kept(vec![Reason::Refused(why)]),
    }
}
