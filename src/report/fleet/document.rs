//! `fleet.json` (docs/host-pools.md).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::table::{latest_in, rows};
use crate::arm::gallery::Version;
use crate::fleet::{Definition, Machine, MachineKind, MetCondition, Outcome, RunningImage};
use crate::inputs::Fleet;
use crate::inputs::manifest::{EXCLUDE_FROM_LATEST, FAIL_WHEN, HOST_POOL_ID};
use crate::resource::tag::WITHDRAWN_AT;

/// The members: everything that was seen.
pub(super) fn document(fleet: &Fleet, outcome: &Outcome, met: &[MetCondition<'_>]) -> Value {
    let conditions = fleet.fail_when.iter().map(ToString::to_string);
    let conditions: Vec<String> = conditions.collect();
    let of = |wanted: fn(&MachineKind) -> bool| -> Vec<Value> {
        let all = outcome.machines.iter();
        all.filter(|machine| wanted(&machine.kind))
            .map(machine)
            .collect()
    };
    let not_read = outcome.not_read.iter();
    let not_read: Vec<Value> = not_read
        .map(|not_read| json!({"what": not_read.what, "why": not_read.why}))
        .collect();
    let behind = outcome.now.map(|_| outcome.hosts_behind());
    json!({
        "at": outcome.now.and_then(date),
        "imageHostsBehind": behind,
        (FAIL_WHEN.name): conditions,
        "met": met.iter().map(condition).collect::<Vec<_>>(),
        "definitions": outcome.definitions.iter().map(|it| definition(it, outcome)).collect::<Vec<_>>(),
        "hosts": of(|place| matches!(place, MachineKind::SessionHost { .. })),
        "virtualMachines": of(|place| matches!(place, MachineKind::Vm)),
        "scaleSets": of(|place| matches!(place, MachineKind::ScaleSet)),
        "notLookedAt": not_read,
    })
}

fn condition(condition: &MetCondition<'_>) -> Value {
    let names: Vec<&str> = condition
        .machines
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    json!({"condition": condition.condition.to_string(), "machines": names})
}

fn definition(definition: &Definition, outcome: &Outcome) -> Value {
    let versions = definition.versions.as_deref();
    let rows = rows(definition, outcome);
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let known = versions.unwrap_or_default();
            let found = known.iter().find(|version| version.name == row.image);
            let mut object = Map::new();
            let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
            put("version", json!(row.image));
            put(
                "id",
                json!(format!("{}/versions/{}", definition.id, row.image)),
            );
            put("exists", json!(versions.map(|_| found.is_some())));
            put("hosts", json!(row.hosts));
            put("virtualMachines", json!(row.vms));
            put("scaleSets", json!(row.scale_sets));
            put("hostPools", json!(row.pools));
            put("ageInDays", json!(row.age));
            if let Some(found) = found {
                for (name, value) in of_version(found, known) {
                    put(name, value);
                }
            }
            put("stateInWords", json!(row.state));
            Value::Object(object)
        })
        .collect();
    json!({"id": definition.id.as_str(), "versions": rows})
}

fn of_version(version: &Version, all: &[Version]) -> [(&'static str, Value); 6] {
    [
        ("published", json!(version.published.and_then(date))),
        ("state", json!(version.state.as_str())),
        (EXCLUDE_FROM_LATEST.name, json!(version.excluded)),
        ("latestIn", json!(latest_in(version, all))),
        ("withdrawnAt", json!(version.tag(WITHDRAWN_AT))),
        ("endOfLife", json!(version.end_of_life.and_then(date))),
    ]
}

fn machine(machine: &Machine) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("name", json!(machine.name));
    match &machine.kind {
        MachineKind::SessionHost {
            pool,
            status,
            sessions,
            open,
        } => {
            put(HOST_POOL_ID.name, json!(pool.as_str()));
            put("vmId", json!(machine.id));
            put("status", json!(status));
            put("sessions", json!(sessions));
            put("allowNewSession", json!(open));
        }
        MachineKind::Vm | MachineKind::ScaleSet => {
            put("id", json!(machine.id));
        }
    }
    let (image, version) = match &machine.image {
        RunningImage::Version(id) => (Some(id.to_string()), Some(id.name())),
        RunningImage::Other(image) => (Some(image.clone()), None),
        RunningImage::NoVm | RunningImage::NotRead => (None, None),
    };
    put("region", json!(machine.region));
    put("image", json!(image));
    put("version", json!(version));
    let judgement = &machine.judgement;
    let behind = judgement.behind.as_ref();
    put("behind", json!(behind.is_some()));
    put("newest", json!(behind.map(|behind| &behind.newest)));
    put(
        "behindSince",
        json!(behind.and_then(|behind| behind.since).and_then(date)),
    );
    put("withdrawn", json!(judgement.withdrawn));
    put("endOfLife", json!(judgement.end_of_life));
    put("unknownImage", json!(judgement.unknown));
    Value::Object(object)
}

/// `2026-11-29T12:00:00Z`.
fn date(date: OffsetDateTime) -> Option<String> {
    let date = date.to_offset(time::UtcOffset::UTC);
    date.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}
