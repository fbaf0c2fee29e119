//! The turn of a few versions: a look that serves them all, then the requests, together.

use futures::future::join_all;

use super::looks::{self, Seen};
use super::outcome::{Fate, Outcome, Verdict, Warned};
use super::reason::Reason;
use super::rules::decide;
use super::{Event, Story};
use crate::arm::gallery::Version;
use crate::error::Error;
use crate::inputs::RetainAction;
use crate::resource::{ResourceId, quoted};

/// A version whose turn it is.
pub(super) struct Turn<'a> {
    /// As it was listed.
    pub(super) version: &'a Version,
    /// Made of the definition's id and the number: what Azure says of itself is no address.
    pub(super) id: ResourceId,
}

impl Turn<'_> {
    /// The id of the image definition, as a word of a command.
    pub(super) fn definition(&self) -> String {
        quoted(self.id.parent().as_ref().unwrap_or(&self.id).as_str())
    }
}

/// What became of one version in its turn.
pub(super) struct Ended {
    pub(super) fate: Fate,
    pub(super) warned: Option<Warned>,
}

impl Ended {
    pub(super) fn of(fate: Fate) -> Self {
        Self { fate, warned: None }
    }

    pub(super) fn kept(reason: Reason) -> Self {
        Self::of(Fate::Kept(vec![reason]))
    }
}

impl Story<'_> {
    /// Looks once more, and then changes or deletes what still goes.
    pub(super) async fn turn(
        &self,
        turn: &[Turn<'_>],
        seen: &Seen,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let still = if self.retain.keep.action == RetainAction::Delete {
            self.look_again(turn, seen, outcome).await?
        } else {
            turn.iter().collect()
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

    /// The look right before a deletion: the versions as they are now, and what uses them now. What was found in use before is still held for that.
    async fn look_again<'v>(
        &self,
        turn: &'v [Turn<'v>],
        seen: &Seen,
        outcome: &mut Outcome,
    ) -> Result<Vec<&'v Turn<'v>>, Error> {
        let looks = async {
            let live = looks::again(self.arm, self.retain).await;
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
        for one in turn {
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

/// Whether nothing that somebody decides on has changed since the first look.
pub(super) fn is_same(one: &Version, other: &Version) -> bool {
    one.state == other.state
        && one.excluded == other.excluded
        && one.regions == other.regions
        && one.tags == other.tags
        && one.published == other.published
        && one.end_of_life == other.end_of_life
        && one.blocks_deletion == other.blocks_deletion
}
