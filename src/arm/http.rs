//! The one seam to the network: a request goes out, an answer or a [`TransportError`] comes back.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response};

/// Sends one request, once. Redirects are answers, not followed: a bearer token must not travel to another host.
#[async_trait]
pub trait Http: Send + Sync + fmt::Debug {
    /// Sends `request` and reads the whole answer.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TransportError {
    /// How far the request got.
    pub reached: Reached,
    /// What broke, without the URL (it may carry a signature).
    pub reason: String,
}

/// How far a request got before the connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nothing was sent, and another try may fare better.
    Nothing,
    /// Nothing was sent, and nothing ever will be: the certificate is not trusted, or the address is malformed.
    NothingEver,
    /// The server may have received and obeyed the request.
    Perhaps,
}

/// What a job tells about the way to the network.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Certificate authorities to trust in addition to the system's, as PEM texts (`Agent.CAInfo`, `NODE_EXTRA_CA_CERTS`).
    pub extra_authorities: Vec<Vec<u8>>,
    /// `User-Agent` of every request.
    pub user_agent: String,
}

/// A client could not be made of the [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoClient(String);

/// [`Http`] over TLS by reqwest.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
}

/// Long enough for a slow proxy, short enough that five tries fit into a minute or two.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Without a byte for this long the connection is dead; the slowest recorded answer, a cancel, took 16 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(100);

impl HttpClient {
    /// A client for `network`, with the system's certificate authorities and the environment's proxy.
    pub fn new(network: &Network) -> Result<Self, NoClient> {
        // The result says whether another part of the process was first, and then its provider serves as well.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let mut builder = reqwest::Client::builder()
            .user_agent(&network.user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        for pem in &network.extra_authorities {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| {
                NoClient(format!(
                    "the extra certificate authorities are not PEM: {error}"
                ))
            })?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder
            .build()
            .map_err(|error| NoClient(innermost(&error)))?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Http for HttpClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut request = reqwest::Request::try_from(request).map_err(|error| TransportError {
            reached: Reached::NothingEver,
            reason: innermost(&error.without_url()),
        })?;
        declare_empty_body(&mut request);
        let mut answer = self.client.execute(request).await.map_err(classify)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        *response.body_mut() = answer.bytes().await.map_err(classify)?;
        Ok(response)
    }
}

/// Storage answers 411 to a POST or PUT without a `Content-Length`, even if there is no body.
fn declare_empty_body(request: &mut reqwest::Request) {
    let empty = request
        .body()
        .and_then(reqwest::Body::as_bytes)
        .is_none_or(<[u8]>::is_empty);
    if empty && matches!(*request.method(), Method::POST | Method::PUT) {
        request
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

fn classify(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let reason = innermost(&error);
    let reached = if !error.is_connect() {
        Reached::Perhaps
    } else if reason.contains("certificate") {
        Reached::NothingEver
    } else {
        Reached::Nothing
    };
    TransportError { reached, reason }
}

/// reqwest's own text says little ("error sending request"); the cause is at the end of the chain.
fn innermost(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    if error.is_timeout() {
        format!("no answer in time ({text})")
    } else {
        text
    }
}
