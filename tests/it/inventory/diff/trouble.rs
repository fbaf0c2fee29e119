//! `action: diff` where something is not as it should be: whole texts.

use azure_emulator::blob::BlobRole;
use azure_emulator::{Effect, Fault};
use serde_json::{Value, json};

use super::scene::{ACCOUNT, CONTAINER, Shelf, blob_name, page, result, windows};
use crate::flow::scene::Stage;
use crate::texts::{check_has, check_starts};

fn shelf() -> Shelf {
    Shelf::new("1.0.2")
        .version("1.0.1", 1, &windows("26200.1", &["program P 1.0"]))
        .version("1.0.2", 2, &windows("26200.1", &["program P 1.1"]))
}

fn failed(stage: &Stage) -> String {
    stage.check_result("Failed");
    assert_eq!(stage.variable("imageDiffPath"), None);
    assert_eq!(stage.variable("imageChanges"), None);
    stage.error().replace(stage.subscription(), "SUBSCRIPTION")
}

#[tokio::test(start_paused = true)]
async fn a_version_without_a_list_is_an_error() {
    let shelf = Shelf::new("1.0.2");
    let id = shelf.id("1.0.1");
    let name = blob_name(&id);
    let stage = shelf
        .with(&id, 1, &Value::Null, None)
        .version("1.0.2", 2, &windows("26200.1", &["program P 1.1"]))
        .run()
        .await;
    let name = name.replace(stage.subscription(), "SUBSCRIPTION");
    assert_eq!(
        failed(&stage),
        format!(
            "AIB874: Comparing the contents of image version 1.0.2 failed: 1.0.1 has no inventory\n\
             hint: there is no blob '{name}' in container '{CONTAINER}' of storage account '{ACCOUNT}': check 'storageAccountName' and 'inventoryContainer'; \
             a build keeps the inventory of its image with 'inventory: true' and 'storageAccountName'; \
             a version that was built without it has none, so compare with another one by 'compareWith'"
        )
    );
    assert_eq!(result(&stage)["diff"]["code"], "AIB874");
    let page = page(&stage);
    check_starts(&page, "## ❌ Contents of win11-avd 1.0.2\n\n**AIB874** ");
}

