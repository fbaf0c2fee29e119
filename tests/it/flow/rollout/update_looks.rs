//! What is said before anything is changed: whole, with nothing sent.

use std::fmt::Write as _;

use azure_emulator::{Effect, Fault, HostPool, ScalingPlan, SceneVersion, UpdateFate};
use serde_json::json;

use super::updating::*;
use crate::flow::scene::Scene;
use crate::golden::golden;

const URN: &str = "microsoftwindowsdesktop:office-365:win11-25h2-avd-m365:26200.7171.251111";

fn on_shelf(number: &str, change: impl FnOnce(&mut SceneVersion)) -> SceneVersion {
    let mut scene = SceneVersion {
        id: version(number),
        state: "Succeeded".to_owned(),
        published: None,
        body: json!({"location": "westeurope", "tags": {}, "properties": {"publishingProfile": {
            "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 2}],
        }}}),
    };
    change(&mut scene);
    scene
}

fn staging() -> String {
    production().replace("hp-production", "hp-staging")
}

/// A step that is refused before anything is changed, or a preview.
async fn told(
    text: &mut String,
    name: &str,
    scene: Scene,
    prepare: impl FnOnce(&azure_emulator::Cloud),
) {
    let stage = run(scene, prepare).await;
    assert!(
        changes(&stage.cloud).is_empty(),
        "{name}\n{}",
        stage.transcript
    );
    let told = stage.variable("rolloutState").unwrap_or("not set");
    writeln!(
        text,
        "## {name}\nresult: {}, state: '{told}'",
        stage.result()
    )
    .unwrap();
    for kind in ["error", "warning"] {
        for issue in stage.issues(kind) {
            writeln!(text, "{kind}: {}", issue.replace('\n', "\n  ")).unwrap();
        }
    }
    text.push('\n');
}

#[tokio::test(start_paused = true)]
async fn what_speaks_against_it_is_said_before_anything_is_sent() {
    let mut text = String::new();
    let to = |id: &str| update().input("hostPoolId", id);
    told(
        &mut text,
        "no such pool",
        to(&format!("{}s", production())),
        |_| {},
    )
    .await;
    let nothing = production().replace("hp-production", "desktops");
    told(
        &mut text,
        "no such pool, and none like it",
        to(&nothing),
        |_| {},
    )
    .await;
    let personal = HostPool {
        personal: true,
        ..HostPool::standard(format!("{}-own", production()), "westeurope")
    };
    let id = personal.id.clone();
    told(&mut text, "personal", to(&id), |cloud| {
        cloud.put_host_pool(personal);
    })
    .await;
    let update_of = to(&staging()).input("rolloutMethod", "sessionHostUpdate");
    told(&mut text, "an update of a standard pool", update_of, |_| {}).await;
    let bare = HostPool {
        configuration: None,
        ..HostPool::automated(
            format!("{}-bare", production()),
            "westeurope",
            &version(OLD),
            "/s",
        )
    };
    let id = bare.id.clone();
    told(&mut text, "no configuration", to(&id), |cloud| {
        cloud.put_host_pool(bare);
    })
    .await;
    let without = to(&staging()).input("rolloutMethod", "auto");
    told(&mut text, "auto needs a template", without, |_| {}).await;
    let marketplace = to(&staging()).input("imageVersionId", URN);
    told(
        &mut text,
        "auto with an image of the Marketplace",
        marketplace,
        |_| {},
    )
    .await;
    golden("rollout/looks-pool.txt", &text);
}

