//! The scene: everything that exists before the first request.

use std::collections::BTreeMap;

use crate::blob::BlobRole;
use crate::entra::Application;
use crate::estate::{Lock, SceneResource, SceneVersion, SoftDelete, Subscription};
use crate::pools::{HostPool, ScalingPlan};
use crate::surroundings::{ImageFacts, Role, RoleAssignment, Usage, VmSize};

/// Where the services are reached. An address is an origin without a slash at its end.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Azure Resource Manager, for example `https://management.azure.emulator`.
    pub arm: String,
    /// Microsoft Entra ID.
    pub login: String,
    /// Azure Pipelines.
    pub devops: String,
    /// The blob services of all storage accounts.
    pub blob: BlobAddress,
}

/// How a storage account's blob service is addressed.
#[derive(Debug, Clone)]
pub enum BlobAddress {
    /// `https://<account>.blob.<suffix>/`, as in Azure.
    Hosts {
        /// For example `azure.emulator`.
        suffix: String,
    },
    /// `<origin>/<account>/`, as emulators do that have one port for all accounts.
    Paths {
        /// For example `https://localhost:10443`.
        origin: String,
    },
}

impl Addresses {
    /// Virtual host names, for use without sockets.
    pub fn in_process() -> Self {
        Self {
            arm: "https://management.azure.emulator".to_owned(),
            login: "https://login.azure.emulator".to_owned(),
            devops: "https://dev.azure.emulator".to_owned(),
            blob: BlobAddress::Hosts {
                suffix: "azure.emulator".to_owned(),
            },
        }
    }

    /// One port of `localhost` for each service.
    pub fn loopback(arm: u16, login: u16, devops: u16, blob: u16) -> Self {
        let origin = |port: u16| format!("https://localhost:{port}");
        Self {
            arm: origin(arm),
            login: origin(login),
            devops: origin(devops),
            blob: BlobAddress::Paths {
                origin: origin(blob),
            },
        }
    }

    /// The blob endpoint of a storage account, with a slash at its end.
    pub fn blob_endpoint(&self, account: &str) -> String {
        match &self.blob {
            BlobAddress::Hosts { suffix } => format!("https://{account}.blob.{suffix}/"),
            BlobAddress::Paths { origin } => format!("{origin}/{account}/"),
        }
    }
}

/// An Azure Resource Manager service connection of the Azure Pipelines project.
#[derive(Debug, Clone)]
pub struct ServiceConnection {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The client id of the application that it signs in as.
    pub client: String,
    /// The `iss` of its OIDC tokens.
    pub issuer: String,
    /// The `sub` of its OIDC tokens.
    pub subject: String,
}

/// The Azure Pipelines side.
#[derive(Debug, Clone)]
pub struct Pipelines {
    /// The organization.
    pub organization: String,
    /// The project.
    pub project: String,
    /// The id of the project.
    pub project_id: String,
    /// What `System.AccessToken` of the job is.
    pub job_token: String,
    /// The service connections.
    pub service_connections: Vec<ServiceConnection>,
}

/// A resource group.
#[derive(Debug, Clone, Default)]
pub struct ResourceGroup {
    /// The name.
    pub name: String,
    /// The region, as `westeurope`.
    pub location: String,
}

/// A user-assigned managed identity.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The resource group.
    pub resource_group: String,
    /// The region.
    pub location: String,
    /// The object id of its service principal.
    pub principal: String,
    /// The client id.
    pub client: String,
}

/// A storage account.
#[derive(Debug, Clone, Default)]
pub struct StorageAccount {
    /// The name.
    pub name: String,
    /// The resource group.
    pub resource_group: String,
    /// The region.
    pub location: String,
    /// Both account keys, in base64.
    pub key_base64: String,
    /// Whether Shared Key authorization is allowed.
    pub allow_shared_key: bool,
    /// Roles on its blobs, by object id or client id of a principal.
    pub roles: BTreeMap<String, Vec<BlobRole>>,
    /// Whether only named networks reach it. Azure Resource Manager says so; the blobs answer nevertheless.
    pub firewall: bool,
}

