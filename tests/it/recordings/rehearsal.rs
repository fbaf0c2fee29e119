//! A recording on its way through the emulator: the same requests at the same times, and what is different in the answers.

use azure_emulator::{Durations, OperationUrls, Progress, Switches};
use bytes::Bytes;
use http::{Method, Response};
use serde_json::Value;
use time::{Date, Duration, Time};

use super::alike::{Difference, alike, differences};
use super::exceptions::{EXCEPTIONS, Exception};
use super::recording::{Recording, Step};
use super::scene;
use crate::emulated::{EmulatedArm, header, json_of};

/// Headers whose values have to be alike where they were recorded. Left out is what changed with the front ends over the years (`server`), what
/// counts down (`x-ms-ratelimit-...`), and ids that nobody sees again.
const COMPARED: [&str; 13] = [
    "azure-asyncnotification",
    "azure-asyncoperation",
    "cache-control",
    "content-length",
    "content-type",
    "expires",
    "location",
    "pragma",
    "retry-after",
    "strict-transport-security",
    "x-cache",
    "x-content-type-options",
    "x-ms-operation-identifier",
];

/// Headers that have to be absent where they were not recorded. Bodies come with a length that the recordings leave out.
const ABSENT: [&str; 5] = [
    "azure-asyncoperation",
    "content-type",
    "location",
    "retry-after",
    "content-length",
];

/// A recording on its way through the emulator.
pub(super) struct Rehearsal {
    pub(super) recording: Recording,
    pub(super) arm: EmulatedArm,
    /// The addresses of operations: as recorded, and as the emulator gave them out.
    addresses: Vec<(String, String)>,
    differences: Vec<(usize, Difference)>,
}

