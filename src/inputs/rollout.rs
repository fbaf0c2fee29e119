//! What `action: rollout` needs: a host pool, the image that it is to serve, how it gets there, and what users read before they are signed out.

mod expressions;
mod host_file;
mod host_template;
mod image;
mod limits;
mod method;
mod names;
mod start;

use std::time::Duration;

use time::OffsetDateTime;

use self::method::RolloutMethod::{Existing, Replace, SessionHostUpdate};
use super::connection::Connection;
use super::long_build::{self, OnCancel, WhenNotReady};
use super::manifest::{
    CANARY_HOSTS, GRACE_IN_MINUTES, HEALTH_TIMEOUT_IN_MINUTES, HOST_COUNT, HOST_POOL_ID,
    KEEP_OLD_HOSTS, LOG_OFF_DELAY_IN_MINUTES, LOG_OFF_MESSAGE, MAX_HOSTS_AT_ONCE,
    ON_ROLLOUT_FAILURE, PREVIEW, REQUIRE_TAGS, ROLLOUT_METHOD, ROLLOUT_WAIT, SESSION_HOST_GROUP,
};
use super::problem::{Code, Form, Problem, Warning};
use super::reader::resource::{RESOURCE_GROUP, is_resource_group_name, last_of_id};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::HOST_POOL;
use super::{release, service_connection};
use crate::resource::{ResourceGroupId, ResourceId};
use crate::secret::Masker;

pub use host_template::{DeclaredParameter, HostParameters, HostTemplate, TASK_PARAMETERS};
pub use image::WantedImage;
pub use limits::Limit;
pub use method::{OnRolloutFailure, RolloutMethod};
pub use names::Names;

/// A roll-out of an image to a host pool.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// The service connection.
    pub connection: Connection,
    /// The host pool.
    pub pool: ResourceId,
    /// The image.
    pub image: WantedImage,
    /// The tags that the version must have.
    pub required: Vec<(String, String)>,
    /// The method; what fits the pool, where none is given.
    pub method: Option<RolloutMethod>,
    /// How many hosts are updated or drained at once.
    pub most_at_once: u32,
    /// Minutes that users have to save their work, in a session host update.
    pub log_off_delay: u32,
    /// The author's own message to users, not filled in.
    message: Option<String>,
    /// When an update begins; at once without it.
    pub at: Option<OffsetDateTime>,
    /// Whether the old hosts stay; by default it depends on the method.
    keeps_old: Option<bool>,
    /// What becomes of a roll-out that fails.
    pub on_failure: OnRolloutFailure,
    /// Whether the step follows the roll-out to its end; by default unless it begins later.
    pub waits: Option<bool>,
    /// How long is waited; without it there is no limit.
    pub wait_limit: Option<Duration>,
    /// How the step ends when that is over.
    pub when_not_ready: WhenNotReady,
    /// What a canceled job does.
    pub on_cancel: OnCancel,
    /// The template that deploys session hosts.
    pub template: Option<HostTemplate>,
    /// Its parameters, without those that the task fills in.
    pub parameters: HostParameters,
    /// Where session hosts are deployed.
    pub group: ResourceGroupId,
    /// How many hosts of the version users have in the end; without it as many as now.
    pub host_count: Option<u32>,
    /// What the names of hosts and deployments are made of.
    pub names: Names,
    /// How many hosts are tried first.
    pub canary: u32,
    /// How long a host may take to be healthy.
    pub health_limit: Duration,
    /// How long sessions on old hosts may go on after the message; zero for as long as they like.
    pub grace: Duration,
    /// Whether nothing is changed.
    pub preview: bool,
    /// The inputs that the author has set and that only some methods use.
    of_methods: Vec<&'static str>,
    /// The beginning of the names of the files that the step writes.
    pub name: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

impl Rollout {
    /// What users read before they are signed out, filled in.
    pub fn message(&self, method: RolloutMethod) -> String {
        let minutes = match method {
            RolloutMethod::SessionHostUpdate => u64::from(self.log_off_delay),
            RolloutMethod::Replace | RolloutMethod::Existing => self.grace.as_secs() / 60,
        };
        filled_in(self.message.as_deref(), method, minutes)
    }

    /// Whether the old hosts stay. Without the author's word only those that were replaced do: of an update the way back is another update.
    pub fn keeps_old(&self, method: RolloutMethod) -> bool {
        let stays = method == RolloutMethod::Replace;
        self.keeps_old.unwrap_or(stays)
    }

    /// Whether the step follows the roll-out to its end.
    pub fn is_followed(&self) -> bool {
        self.waits.unwrap_or(self.at.is_none())
    }

