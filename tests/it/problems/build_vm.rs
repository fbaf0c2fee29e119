//! Problems of the build VM, its time and its resource group.

use std::time::Duration;

use super::{SUBNET, check};
use crate::job::{id, job};

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
fn build_timeouts_that_the_service_cannot_keep() {
    let expected = |value: &str| {
        format!(
            "AIB101 Input 'buildTimeoutInMinutes': '{value}' is not a build time-out; expected 0 for the service's default, or 6 to 960 minutes, for example 120"
        )
    };
    for value in ["961", "-1", "60.5", "1h", "99999999999"] {
        check(job(), "buildTimeoutInMinutes", value, &expected(value));
    }
    let hint = "\nhint: the service ends a build of less than 6 minutes at once, because its own sign-in to the build VM would expire";
    for value in ["1", "3", "5"] {
        check(
            job(),
            "buildTimeoutInMinutes",
            value,
            &(expected(value) + hint),
        );
    }
    let accepted = |value: &str, minutes: u32, effective: u64| {
        let plan = job().input("buildTimeoutInMinutes", value).plan().unwrap();
        let sent = plan.properties.build_timeout_in_minutes;
        assert_eq!(sent.unwrap_or_default(), minutes, "{value}");
        assert_eq!(
            plan.effective_build_timeout(),
            Duration::from_secs(effective * 60),
            "{value}"
        );
    };
    accepted("", 0, 240);
    accepted("0", 0, 240);
    accepted(" 6 ", 6, 6);
    accepted("960", 960, 960);
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
