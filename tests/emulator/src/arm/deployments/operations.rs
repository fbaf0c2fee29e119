//! The operations of a deployment: one for each resource, with its state and, where it failed, why.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::hosts::Planned;
use super::{Deployment, lasting};
use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::ids;
use crate::json::set;

/// A resource as an operation tells of it.
struct Told {
    id: String,
    begun: OffsetDateTime,
    ended: Option<OffsetDateTime>,
    error: Option<Value>,
}

impl Arm {
    pub(crate) fn list_deployment_operations(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let deployment = self.deployment(asked)?;
        let canceled = self.deployment_state(deployment, asked.now) == "Canceled";
        let all: Vec<Value> = told(deployment, asked.now)
            .iter()
            .enumerate()
            .map(|(number, told)| document(deployment, number, told, canceled, asked.now))
            .collect();
        let top = asked.query("$top").and_then(|top| top.parse().ok());
        let page: Vec<Value> = all.into_iter().take(top.unwrap_or(usize::MAX)).collect();
        Ok(Answer::new(200, Body::Compact(json!({"value": page}))))
    }
}

/// The network interface, the VM and the extension of each host, as far as they have begun.
fn told(deployment: &Deployment, now: OffsetDateTime) -> Vec<Told> {
    let of_host = |planned: &Planned| {
        let machine = planned.machine_id().to_owned();
        let (group, name) = machine
            .split_once("/providers/Microsoft.Compute/virtualMachines/")
            .unwrap_or_default();
        let interface = format!("{group}/providers/Microsoft.Network/networkInterfaces/nic-{name}");
        let failed = |of_extension: bool| {
            planned
                .failure
                .as_ref()
                .filter(|(at, extension, _)| *extension == of_extension && *at <= now)
        };
        let mut all = vec![
            Told {
                id: interface,
                begun: planned.begun,
                ended: Some(planned.begun),
                error: None,
            },
            Told {
                id: machine.clone(),
                begun: planned.begun,
                ended: planned.made_at.or(failed(false).map(|(at, ..)| *at)),
                error: failed(false).map(|(.., error)| error.clone()),
            },
        ];
        if let Some(made) = planned.made_at {
            all.push(Told {
                id: format!("{machine}/extensions/{}", deployment.extension),
                begun: made,
                ended: planned.registered_at.or(failed(true).map(|(at, ..)| *at)),
                error: failed(true).map(|(.., error)| error.clone()),
            });
        }
        all
    };
    deployment.planned.iter().flat_map(of_host).collect()
}

fn document(
    deployment: &Deployment,
    number: usize,
    told: &Told,
    canceled: bool,
    now: OffsetDateTime,
) -> Value {
    let (kind, name) = ids::kind_and_name(&told.id);
    let operation = format!("{:016X}", number + 1);
    let state = match (&told.error, told.ended) {
        (Some(_), _) => "Failed",
        (None, Some(_)) => "Succeeded",
        (None, None) if canceled => "Canceled",
        (None, None) => "Running",
    };
    let at = told.ended.unwrap_or(now);
    let mut properties = json!({
        "provisioningOperation": "Create",
        "provisioningState": state,
        "timestamp": clock::ticks_text(at),
        "duration": lasting(at - told.begun),
        "statusCode": match state {
            "Failed" => "Conflict",
            "Succeeded" => "OK",
            _ => "Created",
        },
        "targetResource": {"id": told.id, "resourceType": kind, "resourceName": name},
    });
    if let Some(error) = &told.error {
        set(
            &mut properties,
            "statusMessage",
            json!({"status": "Failed", "error": error}),
        );
    }
    json!({
        "id": format!("{}/operations/{operation}", deployment.id),
        "operationId": operation,
        "properties": properties,
    })
}
