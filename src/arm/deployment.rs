//! Deployments of templates into a resource group
//! (<https://learn.microsoft.com/rest/api/resources/deployments>, <https://learn.microsoft.com/rest/api/resources/deployment-operations>).

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

use super::api::RESOURCES;
use super::failure::Failure;
use super::operation::Started;
use super::refusal::innermost;
use super::resource_manager::Arm;
use crate::resource::{ResourceGroupId, ResourceId};

/// The resource type of a deployment.
const DEPLOYMENT: &str = "Microsoft.Resources/deployments";

/// A deployment as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Azure's word for that.
    pub word: String,
    /// What one request has started: another one has another id.
    pub correlation: String,
    /// Its parameters; secure ones have no value.
    pub parameters: BTreeMap<String, Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Code and text of what it failed with, the innermost ones.
    pub error: Option<(String, String)>,
}

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It goes on: `Accepted`, `Running`, or a word that does not exist yet.
    Going,
    /// It has ended well.
    Succeeded,
    /// It has ended badly.
    Failed,
    /// Someone canceled it.
    Canceled,
}

/// What a deployment does with one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Type and name: `Microsoft.Compute/virtualMachines/extensions 'avd-0/Microsoft.PowerShell.DSC'`; empty where Azure names none.
    pub resource: String,
    /// Azure's word: `Running`, `Succeeded`, `Failed`.
    pub state: String,
    /// How long it has taken so far.
    pub duration: Duration,
    /// Code and text of what it failed with, the innermost ones.
    pub error: Option<(String, String)>,
}

impl Deployment {
    pub(super) fn read(document: &Value) -> Self {
        let text = |path: &str| {
            let found = document.pointer(path).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let object = |path: &str| {
            let found = document.pointer(path).and_then(Value::as_object);
            found.into_iter().flatten()
        };
        let word = text("/properties/provisioningState");
        let value = |(name, parameter): (&String, &Value)| {
            let value = parameter.get("value")?;
            Some((name.to_ascii_lowercase(), value.clone()))
        };
        let tag = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.into()));
        Self {
            name: text("/name"),
            state: State::read(&word),
            word,
            correlation: text("/properties/correlationId"),
            parameters: object("/properties/parameters").filter_map(value).collect(),
            tags: object("/tags").filter_map(tag).collect(),
            error: document.pointer("/properties/error").and_then(innermost),
        }
    }

    /// The value of a parameter; names ignore case.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.get(&name.to_ascii_lowercase())
    }

    /// A parameter that is a whole number.
    pub fn number(&self, name: &str) -> Option<u32> {
        u32::try_from(self.parameter(name)?.as_u64()?).ok()
    }

    /// A parameter that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameter(name)?.as_str()
    }
}

impl State {
    fn read(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Going,
        }
    }
}

impl Operation {
    fn read(document: &Value) -> Self {
        let text = |path: &str| document.pointer(path).and_then(Value::as_str);
        let target = "/properties/targetResource";
        let resource = match (
            text(&format!("{target}/resourceType")),
            text(&format!("{target}/resourceName")),
        ) {
            (Some(kind), Some(name)) => format!("{kind} '{name}'"),
            _ => String::new(),
        };
        let message = document.pointer("/properties/statusMessage");
        let error = message.map(|message| message.get("error").unwrap_or(message));
        Self {
            resource,
            state: text("/properties/provisioningState")
                .unwrap_or_default()
                .to_owned(),
            duration: text("/properties/duration")
                .and_then(iso_duration)
                .unwrap_or_default(),
            error: error.and_then(innermost),
        }
    }

    /// Whether it has not come to an end.
    pub fn goes_on(&self) -> bool {
        State::read(&self.state) == State::Going
    }
}

/// A duration as ISO 8601 has it, days and smaller: `PT10M3.5S`.
fn iso_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('P')?;
    let (mut seconds, mut in_time) = (0.0, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (rest, in_time) = (time, true);
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = (rest.get(..end)?, rest.get(end..=end)?);
        rest = rest.get(end + 1..)?;
        seconds += number.parse::<f64>().ok()?
            * match (unit, in_time) {
                ("D", false) => 86_400.0,
                ("H", true) => 3600.0,
                ("M", true) => 60.0,
                ("S", true) => 1.0,
                _ => return None,
            };
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Where deployment `name` of `group` is.
fn id_of(group: &ResourceGroupId, name: &str) -> ResourceId {
    ResourceId::in_group(group.subscription(), group.name(), DEPLOYMENT, name)
}

/// What a deployment is asked for.
#[derive(Clone)]
pub struct Asked<'a> {
    /// The template.
    pub template: &'a Value,
    /// Its parameters, each `{"value": ...}` or `{"reference": ...}`. Some are secret.
    pub parameters: Map<String, Value>,
    /// Its tags.
    pub tags: Map<String, Value>,
}

