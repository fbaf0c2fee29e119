//! Lookups in Azure: each path once, whoever asks, and not too many at a time.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::subject::Subject;
use crate::arm::api::{GALLERIES, IDENTITIES, IMAGES};
use crate::arm::retry::Repeat;
use crate::arm::{Arm, Cause, Failure};
use crate::resource::ResourceId;

/// How long a lookup may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    repeat: Repeat,
    limit: Duration,
    /// How long all lookups together may take.
    overall: Option<Duration>,
    /// Whether an empty list proves that something is missing: a cloud that lacks the resource type may answer with one.
    trusts_empty_lists: bool,
}

impl Patience {
    /// For a person who wants to know.
    pub(super) const LONG: Self = Self {
        repeat: Repeat::Always,
        limit: Duration::from_secs(60),
        overall: None,
        trusts_empty_lists: true,
    };
    /// For a build that waits: one try. Whatever Azure does, the build does not wait longer than the overall time.
    pub(super) const SHORT: Self = Self {
        repeat: Repeat::Never,
        limit: Duration::from_secs(4),
        overall: Some(Duration::from_secs(6)),
        trusts_empty_lists: false,
    };
}

/// What a lookup came to.
#[derive(Debug)]
pub(super) enum Lookup {
    /// It is there, and this is it.
    Found(Value),
    /// Azure says that it is not there. Whoever answers for a place that it does not know says the same, so this proves nothing alone.
    Missing,
    /// Azure says that the resource group is not there.
    NoGroup,
    /// Nothing is known, and why.
    Unknown(String),
}

/// Requests under way at a time.
const ABREAST: usize = 16;
const LATE: &str = "no answer in time";

type Slot = Arc<OnceCell<Arc<Lookup>>>;

/// The subject of the checks, and the way to look at it.
pub(super) struct Azure<'a> {
    arm: &'a Arm,
    pub(super) subject: Subject,
    patience: Patience,
    /// When nothing is waited for any more. Each look ends then by itself, so that one that hangs costs no finding but its own.
    deadline: Option<Instant>,
    slots: Mutex<HashMap<String, Slot>>,
    gate: Semaphore,
}

impl<'a> Azure<'a> {
    pub(super) fn new(arm: &'a Arm, subject: Subject, patience: Patience) -> Self {
        Self {
            arm,
            subject,
            patience,
            deadline: patience.overall.map(|time| Instant::now() + time),
            slots: Mutex::default(),
            gate: Semaphore::new(ABREAST),
        }
    }

    /// Looks up a path of Azure Resource Manager.
    pub(super) async fn look_up(&self, path: impl Display, api: &str) -> Arc<Lookup> {
        let path = path.to_string();
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let key = format!("{path} {api}").to_ascii_lowercase();
            Arc::clone(slots.entry(key).or_default())
        };
        let lookup = slot.get_or_init(|| async { Arc::new(self.ask(&path, api).await) });
        Arc::clone(lookup.await)
    }

    async fn ask(&self, path: &str, api: &str) -> Lookup {
        let lookup = self.ask_patiently(path, api);
        match self.deadline {
            Some(deadline) => timeout_at(deadline, lookup)
                .await
                .unwrap_or_else(|_| Lookup::Unknown(LATE.to_owned())),
            None => lookup.await,
        }
    }

    async fn ask_patiently(&self, path: &str, api: &str) -> Lookup {
        // What comes from an answer could make it an address of another host, or of something else.
        if !is_path(path) {
            return Lookup::Unknown("its address is not valid".to_owned());
        }
        let _turn = self.gate.acquire().await;
        let call = self.arm.reading("Checking what the build needs", path, api);
        let call = call.repeated(self.patience.repeat);
        let sent = self.arm.client.send_for_json(&call);
        match timeout(self.patience.limit, sent).await {
            Ok(Ok((_, Value::Null))) => Lookup::Unknown("the answer is empty".to_owned()),
            Ok(Ok((_, value))) => Lookup::Found(value),
            Ok(Err(failure)) => Lookup::of_failure(&failure),
            Err(_) => Lookup::Unknown(LATE.to_owned()),
        }
    }

    /// Looks up a resource that has a place in the list at `list`. Missing is only what that list, read in full, does not name either.
    pub(super) async fn resource(
        &self,
        path: impl Display,
        list: impl Display,
        name: &str,
        api: &str,
    ) -> Arc<Lookup> {
        let lookup = self.look_up(path, api).await;
        if !matches!(*lookup, Lookup::Missing) {
            return lookup;
        }
        match &*self.look_up(list, api).await {
            Lookup::Found(listed) if names(listed).is_some_and(|all| self.lack(&all, name)) => {
                lookup
            }
            Lookup::NoGroup => Arc::new(Lookup::NoGroup),
            Lookup::Found(_) | Lookup::Missing | Lookup::Unknown(_) => Arc::new(Lookup::Unknown(
                "Azure does not find it, but the list of existing ones does not confirm that"
                    .to_owned(),
            )),
        }
    }
}

