//! One send function: every request to Azure Resource Manager and to storage goes through [`Client::send`].

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::auth::{Freshness, SignInFailure, TokenSource};
use super::clocks::AzureTime;
use super::failure::{Cause, Failure};
use super::http::{Http, Sent, TransportError};
use super::refusal::Refusal;
use super::retry::{self, Attempts, FailedTry, Repeat, Silence};
use crate::secret::{Masker, Secret};
use crate::wording::duration;

/// Sends requests with a token, again where that is safe, and reports what went wrong as data.
#[derive(Clone)]
pub struct Client {
    http: Arc<dyn Http>,
    tokens: Arc<dyn TokenSource>,
    masker: Arc<dyn Masker>,
    /// Authorizes the calls that have no signer of their own.
    signer: Option<Arc<dyn Signer>>,
    clock: AzureTime,
    /// A scope whose tokens go to this server alone.
    home: Option<(String, Url)>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client over `http` that signs in by `tokens` and announces what is secret to `masker`.
    pub fn new(http: Arc<dyn Http>, tokens: Arc<dyn TokenSource>, masker: Arc<dyn Masker>) -> Self {
        Self {
            http,
            tokens,
            masker,
            signer: None,
            clock: AzureTime::default(),
            home: None,
        }
    }

    /// The same client, whose tokens for `scope` go to the server of `home` and nowhere else, whatever address a call names.
    #[must_use]
    pub fn keeping(self, scope: &str, home: &Url) -> Self {
        Self {
            home: Some((scope.to_owned(), home.clone())),
            ..self
        }
    }

    /// The same client, whose requests `signer` signs instead of carrying a token.
    #[must_use]
    pub fn signing(&self, signer: Arc<dyn Signer>) -> Self {
        Self {
            signer: Some(signer),
            ..self.clone()
        }
    }

    /// Marks `value` as secret before anything can print it.
    pub fn secret(&self, value: impl Into<String>) -> Secret {
        Secret::new(value, self.masker.as_ref())
    }

    /// The time by Azure's clock, once an answer has told it.
    pub fn azure_time(&self) -> Option<OffsetDateTime> {
        self.clock.now()
    }

    /// `text` without anything secret, for a file that others read.
    pub fn hidden(&self, text: &str) -> String {
        self.masker.hidden(text)
    }

    /// Signs in before anything is asked, so that trouble with it shows under its own name.
    pub async fn sign_in(&self, scope: &str) -> Result<(), SignInFailure> {
        self.tokens.token(scope, Freshness::Cached).await.map(drop)
    }

    /// Sends `call` until it succeeds (a status of 2xx) or is not worth another try.
    pub async fn send(&self, call: &Call) -> Result<Response<Bytes>, Failure> {
        let start = Instant::now();
        let (mut tries, mut refused, mut silence) = (0, None, Silence::begin());
        loop {
            tries += 1;
            let failed = |cause, request_id| Failure {
                doing: call.doing.clone(),
                cause,
                tries,
                elapsed: start.elapsed(),
                request_id,
            };
            let token = match self.signer_of(call) {
                Some(_) => None,
                None => Some(
                    self.token(&call.scope, refused.as_ref())
                        .await
                        .map_err(|failure| failed(Cause::SignIn(failure), None))?,
                ),
            };
            let (miss, cause, request_id) = match self.attempt(call, token.as_ref()).await {
                Ok(response) if response.status().is_success() => return Ok(response),
                // A token may be revoked, or a clock may be wrong: one fresh token, once.
                Ok(response)
                    if response.status() == StatusCode::UNAUTHORIZED
                        && token.is_some()
                        && refused.is_none() =>
                {
                    refused = token;
                    continue;
                }
                Ok(response) => {
                    let asked = retry::retry_after(response.headers(), SystemTime::now());
                    let request_id = header(&response, "x-ms-request-id");
                    (
                        FailedTry::Answered(response.status(), asked),
                        Cause::Refused(Refusal::from_response(&response)),
                        request_id,
                    )
                }
                Err(error) => (
                    FailedTry::NoAnswer(error.sent),
                    Cause::Unreachable {
                        host: host(&call.url),
                        error,
                    },
                    None,
                ),
            };
            let so_far = Attempts {
                tries,
                elapsed: start.elapsed(),
            };
            let wait = retry::decide(miss, call.repeat, so_far, retry::random_fraction());
            let Some(wait) = wait else {
                return Err(failed(cause, request_id));
            };
            tell_wait(&mut silence, &call.doing, &cause, tries, wait);
            tokio::time::sleep(wait).await;
        }
    }

