//! Host pools themselves, and scaling plans.

use serde_json::{Value, json};

use super::{Object, Pool, compact};
use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::ids;

/// The members that a PATCH of a pool may have, beside `registrationInfo`.
const MEMBERS: [&str; 15] = [
    "friendlyName",
    "description",
    "customRdpProperty",
    "maxSessionLimit",
    "personalDesktopAssignmentType",
    "loadBalancerType",
    "ring",
    "validationEnvironment",
    "vmTemplate",
    "ssoadfsAuthority",
    "ssoSecretType",
    "preferredAppGroupType",
    "startVMOnConnect",
    "publicNetworkAccess",
    "agentUpdate",
];

impl Arm {
    pub(crate) fn get_host_pool(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        match self.pool(asked) {
            Ok(pool) => Ok(compact(self.pool_document(pool, &asked.version))),
            // A scene can have one that is only shown.
            Err(_) => self.get_placed(asked),
        }
    }

    /// The pools of a group or of a subscription.
    pub(crate) fn list_host_pools(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let prefix = match asked.path.get("group") {
            "" => format!("/subscriptions/{}/", asked.path.get("subscription")),
            group => format!(
                "/subscriptions/{}/resourceGroups/{group}/",
                asked.path.get("subscription")
            ),
        };
        let prefix = format!("{}/", ids::key(&prefix));
        let all = self
            .pools
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(_, pool)| self.pool_document(pool, &asked.version))
            .collect();
        self.page_of(asked, all)
    }

    /// A page in the manner of the service: `pageSize` and `initialSkip`, and a `nextLink` where there is more (assumed).
    pub(super) fn page_of(
        &self,
        asked: &Asked<'_>,
        mut all: Vec<Value>,
    ) -> Result<Answer, Refusal> {
        let number = |name: &str| match asked.query(name) {
            None => Ok(None),
            Some(text) => text.parse::<usize>().map(Some).map_err(|_| {
                let message = format!("The value '{text}' of '{name}' is not valid.");
                Refusal::new(400, "400", message)
            }),
        };
        if asked.query("isDescending") == Some("true") {
            all.reverse();
        }
        let most = self.switches.desktops.host_page_size.max(1);
        let size = number("pageSize")?.map_or(most, |size| size.clamp(1, most));
        let skip = number("initialSkip")?.unwrap_or_default();
        let total = all.len();
        let page: Vec<Value> = all.into_iter().skip(skip).take(size).collect();
        let mut list = Object::new();
        list.insert("value".to_owned(), json!(page));
        if total > skip.saturating_add(size) {
            let mut next = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &asked.query {
                if !name.eq_ignore_ascii_case("initialSkip") {
                    next.append_pair(name, value);
                }
            }
            next.append_pair("initialSkip", &(skip + size).to_string());
            let (arm, path) = (&self.world.addresses.arm, asked.raw.uri().path());
            let next = format!("{arm}{path}?{}", next.finish());
            list.insert("nextLink".to_owned(), json!(next));
        }
        Ok(compact(Value::Object(list)))
    }

    /// Tags and settings; a registration token is made or removed, and shown in this answer alone.
    pub(crate) fn patch_host_pool(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = self.pool_key(asked)?;
        let body = asked.json()?;
        let properties = body
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let mut settings = Object::new();
        for (name, value) in &properties {
            if MEMBERS.contains(&name.as_str()) {
                settings.insert(name.clone(), value.clone());
            } else if name != "registrationInfo" {
                let text = format!("The property '{name}' cannot be changed.");
                return Err(self.desktop_refusal(asked, 400, &text));
            }
        }
        let info = properties
            .get("registrationInfo")
            .filter(|info| !info.is_null());
        let shown = match info {
            Some(info) => self.change_registration(asked, &key, info)?,
            None => Value::Null,
        };
        let pool = self.pool_mut(asked)?;
        pool.settings.extend(settings);
        if let Some(tags) = body.get("tags").and_then(Value::as_object) {
            pool.tags.clone_from(tags);
        }
        let pool = self.pool(asked)?;
        let mut document = self.pool_document(pool, &asked.version);
        if let Some(place) = document.pointer_mut("/properties/registrationInfo") {
            *place = shown;
        }
        Ok(compact(document))
    }

    pub(crate) fn list_scaling_plans(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = self.pool_key(asked)?;
        let plans = self.scaling_plans_of(&key).into_iter();
        let all = plans.map(Self::plan_document).collect();
        self.page_of(asked, all)
    }

    pub(crate) fn get_scaling_plan(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let plan = self.scaling_plans.get(&ids::key(asked.raw.uri().path()));
        let plan = plan.ok_or_else(|| no_plan(asked))?;
        Ok(compact(Self::plan_document(plan)))
    }

    /// `hostPoolReferences` takes the place of the whole list.
    pub(crate) fn patch_scaling_plan(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let body = asked.json()?;
        let key = ids::key(asked.raw.uri().path());
        let plan = self.scaling_plans.get_mut(&key);
        let plan = plan.ok_or_else(|| no_plan(asked))?;
        let references = body.pointer("/properties/hostPoolReferences");
        if let Some(references) = references.and_then(Value::as_array) {
            let reference = |reference: &Value| {
                let id = reference.get("hostPoolArmPath")?.as_str()?;
                let on = reference.get("scalingPlanEnabled").and_then(Value::as_bool);
                Some((id.to_owned(), on.unwrap_or_default()))
            };
            plan.pools = references.iter().filter_map(reference).collect();
        }
        self.get_scaling_plan(asked)
    }

    /// What Resource Graph and lists of resources have of host pools.
    pub(crate) fn pools_for_lists(&self) -> Vec<Value> {
        let mut all: Vec<Value> = self
            .pools
            .values()
            .map(|pool| self.pool_document(pool, "2025-10-10"))
            .collect();
        if self.switches.desktops.configurations_in_graph {
            all.extend(self.pools.values().filter_map(Pool::configuration_document));
        }
        let plans = self.scaling_plans.values();
        all.extend(plans.map(Self::plan_document));
        all
    }

    pub(super) fn token_document(token: Option<&super::tokens::Token>) -> Value {
        json!({
            "expirationTime": token.map(|token| clock::ticks_text(token.expires)),
            "token": token.map(|token| token.text.clone()),
            "registrationTokenOperation": "None",
        })
    }
}

fn no_plan(asked: &Asked<'_>) -> Refusal {
    Refusal::not_found(
        "Microsoft.DesktopVirtualization/scalingPlans",
        asked.path.get("plan"),
        asked.path.get("group"),
    )
}

/// An empty answer with `Content-Length: 0`.
pub(super) fn empty(status: u16) -> Answer {
    Answer::new(status, Body::Empty)
}
