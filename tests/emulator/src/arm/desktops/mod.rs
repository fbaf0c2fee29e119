//! Microsoft.DesktopVirtualization: host pools, their session hosts and users, the configuration that session hosts are made by, and updates.

mod batches;
mod configuration;
mod documents;
mod hosts;
mod management;
mod pools;
mod sessions;
mod status;
mod tokens;
mod update;
mod validation;
mod zone;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::ids::{self, Purpose};
use crate::pools::{HostPool, HostView, Management, ScalingPlan, SessionHost};

pub(crate) use documents::BEGINNING;
pub(crate) use hosts::Lists;
pub use sessions::Message;
pub(crate) use update::Update;

type Object = Map<String, Value>;

/// A host pool as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub(crate) id: String,
    location: String,
    management: Management,
    personal: bool,
    identity: Option<String>,
    object: String,
    /// What a PATCH has set.
    settings: Object,
    pub(crate) tags: Object,
    token: Option<tokens::Token>,
    configuration: Option<Object>,
    active: Option<Object>,
    change: Option<configuration::Change>,
    /// Why the last change of the configuration was not possible.
    settings_problem: Option<String>,
    host_management: Option<Object>,
    /// The update that was asked for last, and the one that is shown until that one shows.
    update: Option<Update>,
    before: Option<Update>,
    provisioning: Option<management::Provisioning>,
    pub(crate) hosts: Vec<Host>,
}

/// A session host as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) scene: SessionHost,
    object: String,
    machine_id: String,
    created: Option<OffsetDateTime>,
    modified: Option<(String, OffsetDateTime)>,
    /// When it begins to report.
    ready: Option<OffsetDateTime>,
    /// While it is being updated: whether it took sessions before, and when its users are signed out.
    upgrading: Option<(bool, OffsetDateTime)>,
    assigned_user: Value,
    friendly_name: Value,
}

impl Arm {
    pub(crate) fn add_pools_of_world(&mut self) {
        for pool in self.world.host_pools.clone() {
            self.add_pool(pool, None);
        }
        for plan in self.world.scaling_plans.clone() {
            self.scaling_plans.insert(ids::key(&plan.id), plan);
        }
    }

    /// Puts a host pool with its hosts and their VMs into the cloud.
    pub(crate) fn add_pool(&mut self, scene: HostPool, since: Option<OffsetDateTime>) {
        let object = self.ids.of(Purpose::Desktop, &scene.id).guid();
        let as_object = |value: &Value| value.as_object().cloned();
        let configuration = scene.configuration.as_ref().and_then(as_object);
        let active = scene.active_configuration.as_ref().and_then(as_object);
        let key = ids::key(&scene.id);
        let pool = Pool {
            active: active.or_else(|| configuration.clone()),
            configuration,
            host_management: scene.host_management.as_ref().and_then(as_object),
            id: scene.id,
            location: scene.location,
            management: scene.management,
            personal: scene.personal,
            identity: scene.identity,
            object,
            settings: Object::new(),
            tags: Object::new(),
            token: None,
            change: None,
            settings_problem: None,
            update: None,
            before: None,
            provisioning: None,
            hosts: Vec::new(),
        };
        self.pools.insert(key.clone(), pool);
        for host in scene.hosts {
            self.register_host(&key, host, since, None);
        }
    }

    /// Registers a session host in a pool, with its VM if that is not there yet.
    pub(crate) fn register_host(
        &mut self,
        pool: &str,
        scene: SessionHost,
        since: Option<OffsetDateTime>,
        ready: Option<OffsetDateTime>,
    ) {
        if self.placed(&ids::key(&scene.machine.id)).is_none() {
            self.place(scene.machine.clone(), since);
            for part in scene.parts.clone() {
                self.place(part, since);
            }
        }
        let host = self.new_host(pool, scene, since, ready);
        if let Some(pool) = self.pools.get_mut(pool) {
            let is_same = |known: &Host| known.scene.name.eq_ignore_ascii_case(&host.scene.name);
            pool.hosts.retain(|known| !is_same(known));
            pool.hosts.push(host);
        }
    }

    fn new_host(
        &mut self,
        pool: &str,
        scene: SessionHost,
        created: Option<OffsetDateTime>,
        ready: Option<OffsetDateTime>,
    ) -> Host {
        let subject = format!("{}/{}", ids::key(pool), scene.name);
        let ids = self.ids.of(Purpose::Desktop, &subject);
        Host {
            object: ids.guid(),
            machine_id: ids.guid(),
            scene,
            created,
            modified: None,
            ready,
            upgrading: None,
            assigned_user: Value::Null,
            friendly_name: Value::Null,
        }
    }

