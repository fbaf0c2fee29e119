//! The way to the network, as an agent was configured for it.

use std::fmt;
use std::net::IpAddr;

use regex::{Regex, RegexBuilder};
use reqwest::{Certificate, ClientBuilder, Identity};
use url::{Host, Url};

use crate::secret::Secret;

/// What a job tells about the way to the network.
#[derive(Debug, Clone, Default)]
pub struct NetworkSettings {
    /// Certificate authorities to trust in addition to the system's, as PEM texts (`Agent.CAInfo`, `NODE_EXTRA_CA_CERTS`).
    pub extra_authorities: Vec<Vec<u8>>,
    /// The agent's proxy; without one the environment's counts (`HTTPS_PROXY` and its like).
    pub proxy: Option<Proxy>,
    /// A certificate for servers that ask for one, with its private key, as one PEM text.
    pub client_certificate: Option<Secret>,
    /// Whether any certificate of a server will do.
    pub trusts_every_server: bool,
    /// `User-Agent` of every request.
    pub user_agent: String,
}

/// A client could not be made of the [`NetworkSettings`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoClient(pub(super) String);

/// A proxy, and what it is not for.
#[derive(Debug, Clone)]
pub struct Proxy {
    url: ProxyUrl,
    login: Option<(String, Secret)>,
    bypass: Vec<Regex>,
}

/// An address that may hold a password.
#[derive(Clone)]
struct ProxyUrl(Url);

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.host_str().unwrap_or_default())
    }
}

impl Proxy {
    /// The proxy at `url`. The expressions of `bypass` compare with the whole address of a request, without letter case, as the agent does
    /// it (`VstsAgentWebProxy.cs` in <https://github.com/microsoft/azure-pipelines-agent>); one that is malformed matches nothing.
    ///
    /// # Errors
    /// The address is malformed. It is not repeated in the error: it may hold a password.
    pub fn new(
        url: &str,
        login: Option<(String, Secret)>,
        bypass: &[String],
    ) -> Result<Self, NoClient> {
        let parsed = Url::parse(url.trim()).ok();
        let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = parsed.filter(Url::has_host).ok_or_else(|| {
            NoClient(
                "the address of the agent's proxy is malformed; expected one like http://proxy.example:3128"
                    .to_owned(),
            )
        })?;
        let expression = |text: &String| {
            let made = RegexBuilder::new(text.trim())
                .case_insensitive(true)
                .build();
            if made.is_err() {
                tracing::warn!("an expression of the proxy's bypass list is malformed: {text}");
            }
            made.ok()
        };
        Ok(Self {
            url: ProxyUrl(url),
            login,
            bypass: bypass.iter().filter_map(expression).collect(),
        })
    }

    /// Whether a request to `url` goes past the proxy: it stays on this machine, or the agent's list says so.
    fn is_bypassed(&self, url: &Url) -> bool {
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        };
        is_loopback || self.bypass.iter().any(|it| it.is_match(url.as_str()))
    }

    fn into_reqwest(self) -> reqwest::Proxy {
        let login = self.login.clone();
        let custom =
            reqwest::Proxy::custom(move |url| (!self.is_bypassed(url)).then(|| self.url.0.clone()));
        match login {
            Some((user, password)) => custom.basic_auth(&user, password.reveal()),
            None => custom,
        }
    }
}

impl NetworkSettings {
    /// Configures a client: whom it trusts, who it is, and by which way it goes.
    pub(super) fn configure(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, NoClient> {
        for pem in &self.extra_authorities {
            let certificates = Certificate::from_pem_bundle(pem).map_err(|error| {
                let reason = innermost(&error);
                NoClient(format!(
                    "the extra certificate authorities are not PEM: {reason}"
                ))
            })?;
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some(pem) = &self.client_certificate {
            let identity = Identity::from_pem(pem.reveal().as_bytes()).map_err(|error| {
                let reason = innermost(&error);
                NoClient(format!("the agent's client certificate cannot be used: {reason}; Agent.ClientCert and Agent.ClientCertKey must be PEM files, and the key must not be encrypted"))
            })?;
            builder = builder.identity(identity);
        }
        if self.trusts_every_server {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone().into_reqwest());
        }
        Ok(builder)
    }
}

/// The text at the end of an error's chain of causes.
pub(super) fn innermost_text(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

/// reqwest's own text says little ("error sending request"); the cause is at the end of the chain.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let text = innermost_text(error);
    if error.is_timeout() {
        format!("no answer in time ({text})")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bypass_list_is_one_of_expressions_over_addresses() {
        let check = |bypass: &[&str], url: &str, expected: bool| {
            let bypass: Vec<_> = bypass.iter().map(|text| (*text).to_owned()).collect();
            let proxy = Proxy::new("http://proxy.example:3128", None, &bypass).unwrap();
            let found = proxy.is_bypassed(&Url::parse(url).unwrap());
            assert_eq!(found, expected, "{bypass:?} {url}");
        };
        let arm = "https://management.azure.com/subscriptions";
        check(&[], arm, false);
        check(&[r"management\.azure\.com"], arm, true);
        check(&[r"MANAGEMENT\.azure\.com"], arm, true);
        check(&[r"login\.", r"^https://management"], arm, true);
        check(&[r"\.example\.com$"], arm, false);
        check(&["(", "*.azure.com"], arm, false);
        check(&[], "https://localhost:8443/x", true);
        check(&[], "https://127.0.0.7/x", true);
        check(&[], "https://[::1]/x", true);
        check(&[], "https://localhost.example/x", false);
    }

    #[test]
    fn a_malformed_address_is_refused_without_its_password() {
        let check = |url: &str| {
            let error = Proxy::new(url, None, &[]).unwrap_err().to_string();
            assert!(error.contains("malformed"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("proxy.example:3128");
        check("user:hunter2@proxy");
        check("socks5://user:hunter2@proxy.example");
        check("");
        let proxy = Proxy::new("http://user:hunter2@proxy.example", None, &[]).unwrap();
        assert!(!format!("{proxy:?}").contains("hunter2"));
    }
}