    fn signer_of<'a>(&'a self, call: &'a Call) -> Option<&'a dyn Signer> {
        call.signer.as_deref().or(self.signer.as_deref())
    }

    /// A token, and not the `refused` one: another request may have renewed it already.
    async fn token(&self, scope: &str, refused: Option<&Secret>) -> Result<Secret, SignInFailure> {
        let token = self.tokens.token(scope, Freshness::Cached).await?;
        if refused == Some(&token) {
            return self.tokens.token(scope, Freshness::Renewed).await;
        }
        Ok(token)
    }

    /// Sends `call` and reads the answer as JSON.
    pub async fn send_for_json(&self, call: &Call) -> Result<(HeaderMap, Value), Failure> {
        let response = self.send(call).await?;
        let value = serde_json::from_slice(response.body()).unwrap_or_default();
        Ok((response.into_parts().0.headers, value))
    }

    /// One short look at what a build is as good without: one try, a few seconds. Any cloud may lack the route.
    pub async fn glance(&self, call: &Call) -> Result<Value, Failure> {
        let call = call.clone().repeated(Repeat::Never);
        match tokio::time::timeout(GLANCE, self.send_for_json(&call)).await {
            Ok(answer) => answer.map(|(_, value)| value),
            Err(_) => Err(Failure {
                doing: call.doing,
                cause: Cause::Unreachable {
                    host: host(&call.url),
                    error: TransportError {
                        sent: Sent::Perhaps,
                        reason: "no answer in time".to_owned(),
                    },
                },
                tries: 1,
                elapsed: GLANCE,
                request_id: None,
            }),
        }
    }

