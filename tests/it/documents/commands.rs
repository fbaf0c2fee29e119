//! What shell scripts of the samples do: they run with a stand-in for `az`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::expressions::SUBSCRIPTION;
use super::files::root;
use super::setup::{Facts, account, assignment, definition};

/// Writes down its words, and answers questions.
const AZ: &str = r#"#!/bin/sh
for word in "$@"; do printf '%s\036' "$word" >> "$AZ_LOG"; done
printf '\035' >> "$AZ_LOG"
name=
query=
while [ $# -gt 0 ]; do
  case "$1" in --name) name=$2 ;; --query) query=$2 ;; esac
  shift
done
case "$query" in
  '') ;;
  id) echo 11111111-1111-1111-1111-111111111111 ;;
  properties.provisioningState) echo Succeeded ;;
  length*) echo 1 ;;
  *].name) echo hp-staging/avd1-0; echo hp-staging/avd1-1 ;;
  *) echo "$query of $name" ;;
esac
"#;

/// Another process writes the file: one that this process has open for writing cannot be started, and children of other tests inherit it.
fn make_executable(path: &Path) {
    let status = Command::new("sh")
        .args([
            "-c",
            "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"",
            "sh",
            AZ,
        ])
        .arg(path)
        .status();
    assert!(status.unwrap().success());
}

/// The words of each call of `az` that a script of the samples makes.
pub(super) fn run_with_stand_in(script: &str, arguments: &[&str]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let az = folder.path().join("az");
    make_executable(&az);
    let log = folder.path().join("log");
    let path = root().join("samples").join(script);
    let programs = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    let status = Command::new("sh")
        .arg(path.file_name().unwrap())
        .args(arguments)
        .env("PATH", programs)
        .current_dir(path.parent().unwrap())
        .env("AZ_LOG", &log)
        .env("NETWORK_GROUP", "rg-network")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let log = fs::read_to_string(log).unwrap();
    let calls = log.split_terminator('\u{1d}');
    calls
        .map(|call| call.split_terminator('\u{1e}').map(str::to_owned).collect())
        .collect()
}

pub(super) type Options = BTreeMap<String, String>;

/// The words before the first option, and the options.
pub(super) fn parts(words: &[String]) -> (String, Options) {
    let first = words
        .iter()
        .position(|word| word.starts_with('-'))
        .unwrap_or(words.len());
    let mut options = BTreeMap::new();
    let mut name = String::new();
    for word in &words[first..] {
        match word.strip_prefix('-') {
            Some(option) => {
                option.trim_start_matches('-').clone_into(&mut name);
                options.insert(name.clone(), String::new());
            }
            None => {
                options.insert(name.clone(), word.clone());
            }
        }
    }
    (words[..first].join(" "), options)
}

pub(super) fn option<'a>(command: &str, options: &'a Options, name: &str) -> &'a str {
    options
        .get(name)
        .unwrap_or_else(|| panic!("{command} lacks {name}"))
}

/// Whose principal it is, by the words that name it.
pub(super) fn who(principal: &str) -> &'static str {
    match ["elease", "ipeline", "mage"].map(|part| principal.contains(part)) {
        [true, ..] => "release",
        [_, true, _] => "pipeline",
        [_, _, true] => "image",
        _ => panic!("{principal}"),
    }
}

/// What `setup.sh` makes, and the resource providers that it registers.
pub(super) fn az_commands() -> (Facts, Vec<String>) {
    let (mut facts, mut providers) = (Facts::new(), Vec::new());
    for words in run_with_stand_in("setup/setup.sh", &[]) {
        let (command, options) = parts(&words);
        if command == "provider register" {
            let provider = options["namespace"].trim_start_matches("Microsoft.");
            providers.push(provider.to_owned());
        } else {
            facts.extend(fact(&command, &options));
        }
    }
    (facts, providers)
}

fn fact(command: &str, options: &Options) -> Option<String> {
    let option = |name: &str| option(command, options, name);
    Some(match command {
        "account show" | "identity show" => return None,
        "group create" => format!("group {} in {}", option("name"), option("location")),
        "identity create" => format!("identity {} in {}", option("name"), option("location")),
        "role definition create" => {
            let role: serde_json::Value = serde_json::from_str(option("role-definition")).unwrap();
            assert_eq!(
                role["AssignableScopes"][0],
                format!("/subscriptions/{SUBSCRIPTION}")
            );
            format!("role {}", role["Name"].as_str().unwrap())
        }
        "sig create" => format!(
            "gallery {} in {}",
            option("gallery-name"),
            option("location")
        ),
        "sig image-definition create" => definition(
            &format!(
                "{}/{}",
                option("gallery-name"),
                option("gallery-image-definition")
            ),
            &["publisher", "offer", "sku"].map(option),
            &["os-type", "os-state", "hyper-v-generation", "architecture"].map(option),
            option("features"),
        ),
        "storage account create" => account(
            option("name"),
            &["kind", "sku", "min-tls-version"].map(option),
            &[
                "https-only",
                "allow-shared-key-access",
                "allow-blob-public-access",
            ]
            .map(|name| option(name).to_owned()),
        ),
        "role assignment create" => {
            assert_eq!(option("assignee-principal-type"), "ServicePrincipal");
            assignment(
                option("role"),
                who(option("assignee-object-id")),
                option("scope"),
                options.get("condition").map(String::as_str),
            )
        }
        other => panic!("{other}"),
    })
}
