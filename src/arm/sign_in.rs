//! Signing in: a token for a scope, by the service connection's scheme, with `azure_identity`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions,
};

use super::http::Http;
use super::oidc::{Claims, PipelinesAssertion};
use super::transport::AzureCoreTransport;
use crate::inputs::connection::{Connection, Scheme};
use crate::secret::{Masker, Secret};

/// Gives tokens.
#[async_trait]
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// A token for `scope` that is valid for some minutes at least.
    async fn token(&self, scope: &str, freshness: Freshness) -> Result<Secret, SignInFailure>;
}

/// Whether a token that was handed out before may serve again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Any valid token.
    Cached,
    /// A server refused the last one.
    Renewed,
}

/// No token was to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SignInFailure {
    /// Stable code, `AIB2..`.
    pub code: &'static str,
    /// Who refused, and why.
    pub reason: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// Microsoft Entra ID refused, or could not be reached.
pub const CODE_REFUSED: &str = "AIB201";
/// Azure Pipelines gave no OIDC token.
pub const CODE_NO_OIDC_TOKEN: &str = "AIB202";
/// No federated credential matches the service connection.
pub const CODE_NO_FEDERATED_CREDENTIAL: &str = "AIB203";

/// Signs in as the service connection.
pub struct ServiceConnectionTokens {
    connection: Connection,
    http: Arc<dyn Http>,
    masker: Arc<dyn Masker>,
    /// What the last OIDC token claimed: a refusal is explained with it.
    claims: Arc<Mutex<Option<Claims>>>,
    credential: Mutex<Arc<dyn TokenCredential>>,
}

impl fmt::Debug for ServiceConnectionTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceConnectionTokens")
            .field("connection", &self.connection.id)
            .finish_non_exhaustive()
    }
}

impl ServiceConnectionTokens {
    /// Prepares signing in; nothing is sent yet.
    pub fn new(
        connection: &Connection,
        http: Arc<dyn Http>,
        masker: Arc<dyn Masker>,
    ) -> Result<Self, SignInFailure> {
        let claims = Arc::default();
        let credential = credential(connection, &http, &masker, &claims)?;
        Ok(Self {
            connection: connection.clone(),
            http,
            masker,
            claims,
            credential: Mutex::new(credential),
        })
    }

