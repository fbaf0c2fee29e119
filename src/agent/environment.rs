//! The environment that the agent made for the task, and what the values mean to the agent.
//! What they mean to the task is not decided here.
//!
//! How the agent writes them: `src/Agent.Worker/Handlers/Handler.cs` in <https://github.com/microsoft/azure-pipelines-agent>.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

/// A snapshot of the environment. Empty values count as unset, as they do for every task, except among the inputs.
pub struct Environment {
    values: BTreeMap<String, OsString>,
    ignores_case: bool,
}

/// A service connection as the agent hands it over.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The GUID that the input holds at run time, as it was asked for.
    pub id: String,
    /// The address.
    pub url: Option<String>,
    /// The kind of sign-in, such as `WorkloadIdentityFederation`.
    pub scheme: Option<String>,
    /// Authorization parameters by name in lower case, none empty. Secrets are among them.
    pub parameters: BTreeMap<String, String>,
    /// Data by name in lower case, none empty.
    pub data: BTreeMap<String, String>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("scheme", &self.scheme)
            .field("parameters", &self.parameters.keys())
            .field("data", &self.data.keys())
            .finish()
    }
}

/// The proxy that the agent was configured with.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AgentProxy {
    /// The address, `http://proxy.example:3128`.
    pub url: String,
    /// The user name that it asks for.
    pub user: Option<String>,
    /// The password of the user.
    pub password: Option<String>,
    /// Regular expressions of the addresses that it is not for.
    pub bypass: Vec<String>,
}

