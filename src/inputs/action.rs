//! What a step is asked to do, and which inputs each action uses.

use super::declared::{
    ACTION, ALL_INPUTS, ARTIFACT_TAGS, BLOCK_DELETION_UNTIL_END_OF_LIFE, BOOT_TIMEOUT_IN_MINUTES,
    BUILD_TIMEOUT_IN_MINUTES, BUILD_VM_IDENTITIES, CANARY_HOSTS, COMPARE_WITH,
    CONTAINER_INSTANCE_SUBNET_ID, DISTRIBUTE_STORAGE_ACCOUNT_TYPE, END_OF_LIFE_IN_DAYS,
    FAIL_ON_CHANGE, FAIL_WHEN, GALLERY_IMAGE_ID, GRACE_IN_MINUTES, HEALTH_TIMEOUT_IN_MINUTES,
    HOST_COUNT, HOST_NAME_PREFIX, HOST_POOL_ID, IB_AZURE_RESOURCE_GROUP, IB_LOCATION,
    IB_SUBSCRIPTION, IMAGE_VERSION_ID, INVENTORY_CONTAINER, Input, KEEP_DAYS, KEEP_OLD_HOSTS,
    KEEP_TAG, KEEP_TEMPLATE, KEEP_VERSIONS, KEEP_VM_ON_FAILURE, LOG_OFF_DELAY_IN_MINUTES,
    LOG_OFF_MESSAGE, MANAGED_IDENTITY, MANAGED_RESOURCE_TAGS, MAX_HOSTS_AT_ONCE, OLDER_THAN_HOURS,
    ON_CANCEL, ON_ROLLOUT_FAILURE, OS_DISK_SIZE_GB, PACKAGE_ACCESS, PACKAGE_EXCLUDE, PACKAGE_PATH,
    PACKAGE_RETENTION_DAYS, PREVIEW, PROMOTE_TO, PROVISIONER, PROXY_VM_SIZE, RELEASE_REGIONS,
    REPLICATION_REGIONS, REPORT_HOST_POOLS, REQUIRE_TAGS, RESUME, RETAIN_ACTION, RETAIN_FAILED,
    RETAIN_HOST_POOLS, RETAIN_PREVIEW, ROLLOUT_AT, ROLLOUT_METHOD, ROLLOUT_WAIT,
    SESSION_HOST_GROUP, SESSION_HOST_PARAMETERS, SESSION_HOST_TEMPLATE, STAGING_RESOURCE_GROUP,
    STORAGE_ACCOUNT_NAME, STREAM_LOGS, TARGET_REGIONS, TEMPLATE_FILE, TEMPLATE_NAME, TEMPLATE_TAGS,
    TEST_ADMIN_PASSWORD, TEST_ENGINE, TEST_SUBNET_ID, TEST_TAG, TEST_VM_GROUP,
    VALIDATION_INLINE_SCRIPT, VM_SIZE, VNET_SUBNET_ID, WAIT_TIMEOUT_IN_MINUTES, WHEN_NOT_READY,
    WITHDRAW_LAST, WITHDRAW_REASON,
};
use super::problem::Code;
use super::reading::{Reading, Reported};
use super::spelling::{nearest, tidy};

/// What a step does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// Build the image, and wait for it.
    #[default]
    Build,
    /// Start a build, and end.
    Submit,
    /// Follow a run until its end, and collect the image.
    Wait,
    /// Start the run of a template that exists, then as [`Action::Wait`].
    Run,
    /// Look at a run once.
    Status,
    /// Cancel a run, and clean up.
    Cancel,
    /// Delete what dead jobs left.
    Sweep,
    /// Make an image version count as latest.
    Promote,
    /// Make an image version count no longer.
    Withdraw,
    /// Delete old image versions.
    Retain,
    /// Boot an image version, and run checks in it.
    Test,
    /// Compare the contents of two image versions.
    Diff,
    /// Make a host pool serve an image version.
    Rollout,
    /// Say which hosts and VMs run which version.
    Report,
    /// Show the template that would be sent.
    Render,
    /// Check everything that an action needs.
    Doctor,
}

