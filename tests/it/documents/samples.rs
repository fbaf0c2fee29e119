//! Every pipeline of the samples builds its images.

use std::path::Path;

use super::build::{becomes, run, scene};
use super::files::{copy, root, samples};
use super::steps::{YamlStep, artifacts, read, steps};
use crate::flow::scene::{Scene, Stage};

/// The pipeline of a sample, its steps of this task, and a folder as `checkout` and `download` leave it.
pub(super) fn pipeline(sample: &str, file: &str) -> (Vec<YamlStep>, impl Fn(&Path)) {
    let folder = root().join("samples").join(sample);
    let pipeline = read(&std::fs::read_to_string(folder.join(file)).unwrap());
    let mut published = artifacts(&pipeline);
    published.retain(|_, path| !path.starts_with("$("));
    let check_out = move |sources: &Path| {
        copy(&folder, sources);
        let workspace = sources.parent().unwrap();
        for (name, path) in &published {
            copy(&folder.join(path), &workspace.join(name));
        }
    };
    (steps(&pipeline), check_out)
}

async fn build(sample: &str) -> Vec<Stage> {
    build_in(sample, |scene| scene).await
}

async fn build_in(sample: &str, change: impl Fn(Scene) -> Scene) -> Vec<Stage> {
    let (steps, check_out) = pipeline(sample, "azure-pipelines.yml");
    let mut stages = Vec::new();
    for step in &steps {
        let scene = change(scene(step, &check_out));
        stages.push(run(scene, sample).await);
    }
    stages
}

fn image(stage: &Stage) -> &str {
    let id = stage.variable("imageVersionId").unwrap();
    id.split_once("/images/").unwrap().1
}

#[tokio::test(start_paused = true)]
async fn windows_avd_is_checked_and_built() {
    let stages = build_in("windows-avd", |mut scene| {
        scene.step = scene.step.variable("Build.BuildNumber", "2632601");
        scene
    })
    .await;
    let [check, build] = stages.as_slice() else {
        panic!("{} steps", stages.len());
    };
    assert!(
        check.transcript.contains("before-sysprep") || check.transcript.contains("before Sysprep")
    );
    assert_eq!(image(build), "win11-avd/versions/1.0.2632601");
    assert_eq!(build.variable("pirSku"), Some("win11-25h2-avd-m365"));
}

#[tokio::test(start_paused = true)]
async fn linux_vmss_is_built() {
    let stages = build("linux-vmss").await;
    assert_eq!(stages.len(), 1);
    assert_eq!(image(&stages[0]), "ubuntu-2404/versions/1.0.4711");
}

#[tokio::test(start_paused = true)]
async fn matrix_builds_three_images() {
    let stages = build("matrix").await;
    let images: Vec<_> = stages.iter().map(image).collect();
    let wanted = ["ubuntu-2404", "windows-2022", "win11-avd"];
    assert_eq!(
        images,
        wanted.map(|name| format!("{name}/versions/1.0.4711"))
    );
}

#[tokio::test(start_paused = true)]
async fn private_network_uses_its_subnets() {
    let stages = build("private-network").await;
    assert_eq!(image(&stages[0]), "ubuntu-2404/versions/1.0.0");
}

/// Runs a later step of the pipeline in the same cloud, after the one that made an image.
async fn then(built: Stage, step: &YamlStep) -> Stage {
    let version = built.variable("imageVersionId").unwrap().to_owned();
    let stage = later(built, step, version).await;
    stage.check_result("Succeeded");
    stage
}

/// The same, whatever comes of it.
async fn later(built: Stage, step: &YamlStep, version: String) -> Stage {
    let subscription = built.subscription().to_owned();
    let later = built.step(move |own| {
        becomes(own, step, &subscription);
        own.variables.set("imageVersionId", version);
    });
    later.retry().await
}

/// The id that `latest` stands for in the definition of `version`, by the emulated cloud's own rule.
fn latest(stage: &Stage, version: &str) -> Option<String> {
    let (definition, _) = version.split_once("/versions/").unwrap();
    stage.cloud.latest_version(definition, "westeurope")
}

/// What the build makes counts for nobody until it is promoted.
async fn build_and_promote(built: Stage, promote: &YamlStep) -> Stage {
    let version = built.variable("imageVersionId").unwrap().to_owned();
    assert_eq!(latest(&built, &version), None);
    let promoted = then(built, promote).await;
    assert_eq!(promoted.variable("imageReleased"), Some("true"));
    assert_eq!(
        latest(&promoted, &version).as_deref(),
        Some(version.as_str())
    );
    promoted
}