impl Azure<'_> {
    /// Whether a list that is empty says anything.
    pub(super) fn trusts_empty_lists(&self) -> bool {
        self.patience.trusts_empty_lists
    }

    /// Whether a whole list proves that there is no such thing.
    pub(super) fn lack(&self, names: &[&str], name: &str) -> bool {
        !has(names, name) && (self.patience.trusts_empty_lists || !names.is_empty())
    }
}

impl Lookup {
    fn of_failure(failure: &Failure) -> Self {
        let Some(refusal) = failure.refusal() else {
            return Self::Unknown(match &failure.cause {
                Cause::Unreachable { error, .. } => error.to_string(),
                other => other.to_string(),
            });
        };
        match (refusal.status, refusal.code.as_str()) {
            (StatusCode::NOT_FOUND, "ResourceGroupNotFound") => Self::NoGroup,
            (StatusCode::NOT_FOUND, "ResourceNotFound" | "NotFound" | "ParentResourceNotFound") => {
                Self::Missing
            }
            (StatusCode::FORBIDDEN, code) => {
                Self::Unknown(format!("the service connection lacks permission ({code})"))
            }
            (status, code) => Self::Unknown(format!("Azure answers {code} ({})", status.as_u16())),
        }
    }
}

/// Whether the path before a query is one of Azure Resource Manager's: names between slashes.
fn is_path(path: &str) -> bool {
    let names = path.split('?').next().unwrap_or_default();
    let plain = |c: char| c.is_alphanumeric() || "-_.()%".contains(c);
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.chars().all(plain);
    names
        .strip_prefix('/')
        .is_some_and(|names| names.split('/').all(is_name))
}

/// The names in a list, if it is one and is whole: an object with `value`, or a bare array.
pub(super) fn names(list: &Value) -> Option<Vec<&str>> {
    let more = list.get("nextLink").and_then(Value::as_str);
    if more.is_some_and(|link| !link.is_empty()) {
        return None;
    }
    let entries = list.as_array().or_else(|| list.get("value")?.as_array())?;
    entries
        .iter()
        .map(|entry| entry.get("name")?.as_str())
        .collect()
}

/// Whether a name is among these, whatever its letter case.
pub(super) fn has(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The text at a pointer.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

/// An image definition. Missing is one that its gallery does not list, or whose gallery its group does not list.
pub(super) async fn definition(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let Some(gallery) = id.parent() else {
        return azure.look_up(id, GALLERIES).await;
    };
    let list = definitions_of(&gallery);
    let look = azure.resource(id, &list, id.name(), GALLERIES).await;
    if !matches!(*azure.look_up(list, GALLERIES).await, Lookup::Missing) {
        return look;
    }
    match &*azure
        .resource(&gallery, galleries_of(id), gallery.name(), GALLERIES)
        .await
    {
        Lookup::Missing => Arc::new(Lookup::Missing),
        _ => look,
    }
}

/// The path of the image definitions of a gallery.
pub(super) fn definitions_of(gallery: &ResourceId) -> String {
    format!("{gallery}/images")
}

/// The path of the galleries in the group of a resource.
pub(super) fn galleries_of(id: &ResourceId) -> String {
    format!("{}/providers/Microsoft.Compute/galleries", id.group())
}

/// The path of the identities in the group of one.
pub(super) fn identities_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        id.group()
    )
}

/// A user-assigned identity.
pub(super) async fn identity(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    let list = identities_of(id);
    azure.resource(id, list, id.name(), IDENTITIES).await
}

/// The path of the managed images in the group of one.
pub(super) fn images_of(id: &ResourceId) -> String {
    format!("{}/providers/Microsoft.Compute/images", id.group())
}

/// A managed image.
pub(super) async fn managed_image(azure: &Azure<'_>, id: &ResourceId) -> Arc<Lookup> {
    azure.resource(id, images_of(id), id.name(), IMAGES).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_paths_of_names_are_asked_for() {
        let role = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/1-2";
        for (path, expected) in [
            (role, true),
            ("/providers/a/b?$filter=x eq 'y/../z'", true),
            ("@host.example/x", false),
            ("//host.example/x", false),
            ("/subscriptions/../x", false),
            ("/subscriptions/a#b", false),
            ("/subscriptions/a:b@c", false),
            ("", false),
        ] {
            assert_eq!(is_path(path), expected, "{path}");
        }
    }

    #[test]
    fn only_a_whole_list_tells_names() {
        let check = |list: Value, expected: Option<Vec<&str>>| assert_eq!(names(&list), expected);
        check(json!([{"name": "a"}, {"name": "b"}]), Some(vec!["a", "b"]));
        check(
            json!({"value": [{"name": "a"}], "nextLink": ""}),
            Some(vec!["a"]),
        );
        check(json!({"value": [], "nextLink": null}), Some(vec![]));
        check(
            json!({"value": [{"name": "a"}], "nextLink": "https://x"}),
            None,
        );
        check(json!({"value": [{"id": "a"}]}), None);
        check(json!({}), None);
    }
}
