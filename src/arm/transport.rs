//! Lets `azure_identity` use our seam to the network, so that there is one client, one proxy and one set of certificate authorities.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response};

use super::http::{Http, Reached, TransportError, is_metadata_service};
use super::repeated;

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
            answer.into_body(),
        ))
    }
}

fn broken(reason: String) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Other, reason)
}

impl AzureCoreTransport {
    /// Sends a token request, again by our own rules. The credential for the metadata service has rules of its own, which are the service's.
    async fn send(&self, request: http::Request<Bytes>) -> azure_core::Result<Response<Bytes>> {
        if is_metadata_service(request.uri()) {
            return self.http.send(request).await.map_err(of_metadata_service);
        }
        let answer = repeated::send(self.http.as_ref(), &request).await;
        let answer = answer.map_err(|error| broken(error.reason))?;
        let status = answer.response.status();
        let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        // Microsoft Entra ID explains itself, also in trouble; a gateway sends a page.
        let explained = answer.response.body().windows(6).any(|it| it == b"AADSTS");
        if passing && !explained {
            return Err(broken(answer.status_text()));
        }
        Ok(answer.response)
    }
}

/// The service sits in the host of each VM in Azure: where there is no way to it, there will be none in a minute. The credential tries again
/// after an error of kind `Io` only.
fn of_metadata_service(error: TransportError) -> azure_core::Error {
    let kind = match error.reached {
        Reached::Perhaps => ErrorKind::Io,
        Reached::Nothing | Reached::NothingEver => ErrorKind::Other,
    };
    azure_core::Error::with_message(kind, error.reason)
}