impl Rehearsal {
    /// The cloud of the recording's scene at its first step.
    pub(super) fn new(name: &str, urls: OperationUrls, durations: Durations) -> Self {
        let recording = scene::read(name);
        let switches = Switches {
            operation_urls: urls,
            progress: Progress::ByClock(Box::new(durations)),
            ..Switches::default()
        };
        let format = time::macros::format_description!("[year]-[month]-[day]");
        let day = Date::parse(&recording.day, &format).unwrap();
        let start = day.with_time(Time::from_hms_nano(6, 7, 8, 123_456_700).unwrap());
        let arm = EmulatedArm::new(scene::world(&recording), switches, start.assume_utc());
        Self {
            recording,
            arm,
            addresses: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// Makes something that the recording starts with: an hour before.
    pub(super) fn with(self, path: &str, version: &str, body: &Value) -> Self {
        self.arm.set_elapsed(-Duration::HOUR);
        let url = format!("{}{path}?api-version={version}", self.arm.base);
        let made = self.arm.send(&Method::PUT, &url, body);
        assert_eq!(made.status(), 201, "{:#}", json_of(&made));
        self
    }

    /// Asks everything that was recorded. Fails on differences that are not meant, and on exceptions that were not needed.
    pub(super) fn check(self) {
        let name = self.recording.name.clone();
        let (left, needless) = self.perform();
        assert!(left.is_empty(), "{name}:\n{}", left.join("\n"));
        assert!(needless.is_empty(), "{name}:\n{}", needless.join("\n"));
    }

    /// The differences that are not meant, and the exceptions that were not needed.
    pub(super) fn perform(mut self) -> (Vec<String>, Vec<String>) {
        for index in 0..self.recording.steps.len() {
            let step = self.recording.steps[index].clone();
            for round in 0..step.repeated {
                if let Some((first, last)) = step.elapsed {
                    let rounds = i64::from(step.repeated.max(2) - 1);
                    let elapsed = first + (last - first) * i64::from(round) / rounds;
                    self.arm.set_elapsed(Duration::seconds(elapsed));
                }
                self.ask(index, &step);
            }
        }
        let name = self.recording.name.as_str();
        let (mut used, mut left) = (Vec::new(), Vec::new());
        let exceptions = || {
            EXCEPTIONS
                .iter()
                .filter(|exception| exception.recordings.contains(&name))
        };
        for (step, Difference { place, how }) in &self.differences {
            match exceptions().find(|exception| exception.place == place) {
                Some(exception) => used.push(exception.place),
                None => left.push(format!("step {step} {place}: {how}")),
            }
        }
        let needless = exceptions()
            .filter(|exception| !used.contains(&exception.place))
            .map(|Exception { place, reason, .. }| format!("{place} ({reason}) is alike"))
            .collect();
        (left, needless)
    }

    fn ask(&mut self, index: usize, step: &Step) {
        let recorded = format!("{}{}?{}", self.arm.base, step.path, step.query);
        let known = self
            .addresses
            .iter()
            .find(|(address, _)| *address == recorded);
        let url = known.map_or_else(
            || {
                assert!(!step.asks_for_operation(), "{recorded} was never given out");
                recorded.clone()
            },
            |(_, given)| given.clone(),
        );
        let response = self.arm.send(&step.method, &url, &step.sent);
        let answer = json_of(&response);
        let mut found = status_and_headers(step, &response);
        found.extend(differences("", &step.answer, &answer));
        found.extend(operation_id(step, &url, &response, &answer));
        found.extend(writing(step, response.body()));
        self.differences
            .extend(found.into_iter().map(|difference| (index, difference)));
        for name in ["azure-asyncoperation", "location"] {
            if let (Some(recorded), Some(given)) = (step.header(name), header(&response, name)) {
                self.addresses.push((recorded.to_owned(), given.to_owned()));
            }
        }
    }
}

fn difference(
    place: &str,
    recorded: impl std::fmt::Debug,
    found: impl std::fmt::Debug,
) -> Difference {
    Difference {
        place: place.to_owned(),
        how: format!("recorded {recorded:?}, found {found:?}"),
    }
}

fn status_and_headers(step: &Step, response: &Response<Bytes>) -> Vec<Difference> {
    let mut found = Vec::new();
    let status = response.status().as_u16();
    if status != step.status {
        let body = String::from_utf8_lossy(response.body());
        found.push(difference(
            "status",
            step.status,
            format!("{status} {body}"),
        ));
    }
    for name in COMPARED {
        let (recorded, given) = (step.header(name), header(response, name));
        let place = format!("header {name}");
        match (recorded, given) {
            (Some(recorded), Some(given)) if alike(recorded, given) => {}
            (None, None) => {}
            (None, Some(_)) if !must_be_absent(step, name) => {}
            _ => found.push(difference(&place, recorded, given)),
        }
    }
    found
}

fn must_be_absent(step: &Step, name: &str) -> bool {
    match name {
        "content-length" => step.answer.is_null(),
        // Both came with the front ends of 2023.
        "x-ms-operation-identifier" => step.header("x-cache").is_some(),
        _ => ABSENT.contains(&name),
    }
}

/// The id of an operation is the same in its address, in its document, and in the request id of the answer that started it.
fn operation_id(
    step: &Step,
    url: &str,
    response: &Response<Bytes>,
    answer: &Value,
) -> Option<Difference> {
    let id = |address: &str| {
        let path = address.split('?').next().unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    };
    if step.asks_for_operation() {
        let (id, name) = (id(url), answer["name"].as_str().unwrap_or_default());
        return (!id.eq_ignore_ascii_case(name)).then(|| difference("/name", id, name));
    }
    let (recorded, request) = (
        step.header("azure-asyncoperation")?,
        step.header("x-ms-request-id")?,
    );
    assert_eq!(id(recorded), request);
    let given = id(header(response, "azure-asyncoperation").unwrap_or_default());
    let request = header(response, "x-ms-request-id").unwrap_or_default();
    (given != request).then(|| difference("header x-ms-request-id", given, request))
}

/// How JSON is put into bytes, by the README of the recordings: the image builder indents by one space, Microsoft.Compute by two with CR LF, and
/// its lists are compact.
fn writing(step: &Step, body: &[u8]) -> Option<Difference> {
    let start = match &step.answer {
        Value::Null => "",
        Value::Object(answer) if step.path.contains("/Microsoft.Compute/") => {
            if answer.contains_key("value") {
                "{\"value\":[{\""
            } else {
                "{\r\n  \""
            }
        }
        _ => "{\n \"",
    };
    let found = String::from_utf8_lossy(&body[..body.len().min(start.len())]);
    (found != start).then(|| difference("writing", start, found))
}
