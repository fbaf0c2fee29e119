//! A network that answers by a script and remembers what it was asked, for the tests of this module.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};

use super::StorageAccount;
use crate::arm::Client;
use crate::arm::auth::{Freshness, SignInFailure, TokenSource};
use crate::arm::http::{Http, Sent, TransportError};
use crate::secret::{Masker, Secret};

/// What one request is answered with.
pub(super) enum Answer {
    /// A status and a body.
    Status(u16, String),
    /// An error of storage with this code, in its XML form.
    Refusal(u16, &'static str),
    /// A success without a body, about a blob of this length.
    Length(u64),
    /// The connection breaks after the server may have acted.
    Lost,
}

/// A request as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Method and address, as one line.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

type Script = dyn FnMut(&Asked) -> Answer + Send;

/// The network and everything that was announced for masking.
#[derive(Clone)]
pub(super) struct Scripted {
    script: Arc<Mutex<Box<Script>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    masked: Arc<Mutex<Vec<String>>>,
    /// Requests without an answer: now, and at most so far.
    in_flight: Arc<Mutex<(usize, usize)>>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    pub(super) fn new(script: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(Box::new(script))),
            asked: Arc::default(),
            masked: Arc::default(),
            in_flight: Arc::default(),
        }
    }

    /// Answers in this order, and fails the test when it is asked more often.
    pub(super) fn in_turn(answers: Vec<Answer>) -> Self {
        let mut answers = answers.into_iter();
        Self::new(move |asked| {
            let answer = answers.next();
            answer.unwrap_or_else(|| panic!("no answer left for {}", asked.line()))
        })
    }

    pub(super) fn client(&self) -> Client {
        Client::new(
            Arc::new(self.clone()),
            Arc::new(self.clone()),
            Arc::new(self.clone()),
        )
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// The most requests that waited for their answers at the same time.
    pub(super) fn most_in_flight(&self) -> usize {
        self.in_flight.lock().unwrap().1
    }

    pub(super) fn masked(&self) -> Vec<String> {
        self.masked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Http for Scripted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        {
            let (now, most) = &mut *self.in_flight.lock().unwrap();
            *now += 1;
            *most = (*most).max(*now);
        }
        // The answer takes a while, so that several requests are in flight.
        tokio::task::yield_now().await;
        self.in_flight.lock().unwrap().0 -= 1;
        let (parts, body) = request.into_parts();
        let asked = Asked {
            method: parts.method,
            url: parts.uri.to_string(),
            headers: parts.headers,
            body,
        };
        let answer = (self.script.lock().unwrap())(&asked);
        self.asked.lock().unwrap().push(asked);
        let mut response = Response::builder();
        let (status, body) = match answer {
            Answer::Status(status, body) => (status, body),
            Answer::Refusal(status, code) => {
                let text = format!(
                    "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.\nRequestId:1</Message></Error>"
                );
                (status, text)
            }
            Answer::Length(length) => {
                response = response.header(CONTENT_LENGTH, length);
                (200, String::new())
            }
            Answer::Lost => {
                return Err(TransportError {
                    sent: Sent::Perhaps,
                    reason: "connection reset".to_owned(),
                });
            }
        };
        Ok(response.status(status).body(Bytes::from(body)).unwrap())
    }
}

#[async_trait]
impl TokenSource for Scripted {
    async fn token(&self, scope: &str, _: Freshness) -> Result<Secret, SignInFailure> {
        Ok(Secret::new(format!("token-for-{scope}"), self))
    }
}

impl Masker for Scripted {
    fn mask(&self, value: &str) {
        self.masked.lock().unwrap().push(value.to_owned());
    }
}

/// The account of the signing vectors.
pub(super) fn account() -> StorageAccount {
    StorageAccount {
        id: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/examplestore".to_owned(),
        name: "examplestore".to_owned(),
        blob_endpoint: "https://examplestore.blob.core.windows.net/".parse().unwrap(),
        takes_keys: true,
        is_open: true,
    }
}

/// Bytes that nobody can compress, always the same ones.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}
