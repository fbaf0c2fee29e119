//! What tests do with host pools without asking anybody, and how they look at them.

use serde_json::Value;

use super::Cloud;
use crate::arm::Message;
use crate::ids;
use crate::pools::{
    CommandFate, DeploymentFate, HostPool, HostView, MachineFate, ScalingPlan, SessionHost,
    UpdateFate,
};

impl Cloud {
    /// Puts a host pool with its hosts and their VMs into the cloud.
    pub fn put_host_pool(&self, pool: HostPool) {
        let now = self.clock.now();
        self.state().arm.add_pool(pool, Some(now));
    }

    /// Registers a session host with its VM in a pool.
    pub fn put_session_host(&self, pool: &str, host: SessionHost) {
        let now = self.clock.now();
        let mut state = self.state();
        state
            .arm
            .register_host(&ids::key(pool), host, Some(now), None);
    }

    /// Puts a scaling plan into the cloud, or in the place of one that is there.
    pub fn put_scaling_plan(&self, plan: ScalingPlan) {
        let key = ids::key(&plan.id);
        self.state().arm.scaling_plans.insert(key, plan);
    }

    /// The session hosts of a pool, as they are now.
    pub fn session_hosts(&self, pool: &str) -> Vec<HostView> {
        let now = self.clock.now();
        self.settled(now).arm.host_views(pool, now)
    }

    /// Changes a session host: its status, heartbeat, checks, sessions. False if it is not there.
    pub fn change_session_host(
        &self,
        pool: &str,
        host: &str,
        change: impl FnOnce(&mut SessionHost),
    ) -> bool {
        let mut state = self.settled(self.clock.now());
        let pool = state.arm.pools.get_mut(&ids::key(pool));
        let Some(host) = pool.and_then(|pool| pool.host_mut(host)) else {
            return false;
        };
        change(&mut host.scene);
        true
    }

    /// The ids of all host pools.
    pub fn host_pools(&self) -> Vec<String> {
        let state = self.state();
        state
            .arm
            .pools
            .values()
            .map(|pool| pool.id.clone())
            .collect()
    }

    /// Lets a user sign in to a pool: the name of the host, or none if no host takes sessions.
    pub fn sign_in(&self, pool: &str, user: &str) -> Option<String> {
        let now = self.clock.now();
        self.settled(now).arm.sign_in(pool, user, now)
    }

    /// Scripts how the next session host update ends that is not scripted yet.
    pub fn script_update(&self, fate: UpdateFate) {
        self.state().arm.update_fates.push_back(fate);
    }

    /// Scripts how the next deployment ends that is not scripted yet.
    pub fn script_deployment(&self, fate: DeploymentFate) {
        self.state().arm.deployment_fates.push_back(fate);
    }

    /// Scripts how the next VM comes up that a client makes.
    pub fn script_machine(&self, fate: MachineFate) {
        self.state().arm.machine_fates.push_back(fate);
    }

    /// Scripts how the next run command with a script ends.
    pub fn script_command(&self, fate: CommandFate) {
        self.state().arm.command_fates.push_back(fate);
    }

    /// How many session host updates were begun.
    pub fn updates_begun(&self) -> usize {
        self.state().arm.updates_asked
    }

    /// Every message that was shown to a user so far.
    pub fn messages(&self) -> Vec<Message> {
        self.state().arm.messages.clone()
    }

    /// Every registration token that was made so far, to look for where it must not be.
    pub fn registration_tokens(&self) -> Vec<String> {
        self.state().arm.tokens_made.clone()
    }

    /// The names of all deployments with their states.
    pub fn deployments(&self) -> Vec<(String, String)> {
        let now = self.clock.now();
        self.settled(now).arm.deployment_states(now)
    }

    /// A VM, a disk, a network interface or what else is shown, as the newest api-version shows it; none when it is not there.
    pub fn resource(&self, id: &str) -> Option<Value> {
        let state = self.settled(self.clock.now());
        let placed = state.arm.placed(&ids::key(id))?;
        Some(placed.document())
    }

    /// The ids of all VMs, disks, network interfaces and what else is shown.
    pub fn resources(&self) -> Vec<String> {
        let state = self.settled(self.clock.now());
        let all = state.arm.resources.values();
        all.filter(|placed| placed.until.is_none())
            .filter_map(|placed| Some(placed.document().get("id")?.as_str()?.to_owned()))
            .collect()
    }

    /// Whether a VM runs.
    pub fn machine_runs(&self, id: &str) -> bool {
        let state = self.settled(self.clock.now());
        let key = ids::key(id);
        let is_there = state.arm.placed(&key).is_some();
        is_there && state.arm.power(&key).0 == crate::arm::Power::Running
    }
}