impl fmt::Debug for AgentProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentProxy")
            .field("bypass", &self.bypass)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// A snapshot of these variables, by the rules of this operating system: only Windows ignores the letter case of names.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self::with_case(variables, cfg!(windows))
    }

    /// A snapshot of the variables of this process.
    pub fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    fn with_case(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        ignores_case: bool,
    ) -> Self {
        // The agent writes no name that is not Unicode.
        let values = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .map(|(name, value)| {
                (
                    if ignores_case {
                        name.to_uppercase()
                    } else {
                        name
                    },
                    value,
                )
            })
            .collect();
        Self {
            values,
            ignores_case,
        }
    }

    /// Whether an agent started us: it says so, it starts us by the launcher, and it hands over the job's own connection. Otherwise it is a
    /// person at a prompt, who gives inputs in the same variables.
    pub fn is_agent(&self) -> bool {
        self.text(TF_BUILD).is_some() || self.has_launcher() || self.job_token().is_some()
    }

    /// Whether the launcher started us, so that the end of the standard input means the end of the launcher.
    pub fn has_launcher(&self) -> bool {
        self.text(PARENT).is_some_and(|parent| parent == "launcher")
    }

    /// All inputs by name in lower case, as they came: not trimmed, empty ones included.
    pub fn inputs(&self) -> BTreeMap<String, String> {
        let named = |(name, value): (&String, &OsString)| {
            Some((name.strip_prefix(INPUT)?.to_lowercase(), lossy(value)))
        };
        self.values.iter().filter_map(named).collect()
    }

    /// The service connection `id`, if the agent gave it. The letter case of the id does not matter.
    pub fn endpoint(&self, id: &str) -> Option<Endpoint> {
        let id = id.trim();
        if id.is_empty() {
            return None;
        }
        let authorization = self.json(&format!("{ENDPOINT_AUTH}{id}"));
        let data = self.json(&format!("{ENDPOINT_DATA}{id}"));
        let mut endpoint = Endpoint {
            id: id.to_owned(),
            url: self.in_any_case(&format!("{ENDPOINT_URL}{id}")),
            scheme: self
                .in_any_case(&format!("{ENDPOINT_AUTH_SCHEME}{id}"))
                .or_else(|| authorization.get("scheme").and_then(plain_text)),
            parameters: self.keyed(&format!("{ENDPOINT_AUTH_PARAMETER}{id}_")),
            data: self.keyed(&format!("{ENDPOINT_DATA}{id}_")),
        };
        add_missing(
            &mut endpoint.parameters,
            authorization.get("parameters").unwrap_or(&Value::Null),
        );
        add_missing(&mut endpoint.data, &data);
        let nothing = Endpoint {
            id: id.to_owned(),
            ..Endpoint::default()
        };
        (endpoint != nothing).then_some(endpoint)
    }

    /// The token of the job itself. `System.AccessToken` is not it: in YAML that is only there when the author maps it.
    pub fn job_token(&self) -> Option<String> {
        self.endpoint(SYSTEM_CONNECTION)?
            .parameters
            .remove("accesstoken")
    }

    /// The pipeline variable `name`, for example `Build.BuildId`; a secret one before a public one of the same name.
    pub fn variable(&self, name: &str) -> Option<String> {
        let name = formatted(name);
        self.text(&format!("{SECRET}{name}"))
            .or_else(|| self.text(&name))
    }

    /// The public variables of the pipeline with their values, and the names of the secret ones. None at a prompt, where nobody lists them.
    pub fn variables(&self) -> (BTreeMap<String, String>, Vec<String>) {
        let names = |list| {
            let names: Vec<String> = serde_json::from_value(self.json(list)).unwrap_or_default();
            names
        };
        let public = names(PUBLIC_VARIABLES).into_iter();
        let with_value = |name: String| {
            let value = self.text(&formatted(&name)).unwrap_or_default();
            (name, value)
        };
        (public.map(with_value).collect(), names(SECRET_VARIABLES))
    }

    /// The values of all secret variables. To be hidden from everything that is printed.
    pub fn secret_values(&self) -> Vec<String> {
        let secret = |(name, value): (&String, &OsString)| {
            let value = name.strip_prefix(SECRET).map(|_| lossy(value))?;
            // Shorter ones are found in any text.
            (value.trim().chars().count() >= 6).then_some(value)
        };
        self.values.iter().filter_map(secret).collect()
    }

    /// What an earlier stage of the same step left under `name`.
    pub fn task_variable(&self, name: &str) -> Option<String> {
        self.text(&format!("{}{}", TASK_VARIABLE, formatted(name)))
    }

    /// The agent's folder for generated files; the system's when there is no agent.
    pub fn temp_directory(&self) -> PathBuf {
        self.path(AGENT_TEMP_DIRECTORY)
            .unwrap_or_else(std::env::temp_dir)
    }

    /// The folder against which relative paths are meant; the current one when there is no agent.
    pub fn working_directory(&self) -> PathBuf {
        self.path(SYSTEM_DEFAULT_WORKING_DIRECTORY)
            .or_else(|| std::env::current_dir().ok())
            .unwrap_or_else(|| PathBuf::from("."))
    }

    /// Whether the author asked for debug output.
    pub fn debug(&self) -> bool {
        self.text(SYSTEM_DEBUG)
            .is_some_and(|debug| debug.eq_ignore_ascii_case("true"))
    }

    /// The name of the step.
    pub fn step_name(&self) -> Option<String> {
        self.text(SYSTEM_TASK_INSTANCE_NAME)
    }

    /// The person at a prompt: `{user}@{host}`.
    pub fn person(&self) -> String {
        let user = USERS.into_iter().find_map(|name| self.text(name));
        let host = gethostname::gethostname();
        format!("{}@{}", user.unwrap_or_default(), lossy(host))
    }

    /// The proof that an issue is the task's own, where the agent gives one.
    pub fn correlation_id(&self) -> Option<String> {
        self.text(COMMAND_CORRELATION_ID)
    }

    /// Addresses of the job's Azure DevOps collection. The system connection's comes from the server alone.
    pub fn collection_uris(&self) -> Vec<String> {
        let system = self.endpoint(SYSTEM_CONNECTION);
        let variables = ["System.CollectionUri", "System.TeamFoundationCollectionUri"];
        system
            .and_then(|system| system.url)
            .into_iter()
            .chain(variables.into_iter().filter_map(|name| self.variable(name)))
            .collect()
    }

    /// Where the job may ask for an OIDC token. Older servers do not say; the address then follows from the job
    /// (`createOidcToken` in <https://github.com/microsoft/azure-devops-node-api>, `api/TaskApi.ts`).
    pub fn oidc_request_uri(&self) -> Option<String> {
        self.text(SYSTEM_OIDC_REQUEST_URI).or_else(|| {
            let part = |name| self.variable(name);
            let collection = part("System.CollectionUri").or_else(|| part("System.TeamFoundationCollectionUri"))?;
            let (collection, project) = (collection.trim_end_matches('/'), part("System.TeamProjectId")?);
            let (hub, plan, job) = (part("System.HostType")?, part("System.PlanId")?, part("System.JobId")?);
            Some(format!(
                "{collection}/{project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/jobs/{job}/oidctoken"
            ))
        })
    }

    /// What to add to the user agent of requests to Azure.
    pub fn user_agent_addition(&self) -> Option<String> {
        self.text(AZURE_HTTP_USER_AGENT)
    }

    /// PEM files with certificate authorities to trust beside the system's.
    pub fn extra_certificate_authorities(&self) -> Vec<PathBuf> {
        [AGENT_CA_INFO, NODE_EXTRA_CA_CERTS]
            .iter()
            .filter_map(|name| self.path(name))
            .collect()
    }

    /// The proxy that the agent was configured with.
    pub fn proxy(&self) -> Option<AgentProxy> {
        let bypass = self.text(AGENT_PROXY_BYPASS_LIST);
        Some(AgentProxy {
            url: self.text(AGENT_PROXY_URL)?,
            user: self.text(AGENT_PROXY_USER_NAME),
            password: self.variable("Agent.ProxyPassword"),
            bypass: bypass
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
        })
    }

    /// PEM files with the agent's client certificate and its private key.
    pub fn client_certificate(&self) -> Option<(PathBuf, PathBuf)> {
        self.path(AGENT_CLIENT_CERTIFICATE)
            .zip(self.path(AGENT_CLIENT_CERTIFICATE_KEY))
    }

    /// Whether the agent is configured to trust every server.
    pub fn skips_certificate_validation(&self) -> bool {
        self.text(AGENT_SKIP_CERTIFICATE_VALIDATION)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        let value = if self.ignores_case {
            self.values.get(&name.to_uppercase())
        } else {
            self.values.get(name)
        };
        value
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(lossy)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.value(name).map(PathBuf::from)
    }

    fn in_any_case(&self, name: &str) -> Option<String> {
        let mut named = self
            .values
            .iter()
            .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        named
            .find(|(_, value)| !value.is_empty())
            .map(|(_, value)| lossy(value))
    }

    /// Everything under `prefix`, by the rest of the name in lower case.
    fn keyed(&self, prefix: &str) -> BTreeMap<String, String> {
        let filled = self.values.iter().filter(|(_, value)| !value.is_empty());
        filled
            .filter_map(|(name, value)| Some((after(name, prefix)?.to_lowercase(), lossy(value))))
            .collect()
    }

    fn json(&self, name: &str) -> Value {
        self.in_any_case(name)
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }
}

