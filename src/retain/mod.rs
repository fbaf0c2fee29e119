//! Decides which versions of an image definition stay, and deletes the others, excludes them from latest, or sets their end of life.
//!
//! The rules are pure ([`decide`]); what uses the versions is looked for twice: before anything is decided, and right before each deletion.

mod change;
mod delete;
mod doctor;
mod event;
mod find_uses;
mod outcome;
mod reason;
mod retention;
mod rules;
mod uses;

pub use doctor::doctor;
pub use event::{Event, Events};
pub use find_uses::Unknown;
pub use outcome::{Fate, Outcome, Verdict, Warned};
pub use reason::Reason;
pub use rules::{Decision, decide};
pub use uses::Uses;

use futures::future::join_all;
use http::StatusCode;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::arm::Arm;
use crate::arm::gallery::Version;
use crate::error::{Error, KEPT_BLOCKED};
use crate::inputs::{Retain, RetainAction};
use crate::resource::{ImageVersion, quoted};
use find_uses::FoundUses;
use retention::{Candidate, Ended, Retention, is_same};

/// How many versions are changed or deleted at a time, after one look that serves them all.
const AT_ONCE: usize = 4;

/// Decides on every version of the definition, and does what is decided unless it is a preview. `outcome` holds at any time what was done so far.
pub async fn retain(
    retain: &Retain,
    arm: &Arm,
    events: &dyn Events,
    stop: &CancellationToken,
    outcome: &mut Outcome,
) {
    let retention = Retention {
        retain,
        arm,
        events,
        stop,
    };
    outcome.preview = retain.preview;
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        decided = retention.decide(outcome) => decided,
    };
    let ended = match ended {
        Ok((versions, seen)) if !retain.preview => {
            retention.carry_out(&versions, &seen, outcome).await
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    let reason = match &ended {
        Ok(()) => Reason::NoTime,
        Err(Error::Canceled) => Reason::Canceled,
        Err(Error::UseUnknown { .. }) => Reason::UseUnknown,
        Err(error) => Reason::Refused(error.to_string()),
    };
    if !retain.preview {
        outcome.give_up(&reason);
    }
    outcome.error = ended.err();
}

impl Retention<'_> {
    /// Lists the versions, finds out what uses them, and decides.
    async fn decide(&self, outcome: &mut Outcome) -> Result<(Vec<Version>, FoundUses), Error> {
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
        // An exclusion does not depend on who uses a version.
        let looks = self.retain.keep.action != RetainAction::Exclude && !versions.is_empty();
        let seen = if looks {
            find_uses::before_decision(self.arm, self.retain).await
        } else {
            Ok(FoundUses::default())
        };
        let seen = match seen {
            Ok(seen) => seen,
            Err(unknown) => {
                // Versions that stay for another reason are still reported with it.
                self.record_decisions(&versions, Some(&Uses::default()), outcome);
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
        self.record_decisions(&versions, looks.then_some(&seen.uses), outcome);
        self.events.emit(Event::Decided(outcome.verdicts.clone()));
        Ok((versions, seen))
    }

    fn record_decisions(&self, versions: &[Version], uses: Option<&Uses>, outcome: &mut Outcome) {
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

    fn candidate<'v>(&self, version: &'v Version) -> Option<(ImageVersion, Candidate<'v>)> {
        let number = version.number()?;
        let id = format!("{}/versions/{number}", self.retain.definition);
        let id = id.parse().ok()?;
        Some((number, Candidate { version, id }))
    }

    /// Changes or deletes each version that goes, the oldest first, as long as there is time.
    async fn carry_out(
        &self,
        versions: &[Version],
        seen: &FoundUses,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let start = Instant::now();
        let goes = |version: &&Version| {
            let mut all = outcome.with(&Fate::Goes);
            all.any(|verdict| verdict.id == version.id)
        };
        let going = versions.iter().filter(goes);
        let mut going: Vec<(ImageVersion, Candidate<'_>)> = going
            .filter_map(|version| self.candidate(version))
            .collect();
        going.sort_by_key(|(number, _)| *number);
        let going: Vec<Candidate<'_>> = going.into_iter().map(|(_, candidate)| candidate).collect();
        for batch in going.chunks(AT_ONCE) {
            if self.stop.is_cancelled() {
                return Err(Error::Canceled);
            }
            if start.elapsed() >= self.retain.limit {
                break;
            }
            self.carry_out_batch(batch, seen, outcome).await?;
        }
        if self.stop.is_cancelled() {
            return Err(Error::Canceled);
        }
        Ok(())
    }

    /// Looks once more, and then changes or deletes what still goes.
    async fn carry_out_batch(
        &self,
        batch: &[Candidate<'_>],
        seen: &FoundUses,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let still = if self.retain.keep.action == RetainAction::Delete {
            self.look_again(batch, seen, outcome).await?
        } else {
            batch.iter().collect()
        };
        for one in &still {
            outcome.settle(&one.version.id, Fate::UnderWay);
        }
        let requests = still.iter().map(|one| async {
            match self.retain.keep.action {
                RetainAction::Delete => self.delete(one).await,
                RetainAction::Exclude | RetainAction::EndOfLife => self.change(one).await,
            }
        });
        for (one, ended) in still.iter().zip(join_all(requests).await) {
            self.settle(one.version, ended, outcome);
        }
        Ok(())
    }

    fn settle(&self, version: &Version, ended: Ended, outcome: &mut Outcome) {
        outcome.warnings.extend(ended.warned);
        if ended.fate != Fate::Removed {
            let verdict = Verdict::new(version, ended.fate.clone());
            self.events.emit(Event::Settled(verdict));
        }
        outcome.settle(&version.id, ended.fate);
    }

    /// Reads right before a deletion how the versions are now and what uses them now. What was found in use before still counts as in use.
    async fn look_again<'v>(
        &self,
        batch: &'v [Candidate<'v>],
        seen: &FoundUses,
        outcome: &mut Outcome,
    ) -> Result<Vec<&'v Candidate<'v>>, Error> {
        let looks = async {
            let live = find_uses::before_deletion(self.arm, self.retain).await;
            let live = live.map_err(Error::from)?;
            Ok::<_, Error>((live, self.list().await.map_err(Error::Azure)?))
        };
        let (live, versions) = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Error::Canceled),
            found = looks => found?,
        };
        outcome.not_looked_at.extend(live.not_looked_at);
        let mut uses = seen.uses.clone();
        uses.extend(live.uses);
        let decisions = decide(&versions, Some(&uses), &self.retain.keep, self.now());
        let mut still = Vec::new();
        for one in batch {
            let version = one.version;
            let known = decisions.iter().find(|it| it.version.name == version.name);
            let fate = match known {
                None => Fate::Gone,
                Some(now) if !now.goes() => Fate::Kept(now.reasons.clone()),
                Some(now) if !is_same(now.version, version) => Fate::Kept(vec![Reason::Changed]),
                Some(_) => {
                    still.push(one);
                    continue;
                }
            };
            self.settle(version, Ended::of(fate), outcome);
        }
        Ok(still)
    }
}

/// The warning about a version that stays only because its deletion is blocked.
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