#[tokio::test(start_paused = true)]
async fn what_speaks_against_the_version_is_said_before_anything_is_sent() {
    let mut text = String::new();
    let of = |number: &str| update().input("imageVersionId", &version(number));
    told(&mut text, "no such version", of("9.9.9"), |_| {}).await;
    for state in ["Failed", "Deleting"] {
        let shelf = on_shelf("2.0.0", |version| version.state = state.to_owned());
        told(&mut text, state, of("2.0.0"), |cloud| {
            cloud.put_image_version(&shelf);
        })
        .await;
    }
    let tags = of(NEW).input("requireTags", "imageTest=passed");
    told(&mut text, "a tag is missing", tags, |_| {}).await;
    let elsewhere = on_shelf("2.0.0", |version| {
        version.body["properties"]["publishingProfile"]["targetRegions"] =
            json!([{"name": "northeurope"}]);
    });
    told(&mut text, "no replica", of("2.0.0"), |cloud| {
        cloud.put_image_version(&elsewhere);
    })
    .await;
    let withdrawn = on_shelf("2.0.0", |version| {
        version.body["tags"] =
            json!({"withdrawnAt": "2026-11-20T10:00:00Z", "withdrawnReason": "sign-in fails"});
    });
    let scene = of("2.0.0").input("preview", "true");
    told(&mut text, "withdrawn", scene, |cloud| {
        cloud.put_image_version(&withdrawn);
    })
    .await;
    let excluded = on_shelf("2.0.0", |version| {
        version.body["properties"]["publishingProfile"]["excludeFromLatest"] = json!(true);
    });
    let scene = of("2.0.0").input("preview", "true");
    told(&mut text, "excluded", scene, |cloud| {
        cloud.put_image_version(&excluded);
    })
    .await;
    let other = version(NEW).replace(
        &Scene::windows().world.subscription,
        "9c1d7c52-7f7a-4c43-a4a7-3a4ee1c4f5aa",
    );
    let elsewhere = SceneVersion {
        id: other.clone(),
        ..on_shelf(NEW, |_| {})
    };
    let scene = update().input("imageVersionId", &other);
    told(&mut text, "another subscription", scene, |cloud| {
        cloud.put_image_version(&elsewhere);
    })
    .await;
    let mut scene = update();
    for gallery in &mut scene.world.galleries {
        for definition in &mut gallery.definitions {
            definition.hyper_v_generation = "V1".to_owned();
        }
    }
    told(&mut text, "generation 1", scene, |_| {}).await;
    golden("rollout/looks-version.txt", &text);
}

