//! The kinds of resources that inputs name by id.

use super::problem::Form;
use crate::resource::ResourceId;

/// A kind of resource, and how to find the id of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResourceKind {
    /// The full type.
    resource_type: &'static str,
    /// How the id is spoken of.
    pub(super) form: Form,
}

impl ResourceKind {
    /// Whether `id` is the id of such a resource.
    pub(super) fn includes(self, id: &ResourceId) -> bool {
        id.is(self.resource_type)
    }

    /// How a resource of `id`'s type is called, as far as this project meets it.
    pub(super) fn name_of(id: &ResourceId) -> String {
        let known = [
            (IDENTITY, "a user-assigned managed identity"),
            (MANAGED_IMAGE, "a managed image"),
            (IMAGE_DEFINITION, "an image definition"),
            (IMAGE_VERSION, "a gallery image version"),
            (SUBNET, "a subnet"),
            (HOST_POOL, "a host pool"),
        ];
        known
            .into_iter()
            .find(|(kind, _)| kind.includes(id))
            .map_or_else(
                || format!("a '{}'", id.resource_type()),
                |(_, name)| name.to_owned(),
            )
    }
}

pub(super) const IDENTITY: ResourceKind = ResourceKind {
    resource_type: "Microsoft.ManagedIdentity/userAssignedIdentities",
    form: Form {
        what: "the resource id of a user-assigned managed identity",
        format: "an id as 'az identity show --query id' prints it",
        example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder",
    },
};

pub(super) const MANAGED_IMAGE: ResourceKind = ResourceKind {
    resource_type: "Microsoft.Compute/images",
    form: Form {
        what: "the resource id of a managed image",
        format: "an id as 'az image show --query id' prints it",
        example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers/Microsoft.Compute/images/web",
    },
};

pub(super) const IMAGE_DEFINITION: ResourceKind = ResourceKind {
    resource_type: "Microsoft.Compute/galleries/images",
    form: Form {
        what: "the resource id of an image definition",
        format: "an id as 'az sig image-definition show --query id' prints it, with or without '/versions/{version}'",
        example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gallery/images/web",
    },
};

pub(super) const IMAGE_VERSION: ResourceKind = ResourceKind {
    resource_type: "Microsoft.Compute/galleries/images/versions",
    form: Form {
        what: "the resource id of a gallery image version",
        format: "an id as 'az sig image-version show --query id' prints it",
        example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gallery/images/web/versions/1.2.0",
    },
};

pub(super) const SUBNET: ResourceKind = ResourceKind {
    resource_type: "Microsoft.Network/virtualNetworks/subnets",
    form: Form {
        what: "the resource id of a subnet",
        format: "an id as 'az network vnet subnet show --query id' prints it",
        example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks/vnet/subnets/build",
    },
};

pub(super) const HOST_POOL: ResourceKind = ResourceKind {
    resource_type: "Microsoft.DesktopVirtualization/hostPools",
    form: Form {
        what: "the resource id of a host pool",
        format: "an id as 'az desktopvirtualization hostpool show --query id' prints it",
        example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/hp-production",
    },
};