/// Every action by the name that authors write.
pub const ACTIONS: &[(&str, Action)] = &[
    ("build", Action::Build),
    ("submit", Action::Submit),
    ("wait", Action::Wait),
    ("run", Action::Run),
    ("status", Action::Status),
    ("cancel", Action::Cancel),
    ("sweep", Action::Sweep),
    ("promote", Action::Promote),
    ("withdraw", Action::Withdraw),
    ("retain", Action::Retain),
    ("test", Action::Test),
    ("diff", Action::Diff),
    ("rollout", Action::Rollout),
    ("report", Action::Report),
    ("render", Action::Render),
    ("doctor", Action::Doctor),
];

/// What only other actions than those that compose a template use.
const NOT_FOR_BUILDS: &[Input] = &[
    WHEN_NOT_READY,
    OLDER_THAN_HOURS,
    PREVIEW,
    PROMOTE_TO,
    RELEASE_REGIONS,
    REQUIRE_TAGS,
    WITHDRAW_REASON,
    WITHDRAW_LAST,
    END_OF_LIFE_IN_DAYS,
    BLOCK_DELETION_UNTIL_END_OF_LIFE,
    KEEP_VERSIONS,
    KEEP_DAYS,
    KEEP_TAG,
    RETAIN_FAILED,
    RETAIN_HOST_POOLS,
    RETAIN_PREVIEW,
    RETAIN_ACTION,
    TEST_ENGINE,
    TEST_TAG,
    TEST_SUBNET_ID,
    TEST_VM_GROUP,
    TEST_ADMIN_PASSWORD,
    BOOT_TIMEOUT_IN_MINUTES,
    KEEP_VM_ON_FAILURE,
    HOST_POOL_ID,
    ROLLOUT_METHOD,
    MAX_HOSTS_AT_ONCE,
    LOG_OFF_DELAY_IN_MINUTES,
    LOG_OFF_MESSAGE,
    ROLLOUT_AT,
    KEEP_OLD_HOSTS,
    ON_ROLLOUT_FAILURE,
    ROLLOUT_WAIT,
    SESSION_HOST_TEMPLATE,
    SESSION_HOST_PARAMETERS,
    SESSION_HOST_GROUP,
    HOST_COUNT,
    HOST_NAME_PREFIX,
    CANARY_HOSTS,
    HEALTH_TIMEOUT_IN_MINUTES,
    GRACE_IN_MINUTES,
    REPORT_HOST_POOLS,
    FAIL_WHEN,
];

