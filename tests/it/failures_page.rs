//! `docs/failures.md` lists every code of the task, as the code itself has it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use image_builder::diagnosis::{Entry, entries, of_text};
use image_builder::{check, error, inputs};

const HEAD: &str = "# Error codes

Every error and warning of the task has a code. This page lists all codes. It is generated from the source; a test fails if they differ.
Codes up to AIB099 are known failures of Azure VM Image Builder: the task reports the cause, the fix and the step that failed.

";

/// Cause and fix as a reader of the page sees them: names of inputs filled in, what a text has to give left open.
fn filled(entry: &Entry) -> (String, String) {
    let inputs = [
        ("{build timeout}", "buildTimeoutInMinutes"),
        ("{gallery image}", "galleryImageId"),
        ("{resource group}", "ibAzureResourceGroup"),
        ("{location}", "ibLocation"),
        ("{identity}", "managedIdentity"),
        ("{regions}", "replicationRegions"),
        ("{distribute}", "distributeType"),
        ("{image version}", "imageVersion"),
        ("{plan}", "platformImagePurchasePlan"),
        ("{staging group}", "stagingResourceGroup"),
        ("{template tags}", "templateTags"),
        ("{windows update}", "windowsUpdateProvisioner"),
        ("{vm size}", "vmSize"),
        ("{subnet}", "vnetSubnetId"),
        ("{package access}", "packageAccess"),
        ("{exclude}", "packageExclude"),
        ("{disk size}", "osDiskSizeGB"),
        ("{test subnet}", "testSubnetId"),
        ("{test group}", "testVmGroup"),
    ];
    let fill = |text: &str| {
        let mut text = text.to_owned();
        for mark in ["$1", "$2", "$3", "$4"] {
            text = text.replace(mark, "…");
        }
        for (mark, name) in inputs {
            text = text.replace(mark, name);
        }
        text.replace('|', "\\|").replace('<', "\\<")
    };
    (fill(entry.cause), fill(entry.fix))
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(
        "| code | shown in | cause | what to do | retry? | source |\n|---|---|---|---|---|---|\n",
    );
    let mut by_code: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries() {
        by_code.entry(entry.code).or_default().push(entry);
    }
    for (code, entries) in &by_code {
        for entry in entries {
            let (cause, fix) = filled(entry);
            let mut places: Vec<_> = entry.places.to_vec();
            places.sort();
            let places: Vec<_> = places.iter().map(|place| place.as_str()).collect();
            let again = if entry.retriable { "yes" } else { "no" };
            let source = entry.source;
            writeln!(
                page,
                "| {code} | {} | {cause} | {fix} | {again} | [source]({source}) |",
                places.join(", ")
            )
            .unwrap();
        }
    }
    page.push_str("\n\"retry?\" states whether the same build is likely to succeed when it is started again.\n\n## Other codes\n\n| code | meaning |\n|---|---|\n");
    let inputs = inputs::CODES
        .iter()
        .map(|(code, meaning)| (code.as_str(), *meaning));
    let others = error::CODES.iter().chain(check::CODES).copied();
    for (code, meaning) in inputs.chain(others) {
        writeln!(page, "| {code} | {meaning} |").unwrap();
    }
    page
}

#[test]
fn the_page_is_what_the_source_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/failures.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, page()).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    assert!(
        found == page(),
        "docs/failures.md differs from the source; run with UPDATE_GOLDEN=1 and review the diff"
    );
}

#[test]
fn every_code_in_the_source_is_on_the_page() {
    let page = page();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("\"AIB") {
                let code = text[at + 1..].split('"').next().unwrap();
                if !code[3..].chars().all(|c| c.is_ascii_digit()) {
                    continue;
                }
                assert!(
                    page.contains(&format!("| {code} |")),
                    "{code} of {} is not on the page",
                    path.display()
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "only {seen} codes were found");
}

#[test]
fn a_text_without_a_known_failure_has_no_diagnosis() {
    assert_eq!(of_text(&[], "QuotaExceeded"), None);
}
