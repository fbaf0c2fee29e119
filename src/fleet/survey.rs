//! Reading the versions, the session hosts of the pools with the VMs behind them, and the other machines. A failure of one stops no other.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http::StatusCode;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Events};
use super::judgement::{Judgement, judge};
use super::outcome::{Definition, Machine, MachineKind, NotRead, Outcome, RunningImage};
use crate::arm::desktops::SessionHost;
use crate::arm::gallery::{Version, latest};
use crate::arm::image_users::ImageUser;
use crate::arm::machine_image::MachineImage;
use crate::arm::{self, Arm, Failure};
use crate::error::Error;
use crate::inputs::Fleet;
use crate::resource::{ResourceGroupId, ResourceId, quoted};

/// How many VMs with something wrong are read again.
const MOST_ASKED: usize = 500;
/// How many VMs are read at a time.
const AT_ONCE: usize = 8;
/// How many resource groups are named in a hint.
const MOST_GROUPS: usize = 5;
/// The service answers ten lists of session hosts in five minutes.
const PAUSE: Duration = Duration::from_secs(65);
/// How often a list is asked for that the service has no more of.
const MOST_TRIES: u32 = 6;

/// What every part of a report needs.
struct Survey<'a> {
    fleet: &'a Fleet,
    arm: &'a Arm,
    events: &'a dyn Events,
}

/// Reads everything; `outcome` holds at any time what was read so far.
pub async fn report(
    fleet: &Fleet,
    arm: &Arm,
    events: &dyn Events,
    stop: &CancellationToken,
    outcome: &mut Outcome,
) {
    let survey = Survey { fleet, arm, events };
    tokio::select! {
        biased;
        () = stop.cancelled() => outcome.errors.insert(0, Error::Canceled),
        () = survey.everything(outcome) => {}
    }
}

