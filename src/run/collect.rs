//! Reads from the run outputs of a run which image each target got.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::build_template::BuildTemplate;
use super::context::Context;
use super::distribution::{Distribution, Output};
use super::event::{Event, Events};
use super::image::{Caveat, Image, Made, platform_image};
use super::proof::{EndedRun, made_for};
use super::watch::RunEnd;
use crate::arm::image_template::RunOutput;
use crate::arm::pace::READ_AFTER_WRITE;
use crate::arm::template_state::RunState;
use crate::arm::{Arm, Failure};
use crate::diagnosis::Explanation;
use crate::error::Error;
use crate::resource::ResourceId;

/// Between two reads.
const READ_AGAIN: Duration = Duration::from_secs(5);

/// The image of a run of `template` that ended as `end`. Its run output names it: the gallery chose its number, so it cannot be guessed.
pub(super) async fn image(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    end: RunEnd,
) -> Result<Image, Error> {
    let Context { arm, events, .. } = *context;
    let ended = EndedRun {
        end: &end,
        staging_group: template.staging_group.as_ref(),
    };
    let targets = template.targets();
    let Outputs { all, failure } = read_outputs(arm, &template.id, &targets, ended, events).await;
    let uri = all.first().and_then(|output| output.uri.clone());
    let Some(uri) = uri else {
        if end.state == RunState::Succeeded {
            return Err(Error::NoImage {
                template: template.name().to_owned(),
                run_output: template.run_output_name().to_owned(),
                failure,
                listing: targets.first().and_then(Distribution::listing),
            });
        }
        announce(all, events);
        return Err(without_image(end));
    };
    let newest = arm.template(&template.id).await.ok();
    let newest = newest.and_then(|seen| seen.value.source_version);
    let version = newest.or_else(|| template.source_version.clone());
    let source = template.definition.properties.source.as_ref();
    Ok(Image {
        uri,
        template_name: template.name().to_owned(),
        template_id: Some(template.id.clone()),
        outputs: all,
        run_output: template.run_output_name().to_owned(),
        source: source.cloned(),
        provenance: template.provenance(version.as_deref()),
        platform_image: platform_image(source, version),
        made: Made::Now,
        caveat: Caveat::of(end),
        contents: None,
        compared: None,
    })
}

impl Caveat {
    /// Nothing for a run that simply succeeded.
    fn of(end: RunEnd) -> Option<Self> {
        let hint = Explanation::of(&end.message, None, &[]).fix;
        (end.state != RunState::Succeeded).then_some(Self {
            state: end.state,
            message: end.message,
            hint,
        })
    }
}

/// Says which targets got an image although the run failed, if any did.
pub(super) async fn report_distributed(context: &Context<'_>, template: &BuildTemplate<'_>) {
    let Context { arm, events, .. } = *context;
    let outputs = outputs_of_failed_run(arm, &template.id, &template.targets()).await;
    announce(outputs, events);
}

fn announce(outputs: Vec<Output>, events: &dyn Events) {
    if outputs.iter().any(|output| output.uri.is_some()) {
        events.emit(Event::Distributed(outputs));
    }
}

/// A run that did not simply succeed, and has no image at its first target.
fn without_image(mut end: RunEnd) -> Error {
    if end.message.is_empty() {
        end.message = format!(
            "it ended as '{}', and the first target has no image",
            end.state
        );
    }
    Error::Run {
        phase: end.phase,
        elapsed: end.elapsed,
        explanation: Box::new(Explanation::of(&end.message, None, &[])),
        message: end.message,
    }
}

/// What the run outputs of a run say.
struct Outputs {
    /// What each target got, in the order of the template.
    all: Vec<Output>,
    /// Why the first target's run output could not be read, if it could not.
    failure: Option<Failure>,
}

/// Reads the run output of one target.
struct RunOutputReader<'a> {
    target: &'a Distribution,
    uri: Option<String>,
    failure: Option<Failure>,
}

impl RunOutputReader<'_> {
    async fn read(&mut self, arm: &Arm, template: &ResourceId) {
        match arm.run_output(template, &self.target.run_output).await {
            Ok(output) => (self.uri, self.failure) = (output.uri(), None),
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Whether a later read may tell more: other failures were tried again already, and stay.
    fn is_open(&self) -> bool {
        let missing = |failure: &Failure| failure.is(StatusCode::NOT_FOUND);
        self.uri.is_none() && self.failure.as_ref().is_none_or(missing)
    }
}

/// Reads what each target got. A run output that is not there is read again for a minute; then the image itself is looked for.
async fn read_outputs(
    arm: &Arm,
    template: &ResourceId,
    targets: &[Distribution],
    run: EndedRun<'_>,
    events: &dyn Events,
) -> Outputs {
    let mut all: Vec<_> = targets
        .iter()
        .map(|target| RunOutputReader {
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
        if start.elapsed() >= READ_AFTER_WRITE || !all.iter().any(RunOutputReader::is_open) {
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
    let output = |reading: RunOutputReader<'_>| Output {
        target: reading.target.clone(),
        uri: reading.uri,
    };
    Outputs {
        all: all.into_iter().map(output).collect(),
        failure,
    }
}

/// What each target of a run got that has failed: asked once, since most got nothing.
async fn outputs_of_failed_run(
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
