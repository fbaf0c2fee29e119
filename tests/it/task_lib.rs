//! The protocol code beside Microsoft's own library for tasks (`azure-pipelines-task-lib`): the same environments read alike, and the same
//! commands written alike, except for [`deviations`].
//!
//! Recorded pairs are always compared. After `npm ci --prefix tests/task-lib` the library itself is asked as well, about many more cases;
//! then `UPDATE_GOLDEN=1 cargo test task_lib` records the pairs again.

mod cases;
mod deviations;
mod ours;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use serde::{Deserialize, Serialize};

use cases::Cases;
use deviations::Deviation;

/// What the library made of [`Cases`], in the same order.
#[derive(Serialize, Deserialize)]
struct Answers {
    version: String,
    environments: Vec<Vec<Option<String>>>,
    commands: Vec<String>,
    calls: Vec<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct Recorded {
    cases: Cases,
    answers: Answers,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/task-lib")
}

/// Asks the library; `None` if it is not installed.
fn ask(cases: &Cases) -> Option<Answers> {
    if !folder().join("node_modules").is_dir() {
        return None;
    }
    // The library leaves a key file in the current folder.
    let work = tempfile::tempdir().unwrap();
    let (source, target) = (work.path().join("cases"), work.path().join("answers"));
    fs::write(&source, serde_json::to_string(cases).unwrap()).unwrap();
    let mut oracle = Command::new("node");
    let oracle = oracle.arg(folder().join("oracle.js"));
    let status = oracle
        .args([&source, &target])
        .current_dir(work.path())
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    Some(serde_json::from_str(&fs::read_to_string(target).unwrap()).unwrap())
}

/// Compares everything, and returns which deviations were met.
fn compare(cases: &Cases, answers: &Answers) -> Vec<Deviation> {
    let mut met = Vec::new();
    for (case, theirs) in cases.environments.iter().zip(&answers.environments) {
        let reader = case.environment();
        for (question, theirs) in case.questions.iter().zip(theirs) {
            let ours = ours::read(&reader, question);
            if ours != theirs.clone().filter(|text| !text.is_empty()) {
                let deviation =
                    deviations::of_reading(case, question, theirs.as_ref(), ours.as_ref());
                met.push(deviation.unwrap_or_else(|| {
                    panic!("{question:?}: {ours:?}, not {theirs:?}, in {case:#?}")
                }));
            }
        }
    }
    for (command, theirs) in cases.commands.iter().zip(&answers.commands) {
        let ours = command.line();
        if ours != *theirs {
            let deviation = deviations::of_writing(command, theirs, &ours);
            met.push(deviation.unwrap_or_else(|| panic!("{ours}, not {theirs}")));
        }
    }
    for (call, theirs) in cases.calls.iter().zip(&answers.calls) {
        met.extend(deviations::of_saying(call, theirs, &ours::say(call)));
    }
    met
}

fn check_all_met(met: &[Deviation]) {
    for deviation in deviations::ALL {
        assert!(
            met.contains(&deviation),
            "nothing deviates by {deviation:?} any more"
        );
    }
}

#[test]
fn recorded_answers_are_ours() {
    let path = folder().join("recorded.json");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        let cases = Cases::generate(6);
        if let Some(answers) = ask(&cases) {
            let recorded = Recorded { cases, answers };
            let text = serde_json::to_string_pretty(&recorded).unwrap();
            fs::write(&path, text + "\n").unwrap();
        }
    }
    let recorded: Recorded = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let manifest = fs::read_to_string(folder().join("package.json")).unwrap();
    let pinned = format!(
        "\"azure-pipelines-task-lib\": \"{}\"",
        recorded.answers.version
    );
    assert!(
        manifest.contains(&pinned),
        "the pairs were recorded with another version"
    );
    check_all_met(&compare(&recorded.cases, &recorded.answers));
}

#[test]
fn the_librarys_answers_are_ours() {
    let cases = Cases::generate(250);
    match ask(&cases) {
        Some(answers) => check_all_met(&compare(&cases, &answers)),
        // Past the capture of the test harness: this is to be seen.
        None => writeln!(
            std::io::stderr(),
            "azure-pipelines-task-lib was not asked, only its recorded answers were compared; to ask it: npm ci --prefix tests/task-lib"
        )
        .unwrap(),
    }
}
