//! One removal that goes on, and how it ends.

use std::sync::{Arc, Mutex, PoisonError};

use crate::arm::Failure;
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::leftovers::Leftovers;

/// What became of something.
pub(super) enum Removal {
    /// It was there, and is gone.
    Done,
    /// There was nothing.
    NotThere,
    /// A tag says that it stays.
    Kept,
}

/// Why something stays.
pub(super) enum Stays {
    /// It is not ours.
    NotOurs(String),
    /// It could not be removed, as a whole sentence.
    Refused(String),
}

/// What Azure said last, also for whoever only watches the removal.
#[derive(Debug, Clone, Default)]
pub(super) struct LastAnswer(Arc<Mutex<Option<String>>>);

impl LastAnswer {
    fn set(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// The text, if there is one.
    pub(super) fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A removal that goes on, and what is known so far, for whoever ends it.
pub(super) struct Progress<'p, 'e> {
    pub(super) leftovers: &'p mut Leftovers<'e>,
    pub(super) leftover: &'p Leftover,
    /// What Azure said to the last request that did not succeed.
    pub(super) last_answer: LastAnswer,
    /// Whether the package that a template's tag names goes, too.
    pub(super) with_package: bool,
    /// What of that stays.
    pub(super) not_removed: Vec<NotRemoved>,
}

impl<'p, 'e> Progress<'p, 'e> {
    /// Nothing is done yet. The package that a template's tag names goes, too, if `with_package`.
    pub(super) fn new(
        leftovers: &'p mut Leftovers<'e>,
        leftover: &'p Leftover,
        with_package: bool,
    ) -> Self {
        Self {
            leftovers,
            leftover,
            last_answer: LastAnswer::default(),
            with_package,
            not_removed: Vec::new(),
        }
    }

    /// Azure refused a request, or did not answer it.
    pub(super) fn note(&mut self, failure: &Failure) {
        self.last_answer.set(failure.to_string());
    }

    pub(super) fn is_proven(&self) -> bool {
        self.leftovers.ownership(self.leftover) == Ownership::Ours
    }

    pub(super) fn confirm_ours(&mut self) {
        self.leftovers.confirm_ours(self.leftover);
    }
}
