//! The table of calls: in each row the call, its method, its path, its api-versions, the names in its query.

use http::Method;

use super::Route;
use super::versions::{
    BUILDER, CAPS, COMPUTE, CONTAINERS, DESKTOP_PREVIEWS, DESKTOPS, DISKS, GALLERY, IDENTITY,
    MACHINES, METADATA, OPERATIONS, RESOURCES, STORAGE, TRIGGERS,
};

const AUTHORIZATION: &[&str] = &["2015-07-01", "2018-07-01", "2022-04-01"];
const NETWORK: &[&str] = &["2020-11-01", "2023-09-01", "2024-05-01", "2025-01-01"];
const SIZES: &[&str] = &["2019-04-01", "2021-07-01"];
const GRAPH: &[&str] = &["2021-03-01", "2022-10-01", "2024-04-01"];
const PAGED: &[&str] = &["pageSize", "isDescending", "initialSkip"];
const HOSTS: &[&str] = &["pageSize", "isDescending", "initialSkip", "vmPath"];
const SESSIONS: &[&str] = &["$filter", "pageSize", "isDescending", "initialSkip"];
const SIGNED: &[&str] = &["t", "c", "s", "h"];

macro_rules! template {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.VirtualMachineImages/imageTemplates",
            $rest
        )
    };
}

macro_rules! gallery {
    ($rest:literal) => {
        concat!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{gallery}", $rest)
    };
}

macro_rules! group {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}",
            $rest
        )
    };
}

macro_rules! offers {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/publishers/{publisher}/artifacttypes/vmimage/offers",
            $rest
        )
    };
}

macro_rules! pool {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DesktopVirtualization/hostPools/{pool}",
            $rest
        )
    };
}

macro_rules! compute {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/",
            $rest
        )
    };
}

macro_rules! deployment {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Resources/deployments/{deployment}",
            $rest
        )
    };
}

/// The calls, and [`ROUTES`].
macro_rules! routes {
    ($($call:ident $method:ident $pattern:expr, $versions:expr, $query:expr;)*) => {
        /// A call of Azure Resource Manager or of a provider behind it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Call {
            $($call,)*
        }

        pub(crate) const ROUTES: &[Route] = &[$(Route {
            name: stringify!($call),
            call: Call::$call,
            method: Method::$method,
            pattern: $pattern,
            versions: $versions,
            query: $query,
        }),*];
    };
}

