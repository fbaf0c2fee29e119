//! Answers and refusals of Azure Resource Manager and the providers behind it, and the headers that all of them carry.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::clock;
use crate::ids::{Ids, Purpose};
use crate::json;

/// An answer before its standard headers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    pub(crate) delay: Duration,
}

/// The body, in the writing of the service that it comes from.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing, not even a `Content-Length`.
    None,
    /// Nothing, and `Content-Length: 0`.
    Empty,
    /// JSON of the image builder.
    Builder(Value),
    /// One resource of Microsoft.Compute.
    Compute(Value),
    /// A list of Microsoft.Compute, and what all other providers send.
    Compact(Value),
}

impl Answer {
    pub(crate) fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    /// With these headers.
    pub(crate) fn with_all(self, headers: Vec<(&'static str, String)>) -> Self {
        Self { headers, ..self }
    }

    /// Adds the header when there is a value.
    pub(crate) fn with_some(self, header: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(header, value.to_string()),
            None => self,
        }
    }
}

/// Who refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refuser {
    /// Azure Resource Manager, or a provider that writes errors like it.
    Manager,
    /// The image builder: the shape of its errors depends on the api-version.
    Builder,
    /// Microsoft.Compute, which writes errors like resources.
    Compute,
}

/// A request that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Who refuses, which decides how the error is written.
    by: Refuser,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal of Azure Resource Manager or of a provider that writes errors like it.
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            by: Refuser::Manager,
            headers: Vec::new(),
        }
    }

    /// A refusal of the image builder.
    pub(crate) fn by_builder(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            by: Refuser::Builder,
            ..Self::new(status, code, message)
        }
    }

    /// A refusal of Microsoft.Compute.
    pub(crate) fn by_compute(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            by: Refuser::Compute,
            ..Self::new(status, code, message)
        }
    }

    /// The image builder's refusal of a body.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::by_builder(400, "ValidationFailed", message)
    }

    pub(crate) fn not_found(resource_type: &str, name: &str, group: &str) -> Self {
        Self::new(
            404,
            "ResourceNotFound",
            format!(
                "The Resource '{resource_type}/{name}' under resource group '{group}' was not found. For more details please go to \
                 https://aka.ms/ARMResourceNotFoundFix"
            ),
        )
    }

    /// The answer in the shape of the api-version: flat up to 2020-02-14 when the image builder refuses, else under `error`.
    pub(crate) fn into_answer(self, api_version: &str) -> Answer {
        let error = json!({"code": self.code, "message": self.message});
        let body = match (self.by, api_version <= "2020-02-14") {
            (Refuser::Builder, true) => Body::Builder(error),
            (Refuser::Builder, false) => Body::Builder(json!({"error": error})),
            (Refuser::Compute, _) => Body::Compute(json!({"error": error})),
            (Refuser::Manager, _) => Body::Compact(json!({"error": error})),
        };
        let mut answer = Answer::new(self.status, body);
        answer.headers = self.headers;
        answer
    }
}

/// Who answers, which decides some headers.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each decides of headers of its own"
)]
pub(crate) struct Origin {
    pub(crate) method: http::Method,
    /// The path of its address.
    pub(crate) path: String,
    /// Whether the answer comes from the image builder.
    pub(crate) builder: bool,
    /// Whether the answer comes from Microsoft.Compute.
    pub(crate) compute: bool,
    /// Whether the answer comes from Microsoft.DesktopVirtualization.
    pub(crate) desktops: bool,
    /// Whether `x-ms-operation-identifier` comes with it: not on GETs of resources.
    pub(crate) identifies_operation: bool,
    /// Tenant and object id of the caller.
    pub(crate) caller: Option<(String, String)>,
}