    /// Tokens and signatures travel over HTTPS only, and a token of [`Self::keeping`] to its own server.
    fn check_address(&self, call: &Call, token: Option<&Secret>) -> Result<(), TransportError> {
        let refused = |reason: &str| TransportError {
            sent: Sent::NothingEver,
            reason: format!("nothing was sent, because the address {reason}"),
        };
        let url = Url::parse(&call.url).map_err(|_| refused("is malformed"))?;
        if url.scheme() != "https" {
            return Err(refused("is not one of HTTPS"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("names a user"));
        }
        match &self.home {
            Some((scope, home))
                if token.is_some() && *scope == call.scope && url.origin() != home.origin() =>
            {
                Err(refused("is not one of Azure Resource Manager"))
            }
            _ => Ok(()),
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        token: Option<&Secret>,
    ) -> Result<Response<Bytes>, TransportError> {
        self.check_address(call, token)?;
        let request = request(call, token, self.signer_of(call))?;
        let start = Instant::now();
        let result = tokio::select! {
            biased;
            result = self.http.send(request) => result,
            never = tell_silence(&call.doing) => match never {},
        };
        let path = call.url.split('?').next().unwrap_or_default();
        match &result {
            Ok(response) => tracing::debug!(
                "{} {path} -> {} in {} ms, request id {}",
                call.method,
                response.status().as_u16(),
                start.elapsed().as_millis(),
                header(response, "x-ms-request-id")
                    .as_deref()
                    .unwrap_or("-"),
            ),
            Err(error) => tracing::debug!(
                "{} {path} -> {error} after {} ms",
                call.method,
                start.elapsed().as_millis()
            ),
        }
        let response = result?;
        self.clock.set_by(response.headers());
        let json = response.body().is_empty()
            || serde_json::from_slice::<serde::de::IgnoredAny>(response.body()).is_ok();
        if response.status().is_success() && call.expects_json && !json {
            let reason = "the answer is cut off, or not JSON".to_owned();
            return Err(TransportError {
                sent: Sent::Perhaps,
                reason,
            });
        }
        Ok(response)
    }
}

/// How long [`Client::glance`] waits.
const GLANCE: Duration = Duration::from_secs(4);
/// How often the log says that a request is not answered yet.
const UNANSWERED: Duration = Duration::from_secs(120);

/// A request may take minutes: `LONGEST_REQUEST`, and longer with much to send.
async fn tell_silence(doing: &str) -> Infallible {
    let start = Instant::now();
    loop {
        tokio::time::sleep(UNANSWERED).await;
        let elapsed = duration(start.elapsed());
        tracing::info!("{doing}: no answer yet after {elapsed}");
    }
}

/// What breaks a long silence is a line in the log; the rest is for those who debug.
fn tell_wait(silence: &mut Silence, doing: &str, cause: &Cause, tries: u32, wait: Duration) {
    if silence.breaks(wait) {
        let wait = duration(wait);
        tracing::info!("{doing} is tried again in {wait}: {cause}");
    } else {
        tracing::debug!(doing, tries, ?wait, "trying again");
    }
}

fn request(
    call: &Call,
    token: Option<&Secret>,
    signer: Option<&dyn Signer>,
) -> Result<Request<Bytes>, TransportError> {
    let malformed = |what: &str| TransportError {
        sent: Sent::NothingEver,
        reason: format!("{what} is malformed"),
    };
    let uri: Uri = call.url.parse().map_err(|_| malformed("the address"))?;
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = call.headers.clone();
    // New for each try: Azure Resource Manager may answer a known id with its earlier answer.
    let id = Uuid::new_v4().to_string();
    if let Ok(id) = HeaderValue::from_str(&id) {
        request.headers_mut().insert("x-ms-client-request-id", id);
    }
    if let Some(token) = token {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
            .map_err(|_| malformed("the token"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
    }
    if let Some(signer) = signer {
        signer.sign(&mut request);
    }
    Ok(request)
}

fn header(response: &Response<Bytes>, name: &str) -> Option<String> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

fn host(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    uri.and_then(|uri| uri.authority().map(ToString::to_string))
        .unwrap_or_else(|| "an unknown host".to_owned())
}

/// How long the answer asks to wait before the next poll, if it does.
pub fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    retry::retry_after(headers, SystemTime::now())
}

/// One request, and what may be done with it.
#[derive(Clone)]
pub struct Call {
    /// What we are doing, as it reads before "failed": `Creating image template 't_1'`.
    pub doing: String,
    /// HTTP method.
    pub method: Method,
    /// Absolute address, sent byte for byte: operation URLs are signed.
    pub url: String,
    /// The scope that the token is asked for, `https://management.azure.com/.default`.
    pub scope: String,
    /// Headers beside the token.
    pub headers: HeaderMap,
    /// Body, or empty.
    pub body: Bytes,
    /// Whether it may be sent twice.
    pub repeat: Repeat,
    /// Whether a successful answer must be JSON; one that is not counts as a broken connection.
    pub expects_json: bool,
    /// Authorizes the call in place of a token.
    pub signer: Option<Arc<dyn Signer>>,
}

/// Signs a request with something else than a token.
pub trait Signer: Send + Sync + fmt::Debug {
    /// Authorizes `request`, as the last thing before it is sent; again for each try.
    fn sign(&self, request: &mut Request<Bytes>);
}

impl Call {
    /// A call without body; reads may be repeated, everything else only when the server certainly did not act.
    pub fn new(
        doing: impl Into<String>,
        method: Method,
        url: impl Into<String>,
        scope: impl Into<String>,
    ) -> Self {
        let reads = method == Method::GET || method == Method::HEAD;
        Self {
            doing: doing.into(),
            expects_json: method == Method::GET,
            method,
            url: url.into(),
            scope: scope.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            signer: None,
            repeat: if reads {
                Repeat::Always
            } else {
                Repeat::UnlessItMayHaveActed
            },
        }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self.header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With another rule for repeating.
    #[must_use]
    pub fn repeated(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }
}

/// Without query, headers and body: signatures, keys and links are in them.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("doing", &self.doing)
            .field("method", &self.method)
            .field("url", &self.url.split('?').next())
            .finish_non_exhaustive()
    }
}
