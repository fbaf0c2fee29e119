//! The credential of `azure_identity` for a service connection's scheme.

use std::sync::{Arc, Mutex};

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use url::Url;

use super::SignInFailure;
use super::azure_core_adapter::AzureCoreTransport;
use super::certificate::CertificateAssertion;
use super::oidc::{Claims, PipelinesAssertion};
use super::sign_in_refusal;
use crate::arm::clocks::WallClock;
use crate::arm::http::Http;
use crate::inputs::connection::{Connection, Scheme};
use crate::secret::Masker;

/// What credentials are made of, again and again: each one keeps the tokens that it got, and has no way to drop one.
pub(super) struct CredentialSource {
    pub(super) connection: Connection,
    /// Microsoft Entra ID of the connection's cloud.
    pub(super) authority: Url,
    pub(super) http: Arc<dyn Http>,
    pub(super) masker: Arc<dyn Masker>,
    /// What the last OIDC token claimed: a refusal is explained with it.
    pub(super) claims: Arc<Mutex<Option<Claims>>>,
    pub(super) clock: WallClock,
}

impl CredentialSource {
    /// A credential without any token. Nothing is sent yet.
    pub(super) fn credential(&self) -> Result<Arc<dyn TokenCredential>, SignInFailure> {
        let made: azure_core::Result<Arc<dyn TokenCredential>> = match &self.connection.scheme {
            Scheme::Secret {
                tenant,
                client,
                secret,
            } => {
                let secret = azure_core::credentials::Secret::new(secret.reveal().to_owned());
                let options = ClientSecretCredentialOptions {
                    client_options: self.client_options(),
                };
                ClientSecretCredential::new(tenant, client.clone(), secret, Some(options))
                    .map(|made| -> Arc<dyn TokenCredential> { made })
            }
            Scheme::Certificate {
                tenant,
                client,
                pem,
            } => {
                let endpoint = self.authority.join(&format!("/{tenant}/oauth2/v2.0/token"));
                let endpoint = endpoint.map_or_else(|_| String::new(), String::from);
                let assertion = CertificateAssertion::new(pem, client, endpoint, self.clock)
                    .map_err(|unusable| sign_in_refusal::of_certificate(&unusable))?;
                self.by_assertion(tenant, client, assertion)
            }
            Scheme::Federated {
                tenant,
                client,
                oidc,
            } => {
                let assertion = PipelinesAssertion::new(
                    &self.connection.id,
                    oidc,
                    Arc::clone(&self.http),
                    Arc::clone(&self.masker),
                    Arc::clone(&self.claims),
                );
                self.by_assertion(tenant, client, assertion)
            }
            Scheme::ManagedIdentity { client } => {
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                    client_options: self.client_options(),
                };
                ManagedIdentityCredential::new(Some(options))
                    .map(|made| -> Arc<dyn TokenCredential> { made })
            }
            Scheme::AzureCli => {
                let options = AzureCliCredentialOptions {
                    subscription: Some(self.connection.subscription.clone()),
                    ..AzureCliCredentialOptions::default()
                };
                AzureCliCredential::new(Some(options))
                    .map(|made| -> Arc<dyn TokenCredential> { made })
            }
        };
        made.map_err(|error| sign_in_refusal::explain(&error.to_string(), &self.connection, None))
    }

    fn by_assertion<A: ClientAssertion + 'static>(
        &self,
        tenant: &str,
        client: &str,
        assertion: A,
    ) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let options = ClientAssertionCredentialOptions {
            client_options: self.client_options(),
        };
        let made = ClientAssertionCredential::new(
            tenant.to_owned(),
            client.to_owned(),
            assertion,
            Some(options),
        )?;
        Ok(made)
    }

    fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = self.authority.to_string();
        let transport = AzureCoreTransport::new(Arc::clone(&self.http));
        ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            transport: Some(Transport::new(Arc::new(transport))),
            // The transport repeats requests by our own rules.
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        }
    }
}
