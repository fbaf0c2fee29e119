//! `rolloutMethod: existing`: nothing is deployed. Hosts of the version are started and let users in, and then the others are drained. It is the
//! way back after a replacement as well.

use std::collections::BTreeMap;

use futures::future::join_all;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::event::Event as Of;
use super::target::{self, Wanted};
use super::watch::{self, LOOK_AGAIN, Look, Told};
use super::{Host, Job, NotRolledOut, Refused, Seen, State, health, previous};

use crate::arm::operation::Status;
use crate::inputs::Rollout;
use crate::inputs::manifest::{HOST_COUNT, ROLLOUT_METHOD};
use crate::resource::ResourceId;
use crate::secret::Secret;

const TOO_FEW: &str = "AIB852";
const NOT_HEALTHY: &str = "AIB853";

/// How many hosts of the version there are, and how many there have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// So many hosts of the pool are of the version.
    pub there: usize,
    /// So many have to serve users before others are drained.
    pub needed: usize,
}

impl Count {
    /// Counts `hosts` as they are at `now`.
    pub fn of(request: &Rollout, hosts: &[Host], now: OffsetDateTime) -> Self {
        let serving = |wanted: bool| {
            let hosts = hosts.iter().filter(|host| host.is_wanted == wanted);
            let serving = hosts.filter(|host| {
                host.host.allow_new_session && health::of(&host.host, now).is_healthy()
            });
            u32::try_from(serving.count()).unwrap_or(u32::MAX)
        };
        let wanted = request.host_count.map_or(Wanted::Same, Wanted::Number);
        let needed = target::to_open(wanted, serving(false), serving(true));
        Self {
            there: hosts.iter().filter(|host| host.is_wanted).count(),
            needed: usize::try_from(needed).unwrap_or(usize::MAX),
        }
    }

    /// Whether there are enough.
    pub fn is_enough(self) -> bool {
        self.there >= self.needed
    }
}

/// What would be done, a line each; or why it cannot be done.
pub fn plan(job: &Job<'_>, seen: &Seen) -> Result<Vec<String>, NotRolledOut> {
    let count = counted(job, &seen.hosts)?;
    let names = |hosts: Vec<&Host>| {
        let names: Vec<&str> = hosts.iter().map(|host| host.host.name.as_str()).collect();
        names.join(", ")
    };
    let (own, others): (Vec<&Host>, Vec<&Host>) =
        seen.hosts.iter().partition(|host| host.is_wanted);
    let others: Vec<&Host> = others
        .into_iter()
        .filter(|host| host.host.allow_new_session)
        .collect();
    let mut lines = vec![
        format!("let users in on {}:  {}", hosts_of(own.len()), names(own)),
        format!(
            "needed, open and healthy, before any other is drained:  {}",
            count.needed
        ),
    ];
    if others.is_empty() {
        lines.push("drain:  no host".to_owned());
    } else {
        lines.push(format!(
            "drain {}:  {}",
            hosts_of(others.len()),
            names(others)
        ));
    }
    Ok(lines)
}

/// Lets users in on the hosts of the version, and drains the others.
pub async fn carry_out(job: &Job<'_>, seen: Seen) -> Result<State, NotRolledOut> {
    let count = counted(job, &seen.hosts)?;
    if let Some(image) = previous(&seen.hosts) {
        job.emit(Of::Previous(image));
    }
    let start = Instant::now();
    let own: Vec<&Host> = seen.hosts.iter().filter(|host| host.is_wanted).collect();
    let names: Vec<String> = own.iter().map(|host| host.host.name.clone()).collect();
    job.emit(Of::Step("start"));
    let mut starting = job.start(&own).await;
    job.emit(Of::Step("health"));
    let looks = if job.request.is_followed() {
        let until = start + job.request.health_limit;
        job.wait_for_own(&names, &mut starting, count.needed, until)
            .await
    } else {
        job.looked(&names, &mut starting).await
    };
    let (well, ill): (Vec<Look>, Vec<Look>) = looks.into_iter().partition(Look::is_healthy);
    if well.len() < count.needed {
        if !job.request.is_followed() {
            return Ok(State::Running);
        }
        return Err(too_few_healthy(job, count, &well, &ill).into());
    }
    job.emit(Of::Step("letIn"));
    for look in well.iter().filter(|look| !look.is_open) {
        job.set_open(&look.name, true).await?;
    }
    for look in ill.iter().filter(|look| look.is_open) {
        job.set_open(&look.name, false).await?;
    }
    if !ill.is_empty() {
        let text = format!(
            "{} of the version {}: {}",
            hosts_of(ill.len()),
            if ill.len() == 1 {
                "stays drained because it is not healthy"
            } else {
                "stay drained because they are not healthy"
            },
            watch::illnesses(&ill)
        );
        let hint = format!(
            "{} serve users, which is enough; repair the others or remove them from the host pool",
            well.len()
        );
        job.warn(NOT_HEALTHY, text, Some(hint));
    }
    job.emit(Of::Step("drain"));
    job.drain_others(count.needed).await?;
    Ok(State::Succeeded)
}

