//! A blob service, and the core's way to it: its own client over HTTPS, with tokens of the test.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use azure_emulator::blob::BlobRole;
use azure_emulator::{Clock, Cloud, RunningServer, Server, ServerOptions, Switches, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use image_builder::arm::auth::{Freshness, SignInFailure, TokenSource};
use image_builder::arm::http::{Http as _, HttpClient, TransportError};
use image_builder::arm::network_settings::NetworkSettings;
use image_builder::arm::{Client, Refusal};
use image_builder::file::Exclusion;
use image_builder::secret::{Masker, Secret};
use image_builder::storage::{
    BlobRef, Format, PackageSource, ReadLink, StorageAccount, StorageFailure, Uploaded, read_link,
    upload,
};
use serde_json::json;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::azurite::{self, Azurite};

const TENANT: &str = "0b9d1f6e-2c47-4a83-b5d0-7e1a9c3f5d28";
const STORAGE: &str = "https://storage.azure.com";

/// Which service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Emulator,
    Azurite,
}

/// A blob service with one account, addressed in path style.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) kind: Kind,
    pub(crate) account: StorageAccount,
    http: HttpClient,
    /// Keeps the emulator running.
    _emulator: Option<(RunningServer, TempDir)>,
}

impl Service {
    /// The project's emulator, a new one.
    pub(crate) fn emulator() -> Self {
        let folder = TempDir::new().unwrap();
        let options = ServerOptions {
            port_base: 0,
            folder: folder.path().to_owned(),
            title_case_headers: false,
        };
        let build = |addresses| {
            let mut world = World::contoso(addresses);
            let roles = vec![BlobRole::Contributor];
            world.storage_accounts[0]
                .roles
                .insert("any".to_owned(), roles);
            Cloud::new(world, Switches::default(), Clock::System)
        };
        let server = Server::start(build, &options).unwrap();
        let name = "stcontosoimages";
        let endpoint = server.addresses.blob_endpoint(name);
        let ca_pem = std::fs::read(&server.ca_pem_path).unwrap();
        Self {
            _emulator: Some((server, folder)),
            ..Self::new(Kind::Emulator, name, &endpoint, ca_pem)
        }
    }

    /// The Azurite that runs.
    pub(crate) fn azurite(running: &Azurite) -> Self {
        // No slash at the end: the core must not need it.
        let endpoint = format!("{}/{}", running.origin, azurite::ACCOUNT);
        let ca_pem = running.ca_pem.clone().into_bytes();
        Self::new(Kind::Azurite, azurite::ACCOUNT, &endpoint, ca_pem)
    }

    fn new(kind: Kind, name: &str, endpoint: &str, ca_pem: Vec<u8>) -> Self {
        let network = NetworkSettings {
            extra_authorities: vec![ca_pem],
            user_agent: "storage-services-test".to_owned(),
            ..NetworkSettings::default()
        };
        Self {
            kind,
            account: StorageAccount {
                id: format!(
                    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{name}"
                ),
                name: name.to_owned(),
                blob_endpoint: endpoint.parse().unwrap(),
                takes_keys: true,
                is_open: true,
            },
            http: HttpClient::new(&network).unwrap(),
            _emulator: None,
        }
    }

    /// A client that may do everything with blobs.
    pub(crate) fn client(&self) -> Client {
        self.client_with(Token::default())
    }

    pub(crate) fn client_with(&self, token: Token) -> Client {
        Client::new(
            Arc::new(self.http.clone()),
            Arc::new(token),
            Arc::new(Unmasked),
        )
    }

    /// The name of a container that nobody else uses; it does not exist.
    pub(crate) fn new_container() -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        format!("packages-{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Packs and uploads `folder` as a zip archive.
    pub(crate) async fn upload(
        &self,
        folder: &Path,
        container: &str,
        name: &str,
    ) -> Result<Uploaded, StorageFailure> {
        let package = PackageSource {
            exclude: Exclusion::default(),
            folder: folder.to_owned(),
            format: Format::Zip,
            container: container.to_owned(),
            blob_name: name.to_owned(),
            retained: None,
        };
        upload(
            &self.client(),
            &self.account,
            &package,
            &image_builder::storage::Progress::default(),
            || (),
        )
        .await
    }

    /// A link that works for an hour.
    pub(crate) async fn link(&self, blob: &BlobRef) -> ReadLink {
        let now = OffsetDateTime::now_utc();
        let (from, until) = (now - Duration::minutes(15), now + Duration::hours(1));
        read_link(&self.client(), blob, from, until).await.unwrap()
    }

    /// What the build VM does: a request without a token.
    pub(crate) async fn bare(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().unwrap();
        *request.headers_mut() = headers;
        self.http.send(request).await
    }

    /// A GET without a token.
    pub(crate) async fn get(&self, url: &str) -> Response<Bytes> {
        self.bare(Method::GET, url, HeaderMap::new()).await.unwrap()
    }

    /// The content of a blob.
    pub(crate) async fn content(&self, blob: &BlobRef) -> Bytes {
        let answer = self.get(self.link(blob).await.url.reveal()).await;
        assert_eq!(answer.status(), 200, "{blob}: {answer:?}");
        answer.into_body()
    }

    /// Whether a blob exists.
    pub(crate) async fn exists(&self, blob: &BlobRef) -> bool {
        let answer = self.get(self.link(blob).await.url.reveal()).await;
        answer.status() == 200 || {
            assert_eq!(refusal(&answer), "BlobNotFound (404)", "{blob}");
            false
        }
    }
}

/// A refusal of the service as `code (status)`.
pub(crate) fn refusal(answer: &Response<Bytes>) -> String {
    let Refusal { code, status, .. } = Refusal::from_response(answer);
    format!("{code} ({})", status.as_u16())
}

/// The same, from what the core makes of it.
pub(crate) fn refused_with(failure: &StorageFailure) -> String {
    let StorageFailure::Refused { failure, .. } = failure else {
        panic!("no refusal of the service: {failure}");
    };
    let refusal = failure.refusal().unwrap();
    format!("{} ({})", refusal.code, refusal.status.as_u16())
}

/// An unsigned JSON Web Token, which both services take: they check all but the signature
/// (<https://github.com/Azure/Azurite#oauth-configuration>).
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) audience: &'static str,
    /// How long it still lives.
    pub(crate) life: Duration,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            audience: STORAGE,
            life: Duration::hours(1),
        }
    }
}

#[async_trait]
impl TokenSource for Token {
    async fn token(&self, scope: &str, _: Freshness) -> Result<Secret, SignInFailure> {
        assert_eq!(scope, format!("{STORAGE}/.default"));
        let issued = OffsetDateTime::now_utc().unix_timestamp() - 7200;
        let expires = (OffsetDateTime::now_utc() + self.life).unix_timestamp();
        let claims = json!({
            "aud": self.audience,
            "iss": format!("https://sts.windows.net/{TENANT}/"),
            "tid": TENANT,
            "oid": "a2b4c6d8-1e3f-4a5b-9c7d-8e9f0a1b2c3d",
            "appid": "6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12",
            "iat": issued,
            "nbf": issued,
            "exp": expires,
        });
        let parts = [json!({"alg": "none", "typ": "JWT"}), claims];
        let [header, claims] = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        Ok(Secret::new(format!("{header}.{claims}."), &Unmasked))
    }
}

/// Nothing here is secret.
#[derive(Debug)]
struct Unmasked;

impl Masker for Unmasked {
    fn mask(&self, _: &str) {}
}
