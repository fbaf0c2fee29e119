//! Why there is no image: about a dozen kinds, as data, each with a stable code, a sentence and a next action.

mod codes;

use std::time::Duration;

use http::StatusCode;

use crate::arm::auth::SignInFailure;
use crate::arm::{Cause, Failure};
use crate::check::Finding;
use crate::diagnosis::{Diagnosis, Explanation, Place, of_text};
use crate::inputs::declared::{
    BUILD_TIMEOUT_IN_MINUTES, COMPARE_WITH, GALLERY_IMAGE_ID, INVENTORY, INVENTORY_CONTAINER,
    PACKAGE_EXCLUDE, REPORT_HOST_POOLS, SKIP_IF_UNCHANGED, STORAGE_ACCOUNT_NAME, TEMPLATE_NAME,
};
use crate::inventory::{NotCompared, Unread};
use crate::release::{self, NotReleased};
use crate::resource::{ResourceId, definition_options, quoted};
use crate::rollout::{self, NotRolledOut};
use crate::storage::StorageFailure;
pub use crate::wording::duration;

pub use codes::{
    CHANGE_FORBIDDEN, CODES, CONTENTS_NOT_KEPT, CONTENTS_NOT_TAGGED, DROPPED, FLEET_NOT_SEEN,
    FLEET_WRONG, KEPT_BLOCKED, KEPT_LOCKED, KEPT_NO_PERMISSION, LEFT_RUNNING, NO_CONTENTS,
    NOT_READY, NOTHING_TO_CANCEL, NOTHING_TO_COMPARE, OTHER_INVENTORY, PARTLY,
};

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
    #[error("Checking what the build needs failed: {}", told(.0))]
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
    #[error("Starting the run of image template '{template}' failed: {} ({cause})", not_started(*requests))]
    NotStarted {
        /// The template's name.
        template: String,
        /// How often it was asked for: a second time only when Azure had shown that there is no run.
        requests: u8,
        /// What happened to the last request.
        cause: Failure,
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
    /// The image template is somebody else's, of another pipeline run or step, or at work for somebody else.
    #[error("{doing} failed: {why}")]
    NotOurs {
        /// What was to be done with which template: `Canceling the run of image template 'win11'`.
        doing: String,
        /// Whose it is.
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
    /// Nobody can tell which image versions are in use.
    #[error("Finding out which image versions are in use failed: {why}")]
    UseUnknown {
        /// What could not be read, and why.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// Several steps of the pipeline run have made an image.
    #[error("Looking for the image of this pipeline run failed: several steps have made one: {}", names.join(", "))]
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
        "Waiting for image template '{template}' failed: it has never been run, and no run began within {minutes} minutes"
    )]
    NeverRun {
        /// The template's name.
        template: String,
        /// How long was waited.
        minutes: u64,
    },
    /// The run of a template that somebody else made names no image.
    #[error(
        "Reading the result of image template '{template}' failed: run output '{run_output}' names no image"
    )]
    NotTold {
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
    /// The stable code, listed in `docs/failures.md`: that of the known failure behind the error, or that of the kind of error.
    pub fn code(&self) -> &'static str {
        if let Some(known) = self.diagnosis() {
            return known.entry.code;
        }
        match self {
            Self::Network(_) => codes::NETWORK,
            Self::SignIn(failure) => failure.code,
            Self::Preflight(findings) => {
                let code = findings.first().and_then(Finding::code);
                code.unwrap_or(codes::REFUSED)
            }
            Self::Azure(failure) | Self::Gone(failure) => code_of(failure),
            Self::Submission { .. } => codes::SUBMISSION,
            Self::NotStarted { .. } => codes::NOT_STARTED,
            Self::Run { explanation, .. } => explanation.code,
            Self::RunCanceled { .. } => codes::RUN_CANCELED,
            Self::Deadline { .. } => codes::DEADLINE,
            Self::NoImage { failure, .. } => match failure {
                Some(failure) if !failure.is(StatusCode::NOT_FOUND) => code_of(failure),
                Some(_) | None => codes::NO_IMAGE,
            },
            Self::NoTemplate { .. } => codes::NO_TEMPLATE,
            Self::SeveralTemplates { .. } | Self::SeveralImages { .. } => codes::SEVERAL_TEMPLATES,
            Self::NotOurs { .. } => codes::NOT_OURS,
            Self::NoDefinition { .. } => codes::NO_DEFINITION,
            Self::NoHostPool { .. } => codes::NO_HOST_POOL,
            Self::UseUnknown { .. } => codes::USE_UNKNOWN,
            Self::NotReady { .. } => codes::NOT_READY,
            Self::NeverRun { .. } => codes::NEVER_RUN,
            Self::NotTold { .. } => codes::NOT_TOLD,
            Self::Canceled => codes::CANCELED,
            Self::Release(refused) => refused.code().unwrap_or(codes::REFUSED),
            Self::Rollout(refused) | Self::RolloutNotReady(refused) => refused.code,
            Self::NotCompared { why, .. } => not_compared_code(why),
            Self::Package(failure) => failure.code(),
        }
    }

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

    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        if let Some(Diagnosis { cause, fix, .. }) = self.diagnosis() {
            return Some(format!("{cause}: {fix}"));
        }
        match self {
            Self::Network(_) => Some("check how the agent was configured for proxy and certificates (Agent.ProxyUrl, Agent.CAInfo, Agent.ClientCert), and NODE_EXTRA_CA_CERTS".to_owned()),
            Self::SignIn(failure) => failure.hint.clone(),
            Self::Preflight(findings) => findings.first()?.fix.clone(),
            Self::Azure(failure) => match &failure.cause {
                Cause::SignIn(failure) => failure.hint.clone(),
                Cause::Unreachable { host, .. } => Some(format!("check that the agent reaches {host}, and its proxy and certificate settings")),
                Cause::TooNew { .. } => Some("leave out these members, and the inputs that they come from; or build in another cloud".to_owned()),
                Cause::Refused(_) | Cause::Unreadable(_) => {
                let request = failure.request_id.as_ref();
                request.map(|id| format!("Azure support needs request id {id}"))
            }
            },
            Self::Run { explanation, .. } => explanation.fix.clone().or_else(|| unknown_hint(explanation)),
            Self::NotStarted { .. } => Some("run the job again: the template of this one is removed".to_owned()),
            Self::RunCanceled { .. } => Some("the activity log of the resource group says who canceled it".to_owned()),
            Self::Deadline { .. } => Some(format!("raise input '{}', or replicate to fewer regions", BUILD_TIMEOUT_IN_MINUTES.name)),
            Self::NoImage { listing, .. } => Some(match listing {
                Some(listing) => format!("the run has succeeded, so the image can be there, but nothing proves which one it made; to see what is there, run: {listing}"),
                None => "the run has succeeded, so the VHD can be there: search the storage account for it".to_owned(),
            }),
            Self::NoDefinition { definition } => Some(format!(
                "correct input '{}'; to list the image definitions of the gallery, run: {}",
                GALLERY_IMAGE_ID.name,
                definitions_beside(definition)
            )),
            Self::NoHostPool { pool } => Some(format!(
                "correct input '{}'; to list the host pools of the resource group, run: az resource list --subscription {} --resource-group {} --resource-type Microsoft.DesktopVirtualization/hostPools --query [].id --output tsv",
                REPORT_HOST_POOLS.name,
                quoted(pool.subscription()),
                quoted(pool.resource_group())
            )),
            Self::UseUnknown { hint, .. } => Some(format!("nothing is deleted then; {hint}")),
            Self::Package(failure) if failure.is_about_one_entry() => failure.hint().map(|hint| {
                format!("{hint}; or leave the path out of the package with input '{}'", PACKAGE_EXCLUDE.name)
            }),
            Self::Package(failure) => failure.hint(),
            Self::NotOurs { instead, .. } => Some(instead.clone()),
            Self::NoTemplate { nearest, name, .. } => Some(find_it(name.as_deref(), nearest.as_deref())),
            Self::SeveralTemplates { names, .. } => {
                let example = names.first().map(String::as_str).unwrap_or_default();
                Some(format!(
                    "name the one that is meant with input '{}': $(bake.templateName), where 'bake' is the name of the step that made it, or '{example}'", TEMPLATE_NAME.name
                ))
            }
            Self::SeveralImages { .. } => Some(format!("name the template that is meant with input '{}'", TEMPLATE_NAME.name)),
            Self::NotReady { template, .. } => Some(format!("wait again for '{template}' with 'action: wait'; nothing was canceled or deleted")),
            Self::NeverRun { template, .. } => Some(format!("start it with 'action: run' and '{}: {template}'", TEMPLATE_NAME.name)),
            Self::NotTold { listing, .. } => listing.as_ref().map(|listing| format!("the run has succeeded, so the image can be there; to see what is there, run: {listing}")),
            Self::Release(refused) => refused.hint(),
            Self::Rollout(refused) | Self::RolloutNotReady(refused) => refused.hint.clone(),
            Self::NotCompared { why, .. } => not_compared_hint(why),
            Self::Submission { .. } | Self::Gone(_) | Self::Canceled => None,
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
                &[Place::Submission, Place::Run],
                &format!("{code}: {message}"),
            ),
            Self::SignIn(failure) => of_text(&[Place::SignIn], &failure.to_string()),
            Self::Release(refused) => match &refused.why {
                release::Why::Ended { code, message, .. } => {
                    of_text(&[Place::Request], &format!("{code}: {message}"))
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
    of_text(&[Place::Request], &text)
}

fn not_compared_code(why: &NotCompared) -> &'static str {
    match why {
        NotCompared::NoVersion(_) => "AIB821",
        NotCompared::Azure(_)
        | NotCompared::Storage(_)
        | NotCompared::NoList { .. }
        | NotCompared::Nothing(_) => codes::NO_INVENTORY,
    }
}

