//! The default scene: the company Contoso, which builds two images.

mod pools;
mod surroundings;

use std::collections::BTreeMap;

use crate::entra::{Application, FederatedCredential};
use crate::world::{
    Addresses, Gallery, Identity, ImageDefinition, Pipelines, PlatformImage, ResourceGroup,
    ServiceConnection, StorageAccount, Subnet, World,
};

const LOCATION: &str = "westeurope";
const GROUP: &str = "rg-images";
const PRODUCTION: &str = "rg-production";
const SUBSCRIPTION: &str = "3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963";
const OBJECT: &str = "a2b4c6d8-1e3f-4a5b-9c7d-8e9f0a1b2c3d";
const IDENTITY: &str = "c51e7a90-3d28-4b6f-9e04-1a7b5c9d2e63";
const CLIENT: &str = "6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12";

impl World {
    /// One tenant, one application with a secret and a federated credential, one service connection, one subscription, resource group
    /// `rg-images` with identity `id-image-builder`, storage account `stcontosoimages`, gallery `galContoso` with the definitions
    /// `win11-avd` and `ubuntu-2404`, a network with two subnets, and some platform images; resource group `rg-production` with gallery
    /// `galProduction` of the same definitions.
    pub fn contoso(addresses: Addresses) -> Self {
        let network = format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-images/subnets"
        );
        Self {
            addresses,
            tenant: "0b9d1f6e-2c47-4a83-b5d0-7e1a9c3f5d28".to_owned(),
            applications: vec![application()],
            pipelines: pipelines(),
            subscription: SUBSCRIPTION.to_owned(),
            subscription_name: "Contoso Images".to_owned(),
            resource_groups: [GROUP, PRODUCTION]
                .map(|name| ResourceGroup { name: name.to_owned(), location: LOCATION.to_owned() })
                .to_vec(),
            identities: vec![Identity {
                name: "id-image-builder".to_owned(),
                resource_group: GROUP.to_owned(),
                location: LOCATION.to_owned(),
                principal: IDENTITY.to_owned(),
                client: "d84f2b17-90ac-4c3e-8b65-3f2e1d0c9b8a".to_owned(),
            }],
            storage_accounts: vec![StorageAccount {
                name: "stcontosoimages".to_owned(),
                resource_group: GROUP.to_owned(),
                location: LOCATION.to_owned(),
                key_base64: "VGhpcyBrZXkgb3BlbnMgbm90aGluZyBidXQgdGhlIGVtdWxhdG9yLiBUaGlzIGtleSBvcGVucyBub3RoaW5nIGJ1dC4="
                    .to_owned(),
                allow_shared_key: true,
                roles: BTreeMap::new(),
                firewall: false,
            }],
            galleries: vec![gallery("galContoso", GROUP), gallery("galProduction", PRODUCTION)],
            managed_images: Vec::new(),
            subnets: vec![
                Subnet { id: format!("{network}/snet-build"), ..Subnet::default() },
                Subnet {
                    id: format!("{network}/snet-containers"),
                    delegation: Some("Microsoft.ContainerInstance/containerGroups".to_owned()),
                    ..Subnet::default()
                },
            ],
            platform_images: platform_images(),
            public_files: BTreeMap::new(),
            unregistered_providers: Vec::new(),
            vm_sizes: surroundings::vm_sizes(),
            usages: surroundings::usages(),
            roles: surroundings::roles(),
            role_assignments: surroundings::role_assignments(
                &format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"),
                OBJECT,
                IDENTITY,
            ),
            image_versions: Vec::new(),
            resources: Vec::new(),
            host_pools: Vec::new(),
            scaling_plans: Vec::new(),
            locks: Vec::new(),
            other_subscriptions: Vec::new(),
        }
    }
}

fn application() -> Application {
    Application {
        client: CLIENT.to_owned(),
        object: OBJECT.to_owned(),
        secret: Some("contoso~secret.for-the-emulator_only".to_owned()),
        federated: vec![FederatedCredential {
            issuer: "https://vstoken.dev.azure.com/1d5f8a3c-7b2e-4960-a8d1-4c6e9f0b3a57".to_owned(),
            subject: "sc://contoso/shop/images-prod".to_owned(),
            audience: "api://AzureADTokenExchange".to_owned(),
        }],
        certificate_thumbprints: Vec::new(),
    }
}

fn pipelines() -> Pipelines {
    Pipelines {
        organization: "contoso".to_owned(),
        project: "shop".to_owned(),
        project_id: "7c9e2b4d-5a1f-4386-9d0c-e8b7a6f5c4d3".to_owned(),
        job_token: "job-access-token-for-the-emulator".to_owned(),
        service_connections: vec![ServiceConnection {
            id: "e4d3c2b1-a098-4765-8f4e-3d2c1b0a9988".to_owned(),
            name: "images-prod".to_owned(),
            client: CLIENT.to_owned(),
            issuer: "https://vstoken.dev.azure.com/1d5f8a3c-7b2e-4960-a8d1-4c6e9f0b3a57".to_owned(),
            subject: "sc://contoso/shop/images-prod".to_owned(),
        }],
    }
}

fn gallery(name: &str, group: &str) -> Gallery {
    let definition = |name: &str, os_type: &str, offer: &str| ImageDefinition {
        name: name.to_owned(),
        os_type: os_type.to_owned(),
        hyper_v_generation: "V2".to_owned(),
        identifier: ["Contoso".to_owned(), offer.to_owned(), name.to_owned()],
        ..ImageDefinition::default()
    };
    Gallery {
        name: name.to_owned(),
        resource_group: group.to_owned(),
        location: LOCATION.to_owned(),
        definitions: vec![
            definition("win11-avd", "Windows", "Desktops"),
            definition("ubuntu-2404", "Linux", "Servers"),
        ],
        ..Gallery::default()
    }
}

fn platform_images() -> Vec<PlatformImage> {
    let image = |publisher: &str, offer: &str, sku: &str, versions: &[&str], facts| PlatformImage {
        publisher: publisher.to_owned(),
        offer: offer.to_owned(),
        sku: sku.to_owned(),
        versions: versions.iter().map(|&version| version.to_owned()).collect(),
        facts,
    };
    let trusted = Some("TrustedLaunchSupported");
    vec![
        image(
            "microsoftwindowsdesktop",
            "office-365",
            "win11-25h2-avd-m365",
            &["26200.6584.250915", "26200.7171.251111"],
            surroundings::facts("Windows", "V2", trusted),
        ),
        image(
            "MicrosoftWindowsServer",
            "WindowsServer",
            "2022-datacenter-g2",
            &["20348.4294.251009", "20348.4405.251112"],
            surroundings::facts("Windows", "V2", trusted),
        ),
        image(
            "Canonical",
            "UbuntuServer",
            "18.04-LTS",
            &["18.04.201808140", "18.04.202401161"],
            surroundings::facts("Linux", "V1", None),
        ),
        image(
            "Canonical",
            "ubuntu-24_04-lts",
            "server",
            &["24.04.202510010", "24.04.202511110"],
            surroundings::facts("Linux", "V2", trusted),
        ),
    ]
}