/// Puts the standard headers and the body around an answer.
pub(crate) fn finish(
    answer: Answer,
    origin: &Origin,
    ids: &mut Ids,
    now: OffsetDateTime,
) -> http::Response<Bytes> {
    let (body, content_type) = match &answer.body {
        Body::None | Body::Empty => (Bytes::new(), None),
        Body::Builder(document) => (json::indented_by_one(document), Some("application/json")),
        Body::Compute(document) => (
            json::indented_by_two(document),
            Some("application/json; charset=utf-8"),
        ),
        Body::Compact(document) => (
            json::compact(document),
            Some("application/json; charset=utf-8"),
        ),
    };
    let mut headers = standard_headers(origin, ids, now);
    if let Some(content_type) = content_type {
        headers.push(("content-type", content_type.to_owned()));
    }
    if !matches!(answer.body, Body::None) {
        headers.push(("content-length", body.len().to_string()));
    }
    headers.retain(|(name, _)| !answer.headers.iter().any(|(given, _)| given == name));
    headers.extend(answer.headers);
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap_or_default()
}

fn standard_headers(
    origin: &Origin,
    ids: &mut Ids,
    now: OffsetDateTime,
) -> Vec<(&'static str, String)> {
    let ids = ids.of(
        Purpose::Request,
        &format!("{} {}", origin.method, origin.path),
    );
    let correlation = ids.guid();
    let mut headers = vec![
        ("cache-control", "no-cache".to_owned()),
        ("pragma", "no-cache".to_owned()),
        ("expires", "-1".to_owned()),
        (
            "strict-transport-security",
            "max-age=31536000; includeSubDomains".to_owned(),
        ),
        ("x-content-type-options", "nosniff".to_owned()),
        ("date", clock::http_date(now)),
        ("x-ms-request-id", ids.guid()),
        ("x-ms-correlation-request-id", correlation.clone()),
        (
            "x-ms-routing-request-id",
            format!("WESTEUROPE:{}:{correlation}", compact_time(now)),
        ),
    ];
    let (kind, left, left_of_all) = match origin.method {
        http::Method::GET | http::Method::HEAD => ("reads", "249", "3749"),
        http::Method::DELETE => ("deletes", "199", "2999"),
        _ => ("writes", "199", "2999"),
    };
    for (name, _, of_all) in RATE_LIMITS.iter().filter(|(_, of, _)| *of == kind) {
        headers.push((name, left.to_owned()));
        headers.push((of_all, left_of_all.to_owned()));
    }
    if origin.builder || origin.compute || origin.desktops {
        headers.push(("x-cache", "CONFIG_NOCACHE".to_owned()));
    }
    if origin.desktops {
        headers.extend([
            ("x-powered-by", "ASP.NET".to_owned()),
            ("x-rate-limit-limit", "0".to_owned()),
            ("x-rate-limit-remaining", i64::MAX.to_string()),
            ("x-rate-limit-reset", "0".to_owned()),
            ("x-ms-correlation-id", ids.guid()),
        ]);
    }
    if let (true, Some((tenant, object))) = (
        origin.builder && origin.identifies_operation,
        &origin.caller,
    ) {
        let identifier = format!(
            "tenantId={tenant},objectId={object}/westeurope/{}",
            ids.guid()
        );
        headers.push(("x-ms-operation-identifier", identifier));
    }
    headers
}

/// The header for one caller, the kind of request, the header for all callers together.
const RATE_LIMITS: [(&str, &str, &str); 3] = [
    (
        "x-ms-ratelimit-remaining-subscription-reads",
        "reads",
        "x-ms-ratelimit-remaining-subscription-global-reads",
    ),
    (
        "x-ms-ratelimit-remaining-subscription-writes",
        "writes",
        "x-ms-ratelimit-remaining-subscription-global-writes",
    ),
    (
        "x-ms-ratelimit-remaining-subscription-deletes",
        "deletes",
        "x-ms-ratelimit-remaining-subscription-global-deletes",
    ),
];

fn compact_time(now: OffsetDateTime) -> String {
    let text = clock::ticks_text(now.replace_nanosecond(0).unwrap_or(now));
    text.replace(['-', ':'], "")
}
