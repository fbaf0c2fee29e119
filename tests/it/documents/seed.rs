//! The complete process of `samples/seed`, from its YAML to what the emulated cloud holds in the end.

use std::path::Path;

use azure_emulator::{HostPool, ResourceGroup, SceneVersion, Subnet, World};
use pipelines_agent::Step;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::build::{becomes, scene};
use super::files::{copy, root};
use super::samples::pipeline;
use super::steps::YamlStep;
use crate::flow::scene::{Scene, Stage};

const NUMBER: &str = "2632601";

/// The groups, the networks and the host pools as the README sets them up, with hosts of a version of 40 days ago.
fn furnish(world: &mut World) {
    let subscription = world.subscription.clone();
    let group = |name: &str| format!("/subscriptions/{subscription}/resourceGroups/{name}");
    let gallery = world.gallery_id(&world.galleries[0]);
    let old = format!("{gallery}/images/win11-avd/versions/1.0.1");
    world.image_versions.push(SceneVersion {
        id: old.clone(),
        state: "Succeeded".to_owned(),
        published: Some(OffsetDateTime::now_utc() - Duration::days(40)),
        body: json!({"location": "westeurope", "tags": {}, "properties": {"publishingProfile": {
            "targetRegions": [{"name": "westeurope", "regionalReplicaCount": 2}],
        }}}),
    });
    let mut subnets = Vec::new();
    for name in ["rg-avd-staging", "rg-avd-production"] {
        world.resource_groups.push(ResourceGroup {
            name: name.to_owned(),
            location: "westeurope".to_owned(),
        });
        let network = "providers/Microsoft.Network/virtualNetworks/vnet-avd/subnets/snet-hosts";
        subnets.push(format!("{}/{network}", group(name)));
    }
    world.subnets.extend(subnets.iter().map(|id| Subnet {
        id: id.clone(),
        ..Subnet::default()
    }));
    let pool = |name: &str| {
        let place = group(&format!("rg-avd-{name}"));
        format!("{place}/providers/Microsoft.DesktopVirtualization/hostPools/hp-{name}")
    };
    let staging = HostPool::standard(pool("staging"), "westeurope");
    let production = HostPool::automated(pool("production"), "westeurope", &old, &subnets[1]);
    world.host_pools = vec![
        staging.with_hosts("stg", 2, &old),
        production.with_hosts("avd", 4, &old).with_users(5),
    ];
}

/// The files of the repository, as the README puts them together.
fn check_out(sources: &Path) {
    let samples = root().join("samples");
    copy(&samples.join("windows-avd"), sources);
    copy(&samples.join("seed"), sources);
    let template = "host-pools/session-hosts.json";
    std::fs::copy(samples.join(template), sources.join("session-hosts.json")).unwrap();
}

/// The job of the first step.
fn first(step: &YamlStep) -> Scene {
    let mut scene = scene(step, check_out);
    furnish(&mut scene.world);
    set_variables(&mut scene.step);
    scene
}

/// What the run and the variable group bring in.
fn set_variables(step: &mut Step) {
    step.variables.set("Build.BuildNumber", NUMBER);
    step.variables
        .set_secret("hostPassword", "for-the-emulator-0nly");
}

/// The next step of the pipeline, with the version as the stages hand it on.
async fn next(before: Stage, step: &YamlStep, version: &str) -> Stage {
    let subscription = before.subscription().to_owned();
    let stage = before.step(|own| {
        becomes(own, step, &subscription);
        set_variables(own);
        for name in ["imageVersionId", "bake.imageVersionId"] {
            own.variables.set(name, version);
        }
    });
    let stage = stage.retry().await;
    // In staging the version does not count yet, and the step says so.
    let warnings = stage.issues("warning");
    let (is_new, result) = match action(step) {
        "rollout" if !warnings.is_empty() => (1, "SucceededWithIssues"),
        _ => (0, "Succeeded"),
    };
    assert_eq!(stage.result(), result, "{}", stage.transcript);
    let told = warnings.iter().filter(|it| it.starts_with("AIB839: "));
    assert_eq!((told.count(), warnings.len()), (is_new, is_new));
    stage
}

