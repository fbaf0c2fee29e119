//! The configuration that session hosts are made by, and what an update is refused for.

use http::Method;
use serde_json::{Value, json};

use super::pools::{Estate, MINUTE, STABLE, custom, faults, settings, version};
use super::versions::code;
use crate::{BadConfiguration, ScalingPlan, Switches, UpdateFate, World};

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn what_speaks_against_an_update_is_found_before_a_host_is_touched() {
    let check =
        |change: &dyn Fn(&mut Switches, &mut World), configures: bool, expected: &[&str]| {
            let estate = Estate::new(change);
            if configures {
                estate.configure(&custom("1.0.1"));
                estate.scene.wait(60);
            }
            estate.initiate(&json!({"update": settings(1)}));
            estate.scene.wait(50);
            let status = estate.status();
            assert_eq!(
                (&status["status"], &status["percentComplete"]),
                (&json!("Failed"), &json!(100.0))
            );
            assert_eq!(status["error"]["code"], "UpdateFailure");
            assert_eq!(faults(&status), expected);
            // Nothing to try again, and nothing to cancel.
            assert_eq!(estate.control("Retry").status, 409);
            assert_eq!(estate.control("Cancel").status, 409);
            let hosts = estate.scene.cloud.session_hosts(&estate.production());
            assert!(
                hosts
                    .iter()
                    .all(|host| host.open && host.status == "Available")
            );
            // Another one can be begun.
            assert_eq!(estate.initiate(&json!({})).status, 204);
        };
    let fate = |fate: UpdateFate| move |on: &mut Switches, _: &mut World| on.desktops.update = fate;
    check(
        &fate(UpdateFate::CapacityRule),
        true,
        &["MigrationMayExceedCapacityLimit_1024"],
    );
    check(
        &fate(UpdateFate::NoHosts),
        true,
        &["HostpoolHasNoSessionHosts_1024"],
    );
    check(
        &fate(UpdateFate::KeyVault),
        true,
        &["UnableToAccessKeyVaultSecret_1024"],
    );
    // The configuration is the one that the hosts were made by.
    check(&|_, _| {}, false, &["HostpoolHasNoSessionHosts_1024"]);
    let planned = |on: bool| {
        move |_: &mut Switches, world: &mut World| {
            let pool = world.host_pools[1].id.to_lowercase();
            world.scaling_plans.push(ScalingPlan {
                id: world.host_pools[1]
                    .id
                    .replace("hostPools/hp-production", "scalingPlans/day"),
                location: "westeurope".to_owned(),
                pools: vec![(pool, on)],
            });
        }
    };
    check(&planned(true), true, &["ActiveScalingPlan_1024"]);
    check(
        &planned(true),
        false,
        &["HostpoolHasNoSessionHosts_1024", "ActiveScalingPlan_1024"],
    );
    let without_role = |_: &mut Switches, world: &mut World| {
        world
            .role_assignments
            .retain(|assignment| !assignment.scope.contains("/vaults/"));
    };
    check(&without_role, true, &["UnableToAccessKeyVaultSecret_1024"]);
    let other_vault = |_: &mut Switches, world: &mut World| {
        for assignment in &mut world.role_assignments {
            assignment.scope = assignment.scope.replace("kv-contoso-avd", "kv-other");
        }
    };
    check(&other_vault, true, &["UnableToAccessKeyVaultSecret_1024"]);
}

