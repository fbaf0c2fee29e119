//! What is said about the inputs that came after version 1.0.

use crate::inputs::warnings;
use crate::job::{Job, id, job};
use crate::problems::check;

const SUBNET: &str = "Microsoft.Network/virtualNetworks/vnet/subnets/build";

fn gallery() -> Job {
    job().input("distributeType", "sig").input(
        "galleryImageId",
        &id("Microsoft.Compute/galleries/gallery/images/web"),
    )
}

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

#[test]
fn build_vms() {
    let subnet = id(SUBNET);
    let with_subnet = || job().input("vnetSubnetId", &subnet);
    check(
        with_subnet(),
        "containerInstanceSubnetId",
        &subnet,
        &format!(
            "AIB103 Input 'containerInstanceSubnetId': '{subnet}' is also the subnet of the build VM; expected another subnet of the same network as input 'vnetSubnetId', delegated to container groups"
        ),
    );
    let other = id("Microsoft.Network/virtualNetworks/other/subnets/containers");
    check(
        with_subnet(),
        "containerInstanceSubnetId",
        &other,
        &format!(
            "AIB103 Input 'containerInstanceSubnetId': '{other}' is in a different virtual network than the subnet of the build VM; expected another subnet of the same network as input 'vnetSubnetId', delegated to container groups"
        ),
    );
    check(
        with_subnet(),
        "proxyVmSize",
        "Standard A1",
        "AIB101 Input 'proxyVmSize': 'Standard A1' is not the size of a VM; expected letters, digits, '_' and '-', for example Standard_A1_v2",
    );
    check(
        job(),
        "osDiskSizeGB",
        "-1",
        "AIB101 Input 'osDiskSizeGB': '-1' is not the size of an OS disk; expected 0 for the size of the source, or up to 4095 GB, for example 128",
    );
    check(
        job(),
        "buildVmIdentities",
        &subnet,
        &format!(
            "AIB101 Input 'buildVmIdentities': '{subnet}' is not the resource id of a user-assigned managed identity but that of a subnet; expected an id as 'az identity show --query id' prints it, for example /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder"
        ),
    );
}

#[test]
fn tags() {
    let tags = |value: &str, expected: &str| {
        let expected = format!("AIB101 Input 'artifactTags': {expected}");
        check(job(), "artifactTags", value, &expected);
    };
    let expected = "expected one 'name=value' per line, or a JSON object of strings, for example {\"costCenter\": \"4711\"}";
    tags(
        "costCenter",
        &format!("'costCenter' is not a list of tags; {expected}"),
    );
    tags(
        "{\"a\": }",
        &format!(
            "'{{\"a\": }}' is not a list of tags; {expected}\nhint: it begins with '{{', but it is not valid JSON (line 1)"
        ),
    );
    tags(
        "{\"a\": [1]}",
        &format!(
            "'{{\"a\": [1]}}' is not a list of tags; {expected}\nhint: the value of 'a' is not a string"
        ),
    );
    tags(
        "a/b=c",
        "'a/b' is not a valid tag name; expected a name without '<>%&\\?/', for example costCenter",
    );
    tags(
        &format!("a={}", "x".repeat(257)),
        "the value of tag 'a' is too long; expected at most 256 characters",
    );
    tags(
        &format!("{}=x", "a".repeat(513)),
        &format!(
            "'{}…' is too long for a tag name; expected at most 512 characters",
            "a".repeat(200)
        ),
    );
    tags(
        "a=1\nA=2",
        "tag 'A' is listed twice; tag names are not case-sensitive",
    );
    let many: Vec<_> = (0..51).map(|number| format!("tag{number}=x")).collect();
    tags(&many.join("\n"), "it has 51 tags; expected at most 50");
}

