//! The configuration that session hosts are made by: the wanted one, which a PATCH changes, and the active one, which they were made by.

use serde_json::{Value, json};

use super::pools::empty;
use super::{Object, Pool, compact};
use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::{End, Operation};
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::ids::{self, Purpose};
use crate::pools::Management;
use crate::progress::Fate;
use crate::switches::BadConfiguration;

/// What a PATCH may have, and of what kind it is.
const MEMBERS: [(&str, &str); 15] = [
    ("friendlyName", "text"),
    ("vmTags", "object"),
    ("vmLocation", "text"),
    ("vmResourceGroup", "text"),
    ("vmNamePrefix", "text"),
    ("availabilityZones", "list"),
    ("networkInfo", "object"),
    ("vmSizeId", "text"),
    ("diskInfo", "object"),
    ("customConfigurationScriptUrl", "text"),
    ("imageInfo", "object"),
    ("domainInfo", "object"),
    ("securityInfo", "object"),
    ("vmAdminCredentials", "object"),
    ("bootDiagnosticsInfo", "object"),
];

/// A change that goes on.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    operation: String,
    wanted: Object,
    /// Why it is not possible.
    problem: Option<String>,
}

impl Arm {
    pub(crate) fn get_configuration(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.configuration(asked, Pool::configuration_document)
    }

    /// `type` is that of the wanted one (recorded).
    pub(crate) fn get_active_configuration(
        &mut self,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        self.configuration(asked, |pool| {
            Some(document(
                pool,
                "activeSessionHostConfigurations",
                pool.active.as_ref()?,
            ))
        })
    }

    fn configuration(
        &mut self,
        asked: &Asked<'_>,
        of: impl Fn(&Pool) -> Option<Value>,
    ) -> Result<Answer, Refusal> {
        match self.pool(asked).map(of) {
            Ok(Some(document)) => Ok(compact(document)),
            Ok(None) => {
                let text = "SessionHostConfiguration does not exist";
                Err(self.desktop_refusal(asked, 404, text))
            }
            // A scene can have one that is only shown.
            Err(_) => self.get_placed(asked),
        }
    }

    /// 202 with `Location` and `Retry-After: 60` (recorded).
    pub(crate) fn patch_configuration(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let pool = self.pool(asked)?.clone();
        let Some(old) = &pool.configuration else {
            let text = "SessionHostConfiguration does not exist";
            return Err(self.desktop_refusal(asked, 404, text));
        };
        if pool.change.is_some() || pool.update.as_ref().is_some_and(super::Update::goes_on) {
            let text = "Another operation upon the session hosts is in progress";
            return Err(self.desktop_refusal(asked, 409, text));
        }
        let body = asked.json()?;
        let empty_object = Object::new();
        let properties = body.get("properties").and_then(Value::as_object);
        let properties = properties.unwrap_or(&empty_object);
        if let Some(problem) = malformed(properties) {
            return Err(self.desktop_refusal(asked, 400, &problem));
        }
        let mut wanted = merged(old, properties);
        self.switch_image(&mut wanted, properties);
        let problem = self.problem_of(&pool, &wanted);
        if let (Some(problem), BadConfiguration::AtOnce) =
            (&problem, self.switches.desktops.bad_configuration)
        {
            return Err(self.desktop_refusal(asked, 400, problem));
        }
        if wanted != *old {
            let time = json!(clock::seconds(asked.now));
            wanted.insert("version".to_owned(), time);
        }
        let lag = self.lag(|durations| durations.changing_configuration);
        let id = self.ids.of(Purpose::Operation, &pool.id).guid();
        let mut operation = Operation::new(id.clone(), ids::key(&pool.id), asked.now);
        if !matches!(self.switches.desktops.configuration, Fate::NeverEnd) {
            operation.close(asked.now, lag, End::Succeeded);
        }
        let path = format!(
            "{}{}/sessionHostConfigurations/default/operationResults/{id}",
            self.world.addresses.arm, pool.id
        );
        let form = self.switches.operation_urls;
        let query = format!("api-version={}", asked.version);
        let location = operation.url(&path, &query, form, &mut self.ids, asked.now);
        self.operations.insert(id.clone(), operation);
        let at_once = self.switches.desktops.configuration_shows_at_once && problem.is_none();
        let pool = self.pool_mut(asked)?;
        let mut shown = if at_once {
            wanted.clone()
        } else {
            pool.configuration.clone().unwrap_or_default()
        };
        shown.insert("provisioningState".to_owned(), json!("Provisioning"));
        pool.configuration = Some(shown);
        pool.change = Some(Change {
            operation: id,
            wanted,
            problem,
        });
        Ok(empty(202)
            .with("location", location)
            .with("retry-after", self.switches.desktop_retry_after(60)))
    }

