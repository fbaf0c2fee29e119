//! The calls that a build needs, and that Microsoft's clients need.

use http::Method;

use super::versions::{
    BUILDER, CAPS, COMPUTE, CONTAINERS, GALLERY, IDENTITY, METADATA, RESOURCES, STORAGE, TRIGGERS,
};
use super::{Call, Route, route};

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

pub(super) const ROUTES: &[Route] = &[
    route!(MetadataEndpoints, GET, "/metadata/endpoints", METADATA, &[]),
    route!(ListSubscriptions, GET, "/subscriptions", RESOURCES, &[]),
    route!(
        GetSubscription,
        GET,
        "/subscriptions/{subscription}",
        RESOURCES,
        &[]
    ),
    route!(
        ListLocations,
        GET,
        "/subscriptions/{subscription}/locations",
        RESOURCES,
        &[]
    ),
    route!(
        GetProvider,
        GET,
        "/subscriptions/{subscription}/providers/{namespace}",
        RESOURCES,
        &["$expand"]
    ),
    route!(
        GetResourceGroup,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}",
        RESOURCES,
        &[]
    ),
    route!(
        HeadResourceGroup,
        HEAD,
        "/subscriptions/{subscription}/resourceGroups/{group}",
        RESOURCES,
        &[]
    ),
    route!(
        GetIdentity,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}",
        IDENTITY,
        &[]
    ),
    route!(PutTemplate, PUT, template!("/{template}"), BUILDER, &[]),
    route!(PatchTemplate, PATCH, template!("/{template}"), BUILDER, &[]),
    route!(GetTemplate, GET, template!("/{template}"), BUILDER, &[]),
    route!(
        DeleteTemplate,
        DELETE,
        template!("/{template}"),
        BUILDER,
        &[]
    ),
    route!(
        RunTemplate,
        POST,
        template!("/{template}/run"),
        BUILDER,
        &[]
    ),
    route!(
        CancelTemplate,
        POST,
        template!("/{template}/cancel"),
        BUILDER,
        &[]
    ),
    route!(
        ListRunOutputs,
        GET,
        template!("/{template}/runOutputs"),
        BUILDER,
        &[]
    ),
    route!(
        GetRunOutput,
        GET,
        template!("/{template}/runOutputs/{output}"),
        BUILDER,
        &[]
    ),
    route!(
        PutTrigger,
        PUT,
        template!("/{template}/triggers/{trigger}"),
        TRIGGERS,
        &[]
    ),
    route!(
        GetTrigger,
        GET,
        template!("/{template}/triggers/{trigger}"),
        TRIGGERS,
        &[]
    ),
    route!(
        ListTriggers,
        GET,
        template!("/{template}/triggers"),
        TRIGGERS,
        &[]
    ),
    route!(
        DeleteTrigger,
        DELETE,
        template!("/{template}/triggers/{trigger}"),
        TRIGGERS,
        &[]
    ),
    route!(
        ListTemplatesOfGroup,
        GET,
        template!(""),
        BUILDER,
        &["skipToken"]
    ),
    route!(
        ListTemplates,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.VirtualMachineImages/imageTemplates",
        BUILDER,
        &["skipToken"]
    ),
    route!(
        GetOperation,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.VirtualMachineImages/locations/{location}/operations/{operation}",
        BUILDER,
        &["t", "c", "s", "h"]
    ),
    route!(GetGallery, GET, gallery!(""), GALLERY, &[]),
    route!(ListDefinitions, GET, gallery!("/images"), GALLERY, &[]),
    route!(
        GetDefinition,
        GET,
        gallery!("/images/{definition}"),
        GALLERY,
        &[]
    ),
    route!(
        ListVersions,
        GET,
        gallery!("/images/{definition}/versions"),
        GALLERY,
        &["$skiptoken"]
    ),
    route!(
        GetVersion,
        GET,
        gallery!("/images/{definition}/versions/{version}"),
        GALLERY,
        &["$expand"]
    ),
    route!(
        PutVersion,
        PUT,
        gallery!("/images/{definition}/versions/{version}"),
        GALLERY,
        &[]
    ),
    route!(
        DeleteVersion,
        DELETE,
        gallery!("/images/{definition}/versions/{version}"),
        GALLERY,
        &["bypassSoftDelete"]
    ),
    route!(
        GetComputeOperation,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/capsOperations/{operation}",
        CAPS,
        &["monitor", "t", "c", "s", "h"]
    ),
    route!(
        GetManagedImage,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/images/{image}",
        COMPUTE,
        &[]
    ),
    route!(
        GetStorageAccount,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}",
        STORAGE,
        &["$expand"]
    ),
    route!(
        ListStorageAccountsOfGroup,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts",
        STORAGE,
        &[]
    ),
    route!(
        ListStorageAccounts,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts",
        STORAGE,
        &[]
    ),
    route!(
        ListStorageKeys,
        POST,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}/listKeys",
        STORAGE,
        &["$expand"]
    ),
    route!(
        ListContainerGroups,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups",
        CONTAINERS,
        &[]
    ),
    route!(
        GetContainerLog,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups/{containers}/containers/{container}/logs",
        CONTAINERS,
        &["tail", "timestamps"]
    ),
];
