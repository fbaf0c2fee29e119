//! What is read before anything is changed, and what refuses the roll-out then: the pool, the version, its replicas, scaling plans, hosts and their VMs.

use crate::resource::tag;
use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::Value;

use super::codes;
use super::event::{Event, PoolOverview};
use super::fit::MadeBy;
use super::health;
use super::host::Host;
use super::method::check_template;
use super::outcome::{NotRolledOut, Refused};
use super::own_deployments::OwnDeployments;
use super::step::RolloutStep;
use crate::arm::Failure;
use crate::arm::api::{SESSION_HOSTS, address};
use crate::arm::desktops::{HostPool, ScalingPlan};
use crate::arm::gallery::{State, Version};
use crate::inputs::RolloutMethod::{self, Replace, SessionHostUpdate};
use crate::inputs::manifest::{HOST_POOL_ID, TARGET_REGIONS};
use crate::inputs::{Action, nearest};
use crate::release::change::{Change, NotChanged, OTHERS_LIMIT, Progress};
use crate::release::{self, Why};
use crate::resource::{ResourceId, quoted};
use crate::wording::duration;

/// What a roll-out has read before it changes anything.
#[derive(Debug, Clone)]
pub(super) struct Preflight {
    /// The version that is wanted, if the image is one.
    pub(super) version: Option<Version>,
    /// Its hosts.
    pub(super) hosts: Vec<Host>,
    /// The scaling plans that are enabled for the pool.
    pub(super) plans: Vec<ScalingPlan>,
    /// The deployments of this step's names.
    pub(super) own: OwnDeployments,
    /// How it is done.
    pub(super) method: RolloutMethod,
    /// Whether all hosts that let users in are of the image and healthy.
    pub(super) settled: bool,
}

