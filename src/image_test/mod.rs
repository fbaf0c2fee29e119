//! Testing an image: an engine boots it and runs the checks; the verdict, and the tags by which a promotion can demand it.
//!
//! Only what speaks of the image is a verdict. Whatever else goes wrong is an error, and leaves no tag.

mod builder;
pub mod codes;
mod doctor;
pub mod event;
mod image;
mod look_up;
mod not_tested;
mod step;
mod verdict;
pub mod vm;

use crate::resource::tag;
use time::OffsetDateTime;

use crate::arm::gallery::latest;
use crate::error::Error;
use crate::inputs::TestEngine;
use crate::inputs::image_test::TAG_ENDS;
use crate::inputs::manifest::{REQUIRE_TAGS, TEST_TAG};
use crate::inputs::provenance::fit_for_tag;
use crate::release::{NotTagged, tag_version};
use crate::resource::quoted;
use crate::run::NOT_REMOVED_YET;
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::leftovers::Leftovers;
pub use doctor::doctor;
use event::Event;
pub use image::TestedImage;
use look_up::read_image;
pub use not_tested::{NotTested, Refused};
pub use step::TestStep;
use verdict::Ended;
pub use verdict::{Failed, Test, Tested, Verdict};

/// What a test came to.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict, or why there is none.
    pub result: Result<Tested, NotTested>,
    /// What could not be removed.
    pub not_removed: Vec<NotRemoved>,
}

impl Outcome {
    /// Nothing was done.
    pub fn failed(error: Error) -> Self {
        Self {
            result: Err(error.into()),
            not_removed: Vec::new(),
        }
    }
}

/// Tests the image, unless the stop comes first. `earlier` is what an attempt in the same job left.
pub async fn test(step: &TestStep<'_>, earlier: Vec<(Leftover, Ownership)>) -> Outcome {
    let looked = tokio::select! {
        biased;
        () = step.stop.cancelled() => Err(Error::Canceled.into()),
        looked = look(step) => looked,
    };
    let image = match looked {
        Ok(image) => image,
        Err(why) => {
            return Outcome {
                result: Err(why),
                not_removed: Leftovers::registered(step.events, earlier)
                    .all_not_removed(NOT_REMOVED_YET),
            };
        }
    };
    let Ended {
        result,
        not_removed,
    } = match &step.test.engine {
        TestEngine::ImageBuilder(plan) => {
            Box::pin(builder::test(step, plan, &image, earlier)).await
        }
        TestEngine::Vm(vm) => Box::pin(vm::test(step, vm, &image, earlier)).await,
    };
    if let Ok(tested) = &result {
        step.events.tell(Event::Judged(Box::new(tested.clone())));
        if image.version.is_some() {
            write_tags(step, tested).await;
            if !tested.passed() {
                warn_of_latest(step).await;
            }
        }
    }
    Outcome {
        result,
        not_removed,
    }
}

async fn look(step: &TestStep<'_>) -> Result<TestedImage, NotTested> {
    let signed_in = step.arm.client.sign_in(&step.arm.scope).await;
    signed_in.map_err(Error::SignIn)?;
    read_image(step).await
}

/// Writes the verdict into the tags of the version. A failure here does not change the verdict.
async fn write_tags(step: &TestStep<'_>, tested: &Tested) {
    let Some(tag) = &step.test.tag else { return };
    let now = step.arm.client.azure_time();
    let now = now.unwrap_or_else(OffsetDateTime::now_utc);
    let [at, run] = TAG_ENDS.map(|end| format!("{}{end}", tag.name));
    let mut tags = vec![
        (tag.name.clone(), tested.word().to_owned()),
        (at, tag::moment(now)),
    ];
    let known = tag.run.as_deref().and_then(fit_for_tag);
    tags.extend(known.map(|value| (run, value)));
    let image = &step.test.image;
    let tell = |progress| step.events.tell(Event::Tagging(progress));
    let written = tokio::select! {
        biased;
        () = step.stop.cancelled() => Err(NotTagged::Unfinished("the job was canceled".to_owned())),
        written = Box::pin(tag_version(step.arm, image, &tags, &tell)) => written,
    };
    match written {
        Ok(()) => step.events.tell(Event::Tagged { tags }),
        Err(why) => step.events.tell(Event::NotTagged {
            image: image.clone(),
            hint: how_to_tag(step, &why),
            reason: why.to_string(),
        }),
    }
}

fn how_to_tag(step: &TestStep<'_>, why: &NotTagged) -> String {
    let image = &step.test.image;
    match why {
        NotTagged::TooMany(_) => format!(
            "remove tags that the version does not need, or set '{}' to the empty text",
            TEST_TAG.name
        ),
        _ if why.is_forbidden() => {
            let definition = image.parent();
            let scope = definition.as_ref().unwrap_or(image);
            format!(
                "the service connection needs Microsoft.Compute/galleries/images/versions/write, for example: az role assignment create --assignee <service connection's principal> --role \"Compute Gallery Artifacts Publisher\" --scope {}; or set '{}' to the empty text",
                quoted(scope.as_str()),
                TEST_TAG.name
            )
        }
        _ => format!(
            "the verdict stands, but a promotion with '{}' does not see it: run the step again when nothing else changes the version",
            REQUIRE_TAGS.name
        ),
    }
}

/// Warns if the version that has failed is the latest one in a region. Best effort: where the versions cannot be listed, there is no warning.
async fn warn_of_latest(step: &TestStep<'_>) {
    let image = &step.test.image;
    let Some(definition) = image.parent() else {
        return;
    };
    let versions = tokio::select! {
        biased;
        () = step.stop.cancelled() => return,
        versions = step.arm.counted_versions(&definition) => versions,
    };
    let Ok(versions) = versions else { return };
    let is_it = |region: &&str| {
        let latest = latest(&versions, region);
        latest.is_some_and(|latest| latest.name.eq_ignore_ascii_case(image.name()))
    };
    let regions = crate::arm::gallery::regions(&versions).into_iter();
    let regions: Vec<_> = regions.filter(is_it).map(str::to_owned).collect();
    if !regions.is_empty() {
        step.events.tell(Event::FailedLatest {
            image: image.clone(),
            regions,
        });
    }
}
