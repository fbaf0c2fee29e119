//! What everybody needs who deals with a build: the way to Azure, who listens, and how far the build has come.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::build_template::BuildTemplate;
use super::event::Events;
use crate::arm::Arm;
use crate::check::Job;
use crate::error::Error;
use crate::inputs::{Contents, Plan};
use crate::resource::ResourceId;
use crate::template::model::Properties;

/// Where a step runs.
#[derive(Clone, Copy)]
pub struct Workplace<'a> {
    /// The way to Azure.
    pub arm: &'a Arm,
    /// Where files for the job's log go.
    pub folder: &'a Path,
    /// Who listens.
    pub events: &'a dyn Events,
}

/// What everybody needs who deals with a build, or with the run of a template that is there.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) arm: &'a Arm,
    /// Where files for the job's log go.
    pub(super) folder: &'a Path,
    pub(super) events: &'a dyn Events,
    /// How far the build has come.
    pub(super) state: &'a BuildState,
    /// How the list of the image's contents is kept and compared.
    pub(super) contents: &'a Contents,
    /// The storage account of the lists.
    pub(super) storage_account: Option<&'a str>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        workplace: Workplace<'a>,
        state: &'a BuildState,
        contents: &'a Contents,
        storage_account: Option<&'a str>,
    ) -> Self {
        let Workplace {
            arm,
            folder,
            events,
        } = workplace;
        Self {
            arm,
            folder,
            events,
            state,
            contents,
            storage_account,
        }
    }
}

/// A build that is planned.
#[derive(Clone, Copy)]
pub(super) struct Build<'a> {
    pub(super) plan: &'a Plan,
    /// What the job tells of itself.
    pub(super) job: Job,
    pub(super) context: Context<'a>,
}

/// Signs in, so that a refusal is told before anything else is asked.
pub(super) async fn sign_in(arm: &Arm) -> Result<(), Error> {
    let signed_in = arm.client.sign_in(&arm.scope).await;
    signed_in.map_err(Error::SignIn)
}

/// How far a build has come, for whoever ends it: a cancel leaves a run alone or stops it, and does not ask how it came to be on.
#[derive(Debug, Default)]
pub(super) struct BuildState(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    template: Option<CurrentTemplate>,
    run: CurrentRun,
}

/// The template of the build.
#[derive(Debug, Clone)]
pub(super) struct CurrentTemplate {
    pub(super) id: ResourceId,
    pub(super) properties: Properties,
    /// Whether a task of ours made it.
    pub(super) ours: bool,
    /// Whether a tag says that it stays, with its package.
    pub(super) kept: bool,
}

/// The run of the build, as far as it matters for a cancel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CurrentRun {
    /// None is on.
    #[default]
    None,
    /// This step has started it.
    StartedHere,
    /// It was on already.
    FoundRunning,
}

impl BuildState {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The build has `template` now; a task of ours made it if it is `ours`, and it stays if it is `kept`.
    pub(super) fn set_template(&self, template: &BuildTemplate<'_>, ours: bool, kept: bool) {
        self.state().template = Some(CurrentTemplate {
            id: template.id.clone(),
            properties: template.definition.properties.clone(),
            ours,
            kept,
        });
    }

    /// A run of the template is on.
    pub(super) fn set_run(&self, run: CurrentRun) {
        self.state().run = run;
    }

    /// The run is over; `kept` is whether a tag says that the template stays.
    pub(super) fn run_ended(&self, kept: bool) {
        let mut state = self.state();
        state.run = CurrentRun::None;
        if let Some(template) = &mut state.template {
            template.kept |= kept;
        }
    }

    /// The template is gone, or does not belong to this step.
    pub(super) fn clear(&self) {
        *self.state() = State::default();
    }

    /// The template, as soon as there is one.
    pub(super) fn template(&self) -> Option<CurrentTemplate> {
        self.state().template.clone()
    }

    /// The run of the template.
    pub(super) fn run(&self) -> CurrentRun {
        self.state().run
    }
}
