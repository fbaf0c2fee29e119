//! The steps of this task in a pipeline's YAML, each with the variables of the places that it stands in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(super) type Texts = BTreeMap<String, String>;

/// A step of this task.
#[derive(Debug, Clone)]
pub(super) struct YamlStep {
    /// Its `name:`.
    pub(super) name: Option<String>,
    pub(super) inputs: Texts,
    /// Those of the pipeline, the stage, the job, and the leg of a matrix. Expressions that are found out while the pipeline runs are left out.
    pub(super) variables: Texts,
}

/// Reads YAML as the agent hands values on: `true` and `0` are texts.
pub(super) fn read(yaml: &str) -> Value {
    let value = serde_yaml_ng::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    assert!(
        !yaml.contains("${{"),
        "this reader knows no template expressions"
    );
    value
}

/// The steps of this task, those of a matrix once for each leg.
pub(super) fn steps(pipeline: &Value) -> Vec<YamlStep> {
    let mut found = Vec::new();
    walk(pipeline, &Texts::new(), &mut found);
    found
}

fn walk(value: &Value, outer: &Texts, found: &mut Vec<YamlStep>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, outer, found)),
        Value::Object(object) if is_ours(object) => found.push(YamlStep {
            name: object
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_owned),
            inputs: texts(&object["inputs"]),
            variables: outer.clone(),
        }),
        Value::Object(object) => {
            let mut variables = outer.clone();
            variables.extend(
                object
                    .get("variables")
                    .map(variables_of)
                    .unwrap_or_default(),
            );
            for leg in legs(object) {
                let mut variables = variables.clone();
                variables.extend(leg);
                object
                    .values()
                    .for_each(|value| walk(value, &variables, found));
            }
        }
        _ => {}
    }
}

fn is_ours(object: &Map<String, Value>) -> bool {
    let task = object
        .get("task")
        .and_then(Value::as_str)
        .unwrap_or_default();
    task == "AzureImageBuilderTask@1" || task.ends_with(".AzureImageBuilderTask@1")
}

/// The variables of each leg of the job's matrix; of any other job one leg without variables.
fn legs(job: &Map<String, Value>) -> Vec<Texts> {
    let matrix = job
        .get("strategy")
        .and_then(|strategy| strategy.get("matrix"));
    match matrix.and_then(Value::as_object) {
        Some(legs) => legs.values().map(texts).collect(),
        None => vec![Texts::new()],
    }
}

/// `name: value`, or a list of objects with `name` and `value`.
fn variables_of(value: &Value) -> Texts {
    let mut variables = match value {
        Value::Array(items) => items
            .iter()
            .filter(|item| item.get("name").is_some())
            .map(|item| (text(&item["name"]), text(&item["value"])))
            .collect(),
        _ => texts(value),
    };
    variables.retain(|_, value| !value.starts_with("$["));
    variables
}

fn texts(value: &Value) -> Texts {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("not names and values: {value}"));
    object
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// What the pipeline publishes: name of the artifact, and path.
pub(super) fn artifacts(pipeline: &Value) -> Texts {
    match pipeline {
        Value::Array(items) => items.iter().flat_map(artifacts).collect(),
        Value::Object(object) => match (object.get("publish"), object.get("artifact")) {
            (Some(path), Some(name)) => Texts::from([(text(name), text(path))]),
            _ => object.values().flat_map(artifacts).collect(),
        },
        _ => Texts::new(),
    }
}
