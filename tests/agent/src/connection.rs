//! Service connections, which the agent calls endpoints, and the environment variables that carry them.

use std::collections::BTreeMap;

use serde_json::json;

use crate::variables::env_name;

/// A service connection that a step may name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceConnection {
    /// Its GUID, lower case with hyphens.
    pub id: String,
    /// The name that pipeline authors write.
    pub name: String,
    /// The address, for example `https://management.azure.com/`.
    pub url: String,
    /// The authorization scheme, for example `WorkloadIdentityFederation`; none leaves out scheme and parameters.
    pub scheme: Option<String>,
    /// Authorization parameters; all but a short list are secrets.
    pub parameters: BTreeMap<String, String>,
    /// The connection's data, for example `subscriptionId`.
    pub data: BTreeMap<String, String>,
}

impl ServiceConnection {
    /// A connection without parameters and data.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        url: impl Into<String>,
        scheme: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into().to_lowercase(),
            name: name.into(),
            url: url.into(),
            scheme: Some(scheme.into()),
            ..Self::default()
        }
    }

    /// Adds an authorization parameter.
    #[must_use]
    pub fn parameter(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(key.into(), value.into());
        self
    }

    /// Adds an entry of the connection's data.
    #[must_use]
    pub fn data(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.data.insert(key.into(), value.into());
        self
    }

    /// The variables of `AddEndpointsToEnvironment` in the agent's `Handler.cs`.
    pub(crate) fn write_to(&self, environment: &mut BTreeMap<String, String>) {
        let id = &self.id;
        write_authorization(
            environment,
            id,
            &self.url,
            self.scheme.as_deref(),
            &self.parameters,
        );
        environment.insert(format!("ENDPOINT_DATA_{id}"), json!(self.data).to_string());
        for (key, value) in &self.data {
            environment.insert(
                format!("ENDPOINT_DATA_{id}_{}", env_name(key, false)),
                value.clone(),
            );
        }
    }
}

/// The connection of the job itself to Azure DevOps, whose token every task can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemConnection {
    /// The collection's address.
    pub url: String,
    /// The job token.
    pub token: String,
}

impl SystemConnection {
    /// Like a service connection, but under a fixed name and without data.
    pub(crate) fn write_to(&self, environment: &mut BTreeMap<String, String>) {
        let parameters = BTreeMap::from([("AccessToken".to_owned(), self.token.clone())]);
        write_authorization(
            environment,
            "SYSTEMVSSCONNECTION",
            &self.url,
            Some("OAuth"),
            &parameters,
        );
    }
}

fn write_authorization(
    environment: &mut BTreeMap<String, String>,
    key: &str,
    url: &str,
    scheme: Option<&str>,
    parameters: &BTreeMap<String, String>,
) {
    environment.insert(format!("ENDPOINT_URL_{key}"), url.to_owned());
    let authorization = json!({ "parameters": parameters, "scheme": scheme });
    environment.insert(format!("ENDPOINT_AUTH_{key}"), authorization.to_string());
    if let Some(scheme) = scheme {
        environment.insert(format!("ENDPOINT_AUTH_SCHEME_{key}"), scheme.to_owned());
        for (name, value) in parameters {
            environment.insert(
                format!("ENDPOINT_AUTH_PARAMETER_{key}_{}", env_name(name, false)),
                value.clone(),
            );
        }
    }
}
