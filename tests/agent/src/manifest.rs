//! The task manifest `task.json`, as far as the agent reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Doing, Error};
use crate::restrictions::Restrictions;

/// Handler keys that run on Node, in the agent's order of preference (`TaskManager.cs`).
const NODE_HANDLERS: [&str; 5] = ["Node24", "Node20_1", "Node16", "Node10", "Node"];

/// The part of a job in which a handler of the task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before the first step.
    PreJob,
    /// At the step's place.
    Main,
    /// After the last step, always.
    PostJob,
}

impl Stage {
    /// The stage's member of `task.json`.
    pub fn member(self) -> &'static str {
        match self {
            Self::PreJob => "prejobexecution",
            Self::Main => "execution",
            Self::PostJob => "postjobexecution",
        }
    }
}

/// A task manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The task's GUID.
    pub id: String,
    /// The task's name in YAML.
    pub name: String,
    /// The name at the head of the log.
    #[serde(default)]
    pub friendly_name: String,
    /// Shown at the head of the log.
    #[serde(default)]
    pub description: String,
    /// Shown at the head of the log.
    #[serde(default)]
    pub author: String,
    /// Shown as help, before the Markdown.
    pub help_url: Option<String>,
    /// Shown as help at the head of the log.
    #[serde(default)]
    pub help_mark_down: String,
    /// The display name of a step that has none of its own.
    #[serde(default)]
    pub instance_name_format: String,
    /// The task's version.
    pub version: Version,
    /// The inputs in their order.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// Handlers that run before the job, by key.
    #[serde(default)]
    pub prejobexecution: BTreeMap<String, Handler>,
    /// Handlers of the step, by key.
    #[serde(default)]
    pub execution: BTreeMap<String, Handler>,
    /// Handlers that run after the job, by key.
    #[serde(default)]
    pub postjobexecution: BTreeMap<String, Handler>,
    /// Names that are stored as output variables only.
    #[serde(default)]
    pub output_variables: Vec<OutputVariable>,
    /// What the task may ask of the agent.
    #[serde(default)]
    pub restrictions: Restrictions,
}

/// A version, whose numbers may be written as strings.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Version {
    major: Value,
    minor: Value,
    patch: Value,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = [&self.major, &self.minor, &self.patch].map(scalar_text);
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

/// One declared input.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The name, compared without regard to case.
    pub name: String,
    /// The type, for example `filePath` or `connectedService:AzureRM`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Other names that YAML may use.
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    default_value: Value,
}

impl Input {
    /// The default as the agent hands it on: trimmed, `True` or `False` for a boolean, empty when there is none.
    pub fn default_text(&self) -> String {
        scalar_text(&self.default_value).trim().to_owned()
    }

    /// Whether the input is called so, by its name or by an alias.
    pub(crate) fn answers_to(&self, name: &str) -> bool {
        std::iter::once(&self.name)
            .chain(&self.aliases)
            .any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether the input names service connections.
    pub(crate) fn is_connection(&self) -> bool {
        self.kind
            .to_ascii_lowercase()
            .starts_with("connectedservice:")
    }
}

/// How a stage is started.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handler {
    /// The script, relative to the task folder.
    #[serde(default)]
    pub target: String,
    /// The working directory, where it is not the job's default one.
    pub working_directory: Option<String>,
}

/// A declared output variable.
#[derive(Debug, Clone, Deserialize)]
pub struct OutputVariable {
    /// The variable's name.
    pub name: String,
}

impl Manifest {
    /// Reads a `task.json`.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).doing(|| format!("reading '{}'", path.display()))?;
        // .NET's reader skips a byte order mark, which many manifests carry.
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|source| {
            Error::Manifest {
                path: path.display().to_string(),
                source,
            }
        })
    }

    /// The handlers of a stage.
    pub fn handlers(&self, stage: Stage) -> &BTreeMap<String, Handler> {
        match stage {
            Stage::PreJob => &self.prejobexecution,
            Stage::Main => &self.execution,
            Stage::PostJob => &self.postjobexecution,
        }
    }

    /// The Node handler of a stage: the wanted one, else the first in the agent's order of preference.
    pub fn handler(&self, stage: Stage, wanted: &str) -> Option<&Handler> {
        let handlers = self.handlers(stage);
        let known = NODE_HANDLERS.iter().filter_map(|key| handlers.get(*key));
        handlers
            .get(wanted)
            .filter(|_| NODE_HANDLERS.contains(&wanted))
            .into_iter()
            .chain(known)
            .next()
    }

    /// Whether the manifest declares the output variable.
    pub(crate) fn declares_output(&self, name: &str) -> bool {
        self.output_variables
            .iter()
            .any(|variable| variable.name.eq_ignore_ascii_case(name))
    }
}

/// The text of a JSON scalar by .NET's conversion, which capitalizes booleans.
fn scalar_text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, Stage};

    const MANIFEST: &str = r#"{
        "id": "0f9d7d2e-0000-4000-8000-000000000001", "name": "Sample", "friendlyName": "Sample task",
        "version": { "Major": 1, "Minor": "2", "Patch": 3 }, "unknown": {},
        "inputs": [
            { "name": "flag", "type": "boolean", "defaultValue": true },
            { "name": "text", "type": "string", "defaultValue": "  two words " },
            { "name": "count", "type": "int", "defaultValue": 7 },
            { "name": "none", "type": "string", "aliases": ["nothing"] }
        ],
        "execution": { "Node24": { "target": "new.js" }, "Node20": { "target": "never.js" }, "Node20_1": { "target": "index.js" } },
        "postjobexecution": { "Node24": { "target": "post.js" } }
    }"#;

    fn manifest() -> Manifest {
        serde_json::from_str(MANIFEST).unwrap()
    }

    #[test]
    fn defaults_read_as_the_agent_hands_them_on() {
        let manifest = manifest();
        let defaults: Vec<_> = manifest
            .inputs
            .iter()
            .map(super::Input::default_text)
            .collect();
        assert_eq!(defaults, ["True", "two words", "7", ""]);
        assert_eq!(manifest.version.to_string(), "1.2.3");
        assert!(
            manifest
                .inputs
                .iter()
                .any(|input| input.answers_to("Nothing"))
        );
    }

    #[test]
    fn a_handler_is_chosen_by_wish_then_by_preference() {
        let manifest = manifest();
        for (stage, wanted, expected) in [
            (Stage::Main, "Node20_1", Some("index.js")),
            (Stage::Main, "Node16", Some("new.js")),
            (Stage::Main, "Node20", Some("new.js")),
            (Stage::PostJob, "Node20_1", Some("post.js")),
            (Stage::PreJob, "Node20_1", None),
        ] {
            let target = manifest
                .handler(stage, wanted)
                .map(|handler| handler.target.as_str());
            assert_eq!(target, expected, "{stage:?} {wanted}");
        }
    }
}
