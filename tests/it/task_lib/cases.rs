//! What is asked: environments as an agent writes them with questions about them, commands, and things to say.

use std::collections::BTreeMap;

use image_builder::agent::Environment;
use image_builder::agent::command::Command;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::{Deserialize, Serialize};

/// A batch for one process of the library.
#[derive(Serialize, Deserialize)]
pub(super) struct Cases {
    pub(super) environments: Vec<Case>,
    pub(super) commands: Vec<Line>,
    pub(super) calls: Vec<Call>,
}

/// An environment, and what is to be read from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) questions: Vec<Question>,
}

/// The kind of a value, and its name: of an endpoint the id, and perhaps a key.
pub(super) type Question = Vec<String>;

/// The name of something to say, and its arguments.
pub(super) type Call = Vec<String>;

/// A command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) properties: Vec<(String, String)>,
    pub(super) data: String,
}

const COMMANDS: [&str; 4] = [
    "task.setvariable",
    "task.logissue",
    "task.debug",
    "task.uploadsummary",
];
const KEYS: [&str; 4] = ["variable", "code", "isoutput", "type"];
const NAMES: [&str; 8] = [
    "ibSubscription",
    "vmSize",
    "Build.BuildId",
    "my key",
    "a.b c",
    "with-hyphen",
    "UPPER",
    "under_score",
];
/// In the library's spelling.
const RESULTS: [&str; 4] = ["Succeeded", "SucceededWithIssues", "Failed", "Cancelled"];
const PARAMETERS: [&str; 3] = ["TenantId", "serviceprincipalid", "serviceprincipalkey"];
const DATA: [&str; 3] = ["subscriptionId", "environment", "activeDirectoryAuthority"];
const IDS: [&str; 3] = [
    "0a1b2c3d-1111-4222-8333-444455556666",
    "6f1c2b3a-0000-4000-8000-abcdefabcdef",
    "SYSTEMVSSCONNECTION",
];

impl Cases {
    /// So many environments, and some commands and calls for each: the same in every process.
    pub(super) fn generate(count: usize) -> Self {
        let mut runner = TestRunner::deterministic();
        let mut cases = Self {
            environments: many(&case(), count, &mut runner),
            commands: many(&line(), count * 10, &mut runner),
            calls: many(&call(), count * 5, &mut runner),
        };
        cases
            .calls
            .extend(RESULTS.map(|result| owned(["complete", result, "the end"])));
        cases.commands.push(Line {
            name: COMMANDS[0].to_owned(),
            properties: vec![(KEYS[0].to_owned(), String::new())],
            data: String::new(),
        });
        cases
    }
}

fn many<S: Strategy>(strategy: &S, count: usize, runner: &mut TestRunner) -> Vec<S::Value> {
    let one = |_| strategy.new_tree(runner).unwrap().current();
    (0..count).map(one).collect()
}

impl Case {
    pub(super) fn environment(&self) -> Environment {
        let variables = self.environment.iter();
        Environment::new(variables.map(|(name, value)| (name.into(), value.into())))
    }
}

impl Line {
    pub(super) fn line(&self) -> String {
        let known = |all: &[&'static str], name: &str| {
            *all.iter().find(|candidate| **candidate == name).unwrap()
        };
        let command = Command::new(known(&COMMANDS, &self.name)).data(&self.data);
        let add = |command: Command, (key, value): &(String, String)| {
            command.property(known(&KEYS, key), value)
        };
        self.properties.iter().fold(command, add).to_string()
    }
}

/// Any text that an environment can hold, often of the pieces that mean something to an agent.
fn text() -> impl Strategy<Value = String> {
    let pieces = "##vso[ ] ; = == % %25 %AZP25 %3B %0A a B é ß 🚀 { } \" ' \\ $(x) true";
    let breaks = " |\n|\r|\r\n|\t|\u{2028}|";
    let pieces: Vec<_> = pieces.split(' ').chain(breaks.split('|')).collect();
    let piece = prop_oneof![
        6 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| text.replace('\0', "")),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Text that a log shows as it is.
fn plain() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["a", "Z", "%", ";", "]", "=", "é", "%0A", " b", "\\"]),
        1..8,
    )
    .prop_map(|pieces| pieces.concat())
}

fn format(name: &str) -> String {
    name.replace(['.', ' '], "_").to_uppercase()
}

fn owned<const N: usize>(parts: [&str; N]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// Each of the names, perhaps with a value.
fn values(names: &'static [&'static str]) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let value = prop::option::weighted(0.7, text());
    prop::collection::vec(value, names.len()).prop_map(move |values| {
        let pairs = names.iter().copied().zip(values);
        pairs
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    })
}

