//! One step that rolls an image out: what is asked for, the way to Azure, and what is known of the hosts.

use crate::resource::tag;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::event::{Event, Events, KeptHost, Warning};
use super::host::{Host, deletion_command, is_wanted, removal_command};
use super::outcome::{NotRolledOut, RolloutState};
use crate::arm::Arm;
use crate::arm::desktops::{ImageInfo, Lists, SessionHost};
use crate::arm::machine::Machine;
use crate::check::image_traits::ImageTraits;
use crate::inputs::Rollout;
use crate::resource::{ResourceGroupId, ResourceId};

/// How its value begins where the host was kept.
const REPLACED: &str = "replaced-by:";
/// How long the list at the end of a roll-out that failed may take.
const LISTED_WITHIN: Duration = Duration::from_secs(60);
/// How many VMs are read at a time.
const AT_ONCE: usize = 8;

/// A step at work. Each method, and what they have in common, is an `impl` of it in a file of its own.
pub(super) struct RolloutStep<'a> {
    /// What is asked for.
    pub(super) request: &'a Rollout,
    /// The way to Azure.
    pub(super) arm: &'a Arm,
    /// Who listens to the events.
    pub(super) events: &'a dyn Events,
    /// The lists of session hosts.
    pub(super) lists: Lists,
    /// What goes on in Azure because of this step.
    ongoing: Mutex<Option<Ongoing>>,
    /// The VMs that were read, by their ids in lower case.
    machines: Mutex<BTreeMap<String, Machine>>,
    /// The hosts as they were last.
    last: Mutex<Vec<Host>>,
    /// What Azure says of the image, once it was asked.
    pub(super) traits: OnceCell<ImageTraits>,
    /// Whether something was changed.
    changed: AtomicBool,
}

/// What goes on in Azure because of a step, and has to be dealt with when the step is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ongoing {
    /// A deployment.
    Deployment {
        /// Its resource group.
        group: ResourceGroupId,
        /// Its name.
        name: String,
        /// The VMs that it makes.
        machines: Vec<ResourceId>,
    },
    /// A change of the session host configuration; no update has started.
    Configuration {
        /// To which image.
        to: String,
        /// The image that it had, where that is known.
        from: Option<ImageInfo>,
    },
    /// An update that was asked for, and does not show yet.
    RequestedUpdate,
    /// An update, with its last known status.
    Update(String),
}

impl<'a> RolloutStep<'a> {
    /// A step that has done nothing yet.
    pub(super) fn new(request: &'a Rollout, arm: &'a Arm, events: &'a dyn Events) -> Self {
        Self {
            request,
            arm,
            events,
            lists: Lists::default(),
            ongoing: Mutex::default(),
            machines: Mutex::default(),
            last: Mutex::default(),
            traits: OnceCell::new(),
            changed: AtomicBool::new(false),
        }
    }

    /// There is nothing to do.
    pub(super) fn nothing(&self, why: &'static str) -> RolloutState {
        self.events.emit(Event::Nothing { why });
        RolloutState::Nothing
    }

    /// Azure's clock.
    pub(super) fn now(&self) -> OffsetDateTime {
        let azure = self.arm.client.azure_time();
        azure.unwrap_or_else(OffsetDateTime::now_utc)
    }

    /// Tells the listener. The last list follows what is told of hosts.
    pub(super) fn emit(&self, event: Event) {
        match &event {
            Event::Hosts(hosts) => {
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                last.clone_from(hosts);
            }
            Event::Changed => self.changed.store(true, Ordering::Relaxed),
            _ => {}
        }
        self.events.emit(event);
    }

    /// The hosts as they were listed last, with what was changed since.
    pub(super) fn last_hosts(&self) -> Vec<Host> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    /// Tells the listener of something that does not end the step.
    pub(super) fn warn(&self, code: &'static str, text: String, hint: Option<String>) {
        let warning = Warning { code, text, hint };
        self.events.emit(Event::Warning(warning));
    }

    /// One session host as it is now; nothing if it is gone.
    pub(super) async fn host(&self, name: &str) -> Result<Option<SessionHost>, NotRolledOut> {
        let pool = &self.request.pool;
        Ok(self.arm.session_host(pool, name).await?)
    }

    /// Lets users in to a host where it is to be `open`, else drains it. A host that is gone needs neither.
    pub(super) async fn allow_new_sessions(
        &self,
        name: &str,
        open: bool,
    ) -> Result<(), NotRolledOut> {
        self.emit(Event::Changed);
        let pool = &self.request.pool;
        self.arm.let_in(pool, name, open).await?;
        self.note_open(name, open);
        Ok(())
    }

    /// Changes the last list, which result and summary show.
    fn note_open(&self, name: &str, open: bool) {
        let mut hosts = self.last_hosts();
        let changed = hosts
            .iter_mut()
            .find(|host| host.host.name.eq_ignore_ascii_case(name));
        if let Some(changed) = changed {
            changed.host.allow_new_session = open;
            self.emit(Event::Hosts(hosts));
        }
    }

    /// Takes a host that is not in the pool any more off the last list.
    pub(super) fn note_gone(&self, name: &str) {
        let mut hosts = self.last_hosts();
        let before = hosts.len();
        hosts.retain(|host| !host.host.name.eq_ignore_ascii_case(name));
        if hosts.len() < before {
            self.emit(Event::Hosts(hosts));
        }
    }

