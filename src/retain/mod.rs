//! Keeps the right versions of an image definition, and deletes, excludes or ends the others.
//!
//! The rules are pure ([`decide`]); what uses the versions is looked for twice: before anything is decided, and right before each deletion.

mod change;
mod delete;
mod doctor;
mod event;
mod looks;
mod outcome;
mod reason;
mod rules;
mod turn;
mod uses;

pub use doctor::doctor;
pub use event::{Event, Events};
pub use looks::Unknown;
pub use outcome::{Fate, Outcome, Verdict, Warned};
pub use reason::Reason;
pub use rules::{Decision, decide};
pub use uses::Uses;

use std::time::Duration;

use http::StatusCode;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::arm::gallery::Version;
use crate::arm::{Arm, Failure};
use crate::error::{Error, KEPT_BLOCKED};
use crate::inputs::{Retain, RetainAction};
use crate::resource::{ImageVersion, quoted};
use looks::Seen;
use turn::Turn;

/// So many versions are changed or deleted at a time, each after a look of its own.
const AT_ONCE: usize = 4;

/// What every part of the story needs.
struct Story<'a> {
    retain: &'a Retain,
    arm: &'a Arm,
    events: &'a dyn Events,
    stop: &'a CancellationToken,
}

/// Decides on every version of the definition, and does what is decided unless it is a preview. `outcome` holds at any time what was done so far.
pub async fn retain(
    retain: &Retain,
    arm: &Arm,
    events: &dyn Events,
    stop: &CancellationToken,
    outcome: &mut Outcome,
) {
    let story = Story {
        retain,
        arm,
        events,
        stop,
    };
    outcome.preview = retain.preview;
    let told = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        decided = story.decide(outcome) => decided,
    };
    let told = match told {
        Ok((versions, seen)) if !retain.preview => story.act(&versions, &seen, outcome).await,
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    let reason = match &told {
        Ok(()) => Reason::NoTime,
        Err(Error::Canceled) => Reason::Canceled,
        Err(Error::UseUnknown { .. }) => Reason::UseUnknown,
        Err(error) => Reason::Refused(error.to_string()),
    };
    if !retain.preview {
        outcome.give_up(&reason);
    }
    outcome.error = told.err();
}

impl Story<'_> {
    /// All versions, or a failure: with a part of them nothing can be decided.
    async fn list(&self) -> Result<Vec<Version>, Failure> {
        self.arm.versions(&self.retain.definition).await
    }

    fn now(&self) -> OffsetDateTime {
        let azure = self.arm.client.azure_time();
        azure.unwrap_or_else(OffsetDateTime::now_utc)
    }

    /// Lists the versions, finds out what uses them, and decides.
    async fn decide(&self, outcome: &mut Outcome) -> Result<(Vec<Version>, Seen), Error> {
        let versions = self.list().await.map_err(|failure| {
            if failure.is(StatusCode::NOT_FOUND) {
                Error::NoDefinition {
                    definition: self.retain.definition.clone(),
                }
            } else {
                Error::Azure(failure)
            }
        })?;
        outcome.listed = true;
        self.events.emit(Event::Listed {
            versions: versions.len(),
        });
        // Who uses a version is no matter where it is only excluded, or where there is none.
        let looks = self.retain.keep.action != RetainAction::Exclude && !versions.is_empty();
        let seen = if looks {
            looks::first(self.arm, self.retain).await
        } else {
            Ok(Seen::default())
        };
        let seen = match seen {
            Ok(seen) => seen,
            Err(unknown) => {
                // What the rules keep anyway is known all the same.
                self.tell_decisions(&versions, Some(&Uses::default()), outcome);
                outcome.give_up(&Reason::UseUnknown);
                self.events.emit(Event::Decided(outcome.verdicts.clone()));
                return Err(unknown.into());
            }
        };
        outcome.not_looked_at.clone_from(&seen.not_looked_at);
        if !seen.not_looked_at.is_empty() {
            let places = seen.not_looked_at.iter().cloned().collect();
            self.events.emit(Event::NotLookedAt(places));
        }
        self.tell_decisions(&versions, looks.then_some(&seen.uses), outcome);
        self.events.emit(Event::Decided(outcome.verdicts.clone()));
        Ok((versions, seen))
    }

    fn tell_decisions(&self, versions: &[Version], uses: Option<&Uses>, outcome: &mut Outcome) {
        let decisions = decide(versions, uses, &self.retain.keep, self.now());
        outcome.verdicts = Vec::new();
        for decision in decisions {
            if decision.only_blocked() {
                outcome.warnings.push(blocked(&decision));
            }
            let fate = if decision.goes() {
                Fate::Goes
            } else {
                Fate::Kept(decision.reasons)
            };
            outcome.verdicts.push(Verdict::new(decision.version, fate));
        }
    }

    fn turn_of<'v>(&self, version: &'v Version) -> Option<(ImageVersion, Turn<'v>)> {
        let number = version.number()?;
        let id = format!("{}/versions/{number}", self.retain.definition);
        let id = id.parse().ok()?;
        Some((number, Turn { version, id }))
    }

    /// Has its turn with each version that goes, the oldest first, as long as there is time.
    async fn act(
        &self,
        versions: &[Version],
        seen: &Seen,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let start = Instant::now();
        let goes = |version: &&Version| {
            let mut all = outcome.with(&Fate::Goes);
            all.any(|verdict| verdict.id == version.id)
        };
        let going = versions.iter().filter(goes);
        let mut going: Vec<(ImageVersion, Turn<'_>)> =
            going.filter_map(|version| self.turn_of(version)).collect();
        going.sort_by_key(|(number, _)| *number);
        let going: Vec<Turn<'_>> = going.into_iter().map(|(_, turn)| turn).collect();
        for turn in going.chunks(AT_ONCE) {
            if self.stop.is_cancelled() {
                return Err(Error::Canceled);
            }
            if start.elapsed() >= self.retain.limit {
                break;
            }
            self.turn(turn, seen, outcome).await?;
        }
        if self.stop.is_cancelled() {
            return Err(Error::Canceled);
        }
        Ok(())
    }
}

/// A version stays although every rule but its owner's lets it go.
fn blocked(decision: &Decision<'_>) -> Warned {
    let version = decision.version;
    let until = match version.end_of_life {
        Some(end) => format!("before its end of life, {}", end.date()),
        None => "before its end of life, and it has none".to_owned(),
    };
    Warned {
        code: KEPT_BLOCKED,
        text: format!(
            "Image version {} stays: it cannot be deleted {until}",
            version.name
        ),
        hint: format!(
            "to unblock it, run: az sig image-version update --ids {} --set safetyProfile.blockDeletionBeforeEndOfLife=false",
            quoted(&version.id)
        ),
    }
}

/// How often a line says that something goes on.
const NEWS: Duration = Duration::from_secs(120);
