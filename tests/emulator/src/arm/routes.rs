//! The calls that the emulator answers: method, path, api-versions, query parameters. Everything else is refused.

mod after;
mod build;
mod desktops;
mod machines;
mod path;
mod surroundings;
mod versions;

use http::Method;

use path::parameters;

pub(crate) use path::Parameters;

/// A call of Azure Resource Manager or of a provider behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    MetadataEndpoints,
    ListSubscriptions,
    GetSubscription,
    ListLocations,
    GetProvider,
    GetResourceGroup,
    HeadResourceGroup,
    GetIdentity,
    PutTemplate,
    PatchTemplate,
    GetTemplate,
    DeleteTemplate,
    RunTemplate,
    CancelTemplate,
    ListRunOutputs,
    GetRunOutput,
    PutTrigger,
    GetTrigger,
    ListTriggers,
    DeleteTrigger,
    ListTemplatesOfGroup,
    ListTemplates,
    GetOperation,
    GetGallery,
    ListDefinitions,
    GetDefinition,
    ListVersions,
    GetVersion,
    PutVersion,
    DeleteVersion,
    GetComputeOperation,
    GetManagedImage,
    GetStorageAccount,
    ListStorageAccountsOfGroup,
    ListStorageAccounts,
    ListStorageKeys,
    ListContainerGroups,
    GetContainerLog,
    ListIdentitiesOfGroup,
    ListResourcesOfGroup,
    ListGalleriesOfGroup,
    ListPublishers,
    ListOffers,
    ListImageSkus,
    ListPlatformImageVersions,
    GetPlatformImageVersion,
    ListVmSizes,
    ListUsages,
    ListVmSizesOfRegion,
    ListResourceGroups,
    ListManagedImagesOfGroup,
    ListNetworksOfGroup,
    GetNetwork,
    GetSubnet,
    ListPermissions,
    ListRoleAssignments,
    GetRole,
    PutGallery,
    PatchGallery,
    DeleteGallery,
    DeleteDefinition,
    PatchVersion,
    ListSoftDeletedVersions,
    ListVirtualMachines,
    ListVirtualMachinesOfGroup,
    GetVirtualMachine,
    ListScaleSets,
    ListScaleSetsOfGroup,
    GetScaleSet,
    ListScaleSetInstances,
    GetHostPool,
    GetSessionHostConfiguration,
    GetActiveSessionHostConfiguration,
    ListResources,
    QueryResources,
    ListHostPools,
    ListHostPoolsOfGroup,
    PatchHostPool,
    RetrieveRegistrationToken,
    ListRegistrationTokens,
    PatchSessionHostConfiguration,
    GetConfigurationOperation,
    GetSessionHostManagement,
    PutSessionHostManagement,
    PatchSessionHostManagement,
    InitiateUpdate,
    ControlUpdate,
    GetUpdateStatus,
    ControlProvisioning,
    GetProvisioningStatus,
    GetManagementOperation,
    ListSessionHosts,
    GetSessionHost,
    PatchSessionHost,
    DeleteSessionHost,
    RetryProvisioning,
    ListUserSessions,
    ListUserSessionsOfHost,
    GetUserSession,
    DeleteUserSession,
    DisconnectUserSession,
    SendMessage,
    ListScalingPlans,
    GetScalingPlan,
    PatchScalingPlan,
    PatchVirtualMachine,
    DeleteVirtualMachine,
    GetInstanceView,
    StartVirtualMachine,
    RestartVirtualMachine,
    PowerOffVirtualMachine,
    DeallocateVirtualMachine,
    GetDisk,
    DeleteDisk,
    GetMachineOperation,
    GetNetworkInterface,
    DeleteNetworkInterface,
    GetTags,
    PatchTags,
    PutDeployment,
    GetDeployment,
    HeadDeployment,
    ValidateDeployment,
    CancelDeployment,
    ListDeploymentOperations,
    ListDeploymentOperationsAtScope,
    GetDeploymentOperation,
    PutVirtualMachine,
    RetrieveBootDiagnosticsData,
    PutRunCommand,
    GetRunCommand,
    DeleteRunCommand,
    ListRunCommands,
    PutNetworkInterface,
    ListNetworkInterfacesOfGroup,
    ListDisksOfGroup,
}

/// One row of the table of routes.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
    pub(crate) method: Method,
    pub(crate) pattern: &'static str,
    pub(crate) versions: &'static [&'static str],
    pub(crate) query: &'static [&'static str],
}

/// A row of a table: the call, its method, its path, its api-versions, the names in its query.
macro_rules! route {
    ($call:ident, $method:ident, $pattern:expr, $versions:expr, $query:expr) => {
        Route {
            name: stringify!($call),
            call: Call::$call,
            method: Method::$method,
            pattern: $pattern,
            versions: $versions,
            query: $query,
        }
    };
}

pub(crate) use route;

/// All routes.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    build::ROUTES
        .iter()
        .chain(surroundings::ROUTES)
        .chain(after::ROUTES)
        .chain(desktops::ROUTES)
        .chain(machines::ROUTES)
}

/// The routes with this path, whatever their method.
pub(crate) fn routes_of(path: &str) -> Vec<(&'static Route, Parameters)> {
    all()
        .filter_map(|route| Some((route, parameters(route.pattern, path)?)))
        .collect()
}

/// The name of the route of a request.
pub(crate) fn name_of(method: &Method, path: &str) -> Option<&'static str> {
    routes_of(path)
        .into_iter()
        .find(|(route, _)| route.method == *method)
        .map(|(route, _)| route.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_without_letter_case() {
        let check = |method: Method, path: &str, expected: Option<&str>| {
            assert_eq!(name_of(&method, path), expected, "{path}");
        };
        let template = "/subscriptions/s/resourcegroups/g/providers/microsoft.virtualmachineimages/imagetemplates/t";
        check(Method::GET, template, Some("GetTemplate"));
        check(
            Method::POST,
            &format!("{template}/run"),
            Some("RunTemplate"),
        );
        check(Method::GET, &format!("{template}/run"), None);
        check(Method::GET, &format!("{template}/"), Some("GetTemplate"));
        check(
            Method::GET,
            &format!("{template}/runOutputs/o"),
            Some("GetRunOutput"),
        );
        check(
            Method::GET,
            "/subscriptions/s/resourceGroups//resources",
            None,
        );
        let doubled = |place: &str| template.replace(place, &format!("{place}/"));
        check(Method::GET, &doubled("images/"), Some("GetTemplate"));
        check(Method::GET, &doubled("resourcegroups/"), None);
        check(Method::GET, &doubled("imagetemplates/"), None);
    }
}
