//! What the emulator gives back for a request.

use std::time::Duration;

use bytes::Bytes;

/// The answer to one request, with the time that the real service would have taken.
#[derive(Debug)]
pub struct Reply {
    /// How long to wait before the outcome; the caller waits, on a clock of its choice.
    pub delay: Duration,
    /// What comes then.
    pub outcome: Outcome,
}

/// How an exchange ends.
#[derive(Debug)]
pub enum Outcome {
    /// A response, complete.
    Response(http::Response<Bytes>),
    /// The connection breaks without a response.
    Reset,
    /// The connection breaks in the middle of the body: these are the head and the bytes that arrive.
    Truncated(http::Response<Bytes>),
}

impl Reply {
    /// The response, or `None` when the connection broke.
    pub fn response(self) -> Option<http::Response<Bytes>> {
        match self.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::Reset | Outcome::Truncated(_) => None,
        }
    }
}