fn counted(job: &Job<'_>, hosts: &[Host]) -> Result<Count, NotRolledOut> {
    let count = Count::of(job.request, hosts, job.now());
    if count.is_enough() {
        return Ok(count);
    }
    let pool = job.request.pool.name();
    let text = format!(
        "Rolling out to host pool '{pool}' failed: {} of the version, and {} to serve users; nothing was changed",
        match count.there {
            0 => "no host of the pool is".to_owned(),
            1 => "1 host of the pool is".to_owned(),
            more => format!("{more} hosts of the pool are"),
        },
        has_or_have(count.needed)
    );
    let smaller = (count.there > 0).then(|| {
        format!(
            "; or set '{}' to {} if that many are enough",
            HOST_COUNT.name, count.there
        )
    });
    let hint = format!(
        "make hosts of the version with '{}: replace'{}",
        ROLLOUT_METHOD.name,
        smaller.unwrap_or_default()
    );
    Err(Refused::new(TOO_FEW, text, Some(hint)).into())
}

fn too_few_healthy(job: &Job<'_>, count: Count, well: &[Look], ill: &[Look]) -> Refused {
    let text = format!(
        "Rolling out to host pool '{}' failed: of the version {}, and {} to serve users: {}",
        job.request.pool.name(),
        match well.len() {
            0 => "no host is healthy".to_owned(),
            1 => "1 host is healthy".to_owned(),
            more => format!("{more} hosts are healthy"),
        },
        has_or_have(count.needed),
        watch::illnesses(ill)
    );
    let hint = "no host was drained: users work as before; repair the hosts that are named, and run the step again".to_owned();
    Refused::new(NOT_HEALTHY, text, Some(hint))
}

/// `1 has`, `3 have`.
fn has_or_have(count: usize) -> String {
    match count {
        1 => "1 has".to_owned(),
        more => format!("{more} have"),
    }
}

/// `1 host`, `3 hosts`.
pub(super) fn hosts_of(count: usize) -> String {
    match count {
        1 => "1 host".to_owned(),
        count => format!("{count} hosts"),
    }
}

/// A VM that was asked to start.
struct Starting {
    machine: ResourceId,
    operation: Option<Secret>,
    /// Why it does not start.
    refused: Option<String>,
}

impl Job<'_> {
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
            self.emit(Of::Changed);
            self.emit(Of::Line(format!("starting {}...", host.host.name)));
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
    async fn looked(
        &self,
        names: &[String],
        starting: &mut BTreeMap<String, Starting>,
    ) -> Vec<Look> {
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
        let mut looks = self.look_at(names).await;
        for look in &mut looks {
            let refused = starting.get(&look.name).and_then(|one| one.refused.clone());
            if let (Some(refused), health::Health::Ill { reasons }) = (refused, &mut look.health) {
                reasons.push(refused);
            }
        }
        looks
    }

    /// Waits for the canaries, then for all, until all are healthy, or the time is over; the last looks.
    async fn wait_for_own(
        &self,
        names: &[String],
        starting: &mut BTreeMap<String, Starting>,
        needed: usize,
        until: Instant,
    ) -> Vec<Look> {
        let canaries = usize::try_from(self.request.canary).unwrap_or(usize::MAX);
        let canaries = canaries.min(names.len());
        let mut told = Told::new();
        let mut passed = canaries == 0 || canaries >= names.len();
        loop {
            let looks = self.looked(names, starting).await;
            told.tell(self, &looks);
            let healthy = watch::healthy(&looks);
            if !passed && (canaries..names.len()).contains(&healthy) {
                passed = true;
                self.emit(Of::Line(format!(
                    "canary:  {} of the version healthy, waiting for the others",
                    hosts_of(healthy)
                )));
            }
            // Whose start was refused does not get better by waiting.
            let hopeless = |look: &Look| {
                let one = starting.get(&look.name);
                !look.is_healthy() && one.is_some_and(|one| one.refused.is_some())
            };
            let open = looks.iter().filter(|look| hopeless(look)).count();
            if healthy + open >= names.len() || names.len() - open < needed {
                return looks;
            }
            if Instant::now() + LOOK_AGAIN > until {
                return looks;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Drains every open host of another version, as long as `needed` ones of the version are open and healthy. It goes by a new list, because
    /// somebody may have changed something meanwhile.
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
                hosts_of(serving),
                has_or_have(needed)
            );
            let hint = "no host of another version was drained; run the step again".to_owned();
            return Err(Refused::new(NOT_HEALTHY, text, Some(hint)).into());
        }
        let mut hosts = hosts;
        for host in hosts.iter_mut().filter(|host| !host.is_wanted) {
            if host.host.allow_new_session {
                self.set_open(&host.host.name, false).await?;
                host.host.allow_new_session = false;
            }
        }
        self.emit(Of::Hosts(hosts));
        Ok(())
    }

    /// Opens a host for new sessions, or drains it, and says so.
    pub(super) async fn set_open(&self, name: &str, open: bool) -> Result<(), NotRolledOut> {
        self.drain(name, open).await?;
        let name = name.to_owned();
        self.emit(Of::Line(if open {
            format!("{name}:  lets users in")
        } else {
            format!("{name}:  drained")
        }));
        Ok(())
    }
}