    fn current(&self) -> Arc<dyn TokenCredential> {
        self.credential
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The credential keeps its tokens and has no way to drop one, so a refused token costs the credential.
    fn renew(&self) -> Result<(), SignInFailure> {
        let fresh = credential(&self.connection, &self.http, &self.masker, &self.claims)?;
        *self
            .credential
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

#[async_trait]
impl TokenSource for ServiceConnectionTokens {
    async fn token(&self, scope: &str, freshness: Freshness) -> Result<Secret, SignInFailure> {
        if freshness == Freshness::Renewed {
            self.renew()?;
        }
        let token = self.current().get_token(&[scope], None).await;
        let token = token.map_err(|error| {
            let claims = self
                .claims
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            explain(&error.to_string(), claims.as_ref())
        })?;
        Ok(Secret::new(token.token.secret(), self.masker.as_ref()))
    }
}

fn credential(
    connection: &Connection,
    http: &Arc<dyn Http>,
    masker: &Arc<dyn Masker>,
    claims: &Arc<Mutex<Option<Claims>>>,
) -> Result<Arc<dyn TokenCredential>, SignInFailure> {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = connection.cloud.authority.to_string();
    let client_options = ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        transport: Some(Transport::new(Arc::new(AzureCoreTransport::new(
            Arc::clone(http),
        )))),
        ..ClientOptions::default()
    };
    let credential: azure_core::Result<Arc<dyn TokenCredential>> = match &connection.scheme {
        Scheme::Secret {
            tenant,
            client,
            secret,
        } => {
            let secret = azure_core::credentials::Secret::new(secret.reveal().to_owned());
            let options = ClientSecretCredentialOptions { client_options };
            ClientSecretCredential::new(tenant, client.clone(), secret, Some(options))
                .map(|made| -> Arc<dyn TokenCredential> { made })
        }
        Scheme::Federated {
            tenant,
            client,
            oidc,
        } => {
            let assertion = PipelinesAssertion::new(
                &connection.id,
                oidc,
                Arc::clone(http),
                Arc::clone(masker),
                Arc::clone(claims),
            );
            let options = ClientAssertionCredentialOptions { client_options };
            ClientAssertionCredential::new(tenant.clone(), client.clone(), assertion, Some(options))
                .map(|made| -> Arc<dyn TokenCredential> { made })
        }
    };
    credential.map_err(|error| explain(&error.to_string(), None))
}

/// Turns what the credential says into who refused, why, and what to do
/// (codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>).
fn explain(error: &str, claims: Option<&Claims>) -> SignInFailure {
    if let Some(reason) = PipelinesAssertion::refusal_in(error) {
        let hint =
            "check that the pipeline may use the service connection, and that it still exists";
        return SignInFailure {
            code: CODE_NO_OIDC_TOKEN,
            reason,
            hint: Some(hint.to_owned()),
        };
    }
    let Some((number, text)) = aadsts(error) else {
        let reason = format!(
            "signing in to Microsoft Entra ID failed: {}",
            first_sentences(error)
        );
        let hint = "check that the agent reaches the authority of the service connection, and its proxy and certificate settings";
        return SignInFailure {
            code: CODE_REFUSED,
            reason,
            hint: Some(hint.to_owned()),
        };
    };
    let reason = format!("Microsoft Entra ID refused to sign in: {text}");
    let (code, hint) = match number {
        "70021" | "700211" | "700213" | "700223" | "700238" | "70025" => (CODE_NO_FEDERATED_CREDENTIAL, federated_hint(claims)),
        "7000215" => (CODE_REFUSED, "the client secret is wrong: put the secret's value (not its id) into the service connection".to_owned()),
        "7000222" => (CODE_REFUSED, "the client secret has expired: renew it and update the service connection, or convert the connection to workload identity federation".to_owned()),
        "700016" => (CODE_REFUSED, "the application is not in this tenant: check the service connection's application id and tenant id".to_owned()),
        "90002" | "900023" => (CODE_REFUSED, "the tenant does not exist in this cloud: check the service connection's tenant id and environment".to_owned()),
        "700024" => (CODE_REFUSED, "the token of Azure Pipelines was out of its time window: check the agent's clock".to_owned()),
        _ => (CODE_REFUSED, format!("look up the code: https://login.microsoftonline.com/error?code={number}")),
    };
    SignInFailure {
        code,
        reason,
        hint: Some(hint),
    }
}

fn federated_hint(claims: Option<&Claims>) -> String {
    match claims {
        Some(Claims { issuer, subject, audience }) => format!(
            "add a federated credential to the application with exactly issuer '{issuer}', subject '{subject}' and audience '{audience}', or recreate the service connection"
        ),
        None => "add a federated credential to the application that matches the service connection's issuer and subject".to_owned(),
    }
}

/// The number and the first line of Microsoft Entra ID's own text.
fn aadsts(error: &str) -> Option<(&str, &str)> {
    let start = error.find("AADSTS")?;
    let text = error.get(start..)?.lines().next()?;
    let text = text.split(" Trace ID:").next().unwrap_or(text).trim();
    let number = text.strip_prefix("AADSTS")?;
    let end = number
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(number.len());
    Some((number.get(..end)?, text))
}

/// Without the link to the credential library's own troubleshooting page.
fn first_sentences(error: &str) -> &str {
    error
        .split("\nTo troubleshoot")
        .next()
        .unwrap_or(error)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_entra_are_explained() {
        let check = |error: &str, code: &str, reason: &str, hint: &str| {
            let claims = Claims {
                issuer: "https://issuer".into(),
                subject: "sc://o/p/c".into(),
                audience: "api://AzureADTokenExchange".into(),
            };
            let failure = explain(error, Some(&claims));
            assert_eq!(failure.code, code, "{error}");
            assert_eq!(failure.reason, reason);
            let found = failure.hint.unwrap();
            assert!(found.contains(hint), "{found}");
        };
        check(
            "ClientSecretCredential authentication failed. AADSTS7000222: The provided client secret keys are expired.\r\nTrace ID: 1",
            CODE_REFUSED,
            "Microsoft Entra ID refused to sign in: AADSTS7000222: The provided client secret keys are expired.",
            "renew it",
        );
        check(
            "x AADSTS700213: No matching federated identity record found Trace ID: 2",
            CODE_NO_FEDERATED_CREDENTIAL,
            "Microsoft Entra ID refused to sign in: AADSTS700213: No matching federated identity record found",
            "issuer 'https://issuer', subject 'sc://o/p/c'",
        );
        check(
            "connection refused\nTo troubleshoot, visit https://aka.ms/x",
            CODE_REFUSED,
            "signing in to Microsoft Entra ID failed: connection refused",
            "proxy",
        );
        check(
            "AADSTS50000: odd",
            CODE_REFUSED,
            "Microsoft Entra ID refused to sign in: AADSTS50000: odd",
            "code=50000",
        );
    }
}
