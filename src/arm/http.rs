//! The one seam to the network: a request goes out, an answer or a [`TransportError`] comes back.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{Stream, TryStreamExt as _};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response, Uri};

use super::network_settings::{NetworkSettings, NoClient, innermost};

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
    pub sent: Sent,
    /// What broke, without the URL (it may carry a signature).
    pub reason: String,
}

impl TransportError {
    /// What became of a request to `host`: `no connection to login.example: connection refused`.
    pub fn in_words(&self, host: &str) -> String {
        let what = match self.sent {
            Sent::Nothing | Sent::NothingEver => "no connection to",
            Sent::Perhaps => "no answer from",
        };
        format!("{what} {host}: {}", self.reason)
    }
}

/// How far a request got before the connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was sent, and another try may fare better.
    Nothing,
    /// Nothing was sent, and nothing ever will be: the certificate is not trusted, or the address is malformed.
    NothingEver,
    /// The server may have received and obeyed the request.
    Perhaps,
}

/// [`Http`] over TLS by reqwest.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    /// For the metadata service, which no proxy reaches.
    direct: reqwest::Client,
}

/// Long enough for a slow proxy, short enough that five tries fit into a minute or two.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The metadata service is in the same machine, or nowhere.
const DIRECT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Without a byte for this long the connection is dead; the slowest recorded answer, a cancel, took 16 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(100);

/// Whatever is sent or answered, a request ends after this, and the time that its body takes over a slow line: bytes that drip keep a
/// connection alive for ever.
const LONGEST_REQUEST: Duration = Duration::from_secs(5 * 60);
/// Bytes in a second that a line sends at least.
const SLOWEST_LINE: u64 = 16 * 1024;
/// More than any answer that is read: a piece of a log has 4 MB, the list of all VM sizes of a region a few. Counted after decompression.
const MOST_BYTES: usize = 32 << 20;

/// Where a VM in Azure asks for the tokens of its managed identity
/// (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>).
const METADATA_SERVICE: &str = "169.254.169.254";

/// Whether `uri` is one of the metadata service.
pub(super) fn is_metadata_service(uri: &Uri) -> bool {
    uri.host() == Some(METADATA_SERVICE)
}

impl HttpClient {
    /// A client for `network`, with the system's certificate authorities, and the environment's proxy unless the agent has its own.
    pub fn new(network: &NetworkSettings) -> Result<Self, NoClient> {
        // The result says whether another part of the process was first, and then its provider serves as well.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = network.configure(builder(&network.user_agent, CONNECT_TIMEOUT))?;
        let client = client.build().map_err(|error| no_client(&error))?;
        let direct = builder(&network.user_agent, DIRECT_CONNECT_TIMEOUT)
            .no_proxy()
            .tls_certs_only([]);
        let direct = direct.build().map_err(|error| no_client(&error))?;
        Ok(Self { client, direct })
    }
}

fn builder(user_agent: &str, connect_timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(user_agent)
        .connect_timeout(connect_timeout)
        .read_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
}

fn no_client(error: &reqwest::Error) -> NoClient {
    let text = innermost(error);
    if text.contains("No CA certificates were loaded") {
        return NoClient("this machine has no certificate authorities; install the package 'ca-certificates', or name a PEM file in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS".to_owned());
    }
    NoClient(text)
}

#[async_trait]
impl Http for HttpClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let direct = is_metadata_service(request.uri());
        let mut request = reqwest::Request::try_from(request).map_err(|error| TransportError {
            sent: Sent::NothingEver,
            reason: innermost(&error.without_url()),
        })?;
        declare_empty_body(&mut request);
        let client = if direct { &self.direct } else { &self.client };
        let limit = longest(&request);
        in_time(limit, exchange(client, request)).await
    }
}

async fn exchange(
    client: &reqwest::Client,
    request: reqwest::Request,
) -> Result<Response<Bytes>, TransportError> {
    let mut answer = client.execute(request).await.map_err(classify)?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    *response.body_mut() = whole(answer.bytes_stream().map_err(classify)).await?;
    Ok(response)
}