    /// What the author is warned of once `method` is chosen: inputs without effect. Nothing where the author chose it, and was told before.
    pub fn without_effect(&self, method: RolloutMethod) -> Vec<Warning> {
        if self.method.is_some() {
            return Vec::new();
        }
        method::without_effect(&self.of_methods, method)
    }
}

const METHODS: &[(&str, Option<RolloutMethod>)] = &[
    ("auto", None),
    ("sessionHostUpdate", Some(RolloutMethod::SessionHostUpdate)),
    ("replace", Some(RolloutMethod::Replace)),
    ("existing", Some(RolloutMethod::Existing)),
];
const ON_FAILURES: &[(&str, OnRolloutFailure)] = &[
    ("retry", OnRolloutFailure::Retry),
    ("cancel", OnRolloutFailure::Cancel),
    ("back", OnRolloutFailure::Back),
    ("leave", OnRolloutFailure::Leave),
];
const YES_OR_NO: &[(&str, bool)] = &[("true", true), ("false", false)];

/// More than any pool has.
const MOST_HOSTS: u32 = 10_000;
/// A week.
const MOST_MINUTES: u32 = 7 * 24 * 60;

const HOSTS: Form = Form {
    what: "a number of hosts",
    format: "a whole number from 1 to 10000",
    example: "1",
};
const CANARY: Form = Form {
    what: "a number of hosts",
    format: "a whole number from 0 to 10000",
    example: "1",
};
const COUNT: Form = Form {
    what: "a number of hosts",
    format: "'same' or a whole number from 1 to 10000",
    example: "8",
};
const DELAY: Form = Form {
    what: "a number of minutes",
    format: "a whole number from 0 to 60",
    example: "15",
};
const HEALTH: Form = Form {
    what: "a number of minutes",
    format: "a whole number from 1 to 10080",
    example: "30",
};
const GRACE: Form = Form {
    what: "a number of minutes",
    format: "a whole number from 0 to 10080",
    example: "60",
};

/// Every part is read before the first `?`, so that each part reports its problems.
#[expect(clippy::too_many_lines, reason = "two lines for each input")]
pub(super) fn read(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Rollout, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let pool = reader.required_id(&HOST_POOL_ID, HOST_POOL);
    let method = reader.choice_or_default(&ROLLOUT_METHOD, METHODS);
    let method = method.map(Option::flatten);
    let known = method.clone().ok().flatten();
    let image = image::read(reader, known);
    let required = release::required_tags(reader);
    let hosts = reader.number(&MAX_HOSTS_AT_ONCE, 1..=MOST_HOSTS, HOSTS);
    let delay = reader.number(&LOG_OFF_DELAY_IN_MINUTES, 0..=60, DELAY);
    let delay = delay.map(|delay| delay.unwrap_or(15));
    let grace = reader.number(&GRACE_IN_MINUTES, 0..=MOST_MINUTES, GRACE);
    let grace = grace.map(Option::unwrap_or_default);
    let minutes = (
        delay.clone().unwrap_or(60),
        grace.clone().unwrap_or(MOST_MINUTES),
    );
    let message = log_off_message(reader, known, minutes);
    let at = start::read(reader, known);
    let keeps_old = reader.choice_or_default(&KEEP_OLD_HOSTS, YES_OR_NO);
    let on_failure = reader.choice_or_default(&ON_ROLLOUT_FAILURE, ON_FAILURES);
    let waits = reader.choice_or_default(&ROLLOUT_WAIT, YES_OR_NO);
    let wait_limit = long_build::wait_limit(reader);
    let when_not_ready = long_build::when_not_ready(reader);
    let on_cancel = long_build::on_cancel(reader);
    let is_replace = known == Some(RolloutMethod::Replace);
    let hosts_made = host_template::read(reader, is_replace, masker);
    let group = group(reader, pool.as_ref().ok());
    let host_count = host_count(reader);
    let names = names::read(reader, pool.as_ref().ok(), &host_count);
    let canary = reader.number(&CANARY_HOSTS, 0..=MOST_HOSTS, CANARY);
    let health = reader.number(&HEALTH_TIMEOUT_IN_MINUTES, 1..=MOST_MINUTES, HEALTH);
    let preview = reader.flag(&PREVIEW);
    let of_methods = method::set_inputs(reader);
    if let Some(method) = known {
        method::warn_of_unused(reader, &of_methods, method);
    }
    let (template, parameters) = hosts_made?;
    let image = image?;
    let required = required?;
    if !required.is_empty() && matches!(image, WantedImage::Marketplace { .. }) {
        let hint = format!("remove '{}'", REQUIRE_TAGS.name);
        let reason = "because an image of the Marketplace has no tags";
        reader.warn_without_effect(&REQUIRE_TAGS, reason, &hint);
    }
    let given = reader.raw_inputs();
    Ok(Rollout {
        connection: connection?,
        pool: pool?,
        image,
        required,
        method: method?,
        most_at_once: hosts?.unwrap_or(1),
        log_off_delay: delay?,
        message: message?,
        at: at?,
        keeps_old: keeps_old?,
        on_failure: on_failure?.unwrap_or_default(),
        waits: waits?,
        wait_limit: wait_limit?,
        when_not_ready: when_not_ready?,
        on_cancel: on_cancel?.unwrap_or(OnCancel::Leave),
        template,
        parameters,
        group: group?,
        host_count: host_count?,
        names: names?,
        canary: canary?.unwrap_or(1),
        health_limit: minutes_of(health?.unwrap_or(30)),
        grace: minutes_of(grace?),
        preview: preview?,
        of_methods,
        name: given.template_name(),
        warnings: Vec::new(),
    })
}

