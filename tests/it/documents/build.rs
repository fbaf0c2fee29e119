//! Runs a step that was found in YAML in the emulated cloud.

use std::path::Path;

use azure_emulator::World;
use image_builder::inputs::manifest::ALL_INPUTS;
use pipelines_agent::Step;

use super::steps::{Texts, YamlStep};
use crate::flow::scene::{Scene, Stage};

/// What stands in the place of the reader's subscription.
const PLACEHOLDER: &str = "00000000-0000-0000-0000-000000000000";

/// A job of the emulated cloud that is about to run the step; `check_out` puts files into the job's folder of sources.
pub(super) fn scene(step: &YamlStep, check_out: impl FnOnce(&Path)) -> Scene {
    let mut scene = Scene::windows();
    check_out(&scene.step.directories.sources);
    let subscription = scene.world.subscription.clone();
    let own = |text: &str| text.replace(PLACEHOLDER, &subscription);
    let given = |name: &str| step.inputs.keys().any(|key| key.eq_ignore_ascii_case(name));
    // A fragment of a build, as pages show it, leaves out what is the same everywhere.
    if given("managedIdentity") || !builds(&step.inputs) {
        scene.step.inputs.clear();
    }
    name_connection(&mut scene.step, &step.inputs);
    let workspace = scene.step.directories.sources.parent().unwrap();
    let mut variables = Texts::from([
        ("Build.SourceVersion".to_owned(), "1f3a".to_owned()),
        (
            "Pipeline.Workspace".to_owned(),
            workspace.display().to_string(),
        ),
    ]);
    variables.extend(step.variables.clone());
    for (name, value) in &variables {
        scene.step = scene.step.variable(name, own(value));
    }
    for (name, value) in &step.inputs {
        let known = ALL_INPUTS.iter().any(|input| input.name == name);
        assert!(known, "there is no input '{name}'");
        scene
            .step
            .inputs
            .retain(|known, _| !known.eq_ignore_ascii_case(name));
        scene = scene.input(name, &own(value));
    }
    scene.step.name.clone_from(&step.name);
    furnish(&mut scene.world, &step.inputs);
    scene
}

/// Turns a step into the one that was found in YAML, as a later step of the same pipeline has it.
pub(super) fn becomes(step: &mut Step, yaml: &YamlStep, subscription: &str) {
    let own = |text: &str| text.replace(PLACEHOLDER, subscription);
    step.inputs.clear();
    for (name, value) in &yaml.inputs {
        step.inputs.insert(name.clone(), own(value));
    }
    for (name, value) in &yaml.variables {
        step.variables.set(name, own(value));
    }
    name_connection(step, &yaml.inputs);
    step.name.clone_from(&yaml.name);
}

/// Whoever releases an image has a service connection of another name; in the emulated cloud it is the same.
fn name_connection(step: &mut Step, inputs: &Texts) {
    if let Some(name) = inputs.get("ibSubscription") {
        for connection in &mut step.connections {
            connection.name.clone_from(name);
        }
    }
}

/// The cloud of the samples has one more image definition, and the storage accounts that the pages name.
fn furnish(world: &mut World, inputs: &Texts) {
    let mut server = world.galleries[0].definitions[0].clone();
    "windows-2022".clone_into(&mut server.name);
    world.galleries[0].definitions.push(server);
    if let Some(name) = inputs.get("storageAccountName") {
        let mut account = world.storage_accounts[0].clone();
        account.name.clone_from(name);
        world.storage_accounts.retain(|known| known.name != *name);
        world.storage_accounts.push(account);
    }
}

fn action(inputs: &Texts) -> Option<&str> {
    inputs.get("action").map(String::as_str)
}

/// Whether a step composes a template: to build, to show or to check it.
fn builds(inputs: &Texts) -> bool {
    matches!(
        action(inputs),
        None | Some("build" | "submit" | "render" | "doctor")
    )
}

/// The image that the step made. A step that only renders makes none, and asks nobody; steps with other actions have tests of their own for what
/// they do.
pub(super) async fn run(scene: Scene, place: &str) -> Stage {
    let action = action(&scene.step.inputs).map(str::to_owned);
    let stage = scene.build(|_| {}).await;
    assert_eq!(stage.result(), "Succeeded", "{place}\n{}", stage.transcript);
    if action.as_deref() == Some("render") {
        assert!(stage.cloud.journal().is_empty(), "{place}");
    } else if matches!(action.as_deref(), None | Some("build")) {
        let image = stage.variable("imageUri");
        assert!(
            image.is_some_and(|image| image.contains("/versions/")),
            "{place}: {image:?}"
        );
    }
    stage
}