/// Names only: among the values are secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// The agent's `ConvertToEnvVariableFormat`: hyphens stay.
fn formatted(name: &str) -> String {
    name.replace(['.', ' '], "_").to_uppercase()
}

fn after<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let head = name.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| name.get(prefix.len()..))?
}

fn lossy(value: impl AsRef<OsStr>) -> String {
    value.as_ref().to_string_lossy().into_owned()
}

fn plain_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn add_missing(known: &mut BTreeMap<String, String>, json: &Value) {
    for (key, value) in json.as_object().into_iter().flatten() {
        if let Some(text) = plain_text(value) {
            known.entry(formatted(key).to_lowercase()).or_insert(text);
        }
    }
}

// The name of every environment variable that the core reads. Pipeline variables that are read under their own names, such as `Build.BuildId`, are
// named where they are asked for.

/// `INPUT_{NAME}`: an input of the task, always there when `task.json` declares it, maybe empty.
pub(super) const INPUT: &str = "INPUT_";
/// `ENDPOINT_URL_{id}`: the address of a service connection.
pub(super) const ENDPOINT_URL: &str = "ENDPOINT_URL_";
/// `ENDPOINT_AUTH_{id}`: scheme and authorization parameters of a service connection as one JSON object.
pub(super) const ENDPOINT_AUTH: &str = "ENDPOINT_AUTH_";
/// `ENDPOINT_AUTH_SCHEME_{id}`: the kind of sign-in.
pub(super) const ENDPOINT_AUTH_SCHEME: &str = "ENDPOINT_AUTH_SCHEME_";
/// `ENDPOINT_AUTH_PARAMETER_{id}_{KEY}`: one authorization parameter.
pub(super) const ENDPOINT_AUTH_PARAMETER: &str = "ENDPOINT_AUTH_PARAMETER_";
/// `ENDPOINT_DATA_{id}_{KEY}`: one datum of a service connection; without a key all of them as one JSON object.
pub(super) const ENDPOINT_DATA: &str = "ENDPOINT_DATA_";
/// In place of an id: the connection of the job to Azure Pipelines itself, which is always given.
pub(super) const SYSTEM_CONNECTION: &str = "SYSTEMVSSCONNECTION";
/// The names of all public variables as a JSON array.
pub(super) const PUBLIC_VARIABLES: &str = "VSTS_PUBLIC_VARIABLES";
/// The names of all secret variables as a JSON array.
pub(super) const SECRET_VARIABLES: &str = "VSTS_SECRET_VARIABLES";
/// `SECRET_{NAME}`: a variable whose value is secret.
pub(super) const SECRET: &str = "SECRET_";
/// `VSTS_TASKVARIABLE_{NAME}`: what an earlier stage of the same step set with `task.settaskvariable`.
pub(super) const TASK_VARIABLE: &str = "VSTS_TASKVARIABLE_";
/// Set by every agent since the first.
pub(super) const TF_BUILD: &str = "TF_BUILD";
/// A folder for generated files that the agent empties at the end of the job.
pub(super) const AGENT_TEMP_DIRECTORY: &str = "AGENT_TEMPDIRECTORY";
/// A PEM file with certificate authorities that the agent was configured with.
pub(super) const AGENT_CA_INFO: &str = "AGENT_CAINFO";
/// The same for everything that runs on Node, which is what pipeline authors know from other tasks.
pub(super) const NODE_EXTRA_CA_CERTS: &str = "NODE_EXTRA_CA_CERTS";
/// The proxy that the agent was configured with, and the user name for it. The password is a secret variable, `Agent.ProxyPassword`.
pub(super) const AGENT_PROXY_URL: &str = "AGENT_PROXYURL";
/// See [`AGENT_PROXY_URL`].
pub(super) const AGENT_PROXY_USER_NAME: &str = "AGENT_PROXYUSERNAME";
/// A JSON array of regular expressions: addresses that the proxy is not for.
pub(super) const AGENT_PROXY_BYPASS_LIST: &str = "AGENT_PROXYBYPASSLIST";
/// A PEM file with the certificate that the agent shows to servers that ask for one.
pub(super) const AGENT_CLIENT_CERTIFICATE: &str = "AGENT_CLIENTCERT";
/// A PEM file with the private key of [`AGENT_CLIENT_CERTIFICATE`].
pub(super) const AGENT_CLIENT_CERTIFICATE_KEY: &str = "AGENT_CLIENTCERTKEY";
/// `True` when the agent is configured to trust every server.
pub(super) const AGENT_SKIP_CERTIFICATE_VALIDATION: &str = "AGENT_SKIPCERTVALIDATION";
/// `true` when the author asked for debug output.
pub(super) const SYSTEM_DEBUG: &str = "SYSTEM_DEBUG";
/// The folder against which relative paths are meant.
pub(super) const SYSTEM_DEFAULT_WORKING_DIRECTORY: &str = "SYSTEM_DEFAULTWORKINGDIRECTORY";
/// The name of the step, under which its output variables are filed.
pub(super) const SYSTEM_TASK_INSTANCE_NAME: &str = "SYSTEM_TASKINSTANCENAME";
/// The user at a prompt: on Windows, elsewhere.
pub(super) const USERS: [&str; 2] = ["USERNAME", "USER"];
/// Where the job may ask for an OIDC token.
pub(super) const SYSTEM_OIDC_REQUEST_URI: &str = "SYSTEM_OIDCREQUESTURI";
/// What Azure Pipelines wants to see at the end of the user agent of Azure requests.
pub(super) const AZURE_HTTP_USER_AGENT: &str = "AZURE_HTTP_USER_AGENT";
/// Proves to the agent that an issue comes from the task; given to few tasks.
pub(super) const COMMAND_CORRELATION_ID: &str = "COMMAND_CORRELATION_ID";
/// Set to `launcher` by the task's launcher, which then holds the other end of our standard input open as long as it lives.
pub(super) const PARENT: &str = "IMAGE_BUILDER_PARENT";

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
