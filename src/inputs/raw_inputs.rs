//! What a job gives, before anything is understood: plain texts. `job` fills it from the agent; tests fill it by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Action;
use super::action::ACTIONS;
use super::manifest::{ACTION, TEMPLATE_NAME};
use crate::secret::{self, Secret};

/// Everything that a build depends on from outside. Reading the environment is the agent module's business, understanding it is [`super::task()`]'s.
#[derive(Debug, Clone, Default)]
pub struct RawInputs {
    /// The task's inputs by name in lower case. The agent has expanded macros; values are not trimmed yet, empty ones may be there.
    pub inputs: BTreeMap<String, String>,
    /// The service connection that the author chose, if the agent passed one.
    pub connection: Option<RawConnection>,
    /// Where to ask for an OIDC token (`System.OidcRequestUri`).
    pub oidc_request_uri: Option<String>,
    /// Address of the job's Azure DevOps collection: first the one of the system connection, which no pipeline variable can change, then
    /// `System.CollectionUri`.
    pub collection_uris: Vec<String>,
    /// Whether a person at a prompt started us, and no agent.
    pub at_prompt: bool,
    /// The job's own token, from the system connection.
    pub job_token: Option<Secret>,
    /// `System.DefaultWorkingDirectory`, against which relative paths are meant.
    pub working_directory: PathBuf,
    /// `Build.SourcesDirectory`: the agent turns an empty input of type `filePath` into it.
    pub sources_directory: Option<PathBuf>,
    /// `Build.BuildId`.
    pub build_id: Option<String>,
    /// `Build.BuildNumber`.
    pub build_number: Option<String>,
    /// `Release.ReleaseId` and `Release.AttemptNumber`, in a classic release.
    pub release: Option<(String, String)>,
    /// Whose run it is, and of what.
    pub run: RawRun,
    /// Which step of which run it is.
    pub step: RawStep,
    /// The numbers of the attempts at the job, its stage, its phase and the release, as far as they are set.
    pub attempts: Vec<String>,
    /// The variables of the pipeline.
    pub variables: Variables,
    /// The values of secret variables that the agent handed over: no script and no tag may hold one.
    pub secrets: Vec<Secret>,
    /// Microseconds since 1970: the number in the names of the template and the blob. Microseconds, not the milliseconds of version 1.0:
    /// the jobs of a matrix start together, and two of them must not share a name.
    pub unique: u128,
}

impl RawInputs {
    /// The action that is asked for, as far as it is one.
    pub fn action(&self) -> Action {
        let text = self.inputs.get(&ACTION.name.to_lowercase());
        let text = text.map(|text| text.trim()).unwrap_or_default();
        let mut all = ACTIONS.iter();
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, action)| *action).unwrap_or_default()
    }

    /// The name of a template that was given, as far as there is one.
    pub fn given_template(&self) -> &str {
        let text = self.inputs.get(&TEMPLATE_NAME.name.to_lowercase());
        text.map(|text| text.trim()).unwrap_or_default()
    }

    /// Sets the action that the step is asked for, whatever was given.
    pub fn ask_for(&mut self, action: Action) {
        let input = ACTION.name.to_lowercase();
        self.inputs.insert(input, action.name().to_owned());
    }
}

/// Whose run it is, and of what: predefined variables of Azure Pipelines, as far as they are set
/// (<https://learn.microsoft.com/azure/devops/pipelines/build/variables>).
#[derive(Debug, Clone, Default)]
pub struct RawRun {
    /// `Build.Repository.Uri`. It may hold a user name and a password.
    pub repository: Option<String>,
    /// `Build.SourceBranch`.
    pub branch: Option<String>,
    /// `Build.SourceVersion`.
    pub commit: Option<String>,
    /// `Release.DefinitionName` in a classic release, else `Build.DefinitionName`.
    pub pipeline: Option<String>,
    /// `Release.ReleaseName`, in a classic release.
    pub release: Option<String>,
}

