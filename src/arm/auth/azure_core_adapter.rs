//! Lets `azure_identity` use our seam to the network, so that there is one client, one proxy and one set of certificate authorities.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::Value;

use super::LONGEST_LIFE;
use super::sign_in_refusal;
use crate::arm::http::{Http, Sent, TransportError, is_metadata_service};
use crate::arm::without_token;

/// `azure_core`'s transport over ours.
#[derive(Debug)]
pub(super) struct AzureCoreTransport {
    http: Arc<dyn Http>,
}

impl AzureCoreTransport {
    pub(super) fn new(http: Arc<dyn Http>) -> Self {
        Self { http }
    }
}

#[async_trait]
impl HttpClient for AzureCoreTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.clone(),
            other @ Body::SeekableStream(_) => {
                return Err(broken(format!(
                    "a token request with a streamed body of {:?} bytes",
                    other.len()
                )));
            }
        };
        let mut outgoing = http::Request::new(body);
        *outgoing.method_mut() = Method::from_bytes(request.method().as_ref().as_bytes())
            .map_err(|error| broken(error.to_string()))?;
        *outgoing.uri_mut() = request
            .url()
            .as_str()
            .parse()
            .map_err(|_| broken("the authority's address is malformed".to_owned()))?;
        for (name, value) in request.headers().iter() {
            let name = HeaderName::from_bytes(name.as_str().as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value.as_str())) {
                outgoing.headers_mut().insert(name, value);
            }
        }
        let answer = self.send(outgoing).await?;
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(
            answer.status().as_u16().into(),
            headers,
            with_sane_life(answer.into_body()),
        ))
    }
}

/// The credentials add the life of a token to the time of day without a look, and panic where that leaves the calendar.
fn with_sane_life(body: Bytes) -> Bytes {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(&body) else {
        return body;
    };
    let mut changed = false;
    for name in ["expires_in", "ext_expires_in", "refresh_in"] {
        let Some(life) = answer.get_mut(name) else {
            continue;
        };
        let seconds = match &*life {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let longest = LONGEST_LIFE.as_secs();
        if seconds.is_none_or(|seconds| seconds > LONGEST_LIFE.as_secs_f64()) {
            *life = longest.into();
            changed = true;
        } else if seconds.is_some_and(|seconds| seconds < 0.0) {
            *life = 0.into();
            changed = true;
        }
    }
    if changed {
        Bytes::from(Value::Object(answer).to_string())
    } else {
        body
    }
}

fn broken(reason: String) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Other, reason)
}

impl AzureCoreTransport {
    /// Sends a token request, again by our own rules. The credential for the metadata service has rules of its own, which are the service's.
    ///
    /// Only an answer with a token goes back to the credential. It reads each refusal as JSON without escapes, which Microsoft Entra ID's never
    /// is, and tells of its parser instead; so a refusal is logged here, in the server's own words.
    async fn send(&self, request: http::Request<Bytes>) -> azure_core::Result<Response<Bytes>> {
        if is_metadata_service(request.uri()) {
            let answer = self.http.send(request).await.map_err(of_metadata_service)?;
            return match own_words(&answer) {
                // The credential would say that the identity is not assigned, whatever it is. It tries other statuses again.
                Some(words) if answer.status() == StatusCode::BAD_REQUEST => Err(broken(words)),
                _ if answer.status().is_success() && !holds_token(&answer, true) => {
                    Err(broken(NO_TOKEN.to_owned()))
                }
                _ => Ok(answer),
            };
        }
        let answer = without_token::send_again_if(self.http.as_ref(), &request, is_passing).await;
        let answer = answer.map_err(|error| broken(error.reason))?;
        if answer.response.status().is_success() && holds_token(&answer.response, false) {
            return Ok(answer.response);
        }
        // Microsoft Entra ID explains itself, also in trouble; a gateway sends a page.
        let words = own_words(&answer.response);
        Err(broken(words.unwrap_or_else(
            || match answer.response.status() {
                status if status.is_success() => NO_TOKEN.to_owned(),
                _ => answer.status_text(),
            },
        )))
    }
}

const NO_TOKEN: &str = "the answer is not a token";

/// What a server says in the form of an OAuth error (RFC 6749, 5.2).
fn own_words(answer: &Response<Bytes>) -> Option<String> {
    let document: Value = serde_json::from_slice(answer.body()).ok()?;
    let words = document.get("error_description")?.as_str()?.trim();
    // More than any refusal has; someone else may have written it.
    (!words.is_empty()).then(|| words.chars().take(2000).collect())
}

/// Whether the credential can read the answer to the end. The metadata service gives its numbers as texts.
fn holds_token(answer: &Response<Bytes>, of_machine: bool) -> bool {
    let document: Option<Value> = serde_json::from_slice(answer.body()).ok();
    let member = |name: &str| document.as_ref().and_then(|it| it.get(name));
    let end = member("expires_on").and_then(Value::as_str);
    let times = if of_machine {
        end.is_some_and(|end| end.parse::<i64>().is_ok())
    } else {
        let mut times = ["expires_in", "ext_expires_in"]
            .into_iter()
            .filter_map(member);
        times.all(Value::is_i64)
    };
    times && member("access_token").is_some_and(Value::is_string)
}

fn is_passing(answer: &Response<Bytes>) -> bool {
    own_words(answer).is_some_and(|words| sign_in_refusal::is_passing(&words))
}

/// The service sits in the host of each VM in Azure: where there is no way to it, there will be none in a minute. The credential tries again
/// after an error of kind `Io` only.
fn of_metadata_service(error: TransportError) -> azure_core::Error {
    let kind = match error.sent {
        Sent::Perhaps => ErrorKind::Io,
        Sent::Nothing | Sent::NothingEver => ErrorKind::Other,
    };
    azure_core::Error::with_message(kind, error.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_lives_longer_than_the_calendar() {
        let check = |given: &str, expected: &str| {
            let body = Bytes::copy_from_slice(given.as_bytes());
            let found = with_sane_life(body);
            assert_eq!(String::from_utf8_lossy(&found), expected);
        };
        let usual = r#"{ "access_token":"x","expires_in":3599}"#;
        check(usual, usual);
        check(r#"{"expires_in":253402300799}"#, r#"{"expires_in":86400}"#);
        check(
            r#"{"expires_in":"253402300799","refresh_in":1e300}"#,
            r#"{"expires_in":86400,"refresh_in":86400}"#,
        );
        check(
            r#"{"ext_expires_in":-9223372036854775808}"#,
            r#"{"ext_expires_in":0}"#,
        );
        check(r#"{"expires_in":[]}"#, r#"{"expires_in":86400}"#);
        check("<html>", "<html>");
    }
}
