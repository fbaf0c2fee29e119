//! What is read before an update: both configurations, and where the last update is.

use crate::arm::api::{HOST_POOLS, address};
use crate::arm::desktops::{HostConfiguration, ImageInfo, UpdateStatus, control_body};
use crate::inputs::manifest::{PROMOTE_TO, ROLLOUT_METHOD};
use crate::inputs::{Action, RolloutMethod};
use crate::resource::{ResourceId, quoted};
use crate::rollout::codes;
use crate::rollout::fit::MadeBy;
use crate::rollout::host;
use crate::rollout::outcome::{NotRolledOut, Refused};
use crate::rollout::preflight::{self, Preflight};
use crate::rollout::step::RolloutStep;

/// What an update depends on.
#[derive(Debug, Clone)]
pub(super) struct UpdateState {
    /// The wanted image.
    pub(super) wanted: ImageInfo,
    /// Whether the configuration has it.
    pub(super) is_configured: bool,
    /// The image that hosts run with, where it can be read.
    pub(super) active: Option<ImageInfo>,
    /// The image that the pool had before.
    pub(super) previous: Option<ImageInfo>,
    /// The image that the configuration has.
    pub(super) configured: Option<ImageInfo>,
    /// The last update.
    pub(super) before: Option<UpdateStatus>,
    /// The state of that update.
    pub(super) last_update: LastUpdate,
}

/// The state of the last update.
#[derive(Debug, Clone)]
pub(super) enum LastUpdate {
    /// There is none, or it has ended.
    Over,
    /// It is in progress, with the wanted image.
    GoesOn(UpdateStatus),
    /// It waits after a failure, with the wanted image.
    WaitsForRetry(UpdateStatus),
}

