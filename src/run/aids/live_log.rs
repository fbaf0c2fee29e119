//! The output of the build while it runs. Best effort: a failure here never fails the build.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::log_access;
use crate::arm::container_log::Container;
use crate::arm::{Arm, Failure};
use crate::diagnosis::{Customizer, FailedStep};
use crate::inventory::{Reader, lines_at_end};
use crate::log::{Change, Kind, Line, Repetition, Steps, Window};
use crate::resource::ResourceGroupId;
use crate::run::event::{Event, Events};

/// The pause between two reads while a list of the image's contents comes, which is the last thing that a build prints: the container may be gone soon.
const HURRY: Duration = Duration::from_secs(5);
/// The pause between two reads: a line shows at most this long after it was written, for 180 requests in an hour.
const PACE: Duration = Duration::from_secs(20);
/// A build without a container of its own shows none; those that have one show it within some minutes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// The container's end looks like this many failures in a row.
const MOST_FAILURES: u32 = 5;

/// What is shown of the build.
struct Live<'a> {
    events: &'a dyn Events,
    customizers: &'a [Customizer],
    window: Window,
    steps: Steps,
    /// When the step began that is at work, if one is.
    began: Option<Instant>,
    repetition: Repetition,
    contents: &'a Mutex<Reader>,
    /// Whether a list of the image's contents has begun and not ended.
    lists: bool,
}

/// Shows the output of the build in the staging group `group`, until it is dropped. What of it is an inventory goes to `contents`.
pub(crate) async fn stream(
    arm: &Arm,
    group: Option<&ResourceGroupId>,
    customizers: &[Customizer],
    events: &dyn Events,
    contents: &Mutex<Reader>,
) -> Infallible {
    if let Some(group) = group
        && let Err(reason) = try_stream(arm, group, Live::new(customizers, events, contents)).await
    {
        events.emit(Event::NoLiveLog { reason });
    }
    std::future::pending().await
}

async fn try_stream(arm: &Arm, group: &ResourceGroupId, mut live: Live<'_>) -> Result<(), String> {
    let container = find(arm, group).await?;
    let mut failures = 0;
    loop {
        match arm.container_log(&container).await {
            Ok(snapshot) => {
                failures = 0;
                live.show(&snapshot);
            }
            Err(failure) if failure.is(StatusCode::FORBIDDEN) => {
                return Err(in_words(&failure, group));
            }
            Err(_) => failures += 1,
        }
        if failures >= MOST_FAILURES {
            // The build in the VM is over; its log file comes with the end of the run.
            return Ok(());
        }
        sleep(if live.lists { HURRY } else { PACE }).await;
    }
}

async fn find(arm: &Arm, group: &ResourceGroupId) -> Result<Container, String> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        sleep(PACE).await;
        match arm.containers(group).await {
            Ok(containers) => {
                let is_build = |container: &&Container| container.group.name().contains("build");
                let build = containers.iter().find(is_build).or(containers.first());
                if let Some(container) = build {
                    return Ok(container.clone());
                }
            }
            Err(failure) if failure.is(StatusCode::FORBIDDEN) => {
                return Err(in_words(&failure, group));
            }
            // Asked again.
            Err(_) => {}
        }
    }
    Err("the service builds without a container of its own this time".to_owned())
}

fn in_words(failure: &Failure, group: &ResourceGroupId) -> String {
    let command = log_access::command(log_access::Access::Resources, group);
    format!("{failure}; to see it, run: {command}")
}

impl<'a> Live<'a> {
    fn new(
        customizers: &'a [Customizer],
        events: &'a dyn Events,
        contents: &'a Mutex<Reader>,
    ) -> Self {
        Self {
            events,
            customizers,
            window: Window::default(),
            steps: Steps::default(),
            began: None,
            repetition: Repetition::default(),
            contents,
            lists: false,
        }
    }

    fn show(&mut self, snapshot: &str) {
        let new = self.window.take(snapshot);
        if new.gap {
            let text = "(lines are missing here; the log file has them)".to_owned();
            self.events.emit(Event::BuildOutput(text));
        }
        for line in new.lines {
            let line = Line::read(line.as_bytes());
            let change = self.steps.take(&line);
            let failed = line.says_step_failed();
            // What Packer does after the last step does not belong to the step. A script that says the same is not torn apart: it writes as a script.
            let cleans = line.kind == Kind::Announcement && line.begins_cleaning();
            if failed || cleans || change.is_some() {
                self.end_step(failed);
            }
            if change == Some(Change::Started) {
                self.began = Some(Instant::now());
                let step = FailedStep::of(self.customizers, self.steps.all());
                let name = step.map(|step| step.to_string()).unwrap_or_default();
                self.events.emit(Event::StepStarted { name });
            }
            let contents = self.contents.lock();
            contents.unwrap_or_else(PoisonError::into_inner).take(&line);
            self.lists |= line.kind == Kind::Contents;
            if let Some(count) = lines_at_end(&line.text) {
                let text = format!("inventory: {count} lines");
                self.events.emit(Event::BuildOutput(text));
                self.lists = false;
            }
            if line.is_for_people() && self.repetition.is_news(&line.text) {
                self.events.emit(Event::BuildOutput(line.text));
            }
        }
    }

    fn end_step(&mut self, failed: bool) {
        if let Some(began) = self.began.take() {
            let elapsed = began.elapsed();
            self.events.emit(Event::StepEnded { elapsed, failed });
        }
    }
}
