//! Every step of this task that a page shows builds an image.

use std::fs;
use std::path::Path;

use image_builder::inputs::Action;
use image_builder::inputs::action::ACTIONS;
use image_builder::inputs::manifest::ALL_INPUTS;

use super::build::{run, scene};
use super::files::{Document, copy, pages, root};
use super::steps::{YamlStep, read, steps};

/// A repository that has what the pages speak of: template files, and a package for every path that is named.
fn check_out(sources: &Path, package: Option<&String>) {
    copy(&root().join("samples/windows-avd"), sources);
    let files = root().join("tests/testdata/template-files");
    copy(&files, &sources.join("images"));
    let Some(path) = package else { return };
    let path = path.replace("$(Pipeline.Workspace)", "..");
    let folder = sources.join(path);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("install.sh"), "true\n").unwrap();
}

/// The first line of a block that lists all inputs; `docs` compares it with the manifest.
const REFERENCE: &str = "# All inputs, with their defaults.";

fn action(step: &YamlStep) -> Action {
    let named = step.inputs.get("action").map_or("build", String::as_str);
    let found = ACTIONS.iter().find(|(name, _)| *name == named);
    found
        .unwrap_or_else(|| panic!("there is no action {named}"))
        .1
}

/// Whether the step needs nothing that another one made: it makes an image, shows the template of one, or looks through a gallery.
fn stands_alone(step: &YamlStep) -> bool {
    matches!(
        action(step),
        Action::Build | Action::Render | Action::Retain
    )
}

/// A step of another action stands beside one that builds. Each of its inputs has an effect.
fn check_inputs(step: &YamlStep, place: &str) {
    let action = action(step);
    for name in step.inputs.keys() {
        let mut inputs = ALL_INPUTS.iter();
        let input = inputs.find(|input| input.name.eq_ignore_ascii_case(name));
        let input = input.unwrap_or_else(|| panic!("{place}: there is no input {name}"));
        assert!(
            action.uses(input),
            "{place}: {name} with action {}",
            action.name()
        );
    }
}

async fn check(page: &Document) -> usize {
    let mut count = 0;
    for block in page.blocks(&["yaml"]) {
        if block.starts_with(REFERENCE) {
            continue;
        }
        let pipeline = read(block);
        for mut step in steps(&pipeline) {
            if !stands_alone(&step) {
                check_inputs(&step, &page.path);
                continue;
            }
            for (name, rest) in [
                (
                    "identity",
                    "Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder",
                ),
                (
                    "definition",
                    "Microsoft.Compute/galleries/galContoso/images/win11-avd",
                ),
            ] {
                let id = format!(
                    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers/{rest}"
                );
                step.variables.entry(name.to_owned()).or_insert(id);
            }
            // The name of a pipeline is the number of its runs; the pages explain this one.
            if pipeline.get("name").is_some() {
                let number = ("Build.BuildNumber".to_owned(), "2609402".to_owned());
                step.variables.extend([number]);
            }
            // The default is a shell; a fragment stands in a job that has said PowerShell, and a template file has steps for Windows.
            let given = |name: &str| step.inputs.contains_key(name);
            let shell = match step.inputs.get("provisioner") {
                Some(provisioner) => provisioner == "shell",
                None => given("managedIdentity") && !given("templateFile"),
            };
            if let Some(id) = step.variables.get_mut("definition").filter(|_| shell) {
                *id = id.replace("win11-avd", "ubuntu-2404");
            }
            let package = step.inputs.get("packagePath");
            let scene = scene(&step, |sources| check_out(sources, package));
            run(scene, &format!("{}:\n{block}", page.path)).await;
            count += 1;
        }
    }
    count
}

#[tokio::test(start_paused = true)]
async fn every_step_of_every_page_builds_an_image() {
    let mut count = 0;
    for page in pages() {
        count += check(&page).await;
    }
    assert!(count >= 4, "{count} steps");
}
