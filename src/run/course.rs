//! How far a build has come, for whoever ends it: a cancel leaves a run alone or stops it, and does not ask how it came to be on.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::followed::Followed;
use crate::resource::ResourceId;
use crate::template::model::Properties;

/// How far a build has come.
#[derive(Debug, Default)]
pub(super) struct Course(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    template: Option<Known>,
    run: Run,
}

/// The template that is dealt with.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: ResourceId,
    pub(super) properties: Properties,
    /// Whether a task of ours made it.
    pub(super) ours: bool,
    /// Whether it stays, with its package.
    pub(super) kept: bool,
}

/// Where the run is, as far as it matters for a cancel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Run {
    /// Not on.
    #[default]
    Off,
    /// This step has started it.
    Started,
    /// It was on already.
    Found,
}

impl Course {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `followed` is what is dealt with.
    pub(super) fn deals_with(&self, followed: &Followed<'_>, ours: bool, kept: bool) {
        self.state().template = Some(Known {
            id: followed.id.clone(),
            properties: followed.template.properties.clone(),
            ours,
            kept,
        });
    }

    /// Its run is on.
    pub(super) fn runs(&self, run: Run) {
        self.state().run = run;
    }

    /// Its run is over; `kept` is whether a tag says that the template stays.
    pub(super) fn ended(&self, kept: bool) {
        let mut state = self.state();
        state.run = Run::Off;
        if let Some(template) = &mut state.template {
            template.kept |= kept;
        }
    }

    /// The template is gone, or is none that anybody has to care for.
    pub(super) fn forget(&self) {
        *self.state() = State::default();
    }

    /// The template that is dealt with.
    pub(super) fn template(&self) -> Option<Known> {
        self.state().template.clone()
    }

    /// Where its run is.
    pub(super) fn run(&self) -> Run {
        self.state().run
    }
}
