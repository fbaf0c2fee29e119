//! The same questions and calls, to the product.

use image_builder::agent::{Console, Environment, IssueKind, TaskResult};
use image_builder::secret::Masker;

use super::cases::{Call, Question};
use crate::flow::Output;

/// What the product reads. Empty counts as unset, for the library as for us.
pub(super) fn read(environment: &Environment, question: &Question) -> Option<String> {
    let parts: Vec<_> = question.iter().map(String::as_str).collect();
    let endpoint = |id| environment.endpoint(id);
    let read = match parts[..] {
        ["input", name] => {
            let key = name.replace(['.', ' '], "_").to_lowercase();
            environment.inputs().remove(&key)
        }
        ["variable", name] => environment.variable(name),
        ["taskVariable", name] => environment.task_variable(name),
        ["url", id] => endpoint(id)?.url,
        ["scheme", id] => endpoint(id)?.scheme,
        ["parameter", id, key] => endpoint(id)?.parameters.remove(&key.to_lowercase()),
        ["data", id, key] => endpoint(id)?.data.remove(&key.to_lowercase()),
        _ => panic!("no question: {parts:?}"),
    };
    read.filter(|text| !text.is_empty())
}

/// What the product says, line by line.
pub(super) fn say(call: &Call) -> Vec<String> {
    let parts: Vec<_> = call.iter().map(String::as_str).collect();
    let step_name = match parts[..] {
        ["setVariable", .., "true"] => "bake",
        _ => "",
    };
    let variables = [
        ("TF_BUILD", "True"),
        ("SYSTEM_DEBUG", "true"),
        ("SYSTEM_TASKINSTANCENAME", step_name),
    ];
    let environment = Environment::new(variables.map(|(name, value)| (name.into(), value.into())));
    let output = Output::default();
    let console = Console::new(&environment, output.clone());
    match parts[..] {
        ["setVariable", name, value, _] => console.set_variable(name, value),
        ["setSecret", value] => console.mask(value),
        ["setTaskVariable", name, value, _] => console.set_task_variable(name, value, false),
        ["logIssue", "error", text, code] => console.issue(IssueKind::Error, Some(code), text),
        ["logIssue", _, text, code] => console.issue(IssueKind::Warning, Some(code), text),
        ["setProgress", percent, text] => console.set_progress(percent.parse().unwrap(), text),
        ["complete", result, text] => console.complete(result_named(result), text),
        ["debug", text] => console.debug(text),
        _ => panic!("no call: {parts:?}"),
    }
    output.text().lines().map(str::to_owned).collect()
}

fn result_named(name: &str) -> TaskResult {
    match name {
        "Succeeded" => TaskResult::Succeeded,
        "SucceededWithIssues" => TaskResult::SucceededWithIssues,
        "Failed" => TaskResult::Failed,
        _ => TaskResult::Canceled,
    }
}
