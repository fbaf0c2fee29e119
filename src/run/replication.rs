//! How far the replication of the image version is while the run distributes: a help and no condition.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::event::{Event, Events};
use crate::arm::Arm;
use crate::inputs::{Plan, Target};
use crate::resource::ResourceId;

/// Replication takes minutes to hours.
const PACE: Duration = Duration::from_secs(120);

/// Passes events on, and remembers whether the run distributes.
pub(super) struct Phase<'a> {
    events: &'a dyn Events,
    distributing: Mutex<bool>,
}

impl<'a> Phase<'a> {
    pub(super) fn new(events: &'a dyn Events) -> Self {
        Self {
            events,
            distributing: Mutex::new(false),
        }
    }

    fn is_distributing(&self) -> bool {
        *self
            .distributing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events for Phase<'_> {
    fn emit(&self, event: Event) {
        if let Event::RunChanged { sub_state, .. } = &event {
            let distributing = sub_state.as_deref() == Some("Distributing");
            *self
                .distributing
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = distributing;
        }
        self.events.emit(event);
    }
}

/// Tells of the replication to each region when it has changed, until it is dropped.
pub(super) async fn follow(arm: &Arm, plan: &Plan, phase: &Phase<'_>) -> Infallible {
    let Target::Gallery {
        definition,
        version,
        ..
    } = &plan.target
    else {
        return std::future::pending().await;
    };
    let mut version = version.as_ref().map(ToString::to_string);
    let mut told = Vec::new();
    loop {
        sleep(PACE).await;
        if !phase.is_distributing() {
            continue;
        }
        if version.is_none() {
            version = the_one_in_progress(arm, definition).await;
        }
        let Some(version) = &version else { continue };
        // What cannot be read now is asked again.
        let regions = arm
            .replication(definition, version)
            .await
            .unwrap_or_default();
        if !regions.is_empty() && regions != told {
            told.clone_from(&regions);
            phase.emit(Event::Replicating {
                version: version.clone(),
                regions,
            });
        }
    }
}

/// Tells once how far the replication is, if the version is there.
pub(super) async fn tell(arm: &Arm, plan: &Plan, events: &dyn Events) {
    let Target::Gallery {
        definition,
        version,
        ..
    } = &plan.target
    else {
        return;
    };
    let version = match version {
        Some(version) => Some(version.to_string()),
        None => the_one_in_progress(arm, definition).await,
    };
    let Some(version) = version else { return };
    if let Ok(regions) = arm.replication(definition, &version).await
        && !regions.is_empty()
    {
        events.emit(Event::Replicating { version, regions });
    }
}

/// The version that the run makes, when no other one is being made.
async fn the_one_in_progress(arm: &Arm, definition: &ResourceId) -> Option<String> {
    let mut names = arm.versions_in_progress(definition).await.ok()?.into_iter();
    let name = names.next();
    name.filter(|_| names.next().is_none())
}