/// An Azure Compute Gallery.
#[derive(Debug, Clone, Default)]
pub struct Gallery {
    /// The name.
    pub name: String,
    /// The resource group.
    pub resource_group: String,
    /// The region.
    pub location: String,
    /// Its image definitions.
    pub definitions: Vec<ImageDefinition>,
    /// Whether deleted versions can be restored, and for how long.
    pub soft_delete: Option<SoftDelete>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An image definition of a gallery.
#[derive(Debug, Clone, Default)]
pub struct ImageDefinition {
    /// The name.
    pub name: String,
    /// `Windows` or `Linux`.
    pub os_type: String,
    /// `V1` or `V2`.
    pub hyper_v_generation: String,
    /// Publisher, offer and sku of its identifier.
    pub identifier: [String; 3],
    /// The numbers of the image versions that exist; [`World::image_versions`] has those that are not the usual ones.
    pub versions: Vec<String>,
    /// `endOfLifeDate`.
    pub end_of_life: Option<String>,
    /// `x64` or `Arm64`; older definitions tell none.
    pub architecture: Option<String>,
    /// The feature `SecurityType`, such as `TrustedLaunchSupported`.
    pub security_type: Option<String>,
    /// Whether it is for images that were not generalized.
    pub specialized: bool,
    /// Name, publisher and product of the plan under which its images are sold.
    pub purchase_plan: Option<[String; 3]>,
    /// The region of the versions, if it is another one than the gallery's.
    pub versions_in: Option<String>,
    /// The state of the versions; `Succeeded` if nothing is said.
    pub versions_state: Option<&'static str>,
}

/// A subnet that a template may name.
#[derive(Debug, Clone, Default)]
pub struct Subnet {
    /// The resource id.
    pub id: String,
    /// The service that it is delegated to, such as `Microsoft.ContainerInstance/containerGroups`.
    pub delegation: Option<String>,
    /// Whether network policies apply to private link services in it, which the image builder's proxy does not bear.
    pub private_link_policies: bool,
    /// Whether VMs get a way to the internet by default; networks made before 2026 do not say.
    pub default_outbound: Option<bool>,
    /// Whether it has a NAT gateway.
    pub nat_gateway: bool,
}

/// A platform image with its versions, the newest last.
#[derive(Debug, Clone, Default)]
pub struct PlatformImage {
    /// The publisher.
    pub publisher: String,
    /// The offer.
    pub offer: String,
    /// The sku.
    pub sku: String,
    /// The versions, the newest last.
    pub versions: Vec<String>,
    /// What each of them is.
    pub facts: ImageFacts,
}

/// The scene.
#[derive(Debug, Clone)]
pub struct World {
    /// Where the services are reached.
    pub addresses: Addresses,
    /// The tenant id.
    pub tenant: String,
    /// The applications of the tenant.
    pub applications: Vec<Application>,
    /// Azure Pipelines.
    pub pipelines: Pipelines,
    /// The subscription id.
    pub subscription: String,
    /// The display name of the subscription.
    pub subscription_name: String,
    /// The resource groups.
    pub resource_groups: Vec<ResourceGroup>,
    /// The user-assigned managed identities.
    pub identities: Vec<Identity>,
    /// The storage accounts.
    pub storage_accounts: Vec<StorageAccount>,
    /// The galleries.
    pub galleries: Vec<Gallery>,
    /// The names of managed images that exist, as resource ids.
    pub managed_images: Vec<String>,
    /// The subnets.
    pub subnets: Vec<Subnet>,
    /// The platform images.
    pub platform_images: Vec<PlatformImage>,
    /// Files on the public internet that the image builder may fetch, by URL.
    pub public_files: BTreeMap<String, Vec<u8>>,
    /// Resource providers that are not registered in the subscription.
    pub unregistered_providers: Vec<String>,
    /// The sizes of VMs.
    pub vm_sizes: Vec<VmSize>,
    /// How much of each quota is used.
    pub usages: Vec<Usage>,
    /// The roles.
    pub roles: Vec<Role>,
    /// Who has which role where. The emulator tells it, and refuses nobody for the lack of one.
    pub role_assignments: Vec<RoleAssignment>,
    /// The image versions that have a history.
    pub image_versions: Vec<SceneVersion>,
    /// The machines, and what else is only shown.
    pub resources: Vec<SceneResource>,
    /// The host pools, with their session hosts and users.
    pub host_pools: Vec<HostPool>,
    /// The scaling plans.
    pub scaling_plans: Vec<ScalingPlan>,
    /// The locks.
    pub locks: Vec<Lock>,
    /// The other subscriptions.
    pub other_subscriptions: Vec<Subscription>,
}

impl World {
    /// The issuer of access tokens, in the form of version 1.0 that Azure Resource Manager and storage get.
    pub fn issuer(&self) -> String {
        format!("https://sts.windows.net/{}/", self.tenant)
    }

    /// The resource id of the group of this name.
    pub fn group_id(&self, name: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{name}", self.subscription)
    }

    /// The resource id of an identity.
    pub fn identity_id(&self, identity: &Identity) -> String {
        format!(
            "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}",
            self.group_id(&identity.resource_group),
            identity.name
        )
    }

    /// The resource id of a gallery of the subscription in which images are built.
    pub fn gallery_id(&self, gallery: &Gallery) -> String {
        gallery_id(&self.subscription, gallery)
    }

    /// The galleries of a subscription.
    pub(crate) fn galleries_of(&self, subscription: &str) -> &[Gallery] {
        if subscription.eq_ignore_ascii_case(&self.subscription) {
            return &self.galleries;
        }
        let other = self.other_subscription(subscription);
        other.map_or(&[], |other| other.galleries.as_slice())
    }

    /// All galleries, with the subscriptions that they are in.
    pub(crate) fn all_galleries(&self) -> impl Iterator<Item = (&str, &Gallery)> {
        let others = self.other_subscriptions.iter().flat_map(|other| {
            let galleries = other.galleries.iter();
            galleries.map(|gallery| (other.id.as_str(), gallery))
        });
        let own = self.galleries.iter();
        own.map(|gallery| (self.subscription.as_str(), gallery))
            .chain(others)
    }

    pub(crate) fn galleries_of_mut(&mut self, subscription: &str) -> Option<&mut Vec<Gallery>> {
        if subscription.eq_ignore_ascii_case(&self.subscription) {
            return Some(&mut self.galleries);
        }
        let mut others = self.other_subscriptions.iter_mut();
        others
            .find(|other| other.id.eq_ignore_ascii_case(subscription))
            .map(|other| &mut other.galleries)
    }

    pub(crate) fn other_subscription(&self, id: &str) -> Option<&Subscription> {
        let mut others = self.other_subscriptions.iter();
        others.find(|other| other.id.eq_ignore_ascii_case(id))
    }
}

/// The resource id of a gallery.
pub(crate) fn gallery_id(subscription: &str, gallery: &Gallery) -> String {
    format!(
        "/subscriptions/{subscription}/resourceGroups/{}/providers/Microsoft.Compute/galleries/{}",
        gallery.resource_group, gallery.name
    )
}