fn action(step: &YamlStep) -> &str {
    step.inputs.get("action").map_or("build", String::as_str)
}

/// The hosts of a pool that let users in, and the versions that they run.
fn open_hosts(stage: &Stage, pool: &str) -> Vec<(String, String)> {
    let hosts = stage.cloud.session_hosts(pool).into_iter();
    let open = hosts.filter(|host| host.open);
    open.map(|host| {
        assert_eq!(host.status, "Available", "{host:?}");
        let version = host.image.rsplit('/').next().unwrap().to_owned();
        (host.name, version)
    })
    .collect()
}

/// Every step of the pipeline in the order of its stages, and the report of the next morning.
#[tokio::test(start_paused = true)]
#[expect(
    clippy::too_many_lines,
    reason = "one process from its first step to its last"
)]
async fn the_seed_goes_from_a_push_to_the_production_host_pool() {
    let (steps, _) = pipeline("seed", "azure-pipelines.yml");
    let actions: Vec<&str> = steps.iter().map(action).collect();
    assert_eq!(
        actions,
        ["build", "test", "rollout", "promote", "rollout", "retain"]
    );
    let [build_step, test, staging, promote, production, retain] = steps.as_slice() else {
        panic!("{} steps", steps.len());
    };
    let scene = first(build_step);
    let pools: Vec<String> = scene
        .world
        .host_pools
        .iter()
        .map(|pool| pool.id.clone())
        .collect();
    let built = scene.build(|_| {}).await;
    built.check_result("Succeeded");
    let version = built.variable("imageVersionId").unwrap().to_owned();
    let number = format!("1.0.{NUMBER}");
    assert!(version.ends_with(&format!("/win11-avd/versions/{number}")));
    let definition = version.split_once("/versions/").unwrap().0.to_owned();
    let latest = |stage: &Stage| stage.cloud.latest_version(&definition, "westeurope");
    // Nobody gets it by accident.
    assert!(latest(&built).unwrap().ends_with("/1.0.1"));

    let tested = next(built, test, &version).await;
    assert_eq!(tested.variable("imageTested"), Some("passed"));
    assert_eq!(tested.cloud.image_tags(&version)["imageTest"], "passed");

    let staged = next(tested, staging, &version).await;
    assert_eq!(staged.variable("rolloutState"), Some("Succeeded"));
    staged.check_result("SucceededWithIssues");
    let hosts = open_hosts(&staged, &pools[0]);
    assert_eq!(hosts.len(), 2, "{hosts:?}");
    assert!(
        hosts
            .iter()
            .all(|(name, of)| name.starts_with("avd632601") && *of == number),
        "{hosts:?}"
    );
    // The old ones are gone, and the other pool was not touched.
    assert_eq!(staged.cloud.session_hosts(&pools[0]).len(), 2);
    assert!(
        open_hosts(&staged, &pools[1])
            .iter()
            .all(|(_, of)| of == "1.0.1")
    );

    let promoted = next(staged, promote, &version).await;
    assert_eq!(promoted.variable("imageReleased"), Some("true"));
    assert_eq!(latest(&promoted).as_deref(), Some(version.as_str()));

    let served = next(promoted, production, &version).await;
    assert_eq!(served.variable("rolloutState"), Some("Succeeded"));
    served.check_result("Succeeded");
    let hosts = open_hosts(&served, &pools[1]);
    assert_eq!(hosts.len(), 4, "{hosts:?}");
    assert!(
        hosts
            .iter()
            .all(|(name, of)| name.starts_with("avd-") && *of == number),
        "{hosts:?}"
    );
    assert_eq!(served.cloud.updates_begun(), 1);
    let back = served.variable("rolloutPreviousImageId").unwrap();
    assert!(back.ends_with("/versions/1.0.1"), "{back}");

    // Five are kept anyway.
    let kept = next(served, retain, &version).await;
    let told = (
        kept.variable("imageRetained"),
        kept.variable("imageRemoved"),
    );
    assert_eq!(told, (Some("2"), Some("0")));

    let (nightly, _) = pipeline("seed", "nightly.yml");
    let [report] = nightly.as_slice() else {
        panic!("{} steps", nightly.len());
    };
    let morning = next(kept, report, &version).await;
    assert_eq!(morning.variable("imageHostsBehind"), Some("0"));
    let mut lines = morning.transcript.lines();
    let row = lines.find(|line| line.starts_with(&format!("  {number} ")));
    let cells: Vec<&str> = row.unwrap().split_whitespace().collect();
    let pools = ["hp-production,", "hp-staging"];
    assert_eq!(cells[1..6], ["6", "0", "0", pools[0], pools[1]], "{row:?}");
    assert!(row.unwrap().contains("latest in "), "{row:?}");

    // Nothing else is left of the whole process but the list of what the image holds.
    let inventory = morning.cloud.inventory();
    assert!(inventory.templates.is_empty(), "{inventory}");
    let left = inventory.to_string();
    let blobs: Vec<&str> = left
        .lines()
        .filter(|line| line.starts_with("blob "))
        .collect();
    let contents = format!("/imagebuilder-inventory/{}", morning.subscription());
    assert_eq!(blobs.len(), 1, "{left}");
    assert!(blobs[0].contains(&contents), "{left}");
}

