//! How the agent was configured for the network: proxy, certificates, whom to trust.

use std::path::PathBuf;

use super::endpoint::AgentProxy;
use super::environment::Environment;
use super::names;

impl Environment {
    /// What to add to the user agent of requests to Azure.
    pub fn user_agent_addition(&self) -> Option<String> {
        self.text(names::AZURE_HTTP_USER_AGENT)
    }

    /// PEM files with certificate authorities to trust beside the system's.
    pub fn extra_certificate_authorities(&self) -> Vec<PathBuf> {
        [names::AGENT_CA_INFO, names::NODE_EXTRA_CA_CERTS]
            .iter()
            .filter_map(|name| self.path(name))
            .collect()
    }

    /// The proxy that the agent was configured with.
    pub fn proxy(&self) -> Option<AgentProxy> {
        let bypass = self.text(names::AGENT_PROXY_BYPASS_LIST);
        Some(AgentProxy {
            url: self.text(names::AGENT_PROXY_URL)?,
            user: self.text(names::AGENT_PROXY_USER_NAME),
            password: self.variable("Agent.ProxyPassword"),
            bypass: bypass
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
        })
    }

    /// PEM files with the agent's client certificate and its private key.
    pub fn client_certificate(&self) -> Option<(PathBuf, PathBuf)> {
        self.path(names::AGENT_CLIENT_CERTIFICATE)
            .zip(self.path(names::AGENT_CLIENT_CERTIFICATE_KEY))
    }

    /// Whether the agent was told to trust every server.
    pub fn skips_certificate_validation(&self) -> bool {
        self.text(names::AGENT_SKIP_CERTIFICATE_VALIDATION)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }
}
