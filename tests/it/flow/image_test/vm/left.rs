//! What stays behind in Azure, and what `sweep` and a note make of it: only what is proven to be ours is deleted.

use std::time::Duration;

use azure_emulator::{Effect, Fault, SceneResource};

use super::*;
use crate::texts::check_has;

const VM: &str = "Microsoft.Compute/virtualMachines";
const NIC: &str = "Microsoft.Network/networkInterfaces";
const DISK: &str = "Microsoft.Compute/disks";

/// Disks and network interfaces that do not go with their VM are deleted, whether disks have tags or not.
#[tokio::test(start_paused = true)]
async fn what_does_not_go_with_the_machine_is_deleted() {
    for tags in [true, false] {
        let scene = vm_scene().switches(|on| {
            on.desktops.delete_option_counts = false;
            on.desktops.disks_have_tags = tags;
        });
        let stage = run(scene).await;
        stage.check_result("Succeeded");
        all_gone("nothing goes along", &stage);
        let journal = stage.cloud.journal();
        for operation in ["DeleteNetworkInterface", "DeleteDisk"] {
            assert!(
                journal
                    .iter()
                    .any(|entry| entry.operation == Some(operation)),
                "{operation}"
            );
        }
        // A crash between the two leaves as much to the post-job step.
        let scene = vm_scene().switches(|on| {
            on.desktops.delete_option_counts = false;
            on.desktops.disks_have_tags = tags;
        });
        let cloud = scene.new_cloud();
        shelf(&cloud);
        let died = scene.dies_after(cloud, Duration::from_secs(130)).await;
        assert_eq!(parts(&died).len(), 3, "{}", died.transcript);
        let after = died.clean_up().await;
        all_gone("post-job", &after);
    }
}

/// Azure took what was made, and answers from replicas that do not know it: it is deleted, and not only said to be gone.
#[tokio::test(start_paused = true)]
async fn what_azure_took_and_does_not_show_is_deleted() {
    let stage = vm_scene()
        .build_while(shelf, async |cloud| {
            tokio::time::sleep(Duration::from_secs(100)).await;
            for operation in ["GetVirtualMachine", "GetNetworkInterface"] {
                let missing = Effect::refusal(404, "ResourceNotFound", "not found");
                cloud.add_fault(Fault::always(operation, missing));
            }
        })
        .await;
    all_gone("not shown", &stage);
}

/// What stays, because Azure refuses to delete it, is named with its command.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_deleted_is_named() {
    let scope = Scene::windows().world.group_id(GROUP);
    let lock = azure_emulator::Lock {
        scope,
        level: azure_emulator::LockLevel::CanNotDelete,
    };
    let stage = vm_scene()
        .build_while(shelf, async |cloud| {
            tokio::time::sleep(Duration::from_secs(100)).await;
            cloud.add_lock(lock);
        })
        .await;
    let warnings = issues(&stage, "warning");
    let remain: Vec<_> = warnings
        .iter()
        .filter(|(code, _)| code == "AIB601")
        .collect();
    assert_eq!(remain.len(), 3, "{}", stage.transcript);
    assert!(
        remain
            .iter()
            .any(|(_, text)| text.contains("az vm delete --subscription")),
        "{remain:?}"
    );
    assert_eq!(stage.variable("imageTested"), Some("passed"));
}

fn planted(kind: &str, name: &str, tags: &Value) -> SceneResource {
    SceneResource {
        id: in_group(kind, name),
        body: json!({"location": "westeurope", "tags": tags, "properties": {"provisioningState": "Succeeded"}}),
    }
}

/// A note is only a list of what to look at.
#[tokio::test(start_paused = true)]
async fn a_note_deletes_nothing_that_is_not_ours() {
    let other =
        json!({"imageBuilderTask": "1.0", "imageBuilderRun": "/other/1", "imageBuilderStep": "x"});
    for (kind, word) in [(VM, "vm"), (NIC, "nic"), (DISK, "disk")] {
        for (name, tags) in [
            ("tst-1", &other),
            ("tst-2", &json!({})),
            ("payroll", &other),
        ] {
            let stage = vm_scene().idle(|cloud| cloud.put_resource(planted(kind, name, tags)));
            let id = in_group(kind, name);
            let note = json!([{word: {"id": id}}]).to_string();
            let after = stage.with_note(&note).clean_up().await;
            assert!(after.cloud.resource(&id).is_some(), "{id}");
            let changed = after
                .cloud
                .journal()
                .into_iter()
                .any(|entry| entry.method == Method::DELETE);
            assert!(!changed, "{id}");
            let [warning] = &after.issues("warning")[..] else {
                panic!("{}", after.transcript)
            };
            assert!(
                warning.contains("Left alone") && !warning.contains("az "),
                "{warning}"
            );
        }
    }
    // Of another group it is not even read.
    let stage = vm_scene().idle(|_| {});
    let id = in_group(VM, "tst-1").replace(GROUP, "rg-production");
    let after = stage
        .with_note(&json!([{"vm": {"id": id}}]).to_string())
        .clean_up()
        .await;
    assert!(
        after
            .cloud
            .journal()
            .iter()
            .all(|entry| !entry.path.contains("tst-1"))
    );
}

