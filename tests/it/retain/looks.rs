//! What uses the versions: when it cannot be told, nothing is deleted, and what changes between the first look and the second counts.

use std::time::Duration;

use azure_emulator::{Effect, Fault, Matcher, SceneResource, Subscription};
use serde_json::json;

use super::scene::{Ended, Shelf, version};
use crate::texts::{check_has, check_starts};

fn refused(operation: &str, code: u16) -> Fault {
    let message = "The client does not have authorization.";
    Fault::always(
        operation,
        Effect::refusal(code, "AuthorizationFailed", message),
    )
}

fn answered(operation: &str, nth: u32, body: &serde_json::Value) -> Fault {
    Fault::always(operation, Effect::status(200, body)).starting_at(nth)
}

/// 1.0.1 is used by a VM, and so must stay; 1.0.2 may go; 1.0.3 and 1.0.4 are the newest.
fn shelf() -> Shelf {
    let shelf = Shelf::with(4);
    let used = shelf.id("1.0.1");
    shelf.vm("vm-1", &used, Some("1.0.1"))
}

fn nothing_is_deleted(ended: &Ended, why: &str) {
    ended.stage.check_result("Failed");
    let error = ended.stage.error();
    check_starts(
        &error,
        "AIB892: Finding out which image versions are in use failed: ",
    );
    assert!(error.contains(why), "{error}");
    assert_eq!(ended.count("DeleteVersion"), 0);
    assert_eq!(ended.there(), [1, 2, 3, 4]);
    // What the rules keep is told all the same.
    assert_eq!(ended.retained_and_removed(), ("4", "0"));
    assert!(
        ended
            .reasons("1.0.2")
            .iter()
            .any(|it| it.starts_with("use unknown")),
        "{:?}",
        ended.reasons("1.0.2")
    );
}

/// An answer of Azure Resource Graph, with these members in place of its own.
fn page(members: &serde_json::Value) -> serde_json::Value {
    let mut page = json!({"totalRecords": 0, "count": 0, "data": [], "facets": [], "resultTruncated": "false"});
    let own = page.as_object_mut().unwrap();
    own.extend(members.as_object().unwrap().clone());
    page
}

async fn check_unknown(faults: Vec<Fault>, why: &str) {
    let prepare = |cloud: &azure_emulator::Cloud| {
        for fault in faults {
            cloud.add_fault(fault);
        }
    };
    nothing_is_deleted(&shelf().run_in(prepare).await, why);
}

/// Each way in which Azure Resource Graph does not tell who uses the versions.
#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_when_the_graph_does_not_tell() {
    let graph = "QueryResources";
    let cut = json!({"totalRecords": 0, "count": 0, "facets": [], "resultTruncated": "false"});
    for (fault, why) in [
        (refused(graph, 429), "429"),
        (refused(graph, 500), "500"),
        (answered(graph, 1, &cut), "it has no list 'data'"),
        (answered(graph, 2, &cut), "it has no list 'data'"),
        (
            answered(graph, 1, &page(&json!({"resultTruncated": "true"}))),
            "it leaves out rows",
        ),
        (
            answered(graph, 1, &page(&json!({"totalRecords": 3}))),
            "it has 0 rows of 3",
        ),
        (
            answered(graph, 1, &page(&json!({"$skipToken": "again"}))),
            "lead back to an earlier one",
        ),
        (
            answered(graph, 1, &page(&json!({"data": [{"id": "x"}]}))),
            "a row has no id or no image",
        ),
    ] {
        check_unknown(vec![fault], why).await;
    }
}

