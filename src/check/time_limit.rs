//! The time that the job has.

use super::codes::TIME_LIMIT;
use super::finding::{Finding, Verdict};
use super::lookup::Azure;
use crate::inputs::manifest::BUILD_TIMEOUT_IN_MINUTES;

/// For upload, provisioning and clean-up beside the build itself.
const MARGIN_MINUTES: u64 = 15;
/// What a job without a limit has, where it is not 0.
const NO_LIMIT: u64 = 100_000;

/// The agent cancels a step when the job's time is over, and the build with it
/// (<https://learn.microsoft.com/azure/devops/pipelines/process/phases#timeouts>).
pub(super) fn check(azure: &Azure<'_>) -> Vec<Finding> {
    let needed = azure.subject.build_minutes + MARGIN_MINUTES;
    let build = azure.subject.build_minutes;
    vec![match azure.subject.job.limit_minutes {
        Some(0 | NO_LIMIT..) => Finding::fine("the job has none"),
        Some(minutes) if minutes >= needed => {
            Finding::fine(format!("{minutes} min, and the build has {build} min"))
        }
        Some(minutes) => Finding::new(
            Verdict::Warning(TIME_LIMIT),
            format!("the job ends after {minutes} min, and the build can take {build} min: the agent would cancel it"),
        )
        .fix(format!(
            "set 'timeoutInMinutes: {needed}' for the job, lower input '{}', or start the build with 'action: submit' and collect the image with 'action: wait' in a later job",
            BUILD_TIMEOUT_IN_MINUTES.name
        )),
        None => Finding::new(
            Verdict::Unknown,
            format!("it is not known here; a job needs {needed} min for a build that can take {build} min"),
        ),
    }]
}
