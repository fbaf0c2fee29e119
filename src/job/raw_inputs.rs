//! What the job gives, in the words of the inputs.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::agent::{Agent, Environment};
use crate::inputs::manifest::IB_SUBSCRIPTION;
use crate::inputs::{RawConnection, RawInputs, RawRun, RawStep, Variables};
use crate::secret::Secret;

/// Inputs, variables, service connection and all else that the agent hands over.
pub(super) fn raw_inputs(agent: &Agent) -> RawInputs {
    let environment = agent.environment();
    let inputs = environment.inputs();
    let connection = inputs
        .get(&IB_SUBSCRIPTION.name.to_lowercase())
        .and_then(|id| environment.endpoint(id));
    let release = environment
        .variable("Release.ReleaseId")
        .zip(environment.variable("Release.AttemptNumber"));
    let (public, secret) = environment.variables();
    RawInputs {
        variables: Variables::new(public, secret),
        connection: connection.map(|found| RawConnection {
            id: found.id,
            url: found.url,
            scheme: found.scheme,
            parameters: found.parameters,
            data: found.data,
        }),
        inputs,
        secrets: environment
            .secret_values()
            .into_iter()
            .map(|value| Secret::new(value, agent.console()))
            .collect(),
        oidc_request_uri: environment.oidc_request_uri(),
        collection_uris: environment.collection_uris(),
        at_prompt: !environment.is_agent(),
        job_token: agent.job_token(),
        working_directory: environment.working_directory(),
        sources_directory: environment
            .variable("Build.SourcesDirectory")
            .map(PathBuf::from),
        attempts: attempts(environment),
        run: RawRun {
            repository: environment.variable("Build.Repository.Uri"),
            branch: environment.variable("Build.SourceBranch"),
            commit: environment.variable("Build.SourceVersion"),
            pipeline: environment
                .variable("Release.DefinitionName")
                .or_else(|| environment.variable("Build.DefinitionName")),
            release: environment.variable("Release.ReleaseName"),
        },
        step: RawStep {
            collection: environment.variable("System.CollectionId"),
            project: environment.variable("System.TeamProjectId"),
            environment: environment.variable("Release.EnvironmentId"),
            job: ["System.JobIdentifier", "System.JobName", "System.JobId"]
                .into_iter()
                .find_map(|name| environment.variable(name)),
            name: environment.step_name(),
            person: environment.person(),
        },
        build_id: environment.variable("Build.BuildId"),
        build_number: environment.variable("Build.BuildNumber"),
        release,
        unique: SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_micros(),
    }
}

/// The numbers of the attempts at the job and at what it is a part of.
fn attempts(environment: &Environment) -> Vec<String> {
    let names = [
        "System.JobAttempt",
        "System.StageAttempt",
        "System.PhaseAttempt",
        "Release.AttemptNumber",
    ];
    let names = names.into_iter();
    names
        .filter_map(|name| environment.variable(name))
        .collect()
}