#[test]
fn staging_resource_groups() {
    check(
        job(),
        "stagingResourceGroup",
        "/subscriptions/x",
        "AIB101 Input 'stagingResourceGroup': '/subscriptions/x' is not a resource group; expected the name or the id of a resource group in the service connection's subscription, for example /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-staging",
    );
    check(
        job(),
        "stagingResourceGroup",
        "/subscriptions/x/resourceGroups/rg",
        "AIB103 Input 'stagingResourceGroup': '/subscriptions/x/resourceGroups/rg' is in a different subscription than the image template; expected a resource group in subscription '11111111-1111-1111-1111-111111111111'",
    );
    check(
        job(),
        "errorHandlingOnCustomizerError",
        "keep",
        "AIB102 Input 'errorHandlingOnCustomizerError': 'keep' is not one of 'cleanup', 'abort'",
    );
}

#[test]
fn inputs_without_effect() {
    let check = |job: Job, expected: &[&str]| assert_eq!(warnings(&job), expected);
    check(
        job().input("autoRun", "true"),
        &[
            "AIB103 Input 'autoRun': it has no effect, because this task starts the run itself, and a second run, started by the service, would conflict with it\nhint: remove 'autoRun'",
        ],
    );
    check(
        gallery()
            .input("imageVersion", "1.2.3")
            .input("distributeVersioningScheme", "Latest"),
        &[
            "AIB103 Input 'distributeVersioningScheme': it has no effect, because the version number is set\nhint: remove 'distributeVersioningScheme'",
        ],
    );
    check(
        gallery().input("distributeVersioningMajor", "1"),
        &[
            "AIB103 Input 'distributeVersioningMajor': it has no effect, because 'distributeVersioningScheme' is not 'Latest'\nhint: set 'distributeVersioningScheme' to 'Latest'",
        ],
    );
    check(
        job()
            .input("vnetSubnetId", &id(SUBNET))
            .input(
                "containerInstanceSubnetId",
                &id("Microsoft.Network/virtualNetworks/vnet/subnets/containers"),
            )
            .input("proxyVmSize", "Standard_A1_v2"),
        &[
            "AIB103 Input 'proxyVmSize': it has no effect, because there is no proxy VM with 'containerInstanceSubnetId'\nhint: remove 'proxyVmSize'",
        ],
    );
    check(
        job()
            .input("distributeType", "vhd")
            .input("artifactTags", "a=b"),
        &[
            "AIB103 Input 'artifactTags': it has no effect, because a VHD has no tags\nhint: remove 'artifactTags'",
        ],
    );
    check(
        job().input("ibLocation", "West Europ"),
        &[
            "AIB102 Input 'ibLocation': 'West Europ' is not an Azure region that this task knows\nhint: did you mean 'westeurope'?",
        ],
    );
    check(
        job().input("enableValidation", "true"),
        &[
            "AIB103 Input 'enableValidation': the validation has no script, so it checks nothing\nhint: set 'validationInlineScript' to commands that fail if the image is faulty, for example: test -x /opt/webapp/bin/webapp",
        ],
    );
}

/// Azure keeps 50 tags of a template, and the task needs some of them to know again what it has made.
#[test]
fn tags_that_are_the_tasks_own() {
    let own = |name: &str| {
        format!(
            "AIB103 Input 'templateTags': tag '{name}' is reserved for the task, which identifies its own resources by it\nhint: use another tag name; names that start with 'imageBuilder' are reserved for the task"
        )
    };
    check(
        job(),
        "templateTags",
        "owner=web\nimageBuilderRun=1",
        &own("imageBuilderRun"),
    );
    check(
        job(),
        "templateTags",
        "{\"IMAGEBUILDERKEEP\": \"true\"}",
        &own("IMAGEBUILDERKEEP"),
    );
    let of_image = own("imageBuilderStep").replace("templateTags", "artifactTags");
    check(job(), "artifactTags", "imageBuilderStep=1", &of_image);
    let tags = |count: usize| {
        let tags: Vec<_> = (0..count).map(|n| format!("t{n}=x")).collect();
        tags.join("\n")
    };
    assert!(job().input("templateTags", &tags(43)).plan().is_ok());
    check(
        job(),
        "templateTags",
        &tags(44),
        "AIB101 Input 'templateTags': it has 44 tags; expected at most 43, because Azure allows 50 and the task adds 7 of its own",
    );
    assert!(
        job()
            .input("managedResourceTags", "imageBuilderRun=1")
            .plan()
            .is_ok()
    );
}