type Endpoint = (
    &'static str,
    String,
    Vec<(&'static str, String)>,
    Vec<(&'static str, String)>,
    bool,
);

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let json_alone = prop::bool::weighted(0.2);
    let id = prop::sample::select(&IDS[..]);
    (id, text(), values(&PARAMETERS), values(&DATA), json_alone)
}

fn case() -> impl Strategy<Value = Case> {
    let inputs = values(&NAMES);
    let variables = (
        values(&NAMES),
        prop::collection::vec(any::<bool>(), NAMES.len()),
    );
    (inputs, variables, values(&NAMES), endpoint()).prop_map(
        |(inputs, (variables, secret), task_variables, endpoint)| {
            let mut environment = BTreeMap::from([("TF_BUILD".to_owned(), "True".to_owned())]);
            for (name, value) in inputs {
                environment.insert(format!("INPUT_{}", format(name)), value);
            }
            write_variables(&mut environment, variables, &secret);
            for (name, value) in task_variables {
                environment.insert(format!("VSTS_TASKVARIABLE_{}", format(name)), value);
            }
            let id = endpoint.0;
            write_endpoint(&mut environment, endpoint);
            Case {
                environment,
                questions: questions(id),
            }
        },
    )
}

fn write_variables(
    environment: &mut BTreeMap<String, String>,
    variables: Vec<(&'static str, String)>,
    secret: &[bool],
) {
    let (mut public_names, mut secret_names) = (Vec::new(), Vec::new());
    for ((name, value), secret) in variables.into_iter().zip(secret) {
        let (prefix, names) = if *secret {
            ("SECRET_", &mut secret_names)
        } else {
            ("", &mut public_names)
        };
        environment.insert(format!("{prefix}{}", format(name)), value);
        names.push(name);
    }
    for (kind, names) in [("PUBLIC", public_names), ("SECRET", secret_names)] {
        let names = serde_json::to_string(&names).unwrap();
        environment.insert(format!("VSTS_{kind}_VARIABLES"), names);
    }
}

/// As `AddEndpointsToEnvironment` of the agent does, or with the documents alone, as no agent is known to do.
fn write_endpoint(environment: &mut BTreeMap<String, String>, endpoint: Endpoint) {
    let (id, url, parameters, data, json_alone) = endpoint;
    let document = |pairs: &[(&str, String)]| -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect()
    };
    let authorization =
        serde_json::json!({ "parameters": document(&parameters), "scheme": "Some" });
    environment.insert(format!("ENDPOINT_AUTH_{id}"), authorization.to_string());
    let all = serde_json::to_string(&document(&data)).unwrap();
    environment.insert(format!("ENDPOINT_DATA_{id}"), all);
    environment.insert(format!("ENDPOINT_URL_{id}"), url);
    if json_alone {
        return;
    }
    environment.insert(format!("ENDPOINT_AUTH_SCHEME_{id}"), "Some".to_owned());
    for (kind, pairs) in [("AUTH_PARAMETER", parameters), ("DATA", data)] {
        for (key, value) in pairs {
            environment.insert(format!("ENDPOINT_{kind}_{id}_{}", format(key)), value);
        }
    }
}

fn questions(id: &str) -> Vec<Question> {
    let names = NAMES.iter().copied().chain(["never.set"]);
    let kinds = ["input", "variable", "taskVariable"];
    let mut all: Vec<_> = names
        .flat_map(|name| kinds.map(|kind| owned([kind, name])))
        .collect();
    for id in [id.to_owned(), id.to_uppercase()] {
        all.extend([owned(["url", &id]), owned(["scheme", &id])]);
        all.extend(PARAMETERS.map(|key| owned(["parameter", &id, key])));
        all.extend(DATA.map(|key| owned(["data", &id, key])));
    }
    all
}

fn line() -> impl Strategy<Value = Line> {
    let keys = prop::sample::subsequence(&KEYS[..], 0..=KEYS.len());
    let name = prop::sample::select(&COMMANDS[..]);
    (
        name,
        keys,
        prop::collection::vec(text(), KEYS.len()),
        text(),
    )
        .prop_map(|(name, keys, values, data)| Line {
            name: name.to_owned(),
            properties: keys.into_iter().map(str::to_owned).zip(values).collect(),
            data,
        })
}

fn call() -> impl Strategy<Value = Call> {
    let flag = || prop::sample::select(&["true", "false"][..]);
    let kind = prop::sample::select(&["error", "warning"][..]);
    let result = prop::sample::select(&RESULTS[..]);
    prop_oneof![
        (text(), flag()).prop_map(|(value, output)| owned([
            "setVariable",
            "image",
            &value,
            output
        ])),
        // Shorter ones and several lines are the product's own affair.
        plain().prop_map(|value| owned(["setSecret", &format!("secret {value}x")])),
        plain().prop_map(|value| owned(["setTaskVariable", "left", &value, "false"])),
        (kind, plain()).prop_map(|(kind, text)| owned(["logIssue", kind, &text, "AIB401"])),
        (0..=100u8, plain()).prop_map(|(percent, text)| owned([
            "setProgress",
            &percent.to_string(),
            &text
        ])),
        (result, plain()).prop_map(|(result, text)| owned(["complete", result, &text])),
        plain().prop_map(|text| owned(["debug", &text])),
    ]
}
