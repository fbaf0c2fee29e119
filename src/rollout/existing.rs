//! `rolloutMethod: existing`: nothing is deployed. Hosts of the version are started and let users in, and then the others are drained. It is the
//! way back after a replacement as well.

use std::collections::BTreeMap;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::codes;
use super::event::Event;
use super::health;
use super::health_watch::{self, HealthLog, HostState, LOOK_AGAIN};
use super::host::{self, Host};
use super::outcome::{NotRolledOut, Refused, RolloutState};
use super::preflight::Preflight;
use super::sizing::HostNumbers;
use super::step::RolloutStep;
use crate::arm::operation::Status;
use crate::inputs::manifest::{HOST_COUNT, ROLLOUT_METHOD};
use crate::resource::ResourceId;
use crate::secret::Secret;
use crate::wording::counted;

/// What would be done, a line each; or why it cannot be done.
pub(super) fn plan(step: &RolloutStep<'_>, found: &Preflight) -> Result<Vec<String>, NotRolledOut> {
    let numbers = enough(step, &found.hosts)?;
    let names = |hosts: Vec<&Host>| {
        let names: Vec<&str> = hosts.iter().map(|host| host.host.name.as_str()).collect();
        names.join(", ")
    };
    let (own, others): (Vec<&Host>, Vec<&Host>) =
        found.hosts.iter().partition(|host| host.is_wanted);
    let others: Vec<&Host> = others
        .into_iter()
        .filter(|host| host.host.allow_new_session)
        .collect();
    let mut lines = vec![
        format!(
            "let users in on {}:  {}",
            counted(own.len(), "host"),
            names(own)
        ),
        format!(
            "needed, open and healthy, before any other is drained:  {}",
            numbers.needed
        ),
    ];
    if others.is_empty() {
        lines.push("drain:  no host".to_owned());
    } else {
        lines.push(format!(
            "drain {}:  {}",
            counted(others.len(), "host"),
            names(others)
        ));
    }
    Ok(lines)
}

/// Lets users in on the hosts of the version, and drains the others.
pub(super) async fn carry_out(
    step: &RolloutStep<'_>,
    found: Preflight,
) -> Result<RolloutState, NotRolledOut> {
    let numbers = enough(step, &found.hosts)?;
    if let Some(image) = host::previous(&found.hosts) {
        step.emit(Event::Previous(image));
    }
    let start = Instant::now();
    let own: Vec<&Host> = found.hosts.iter().filter(|host| host.is_wanted).collect();
    let names: Vec<String> = own.iter().map(|host| host.host.name.clone()).collect();
    step.emit(Event::Phase("start"));
    let mut starting = step.start(&own).await;
    step.emit(Event::Phase("health"));
    let states = if step.request.is_followed() {
        let until = start + step.request.health_limit;
        step.wait_for_own(&names, &mut starting, numbers.needed, until)
            .await
    } else {
        step.states_with_starts(&names, &mut starting).await
    };
    let (well, ill): (Vec<HostState>, Vec<HostState>) =
        states.into_iter().partition(HostState::is_healthy);
    if well.len() < numbers.needed {
        if !step.request.is_followed() {
            return Ok(RolloutState::Running);
        }
        return Err(too_few_healthy(step, numbers, &well, &ill).into());
    }
    step.emit(Event::Phase("letIn"));
    for state in well.iter().filter(|state| !state.is_open) {
        step.set_open(&state.name, true).await?;
    }
    for state in ill.iter().filter(|state| state.is_open) {
        step.set_open(&state.name, false).await?;
    }
    if !ill.is_empty() {
        let text = format!(
            "{} of the version {}: {}",
            counted(ill.len(), "host"),
            if ill.len() == 1 {
                "stays drained because it is not healthy"
            } else {
                "stay drained because they are not healthy"
            },
            health_watch::illnesses(&ill)
        );
        let hint = format!(
            "{} serve users, which is enough; repair the others or remove them from the host pool",
            well.len()
        );
        step.warn(codes::NOT_HEALTHY, text, Some(hint));
    }
    step.emit(Event::Phase("drain"));
    step.drain_others(numbers.needed).await?;
    Ok(RolloutState::Succeeded)
}

