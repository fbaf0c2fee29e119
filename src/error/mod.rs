//! Why a step failed: kinds as data, each with a stable code, a sentence and a next action.

mod codes;
mod hints;
mod sentences;

use std::time::Duration;

use crate::arm::Failure;
use crate::arm::auth::SignInFailure;
use crate::check::Finding;
use crate::diagnosis::{Diagnosis, Explanation, FoundIn, of_text};
use crate::inventory::NotCompared;
use crate::release::{self, NotReleased};
use crate::resource::ResourceId;
use crate::rollout::{self, NotRolledOut};
use crate::storage::StorageFailure;
use sentences::{
    first_of, goes_on, in_parentheses, in_phase, in_step, no_image, no_template, not_started,
    quoted_names,
};

pub use crate::wording::duration;
pub use codes::{
    CHANGE_FORBIDDEN, CODES, CONTENTS_NOT_KEPT, CONTENTS_NOT_TAGGED, DROPPED, FLEET_NOT_SEEN,
    FLEET_WRONG, KEPT_BLOCKED, KEPT_LOCKED, KEPT_NO_PERMISSION, LEFT_RUNNING, NO_CONTENTS,
    NOT_READY, NOTHING_TO_CANCEL, NOTHING_TO_COMPARE, OTHER_INVENTORY, PARTLY,
};
pub use sentences::StartRequest;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The way to the network cannot be set up.
    #[error("Preparing the connection failed: {0}")]
    Network(String),
    /// The service connection cannot sign in.
    #[error("Signing in failed: {0}")]
    SignIn(SignInFailure),
    /// A look at what the build needs found why it is certain to fail; at least one finding. Nothing was made.
    #[error("Checking what the build needs failed: {}", first_of(.0))]
    Preflight(Vec<Finding>),
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
    /// The run was not started, as far as is known.
    #[error("Starting the run of image template '{template}' failed: {}{}", not_started(*request), in_parentheses(cause.as_ref()))]
    NotStarted {
        /// The template's name.
        template: String,
        /// What became of the request.
        request: StartRequest,
        /// What happened to the last request, unless Azure accepted it.
        cause: Option<Failure>,
    },
    /// The run ended without an image.
    #[error("The image run failed{}, after {}{}: {}", in_phase(phase.as_deref()), duration(*elapsed), in_step(explanation), explanation.cause)]
    Run {
        /// The phase in which it failed.
        phase: Option<String>,
        /// Since the run was started.
        elapsed: Duration,
        /// Azure's text.
        message: String,
        /// What that text and the log of the build tell.
        explanation: Box<Explanation>,
    },
    /// Someone else canceled the run.
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
    #[error("{}", no_image(template, run_output, failure.as_ref()))]
    NoImage {
        /// The template's name.
        template: String,
        /// The run output's name.
        run_output: String,
        /// Why the run output could not be read; nothing if it could, and names no image.
        failure: Option<Failure>,
        /// The command that lists what there is at the target.
        listing: Option<String>,
    },
    /// There is no such image template.
    #[error("Looking for the image template failed: {}", no_template(group, name.as_deref()))]
    NoTemplate {
        /// The resource group.
        group: String,
        /// The name that was given; without one the pipeline run's own template was looked for.
        name: Option<String>,
        /// A template of the group with nearly that name.
        nearest: Option<String>,
    },
    /// The pipeline run has several image templates.
    #[error("Looking for the image template of this pipeline run failed: there are {} in resource group '{group}': {}", names.len(), quoted_names(names))]
    SeveralTemplates {
        /// The resource group.
        group: String,
        /// Their names.
        names: Vec<String>,
    },
    /// The image template is someone else's, of another pipeline run or step, or at work for someone else.
    #[error("{doing} failed: {why}")]
    NotOurs {
        /// What was to be done with which template: `Canceling the run of image template 'win11'`.
        doing: String,
        /// Why it is not ours.
        why: String,
        /// What to do instead.
        instead: String,
    },
    /// There is no such image definition.
    #[error("Listing the versions failed: image definition '{definition}' does not exist")]
    NoDefinition {
        /// Its id.
        definition: ResourceId,
    },
    /// There is no such host pool.
    #[error("Listing the session hosts failed: host pool '{pool}' does not exist")]
    NoHostPool {
        /// Its id.
        pool: ResourceId,
    },
    /// It is not known which image versions are in use.
    #[error("Finding out which image versions are in use failed: {why}")]
    UseUnknown {
        /// What could not be read, and why.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// Several steps of the pipeline run have made an image.
    #[error("Looking for the image of this pipeline run failed: several steps have created one: {}", names.join(", "))]
    SeveralImages {
        /// The ids of the images.
        names: Vec<String>,
    },
    /// The run was not over in the time given. Everything stays as it is.
    #[error("Waiting for image template '{template}' ended: {}", goes_on(phase.as_deref(), *elapsed))]
    NotReady {
        /// The template's name.
        template: String,
        /// The phase in which the run is.
        phase: Option<String>,
        /// Since the run was started; zero where it was not.
        elapsed: Duration,
    },
    /// The template has no run, and nobody starts one.
    #[error(
        "Waiting for image template '{template}' failed: it has never been run, and no run started within {minutes} minutes"
    )]
    NeverRun {
        /// The template's name.
        template: String,
        /// How long was waited.
        minutes: u64,
    },
    /// The run of a template that someone else made names no image.
    #[error(
        "Reading the result of image template '{template}' failed: run output '{run_output}' names no image"
    )]
    NoImageNamed {
        /// The template's name.
        template: String,
        /// The run output's name.
        run_output: String,
        /// The command that lists what there is at the target.
        listing: Option<String>,
    },
    /// The template is gone while its run was followed.
    #[error("{0}")]
    Gone(Failure),
    /// The contents of an image version cannot be compared.
    #[error("Comparing the contents of image version {} failed: {why}", version.name())]
    NotCompared {
        /// The version.
        version: ResourceId,
        /// Why not.
        why: Box<NotCompared>,
    },
    /// An image version was not promoted, or not withdrawn.
    #[error("{0}")]
    Release(Box<release::Refused>),
    /// A host pool does not serve the image.
    #[error("{0}")]
    Rollout(Box<rollout::Refused>),
    /// A roll-out has not ended in the time given. It goes on.
    #[error("{0}")]
    RolloutNotReady(Box<rollout::Refused>),
    /// The job was canceled.
    #[error("The job was canceled")]
    Canceled,
}

