//! README names what is installed. Its YAML is run by `documents`.

use std::fs;
use std::path::{Path, PathBuf};

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