    /// An image of one's own takes the place of one from the Marketplace when `type` says so, or by a switch.
    fn switch_image(&self, wanted: &mut Object, sent: &Object) {
        let Some(sent) = sent.get("imageInfo").and_then(Value::as_object) else {
            return;
        };
        let given = |name: &str| sent.get(name).is_some_and(Value::is_object);
        let named = sent.get("type").and_then(Value::as_str).map(str::to_owned);
        let follows = self.switches.desktops.image_type_follows;
        let kind = named.or_else(|| {
            (follows && given("customInfo") != given("marketplaceInfo")).then(|| {
                if given("customInfo") {
                    "Custom"
                } else {
                    "Marketplace"
                }
                .to_owned()
            })
        });
        let Some(image) = wanted.get_mut("imageInfo").and_then(Value::as_object_mut) else {
            return;
        };
        if let Some(kind) = kind {
            image.insert("type".to_owned(), json!(kind));
        }
        let other = match image.get("type").and_then(Value::as_str) {
            Some("Custom") => "marketplaceInfo",
            _ => "customInfo",
        };
        image.insert(other.to_owned(), Value::Null);
    }

    /// Why a configuration is not possible: the image has to be there, and in the subscription of the pool (documented).
    fn problem_of(&self, pool: &Pool, wanted: &Object) -> Option<String> {
        if let Fate::Fail { message, .. } = &self.switches.desktops.configuration {
            return Some(message.clone());
        }
        let image = wanted.get("imageInfo")?;
        if image.get("type").and_then(Value::as_str) != Some("Custom") {
            return None;
        }
        let id = image.pointer("/customInfo/resourceId");
        let id = id.and_then(Value::as_str).unwrap_or_default();
        let subscription = |id: &str| {
            let subscription = ids::segment_after(id, "subscriptions");
            subscription.unwrap_or_default().to_ascii_lowercase()
        };
        if subscription(id) != subscription(&pool.id) {
            return Some(format!(
                "The image '{id}' is not in the subscription of the host pool"
            ));
        }
        let version = self.versions.get(&ids::key(id));
        let is_image = self.images.contains_key(&ids::key(id));
        if !is_image && version.is_none_or(|version| version.state != "Succeeded") {
            return Some(format!("The image '{id}' does not exist or is not ready"));
        }
        None
    }

    /// The `Location` of a change: 202 until it has ended, then the configuration.
    pub(crate) fn get_configuration_operation(
        &mut self,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        let over = self.poll_desktop_operation(asked)?;
        if !over {
            let arm = &self.world.addresses.arm;
            let url = format!("{arm}{}", asked.raw.uri());
            return Ok(empty(202)
                .with("location", here(asked, &url))
                .with("retry-after", self.switches.desktop_retry_after(60)));
        }
        let pool = self.pool(asked)?;
        let configuration = pool.configuration.clone().unwrap_or_default();
        let failed = configuration.get("provisioningState") == Some(&json!("Failed"));
        if failed && self.switches.desktops.bad_configuration == BadConfiguration::Location {
            let error =
                json!({"error": {"code": "ValidationFailed", "message": pool.last_problem()}});
            return Ok(Answer::new(400, Body::Compact(error)));
        }
        Ok(compact(pool.configuration_document().unwrap_or_default()))
    }

