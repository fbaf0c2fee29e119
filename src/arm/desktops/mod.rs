//! Host pools of Azure Virtual Desktop: their session hosts, and the images that the VMs behind them were made of.
//!
//! <https://learn.microsoft.com/rest/api/desktopvirtualization/session-hosts/list>

mod configuration;
mod lists;
mod pool;
mod session_host;
mod update;

pub use configuration::{HostConfiguration, ImageInfo, changing};
pub use lists::Lists;
pub use pool::{HOST_POOL, HostPool, Management, ScalingPlan, letting_in};
pub use session_host::{HealthCheck, SessionHost};
pub use update::{UpdateRequest, UpdateStatus, control_body};

use super::api::SESSION_HOSTS;
use super::failure::{Cause, Failure};
use super::resource_manager::Arm;
use crate::resource::ResourceId;

impl Arm {
    /// The session hosts of a pool, all pages. The service answers ten lists in five minutes, and refuses more with 429.
    pub async fn session_hosts(&self, pool: &ResourceId) -> Result<Vec<SessionHost>, Failure> {
        let doing = format!("Listing the session hosts of host pool '{}'", pool.name());
        let all = self
            .pages(&doing, format!("{pool}/sessionHosts"), SESSION_HOSTS)
            .await?;
        let hosts: Option<Vec<SessionHost>> = all.iter().map(SessionHost::read).collect();
        let unreadable = || Cause::Unreadable("a session host has no name".to_owned());
        hosts.ok_or_else(|| Failure::of(doing, unreadable()))
    }
}
