//! The host pools of Contoso: one for staging, whose hosts a pipeline makes, and one for production, whose hosts the service makes.

use serde_json::json;

use super::surroundings::CONTRIBUTOR;
use super::{GROUP, LOCATION, SUBSCRIPTION};
use crate::entra::Application;
use crate::estate::{SceneResource, SceneVersion};
use crate::pools::HostPool;
use crate::surroundings::{Role, RoleAssignment};
use crate::world::{ResourceGroup, Subnet, World};

const DESKTOPS: &str = "rg-avd";
const POOL_IDENTITY: &str = "1b7d3f95-c8a2-4e60-b4d9-5f0e2a7c6318";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";
const MACHINE_CONTRIBUTOR: &str = "a959dbd1-f747-45e3-8ba6-dd80f235f97c";

impl World {
    /// This scene with two versions of `win11-avd`, 1.0.0 and 1.0.1, and in the resource group `rg-avd` the host pools `hp-staging` (standard, 2
    /// hosts) and `hp-production` (automated, 4 hosts, 5 users), whose hosts are of version 1.0.0.
    #[must_use]
    pub fn with_host_pools(mut self) -> Self {
        let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{DESKTOPS}");
        let subnet = format!(
            "{group}/providers/Microsoft.Network/virtualNetworks/vnet-avd/subnets/snet-hosts"
        );
        let vault = format!("{group}/providers/Microsoft.KeyVault/vaults/kv-contoso-avd");
        let version = |number: &str| {
            format!(
                "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Compute/galleries/galContoso/images/win11-avd/versions/{number}"
            )
        };
        let old = version("1.0.0");
        self.image_versions
            .extend(["1.0.0", "1.0.1"].map(|number| SceneVersion {
                id: version(number),
                state: "Succeeded".to_owned(),
                published: None,
                body: json!({"location": LOCATION, "tags": {}, "properties": {"publishingProfile": {
                    "targetRegions": [{"name": LOCATION, "regionalReplicaCount": 2}],
                }}}),
            }));
        self.resource_groups.push(ResourceGroup {
            name: DESKTOPS.to_owned(),
            location: LOCATION.to_owned(),
        });
        self.subnets.push(Subnet {
            id: subnet.clone(),
            ..Subnet::default()
        });
        self.resources.push(SceneResource {
            id: vault.clone(),
            body: json!({"location": LOCATION, "properties": {"enableRbacAuthorization": true, "publicNetworkAccess": "Enabled"}}),
        });
        let pool = |name: &str| {
            format!("{group}/providers/Microsoft.DesktopVirtualization/hostPools/{name}")
        };
        let production = HostPool {
            identity: Some(POOL_IDENTITY.to_owned()),
            ..HostPool::automated(pool("hp-production"), LOCATION, &old, &subnet)
        };
        self.host_pools = vec![
            HostPool::standard(pool("hp-staging"), LOCATION).with_hosts("stg", 2, &old),
            production.with_hosts("avd", 4, &old).with_users(5),
        ];
        self.roles.extend(roles());
        self.role_assignments
            .extend(assignments(&self.applications, &group, &vault));
        self
    }
}

/// The identity of the pool reads secrets and makes VMs. As of the group of images, each application is Contributor.
fn assignments(applications: &[Application], group: &str, vault: &str) -> Vec<RoleAssignment> {
    let assignment = |principal: &str, role: &str, scope: &str| RoleAssignment {
        principal: principal.to_owned(),
        role: role.to_owned(),
        scope: scope.to_owned(),
        condition: None,
    };
    let own = [
        assignment(POOL_IDENTITY, SECRETS_USER, vault),
        assignment(POOL_IDENTITY, MACHINE_CONTRIBUTOR, group),
    ];
    let contributors = applications
        .iter()
        .map(|application| assignment(&application.object, CONTRIBUTOR, group));
    own.into_iter().chain(contributors).collect()
}

/// The roles of the identity of a pool.
fn roles() -> [Role; 2] {
    [
        Role {
            id: SECRETS_USER.to_owned(),
            name: "Key Vault Secrets User".to_owned(),
            data_actions: vec![
                "Microsoft.KeyVault/vaults/secrets/getSecret/action".to_owned(),
                "Microsoft.KeyVault/vaults/secrets/readMetadata/action".to_owned(),
            ],
            ..Role::default()
        },
        Role {
            id: MACHINE_CONTRIBUTOR.to_owned(),
            name: "Desktop Virtualization Virtual Machine Contributor".to_owned(),
            actions: [
                "Microsoft.Compute/galleries/read",
                "Microsoft.Compute/galleries/images/read",
                "Microsoft.Compute/galleries/images/versions/read",
                "Microsoft.Compute/virtualMachines/*",
                "Microsoft.Compute/disks/*",
                "Microsoft.Network/networkInterfaces/*",
                "Microsoft.Network/virtualNetworks/subnets/join/action",
                "Microsoft.DesktopVirtualization/hostpools/sessionhostconfigurations/read",
                "Microsoft.DesktopVirtualization/hostpools/retrieveRegistrationToken/action",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..Role::default()
        },
    ]
}