impl RolloutStep<'_> {
    /// Everything that can be said before anything is changed.
    pub(super) async fn preflight(&self) -> Result<Preflight, NotRolledOut> {
        self.emit(Event::Phase("look"));
        if self.request.method == Some(Replace) {
            check_template(self.request)?;
        }
        let pool = self.read_pool().await?;
        self.check_kind(&pool)?;
        let updates = self
            .request
            .method
            .map_or(pool.is_automated(), |method| method == SessionHostUpdate);
        if updates {
            self.check_subscription()?;
        }
        let version = self.read_version().await?;
        if !updates {
            self.check_system().await?;
        }
        let plans = self.active_plans().await?;
        let hosts = self.hosts().await?;
        let own = if self.may_replace(&pool) {
            self.own_deployments().await?
        } else {
            OwnDeployments::default()
        };
        let picture = PoolOverview {
            pool: pool.clone(),
            hosts: hosts.clone(),
            wanted: self.request.image.short(),
        };
        self.emit(Event::Overview(Box::new(picture)));
        let method = self.method(&pool, &hosts, &own)?;
        let made = self.made_by(method);
        if let Some(version) = &version {
            self.check_replicas(version, &hosts, made.as_ref())?;
        }
        self.emit(Event::Method {
            method,
            is_chosen: self.request.method.is_none(),
        });
        if method != SessionHostUpdate {
            self.warn_of_plans(&plans);
        }
        let now = self.now();
        let mut open = hosts.iter().filter(|host| host.is_open()).peekable();
        let settled = open.peek().is_some()
            && open.all(|host| host.is_wanted && health::of(&host.host, now).is_healthy());
        if let Some(made) = made.filter(|_| !settled) {
            self.check_fit(&made).await?;
        }
        Ok(Preflight {
            version,
            hosts,
            plans,
            own,
            method,
            settled,
        })
    }

    /// How new hosts are made, where a template does that.
    pub(super) fn made_by(&self, method: RolloutMethod) -> Option<MadeBy> {
        let template = self.request.template.as_ref();
        let template = template.filter(|_| method == Replace)?;
        Some(MadeBy::template(template, &self.request.parameters))
    }

    /// The version in state `Succeeded`; nothing where the image is none.
    pub(super) async fn read_version(&self) -> Result<Option<Version>, NotRolledOut> {
        match self.request.image.version() {
            Some(id) => self.version(id).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn read_pool(&self) -> Result<HostPool, NotRolledOut> {
        let id = &self.request.pool;
        if let Some(pool) = self.arm.host_pool(id).await? {
            return Ok(pool);
        }
        let names = self.arm.host_pools_beside(id).await.unwrap_or_default();
        let near = nearest(id.name(), names.iter().map(String::as_str));
        let listing = format!(
            "az desktopvirtualization hostpool list --subscription {} --resource-group {} --query [].id --output tsv",
            quoted(id.subscription()),
            quoted(id.resource_group())
        );
        let hint = match near {
            Some(near) => format!(
                "did you mean '{near}'? Correct input '{}'",
                HOST_POOL_ID.name
            ),
            None => format!(
                "check input '{}'; to list the host pools: {listing}",
                HOST_POOL_ID.name
            ),
        };
        let text = format!(
            "Rolling out to host pool '{}' failed: resource group '{}' has no such host pool",
            id.name(),
            id.resource_group()
        );
        Err(Refused::new(codes::NO_POOL, text, hint).into())
    }

    /// The version, when nothing goes on with it. What speaks against it is told before anything is waited for.
    async fn version(&self, id: &ResourceId) -> Result<Version, NotRolledOut> {
        let refused = |why: Why| release::Refused {
            doing: release::ROLLING_OUT,
            version: id.clone(),
            why,
        };
        let Some(mut version) = self.arm.version(id).await? else {
            let soft_deleted = match id.parent() {
                Some(definition) => self.arm.soft_deleted(&definition).await,
                None => Ok(None),
            };
            let deleted = soft_deleted.ok().flatten().unwrap_or_default();
            let own = deleted.into_iter().find(|one| one.name == id.name());
            let why = Why::Missing {
                location: None,
                soft_deleted: own,
            };
            return Err(refused(why).into());
        };
        let missing: Vec<_> = self
            .request
            .required
            .iter()
            .filter_map(|(name, wanted)| {
                let found = version.tag(name);
                let lacks = found != Some(wanted);
                lacks.then(|| (name.clone(), wanted.clone(), found.map(str::to_owned)))
            })
            .collect();
        loop {
            match version.state {
                State::Deleting => return Err(refused(Why::Deleting).into()),
                State::Failed => return Err(refused(Why::Failed).into()),
                _ if !missing.is_empty() => return Err(refused(Why::Tags(missing)).into()),
                State::Succeeded => break,
                _ => version = self.settled(id, &refused).await?,
            }
        }
        self.warn_of_withdrawal(&version);
        Ok(version)
    }

    /// The version when its change has ended.
    async fn settled(
        &self,
        id: &ResourceId,
        refused: &dyn Fn(Why) -> release::Refused,
    ) -> Result<Version, NotRolledOut> {
        let tell = |progress: Progress| {
            if let Progress::Busy { state, elapsed } = progress {
                let elapsed = duration(elapsed);
                let line = format!("waiting for the image version:  {state} (after {elapsed})");
                self.emit(Event::Line(line));
            }
        };
        let change = Change {
            arm: self.arm,
            id,
            replicates: false,
            tell: &tell,
        };
        let settled = change.settled::<()>(Some(OTHERS_LIMIT)).await;
        let why = match settled {
            Ok(Some(version)) => return Ok(version),
            Err(NotChanged::Azure(failure)) => return Err(failure.into()),
            Err(NotChanged::Late { state, limit }) => Why::Late { state, limit },
            Ok(None) | Err(_) => Why::Missing {
                location: None,
                soft_deleted: None,
            },
        };
        Err(refused(why).into())
    }

    fn warn_of_withdrawal(&self, version: &Version) {
        let number = &version.name;
        let hidden: Vec<_> = version
            .regions
            .iter()
            .filter(|region| region.excluded)
            .map(|region| region.name.as_str())
            .collect();
        let (what, promotes) = if let Some(at) = version.tag(tag::WITHDRAWN_AT) {
            let reason = version.tag(tag::WITHDRAWN_REASON).map(str::trim);
            let reason = reason.filter(|reason| !reason.is_empty());
            let reason = reason.unwrap_or("no reason was given");
            (format!("was withdrawn at {at}: {reason}"), true)
        } else if version.excluded {
            ("is excluded from latest".to_owned(), true)
        } else if !hidden.is_empty() {
            let regions = hidden.join(", ");
            (format!("is excluded from latest in {regions}"), true)
        } else {
            (String::new(), false)
        };
        if promotes {
            let text = format!("image version {number} {what}");
            let hint = format!(
                "roll out another version, or promote this one (action: {})",
                Action::Promote.name()
            );
            self.warn(codes::WITHDRAWN, text, Some(hint));
        }
    }

    /// New hosts are made where the template says, or else where the hosts are, so there has to be a replica.
    pub(super) fn check_replicas(
        &self,
        version: &Version,
        hosts: &[Host],
        made: Option<&MadeBy>,
    ) -> Result<(), Refused> {
        match made.and_then(|made| made.region.as_ref()) {
            Some(region) => {
                let regions = std::iter::once(region.clone()).collect();
                self.check_regions(version, &regions, "new session hosts are created in")
            }
            None => self.check_regions(version, &regions(hosts), "the session hosts are in"),
        }
    }

    /// `whose` is what the regions are to the hosts: `the session hosts are in`.
    pub(super) fn check_regions(
        &self,
        version: &Version,
        regions: &BTreeSet<String>,
        whose: &str,
    ) -> Result<(), Refused> {
        let there: Vec<_> = version.regions.iter().map(|it| it.name.as_str()).collect();
        let missing: Vec<_> = regions
            .iter()
            .filter(|region| !there.contains(&region.as_str()))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let text = format!(
                "Rolling out {} failed: {whose} {missing}, and it has no replica there (replicas are in {})",
                self.version_name(version),
                if there.is_empty() {
                    "no region".to_owned()
                } else {
                    there.join(", ")
                }
            );
            let hint = format!(
                "add the region: 'action: {}' with '{}: {missing}=2'",
                Action::Promote.name(),
                TARGET_REGIONS.name
            );
            return Err(Refused::new(codes::NO_REPLICA, text, hint));
        }
        let few = version.target_regions().into_iter().filter(|region| {
            let name = crate::resource::plain_region(&region.name);
            regions.contains(&name) && region.replica_count.unwrap_or(1) < 2
        });
        for region in few {
            self.emit(Event::Line(format!(
                "one replica in {}:  two or more are advised where several hosts are created at once",
                crate::resource::plain_region(&region.name)
            )));
        }
        Ok(())
    }

    fn version_name(&self, version: &Version) -> String {
        let id = self.request.image.version();
        id.map_or_else(|| version.name.clone(), release::display_name)
    }

    /// The scaling plans that are enabled for the pool. Who must not read them is told so.
    async fn active_plans(&self) -> Result<Vec<ScalingPlan>, Failure> {
        match self.arm.scaling_plans(&self.request.pool).await {
            Ok(plans) => {
                let on = |plan: &ScalingPlan| plan.is_on_for(&self.request.pool);
                Ok(plans.into_iter().filter(on).collect())
            }
            Err(failure) if failure.is(StatusCode::FORBIDDEN) => {
                self.emit(Event::Line(format!(
                    "whether a scaling plan is enabled is not known:  {failure}"
                )));
                Ok(Vec::new())
            }
            Err(failure) => Err(failure),
        }
    }

    fn warn_of_plans(&self, plans: &[ScalingPlan]) {
        for plan in plans {
            let text = format!(
                "scaling plan '{}' is enabled for host pool '{}': it starts, stops and drains hosts while the roll-out does",
                plan_name(plan),
                self.request.pool.name()
            );
            let hint = format!(
                "to disable it for this pool: {}",
                switch_off_command(plan, &self.request.pool)
            );
            self.warn(codes::AUTOSCALE, text, Some(hint));
        }
    }
}

