//! Checks what a test needs, and makes nothing: the image, where it is, the tags, and all that a run of the image builder needs.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::event::{Event, Events};
use super::look_up::{elsewhere, read_image};
use super::not_tested::NotTested;
use super::step::TestStep;
use crate::arm::Arm;
use crate::check::{self, Finding, Job, Verdict};
use crate::error::Error;
use crate::inputs::{ImageTest, TestEngine};
use crate::release::permissions_to_tag;
use crate::run::event;

struct Silent;

impl event::Events for Silent {
    fn emit(&self, _: event::Event) {}
}

impl Events for Silent {
    fn tell(&self, _: Event) {}
}

/// Makes all checks. None stops another.
pub async fn doctor(test: &ImageTest, arm: &Arm, job: Job) -> Vec<Finding> {
    let engine = async {
        match &test.engine {
            TestEngine::ImageBuilder(plan) => check::doctor(plan, arm, job).await,
            TestEngine::Vm(_) => Vec::new(),
        }
    };
    let tags = async {
        match (&test.tag, test.image.parent()) {
            (Some(_), Some(definition)) => Some(permissions_to_tag(arm, &definition).await),
            _ => None,
        }
    };
    let (image, tags, engine) = futures::join!(image(test, arm, job), tags, Box::pin(engine));
    let mut findings = vec![image];
    findings.extend(tags);
    findings.extend(engine);
    findings
}

/// What the step itself would say of the image before it makes anything.
async fn image(test: &ImageTest, arm: &Arm, job: Job) -> Finding {
    let stop = CancellationToken::new();
    let own = TestStep {
        test,
        arm,
        folder: Path::new(""),
        job,
        events: &Silent,
        stop: &stop,
    };
    let looked = async {
        let image = read_image(&own).await?;
        if let TestEngine::ImageBuilder(plan) = &test.engine
            && let Some(why) = elsewhere(test, &image, plan.location.as_str())
        {
            return Err(why);
        }
        Ok(image.display_name())
    };
    let (verdict, said, fix) = match looked.await {
        Ok(display_name) => (
            Verdict::Fine,
            format!("{display_name} exists, and can be read"),
            None,
        ),
        Err(NotTested::Refused(refused)) => {
            (Verdict::Problem(refused.code), refused.text, refused.hint)
        }
        Err(NotTested::Failed(error)) => match *error {
            Error::Azure(failure) => (
                Verdict::Unknown,
                format!("it cannot be read: {failure}"),
                None,
            ),
            error => (
                Verdict::Problem(error.code()),
                error.to_string(),
                error.hint(),
            ),
        },
    };
    Finding {
        check: "image",
        verdict,
        text: said,
        fix,
    }
}
