//! The network as the agent was configured for it: proxy, certificates, whom to trust.

use std::path::Path;
use std::sync::Arc;

use image_builder::agent::{Agent, IssueKind};
use image_builder::arm::http::{Http, HttpClient};
use image_builder::arm::network_settings::{NetworkSettings, Proxy};
use image_builder::file;
use image_builder::inputs::manifest::TASK_VERSION;
use image_builder::secret::{Masker as _, Secret};
use url::Url;

/// Code of "every server is trusted, because the agent is configured so".
const CODE_TRUSTS_EVERY_SERVER: &str = "AIB209";

/// All authorities of a system are a few hundred kilobytes.
const LONGEST_PEM: u64 = 16 << 20;

/// Warns of a setting of the agent that is a danger.
pub(crate) fn warn(agent: &Agent) {
    if agent.environment().skips_certificate_validation() {
        let text = "The agent trusts every server (Agent.SkipCertValidation): anyone on its network can read the sign-in. Give it the right certificate authority instead (config --sslcacert)";
        let code = Some(CODE_TRUSTS_EVERY_SERVER);
        agent.console().issue(IssueKind::Warning, code, text);
    }
}

/// A client for the network, or why there is none.
pub(crate) fn to_network(agent: &Agent) -> Result<Arc<dyn Http>, String> {
    let environment = agent.environment();
    let extra_authorities = environment
        .extra_certificate_authorities()
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let network = NetworkSettings {
        extra_authorities,
        proxy: proxy(agent)?,
        client_certificate: client_certificate(agent)?,
        trusts_every_server: environment.skips_certificate_validation(),
        user_agent: user_agent(agent),
    };
    match HttpClient::new(&network) {
        Ok(client) => Ok(Arc::new(client)),
        Err(error) => Err(error.to_string()),
    }
}

fn user_agent(agent: &Agent) -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let own = format!("image-builder-task/{TASK_VERSION} ({os}; {arch})");
    match agent.environment().user_agent_addition() {
        Some(addition) => format!("{own} {addition}"),
        None => own,
    }
}

fn proxy(agent: &Agent) -> Result<Option<Proxy>, String> {
    let Some(proxy) = agent.environment().proxy() else {
        return Ok(None);
    };
    // A password may stand in the address, too, in its percent-encoded form.
    let url = Url::parse(&proxy.url).ok();
    if let Some(password) = url.as_ref().and_then(Url::password) {
        agent.console().mask(password);
    }
    let password = Secret::new(proxy.password.unwrap_or_default(), agent.console());
    let login = proxy.user.map(|user| (user, password));
    Proxy::new(&proxy.url, login, &proxy.bypass)
        .map(Some)
        .map_err(|error| error.to_string())
}

fn client_certificate(agent: &Agent) -> Result<Option<Secret>, String> {
    let Some((certificate, key)) = agent.environment().client_certificate() else {
        return Ok(None);
    };
    let both = [read(&certificate)?, read(&key)?].join(&b'\n');
    let pem = String::from_utf8_lossy(&both);
    Ok(Some(Secret::new(pem, agent.console())))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    file::read(path, LONGEST_PEM)
        .map_err(|error| format!("'{}' cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use image_builder::agent::{Console, Environment};

    use super::*;

    fn agent(variables: &[(&str, &str)]) -> Agent {
        let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        let environment = Environment::new(variables.iter().map(owned));
        let console = Console::new(&environment, Vec::new());
        Agent::new(environment, console)
    }

    #[test]
    fn azure_pipelines_adds_to_the_user_agent() {
        let check = |variables: &[(&str, &str)], end: &str| {
            let found = user_agent(&agent(variables));
            let own = format!("image-builder-task/{TASK_VERSION} (");
            assert!(found.starts_with(&own) && found.ends_with(end), "{found}");
        };
        check(&[], ")");
        check(
            &[("AZURE_HTTP_USER_AGENT", "VSTS_c_build_7_4711")],
            ") VSTS_c_build_7_4711",
        );
    }

    #[test]
    fn a_proxy_without_a_user_needs_no_password() {
        let none = agent(&[("SECRET_AGENT_PROXYPASSWORD", "hunter2")]);
        assert!(proxy(&none).unwrap().is_none());
        let open = agent(&[("AGENT_PROXYURL", "http://proxy.example:3128")]);
        assert!(proxy(&open).unwrap().is_some());
        let broken = agent(&[("AGENT_PROXYURL", "proxy")]);
        assert!(proxy(&broken).unwrap_err().contains("malformed"));
    }
}
