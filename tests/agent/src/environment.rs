//! Builds the environment in which the agent starts a task (`TaskRunner.cs`, `Handler.cs`, `NodeHandler.cs`).

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::json;

use crate::error::Error;
use crate::manifest::{Input, Manifest};
use crate::step::Step;
use crate::variables::{Variables, env_name, expand};

/// What the agent writes into the environment of the step's process, over what the process inherits from the
/// agent. `inherited` also gives the values of macros that name no pipeline variable.
pub fn environment(
    manifest: &Manifest,
    step: &Step,
    inherited: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let variables = step.variables_in_scope(manifest);
    let inputs = inputs(manifest, step, inherited)?;
    // Later writes win, so the order is the agent's: env, variables, inputs, endpoints, task variables, PATH.
    let mut environment = BTreeMap::new();
    for (name, value) in trimmed(&step.env) {
        environment.insert(name.to_owned(), expand_twice(value, &variables, inherited));
    }
    write_variables(&variables, &mut environment);
    for (name, value) in &inputs {
        environment.insert(format!("INPUT_{}", env_name(name, false)), value.clone());
    }
    write_connections(manifest, step, &inputs, &mut environment);
    for variable in step.task_variables.iter() {
        let name = env_name(&variable.name, variable.preserve_case);
        environment.insert(format!("VSTS_TASKVARIABLE_{name}"), variable.value.clone());
    }
    if !step.prepended_paths.is_empty() {
        let before = variables
            .value("PATH")
            .or(environment.get("PATH").map(String::as_str));
        let before = before
            .or(inherited.get("PATH").map(String::as_str))
            .unwrap_or_default()
            .to_owned();
        let paths: Vec<_> = step
            .prepended_paths
            .iter()
            .rev()
            .cloned()
            .chain([before])
            .collect();
        environment.insert("PATH".to_owned(), paths.join(":"));
    }
    Ok(environment)
}

/// The values of all inputs by lower-case name: defaults, the step's own values, macros, file paths, and the ids
/// of service connections.
pub fn inputs(
    manifest: &Manifest,
    step: &Step,
    inherited: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let variables = step.variables_in_scope(manifest);
    let mut values: BTreeMap<String, String> = manifest
        .inputs
        .iter()
        .map(|input| (input.name.trim().to_lowercase(), input.default_text()))
        .collect();
    for (name, value) in trimmed(&step.inputs) {
        let declared = manifest.inputs.iter().find(|input| input.answers_to(name));
        let value = match declared {
            Some(input) if input.is_connection() => connection_ids(input, value, step)?,
            _ => value.to_owned(),
        };
        let name = declared.map_or(name, |input| input.name.trim());
        values.insert(name.to_lowercase(), value);
    }
    for value in values.values_mut() {
        *value = expand_twice(value, &variables, inherited);
    }
    for input in manifest
        .inputs
        .iter()
        .filter(|input| input.kind.eq_ignore_ascii_case("filePath"))
    {
        if let Some(value) = values.get_mut(&input.name.trim().to_lowercase()) {
            *value = rooted(value, &variables);
        }
    }
    Ok(values)
}

fn trimmed(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter()
        .map(|(name, value)| (name.trim(), value.trim()))
        .filter(|(name, _)| !name.is_empty())
}

/// Pipeline variables first, then the agent's own environment.
fn expand_twice(text: &str, variables: &Variables, inherited: &BTreeMap<String, String>) -> String {
    let text = expand(text, |name| variables.value(name).map(str::to_owned));
    expand(&text, |name| inherited.get(name).cloned())
}

/// Azure Pipelines replaces the name of a service connection by its id before the agent sees the step. A macro is
/// left to the agent, which expands it but looks no name up.
fn connection_ids(input: &Input, value: &str, step: &Step) -> Result<String, Error> {
    let mut ids = Vec::new();
    for part in value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let named = |name: &str| name.eq_ignore_ascii_case(part);
        let found = step
            .connections
            .iter()
            .find(|connection| named(&connection.name) || named(&connection.id));
        match found {
            Some(connection) => ids.push(connection.id.clone()),
            None if part.contains("$(") => ids.push(part.to_owned()),
            None => {
                return Err(Error::Connection {
                    input: input.name.clone(),
                    connection: part.to_owned(),
                });
            }
        }
    }
    Ok(ids.join(","))
}

/// A `filePath` input is always a full path; an empty one is the folder of the sources itself.
fn rooted(value: &str, variables: &Variables) -> String {
    let release = variables
        .value("System.HostType")
        .is_some_and(|host| host.eq_ignore_ascii_case("release"));
    let folder = if release {
        "System.ArtifactsDirectory"
    } else {
        "Build.SourcesDirectory"
    };
    let folder = variables.value(folder).unwrap_or_default();
    if value.is_empty() {
        return folder.to_owned();
    }
    let mut full = PathBuf::new();
    for component in Path::new(folder).join(value).components() {
        match component {
            Component::ParentDir => {
                full.pop();
            }
            Component::CurDir => {}
            other => full.push(other),
        }
    }
    let slash = if value.ends_with('/') && full.parent().is_some() {
        "/"
    } else {
        ""
    };
    format!("{}{slash}", full.display())
}

fn write_variables(variables: &Variables, environment: &mut BTreeMap<String, String>) {
    let (mut public, mut secret) = (Vec::new(), Vec::new());
    for variable in variables.iter() {
        let name = env_name(&variable.name, variable.preserve_case);
        if variable.secret {
            environment.insert(format!("SECRET_{name}"), variable.value.clone());
            secret.push(&variable.name);
            continue;
        }
        if variable.name.eq_ignore_ascii_case("agent.jobstatus") {
            environment.insert("agent.jobstatus".to_owned(), variable.value.clone());
        }
        environment.insert(name, variable.value.clone());
        public.push(&variable.name);
    }
    environment.insert(
        "VSTS_PUBLIC_VARIABLES".to_owned(),
        json!(public).to_string(),
    );
    environment.insert(
        "VSTS_SECRET_VARIABLES".to_owned(),
        json!(secret).to_string(),
    );
}

/// Only connections that an input names are handed on, and always the job's own.
fn write_connections(
    manifest: &Manifest,
    step: &Step,
    inputs: &BTreeMap<String, String>,
    environment: &mut BTreeMap<String, String>,
) {
    for input in manifest.inputs.iter().filter(|input| input.is_connection()) {
        let value = inputs
            .get(&input.name.trim().to_lowercase())
            .map(String::as_str)
            .unwrap_or_default();
        for id in value.split(',').map(str::trim) {
            let named = step
                .connections
                .iter()
                .filter(|connection| connection.id.eq_ignore_ascii_case(id));
            named.for_each(|connection| connection.write_to(environment));
        }
    }
    step.system.write_to(environment);
}
