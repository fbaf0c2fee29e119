//! The new hosts: their health, and the moment when they let users in and the old ones do not any more.

use std::collections::BTreeMap;
use std::ops::Range;

use tokio::time::{Instant, sleep};

use super::follow::LIST;
use super::plan::Plan;
use crate::inputs::OnRolloutFailure;
use crate::rollout::codes;
use crate::rollout::health;
use crate::rollout::health_watch::{self, HealthLog, HostState, LOOK_AGAIN};
use crate::rollout::host::Host;
use crate::rollout::outcome::{NotRolledOut, Refused};
use crate::rollout::step::RolloutStep;
use crate::wording::counted;

impl RolloutStep<'_> {
    /// Waits until the hosts with these numbers are in the pool and healthy.
    pub(super) async fn wait_for_health(
        &self,
        plan: &Plan,
        numbers: Range<u32>,
    ) -> Result<(), NotRolledOut> {
        let until = Instant::now() + self.request.health_limit;
        let mut log = HealthLog::new();
        // The last list has most of them, or all.
        let mut names = named(plan, &self.last_hosts());
        let mut listed: Option<Instant> = None;
        loop {
            let missing = numbers.clone().filter(|number| !names.contains_key(number));
            let is_due = listed.is_none_or(|listed| listed.elapsed() >= LIST);
            if missing.count() > 0 && is_due {
                // A list that fails is asked for again.
                if let Ok(hosts) = self.hosts().await {
                    names.extend(named(plan, &hosts));
                }
                listed = Some(Instant::now());
            }
            let known: Vec<String> = numbers
                .clone()
                .filter_map(|number| names.get(&number).cloned())
                .collect();
            let states = self.states_of(&known).await;
            log.tell(self, &states);
            let absent: Vec<String> = numbers
                .clone()
                .filter(|number| !names.contains_key(number))
                .map(|number| plan.host_name(number))
                .collect();
            log.beat(self, absent.len());
            if absent.is_empty() && states.iter().all(HostState::is_healthy) {
                return Ok(());
            }
            if Instant::now() + LOOK_AGAIN > until {
                return Err(self.not_healthy(&states, &absent).into());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    fn not_healthy(&self, states: &[HostState], absent: &[String]) -> Refused {
        let ill = states.iter().filter_map(HostState::illness);
        let absent = absent
            .iter()
            .map(|name| format!("{name}: it has not registered in the host pool"));
        let all: Vec<String> = ill.chain(absent).collect();
        let minutes = self.request.health_limit.as_secs() / 60;
        let text = format!(
            "Rolling out to host pool '{}' failed: {} of the version {} not healthy within {minutes} {}: {}",
            self.request.pool.name(),
            counted(all.len(), "host"),
            if all.len() == 1 { "is" } else { "are" },
            if minutes == 1 { "minute" } else { "minutes" },
            all.join("; ")
        );
        let new = if self.request.on_failure == OnRolloutFailure::Back {
            "are removed: repair"
        } else {
            "are drained: examine them, then repair"
        };
        let hint = format!(
            "the old hosts serve users as before, and the new ones {new} the image or the template and roll out again"
        );
        Refused::new(codes::NOT_HEALTHY, text, Some(hint))
    }

    /// Lets users in on every new host.
    pub(super) async fn open_new(
        &self,
        plan: &Plan,
        hosts: &mut [Host],
    ) -> Result<(), NotRolledOut> {
        for host in hosts.iter_mut() {
            if plan.number(host).is_some() && !host.host.allow_new_session {
                self.set_open(&host.host.name, true).await?;
                host.host.allow_new_session = true;
            }
        }
        Ok(())
    }

    /// Drains the old hosts, a few at once. The new ones are read before each few: never fewer hosts are open and healthy than are wanted.
    pub(super) async fn drain_old(
        &self,
        plan: &Plan,
        hosts: &mut [Host],
    ) -> Result<(), NotRolledOut> {
        let new: Vec<String> = named(plan, hosts).into_values().collect();
        let needed = usize::try_from(plan.total).unwrap_or(usize::MAX);
        let at_once = usize::try_from(self.request.most_at_once)
            .unwrap_or(1)
            .max(1);
        let now = self.now();
        let is_open_old = |host: &&mut Host| host.host.allow_new_session && !host.is_wanted;
        let mut old: Vec<&mut Host> = hosts.iter_mut().filter(is_open_old).collect();
        // Unhealthy hosts are drained first.
        old.sort_by_key(|host| health::of(&host.host, now).is_healthy());
        let until = Instant::now() + self.request.health_limit;
        let mut log = HealthLog::new();
        while !old.is_empty() {
            let states = self.states_of(&new).await;
            let open: Vec<&HostState> = states.iter().filter(|state| state.is_open).collect();
            let serving = open.iter().filter(|state| state.is_healthy()).count();
            let of_old = |host: &&mut Host| health::of(&host.host, now).is_healthy();
            let healthy_old = old.iter().filter(|host| of_old(host)).count();
            let spare = (serving + healthy_old).saturating_sub(needed);
            let ill_old = old.len() - healthy_old;
            let many = at_once.min(spare + ill_old).min(old.len());
            if many == 0 {
                log.tell(self, &states);
                if Instant::now() + LOOK_AGAIN > until {
                    return Err(self.too_few(serving + healthy_old, needed, &states).into());
                }
                sleep(LOOK_AGAIN).await;
                continue;
            }
            for host in old.drain(..many) {
                self.set_open(&host.host.name, false).await?;
                host.host.allow_new_session = false;
            }
        }
        Ok(())
    }

    fn too_few(&self, serving: usize, needed: usize, states: &[HostState]) -> Refused {
        let text = format!(
            "Rolling out to host pool '{}' failed: {serving} open hosts are healthy, and {needed} are needed, so that no other one is drained: {}",
            self.request.pool.name(),
            health_watch::illnesses(states)
        );
        let hint = "repair the hosts that are named, and run the job again: it continues from here"
            .to_owned();
        Refused::new(codes::NOT_HEALTHY, text, Some(hint))
    }
}

/// The new hosts that are in the pool, by their numbers.
fn named(plan: &Plan, hosts: &[Host]) -> BTreeMap<u32, String> {
    let named = hosts.iter().filter_map(|host| {
        let number = plan.number(host)?;
        Some((number, host.host.name.clone()))
    });
    named.collect()
}