impl Error {
    /// The contents of `version` cannot be compared.
    pub fn not_compared(version: &ResourceId, why: NotCompared) -> Self {
        match why {
            NotCompared::Azure(failure) => Self::Azure(failure),
            NotCompared::Storage(failure) => Self::Package(failure),
            why => Self::NotCompared {
                version: version.clone(),
                why: Box::new(why),
            },
        }
    }

    /// Everything that is said of the failure: our sentence, Azure's words, and the lines of the log.
    pub fn said(&self) -> String {
        let sentence = self.to_string();
        match self {
            Self::Run {
                message,
                explanation,
                ..
            } => {
                let mut said = vec![sentence, message.clone()];
                said.extend(explanation.excerpt.iter().cloned());
                said.join("\n")
            }
            _ => sentence,
        }
    }

    /// What is known of the failure of a request or of a submission. A run brings its own explanation.
    fn diagnosis(&self) -> Option<Diagnosis> {
        match self {
            Self::Azure(failure)
            | Self::NoImage {
                failure: Some(failure),
                ..
            } => of_refusal(failure),
            Self::Package(StorageFailure::Account(failure)) => of_refusal(failure),
            Self::Submission { code, message, .. } => of_text(
                &[FoundIn::Submission, FoundIn::Run],
                &format!("{code}: {message}"),
            ),
            Self::SignIn(failure) => of_text(&[FoundIn::SignIn], &failure.to_string()),
            Self::Release(refused) => match &refused.why {
                release::Why::Ended { code, message, .. } => {
                    of_text(&[FoundIn::Request], &format!("{code}: {message}"))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// What is known of a request that Azure refused.
fn of_refusal(failure: &Failure) -> Option<Diagnosis> {
    let refusal = failure.refusal()?;
    let text = format!("{}: {}", refusal.code, refusal.message);
    of_text(&[FoundIn::Request], &text)
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Azure(failure)
    }
}

impl From<NotReleased> for Error {
    fn from(not_released: NotReleased) -> Self {
        match not_released {
            NotReleased::Azure(failure) => Self::Azure(failure),
            NotReleased::Refused(refused) => Self::Release(refused),
        }
    }
}

impl From<NotRolledOut> for Error {
    fn from(not_rolled_out: NotRolledOut) -> Self {
        match not_rolled_out {
            NotRolledOut::Azure(failure) => Self::Azure(failure),
            NotRolledOut::Refused(refused) => Self::Rollout(refused),
            NotRolledOut::Version(refused) => Self::Release(refused),
            NotRolledOut::NotReady(refused) => Self::RolloutNotReady(refused),
            NotRolledOut::Canceled => Self::Canceled,
        }
    }
}

impl From<StorageFailure> for Error {
    fn from(failure: StorageFailure) -> Self {
        Self::Package(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::PackageFailure;

    #[test]
    fn a_failed_run_names_phase_time_and_cause() {
        let error = Error::Run {
            phase: Some("Customizing".into()),
            elapsed: Duration::from_secs(872),
            message: "exit 1".into(),
            explanation: Box::new(Explanation::of("exit 1", None, &[])),
        };
        assert_eq!(
            error.to_string(),
            "The image run failed while customizing, after 14 min 32 s: exit 1"
        );
        assert_eq!(error.code(), "AIB401");
        assert_eq!(error.hint(), None);
    }

    #[test]
    fn an_entry_that_cannot_be_packed_can_be_left_out() {
        let error = Error::Package(StorageFailure::Package {
            folder: "web".into(),
            cause: PackageFailure::LinkOutside {
                path: "web/a".into(),
                target: "/etc/hosts".into(),
            },
        });
        let hint = "put a copy of the link's target into the package, or link to it by a relative path inside the package; or leave the path out of the package with input 'packageExclude'";
        assert_eq!(error.hint().as_deref(), Some(hint));
    }

    #[test]
    fn known_refusals_have_a_next_action() {
        let check = |code: &str, message: &str, expected: &str, hint: &str| {
            let error = Error::Submission {
                template: "t_1".into(),
                code: code.into(),
                message: message.into(),
            };
            assert_eq!(error.code(), expected, "{code}: {message}");
            let found = error.hint().unwrap_or_default();
            assert!(found.contains(hint), "{code}: {found}");
        };
        check(
            "LinkedAuthorizationFailed",
            "x",
            "AIB006",
            "Managed Identity Operator",
        );
        check("AuthorizationFailed", "x", "AIB005", "managedIdentity");
        check(
            "BadPIRSource",
            "Platform Image was not found.",
            "AIB002",
            "az vm image list-skus",
        );
        check("Other", "something else", "AIB304", "");
    }
}
