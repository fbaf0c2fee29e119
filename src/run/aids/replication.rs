//! How far the replication of the image version is while the run distributes. Best effort: a failure here never fails the build.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::arm::Arm;
use crate::arm::gallery::RegionState;
use crate::resource::ResourceId;
use crate::run::distribution::Distribution;
use crate::run::event::{Event, Events};

/// Replication takes minutes to hours.
const PACE: Duration = Duration::from_secs(120);

/// Passes events on, and remembers whether the run distributes.
pub(crate) struct Phase<'a> {
    events: &'a dyn Events,
    distributing: Mutex<bool>,
}

impl<'a> Phase<'a> {
    pub(crate) fn new(events: &'a dyn Events) -> Self {
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

/// A gallery's image definition that gets a version, and what was reported of it.
struct Watched<'a> {
    definition: &'a ResourceId,
    version: Option<String>,
    reported: Vec<RegionState>,
    /// What the version is called: by its number where there is one definition only.
    prefix: String,
}

impl<'a> Watched<'a> {
    fn all(targets: &'a [Distribution]) -> Vec<Self> {
        let galleries = targets.iter().filter(|target| target.is_gallery());
        let definitions = galleries.filter_map(|it| Some((it.id.as_ref()?, it.version.clone())));
        let mut all: Vec<_> = definitions
            .map(|(definition, version)| Watched {
                definition,
                version,
                reported: Vec::new(),
                prefix: String::new(),
            })
            .collect();
        if all.len() > 1 {
            for one in &mut all {
                one.prefix = format!("{} ", one.definition.name());
            }
        }
        all
    }

    /// How far the replication is, if that is news.
    async fn news(&mut self, arm: &Arm) -> Option<Event> {
        if self.version.is_none() {
            self.version = the_one_in_progress(arm, self.definition).await;
        }
        let version = self.version.as_deref()?;
        // What cannot be read now is asked again.
        let regions = arm.replication(self.definition, version).await.ok()?;
        if regions.is_empty() || regions == self.reported {
            return None;
        }
        self.reported.clone_from(&regions);
        let version = format!("{}{version}", self.prefix);
        Some(Event::Replicating { version, regions })
    }
}

/// Says how far the replication to each region is when that has changed, until it is dropped.
pub(crate) async fn follow(arm: &Arm, targets: &[Distribution], phase: &Phase<'_>) -> Infallible {
    let mut all = Watched::all(targets);
    if all.is_empty() {
        return std::future::pending().await;
    }
    loop {
        sleep(PACE).await;
        if !phase.is_distributing() {
            continue;
        }
        for one in &mut all {
            if let Some(news) = one.news(arm).await {
                phase.emit(news);
            }
        }
    }
}

/// Says once how far the replication is, for each version that is there.
pub(crate) async fn report(arm: &Arm, targets: &[Distribution], events: &dyn Events) {
    for one in &mut Watched::all(targets) {
        if let Some(news) = one.news(arm).await {
            events.emit(news);
        }
    }
}

/// The version that the run makes, when no other one is being made.
async fn the_one_in_progress(arm: &Arm, definition: &ResourceId) -> Option<String> {
    let mut names = arm.versions_in_progress(definition).await.ok()?.into_iter();
    let name = names.next();
    name.filter(|_| names.next().is_none())
}
