//! What went wrong with a request, as data: who was asked for what, who refused, and why.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::auth::SignInFailure;
use super::http::{Sent, TransportError};
use super::refusal::Refusal;
use super::retry::Attempts;

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What we were doing, as it reads before "failed": `Creating image template 't_1'`.
    pub doing: String,
    /// Who refused, and why.
    pub cause: Cause,
    /// How often the request was sent.
    pub tries: u32,
    /// From the first try to giving up.
    pub elapsed: Duration,
    /// The server's id of the last answer, for a support request.
    pub request_id: Option<String>,
}

/// Who refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The server answered with an error.
    Refused(Refusal),
    /// There was no answer.
    Unreachable {
        /// Host that was asked.
        host: String,
        /// What broke.
        error: TransportError,
    },
    /// The server answered with success and something that cannot be read as what was asked for.
    Unreadable(String),
    /// The cloud offers only an older version of the API, and this version does not know these members of the template.
    TooNew {
        /// The version that the cloud offers.
        offered: &'static str,
        /// Their places, `properties.distribute[0].replicationMode`.
        members: Vec<String>,
    },
    /// No token for the request.
    SignIn(SignInFailure),
}

impl Failure {
    /// Something that went wrong at the first try, or before any.
    pub fn of(doing: impl Into<String>, cause: Cause) -> Self {
        Self {
            doing: doing.into(),
            cause,
            tries: 1,
            elapsed: Duration::ZERO,
            request_id: None,
        }
    }

    /// The refusal, if the server refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.cause {
            Cause::Refused(refusal) => Some(refusal),
            Cause::Unreachable { .. }
            | Cause::Unreadable(_)
            | Cause::TooNew { .. }
            | Cause::SignIn(_) => None,
        }
    }

    /// Whether the server refused with this status.
    pub fn is(&self, status: StatusCode) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.status == status)
    }

    /// Whether the server has answered, and said that it does not serve this caller, or not at all: what is busy, broken or silent is something else.
    pub fn says_no(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.status.is_client_error() && !matches!(refusal.status.as_u16(), 408 | 429)
        })
    }

    /// Whether the server will give the same answer again. A token that is refused may be taken later: one that was renewed in the meantime, or by a
    /// server whose clock is right.
    pub fn is_final(&self) -> bool {
        self.refusal().is_some()
            && !self.may_have_acted()
            && !self.is(StatusCode::TOO_MANY_REQUESTS)
            && !self.is(StatusCode::UNAUTHORIZED)
    }

    /// Whether the same question may be answered later: there was no answer, or one of a server in trouble.
    pub fn is_passing(&self) -> bool {
        let too_many = self.is(StatusCode::TOO_MANY_REQUESTS);
        too_many || self.may_have_acted() || matches!(self.cause, Cause::Unreachable { .. })
    }

    /// Whether the server may have done what was asked although we do not know it.
    pub fn may_have_acted(&self) -> bool {
        match &self.cause {
            Cause::Refused(refusal) => {
                refusal.status.is_server_error() || refusal.status == StatusCode::REQUEST_TIMEOUT
            }
            Cause::Unreachable { error, .. } => error.sent == Sent::Perhaps,
            Cause::Unreadable(_) => true,
            Cause::TooNew { .. } | Cause::SignIn(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = Attempts {
            tries: self.tries,
            elapsed: self.elapsed,
        };
        write!(f, "{} failed: {}{tried}", self.doing, self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::Unreachable { host, error } => f.write_str(&error.in_words(host)),
            Self::Unreadable(what) => write!(f, "Azure's response is not valid: {what}"),
            Self::TooNew { offered, members } => write!(
                f,
                "this cloud offers version {offered} of the image builder's API, which does not know {}",
                members.join(", ")
            ),
            Self::SignIn(failure) => write!(f, "{failure}"),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_a_sentence() {
        let failure = Failure {
            doing: "Creating image template 't_1'".to_owned(),
            cause: Cause::Refused(Refusal {
                status: StatusCode::CONFLICT,
                code: "Conflict".to_owned(),
                message: "exists".to_owned(),
            }),
            tries: 2,
            elapsed: Duration::from_secs(80),
            request_id: None,
        };
        assert_eq!(
            failure.to_string(),
            "Creating image template 't_1' failed: Azure refused with Conflict (409): exists (after 2 tries in 1 min 20 s)"
        );
        assert!(!failure.may_have_acted());
    }

    #[test]
    fn only_an_answer_that_says_no_is_one() {
        let refused = |status: u16| {
            let cause = Cause::Refused(Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                code: "c".to_owned(),
                message: "m".to_owned(),
            });
            Failure::of("Asking", cause).says_no()
        };
        let found: Vec<u16> = (400..600).filter(|status| refused(*status)).collect();
        let expected: Vec<u16> = (400..500).filter(|it| ![408, 429].contains(it)).collect();
        assert_eq!(found, expected);
        assert!(!Failure::of("Asking", Cause::Unreadable("x".to_owned())).says_no());
    }
}