    /// Counts a poll of an operation upon a pool; whether it has ended.
    pub(super) fn poll_desktop_operation(&mut self, asked: &Asked<'_>) -> Result<bool, Refusal> {
        let id = asked.path.get("operation").to_ascii_lowercase();
        let Some(operation) = self.operations.get_mut(&id) else {
            return Err(self.desktop_refusal(asked, 404, "Operation does not exist"));
        };
        operation.check_query(asked.raw.uri().query().unwrap_or_default())?;
        let over = operation.is_over();
        operation.count_poll();
        Ok(over)
    }

    pub(super) fn settle_configuration(&self, pool: &mut Pool) {
        let ended = |change: &Change| {
            let operation = self.operations.get(&change.operation);
            operation.is_some_and(Operation::is_over)
        };
        let Some(change) = pool.change.take_if(|change| ended(change)) else {
            return;
        };
        let configuration = pool.configuration.get_or_insert_default();
        let state = if let Some(problem) = change.problem {
            pool.settings_problem = Some(problem);
            "Failed"
        } else {
            *configuration = change.wanted;
            "Succeeded"
        };
        configuration.insert("provisioningState".to_owned(), json!(state));
    }
}

/// The address of the request, as its sender has it.
pub(super) fn here(asked: &Asked<'_>, otherwise: &str) -> String {
    let uri = asked.raw.uri();
    if uri.authority().is_some() {
        uri.to_string()
    } else {
        otherwise.to_owned()
    }
}

impl Pool {
    /// The wanted configuration.
    pub(super) fn configuration_document(&self) -> Option<Value> {
        let configuration = self.configuration.as_ref()?;
        Some(document(self, "sessionHostConfigurations", configuration))
    }

    pub(super) fn is_automated(&self) -> bool {
        self.management == Management::Automated
    }

    fn last_problem(&self) -> &str {
        self.settings_problem.as_deref().unwrap_or_default()
    }
}

fn document(pool: &Pool, kind: &str, properties: &Object) -> Value {
    json!({
        "name": "default",
        "id": format!("{}/{kind}/default", pool.id),
        "type": "Microsoft.DesktopVirtualization/hostPools/sessionHostConfigurations",
        "properties": properties,
    })
}

/// What is wrong with the members of a PATCH.
fn malformed(properties: &Object) -> Option<String> {
    for (name, value) in properties {
        let Some((_, kind)) = MEMBERS.iter().find(|(known, _)| known == name) else {
            return Some(format!("The property '{name}' cannot be changed"));
        };
        let fits = match *kind {
            "text" => value.is_string() || value.is_null(),
            "list" => value.is_array() || value.is_null(),
            _ => value.is_object() || value.is_null(),
        };
        if !fits {
            return Some(format!("The value of '{name}' is not valid"));
        }
    }
    let kind = properties
        .get("imageInfo")
        .and_then(|image| image.get("type"));
    if let Some(kind) = kind
        && ![json!("Custom"), json!("Marketplace")].contains(kind)
    {
        return Some(format!("The image type {kind} is not valid"));
    }
    let prefix = properties.get("vmNamePrefix").and_then(Value::as_str);
    if prefix.is_some_and(|prefix| prefix.len() > 11) {
        return Some("The length of 'vmNamePrefix' must be 11 or less".to_owned());
    }
    None
}

/// What was there, with what was sent; objects are merged, except tags.
pub(super) fn merged(old: &Object, sent: &Object) -> Object {
    let mut new = old.clone();
    for (name, value) in sent {
        let merge = match (new.get(name), value) {
            (Some(Value::Object(old)), Value::Object(sent)) if name != "vmTags" => {
                Value::Object(merged(old, sent))
            }
            _ => value.clone(),
        };
        new.insert(name.clone(), merge);
    }
    new
}
