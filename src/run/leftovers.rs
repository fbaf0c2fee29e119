//! The list of what a build may leave in Azure: each thing is registered before it is made, and removed after it has served, or named with the command
//! that removes it.

use super::event::{Event, Events};
use super::leftover::{KeepReason, Leftover, NotRemoved, Ownership};

/// The things that may exist now. Every change is told to the listener at once, who keeps it where a later step finds it.
pub struct Leftovers<'a> {
    events: &'a dyn Events,
    all: Vec<(Leftover, Ownership)>,
}

impl<'a> Leftovers<'a> {
    /// Nothing yet.
    pub fn none(events: &'a dyn Events) -> Self {
        Self::registered(events, Vec::new())
    }

    /// What an earlier step registered; nothing is said.
    pub fn registered(events: &'a dyn Events, all: Vec<(Leftover, Ownership)>) -> Self {
        Self { events, all }
    }

    /// To be called before the request that may make `leftover`, whose tags name `run`.
    pub fn register(&mut self, leftover: Leftover, run: &str) {
        let ownership = match &leftover {
            // The name is of this process's making.
            Leftover::Blob(_) | Leftover::BlobByKey(_) => Ownership::Ours,
            Leftover::Template { .. }
            | Leftover::Vm { .. }
            | Leftover::Nic { .. }
            | Leftover::Disk { .. }
            | Leftover::Unknown(_) => Ownership::ByTag {
                run: run.to_owned(),
            },
        };
        self.all.push((leftover.clone(), ownership));
        self.events.emit(Event::Registered(leftover));
    }

    /// As [`Self::register`], unless it is registered already. Whether it was not.
    pub(super) fn register_once(&mut self, leftover: &Leftover, run: &str) -> bool {
        let is_new = !self.all.iter().any(|(known, _)| known == leftover);
        if is_new {
            self.register(leftover.clone(), run);
        }
        is_new
    }

    /// `leftover` is proven to be ours.
    pub fn confirm_ours(&mut self, leftover: &Leftover) {
        for (known, ownership) in &mut self.all {
            if known == leftover {
                *ownership = Ownership::Ours;
            }
        }
    }

    /// `leftover` is proven not to be ours.
    pub fn confirm_not_ours(&mut self, leftover: &Leftover) {
        for (known, ownership) in &mut self.all {
            if known == leftover {
                *ownership = Ownership::NotOurs;
            }
        }
    }

    /// `leftover` is gone.
    pub fn removed(&mut self, leftover: &Leftover) {
        self.forget(leftover);
        self.events.emit(Event::Removed(leftover.clone()));
    }

    /// There is no `leftover`: it never came to be through us, or is gone already. What is there under its name, if anything, is someone
    /// else's.
    pub fn not_there(&mut self, leftover: &Leftover) {
        self.forget(leftover);
        self.events.emit(Event::NotThere(leftover.clone()));
    }

    /// `leftover` stays on purpose.
    pub fn keep(&mut self, leftover: &Leftover, why: KeepReason) {
        self.forget(leftover);
        self.events.emit(Event::Kept(leftover.clone(), why));
    }

    /// All of it stays on purpose.
    pub(super) fn keep_all(&mut self, why: KeepReason) {
        for (leftover, _) in std::mem::take(&mut self.all) {
            self.events.emit(Event::Kept(leftover, why));
        }
    }

    /// This job does not remove any of it: a run goes on that needs it, and whoever comes back removes it.
    pub fn release(&mut self) {
        for (leftover, _) in std::mem::take(&mut self.all) {
            self.events.emit(Event::Released(leftover));
        }
    }

    fn forget(&mut self, leftover: &Leftover) {
        self.all.retain(|(known, _)| known != leftover);
    }

    /// Everything stays, for one reason; in the order in which it can be deleted.
    pub fn all_not_removed(&self, reason: &str) -> Vec<NotRemoved> {
        let mut all = self.all.clone();
        all.sort_by_key(|(leftover, _)| leftover.removal_order());
        let all = all.into_iter();
        all.map(|(leftover, ownership)| NotRemoved::of(leftover, ownership, reason))
            .collect()
    }

    /// What may exist, in the order in which it was registered.
    pub fn all(&self) -> Vec<Leftover> {
        let all = self.all.iter();
        all.map(|(leftover, _)| leftover.clone()).collect()
    }

    /// Who listens to the changes.
    pub(super) fn events(&self) -> &'a dyn Events {
        self.events
    }

    /// All of it is in `others` from now on.
    pub(super) fn move_to(&mut self, others: &mut Leftovers<'_>) {
        for (leftover, ownership) in std::mem::take(&mut self.all) {
            if !others.all.iter().any(|(known, _)| *known == leftover) {
                others.all.push((leftover, ownership));
            }
        }
    }

    /// How sure it is that `leftover` is ours.
    pub(super) fn ownership(&self, leftover: &Leftover) -> Ownership {
        let mut all = self.all.iter();
        let known = all.find(|(known, _)| known == leftover);
        known.map_or(Ownership::NotOurs, |(_, ownership)| ownership.clone())
    }
}
