//! PATCH of an image template: tags at once, all else as an operation.

use serde_json::{Map, Value};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::template::{Provisioning, Stage, Template, Work, text};
use crate::arm::{Arm, Asked, echo};
use crate::arm::{problem, schema};
use crate::switches::PatchedTags;

impl Arm {
    pub(crate) fn patch_template(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        let body = asked.json()?;
        let definition = "ImageTemplateUpdateParameters";
        let body = schema::check(
            &body,
            definition,
            &asked.version,
            self.switches.read_only_members,
        )
        .map_err(Refusal::validation)?;
        let body = body.as_object().cloned().unwrap_or_default();
        if template.is_running() || template.work.is_some() {
            return Err(self.not_allowed(template, "write"));
        }
        if let Some(properties) = body.get("properties").and_then(Value::as_object) {
            check_properties(template, properties, &asked.version)?;
        }
        let (key, location) = (Self::template_key(asked), template.location.clone());
        let waits = body.contains_key("identity") || body.contains_key("properties");
        let system_data = self.system_data();
        let merges = self.switches.patched_tags == PatchedTags::Merged;
        let started = waits.then(|| self.start_operation(asked, &key, &location, true));
        let Some(template) = self.templates.get_mut(&key) else {
            return Err(Refusal::new(
                404,
                "ResourceNotFound",
                "The image template is gone.",
            ));
        };
        change(template, &body, merges);
        let Some((operation, headers)) = started else {
            let document = echo::document(template, &self.world, &asked.version, system_data);
            return Ok(Answer::new(200, Body::Builder(document)));
        };
        template.provisioning = Provisioning::Updating;
        template.work = Some(Work::new(operation, [Stage::Updating], asked.now));
        Ok(Answer::new(202, Body::Empty).with_all(headers))
    }
}

fn change(template: &mut Template, body: &Map<String, Value>, merges_tags: bool) {
    if let Some(tags) = body.get("tags").and_then(Value::as_object) {
        if !merges_tags {
            template.tags.clear();
        }
        template.tags.extend(tags.clone());
    }
    if let Some(identity) = body.get("identity").and_then(Value::as_object) {
        let mut identity = identity.clone();
        // A null takes an identity away; those that are not named stay only when the type does.
        if let Some(assigned) = identity
            .get_mut("userAssignedIdentities")
            .and_then(Value::as_object_mut)
        {
            assigned.retain(|_, value| !value.is_null());
        }
        template.identity = Value::Object(identity);
    }
    for (name, value) in body
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let mut value = value.clone();
        if merges_tags && name == "distribute" {
            merge_artifact_tags(template, &mut value);
        }
        template.properties.insert(name.clone(), value);
    }
}

/// Adds the tags that a target had to those that it gets.
fn merge_artifact_tags(template: &Template, targets: &mut Value) {
    let old = template.list("distribute");
    let targets = targets.as_array_mut().into_iter().flatten();
    for target in targets.filter_map(Value::as_object_mut) {
        let name = text(target, "runOutputName").to_owned();
        let same = old.iter().find(|old| text(old, "runOutputName") == name);
        let tags = same.and_then(|old| old.get("artifactTags")?.as_object());
        let Some(tags) = tags else { continue };
        let mut merged = tags.clone();
        let sent = target.get("artifactTags").and_then(Value::as_object);
        merged.extend(sent.cloned().unwrap_or_default());
        target.insert("artifactTags".to_owned(), Value::Object(merged));
    }
}

fn check_properties(
    template: &Template,
    properties: &Map<String, Value>,
    version: &str,
) -> Result<(), Refusal> {
    for (name, since) in [("distribute", "2023-07-01"), ("vmProfile", "2024-02-01")] {
        if properties.contains_key(name) && version < since {
            let message =
                format!("Field 'properties.{name}' cannot be updated with api-version {version}");
            return Err(Refusal::validation(problem::validation(&message)));
        }
    }
    let Some(targets) = properties.get("distribute").and_then(Value::as_array) else {
        return Ok(());
    };
    for target in template.list("distribute") {
        let name = text(target, "runOutputName");
        if !targets
            .iter()
            .any(|new| new.get("runOutputName").and_then(Value::as_str) == Some(name))
        {
            return Err(Refusal::validation(format!(
                "Validation failed: Distribute target with Runoutput name {name} not found in the update request. Deleting a distribution \
                 target is not allowed."
            )));
        }
    }
    Ok(())
}