/// How long a request and its answer may take together.
fn longest(request: &reqwest::Request) -> Duration {
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let length = body.map_or(0, <[u8]>::len);
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    LONGEST_REQUEST.saturating_add(Duration::from_secs(length / SLOWEST_LINE))
}

async fn in_time<T>(
    limit: Duration,
    exchange: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let ended = tokio::time::timeout(limit, exchange).await;
    ended.unwrap_or_else(|_| {
        Err(TransportError {
            sent: Sent::Perhaps,
            reason: format!("the answer was not complete after {} s", limit.as_secs()),
        })
    })
}

/// All of an answer's body, up to [`MOST_BYTES`].
async fn whole(
    mut body: impl Stream<Item = Result<Bytes, TransportError>> + Unpin,
) -> Result<Bytes, TransportError> {
    let mut all = BytesMut::new();
    while let Some(piece) = body.try_next().await? {
        if all.len().saturating_add(piece.len()) > MOST_BYTES {
            return Err(TransportError {
                sent: Sent::Perhaps,
                reason: format!("the answer has more than {} MB", MOST_BYTES >> 20),
            });
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
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
    if error.is_connect() && reason.contains("proxy authorization required") {
        return TransportError {
            sent: Sent::NothingEver,
            reason:
                "the proxy asks for a user name and password, or for other ones (407); configure them with the agent's --proxyurl, --proxyusername and --proxypassword. They are sent as Basic authentication: for a proxy that wants NTLM or Kerberos (Negotiate), let a relay on the agent's machine (px, cntlm) be the proxy, or put the hosts into the bypass list"
                    .to_owned(),
        };
    }
    // Every other status of a proxy; some answer 401 to a wrong password.
    if error.is_connect() && reason == "tunnel error: unsuccessful" {
        return TransportError {
            sent: Sent::Nothing,
            reason: "the proxy refused: it does not know the host, is not allowed to connect to it, or does not accept the user name and password; its log says which".to_owned(),
        };
    }
    let sent = if !error.is_connect() {
        Sent::Perhaps
    } else if reason.contains("certificate") {
        Sent::NothingEver
    } else {
        Sent::Nothing
    };
    // The library's text is for its developers.
    let reason = if reason.contains("close_notify") {
        "the connection was closed before the answer was complete".to_owned()
    } else {
        reason
    };
    TransportError { sent, reason }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    type Piece = Result<Bytes, TransportError>;

    fn bytes(length: usize) -> Bytes {
        Bytes::from(vec![b' '; length])
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_not_read_to_it() {
        let half: Piece = Ok(bytes(MOST_BYTES / 2));
        let body = stream::iter([half.clone(), half.clone()]);
        assert_eq!(whole(body).await.unwrap().len(), MOST_BYTES);
        let body = stream::iter([half.clone(), half, Ok(bytes(1))]);
        let error = whole(body).await.unwrap_err();
        assert_eq!(error.to_string(), "the answer has more than 32 MB");
        let endless = stream::repeat_with(|| -> Piece { Ok(bytes(1 << 16)) });
        assert!(whole(endless).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_drips_ends() {
        let drip = stream::unfold((), |()| async {
            tokio::time::sleep(IDLE_TIMEOUT / 2).await;
            let piece: Piece = Ok(bytes(1));
            Some((piece, ()))
        });
        let start = tokio::time::Instant::now();
        let error = in_time(LONGEST_REQUEST, whole(Box::pin(drip))).await;
        let error = error.unwrap_err();
        assert_eq!(
            (error.sent, error.reason.as_str()),
            (Sent::Perhaps, "the answer was not complete after 300 s")
        );
        assert_eq!(start.elapsed(), LONGEST_REQUEST);
    }

    #[test]
    fn a_large_body_has_time() {
        let check = |length: usize, seconds: u64| {
            let url = "https://x.example/".parse().unwrap();
            let mut request = reqwest::Request::new(Method::PUT, url);
            *request.body_mut() = Some(vec![0; length].into());
            assert_eq!(longest(&request), Duration::from_secs(seconds));
        };
        check(0, 300);
        check(16 << 20, 300 + 1024);
    }
}
