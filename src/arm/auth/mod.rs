//! Signing in to Microsoft Entra ID: a credential for each scheme of a service connection, its tokens, and the explanation of a refusal.

mod azure_core_adapter;
mod certificate;
mod credential;
mod oidc;
mod sign_in;
mod sign_in_refusal;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::secret::Secret;

pub use sign_in::ServiceConnectionTokens;

/// Microsoft Entra ID refused, or could not be reached.
pub const CODE_REFUSED: &str = "AIB201";
/// Azure Pipelines gave no OIDC token.
pub const CODE_NO_OIDC_TOKEN: &str = "AIB202";
/// No federated credential matches the service connection.
pub const CODE_NO_FEDERATED_CREDENTIAL: &str = "AIB203";
/// The service connection's certificate cannot be used.
pub const CODE_CERTIFICATE: &str = "AIB205";
/// The agent's machine gave no token for a managed identity.
pub const CODE_MANAGED_IDENTITY: &str = "AIB206";
/// The Azure CLI gave no token.
pub const CODE_AZURE_CLI: &str = "AIB207";
/// The addresses of the service connection's cloud cannot be found.
pub const CODE_NO_CLOUD: &str = "AIB208";

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

/// There is no token.
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

/// The longest that Microsoft Entra ID gives is 24 hours, with continuous access evaluation
/// (<https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes>); whatever says more is not believed.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
