//! The way back, as log and page print it: a step that takes these inputs and nothing else has no problem with them, and goes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, DeploymentFate, HostPool, SessionHost, UpdateFate};

use super::{hosts, updating};
use crate::flow::scene::{Scene, Stage};

type Inputs = BTreeMap<String, String>;

/// The inputs on the page, which are those in the log; nothing where neither has any.
fn printed(stage: &Stage) -> Option<Inputs> {
    let page = updating::page(stage);
    let on_page = page.split_once("### The way back\n").map(|(_, rest)| {
        let (_, yaml) = rest.split_once("```yaml\n").unwrap();
        let (yaml, _) = yaml.split_once("\n```").unwrap();
        inputs(yaml)
    });
    let mut lines = stage.transcript.lines();
    let line = lines.find_map(|line| line.strip_prefix("the way back:  "));
    let in_log = line.map(|line| inputs(&format!("{{{line}}}")));
    assert_eq!(on_page, in_log, "{page}\n{}", stage.transcript);
    on_page
}

fn inputs(yaml: &str) -> Inputs {
    let read: BTreeMap<String, serde_yaml_ng::Value> =
        serde_yaml_ng::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let text = |value: serde_yaml_ng::Value| match value {
        serde_yaml_ng::Value::String(text) => text.trim_end().to_owned(),
        other => serde_yaml_ng::to_string(&other).unwrap().trim().to_owned(),
    };
    read.into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect()
}

/// Takes the way back of a stage in the same cloud; its own stage.
async fn back(stage: &Stage, scene: Scene) -> Stage {
    let inputs = printed(stage).unwrap_or_else(|| panic!("{}", stage.transcript));
    let mut scene = scene.attempt(1);
    let connection = scene.step.inputs["ibSubscription"].clone();
    scene.step.inputs.clear();
    scene = scene.input("ibSubscription", &connection);
    for (name, value) in &inputs {
        // As the agent does with a secret variable.
        scene = scene.input(name, &value.replace("$(adminPassword)", hosts::PASSWORD));
    }
    // Another run of the pipeline.
    let scene = scene
        .variable("Build.BuildId", "4712")
        .variable("Build.BuildNumber", "2609403");
    let back = scene.build_in(Arc::clone(&stage.cloud)).await;
    let problems = back.issues("error");
    let of_inputs = problems.iter().find(|it| it.starts_with("AIB1"));
    assert_eq!(of_inputs, None, "{inputs:#?}\n{}", back.transcript);
    back
}

/// The versions of the hosts that let users in.
fn open(all: &[String]) -> Vec<&str> {
    let open = all.iter().filter(|host| host.contains(" open"));
    open.map(|host| host.split(' ').nth(1).unwrap()).collect()
}

