//! Gallery image versions that clients change: what is kept, what is reset, what is refused, and how replicas arrive.

use http::Method;
use serde_json::{Value, json};
use time::macros::datetime;

use super::scene::{Answer, Scene, VERSION};
use crate::{Addresses, Busy, Fate, Lock, LockLevel, Progress, SceneVersion, Switches, World};

pub(super) const NEWEST: &str = "2024-03-03";
const DEFINITION: &str = "/providers/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404";

/// A scene with version 1.0.0 in West Europe.
pub(super) struct Shelf {
    pub(super) scene: Scene,
}

pub(super) fn id(number: &str) -> String {
    let world = World::contoso(Addresses::in_process());
    format!(
        "{}{DEFINITION}/versions/{number}",
        world.group_id("rg-images")
    )
}

pub(super) fn version(number: &str, properties: impl Into<Value>) -> SceneVersion {
    SceneVersion {
        id: id(number),
        state: "Succeeded".to_owned(),
        published: Some(datetime!(2025-04-01 00:00:00 UTC)),
        body: json!({"location": "westeurope", "tags": {}, "properties": properties.into()}),
    }
}

impl Shelf {
    pub(super) fn new(change: impl FnOnce(&mut Switches, &mut World)) -> Self {
        let mut world = World::contoso(Addresses::in_process());
        let mut switches = Switches::default();
        world.image_versions.push(version("1.0.0", json!({})));
        change(&mut switches, &mut world);
        Self {
            scene: Scene::with_world(switches, world),
        }
    }

    pub(super) fn url(&self, rest: &str) -> String {
        let url = self.scene.url(&format!("{DEFINITION}{rest}"));
        url.replace(VERSION, NEWEST)
    }

    pub(super) fn send(&self, method: Method, number: &str, body: &Value) -> Answer {
        let url = self.url(&format!("/versions/{number}"));
        let body = Some(body).filter(|body| !body.is_null());
        self.scene.send(method, &url, body)
    }

    pub(super) fn put(&self, number: &str, properties: &Value) -> Answer {
        let body = json!({"location": "westeurope", "tags": {}, "properties": properties});
        self.send(Method::PUT, number, &body)
    }

    pub(super) fn get(&self, number: &str) -> Value {
        self.send(Method::GET, number, &Value::Null).body
    }

    pub(super) fn replication(&self, number: &str) -> Value {
        let url = self.url(&format!("/versions/{number}"));
        let url = format!("{url}&$expand=ReplicationStatus");
        self.scene.get(&url).body["properties"]["replicationStatus"].clone()
    }
}

pub(super) fn code(answer: &Answer) -> (u16, String) {
    let code = answer.body["error"]["code"].as_str().unwrap_or_default();
    (answer.status, code.to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn regions(names: &[&str]) -> Value {
    let regions = names.iter().map(|name| json!({"name": name}));
    regions.collect::<Vec<_>>().into()
}

#[test]
fn flags_dates_and_tags_change_in_150_seconds() {
    let shelf = Shelf::new(|_, _| {});
    let publishing = json!({
        "targetRegions": [{"name": "westeurope", "excludeFromLatest": true, "encryption": {"osDiskImage": {"diskEncryptionSetId": "d"}}}],
        "excludeFromLatest": true,
        "endOfLifeDate": "2026-12-31T12:59:59.000Z",
    });
    let answer = shelf.put(
        "1.0.0",
        &json!({"publishingProfile": publishing, "storageProfile": {"osDiskImage": {"hostCaching": "ReadOnly"}},
            "safetyProfile": {"blockDeletionBeforeEndOfLife": true}, "securityProfile": {"uefiSettings": {}}}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("location"), None);
    let mut expected = json!({
        "publishingProfile": {
            "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS",
                "excludeFromLatest": true, "encryption": {"osDiskImage": {"diskEncryptionSetId": "d"}}}],
            "replicaCount": 1, "excludeFromLatest": true, "publishedDate": "2025-04-01T00:00:00+00:00",
            "endOfLifeDate": "2026-12-31T12:59:59+00:00", "storageAccountType": "Standard_LRS",
        },
        "storageProfile": {"osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadOnly", "source": {}}},
        "safetyProfile": {"reportedForPolicyViolation": false, "blockDeletionBeforeEndOfLife": true,
            "allowDeletionOfReplicatedLocations": false},
        "securityProfile": {"uefiSettings": {}},
        "provisioningState": "Updating",
    });
    assert_eq!(answer.body["properties"], expected);
    shelf.scene.wait(149);
    assert_eq!(shelf.get("1.0.0")["properties"], expected);
    // The replica that is there stays there while flags change.
    assert_eq!(shelf.replication("1.0.0")["aggregatedState"], "Completed");
    shelf.scene.wait(1);
    expected["provisioningState"] = json!("Succeeded");
    expected["validationsProfile"] = json!({"validationOperationStatus": "NotExecuted"});
    assert_eq!(shelf.get("1.0.0")["properties"], expected);
    assert_eq!(
        shelf.scene.get(&answer.operation()).body["status"],
        "Succeeded"
    );
}

