//! What `action: rollout` needs: a host pool, the image that it is to serve, and how it gets there.

use std::time::Duration;

use super::connection::Connection;
use super::declared::{
    CANARY_HOSTS, GRACE_IN_MINUTES, HEALTH_TIMEOUT_IN_MINUTES, HOST_COUNT, HOST_NAME_PREFIX,
    HOST_POOL_ID, KEEP_OLD_HOSTS, LOG_OFF_DELAY_IN_MINUTES, LOG_OFF_MESSAGE, MAX_HOSTS_AT_ONCE,
    ON_ROLLOUT_FAILURE, PREVIEW, REQUIRE_TAGS, ROLLOUT_AT, ROLLOUT_METHOD, ROLLOUT_WAIT,
    SESSION_HOST_GROUP, SESSION_HOST_PARAMETERS, SESSION_HOST_TEMPLATE,
};
use super::life::{self, OnCancel, WhenNotReady};
use super::problem::{Form, Warning};
use super::reading::{Reading, Reported};
use super::resource_kind::HOST_POOL;
use super::{given_version, service_connection};
use crate::resource::ResourceId;
use crate::secret::Masker;

/// How a host pool gets to serve an image version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RolloutMethod {
    /// What fits the pool.
    #[default]
    Auto,
    /// The service replaces the hosts.
    SessionHostUpdate,
    /// The step deploys new hosts, and drains the old ones.
    Replace,
    /// Hosts that are there are let in and drained.
    Existing,
}

/// What becomes of a roll-out that fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnRolloutFailure {
    /// It is tried once more, then canceled.
    #[default]
    Retry,
    /// It is canceled.
    Cancel,
    /// It is canceled, and the image of before comes back.
    Back,
    /// Nothing is changed any more.
    Leave,
}

/// An image version that a host pool is to serve.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// Who signs in, and where.
    pub connection: Connection,
    /// The host pool.
    pub host_pool: ResourceId,
    /// The version.
    pub version: ResourceId,
    /// The method.
    pub method: RolloutMethod,
    /// So many hosts are changed at once.
    pub max_hosts_at_once: u32,
    /// For so long users can save their work.
    pub log_off_delay: Duration,
    /// What users are told.
    pub log_off_message: Option<String>,
    /// When an update starts.
    pub at: Option<String>,
    /// Whether the old hosts stay; by default it depends on the method.
    pub keep_old_hosts: Option<bool>,
    /// What becomes of a roll-out that fails.
    pub on_failure: OnRolloutFailure,
    /// Whether the step follows the roll-out until its end; by default it depends on `at`.
    pub wait: Option<bool>,
    /// How long is waited; without it there is no limit.
    pub wait_limit: Option<Duration>,
    /// How the step ends when that is over.
    pub when_not_ready: WhenNotReady,
    /// What a canceled job does.
    pub on_cancel: Option<OnCancel>,
    /// Whether nothing is changed.
    pub preview: bool,
    /// What the names of files begin with.
    pub name: String,
    /// What is worth telling the author although it does not stop the step.
    pub warnings: Vec<Warning>,
}

const METHODS: &[(&str, RolloutMethod)] = &[
    ("auto", RolloutMethod::Auto),
    ("sessionHostUpdate", RolloutMethod::SessionHostUpdate),
    ("replace", RolloutMethod::Replace),
    ("existing", RolloutMethod::Existing),
];
const ON_FAILURES: &[(&str, OnRolloutFailure)] = &[
    ("retry", OnRolloutFailure::Retry),
    ("cancel", OnRolloutFailure::Cancel),
    ("back", OnRolloutFailure::Back),
    ("leave", OnRolloutFailure::Leave),
];
const YES_OR_NO: &[(&str, bool)] = &[("true", true), ("false", false)];
const HOSTS: Form = Form {
    what: "a number of hosts",
    looks: "a whole number from 1 to 10000",
    example: "1",
};
const MINUTES: Form = Form {
    what: "a number of minutes",
    looks: "a whole number from 0 to 60",
    example: "15",
};

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Rollout, Reported> {
    let connection = service_connection::read(reading, masker);
    let host_pool = reading.required_id(&HOST_POOL_ID, HOST_POOL);
    let version = given_version::read(reading);
    let method = reading.choice_or_default(&ROLLOUT_METHOD, METHODS);
    let hosts = reading.number(&MAX_HOSTS_AT_ONCE, 1..=10_000, HOSTS);
    let delay = reading.number(&LOG_OFF_DELAY_IN_MINUTES, 0..=60, MINUTES);
    let message = reading.optional(&LOG_OFF_MESSAGE);
    let at = reading.optional(&ROLLOUT_AT);
    let keep = reading.choice_or_default(&KEEP_OLD_HOSTS, YES_OR_NO);
    let on_failure = reading.choice_or_default(&ON_ROLLOUT_FAILURE, ON_FAILURES);
    let wait = reading.choice_or_default(&ROLLOUT_WAIT, YES_OR_NO);
    let wait_limit = life::wait_limit(reading);
    let when_not_ready = life::when_not_ready(reading);
    let on_cancel = life::on_cancel(reading);
    let preview = reading.flag(&PREVIEW);
    // Their owner reads them.
    for input in [
        REQUIRE_TAGS,
        SESSION_HOST_TEMPLATE,
        SESSION_HOST_PARAMETERS,
        SESSION_HOST_GROUP,
        HOST_COUNT,
        HOST_NAME_PREFIX,
        CANARY_HOSTS,
        HEALTH_TIMEOUT_IN_MINUTES,
        GRACE_IN_MINUTES,
    ] {
        reading.optional_lines(&input)?;
    }
    let delay = delay?.unwrap_or(15);
    Ok(Rollout {
        connection: connection?,
        host_pool: host_pool?,
        version: version?,
        method: method?.unwrap_or_default(),
        max_hosts_at_once: hosts?.unwrap_or(1),
        log_off_delay: Duration::from_secs(u64::from(delay) * 60),
        log_off_message: message?.map(str::to_owned),
        at: at?.map(str::to_owned),
        keep_old_hosts: keep?,
        on_failure: on_failure?.unwrap_or_default(),
        wait: wait?,
        wait_limit: wait_limit?,
        when_not_ready: when_not_ready?,
        on_cancel: on_cancel?,
        preview: preview?,
        name: reading.given().template_name(),
        warnings: Vec::new(),
    })
}