/// The roll-outs as a pipeline of their own take the version from the file that the image pipeline has published.
#[tokio::test(start_paused = true)]
async fn the_rollout_pipeline_reads_the_result_file() {
    let (steps, _) = pipeline("seed", "azure-pipelines.yml");
    let scene = first(&steps[0]);
    let workspace = scene.step.directories.sources.parent().unwrap().to_owned();
    let pools: Vec<String> = scene
        .world
        .host_pools
        .iter()
        .map(|pool| pool.id.clone())
        .collect();
    let mut stage = scene.build(|_| {}).await;
    let published = workspace.join("image/image-result");
    std::fs::create_dir_all(&published).unwrap();
    let made = stage.variable("resultPath").unwrap();
    std::fs::copy(made, published.join("image-result.json")).unwrap();
    let (steps, _) = pipeline("host-pools", "rollout.yml");
    let actions: Vec<&str> = steps.iter().map(action).collect();
    assert_eq!(actions, ["rollout", "promote", "rollout"]);
    for step in &steps {
        stage = next(stage, step, "not used").await;
    }
    for (pool, count) in pools.iter().zip([2, 4]) {
        let hosts = open_hosts(&stage, pool);
        let number = format!("1.0.{NUMBER}");
        assert_eq!(hosts.len(), count, "{hosts:?}");
        assert!(hosts.iter().all(|(_, of)| *of == number), "{hosts:?}");
    }
    // The old hosts of the first pool are the way back.
    assert_eq!(stage.cloud.session_hosts(&pools[0]).len(), 4);
}

/// The tag of the test is required by every step that follows.
#[tokio::test(start_paused = true)]
async fn what_was_not_tested_goes_nowhere() {
    let (steps, _) = pipeline("seed", "azure-pipelines.yml");
    let built = first(&steps[0]).build(|_| {}).await;
    let version = built.variable("imageVersionId").unwrap().to_owned();
    let subscription = built.subscription().to_owned();
    let stage = built.step(|own| {
        becomes(own, &steps[2], &subscription);
        set_variables(own);
        own.variables.set("imageVersionId", version);
    });
    let stage = stage.retry().await;
    stage.check_result("Failed");
    assert!(stage.error().starts_with("AIB823: "), "{}", stage.error());
    assert_eq!(stage.cloud.deployments(), []);
}