fn not_compared_hint(why: &NotCompared) -> Option<String> {
    match why {
        NotCompared::NoVersion(version) => version.parent().map(|definition| {
            format!(
                "check the id; to list the versions, run: az sig image-version list {} --query [].id --output tsv",
                definition_options(&definition)
            )
        }),
        NotCompared::NoList {
            why: Unread::Missing { blob },
            ..
        } => Some(format!(
            "there is no {blob}: check '{}' and '{}'; a build keeps the inventory of its image with '{}: true' and '{}'; a version that was built without it has none, so compare with another one by '{}'",
            STORAGE_ACCOUNT_NAME.name, INVENTORY_CONTAINER.name, INVENTORY.name, STORAGE_ACCOUNT_NAME.name, COMPARE_WITH.name
        )),
        NotCompared::NoList { .. } => Some(format!(
            "somebody else has written it: check who can write to the container; compare with another version by '{}'",
            COMPARE_WITH.name
        )),
        NotCompared::Azure(_) | NotCompared::Storage(_) | NotCompared::Nothing(_) => None,
    }
}

/// The command that lists the image definitions of the same gallery.
fn definitions_beside(definition: &ResourceId) -> String {
    format!(
        "az sig image-definition list --subscription {} --resource-group {} --gallery-name {} --query [].id --output tsv",
        quoted(definition.subscription()),
        quoted(definition.resource_group()),
        quoted(definition.name_at(0).unwrap_or_default())
    )
}

