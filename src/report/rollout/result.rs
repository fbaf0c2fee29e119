//! `rollout-result.json`: what a later job needs to go on. Its members are described in `docs/host-pools.md`.

use serde_json::{Value, json};

use super::known::Known;
use crate::error::Error;
use crate::inputs::{Rollout, RolloutMethod};
use crate::rollout::RolloutState;

/// The members.
pub(super) fn document(
    request: &Rollout,
    known: &Known,
    result: &Result<RolloutState, Error>,
) -> Value {
    let hosts: Vec<Value> = known
        .hosts
        .iter()
        .map(|host| {
            json!({
                "name": host.name(),
                "vmId": host.host.machine.as_ref().map(ToString::to_string),
                "version": host.version(),
                "status": host.host.status,
                "sessions": host.host.sessions,
                "allowNewSession": host.is_open(),
            })
        })
        .collect();
    let steps: Vec<Value> = known
        .phases
        .iter()
        .map(|phase| {
            let took = phase.took.unwrap_or_else(|| phase.began.elapsed());
            json!({"name": phase.name, "seconds": took.as_secs()})
        })
        .collect();
    let faults: Vec<Value> = known
        .faults
        .iter()
        .map(|fault| json!({"code": fault.code, "text": fault.text, "context": fault.context}))
        .collect();
    json!({
        "hostPoolId": request.pool.as_str(),
        "method": known.method.map(RolloutMethod::name),
        "state": known.state(result),
        "preview": request.preview,
        "imageVersionId": request.image.to_string(),
        "previousImageId": known.previous.as_ref().map(ToString::to_string),
        "hosts": hosts,
        "steps": steps,
        "faults": faults,
    })
}