/// What a person keeps by a tag stays with all that it has: nothing of it is tried.
#[tokio::test(start_paused = true)]
async fn a_machine_that_a_tag_keeps_stays_with_its_parts() {
    let scene = vm_scene();
    let cloud = scene.new_cloud();
    shelf(&cloud);
    let died = scene.dies_after(cloud, Duration::from_secs(130)).await;
    let mut all = parts(&died);
    assert_eq!(all.len(), 3, "{}", died.transcript);
    let machine = all.iter().find(|id| id.contains("/virtualMachines/"));
    let machine = machine.unwrap().clone();
    let mut body = died.cloud.resource(&machine).unwrap();
    body["tags"]["imageBuilderKeep"] = json!("true");
    died.cloud.put_resource(SceneResource { id: machine, body });
    let before = died.cloud.journal().len();
    let after = died.clean_up().await;
    let mut stays = parts(&after);
    all.sort();
    stays.sort();
    assert_eq!(stays, all, "{}", after.transcript);
    let journal = after.cloud.journal();
    let mut sent = journal.iter().skip(before);
    assert!(
        sent.all(|entry| entry.method != Method::DELETE),
        "{}",
        after.transcript
    );
    assert_eq!(after.issues("warning"), [""; 0]);
}

fn sweep(preview: bool) -> Scene {
    Scene::bare("sweep")
        .input("ibAzureResourceGroup", GROUP)
        .input("olderThanHours", "24")
        .input("preview", if preview { "true" } else { "false" })
}

/// Old ones of the task go, with what they have; young ones, kept ones and everybody else's stay.
#[tokio::test(start_paused = true)]
async fn sweep_deletes_old_ones_of_the_task() {
    let tags = |made: &str| json!({"imageBuilderTask": "1.2.0", "imageBuilderRun": "c/p/1", "imageBuilderStep": "j/s", "imageBuilderMade": made});
    let old = tags("2020-01-01T00:00:00Z");
    let mut kept = old.clone();
    kept["imageBuilderKeep"] = json!("true");
    let young = tags("2099-01-01T00:00:00Z");
    let all = [
        planted(VM, "tst-1", &old),
        planted(NIC, "tst-2", &old),
        planted(DISK, "tst-3", &old),
        planted(VM, "tst-4", &kept),
        planted(VM, "tst-5", &young),
        planted(VM, "domain-controller", &old),
        planted(NIC, "tst-6", &json!({"owner": "me"})),
        planted(DISK, "tst-7", &json!({})),
    ];
    let names = |stage: &Stage| {
        let ids = stage.cloud.resources().into_iter();
        let mut names: Vec<_> = ids
            .map(|id| id.rsplit('/').next().unwrap().to_owned())
            .collect();
        names.retain(|name| name.starts_with("tst-") || name == "domain-controller");
        names.sort();
        names
    };
    let put = |cloud: &Cloud| {
        for one in all.clone() {
            cloud.put_resource(one);
        }
    };
    let stage = sweep(true).build(put).await;
    stage.check_result("Succeeded");
    assert_eq!(names(&stage).len(), 8);
    for what in ["VM 'tst-1'", "network interface 'tst-2'", "disk 'tst-3'"] {
        check_has(&stage.transcript, &format!("would delete:  {what}"));
    }
    let stage = sweep(false).build(put).await;
    stage.check_result("Succeeded");
    assert_eq!(
        names(&stage),
        ["domain-controller", "tst-4", "tst-5", "tst-6", "tst-7"]
    );
    for line in [
        "deleted VM 'tst-1' in resource group 'rg-images'",
        "kept:  VM 'tst-4' in resource group 'rg-images': its tag 'imageBuilderKeep' keeps it",
        "kept:  VM 'tst-5' in resource group 'rg-images': it was created just now",
        "kept:  disk 'tst-7' in resource group 'rg-images': it looks like one of this task, but has no tag that proves it; to delete it: az disk delete",
    ] {
        assert!(
            stage.transcript.contains(line),
            "no '{line}' in\n{}",
            stage.transcript
        );
    }
}

/// Most service connections need no permission to list VMs: that is a line, and no failure.
#[tokio::test(start_paused = true)]
async fn sweep_is_as_good_without_a_look_at_machines() {
    let stage = sweep(false)
        .build(|cloud| {
            cloud.add_fault(
                Fault::once(
                    "ListVirtualMachinesOfGroup",
                    Effect::refusal(403, "AuthorizationFailed", "no"),
                )
                .times(9),
            );
        })
        .await;
    stage.check_result("Succeeded");
    assert!(stage.transcript.contains("VMs that test an image were not searched for:  Listing the VMs of resource group 'rg-images' failed: Azure refused with AuthorizationFailed (403): no"), "{}", stage.transcript);
}