/// Excluded from latest, approved, promoted by another service connection than the build's; and every night, old ones go.
#[tokio::test(start_paused = true)]
async fn promotion_makes_an_image_count_and_keeps_it() {
    let (steps, check_out) = pipeline("promotion", "azure-pipelines.yml");
    let [bake, changes, promote] = steps.as_slice() else {
        panic!("{} steps", steps.len());
    };
    let connection = |step: &YamlStep| step.inputs["ibSubscription"].clone();
    assert_ne!(connection(bake), connection(promote));
    let mut scene = scene(bake, check_out);
    scene.step = scene.step.variable("Build.BuildNumber", "2632601");
    let built = run(scene, "promotion").await;
    assert_eq!(image(&built), "ubuntu-2404/versions/1.0.2632601");
    let version = built.variable("imageVersionId").unwrap().to_owned();
    // The first version has none before it, and the gate says so.
    let seen = later(built, changes, version).await;
    seen.check_result("SucceededWithIssues");
    let warnings = seen.issues("warning");
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("AIB877: "),
        "{warnings:?}"
    );
    let promoted = Box::pin(build_and_promote(seen, promote)).await;
    let (steps, _) = pipeline("promotion", "retain.yml");
    let [retain] = steps.as_slice() else {
        panic!("{} steps", steps.len());
    };
    assert_eq!(connection(retain), connection(promote));
    let version = promoted.variable("imageVersionId").unwrap().to_owned();
    let night = promoted.step(|step| step.variables.set("Build.BuildId", "4712"));
    let night = then(night, retain).await;
    assert_eq!(
        (
            night.variable("imageRetained"),
            night.variable("imageRemoved")
        ),
        (Some("1"), Some("0"))
    );
    assert_eq!(latest(&night, &version).as_deref(), Some(version.as_str()));
}

/// Submitted, collected, tested, promoted: the version counts because its test has passed.
#[tokio::test(start_paused = true)]
async fn the_test_of_the_sample_lets_the_image_count() {
    let (all, check_out) = pipeline("test", "azure-pipelines.yml");
    let [submit, wait, test, promote] = all.as_slice() else {
        panic!("{} steps", all.len());
    };
    let number = |mut scene: Scene| {
        scene.step = scene.step.variable("Build.BuildNumber", "2632601");
        scene
    };
    let submitted = number(scene(submit, &check_out)).build(|_| {}).await;
    submitted.check_result("Succeeded");
    let collected = number(scene(wait, &check_out))
        .build_in(submitted.cloud.clone())
        .await;
    assert_eq!(image(&collected), "ubuntu-2404/versions/1.0.2632601");
    let version = collected.variable("imageVersionId").unwrap().to_owned();
    let early = later(collected, promote, version.clone()).await;
    assert!(early.transcript.contains("AIB823"), "{}", early.transcript);
    let tested = later(early, test, version.clone()).await;
    assert_eq!(
        tested.variable("imageTested"),
        Some("passed"),
        "{}",
        tested.transcript
    );
    let promoted = later(tested, promote, version.clone()).await;
    promoted.check_result("Succeeded");
    assert_eq!(
        latest(&promoted, &version).as_deref(),
        Some(version.as_str())
    );
}

/// The second night finds nothing new, a newer source is built, and so is everything on the weekly day.
#[tokio::test(start_paused = true)]
async fn scheduled_source_check_builds_what_is_new() {
    let (steps, check_out) = pipeline("scheduled-source-check", "azure-pipelines.yml");
    let [step] = steps.as_slice() else {
        panic!("{} steps", steps.len());
    };
    let mut scene = scene(step, check_out);
    scene.step = scene.step.variable("nightly", "True");
    let first = run(scene, "scheduled-source-check").await;
    assert_eq!(first.variable("imageChanged"), Some("true"));
    assert_eq!(image(&first), "ubuntu-2404/versions/1.0.4711");

    let night = |id: &'static str, nightly: &'static str| {
        move |step: &mut pipelines_agent::Step| {
            step.variables.set("Build.BuildId", id);
            step.variables.set("nightly", nightly);
        }
    };
    let second = first.step(night("4712", "True")).retry().await;
    second.check_result("Succeeded");
    assert_eq!(second.variable("imageChanged"), Some("false"));
    assert_eq!(image(&second), "ubuntu-2404/versions/1.0.4711");

    let weekly = second.step(night("4713", "False")).retry().await;
    assert_eq!(weekly.variable("imageChanged"), Some("true"));
    assert_eq!(image(&weekly), "ubuntu-2404/versions/1.0.4713");
}

/// A sample that no test here runs would be a promise.
#[test]
fn every_pipeline_of_the_samples_is_run() {
    let own = [include_str!("samples.rs"), include_str!("seed.rs")].concat();
    for document in samples(&["yml"]) {
        let sample = document.path.split('/').nth(1).unwrap();
        assert!(own.contains(&format!("\"{sample}\"")), "{}", document.path);
    }
}

