//! Versions that are copied, deleted, restored, and what `latest` means.

use http::Method;
use serde_json::{Value, json};
use time::macros::datetime;

use super::scene::Answer;
use super::versions::{NEWEST, Shelf, code, id, version};
use crate::{NestedResources, SceneVersion, SoftDelete, SoftDeletedName, Subscription, World};

/// Copies a version of the shelf to `galProduction`.
fn copy(shelf: &Shelf, source: &str, definition: &str) -> Answer {
    let body = json!({"location": "westeurope", "tags": {"copiedFrom": source}, "properties": {"storageProfile": {"source": {"id": source}}}});
    shelf
        .scene
        .send(Method::PUT, &production(shelf, definition), Some(&body))
}

fn production(shelf: &Shelf, definition: &str) -> String {
    shelf
        .url("/versions/1.0.0")
        .replace("rg-images", "rg-production")
        .replace("galContoso", "galProduction")
        .replace("ubuntu-2404", definition)
}

#[test]
fn a_copy_has_the_disks_of_its_source() {
    let check = |hides: bool, shown: Value| {
        let shelf = Shelf::new(|switches, world| {
            switches.versions.copies_hide_their_source = hides;
            let disks = json!({"storageProfile": {"osDiskImage": {"sizeInGB": 127}, "dataDiskImages": [{"lun": 0, "sizeInGB": 10}]}});
            world.image_versions = vec![version("1.0.0", disks)];
        });
        let answer = copy(&shelf, &id("1.0.0"), "ubuntu-2404");
        assert_eq!(answer.status, 201, "{}", answer.text);
        shelf.scene.wait(410);
        let found = shelf.scene.get(&production(&shelf, "ubuntu-2404")).body;
        assert_eq!(found["tags"]["copiedFrom"], id("1.0.0"));
        let profile = &found["properties"]["storageProfile"];
        assert_eq!(profile["source"], shown);
        assert_eq!(profile["osDiskImage"]["sizeInGB"], 127);
        assert_eq!(profile["dataDiskImages"][0]["sizeInGB"], 10);
        assert_eq!(found["properties"]["provisioningState"], "Succeeded");
    };
    check(false, json!({"id": id("1.0.0")}));
    check(true, Value::Null);
}

#[test]
fn a_copy_of_what_does_not_fit_is_refused() {
    let shelf = Shelf::new(|switches, world| {
        switches.versions.copies_need_a_replica = true;
        let elsewhere = json!({"publishingProfile": {"targetRegions": [{"name": "eastus"}]}});
        world.image_versions.push(version("1.0.1", elsewhere));
        let state = "Failed".to_owned();
        world.image_versions.push(SceneVersion {
            state,
            ..version("1.0.2", json!({}))
        });
    });
    let check = |source: &str, definition: &str, status: u16, expected: &str| {
        let answer = copy(&shelf, source, definition);
        assert_eq!(
            code(&answer),
            (status, expected.to_owned()),
            "{}",
            answer.text
        );
    };
    check(&id("9.0.0"), "ubuntu-2404", 404, "ResourceNotFound");
    check(&id("1.0.0"), "win11-avd", 400, "InvalidParameter");
    check(&id("1.0.1"), "ubuntu-2404", 404, "GalleryImageNotFound");
    check(&id("1.0.2"), "ubuntu-2404", 409, "OperationNotAllowed");
    check(&id("1.0.0"), "ubuntu-2404", 201, "");
    let named = shelf.put(
        "latest",
        &json!({"storageProfile": {"source": {"id": id("1.0.0")}}}),
    );
    assert_eq!(code(&named), (400, "InvalidParameter".to_owned()));
}

#[test]
fn a_shallow_version_has_one_region_unless_the_switch_says_otherwise() {
    for (replicates, expected) in [(false, 400), (true, 201)] {
        let shelf =
            Shelf::new(|switches, _| switches.versions.shallow_versions_replicate = replicates);
        let both = json!([{"name": "westeurope"}, {"name": "eastus"}]);
        let answer = shelf.put(
            "2.0.0",
            &json!({
                "publishingProfile": {"replicationMode": "Shallow", "targetRegions": both},
                "storageProfile": {"source": {"id": id("1.0.0")}},
            }),
        );
        assert_eq!(answer.status, expected, "{}", answer.text);
    }
}