fn enough(step: &RolloutStep<'_>, hosts: &[Host]) -> Result<HostNumbers, NotRolledOut> {
    let numbers = HostNumbers::of(step.request, hosts, step.now());
    if numbers.is_enough() {
        return Ok(numbers);
    }
    let pool = step.request.pool.name();
    let text = format!(
        "Rolling out to host pool '{pool}' failed: {} of the version, and {} to serve users; nothing was changed",
        match numbers.there {
            0 => "no host of the pool is".to_owned(),
            1 => "1 host of the pool is".to_owned(),
            more => format!("{more} hosts of the pool are"),
        },
        has_or_have(numbers.needed)
    );
    let smaller = (numbers.there > 0).then(|| {
        format!(
            "; or set '{}' to {} if that many are enough",
            HOST_COUNT.name, numbers.there
        )
    });
    let hint = format!(
        "create hosts of the version with '{}: replace'{}",
        ROLLOUT_METHOD.name,
        smaller.unwrap_or_default()
    );
    Err(Refused::new(codes::TOO_FEW, text, Some(hint)).into())
}

fn too_few_healthy(
    step: &RolloutStep<'_>,
    numbers: HostNumbers,
    well: &[HostState],
    ill: &[HostState],
) -> Refused {
    let text = format!(
        "Rolling out to host pool '{}' failed: of the version {}, and {} to serve users: {}",
        step.request.pool.name(),
        match well.len() {
            0 => "no host is healthy".to_owned(),
            1 => "1 host is healthy".to_owned(),
            more => format!("{more} hosts are healthy"),
        },
        has_or_have(numbers.needed),
        health_watch::illnesses(ill)
    );
    let hint = "no host was drained: users work as before; repair the hosts that are named, and run the step again".to_owned();
    Refused::new(codes::NOT_HEALTHY, text, Some(hint))
}

/// `1 has`, `3 have`.
fn has_or_have(count: usize) -> String {
    match count {
        1 => "1 has".to_owned(),
        more => format!("{more} have"),
    }
}

/// A VM that was asked to start.
struct Starting {
    machine: ResourceId,
    operation: Option<Secret>,
    /// Why it does not start.
    refused: Option<String>,
}

