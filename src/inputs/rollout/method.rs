//! How a host pool gets to serve an image, which inputs only some of the methods use, and what becomes of a roll-out that fails.

use self::RolloutMethod::{Existing, Replace, SessionHostUpdate};
use crate::inputs::manifest::{
    CANARY_HOSTS, GRACE_IN_MINUTES, HEALTH_TIMEOUT_IN_MINUTES, HOST_COUNT, HOST_NAME_PREFIX, Input,
    KEEP_OLD_HOSTS, LOG_OFF_DELAY_IN_MINUTES, LOG_OFF_MESSAGE, MAX_HOSTS_AT_ONCE,
    ON_ROLLOUT_FAILURE, SESSION_HOST_GROUP, SESSION_HOST_PARAMETERS, SESSION_HOST_TEMPLATE,
};
use crate::inputs::problem::{Code, Warning};
use crate::inputs::reader::Reader;

/// How a host pool gets to serve an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutMethod {
    /// The service replaces the hosts.
    SessionHostUpdate,
    /// The step deploys new hosts, and drains the old ones.
    Replace,
    /// Hosts of the version that are there let users in, and the others are drained.
    Existing,
}

impl RolloutMethod {
    /// The word that authors write.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionHostUpdate => "sessionHostUpdate",
            Self::Replace => "replace",
            Self::Existing => "existing",
        }
    }
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

/// The inputs that only some methods use, each with these. The start of an update is none of them: with another method it is an error.
const USED_BY: &[(Input, &[RolloutMethod])] = &[
    (MAX_HOSTS_AT_ONCE, &[SessionHostUpdate, Replace]),
    (LOG_OFF_DELAY_IN_MINUTES, &[SessionHostUpdate]),
    (LOG_OFF_MESSAGE, &[SessionHostUpdate, Replace]),
    (KEEP_OLD_HOSTS, &[SessionHostUpdate, Replace]),
    (ON_ROLLOUT_FAILURE, &[SessionHostUpdate, Replace]),
    (SESSION_HOST_TEMPLATE, &[Replace]),
    (SESSION_HOST_PARAMETERS, &[Replace]),
    (SESSION_HOST_GROUP, &[Replace]),
    (HOST_COUNT, &[Replace, Existing]),
    (HOST_NAME_PREFIX, &[Replace]),
    (CANARY_HOSTS, &[Replace, Existing]),
    (HEALTH_TIMEOUT_IN_MINUTES, &[Replace, Existing]),
    (GRACE_IN_MINUTES, &[Replace]),
];

/// Those of them that the author has set.
pub(super) fn set_inputs(reader: &Reader<'_>) -> Vec<&'static str> {
    let all = USED_BY.iter();
    let set = all.filter(|(input, _)| reader.is_set(input));
    set.map(|(input, _)| input.name).collect()
}

/// Warns of those that `method` does not use.
pub(super) fn warn_of_unused(
    reader: &mut Reader<'_>,
    given: &[&'static str],
    method: RolloutMethod,
) {
    for warning in without_effect(given, method) {
        reader.warn(warning.code, warning.text, warning.hint);
    }
}

/// The same as warnings.
pub(super) fn without_effect(given: &[&'static str], method: RolloutMethod) -> Vec<Warning> {
    let unused = USED_BY
        .iter()
        .filter(|(input, methods)| given.contains(&input.name) && !methods.contains(&method));
    let warning = |(input, methods): &(Input, &[RolloutMethod])| {
        let names: Vec<_> = methods.iter().map(|method| method.name()).collect();
        Warning {
            code: Code::Contradiction,
            text: format!(
                "Input '{}': it has no effect with rolloutMethod '{}'",
                input.name,
                method.name()
            ),
            hint: Some(format!(
                "remove '{}'; it is an input of {}",
                input.name,
                names.join(" and ")
            )),
        }
    };
    unused.map(warning).collect()
}
