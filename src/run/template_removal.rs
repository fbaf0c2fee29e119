//! Removing a template of this task, whichever step made it, with the package that its tag names. The package goes first, since only the template's
//! tag names it.

use super::clean_up::{Budget, delete_template_at_rest};
use super::event::Events;
use super::find::FoundTemplate;
use super::leftover::{Leftover, NotRemoved, Ownership};
use super::leftovers::Leftovers;
use super::package_removal::{self, PACKAGE_STAYS, PackageRemoval};
use crate::arm::Arm;

/// What became of a template and of its package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// What is gone.
    pub gone: Vec<Leftover>,
    /// What stays.
    pub not_removed: Vec<NotRemoved>,
}

/// What a temporary refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenBusy {
    /// Azure has not come to rest after the run: it is waited out.
    WaitOut,
    /// A run has begun: the template stays.
    Leave,
}

/// Removes `template`, which is ours, with its package. The package stays, and is named, unless everything that speaks for it is proven
/// ([`ownership::package`](super::ownership::package)); one that is ours and cannot be deleted keeps the template, whose tag alone names it.
pub async fn remove(
    arm: &Arm,
    template: &FoundTemplate,
    busy: WhenBusy,
    events: &dyn Events,
    budget: Budget,
) -> Removed {
    let mut removed = Removed::default();
    let deleting = remove_all(arm, template, busy, events, &mut removed);
    if tokio::time::timeout(budget.0, deleting).await.is_err() {
        let minutes = budget.0.as_secs() / 60;
        let reason = format!("it was not gone after {minutes} minutes");
        let leftover = Leftover::template(&template.id);
        let not_removed = NotRemoved::of(leftover, Ownership::Ours, &reason);
        removed.not_removed.push(not_removed);
    }
    removed
}

async fn remove_all(
    arm: &Arm,
    template: &FoundTemplate,
    busy: WhenBusy,
    events: &dyn Events,
    removed: &mut Removed,
) {
    let leftover = Leftover::template(&template.id);
    match package_removal::remove(arm, template, events).await {
        PackageRemoval::None => {}
        PackageRemoval::Gone(package) => removed.gone.push(package),
        PackageRemoval::NotOurs(not_removed) => removed.not_removed.push(not_removed),
        PackageRemoval::Stays(not_removed) => {
            removed.not_removed.push(not_removed);
            let template = NotRemoved::of(leftover, Ownership::Ours, PACKAGE_STAYS);
            removed.not_removed.push(template);
            return;
        }
    }
    let mut leftovers = Leftovers::registered(events, vec![(leftover.clone(), Ownership::Ours)]);
    let patient = busy == WhenBusy::WaitOut;
    match delete_template_at_rest(arm, &template.id, &mut leftovers, patient).await {
        None => removed.gone.push(leftover),
        Some(not_removed) => removed.not_removed.push(not_removed),
    }
}
