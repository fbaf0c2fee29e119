//! Tags of an image version: they change, and nothing else does.

use std::fmt;

use http::StatusCode;

use super::change::{Change, NotChanged, Progress};
use crate::arm::gallery::{Body, State};
use crate::arm::{Arm, Failure};
use crate::resource::ResourceId;
use crate::resource::tag::MOST_TAGS;
use crate::wording::duration;

/// Why a version did not get its tags.
#[derive(Debug, Clone, PartialEq)]
pub enum NotTagged {
    /// Azure refused, or could not be reached.
    Azure(Failure),
    /// It would have more than Azure permits.
    TooMany(usize),
    /// It is gone, or is being deleted.
    Gone,
    /// The change began and ended badly, or did not end.
    Unfinished(String),
}

impl NotTagged {
    /// Whether the service connection lacks the permission.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Azure(failure) if failure.is(StatusCode::FORBIDDEN))
    }
}

impl fmt::Display for NotTagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Azure(failure) => write!(f, "{failure}"),
            Self::TooMany(count) => write!(
                f,
                "it would have {count} tags, and Azure allows {MOST_TAGS}"
            ),
            Self::Gone => f.write_str("it is gone"),
            Self::Unfinished(what) => f.write_str(what),
        }
    }
}

/// Writes `tags` on version `id`, unless it has them already. A change that someone else makes meanwhile is never undone: the request is made of
/// the version as it is.
///
/// # Errors
/// The version does not get its tags, whatever the reason; it is as it was, as far as this program knows.
pub async fn tag_version(
    arm: &Arm,
    id: &ResourceId,
    tags: &[(String, String)],
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<(), NotTagged> {
    let seen = arm.version(id).await.map_err(NotTagged::Azure)?;
    let change = Change {
        arm,
        id,
        replicates: false,
        tell,
    };
    let wanted = |seen: Option<&crate::arm::gallery::Version>| {
        let seen = seen.filter(|seen| seen.state != State::Deleting);
        let seen = seen.ok_or(NotTagged::Gone)?;
        let before = Body::of(seen);
        let mut body = before.clone();
        for (name, value) in tags {
            body.set_tag(name, value);
        }
        if body.tags() > MOST_TAGS {
            return Err(NotTagged::TooMany(body.tags()));
        }
        Ok((!body.is_like(&before, &[])).then_some(body))
    };
    match change.make(seen, &wanted).await {
        Ok(_) => Ok(()),
        Err(NotChanged::Unwanted(why)) => Err(why),
        Err(NotChanged::Azure(failure)) => Err(NotTagged::Azure(failure)),
        Err(NotChanged::Gone) => Err(NotTagged::Gone),
        Err(NotChanged::Ended { code, message }) => Err(NotTagged::Unfinished(format!(
            "Azure ended the change with {code}: {message}"
        ))),
        Err(NotChanged::Late { state, limit }) => Err(NotTagged::Unfinished(format!(
            "it was still in state {state} after {}",
            duration(limit)
        ))),
    }
}