#[test]
fn a_scaling_plan_is_switched_off_for_a_pool() {
    let estate = Estate::configured(|_, world| {
        world.scaling_plans.push(ScalingPlan {
            id: world.host_pools[1]
                .id
                .replace("hostPools/hp-production", "scalingPlans/day"),
            location: "westeurope".to_owned(),
            pools: world
                .host_pools
                .iter()
                .map(|pool| (pool.id.clone(), true))
                .collect(),
        });
    });
    let listed = estate.get("/scalingPlans").body["value"][0].clone();
    assert_eq!(
        listed["properties"]["hostPoolReferences"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let plan = listed["id"].as_str().unwrap();
    let off = json!({"properties": {"hostPoolReferences": [{"hostPoolArmPath": estate.production(), "scalingPlanEnabled": false}]}});
    let answer = estate.ask(Method::PATCH, plan, STABLE, &off);
    // The list takes the place of the old one.
    assert_eq!(
        answer.body["properties"]["hostPoolReferences"],
        off["properties"]["hostPoolReferences"]
    );
    estate.initiate(&json!({}));
    estate.scene.wait(50);
    assert_eq!(estate.status()["status"], "UpdatingSessionHosts");
}

#[test]
fn a_configuration_is_changed_when_its_operation_has_ended() {
    for at_once in [false, true] {
        let estate = Estate::new(|on, _| on.desktops.configuration_shows_at_once = at_once);
        let get = || estate.get("/sessionHostConfigurations/default").body["properties"].clone();
        let old = get()["version"].clone();
        let answer = estate.configure(&custom("1.0.1"));
        let meanwhile = get();
        assert_eq!(meanwhile["provisioningState"], "Provisioning");
        let shown = &meanwhile["imageInfo"]["customInfo"]["resourceId"];
        assert_eq!(shown == &json!(version("1.0.1")), at_once);
        let location = answer.header("location").unwrap();
        assert_eq!(estate.scene.get(location).header("retry-after"), Some("60"));
        estate.scene.wait(60);
        let done = estate.scene.get(location);
        assert_eq!((done.status, &done.body["properties"]), (200, &get()));
        assert_ne!(get()["version"], old);
        assert_eq!(
            get()["imageInfo"]["customInfo"]["resourceId"],
            version("1.0.1")
        );
        // The same once more is no new version.
        let new = get()["version"].clone();
        estate.scene.wait(5);
        estate.configure(&custom("1.0.1"));
        estate.scene.wait(60);
        assert_eq!(get()["version"], new);
    }
}

#[test]
fn a_configuration_that_is_not_possible_shows_as_the_switch_says() {
    let missing = json!({"type": "Custom", "customInfo": {"resourceId": version("9.9.9")}});
    let foreign = version("1.0.1").replace("/subscriptions/3a", "/subscriptions/99");
    let foreign = json!({"type": "Custom", "customInfo": {"resourceId": foreign}});
    for image in [missing, foreign] {
        let estate = Estate::new(|_, _| {});
        let answer = estate.configure(&image);
        estate.scene.wait(60);
        let ended = estate.scene.get(answer.header("location").unwrap());
        assert_eq!(
            (ended.status, &ended.body["properties"]["provisioningState"]),
            (200, &json!("Failed"))
        );
        let stays = &ended.body["properties"]["imageInfo"]["customInfo"]["resourceId"];
        assert_eq!(stays, &json!(version("1.0.0")));
        let estate =
            Estate::new(|on, _| on.desktops.bad_configuration = BadConfiguration::Location);
        let answer = estate.configure(&image);
        estate.scene.wait(60);
        let ended = estate.scene.get(answer.header("location").unwrap());
        assert_eq!(code(&ended), (400, "ValidationFailed".to_owned()));
        let estate = Estate::new(|on, _| on.desktops.bad_configuration = BadConfiguration::AtOnce);
        assert_eq!(estate.configure(&image).status, 400);
    }
    let estate = Estate::new(|on, _| {
        on.desktops.configuration = crate::Fate::Fail {
            code: "ValidationFailed".to_owned(),
            message: "no".to_owned(),
        };
    });
    estate.configure(&custom("1.0.1"));
    estate.scene.wait(60);
    let state = estate.get("/sessionHostConfigurations/default").body;
    assert_eq!(state["properties"]["provisioningState"], "Failed");
}

#[test]
fn without_a_type_the_kind_of_image_stays_unless_the_switch_says_otherwise() {
    for follows in [false, true] {
        let estate = Estate::new(|on, world| {
            on.desktops.image_type_follows = follows;
            let configuration = world.host_pools[1].configuration.as_mut().unwrap();
            configuration["imageInfo"] = json!({"type": "Marketplace", "customInfo": null, "marketplaceInfo": {
                "publisher": "microsoftwindowsdesktop", "offer": "office-365", "sku": "win11-25h2-avd-m365", "exactVersion": "26200.6584.250915"}});
        });
        estate.configure(&json!({"customInfo": {"resourceId": version("1.0.1")}}));
        estate.scene.wait(60);
        let image =
            estate.get("/sessionHostConfigurations/default").body["properties"]["imageInfo"]
                .clone();
        let custom_image = json!({"type": "Custom", "customInfo": {"resourceId": version("1.0.1")}, "marketplaceInfo": null});
        assert_eq!(image == custom_image, follows, "{image}");
        assert_eq!(image["type"] == "Marketplace", !follows);
        // With a type it is switched in any case, and back.
        estate.configure(&custom("1.0.1"));
        estate.scene.wait(60);
        let back = json!({"type": "Marketplace", "marketplaceInfo": {"publisher": "microsoftwindowsdesktop", "offer": "office-365",
            "sku": "win11-25h2-avd-m365", "exactVersion": "26200.7171.251111"}});
        estate.configure(&back);
        estate.scene.wait(60);
        let image =
            estate.get("/sessionHostConfigurations/default").body["properties"]["imageInfo"]
                .clone();
        assert_eq!(
            (&image["type"], &image["customInfo"]),
            (&json!("Marketplace"), &Value::Null)
        );
        estate.initiate(&json!({}));
        estate.scene.wait(50 + 20 * MINUTE);
        let host = estate.scene.cloud.session_hosts(&estate.production())[0].clone();
        assert_eq!(
            host.image,
            "microsoftwindowsdesktop:office-365:win11-25h2-avd-m365:26200.7171.251111"
        );
    }
}
