//! Reading the versions, the session hosts of the pools with the VMs behind them, and the other machines. None stops another.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http::StatusCode;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Events};
use super::outcome::{Definition, Machine, Outcome, Place, Runs, Unseen};
use super::standing::{Standing, standing};
use crate::arm::desktops::{self, MachineImage, SessionHost};
use crate::arm::gallery::{Version, latest};
use crate::arm::image_users::ImageUser;
use crate::arm::{Arm, Failure};
use crate::error::Error;
use crate::inputs::Fleet;
use crate::resource::{ResourceId, quoted};

/// So many VMs of which there is something to say are looked at once more.
const MOST_ASKED: usize = 500;
/// So many VMs are read at a time.
const AT_ONCE: usize = 8;
/// The service answers ten lists of session hosts in five minutes.
const PAUSE: Duration = Duration::from_secs(65);
/// So often a list is asked for that the service has no more of.
const MOST_TRIES: u32 = 6;

/// What every look needs.
struct Look<'a> {
    fleet: &'a Fleet,
    arm: &'a Arm,
    events: &'a dyn Events,
}

/// Looks at everything; `outcome` holds at any time what was seen so far.
pub async fn report(
    fleet: &Fleet,
    arm: &Arm,
    events: &dyn Events,
    stop: &CancellationToken,
    outcome: &mut Outcome,
) {
    let look = Look { fleet, arm, events };
    tokio::select! {
        biased;
        () = stop.cancelled() => outcome.errors.insert(0, Error::Canceled),
        () = look.everything(outcome) => {}
    }
}

