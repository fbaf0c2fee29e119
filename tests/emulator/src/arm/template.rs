//! An image template as the emulator keeps it, and the work that goes on upon it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::arm::operations::due;
use crate::arm::regions;
use crate::arm::triggers::Trigger;
use crate::ids;
use crate::progress::{Durations, Progress, RunFate, SubState};

/// `properties.provisioningState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provisioning {
    Creating,
    Updating,
    Succeeded,
    Failed,
    Deleting,
}

impl Provisioning {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
        }
    }
}

/// A submission that failed: the code of the operation and that of the template differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) operation_code: String,
    pub(crate) provisioning_code: &'static str,
    pub(crate) message: String,
}

/// What provisioning found out and made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Provisioned {
    /// The version of the source.
    pub(crate) exact_version: Option<String>,
    /// The checksums of the scripts, by section and index.
    pub(crate) checksums: BTreeMap<(&'static str, usize), String>,
}

/// `properties.lastRunStatus`.
#[derive(Debug, Clone)]
pub(crate) struct RunStatus {
    pub(crate) start: OffsetDateTime,
    pub(crate) end: Option<OffsetDateTime>,
    pub(crate) state: &'static str,
    pub(crate) sub_state: Option<SubState>,
    pub(crate) message: String,
}

/// What the emulator knows of a run and the service does not tell.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) fate: RunFate,
    /// The folder of its log, which is not the id of the operation.
    pub(crate) log: String,
    /// The keys of the gallery image versions that it has begun to write, by the index of the target.
    pub(crate) published: Vec<(usize, String)>,
}

/// A run output.
#[derive(Debug, Clone)]
pub(crate) struct RunOutput {
    pub(crate) name: String,
    /// `artifactId` or `artifactUri`.
    pub(crate) member: &'static str,
    pub(crate) artifact: String,
}

/// A state that lasts a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Creating { fails: bool },
    Updating,
    Run(SubState),
    Canceling,
    Deleting,
}

impl Stage {
    fn duration(self, durations: &Durations) -> Duration {
        match self {
            Self::Creating { fails: false } => durations.provisioning,
            Self::Creating { fails: true } => durations.failing,
            Self::Updating => durations.updating,
            Self::Run(SubState::Queued) => durations.queued,
            Self::Run(SubState::Building) => durations.building,
            Self::Run(SubState::Customizing) => durations.customizing,
            Self::Run(SubState::Optimizing) => durations.optimizing,
            Self::Run(SubState::Validating) => durations.validating,
            Self::Run(SubState::Distributing) => durations.distributing,
            Self::Canceling => durations.canceling,
            Self::Deleting => durations.deleting,
        }
    }
}

/// The work that goes on upon a template: the stages that are left, the first being the present one.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) operation: String,
    pub(crate) stages: VecDeque<Stage>,
    pub(crate) entered: OffsetDateTime,
    pub(crate) polls: u32,
    /// The stage that never ends.
    pub(crate) stuck_at: Option<Stage>,
}

impl Work {
    pub(crate) fn new(
        operation: String,
        stages: impl IntoIterator<Item = Stage>,
        entered: OffsetDateTime,
    ) -> Self {
        Self {
            operation,
            stages: stages.into_iter().collect(),
            entered,
            polls: 0,
            stuck_at: None,
        }
    }

    /// When the present stage has ended; `None` while it lasts.
    pub(crate) fn due(&self, progress: &Progress, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let stage = *self.stages.front()?;
        if self.stuck_at == Some(stage) {
            return None;
        }
        let duration = match progress {
            Progress::ByClock(durations) => stage.duration(durations),
            Progress::Immediate | Progress::AfterPolls(_) => Duration::ZERO,
        };
        due(progress, duration, self.entered, self.polls, now)
    }

    /// Leaves the present stage for the next one.
    pub(crate) fn advance(&mut self, at: OffsetDateTime) -> Option<Stage> {
        let stage = self.stages.pop_front();
        (self.entered, self.polls) = (at, 0);
        stage
    }
}

/// The group that the service makes for the build, with the storage account in it.
#[derive(Debug, Clone)]
pub(crate) struct Staging {
    /// The name of the group.
    pub(crate) group: String,
    /// The full id of the group.
    pub(crate) id: String,
    /// The name of the storage account.
    pub(crate) account: String,
    /// Whether the group goes with the template: it does unless it existed before.
    pub(crate) made: bool,
}