#[test]
fn a_put_resets_what_it_leaves_out_and_a_patch_does_not() {
    let before = json!({"publishingProfile": {"excludeFromLatest": true, "endOfLifeDate": "2026-01-01T00:00:00Z",
        "targetRegions": [{"name": "westeurope", "excludeFromLatest": true}]}});
    let check = |stays: bool, method: Method, expected: [Value; 4]| {
        let shelf = Shelf::new(|switches, world| {
            switches.versions.what_a_put_leaves_out_stays = stays;
            world.image_versions.push(SceneVersion {
                body: json!({"location": "westeurope", "tags": {"a": "b"}, "properties": before}),
                ..version("1.0.1", json!({}))
            });
        });
        let body = json!({"properties": {"publishingProfile": {"targetRegions": regions(&["West Europe"])}}});
        let answer = shelf.send(method.clone(), "1.0.1", &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let profile = &answer.body["properties"]["publishingProfile"];
        let found = [
            profile["excludeFromLatest"].clone(),
            profile["endOfLifeDate"].clone(),
            profile["targetRegions"][0]["excludeFromLatest"].clone(),
            answer.body["tags"].clone(),
        ];
        assert_eq!(found, expected, "{method} {stays}");
    };
    let end = json!("2026-01-01T00:00:00+00:00");
    let kept = [json!(true), end, json!(true), json!({"a": "b"})];
    check(
        false,
        Method::PUT,
        [json!(false), Value::Null, Value::Null, Value::Null],
    );
    check(true, Method::PUT, kept.clone());
    check(false, Method::PATCH, kept);
}

#[test]
fn tags_of_a_patch_replace_or_are_added() {
    let check = |merged: crate::PatchedTags, expected: Value| {
        let shelf = Shelf::new(|switches, world| {
            switches.patched_tags = merged;
            world.image_versions.push(SceneVersion {
                body: json!({"location": "westeurope", "tags": {"a": "b", "c": "d"}}),
                ..version("1.0.1", json!({}))
            });
        });
        let answer = shelf.send(Method::PATCH, "1.0.1", &json!({"tags": {"a": "x"}}));
        assert_eq!(answer.body["tags"], expected);
    };
    check(crate::PatchedTags::Replaced, json!({"a": "x"}));
    check(crate::PatchedTags::Merged, json!({"a": "x", "c": "d"}));
}

#[test]
fn empty_tags_and_false_flags_are_shown_or_left_out() {
    let check = |left_out: bool, tags: Value, flag: Value| {
        let shelf = Shelf::new(|switches, _| {
            switches.versions.empty_tags_are_left_out = left_out;
            switches.versions.false_flags_of_regions_are_left_out = left_out;
        });
        let region = json!([{"name": "westeurope", "excludeFromLatest": false}]);
        let answer = shelf.put(
            "1.0.0",
            &json!({"publishingProfile": {"targetRegions": region}}),
        );
        let shown = &answer.body["properties"]["publishingProfile"]["targetRegions"][0];
        assert_eq!(
            (&answer.body["tags"], &shown["excludeFromLatest"]),
            (&tags, &flag)
        );
    };
    check(false, json!({}), json!(false));
    check(true, Value::Null, Value::Null);
}

#[test]
fn replicas_arrive_one_after_the_other() {
    let shelf = Shelf::new(|_, _| {});
    let all = regions(&["westeurope", "northeurope", "swedencentral"]);
    let answer = shelf.put(
        "1.0.0",
        &json!({"publishingProfile": {"targetRegions": all}}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    let check = |wait: i64, expected: [(&str, i64); 3], all: &str| {
        shelf.scene.wait(wait);
        let status = shelf.replication("1.0.0");
        let names = ["westeurope", "northeurope", "swedencentral"];
        let summary: Vec<Value> = names
            .iter()
            .zip(expected)
            .map(|(name, (state, progress))| json!({"region": name, "state": state, "progress": progress}))
            .collect();
        assert_eq!(status, json!({"aggregatedState": all, "summary": summary}));
    };
    let done = ("Completed", 100);
    check(
        0,
        [done, ("Replicating", 0), ("Replicating", 0)],
        "InProgress",
    );
    check(
        103,
        [done, ("Replicating", 50), ("Replicating", 25)],
        "InProgress",
    );
    check(102, [done, done, ("Replicating", 50)], "InProgress");
    let latest = |region: &str| {
        shelf
            .scene
            .cloud
            .latest_version(&id("x").replace("/versions/x", ""), region)
    };
    assert_eq!(latest("northeurope"), Some(id("1.0.0")));
    assert_eq!(latest("swedencentral"), None);
    check(205, [done, done, done], "Completed");
    assert_eq!(latest("Sweden Central"), Some(id("1.0.0")));
}

#[test]
fn a_region_goes_only_with_permission() {
    let check = |unasked: bool, allow: bool, expected: (u16, String)| {
        let shelf = Shelf::new(|switches, world| {
            switches.versions.regions_go_unasked = unasked;
            let both = regions(&["westeurope", "northeurope"]);
            let both = json!({"publishingProfile": {"targetRegions": both}});
            world.image_versions.push(version("1.0.1", both));
        });
        let one = json!({"publishingProfile": {"targetRegions": regions(&["westeurope"])},
            "safetyProfile": {"allowDeletionOfReplicatedLocations": allow}});
        assert_eq!(code(&shelf.put("1.0.1", &one)), expected);
    };
    check(false, false, refused(409, "OperationNotAllowed"));
    check(false, true, refused(200, ""));
    check(true, false, refused(200, ""));
}

#[test]
fn what_cannot_change_is_refused() {
    let shelf = Shelf::new(|_, world| {
        let image = id("x").replace(
            "/galleries/galContoso/images/ubuntu-2404/versions/x",
            "/images/old",
        );
        world.managed_images.push(image.clone());
        let source = json!({"storageProfile": {"source": {"id": image}}});
        world.image_versions.push(version("1.0.1", source));
    });
    let check = |properties: Value, expected: (u16, String), text: &str| {
        let answer = shelf.put("1.0.1", &properties);
        assert_eq!(code(&answer), expected, "{}", answer.text);
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(text), "{message}");
        assert!(
            answer.text.starts_with("{\r\n  \"error\""),
            "{}",
            answer.text
        );
    };
    let changed = "PropertyChangeNotAllowed";
    check(
        json!({"publishingProfile": {"storageAccountType": "Standard_ZRS"}}),
        refused(409, changed),
        "Changing property 'galleryImageVersion.properties.publishingProfile.storageAccountType' is not allowed.",
    );
    check(
        json!({"publishingProfile": {"replicationMode": "Shallow"}}),
        refused(409, changed),
        "publishingProfile.replicationMode",
    );
    check(
        json!({"publishingProfile": {"targetRegions": [{"name": "West Europe", "storageAccountType": "Premium_LRS"}]}}),
        refused(409, changed),
        "targetRegions.storageAccountType",
    );
    check(
        json!({"storageProfile": {"source": {"id": id("1.0.0")}}}),
        refused(409, changed),
        "storageProfile.source",
    );
    check(
        json!({"publishingProfile": {"endOfLifeDate": "soon"}}),
        refused(400, "InvalidParameter"),
        "endOfLifeDate",
    );
    check(
        json!({"publishingProfile": {"exludeFromLatest": true}}),
        refused(400, "BadRequest"),
        "Could not find member 'exludeFromLatest' on object of type 'GalleryImageVersionPublishingProfile'.",
    );
    let missing = shelf.put(
        "1.0.1",
        &json!({"storageProfile": {"source": {"id": id("9.9.9")}}}),
    );
    assert_eq!(code(&missing), refused(404, "ResourceNotFound"));
    let moved = shelf.send(Method::PUT, "1.0.1", &json!({"location": "eastus"}));
    assert_eq!(code(&moved), refused(409, changed));
}

#[test]
fn a_second_change_meets_the_first() {
    let check = |busy: Busy, change: (u16, String), deletion: (u16, String)| {
        let shelf = Shelf::new(|switches, _| {
            switches.versions.change_while_busy = busy;
            switches.versions.deletion_while_busy = busy;
        });
        assert_eq!(shelf.put("1.0.0", &json!({})).status, 200);
        assert_eq!(code(&shelf.put("1.0.0", &json!({}))), change);
        let patch = shelf.send(Method::PATCH, "1.0.0", &json!({}));
        assert_eq!(code(&patch), change);
        let delete = shelf.send(Method::DELETE, "1.0.0", &Value::Null);
        assert_eq!(code(&delete), deletion);
    };
    let conflict = refused(409, "Conflict");
    check(Busy::Conflict, conflict.clone(), conflict);
    let not_allowed = refused(409, "OperationNotAllowed");
    check(Busy::NotAllowed, not_allowed.clone(), not_allowed);
    check(Busy::Taken, refused(200, ""), refused(202, ""));
}

#[test]
fn states_that_are_not_known_are_shown_and_busy() {
    let shelf = Shelf::new(|_, world| {
        for (number, state) in [
            ("1.0.1", "Migrating"),
            ("1.0.2", "Pondering"),
            ("1.0.3", "Failed"),
        ] {
            let state = state.to_owned();
            world.image_versions.push(SceneVersion {
                state,
                ..version(number, json!({}))
            });
        }
    });
    assert_eq!(
        shelf.get("1.0.2")["properties"]["provisioningState"],
        "Pondering"
    );
    assert_eq!(
        code(&shelf.put("1.0.1", &json!({}))),
        refused(409, "Conflict")
    );
    assert_eq!(
        code(&shelf.put("1.0.2", &json!({}))),
        refused(409, "Conflict")
    );
    assert_eq!(shelf.replication("1.0.3")["aggregatedState"], "Failed");
    assert_eq!(shelf.put("1.0.3", &json!({})).status, 200);
}

#[test]
fn a_change_can_fail_or_never_end() {
    let fail = Fate::Fail {
        code: "ReplicationJobNotCompleted".to_owned(),
        message: "no".to_owned(),
    };
    let shelf = Shelf::new(|switches, _| switches.versions.change = fail);
    let answer = shelf.put("1.0.0", &json!({}));
    shelf.scene.wait(150);
    let operation = shelf.scene.get(&answer.operation()).body;
    assert_eq!(operation["status"], "Failed");
    assert_eq!(
        operation["error"],
        json!({"code": "ReplicationJobNotCompleted", "message": "no"})
    );
    assert_eq!(
        shelf.get("1.0.0")["properties"]["provisioningState"],
        "Failed"
    );
    let shelf = Shelf::new(|switches, _| switches.versions.change = Fate::NeverEnd);
    let answer = shelf.put("1.0.0", &json!({}));
    shelf.scene.wait(100_000);
    assert_eq!(
        shelf.scene.get(&answer.operation()).body["status"],
        "InProgress"
    );
    assert_eq!(
        shelf.get("1.0.0")["properties"]["provisioningState"],
        "Updating"
    );
}

#[test]
fn locks_forbid_changes_and_deletions() {
    let check = |level: LockLevel, scope: &str, put: (u16, String), delete: (u16, String)| {
        let shelf = Shelf::new(|_, world| {
            let scope = format!("{}{scope}", world.group_id("rg-images"));
            world.locks.push(Lock { scope, level });
        });
        let put_answer = shelf.put("1.0.0", &json!({}));
        assert_eq!(code(&put_answer), put);
        if put.0 == 409 {
            let message = put_answer.body["error"]["message"].as_str().unwrap();
            assert!(
                message.contains(
                    "cannot perform write operation because following scope(s) are locked: '"
                ),
                "{message}"
            );
        }
        shelf.scene.wait(200);
        assert_eq!(
            code(&shelf.send(Method::DELETE, "1.0.0", &Value::Null)),
            delete
        );
        assert_eq!(shelf.get("1.0.0")["name"], "1.0.0");
    };
    let (locked, taken) = (refused(409, "ScopeLocked"), refused(202, ""));
    check(LockLevel::ReadOnly, "", locked.clone(), locked.clone());
    check(
        LockLevel::CanNotDelete,
        DEFINITION,
        refused(200, ""),
        locked,
    );
    check(
        LockLevel::ReadOnly,
        &format!("{DEFINITION}/versions/1.0.01"),
        refused(200, ""),
        taken,
    );
}

#[test]
fn a_version_with_another_way_of_time_ends_as_well() {
    for progress in [Progress::Immediate, Progress::AfterPolls(2)] {
        let shelf = Shelf::new(|switches, _| switches.progress = progress);
        let both = regions(&["westeurope", "northeurope"]);
        shelf.put(
            "1.0.0",
            &json!({"publishingProfile": {"targetRegions": both}}),
        );
        let states: Vec<Value> = (0..4)
            .map(|_| shelf.get("1.0.0")["properties"]["provisioningState"].clone())
            .collect();
        assert_eq!(states[3], "Succeeded");
        assert_eq!(shelf.replication("1.0.0")["aggregatedState"], "Completed");
    }
}
