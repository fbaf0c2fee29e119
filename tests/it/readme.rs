//! README names what is installed. Its YAML is run by `documents`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use azure_emulator::Service;
use http::Method;

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

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What README says of what stays: the container is made, and nobody removes it.
#[tokio::test(start_paused = true)]
async fn the_container_stays_as_readme_says() {
    let stage = Scene::windows().build(|_| {}).await;
    let journal = stage.cloud.journal();
    let of_container = |method: Method| {
        let entries = journal.iter();
        entries
            .filter(|entry| entry.path == "/imagebuilder-vststask" && entry.method == method)
            .count()
    };
    assert_eq!(
        (of_container(Method::PUT), of_container(Method::DELETE)),
        (1, 0)
    );
    let inventory = stage.cloud.inventory();
    assert_eq!((inventory.blobs, inventory.templates), (vec![], vec![]));
    let readme = readme();
    let (_, section) = readme.split_once("## What stays in Azure\n").unwrap();
    let first = section.trim_start().split("\n\n").next().unwrap();
    let said = "the empty container `imagebuilder-vststask`";
    assert!(first.contains(said), "{first}");
}

/// The services that a build asks are those of the page's table, and all but the metadata service are asked over HTTPS.
#[tokio::test(start_paused = true)]
async fn the_hosts_are_those_of_the_page() {
    let rows: Vec<Vec<String>> = page("docs/network.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| {
            line.split(" | ")
                .map(|cell| cell.trim_matches(['`', ' ', '|']).to_owned())
                .collect()
        })
        .collect();
    let over = |host: &str| {
        let row = rows.iter().find(|row| row[0].starts_with(host));
        row.unwrap_or_else(|| panic!("{host} is not on the page"))[1].clone()
    };
    let stage = Scene::windows().build(|_| {}).await;
    let mut asked: Vec<_> = stage
        .cloud
        .journal()
        .iter()
        .map(|entry| entry.service)
        .collect();
    asked.push(Service::Metadata);
    for service in asked {
        let (host, expected) = match service {
            Service::Arm => ("management.azure.com", "HTTPS"),
            Service::Entra => ("login.microsoftonline.com", "HTTPS"),
            Service::Pipelines => ("dev.azure.com", "HTTPS"),
            Service::Blob => ("<account>.blob.core.windows.net", "HTTPS"),
            Service::Metadata => ("169.254.169.254", "HTTP: "),
            Service::Nobody => panic!("a host that nobody serves was asked"),
        };
        assert!(over(host).starts_with(expected), "{host}: {}", over(host));
    }
    over("<staging account>.blob.core.windows.net");
}
