//! The service's error answers: code, text and details as
//! <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes> and the common error codes list them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use time::OffsetDateTime;

use super::format::{escape, iso_ticks};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Further elements of the error document.
    pub(super) details: Vec<(&'static str, String)>,
    /// Further headers of the answer.
    pub(super) headers: Vec<(HeaderName, String)>,
}

const AUTHENTICATION: &str = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.";
const CHALLENGED: &str = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.";

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.details.push((name, text.into()));
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Something that the real service may know and the emulator does not.
    pub(super) fn not_emulated(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "APINotImplemented",
            format!("The emulator does not know {what}."),
        )
    }

    pub(super) fn header_value(name: &str, value: &str) -> Self {
        Self::bad(
            "InvalidHeaderValue",
            "The value for one of the HTTP headers is not in the correct format.",
        )
        .with("HeaderName", name)
        .with("HeaderValue", value)
    }

    pub(super) fn missing_header(name: &str) -> Self {
        Self::bad(
            "MissingRequiredHeader",
            "An HTTP header that's mandatory for this request is not specified.",
        )
        .with("HeaderName", name)
    }

    pub(super) fn query_value(name: &str, value: &str) -> Self {
        let message =
            "Value for one of the query parameters specified in the request URI is invalid.";
        Self::bad("InvalidQueryParameterValue", message)
            .with("QueryParameterName", name)
            .with("QueryParameterValue", value)
    }

    /// 403: the signature or what belongs to it is wrong; `detail` says what.
    pub(super) fn authentication(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "AuthenticationFailed",
            AUTHENTICATION,
        )
        .with("AuthenticationErrorDetail", detail)
    }

    /// 401: the token is not accepted; `detail` says why.
    pub(super) fn token(detail: impl Into<String>, challenge: String) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationInfo",
            CHALLENGED,
        )
        .with("AuthenticationErrorDetail", detail)
        .header(header::WWW_AUTHENTICATE, challenge)
    }

    pub(super) fn anonymous(challenge: String) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "NoAuthenticationInformation",
            CHALLENGED,
        )
        .header(header::WWW_AUTHENTICATE, challenge)
    }

    pub(super) fn permission() -> Self {
        let message =
            "This request is not authorized to perform this operation using this permission.";
        Self::new(
            StatusCode::FORBIDDEN,
            "AuthorizationPermissionMismatch",
            message,
        )
    }

    pub(super) fn container_not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "ContainerNotFound",
            "The specified container does not exist.",
        )
    }

    pub(super) fn blob_not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "BlobNotFound",
            "The specified blob does not exist.",
        )
    }

    pub(super) fn condition() -> Self {
        let message = "The condition specified using HTTP conditional header(s) is not met.";
        Self::new(StatusCode::PRECONDITION_FAILED, "ConditionNotMet", message)
    }

    /// The answer; without a body when `head` asks for headers only or nothing changed.
    pub(super) fn respond(
        &self,
        head: bool,
        request_id: &str,
        now: OffsetDateTime,
    ) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        set(
            headers,
            HeaderName::from_static("x-ms-error-code"),
            self.code,
        );
        for (name, value) in &self.headers {
            set(headers, name.clone(), value);
        }
        if !head && self.status != StatusCode::NOT_MODIFIED {
            set(headers, header::CONTENT_TYPE, "application/xml");
            *response.body_mut() = Bytes::from(self.document(request_id, now));
        }
        response
    }

    fn document(&self, request_id: &str, now: OffsetDateTime) -> String {
        let details: String = self
            .details
            .iter()
            .fold(String::new(), |text, (name, value)| {
                text + &format!("<{name}>{}</{name}>", escape(value))
            });
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{}\nRequestId:{request_id}\nTime:{}</Message>{details}</Error>",
            self.code,
            escape(&self.message),
            iso_ticks(now)
        )
    }
}

/// Sets a header; a value that is no header value is left out.
pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
