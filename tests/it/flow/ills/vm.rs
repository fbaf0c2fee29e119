//! What may be wrong with the build VM and its network.

use super::{Ill, InBuild, ill, nothing};

pub(super) const ILLS: &[Ill] = &[
    ill(
        nothing,
        &[("vmSize", "Standard_D1_v2")],
        [
            "AIB708",
            "a build VM of size Standard_D1_v2 supports images of generation V1 only, but the source image is of generation V2",
            "input 'vmSize'",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| scene.world.subnets.truncate(1),
        &[],
        [
            "AIB713",
            "subnet 'snet-containers' does not exist in network 'vnet-images'",
            "az network vnet subnet list",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| scene.world.subnets.truncate(0),
        &[],
        [
            "AIB713",
            "subnet 'snet-build' does not exist",
            "az network vnet list",
        ],
        InBuild::Untold,
    ),
    ill(
        |scene| scene.world.subnets[1].delegation = None,
        &[],
        [
            "AIB714",
            "is not delegated to Microsoft.ContainerInstance/containerGroups",
            "--delegations Microsoft.ContainerInstance/containerGroups",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| {
            let containers = scene.world.subnets[1].delegation.clone();
            scene.world.subnets[0].delegation = containers;
        },
        &[],
        [
            "AIB714",
            "subnet 'snet-build' is delegated to Microsoft.ContainerInstance/containerGroups, so no VM can be created there",
            "az network vnet subnet list",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| scene.world.subnets[0].default_outbound = Some(false),
        &[],
        [
            "AIB714",
            "is private and has neither a NAT gateway nor a route table",
            "az network vnet subnet update",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| {
            scene
                .world
                .vm_sizes
                .retain(|size| size.name != "Standard_D4s_v5");
        },
        &[],
        [
            "AIB715",
            "a build VM of size Standard_D4s_v5 is not available to the subscription in westeurope: Azure does not offer it there",
            "did you mean 'Standard_D4ds_v5'? Or choose another one for input 'vmSize': az vm list-skus",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            for size in &mut scene.world.vm_sizes {
                size.restriction = Some("NotAvailableForSubscription".to_owned());
            }
        },
        &[],
        ["AIB715", "NotAvailableForSubscription", "az vm list-skus"],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            for usage in &mut scene.world.usages {
                usage.used = usage.limit - 3;
            }
        },
        &[],
        [
            "AIB716",
            "quota 'standardDSv5Family' of westeurope has 47 of 50",
            "az vm list-usage",
        ],
        InBuild::Warned,
    ),
    ill(
        nothing,
        &[(
            "vnetSubnetId",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Network/virtualNetworks/vnet-images/subnets/snet-bild",
        )],
        [
            "AIB713",
            "subnet 'snet-bild' does not exist in network 'vnet-images'",
            "check the spelling: did you mean 'snet-build'? To list all: az network vnet subnet list",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("vmSize", "Standard_D4s_v6")],
        [
            "AIB715",
            "VM size: a build VM of size Standard_D4s_v6 is not available to the subscription in westeurope: Azure does not offer it there",
            "did you mean 'Standard_D4s_v5'?",
        ],
        InBuild::Refused,
    ),
    ill(
        |scene| {
            let sizes = &mut scene.world.vm_sizes;
            sizes.retain(|size| size.name != "Standard_D2ds_v4");
        },
        &[("vmSize", "")],
        [
            "AIB715",
            "a build VM of size Standard_D2ds_v4 (the default of the service) is not available to the subscription in westeurope",
            "did you mean 'Standard_D2ds_v5'? Or choose another one for input 'vmSize'",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| {
            let facts = &mut scene.world.platform_images[0].facts;
            "Arm64".clone_into(&mut facts.architecture);
            let definition = &mut scene.world.galleries[0].definitions[0];
            definition.architecture = Some("Arm64".to_owned());
        },
        &[("vmSize", "")],
        [
            "AIB708",
            "a build VM of size Standard_D2ds_v4 (the default of the service) supports images of architecture x64 only, but the source image is of architecture Arm64",
            "choose another size for input 'vmSize'",
        ],
        InBuild::Warned,
    ),
];
