//! The name of every environment variable that the core reads.
//! Pipeline variables that are read under their own names, such as `Build.BuildId`, are named where they are asked for.

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
