//! The seed scenario: Windows 11 for Azure Virtual Desktop with updates and a package, to a gallery in two regions, signed in by workload
//! identity federation. What a pipeline author would write, and what an agent would hand over.

use std::fs;
use std::path::Path;

use azure_emulator::World;
use azure_emulator::blob::BlobRole;
use pipelines_agent::{Directories, ServiceConnection, Step};

/// Contoso, where the service connection's principal may write and sign links.
pub(crate) fn world(addresses: azure_emulator::Addresses) -> World {
    let mut world = World::contoso(addresses);
    let roles = vec![BlobRole::Contributor, BlobRole::Delegator];
    world.storage_accounts[0]
        .roles
        .insert("any".to_owned(), roles);
    world
}

/// The repository's files, of which `wvd/images` is the package.
pub(crate) fn check_out(sources: &Path) {
    let scripts = [
        (
            "wvd/images/scripts/base-installs.ps1",
            "Write-Output 'Installing the base applications'\n",
        ),
        (
            "wvd/images/scripts/base-installs.sh",
            "echo 'Installing the base packages'\n",
        ),
        (
            "wvd/images/config/language.json",
            "{ \"language\": \"en-US\" }\n",
        ),
        ("azure-pipelines.yml", "trigger: [main]\n"),
    ];
    for (name, text) in scripts {
        let path = sources.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir_all(sources.join("wvd/images/logs")).unwrap();
}

/// The step as it stands in YAML, with what the agent adds.
pub(crate) fn step(directories: Directories, world: &World) -> Step {
    let gallery = world.gallery_id(&world.galleries[0]);
    bare_step(directories, world)
        .named("bake")
        .input("ibAzureResourceGroup", "rg-images")
        .input("ibLocation", "westeurope")
        .input("managedIdentity", world.identity_id(&world.identities[0]))
        .input("imageSource", "marketplace")
        .input(
            "baseImagePubOfferSku",
            "microsoftwindowsdesktop:office-365:win11-25h2-avd-m365",
        )
        .input("provisioner", "powershell")
        .input("windowsUpdateProvisioner", "true")
        .input("packagePath", "wvd/images")
        .input(
            "inlineScript",
            "& 'c:\\buildartifacts\\images\\scripts\\base-installs.ps1'",
        )
        .input("storageAccountName", "stcontosoimages")
        .input("distributeType", "sig")
        .input("galleryImageId", format!("{gallery}/images/win11-avd"))
        .input("replicationRegions", "westeurope, northeurope")
        .input("vmSize", "Standard_D4s_v5")
        .input("buildTimeoutInMinutes", "120")
}

/// A step with a service connection and nothing else.
pub(crate) fn bare_step(directories: Directories, world: &World) -> Step {
    let step = Step::new(directories)
        .input("ibSubscription", "images-prod")
        .variable("Build.BuildId", "4711")
        .variable("Build.BuildNumber", "20261122.1")
        .variable("Build.DefinitionName", "images")
        .variable(
            "Build.Repository.Uri",
            "https://contoso@dev.azure.com/contoso/avd/_git/avd",
        )
        .variable("Build.SourceBranch", "refs/heads/main")
        .variable(
            "Build.SourceVersion",
            "5c1f0a7e0d5d4be2a1e3f5d7c9b80716f4e2d3c1",
        )
        .connection(connection(world, "WorkloadIdentityFederation"));
    let origin = &world.addresses.devops;
    let (organization, project) = (&world.pipelines.organization, &world.pipelines.project_id);
    let job =
        "plans/0d7c1f8e-5b7a-4f0e-9a55-7a1c5f3f9d10/jobs/12f1170f-54f2-53f3-20dd-22fc7dff55f9";
    let oidc = format!(
        "{origin}/{organization}/{project}/_apis/distributedtask/hubs/build/{job}/oidctoken"
    );
    step.system(
        format!("{origin}/{organization}/"),
        &world.pipelines.job_token,
    )
    .variable("System.OidcRequestUri", oidc)
}

/// The service connection as the agent hands it over.
pub(crate) fn connection(world: &World, scheme: &str) -> ServiceConnection {
    let connection = &world.pipelines.service_connections[0];
    let url = format!("{}/", world.addresses.arm);
    ServiceConnection::new(&connection.id, &connection.name, url, scheme)
        .parameter("serviceprincipalid", &connection.client)
        .parameter("tenantid", &world.tenant)
        .data("subscriptionId", &world.subscription)
        .data("subscriptionName", &world.subscription_name)
        .data("environment", "AzureCloud")
        .data(
            "activeDirectoryAuthority",
            format!("{}/", world.addresses.login),
        )
}
