//! Files that others read: whatever a script printed, no secret of the job stands in them, and nobody else on the machine reads them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use azure_emulator::{Effect, Fault, RunFate};

use super::scene::{Scene, Stage};

const SECRET: &str = "pa\"ss&w0rd-of-the-pipeline";
const SIGNATURE: &str = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcdefg";

/// Every file that was attached, by its path.
fn attached(stage: &Stage) -> Vec<PathBuf> {
    let lines = stage.transcript.lines();
    let paths = lines.filter_map(|line| {
        line.strip_prefix("##vso[task.uploadfile]")
            .or_else(|| line.strip_prefix("##vso[task.uploadsummary]"))
    });
    paths.map(PathBuf::from).collect()
}

fn check(stage: &Stage, names: &[&str]) {
    let files = attached(stage);
    for name in names {
        let found = files
            .iter()
            .any(|path| path.to_string_lossy().ends_with(name));
        assert!(found, "{name} is not in {files:?}\n{}", stage.transcript);
    }
    for path in files {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        for part in [
            "ss&w0rd-of-the",
            "w0rd-of-the-pipeline",
            "ss%26w0rd",
            "HiJkLmNoPqRs",
        ] {
            assert!(!text.contains(part), "{}: {text}", path.display());
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

/// A log whose script prints the secret and the signature of a link in all the ways in which programs print them.
fn printed() -> Vec<u8> {
    let json = SECRET.replace('"', "\\\"");
    let colored = SECRET.replace('&', "\u{1b}[31m&\u{1b}[0m");
    let address = "https://x.blob.core.windows.net/c/b?sv=2025";
    let mut lines = vec![
        SECRET.to_owned(),
        format!("before {SECRET} behind\r"),
        format!("{{\"password\":\"{json}\"}}"),
        "https://x/?p=pa%22ss%26w0rd-of-the-pipeline".to_owned(),
        colored,
        format!("{}{SECRET}", "x".repeat(64 * 1024 - 10)),
        format!("{}{address}&sig={SIGNATURE}", "x".repeat(80 * 1024 - 70)),
        format!("\u{1b}[33msig={SIGNATURE}"),
        format!("{address}&si\u{1b}[1mg={SIGNATURE}"),
        format!("sig={SIGNATURE}"),
    ];
    for form in [
        "&sig=",
        "\\u0026sig=",
        "&amp;sig=",
        ";sig=",
        "%26sig%3D",
        " sig=",
    ] {
        lines.push(format!("{address}{form}{SIGNATURE}&se=1"));
    }
    let mut log = Vec::new();
    let start = "[INFO] (telemetry) Starting provisioner shell";
    log.extend(format!("[1] PACKER ERR 2023/06/13 08:28:58 {start}\n").bytes());
    for line in lines {
        log.extend(format!("[1] PACKER OUT     azure-arm: {line}\n").bytes());
    }
    let end = "==> azure-arm: Build 'azure-arm' errored after 1 minute: Script exited with non-zero exit status: 1";
    log.extend(format!("[1] PACKER OUT {end}\n").bytes());
    log
}

fn scene() -> Scene {
    let mut scene = Scene::linux();
    scene.step.variables.set_secret("deployKey", SECRET);
    scene
}

#[tokio::test(start_paused = true)]
async fn what_a_customizer_prints_is_in_no_file() {
    let scene = scene().switches(|switches| switches.log = Some(printed()));
    let stage = scene
        .build(|cloud| cloud.script_run(RunFate::customizer_failed()))
        .await;
    stage.check_result("Failed");
    check(&stage, &["customization.log", ".md"]);
    let summary = stage.summary();
    assert!(summary.contains("before *** behind"), "{summary}");
    let files = attached(&stage);
    let log = files
        .iter()
        .find(|path| path.to_string_lossy().ends_with("customization.log"));
    let log = fs::read_to_string(log.unwrap()).unwrap();
    assert!(log.contains("azure-arm: before *** behind\r\n"), "{log}");
    let lines = String::from_utf8(printed()).unwrap().lines().count();
    assert_eq!(log.lines().count(), lines);
}

#[tokio::test(start_paused = true)]
async fn what_azure_repeats_is_in_no_file() {
    // The name of a resource group is a secret where all variables come from a key vault.
    let mut scene = scene();
    scene.step.variables.set_secret("group", "galContoso");
    let stage = scene.build(|_| {}).await;
    stage.check_result("Succeeded");
    check(&stage, &["image-result.json", ".md"]);
    for path in attached(&stage) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("galContoso"), "{}: {text}", path.display());
    }
    // A variable is for the next step, which could not use it otherwise; the agent masks its line.
    let uri = stage.variable("imageUri").unwrap();
    assert!(uri.contains("/galleries/galContoso/images/"), "{uri}");
}

#[tokio::test(start_paused = true)]
async fn the_address_of_a_vhd_carries_no_signature() {
    let address = "https://x.blob.core.windows.net/vhds/a.vhd";
    let output = serde_json::json!({
        "name": "x",
        "properties": {
            "artifactUri": format!("{address}?sv=2025&sig={SIGNATURE}&se=1"),
            "provisioningState": "Succeeded",
        },
    });
    let effect = Effect::Status {
        code: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: output.to_string(),
    };
    let fault = Fault::always("GetRunOutput", effect);
    let scene = Scene::windows()
        .input("distributeType", "vhd")
        .input("galleryImageId", "")
        .input("replicationRegions", "");
    let stage = scene.build(|cloud| cloud.add_fault(fault)).await;
    assert_eq!(
        stage.variable("imageUri"),
        Some(address),
        "{}",
        stage.transcript
    );
    check(&stage, &["image-result.json", ".md"]);
}
