//! A step as the pipeline author and Azure Pipelines describe it.

use std::collections::BTreeMap;

use crate::condition::Condition;
use crate::connection::{ServiceConnection, SystemConnection};
use crate::directories::Directories;
use crate::manifest::Manifest;
use crate::masking::{Masker, is_identifier, is_secret_parameter};
use crate::result::TaskResult;
use crate::variables::Variables;

/// One step of a job that runs a task.
#[derive(Debug, Clone)]
pub struct Step {
    /// Inputs as the author wrote them, by name or alias.
    pub inputs: BTreeMap<String, String>,
    /// The step's `env:` map.
    pub env: BTreeMap<String, String>,
    /// The step's `name:`, which its output variables carry.
    pub name: Option<String>,
    /// The step's `displayName:`; the task's own when there is none.
    pub display_name: Option<String>,
    /// The pipeline's variables.
    pub variables: Variables,
    /// Variables that an earlier stage of the same step has set.
    pub task_variables: Variables,
    /// The service connections that the pipeline may use.
    pub connections: Vec<ServiceConnection>,
    /// The job's own connection to Azure DevOps.
    pub system: SystemConnection,
    /// The job's folders.
    pub directories: Directories,
    /// Folders that earlier steps put in front of `PATH`, the oldest first.
    pub prepended_paths: Vec<String>,
    /// Values that earlier steps registered as secrets.
    pub secrets: Vec<String>,
    /// When the step runs.
    pub condition: Condition,
    /// Whether the step's `target:` restricts its commands, beside what the manifest does.
    pub restricted: bool,
    /// The job's result so far.
    pub job_status: TaskResult,
}

impl Step {
    /// A step without inputs, in a job with these folders.
    pub fn new(directories: Directories) -> Self {
        Self {
            inputs: BTreeMap::new(),
            env: BTreeMap::new(),
            name: None,
            display_name: None,
            variables: Variables::default(),
            task_variables: Variables::default(),
            connections: Vec::new(),
            system: SystemConnection {
                url: "https://dev.azure.com/contoso/".to_owned(),
                token: "job-token-of-the-build-service".to_owned(),
            },
            directories,
            prepended_paths: Vec::new(),
            secrets: Vec::new(),
            condition: Condition::default(),
            restricted: false,
            job_status: TaskResult::Succeeded,
        }
    }

    /// Names the step, as `name:` in YAML.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Gives an input.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inputs.insert(name.into(), value.into());
        self
    }

    /// Adds an entry to the step's `env:` map.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets a public pipeline variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.set(name, value);
        self
    }

    /// Sets a secret pipeline variable.
    #[must_use]
    pub fn secret_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.set_secret(name, value);
        self
    }

    /// Offers a service connection.
    #[must_use]
    pub fn connection(mut self, connection: ServiceConnection) -> Self {
        self.connections.push(connection);
        self
    }

    /// Sets the job's connection to Azure DevOps.
    #[must_use]
    pub fn system(mut self, url: impl Into<String>, token: impl Into<String>) -> Self {
        self.system = SystemConnection {
            url: url.into(),
            token: token.into(),
        };
        self
    }

    /// Sets the step's condition.
    #[must_use]
    pub fn condition(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// Restricts the step's commands, as `target: { commands: restricted }` in YAML.
    #[must_use]
    pub fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    /// The name at the head of the log.
    pub fn title(&self, manifest: &Manifest) -> String {
        let own = [
            &manifest.instance_name_format,
            &manifest.friendly_name,
            &manifest.name,
        ];
        let own = own.into_iter().find(|name| !name.is_empty()).cloned();
        let own = own.map(|format| self.filled_in(&format, manifest));
        self.display_name.clone().or(own).unwrap_or_default()
    }

    /// The format of names, with the step's inputs in the place of their names.
    fn filled_in(&self, format: &str, manifest: &Manifest) -> String {
        manifest
            .inputs
            .iter()
            .fold(format.to_owned(), |text, input| {
                let mut given = self.inputs.iter();
                let given = given.find(|(name, _)| input.answers_to(name));
                let value = given.map_or_else(|| input.default_text(), |(_, value)| value.clone());
                text.replace(&format!("$({})", input.name), &value)
            })
    }

    /// What the agent masks before the step has said a word.
    pub(crate) fn masker(&self) -> Masker {
        self.masker_of(is_secret_parameter)
    }

    /// The part of it that must not stand in a file either.
    pub(crate) fn confidential(&self) -> Masker {
        self.masker_of(|key| is_secret_parameter(key) && !is_identifier(key))
    }

    fn masker_of(&self, is_secret: impl Fn(&str) -> bool) -> Masker {
        let mut masker = Masker::default();
        let variables = self.variables.iter().chain(self.task_variables.iter());
        for variable in variables.filter(|variable| variable.secret) {
            masker.add_variable(&variable.value);
        }
        let parameters = self
            .connections
            .iter()
            .flat_map(|connection| &connection.parameters);
        for (_, value) in parameters.filter(|(key, _)| is_secret(key)) {
            masker.add(value);
        }
        masker.add(&self.system.token);
        for secret in &self.secrets {
            masker.add(secret);
        }
        masker
    }
}
