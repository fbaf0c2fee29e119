//! How fast long-running work moves on, and how it ends.

use std::time::Duration;

/// When long-running work (provisioning, a run, a deletion) passes from one state to the next.
#[derive(Debug, Clone)]
pub enum Progress {
    /// All is done when the next request comes.
    Immediate,
    /// Each state is seen by this many GETs of the operation or of its template; the next GET sees the state after it.
    AfterPolls(u32),
    /// By the clock of the emulator.
    ByClock(Box<Durations>),
}

/// How long each state lasts. The defaults lie within what was recorded and published.
#[derive(Debug, Clone)]
pub struct Durations {
    /// From PUT until the template is provisioned (recorded: 11 to 47 s).
    pub provisioning: Duration,
    /// A submission that fails (recorded: 12 s).
    pub failing: Duration,
    /// A change of the identity by PATCH (recorded: 2 s).
    pub updating: Duration,
    /// `Queued`.
    pub queued: Duration,
    /// `Building`.
    pub building: Duration,
    /// `Customizing`.
    pub customizing: Duration,
    /// `Optimizing`, when the template asks for it.
    pub optimizing: Duration,
    /// `Validating`, when the template has validators.
    pub validating: Duration,
    /// `Distributing` (recorded: a gallery version was published 8 min before the end of the run).
    pub distributing: Duration,
    /// From `lastRunStatus.endTime` until the run's operation ends (recorded: 0.2 s in 2020, 65 s in 2025).
    pub closing: Duration,
    /// From cancel until `Canceled` (recorded: 2 s to 8 min after the start of the run).
    pub canceling: Duration,
    /// Deletion of a template (recorded: 78 s).
    pub deleting: Duration,
    /// Creation or deletion of a trigger (recorded: 2.6 s and 0.7 s).
    pub trigger: Duration,
    /// Creation of a gallery image version by a request of its own, or its way to new regions (recorded: 407 s and 421 s).
    pub replicating: Duration,
    /// A change of a gallery image version that makes no replica (recorded: 150 s).
    pub updating_version: Duration,
    /// Deletion of a gallery image version (recorded: 135 s).
    pub deleting_version: Duration,
    /// Deletion of a gallery image version that can be restored (recorded: 150 s).
    pub soft_deleting_version: Duration,
    /// Restoration of a gallery image version (recorded: about 2 min).
    pub restoring_version: Duration,
    /// A change of a gallery, or the deletion of a gallery or an image definition (recorded: 0.2 s to 0.4 s).
    pub changing_gallery: Duration,
    /// From the request for a session host update until the status shows it (documented: about 20 s).
    pub update_shows: Duration,
    /// The validation of a session host update (recorded: 3 s to 56 s).
    pub validating_update: Duration,
    /// One batch of session hosts (documented: about 20 min).
    pub updating_hosts: Duration,
    /// A control action upon an update (the recorded `Retry-After` is 15 s).
    pub controlling_update: Duration,
    /// A change of a session host configuration (recorded: it had ended after 62 s).
    pub changing_configuration: Duration,
    /// From a provisioning's cancellation until its end (recorded: 2 s).
    pub canceling_provisioning: Duration,
    /// Provisioning of session hosts by the service; assumed to be like their update.
    pub provisioning_hosts: Duration,
    /// Creation of a VM (recorded: 54 s).
    pub creating_machine: Duration,
    /// From the request for a VM until its provisioning is given up (known: 20 min to 40 min).
    pub provisioning_times_out: Duration,
    /// Until the guest agent has a run command (recorded: 15 s).
    pub delivering_command: Duration,
    /// How long the script of a run command takes; assumed.
    pub running_command: Duration,
    /// Start or restart of a VM; assumed.
    pub starting_machine: Duration,
    /// Deallocation or power-off of a VM (recorded: 23 s).
    pub stopping_machine: Duration,
    /// Deletion of a VM that runs; assumed. One that is deallocated takes 0.4 s (recorded).
    pub deleting_machine: Duration,
    /// From a VM's start until its session host reports; assumed.
    pub booting_host: Duration,
    /// From a VM's creation until its session host is registered by an extension; assumed.
    pub registering_host: Duration,
    /// From a session host's registration until the deployment behind it ends; assumed.
    pub finishing_deployment: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            provisioning: Duration::from_secs(35),
            failing: Duration::from_secs(12),
            updating: Duration::from_secs(2),
            queued: Duration::from_secs(10),
            building: Duration::from_secs(230),
            customizing: Duration::from_secs(420),
            optimizing: Duration::from_secs(120),
            validating: Duration::from_secs(120),
            distributing: Duration::from_secs(480),
            closing: Duration::from_secs(65),
            canceling: Duration::from_secs(40),
            deleting: Duration::from_secs(78),
            trigger: Duration::from_secs(2),
            replicating: Duration::from_secs(410),
            updating_version: Duration::from_secs(150),
            deleting_version: Duration::from_secs(135),
            soft_deleting_version: Duration::from_secs(150),
            restoring_version: Duration::from_secs(120),
            changing_gallery: Duration::from_millis(300),
            update_shows: Duration::from_secs(20),
            validating_update: Duration::from_secs(30),
            updating_hosts: Duration::from_secs(1200),
            controlling_update: Duration::from_secs(15),
            changing_configuration: Duration::from_secs(60),
            canceling_provisioning: Duration::from_secs(2),
            provisioning_hosts: Duration::from_secs(1200),
            creating_machine: Duration::from_secs(54),
            provisioning_times_out: Duration::from_secs(1200),
            delivering_command: Duration::from_secs(15),
            running_command: Duration::from_secs(30),
            starting_machine: Duration::from_secs(30),
            stopping_machine: Duration::from_secs(23),
            deleting_machine: Duration::from_secs(40),
            booting_host: Duration::from_secs(60),
            registering_host: Duration::from_secs(240),
            finishing_deployment: Duration::from_secs(60),
        }
    }
}

