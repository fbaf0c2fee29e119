//! The logs of `tests/logs`, written by us after public descriptions of what the service writes: each is read and diagnosed as it should be.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image_builder::diagnosis::{Customizer, End, Explanation, LogReader, LogSummary};

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    fs::read(folder.join(format!("{name}.log"))).unwrap()
}

pub(crate) fn read(log: &[u8]) -> LogSummary {
    let mut reading = LogReader::default();
    for piece in log.chunks(1000) {
        reading.push(piece);
    }
    reading.finish()
}

pub(crate) fn customizers(kinds: &[&str]) -> Vec<Customizer> {
    let customizer = |kind: &&str| Customizer {
        kind: (*kind).to_owned(),
        name: String::new(),
    };
    kinds.iter().map(customizer).collect()
}

const LINUX: &[&str] = &["File", "Shell"];
const WINDOWS: &[&str] = &["PowerShell", "PowerShell", "WindowsUpdate"];

/// Log, customizers of the template, code, the failing step as it is called.
pub(crate) const FAILED: &[(&str, &[&str], &str, &str)] = &[
    (
        "04-script-exit-1",
        &["PowerShell", "PowerShell", "PowerShell"],
        "AIB024",
        "customizer 3 of 3 (PowerShell)",
    ),
    (
        "05-exit-3010",
        WINDOWS,
        "AIB024",
        "customizer 1 of 3 (PowerShell)",
    ),
    ("06-winrm-timeout", WINDOWS, "AIB021", ""),
    ("07-network-blocks-winrm", WINDOWS, "AIB022", ""),
    (
        "08-restart-loop",
        &["PowerShell", "WindowsRestart"],
        "AIB027",
        "customizer 2 of 2 (WindowsRestart)",
    ),
    (
        "09-updates-eof",
        WINDOWS,
        "AIB028",
        "customizer 3 of 3 (WindowsUpdate)",
    ),
    (
        "10-sysprep-undeployable",
        &["PowerShell"],
        "AIB029",
        "a step of the service (PowerShell)",
    ),
    (
        "11-sysprep-complete-loop",
        &["PowerShell"],
        "AIB030",
        "a step of the service (PowerShell)",
    ),
    ("13-policy", LINUX, "AIB018", ""),
    ("14-sku-not-available", LINUX, "AIB019", ""),
    (
        "15-canceled",
        &["PowerShell", "WindowsUpdate"],
        "AIB034",
        "customizer 2 of 2 (WindowsUpdate)",
    ),
    (
        "19-ansi-and-broken-text",
        LINUX,
        "AIB024",
        "customizer 2 of 2 (Shell)",
    ),
    (
        "20-validation-fails",
        &["Shell"],
        "AIB024",
        "customizer 1 of 1 (Shell)",
    ),
    ("21-core-quota", LINUX, "AIB020", ""),
    ("22-ssh-timeout", LINUX, "AIB023", ""),
    (
        "23-without-sudo",
        LINUX,
        "AIB025",
        "customizer 2 of 2 (Shell)",
    ),
    (
        "24-update-while-pending",
        WINDOWS,
        "AIB026",
        "customizer 3 of 3 (WindowsUpdate)",
    ),
    (
        "25-guest-agent-not-ready",
        &["PowerShell"],
        "AIB029",
        "a step of the service (PowerShell)",
    ),
    (
        "26-app-of-one-user",
        &["PowerShell"],
        "AIB030",
        "a step of the service (PowerShell)",
    ),
    (
        "27-deprovisioning-script-gone",
        &["PowerShell"],
        "AIB031",
        "a step of the service (PowerShell)",
    ),
    ("28-build-timeout-too-short", LINUX, "AIB033", ""),
    ("29-big-file", LINUX, "AIB035", "customizer 1 of 2 (File)"),
    ("30-missing-right", LINUX, "AIB005", ""),
    ("31-proxy-disk", LINUX, "AIB007", ""),
    (
        "33-wrong-package",
        LINUX,
        "AIB049",
        "customizer 2 of 2 (Shell)",
    ),
    (
        "45-unpacking-disk-full",
        LINUX,
        "AIB049",
        "customizer 2 of 2 (Shell)",
    ),
    (
        "46-unpacking-refused",
        &["PowerShell", "PowerShell", "PowerShell"],
        "AIB049",
        "customizer 3 of 3 (PowerShell)",
    ),
    (
        "49-package-gone",
        &["PowerShell", "PowerShell", "PowerShell"],
        "AIB810",
        "customizer 3 of 3 (PowerShell)",
    ),
    (
        "48-unpacking-without-name-server",
        &["PowerShell", "PowerShell", "PowerShell"],
        "AIB049",
        "customizer 3 of 3 (PowerShell)",
    ),
    (
        "47-unpacking-fails",
        &["PowerShell", "PowerShell", "PowerShell"],
        "AIB049",
        "customizer 3 of 3 (PowerShell)",
    ),
    (
        "34-windows-line-ends",
        LINUX,
        "AIB050",
        "customizer 2 of 2 (Shell)",
    ),
    (
        "35-windows-update-fails",
        WINDOWS,
        "AIB058",
        "customizer 3 of 3 (WindowsUpdate)",
    ),
    (
        "36-windows-update-as-a-script",
        WINDOWS,
        "AIB058",
        "customizer 3 of 3 (WindowsUpdate)",
    ),
    ("37-apt-lock", LINUX, "AIB057", "customizer 2 of 2 (Shell)"),
    (
        "38-script-restarts-the-vm",
        LINUX,
        "AIB056",
        "customizer 2 of 2 (Shell)",
    ),
    (
        "39-agent-removed",
        LINUX,
        "AIB059",
        "a step of the service (Shell)",
    ),
    (
        "40-restart-pending",
        &["PowerShell"],
        "AIB060",
        "a step of the service (PowerShell)",
    ),
    (
        "44-app-of-one-user-unnamed",
        &["PowerShell"],
        "AIB030",
        "a step of the service (PowerShell)",
    ),
    ("41-size-of-other-generation", LINUX, "AIB051", ""),
    ("42-no-purchase-plan", LINUX, "AIB052", ""),
    ("43-source-not-generalized", LINUX, "AIB055", ""),
    ("32-unknown", LINUX, "AIB401", "customizer 2 of 2 (Shell)"),
];

