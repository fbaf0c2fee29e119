//! The service connection: who signs in, to which cloud.

use url::Url;

use crate::secret::Secret;

/// A usable Azure Resource Manager service connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The connection's GUID.
    pub id: String,
    /// The subscription it is for.
    pub subscription: String,
    /// How to sign in.
    pub scheme: Scheme,
    /// Where to sign in, and where Azure Resource Manager is.
    pub cloud: KnownCloud,
}

/// What stands in commands for the principal of the service connection where texts are made; it is filled in where they are printed.
pub const PRINCIPAL: [&str; 2] = [
    "<service connection's principal>",
    "<object id of its principal>",
];

impl Connection {
    /// By which a role assignment names the principal (`az role assignment create --assignee`): its client id, where the connection has one.
    pub fn principal(&self) -> Option<&str> {
        let client = match &self.scheme {
            Scheme::Secret { client, .. }
            | Scheme::Certificate { client, .. }
            | Scheme::Federated { client, .. } => Some(client),
            Scheme::ManagedIdentity { client } => client.as_ref(),
            Scheme::AzureCli => None,
        };
        let is_plain = |id: &&str| id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        client
            .map(String::as_str)
            .filter(is_plain)
            .filter(|id| !id.is_empty())
    }
}

/// How to sign in.
#[derive(Debug, Clone)]
pub enum Scheme {
    /// A service principal with a client secret.
    Secret {
        /// Directory (tenant) id.
        tenant: String,
        /// Application (client) id.
        client: String,
        /// The client secret.
        secret: Secret,
    },
    /// A service principal with a certificate.
    Certificate {
        /// Directory (tenant) id.
        tenant: String,
        /// Application (client) id.
        client: String,
        /// The private key and the certificate, in one PEM text.
        pem: Secret,
    },
    /// The managed identity of the machine on which the agent runs.
    ManagedIdentity {
        /// Client id of a user-assigned identity; none means the system-assigned one.
        client: Option<String>,
    },
    /// Whoever is signed in with the Azure CLI: for a person at a prompt, where no agent hands a service connection over.
    AzureCli,
    /// Workload identity federation: Azure Pipelines vouches for the connection with an OIDC token.
    Federated {
        /// Directory (tenant) id.
        tenant: String,
        /// Application (client) id.
        client: String,
        /// Where the OIDC token comes from.
        oidc: OidcSource,
    },
}

/// Where OIDC tokens come from.
#[derive(Debug, Clone)]
pub enum OidcSource {
    /// Azure Pipelines gives a new one whenever it is asked. If it does not, there may be one that an earlier step put into the connection.
    Request(OidcRequest, Option<Secret>),
    /// Nobody can be asked, and an earlier step put one into the connection (parameter `idToken`). There will be no other.
    Given(Secret),
}

/// The request for an OIDC token of this job and connection.
#[derive(Debug, Clone)]
pub struct OidcRequest {
    /// `System.OidcRequestUri`.
    pub uri: Url,
    /// The job's own token, which opens the endpoint.
    pub job_token: Secret,
}

/// The addresses of one Azure cloud, as far as the connection tells them. Azure Resource Manager tells the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCloud {
    /// Azure Resource Manager, `https://management.azure.com/`.
    pub resource_manager: Url,
    /// Microsoft Entra ID.
    pub authority: Option<Url>,
    /// What tokens for Azure Resource Manager are asked for.
    pub audience: Option<String>,
}

/// The addresses of one Azure cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// Azure Resource Manager, `https://management.azure.com/`.
    pub resource_manager: Url,
    /// Microsoft Entra ID, `https://login.microsoftonline.com/`.
    pub authority: Url,
    /// What tokens for Azure Resource Manager are asked for: a resource, `https://management.azure.com/`, not a scope.
    pub audience: String,
}
