//! What may be wrong with what a build needs: how it comes about, and what is said of it.

use azure_emulator::Deprecation;

use super::scene::Scene;

/// The seed scenario in a job of ten hours, with subnets.
pub(super) fn scene() -> Scene {
    let mut scene = Scene::windows();
    scene.step = scene.step.variable("System.JobTimeout", "600");
    let subnets = scene.world.subnets.clone();
    scene
        .input("vnetSubnetId", &subnets[0].id)
        .input("containerInstanceSubnetId", &subnets[1].id)
}

/// One way in which something is wrong.
pub(super) struct Ill {
    /// How the scene comes to be so.
    pub(super) make: fn(&mut Scene),
    /// The inputs that bring it about.
    pub(super) inputs: &'static [(&'static str, &'static str)],
    /// The code, and what issue and fix say.
    pub(super) expected: [&'static str; 3],
    /// Whether a build is refused, too.
    pub(super) certain: bool,
}

const fn ill(
    make: fn(&mut Scene),
    inputs: &'static [(&'static str, &'static str)],
    expected: [&'static str; 3],
    certain: bool,
) -> Ill {
    Ill {
        make,
        inputs,
        expected,
        certain,
    }
}

fn nothing(_: &mut Scene) {}

fn deprecated(scene: &mut Scene, state: &str) {
    scene.world.platform_images[0].facts.deprecation = Some(Deprecation {
        state: state.to_owned(),
        time: Some("2026-12-31T00:00:00Z".to_owned()),
        alternative: Some("win11-26h2-avd-m365".to_owned()),
    });
}

/// Everything that the doctor may complain of.
pub(super) const ILLS: &[Ill] = &[
    ill(
        |scene| {
            let missing = "Microsoft.VirtualMachineImages".to_owned();
            scene.world.unregistered_providers.push(missing);
        },
        &[],
        [
            "AIB701",
            "Microsoft.VirtualMachineImages is not registered",
            "az provider register --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --namespace Microsoft.VirtualMachineImages --wait",
        ],
        true,
    ),
    ill(
        |scene| {
            scene
                .world
                .unregistered_providers
                .push("Microsoft.KeyVault".to_owned());
        },
        &[],
        [
            "AIB701",
            "Microsoft.KeyVault is not registered",
            "--namespace Microsoft.KeyVault --wait",
        ],
        false,
    ),
    ill(
        nothing,
        &[("ibLocation", "spaincentral")],
        [
            "AIB702",
            "not offered in region spaincentral",
            "'ibLocation': eastus, ",
        ],
        true,
    ),
    ill(
        nothing,
        &[("ibAzureResourceGroup", "rg-none")],
        [
            "AIB703",
            "resource group 'rg-none' does not exist",
            "az group create --subscription",
        ],
        true,
    ),
    ill(
        nothing,
        &[(
            "baseImagePubOfferSku",
            "microsoftwindowsdesktop:office-365:19h2-evd-o365pp",
        )],
        [
            "AIB704",
            "it has no SKU '19h2-evd-o365pp'; there is win11-25h2-avd-m365",
            "az vm image list-skus --location westeurope --publisher microsoftwindowsdesktop --offer office-365",
        ],
        true,
    ),
    ill(
        nothing,
        &[(
            "baseImagePubOfferSku",
            "microsoftwindowsdesktop:office-356:win11-25h2-avd-m365",
        )],
        [
            "AIB704",
            "it has no offer 'office-356'; there is office-365",
            "az vm image list-skus",
        ],
        true,
    ),
    ill(
        nothing,
        &[("baseImageVersion", "26200.1.1")],
        [
            "AIB704",
            "it has no version '26200.1.1'; there is 26200.7171.251111",
            "az vm image list-skus",
        ],
        true,
    ),
    ill(
        |scene| deprecated(scene, "ScheduledForDeprecation"),
        &[],
        [
            "AIB705",
            "its publisher will end it (on 2026-12-31)",
            "in its place: win11-26h2-avd-m365",
        ],
        false,
    ),
    ill(
        |scene| deprecated(scene, "Deprecated"),
        &[],
        [
            "AIB705",
            "its publisher has ended it (on 2026-12-31)",
            "in its place: win11-26h2-avd-m365",
        ],
        false,
    ),
    ill(
        |scene| {
            let plan = ["l1", "cis", "cis-windows"].map(str::to_owned);
            scene.world.platform_images[0].facts.plan = Some(plan);
        },
        &[],
        [
            "AIB706",
            "is sold with a plan",
            "'platformImagePurchasePlan: l1:cis-windows:cis'",
        ],
        false,
    ),
    ill(
        nothing,
        &[("platformImagePurchasePlan", "l1:cis-windows:cis")],
        [
            "AIB706",
            "is sold without a plan",
            "leave input 'platformImagePurchasePlan' empty",
        ],
        false,
    ),
    ill(
        |scene| drop(scene.world.galleries[0].definitions.remove(0)),
        &[],
        [
            "AIB707",
            "image definition 'win11-avd' does not exist in gallery 'galContoso'",
            "az sig image-definition create",
        ],
        true,
    ),
    ill(
        |scene| scene.world.galleries.truncate(0),
        &[],
        [
            "AIB707",
            "image definition 'win11-avd' does not exist",
            "--os-type Windows --hyper-v-generation V2 --architecture x64 --features SecurityType=TrustedLaunchSupported",
        ],
        false,
    ),
    ill(
        |scene| "V1".clone_into(&mut scene.world.galleries[0].definitions[0].hyper_v_generation),
        &[],
        [
            "AIB708",
            "is for generation V1, and the source is of generation V2",
            "az sig image-definition create",
        ],
        true,
    ),
    ill(
        |scene| "Linux".clone_into(&mut scene.world.galleries[0].definitions[0].os_type),
        &[],
        [
            "AIB708",
            "is for operating system Linux",
            "use another source",
        ],
        false,
    ),
    ill(
        |scene| {
            let definition = &mut scene.world.galleries[0].definitions[0];
            definition.security_type = Some("TrustedLaunch".to_owned());
        },
        &[],
        [
            "AIB708",
            "demands security type TrustedLaunch",
            "use a definition that fits",
        ],
        false,
    ),
    ill(
        nothing,
        &[("vmSize", "Standard_D1_v2")],
        [
            "AIB708",
            "VMs of size Standard_D1_v2 have generation V1, and the source is of generation V2",
            "input 'vmSize'",
        ],
        false,
    ),
    ill(
        |scene| {
            scene.world.galleries[0].definitions[0]
                .versions
                .push("1.2.0".to_owned());
        },
        &[("imageVersion", "1.2.0")],
        [
            "AIB709",
            "version 1.2.0 of 'win11-avd' exists already",
            "input 'imageVersion'",
        ],
        true,
    ),
    ill(
        nothing,
        &[(
            "managedIdentity",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-gone",
        )],
        [
            "AIB710",
            "identity 'id-gone' does not exist",
            "az identity create --subscription",
        ],
        true,
    ),
    ill(
        |scene| {
            let role = &mut scene.world.roles[1];
            role.actions
                .retain(|action| !action.ends_with("versions/write"));
        },
        &[],
        [
            "AIB711",
            "identity 'id-image-builder' may not Microsoft.Compute/galleries/images/versions/write at gallery 'galContoso'",
            "az role assignment create --assignee-object-id c51e7a90-3d28-4b6f-9e04-1a7b5c9d2e63",
        ],
        false,
    ),
    ill(
        |scene| {
            scene.world.role_assignments[0]
                .scope
                .push_str("/providers/a/b/c");
        },
        &[],
        [
            "AIB712",
            "the service connection may not Microsoft.VirtualMachineImages/imageTemplates/read",
            "--role 'Contributor'",
        ],
        false,
    ),
    ill(
        |scene| scene.world.storage_accounts[0].roles.clear(),
        &[],
        [
            "AIB712",
            "containers/blobs/write",
            "--role 'Storage Blob Data Contributor'",
        ],
        false,
    ),
    ill(
        |scene| scene.world.subnets.truncate(1),
        &[],
        [
            "AIB713",
            "subnet 'snet-containers' does not exist in network 'vnet-images'",
            "az network vnet subnet list",
        ],
        true,
    ),
    ill(
        |scene| scene.world.subnets.truncate(0),
        &[],
        [
            "AIB713",
            "subnet 'snet-build' does not exist",
            "az network vnet subnet list",
        ],
        false,
    ),
    ill(
        |scene| scene.world.subnets[1].delegation = None,
        &[],
        [
            "AIB714",
            "is not delegated to Microsoft.ContainerInstance/containerGroups",
            "--delegations Microsoft.ContainerInstance/containerGroups",
        ],
        false,
    ),
    ill(
        |scene| scene.world.subnets[0].default_outbound = Some(false),
        &[],
        [
            "AIB714",
            "is private and has neither a NAT gateway nor a route table",
            "az network vnet subnet update",
        ],
        false,
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
            "cannot have VMs of size Standard_D4s_v5 in westeurope",
            "az vm list-skus",
        ],
        false,
    ),
    ill(
        |scene| {
            for size in &mut scene.world.vm_sizes {
                size.restriction = Some("NotAvailableForSubscription".to_owned());
            }
        },
        &[],
        ["AIB715", "NotAvailableForSubscription", "az vm list-skus"],
        false,
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
        false,
    ),
    ill(
        nothing,
        &[("storageAccountName", "stnowhere")],
        [
            "AIB717",
            "storage account 'stnowhere' does not exist",
            "az storage account create",
        ],
        false,
    ),
    ill(
        |scene| scene.world.storage_accounts[0].firewall = true,
        &[],
        [
            "AIB717",
            "'stcontosoimages' has a firewall",
            "az storage account network-rule add",
        ],
        false,
    ),
    ill(
        nothing,
        &[(
            "stagingResourceGroup",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images",
        )],
        [
            "AIB718",
            "staging resource group 'rg-images' is not empty",
            "input 'stagingResourceGroup'",
        ],
        false,
    ),
    ill(
        |scene| scene.step = scene.step.clone().variable("System.JobTimeout", "60"),
        &[],
        [
            "AIB719",
            "the job ends after 60 min, and the build may take 120 min",
            "'timeoutInMinutes: 135'",
        ],
        false,
    ),
];

/// The scene with what is wrong.
pub(super) fn made(ill: &Ill) -> Scene {
    let mut scene = scene();
    (ill.make)(&mut scene);
    ill.inputs
        .iter()
        .fold(scene, |scene, (name, value)| scene.input(name, value))
}