fn plan(on: bool) -> ScalingPlan {
    ScalingPlan {
        id: production()
            .replace("hostPools", "scalingPlans")
            .replace("hp-production", "sp-weekdays"),
        location: "westeurope".to_owned(),
        pools: vec![(production(), on), (staging(), true)],
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_already_is_said_before_anything_is_sent() {
    let mut text = String::new();
    told(&mut text, "a scaling plan", update(), |cloud| {
        cloud.put_scaling_plan(plan(true));
    })
    .await;
    let off = run(update(), |cloud| cloud.put_scaling_plan(plan(false))).await;
    assert_good(&off);
    // It cannot be read: said, and the step goes on.
    let blind = run(update(), |cloud| {
        let body = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#.to_owned();
        let effect = Effect::status(403, body);
        cloud.add_fault(Fault::once("ListScalingPlans", effect));
    })
    .await;
    assert_good(&blind);
    assert!(log(&blind).contains("whether a scaling plan is enabled is not known:  Listing"));
    // Someone else updates the pool to another version.
    for (name, fate) in [
        ("another update goes on", UpdateFate::NeverEnds),
        ("another update waits", UpdateFate::RollbackFails),
    ] {
        let other = || update().input("onRolloutFailure", "leave");
        let cloud = other().new_cloud();
        cloud.script_update(fate);
        let first = other().input("waitTimeoutInMinutes", "30");
        run_in(first, &cloud).await;
        let before = changes(&cloud).len();
        let other = update().input("imageVersionId", &version("1.0.2"));
        cloud.put_image_version(&on_shelf("1.0.2", |_| {}));
        let stage = run_in(other, &cloud).await;
        assert_eq!(changes(&cloud).len(), before, "{}", stage.transcript);
        let told = stage.issues("error").join("\n");
        // Azure's time is that of the day.
        let (before, after) = told.split_once("(started ").unwrap();
        let (time, after) = after.split_once(" in ").unwrap();
        assert_eq!(time.len(), "2026-11-29T05:19:09".len(), "{time}");
        writeln!(text, "## {name}\n{before}(started <time> in {after}\n").unwrap();
    }
    golden("rollout/looks-busy.txt", &text);
}

#[tokio::test(start_paused = true)]
async fn a_preview_changes_nothing_and_says_what_would_be() {
    let preview = || update().input("preview", "true");
    let stage = run(preview(), |_| {}).await;
    assert_good(&stage);
    assert_eq!(stage.variable("rolloutState"), Some("Nothing"));
    assert!(changes(&stage.cloud).is_empty(), "{}", stage.transcript);
    golden("rollout/preview.txt", &log(&stage));
    golden("rollout/preview.md", &page(&stage));
    let marketplace = run(preview().input("imageVersionId", URN), |_| {}).await;
    assert_good(&marketplace);
    assert!(log(&marketplace).contains(&format!("session host configuration:  1.0.0 -> {URN}")));
}

/// To an image of the Marketplace, and back: `type` goes with the image.
#[tokio::test(start_paused = true)]
async fn the_image_may_be_one_of_the_marketplace() {
    let cloud = update().new_cloud();
    let there = update().input("imageVersionId", URN);
    let (stage, sent) = spied(there, &cloud).await;
    assert_good(&stage);
    assert_eq!(
        sent[0].2,
        json!({"properties": {"imageInfo": {"type": "Marketplace", "marketplaceInfo": {
            "publisher": "microsoftwindowsdesktop", "offer": "office-365", "sku": "win11-25h2-avd-m365", "exactVersion": "26200.7171.251111",
        }}}})
    );
    let back = run_in(update(), &cloud).await;
    assert_good(&back);
    assert_eq!(hosts(&cloud), all(NEW));
    assert_eq!(back.variable("rolloutPreviousImageId"), Some(URN));
}

/// No host lets users in: the configuration decides whether there is something to do.
#[tokio::test(start_paused = true)]
async fn a_pool_without_open_hosts_is_judged_by_its_configuration() {
    let close = |cloud: &azure_emulator::Cloud| {
        for number in 0..4 {
            let name = format!("avd-{number}");
            cloud.change_session_host(&production(), &name, |host| host.allow_new_session = false);
        }
    };
    let same = update().input("imageVersionId", &version(OLD));
    let stage = run(same, close).await;
    assert_good(&stage);
    assert_eq!(stage.variable("rolloutState"), Some("Nothing"));
    assert!(changes(&stage.cloud).is_empty());
    let other = run(update(), close).await;
    assert_good(&other);
    assert_eq!(other.variable("rolloutState"), Some("Succeeded"));
    let drained: Vec<_> = all(NEW)
        .iter()
        .map(|line| line.replace("open", "drained"))
        .collect();
    assert_eq!(hosts(&other.cloud), drained);
}

/// A list that goes on at another host is no list, and the token stays at home.
#[tokio::test(start_paused = true)]
async fn the_next_page_is_on_the_same_host() {
    let effect = Effect::status(
        200,
        r#"{"value": [], "nextLink": "https://evil.example/next"}"#,
    );
    let stage = run(update(), |cloud| {
        cloud.add_fault(Fault::once("ListSessionHosts", effect));
    })
    .await;
    assert_eq!(
        stage.error().lines().next().unwrap(),
        "AIB303: Listing the session hosts of host pool 'hp-production' failed: Azure's response is not valid: the next page of the list is on another host"
    );
    assert!(changes(&stage.cloud).is_empty());
}

/// A cloud without the preview version does not say who makes the hosts: the pool counts as one whose owner does.
#[tokio::test(start_paused = true)]
async fn a_cloud_without_the_preview_has_no_automated_pools() {
    let effect = Effect::refusal(
        400,
        "InvalidResourceType",
        "The api-version '2025-04-01-preview' is not supported for 'hostPools'. The supported api-versions are '2024-04-03, 2025-10-10'.",
    );
    let scene = update().input("rolloutMethod", "sessionHostUpdate");
    let stage = run(scene, |cloud| {
        cloud.add_fault(Fault::once("GetHostPool", effect));
    })
    .await;
    let error = stage.error();
    assert!(
        error.starts_with("AIB842: ") && error.contains("this one is unknown"),
        "{error}"
    );
}
