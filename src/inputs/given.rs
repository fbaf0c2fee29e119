//! What a job gives, before anything is understood: plain texts. `main` fills it from the agent; tests fill it by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::secret::Secret;

/// Everything that a build depends on from outside. Reading the environment is the agent module's business, understanding it is [`super::plan()`]'s.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The task's inputs by name in lower case. The agent has expanded macros; values are not trimmed yet, empty ones may be there.
    pub inputs: BTreeMap<String, String>,
    /// The service connection that the author chose, if the agent passed one.
    pub connection: Option<GivenConnection>,
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
    /// `Release.ReleaseId` and `Release.AttemptNumber`, in a classic release.
    pub release: Option<(String, String)>,
    /// Microseconds since 1970: the number in the names of the template and the blob. Microseconds, not the milliseconds of version 1.0:
    /// the jobs of a matrix start together, and two of them must not share a name.
    pub unique: u128,
}

impl Given {
    /// Name of the image template, known before anything is understood, and so before anything can fail.
    pub fn template_name(&self) -> String {
        format!("t_{}", self.unique)
    }
}

/// A service connection as the agent hands it over.
#[derive(Clone, Default)]
pub struct GivenConnection {
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

impl std::fmt::Debug for GivenConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GivenConnection")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("scheme", &self.scheme)
            .field("parameters", &self.parameters.keys())
            .field("data", &self.data.keys())
            .finish()
    }
}