impl Survey<'_> {
    async fn everything(&self, outcome: &mut Outcome) {
        for definition in &self.fleet.definitions {
            self.versions(definition, outcome).await;
        }
        for pool in &self.fleet.host_pools {
            self.pool(pool, outcome).await;
        }
        let found = self.others(outcome).await;
        let now = self.arm.client.azure_time();
        let now = now.unwrap_or_else(OffsetDateTime::now_utc);
        judge_all(outcome, now);
        if found {
            self.drop_what_is_gone(outcome).await;
            let others = outcome.machines.len() - outcome.hosts().count();
            self.events.emit(Event::Machines { count: others });
        }
        outcome.now = Some(now);
    }

    async fn versions(&self, definition: &ResourceId, outcome: &mut Outcome) {
        let found = self.arm.versions(definition).await;
        let name = definition.name();
        let versions = match found {
            Ok(versions) => {
                outcome.has_read = true;
                self.events.emit(Event::Versions {
                    definition: name.to_owned(),
                    count: versions.len(),
                });
                Some(versions)
            }
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => {
                outcome.errors.push(Error::NoDefinition {
                    definition: definition.clone(),
                });
                None
            }
            Err(failure) => {
                let what = format!("the versions of image definition '{name}'");
                let hint = assign("Image Builder Task report", definition);
                outcome.could_not_read(what, &failure, hint, is_forbidden(&failure));
                None
            }
        };
        outcome.definitions.push(Definition {
            id: definition.clone(),
            versions,
        });
    }

    async fn pool(&self, pool: &ResourceId, outcome: &mut Outcome) {
        let hosts = match self.hosts(pool).await {
            Ok(hosts) => hosts,
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => {
                let pool = pool.clone();
                return outcome.errors.push(Error::NoHostPool { pool });
            }
            Err(failure) => {
                let what = format!("the session hosts of host pool '{}'", pool.name());
                let hint = assign("Desktop Virtualization Reader", pool);
                return outcome.could_not_read(what, &failure, hint, is_forbidden(&failure));
            }
        };
        outcome.has_read = true;
        self.events.emit(Event::Hosts {
            pool: pool.name().to_owned(),
            hosts: hosts.len(),
            sessions: hosts.iter().filter_map(|host| host.sessions).sum(),
        });
        let unread = self.machines_of(pool, hosts, outcome).await;
        let (refused, failed): (Vec<_>, Vec<_>) = unread
            .into_iter()
            .partition(|(_, failure)| is_forbidden(failure));
        if let Some((_, first)) = refused.first() {
            let what = match refused.len() {
                1 => format!("the VM of 1 session host of host pool '{}'", pool.name()),
                count => format!(
                    "the VMs of {count} session hosts of host pool '{}'",
                    pool.name()
                ),
            };
            outcome.could_not_read(what, first, read_machines(&refused), true);
        }
        // One failure of a kind says enough.
        let errors = failed.into_iter().map(|(_, failure)| Error::Azure(failure));
        outcome.errors.extend(errors.take(1));
    }

    /// Adds the session hosts of a pool with the VMs behind them; why some of these could not be read.
    async fn machines_of(
        &self,
        pool: &ResourceId,
        hosts: Vec<SessionHost>,
        outcome: &mut Outcome,
    ) -> Vec<(ResourceId, Failure)> {
        let read = |host: SessionHost| async {
            let machine = match &host.machine {
                Some(id) => self.arm.machine(id).await,
                None => Ok(None),
            };
            (host, machine)
        };
        // In the order of the list.
        let read: Vec<_> = stream::iter(hosts)
            .map(read)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut unread = Vec::new();
        for (host, machine) in read {
            let (region, image) = match machine {
                Ok(Some(machine)) => self.region_and_image(&machine),
                Ok(None) => (None, RunningImage::NoVm),
                Err(failure) => {
                    unread.extend(host.machine.clone().map(|id| (id, failure)));
                    (None, RunningImage::NotRead)
                }
            };
            outcome.machines.push(Machine {
                name: host.name,
                id: host.machine.map(|id| id.to_string()),
                region,
                kind: MachineKind::SessionHost {
                    pool: pool.clone(),
                    status: host.status,
                    sessions: host.sessions,
                    open: host.allow_new_session,
                },
                image,
                judgement: Judgement::default(),
            });
        }
        unread
    }

    /// The list of a pool; where the service has no more lists for now, as soon as it has.
    async fn hosts(&self, pool: &ResourceId) -> Result<Vec<SessionHost>, Failure> {
        let mut tries = 1;
        loop {
            match self.arm.session_hosts(pool).await {
                Err(failure) if failure.is(StatusCode::TOO_MANY_REQUESTS) && tries < MOST_TRIES => {
                    tries += 1;
                    self.events.emit(Event::Waiting {
                        pool: pool.name().to_owned(),
                        pause: PAUSE,
                    });
                    tokio::time::sleep(PAUSE).await;
                }
                other => return other,
            }
        }
    }

    fn region_and_image(&self, machine: &arm::machine::Machine) -> (Option<String>, RunningImage) {
        let region = Some(machine.region.clone()).filter(|region| !region.is_empty());
        (region, self.running_image(&machine.image))
    }

    fn running_image(&self, image: &MachineImage) -> RunningImage {
        let version = image.version();
        let of = |version: &ResourceId| version.parent();
        match version {
            Some(version)
                if of(&version).is_some_and(|it| self.fleet.definitions.contains(&it)) =>
            {
                RunningImage::Version(version)
            }
            Some(_) | None => RunningImage::Other(image.to_string()),
        }
    }

    /// VMs and scale sets that are no session hosts of the pools; whether those of any definition could be listed.
    async fn others(&self, outcome: &mut Outcome) -> bool {
        let known: BTreeSet<String> = outcome
            .machines
            .iter()
            .filter_map(|machine| machine.id.as_deref())
            .map(str::to_lowercase)
            .collect();
        let (mut users, mut found_any) = (Vec::new(), false);
        for definition in &self.fleet.definitions {
            let name = definition.name();
            let doing = format!("Finding the VMs and scale sets of image definition '{name}'");
            match self.arm.machines_of(&doing, definition).await {
                Ok(found) => {
                    found_any = true;
                    users.extend(found);
                }
                Err(failure) => {
                    let what = format!(
                        "the VMs and scale sets of image definition '{name}' outside of the host pools"
                    );
                    let hint = "check that this cloud has Azure Resource Graph, and that the principal of the service connection has role 'Reader' on the subscriptions with the VMs".to_owned();
                    // Whatever says no counts as a permission that is missing.
                    outcome.could_not_read(what, &failure, hint, failure.says_no());
                }
            }
        }
        users.retain(|user| !known.contains(&user.id.to_lowercase()));
        users.sort_by_cached_key(|user| user.id.to_lowercase());
        users.dedup_by(|one, other| one.id.eq_ignore_ascii_case(&other.id));
        let machines: Vec<Machine> = users
            .into_iter()
            .map(|user| self.other(user, &outcome.definitions))
            .collect();
        outcome.machines.extend(machines);
        found_any
    }

    /// Azure Resource Graph is minutes old: a VM with something wrong is read again, and left out if it is gone. One that cannot be read stays.
    async fn drop_what_is_gone(&self, outcome: &mut Outcome) {
        let suspect = |machine: &&Machine| {
            machine.kind == MachineKind::Vm && machine.judgement != Judgement::default()
        };
        let suspects = outcome.machines.iter().filter(suspect);
        let ids: Vec<ResourceId> = suspects
            .filter_map(|machine| machine.id.as_deref()?.parse().ok())
            .take(MOST_ASKED)
            .collect();
        let look = |id: ResourceId| async {
            let is_gone = matches!(self.arm.machine(&id).await, Ok(None));
            is_gone.then_some(id)
        };
        let gone: Vec<ResourceId> = stream::iter(ids)
            .map(look)
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        outcome.machines.retain(|machine| {
            let id = machine.id.as_deref().unwrap_or_default();
            !gone
                .iter()
                .any(|gone| gone.as_str().eq_ignore_ascii_case(id))
                || machine.kind != MachineKind::Vm
        });
    }

    fn other(&self, user: ImageUser, definitions: &[Definition]) -> Machine {
        let is_set = user.is_scale_set();
        let named = MachineImage {
            id: Some(user.image),
            exact: user.exact,
            marketplace: None,
        };
        let mut image = self.running_image(&named);
        if is_set && matches!(image, RunningImage::Other(_)) {
            image = follows_latest(&named, definitions, user.region.as_deref()).unwrap_or(image);
        }
        let name = user.id.rsplit('/').next().unwrap_or_default();
        Machine {
            name: name.to_owned(),
            region: user.region,
            kind: if is_set {
                MachineKind::ScaleSet
            } else {
                MachineKind::Vm
            },
            image,
            judgement: Judgement::default(),
            id: Some(user.id),
        }
    }
}

