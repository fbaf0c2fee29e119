//! What a step says of its image: the lines and variables when it is there, the last line, and what it lacks.

use std::time::Duration;

use super::subject::Subject;
use crate::agent::Console;
use crate::arm::template_state::RunState;
use crate::error::{PARTLY, duration};
use crate::report::messages::Warning;
use crate::report::version;
use crate::resource::ResourceId;
use crate::run::{Caveat, Distribution, Image, Made, Output};

/// The image is there: its variables, and the block that ends the original task's log.
pub(super) fn report(console: &Console, image: &Image) {
    if image.made == Made::Now {
        console.line("run template:  Succeeded");
    }
    let id = image.template_id.as_ref().map_or("", ResourceId::as_str);
    console.set_variable("templateName", &image.template_name);
    console.set_variable("templateId", id);
    console.set_variable("imageChanged", &image.changed().to_string());
    console.set_variable("imageUri", &image.uri);
    if let Ok(version) = image.uri.parse::<ResourceId>()
        && let Some(definition) = version.parent()
    {
        console.set_variable("imageVersion", version.name());
        console.set_variable("imageVersionId", &image.uri);
        console.set_variable("imageDefinitionId", definition.as_str());
    }
    if let Some(source) = &image.platform_image {
        console.set_variable("pirPublisher", &source.publisher);
        console.set_variable("pirOffer", &source.offer);
        console.set_variable("pirSku", &source.sku);
        console.set_variable("pirVersion", &source.version);
    }
    let line = "=".repeat(78);
    console.line(&line);
    console.line("## task output variables ##");
    console.line(&format!("$(imageUri) =  {}", image.uri));
    console.line(&format!("$(templateName) =  {}", image.template_name));
    console.line(&format!("$(templateId) =  {id}"));
    console.line(&line);
}

/// `win11-avd 1.0.0 is in westeurope and northeurope, built in 22 min 30 s`. `took` is how long the image took.
pub(super) fn exists(subject: &Subject<'_>, image: &Image, took: Option<Duration>) -> String {
    let how = match image.made {
        Made::Now => took.map(|took| format!("built in {}", duration(took))),
        Made::ByEarlierAttempt if subject.plan.is_some() => {
            Some("built by an earlier attempt".to_owned())
        }
        Made::ByEarlierAttempt => Some("found by its tags".to_owned()),
        Made::ByEarlierBuild => Some("unchanged: no image was built".to_owned()),
    };
    let lost = missing(image).count();
    let lost =
        (lost > 0).then(|| format!("{lost} of {} targets have no image", image.outputs.len()));
    let parts = [Some(place(image)), how, lost];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `win11-avd 1.0.0 is in westeurope and northeurope`.
fn place(image: &Image) -> String {
    let target = image.outputs.first().map(|output| &output.target);
    let regions = target.map_or(&[][..], |target| target.regions.as_slice());
    let Ok(id) = image.uri.parse::<ResourceId>() else {
        return format!("the VHD is {}", image.uri);
    };
    let name = match target.filter(|target| target.is_gallery()) {
        Some(_) => version::named(&id),
        None => format!("image {}", id.name()),
    };
    match regions {
        [] => format!("{name} exists"),
        [one] => format!("{name} is in {one}"),
        [first @ .., last] => format!("{name} is in {} and {last}", first.join(", ")),
    }
}

/// Why the run did not simply succeed, and which targets have no image.
pub(super) fn warnings(image: &Image) -> Vec<Warning> {
    let caveat = image.caveat.as_ref().map(|caveat| {
        let hint = caveat.hint.as_deref().unwrap_or(
            "the list of targets in the log shows which targets have the image; a new run distributes to all targets again",
        );
        Warning::new(PARTLY, caveat_in_words(caveat), hint)
    });
    let missing = missing(image).map(|output| {
        let hint = "other targets have the image; the build log shows the reason; a new run distributes to all targets again";
        Warning::new(PARTLY, not_there(&output.target), hint)
    });
    caveat.into_iter().chain(missing).collect()
}

/// The targets that got no image, which the first one has.
fn missing(image: &Image) -> impl Iterator<Item = &Output> {
    image.outputs.iter().filter(|output| output.uri.is_none())
}

/// A target without an image, in a sentence.
fn not_there(target: &Distribution) -> String {
    format!(
        "The image was not distributed to {} (run output '{}')",
        target.display_name(),
        target.run_output
    )
}

/// Why the run did not simply succeed, in a sentence.
fn caveat_in_words(Caveat { state, message, .. }: &Caveat) -> String {
    let reason = if message.is_empty() {
        "Azure gave no reason"
    } else {
        message
    };
    match state {
        RunState::PartiallySucceeded => format!("The run partially succeeded: {reason}"),
        state => {
            format!("The run ended in state '{state}', which this task does not know: {reason}")
        }
    }
}
