//! What the Marketplace page and the pages beside it say of builds. Their YAML is run by `documents`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use azure_emulator::Service;
use http::Method;

use crate::flow::scene::Scene;
use crate::retain::scene::Shelf;
use crate::texts::check_starts;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
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
    assert!(
        page("overview.md").contains(&name),
        "overview.md does not say {name}"
    );
}

/// The variables that a stage sets.
fn variables(transcript: &str) -> impl Iterator<Item = &str> {
    let lines = transcript.lines();
    lines
        .filter_map(|line| line.strip_prefix("##vso[task.setvariable variable="))
        .filter_map(|rest| rest.split_once(';'))
        .map(|(name, _)| name)
}

/// The variables that steps set, and those of the overview's table, in which each has an example.
#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn the_variables_are_those_that_are_set() {
    let hidden = Scene::windows().input("excludeFromLatest", "true");
    let built = hidden.build(|_| {}).await;
    let version = built.variable("imageVersionId").unwrap().to_owned();
    let promote = |step: &mut pipelines_agent::Step| {
        let connection = step.inputs["ibSubscription"].clone();
        step.inputs.clear();
        for (name, value) in [
            ("action", "promote"),
            ("ibSubscription", &connection),
            ("ImageVersionId", &version),
        ] {
            step.inputs.insert(name.to_owned(), value.to_owned());
        }
    };
    let listed = Scene::windows()
        .input("inventory", "true")
        .build(|_| {})
        .await;
    let own = listed.variable("imageVersionId").unwrap();
    let compared = Scene::bare("diff")
        .input("imageVersionId", own)
        .input("compareWith", own)
        .input("storageAccountName", "stcontosoimages");
    let stages = [
        built.step(promote).retry().await,
        compared
            .build_in(std::sync::Arc::clone(&listed.cloud))
            .await,
        listed,
        Shelf::with(1).run().await.stage,
        Scene::windows()
            .input("action", "submit")
            .build(|_| {})
            .await,
        Scene::bare("report")
            .input(
                "galleryImageId",
                version.split_once("/versions/").unwrap().0,
            )
            .build(|_| {})
            .await,
        crate::flow::image_test::whole(|scene| scene).await,
        // Those of a run are set before a failure, too.
        Scene::windows()
            .input("action", "wait")
            .input("templateName", "gone")
            .build(|_| {})
            .await,
    ];
    let transcripts = stages.iter().map(|stage| stage.transcript.as_str());
    let set: BTreeSet<_> = transcripts.flat_map(variables).collect();
    let overview = page("overview.md");
    let (_, rest) = overview.split_once("## Variables for later steps").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<_> = rows.collect();
    for row in &rows {
        let example = row.trim_end_matches(" |").rsplit_once(" | ").unwrap().1;
        assert!(example.starts_with('`'), "{row}");
    }
    let rows = rows.into_iter();
    let cells = rows.map(|row| row.split_once(" |").unwrap().0);
    let told: BTreeSet<_> = cells
        .flat_map(|names| names.trim_end_matches('`').split("`, `"))
        .collect();
    assert_eq!(told, set);
}

/// What the page says of what stays: the container is made, and nobody removes it.
#[tokio::test(start_paused = true)]
async fn the_container_stays_as_the_page_says() {
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
    let clean_up = page("docs/clean-up.md");
    let (_, section) = clean_up.split_once("# What stays in Azure\n").unwrap();
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

/// The tags that the page names are those of an image, and of the template that made it.
#[tokio::test(start_paused = true)]
async fn the_tags_are_those_of_the_page() {
    let scene = Scene::windows().input("skipIfUnchanged", "true");
    let mut scene = scene.input("keepTemplate", "true");
    scene.step = scene.step.variable("Release.ReleaseName", "Release-3");
    scene.step = scene.step.variable("Release.ReleaseId", "3");
    let stage = scene.build(|_| {}).await;
    let mut set = stage.cloud.image_tags(stage.variable("imageUri").unwrap());
    // "Azure adds tags of its own."
    set.retain(|name, _| !["VMImageBuilderSource", "correlationId"].contains(&name.as_str()));
    let privacy = page("docs/privacy.md");
    let (_, section) = privacy.split_once("## Tags of the image\n").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split_once(" |").unwrap().0);
    let told: BTreeSet<_> = cells
        .flat_map(|names| names.trim_end_matches('`').split("`, `"))
        .map(str::to_owned)
        .collect();
    assert_eq!(told, set.into_keys().collect());
    let template = stage
        .cloud
        .template_tags(stage.variable("templateName").unwrap());
    assert!(template.contains_key("imageBuilderKeep"), "{template:?}");
    for name in template.keys() {
        assert!(section.contains(&format!("`{name}`")), "{name}");
    }
}

