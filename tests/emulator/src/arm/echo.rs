//! What the service makes of a template when it answers one: members dropped, filled in and put in order.
//!
//! Recorded for api-versions up to 2023-07-01; members that came later are answered as they were sent, in the order of the definition.

use serde_json::{Map, Value, json};

use crate::arm::template::{Provisioning, RunOutput, RunStatus, Template, text};
use crate::clock;
use crate::world::World;

const TYPE: &str = "Microsoft.VirtualMachineImages/imageTemplates";

/// The document of a template for an api-version.
pub(crate) fn document(
    template: &Template,
    world: &World,
    version: &str,
    system_data: SystemData,
) -> Value {
    let properties = properties(template, version);
    let identity = identity(template, world);
    let tail = [
        ("id", json!(template.id)),
        ("name", json!(template.name)),
        ("type", json!(TYPE)),
    ];
    let place = [
        ("tags", json!(template.tags)),
        ("location", json!(template.location)),
    ];
    let mut document = Map::new();
    document.insert("properties".to_owned(), properties);
    document.insert("identity".to_owned(), identity);
    let (first, second): (Vec<_>, Vec<_>) = if version >= "2022-02-14" {
        (place.into(), tail.into())
    } else {
        (tail.into(), place.into_iter().rev().collect())
    };
    for (name, value) in first.into_iter().chain(second) {
        document.insert(name.to_owned(), value);
    }
    if system_data == SystemData::Shown {
        let (by, at) = (&template.creator, clock::ticks_text(template.created));
        let data = json!({
            "createdBy": by, "createdByType": "Application", "createdAt": at,
            "lastModifiedBy": by, "lastModifiedByType": "Application", "lastModifiedAt": at,
        });
        document.insert("systemData".to_owned(), data);
    }
    Value::Object(document)
}

/// Whether `systemData` is in the document of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SystemData {
    Shown,
    Hidden,
}

/// The document of a run output.
pub(crate) fn run_output(template: &Template, output: &RunOutput) -> Value {
    json!({
        "properties": {output.member: output.artifact, "provisioningState": "Succeeded"},
        "id": format!("{}/runOutputs/{}", template.id, output.name),
        "name": output.name,
        "type": format!("{TYPE}/runOutputs"),
    })
}

/// The properties in the order of the service, which is that of the definition.
const PROPERTIES: [&str; 16] = [
    "source",
    "customize",
    "optimize",
    "validate",
    "distribute",
    "errorHandling",
    "provisioningState",
    "provisioningError",
    "lastRunStatus",
    "buildTimeoutInMinutes",
    "vmProfile",
    "additionalDataDisks",
    "stagingResourceGroup",
    "exactStagingResourceGroup",
    "autoRun",
    "managedResourceTags",
];

fn properties(template: &Template, version: &str) -> Value {
    let answered = |name: &&str| Some(((*name).to_owned(), property(template, name, version)?));
    Value::Object(PROPERTIES.iter().filter_map(answered).collect())
}

/// One property, or `None` when it is left out.
fn property(template: &Template, name: &str, version: &str) -> Option<Value> {
    let sent = template.properties.get(name);
    match name {
        "source" => template.source().map(|sent| source(template, sent, version)),
        "customize" => scripts(template, "customize", &template.list(name)),
        "validate" => sent.map(|_| validate(template)),
        "distribute" => {
            let targets = template.list(name).into_iter();
            Some(targets.map(|target| distributor(target, version)).collect())
        }
        "provisioningState" => Some(json!(template.provisioning.name())),
        "provisioningError" => template.failure.as_ref().map(|failure| {
            json!({"provisioningErrorCode": failure.provisioning_code, "message": failure.message})
        }),
        "lastRunStatus" => template.last_run.as_ref().map(last_run_status),
        "buildTimeoutInMinutes" => Some(sent.cloned().unwrap_or(json!(0))),
        "vmProfile" => sent.and_then(Value::as_object).map(vm_profile),
        "stagingResourceGroup" | "exactStagingResourceGroup" if version < "2022-02-14" => None,
        "stagingResourceGroup" => Some(sent.cloned().unwrap_or(json!(""))),
        "exactStagingResourceGroup" => {
            Some(json!(template.staging.as_ref().map_or("", |staging| &staging.id)))
        }
        _ => sent.cloned(),
    }
}

