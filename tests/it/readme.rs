//! README names what is installed. Its YAML is run by `documents`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::flow::scene::Scene;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
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

/// The variables that a build sets, and those of README's table.
#[tokio::test(start_paused = true)]
async fn the_variables_are_those_that_are_set() {
    let stage = Scene::windows().build(|_| {}).await;
    let lines = stage.transcript.lines();
    let set: BTreeSet<_> = lines
        .filter_map(|line| line.strip_prefix("##vso[task.setvariable variable="))
        .filter_map(|rest| rest.split_once(';'))
        .map(|(name, _)| name)
        .collect();
    let readme = readme();
    let (_, rest) = readme.split_once("## Variables for later steps").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split_once(" |").unwrap().0);
    let told: BTreeSet<_> = cells
        .flat_map(|names| names.trim_end_matches('`').split("`, `"))
        .collect();
    assert_eq!(told, set);
}
