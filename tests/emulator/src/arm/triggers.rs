//! Triggers of image templates: a new version of the source starts a run. The emulator keeps them and never pulls one.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::End;
use crate::arm::template::Template;
use crate::arm::{Arm, Asked, schema};
use crate::clock;
use crate::progress::Progress;

/// A trigger.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    name: String,
    /// The members that were sent.
    sent: Map<String, Value>,
    state: &'static str,
    /// Since when it watches.
    active: Option<OffsetDateTime>,
    /// The operation that creates or deletes it.
    operation: Option<String>,
}

const TYPE: &str = "Microsoft.VirtualMachineImages/imageTemplates/triggers";

impl Arm {
    pub(crate) fn put_trigger(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        let (key, location) = (template.key(), template.location.clone());
        let body = asked.json()?;
        let body = schema::check(
            &body,
            "Trigger",
            &asked.version,
            self.switches.read_only_members,
        )
        .map_err(Refusal::validation)?;
        let sent = body.get("properties").and_then(Value::as_object).cloned();
        let name = asked.path.get("trigger");
        let (operation, headers) = self.start_trigger_operation(asked, (&key, &location), false);
        let trigger = Trigger {
            name: name.to_owned(),
            sent: sent.unwrap_or_default(),
            state: "Creating",
            active: None,
            operation: Some(operation),
        };
        let Some(template) = self.templates.get_mut(&key) else {
            return Err(not_found(asked));
        };
        let document = document(template, &trigger);
        let known = template
            .triggers
            .insert(name.to_ascii_lowercase(), trigger)
            .is_some();
        Ok(Answer::new(if known { 200 } else { 201 }, Body::Builder(document)).with_all(headers))
    }

    pub(crate) fn get_trigger(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        let name = asked.path.get("trigger").to_ascii_lowercase();
        let trigger = template
            .triggers
            .get(&name)
            .ok_or_else(|| not_found(asked))?;
        Ok(Answer::new(200, Body::Builder(document(template, trigger))))
    }

    pub(crate) fn list_triggers(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        let all: Vec<Value> = template
            .triggers
            .values()
            .map(|trigger| document(template, trigger))
            .collect();
        Ok(Answer::new(200, Body::Builder(json!({"value": all}))))
    }

    pub(crate) fn delete_trigger(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.path.get("trigger").to_ascii_lowercase();
        let template = self.template(asked)?;
        if !template.triggers.contains_key(&name) {
            return Ok(Answer::new(204, Body::None));
        }
        let (key, location) = (template.key(), template.location.clone());
        let (operation, headers) = self.start_trigger_operation(asked, (&key, &location), true);
        if let Some(trigger) = self
            .templates
            .get_mut(&key)
            .and_then(|template| template.triggers.get_mut(&name))
        {
            (trigger.state, trigger.operation) = ("Deleting", Some(operation));
        }
        Ok(Answer::new(202, Body::Empty).with_all(headers))
    }

    fn start_trigger_operation(
        &mut self,
        asked: &Asked<'_>,
        (template, location): (&str, &str),
        with_location: bool,
    ) -> (String, Vec<(&'static str, String)>) {
        let trigger = asked.path.get("trigger").to_ascii_lowercase();
        let subject = format!("{template}/triggers/{trigger}");
        let (id, headers) = self.start_operation(asked, &subject, location, with_location);
        let lag = match &self.switches.progress {
            Progress::ByClock(durations) => durations.trigger,
            Progress::Immediate | Progress::AfterPolls(_) => std::time::Duration::ZERO,
        };
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.close(asked.now, lag, End::Succeeded);
        }
        (id, headers)
    }

    /// What operations upon triggers have brought about by `now`.
    pub(crate) fn settle_triggers(&mut self, now: OffsetDateTime) {
        let operations = &self.operations;
        let is_over = |trigger: &Trigger| {
            let operation = trigger.operation.as_ref().and_then(|id| operations.get(id));
            operation.is_some_and(crate::arm::operations::Operation::is_over)
        };
        for template in self.templates.values_mut() {
            template
                .triggers
                .retain(|_, trigger| trigger.state != "Deleting" || !is_over(trigger));
            for trigger in template.triggers.values_mut() {
                if trigger.state == "Creating" && is_over(trigger) {
                    (trigger.state, trigger.active) = ("Succeeded", Some(now));
                }
            }
        }
    }
}

fn document(template: &Template, trigger: &Trigger) -> Value {
    let mut properties = trigger.sent.clone();
    properties.insert("provisioningState".to_owned(), json!(trigger.state));
    if let Some(time) = trigger.active {
        let time = clock::nanoseconds(time);
        properties.insert(
            "status".to_owned(),
            json!({"code": "Healthy", "message": "Trigger is active", "time": time}),
        );
    }
    json!({
        "properties": properties,
        "id": format!("{}/triggers/{}", template.id, trigger.name),
        "name": trigger.name,
        "type": TYPE,
    })
}

fn not_found(asked: &Asked<'_>) -> Refusal {
    let name = format!(
        "{}/{}",
        asked.path.get("template"),
        asked.path.get("trigger")
    );
    Refusal::not_found(TYPE, &name, asked.path.get("group"))
}