fn source(template: &Template, sent: &Map<String, Value>, version: &str) -> Value {
    let mut source = sent.clone();
    let exact = template
        .provisioned
        .as_ref()
        .and_then(|provisioned| provisioned.exact_version.clone());
    let name = match text(sent, "type") {
        "PlatformImage" => "version",
        "SharedImageVersion" => "imageVersionId",
        _ => return sorted(&source),
    };
    let asked = text(sent, name).to_owned();
    let since = if name == "version" {
        "2021-10-01"
    } else {
        "2022-07-01"
    };
    let is_latest = asked.to_ascii_lowercase().ends_with("latest");
    if version >= since {
        let exact = exact.unwrap_or_else(|| {
            if is_latest {
                "latest".to_owned()
            } else {
                asked
            }
        });
        source.insert("exactVersion".to_owned(), json!(exact));
    } else if let (true, true, Some(exact)) = (name == "version", is_latest, exact) {
        source.insert(name.to_owned(), json!(format!("{asked} ({exact})")));
    }
    sorted(&source)
}

/// Customizers or validators; an empty list is left out, a checksum that was not sent is filled in after provisioning.
fn scripts(
    template: &Template,
    section: &'static str,
    sent: &[&Map<String, Value>],
) -> Option<Value> {
    if sent.is_empty() {
        return None;
    }
    let checksums = template
        .provisioned
        .as_ref()
        .map(|provisioned| &provisioned.checksums);
    let echo = |(index, script): (usize, &&Map<String, Value>)| {
        let mut script = (*script).clone();
        if text(&script, "sha256Checksum").is_empty() {
            script.remove("sha256Checksum");
        }
        if let Some(checksum) = checksums.and_then(|checksums| checksums.get(&(section, index))) {
            script.insert("sha256Checksum".to_owned(), json!(checksum));
        }
        sorted(&script)
    };
    Some(sent.iter().enumerate().map(echo).collect())
}

fn validate(template: &Template) -> Value {
    let sent = template.properties.get("validate");
    let flag = |name: &str| {
        sent.and_then(|sent| sent.get(name))
            .and_then(Value::as_bool)
            .unwrap_or(false)
    };
    let mut validate = Map::new();
    for name in ["continueDistributeOnFailure", "sourceValidationOnly"] {
        validate.insert(name.to_owned(), json!(flag(name)));
    }
    if let Some(validators) = scripts(template, "validate", &template.validators()) {
        validate.insert("inVMValidations".to_owned(), validators);
    }
    Value::Object(validate)
}

fn distributor(sent: &Map<String, Value>, version: &str) -> Value {
    let mut target = sent.clone();
    target.entry("artifactTags").or_insert_with(|| json!({}));
    if text(sent, "type") == "SharedImage" {
        target.entry("excludeFromLatest").or_insert(json!(false));
        if version >= "2022-07-01" {
            target.entry("versioning").or_insert(Value::Null);
        }
    }
    sorted(&target)
}

fn vm_profile(sent: &Map<String, Value>) -> Value {
    let mut profile = Map::new();
    profile.insert("vmSize".to_owned(), json!(text(sent, "vmSize")));
    profile.insert(
        "osDiskSizeGB".to_owned(),
        sent.get("osDiskSizeGB").cloned().unwrap_or(json!(0)),
    );
    for (name, value) in sent {
        profile.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(profile)
}

fn last_run_status(run: &RunStatus) -> Value {
    let mut status = Map::new();
    let end = run
        .end
        .map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), clock::nanoseconds);
    status.insert("startTime".to_owned(), json!(clock::nanoseconds(run.start)));
    status.insert("endTime".to_owned(), json!(end));
    status.insert("runState".to_owned(), json!(run.state));
    if let Some(sub_state) = run.sub_state {
        status.insert("runSubState".to_owned(), json!(sub_state.name()));
    }
    status.insert("message".to_owned(), json!(run.message));
    Value::Object(status)
}

/// The identity as sent while the template is being created, then with the ids of its service principal.
fn identity(template: &Template, world: &World) -> Value {
    let mut identity = template.identity.clone();
    if template.provisioning == Provisioning::Creating {
        return identity;
    }
    if let Some(assigned) = identity
        .get_mut("userAssignedIdentities")
        .and_then(Value::as_object_mut)
    {
        for (id, value) in assigned {
            let known = world
                .identities
                .iter()
                .find(|known| world.identity_id(known).eq_ignore_ascii_case(id));
            if let Some(known) = known {
                *value = json!({"principalId": known.principal, "clientId": known.client});
            }
        }
    }
    identity
}

/// Members in alphabetical order.
fn sorted(object: &Map<String, Value>) -> Value {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(name, _)| name.as_str());
    Value::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}