/// The step that starts a build, and those that wait for it, in one cloud: the job of each is a new one, and the agent works for minutes.
async fn submitted_and_collected(file: &str, minutes: u64) -> Vec<Stage> {
    let (all, check_out) = pipeline("outlive", file);
    let (submit, waits) = all.split_first().unwrap();
    let stage = scene(submit, &check_out).build(|_| {}).await;
    assert_eq!(stage.result(), "Succeeded", "{file}\n{}", stage.transcript);
    assert_eq!(stage.variable("imageReady"), Some("false"), "{file}");
    assert!(stage.elapsed.as_secs() < 300, "{file} {:?}", stage.elapsed);
    assert_eq!(stage.note.as_deref(), Some("[]"), "{file}");
    let mut stages = vec![stage];
    for wait in waits {
        let earlier = stages.last().unwrap();
        if earlier.variable("imageReady") == Some("true") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(minutes * 60)).await;
        let stage = scene(wait, &check_out)
            .build_in(earlier.cloud.clone())
            .await;
        stages.push(stage);
    }
    stages
}

/// Every way to wait for a build that no agent holds ends with one image, and nothing stays.
#[tokio::test(start_paused = true)]
async fn a_build_outlives_its_agent_in_four_ways() {
    for (file, minutes) in [
        ("azure-pipelines.yml", 100),
        ("gate.yml", 120),
        ("delay.yml", 90),
        ("waits.yml", 0),
    ] {
        let stages = submitted_and_collected(file, minutes).await;
        let last = stages.last().unwrap();
        assert_eq!(stages.len(), 2, "{file}");
        assert_eq!(last.result(), "Succeeded", "{file}\n{}", last.transcript);
        assert_eq!(last.variable("imageReady"), Some("true"), "{file}");
        assert_eq!(image(last), "ubuntu-2404/versions/1.0.4711", "{file}");
        let inventory = last.cloud.inventory();
        assert!(inventory.templates.is_empty(), "{file}: {inventory}");
        if minutes > 0 {
            assert!(last.elapsed.as_secs() < 300, "{file} {:?}", last.elapsed);
        }
    }
}

/// A build that never ends: two waits end with issues, and the last one fails.
#[tokio::test(start_paused = true)]
async fn short_waits_fail_at_last() {
    let (all, check_out) = pipeline("outlive", "waits.yml");
    let (submit, waits) = all.split_first().unwrap();
    let never_ends = |cloud: &azure_emulator::Cloud| {
        cloud.script_run(azure_emulator::RunFate::NeverEnd {
            at: azure_emulator::SubState::Customizing,
        });
    };
    let mut stage = scene(submit, &check_out).build(never_ends).await;
    let mut results = Vec::new();
    for wait in waits {
        stage = scene(wait, &check_out).build_in(stage.cloud.clone()).await;
        assert!(stage.transcript.contains("AIB804"), "{}", stage.transcript);
        assert_eq!(stage.variable("imageReady"), Some("false"));
        results.push(stage.result().to_owned());
    }
    assert_eq!(
        results,
        ["SucceededWithIssues", "SucceededWithIssues", "Failed"]
    );
    assert_eq!(stage.cloud.inventory().templates.len(), 1);
}

/// The gate of the sample asks for the template that its first step starts, with inputs that the gate has.
#[test]
fn the_gate_of_the_sample_asks_for_its_build() {
    let text = std::fs::read_to_string(root().join("samples/outlive/gate.yml")).unwrap();
    let manifest = std::fs::read_to_string(root().join("gate/task.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let pipeline = read(&text);
    let submit = &steps(&pipeline)[0];
    let stages = pipeline["stages"].as_array().unwrap();
    let server = stages
        .iter()
        .find(|stage| stage["stage"] == "ended")
        .unwrap();
    assert_eq!(server["jobs"][0]["pool"], "server");
    let gate = &server["jobs"][0]["steps"][1];
    assert_eq!(
        gate["task"],
        format!(
            "{}@{}",
            manifest["name"].as_str().unwrap(),
            manifest["version"]["Major"]
        )
    );
    let given = gate["inputs"].as_object().unwrap();
    let declared = manifest["inputs"].as_array().unwrap();
    let names: Vec<_> = declared
        .iter()
        .map(|input| input["name"].as_str().unwrap())
        .collect();
    assert_eq!(given.keys().map(String::as_str).collect::<Vec<_>>(), names);
    for (own, of_step) in [
        ("resourceGroup", "ibAzureResourceGroup"),
        ("templateName", "templateName"),
        ("connectedServiceName", "ibSubscription"),
    ] {
        assert_eq!(given[own], submit.inputs[of_step].as_str(), "{own}");
    }
}
