//! What the job gives, in the words of the inputs; and what a person at a prompt adds: `name=value`, inputs and variables of the pipeline.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::agent::{Agent, Environment};
use crate::inputs::manifest::{ALL_INPUTS, IB_SUBSCRIPTION, Input};
use crate::inputs::{RawConnection, RawInputs, RawRun, RawStep, Variables, meant};
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

/// Adds the arguments to what the environment gives; they win. Names that are no inputs are variables. One that resembles an input which is not
/// given is kept among the inputs as well, so that the reading of inputs can name the right one.
pub(super) fn add_arguments(
    given: &mut RawInputs,
    arguments: impl IntoIterator<Item = String>,
) -> Result<(), String> {
    let mut others = Vec::new();
    for argument in arguments {
        let Some((name, value)) = argument.split_once('=') else {
            return Err(refused(&argument, &argument));
        };
        match declared(name) {
            Some(input) => {
                given
                    .inputs
                    .insert(input.name.to_lowercase(), value.to_owned());
            }
            None if name.trim().is_empty() || name.starts_with('-') => {
                return Err(refused(&argument, name));
            }
            None => {
                given.variables.set(name, value);
                others.push((name.to_lowercase(), value.to_owned()));
            }
        }
    }
    for (name, value) in others {
        let is_given = |input: &str| {
            let text = given.inputs.get(&input.to_lowercase());
            text.is_some_and(|text| !text.trim().is_empty())
        };
        let inputs = meant(&name, ALL_INPUTS.iter().map(|input| input.name));
        if !inputs.is_empty() && !inputs.into_iter().any(is_given) {
            given.inputs.insert(name, value);
        }
    }
    Ok(())
}

fn declared(name: &str) -> Option<&'static Input> {
    let mut all = ALL_INPUTS.iter();
    all.find(|input| input.name.eq_ignore_ascii_case(name))
}

/// Why an argument is none. `name` is what may be the name of an input in it.
fn refused(argument: &str, name: &str) -> String {
    let sentence = format!("'{argument}' is neither an input nor a variable; expected name=value");
    let plain = name.trim_start_matches('-');
    let inputs = meant(plain, ALL_INPUTS.iter().map(|input| input.name));
    match inputs.first() {
        Some(input) => format!("{sentence}; did you mean '{input}=…'?"),
        None => format!("{sentence}, for example ibLocation=westeurope"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(arguments: &[&str]) -> Result<RawInputs, String> {
        let mut given = RawInputs::default();
        let arguments = arguments.iter().map(|it| (*it).to_owned());
        add_arguments(&mut given, arguments).map(|()| given)
    }

    #[test]
    fn arguments_are_inputs_or_variables() {
        let given = added(&["IBLOCATION=westeurope", "Build.BuildId=1", "a=b=c"]).unwrap();
        assert_eq!(
            given.inputs.into_iter().collect::<Vec<_>>(),
            [("iblocation".to_owned(), "westeurope".to_owned())]
        );
        assert_eq!(given.variables.get("build.buildid"), Some("1"));
        assert_eq!(given.variables.get("a"), Some("b=c"));
    }

    #[test]
    fn what_looks_like_an_input_is_kept_for_the_reading() {
        let given = added(&["ibLocaton=x", "storageAccount=y"]).unwrap();
        let names: Vec<_> = given.inputs.keys().cloned().collect();
        assert_eq!(names, ["iblocaton", "storageaccount"]);
        // A variable may be called nearly like an input that is there.
        let given = added(&["managedIdentity=x", "managedIdentity2=y"]).unwrap();
        let names: Vec<_> = given.inputs.keys().cloned().collect();
        assert_eq!(names, ["managedidentity"]);
    }

    #[test]
    fn arguments_that_are_none() {
        let check = |argument: &str, expected: &str| {
            let text = added(&[argument]).unwrap_err();
            let expected = format!(
                "'{argument}' is neither an input nor a variable; expected name=value{expected}"
            );
            assert_eq!(text, expected);
        };
        check("here", ", for example ibLocation=westeurope");
        check("iblocation", "; did you mean 'ibLocation=…'?");
        check("--vmSize=a", "; did you mean 'vmSize=…'?");
        check("--verbose=1", ", for example ibLocation=westeurope");
        check("=x", ", for example ibLocation=westeurope");
    }
}