fn minutes_of(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}

/// The resource group of the deployment, in the subscription of the pool.
fn group(
    reader: &mut Reader<'_>,
    pool: Option<&ResourceId>,
) -> Result<ResourceGroupId, AlreadyReported> {
    let subscription = pool.map_or("", ResourceId::subscription);
    match reader.optional(&SESSION_HOST_GROUP)? {
        Some(text) if is_resource_group_name(text) => Ok(ResourceGroupId::new(subscription, text)),
        Some(text) => {
            let hint = last_of_id(text).map(|name| format!("use only the name: '{name}'"));
            Err(reader.malformed(&SESSION_HOST_GROUP, text, RESOURCE_GROUP, hint))
        }
        None => Ok(pool.map_or_else(|| ResourceGroupId::new("", ""), ResourceId::group)),
    }
}

fn host_count(reader: &mut Reader<'_>) -> Result<Option<u32>, AlreadyReported> {
    match reader.optional(&HOST_COUNT)? {
        Some(text) if !text.eq_ignore_ascii_case("same") => {
            reader.number(&HOST_COUNT, 1..=MOST_HOSTS, COUNT)
        }
        _ => Ok(None),
    }
}

/// What stands for the minutes.
const MINUTES: &str = "{minutes}";
/// The longest that the service takes (published definition).
const LONGEST_MESSAGE: usize = 260;

/// The author's own message. `minutes` are those of a session host update, and those of the other methods.
fn log_off_message(
    reader: &mut Reader<'_>,
    method: Option<RolloutMethod>,
    minutes: (u32, u32),
) -> Result<Option<String>, AlreadyReported> {
    let input = &LOG_OFF_MESSAGE;
    let Some(text) = reader.optional_lines(input)? else {
        return Ok(None);
    };
    let mut refuse = |code, sentence: String, hint: &str| {
        Err(reader.report(Problem::new(code, input, sentence, Some(hint.to_owned()))))
    };
    let methods = match method {
        Some(method) => vec![method],
        _ => vec![SessionHostUpdate, Replace],
    };
    let longest = methods.into_iter().map(|method| {
        let minutes = if method == SessionHostUpdate {
            minutes.0
        } else {
            minutes.1
        };
        filled_in(Some(text), method, u64::from(minutes))
            .chars()
            .count()
    });
    let longest = longest.max().unwrap_or_default();
    if longest > LONGEST_MESSAGE {
        let sentence = format!(
            "the message has {longest} characters with the minutes filled in; the service takes at most {LONGEST_MESSAGE}"
        );
        return refuse(Code::Malformed, sentence, "shorten the message");
    }
    if let Some(secret) = reader.raw_inputs().secret_in(text) {
        let sentence = format!("it contains {secret}; every user would read it");
        let problem = Problem::new(
            Code::Exposed,
            input,
            sentence,
            Some("write a message without it".to_owned()),
        );
        return Err(reader.report(problem));
    }
    Ok(Some(text.to_owned()))
}

/// The message with its minutes, or the usual one.
fn filled_in(own: Option<&str>, method: RolloutMethod, minutes: u64) -> String {
    let usual = match (method, minutes) {
        (SessionHostUpdate, 0) => "This desktop is updated now.",
        (Replace | Existing, 0) => "This desktop is updated when you next sign out.",
        _ => "This desktop is updated in {minutes} minutes. Save your work.",
    };
    own.unwrap_or(usual).replace(MINUTES, &minutes.to_string())
}

#[cfg(test)]
mod inputs_tests;