#[test]
fn galleries_of_another_subscription_take_copies() {
    let other = "9d8c7b6a-5e4f-4321-8a9b-0c1d2e3f4a5b";
    let shelf = Shelf::new(|_, world| {
        let production = World::clone(world);
        world.other_subscriptions.push(Subscription {
            id: other.to_owned(),
            name: "Contoso Production".to_owned(),
            resource_groups: production.resource_groups,
            galleries: production.galleries,
        });
    });
    let own = World::contoso(crate::Addresses::in_process()).subscription;
    let url = production(&shelf, "ubuntu-2404").replace(&own, other);
    let body = json!({"location": "westeurope", "properties": {"storageProfile": {"source": {"id": id("1.0.0")}}}});
    let answer = shelf.scene.send(Method::PUT, &url, Some(&body));
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert!(answer.operation().contains(other));
    assert!(answer.body["id"].as_str().unwrap().contains(other));
    assert_eq!(shelf.scene.get(&answer.operation()).status, 200);
    // Where nothing is built, nobody has the permission to build.
    let template = shelf.scene.template_url("").replace(&own, other);
    assert_eq!(
        code(&shelf.scene.get(&template)),
        (403, "AuthorizationFailed".to_owned())
    );
    let unknown = url.replace(other, "00000000-0000-4000-8000-000000000000");
    assert_eq!(
        code(&shelf.scene.get(&unknown)),
        (404, "SubscriptionNotFound".to_owned())
    );
}

fn blocked(end: Option<&str>) -> SceneVersion {
    let mut properties = json!({"safetyProfile": {"blockDeletionBeforeEndOfLife": true}});
    if let Some(end) = end {
        properties["publishingProfile"] = json!({"endOfLifeDate": end});
    }
    version("1.0.1", properties)
}

#[test]
fn a_block_holds_until_the_end_of_life() {
    let check = |end: Option<&str>, status: u16, needs_date: bool, expected: u16| {
        let shelf = Shelf::new(|switches, world| {
            switches.versions.blocked_status = status;
            switches.versions.block_needs_an_end_of_life = needs_date;
            world.image_versions.push(blocked(end));
        });
        let answer = shelf.send(Method::DELETE, "1.0.1", &Value::Null);
        assert_eq!(answer.status, expected, "{end:?}");
    };
    // The clock stands at 2025-04-30 06:06:40.
    check(Some("2025-04-30T06:06:41Z"), 409, false, 409);
    check(Some("2025-04-30T06:06:41Z"), 400, false, 400);
    check(Some("2025-04-30T00:00:00Z"), 409, false, 202);
    check(None, 409, false, 409);
    check(None, 409, true, 202);
    let shelf = Shelf::new(|_, world| world.image_versions.push(blocked(None)));
    let open = json!({"safetyProfile": {"blockDeletionBeforeEndOfLife": false}});
    assert_eq!(shelf.put("1.0.1", &open).status, 200);
    shelf.scene.wait(150);
    assert_eq!(
        shelf.send(Method::DELETE, "1.0.1", &Value::Null).status,
        202
    );
}

/// What Azure CLI announces for versions that are made with 2026-03-03; a PUT with an older api-version can take it back.
#[test]
fn new_versions_are_blocked_by_a_switch() {
    for blocked in [false, true] {
        let shelf = Shelf::new(|on, _| on.versions.new_ones_are_blocked = blocked);
        let body = json!({"location": "westeurope", "properties": {"storageProfile": {"source": {"id": id("1.0.0")}}}});
        let newest = shelf.url("/versions/2.0.0").replace(NEWEST, "2026-03-03");
        assert_eq!(
            shelf.scene.send(Method::PUT, &newest, Some(&body)).status,
            201
        );
        assert_eq!(shelf.put("3.0.0", &body["properties"]).status, 201);
        shelf.scene.wait(410);
        let safety = |number: &str| shelf.get(number)["properties"]["safetyProfile"].clone();
        let expected = if blocked { json!(true) } else { Value::Null };
        assert_eq!(safety("2.0.0")["blockDeletionBeforeEndOfLife"], expected);
        assert_eq!(safety("3.0.0")["blockDeletionBeforeEndOfLife"], Value::Null);
        let delete = || shelf.send(Method::DELETE, "2.0.0", &Value::Null).status;
        assert_eq!(delete(), if blocked { 409 } else { 202 });
        if blocked {
            let open = json!({"safetyProfile": {"blockDeletionBeforeEndOfLife": false}});
            assert_eq!(shelf.put("2.0.0", &open).status, 200);
            shelf.scene.wait(150);
            assert_eq!(delete(), 202);
        }
    }
}

