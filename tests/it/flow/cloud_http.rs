//! The seam to the network, with the emulated cloud behind it.

use std::sync::Arc;

use async_trait::async_trait;
use azure_emulator::{Cloud, Outcome};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderValue, Request, Response};
use image_builder::arm::http::{Http, Sent, TransportError};

use super::live_secrets::LiveSecrets;

/// Hands requests to the cloud, waits as long as the real service would take, and remembers every secret that passes.
#[derive(Debug)]
pub(super) struct CloudHttp {
    pub(super) cloud: Arc<Cloud>,
    pub(super) secrets: LiveSecrets,
}

#[async_trait]
impl Http for CloudHttp {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // What the transport adds to every request.
        let length = HeaderValue::from(request.body().len());
        request.headers_mut().insert(CONTENT_LENGTH, length);
        let authority = request.uri().authority().unwrap().as_str();
        let host = HeaderValue::from_str(authority).unwrap();
        request.headers_mut().insert(HOST, host);
        let plain = request.uri().scheme_str() != Some("https");
        let metadata_service = request.uri().host() == Some("169.254.169.254");
        assert!(!plain || metadata_service, "in clear: {}", request.uri());
        self.secrets.note_request(&request);
        let reply = self.cloud.answer(request);
        tokio::time::sleep(reply.delay).await;
        match reply.outcome {
            Outcome::Response(response) => {
                self.secrets.note_response(&response);
                Ok(response)
            }
            Outcome::Reset | Outcome::Truncated(_) => Err(TransportError {
                sent: Sent::Perhaps,
                reason: "connection reset by peer".to_owned(),
            }),
        }
    }
}
