//! Problems of what the result becomes.

use super::{check, gallery};
use crate::job::{id, job};

#[test]
fn image_versions() {
    let rest = "expected Major.Minor.Patch with numbers up to 2147483647, for example 1.2.0";
    let version = |value: &str, expected: &str| {
        let expected = format!("AIB101 Input 'imageVersion': {expected}");
        check(gallery(), "imageVersion", value, &expected);
    };
    version(
        "1.2",
        &format!("'1.2' has 2 of 3 numbers; {rest}\nhint: write '1.2.0'"),
    );
    version(
        "20261122.3",
        &format!("'20261122.3' has 2 of 3 numbers; {rest}\nhint: write '0.20261122.3'"),
    );
    version(
        "0.0.20261122.3",
        &format!(
            "'0.0.20261122.3' has 4 numbers; {rest}\nhint: a build number such as 20261122.3 already has two of the three: write '1.$(Build.BuildNumber)'"
        ),
    );
    version(
        "1.0.202611221530",
        &format!(
            "'1.0.202611221530' has a number that is too large; {rest}\nhint: a date and a time are too large for one number: use two numbers, as in '1.$(Year)$(Month)$(DayOfMonth).$(Hours)$(Minutes)'"
        ),
    );
    version(
        "v1.2.3",
        &format!("'v1.2.3' is not a gallery image version; {rest}"),
    );
    check(
        gallery(),
        "imageVersion",
        "1.0.$(Rev:r)",
        &format!(
            "AIB101 Input 'imageVersion': '1.0.$(Rev:r)' is not a gallery image version; {rest}"
        ),
    );
    check(
        gallery().input(
            "galleryImageId",
            &id("Microsoft.Compute/galleries/gallery/images/web/versions/1.2.3"),
        ),
        "imageVersion",
        "1.2.4",
        "AIB103 Input 'imageVersion': '1.2.4' differs from the version at the end of input 'galleryImageId', '1.2.3'\nhint: remove '/versions/1.2.3' from 'galleryImageId'",
    );
}

#[test]
fn target_regions() {
    let regions = |value: &str, expected: &str| check(gallery(), "targetRegions", value, expected);
    let expected = "expected a region, optionally with '=' and its replica count, its storage type, or both separated by ':', for example westeurope=2:Standard_ZRS";
    regions(
        "westeurope=0",
        &format!(
            "AIB101 Input 'targetRegions': 'westeurope=0' is not a target region; {expected}\nhint: a region has 1 to 100 replicas"
        ),
    );
    regions(
        "westeurope, northeurope=Standard",
        &format!(
            "AIB101 Input 'targetRegions': 'northeurope=Standard' is not a target region; {expected}\nhint: 'Standard' is neither a number nor one of 'Standard_LRS', 'Standard_ZRS', 'Premium_LRS'"
        ),
    );
    regions(
        "westeurope=2,West Europe=3",
        "AIB103 Input 'targetRegions': region 'westeurope' is listed twice, with different replica counts or storage types\nhint: list 'westeurope' once",
    );
    regions(
        "west-europe",
        "AIB101 Input 'targetRegions': 'west-europe' is not a region; expected letters and digits, for example westeurope",
    );
    check(
        gallery(),
        "distributeStorageAccountType",
        "Premium_ZRS",
        "AIB102 Input 'distributeStorageAccountType': 'Premium_ZRS' is not one of 'Standard_LRS', 'Standard_ZRS', 'Premium_LRS'\nhint: did you mean 'Premium_LRS'?",
    );
    check(
        gallery().input("distributeVersioningScheme", "Latest"),
        "distributeVersioningMajor",
        "1.0",
        "AIB101 Input 'distributeVersioningMajor': '1.0' is not a major version; expected a number up to 2147483647, for example 1",
    );
}

#[test]
fn other_targets() {
    let expected = "expected https://{account}.blob.core.windows.net/{container}/{name}.vhd without a signature, for example https://stimages.blob.core.windows.net/vhds/web.vhd";
    let vhd = || job().input("distributeType", "vhd");
    check(
        vhd(),
        "vhdUri",
        "vhds/web.vhd",
        &format!("AIB101 Input 'vhdUri': 'vhds/web.vhd' is not the address of a blob; {expected}"),
    );
    check(
        vhd(),
        "vhdUri",
        "https://a.blob.core.windows.net/vhds/web.vhd?sv=1&sig=abc",
        &format!(
            "AIB101 Input 'vhdUri': it contains a signature, which everybody with read permission on the template could use; {expected}\nhint: grant the managed identity 'Storage Blob Data Contributor' on the container instead"
        ),
    );
}
