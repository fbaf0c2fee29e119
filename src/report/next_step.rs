//! The inputs of a step that a person may want next: to undo what was done, or to go on.

use std::fmt::Write as _;

use super::markup::fenced;
use crate::inputs::Action;
use crate::inputs::manifest::{ACTION, WITHDRAW_REASON};
use crate::resource::ResourceId;

/// The input `ImageVersionId`, in the letter case of the output variable.
pub(super) const IMAGE_VERSION_ID: &str = "imageVersionId";

/// The inputs of a step, with their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NextStep(Vec<(&'static str, String)>);

impl NextStep {
    /// A step that does `action`.
    pub(super) fn new(action: Action) -> Self {
        Self(vec![(ACTION.name, action.name().to_owned())])
    }

    /// A step that withdraws `version`.
    pub(super) fn withdrawal(version: &ResourceId, reason: &str) -> Self {
        Self::new(Action::Withdraw)
            .with(IMAGE_VERSION_ID, version.as_str())
            .with(WITHDRAW_REASON.name, reason)
    }

    /// With one more input.
    pub(super) fn with(mut self, input: &'static str, value: impl Into<String>) -> Self {
        self.0.push((input, value.into()));
        self
    }

    /// `action: withdraw, imageVersionId: /subscriptions/…`.
    pub(super) fn in_a_line(&self) -> String {
        let inputs = self.0.iter();
        let inputs: Vec<_> = inputs
            .map(|(name, value)| {
                if value.contains('\n') {
                    // A text of JSON is one of YAML.
                    format!("{name}: {}", serde_json::Value::from(value.as_str()))
                } else {
                    format!("{name}: {value}")
                }
            })
            .collect();
        inputs.join(", ")
    }

    /// An input a line, or a block where its value has several.
    pub(super) fn yaml(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            // Writing to a text does not fail.
            if value.contains('\n') {
                writeln!(text, "{name}: |\n  {}", value.replace('\n', "\n  ")).ok();
            } else {
                writeln!(text, "{name}: {value}").ok();
            }
        }
        text
    }

    /// The line of the log that says how to undo what was done.
    pub(super) fn way_back(&self) -> String {
        format!("the way back:  {}", self.in_a_line())
    }
}

/// The section of the page that says how to undo what was done.
pub(super) fn ways_back(steps: &[NextStep]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let steps: Vec<_> = steps.iter().map(NextStep::yaml).collect();
    let steps = fenced("yaml", &steps.join("\n"));
    format!("\n### The way back\n\nA step with these inputs:\n\n{steps}")
}