impl RolloutStep<'_> {
    /// Starts the VMs of those hosts that do not run; by the names of the hosts.
    async fn start(&self, hosts: &[&Host]) -> BTreeMap<String, Starting> {
        let mut started = BTreeMap::new();
        for host in hosts {
            let healthy = health::of(&host.host, self.now()).is_healthy();
            let Some(machine) = host.host.machine.clone().filter(|_| !healthy) else {
                continue;
            };
            let state = match self.arm.machine_with_view(&machine).await {
                Ok(Some(state)) => state,
                Ok(None) => continue,
                Err(failure) => {
                    let refused = Some(failure.to_string());
                    let one = Starting {
                        machine,
                        operation: None,
                        refused,
                    };
                    started.insert(host.host.name.clone(), one);
                    continue;
                }
            };
            // Where Azure tells no power state, the host itself does.
            let stands = match state.power.as_str() {
                "" => !host.host.status.eq_ignore_ascii_case("Available"),
                power => matches!(
                    power,
                    "deallocated" | "deallocating" | "stopped" | "stopping"
                ),
            };
            if !stands {
                continue;
            }
            self.emit(Event::Changed);
            self.emit(Event::Line(format!("starting {}...", host.host.name)));
            let one = match self.arm.start_machine(&machine).await {
                Ok(started) => Starting {
                    machine,
                    operation: started.operation,
                    refused: None,
                },
                Err(failure) => Starting {
                    machine,
                    operation: None,
                    refused: Some(failure.to_string()),
                },
            };
            started.insert(host.host.name.clone(), one);
        }
        started
    }

    /// The hosts as they are, with what Azure says of their start.
    async fn states_with_starts(
        &self,
        names: &[String],
        starting: &mut BTreeMap<String, Starting>,
    ) -> Vec<HostState> {
        let asked = starting.values_mut().map(|one| async {
            let Some(operation) = &one.operation else {
                return;
            };
            let doing = format!("Following the start of VM '{}'", one.machine.name());
            match self.arm.operation(&doing, operation).await {
                Ok(seen) => match seen.value {
                    Status::InProgress => {}
                    Status::Succeeded => one.operation = None,
                    Status::Failed { code, message } => {
                        one.operation = None;
                        one.refused = Some(format!("starting it failed: {code}: {message}"));
                    }
                    Status::Canceled => {
                        one.operation = None;
                        one.refused = Some("its start was canceled".to_owned());
                    }
                },
                // The host itself tells enough.
                Err(failure) if failure.refusal().is_some() => one.operation = None,
                Err(_) => {}
            }
        });
        join_all(asked).await;
        let mut states = self.states_of(names).await;
        for state in &mut states {
            let refused = starting
                .get(&state.name)
                .and_then(|one| one.refused.clone());
            if let (Some(refused), health::Health::Ill { reasons }) = (refused, &mut state.health) {
                reasons.push(refused);
            }
        }
        states
    }

    /// Waits for the canaries, then for all, until all are healthy, or the time is over; the last looks.
    async fn wait_for_own(
        &self,
        names: &[String],
        starting: &mut BTreeMap<String, Starting>,
        needed: usize,
        until: Instant,
    ) -> Vec<HostState> {
        let canaries = usize::try_from(self.request.canary).unwrap_or(usize::MAX);
        let canaries = canaries.min(names.len());
        let mut log = HealthLog::new();
        let mut passed = canaries == 0 || canaries >= names.len();
        loop {
            let states = self.states_with_starts(names, starting).await;
            log.tell(self, &states);
            let healthy = health_watch::healthy(&states);
            if !passed && (canaries..names.len()).contains(&healthy) {
                passed = true;
                self.emit(Event::Line(format!(
                    "canary:  {} of the version healthy, waiting for the others",
                    counted(healthy, "host")
                )));
            }
            // Whose start was refused does not get better by waiting.
            let hopeless = |state: &HostState| {
                let one = starting.get(&state.name);
                !state.is_healthy() && one.is_some_and(|one| one.refused.is_some())
            };
            let open = states.iter().filter(|state| hopeless(state)).count();
            if healthy + open >= names.len() || names.len() - open < needed {
                return states;
            }
            if Instant::now() + LOOK_AGAIN > until {
                return states;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Drains every open host of another version, as long as `needed` ones of the version are open and healthy. It goes by a new list, because
    /// someone may have changed something meanwhile.
    async fn drain_others(&self, needed: usize) -> Result<(), NotRolledOut> {
        let hosts = self.hosts().await?;
        let serving = hosts.iter().filter(|host| {
            host.is_wanted
                && host.host.allow_new_session
                && health::of(&host.host, self.now()).is_healthy()
        });
        let serving = serving.count();
        if serving < needed {
            let text = format!(
                "Rolling out to host pool '{}' failed: {} of the version, open and healthy, serve users now, and {} to",
                self.request.pool.name(),
                counted(serving, "host"),
                has_or_have(needed)
            );
            let hint = "no host of another version was drained; run the step again".to_owned();
            return Err(Refused::new(codes::NOT_HEALTHY, text, Some(hint)).into());
        }
        let mut hosts = hosts;
        for host in hosts.iter_mut().filter(|host| !host.is_wanted) {
            if host.host.allow_new_session {
                self.set_open(&host.host.name, false).await?;
                host.host.allow_new_session = false;
            }
        }
        self.emit(Event::Hosts(hosts));
        Ok(())
    }
}