#[test]
fn each_failed_build_is_diagnosed_and_its_step_named() {
    for (name, kinds, code, step) in FAILED {
        let summary = read(&bytes(name));
        assert_ne!(summary.end, End::Finished, "{name}");
        let found = Explanation::of("", Some(&summary), &customizers(kinds));
        assert_eq!(found.code, *code, "{name}: {found:#?}");
        let called = found.step.map(|step| step.to_string());
        assert_eq!(called.unwrap_or_default(), *step, "{name}");
    }
}

#[test]
fn every_log_is_used() {
    let used: BTreeSet<&str> = FAILED
        .iter()
        .map(|(name, ..)| *name)
        .chain(HARMLESS.iter().copied())
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    for file in fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".log") {
            assert!(used.contains(name), "nothing reads {name}");
        }
    }
}

/// Builds that did not fail, or not where the log could tell: nothing in it may be blamed.
const HARMLESS: &[&str] = &[
    "01-linux-success",
    "02-windows-success",
    "03-windows-success-container",
    "12-log-ends",
    "16-distribution-timeout",
    "17-harmless-deletions",
];

#[test]
fn what_is_harmless_is_never_blamed() {
    for name in HARMLESS {
        let summary = read(&bytes(name));
        let found = Explanation::of("The moon is full", Some(&summary), &[]);
        assert_eq!(found.code, "AIB401", "{name}: {found:#?}");
        assert_eq!(found.cause, "The moon is full", "{name}");
        if *name != "12-log-ends" {
            assert_eq!(summary.end, End::Finished, "{name}");
            assert_eq!(found.step, None, "{name}");
            assert!(found.excerpt.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_message_and_a_log_explain_each_other() {
    let check = |message: &str, log: &str, kinds: &[&str], code: &str, step: &str| {
        let found = Explanation::of(message, Some(&read(&bytes(log))), &customizers(kinds));
        let called = found.step.map(|step| step.to_string()).unwrap_or_default();
        assert_eq!((found.code, called.as_str()), (code, step), "{log}");
    };
    let deadline = "Failed while waiting for packerizer: Timeout waiting for microservice to complete: 'context deadline exceeded'";
    check(
        deadline,
        "12-log-ends",
        LINUX,
        "AIB032",
        "customizer 2 of 2 (Shell)",
    );
    check(
        deadline,
        "11-sysprep-complete-loop",
        &["PowerShell"],
        "AIB030",
        "a step of the service (PowerShell)",
    );
    let distribution = "Failed in distributing 1 images out of total 1: {[Error 0] [Distribute 0] Error publishing MDI to Azure Compute Gallery: context deadline exceeded}";
    check(distribution, "16-distribution-timeout", LINUX, "AIB036", "");
    check(
        "Internal error occurred. This is a generic error.",
        "13-policy",
        LINUX,
        "AIB018",
        "",
    );
}

#[test]
fn the_excerpt_is_the_failed_steps_own_last_words() {
    let found = |name: &str| Explanation::of("", Some(&read(&bytes(name))), &[]);
    let excerpt = found("04-script-exit-1").excerpt;
    assert!(
        excerpt.contains(&"Installing agent".to_owned()),
        "{excerpt:#?}"
    );
    assert!(
        !excerpt
            .iter()
            .any(|line| line.contains("installing apps") || line.contains("Will retry")),
        "{excerpt:#?}"
    );
    let unknown = found("32-unknown");
    assert_eq!(unknown.cause, "the moon is full");
    assert_eq!(unknown.key_lines.len(), 2, "{unknown:#?}");
    assert!(
        unknown.key_lines[0].starts_with("segmentation fault"),
        "{unknown:#?}"
    );
    let broken = found("19-ansi-and-broken-text").excerpt;
    assert!(
        broken.contains(&"E: Unable to locate package foo".to_owned()),
        "{broken:#?}"
    );
    assert!(broken.iter().any(|line| line == "ready"), "{broken:#?}");
}

#[test]
fn a_long_log_is_read_in_little_memory() {
    let begin = bytes("09-updates-eof");
    let text = String::from_utf8(begin).unwrap();
    let (head, tail) = text
        .split_once("[864c0337-5f1a-4c6e-9a51-0d8e7b6c5a41] PACKER OUT     azure-arm: Waiting")
        .unwrap();
    let noise = "[864c0337-5f1a-4c6e-9a51-0d8e7b6c5a41] PACKER OUT     azure-arm: Waiting for operation to complete (system performance: 90% cpu; 32% memory)...\n";
    let mut reading = LogReader::default();
    reading.push(head.as_bytes());
    for _ in 0..5 * 1024 * 1024 / noise.len() {
        reading.push(noise.as_bytes());
    }
    reading.push(tail.as_bytes());
    let summary = reading.finish();
    assert_eq!(summary.excerpt.len(), LogSummary::MOST_LINES);
    let found = Explanation::of("", Some(&summary), &customizers(WINDOWS));
    assert_eq!(found.code, "AIB028");
}