impl Arm {
    /// Reads deployment `name`; nothing if there is none.
    pub async fn deployment(
        &self,
        group: &ResourceGroupId,
        name: &str,
    ) -> Result<Option<Deployment>, Failure> {
        let doing = format!("Reading deployment '{name}'");
        let found = self
            .get_if_there(&doing, id_of(group, name), RESOURCES)
            .await?;
        Ok(found.as_ref().map(Deployment::read))
    }

    /// Deploys a template: what is not in it stays as it is.
    pub async fn deploy(
        &self,
        group: &ResourceGroupId,
        name: &str,
        asked: &Asked<'_>,
    ) -> Result<Started, Failure> {
        let doing = format!("Starting deployment '{name}'");
        let body = serde_json::json!({
            "properties": {
                "mode": "Incremental",
                "template": asked.template,
                "parameters": asked.parameters,
            },
            "tags": asked.tags,
        });
        let changed = self
            .put(&doing, id_of(group, name), RESOURCES, &body)
            .await?;
        Ok(changed.started)
    }

    /// What a deployment does with each resource.
    pub async fn deployment_operations(
        &self,
        group: &ResourceGroupId,
        name: &str,
    ) -> Result<Vec<Operation>, Failure> {
        let doing = format!("Reading the operations of deployment '{name}'");
        let path = format!("{group}/deployments/{name}/operations");
        let all = self.pages(&doing, path, RESOURCES).await?;
        Ok(all.iter().map(Operation::read).collect())
    }

    /// Cancels a deployment; what it has begun upon a resource goes on. Whether there was one that goes on.
    pub async fn cancel_deployment(
        &self,
        group: &ResourceGroupId,
        name: &str,
    ) -> Result<bool, Failure> {
        let doing = format!("Canceling deployment '{name}'");
        let path = format!("{}/cancel", id_of(group, name));
        match self.ask_for(&doing, path, RESOURCES).await {
            Ok(_) => Ok(true),
            Err(failure)
                if [StatusCode::CONFLICT, StatusCode::NOT_FOUND]
                    .iter()
                    .any(|status| failure.is(*status)) =>
            {
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn a_deployment_is_read_as_the_definition_has_it() {
        let document = json!({
            "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/deployments/d",
            "name": "d",
            "tags": {"a": "b", "n": 1},
            "properties": {
                "provisioningState": "Failed",
                "correlationId": "c",
                "parameters": {
                    "count": {"type": "Int", "value": 7},
                    "imageVersionId": {"type": "String", "value": "/v"},
                    "registrationToken": {"type": "SecureString"},
                },
                "error": {"code": "DeploymentFailed", "message": "At least one", "details": [{"code": "Conflict", "message": "the quota"}]},
            },
        });
        let deployment = Deployment::read(&document);
        assert_eq!(deployment.state, State::Failed);
        assert_eq!(deployment.number("COUNT"), Some(7));
        assert_eq!(deployment.text("imageversionid"), Some("/v"));
        assert_eq!(deployment.parameter("registrationToken"), None);
        assert_eq!(
            deployment.tags,
            BTreeMap::from([("a".to_owned(), "b".to_owned())])
        );
        let (code, message) = deployment.error.unwrap();
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("DeploymentFailed", "At least one Conflict: the quota")
        );
        for (word, state) in [
            ("Accepted", State::Going),
            ("Running", State::Going),
            ("Levitating", State::Going),
            ("", State::Going),
            ("succeeded", State::Succeeded),
            ("Canceled", State::Canceled),
        ] {
            assert_eq!(State::read(word), state, "{word}");
        }
    }

    #[test]
    fn an_operation_names_its_resource_and_why_it_failed() {
        let document = json!({"properties": {
            "provisioningState": "Failed",
            "duration": "PT1H2M3.5S",
            "statusMessage": {"status": "Failed", "error": {"code": "VMExtensionProvisioningError", "message": "the token is not valid"}},
            "targetResource": {"id": "/x", "resourceType": "Microsoft.Compute/virtualMachines/extensions", "resourceName": "avd-0/DSC"},
        }});
        let operation = Operation::read(&document);
        assert_eq!(
            operation,
            Operation {
                resource: "Microsoft.Compute/virtualMachines/extensions 'avd-0/DSC'".to_owned(),
                state: "Failed".to_owned(),
                duration: Duration::from_millis(3_723_500),
                error: Some((
                    "VMExtensionProvisioningError".to_owned(),
                    "the token is not valid".to_owned()
                )),
            }
        );
        assert!(!operation.goes_on());
        assert!(Operation::read(&json!({})).goes_on());
    }

    #[test]
    fn durations_are_those_of_iso_8601() {
        for (text, seconds) in [
            ("PT0S", Some(0.0)),
            ("PT30S", Some(30.0)),
            ("PT10M3S", Some(603.0)),
            ("P1DT1M", Some(86_460.0)),
            ("P", Some(0.0)),
            ("PT", Some(0.0)),
            ("10M", None),
            ("PT1X", None),
            ("P1M", None),
            ("PTM", None),
            ("PT-5S", None),
        ] {
            let expected = seconds.map(Duration::from_secs_f64);
            assert_eq!(iso_duration(text), expected, "{text}");
        }
    }
}
