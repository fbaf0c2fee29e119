//! The stages of the step, and what a person starts at a prompt, from what the agent gives to what it is told: the place where all modules meet.

mod arguments;
mod build;
mod cancel;
mod clean_up;
mod command;
mod diff;
mod doctor;
mod fleet;
mod image_test;
mod release;
mod render;
mod retain;
mod rollout;
mod status;
mod sweep;
mod wait;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::agent::{Agent, Console, Environment, StopSignal, TaskResult};
use crate::arm::auth::ServiceConnectionTokens;
use crate::arm::http::Http;
use crate::arm::{Arm, Client, cloud};
use crate::error::Error;
use crate::inputs::connection::Connection;
use crate::inputs::declared::IB_SUBSCRIPTION;
use crate::inputs::{self, Action, Given, GivenConnection, GivenRun, GivenStep, Task, Variables};
use crate::report;
use crate::secret::{Masker, Secret};

pub use clean_up::remove_leftovers;
pub use command::Command;

/// The main stage: does what the inputs ask for. `http` is the way to Azure, or why there is none.
pub async fn main_stage(agent: &Agent, http: Result<Arc<dyn Http>, String>, stop: &StopSignal) {
    act(agent, &given(agent), http, stop).await;
}

/// The main stage for a person at a prompt, who gives inputs as for [`render`].
pub async fn main_stage_at_prompt(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    arguments: impl Iterator<Item = String>,
    stop: &StopSignal,
) {
    let mut given = given(agent);
    if let Err(text) = arguments::add(&mut given, arguments) {
        return agent.console().complete(TaskResult::Failed, &text);
    }
    act(agent, &given, http, stop).await;
}

/// Prints how the program is used; with `about` how that command is.
pub fn help(console: &Console, about: Option<&str>) {
    for line in command::usage(about).lines() {
        console.line(line);
    }
}

/// Every action has a file of its own beside this one.
async fn act(agent: &Agent, given: &Given, http: Result<Arc<dyn Http>, String>, stop: &StopSignal) {
    let console = agent.console();
    let task = match inputs::task(given, console) {
        Ok(read) => read,
        Err(problems) => {
            let (action, name) = (given.action(), given.given_template());
            if action.composes_a_template() {
                console.set_variable("templateName", &given.template_name());
            }
            report::set_nothing(console, action, name);
            return report::report_refusal(console, &problems);
        }
    };
    if let Task::Build(plan) | Task::Submit(plan) | Task::Render(plan) | Task::Doctor(plan) = &task
    {
        console.set_variable("templateName", &plan.template_name);
    }
    match task {
        Task::Build(plan) | Task::Submit(plan) => {
            build::build(agent, http, &plan, stop).await;
        }
        Task::Follow(follow) => wait::wait(agent, http, &follow, stop).await,
        Task::Render(plan) => render::write(agent, &plan),
        Task::Doctor(plan) => Box::pin(doctor::visit(agent, http, &plan, stop)).await,
        Task::Release(request) => Box::pin(release::act(agent, http, &request, stop)).await,
        Task::Retain(task) => Box::pin(retain::retain(agent, http, &task, stop)).await,
        Task::DoctorOfRelease(request) => {
            Box::pin(doctor::visit_version(agent, http, &request, stop)).await;
        }
        Task::DoctorOfRetain(task) => {
            Box::pin(doctor::visit_versions(agent, http, &task, stop)).await;
        }
        Task::Status(it) => Box::pin(status::status(agent, http, &it, stop)).await,
        Task::Cancel(it) => Box::pin(cancel::cancel(agent, http, &it, stop)).await,
        Task::Sweep(it) => Box::pin(sweep::sweep(agent, http, &it, stop)).await,
        Task::DoctorOfReport(it) => Box::pin(doctor::visit_fleet(agent, http, &it, stop)).await,
        Task::Report(it) => Box::pin(fleet::fleet(agent, http, &it, stop)).await,
        Task::Rollout(request) => Box::pin(rollout::act(agent, http, &request, stop)).await,
        Task::DoctorOfRollout(request) => {
            Box::pin(doctor::visit_pool(agent, http, &request, stop)).await;
        }
        Task::Test(it) => Box::pin(image_test::act(agent, http, &it, stop)).await,
        Task::Diff(it) => Box::pin(diff::diff(agent, http, &it, stop)).await,
        Task::DoctorOfTest(it) => Box::pin(doctor::visit_image(agent, http, &it, stop)).await,
    }
}

/// Shows the template at a prompt, where nobody signs in. Inputs are arguments, `name=value`; they win over those of the environment. Names
/// that are no inputs are variables of the pipeline.
pub fn render(agent: &Agent, arguments: impl Iterator<Item = String>) {
    let console = agent.console();
    let mut given = given(agent);
    if let Err(text) = arguments::add(&mut given, arguments) {
        return console.complete(TaskResult::Failed, &text);
    }
    render::stand_in_for_connection(&mut given);
    given.ask_for(Action::Render);
    match inputs::task(&given, console) {
        Ok(task) => task
            .plan()
            .iter()
            .for_each(|plan| render::print(console, plan)),
        Err(problems) => report::report_refusal(console, &problems),
    }
}

/// Looks at everything that a build needs, for a person at a prompt, who gives inputs as for [`render`].
pub async fn doctor(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    arguments: impl Iterator<Item = String>,
    stop: &StopSignal,
) {
    let console = agent.console();
    let mut given = given(agent);
    if let Err(text) = arguments::add(&mut given, arguments) {
        return console.complete(TaskResult::Failed, &text);
    }
    doctor::stand_in_for_subscription(&mut given);
    given.ask_for(Action::Doctor);
    act(agent, &given, http, stop).await;
}

/// What the job gives, in the words of the inputs.
fn given(agent: &Agent) -> Given {
    let environment = agent.environment();
    let inputs = environment.inputs();
    let connection = inputs
        .get(&IB_SUBSCRIPTION.name.to_lowercase())
        .and_then(|id| environment.endpoint(id));
    let release = environment
        .variable("Release.ReleaseId")
        .zip(environment.variable("Release.AttemptNumber"));
    let (public, secret) = environment.variables();
    Given {
        variables: Variables::new(public, secret),
        connection: connection.map(|found| GivenConnection {
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
        run: GivenRun {
            repository: environment.variable("Build.Repository.Uri"),
            branch: environment.variable("Build.SourceBranch"),
            commit: environment.variable("Build.SourceVersion"),
            pipeline: environment
                .variable("Release.DefinitionName")
                .or_else(|| environment.variable("Build.DefinitionName")),
            release: environment.variable("Release.ReleaseName"),
        },
        step: GivenStep {
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

/// The way to Azure as this service connection.
async fn connect(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    connection: &Connection,
) -> Result<Arm, Error> {
    let http = http.map_err(Error::Network)?;
    let masker: Arc<dyn Masker> = Arc::new(agent.console().clone());
    let cloud = cloud::complete(&connection.cloud, http.as_ref()).await;
    let cloud = cloud.map_err(Error::SignIn)?;
    let tokens =
        ServiceConnectionTokens::new(connection, &cloud, Arc::clone(&http), Arc::clone(&masker))
            .map_err(Error::SignIn)?;
    let client = Client::new(http, Arc::new(tokens), masker);
    Ok(Arm::new(client, &cloud))
}