routes! {
    // What a build needs, and what Microsoft's clients need.
    MetadataEndpoints GET "/metadata/endpoints", METADATA, &[];
    ListSubscriptions GET "/subscriptions", RESOURCES, &[];
    GetSubscription GET "/subscriptions/{subscription}", RESOURCES, &[];
    ListLocations GET "/subscriptions/{subscription}/locations", RESOURCES, &[];
    GetProvider GET "/subscriptions/{subscription}/providers/{namespace}", RESOURCES, &["$expand"];
    GetResourceGroup GET "/subscriptions/{subscription}/resourceGroups/{group}", RESOURCES, &[];
    HeadResourceGroup HEAD "/subscriptions/{subscription}/resourceGroups/{group}", RESOURCES, &[];
    GetIdentity GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}", IDENTITY, &[];
    PutTemplate PUT template!("/{template}"), BUILDER, &[];
    PatchTemplate PATCH template!("/{template}"), BUILDER, &[];
    GetTemplate GET template!("/{template}"), BUILDER, &[];
    DeleteTemplate DELETE template!("/{template}"), BUILDER, &[];
    RunTemplate POST template!("/{template}/run"), BUILDER, &[];
    CancelTemplate POST template!("/{template}/cancel"), BUILDER, &[];
    ListRunOutputs GET template!("/{template}/runOutputs"), BUILDER, &[];
    GetRunOutput GET template!("/{template}/runOutputs/{output}"), BUILDER, &[];
    PutTrigger PUT template!("/{template}/triggers/{trigger}"), TRIGGERS, &[];
    GetTrigger GET template!("/{template}/triggers/{trigger}"), TRIGGERS, &[];
    ListTriggers GET template!("/{template}/triggers"), TRIGGERS, &[];
    DeleteTrigger DELETE template!("/{template}/triggers/{trigger}"), TRIGGERS, &[];
    ListTemplatesOfGroup GET template!(""), BUILDER, &["skipToken"];
    ListTemplates GET "/subscriptions/{subscription}/providers/Microsoft.VirtualMachineImages/imageTemplates", BUILDER, &["skipToken"];
    GetOperation GET "/subscriptions/{subscription}/providers/Microsoft.VirtualMachineImages/locations/{location}/operations/{operation}", BUILDER, &["t", "c", "s", "h"];
    GetGallery GET gallery!(""), GALLERY, &[];
    ListDefinitions GET gallery!("/images"), GALLERY, &[];
    GetDefinition GET gallery!("/images/{definition}"), GALLERY, &[];
    ListVersions GET gallery!("/images/{definition}/versions"), GALLERY, &["$skiptoken"];
    GetVersion GET gallery!("/images/{definition}/versions/{version}"), GALLERY, &["$expand"];
    PutVersion PUT gallery!("/images/{definition}/versions/{version}"), GALLERY, &[];
    DeleteVersion DELETE gallery!("/images/{definition}/versions/{version}"), GALLERY, &["bypassSoftDelete"];
    GetComputeOperation GET "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/capsOperations/{operation}", CAPS, &["monitor", "t", "c", "s", "h"];
    GetManagedImage GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/images/{image}", COMPUTE, &[];
    GetStorageAccount GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}", STORAGE, &["$expand"];
    ListStorageAccountsOfGroup GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts", STORAGE, &[];
    ListStorageAccounts GET "/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts", STORAGE, &[];
    ListStorageKeys POST "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}/listKeys", STORAGE, &["$expand"];
    ListContainerGroups GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups", CONTAINERS, &[];
    GetContainerLog GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups/{containers}/containers/{container}/logs", CONTAINERS, &["tail", "timestamps"];

    // How a pipeline looks around before it builds.
    ListIdentitiesOfGroup GET group!("/providers/Microsoft.ManagedIdentity/userAssignedIdentities"), IDENTITY, &[];
    ListResourcesOfGroup GET group!("/resources"), RESOURCES, &["$top", "$filter", "$expand", "$skiptoken"];
    ListGalleriesOfGroup GET group!("/providers/Microsoft.Compute/galleries"), GALLERY, &[];
    ListPublishers GET "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/publishers", COMPUTE, &[];
    ListOffers GET offers!(""), COMPUTE, &[];
    ListImageSkus GET offers!("/{offer}/skus"), COMPUTE, &[];
    ListPlatformImageVersions GET offers!("/{offer}/skus/{sku}/versions"), COMPUTE, &["$top", "$orderby", "$expand"];
    GetPlatformImageVersion GET offers!("/{offer}/skus/{sku}/versions/{version}"), COMPUTE, &[];
    ListVmSizes GET "/subscriptions/{subscription}/providers/Microsoft.Compute/skus", SIZES, &["$filter", "includeExtendedLocations"];
    ListUsages GET "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/usages", COMPUTE, &[];
    ListVmSizesOfRegion GET "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/vmSizes", COMPUTE, &[];
    ListResourceGroups GET "/subscriptions/{subscription}/resourcegroups", RESOURCES, &["$top", "$filter"];
    ListManagedImagesOfGroup GET group!("/providers/Microsoft.Compute/images"), COMPUTE, &[];
    ListNetworksOfGroup GET group!("/providers/Microsoft.Network/virtualNetworks"), NETWORK, &[];
    GetNetwork GET group!("/providers/Microsoft.Network/virtualNetworks/{network}"), NETWORK, &["$expand"];
    GetSubnet GET group!("/providers/Microsoft.Network/virtualNetworks/{network}/subnets/{subnet}"), NETWORK, &["$expand"];
    ListPermissions GET "{scope}/providers/Microsoft.Authorization/permissions", AUTHORIZATION, &[];
    ListRoleAssignments GET "{scope}/providers/Microsoft.Authorization/roleAssignments", AUTHORIZATION, &["$filter"];
    GetRole GET "{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}", AUTHORIZATION, &[];

    // After a build: galleries and versions that change, and what uses an image.
    PutGallery PUT gallery!(""), GALLERY, &[];
    PatchGallery PATCH gallery!(""), GALLERY, &[];
    DeleteGallery DELETE gallery!(""), GALLERY, &[];
    DeleteDefinition DELETE gallery!("/images/{definition}"), GALLERY, &[];
    PatchVersion PATCH gallery!("/images/{definition}/versions/{version}"), GALLERY, &[];
    ListSoftDeletedVersions GET gallery!("/softdeletedartifacttypes/{kind}/artifacts/{definition}/versions"), GALLERY, &["$skiptoken"];
    ListVirtualMachines GET "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines", MACHINES, &["$skiptoken", "$filter", "$expand", "statusOnly"];
    ListVirtualMachinesOfGroup GET compute!("virtualMachines"), MACHINES, &["$skiptoken", "$filter", "$expand"];
    GetVirtualMachine GET compute!("virtualMachines/{machine}"), MACHINES, &["$expand"];
    ListScaleSets GET "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachineScaleSets", COMPUTE, &["$skiptoken"];
    ListScaleSetsOfGroup GET compute!("virtualMachineScaleSets"), COMPUTE, &["$skiptoken"];
    GetScaleSet GET compute!("virtualMachineScaleSets/{set}"), COMPUTE, &["$expand"];
    ListScaleSetInstances GET compute!("virtualMachineScaleSets/{set}/virtualMachines"), COMPUTE, &["$skiptoken", "$filter", "$select", "$expand"];
    ListResources GET "/subscriptions/{subscription}/resources", RESOURCES, &["$top", "$filter", "$expand", "$skiptoken"];
    QueryResources POST "/providers/Microsoft.ResourceGraph/resources", GRAPH, &[];

    // Host pools of Azure Virtual Desktop.
    ListHostPools GET "/subscriptions/{subscription}/providers/Microsoft.DesktopVirtualization/hostPools", DESKTOPS, PAGED;
    ListHostPoolsOfGroup GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DesktopVirtualization/hostPools", DESKTOPS, PAGED;
    GetHostPool GET pool!(""), DESKTOPS, &[];
    PatchHostPool PATCH pool!(""), DESKTOPS, &[];
    RetrieveRegistrationToken POST pool!("/retrieveRegistrationToken"), DESKTOPS, &[];
    ListRegistrationTokens POST pool!("/listRegistrationTokens"), DESKTOPS, &[];
    GetSessionHostConfiguration GET pool!("/sessionHostConfigurations/default"), DESKTOP_PREVIEWS, &[];
    PatchSessionHostConfiguration PATCH pool!("/sessionHostConfigurations/default"), DESKTOP_PREVIEWS, &[];
    GetConfigurationOperation GET pool!("/sessionHostConfigurations/default/operationResults/{operation}"), DESKTOP_PREVIEWS, SIGNED;
    GetActiveSessionHostConfiguration GET pool!("/activeSessionHostConfigurations/default"), DESKTOP_PREVIEWS, &[];
    GetSessionHostManagement GET pool!("/sessionHostManagements/default"), DESKTOP_PREVIEWS, &[];
    PutSessionHostManagement PUT pool!("/sessionHostManagements/default"), DESKTOP_PREVIEWS, &[];
    PatchSessionHostManagement PATCH pool!("/sessionHostManagements/default"), DESKTOP_PREVIEWS, &[];
    InitiateUpdate POST pool!("/sessionHostManagements/default/initiateSessionHostUpdate"), DESKTOP_PREVIEWS, &[];
    ControlUpdate POST pool!("/sessionHostManagements/default/controlSessionHostUpdate"), DESKTOP_PREVIEWS, &[];
    GetUpdateStatus GET pool!("/sessionHostManagements/default/sessionHostUpdateStatuses/default"), DESKTOP_PREVIEWS, &[];
    ControlProvisioning POST pool!("/sessionHostManagements/default/controlSessionHostProvisioning"), DESKTOP_PREVIEWS, &[];
    GetProvisioningStatus GET pool!("/sessionHostManagements/default/sessionHostProvisioningStatuses/default"), DESKTOP_PREVIEWS, &[];
    GetManagementOperation GET pool!("/sessionHostManagements/default/operationResults/{operation}"), DESKTOP_PREVIEWS, SIGNED;
    ListSessionHosts GET pool!("/sessionHosts"), DESKTOPS, HOSTS;
    GetSessionHost GET pool!("/sessionHosts/{host}"), DESKTOPS, &[];
    PatchSessionHost PATCH pool!("/sessionHosts/{host}"), DESKTOPS, &["force"];
    DeleteSessionHost DELETE pool!("/sessionHosts/{host}"), DESKTOPS, &["force"];
    RetryProvisioning POST pool!("/sessionHosts/{host}/retryProvisioning"), DESKTOP_PREVIEWS, &[];
    ListUserSessions GET pool!("/userSessions"), DESKTOPS, SESSIONS;
    ListUserSessionsOfHost GET pool!("/sessionHosts/{host}/userSessions"), DESKTOPS, PAGED;
    GetUserSession GET pool!("/sessionHosts/{host}/userSessions/{session}"), DESKTOPS, &[];
    DeleteUserSession DELETE pool!("/sessionHosts/{host}/userSessions/{session}"), DESKTOPS, &["force"];
    DisconnectUserSession POST pool!("/sessionHosts/{host}/userSessions/{session}/disconnect"), DESKTOPS, &[];
    SendMessage POST pool!("/sessionHosts/{host}/userSessions/{session}/sendMessage"), DESKTOPS, &[];
    ListScalingPlans GET pool!("/scalingPlans"), DESKTOPS, PAGED;
    GetScalingPlan GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DesktopVirtualization/scalingPlans/{plan}", DESKTOPS, &[];
    PatchScalingPlan PATCH "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DesktopVirtualization/scalingPlans/{plan}", DESKTOPS, &[];

    // Virtual machines and their parts, deployments of templates, and tags of any resource.
    PutVirtualMachine PUT compute!("virtualMachines/{machine}"), MACHINES, &[];
    RetrieveBootDiagnosticsData POST compute!("virtualMachines/{machine}/retrieveBootDiagnosticsData"), MACHINES, &["sasUriExpirationTimeInMinutes"];
    PutRunCommand PUT compute!("virtualMachines/{machine}/runCommands/{command}"), MACHINES, &[];
    GetRunCommand GET compute!("virtualMachines/{machine}/runCommands/{command}"), MACHINES, &["$expand"];
    DeleteRunCommand DELETE compute!("virtualMachines/{machine}/runCommands/{command}"), MACHINES, &[];
    ListRunCommands GET compute!("virtualMachines/{machine}/runCommands"), MACHINES, &["$expand"];
    PutNetworkInterface PUT "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{interface}", NETWORK, &[];
    PatchVirtualMachine PATCH compute!("virtualMachines/{machine}"), MACHINES, &[];
    DeleteVirtualMachine DELETE compute!("virtualMachines/{machine}"), MACHINES, &["forceDeletion"];
    GetInstanceView GET compute!("virtualMachines/{machine}/instanceView"), MACHINES, &[];
    StartVirtualMachine POST compute!("virtualMachines/{machine}/start"), MACHINES, &[];
    RestartVirtualMachine POST compute!("virtualMachines/{machine}/restart"), MACHINES, &[];
    PowerOffVirtualMachine POST compute!("virtualMachines/{machine}/powerOff"), MACHINES, &["skipShutdown"];
    DeallocateVirtualMachine POST compute!("virtualMachines/{machine}/deallocate"), MACHINES, &["hibernate", "forceDeallocate"];
    ListNetworkInterfacesOfGroup GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces", NETWORK, &["$skiptoken"];
    ListDisksOfGroup GET compute!("disks"), DISKS, &["$skiptoken"];
    GetDisk GET compute!("disks/{disk}"), DISKS, &[];
    DeleteDisk DELETE compute!("disks/{disk}"), DISKS, &[];
    GetMachineOperation GET "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/operations/{operation}", OPERATIONS, &["p", "monitor", "t", "c", "s", "h"];
    GetNetworkInterface GET "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{interface}", NETWORK, &["$expand"];
    DeleteNetworkInterface DELETE "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{interface}", NETWORK, &[];
    GetTags GET "{scope}/providers/Microsoft.Resources/tags/default", RESOURCES, &[];
    PatchTags PATCH "{scope}/providers/Microsoft.Resources/tags/default", RESOURCES, &[];
    PutDeployment PUT deployment!(""), RESOURCES, &[];
    GetDeployment GET deployment!(""), RESOURCES, &[];
    HeadDeployment HEAD deployment!(""), RESOURCES, &[];
    ValidateDeployment POST deployment!("/validate"), RESOURCES, &[];
    CancelDeployment POST deployment!("/cancel"), RESOURCES, &[];
    ListDeploymentOperations GET "/subscriptions/{subscription}/resourceGroups/{group}/deployments/{deployment}/operations", RESOURCES, &["$top"];
    ListDeploymentOperationsAtScope GET deployment!("/operations"), RESOURCES, &["$top"];
    GetDeploymentOperation GET deployment!("/operationStatuses/{operation}"), RESOURCES, &["t", "c", "s", "h"];
}