const WAIT: &[Input] = &[
    IB_AZURE_RESOURCE_GROUP,
    TEMPLATE_NAME,
    ON_CANCEL,
    WAIT_TIMEOUT_IN_MINUTES,
    WHEN_NOT_READY,
    KEEP_TEMPLATE,
    STREAM_LOGS,
    STORAGE_ACCOUNT_NAME,
    COMPARE_WITH,
    INVENTORY_CONTAINER,
    FAIL_ON_CHANGE,
];
const RUN: &[Input] = &[
    IB_AZURE_RESOURCE_GROUP,
    TEMPLATE_NAME,
    ON_CANCEL,
    WAIT_TIMEOUT_IN_MINUTES,
    KEEP_TEMPLATE,
    STREAM_LOGS,
    STORAGE_ACCOUNT_NAME,
    COMPARE_WITH,
    INVENTORY_CONTAINER,
    FAIL_ON_CHANGE,
];
const STATUS: &[Input] = &[IB_AZURE_RESOURCE_GROUP, TEMPLATE_NAME];
const CANCEL: &[Input] = &[
    IB_AZURE_RESOURCE_GROUP,
    TEMPLATE_NAME,
    KEEP_TEMPLATE,
    PREVIEW,
];
const SWEEP: &[Input] = &[
    IB_AZURE_RESOURCE_GROUP,
    OLDER_THAN_HOURS,
    STORAGE_ACCOUNT_NAME,
    PREVIEW,
];
const PROMOTE: &[Input] = &[
    IMAGE_VERSION_ID,
    GALLERY_IMAGE_ID,
    PROMOTE_TO,
    TARGET_REGIONS,
    REPLICATION_REGIONS,
    DISTRIBUTE_STORAGE_ACCOUNT_TYPE,
    RELEASE_REGIONS,
    REQUIRE_TAGS,
    END_OF_LIFE_IN_DAYS,
    BLOCK_DELETION_UNTIL_END_OF_LIFE,
    ARTIFACT_TAGS,
    PREVIEW,
];
const WITHDRAW: &[Input] = &[
    IMAGE_VERSION_ID,
    GALLERY_IMAGE_ID,
    RELEASE_REGIONS,
    WITHDRAW_REASON,
    WITHDRAW_LAST,
    END_OF_LIFE_IN_DAYS,
    BLOCK_DELETION_UNTIL_END_OF_LIFE,
    ARTIFACT_TAGS,
    PREVIEW,
];
const RETAIN: &[Input] = &[
    IB_AZURE_RESOURCE_GROUP,
    GALLERY_IMAGE_ID,
    KEEP_VERSIONS,
    KEEP_DAYS,
    KEEP_TAG,
    RETAIN_FAILED,
    RETAIN_HOST_POOLS,
    RETAIN_PREVIEW,
    RETAIN_ACTION,
    PREVIEW,
    WAIT_TIMEOUT_IN_MINUTES,
];
const TEST: &[Input] = &[
    IMAGE_VERSION_ID,
    GALLERY_IMAGE_ID,
    TEST_ENGINE,
    TEST_TAG,
    TEST_SUBNET_ID,
    TEST_VM_GROUP,
    TEST_ADMIN_PASSWORD,
    BOOT_TIMEOUT_IN_MINUTES,
    KEEP_VM_ON_FAILURE,
    IB_AZURE_RESOURCE_GROUP,
    IB_LOCATION,
    MANAGED_IDENTITY,
    TEMPLATE_FILE,
    PROVISIONER,
    VALIDATION_INLINE_SCRIPT,
    PACKAGE_PATH,
    STORAGE_ACCOUNT_NAME,
    PACKAGE_EXCLUDE,
    PACKAGE_ACCESS,
    PACKAGE_RETENTION_DAYS,
    VM_SIZE,
    OS_DISK_SIZE_GB,
    VNET_SUBNET_ID,
    CONTAINER_INSTANCE_SUBNET_ID,
    PROXY_VM_SIZE,
    BUILD_VM_IDENTITIES,
    STAGING_RESOURCE_GROUP,
    MANAGED_RESOURCE_TAGS,
    TEMPLATE_TAGS,
    BUILD_TIMEOUT_IN_MINUTES,
    RESUME,
    STREAM_LOGS,
];
const DIFF: &[Input] = &[
    IMAGE_VERSION_ID,
    GALLERY_IMAGE_ID,
    STORAGE_ACCOUNT_NAME,
    COMPARE_WITH,
    INVENTORY_CONTAINER,
    FAIL_ON_CHANGE,
];
const ROLLOUT: &[Input] = &[
    IMAGE_VERSION_ID,
    GALLERY_IMAGE_ID,
    REQUIRE_TAGS,
    HOST_POOL_ID,
    ROLLOUT_METHOD,
    MAX_HOSTS_AT_ONCE,
    LOG_OFF_DELAY_IN_MINUTES,
    LOG_OFF_MESSAGE,
    ROLLOUT_AT,
    KEEP_OLD_HOSTS,
    ON_ROLLOUT_FAILURE,
    ROLLOUT_WAIT,
    SESSION_HOST_TEMPLATE,
    SESSION_HOST_PARAMETERS,
    SESSION_HOST_GROUP,
    HOST_COUNT,
    HOST_NAME_PREFIX,
    CANARY_HOSTS,
    HEALTH_TIMEOUT_IN_MINUTES,
    GRACE_IN_MINUTES,
    ON_CANCEL,
    WAIT_TIMEOUT_IN_MINUTES,
    WHEN_NOT_READY,
    PREVIEW,
];
const REPORT: &[Input] = &[GALLERY_IMAGE_ID, REPORT_HOST_POOLS, FAIL_WHEN];