#[tokio::test(start_paused = true)]
async fn versions_that_are_not_there_are_told() {
    let stage = Shelf::new("1.0.2").run().await;
    let command = "az sig image-version list --subscription SUBSCRIPTION --resource-group rg-images --gallery-name galContoso --gallery-image-definition win11-avd --query [].id --output tsv";
    assert_eq!(
        failed(&stage),
        format!(
            "AIB821: Comparing the contents of image version 1.0.2 failed: image version 1.0.2 of 'win11-avd' does not exist\n\
             hint: check the id; to list the versions, run: {command}"
        )
    );
    let shelf = shelf();
    let other = shelf.id("1.0.7");
    let stage = shelf.input("compareWith", &other).run().await;
    assert_eq!(
        failed(&stage),
        format!(
            "AIB821: Comparing the contents of image version 1.0.2 failed: image version 1.0.7 of 'win11-avd' does not exist\n\
             hint: check the id; to list the versions, run: {command}"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_version_has_nothing_to_compare_with() {
    let first = || Shelf::new("1.0.1").version("1.0.1", 1, &windows("26200.1", &["program P 1.0"]));
    let stage = first().run().await;
    stage.check_result("Succeeded");
    let told = "nothing to compare with: no version of win11-avd was published before 1.0.1";
    assert!(stage.transcript.lines().any(|line| line == told));
    assert!(page(&stage).contains(&format!("### What changed\n\n{told}\n")));
    assert!(stage.issues("warning").is_empty());
    assert_eq!(stage.variable("imageChanges"), None);
    let stage = first().input("compareWith", "latest").run().await;
    let told =
        "nothing to compare with: win11-avd had no latest version in westeurope before 1.0.1";
    assert!(stage.transcript.lines().any(|line| line == told));
    // The gate did not gate, and says so.
    let stage = first().input("failOnChange", "removed: *").run().await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(
        stage.issues("warning"),
        [
            "AIB877: 'failOnChange' has let everything pass, because there was nothing to compare with: no version of win11-avd was published before 1.0.1\n\
          hint: the inventory of a version is kept if it is built with 'inventory: true' and 'storageAccountName'; check 'compareWith', 'storageAccountName' and 'inventoryContainer'"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_somebody_has_changed_is_warned_of() {
    let shelf = shelf();
    let id = shelf.id("1.0.1");
    let name = blob_name(&id);
    let other = Shelf::content(&id, &windows("26200.1", &["program P 0.9"]));
    let stage = shelf
        .run_in(|cloud| cloud.put_blob(ACCOUNT, CONTAINER, &name, other.into()))
        .await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(stage.variable("imageChanges"), Some("1"));
    let warnings = stage.issues("warning");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let (start, rest) = warnings[0].split_once(" has the SHA-256 ").unwrap();
    assert_eq!(
        start,
        format!(
            "AIB875: The kept inventory of 1.0.1 is not the one of its build: blob '{name}' in container '{CONTAINER}' of storage account '{ACCOUNT}'"
        )
    );
    let (sums, hint) = rest.split_once('\n').unwrap();
    let (sum, tag) = sums
        .split_once(", and tag 'imageInventorySha256' of the version says ")
        .unwrap();
    assert_eq!((sum.len(), tag.len(), sum == tag), (64, 64, false));
    assert_eq!(
        hint,
        "hint: someone has changed the file or the tag since the build, so do not rely on this comparison; check who can write to the container and to the tags of the version"
    );
    assert!(page(&stage).contains("\n**AIB875** The kept inventory of 1.0.1 "));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_need_not_be_a_list() {
    let blob = |name: &str| {
        format!("blob '{name}' in container '{CONTAINER}' of storage account '{ACCOUNT}'")
    };
    let large = vec![b' '; (32 << 20) + 1];
    let plain = br#"{"bomFormat":"CycloneDX","components":[]}"#.to_vec();
    for (content, what) in [
        (large, "has more than 32 MiB"),
        (b"<html>".to_vec(), "is not a CycloneDX document"),
        (plain, "names no operating system"),
    ] {
        let shelf = shelf();
        let name = blob_name(&shelf.id("1.0.1"));
        let stage = shelf
            .run_in(|cloud| cloud.put_blob(ACCOUNT, CONTAINER, &name, content.into()))
            .await;
        let name = name.replace(stage.subscription(), "SUBSCRIPTION");
        assert_eq!(
            failed(&stage),
            format!(
                "AIB874: Comparing the contents of image version 1.0.2 failed: 1.0.1 has no inventory that can be read: {} {what}\n\
                 hint: someone else has written it: check who can write to the container; compare with another version by 'compareWith'",
                blob(&name)
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn storage_that_refuses_names_the_role() {
    let mut shelf = shelf();
    for account in &mut shelf.scene.world.storage_accounts {
        account.roles.clear();
        account
            .roles
            .insert("any".to_owned(), vec![BlobRole::Delegator]);
    }
    let stage = shelf.run().await;
    let error = failed(&stage);
    assert!(error.starts_with("AIB874: Reading blob '"), "{error}");
    check_has(
        &error,
        "failed: Azure refused with AuthorizationPermissionMismatch (403)",
    );
    check_has(&error, "--role \"Storage Blob Data Reader\" --scope ");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_nowhere_is_told_with_its_nearest_name() {
    let stage = shelf()
        .input("storageAccountName", "stcontosoimage")
        .run()
        .await;
    assert_eq!(
        failed(&stage),
        "AIB502: Looking for storage account 'stcontosoimage' failed: it is not in subscription 'SUBSCRIPTION'\nhint: did you mean 'stcontosoimages'?"
    );
}

#[tokio::test(start_paused = true)]
async fn inputs_are_told_all_at_once() {
    let stage = shelf()
        .input("storageAccountName", "")
        .input("compareWith", "none")
        .input("failOnChange", "gone: x\nremoved")
        .run()
        .await;
    stage.check_result("Failed");
    let codes: Vec<_> = stage
        .issues("error")
        .iter()
        .map(|issue| issue.split(": ").take(2).collect::<Vec<_>>().join(": "))
        .collect();
    assert_eq!(
        codes,
        [
            "AIB100: Input 'storageAccountName'",
            "AIB101: Input 'compareWith'",
            "AIB101: Input 'failOnChange'",
            "AIB101: Input 'failOnChange'",
        ]
    );
}

/// An answer that is lost or late is asked for again; one that does not come is an error with its host.
#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_is_outlived() {
    for effect in [Effect::NotJson, Effect::ResetBefore, Effect::Truncate] {
        let stage = shelf()
            .run_in(|cloud| {
                for operation in ["GetVersion", "ListVersions", "ListStorageAccounts"] {
                    cloud.add_fault(Fault::once(operation, effect.clone()));
                }
            })
            .await;
        stage.check_result("Succeeded");
        assert_eq!(stage.variable("imageChanges"), Some("1"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_id_may_come_from_a_result_file() {
    let shelf = shelf();
    let id = shelf.id("1.0.2");
    let folder = shelf.scene.step.directories.work.clone();
    let path = folder.join("image-result.json");
    std::fs::write(&path, json!({"imageVersionId": id}).to_string()).unwrap();
    let stage = shelf
        .input("imageVersionId", &path.display().to_string())
        .run()
        .await;
    stage.check_result("Succeeded");
    assert_eq!(stage.variable("imageVersionId"), Some(id.as_str()));
}
