//! Signing in: tokens for a scope, renewed ahead of their end, one renewal at a time.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credential::CredentialSource;
use super::sign_in_refusal;
use super::{Freshness, LONGEST_LIFE, SignInFailure, TokenSource};
use crate::arm::clocks::WallClock;
use crate::arm::http::Http;
use crate::arm::network_settings::innermost_text;
use crate::arm::refusal::shortened;
use crate::inputs::connection::{Cloud, Connection, Scheme};
use crate::secret::{Masker, Secret};

/// A token is renewed when less than this is left, or less than a quarter of its life if that is short.
const AHEAD: Duration = Duration::from_secs(300);
/// After a renewal that failed ahead of time, the old token serves on for this long before the next attempt.
const PATIENCE: Duration = Duration::from_secs(30);

/// Signs in as the service connection, and keeps the tokens.
///
/// `azure_identity` keeps tokens, too, but renews one that lives five minutes at each request, fails with a token in hand that is still
/// valid when an early renewal fails, and has no way to drop one that was refused. So each token comes from a new credential.
pub struct ServiceConnectionTokens {
    source: CredentialSource,
    held: Mutex<HashMap<String, Held>>,
    /// How often tokens were fetched: who waited for another one's renewal does not ask for a second one.
    fetched: AtomicU64,
}

struct Held {
    token: Secret,
    renew_at: Instant,
    ends_at: Instant,
}

impl fmt::Debug for ServiceConnectionTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceConnectionTokens")
            .field("connection", &self.source.connection.id)
            .finish_non_exhaustive()
    }
}

impl ServiceConnectionTokens {
    /// Prepares signing in to `cloud`; nothing is sent yet. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// The service connection cannot be used: its certificate is broken or has expired, or a name in it is malformed.
    pub fn new(
        connection: &Connection,
        cloud: &Cloud,
        http: Arc<dyn Http>,
        masker: Arc<dyn Masker>,
    ) -> Result<Self, SignInFailure> {
        let source = CredentialSource {
            connection: connection.clone(),
            authority: cloud.authority.clone(),
            http,
            masker,
            claims: Arc::default(),
            clock: WallClock::of_machine(),
        };
        source.credential()?;
        Ok(Self {
            source,
            held: Mutex::default(),
            fetched: AtomicU64::new(0),
        })
    }

    async fn fetch(&self, scope: &str) -> Result<Held, SignInFailure> {
        let credential = self.source.credential()?;
        let token = credential.get_token(&[scope], None).await;
        let token = token.map_err(|error| {
            let claims = self.source.claims.lock();
            let claims = claims.unwrap_or_else(PoisonError::into_inner).clone();
            // The layers around it say that there was an error, and that it was not tried again.
            let error = shortened(&innermost_text(&error));
            sign_in_refusal::explain(&error, &self.source.connection, claims.as_ref())
        })?;
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let life = self.life(&token);
        let now = Instant::now();
        Ok(Held {
            token: Secret::new(token.token.secret(), self.source.masker.as_ref()),
            renew_at: now + life.saturating_sub(AHEAD.min(life / 4)),
            ends_at: now + life,
        })
    }

    /// Microsoft Entra ID says for how many seconds a token is valid, and the credential has added them to the machine's clock; the metadata
    /// service and the Azure CLI say until when.
    fn life(&self, token: &AccessToken) -> Duration {
        let now = match self.source.connection.scheme {
            Scheme::ManagedIdentity { .. } | Scheme::AzureCli => self.source.clock.now(),
            Scheme::Secret { .. } | Scheme::Certificate { .. } | Scheme::Federated { .. } => {
                OffsetDateTime::now_utc()
            }
        };
        let life: Duration = (token.expires_on - now).try_into().unwrap_or_default();
        life.min(LONGEST_LIFE)
    }
}

#[async_trait]
impl TokenSource for ServiceConnectionTokens {
    async fn token(&self, scope: &str, freshness: Freshness) -> Result<Secret, SignInFailure> {
        let fetched = self.fetched.load(Ordering::Relaxed);
        let mut held = self.held.lock().await;
        let refused =
            freshness == Freshness::Renewed && fetched == self.fetched.load(Ordering::Relaxed);
        if refused {
            held.remove(scope);
        }
        if let Some(known) = held.get(scope).filter(|it| Instant::now() < it.renew_at) {
            return Ok(known.token.clone());
        }
        match self.fetch(scope).await {
            Ok(fresh) => {
                let token = fresh.token.clone();
                held.insert(scope.to_owned(), fresh);
                Ok(token)
            }
            Err(failure) => {
                let now = Instant::now();
                let old = held.get_mut(scope).filter(|old| now < old.ends_at);
                let Some(old) = old else { return Err(failure) };
                tracing::debug!("renewing a token ahead of its end failed: {failure}");
                old.renew_at = now + PATIENCE;
                Ok(old.token.clone())
            }
        }
    }
}
