//! Where a run stands: one look at its template.

use std::time::Duration;

use super::context::sign_in;
use super::find::{self, FoundTemplate, TemplateRef};
use crate::arm::Arm;
use crate::arm::template_state::RunState;
use crate::error::Error;
use crate::resource::ResourceGroupId;
use crate::template::model::DEFAULT_BUILD_TIMEOUT_MINUTES;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The template, as it was seen.
    pub found: FoundTemplate,
    /// Since the run was started by Azure's clock, or as long as it took; `None` before the first run.
    pub elapsed: Option<Duration>,
    /// The build's limit.
    pub limit_minutes: u32,
}

impl Status {
    /// The status of `found` now, by Azure's clock.
    pub fn of(found: FoundTemplate, arm: &Arm) -> Self {
        let run = found.template.last_run.as_ref();
        let until = run.and_then(|run| match run.ended {
            Some(ended) if run.is_over() => Some(ended),
            _ => arm.client.azure_time(),
        });
        let elapsed = run.and_then(|run| {
            let elapsed = until? - run.started?;
            // A second of difference between two clocks is no negative time.
            Some(elapsed.try_into().unwrap_or_default())
        });
        let definition = found.template.definition.as_ref();
        let limit = definition.map(|it| it.properties.build_timeout_minutes());
        Self {
            elapsed,
            limit_minutes: limit.unwrap_or(DEFAULT_BUILD_TIMEOUT_MINUTES),
            found,
        }
    }

    /// The state of the run, once there is one.
    pub fn state(&self) -> Option<&RunState> {
        self.found.template.last_run.as_ref().map(|run| &run.state)
    }

    /// `Building`, `Customizing`, `Distributing` ...; absent when canceling or over.
    pub fn phase(&self) -> Option<&str> {
        self.found.template.last_run.as_ref()?.sub_state.as_deref()
    }

    /// Whether the run has made an image.
    pub fn has_image(&self) -> bool {
        self.state().is_some_and(RunState::has_image)
    }
}

/// Reads the template that is wanted in `group`.
///
/// # Errors
/// As [`find::find_or_fail`].
pub async fn read_status(
    arm: &Arm,
    group: &ResourceGroupId,
    wanted: TemplateRef<'_>,
) -> Result<Status, Error> {
    sign_in(arm).await?;
    let found = find::find_or_fail(arm, group, wanted).await?;
    Ok(Status::of(found, arm))
}
