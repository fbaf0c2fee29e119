//! What is said of every known failure: the texts that Azure and Packer write, and the whole of what this task makes of each.
//!
//! `tests/logs/messages.tsv` holds the messages, each with its place and code, as public reports quote them; `tests/logs/*.log` the logs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use image_builder::arm::{Cause, Failure, Refusal};
use image_builder::diagnosis::{Entry, Explanation, FoundIn, entries, of_text};
use image_builder::error::Error;

use crate::golden::golden;
use crate::logs::{FAILED, bytes, customizers, read};

struct Message {
    place: FoundIn,
    code: String,
    text: String,
}

fn messages() -> Vec<Message> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs/messages.tsv");
    let text = fs::read_to_string(path).unwrap();
    let message = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        let (place, code, text) = (cells.next(), cells.next(), cells.next());
        Message {
            place: place_called(&place.unwrap()),
            code: code.unwrap(),
            text: text.unwrap(),
        }
    };
    text.lines().map(message).collect()
}

fn place_called(name: &str) -> FoundIn {
    let all = [
        FoundIn::Request,
        FoundIn::Submission,
        FoundIn::Run,
        FoundIn::Log,
        FoundIn::Distribution,
        FoundIn::SignIn,
        FoundIn::CleanUp,
        FoundIn::Machine,
    ];
    let mut all = all.into_iter();
    all.find(|place| place.as_str() == name).unwrap()
}

fn run(message: &str, explanation: Explanation) -> Error {
    Error::Run {
        phase: Some("Building".to_owned()),
        elapsed: Duration::from_secs(872),
        message: message.to_owned(),
        explanation: Box::new(explanation),
    }
}

/// The error that a message comes to; clean-up and sign-in have errors of their own.
fn error(message: &Message) -> Option<Error> {
    let (code, text) = match message.text.split_once(": ") {
        Some((code, text)) if !code.contains(' ') => (code, text),
        _ => ("BadRequest", message.text.as_str()),
    };
    match message.place {
        FoundIn::Request => Some(Error::Azure(Failure {
            doing: "Creating image template 't_1'".to_owned(),
            cause: Cause::Refused(Refusal {
                status: StatusCode::FORBIDDEN,
                code: code.to_owned(),
                message: text.to_owned(),
            }),
            tries: 1,
            elapsed: Duration::ZERO,
            request_id: None,
        })),
        FoundIn::Submission => Some(Error::Submission {
            template: "t_1".to_owned(),
            code: code.to_owned(),
            message: text.to_owned(),
        }),
        FoundIn::Run | FoundIn::Log | FoundIn::Distribution => {
            let explanation = Explanation::of(&message.text, None, &[]);
            Some(run(&message.text, explanation))
        }
        FoundIn::SignIn | FoundIn::CleanUp | FoundIn::Machine => None,
    }
}

/// Headline and hint, as they stand in the log of a job.
fn said(error: &Error) -> String {
    let hint = error.hint().unwrap_or_else(|| "none".to_owned());
    format!("{} {error}\nhint: {hint}\n", error.code())
}

fn position(entry: &Entry) -> usize {
    entries()
        .position(|known| std::ptr::eq(known, entry))
        .unwrap()
}

#[test]
fn each_known_failure_is_told_whole() {
    let mut page = String::new();
    let mut seen = BTreeSet::new();
    for message in messages() {
        let Message { place, code, text } = &message;
        let found = of_text(&[*place], text).unwrap_or_else(|| panic!("unknown: {text}"));
        assert_eq!(found.entry.code, code, "{text}");
        seen.insert(position(found.entry));
        let said = match error(&message) {
            Some(error) => {
                assert_eq!(error.code(), code, "{text}");
                said(&error)
            }
            None => format!("{code} {}\nhint: {}\n", found.cause, found.fix),
        };
        writeln!(page, "> {}: {text}\n{said}", place.as_str()).unwrap();
    }
    for (name, kinds, code, _) in FAILED {
        let summary = read(&bytes(name));
        let found = Explanation::of("", Some(&summary), &customizers(kinds));
        assert_eq!(found.code, *code, "{name}");
        seen.extend(found.entry.map(position));
        writeln!(page, "> {name}.log\n{}", said(&run("", found))).unwrap();
    }
    let unseen = entries()
        .enumerate()
        .filter(|(index, _)| !seen.contains(index));
    let unseen: Vec<_> = unseen
        .map(|(_, entry)| (entry.code, entry.pattern))
        .collect();
    assert!(unseen.is_empty(), "without a fixture: {unseen:#?}");
    check_words(&page);
    golden("failures/known.txt", &page);
}

/// What is never shown: a hole, a mark that was not filled in, a Rust type, a parser's position.
pub(crate) fn check_words(text: &str) {
    // What Azure wrote is Azure's.
    for line in text.lines().filter(|line| !line.starts_with("> ")) {
        for never in [
            "(not named)",
            "{}",
            "$1",
            "$2",
            "''",
            "None",
            "Some(",
            "Ok(",
            "Err(",
            "Credential authentication",
            " at line ",
            "\\r",
            "\\n",
            "\\\"",
        ] {
            assert!(!line.contains(never), "'{never}' in: {line}");
        }
        let mut paths = line.split("::").map(|before| {
            before
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        });
        let module = paths.any(|word| {
            word.is_some_and(|word| word.ends_with("_core") || word.ends_with("image_builder"))
        });
        assert!(!module, "a Rust path: {line}");
        let marked = line
            .split('{')
            .skip(1)
            .any(|rest| rest.starts_with(|c: char| c.is_lowercase()));
        assert!(!marked, "a name in braces: {line}");
    }
}
