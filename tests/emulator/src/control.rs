//! What people ask of the emulator itself, on the port of Azure Resource Manager: journal, inventory, faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;

use crate::cloud::Cloud;
use crate::faults::{Effect, Fault, Matcher};

/// A fault as JSON, for example `{"operation": "GetTemplate", "nth": 2, "effect": "status", "status": 503}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scripted {
    operation: Option<String>,
    method: Option<String>,
    path: Option<String>,
    #[serde(default = "one")]
    nth: u32,
    #[serde(default = "one")]
    times: u32,
    effect: Name,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Name {
    Status,
    ResetBefore,
    ResetAfter,
    Truncate,
    NotJson,
    Delay,
    ExpireToken,
}

fn one() -> u32 {
    1
}

/// The answer to a request to the emulator itself, or `None` when it is one to the cloud.
pub(crate) fn answer(
    cloud: &Cloud,
    method: &Method,
    path: &str,
    body: &[u8],
) -> Option<Response<Bytes>> {
    let rest = path.strip_prefix("/_emulator/")?;
    let (status, text) = match (method.as_str(), rest) {
        ("GET", "journal") => (200, journal(cloud)),
        ("GET", "inventory") => (200, cloud.inventory().to_string()),
        ("POST", "faults") => match serde_json::from_slice::<Scripted>(body)
            .map_err(|error| error.to_string())
            .and_then(fault)
        {
            Ok(fault) => {
                cloud.add_fault(fault);
                (204, String::new())
            }
            Err(problem) => (400, format!("The fault is not understood: {problem}\n")),
        },
        ("GET", "faults") => (
            200,
            format!(
                "{} faults were not met yet\n",
                cloud.unconsumed_faults().len()
            ),
        ),
        _ => (
            404,
            "The emulator has GET journal, GET inventory, GET faults and POST faults\n".to_owned(),
        ),
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", "text/plain; charset=utf-8");
    response.body(Bytes::from(text)).ok()
}

fn journal(cloud: &Cloud) -> String {
    cloud
        .journal()
        .iter()
        .fold(String::new(), |mut text, entry| {
            // Writing into a String cannot fail.
            let _written = writeln!(text, "{entry}");
            text
        })
}

fn fault(scripted: Scripted) -> Result<Fault, String> {
    let method = scripted
        .method
        .as_deref()
        .map(|name| Method::from_bytes(name.as_bytes()))
        .transpose();
    let effect = match scripted.effect {
        Name::Status => Effect::Status {
            code: scripted
                .status
                .filter(|status| (200..600).contains(status))
                .ok_or("'status' must be an HTTP status of 200 to 599")?,
            headers: scripted.headers.into_iter().collect(),
            body: scripted.body,
        },
        Name::ResetBefore => Effect::ResetBefore,
        Name::ResetAfter => Effect::ResetAfter,
        Name::Truncate => Effect::Truncate,
        Name::NotJson => Effect::NotJson,
        Name::Delay => Effect::Delay(Duration::from_secs(scripted.seconds)),
        Name::ExpireToken => Effect::ExpireToken,
    };
    if let Some(name) = &scripted.operation
        && !crate::operation_names().contains(&name.as_str())
    {
        return Err(format!(
            "'{name}' is not one of {}",
            crate::operation_names().join(", ")
        ));
    }
    let matcher = Matcher {
        operation: scripted.operation,
        method: method.map_err(|error| error.to_string())?,
        path: scripted.path,
        authority: None,
    };
    Ok(Fault {
        matcher,
        nth: scripted.nth,
        times: scripted.times,
        effect,
    })
}