    /// The session hosts of a pool, for tests.
    pub(crate) fn host_views(&self, pool: &str, now: OffsetDateTime) -> Vec<HostView> {
        let hosts = self.pools.get(&ids::key(pool));
        let hosts = hosts.map_or(&[][..], |pool| pool.hosts.as_slice());
        let view = |host: &Host| HostView {
            name: host.scene.name.clone(),
            machine: host.scene.machine.id.clone(),
            image: self.image_of_machine(&host.scene.machine.id),
            status: self.host_status(host, now),
            open: host.scene.allow_new_session,
            users: host
                .scene
                .sessions
                .iter()
                .map(|session| session.user.clone())
                .collect(),
        };
        hosts.iter().map(view).collect()
    }

    /// The key of the pool that a request names, if it is there.
    fn pool_key(&self, asked: &Asked<'_>) -> Result<String, Refusal> {
        let id = format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.DesktopVirtualization/hostPools/{}",
            asked.path.get("subscription"),
            asked.path.get("group"),
            asked.path.get("pool")
        );
        let key = ids::key(&id);
        if self.pools.contains_key(&key) {
            return Ok(key);
        }
        Err(Refusal::not_found(
            "Microsoft.DesktopVirtualization/hostPools",
            asked.path.get("pool"),
            asked.path.get("group"),
        ))
    }

    fn pool(&self, asked: &Asked<'_>) -> Result<&Pool, Refusal> {
        let key = self.pool_key(asked)?;
        self.pools.get(&key).ok_or_else(|| gone(asked))
    }

    fn pool_mut(&mut self, asked: &Asked<'_>) -> Result<&mut Pool, Refusal> {
        let key = self.pool_key(asked)?;
        self.pools.get_mut(&key).ok_or_else(|| gone(asked))
    }

    /// A refusal of the service: its code is the status, and its text names an activity for support.
    fn desktop_refusal(&mut self, asked: &Asked<'_>, status: u16, text: &str) -> Refusal {
        let path = asked.raw.uri().path();
        let activity = self
            .ids
            .of(Purpose::Desktop, &format!("activity {path}"))
            .guid();
        let message = format!("ActivityId: {activity} Error: {text}");
        Refusal::new(status, &status.to_string(), message)
    }

    pub(crate) fn scaling_plans_of(&self, pool: &str) -> Vec<&ScalingPlan> {
        let names = |plan: &&ScalingPlan| {
            let mut pools = plan.pools.iter();
            pools.any(|(id, _)| ids::key(id) == pool)
        };
        self.scaling_plans.values().filter(names).collect()
    }

    /// Lets everything happen in host pools that is due.
    pub(crate) fn settle_pools(&mut self, now: OffsetDateTime) {
        let keys: Vec<String> = self.pools.keys().cloned().collect();
        for key in keys {
            let Some(mut pool) = self.pools.remove(&key) else {
                continue;
            };
            self.settle_configuration(&mut pool);
            self.settle_provisioning(&mut pool, now);
            self.settle_update(&mut pool, now);
            for host in &mut pool.hosts {
                let out = host.upgrading.is_some_and(|(_, at)| at <= now);
                host.scene
                    .sessions
                    .retain(|session| !out && session.ends.is_none_or(|end| end > now));
            }
            self.pools.insert(key, pool);
        }
    }
}

fn gone(asked: &Asked<'_>) -> Refusal {
    let (pool, group) = (asked.path.get("pool"), asked.path.get("group"));
    Refusal::not_found("Microsoft.DesktopVirtualization/hostPools", pool, group)
}

impl Pool {
    /// The name of the pool.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    fn host(&self, name: &str) -> Option<&Host> {
        let mut hosts = self.hosts.iter();
        hosts.find(|host| host.scene.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn host_mut(&mut self, name: &str) -> Option<&mut Host> {
        let mut hosts = self.hosts.iter_mut();
        hosts.find(|host| host.scene.name.eq_ignore_ascii_case(name))
    }

    /// The id as the service writes those of pools, hosts and sessions.
    fn lower_id(&self) -> String {
        let (group, name) = (
            ids::segment_after(&self.id, "resourceGroups").unwrap_or_default(),
            self.name(),
        );
        let subscription = ids::segment_after(&self.id, "subscriptions").unwrap_or_default();
        format!(
            "/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.DesktopVirtualization/hostpools/{name}"
        )
    }
}

fn is_preview(version: &str) -> bool {
    version.ends_with("-preview")
}

fn compact(document: Value) -> Answer {
    Answer::new(200, Body::Compact(document))
}
