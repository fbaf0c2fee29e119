//! What we send and what the emulator answers, against the published `OpenAPI` definition of the image builder, read as strictly as it can be.

mod definitions;
mod life;
mod witness;

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use definitions::{Definitions, Written};

const TEMPLATE: &str = "#/definitions/ImageTemplate";

/// The golden templates: name and body.
fn golden_templates() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/templates");
    let mut templates: Vec<(String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(path).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    templates.sort_by(|(one, _), (other, _)| one.cmp(other));
    templates
}

fn golden_template(name: &str) -> Value {
    let mut templates = golden_templates().into_iter();
    templates.find(|(known, _)| known == name).unwrap().1
}

/// Every offence: where, and what. An offence inside of one of several variants is told by the variant itself.
fn offences(validator: &Validator, body: &Value) -> Vec<String> {
    validator
        .iter_errors(body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn template_validator(written: Written) -> Validator {
    Definitions::read().validator(TEMPLATE, written)
}

#[test]
fn every_template_that_we_compose_is_valid() {
    let validator = template_validator(Written::ByUs);
    let templates = golden_templates();
    assert!(templates.len() >= 30, "{} templates", templates.len());
    for (name, body) in templates {
        let offences = offences(&validator, &body);
        assert!(offences.is_empty(), "{name}: {offences:#?}");
    }
}

/// A change to a body: at a pointer, a member, its new value (none takes it away).
type Change<'a> = (&'a str, &'a str, Option<Value>);

fn changed(body: &Value, (pointer, member, value): &Change<'_>) -> Value {
    let mut body = body.clone();
    let object = body.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => object.insert((*member).to_owned(), value.clone()),
        None => object.remove(*member),
    };
    assert!(value.is_some() || !object.contains_key(*member));
    body
}

/// Whether a body that was valid stays so after a change.
fn check(written: Written, base: &Value, change: &Change<'_>, stays_valid: bool) {
    let validator = template_validator(written);
    let before = offences(&validator, base);
    assert!(before.is_empty(), "{before:#?}");
    let after = offences(&validator, &changed(base, change));
    assert_eq!(after.is_empty(), stays_valid, "{change:?}: {after:#?}");
}

/// A change that makes what we send invalid.
fn wrong(base: &Value, change: &Change<'_>) {
    check(Written::ByUs, base, change, false);
}

fn to_gallery() -> Value {
    golden_template("from-marketplace-powershell-windows-update-to-gallery")
}

#[test]
fn wrong_letter_case_and_unknown_members_are_found() {
    let (gallery, built) = (to_gallery(), golden_template("build-vm"));
    wrong(&gallery, &("", "Tags", Some(json!({}))));
    wrong(&gallery, &("/properties", "vmprofile", Some(json!({}))));
    wrong(
        &gallery,
        &("/properties/source", "type", Some(json!("platformImage"))),
    );
    wrong(
        &gallery,
        &(
            "/properties/distribute/0",
            "type",
            Some(json!("sharedImage")),
        ),
    );
    // Unknown members, at every depth.
    wrong(&gallery, &("", "zones", Some(json!([]))));
    wrong(&gallery, &("/properties", "vmSize", Some(json!("x"))));
    wrong(
        &gallery,
        &("/properties/source", "imageId", Some(json!("x"))),
    );
    wrong(
        &gallery,
        &("/properties/customize/0", "runAsRoot", Some(json!(true))),
    );
    wrong(
        &gallery,
        &(
            "/properties/distribute/0/targetRegions/0",
            "count",
            Some(json!(1)),
        ),
    );
    wrong(
        &built,
        &(
            "/properties/vmProfile/vnetConfig",
            "subnet",
            Some(json!("")),
        ),
    );
}

#[test]
fn wrong_enumerations_and_missing_members_are_found() {
    let gallery = to_gallery();
    // The open ones too.
    wrong(
        &gallery,
        &("/identity", "type", Some(json!("userAssigned"))),
    );
    let storage = Some(json!("Standard_GRS"));
    wrong(
        &gallery,
        &("/properties/distribute/0", "storageAccountType", storage),
    );
    for (pointer, member) in [
        ("", "location"),
        ("", "identity"),
        ("/properties", "source"),
        ("/properties", "distribute"),
        ("/properties/source", "type"),
        ("/properties/customize/0", "type"),
        ("/properties/distribute/0", "runOutputName"),
        ("/properties/distribute/0", "galleryImageId"),
        ("/properties/distribute/0/targetRegions/0", "name"),
    ] {
        wrong(&gallery, &(pointer, member, None));
    }
}

#[test]
fn wrong_types_bounds_and_forms_are_found() {
    let (gallery, built) = (to_gallery(), golden_template("build-vm"));
    let minutes = |value: Value| ("/properties", "buildTimeoutInMinutes", Some(value));
    wrong(&built, &minutes(json!("120")));
    wrong(&built, &minutes(json!(961)));
    wrong(&built, &minutes(json!(-1)));
    wrong(&built, &minutes(json!(1.5)));
    let disk = Some(json!(i64::from(i32::MAX) + 1));
    wrong(&built, &("/properties/vmProfile", "osDiskSizeGB", disk));
    wrong(&gallery, &("/properties", "customize", Some(json!({}))));
    let name = Some(json!("with a blank"));
    wrong(
        &gallery,
        &("/properties/distribute/0", "runOutputName", name),
    );
    let tag = Some(json!(1));
    wrong(
        &changed(&gallery, &("", "tags", Some(json!({})))),
        &("/tags", "a", tag),
    );
}

#[test]
fn read_only_members_are_for_answers_alone() {
    let built = golden_template("build-vm");
    let only_answered = |change: Change<'_>| {
        check(Written::ByUs, &built, &change, false);
        check(Written::ByAzure, &built, &change, true);
    };
    only_answered(("", "id", Some(json!("/subscriptions/s"))));
    only_answered(("", "type", Some(json!("t"))));
    let state = |value: &str| ("/properties", "provisioningState", Some(json!(value)));
    only_answered(state("Succeeded"));
    let run = json!({"runState": "Running", "endTime": "0001-01-01T00:00:00Z"});
    only_answered(("/properties", "lastRunStatus", Some(run)));
    let staging = Some(json!("/subscriptions/s/resourceGroups/g"));
    only_answered(("/properties", "exactStagingResourceGroup", staging));
    // What is closed is closed for both.
    let colour = ("/properties", "colour", Some(json!("red")));
    check(Written::ByAzure, &built, &colour, false);
    check(Written::ByAzure, &built, &state("succeeded"), false);
    let time = json!({"startTime": "yesterday"});
    check(
        Written::ByAzure,
        &built,
        &("/properties", "lastRunStatus", Some(time)),
        false,
    );
}

#[test]
fn an_open_enumeration_may_grow_in_answers() {
    let handling = json!({"onCustomizerError": "pause"});
    let change = ("/properties", "errorHandling", Some(handling));
    let built = golden_template("build-vm");
    check(Written::ByUs, &built, &change, false);
    check(Written::ByAzure, &built, &change, true);
}
