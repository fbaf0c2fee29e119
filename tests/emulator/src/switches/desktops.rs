//! What the sources leave open about host pools, the VMs behind their session hosts, and deployments.

use crate::pools::{CommandFate, DeploymentFate, MachineFate, UpdateFate};
use crate::progress::Fate;

/// What becomes of a request for an update while there is one already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondUpdate {
    /// 409.
    Refused,
    /// 204. While one goes on, nothing else happens; one that waits after a failure is replaced.
    Taken,
}

/// What times in the status of an update are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateTimes {
    /// Local times of the update's zone with a `Z` (recorded).
    Local,
    /// UTC.
    Utc,
}

/// Where the status of an update has its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMembers {
    /// At the top and again under `properties` (recorded).
    Twice,
    /// Under `properties` alone, as in the definition.
    Properties,
    /// At the top alone.
    Top,
}

/// How a change of the session host configuration that is not possible ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadConfiguration {
    /// The operation answers with the configuration, whose `provisioningState` is `Failed`.
    State,
    /// The operation answers 400.
    Location,
    /// The request itself is refused with 400.
    AtOnce,
}

/// Who shares the limit on lists of session hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListScope {
    /// Each pool has its own.
    Pool,
    /// Each caller has its own.
    Caller,
    /// All pools of a subscription share one.
    Subscription,
}

/// What is answered when a pool has no registration token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingToken {
    /// 200, with a token that is null.
    Null,
    /// 404.
    NotFound,
}

/// What is answered to a request to delete a VM that is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondDeletion {
    /// 202 with an operation that ends when the VM is gone.
    Taken,
    /// 409.
    Refused,
}

/// The switches of host pools, VMs and deployments.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one open question")]
pub struct DesktopSwitches {
    /// How updates end for which nothing else was scripted. Default: [`UpdateFate::Deserved`].
    pub update: UpdateFate,
    /// A request for an update while one goes on. Default: 409; never recorded.
    pub update_while_updating: SecondUpdate,
    /// A request for an update while a failed one waits. Default: taken; never recorded.
    pub update_while_failed: SecondUpdate,
    /// The HTTP status of a request for an update of a pool without a configuration. Default: 400; never recorded.
    pub standard_pool_status: u16,
    /// The HTTP status of a control action that does not fit the state of the update. Default: 409; never recorded.
    pub refused_control_status: u16,
    /// An update that is tried again gets another correlation id. Default: no; never recorded.
    pub retry_is_another_update: bool,
    /// What times in the status of an update are. Default: local, as recorded.
    pub update_times: UpdateTimes,
    /// Where the status of an update has its members. Default: twice, as recorded.
    pub status_members: StatusMembers,
    /// A PATCH of the configuration with `customInfo` and no `type` switches to that image. Default: no; never recorded.
    pub image_type_follows: bool,
    /// A PATCH of the configuration shows at once. Default: when its operation has ended; never recorded.
    pub configuration_shows_at_once: bool,
    /// How changes of the configuration end. Default: [`Fate::Deserved`].
    pub configuration: Fate,
    /// How a change of the configuration that is not possible shows. Default: by its state; never recorded.
    pub bad_configuration: BadConfiguration,
    /// How many lists of session hosts are answered in 5 minutes. Default: 10, as recorded.
    pub host_lists: u32,
    /// Who shares that limit. Default: each pool has its own; never recorded.
    pub host_list_scope: ListScope,
    /// How many session hosts or user sessions a page has. Default: 500; assumed.
    pub host_page_size: usize,
    /// What is answered when a pool has no registration token. Default: null; never recorded.
    pub missing_token: MissingToken,
    /// The HTTP status of the refusal to delete a session host with sessions unless by force. Default: 409; never recorded.
    pub occupied_host_status: u16,
    /// The domain that hosts are named with when a deployment registers them. Default: none, as with Entra join.
    pub host_domain: Option<String>,
    /// Resource Graph has the session host configurations, too. Default: no; never recorded.
    pub configurations_in_graph: bool,
    /// How deployments end for which nothing else was scripted. Default: [`DeploymentFate::Deserved`].
    pub deployment: DeploymentFate,
    /// Hosts of a deployment that was canceled are not registered if they were not yet. Default: no, what has begun goes on; never recorded.
    pub canceling_stops_registration: bool,
    /// How VMs come up for which nothing else was scripted. Default: [`MachineFate::Deserved`].
    pub machine: MachineFate,
    /// How run commands end for which nothing else was scripted. Default: with exit code 0 and no output.
    pub command: CommandFate,
    /// A request to delete a VM that is being deleted. Default: taken, because Azure says of such a VM that "you can only retry the Delete operation"
    /// (Azure/azure-sdk-for-python#2702); never recorded. A conflict was reported of the VMs of scale sets (kubernetes/kops#18350).
    pub second_deletion: SecondDeletion,
    /// The disks of a VM have the tags that the VM was made with. Default: yes, as was reported (hashicorp/terraform-provider-azurerm#8162 and
    /// #18981).
    pub disks_have_tags: bool,
    /// Disks and network interfaces whose `deleteOption` is `Delete` go with their VM. Default: yes, as documented; never recorded.
    pub delete_option_counts: bool,
    /// `Retry-After` in seconds on answers about operations upon VMs. Default: none, as recorded in 2019, or that of the image builder; the
    /// definition has it.
    pub machine_retry_after: Option<u32>,
}

impl Default for DesktopSwitches {
    fn default() -> Self {
        Self {
            update: UpdateFate::Deserved,
            update_while_updating: SecondUpdate::Refused,
            update_while_failed: SecondUpdate::Taken,
            standard_pool_status: 400,
            refused_control_status: 409,
            retry_is_another_update: false,
            update_times: UpdateTimes::Local,
            status_members: StatusMembers::Twice,
            image_type_follows: false,
            configuration_shows_at_once: false,
            configuration: Fate::Deserved,
            bad_configuration: BadConfiguration::State,
            host_lists: 10,
            host_list_scope: ListScope::Pool,
            host_page_size: 500,
            missing_token: MissingToken::Null,
            occupied_host_status: 409,
            host_domain: None,
            configurations_in_graph: false,
            deployment: DeploymentFate::Deserved,
            canceling_stops_registration: false,
            machine: MachineFate::Deserved,
            command: CommandFate::Succeeds {
                output: String::new(),
            },
            second_deletion: SecondDeletion::Taken,
            disks_have_tags: true,
            delete_option_counts: true,
            machine_retry_after: None,
        }
    }
}
