//! The calls to virtual machines and their parts, to deployments of templates, and to tags of any resource.

use http::Method;

use super::versions::{DISKS, MACHINES, OPERATIONS, RESOURCES};
use super::{Call, Route, route};

const NETWORK: &[&str] = &["2020-11-01", "2023-09-01", "2024-05-01", "2025-01-01"];

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

pub(super) const ROUTES: &[Route] = &[
    route!(
        PutVirtualMachine,
        PUT,
        compute!("virtualMachines/{machine}"),
        MACHINES,
        &[]
    ),
    route!(
        RetrieveBootDiagnosticsData,
        POST,
        compute!("virtualMachines/{machine}/retrieveBootDiagnosticsData"),
        MACHINES,
        &["sasUriExpirationTimeInMinutes"]
    ),
    route!(
        PutRunCommand,
        PUT,
        compute!("virtualMachines/{machine}/runCommands/{command}"),
        MACHINES,
        &[]
    ),
    route!(
        GetRunCommand,
        GET,
        compute!("virtualMachines/{machine}/runCommands/{command}"),
        MACHINES,
        &["$expand"]
    ),
    route!(
        DeleteRunCommand,
        DELETE,
        compute!("virtualMachines/{machine}/runCommands/{command}"),
        MACHINES,
        &[]
    ),
    route!(
        ListRunCommands,
        GET,
        compute!("virtualMachines/{machine}/runCommands"),
        MACHINES,
        &["$expand"]
    ),
    route!(
        PutNetworkInterface,
        PUT,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{interface}",
        NETWORK,
        &[]
    ),
    route!(
        PatchVirtualMachine,
        PATCH,
        compute!("virtualMachines/{machine}"),
        MACHINES,
        &[]
    ),
    route!(
        DeleteVirtualMachine,
        DELETE,
        compute!("virtualMachines/{machine}"),
        MACHINES,
        &["forceDeletion"]
    ),
    route!(
        GetInstanceView,
        GET,
        compute!("virtualMachines/{machine}/instanceView"),
        MACHINES,
        &[]
    ),
    route!(
        StartVirtualMachine,
        POST,
        compute!("virtualMachines/{machine}/start"),
        MACHINES,
        &[]
    ),
    route!(
        RestartVirtualMachine,
        POST,
        compute!("virtualMachines/{machine}/restart"),
        MACHINES,
        &[]
    ),
    route!(
        PowerOffVirtualMachine,
        POST,
        compute!("virtualMachines/{machine}/powerOff"),
        MACHINES,
        &["skipShutdown"]
    ),
    route!(
        DeallocateVirtualMachine,
        POST,
        compute!("virtualMachines/{machine}/deallocate"),
        MACHINES,
        &["hibernate", "forceDeallocate"]
    ),
    route!(
        ListNetworkInterfacesOfGroup,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces",
        NETWORK,
        &["$skiptoken"]
    ),
    route!(
        ListDisksOfGroup,
        GET,
        compute!("disks"),
        DISKS,
        &["$skiptoken"]
    ),
    route!(GetDisk, GET, compute!("disks/{disk}"), DISKS, &[]),
    route!(DeleteDisk, DELETE, compute!("disks/{disk}"), DISKS, &[]),
    route!(
        GetMachineOperation,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/operations/{operation}",
        OPERATIONS,
        &["p", "monitor", "t", "c", "s", "h"]
    ),
    route!(
        GetNetworkInterface,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{interface}",
        NETWORK,
        &["$expand"]
    ),
    route!(
        DeleteNetworkInterface,
        DELETE,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{interface}",
        NETWORK,
        &[]
    ),
    route!(
        GetTags,
        GET,
        "{scope}/providers/Microsoft.Resources/tags/default",
        RESOURCES,
        &[]
    ),
    route!(
        PatchTags,
        PATCH,
        "{scope}/providers/Microsoft.Resources/tags/default",
        RESOURCES,
        &[]
    ),
    route!(PutDeployment, PUT, deployment!(""), RESOURCES, &[]),
    route!(GetDeployment, GET, deployment!(""), RESOURCES, &[]),
    route!(HeadDeployment, HEAD, deployment!(""), RESOURCES, &[]),
    route!(
        ValidateDeployment,
        POST,
        deployment!("/validate"),
        RESOURCES,
        &[]
    ),
    route!(
        CancelDeployment,
        POST,
        deployment!("/cancel"),
        RESOURCES,
        &[]
    ),
    route!(
        ListDeploymentOperations,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/deployments/{deployment}/operations",
        RESOURCES,
        &["$top"]
    ),
    route!(
        ListDeploymentOperationsAtScope,
        GET,
        deployment!("/operations"),
        RESOURCES,
        &["$top"]
    ),
    route!(
        GetDeploymentOperation,
        GET,
        deployment!("/operationStatuses/{operation}"),
        RESOURCES,
        &["t", "c", "s", "h"]
    ),
];
