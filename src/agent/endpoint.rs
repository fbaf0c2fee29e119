//! A service connection, as far as the agent knows what that is.

use std::collections::BTreeMap;
use std::fmt;

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
