//! README is true: its YAML is a build that works, and it names what is installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::flow::scene::Scene;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_pipeline_in_the_readme_builds_an_image() {
    let readme = readme();
    let yaml = readme
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let pipeline: serde_json::Value = serde_yaml_ng::from_str(yaml).unwrap();
    let inputs = pipeline["steps"][0]["inputs"].as_object().unwrap();
    let mut scene = Scene::windows();
    scene.step.inputs.clear();
    let subscription = scene.world.subscription.clone();
    for (name, value) in inputs {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        scene = scene.input(
            name,
            &value.replace("00000000-0000-0000-0000-000000000000", &subscription),
        );
    }
    let stage = scene.build(|_| {}).await;
    assert_eq!(stage.result(), "Succeeded", "{}", stage.transcript);
}

#[test]
fn the_qualified_name_is_the_manifests() {
    let manifest = fs::read_to_string(root().join("vss-extension.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let (id, contribution) = (
        manifest["id"].as_str().unwrap(),
        manifest["contributions"][0]["id"].as_str().unwrap(),
    );
    let name = format!("<publisher>.{id}.{contribution}.AzureImageBuilderTask@1");
    assert!(readme().contains(&name), "README does not say {name}");
}
