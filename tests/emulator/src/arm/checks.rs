//! What the service refuses at once in a template that has the right form.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::arm::problem::validation;
use crate::arm::template::{Template, text};

/// The text of the first problem; whether a template that only validates its source needs a target is not known.
pub(crate) fn check(template: &Template, validation_needs_no_target: bool) -> Result<(), String> {
    identity(template)?;
    source(template)?;
    for (section, scripts) in [
        ("customize", template.list("customize")),
        ("validate.inVMValidations", template.validators()),
    ] {
        for (index, script) in scripts.into_iter().enumerate() {
            self::script(script).map_err(|problem| at(&format!("{section}[{index}]"), &problem))?;
        }
    }
    let may_be_empty = validation_needs_no_target && template.only_validates();
    distribute(template, may_be_empty)?;
    let profile = template
        .properties
        .get("vmProfile")
        .and_then(|profile| profile.get("vnetConfig"))
        .and_then(Value::as_object);
    profile.map_or(Ok(()), |network| {
        self::network(network).map_err(|problem| at("vmProfile.vnetConfig", &problem))
    })
}

fn at(place: &str, problem: &str) -> String {
    validation(&format!("'ImageTemplate.properties.{place}': {problem}"))
}

fn identity(template: &Template) -> Result<(), String> {
    let kind = template
        .identity
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let count = template.identities().len();
    if kind != "UserAssigned" {
        return Err(validation(&format!(
            "'ImageTemplate.identity': Field 'type' has a bad value: '{kind}'"
        )));
    }
    if count != 1 {
        let problem = format!(
            "'ImageTemplate.identity': Field 'userAssignedIdentities' has {count} identities, exactly one is allowed"
        );
        return Err(validation(&problem));
    }
    Ok(())
}

fn source(template: &Template) -> Result<(), String> {
    let source = template.source().cloned().unwrap_or_default();
    if text(&source, "type") == "PlatformImage" {
        for member in ["publisher", "offer", "sku", "version"] {
            if text(&source, member).is_empty() {
                return Err(at("source", &format!("Missing field '{member}'")));
            }
        }
    }
    let (member, literal) = match text(&source, "type") {
        "ManagedImage" => ("imageId", "/providers/Microsoft.Compute/images/"),
        "SharedImageVersion" => ("imageVersionId", "/versions/"),
        _ => return Ok(()),
    };
    resource_id(&source, member, literal).map_err(|problem| at("source", &problem))
}

/// Whether a member is a resource id that holds the literal.
fn resource_id(object: &Map<String, Value>, member: &str, literal: &str) -> Result<(), String> {
    let id = text(object, member).to_ascii_lowercase();
    if id.starts_with("/subscriptions/") && id.contains(&literal.to_ascii_lowercase()) {
        return Ok(());
    }
    Err(format!(
        "Field '{member}' has a bad value: '{}'",
        text(object, member)
    ))
}

fn script(script: &Map<String, Value>) -> Result<(), String> {
    let has_inline = script
        .get("inline")
        .and_then(Value::as_array)
        .is_some_and(|lines| !lines.is_empty());
    let flag = |name: &str| script.get(name).and_then(Value::as_bool).unwrap_or(false);
    if has_inline && !text(script, "scriptUri").is_empty() {
        return Err("Fields 'scriptUri' and 'inline' exclude each other".to_owned());
    }
    if has_inline && !text(script, "sha256Checksum").is_empty() {
        return Err("Field 'sha256Checksum' needs field 'scriptUri'".to_owned());
    }
    if flag("runAsSystem") && !flag("runElevated") {
        return Err("Field 'runAsSystem' needs field 'runElevated'".to_owned());
    }
    if text(script, "type") == "File" {
        for member in ["sourceUri", "destination"] {
            if text(script, member).is_empty() {
                return Err(format!("Missing field '{member}'"));
            }
        }
    }
    Ok(())
}

fn distribute(template: &Template, may_be_empty: bool) -> Result<(), String> {
    let targets = template.list("distribute");
    if targets.is_empty() && !may_be_empty {
        return Err(validation(
            "'ImageTemplate.properties': Missing field 'distribute'",
        ));
    }
    let mut names = BTreeSet::new();
    for (index, target) in targets.into_iter().enumerate() {
        let place = format!("distribute[{index}]");
        let name = text(target, "runOutputName");
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(at(
                &place,
                &format!("Field 'runOutputName' has a bad value: '{name}', it is used twice"),
            ));
        }
        self::target(target).map_err(|problem| at(&place, &problem))?;
    }
    Ok(())
}

fn target(target: &Map<String, Value>) -> Result<(), String> {
    match text(target, "type") {
        "ManagedImage" => resource_id(target, "imageId", "/providers/Microsoft.Compute/images/"),
        "SharedImage" => {
            resource_id(target, "galleryImageId", "/images/")?;
            if target.contains_key("targetRegions") && target.contains_key("replicationRegions") {
                return Err(
                    "Fields 'targetRegions' and 'replicationRegions' exclude each other".to_owned(),
                );
            }
            if target.contains_key("storageAccountType")
                && !target.contains_key("replicationRegions")
            {
                return Err(
                    "Field 'storageAccountType' needs field 'replicationRegions'".to_owned(),
                );
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn network(network: &Map<String, Value>) -> Result<(), String> {
    let (subnet, containers) = (
        text(network, "subnetId"),
        text(network, "containerInstanceSubnetId"),
    );
    if containers.is_empty() {
        return Ok(());
    }
    if subnet.is_empty() {
        return Err("Field 'containerInstanceSubnetId' needs field 'subnetId'".to_owned());
    }
    if subnet.eq_ignore_ascii_case(containers) {
        return Err("Field 'containerInstanceSubnetId' has a bad value: it must be another subnet than 'subnetId'".to_owned());
    }
    if !text(network, "proxyVmSize").is_empty() {
        return Err(
            "Fields 'containerInstanceSubnetId' and 'proxyVmSize' exclude each other".to_owned(),
        );
    }
    Ok(())
}
