//! Whole builds with the step that lists what the image holds.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use azure_emulator::blob::BlobRole;
use azure_emulator::{Cloud, Effect, Fault, Matcher, RunFate, StagingAccess};
use http::Method;
use image_builder::inventory::{Inventory, read};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::linux::{data, unpacked};
use crate::flow::scene::{Scene, Stage};
use crate::flow::story::check_no_secret;
use crate::golden::golden;

const ACCOUNT: &str = "stcontosoimages";
const CONTAINER: &str = "imagebuilder-inventory";
/// No requests, or no issues.
const NOTHING: [&str; 0] = [];

fn linux() -> Scene {
    Scene::linux().input("inventory", "true")
}

fn windows() -> Scene {
    Scene::windows().input("inventory", "true")
}

/// The lists that are kept: name and contents.
fn kept(cloud: &Cloud) -> Vec<(String, Vec<u8>)> {
    let blobs = cloud.inventory().blobs.into_iter();
    let lists = blobs.filter(|(_, container, ..)| container == CONTAINER);
    lists
        .map(|(account, container, name, _)| {
            let content = cloud.blob(&account, &container, &name).unwrap();
            (name, content.to_vec())
        })
        .collect()
}

fn sha256(content: &[u8]) -> String {
    let sum = digest(&SHA256, content);
    sum.as_ref()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn good(stage: &Stage) {
    stage.check_result("Succeeded");
    check_no_secret(stage);
    let inventory = stage.cloud.inventory();
    assert!(inventory.templates.is_empty(), "{inventory}");
    assert_eq!(stage.note.as_deref().unwrap_or("[]"), "[]");
}

/// The only issue, a warning.
fn warning(stage: &Stage) -> String {
    stage.check_result("Succeeded");
    check_no_secret(stage);
    let warnings = stage.issues("warning");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings[0].clone()
}

/// The file that the variable names.
fn sbom(stage: &Stage) -> Vec<u8> {
    let path = stage.variable("imageSbomPath").unwrap();
    let attached = format!("##vso[task.uploadfile]{path}");
    assert!(stage.transcript.lines().any(|line| line == attached));
    fs::read(path).unwrap()
}

fn document(stage: &Stage) -> Value {
    serde_json::from_slice(&sbom(stage)).unwrap()
}

fn result_file(stage: &Stage) -> Value {
    let path = stage.variable("resultPath").unwrap();
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn listed(name: &str) -> Inventory {
    let scene = format!("tests/emulator/testdata/inventory-{name}.txt");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(scene);
    super::linux::read(&fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_an_image_of_linux_holds_is_kept_attached_and_told() {
    let stage = linux().build(|_| {}).await;
    good(&stage);
    let content = sbom(&stage);
    assert_eq!(read(&content), Ok(listed("ubuntu")));
    let all = kept(&stage.cloud);
    let subscription = stage.subscription();
    let name = format!("{subscription}/galcontoso/ubuntu-2404/1.0.0.cdx.json");
    assert_eq!(all, [(name.clone(), content.clone())]);
    let id = stage.variable("imageVersionId").unwrap();
    let tags = stage.cloud.image_tags(id);
    assert_eq!(tags["imageInventorySha256"], sha256(&content));
    let address = format!("https://{ACCOUNT}.blob.core.windows.net/{CONTAINER}/{name}");
    assert!(
        tags["imageInventory"].ends_with(&format!("/{CONTAINER}/{name}")),
        "{} {address}",
        tags["imageInventory"]
    );
    // Nothing else has changed.
    assert!(
        tags.contains_key("imageBuilderRun") && tags.contains_key("commit"),
        "{tags:?}"
    );
    let expected = json!({
        "path": stage.variable("imageSbomPath").unwrap(),
        "sha256": sha256(&content),
        "components": listed("ubuntu").components.len(),
    });
    assert_eq!(result_file(&stage)["inventory"], expected);
    let count = fs::read_to_string(data("../../../emulator/testdata/inventory-ubuntu.txt"));
    let count = count.unwrap().lines().count() - 2;
    let lines: Vec<&str> = stage.transcript.lines().collect();
    let told = format!("inventory: {count} lines");
    assert_eq!(lines.iter().filter(|line| **line == told).count(), 1);
    assert!(!stage.transcript.contains("image-inventory"));
    golden("transcripts/inventory.txt", &stage.readable_transcript());
    golden("summaries/inventory.md", &stage.summary());
}

#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "one document")]
async fn the_document_names_image_build_and_components() {
    let stage = linux().build(|_| {}).await;
    let document = document(&stage);
    assert_eq!(document["bomFormat"], "CycloneDX");
    assert_eq!(document["specVersion"], "1.6");
    let metadata = &document["metadata"];
    let image = &metadata["component"];
    let id = stage.variable("imageVersionId").unwrap();
    assert_eq!(image["type"], "operating-system");
    assert_eq!(
        (&image["name"], &image["version"]),
        (&json!("ubuntu-2404"), &json!("1.0.0"))
    );
    assert_eq!(image["bom-ref"], id);
    let serial = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, id.as_bytes());
    assert_eq!(document["serialNumber"], format!("urn:uuid:{serial}"));
    let time = metadata["timestamp"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() == 20, "{time}");
    let properties = |of: &Value| -> Vec<String> {
        let all = of["properties"].as_array().unwrap().iter();
        all.map(|it| {
            format!(
                "{}={}",
                it["name"].as_str().unwrap(),
                it["value"].as_str().unwrap()
            )
        })
        .collect()
    };
    let of_build = properties(metadata);
    for expected in [
        "imageBuilder:branch=",
        "imageBuilder:commit=",
        "imageBuilder:source=Canonical:ubuntu-24_04-lts:server",
        "imageBuilder:packageSha256=",
    ] {
        assert!(
            of_build.iter().any(|it| it.starts_with(expected)),
            "{expected} {of_build:?}"
        );
    }
    let of_image = properties(image);
    assert!(of_image.contains(&"imageBuilder:linux:unit=ssh.service".to_owned()));
    let components = document["components"].as_array().unwrap();
    assert_eq!(components.len(), listed("ubuntu").components.len() + 1);
    assert_eq!(components[0]["type"], "operating-system");
    assert_eq!(
        (&components[0]["name"], &components[0]["version"]),
        (&json!("ubuntu"), &json!("24.04"))
    );
    let openssl = components
        .iter()
        .find(|it| it["name"] == "openssl")
        .unwrap();
    assert_eq!(openssl["type"], "library");
    assert_eq!(
        openssl["purl"],
        "pkg:deb/ubuntu/openssl@3.0.13-0ubuntu3.2?arch=amd64&distro=ubuntu-24.04"
    );
    let requests = components
        .iter()
        .find(|it| it["name"] == "requests")
        .unwrap();
    assert_eq!(requests["purl"], "pkg:pypi/requests@2.31.0");
    let lxd = components.iter().find(|it| it["name"] == "lxd").unwrap();
    assert_eq!(
        (&lxd["type"], &lxd["purl"]),
        (&json!("application"), &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn the_step_of_windows_comes_after_the_updates() {
    let stage = windows().build(|_| {}).await;
    good(&stage);
    let journal = stage.cloud.journal();
    assert!(
        journal
            .iter()
            .any(|entry| entry.operation == Some("PutTemplate"))
    );
    assert_eq!(read(&sbom(&stage)), Ok(listed("windows")));
    let document = document(&stage);
    let edge = document["components"].as_array().unwrap();
    let edge = edge
        .iter()
        .find(|it| it["name"] == "Microsoft Edge")
        .unwrap();
    assert_eq!(edge["type"], "application");
    assert_eq!((&edge["purl"], &edge["cpe"]), (&Value::Null, &Value::Null));
    assert_eq!(edge["publisher"], "Microsoft Corporation");
    golden("summaries/inventory-windows.md", &stage.summary());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_there_stays() {
    let first = linux().build(|_| {}).await;
    let (name, _) = kept(&first.cloud).remove(0);
    let other = b"{}".to_vec();
    let stage = linux()
        .build(|cloud| cloud.put_blob(ACCOUNT, CONTAINER, &name, other.clone().into()))
        .await;
    let told = warning(&stage);
    let expected = format!(
        "AIB876: The SBOM of image version 1.0.0 is not kept in container '{CONTAINER}': blob '{name}' in container '{CONTAINER}' of storage account '{ACCOUNT}' exists with other contents, and is not overwritten\nhint: later versions cannot be compared with it; a file that exists is never overwritten: if it is that of a version that was deleted, delete it; or choose another container in input 'inventoryContainer'"
    );
    assert_eq!(told, expected);
    assert_eq!(kept(&stage.cloud), [(name, other)]);
    let id = stage.variable("imageVersionId").unwrap();
    let tags = stage.cloud.image_tags(id);
    assert_eq!(tags["imageInventorySha256"], sha256(&sbom(&stage)));
    assert!(!tags.contains_key("imageInventory"));
}

fn upload() -> Matcher {
    Matcher::path(Method::PUT, &format!("*/{CONTAINER}/*.cdx.json"))
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_costs_nothing() {
    for effect in [Effect::ResetBefore, Effect::ResetAfter, Effect::NotJson] {
        let stage = linux()
            .build(|cloud| cloud.add_fault(Fault::once(upload(), effect)))
            .await;
        good(&stage);
        assert!(stage.cloud.unconsumed_faults().is_empty());
        let all = kept(&stage.cloud);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].1, sbom(&stage));
    }
    let stage = linux()
        .build(|cloud| {
            cloud.add_fault(Fault::once("PutVersion", Effect::ResetAfter));
        })
        .await;
    good(&stage);
    let id = stage.variable("imageVersionId").unwrap();
    assert!(stage.cloud.image_tags(id).contains_key("imageInventory"));
}

/// A file that is there and cannot be read may be the list: that is what is said, not that it is another one.
#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_is_not_said_to_be_another_one() {
    let first = linux().build(|_| {}).await;
    let (name, _) = kept(&first.cloud).remove(0);
    let stage = linux()
        .build(|cloud| {
            cloud.put_blob(ACCOUNT, CONTAINER, &name, b"{}".to_vec().into());
            cloud.add_fault(
                Fault::once(
                    Matcher::path(Method::GET, &format!("*/{CONTAINER}/*.cdx.json")),
                    Effect::Status {
                        code: 403,
                        headers: vec![(
                            "x-ms-error-code".to_owned(),
                            "AuthorizationFailure".to_owned(),
                        )],
                        body: String::new(),
                    },
                )
                .times(9),
            );
        })
        .await;
    let told = warning(&stage);
    let start = format!(
        "AIB876: The SBOM of image version 1.0.0 is not kept in container '{CONTAINER}': blob '{name}' in container '{CONTAINER}' of storage account '{ACCOUNT}' exists, and its contents could not be compared: Reading blob '{name}'"
    );
    let end = format!(
        "\nhint: later versions cannot be compared with it; a file that exists is never overwritten; to read it: the account's firewall does not admit this agent: admit its address with `az storage account network-rule add --account-name {ACCOUNT} --ip-address <agent's public address>`, or use an agent in a network that is admitted"
    );
    assert!(told.starts_with(&start) && told.ends_with(&end), "{told}");
}

#[tokio::test(start_paused = true)]
async fn without_a_role_the_list_is_attached_and_not_kept() {
    let mut scene = linux()
        .input("packagePath", "")
        .input("inlineScript", "true");
    let connection = scene.world.applications[0].object.clone();
    let account = &mut scene.world.storage_accounts[0];
    account.roles.clear();
    account.roles.insert(connection, vec![BlobRole::Reader]);
    let stage = scene.build(|_| {}).await;
    let told = warning(&stage);
    assert!(
        told.starts_with(&format!(
            "AIB876: The SBOM of image version 1.0.0 is not kept in container '{CONTAINER}': "
        )) && told.contains("\nhint: later versions cannot be compared with it; `az role assignment create --assignee 6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12 --role \"Storage Blob Data Contributor\" --scope ")
            && told.ends_with("/storageAccounts/stcontosoimages`; a new role assignment takes up to 10 minutes to take effect"),
        "{told}"
    );
    assert_eq!(read(&sbom(&stage)), Ok(listed("ubuntu")));
    assert_eq!(kept(&stage.cloud), []);
}

#[tokio::test(start_paused = true)]
async fn tags_that_are_refused_are_a_warning() {
    let refused = r#"{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization to perform action 'Microsoft.Compute/galleries/images/versions/write' over scope '/x'."}}"#;
    let effect = Effect::status(403, refused);
    let stage = linux()
        .build(|cloud| {
            let matcher = Matcher::operation("PutVersion");
            cloud.add_fault(Fault::once(matcher, effect).times(99));
        })
        .await;
    let told = warning(&stage);
    assert!(
        told.starts_with("AIB872: The tags of the SBOM were not written on image version 1.0.0: ")
            && told.contains("az role assignment create")
            && told.contains("--role \"Compute Gallery Artifacts Publisher\""),
        "{told}"
    );
    assert_eq!(kept(&stage.cloud).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_the_log_cannot_be_read_what_was_seen_counts() {
    let scene = || linux().switches(|it| it.staging_access = StagingAccess::Nobody);
    let stage = scene().build(|_| {}).await;
    good(&stage);
    assert!(stage.transcript.contains("no build log:  "));
    assert_eq!(read(&sbom(&stage)), Ok(listed("ubuntu")));
    let stage = scene().input("streamLogs", "false").build(|_| {}).await;
    assert_eq!(
        warning(&stage),
        "AIB871: The image is built, but its contents are not known: the log of the build could not be read\nhint: the line 'no build log' says why, and which role helps"
    );
    assert_eq!(stage.variable("imageSbomPath"), None);
    assert_eq!(result_file(&stage)["inventory"], Value::Null);
    assert_eq!(kept(&stage.cloud), []);
    // It was seen while nobody waited for it.
    let log = scene().switches(|it| it.isolated_builds = false);
    assert!(warning(&log.build(|_| {}).await).starts_with("AIB871: "));
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_the_list_are_no_last_words_of_a_build() {
    let stage = linux()
        .build(|cloud| cloud.script_run(RunFate::distribution_failed_as_json()))
        .await;
    stage.check_result("Failed");
    for text in [stage.transcript.as_str(), &stage.summary()] {
        assert!(!text.contains("image-inventory"), "{text}");
    }
    assert_eq!(stage.issues("warning"), NOTHING);
    assert_eq!(kept(&stage.cloud), []);
}

/// A log with these lines of the step.
fn log(lines: &[String]) -> Vec<u8> {
    let mut log =
        String::from("[1] PACKER 2026/11/28 10:00:00 ui: ==> azure-arm: Running builder ...\n");
    for line in lines {
        log.push_str("[1] PACKER 2026/11/28 10:00:01 ui:     azure-arm: ");
        log.push_str(line);
        log.push('\n');
    }
    log.push_str("[1] PACKER 2026/11/28 10:00:02 ui: Build 'azure-arm' finished after 3 minutes 13 seconds.\n");
    log.into_bytes()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_not_whole_is_none() {
    let path = data("../../../emulator/testdata/inventory-ubuntu.txt");
    let lines: Vec<String> = fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let without = |index: usize| {
        let mut lines = lines.clone();
        lines.remove(index);
        lines
    };
    let mut other = lines.clone();
    other[1] = other[2].replacen("0002", "0001", 1);
    let count = lines.len() - 2;
    let gap = format!("1 of the {count} lines of the inventory are missing in the log");
    let cases: [(Vec<String>, &str); 6] = [
        (Vec::new(), "the log has no inventory"),
        (without(5), &gap),
        (
            without(lines.len() - 1),
            "the inventory in the log has no end",
        ),
        (
            other.clone(),
            "the lines of the inventory in the log cannot be unpacked",
        ),
        (
            [lines.clone(), other].concat(),
            "the lines of the inventory in the log cannot be unpacked",
        ),
        (
            vec!["image-inventory failed gzip is missing".to_owned()],
            "the step created no list: gzip is missing",
        ),
    ];
    for (lines, expected) in cases {
        let scene = linux().switches(|it| it.log = Some(log(&lines)));
        let stage = scene.build(|_| {}).await;
        let told = warning(&stage);
        let begin = format!(
            "AIB871: The image is built, but its contents are not known: {expected}\nhint: "
        );
        assert!(told.starts_with(&begin), "{told}");
        assert_eq!(stage.variable("imageSbomPath"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn doubled_and_reordered_lines_in_the_log_are_put_right() {
    let path = data("../../../emulator/testdata/inventory-ubuntu.txt");
    let mut lines: Vec<String> = fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let end = lines.len() - 1;
    lines[1..end].reverse();
    let doubled: Vec<String> = lines
        .iter()
        .flat_map(|line| [line.clone(), line.clone()])
        .collect();
    let scene = linux().switches(|it| it.log = Some(log(&doubled)));
    let stage = scene.build(|_| {}).await;
    good(&stage);
    assert_eq!(read(&sbom(&stage)), Ok(listed("ubuntu")));
}

/// A build for one version in each of the first `galleries` galleries, and a managed image.
fn of_galleries(galleries: usize) -> Scene {
    let scene = windows();
    let definition = |gallery: usize| {
        let gallery = &scene.world.galleries[gallery];
        let id = scene.world.gallery_id(gallery);
        format!("{id}/images/win11-avd")
    };
    let group = scene.world.group_id("rg-images");
    let mut text = format!(
        "distribute:\n- type: ManagedImage\n  runOutputName: last\n  imageId: {group}/providers/Microsoft.Compute/images/web\n  location: westeurope\n"
    );
    for gallery in (0..galleries).rev() {
        let target = format!(
            "distribute:\n- type: SharedImage\n  runOutputName: o{gallery}\n  galleryImageId: {}\n  targetRegions:\n  - name: westeurope\n",
            definition(gallery)
        );
        text = text.replacen("distribute:\n", &target, 1);
    }
    let file = scene.step.directories.sources.join("targets.yml");
    fs::write(&file, text).unwrap();
    scene
        .input("templateFile", file.to_str().unwrap())
        .input("distributeType", "managedimage")
        .input("galleryImageId", "")
        .input("replicationRegions", "")
}

#[tokio::test(start_paused = true)]
async fn the_account_is_looked_for_once_for_all_versions() {
    let mut counts = Vec::new();
    for galleries in [1, 2] {
        let stage = of_galleries(galleries).build(|_| {}).await;
        good(&stage);
        assert_eq!(kept(&stage.cloud).len(), galleries);
        let journal = stage.cloud.journal().into_iter();
        let account = format!("/storageAccounts/{ACCOUNT}");
        let looks = journal.filter(|entry| entry.path.ends_with(&account));
        counts.push(looks.count());
    }
    assert_eq!(counts[0], counts[1]);
}

#[tokio::test(start_paused = true)]
async fn each_version_has_a_file_of_its_own() {
    let stage = of_galleries(2).build(|_| {}).await;
    good(&stage);
    let all = kept(&stage.cloud);
    let names: Vec<&str> = all
        .iter()
        .map(|(name, _)| name.split_once('/').unwrap().1)
        .collect();
    let expected = [
        "galcontoso/win11-avd/1.0.0.cdx.json",
        "galproduction/win11-avd/1.0.0.cdx.json",
    ];
    assert_eq!(names, expected);
    assert_ne!(all[0].1, all[1].1);
    let attached = stage
        .transcript
        .lines()
        .filter(|line| line.starts_with("##vso[task.uploadfile]") && line.ends_with(".cdx.json"));
    let attached: Vec<&str> = attached
        .filter_map(|line| Some(line.rsplit_once("-image-sbom")?.1))
        .collect();
    assert_eq!(attached, [".cdx.json", "-2.cdx.json", "-3.cdx.json"]);
    assert_eq!(sbom(&stage), all[0].1);
    let path = stage.variable("imageSbomPath").unwrap();
    let third = path.replace("-image-sbom", "-image-sbom-3");
    let third: Value = serde_json::from_slice(&fs::read(third).unwrap()).unwrap();
    assert_eq!(third["metadata"]["component"]["name"], "web");
    assert_eq!(third["metadata"]["component"]["version"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn without_a_storage_account_the_list_is_only_attached() {
    let stage = linux()
        .input("packagePath", "")
        .input("storageAccountName", "")
        .input("inlineScript", "true")
        .build(|_| {})
        .await;
    good(&stage);
    assert_eq!(read(&sbom(&stage)), Ok(listed("ubuntu")));
    assert_eq!(kept(&stage.cloud), []);
    let tags = stage
        .cloud
        .image_tags(stage.variable("imageVersionId").unwrap());
    assert_eq!(tags["imageInventorySha256"], sha256(&sbom(&stage)));
    assert!(!tags.contains_key("imageInventory"));
}

#[tokio::test(start_paused = true)]
async fn the_account_is_used_without_a_package_and_the_container_is_the_authors() {
    let stage = linux()
        .input("packagePath", "")
        .input("inlineScript", "true")
        .input("inventoryContainer", "sboms")
        .build(|_| {})
        .await;
    good(&stage);
    let blobs = stage.cloud.inventory().blobs;
    assert_eq!(blobs.len(), 1, "{blobs:?}");
    assert_eq!(
        (blobs[0].0.as_str(), blobs[0].1.as_str()),
        (ACCOUNT, "sboms")
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_there_is_told_before_the_build() {
    let stage = linux()
        .input("packagePath", "")
        .input("inlineScript", "true")
        .input("storageAccountName", "stcontosoimage")
        .build(|_| {})
        .await;
    let warnings = stage.issues("warning");
    let [before, after] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    assert!(
        before.contains("storage account 'stcontosoimage' does not exist in subscription ")
            && before.contains("and the SBOM is to be kept in it")
            && before.contains("'stcontosoimages'"),
        "{before}"
    );
    assert!(
        after.starts_with("AIB876: ")
            && after.ends_with(
                "\nhint: later versions cannot be compared with it; did you mean 'stcontosoimages'?"
            ),
        "{after}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_build_that_is_left_alone_is_listed_by_who_waits() {
    let submitted = linux()
        .input("action", "submit")
        .input("templateName", "aib-4711")
        .build(|_| {})
        .await;
    submitted.check_result("Succeeded");
    tokio::time::sleep(Duration::from_secs(40 * 60)).await;
    let wait = Scene::bare("wait")
        .input("ibAzureResourceGroup", "rg-images")
        .input("templateName", "aib-4711")
        .input("storageAccountName", ACCOUNT);
    let stage = wait.build_in(Arc::clone(&submitted.cloud)).await;
    good(&stage);
    assert_eq!(stage.issues("warning"), NOTHING);
    assert_eq!(read(&sbom(&stage)), Ok(listed("ubuntu")));
    let all = kept(&stage.cloud);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].1, sbom(&stage));
}

#[tokio::test(start_paused = true)]
async fn a_template_of_somebody_else_with_the_step_is_listed() {
    let submitted = linux()
        .input("action", "submit")
        .input("templateName", "aib-4711")
        .build(|_| {})
        .await;
    submitted.check_result("Succeeded");
    tokio::time::sleep(Duration::from_secs(40 * 60)).await;
    let run = Scene::bare("run")
        .input("ibAzureResourceGroup", "rg-images")
        .input("templateName", "aib-4711")
        .input("storageAccountName", ACCOUNT)
        .input("inventoryContainer", "sboms");
    let other = [("imageBuilderRun", "another/1"), ("imageBuilderTask", "x")];
    submitted.cloud.set_template_tags("aib-4711", &other[..1]);
    let stage = run.build_in(Arc::clone(&submitted.cloud)).await;
    stage.check_result("Succeeded");
    assert_eq!(read(&sbom(&stage)), Ok(listed("ubuntu")));
    let blobs = stage.cloud.inventory().blobs;
    let kept = blobs
        .iter()
        .filter(|(_, container, ..)| container == "sboms");
    assert_eq!(kept.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_step_makes_another_image_than_before() {
    let scene = || Scene::linux().input("skipIfUnchanged", "true");
    let first = scene().build(|_| {}).await;
    first.check_result("Succeeded");
    let again = scene().build_in(Arc::clone(&first.cloud)).await;
    assert_eq!(again.variable("imageChanged"), Some("false"));
    let listed = scene()
        .input("inventory", "true")
        .build_in(Arc::clone(&first.cloud))
        .await;
    assert_eq!(listed.variable("imageChanged"), Some("true"));
    let unchanged = scene()
        .input("inventory", "true")
        .build_in(Arc::clone(&first.cloud))
        .await;
    assert_eq!(unchanged.variable("imageChanged"), Some("false"));
    assert_eq!(unchanged.issues("warning"), NOTHING);
    assert_eq!(unchanged.variable("imageSbomPath"), None);
}

#[test]
fn the_scenes_are_what_the_scripts_print() {
    for (name, family) in [("ubuntu", "linux"), ("windows", "windows")] {
        let path = data(&format!("../../../emulator/testdata/inventory-{name}.txt"));
        let text = unpacked(&fs::read_to_string(path).unwrap(), family);
        assert!(
            text.starts_with("appx\t") || text.starts_with("deb\t"),
            "{text}"
        );
    }
}
