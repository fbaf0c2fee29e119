//! One request to Azure, before it is sent.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request};
use serde_json::Value;

use super::retry::Repeat;

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