impl Durations {
    /// The same proportions, `factor` times as long; for demonstrations on the clock of the machine.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for duration in [
            &mut self.provisioning,
            &mut self.failing,
            &mut self.updating,
            &mut self.queued,
            &mut self.building,
            &mut self.customizing,
            &mut self.optimizing,
            &mut self.validating,
            &mut self.distributing,
            &mut self.closing,
            &mut self.canceling,
            &mut self.deleting,
            &mut self.trigger,
            &mut self.replicating,
            &mut self.updating_version,
            &mut self.deleting_version,
            &mut self.soft_deleting_version,
            &mut self.restoring_version,
            &mut self.changing_gallery,
            &mut self.update_shows,
            &mut self.validating_update,
            &mut self.updating_hosts,
            &mut self.controlling_update,
            &mut self.changing_configuration,
            &mut self.canceling_provisioning,
            &mut self.provisioning_hosts,
            &mut self.creating_machine,
            &mut self.provisioning_times_out,
            &mut self.delivering_command,
            &mut self.running_command,
            &mut self.starting_machine,
            &mut self.stopping_machine,
            &mut self.deleting_machine,
            &mut self.booting_host,
            &mut self.registering_host,
            &mut self.finishing_deployment,
        ] {
            *duration = duration.mul_f64(factor);
        }
        self
    }
}

/// The `runSubState` of a run, in the order of the published definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubState {
    /// Waiting to begin.
    Queued,
    /// The build VM is being made.
    Building,
    /// The customizers run.
    Customizing,
    /// The image is being optimized.
    Optimizing,
    /// The validators run.
    Validating,
    /// The image goes to its targets.
    Distributing,
}

impl SubState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Building => "Building",
            Self::Customizing => "Customizing",
            Self::Optimizing => "Optimizing",
            Self::Validating => "Validating",
            Self::Distributing => "Distributing",
        }
    }
}