impl Action {
    /// The name that authors write.
    pub fn name(self) -> &'static str {
        let mut all = ACTIONS.iter();
        all.find(|(_, action)| *action == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether the inputs are those of a build, whatever becomes of it.
    pub fn composes_a_template(self) -> bool {
        self.own_inputs().is_none()
    }

    /// The inputs that have an effect with this action, beside those of the action and of the service connection. `None` for those of a build.
    fn own_inputs(self) -> Option<&'static [Input]> {
        match self {
            Self::Wait => Some(WAIT),
            Self::Run => Some(RUN),
            Self::Status => Some(STATUS),
            Self::Cancel => Some(CANCEL),
            Self::Sweep => Some(SWEEP),
            Self::Promote => Some(PROMOTE),
            Self::Withdraw => Some(WITHDRAW),
            Self::Retain => Some(RETAIN),
            Self::Test => Some(TEST),
            Self::Diff => Some(DIFF),
            Self::Rollout => Some(ROLLOUT),
            Self::Report => Some(REPORT),
            Self::Build | Self::Submit | Self::Render | Self::Doctor => None,
        }
    }

    /// Whether `input` has an effect with this action.
    pub fn uses(self, input: &Input) -> bool {
        if [&ACTION, &IB_SUBSCRIPTION].contains(&input) {
            return true;
        }
        match self {
            // What is checked is what any action needs.
            Self::Doctor => true,
            Self::Build => !NOT_FOR_BUILDS.contains(input),
            Self::Submit => {
                let waiting = [&ON_CANCEL, &WAIT_TIMEOUT_IN_MINUTES, &STREAM_LOGS];
                !NOT_FOR_BUILDS.contains(input) && !waiting.contains(&input)
            }
            Self::Render => {
                let running = [
                    &RESUME,
                    &ON_CANCEL,
                    &WAIT_TIMEOUT_IN_MINUTES,
                    &KEEP_TEMPLATE,
                    &STREAM_LOGS,
                    &COMPARE_WITH,
                    &INVENTORY_CONTAINER,
                    &FAIL_ON_CHANGE,
                ];
                !NOT_FOR_BUILDS.contains(input) && !running.contains(&input)
            }
            _ => self
                .own_inputs()
                .is_some_and(|inputs| inputs.contains(input)),
        }
    }
}

/// The action of the step.
pub(super) fn read(reading: &mut Reading<'_>) -> Result<Action, Reported> {
    let action = reading.choice_or_default(&ACTION, ACTIONS)?;
    let action = action.unwrap_or_default();
    warn_of_unused(reading, action);
    Ok(action)
}

/// The action whose needs the doctor looks at: the one that uses all the inputs that are given, a build if there is none.
pub(super) fn examined(reading: &Reading<'_>) -> Action {
    let fits = |action: Action| {
        let mut given = ALL_INPUTS
            .iter()
            .filter(|input| reading.is_set(input) && !is_left_out_by_the_agent(reading, input));
        given.all(|input| action.uses(input))
    };
    if reading.is_set(&HOST_POOL_ID) && fits(Action::Rollout) {
        return Action::Rollout;
    }
    if reading.is_set(&IMAGE_VERSION_ID) {
        let of_versions = [Action::Promote, Action::Withdraw].into_iter();
        if let Some(action) = of_versions.into_iter().find(|action| fits(*action)) {
            return action;
        }
        if fits(Action::Test) {
            return Action::Test;
        }
    }
    let of_reports = [&REPORT_HOST_POOLS, &FAIL_WHEN];
    if of_reports.iter().any(|input| reading.is_set(input)) && fits(Action::Report) {
        return Action::Report;
    }
    if reading.is_set(&GALLERY_IMAGE_ID) && fits(Action::Retain) {
        return Action::Retain;
    }
    Action::Build
}

/// Whether an action that is none looks more like a build than like anything else.
pub(super) fn is_nearly_a_build(reading: &Reading<'_>) -> bool {
    let names = ACTIONS.iter().map(|(name, _)| *name);
    let near = nearest(tidy(reading.raw(&ACTION)), names);
    let near = near.and_then(|near| ACTIONS.iter().find(|(name, _)| *name == near));
    near.is_none_or(|(_, action)| action.composes_a_template())
}