/// An image template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// The resource group in the letter case of the PUT.
    pub(crate) group: String,
    pub(crate) name: String,
    /// The id as the service answers it, with `resourcegroups` in lower case.
    pub(crate) id: String,
    pub(crate) location: String,
    pub(crate) tags: Map<String, Value>,
    pub(crate) identity: Value,
    /// The members that were sent, with the names of the definition.
    pub(crate) properties: Map<String, Value>,
    pub(crate) provisioning: Provisioning,
    pub(crate) failure: Option<Failure>,
    pub(crate) provisioned: Option<Provisioned>,
    pub(crate) staging: Option<Staging>,
    pub(crate) last_run: Option<RunStatus>,
    /// The status of the run before the last one.
    pub(crate) run_before: Option<RunStatus>,
    /// What is known of the last run besides its status.
    pub(crate) run: Option<Run>,
    pub(crate) outputs: Vec<RunOutput>,
    /// The triggers, by name in lower case.
    pub(crate) triggers: BTreeMap<String, Trigger>,
    pub(crate) work: Option<Work>,
    /// When it was submitted, and by whom.
    pub(crate) created: OffsetDateTime,
    pub(crate) creator: String,
    /// GETs during runs, for the switch that makes some of them fail.
    pub(crate) gets_in_runs: u32,
}

impl Template {
    pub(crate) fn new(
        subscription: &str,
        group: &str,
        name: &str,
        body: &Map<String, Value>,
        (creator, created): (&str, OffsetDateTime),
    ) -> Self {
        let object = |name: &str| {
            body.get(name)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            id: format!(
                "/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.VirtualMachineImages/imageTemplates/{name}"
            ),
            location: regions::plain(text(body, "location")),
            tags: object("tags"),
            identity: body.get("identity").cloned().unwrap_or_default(),
            properties: object("properties"),
            provisioning: Provisioning::Creating,
            failure: None,
            provisioned: None,
            staging: None,
            last_run: None,
            run_before: None,
            run: None,
            outputs: Vec::new(),
            triggers: BTreeMap::new(),
            work: None,
            created,
            creator: creator.to_owned(),
            gets_in_runs: 0,
        }
    }

    /// The key under which it is kept.
    pub(crate) fn key(&self) -> String {
        ids::key(&self.id)
    }

    /// The ids of its identities, in the letter case that was sent.
    pub(crate) fn identities(&self) -> Vec<&str> {
        self.identity
            .get("userAssignedIdentities")
            .and_then(Value::as_object)
            .map(|identities| identities.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    pub(crate) fn source(&self) -> Option<&Map<String, Value>> {
        self.properties.get("source").and_then(Value::as_object)
    }

    /// The elements of a list among the properties, such as `distribute`.
    pub(crate) fn list(&self, name: &str) -> Vec<&Map<String, Value>> {
        list_of(self.properties.get(name))
    }

    /// The validators.
    pub(crate) fn validators(&self) -> Vec<&Map<String, Value>> {
        list_of(
            self.properties
                .get("validate")
                .and_then(|validate| validate.get("inVMValidations")),
        )
    }

    /// Whether its runs validate the source and build nothing.
    pub(crate) fn only_validates(&self) -> bool {
        let validate = self.properties.get("validate");
        let flag = validate.and_then(|validate| validate.get("sourceValidationOnly"));
        flag == Some(&Value::Bool(true))
    }

    /// The place of the last run's log, as an ARM path.
    pub(crate) fn log_path(&self) -> String {
        let (Some(staging), Some(run)) = (&self.staging, &self.run) else {
            return String::new();
        };
        format!(
            "{}/providers/Microsoft.Storage/storageAccounts/{}/blobServices/default/containers/packerlogs/{}/customization.log",
            staging.id, staging.account, run.log
        )
    }

    /// Whether it runs as soon as it is provisioned.
    pub(crate) fn runs_by_itself(&self) -> bool {
        let auto_run = self.properties.get("autoRun");
        auto_run.and_then(|auto_run| auto_run.get("state")?.as_str()) == Some("Enabled")
    }

    /// Moves everything of it into the past, as if it had been made and run earlier.
    pub(crate) fn age(&mut self, by: Duration) {
        self.created -= by;
        if let Some(work) = &mut self.work {
            work.entered -= by;
        }
        for run in [&mut self.last_run, &mut self.run_before]
            .into_iter()
            .flatten()
        {
            run.start -= by;
            run.end = run.end.map(|end| end - by);
        }
    }

    /// Whether a run is going on, be it canceled or not.
    pub(crate) fn is_running(&self) -> bool {
        self.last_run.as_ref().is_some_and(|run| run.end.is_none())
    }
}

fn list_of(list: Option<&Value>) -> Vec<&Map<String, Value>> {
    list.and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_object).collect())
        .unwrap_or_default()
}

/// A member that is text; empty when it is absent.
pub(crate) fn text<'value>(object: &'value Map<String, Value>, name: &str) -> &'value str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