/// A page says at its top for whom it is.
#[test]
fn readme_is_for_developers_and_the_overview_for_users() {
    let readme = page("README.md");
    assert!(
        readme.lines().next().unwrap().contains("for developers"),
        "{readme}"
    );
    for command in ["cargo demo ", "cargo test "] {
        assert!(readme.contains(&format!("\n{command}")), "{command}");
    }
    let overview = page("overview.md");
    assert!(overview.contains("It asks for no scopes"), "{overview}");
    assert!(!overview.contains("cargo "), "{overview}");
    // One sentence, one picture, one YAML.
    let blocks: Vec<&str> = overview.split("\n\n").collect();
    assert!(
        blocks[1].starts_with("**") && blocks[1].ends_with(".**"),
        "{}",
        blocks[1]
    );
    assert!(blocks[2].starts_with("!["), "{}", blocks[2]);
    check_starts(blocks[3], "```yaml\n- task: AzureImageBuilderTask@1\n");
}

/// The address of the repository is in one place, and the others agree: links of the form, and of the forms for issues.
#[test]
fn links_to_the_repository_agree() {
    let manifest: serde_json::Value = serde_json::from_str(&page("vss-extension.json")).unwrap();
    let site = manifest["repository"]["uri"].as_str().unwrap();
    let task = page("task/task.json");
    let issues = page(".github/ISSUE_TEMPLATE/config.yml");
    let links = task.split("https://github.com/").skip(1);
    let links = links.chain(issues.split("https://github.com/").skip(1));
    let mut count = 0;
    for link in links {
        let link = link.split([')', '"', '\n', '#']).next().unwrap();
        let path = format!("https://github.com/{link}");
        let path = path.strip_prefix(site).unwrap_or_else(|| panic!("{path}"));
        let file = path.strip_prefix("/blob/main/");
        assert!(
            path == "/security/advisories/new"
                || file.is_some_and(|file| root().join(file).is_file()),
            "{path}"
        );
        count += 1;
    }
    assert!(count >= 6, "{count} links");
}

/// The forms for issues are such that GitHub shows them
/// (<https://docs.github.com/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-githubs-form-schema>).
#[test]
fn the_forms_for_issues_are_complete() {
    let folder = fs::read_dir(root().join(".github/ISSUE_TEMPLATE")).unwrap();
    let mut forms = 0;
    for file in folder.map(|entry| entry.unwrap().path()) {
        let form: serde_json::Value =
            serde_yaml_ng::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        if file.ends_with("config.yml") {
            continue;
        }
        forms += 1;
        let place = file.display();
        assert!(
            form["name"].is_string() && form["description"].is_string(),
            "{place}"
        );
        let mut ids = BTreeSet::new();
        for field in form["body"].as_array().unwrap() {
            let attributes = &field["attributes"];
            match field["type"].as_str().unwrap() {
                "markdown" => assert!(attributes["value"].is_string(), "{place}: {field}"),
                "input" | "textarea" => {
                    assert!(attributes["label"].is_string(), "{place}: {field}");
                }
                "dropdown" => assert!(attributes["options"].is_array(), "{place}: {field}"),
                other => panic!("{place}: {other}"),
            }
            if field["type"] != "markdown" {
                let id = field["id"].as_str().unwrap().to_owned();
                assert!(ids.insert(id), "{place}: {field}");
            }
        }
        assert!(!ids.is_empty(), "{place}");
    }
    assert_eq!(forms, 3);
}
