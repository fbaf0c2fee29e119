//! What the doctor says of a test in a VM before there is one.

use super::*;

async fn examined(scene: Scene) -> Stage {
    let stage = run(scene.input("action", "doctor")).await;
    assert_eq!(puts(&stage, "/"), 0, "{}", stage.transcript);
    stage
}

/// The errors, each with the first line alone.
fn errors(stage: &Stage) -> Vec<String> {
    let all = issues(stage, "error").into_iter();
    all.map(|(code, text)| format!("{code} {}", text.lines().next().unwrap_or_default()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_vm_needs_is_looked_at() {
    let stage = examined(vm_scene()).await;
    for line in [
        "ok        resource group: 'rg-images' exists, in westeurope",
        "ok        subnets: 'snet-build' exists",
        "ok        VM size: Standard_D2ds_v5; it is available, and the quotas are sufficient",
        "ok        permissions of the service connection: resource group 'rg-images': all permissions that the test needs",
        "ok        permissions of the service connection: subnet 'snet-build': all permissions that the test needs",
    ] {
        assert!(
            stage.transcript.contains(line),
            "{line}\n{}",
            stage.transcript
        );
    }
    stage.check_result("Succeeded");
}

#[tokio::test(start_paused = true)]
async fn each_thing_that_is_missing_is_named() {
    let check = async |input: (&str, &str), expected: &str, fix: &str| {
        let stage = examined(vm_scene().input(input.0, input.1)).await;
        stage.check_result("Failed");
        let all = errors(&stage);
        assert!(all.iter().any(|it| it == expected), "{expected}\n{all:#?}");
        assert!(
            stage.transcript.contains(fix),
            "{fix}\n{}",
            stage.transcript
        );
    };
    check(
        ("testVmGroup", "rg-image"),
        "AIB703 resource group: resource group 'rg-image' does not exist in subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963, and the VM is created there",
        "check the spelling: did you mean 'rg-images'?",
    )
    .await;
    check(
        ("testSubnetId", &subnet("snet-bild")),
        "AIB713 subnets: subnet 'snet-bild' does not exist in network 'vnet-images' of resource group 'rg-images'",
        "check the spelling: did you mean 'snet-build'?",
    )
    .await;
    check(
        ("vmSize", "Standard_D2ds_v55"),
        "AIB715 VM size: a VM of size Standard_D2ds_v55 is not available to the subscription in westeurope: Azure does not offer it there",
        "did you mean 'Standard_D2ds_v5'?",
    )
    .await;
    check(
        ("testSubnetId", &subnet("snet-containers")),
        "AIB714 subnets: subnet 'snet-containers' is delegated to Microsoft.ContainerInstance/containerGroups, so no VM can be created there",
        "use another subnet of the network; to list them: az network vnet subnet list",
    )
    .await;
    check(
        ("provisioner", "shell"),
        "AIB720 image: script 'checks' is for Linux, but the image is Windows",
        "set input 'provisioner' to 'powershell' and use a script for Windows",
    )
    .await;
    check(
        ("ibLocation", "northeurope"),
        "AIB101 image: Input 'ibLocation': it is northeurope, but the VM is created in the region of its network, westeurope",
        "remove the input",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn permissions_that_are_missing_are_named() {
    let mut scene = vm_scene();
    scene.world.role_assignments.clear();
    let stage = examined(scene).await;
    stage.check_result("Failed");
    let all = errors(&stage).concat();
    assert!(
        all.contains("lacks permission for Microsoft.Compute/virtualMachines/read, "),
        "{all}"
    );
    assert!(all.contains("the service connection lacks permission for Microsoft.Network/virtualNetworks/subnets/join/action on subnet 'snet-build', which the test needs"), "{all}");
    let said = &stage.transcript;
    assert!(said.contains("--assignee 6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12 --role 'Network Contributor' --scope /subscriptions/"), "{said}");
}
