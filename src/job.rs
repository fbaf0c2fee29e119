//! The stages of the step, and what a person starts at a prompt, from what the agent gives to what it is told: the place where all modules meet.

mod arguments;
mod clean_up;
mod command;
mod doctor;
mod render;
mod retain;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::agent::{Agent, Console, StopSignal, TaskResult};
use crate::arm::auth::ServiceConnectionTokens;
use crate::arm::http::Http;
use crate::arm::{Arm, Client, cloud};
use crate::error::Error;
use crate::inputs::connection::Connection;
use crate::inputs::declared::IB_SUBSCRIPTION;
use crate::inputs::{
    self, Action, Given, GivenConnection, GivenRun, GivenStep, Owner, Plan, Task, Variables,
};
use crate::report::{self, Reporter};
use crate::run::{NOT_REMOVED_YET, Outcome, Workplace, build_image};
use crate::secret::{Masker, Secret};

use clean_up::Noted;
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
    let (task, _warnings) = match inputs::task(given, console) {
        Ok(read) => read,
        Err(problems) => {
            console.set_variable("templateName", &given.template_name());
            return report::report_refusal(console, &problems);
        }
    };
    match &task {
        Task::Build(plan) | Task::Render(plan) | Task::Doctor(plan) => {
            console.set_variable("templateName", &plan.template_name);
        }
        Task::Retain(_) | Task::DoctorOfRetain(_) => {}
    }
    match task {
        Task::Build(plan) => build(agent, http, &plan, stop).await,
        Task::Render(plan) => render::write(agent, &plan),
        Task::Doctor(plan) => Box::pin(doctor::visit(agent, http, &plan, stop)).await,
        Task::Retain(task) => Box::pin(retain::retain(agent, http, &task, stop)).await,
        Task::DoctorOfRetain(task) => {
            Box::pin(doctor::visit_versions(agent, http, &task, stop)).await;
        }
    }
}

/// Builds the image of `plan`.
async fn build(agent: &Agent, http: Result<Arc<dyn Http>, String>, plan: &Plan, stop: &StopSignal) {
    let owner = Owner::from(plan);
    let earlier = Noted::new(clean_up::of_earlier_attempt(agent), &owner);
    let reporter = Reporter::new(agent, earlier.all());
    reporter.announce(plan);
    let folder = agent.environment().temp_directory();
    let workplace = Workplace {
        folder: &folder,
        job: doctor::job(agent),
    };
    let arm = tokio::select! {
        biased;
        () = stop.requested().cancelled() => Err(Error::Canceled),
        arm = connect(agent, http, &plan.connection) => arm,
    };
    let outcome = match arm {
        Ok(arm) => tokio::select! {
            biased;
            () = stop.at_once().cancelled() => reporter.abandoned(),
            outcome = build_anew(plan, &arm, workplace, &reporter, (earlier, &owner), stop) => outcome,
        },
        Err(error) => Outcome {
            result: Err(error),
            remains: Vec::new(),
            foreseen: Vec::new(),
        },
    };
    reporter.finish(plan, &outcome, &folder);
}

/// `retryCountOnTaskFailure` starts the step again in the same job: what the attempt before could not remove comes first.
async fn build_anew(
    plan: &Plan,
    arm: &Arm,
    workplace: Workplace<'_>,
    reporter: &Reporter,
    (earlier, owner): (Noted, &Owner),
    stop: &StopSignal,
) -> Outcome {
    let asked = (stop.requested(), NOT_REMOVED_YET);
    let remains = Box::pin(earlier.remove(arm, owner, reporter, asked)).await;
    let building = build_image(plan, arm, workplace, reporter, stop.requested());
    let mut outcome = Box::pin(building).await;
    outcome.remains.extend(remains);
    outcome
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
        Ok((task, _)) => task
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
