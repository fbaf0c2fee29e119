//! What became of each version.

use std::collections::BTreeSet;

use super::reason::Reason;
use crate::arm::gallery::Version;
use crate::error::Error;

/// What became of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept(Vec<Reason>),
    /// To be removed; in a preview: would be.
    Goes,
    /// The request was sent, and the step ended before the operation did.
    UnderWay,
    /// It was deleted, excluded or ended.
    Removed,
    /// Someone else had deleted it by then.
    Gone,
}

/// A version, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its number.
    pub name: String,
    /// Its resource id.
    pub id: String,
    /// What became of it.
    pub fate: Fate,
}

impl Verdict {
    pub(super) fn new(version: &Version, fate: Fate) -> Self {
        Self {
            name: version.name.clone(),
            id: version.id.clone(),
            fate,
        }
    }
}

/// Something that costs the step its clean result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warned {
    /// Its code.
    pub code: &'static str,
    /// The text of the warning.
    pub text: String,
    /// What to do about it.
    pub hint: String,
}

/// How the step ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Why the step failed; what was done until then stands beside it.
    pub error: Option<Error>,
    /// Whether the versions were listed; without that there is nothing to tell.
    pub listed: bool,
    /// Whether nothing was to be changed.
    pub preview: bool,
    /// Every version.
    pub verdicts: Vec<Verdict>,
    /// Places that were not checked, and why.
    pub not_looked_at: BTreeSet<String>,
    /// What the author should know.
    pub warnings: Vec<Warned>,
}

impl Outcome {
    /// The versions that stay, with their reasons.
    pub fn kept(&self) -> impl Iterator<Item = (&Verdict, &[Reason])> {
        self.verdicts
            .iter()
            .filter_map(|verdict| match &verdict.fate {
                Fate::Kept(reasons) => Some((verdict, reasons.as_slice())),
                _ => None,
            })
    }

    /// The versions with this fate.
    pub fn with(&self, fate: &Fate) -> impl Iterator<Item = &Verdict> {
        self.verdicts
            .iter()
            .filter(move |verdict| verdict.fate == *fate)
    }

    /// Takes note of what became of a version.
    pub(super) fn settle(&mut self, id: &str, fate: Fate) {
        let mut known = self.verdicts.iter_mut();
        if let Some(verdict) = known.find(|verdict| verdict.id == id) {
            verdict.fate = fate;
        }
    }

    /// Keeps the versions that are still to be changed or deleted, because of `reason`.
    pub(super) fn give_up(&mut self, reason: &Reason) {
        for verdict in &mut self.verdicts {
            if verdict.fate == Fate::Goes {
                verdict.fate = Fate::Kept(vec![reason.clone()]);
            }
        }
    }

    /// The outcome when nothing is waited for any more.
    pub fn abandon(&mut self) {
        if !self.preview {
            self.give_up(&Reason::Canceled);
        }
        self.error = Some(Error::Canceled);
    }
}
