//! What a run left at its targets, as its run outputs tell.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::distribution::{Distribution, Output};
use super::event::{Event, Events};
use super::proof::{Ended, made_for};
use crate::arm::image_template::RunOutput;
use crate::arm::{Arm, Failure};
use crate::resource::ResourceId;

/// Azure Resource Manager may answer 404 for what there has been for a moment only.
const READ_AFTER_WRITE: Duration = Duration::from_secs(60);
/// Between two reads.
const READ_AGAIN: Duration = Duration::from_secs(5);

/// What the run outputs of a run say.
pub(super) struct Outputs {
    /// What each target got, in the order of the template.
    pub(super) all: Vec<Output>,
    /// Why the first target's run output could not be read, if it could not.
    pub(super) failure: Option<Failure>,
}

/// One target's run output.
struct Reading<'a> {
    target: &'a Distribution,
    uri: Option<String>,
    failure: Option<Failure>,
}

impl Reading<'_> {
    async fn read(&mut self, arm: &Arm, template: &ResourceId) {
        match arm.run_output(template, &self.target.run_output).await {
            Ok(output) => (self.uri, self.failure) = (output.uri(), None),
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Whether a moment later there may be more to read: other failures come after several tries, and stay.
    fn is_open(&self) -> bool {
        let missing = |failure: &Failure| failure.is(StatusCode::NOT_FOUND);
        self.uri.is_none() && self.failure.as_ref().is_none_or(missing)
    }
}

/// Reads what each target got. A run output that is not there is read again for a minute; then the image itself is looked for.
pub(super) async fn settled(
    arm: &Arm,
    template: &ResourceId,
    targets: &[Distribution],
    run: Ended<'_>,
    events: &dyn Events,
) -> Outputs {
    let mut all: Vec<_> = targets
        .iter()
        .map(|target| Reading {
            target,
            uri: None,
            failure: None,
        })
        .collect();
    let start = Instant::now();
    loop {
        for reading in all.iter_mut().filter(|reading| reading.is_open()) {
            reading.read(arm, template).await;
        }
        if start.elapsed() >= READ_AFTER_WRITE || !all.iter().any(Reading::is_open) {
            break;
        }
        sleep(READ_AGAIN).await;
    }
    for reading in all.iter_mut().filter(|reading| reading.uri.is_none()) {
        reading.uri = made_for(arm, reading.target, run).await;
        if let Some(image) = &reading.uri {
            let silent = || "it names no image".to_owned();
            let reason = reading.failure.as_ref();
            events.emit(Event::FoundAtTarget {
                image: image.clone(),
                reason: reason.map_or_else(silent, ToString::to_string),
            });
        }
    }
    let failure = all.first().and_then(|reading| reading.failure.clone());
    let output = |reading: Reading<'_>| Output {
        target: reading.target.clone(),
        uri: reading.uri,
    };
    Outputs {
        all: all.into_iter().map(output).collect(),
        failure,
    }
}

/// What each target of a run got that has failed: asked once, since most got nothing.
pub(super) async fn of_failed_run(
    arm: &Arm,
    template: &ResourceId,
    targets: &[Distribution],
) -> Vec<Output> {
    let mut outputs = Vec::new();
    for target in targets {
        let output = arm.run_output(template, &target.run_output).await;
        outputs.push(Output {
            target: target.clone(),
            uri: output.ok().and_then(RunOutput::uri),
        });
    }
    outputs
}
