//! What may be wrong with where a build happens, and with who does it.

use super::{Ill, InBuild, ill, nothing};

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
        InBuild::Refused,
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
        InBuild::Warned,
    ),
    ill(
        nothing,
        &[("ibLocation", "spaincentral")],
        [
            "AIB702",
            "not available in region spaincentral",
            "set input 'ibLocation' to one of these regions: eastus, ",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("ibAzureResourceGroup", "rg-none")],
        [
            "AIB703",
            "resource group 'rg-none' does not exist",
            "az group create --subscription",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[(
            "managedIdentity",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-gone",
        )],
        [
            "AIB710",
            "identity 'id-gone' does not exist in resource group 'rg-images'; Azure VM Image Builder needs it to run the build",
            "check the spelling; existing: 'id-image-builder'. To create 'id-gone': az identity create --subscription",
        ],
        InBuild::Refused,
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
            "identity 'id-image-builder' lacks permission for Microsoft.Compute/galleries/images/versions/write on gallery 'galContoso'",
            "az role assignment create --assignee-object-id c51e7a90-3d28-4b6f-9e04-1a7b5c9d2e63",
        ],
        InBuild::Warned,
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
            "the service connection lacks permission for Microsoft.VirtualMachineImages/imageTemplates/read",
            "--role 'Contributor'",
        ],
        InBuild::Untold,
    ),
    ill(
        |scene| scene.world.storage_accounts[0].roles.clear(),
        &[],
        [
            "AIB712",
            "containers/blobs/write",
            "--role 'Storage Blob Data Contributor'",
        ],
        InBuild::Untold,
    ),
    ill(
        nothing,
        &[("storageAccountName", "stnowhere")],
        [
            "AIB717",
            "storage account 'stnowhere' does not exist",
            "az storage account create",
        ],
        InBuild::Warned,
    ),
    ill(
        |scene| scene.world.storage_accounts[0].firewall = true,
        &[],
        [
            "AIB717",
            "'stcontosoimages' has a firewall",
            "az storage account network-rule add",
        ],
        InBuild::Warned,
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
        InBuild::Warned,
    ),
    ill(
        |scene| scene.step = scene.step.clone().variable("System.JobTimeout", "60"),
        &[],
        [
            "AIB719",
            "the job ends after 60 min, and the build can take 120 min",
            "'timeoutInMinutes: 135'",
        ],
        InBuild::Warned,
    ),
    ill(
        nothing,
        &[("ibLocation", "westeurop")],
        [
            "AIB702",
            "regions: region 'westeurop' of the image template does not exist: it is not one of the locations of the subscription",
            "did you mean 'westeurope'? All regions: az account list-locations",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("replicationRegions", "westeurope, northeurop")],
        [
            "AIB702",
            "regions: region 'northeurop' of a target does not exist",
            "did you mean 'northeurope'?",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("ibAzureResourceGroup", "rg-image")],
        [
            "AIB703",
            "resource group 'rg-image' does not exist",
            "check the spelling: did you mean 'rg-images'? To create 'rg-image': az group create",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[(
            "managedIdentity",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-bulder",
        )],
        [
            "AIB710",
            "managed identity: identity 'id-image-bulder' does not exist in resource group 'rg-images'",
            "check the spelling: did you mean 'id-image-builder'? To create 'id-image-bulder': az identity create",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[(
            "managedIdentity",
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-imges/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder",
        )],
        [
            "AIB710",
            "because its resource group 'rg-imges' does not exist",
            "check the spelling: did you mean 'rg-images'? To create 'rg-imges': az group create",
        ],
        InBuild::Refused,
    ),
    ill(
        nothing,
        &[("storageAccountName", "stcontosoimage")],
        [
            "AIB717",
            "storage account 'stcontosoimage' does not exist",
            "check the spelling: did you mean 'stcontosoimages'? To create 'stcontosoimage': az storage account create",
        ],
        InBuild::Warned,
    ),
];