/// Each way in which the live lists do not tell it: at the first look, where the graph refuses, and at the second one in any case.
#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_when_the_lists_do_not_tell() {
    let (vms, sets) = ("ListVirtualMachines", "ListScaleSets");
    let kind = "Microsoft.Compute/virtualMachines";
    let nameless = json!({"value": [{"type": kind, "properties": {"storageProfile": {"imageReference": {"id": "/x"}}}}]});
    for (fault, why) in [
        (refused(vms, 403), "Listing the VMs of subscription"),
        (refused(vms, 429), "429"),
        (refused(sets, 403), "Listing the scale sets of subscription"),
        (refused(sets, 503), "Listing the scale sets of subscription"),
        (answered(vms, 1, &json!({})), "it is not a list"),
        (answered(vms, 1, &nameless), "one of them has no id"),
        (
            refused("ListSubscriptions", 500),
            "Listing the subscriptions",
        ),
    ] {
        check_unknown(vec![fault.clone()], why).await;
        check_unknown(vec![refused("QueryResources", 403), fault], why).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_missing_role_is_named() {
    let ended = shelf()
        .run_in(|cloud| cloud.add_fault(refused("ListVirtualMachines", 403)))
        .await;
    let error = ended.stage.error();
    assert!(
        error.contains("Image Builder Task release reader") && error.contains("/subscriptions/"),
        "{error}"
    );
}

/// What the author names must be readable.
#[tokio::test(start_paused = true)]
async fn a_named_host_pool_or_group_must_be_readable() {
    let pool = shelf().in_group("Microsoft.DesktopVirtualization/hostPools/hp");
    let with_pool = || shelf().input("retainHostPools", &pool);
    // It is not there.
    let ended = with_pool().run().await;
    nothing_is_deleted(
        &ended,
        "has no session host configuration, or does not exist",
    );
    assert!(ended.stage.error().contains("retainHostPools"));
    for part in [
        "GetSessionHostConfiguration",
        "GetActiveSessionHostConfiguration",
    ] {
        let ended = with_pool()
            .run_in(|cloud| cloud.add_fault(refused(part, 403)))
            .await;
        nothing_is_deleted(
            &ended,
            "Reading the session host configuration of host pool 'hp'",
        );
    }
    let mut nameless = with_pool();
    nameless.scene.world.resources.push(SceneResource {
        id: format!("{pool}/sessionHostConfigurations/default"),
        body: json!({"properties": {"imageInfo": {"type": "Custom"}}}),
    });
    nothing_is_deleted(&nameless.run().await, "it names no image");

    let ended = shelf()
        .input("ibAzureResourceGroup", "rg-elsewhere")
        .run()
        .await;
    nothing_is_deleted(
        &ended,
        "Listing the image templates of resource group 'rg-elsewhere'",
    );
    let with_group = || shelf().input("ibAzureResourceGroup", "rg-images");
    let ended = with_group()
        .run_in(|cloud| cloud.add_fault(refused("ListTemplatesOfGroup", 403)))
        .await;
    nothing_is_deleted(
        &ended,
        "Listing the image templates of resource group 'rg-images'",
    );
    let ended = with_group().run().await;
    assert_eq!(
        (ended.stage.result(), ended.there()),
        ("Succeeded", vec![1, 3, 4])
    );
}

/// A list of versions that breaks off is no list.
#[tokio::test(start_paused = true)]
async fn a_list_of_versions_that_breaks_off_fails_the_step() {
    for fault in [
        refused("ListVersions", 500),
        refused("ListVersions", 403),
        answered("ListVersions", 1, &json!({})),
        answered("ListVersions", 1, &json!({"value": [{}]})),
    ] {
        let ended = shelf().run_in(|cloud| cloud.add_fault(fault)).await;
        ended.stage.check_result("Failed");
        assert_eq!(ended.count("DeleteVersion"), 0);
        assert_eq!(ended.stage.variable("resultPath"), None);
    }
    // At the second look nothing more is deleted.
    let fault = Fault {
        nth: 2,
        ..refused("ListVersions", 500)
    };
    let ended = shelf().run_in(|cloud| cloud.add_fault(fault)).await;
    assert_eq!(
        (ended.stage.result(), ended.count("DeleteVersion")),
        ("Failed", 0)
    );
    assert_eq!(ended.retained_and_removed(), ("4", "0"));
}

/// Azure Resource Graph refuses: the live lists tell, and the summary says what was not checked.
#[tokio::test(start_paused = true)]
async fn where_the_graph_refuses_the_lists_tell() {
    for code in [400, 401, 403, 404] {
        let mut shelf = shelf();
        shelf.scene.switches.compute_page_size = 1;
        let ninth = shelf.id("1.0.2");
        shelf = shelf.vm("a", "", None).vm("z", &ninth, Some("1.0.2"));
        let ended = shelf
            .run_in(|cloud| cloud.add_fault(refused("QueryResources", code)))
            .await;
        if code == 401 {
            // Nobody is signed in any more; that is no refusal of this one question.
            continue;
        }
        assert_eq!(
            ended.stage.result(),
            "Succeeded",
            "{code} {}",
            ended.stage.transcript
        );
        assert_eq!(ended.there(), [1, 2, 3, 4], "the VM on the last page");
        let places = ended.document()["retain"]["notLookedAt"].clone();
        assert!(
            places[0].as_str().unwrap().contains("Azure Resource Graph"),
            "{places}"
        );
        assert!(ended.says("not checked:  what Azure Resource Graph finds"));
    }
}

fn elsewhere(shelf: &mut Shelf) -> String {
    let id = "22222222-2222-2222-2222-222222222222".to_owned();
    shelf.scene.world.other_subscriptions.push(Subscription {
        id: id.clone(),
        name: "desktops".to_owned(),
        ..Subscription::default()
    });
    id
}

/// VMs of another subscription count, as far as it can be read.
#[tokio::test(start_paused = true)]
async fn other_subscriptions_are_looked_at_as_far_as_they_can_be_read() {
    let with_vm_elsewhere = || {
        let mut shelf = shelf();
        let subscription = elsewhere(&mut shelf);
        let vm = format!(
            "/subscriptions/{subscription}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-2"
        );
        let image = shelf.id("1.0.2");
        let vm = SceneResource::virtual_machine(vm, "westeurope", &image, None);
        shelf.scene.world.resources.push(vm);
        (shelf, subscription)
    };
    let (shelf, _) = with_vm_elsewhere();
    assert_eq!(shelf.run().await.there(), [1, 2, 3, 4]);
    // Without the graph, its list tells.
    let (shelf, _) = with_vm_elsewhere();
    let ended = shelf
        .run_in(|cloud| cloud.add_fault(refused("QueryResources", 403)))
        .await;
    assert_eq!(ended.there(), [1, 2, 3, 4]);
    // Without either, it is said that nobody looked there.
    let (shelf, subscription) = with_vm_elsewhere();
    let path = format!("/subscriptions/{subscription}/providers/*");
    let ended = shelf
        .run_in(|cloud| {
            cloud.add_fault(refused("QueryResources", 403));
            cloud.add_fault(Fault {
                matcher: Matcher::path(http::Method::GET, &path),
                ..refused("", 403)
            });
        })
        .await;
    assert_eq!(
        (ended.stage.result(), ended.there()),
        ("Succeeded", vec![1, 3, 4])
    );
    let places = ended.document()["retain"]["notLookedAt"].to_string();
    check_has(&places, &format!("subscription '{subscription}'"));
    // The list of subscriptions itself may be refused.
    let (shelf, _) = with_vm_elsewhere();
    let ended = shelf
        .run_in(|cloud| {
            cloud.add_fault(refused("QueryResources", 403));
            cloud.add_fault(refused("ListSubscriptions", 403));
        })
        .await;
    assert_eq!(
        (ended.stage.result(), ended.there()),
        ("Succeeded", vec![1, 3, 4])
    );
}

/// The graph answers in pages, and says of each whether rows are left out.
#[tokio::test(start_paused = true)]
async fn all_pages_of_the_graph_are_read() {
    for truncates in [false, true] {
        let mut shelf = shelf();
        shelf.scene.switches.graph_pages_are_truncated = truncates;
        let first = shelf.id("1.0.1");
        for number in 0..1100 {
            shelf = shelf.vm(&format!("a{number:04}"), &first, Some("1.0.1"));
        }
        let last = shelf.id("1.0.2");
        let shelf = shelf.vm("z", &last, Some("1.0.2"));
        let ended = shelf.run().await;
        assert_eq!(ended.there(), [1, 2, 3, 4], "{}", ended.stage.transcript);
        assert_eq!(ended.count("QueryResources"), 3);
        assert!(
            ended
                .reasons("1.0.1")
                .last()
                .unwrap()
                .ends_with("and 1098 more")
        );
    }
}

/// So many queries at a time are refused for some seconds only.
#[tokio::test(start_paused = true)]
async fn a_throttled_query_is_asked_again() {
    let mut shelf = shelf();
    shelf.scene.switches.graph_quota = 1;
    let ended = shelf.run().await;
    assert_eq!(
        (ended.stage.result(), ended.there()),
        ("Succeeded", vec![1, 3, 4])
    );
}

/// What happens between the first look and the second, for which the graph is too slow.
#[tokio::test(start_paused = true)]
async fn what_comes_in_use_between_the_looks_stays() {
    let mut shelf = Shelf::with(4);
    let definition = shelf.definition();
    let used = shelf.id("1.0.1");
    let vm = shelf.in_group("Microsoft.Compute/virtualMachines/new");
    shelf.scene.switches.graph_lag = Duration::from_secs(600);
    // The answer of the first look takes a while, in which a VM is made.
    let slow = Fault::once("QueryResources", Effect::Delay(Duration::from_secs(60)));
    let stage = shelf
        .scene
        .build_while(
            |cloud| cloud.add_fault(slow),
            |cloud| async move {
                tokio::time::sleep(Duration::from_secs(30)).await;
                cloud.put_resource(SceneResource::virtual_machine(
                    vm,
                    "westeurope",
                    &used,
                    Some("1.0.1"),
                ));
            },
        )
        .await;
    let ended = Ended::of(definition, stage);
    assert_eq!(ended.there(), [1, 3, 4], "{}", ended.stage.transcript);
    assert_eq!(
        ended.reasons("1.0.1"),
        ["in use: by VM 'new' in resource group 'rg-images'"]
    );
    assert!(ended.says("image version 1.0.1:  to be deleted"));
}

/// Someone tags, promotes or blocks a version while the step looks.
#[tokio::test(start_paused = true)]
async fn what_is_changed_between_the_looks_stays() {
    for (change, reason) in [
        (json!({"tags": {"keep": "true"}}), "tag: "),
        (json!({"tags": {"ticket": "4711"}}), "changed: "),
        (
            json!({"safetyProfile": {"blockDeletionBeforeEndOfLife": true}}),
            "blocked: ",
        ),
        (
            json!({"publishingProfile": {"targetRegions": [{"name": "westeurope"}, {"name": "northeurope"}]}}),
            "newest: ",
        ),
        (json!({"state": "Updating"}), "not ended: "),
    ] {
        let shelf = Shelf::with(4);
        let definition = shelf.definition();
        let slow = Fault::once("QueryResources", Effect::Delay(Duration::from_secs(60)));
        let changed = version(&definition, "1.0.1", 365, &change);
        let mut changed_now = changed.clone();
        changed_now.published = shelf
            .scene
            .world
            .image_versions
            .iter()
            .find(|it| it.id == changed.id)
            .unwrap()
            .published;
        let stage = shelf
            .scene
            .build_while(
                |cloud| cloud.add_fault(slow),
                |cloud| async move {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                    cloud.put_image_version(&changed_now);
                },
            )
            .await;
        let ended = Ended::of(definition, stage);
        assert_eq!(
            ended.there(),
            [1, 3, 4],
            "{change} {}",
            ended.stage.transcript
        );
        let reasons = ended.reasons("1.0.1");
        assert!(reasons[0].starts_with(reason), "{change} {reasons:?}");
    }
}

/// Another job has deleted the newest version meanwhile: what was old is now the newest one of its region.
#[tokio::test(start_paused = true)]
async fn the_newest_is_the_newest_at_the_second_look() {
    let shelf = Shelf::with(2).input("keepVersions", "0");
    let definition = shelf.definition();
    let slow = Fault::once("QueryResources", Effect::Delay(Duration::from_secs(60)));
    let deleting = version(&definition, "1.0.2", 365, &json!({"state": "Deleting"}));
    let stage = shelf
        .scene
        .build_while(
            |cloud| cloud.add_fault(slow),
            |cloud| async move {
                tokio::time::sleep(Duration::from_secs(30)).await;
                cloud.put_image_version(&deleting);
            },
        )
        .await;
    let ended = Ended::of(definition, stage);
    assert_eq!(ended.there(), [1, 2], "{}", ended.stage.transcript);
    assert!(
        ended.reasons("1.0.1")[0].starts_with("newest: "),
        "{:?}",
        ended.reasons("1.0.1")
    );
}