/// A scale set that names the definition makes its next machines of the version that is the latest then.
fn follows_latest(
    image: &MachineImage,
    definitions: &[Definition],
    region: Option<&str>,
) -> Option<RunningImage> {
    let id: ResourceId = image.id.as_deref()?.parse().ok()?;
    let parent = id.parent();
    let named = |definition: &&Definition| {
        definition.id == id || parent.as_ref().is_some_and(|it| *it == definition.id)
    };
    let definition = definitions.iter().find(named)?;
    let version = latest(definition.versions.as_deref()?, region?)?;
    let version = format!("{}/versions/{}", definition.id, version.name);
    Some(RunningImage::Version(version.parse().ok()?))
}

/// Says of each machine what is wrong with its version.
fn judge_all(outcome: &mut Outcome, now: OffsetDateTime) {
    let definitions = &outcome.definitions;
    for machine in &mut outcome.machines {
        let unknown = Judgement {
            unknown: true,
            ..Judgement::default()
        };
        machine.judgement = match &machine.image {
            RunningImage::NotRead => Judgement::default(),
            RunningImage::NoVm | RunningImage::Other(_) => unknown,
            RunningImage::Version(id) => match versions_of(definitions, id) {
                // They could not be read, which is said.
                None => Judgement::default(),
                Some(versions) => match versions.iter().find(|it| is(it, id)) {
                    Some(version) => judge(versions, version, machine.region.as_deref(), now),
                    None => unknown,
                },
            },
        };
    }
}

/// The versions of the definition of `version`, if they could be read.
fn versions_of<'a>(definitions: &'a [Definition], version: &ResourceId) -> Option<&'a [Version]> {
    let definition = version.parent()?;
    let found = definitions.iter().find(|it| it.id == definition)?;
    found.versions.as_deref()
}

fn is(version: &Version, id: &ResourceId) -> bool {
    version.name.eq_ignore_ascii_case(id.name())
}

fn is_forbidden(failure: &Failure) -> bool {
    failure.is(StatusCode::FORBIDDEN)
}

/// How to be permitted to read VMs, which need not be where their host pool is.
fn read_machines(refused: &[(ResourceId, Failure)]) -> String {
    let mut groups: Vec<ResourceGroupId> = Vec::new();
    for group in refused.iter().map(|(id, _)| id.group()) {
        let mut known = groups.iter();
        if !known.any(|known| known.to_string().eq_ignore_ascii_case(&group.to_string())) {
            groups.push(group);
        }
    }
    let mut commands: Vec<String> = groups
        .iter()
        .take(MOST_GROUPS)
        .map(|group| {
            format!(
                "az role assignment create --assignee <object id of its principal> --role Reader --scope {}",
                quoted(&group.to_string())
            )
        })
        .collect();
    if let Some(more) = groups
        .len()
        .checked_sub(MOST_GROUPS)
        .filter(|more| *more > 0)
    {
        commands.push(format!("and likewise for {more} more"));
    }
    let what = match groups.len() {
        1 => "the resource group of the VMs",
        _ => "each resource group of the VMs",
    };
    format!(
        "assign role 'Reader' to the principal of the service connection on {what}: {}",
        commands.join("; ")
    )
}

fn assign(role: &str, scope: &ResourceId) -> String {
    format!(
        "assign a role such as '{role}' to the principal of the service connection: az role assignment create --assignee <object id of its principal> --role {} --scope {}",
        quoted(role),
        quoted(scope.as_str())
    )
}

impl Outcome {
    /// Takes note of what could not be read. A refusal is named; everything else fails the step.
    fn could_not_read(&mut self, what: String, failure: &Failure, hint: String, is_refusal: bool) {
        if is_refusal {
            self.not_read.push(NotRead {
                what,
                why: failure.to_string(),
                hint,
            });
        } else {
            self.errors.push(Error::Azure(failure.clone()));
        }
    }
}
