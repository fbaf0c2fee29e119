//! What people ask of the emulator itself, on the port of Azure Resource Manager: journal, inventory, faults, ends of runs.

mod desktops;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cloud::Cloud;
use crate::estate::{Lock, LockLevel, SceneResource, SceneVersion};
use crate::faults::{Effect, Fault, Matcher};
use crate::progress::{RunFate, SubState};

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

/// How coming runs end as JSON, for example `{"end": "customizerFails", "times": 2}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScriptedRun {
    end: End,
    #[serde(default = "one")]
    times: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum End {
    Succeeds,
    CustomizerFails,
    ValidatorFails,
    /// The VM does not answer while it starts.
    DoesNotBoot,
    /// A validator is at work when the time is over.
    OutOfTime,
    DistributionFails,
    PartiallySucceeds,
    NeverEnds,
}

/// What comes or goes without a request, for example `{"ageTemplate": {"name": "web", "minutes": 41}}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Scene {
    /// A gallery image version: `id`, and `body` as in a PUT; `state` and `publishedDate` where they are not the usual ones.
    #[serde(rename_all = "camelCase")]
    PutVersion {
        id: String,
        body: Value,
        #[serde(default = "succeeded")]
        state: String,
        published_date: Option<String>,
    },
    /// A VM, a scale set, a configuration of session hosts: what a GET answers.
    PutResource { id: String, body: Value },
    /// The id of such a resource.
    RemoveResource(String),
    /// Whatever was begun upon a template was begun earlier.
    AgeTemplate { name: String, minutes: u64 },
    /// A lock on a group or a resource, against deletion alone or against each change.
    #[serde(rename_all = "camelCase")]
    Lock {
        scope: String,
        #[serde(default)]
        read_only: bool,
    },
}

fn succeeded() -> String {
    "Succeeded".to_owned()
}

fn change_scene(cloud: &Cloud, scene: Scene) -> Result<(), String> {
    match scene {
        Scene::PutVersion {
            id,
            body,
            state,
            published_date,
        } => {
            let published = published_date
                .map(|date| OffsetDateTime::parse(&date, &Rfc3339))
                .transpose()
                .map_err(|error| error.to_string())?;
            cloud.put_image_version(&SceneVersion {
                id,
                state,
                published,
                body,
            });
        }
        Scene::PutResource { id, body } => cloud.put_resource(SceneResource { id, body }),
        Scene::RemoveResource(id) => cloud.remove_resource(&id),
        Scene::AgeTemplate { name, minutes } => {
            if !cloud.age_template(&name, Duration::from_secs(minutes.saturating_mul(60))) {
                return Err(format!("there is no image template '{name}'"));
            }
        }
        Scene::Lock { scope, read_only } => {
            let level = if read_only {
                LockLevel::ReadOnly
            } else {
                LockLevel::CanNotDelete
            };
            cloud.add_lock(Lock { scope, level });
        }
    }
    Ok(())
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
        ("POST", "faults") => done(
            serde_json::from_slice::<Scripted>(body)
                .map_err(|error| error.to_string())
                .and_then(fault)
                .map(|fault| cloud.add_fault(fault)),
        ),
        ("POST", "runs") => done(
            serde_json::from_slice::<ScriptedRun>(body)
                .map_err(|error| error.to_string())
                .map(|run| {
                    for _ in 0..run.times {
                        cloud.script_run(fate(&run.end));
                    }
                }),
        ),
        ("POST", "updates") => done(desktops::update(cloud, body)),
        ("POST", "deployments") => done(desktops::deployment(cloud, body)),
        ("POST", "hosts") => done(desktops::host(cloud, body)),
        ("POST", "machines") => done(desktops::machine(cloud, body)),
        ("POST", "commands") => done(desktops::command(cloud, body)),
        ("POST", "scene") => done(
            serde_json::from_slice::<Scene>(body)
                .map_err(|error| error.to_string())
                .and_then(|scene| change_scene(cloud, scene)),
        ),
        ("GET", "faults") => (
            200,
            format!(
                "{} faults were not met yet\n",
                cloud.unconsumed_faults().len()
            ),
        ),
        _ => (
            404,
            "The emulator has GET journal, GET inventory, GET faults, POST faults, POST runs, POST scene, POST updates, POST deployments, POST hosts, POST \
             machines and POST commands\n"
                .to_owned(),
        ),
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", "text/plain; charset=utf-8");
    response.body(Bytes::from(text)).ok()
}

fn done(result: Result<(), String>) -> (u16, String) {
    match result {
        Ok(()) => (204, String::new()),
        Err(problem) => (400, format!("The body is not understood: {problem}\n")),
    }
}

fn fate(end: &End) -> RunFate {
    match end {
        End::Succeeds => RunFate::Succeed,
        End::CustomizerFails => RunFate::customizer_failed(),
        End::DoesNotBoot => RunFate::does_not_boot(),
        End::OutOfTime => RunFate::out_of_time(),
        End::ValidatorFails => RunFate::validator_failed(),
        End::DistributionFails => RunFate::distribution_failed_as_json(),
        End::PartiallySucceeds => RunFate::PartiallySucceed {
            outputs: 1,
            message: "Internal error occurred. This is a generic error. To identify possible causes, go to https://aka.ms/azvmimagebuilderts."
                .to_owned(),
        },
        End::NeverEnds => RunFate::NeverEnd {
            at: SubState::Building,
        },
    }
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
    Ok(Fault::once(matcher, effect)
        .starting_at(scripted.nth)
        .times(scripted.times))
}
