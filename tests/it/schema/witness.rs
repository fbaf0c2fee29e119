//! Asks the emulator, and checks each answer against what the definition says of its route and status.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use azure_emulator::{Switches, World};
use bytes::Bytes;
use http::{Method, Response};
use image_builder::arm::api::IMAGE_TEMPLATES;
use jsonschema::Validator;
use serde_json::Value;
use time::Duration;
use time::macros::datetime;

use super::definitions::{Definitions, Written};
use super::offences;
use crate::emulated::{EmulatedArm, header, json_of};
use crate::job::id;

/// Operations are no path of the definition; Azure Resource Manager has a common one for them.
const OPERATION: &str = "types.json#/definitions/OperationStatusResult";

/// Asks the emulator and checks what it answers.
pub(super) struct Witness {
    pub(super) arm: EmulatedArm,
    definitions: Definitions,
    validators: RefCell<BTreeMap<String, Validator>>,
}

impl Witness {
    pub(super) fn new(world: World) -> Self {
        Self {
            arm: EmulatedArm::new(world, Switches::default(), datetime!(2026-01-15 09:00 UTC)),
            definitions: Definitions::read(),
            validators: RefCell::default(),
        }
    }

    /// Sends a request to a path, checks the answer's body and gives it back.
    pub(super) fn ask(
        &self,
        method: &Method,
        path: &str,
        body: &Value,
    ) -> (u16, Value, Response<Bytes>) {
        let url = format!("{}{path}?api-version={IMAGE_TEMPLATES}", self.arm.base);
        self.ask_url(method, &url, body)
    }

    pub(super) fn ask_url(
        &self,
        method: &Method,
        url: &str,
        body: &Value,
    ) -> (u16, Value, Response<Bytes>) {
        let response = self.arm.send(method, url, body);
        let (status, answer) = (response.status().as_u16(), json_of(&response));
        let path = url[self.arm.base.len()..].split('?').next().unwrap();
        let reference = self.promised(method, path, status);
        match reference {
            None => assert!(answer.is_null(), "{method} {path} {status}: {answer:#}"),
            Some(reference) => {
                self.check(&reference, &answer, &format!("{method} {path} {status}"));
            }
        }
        (status, answer, response)
    }

    fn check(&self, reference: &str, answer: &Value, place: &str) {
        let mut validators = self.validators.borrow_mut();
        let validator = validators
            .entry(reference.to_owned())
            .or_insert_with(|| self.definitions.validator(reference, Written::ByAzure));
        let offences = offences(validator, &without_recorded_nulls(answer));
        assert!(offences.is_empty(), "{place}: {offences:#?}\n{answer:#}");
    }

    /// The definition of the body that an answer with this status has, by the path that the request's path is an instance of.
    fn promised(&self, method: &Method, path: &str, status: u16) -> Option<String> {
        if path.contains("/operations/") && status == 200 {
            return Some(OPERATION.to_owned());
        }
        let instance = |pattern: &str| {
            let (wanted, given) = (pattern.split('/'), path.split('/'));
            wanted.clone().count() == given.clone().count()
                && wanted.zip(given).all(|(wanted, given)| {
                    wanted.starts_with('{') || wanted.eq_ignore_ascii_case(given)
                })
        };
        let mut paths = self.definitions.paths().iter();
        let (_, methods) = paths
            .find(|(pattern, _)| instance(pattern))
            .unwrap_or_else(|| panic!("{path} is no path of the definition"));
        let responses = &methods[method.as_str().to_ascii_lowercase()]["responses"];
        let response = match responses.get(status.to_string()) {
            Some(response) => response,
            None if status >= 400 => &responses["default"],
            None => panic!("{method} {path} does not answer {status}"),
        };
        let reference = response["schema"]["$ref"].as_str();
        reference.map(str::to_owned)
    }

    pub(super) fn get(&self, path: &str) -> Value {
        self.ask(&Method::GET, path, &Value::Null).1
    }

    pub(super) fn post(&self, path: &str) -> (u16, Value, Response<Bytes>) {
        self.ask(&Method::POST, path, &Value::Null)
    }

    /// Follows both addresses of an operation, before its end and after `wait`; the document at the end.
    pub(super) fn follow(&self, started: &Response<Bytes>, wait: Duration) -> Value {
        let addresses = ["azure-asyncoperation", "location"];
        let addresses = addresses.iter().filter_map(|name| header(started, name));
        let look = |url: &str| self.ask_url(&Method::GET, url, &Value::Null).1;
        let mut document = Value::Null;
        for pause in [Duration::ZERO, wait] {
            self.arm.wait(pause);
            for address in addresses.clone() {
                document = look(address);
            }
        }
        assert_ne!(document["status"], "InProgress");
        document
    }

    pub(super) fn provision(&self, name: &str, body: &Value) -> String {
        let path = template_path(name);
        let (status, answer, put) = self.ask(&Method::PUT, &path, body);
        assert_eq!(status, 201, "{name}: {answer:#}");
        self.get(&path);
        let end = self.follow(&put, Duration::minutes(2));
        assert_eq!(end["status"], "Succeeded", "{name}: {end:#}");
        path
    }

    /// Runs a template and looks at it each minute; the run's operation at its end, and the phases that were seen.
    pub(super) fn run(&self, path: &str) -> (Value, BTreeSet<String>) {
        let (status, answer, started) = self.post(&format!("{path}/run"));
        assert_eq!(status, 202, "{path}: {answer:#}");
        let mut phases = BTreeSet::new();
        for _ in 0..40 {
            let run = &self.get(path)["properties"]["lastRunStatus"];
            let text = |member: &str| run[member].as_str().unwrap_or("-").to_owned();
            phases.insert(format!("{} {}", text("runState"), text("runSubState")));
            self.arm.wait(Duration::minutes(1));
        }
        let end = self.follow(&started, Duration::ZERO);
        (end, phases)
    }
}

/// The answer without the one thing in which the recorded service itself differs from its definition: a target that was sent without `versioning`
/// is answered with `"versioning": null` (`tests/recordings/cancel_signed_urls.json`).
fn without_recorded_nulls(answer: &Value) -> Value {
    let mut answer = answer.clone();
    let templates: Vec<&mut Value> = match answer.get("value") {
        Some(Value::Array(_)) => answer["value"].as_array_mut().unwrap().iter_mut().collect(),
        _ => vec![&mut answer],
    };
    for template in templates {
        let targets = template.pointer_mut("/properties/distribute");
        for target in targets.and_then(Value::as_array_mut).into_iter().flatten() {
            let target = target.as_object_mut().unwrap();
            if target.get("versioning") == Some(&Value::Null) {
                target.remove("versioning");
            }
        }
    }
    answer
}

/// The path of a template in the usual group.
pub(super) fn template_path(name: &str) -> String {
    id(&format!(
        "Microsoft.VirtualMachineImages/imageTemplates/{name}"
    ))
}