async fn is_back(stage: &Stage, scene: impl Fn() -> Scene) {
    let mut back = back(stage, scene()).await;
    // A host was still about to be switched off when it was looked at: the step says so, and goes on when it is run again.
    if back.result() == "Failed" && back.error().contains("run the step again") {
        back = self::back(stage, scene()).await;
    }
    assert_eq!(back.result(), "Succeeded", "{}", back.transcript);
    let hosts = hosts::hosts(&back.cloud);
    let open = open(&hosts);
    assert!(
        !open.is_empty() && open.iter().all(|version| *version == hosts::OLD),
        "{hosts:?}\n{}",
        back.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn of_hosts_that_were_replaced() {
    for keep in ["true", "false"] {
        let scene = || hosts::quick().input("keepOldHosts", keep);
        let stage = hosts::run(scene(), |_| {}).await;
        hosts::assert_good(&stage);
        let inputs = printed(&stage).unwrap();
        let method = if keep == "true" {
            "existing"
        } else {
            "replace"
        };
        assert_eq!(inputs["rolloutMethod"], method);
        is_back(&stage, scene).await;
    }
}

/// The template, and everything that it needs, but for secrets.
#[tokio::test(start_paused = true)]
async fn of_hosts_that_are_gone_has_the_template() {
    let scene = || hosts::quick().input("keepOldHosts", "false");
    let stage = hosts::run(scene(), |_| {}).await;
    let inputs = printed(&stage).unwrap();
    assert_eq!(inputs["sessionHostTemplate"], "avd/session-hosts.json");
    let subnet = format!(
        "{}/providers/Microsoft.Network/virtualNetworks/vnet-avd/subnets/snet-hosts",
        hosts::group()
    );
    assert_eq!(
        inputs["sessionHostParameters"],
        format!("subnetId={subnet}\nadminPassword=$(adminPassword)")
    );
    assert!(!updating::page(&stage).contains(hosts::PASSWORD));
    let scene = || {
        let scene = scene();
        let sources = scene.step.directories.sources.clone();
        let file = format!(
            r#"{{"parameters": {{"subnetId": {{"value": "{subnet}"}}, "adminPassword": {{"value": "{}"}}}}}}"#,
            hosts::PASSWORD
        );
        std::fs::write(sources.join("avd/parameters.json"), file).unwrap();
        scene.input("sessionHostParameters", "avd/parameters.json")
    };
    let stage = hosts::run(scene(), |_| {}).await;
    let inputs = printed(&stage).unwrap();
    assert_eq!(inputs["sessionHostParameters"], "avd/parameters.json");
    is_back(&stage, scene).await;
}

#[tokio::test(start_paused = true)]
async fn of_new_hosts_that_failed() {
    for keep in ["true", "false"] {
        for fate in [
            DeploymentFate::ExtensionFails,
            DeploymentFate::HostsNeedAssistance,
        ] {
            let scene = || hosts::quick().input("keepOldHosts", keep);
            let stage = hosts::run(scene(), |cloud| cloud.script_deployment(fate)).await;
            assert_eq!(stage.result(), "Failed", "{}", stage.transcript);
            if printed(&stage).is_some() {
                is_back(&stage, scene).await;
            }
        }
    }
}

/// Whenever the job is canceled: what is printed leads back.
#[tokio::test(start_paused = true)]
async fn of_a_job_that_was_canceled() {
    let mut all = 0;
    for keep in ["true", "false"] {
        for at in [30, 70, 110, 140, 200, 260, 320] {
            let scene = || hosts::quick().input("keepOldHosts", keep);
            let cloud = scene().new_cloud();
            let stage = scene()
                .canceled_in(Arc::clone(&cloud), Duration::from_secs(at))
                .await;
            if stage.result() != "Canceled" {
                continue;
            }
            assert!(
                updating::page(&stage).starts_with(
                    "## ⚠️ Roll-out of 1.0.1 to hp-staging: canceled\n\nThe job was canceled: "
                ),
                "{}",
                updating::page(&stage)
            );
            if printed(&stage).is_some() {
                all += 1;
                is_back(&stage, scene).await;
            }
        }
    }
    assert!(all > 3, "{all}");
}

#[tokio::test(start_paused = true)]
async fn of_hosts_that_were_there() {
    let scene = || hosts::rollout("existing");
    // More new hosts than old ones: the way back takes the old ones for enough.
    let prepare = |cloud: &Cloud| {
        let mut pool = HostPool::standard(hosts::staging(), "westeurope").with_hosts(
            "stg",
            2,
            &hosts::version(hosts::OLD),
        );
        for number in 0..3 {
            let mut host = SessionHost::of_version(
                &format!("new-{number}"),
                &hosts::group(),
                "westeurope",
                &hosts::version(hosts::NEW),
            );
            host.allow_new_session = false;
            pool.hosts.push(host);
        }
        cloud.put_host_pool(pool);
    };
    let cloud = scene().new_cloud();
    prepare(&cloud);
    let stage = scene().build_in(Arc::clone(&cloud)).await;
    hosts::assert_good(&stage);
    is_back(&stage, scene).await;
}

#[tokio::test(start_paused = true)]
async fn of_updates() {
    for fate in [
        None,
        Some(UpdateFate::HostFails),
        Some(UpdateFate::RollbackFails),
        Some(UpdateFate::NeverStarts),
        Some(UpdateFate::NeverEnds),
    ] {
        for on_failure in ["retry", "leave"] {
            let scene = || {
                let scene = updating::quick().input("onRolloutFailure", on_failure);
                scene.input("waitTimeoutInMinutes", "60")
            };
            let cloud = scene().new_cloud();
            if let Some(fate) = fate {
                cloud.script_update(fate);
            }
            let stage = scene().build_in(Arc::clone(&cloud)).await;
            if printed(&stage).is_some() {
                let back = back(&stage, scene()).await;
                if fate.is_none() {
                    assert_eq!(back.result(), "Succeeded", "{}", back.transcript);
                    assert_eq!(
                        updating::hosts(&cloud),
                        updating::all(updating::OLD),
                        "{}",
                        back.transcript
                    );
                }
            }
        }
    }
}