/// An author who gives an input expects that it does something.
fn warn_of_unused(reading: &mut Reading<'_>, action: Action) {
    let unused = ALL_INPUTS.iter().filter(|input| !action.uses(input));
    for input in unused {
        if !reading.is_set(input) || is_left_out_by_the_agent(reading, input) {
            continue;
        }
        let using: Vec<&str> = ACTIONS
            .iter()
            .filter(|(_, other)| *other != Action::Doctor && other.uses(input))
            .map(|(name, _)| *name)
            .collect();
        let text = format!(
            "Input '{}': it has no effect with action '{}'",
            input.name,
            action.name()
        );
        let hint = format!(
            "remove '{}'; it is an input of {}",
            input.name,
            using.join(", ")
        );
        reading.warn(Code::Contradiction, text, Some(hint));
    }
}

/// The agent makes the sources folder of an empty input of type `filePath`.
fn is_left_out_by_the_agent(reading: &Reading<'_>, input: &Input) -> bool {
    if *input != PACKAGE_PATH {
        return false;
    }
    let sources = reading.given().sources_directory.as_ref();
    let text = tidy(reading.raw(input));
    sources.is_some_and(|sources| std::path::Path::new(text) == sources.as_path())
}

#[cfg(test)]
mod tests {
    use super::super::Given;
    use super::*;
    use crate::inputs::declared::VM_SIZE;

    fn warnings(inputs: &[(&str, &str)]) -> Vec<String> {
        let inputs = inputs.iter();
        let given = Given {
            inputs: inputs
                .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
                .collect(),
            sources_directory: Some("/agent/1/s".into()),
            ..Given::default()
        };
        let mut reading = Reading::new(&given);
        let action = read(&mut reading);
        let (_, warnings) = reading.finish(action).unwrap();
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn inputs_of_other_actions_are_warned_of() {
        let none: [&str; 0] = [];
        assert_eq!(warnings(&[("vmSize", "Standard_D2s_v5")]), none);
        assert_eq!(
            warnings(&[("action", "wait"), ("vmSize", VM_SIZE.default)]),
            none
        );
        assert_eq!(
            warnings(&[("action", "wait"), ("packagePath", "/agent/1/s")]),
            none
        );
        assert_eq!(
            warnings(&[("action", "wait"), ("vmSize", "Standard_D2s_v5")]),
            ["Input 'vmSize': it has no effect with action 'wait'"]
        );
        assert_eq!(
            warnings(&[("action", "submit"), ("onCancel", "leave")]),
            ["Input 'onCancel': it has no effect with action 'submit'"]
        );
        assert_eq!(
            warnings(&[("action", "sweep"), ("storageAccountName", "stimages")]),
            none
        );
        assert_eq!(
            warnings(&[("action", "withdraw"), ("requireTags", "a=b")]),
            ["Input 'requireTags': it has no effect with action 'withdraw'"]
        );
        assert_eq!(
            warnings(&[("action", "doctor"), ("requireTags", "a=b")]),
            none
        );
        assert_eq!(
            warnings(&[("keepVersions", "3")]),
            ["Input 'keepVersions': it has no effect with action 'build'"]
        );
    }

    #[test]
    fn the_doctor_looks_at_the_action_that_the_inputs_fit() {
        let of = |inputs: &[(&str, &str)]| {
            let inputs = inputs.iter();
            let given = Given {
                inputs: inputs
                    .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
                    .collect(),
                ..Given::default()
            };
            examined(&Reading::new(&given))
        };
        let definition = ("galleryImageId", "/subscriptions/s");
        assert_eq!(of(&[definition, ("keepDays", "3")]), Action::Retain);
        assert_eq!(
            of(&[definition, ("vmSize", VM_SIZE.default)]),
            Action::Retain
        );
        assert_eq!(of(&[definition, ("managedIdentity", "/x")]), Action::Build);
        assert_eq!(of(&[("keepDays", "3")]), Action::Build);
        assert_eq!(of(&[]), Action::Build);
    }

    #[test]
    fn every_action_is_offered_by_the_form() {
        let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
        let mut options = ACTION.options.to_vec();
        options.sort_unstable();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, options);
        for (name, action) in ACTIONS {
            assert_eq!(action.name(), *name);
        }
    }

    #[test]
    fn every_input_has_an_action() {
        for input in ALL_INPUTS {
            let mut actions = ACTIONS
                .iter()
                .filter(|(_, action)| *action != Action::Doctor);
            assert!(
                actions.any(|(_, action)| action.uses(input)),
                "{}",
                input.name
            );
        }
    }
}
