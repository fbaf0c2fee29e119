//! Host pools, single session hosts, and the scaling plans and registration tokens of a pool.

use crate::arm::desktops::session_host::host_path;
use std::fmt;

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::SessionHost;
use crate::arm::api::{HOST_POOLS, SESSION_HOSTS};
use crate::arm::api_version::is_not_offered;
use crate::arm::failure::{Cause, Failure};
use crate::arm::resource_manager::Arm;
use crate::resource::{ResourceId, plain_region};
use crate::secret::Secret;

/// The resource type of a host pool.
pub const HOST_POOL: &str = "Microsoft.DesktopVirtualization/hostPools";

/// Who makes the session hosts of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Management {
    /// The service, by a session host configuration.
    Automated,
    /// Whoever owns the pool.
    Standard,
    /// The answer does not tell: only preview versions of the API do.
    Unknown,
}

impl fmt::Display for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automated => "Automated",
            Self::Standard => "Standard",
            Self::Unknown => "unknown",
        })
    }
}

/// A host pool, as far as this matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPool {
    /// Its id, as it was asked for.
    pub id: ResourceId,
    /// Its region, `westeurope`: that of its metadata, not that of its session hosts.
    pub region: String,
    /// `Pooled` or `Personal`, as Azure writes it.
    pub kind: String,
    /// Who makes its session hosts.
    pub management: Management,
    /// The object id of its managed identity.
    pub principal: Option<String>,
}

impl HostPool {
    fn read(id: &ResourceId, document: &Value) -> Self {
        let text = |pointer: &str| {
            let text = document.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default()
        };
        let is = |word: &str| text("/properties/managementType").eq_ignore_ascii_case(word);
        let management = if is("Automated") {
            Management::Automated
        } else if is("Standard") {
            Management::Standard
        } else {
            Management::Unknown
        };
        // One of the service's own, or the first of those that were given to it.
        let own = document.pointer("/identity/principalId");
        let given = document.pointer("/identity/userAssignedIdentities");
        let given = given.and_then(Value::as_object).into_iter().flatten();
        let mut given = given.filter_map(|(_, identity)| identity.get("principalId")?.as_str());
        let principal = own.and_then(Value::as_str).or_else(|| given.next());
        Self {
            id: id.clone(),
            region: plain_region(text("/location")),
            kind: text("/properties/hostPoolType").to_owned(),
            management,
            principal: principal.map(str::to_owned),
        }
    }

    /// Whether each of its hosts is for one user.
    pub fn is_personal(&self) -> bool {
        self.kind.eq_ignore_ascii_case("Personal")
    }

    /// Whether the service makes its hosts.
    pub fn is_automated(&self) -> bool {
        self.management == Management::Automated
    }
}

/// A scaling plan of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalingPlan {
    /// Its id, as Azure writes it.
    pub id: String,
    /// The ids of its pools, each with whether the plan is enabled there.
    pub pools: Vec<(String, bool)>,
}

impl ScalingPlan {
    fn read(document: &Value) -> Option<Self> {
        let pools = document.pointer("/properties/hostPoolReferences");
        let pools = pools.and_then(Value::as_array).into_iter().flatten();
        let reference = |reference: &Value| {
            let id = reference.get("hostPoolArmPath")?.as_str()?;
            let on = reference.get("scalingPlanEnabled").and_then(Value::as_bool);
            // What does not say that it is off is on.
            Some((id.to_owned(), on.unwrap_or(true)))
        };
        Some(Self {
            id: document.get("id")?.as_str()?.to_owned(),
            pools: pools.filter_map(reference).collect(),
        })
    }

    /// Whether it is enabled for `pool`.
    pub fn is_on_for(&self, pool: &ResourceId) -> bool {
        let mut pools = self.pools.iter();
        pools.any(|(id, on)| *on && id.eq_ignore_ascii_case(pool.as_str()))
    }
}

/// The body of a request that lets users in to a session host, or drains it.
pub fn letting_in(open: bool) -> Value {
    json!({"properties": {"allowNewSession": open}})
}

impl Arm {
    /// A host pool; nothing if there is none. Where the cloud does not offer the preview version, nobody knows who makes its hosts.
    pub async fn host_pool(&self, id: &ResourceId) -> Result<Option<HostPool>, Failure> {
        let doing = format!("Reading host pool '{}'", id.name());
        let found = match self.get_if_there(&doing, id, HOST_POOLS).await {
            Err(failure) if is_not_offered(&failure, SESSION_HOSTS) => {
                self.get_if_there(&doing, id, SESSION_HOSTS).await?
            }
            found => found?,
        };
        Ok(found.map(|document| HostPool::read(id, &document)))
    }

    /// The names of the host pools in the resource group of `id`: one short look.
    pub async fn host_pools_beside(&self, id: &ResourceId) -> Result<Vec<String>, Failure> {
        let doing = format!(
            "Listing the host pools of resource group '{}'",
            id.resource_group()
        );
        let path = format!("{}/providers/{HOST_POOL}", id.group());
        let page = self.glance(&doing, path, SESSION_HOSTS).await?;
        let all = page.get("value").and_then(Value::as_array);
        let names = all.into_iter().flatten().filter_map(|pool| {
            let name = pool.get("name")?.as_str()?;
            Some(name.to_owned())
        });
        Ok(names.collect())
    }