fn soft(switches: impl FnOnce(&mut crate::Switches)) -> Shelf {
    Shelf::new(|on, world| {
        switches(on);
        world.galleries[0].soft_delete = Some(SoftDelete {
            retention_days: 7,
            grace_days: 1,
        });
    })
}

fn soft_deleted(shelf: &Shelf, api: &str) -> Answer {
    let url = shelf.url("/versions").replace(
        "/images/ubuntu-2404/versions",
        "/softdeletedartifacttypes/Images/artifacts/ubuntu-2404/versions",
    );
    shelf.scene.get(&url.replace(NEWEST, api))
}

#[test]
fn a_soft_deleted_version_is_listed_and_comes_back() {
    let shelf = soft(|_| {});
    let delete = shelf.send(Method::DELETE, "1.0.0", &Value::Null);
    assert_eq!(delete.status, 202);
    shelf.scene.wait(149);
    assert_eq!(
        shelf.get("1.0.0")["properties"]["provisioningState"],
        "Deleting"
    );
    shelf.scene.wait(1);
    assert_eq!(
        code(&shelf.send(Method::GET, "1.0.0", &Value::Null)),
        (404, "ResourceNotFound".to_owned())
    );
    let list = soft_deleted(&shelf, "2024-03-03").body;
    let expected = json!({
        "resourceArmId": id("1.0.0"), "softDeletedArtifactType": "Images",
        "softDeletedTime": "2025-04-30T06:09:10+00:00",
        "consumptionEndTime": "2025-05-07T06:09:10+00:00",
        "hardDeletionTargetTime": "2025-05-08T06:09:10+00:00",
    });
    assert_eq!(list["value"][0]["properties"], expected);
    // Whatever a new version under its number should be: the old one comes back.
    let again = shelf.put(
        "1.0.0",
        &json!({"storageProfile": {"source": {"id": id("5.0.0")}}}),
    );
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(
        again.body["properties"]["publishingProfile"]["publishedDate"],
        "2025-04-01T00:00:00+00:00"
    );
    assert_eq!(soft_deleted(&shelf, "2024-03-03").body["value"], json!([]));
    shelf.scene.wait(120);
    assert_eq!(
        shelf.get("1.0.0")["properties"]["provisioningState"],
        "Succeeded"
    );
}

#[test]
fn a_number_that_was_deleted_softly_can_be_refused() {
    let shelf = soft(|on| on.versions.soft_deleted_name = SoftDeletedName::RestoresWhenAsked);
    shelf.send(Method::DELETE, "1.0.0", &Value::Null);
    shelf.scene.wait(150);
    let new = json!({"storageProfile": {"source": {"id": id("1.0.0")}}});
    assert_eq!(
        code(&shelf.put("1.0.0", &new)),
        (409, "Conflict".to_owned())
    );
    assert_eq!(shelf.put("1.0.0", &json!({"restore": true})).status, 200);
}

