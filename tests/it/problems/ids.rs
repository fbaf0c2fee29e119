//! Ids that are none, or that are the ids of something else.

use super::{ID, check, gallery};
use crate::job::{id, job};

#[test]
fn ids_that_are_none_or_of_something_else() {
    check(
        job(),
        "managedIdentity",
        "id-image-builder",
        &format!(
            "AIB101 Input 'managedIdentity': 'id-image-builder' is not the resource id of a user-assigned managed identity (it does not start with '/subscriptions/'); expected an id as 'az identity show --query id' prints it, for example {ID}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder"
        ),
    );
    let version = id("Microsoft.Compute/galleries/gallery/images/web/versions/1.2.0");
    check(
        job(),
        "customImageResourceId",
        &version,
        &format!(
            "AIB101 Input 'customImageResourceId': '{version}' is not the resource id of a managed image but that of a gallery image version; expected an id as 'az image show --query id' prints it, for example {ID}/Microsoft.Compute/images/web"
        ),
    );
    let definition = id("Microsoft.Compute/galleries/gallery/images/web");
    check(
        job().input("imageSource", "sig"),
        "ImageVersionId",
        &definition,
        &format!(
            "AIB101 Input 'ImageVersionId': '{definition}' is not the resource id of a gallery image version but that of an image definition; expected an id as 'az sig image-version show --query id' prints it, for example {ID}/Microsoft.Compute/galleries/gallery/images/web/versions/1.2.0\nhint: add '/versions/latest', or the version number instead of 'latest'"
        ),
    );
    check(
        job().input("imageSource", "sig"),
        "ImageVersionId",
        &format!("{definition}/versions/newest"),
        &format!(
            "AIB101 Input 'ImageVersionId': '{definition}/versions/newest' is not the resource id of a gallery image version; expected an id as 'az sig image-version show --query id' prints it, for example {ID}/Microsoft.Compute/galleries/gallery/images/web/versions/1.2.0\nhint: 'newest' is neither 'latest' nor a version of the form Major.Minor.Patch"
        ),
    );
    check(
        gallery(),
        "galleryImageId",
        &format!("{definition}/versions/1.2"),
        "AIB101 Input 'galleryImageId': '1.2' is not a gallery image version; expected Major.Minor.Patch with numbers up to 2147483647 and no leading zeros, for example 1.2.0\nhint: remove '/versions/1.2' to let the gallery number the version",
    );
}

#[test]
fn ids_of_something_else_altogether() {
    let disk = id("Microsoft.Compute/disks/web");
    check(
        gallery(),
        "galleryImageId",
        &disk,
        &format!(
            "AIB101 Input 'galleryImageId': '{disk}' is not the resource id of an image definition but that of a 'Microsoft.Compute/disks'; expected an id as 'az sig image-definition show --query id' prints it, with or without '/versions/{{version}}', for example {ID}/Microsoft.Compute/galleries/gallery/images/web"
        ),
    );
    let network = id("Microsoft.Network/virtualNetworks/vnet");
    check(
        job(),
        "vnetSubnetId",
        &network,
        &format!(
            "AIB101 Input 'vnetSubnetId': '{network}' is not the resource id of a subnet but that of a 'Microsoft.Network/virtualNetworks'; expected an id as 'az network vnet subnet show --query id' prints it, for example /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks/vnet/subnets/build"
        ),
    );
    check(
        job(),
        "imageIdForDistribute",
        "/subscriptions/<subid>/resourceGroups/rg/providers/Microsoft.Compute/images/web",
        &format!(
            "AIB101 Input 'imageIdForDistribute': '/subscriptions/<subid>/resourceGroups/rg/providers/Microsoft.Compute/images/web' is not the resource id of a managed image (it has an empty part, or one with characters that no Azure name has); expected an id as 'az image show --query id' prints it, for example {ID}/Microsoft.Compute/images/web"
        ),
    );
}
