//! Requests that do no harm when they arrive twice, and have no token of Azure's: to Microsoft Entra ID, to Azure Pipelines, and for what
//! Azure Resource Manager tells everybody.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::Instant;

use super::http::{Http, TransportError};
use super::retry::{self, Attempts, FailedTry, Repeat};

/// An answer, and what it took to get it.
pub(super) struct Answered {
    pub(super) response: Response<Bytes>,
    tried: Attempts,
}

impl Answered {
    /// Why an answer without words of its own is none: `it answered 503 (Service Unavailable) (after 6 tries in 31 s)`.
    pub(super) fn status_text(&self) -> String {
        let status = self.response.status();
        let name = status.canonical_reason().unwrap_or("no reason");
        format!("it answered {} ({name}){}", status.as_u16(), self.tried)
    }
}

/// Sends `request` until there is an answer that is worth reading. Where there is none, the reason names the host and what was tried.
pub(super) async fn send(
    http: &dyn Http,
    request: &Request<Bytes>,
) -> Result<Answered, TransportError> {
    send_again_if(http, request, |_| false).await
}

/// The same for a server some of whose refusals are `passing`, whatever their status.
pub(super) async fn send_again_if(
    http: &dyn Http,
    request: &Request<Bytes>,
    passing: fn(&Response<Bytes>) -> bool,
) -> Result<Answered, TransportError> {
    let start = Instant::now();
    let mut number = 0;
    loop {
        number += 1;
        let result = http.send(request.clone()).await;
        let tried = Attempts {
            tries: number,
            elapsed: start.elapsed(),
        };
        let miss = match &result {
            Ok(answer) => FailedTry::Answered(
                match answer.status() {
                    status if status.is_client_error() && passing(answer) => {
                        StatusCode::SERVICE_UNAVAILABLE
                    }
                    status => status,
                },
                retry::retry_after(answer.headers(), SystemTime::now()),
            ),
            Err(error) => FailedTry::NoAnswer(error.sent),
        };
        // A success is not worth repeating, as every status that will stay what it is.
        let wait = retry::decide(miss, Repeat::Always, tried, retry::random_fraction());
        match (wait, result) {
            (Some(wait), _) => tokio::time::sleep(wait).await,
            (None, Ok(response)) => return Ok(Answered { response, tried }),
            (None, Err(error)) => {
                let host = request.uri().host().unwrap_or_default();
                return Err(TransportError {
                    sent: error.sent,
                    reason: format!("{}{tried}", error.in_words(host)),
                });
            }
        }
    }
}