/// Which step of which run it is: predefined variables of Azure Pipelines, as far as they are set.
#[derive(Debug, Clone, Default)]
pub struct RawStep {
    /// `System.CollectionId`.
    pub collection: Option<String>,
    /// `System.TeamProjectId`.
    pub project: Option<String>,
    /// `Release.EnvironmentId`, in a classic release.
    pub environment: Option<String>,
    /// `System.JobIdentifier`, else `System.JobName`, else `System.JobId`.
    pub job: Option<String>,
    /// `System.TaskInstanceName`.
    pub name: Option<String>,
    /// Who started us where: `{user}@{host}`. Counts at a prompt alone.
    pub person: String,
}

/// The variables of a pipeline: the public ones with their values, the secret ones by name.
#[derive(Clone, Default)]
pub struct Variables {
    public: BTreeMap<String, String>,
    secret: BTreeSet<String>,
}

impl Variables {
    /// These variables.
    pub fn new(
        public: impl IntoIterator<Item = (String, String)>,
        secret: impl IntoIterator<Item = String>,
    ) -> Self {
        let public = public.into_iter();
        Self {
            public: public
                .map(|(name, value)| (plain_name(&name), value))
                .collect(),
            secret: secret.into_iter().map(|name| plain_name(&name)).collect(),
        }
    }

    /// Sets a public variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.public.insert(plain_name(name), value.to_owned());
    }

    /// The value of a public variable. Letter case does not matter, and `.`, blank and `_` are one, as the agent has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.public.get(&plain_name(name)).map(String::as_str)
    }

    /// Whether there is a secret variable of this name.
    pub fn is_secret(&self, name: &str) -> bool {
        self.secret.contains(&plain_name(name))
    }
}

/// Names only: a value may be private although nobody declared it so.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.public.keys()).finish()
    }
}

fn plain_name(name: &str) -> String {
    name.trim().replace(['.', ' '], "_").to_uppercase()
}

impl RawInputs {
    /// What kind of secret `text` holds a part of, if any: whoever reads an image template or a tag would read it there.
    pub fn secret_in(&self, text: &str) -> Option<&'static str> {
        let holds = |secret: &str| secret::parts(secret).any(|part| text.contains(part));
        let connection = self.connection.iter().flat_map(|it| &it.parameters);
        let mut of_connection = connection.filter(|(name, _)| {
            let secret = ["key", "certificate", "token", "password", "secret"];
            secret.iter().any(|end| name.ends_with(end))
        });
        if of_connection.any(|(_, value)| holds(value)) {
            return Some("a secret of the service connection");
        }
        if self.job_token.iter().any(|it| holds(it.reveal())) {
            return Some("the token of this job");
        }
        let mut variables = self.secrets.iter();
        variables
            .any(|it| holds(it.reveal()))
            .then_some("the value of a secret variable")
    }

    /// Whether someone has run the job, its stage or the release before. What is no number counts as the first attempt.
    pub fn is_second_attempt(&self) -> bool {
        let number = |text: &String| text.trim().parse::<u64>().unwrap_or(1);
        self.attempts.iter().map(number).any(|number| number > 1)
    }

    /// The name that an image template gets where the author gives none, known before anything is understood, and so before anything can fail.
    pub fn template_name(&self) -> String {
        format!("t_{}", self.unique)
    }
}

/// A service connection as the agent hands it over.
#[derive(Clone, Default)]
pub struct RawConnection {
    /// The connection's GUID (what the input holds at run time).
    pub id: String,
    /// `ENDPOINT_URL_{id}`.
    pub url: Option<String>,
    /// `ENDPOINT_AUTH_SCHEME_{id}`.
    pub scheme: Option<String>,
    /// Authorization parameters by name in lower case. Secrets are among them.
    pub parameters: BTreeMap<String, String>,
    /// Data by name in lower case.
    pub data: BTreeMap<String, String>,
}

impl std::fmt::Debug for RawConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawConnection")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("scheme", &self.scheme)
            .field("parameters", &self.parameters.keys())
            .field("data", &self.data.keys())
            .finish()
    }
}