#[test]
fn what_was_deleted_softly_goes_in_the_end_or_when_asked() {
    let shelf = soft(|on| "2026-03-03".clone_into(&mut on.versions.soft_deleted_list_since));
    shelf.send(Method::DELETE, "1.0.0", &Value::Null);
    shelf.scene.wait(150);
    let old = soft_deleted(&shelf, "2024-03-03");
    assert_eq!(code(&old), (400, "NoRegisteredProviderFound".to_owned()));
    let count = || {
        soft_deleted(&shelf, "2026-03-03").body["value"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(), 1);
    shelf.scene.wait(8 * 24 * 3600);
    assert_eq!(count(), 0);
    let shelf = soft(|_| {});
    let url = format!("{}&bypassSoftDelete=true", shelf.url("/versions/1.0.0"));
    assert_eq!(shelf.scene.send(Method::DELETE, &url, None).status, 202);
    shelf.scene.wait(150);
    assert_eq!(soft_deleted(&shelf, "2024-03-03").body["value"], json!([]));
}

#[test]
fn what_has_something_in_it_is_not_deleted() {
    let check = |nested: NestedResources, expected: &str| {
        let shelf = Shelf::new(|on, _| on.versions.nested_resources = nested);
        let answer = shelf.scene.send(Method::DELETE, &shelf.url(""), None);
        assert_eq!(code(&answer), (409, "CannotDeleteResource".to_owned()));
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert_eq!(message, expected);
        assert_eq!(
            shelf.send(Method::DELETE, "1.0.0", &Value::Null).status,
            202
        );
        assert_eq!(
            shelf
                .scene
                .send(Method::DELETE, &shelf.url(""), None)
                .status,
            409
        );
        shelf.scene.wait(135);
        assert_eq!(
            shelf
                .scene
                .send(Method::DELETE, &shelf.url(""), None)
                .status,
            202
        );
        assert_eq!(shelf.scene.get(&shelf.url("")).status, 404);
    };
    check(
        NestedResources::Unnamed,
        "Can not delete resource before nested resources are deleted.",
    );
    let named = format!(
        "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '{}'. Please delete all nested \
         resources before deleting this resource.",
        id("1.0.0")
    );
    check(NestedResources::Named, &named);
}

/// All ways in which two versions can be in two regions, against a second reading of the rule.
#[test]
fn latest_is_the_highest_number_that_counts_in_the_region() {
    let flags = [None, Some(false), Some(true)];
    let states = ["Succeeded", "Failed", "Creating", "Deleting"];
    for (number, hidden, in_region, state) in (0..4_usize)
        .flat_map(|n| [false, true].map(|hidden| (n, hidden)))
        .flat_map(|(n, hidden)| flags.map(|flag| (n, hidden, flag)))
        .flat_map(|(n, hidden, flag)| states.map(|state| (n, hidden, flag, state)))
    {
        let name = ["1.0.0", "1.0.10", "0.9.9", "2.0.0"][number];
        let mut region = json!({"name": "North Europe"});
        if let Some(flag) = in_region {
            region["excludeFromLatest"] = json!(flag);
        }
        let shelf = Shelf::new(|_, world| {
            let both = json!([{"name": "northeurope"}, {"name": "westeurope"}]);
            let usual = json!({"publishingProfile": {"targetRegions": both}});
            let profile = json!({"excludeFromLatest": hidden, "targetRegions": [region]});
            world.image_versions = vec![
                version("1.0.9", usual),
                SceneVersion {
                    state: state.to_owned(),
                    published: Some(datetime!(2020-01-01 00:00:00 UTC)),
                    ..version(name, json!({"publishingProfile": profile}))
                },
            ];
        });
        let counts = !hidden && in_region != Some(true) && state == "Succeeded";
        let higher = ["1.0.10", "2.0.0"].contains(&name);
        let north = if counts && higher { name } else { "1.0.9" };
        let definition = id("x").replace("/versions/x", "");
        let latest = |region: &str| shelf.scene.cloud.latest_version(&definition, region);
        assert_eq!(
            latest("northeurope"),
            Some(id(north)),
            "{name} {hidden} {in_region:?} {state}"
        );
        assert_eq!(latest("westeurope"), Some(id("1.0.9")));
        assert_eq!(latest("eastus"), None);
    }
}

/// A build under a number that was deleted softly gets the old image.
#[test]
fn a_build_brings_back_what_was_deleted_softly() {
    let shelf = soft(|_| {});
    shelf.send(Method::DELETE, "1.0.0", &Value::Null);
    shelf.scene.wait(150);
    assert_eq!(shelf.scene.put(&shelf.scene.body()).status, 201);
    shelf.scene.wait(60);
    assert_eq!(shelf.scene.post("run").status, 202);
    shelf.scene.wait(2000);
    let found = shelf.get("1.0.0");
    assert_eq!(found["properties"]["provisioningState"], "Succeeded");
    let published = &found["properties"]["publishingProfile"]["publishedDate"];
    assert_eq!(published, "2025-04-01T00:00:00+00:00");
    assert_eq!(found["tags"], json!({}));
}