/// The regions of the VMs.
pub(super) fn regions(hosts: &[Host]) -> BTreeSet<String> {
    let machines = hosts.iter().filter_map(|host| host.machine.as_ref());
    let regions = machines.map(|machine| machine.region.clone());
    regions.filter(|region| !region.is_empty()).collect()
}

/// The name of a plan.
pub(super) fn plan_name(plan: &ScalingPlan) -> &str {
    plan.id.rsplit('/').next().unwrap_or_default()
}

/// The command that disables a plan for `pool`. A PATCH of the plan takes the place of its whole list of pools, so all of them are in it.
pub(super) fn switch_off_command(plan: &ScalingPlan, pool: &ResourceId) -> String {
    let references: Vec<Value> = plan
        .pools
        .iter()
        .map(|(id, on)| {
            let is_own = id.eq_ignore_ascii_case(pool.as_str());
            serde_json::json!({"hostPoolArmPath": id, "scalingPlanEnabled": *on && !is_own})
        })
        .collect();
    let body = serde_json::json!({"properties": {"hostPoolReferences": references}});
    format!(
        "az rest --method patch --url {} --body {} (it lists all pools of the plan; with true it is enabled again)",
        quoted(&address(&plan.id, SESSION_HOSTS)),
        quoted(&body.to_string())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_disabled_for_one_pool_alone() {
        let pool = |name: &str| {
            format!(
                "/subscriptions/s/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/{name}"
            )
        };
        let plan = ScalingPlan {
            id: "/subscriptions/s/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/scalingPlans/sp".to_owned(),
            pools: vec![
                (pool("HP"), true),
                (pool("other"), true),
                (pool("third"), false),
            ],
        };
        let command = switch_off_command(&plan, &pool("hp").parse().unwrap());
        let body = format!(
            r#"{{"properties":{{"hostPoolReferences":[{{"hostPoolArmPath":"{}","scalingPlanEnabled":false}},{{"hostPoolArmPath":"{}","scalingPlanEnabled":true}},{{"hostPoolArmPath":"{}","scalingPlanEnabled":false}}]}}}}"#,
            pool("HP"),
            pool("other"),
            pool("third")
        );
        assert_eq!(
            command,
            format!(
                "az rest --method patch --url '{}?api-version=2025-10-10' --body '{body}' (it lists all pools of the plan; with true it is enabled again)",
                plan.id
            )
        );
    }
}
