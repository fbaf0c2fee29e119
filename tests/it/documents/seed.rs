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
    assert_eq!(stage.result(), "Succeeded", "{}", stage.transcript);
    stage
}

fn action(step: &YamlStep) -> &str {
    step.inputs.get("action").map_or("build", String::as_str)
}

/// The pools are left as they are by the build, and the report says so.
#[tokio::test(start_paused = true)]
async fn the_seed_builds_its_image_and_reports_every_night() {
    let (steps, _) = pipeline("seed", "azure-pipelines.yml");
    let actions: Vec<&str> = steps.iter().map(action).collect();
    assert_eq!(
        actions,
        ["build", "test", "rollout", "promote", "rollout", "retain"]
    );
    let built = first(&steps[0]).build(|_| {}).await;
    assert_eq!(built.result(), "Succeeded", "{}", built.transcript);
    let version = built.variable("imageVersionId").unwrap().to_owned();
    assert!(version.ends_with(&format!("/win11-avd/versions/1.0.{NUMBER}")));
    let (nightly, _) = pipeline("seed", "nightly.yml");
    let [report] = nightly.as_slice() else {
        panic!("{} steps", nightly.len());
    };
    // The new version is excluded from latest: nobody is behind yet.
    let night = next(built, report, &version).await;
    assert_eq!(night.variable("imageHostsBehind"), Some("0"));
    let said = "host pool hp-production:  4 session hosts, 5 sessions";
    assert!(night.transcript.contains(said), "{}", night.transcript);
}
