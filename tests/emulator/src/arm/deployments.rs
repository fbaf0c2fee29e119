//! Deployments of templates into a resource group. No template is evaluated: its parameters are checked, and a template of session hosts, known
//! by its parameters, makes VMs that register themselves in a host pool.

mod hosts;
mod operations;
mod parameters;

use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::{End, Operation};
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::ids::{self, Purpose};
use crate::json::set;
use crate::pools::DeploymentFate;

use hosts::Planned;
use parameters::Parameters;

/// A deployment.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    id: String,
    correlation: String,
    since: OffsetDateTime,
    operation: String,
    mode: String,
    parameters: Map<String, Value>,
    /// `error.details` of a deployment that fails.
    details: Vec<Value>,
    planned: Vec<Planned>,
    /// The name of the extension that registers hosts.
    extension: String,
    tags: Value,
}

impl Arm {
    fn deployment_key(asked: &Asked<'_>) -> String {
        ids::key(&format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Resources/deployments/{}",
            asked.path.get("subscription"),
            asked.path.get("group"),
            asked.path.get("deployment")
        ))
    }

    /// 201 and `Accepted`, or 200 where there was one of this name; 409 `DeploymentActive` while it goes on.
    pub(crate) fn put_deployment(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = Self::deployment_key(asked);
        let name = asked.path.get("deployment");
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.()".contains(c);
        if name.len() > 64 || !name.chars().all(fits) {
            let message = format!("The name '{name}' of a deployment is not valid.");
            return Err(Refusal::new(400, "InvalidDeploymentName", message));
        }
        let existed = self.deployments.contains_key(&key);
        if let Some(active) = self.deployments.get(&key).filter(|old| self.is_active(old)) {
            let message = format!(
                "Unable to edit or replace deployment '{name}': previous deployment from '{}' is still active. Please see \
                 https://aka.ms/arm-deploy for usage details.",
                clock::ticks_text(active.since)
            );
            return Err(Refusal::new(409, "DeploymentActive", message));
        }
        let location = self.group_of(asked);
        let body = asked.deployment_json()?;
        let parameters = parameters::read(&body, &location)?;
        let fate = self.deployment_fates.pop_front();
        let fate = fate.unwrap_or(self.switches.desktops.deployment);
        let deployment = self.start_deployment(asked, &key, &body, &parameters, fate);
        let mut answer = Answer::new(
            if existed { 200 } else { 201 },
            Body::Compact(self.deployment_document(&deployment, asked.now)),
        );
        let url = self.deployment_operation_url(asked, &deployment);
        answer.headers.push(("azure-asyncoperation", url));
        self.deployments.insert(key, deployment);
        Ok(answer)
    }

    fn group_of(&self, asked: &Asked<'_>) -> String {
        let (subscription, group) = (asked.path.get("subscription"), asked.path.get("group"));
        let location = self.location_of_group(subscription, group);
        location.unwrap_or_default().to_owned()
    }

    fn start_deployment(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        body: &Value,
        parameters: &Parameters,
        fate: DeploymentFate,
    ) -> Deployment {
        let ids = self.ids.of(Purpose::Operation, key);
        let (operation_id, correlation) = (ids.guid(), ids.guid());
        let template = body.pointer("/properties/template").cloned();
        let template = template.unwrap_or_default();
        let plan = self.plan_hosts(asked, parameters, &template, fate);
        let id = format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Resources/deployments/{}",
            asked.path.get("subscription"),
            asked.path.get("group"),
            asked.path.get("deployment")
        );
        let end = if plan.details.is_empty() {
            End::Succeeded
        } else {
            End::Failed {
                code: "DeploymentFailed".to_owned(),
                message: "At least one resource deployment operation failed. Please list deployment operations for details. Please see \
                          https://aka.ms/arm-deployment-operations for usage details."
                    .to_owned(),
            }
        };
        let mut operation = Operation::new(operation_id.clone(), key.to_owned(), asked.now);
        if fate != DeploymentFate::NeverEnds {
            operation.close(asked.now, plan.duration, end);
        }
        self.operations.insert(operation_id.clone(), operation);
        let mode = body.pointer("/properties/mode").and_then(Value::as_str);
        Deployment {
            id,
            correlation,
            since: asked.now,
            operation: operation_id,
            mode: mode.unwrap_or("Incremental").to_owned(),
            parameters: parameters.shown(),
            details: plan.details,
            planned: plan.hosts,
            extension: plan.extension,
            tags: body.get("tags").cloned().unwrap_or_default(),
        }
    }

    /// The address of the operation, in the form that the front end gives (assumed).
    fn deployment_operation_url(&mut self, asked: &Asked<'_>, deployment: &Deployment) -> String {
        let path = format!(
            "{}{}/operationStatuses/{}",
            self.world.addresses.arm, deployment.id, deployment.operation
        );
        let query = format!("api-version={}", asked.version);
        let form = self.switches.operation_urls;
        let Some(operation) = self.operations.get_mut(&deployment.operation) else {
            return path;
        };
        operation.url(&path, &query, form, &mut self.ids, asked.now)
    }

    fn is_active(&self, deployment: &Deployment) -> bool {
        let operation = self.operations.get(&deployment.operation);
        operation.is_some_and(|operation| !operation.is_over())
    }

    fn deployment(&self, asked: &Asked<'_>) -> Result<&Deployment, Refusal> {
        let deployment = self.deployments.get(&Self::deployment_key(asked));
        deployment.ok_or_else(|| {
            let message = format!(
                "Deployment '{}' could not be found.",
                asked.path.get("deployment")
            );
            Refusal::new(404, "DeploymentNotFound", message)
        })
    }

    pub(crate) fn get_deployment(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let deployment = self.deployment(asked)?;
        let document = self.deployment_document(deployment, asked.now);
        let operation = deployment.operation.clone();
        if let Some(operation) = self.operations.get_mut(&operation) {
            operation.count_poll();
        }
        Ok(Answer::new(200, Body::Compact(document)))
    }

    pub(crate) fn head_deployment(&self, asked: &Asked<'_>) -> Answer {
        let status = if self.deployment(asked).is_ok() {
            204
        } else {
            404
        };
        Answer::new(status, Body::None)
    }

    /// Only the parameters are validated, and that no deployment of the name goes on.
    pub(crate) fn validate_deployment(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let location = self.group_of(asked);
        let body = asked.deployment_json()?;
        let parameters = parameters::read(&body, &location)?;
        let name = asked.path.get("deployment");
        let path = asked.raw.uri().path();
        let id = path.strip_suffix("/validate").unwrap_or(path);
        let correlation = self.ids.of(Purpose::Request, path).guid();
        let mode = body.pointer("/properties/mode").cloned();
        Ok(Answer::new(
            200,
            Body::Compact(json!({
                "id": id,
                "name": name,
                "type": "Microsoft.Resources/deployments",
                "properties": {
                    "parameters": parameters.shown(),
                    "mode": mode,
                    "provisioningState": "Succeeded",
                    "timestamp": clock::ticks_text(asked.now),
                    "duration": "PT0S",
                    "correlationId": correlation,
                    "providers": [],
                    "dependencies": [],
                    "validatedResources": [],
                },
            })),
        ))
    }

    /// 204; what has begun upon resources goes on (switch). Refused unless it is accepted or running.
    pub(crate) fn cancel_deployment(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let deployment = self.deployment(asked)?;
        if !self.is_active(deployment) {
            let message = format!(
                "The deployment '{}' cannot be canceled because its provisioning state is '{}'.",
                asked.path.get("deployment"),
                self.deployment_state(deployment, asked.now)
            );
            return Err(Refusal::new(409, "DeploymentCannotBeCancelled", message));
        }
        let operation = deployment.operation.clone();
        let stops = self.switches.desktops.canceling_stops_registration;
        let key = Self::deployment_key(asked);
        if let Some(deployment) = self.deployments.get_mut(&key) {
            for planned in &mut deployment.planned {
                planned.cancel(asked.now, stops);
            }
        }
        self.end_operation(&operation, asked.now, End::Canceled);
        Ok(Answer::new(204, Body::None))
    }

    fn deployment_state(&self, deployment: &Deployment, now: OffsetDateTime) -> &'static str {
        let operation = self.operations.get(&deployment.operation);
        match operation.map_or("InProgress", Operation::status) {
            "InProgress" if now < deployment.since + Duration::from_secs(1) => "Accepted",
            "InProgress" => "Running",
            other => other,
        }
    }

    fn deployment_error(&self, deployment: &Deployment) -> Option<Value> {
        let operation = self.operations.get(&deployment.operation)?;
        let (code, message) = operation.failure()?;
        Some(json!({"code": code, "message": message, "details": deployment.details}))
    }

    /// `{"status": ...}`, with the error of a failed one, and without `Retry-After`.
    pub(crate) fn get_deployment_operation(
        &mut self,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        let deployment = self.deployment(asked)?;
        let state = self.deployment_state(deployment, asked.now);
        let error = self.deployment_error(deployment);
        let id = deployment.operation.clone();
        let Some(operation) = self.operations.get_mut(&id) else {
            return Err(Refusal::new(
                404,
                "OperationNotFound",
                "There is no such operation.",
            ));
        };
        if !id.eq_ignore_ascii_case(asked.path.get("operation")) {
            let message = "The operation is not the one of the deployment.";
            return Err(Refusal::new(404, "OperationNotFound", message));
        }
        operation.check_query(asked.raw.uri().query().unwrap_or_default())?;
        operation.count_poll();
        let mut document = json!({"status": state});
        if let Some(error) = error {
            set(&mut document, "error", error);
        }
        Ok(Answer::new(200, Body::Compact(document)))
    }

    fn deployment_document(&self, deployment: &Deployment, now: OffsetDateTime) -> Value {
        let operation = self.operations.get(&deployment.operation);
        let ended = operation.and_then(Operation::ended_at);
        let at = ended.unwrap_or(now);
        let state = self.deployment_state(deployment, now);
        let mut properties = json!({
            "templateHash": "0",
            "parameters": deployment.parameters,
            "mode": deployment.mode,
            "provisioningState": state,
            "timestamp": clock::ticks_text(at),
            "duration": lasting(at - deployment.since),
            "correlationId": deployment.correlation,
            "providers": [],
            "dependencies": [],
        });
        if state == "Succeeded" {
            set(&mut properties, "outputs", json!({}));
            let made = deployment
                .planned
                .iter()
                .map(|host| json!({"id": host.machine_id()}));
            set(&mut properties, "outputResources", made.collect());
        }
        if let Some(error) = self.deployment_error(deployment) {
            set(&mut properties, "error", error);
        }
        let mut document = json!({
            "id": deployment.id,
            "name": deployment.id.rsplit('/').next(),
            "type": "Microsoft.Resources/deployments",
        });
        if !deployment.tags.is_null() {
            set(&mut document, "tags", deployment.tags.clone());
        }
        set(&mut document, "properties", properties);
        document
    }

    /// The deployments, with their states, for tests.
    pub(crate) fn deployment_states(&self, now: OffsetDateTime) -> Vec<(String, String)> {
        let state = |deployment: &Deployment| {
            let name = deployment.id.rsplit('/').next().unwrap_or_default();
            let state = self.deployment_state(deployment, now);
            (name.to_owned(), state.to_owned())
        };
        self.deployments.values().map(state).collect()
    }
}

/// A duration as ISO 8601 has it.
fn lasting(duration: time::Duration) -> String {
    let seconds = duration.whole_seconds();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("PT{seconds}S"),
        (minutes, seconds) => format!("PT{minutes}M{seconds}S"),
    }
}
