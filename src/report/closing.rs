//! The last line of a step's log: what exists now, or what to do.

use std::time::Duration;

use super::diff::{self, About};
use super::outcome::missing;
use super::subject::Subject;
use crate::agent::Console;
use crate::error::{CHANGE_FORBIDDEN, Error, duration};
use crate::inputs::Action;
use crate::inputs::declared::{ACTION, TEMPLATE_NAME};
use crate::resource::ResourceId;
use crate::run::{Image, Made, Outcome, Success};

/// The step did what it was asked for: this is what exists now.
pub(super) fn exists(console: &Console, text: &str) {
    console.section(text);
}

/// The step failed: `hint` is what to do, where that is known.
pub(super) fn what_to_do(console: &Console, code: &str, hint: Option<&str>) {
    let unknown = || {
        format!(
            "run the job again; if it fails in the same way, search for {code} in the list of failures of this task"
        )
    };
    console.notice(&format!(
        "What to do: {}",
        hint.map_or_else(unknown, str::to_owned)
    ));
}

/// The end of the log of a step that deals with a run; `took` is how long the image took, or the attempt at it.
pub(super) fn of_outcome(
    console: &Console,
    subject: &Subject<'_>,
    outcome: &Outcome,
    took: Option<Duration>,
) {
    match &outcome.result {
        Ok(Success::Image(image)) => {
            exists(console, &of_image(subject, image, took));
            let compared = image.compared.as_ref();
            let forbidden = compared.and_then(|it| diff::failure(it, About::OwnImage));
            if let Some((_, hint)) = forbidden {
                what_to_do(console, CHANGE_FORBIDDEN, Some(&hint));
            }
        }
        Ok(Success::RunContinues { .. }) => exists(
            console,
            &format!(
                "the image is being built; to collect it: {}",
                wait_for(subject.name)
            ),
        ),
        Ok(Success::NotReady { .. }) => exists(
            console,
            &format!(
                "there is no image yet, and the build continues; to collect it: {}",
                wait_for(subject.name)
            ),
        ),
        // What a cancel leaves is told line by line, and the verdict of a test elsewhere.
        Ok(Success::TestRun(_)) | Err(Error::Canceled) => {}
        Err(Error::Preflight(findings)) if findings.len() > 1 => {
            let all = format!(
                "correct all {} errors; '{}: {}' checks everything without a build",
                findings.len(),
                ACTION.name,
                Action::Doctor.name()
            );
            what_to_do(console, "", Some(&all));
        }
        Err(error) => {
            let hint = super::outcome::hint_of(subject, outcome, error);
            what_to_do(console, error.code(), hint.as_deref());
        }
    }
}

/// The inputs of a step that collects the image.
pub(super) fn wait_for(template: &str) -> String {
    format!(
        "{}: {}, {}: {template}",
        ACTION.name,
        Action::Wait.name(),
        TEMPLATE_NAME.name
    )
}

/// `win11-avd 1.0.0 is in westeurope and northeurope, built in 22 min 30 s`.
fn of_image(subject: &Subject<'_>, image: &Image, took: Option<Duration>) -> String {
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
    let parts = [Some(place_of(image)), how, lost];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn place_of(image: &Image) -> String {
    let target = image.outputs.first().map(|output| &output.target);
    let regions = target.map_or(&[][..], |target| target.regions.as_slice());
    let Ok(id) = image.uri.parse::<ResourceId>() else {
        return format!("the VHD is {}", image.uri);
    };
    let name = match target.filter(|target| target.is_gallery()) {
        Some(_) => format!("{} {}", id.name_at(1).unwrap_or_default(), id.name()),
        None => format!("image {}", id.name()),
    };
    match regions {
        [] => format!("{name} exists"),
        [one] => format!("{name} is in {one}"),
        [first @ .., last] => format!("{name} is in {} and {last}", first.join(", ")),
    }
}