/// How a run ends.
///
/// In messages, `{log}` stands for the ARM path of the run's `customization.log`, `{operation}` for the id of its operation.
#[derive(Debug, Clone)]
pub enum RunFate {
    /// All targets get the image.
    Succeed,
    /// The run fails at the end of the given state, or of the last state before it when the template does not have it.
    Fail {
        /// Where.
        at: SubState,
        /// `error.code` of the run's operation.
        code: String,
        /// `lastRunStatus.message` and `error.message`.
        message: String,
    },
    /// The first `outputs` targets get the image, the others don't; the run state is `PartiallySucceeded`.
    PartiallySucceed {
        /// How many targets get the image.
        outputs: usize,
        /// `lastRunStatus.message`.
        message: String,
    },
    /// The run ends in a state that the published definition does not have, with the image at the first `outputs` targets.
    EndAs {
        /// `lastRunStatus.runState`.
        state: &'static str,
        /// How many targets get the image.
        outputs: usize,
    },
    /// The run stays in the given state (or the first one after it that the template has) until it is canceled.
    NeverEnd {
        /// Where.
        at: SubState,
    },
}

impl RunFate {
    /// A customizer failed, in the words of 2024 (Azure/azure-powershell#24244).
    pub fn customizer_failed() -> Self {
        Self::Fail {
            at: SubState::Customizing,
            code: "PackerBuildFailed".to_owned(),
            message: "During the image build a failure has occurred. Packer build logs are at location {log}. Please navigate to this \
                      location using portal or other tools to download logs for identifying which build/customization step failed. Use \
                      this operationId {operation} to search packer logs. For more troubleshooting steps go to \
                      https://aka.ms/azvmimagebuilderts."
                .to_owned(),
        }
    }

    /// A validator failed; the words are those of a customizer.
    pub fn validator_failed() -> Self {
        match Self::customizer_failed() {
            Self::Fail { code, message, .. } => Self::Fail {
                at: SubState::Validating,
                code,
                message,
            },
            other => other,
        }
    }

    /// The VM did not answer on `WinRM` or SSH; the log says so, in Packer's words.
    pub fn does_not_boot() -> Self {
        match Self::customizer_failed() {
            Self::Fail { code, message, .. } => Self::Fail {
                at: SubState::Building,
                code,
                message,
            },
            other => other,
        }
    }

    /// The time of the build was over while a validator was at work, in the words of the troubleshooting page; its log simply ends.
    pub fn out_of_time() -> Self {
        Self::Fail {
            at: SubState::Validating,
            code: "InternalOperationError".to_owned(),
            message: "Failed while waiting for packerizer: Timeout waiting for microservice to complete: 'context deadline exceeded'"
                .to_owned(),
        }
    }

    /// Where the run ends before its time, if it does.
    pub(crate) fn fails_at(&self) -> Option<SubState> {
        match self {
            Self::Fail { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// A distribution failed and the message is JSON text, as recorded in 2020.
    pub fn distribution_failed_as_json() -> Self {
        Self::Fail {
            at: SubState::Distributing,
            code: "InternalOperationError".to_owned(),
            message: "{\n  \"code\": \"InternalOperationError\",\n  \"message\": \"Failed in distributing 1 images out of total 1: Some \
                      error happened, please check the error details.\",\n  \"details\": [\n   {\n    \"code\": \
                      \"InternalOperationError\",\n    \"message\": \"Internal error occurred.\"\n   }\n  ]\n }"
                .to_owned(),
        }
    }
}

/// How provisioning, an update or a deletion of a template ends.
#[derive(Debug, Clone)]
pub enum Fate {
    /// As the request deserves.
    Deserved,
    /// It fails although the request is in order.
    Fail {
        /// `error.code` of the operation.
        code: String,
        /// `error.message`, and `provisioningError.message` of the template.
        message: String,
    },
    /// It never ends.
    NeverEnd,
}