    /// The same, with a line in the log.
    pub(super) async fn set_open(&self, name: &str, open: bool) -> Result<(), NotRolledOut> {
        self.allow_new_sessions(name, open).await?;
        let name = name.to_owned();
        self.emit(Event::Line(if open {
            format!("{name}:  lets users in")
        } else {
            format!("{name}:  drained")
        }));
        Ok(())
    }

    /// All hosts of the pool, as soon as it is time for a list, each with its VM. A VM that was read is not read again.
    pub(super) async fn hosts(&self) -> Result<Vec<Host>, NotRolledOut> {
        let list = self.lists.hosts(self.arm, &self.request.pool).await?;
        self.with_machines(list).await
    }

    /// The same at the end of an update, with every VM read again: one may have taken the name of another.
    pub(super) async fn hosts_anew(&self) -> Result<Vec<Host>, NotRolledOut> {
        self.machines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let pool = &self.request.pool;
        let list = self.lists.hosts_at_once(self.arm, pool).await?;
        self.with_machines(list).await
    }

    /// The hosts as they are when a roll-out has failed: others may have drained some, and some may have registered since the last list. What cannot
    /// be read within a minute stays as it was.
    pub(super) async fn list_at_end(&self) {
        self.list_within(LISTED_WITHIN).await;
    }

    /// The same within `limit`. Where nothing was changed, the list from before tells enough.
    pub(super) async fn list_within(&self, limit: Duration) {
        if !self.changed.load(Ordering::Relaxed) {
            return;
        }
        let list = async {
            let list = self.lists.hosts_at_once(self.arm, &self.request.pool);
            self.with_machines(list.await?).await
        };
        timeout(limit, list).await.ok();
    }

    /// The hosts of a list with their VMs.
    pub(super) async fn with_machines(
        &self,
        list: Vec<SessionHost>,
    ) -> Result<Vec<Host>, NotRolledOut> {
        let hosts: Vec<Host> = stream::iter(list)
            .map(|host| self.with_machine(host))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        self.emit(Event::Hosts(hosts.clone()));
        Ok(hosts)
    }

    /// A host with its VM.
    pub(super) async fn with_machine(&self, host: SessionHost) -> Result<Host, NotRolledOut> {
        let machine = match &host.machine {
            Some(id) => self.machine(id).await?,
            None => None,
        };
        let wanted = &self.request.image;
        let is_wanted = machine
            .as_ref()
            .is_some_and(|machine| is_wanted(wanted, &machine.image));
        Ok(Host {
            host,
            machine,
            is_wanted,
        })
    }

    /// Notes that a VM has got a tag.
    pub(super) fn note_tag(&self, id: &ResourceId, name: &str, value: &str) {
        let machines = self.machines.lock();
        let mut machines = machines.unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = machines.get_mut(&id.as_str().to_lowercase()) {
            machine
                .tags
                .retain(|known, _| !known.eq_ignore_ascii_case(name));
            machine.tags.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The value of a tag of a VM that was read.
    fn tag_of(&self, id: &ResourceId, name: &str) -> Option<String> {
        let machines = self.machines.lock();
        let machines = machines.unwrap_or_else(PoisonError::into_inner);
        let machine = machines.get(&id.as_str().to_lowercase())?;
        machine.tag(name).map(str::to_owned)
    }

    async fn machine(&self, id: &ResourceId) -> Result<Option<Machine>, NotRolledOut> {
        let key = id.as_str().to_lowercase();
        let known = self.machines.lock();
        let known = known
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if known.is_some() {
            return Ok(known);
        }
        let machine = self.arm.machine(id).await?;
        if let Some(machine) = &machine {
            let machines = self.machines.lock();
            let mut machines = machines.unwrap_or_else(PoisonError::into_inner);
            machines.insert(key, machine.clone());
        }
        Ok(machine)
    }

    /// The hosts that this roll-out or an earlier one has kept, by the tags of their VMs as they were read or written last.
    pub(super) fn kept_hosts(&self) -> Vec<KeptHost> {
        let hosts = self.last_hosts().into_iter();
        let drained = hosts.filter(|host| !host.is_wanted && !host.is_open());
        let kept = drained.filter_map(|host| {
            let machine = host.host.machine.clone()?;
            let tag = self.tag_of(&machine, tag::ROLLOUT)?;
            tag.starts_with(REPLACED).then(|| KeptHost {
                name: host.name().to_owned(),
                tag,
                commands: vec![
                    removal_command(&self.request.pool, host.name()),
                    deletion_command(&machine),
                ],
                machine,
            })
        });
        kept.collect()
    }

    /// Notes what goes on from now on.
    pub(super) fn note_ongoing(&self, ongoing: Ongoing) {
        *self.ongoing.lock().unwrap_or_else(PoisonError::into_inner) = Some(ongoing);
    }

    /// What goes on, for who deals with it.
    pub(super) fn take_ongoing(&self) -> Option<Ongoing> {
        let mut ongoing = self.ongoing.lock().unwrap_or_else(PoisonError::into_inner);
        ongoing.take()
    }

    /// Nothing goes on any more.
    pub(super) fn forget_ongoing(&self) {
        self.take_ongoing();
    }
}
