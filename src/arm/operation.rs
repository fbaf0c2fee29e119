//! Long-running operations: what an answer says of them is pure; asking is one request.
//!
//! The image builder answers each poll with 200 and an operation document, also at the address in `Location` and while the
//! operation runs: only `status` in the document decides. Other providers follow the general rule
//! (<https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>), so both are read.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use super::client::{Client, asked_pause};
use super::refusal::innermost;
use crate::secret::Secret;

/// What a request started.
#[derive(Debug, Clone)]
pub struct Started {
    /// Where to ask for the operation, if the answer named a place. The address is signed: it is a credential.
    pub operation: Option<Secret>,
    /// How long the server asks to wait before the first poll.
    pub pause: Option<Duration>,
}

impl Started {
    /// Something that others have started, or whose answer got lost: there is no operation to ask for, and the resource itself tells how things
    /// stand.
    pub fn elsewhere() -> Self {
        Self {
            operation: None,
            pause: None,
        }
    }

    /// Reads the headers of a 200, 201 or 202. `Azure-AsyncOperation` comes before `Location`, which the answer to a PUT does not even have.
    ///
    /// An address outside of `base` is not taken: the token goes to Azure Resource Manager and nowhere else, whatever a header says.
    /// The resource itself then tells how things stand.
    pub fn from_headers(client: &Client, base: &str, headers: &HeaderMap) -> Self {
        let inside = |address: &&str| {
            address
                .split_at_checked(base.len())
                .is_some_and(|(start, rest)| {
                    start.eq_ignore_ascii_case(base) && rest.starts_with('/')
                })
        };
        let address = ["azure-asyncoperation", "location"]
            .into_iter()
            .filter_map(|name| headers.get(name)?.to_str().ok())
            .find(inside);
        Self {
            operation: address.map(|address| client.secret(address)),
            pause: asked_pause(headers),
        }
    }
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Not at its end.
    InProgress,
    /// Ended well.
    Succeeded,
    /// Ended badly, with Azure's code and text.
    Failed {
        /// Azure's code, such as `PackerBuildFailed`; empty if there was none.
        code: String,
        /// Azure's text; empty if there was none.
        message: String,
    },
    /// Was canceled.
    Canceled,
}

impl Status {
    /// Whether the operation is over.
    pub fn is_end(&self) -> bool {
        *self != Self::InProgress
    }
}

/// Reads the answer to a poll.
pub fn read(response: &Response<Bytes>) -> Status {
    if response.status() == StatusCode::ACCEPTED {
        return Status::InProgress;
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let state = body
        .get("status")
        .or_else(|| body.pointer("/properties/provisioningState"))
        .and_then(Value::as_str);
    let Some(state) = state else {
        // Without a document, the status line is all there is: 200 or 204 from `Location` is the end.
        return Status::Succeeded;
    };
    match state.to_ascii_lowercase().as_str() {
        "succeeded" => Status::Succeeded,
        "failed" => {
            let (code, message) = body.get("error").and_then(innermost).unwrap_or_default();
            Status::Failed { code, message }
        }
        "canceled" | "cancelled" => Status::Canceled,
        // "InProgress", "Accepted", "Running" and words that do not exist yet: an unknown word is no end.
        _ => Status::InProgress,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: &Status) {
        let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        assert_eq!(read(&response), *expected, "{status} {body}");
    }

    #[test]
    fn only_the_status_in_the_document_decides() {
        check(200, r#"{"status":"InProgress"}"#, &Status::InProgress);
        check(200, r#"{"status":"succeeded"}"#, &Status::Succeeded);
        check(200, r#"{"status":"Canceled"}"#, &Status::Canceled);
        check(200, r#"{"status":"Cancelled"}"#, &Status::Canceled);
        check(200, r#"{"status":"Levitating"}"#, &Status::InProgress);
        check(
            200,
            r#"{"status":"Failed","error":{"code":"PackerBuildFailed","message":"exit 1"}}"#,
            &Status::Failed {
                code: "PackerBuildFailed".into(),
                message: "exit 1".into(),
            },
        );
        check(
            200,
            r#"{"status":"Failed"}"#,
            &Status::Failed {
                code: String::new(),
                message: String::new(),
            },
        );
    }

    #[test]
    fn the_general_rule_of_location_is_read_too() {
        check(202, "", &Status::InProgress);
        check(202, r#"{"status":"Succeeded"}"#, &Status::InProgress);
        check(204, "", &Status::Succeeded);
        check(200, "", &Status::Succeeded);
        check(
            200,
            r#"{"properties":{"provisioningState":"Creating"}}"#,
            &Status::InProgress,
        );
        check(
            200,
            r#"{"properties":{"provisioningState":"Succeeded"}}"#,
            &Status::Succeeded,
        );
    }
}
