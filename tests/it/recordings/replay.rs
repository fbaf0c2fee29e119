//! The seam to the network, with a recording behind it.
//!
//! The client asks with its own api-version and at its own pace, so the recorded answers are told by method and path alone, and given in their
//! order: the next answer of an address comes when everything that was recorded before it has been answered at least once, and until then the
//! last one again. The address of an operation has to come back byte for byte.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, Method, Request, Response};
use image_builder::arm::api::IMAGE_TEMPLATES;
use image_builder::arm::http::{Http, TransportError};
use serde_json::Value;

use super::recording::{Recording, Step};

pub(crate) const BASE: &str = "https://management.azure.com";

/// Plays the answers of a recording.
#[derive(Debug)]
pub(crate) struct Replay {
    steps: Vec<Step>,
    /// How often each step was answered.
    answered: Mutex<Vec<u32>>,
}

/// Reads a recording for the client: what stands in the place of signatures and unknown times gets a value.
pub(crate) fn read(name: &str) -> Recording {
    Recording::read(name, |text| {
        let text = text
            .replace("{{time}}", "2025-05-09T11:39:35.5Z")
            .replace("{{t}}", "639125109275012067");
        ["c:2575", "s:342", "h:43"].iter().fold(text, |text, sort| {
            let (name, length) = sort.split_once(':').unwrap();
            let filler: String = "AbC-0_z9"
                .chars()
                .cycle()
                .take(length.parse().unwrap())
                .collect();
            let (placeholder, value) =
                (format!("{{{{{sort}}}}}"), format!("{name}{}", &filler[1..]));
            text.replace(&placeholder, &value)
        })
    })
}

impl Replay {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let answered = Mutex::new(vec![0; steps.len()]);
        Self { steps, answered }
    }

    /// The steps that nobody asked for.
    pub(crate) fn unasked(&self) -> Vec<String> {
        let answered = self.answered.lock().unwrap();
        let steps = self.steps.iter().zip(answered.iter());
        steps
            .filter(|(_, count)| **count == 0)
            .map(|(step, _)| format!("{} {}", step.method, step.path))
            .collect()
    }

    /// How often the operation of this id was asked for.
    pub(crate) fn polls(&self, id: &str) -> u32 {
        let answered = self.answered.lock().unwrap();
        let steps = self.steps.iter().zip(answered.iter());
        steps
            .filter(|(step, _)| step.asks_for_operation() && step.path.ends_with(id))
            .map(|(_, count)| count)
            .sum()
    }

    fn is_asked(step: &Step, request: &Request<Bytes>) -> bool {
        let (method, uri) = (request.method(), request.uri());
        let query = uri.query().unwrap_or_default();
        let same_query = if step.asks_for_operation() {
            query == step.query
        } else {
            query == format!("api-version={IMAGE_TEMPLATES}")
        };
        step.method == *method && step.path == uri.path() && same_query
    }

    /// The step that answers a request.
    fn next(&self, request: &Request<Bytes>) -> Option<usize> {
        let mut answered = self.answered.lock().unwrap();
        let asked = |index: &usize| Self::is_asked(&self.steps[*index], request);
        let is_due = |index: usize| {
            (0..index).all(|earlier| {
                let same = asked(&earlier);
                same || answered[earlier] > 0
            })
        };
        let mut steps = (0..self.steps.len()).filter(asked);
        let fresh = steps
            .clone()
            .find(|index| answered[*index] < self.steps[*index].repeated)
            .filter(|index| is_due(*index));
        let chosen = fresh.or_else(|| steps.rfind(|index| answered[*index] > 0))?;
        answered[chosen] += 1;
        Some(chosen)
    }

    /// A template as it was before its first run: without a word of one. For the recordings that show it only afterwards.
    fn before_any_run(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let mut steps = self.steps.iter();
        let step =
            steps.find(|step| *request.method() == Method::GET && Self::is_asked(step, request))?;
        let mut step = step.clone();
        let properties = step.answer.pointer_mut("/properties")?.as_object_mut()?;
        properties.remove("lastRunStatus")?;
        Some(response(&step))
    }
}

#[async_trait]
impl Http for Replay {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        assert_eq!(request.uri().authority().unwrap().as_str(), &BASE[8..]);
        assert_eq!(request.headers()["authorization"], "Bearer token");
        let answer = match self.next(&request) {
            Some(index) => Some(response(&self.steps[index])),
            None => self.before_any_run(&request),
        };
        Ok(answer
            .unwrap_or_else(|| panic!("{} {} was not recorded", request.method(), request.uri())))
    }
}

pub(super) fn response(step: &Step) -> Response<Bytes> {
    let body = match &step.answer {
        Value::Null => Bytes::new(),
        answer => Bytes::from(answer.to_string()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = step.status.try_into().unwrap();
    for (name, value) in &step.headers {
        let name: HeaderName = name.parse().unwrap();
        let value = value.as_str().unwrap().parse().unwrap();
        response.headers_mut().insert(name, value);
    }
    response
}
