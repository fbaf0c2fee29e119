//! Checks what a test needs, and makes nothing: the image, where it is, the tags, and all that a run of the image builder needs.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::event::{Event, Events};
use super::look_up::{elsewhere, read_image};
use super::not_tested::NotTested;
use super::step::TestStep;
use super::vm::{check_region, check_shell};
use crate::arm::Arm;
use crate::check::{self, Finding, Job, Machine, Verdict, why_alone};
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
            TestEngine::ImageBuilder(plan) => {
                let region = plan.location.as_str().to_owned();
                (Some(region), check::doctor(plan, arm, job).await)
            }
            TestEngine::Vm(vm) => {
                let wanted = Machine {
                    group: &vm.group,
                    subnet: &vm.subnet,
                    size: &vm.size,
                    image: &test.image,
                };
                check::machine(wanted, arm).await
            }
        }
    };
    let tags = async {
        match (&test.tag, test.image.parent()) {
            (Some(_), Some(definition)) => Some(permissions_to_tag(arm, &definition).await),
            _ => None,
        }
    };
    let (tags, (region, engine)) = futures::join!(tags, Box::pin(engine));
    let mut findings = vec![image(test, (arm, job), region.as_deref()).await];
    findings.extend(tags);
    findings.extend(engine);
    findings
}

/// What the step itself would say of the image before it makes anything.
async fn image(test: &ImageTest, (arm, job): (&Arm, Job), region: Option<&str>) -> Finding {
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
        if let TestEngine::Vm(vm) = &test.engine {
            check_shell(vm, &image)?;
        }
        if let (TestEngine::Vm(vm), Some(region)) = (&test.engine, region) {
            check_region(vm, region)?;
        }
        if let Some(region) = region
            && let Some(why) = elsewhere(test, &image, region)
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
            let why = why_alone(&refused.text).to_owned();
            (Verdict::Problem(refused.code), why, refused.hint)
        }
        Err(NotTested::Failed(error)) => match *error {
            Error::Azure(failure) => (
                Verdict::Unknown,
                format!("it cannot be read: {failure}"),
                None,
            ),
            error => (
                Verdict::Problem(error.code()),
                why_alone(&error.to_string()).to_owned(),
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