impl RolloutStep<'_> {
    /// Reads configuration and update; nothing is changed.
    pub(super) async fn read_update_state(
        &self,
        found: &Preflight,
    ) -> Result<UpdateState, NotRolledOut> {
        let pool = &self.request.pool;
        let configuration = self.check_configuration().await?;
        let wanted = host::image_info(&self.request.image);
        let known = preflight::regions(&found.hosts);
        let other = configuration
            .region
            .as_ref()
            .filter(|it| !known.contains(*it));
        if let (Some(version), Some(region)) = (&found.version, other) {
            let regions = std::iter::once(region.clone()).collect();
            self.check_regions(version, &regions, "new session hosts are created in")?;
        }
        // What cannot be read is not known.
        let active = self.arm.host_configuration(pool, true).await;
        let active = active.ok().flatten().and_then(|active| active.image);
        let configured = configuration.image;
        let is_configured = configured.as_ref().is_some_and(|image| image.is(&wanted));
        let before = self.arm.update_status(pool).await?.value;
        let last_update = self.last_update(before.as_ref(), is_configured, configured.as_ref())?;
        Ok(UpdateState {
            previous: active.clone().or_else(|| configured.clone()),
            wanted,
            is_configured,
            active,
            configured,
            before,
            last_update,
        })
    }

    /// The configuration, if the image fits it.
    pub(in crate::rollout) async fn check_configuration(
        &self,
    ) -> Result<HostConfiguration, NotRolledOut> {
        let pool = &self.request.pool;
        let configuration = self.arm.host_configuration(pool, false).await?;
        let Some(configuration) = configuration else {
            return Err(self.no_configuration().into());
        };
        self.check_subscription()?;
        self.check_fit(&MadeBy::configuration(&configuration))
            .await?;
        Ok(configuration)
    }

    /// Where the last update is; refused if it is someone else's and not over.
    pub(super) fn last_update(
        &self,
        last: Option<&UpdateStatus>,
        is_configured: bool,
        configured: Option<&ImageInfo>,
    ) -> Result<LastUpdate, Refused> {
        let Some(status) = last else {
            return Ok(LastUpdate::Over);
        };
        if !status.is_end() {
            return if is_configured {
                Ok(LastUpdate::GoesOn(status.clone()))
            } else {
                Err(self.busy(status, configured))
            };
        }
        if !status.is("Failed") || !status.counts_work() {
            return Ok(LastUpdate::Over);
        }
        if is_configured {
            Ok(LastUpdate::WaitsForRetry(status.clone()))
        } else {
            Err(self.waits(status, configured))
        }
    }

    /// Another update goes on.
    pub(super) fn busy(&self, status: &UpdateStatus, configured: Option<&ImageInfo>) -> Refused {
        let pool = &self.request.pool;
        let image = configured.map_or_else(|| "another image".to_owned(), host::short);
        let text = format!(
            "Updating host pool '{}' failed: another session host update is in progress, to {image}: {} (started {})",
            pool.name(),
            status,
            started(status)
        );
        let hint = format!(
            "wait until it has ended, and run the step again; to cancel it: {}",
            cancel_command(pool)
        );
        Refused::new(codes::BUSY, text, hint)
    }

    /// Another update waits after a failure.
    fn waits(&self, status: &UpdateStatus, configured: Option<&ImageInfo>) -> Refused {
        let pool = &self.request.pool;
        let image = configured.map_or_else(|| "another image".to_owned(), host::short);
        let text = format!(
            "Updating host pool '{}' failed: the session host update to {image} has failed and waits for Retry or Cancel: {} (started {})",
            pool.name(),
            status,
            started(status)
        );
        let hint = format!(
            "cancel it, and run the step again: {}",
            cancel_command(pool)
        );
        Refused::new(codes::BUSY, text, hint)
    }

    fn no_configuration(&self) -> Refused {
        let text = format!(
            "Updating host pool '{}' failed: the pool has no session host configuration",
            self.request.pool.name()
        );
        let hint = format!(
            "set '{}: {}', or create a session host configuration (New-AzWvdSessionHostConfiguration; https://learn.microsoft.com/azure/virtual-desktop/session-host-update-configure)",
            ROLLOUT_METHOD.name,
            RolloutMethod::Replace.name()
        );
        Refused::new(codes::NO_CONFIGURATION, text, hint)
    }

    /// The service takes an image of the pool's own subscription alone
    /// (<https://learn.microsoft.com/azure/virtual-desktop/session-host-update-configure>).
    pub(in crate::rollout) fn check_subscription(&self) -> Result<(), Refused> {
        let pool = &self.request.pool;
        let Some(version) = self.request.image.version() else {
            return Ok(());
        };
        if version
            .subscription()
            .eq_ignore_ascii_case(pool.subscription())
        {
            return Ok(());
        }
        let text = format!(
            "Updating host pool '{}' failed: {} is in subscription {}, and a session host update takes an image of the pool's own subscription alone, {}",
            pool.name(),
            crate::release::display_name(version),
            version.subscription(),
            pool.subscription()
        );
        let hint = format!(
            "copy the version into a gallery there with 'action: {}' and '{}: <id of an image definition in subscription {}>', and roll out the copy",
            Action::Promote.name(),
            PROMOTE_TO.name,
            pool.subscription()
        );
        Err(Refused::new(codes::OTHER_SUBSCRIPTION, text, hint))
    }

    /// A scaling plan that is enabled makes an update fail in its validation (recorded: `ActiveScalingPlan`).
    pub(super) fn refuse_scaling_plans(&self, found: &Preflight) -> Result<(), Refused> {
        let Some(plan) = found.plans.first() else {
            return Ok(());
        };
        let pool = &self.request.pool;
        let text = format!(
            "Updating host pool '{}' failed: scaling plan '{}' is enabled for the pool, and the service updates no hosts then",
            pool.name(),
            preflight::plan_name(plan)
        );
        let hint = format!(
            "disable it for this pool, and enable it again afterwards: {}",
            preflight::switch_off_command(plan, pool)
        );
        Err(Refused::new(codes::AUTOSCALE, text, hint))
    }
}

/// The start in the words of the service: local time of the update's zone, so no clock is compared with it.
fn started(status: &UpdateStatus) -> String {
    if status.start.is_empty() {
        "at an unknown time".to_owned()
    } else {
        format!(
            "{} in the time zone of the update",
            status.start.trim_end_matches('Z')
        )
    }
}

/// The command that cancels the update of a pool.
pub(super) fn cancel_command(pool: &ResourceId) -> String {
    control_command(pool, "Cancel")
}

/// The command that sends an action to the update of a pool.
pub(super) fn control_command(pool: &ResourceId, action: &str) -> String {
    let path = format!("{pool}/sessionHostManagements/default/controlSessionHostUpdate");
    let body = control_body(action).to_string();
    format!(
        "az rest --method post --url {} --body {}",
        quoted(&address(path, HOST_POOLS)),
        quoted(&body)
    )
}

/// The command that sets the image of the session host configuration of a pool.
pub(in crate::rollout) fn set_image_command(pool: &ResourceId, image: &ImageInfo) -> String {
    let path = format!("{pool}/sessionHostConfigurations/default");
    format!(
        "az rest --method patch --url {} --body {}",
        quoted(&address(path, HOST_POOLS)),
        quoted(&image.change().to_string())
    )
}
