//! Testing an image: an engine boots it and runs the checks; the verdict, and the tags by which a promotion can demand it.
//!
//! Only what speaks of the image is a verdict. Whatever else goes wrong is an error, and leaves no tag.

mod builder;
pub mod codes;
mod doctor;
pub mod event;
mod not_tested;
mod subject;
mod verdict;
pub mod vm;

use std::path::Path;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::arm::Arm;
use crate::arm::gallery::latest;
use crate::check::Job;
use crate::error::Error;
use crate::inputs::image_test::TAG_ENDS;
use crate::inputs::manifest::{REQUIRE_TAGS, TEST_TAG};
use crate::inputs::provenance::fit_for_tag;
use crate::inputs::{ImageTest, TestEngine};
use crate::release::tags::moment;
use crate::release::{NotTagged, tag_version};
use crate::resource::quoted;
use crate::run::NOT_REMOVED_YET;
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::leftovers::Leftovers;
pub use doctor::doctor;
use event::{Event, Events};
pub use not_tested::{NotTested, Refused};
pub use subject::Subject;
use verdict::Ended;
pub use verdict::{Failed, Test, Tested, Verdict};

/// A test, where it is made, and who listens.
#[derive(Clone, Copy)]
pub struct Lab<'a> {
    /// What is asked for.
    pub test: &'a ImageTest,
    /// The way to Azure.
    pub arm: &'a Arm,
    /// Where files for the job's log go.
    pub folder: &'a Path,
    /// What the job tells of itself.
    pub job: Job,
    /// Who listens.
    pub events: &'a dyn Events,
    /// Ends the test before its time.
    pub stop: &'a CancellationToken,
}

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
pub async fn test(lab: &Lab<'_>, earlier: Vec<(Leftover, Ownership)>) -> Outcome {
    let looked = tokio::select! {
        biased;
        () = lab.stop.cancelled() => Err(Error::Canceled.into()),
        looked = look(lab) => looked,
    };
    let subject = match looked {
        Ok(subject) => subject,
        Err(why) => {
            return Outcome {
                result: Err(why),
                not_removed: Leftovers::known(lab.events, earlier).all_not_removed(NOT_REMOVED_YET),
            };
        }
    };
    let Ended {
        result,
        not_removed,
    } = match &lab.test.engine {
        TestEngine::ImageBuilder(plan) => {
            Box::pin(builder::test(lab, plan, &subject, earlier)).await
        }
        TestEngine::Vm(vm) => Box::pin(vm::test(lab, vm, &subject, earlier)).await,
    };
    if let Ok(tested) = &result {
        lab.events.tell(Event::Judged(Box::new(tested.clone())));
        if subject.version.is_some() {
            write_tags(lab, tested).await;
            if !tested.passed() {
                warn_of_latest(lab).await;
            }
        }
    }
    Outcome {
        result,
        not_removed,
    }
}

async fn look(lab: &Lab<'_>) -> Result<Subject, NotTested> {
    let signed_in = lab.arm.client.sign_in(&lab.arm.scope).await;
    signed_in.map_err(Error::SignIn)?;
    subject::look(lab).await
}

/// The verdict as tags of the version. Whatever refuses them: the verdict stands.
async fn write_tags(lab: &Lab<'_>, tested: &Tested) {
    let Some(tag) = &lab.test.tag else { return };
    let now = lab.arm.client.azure_time();
    let now = now.unwrap_or_else(OffsetDateTime::now_utc);
    let [at, run] = TAG_ENDS.map(|end| format!("{}{end}", tag.name));
    let mut tags = vec![
        (tag.name.clone(), tested.word().to_owned()),
        (at, moment(now)),
    ];
    let known = tag.run.as_deref().and_then(fit_for_tag);
    tags.extend(known.map(|value| (run, value)));
    let image = &lab.test.image;
    let tell = |progress| lab.events.tell(Event::Tagging(progress));
    let written = tokio::select! {
        biased;
        () = lab.stop.cancelled() => Err(NotTagged::Unfinished("the job was canceled".to_owned())),
        written = Box::pin(tag_version(lab.arm, image, &tags, &tell)) => written,
    };
    match written {
        Ok(()) => lab.events.tell(Event::Tagged { tags }),
        Err(why) => lab.events.tell(Event::NotTagged {
            image: image.clone(),
            hint: how_to_tag(lab, &why),
            reason: why.to_string(),
        }),
    }
}

fn how_to_tag(lab: &Lab<'_>, why: &NotTagged) -> String {
    let image = &lab.test.image;
    match why {
        NotTagged::TooMany(_) => format!(
            "remove tags of the version that nobody needs, or set '{}' to the empty text",
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

/// Whoever asks for the latest version gets one that has failed. Where nobody may look, nobody is warned.
async fn warn_of_latest(lab: &Lab<'_>) {
    let image = &lab.test.image;
    let Some(definition) = image.parent() else {
        return;
    };
    let versions = tokio::select! {
        biased;
        () = lab.stop.cancelled() => return,
        versions = lab.arm.counted_versions(&definition) => versions,
    };
    let Ok(versions) = versions else { return };
    let is_it = |region: &&str| {
        let latest = latest(&versions, region);
        latest.is_some_and(|latest| latest.name.eq_ignore_ascii_case(image.name()))
    };
    let regions = crate::arm::gallery::regions(&versions).into_iter();
    let regions: Vec<_> = regions.filter(is_it).map(str::to_owned).collect();
    if !regions.is_empty() {
        lab.events.tell(Event::FailedLatest {
            image: image.clone(),
            regions,
        });
    }
}
