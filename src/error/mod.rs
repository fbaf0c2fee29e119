//! Why there is no image: about a dozen kinds, as data, each with a stable code, a sentence and a next action.

mod hint;

use std::time::Duration;

pub use crate::arm::failure::duration;
use crate::arm::sign_in::SignInFailure;
use crate::arm::{Cause, Failure};
use crate::inputs::Problems;
use crate::inputs::declared::BUILD_TIMEOUT_IN_MINUTES;
use crate::storage::StorageFailure;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inputs, or the service connection, cannot be used. Nothing was sent.
    #[error("{0}")]
    Refused(Problems),
    /// The way to the network cannot be set up.
    #[error("Preparing the connection failed: {0}")]
    Network(String),
    /// The service connection cannot sign in.
    #[error("Signing in failed: {0}")]
    SignIn(SignInFailure),
    /// Azure refused a request, or could not be reached.
    #[error("{0}")]
    Azure(Failure),
    /// The package could not be brought to where the build VM can read it.
    #[error("{0}")]
    Package(StorageFailure),
    /// Azure took the template and then could not provision it.
    #[error("Submitting image template '{template}' failed: Azure refused with {code}: {message}")]
    Submission {
        /// The template's name.
        template: String,
        /// Azure's code.
        code: String,
        /// Azure's text.
        message: String,
    },
    /// It is not known whether the run was started, and it is never started twice.
    #[error(
        "Starting the run of image template '{template}' failed: there is no sign that it started, and it is not started twice ({cause})"
    )]
    NotStarted {
        /// The template's name.
        template: String,
        /// What happened to the one request.
        cause: Failure,
    },
    /// The run ended without an image.
    #[error("The image run failed{}, after {}: {message}", in_phase(phase.as_deref()), duration(*elapsed))]
    Run {
        /// The phase in which it failed.
        phase: Option<String>,
        /// Since the run was started.
        elapsed: Duration,
        /// Azure's text.
        message: String,
    },
    /// Somebody else canceled the run.
    #[error("The image run was canceled in Azure{}, after {}", in_phase(phase.as_deref()), duration(*elapsed))]
    RunCanceled {
        /// The phase in which it was.
        phase: Option<String>,
        /// Since the run was started.
        elapsed: Duration,
    },
    /// The run did not end in time.
    #[error("The image run did not end within {}{}; it was canceled", duration(*limit), in_phase(phase.as_deref()))]
    Deadline {
        /// The phase in which it was.
        phase: Option<String>,
        /// The build's limit and a margin.
        limit: Duration,
    },
    /// The run says that it succeeded, and there is no image.
    #[error(
        "Reading the result of image template '{template}' failed: run output '{run_output}' names no image"
    )]
    NoImage {
        /// The template's name.
        template: String,
        /// The run output's name.
        run_output: String,
    },
    /// The job was canceled.
    #[error("The job was canceled")]
    Canceled,
}

impl Error {
    /// The stable code, listed in README.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(problems) => problems.headline().code.as_str(),
            Self::Network(_) => "AIB204",
            Self::SignIn(failure) => failure.code,
            Self::Azure(failure) => match &failure.cause {
                Cause::SignIn(failure) => failure.code,
                Cause::Refused(_) => "AIB301",
                Cause::Unreachable { .. } => "AIB302",
                Cause::Unreadable(_) => "AIB303",
            },
            Self::Submission { .. } => "AIB304",
            Self::NotStarted { .. } => "AIB305",
            Self::Run { .. } => "AIB401",
            Self::RunCanceled { .. } => "AIB402",
            Self::Deadline { .. } => "AIB403",
            Self::NoImage { .. } => "AIB404",
            Self::Canceled => "AIB405",
            Self::Package(failure) => failure.code(),
        }
    }

    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(problems) => problems.headline().hint.clone(),
            Self::Network(_) => Some("check how the agent was configured for proxy and certificates (Agent.ProxyUrl, Agent.CAInfo, Agent.ClientCert), and NODE_EXTRA_CA_CERTS".to_owned()),
            Self::SignIn(failure) => failure.hint.clone(),
            Self::Azure(failure) => hint::of_failure(failure),
            Self::Submission { code, message, .. } => hint::of_text(code, message),
            Self::Run { message, .. } => hint::of_text("", message),
            Self::NotStarted { .. } => Some("run the job again: the template of this one is removed".to_owned()),
            Self::RunCanceled { .. } => Some("look in the activity log of the resource group for who canceled it".to_owned()),
            Self::Deadline { .. } => Some(format!("raise input '{}', or replicate to fewer regions", BUILD_TIMEOUT_IN_MINUTES.name)),
            Self::NoImage { .. } => Some("look at the target in the Azure portal: the image may be there under another name".to_owned()),
            Self::Package(failure) => failure.hint(),
            Self::Canceled => None,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Azure(failure)
    }
}

impl From<StorageFailure> for Error {
    fn from(failure: StorageFailure) -> Self {
        Self::Package(failure)
    }
}

fn in_phase(phase: Option<&str>) -> String {
    phase
        .map(|phase| format!(" while {}", phase.to_lowercase()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_run_names_phase_time_and_cause() {
        let error = Error::Run {
            phase: Some("Customizing".into()),
            elapsed: Duration::from_secs(872),
            message: "exit 1".into(),
        };
        assert_eq!(
            error.to_string(),
            "The image run failed while customizing, after 14 min 32 s: exit 1"
        );
        assert_eq!(error.code(), "AIB401");
    }
}