/// What helps where nothing is known: the most telling lines, and the id that support asks for.
fn unknown_hint(explanation: &Explanation) -> Option<String> {
    let mut parts = Vec::new();
    if !explanation.telling.is_empty() {
        parts.push(format!("the log says: {}", explanation.telling.join(" | ")));
    }
    if let Some(operation) = &explanation.operation {
        parts.push(format!("Azure support needs operation id {operation}"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn code_of(failure: &Failure) -> &'static str {
    match &failure.cause {
        Cause::SignIn(failure) => failure.code,
        Cause::Refused(_) => codes::REFUSED,
        Cause::Unreachable { .. } => codes::UNREACHABLE,
        Cause::Unreadable(_) => codes::UNREADABLE,
        Cause::TooNew { .. } => codes::TOO_NEW,
    }
}

/// How far a run is that is not over.
fn goes_on(phase: Option<&str>, elapsed: Duration) -> String {
    if elapsed.is_zero() {
        return "its run has not begun".to_owned();
    }
    let phase = phase.unwrap_or("Running");
    format!(
        "the build goes on in Azure: {phase} (after {})",
        duration(elapsed)
    )
}

fn no_template(group: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("there is no image template '{name}' in resource group '{group}'"),
        None => format!("this pipeline run has no image template in resource group '{group}'"),
    }
}

fn find_it(name: Option<&str>, nearest: Option<&str>) -> String {
    if let Some(nearest) = nearest {
        return format!("did you mean '{nearest}'?");
    }
    let other = if name.is_some() {
        "check the name and the resource group".to_owned()
    } else {
        format!(
            "if another pipeline run or a person made it, give its name with input '{}'; check the resource group",
            TEMPLATE_NAME.name
        )
    };
    format!(
        "{other}; the template is deleted once its image was collected, and there is none where '{}' found nothing to build (then 'imageReady' of the step that submits is 'true')",
        SKIP_IF_UNCHANGED.name
    )
}

fn quoted_names(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

fn not_started(requests: u8) -> &'static str {
    match requests {
        0 | 1 => {
            "whether it started is not known, because Azure does not answer, and a run is not started twice"
        }
        _ => "there is no sign that it started, after two requests",
    }
}

fn no_image(template: &str, run_output: &str, failure: Option<&Failure>) -> String {
    match failure {
        Some(failure) => failure.to_string(),
        None => format!(
            "Reading the result of image template '{template}' failed: run output '{run_output}' names no image"
        ),
    }
}

/// The first finding; the others are told as issues of their own.
fn told(findings: &[Finding]) -> String {
    let first = findings.first().map(|finding| finding.text.clone());
    let first = first.unwrap_or_default();
    match findings.len() {
        0 | 1 => first,
        all => format!("{first}; and {} more", all - 1),
    }
}

fn in_step(explanation: &Explanation) -> String {
    let step = explanation.step.as_ref();
    step.map(|step| format!(", in {step}")).unwrap_or_default()
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

fn in_phase(phase: Option<&str>) -> String {
    phase
        .map(|phase| format!(" while {}", phase.to_lowercase()))
        .unwrap_or_default()
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