    /// The scaling plans that a pool is in.
    pub async fn scaling_plans(&self, pool: &ResourceId) -> Result<Vec<ScalingPlan>, Failure> {
        let doing = format!("Listing the scaling plans of host pool '{}'", pool.name());
        let path = format!("{pool}/scalingPlans");
        let all = self.pages(&doing, path, SESSION_HOSTS).await?;
        Ok(all.iter().filter_map(ScalingPlan::read).collect())
    }

    /// One session host; nothing if it is gone. There is no limit on these.
    pub async fn session_host(
        &self,
        pool: &ResourceId,
        name: &str,
    ) -> Result<Option<SessionHost>, Failure> {
        let doing = format!("Reading session host '{name}'");
        let path = host_path(&doing, pool, name)?;
        let found = self.get_if_there(&doing, path, SESSION_HOSTS).await?;
        let read = |document: Value| {
            let what = || Cause::Unreadable("it is not a session host".to_owned());
            SessionHost::read(&document).ok_or_else(|| Failure::of(&doing, what()))
        };
        found.map(read).transpose()
    }

    /// Lets users in to a session host, or drains it: at once. The host as it is now; nothing if it is gone.
    pub async fn let_in(
        &self,
        pool: &ResourceId,
        name: &str,
        open: bool,
    ) -> Result<Option<SessionHost>, Failure> {
        let doing = if open {
            format!("Letting users in to session host '{name}'")
        } else {
            format!("Draining session host '{name}'")
        };
        let path = host_path(&doing, pool, name)?;
        match self
            .set(&doing, path, SESSION_HOSTS, &letting_in(open))
            .await
        {
            Ok(changed) => Ok(SessionHost::read(&changed.resource)),
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// A registration token.
///
/// VMs register themselves as session hosts by it
/// (<https://learn.microsoft.com/rest/api/desktopvirtualization/host-pools/retrieve-registration-token>).
#[derive(Debug, Clone)]
pub struct Registration {
    /// The token, announced for masking when it was read.
    pub token: Secret,
    /// When it ends.
    pub until: Option<OffsetDateTime>,
}

impl Arm {
    /// The registration token of a pool, if it has one.
    pub async fn registration(&self, pool: &ResourceId) -> Result<Option<Registration>, Failure> {
        let doing = format!(
            "Reading the registration token of host pool '{}'",
            pool.name()
        );
        let path = format!("{pool}/retrieveRegistrationToken");
        let answer = match self.look_up(&doing, path, SESSION_HOSTS).await {
            Ok(answer) => answer,
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let token = text("token").filter(|token| !token.is_empty());
        let until = text("expirationTime");
        Ok(token.map(|token| Registration {
            token: self.client.secret(token),
            until: until.and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok()),
        }))
    }

    /// Makes a registration token for a pool that is valid `until` then. What the answer has of it is announced for masking.
    pub async fn renew_registration(
        &self,
        pool: &ResourceId,
        until: OffsetDateTime,
    ) -> Result<(), Failure> {
        let doing = format!(
            "Creating a registration token for host pool '{}'",
            pool.name()
        );
        let until = until.replace_nanosecond(0).unwrap_or(until);
        let until = until.format(&Rfc3339).unwrap_or_default();
        let body = json!({"properties": {"registrationInfo": {
            "expirationTime": until,
            "registrationTokenOperation": "Update",
        }}});
        let changed = self.patch(&doing, pool, SESSION_HOSTS, &body).await?;
        let token = changed
            .resource
            .pointer("/properties/registrationInfo/token");
        if let Some(token) = token.and_then(Value::as_str) {
            drop(self.client.secret(token));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "/subscriptions/s/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/hp";

    fn pool(document: &Value) -> HostPool {
        HostPool::read(&POOL.parse().unwrap(), document)
    }

    #[test]
    fn a_pool_says_who_makes_its_hosts() {
        let of = |properties: Value| {
            let pool = pool(&json!({"location": "West Europe", "properties": properties}));
            (pool.is_personal(), pool.management)
        };
        let automated = json!({"hostPoolType": "Pooled", "managementType": "Automated"});
        assert_eq!(of(automated), (false, Management::Automated));
        let standard = json!({"hostPoolType": "personal", "managementType": "standard"});
        assert_eq!(of(standard), (true, Management::Standard));
        assert_eq!(
            of(json!({"hostPoolType": "Pooled"})),
            (false, Management::Unknown)
        );
    }

    #[test]
    fn the_identity_of_a_pool_is_its_own_or_given() {
        let of = |identity: Value| pool(&json!({"identity": identity})).principal;
        let own = of(json!({"type": "SystemAssigned", "principalId": "p1"}));
        assert_eq!(own.as_deref(), Some("p1"));
        let given = json!({"type": "UserAssigned", "userAssignedIdentities": {"/x": {"principalId": "p2"}}});
        assert_eq!(of(given).as_deref(), Some("p2"));
        assert_eq!(of(Value::Null), None);
    }

    #[test]
    fn a_plan_is_on_unless_it_says_otherwise() {
        let of = |reference: Value| {
            let document = json!({"id": "/p", "properties": {"hostPoolReferences": [reference]}});
            ScalingPlan::read(&document)
                .unwrap()
                .is_on_for(&POOL.parse().unwrap())
        };
        let upper = POOL.to_uppercase();
        assert!(of(
            json!({"hostPoolArmPath": upper, "scalingPlanEnabled": true})
        ));
        assert!(of(json!({"hostPoolArmPath": POOL})));
        assert!(!of(
            json!({"hostPoolArmPath": POOL, "scalingPlanEnabled": false})
        ));
        assert!(!of(
            json!({"hostPoolArmPath": format!("{POOL}-2"), "scalingPlanEnabled": true})
        ));
    }
}
