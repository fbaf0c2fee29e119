//! A recording, read.

use std::fs;
use std::path::Path;

use http::Method;
use serde_json::{Map, Value};

/// One of the files in `tests/recordings`.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) name: String,
    /// Day of the recording, `2025-04-30`.
    pub(crate) day: String,
    pub(crate) steps: Vec<Step>,
}

/// A request, its answer, and how often and when it came.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// As in the URL, without the question mark.
    pub(crate) query: String,
    pub(crate) sent: Value,
    pub(crate) status: u16,
    pub(crate) headers: Map<String, Value>,
    pub(crate) answer: Value,
    pub(crate) repeated: u32,
    /// Seconds since the first step, of the first and of the last of the repeated answers.
    pub(crate) elapsed: Option<(i64, i64)>,
}

impl Recording {
    /// Reads a recording after `change` to its text.
    pub(crate) fn read(name: &str, change: impl FnOnce(String) -> String) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/recordings")
            .join(format!("{name}.json"));
        let text = change(fs::read_to_string(path).unwrap());
        let file: Value = serde_json::from_str(&text).unwrap();
        let steps: Vec<Step> = file["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(Step::read)
            .collect();
        assert!(!steps.is_empty());
        Self {
            name: name.to_owned(),
            day: file["recorded"].as_str().unwrap().to_owned(),
            steps,
        }
    }
}

impl Step {
    fn read(step: &Value) -> Self {
        let (request, response) = (&step["request"], &step["response"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let query: Vec<String> = request["query"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        let first = step["elapsed_s"].as_i64();
        Self {
            method: text(&request["method"]).parse().unwrap(),
            path: text(&request["path"]),
            query: query.join("&"),
            sent: request["body"].clone(),
            status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
            headers: response["headers"].as_object().unwrap().clone(),
            answer: response["body"].clone(),
            repeated: u32::try_from(step["repeated"].as_u64().unwrap()).unwrap(),
            elapsed: first.map(|first| (first, step["last_elapsed_s"].as_i64().unwrap_or(first))),
        }
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }

    /// Whether an operation is asked for.
    pub(crate) fn asks_for_operation(&self) -> bool {
        self.path.contains("/operations/") || self.path.contains("/capsOperations/")
    }
}

/// Every text in a document: names of members, and values.
pub(crate) fn texts(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::String(text) => found.push(text.clone()),
        Value::Array(elements) => {
            for element in elements {
                texts(element, found);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                found.push(name.clone());
                texts(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