impl Look<'_> {
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
        judge(outcome, now);
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
                outcome.looked = true;
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
                outcome.miss(what, &failure, hint);
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
                return outcome.miss(what, &failure, hint);
            }
        };
        outcome.looked = true;
        self.events.emit(Event::Hosts {
            pool: pool.name().to_owned(),
            hosts: hosts.len(),
            sessions: hosts.iter().filter_map(|host| host.sessions).sum(),
        });
        let unread = self.machines_of(pool, hosts, outcome).await;
        if let Some(first) = unread.first() {
            let what = match unread.len() {
                1 => format!("the VM of 1 session host of host pool '{}'", pool.name()),
                count => format!(
                    "the VMs of {count} session hosts of host pool '{}'",
                    pool.name()
                ),
            };
            let hint = format!(
                "assign role 'Reader' to the principal of the service connection on the resource group of the VMs: az role assignment create --assignee {{object id}} --role Reader --scope {}",
                quoted(&pool.group().to_string())
            );
            outcome.miss(what, first, hint);
        }
    }

    /// Adds the session hosts of a pool with the VMs behind them; why some of these could not be read.
    async fn machines_of(
        &self,
        pool: &ResourceId,
        hosts: Vec<SessionHost>,
        outcome: &mut Outcome,
    ) -> Vec<Failure> {
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
            let (region, runs) = match machine {
                Ok(Some(machine)) => self.seen(machine),
                Ok(None) => (None, Runs::Gone),
                Err(failure) => {
                    unread.push(failure);
                    (None, Runs::Unseen)
                }
            };
            outcome.machines.push(Machine {
                name: host.name,
                id: host.machine.map(|id| id.to_string()),
                region,
                place: Place::Pool {
                    pool: pool.clone(),
                    status: host.status,
                    sessions: host.sessions,
                    open: host.allow_new_session,
                },
                runs,
                standing: Standing::default(),
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

    fn seen(&self, machine: desktops::Machine) -> (Option<String>, Runs) {
        let region = Some(machine.region).filter(|region| !region.is_empty());
        (region, self.runs(&machine.image))
    }

    fn runs(&self, image: &MachineImage) -> Runs {
        let version = image.version();
        let of = |version: &ResourceId| version.parent();
        match version {
            Some(version)
                if of(&version).is_some_and(|it| self.fleet.definitions.contains(&it)) =>
            {
                Runs::Version(version)
            }
            Some(_) | None => Runs::Other(image.to_string()),
        }
    }

    /// VMs and scale sets that are no session hosts of the pools; whether they could be looked for.
    async fn others(&self, outcome: &mut Outcome) -> bool {
        let known: BTreeSet<String> = outcome
            .machines
            .iter()
            .filter_map(|machine| machine.id.as_deref())
            .map(str::to_lowercase)
            .collect();
        let mut users = Vec::new();
        for definition in &self.fleet.definitions {
            let name = definition.name();
            let doing = format!("Finding the VMs and scale sets of image definition '{name}'");
            match self.arm.machines_of(&doing, definition).await {
                Ok(found) => users.extend(found),
                Err(failure) => {
                    let what = format!(
                        "the VMs and scale sets of image definition '{name}' outside of the host pools"
                    );
                    let hint = "check that this cloud has Azure Resource Graph, and that the principal of the service connection has role 'Reader' on the subscriptions with the VMs".to_owned();
                    outcome.miss_refused(what, &failure, hint);
                    return false;
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
        true
    }

    /// Azure Resource Graph is behind by minutes: a VM of which there is something to say must still be there. What cannot be read stays as it was told.
    async fn drop_what_is_gone(&self, outcome: &mut Outcome) {
        let suspect = |machine: &&Machine| {
            machine.place == Place::Virtual && machine.standing != Standing::default()
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
                || machine.place != Place::Virtual
        });
    }

    fn other(&self, user: ImageUser, definitions: &[Definition]) -> Machine {
        let is_set = user.is_scale_set();
        let image = MachineImage {
            id: Some(user.image),
            exact: user.exact,
            marketplace: None,
        };
        let mut runs = self.runs(&image);
        if is_set && matches!(runs, Runs::Other(_)) {
            runs = follows_latest(&image, definitions, user.region.as_deref()).unwrap_or(runs);
        }
        let name = user.id.rsplit('/').next().unwrap_or_default();
        Machine {
            name: name.to_owned(),
            region: user.region,
            place: if is_set {
                Place::ScaleSet
            } else {
                Place::Virtual
            },
            runs,
            standing: Standing::default(),
            id: Some(user.id),
        }
    }
}

/// A scale set that names the definition makes its next machines of the version that is the latest then.
fn follows_latest(
    image: &MachineImage,
    definitions: &[Definition],
    region: Option<&str>,
) -> Option<Runs> {
    let id: ResourceId = image.id.as_deref()?.parse().ok()?;
    let parent = id.parent();
    let named = |definition: &&Definition| {
        definition.id == id || parent.as_ref().is_some_and(|it| *it == definition.id)
    };
    let definition = definitions.iter().find(named)?;
    let version = latest(definition.versions.as_deref()?, region?)?;
    let version = format!("{}/versions/{}", definition.id, version.name);
    Some(Runs::Version(version.parse().ok()?))
}

/// Says of each machine what its version means.
fn judge(outcome: &mut Outcome, now: OffsetDateTime) {
    let definitions = &outcome.definitions;
    for machine in &mut outcome.machines {
        let unknown = Standing {
            unknown: true,
            ..Standing::default()
        };
        machine.standing = match &machine.runs {
            Runs::Unseen => Standing::default(),
            Runs::Gone | Runs::Other(_) => unknown,
            Runs::Version(id) => match versions_of(definitions, id) {
                // They could not be read, which is said.
                None => Standing::default(),
                Some(versions) => match versions.iter().find(|it| is(it, id)) {
                    Some(version) => standing(versions, version, machine.region.as_deref(), now),
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

fn assign(role: &str, scope: &ResourceId) -> String {
    format!(
        "assign a role such as '{role}' to the principal of the service connection: az role assignment create --assignee {{object id}} --role {} --scope {}",
        quoted(role),
        quoted(scope.as_str())
    )
}

impl Outcome {
    /// Takes note of what could not be read: a permission that is missing is named, everything else fails the step.
    fn miss(&mut self, what: String, failure: &Failure, hint: String) {
        if failure.is(StatusCode::FORBIDDEN) {
            self.unseen.push(Unseen {
                what,
                why: failure.to_string(),
                hint,
            });
        } else {
            self.errors.push(Error::Azure(failure.clone()));
        }
    }

    /// The same where every answer that says no counts as a missing permission.
    fn miss_refused(&mut self, what: String, failure: &Failure, hint: String) {
        if failure.says_no() {
            self.unseen.push(Unseen {
                what,
                why: failure.to_string(),
                hint,
            });
        } else {
            self.errors.push(Error::Azure(failure.clone()));
        }
    }
}
