//! The two stages of the step, from what the agent gives to what it is told: the place where all modules meet.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::agent::{Agent, IssueKind, StopSignal};
use crate::arm::http::Http;
use crate::arm::sign_in::ServiceConnectionTokens;
use crate::arm::{Arm, Client};
use crate::error::Error;
use crate::inputs::connection::Connection;
use crate::inputs::declared::IB_SUBSCRIPTION;
use crate::inputs::{self, Given, GivenConnection};
use crate::report::{self, LEFTOVERS, Reporter};
use crate::run::clean_up::{Budget, clean_up};
use crate::run::leftover::{Leftover, Leftovers, Remains};
use crate::run::{Outcome, build_image};
use crate::secret::Masker;
use crate::template;

/// The main stage: builds the image. `http` is the way to Azure, or why there is none.
pub async fn build(agent: &Agent, http: Result<Arc<dyn Http>, String>, stop: &StopSignal) {
    let console = agent.console();
    let given = given(agent);
    console.set_variable("templateName", &given.template_name());
    let plan = match inputs::plan(&given, console) {
        Ok(plan) => plan,
        Err(problems) => return report::report_refusal(console, &problems),
    };
    let reporter = Reporter::new(console, Vec::new());
    reporter.announce(&plan, &template::source_of(&plan));
    let arm = http
        .map_err(Error::Network)
        .and_then(|http| connect(agent, http, &plan.connection));
    let outcome = match arm {
        Ok(arm) => tokio::select! {
            biased;
            () = stop.at_once().cancelled() => reporter.abandoned(),
            outcome = build_image(&plan, &arm, &reporter, stop.requested()) => outcome,
        },
        Err(error) => Outcome {
            result: Err(error),
            remains: Vec::new(),
        },
    };
    report::report_outcome(console, &plan, &outcome);
}

/// The post-job stage: removes what a canceled or crashed main stage left. Most of the time there is nothing.
pub async fn remove_leftovers(agent: &Agent, http: Result<Arc<dyn Http>, String>) {
    let console = agent.console();
    let Some(text) = agent.environment().task_variable(LEFTOVERS) else {
        return;
    };
    let all = match report::leftovers_from_text(&text) {
        Ok(all) if all.is_empty() => return,
        Ok(all) => all,
        Err(reason) => {
            let text = format!(
                "Reading what the main step left failed: {reason}; look for image templates 't_...' in the resource group"
            );
            return console.issue(IssueKind::Warning, Some(report::CODE_REMAINS), &text);
        }
    };
    let remains = removed(agent, http, all).await;
    report::report_clean_up(console, &remains);
}

async fn removed(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    all: Vec<Leftover>,
) -> Vec<Remains> {
    let reporter = Reporter::new(agent.console(), all.clone());
    let mut leftovers = Leftovers::known(&reporter, all);
    let connection = inputs::connection(&given(agent), agent.console());
    let arm = connection
        .map_err(|problems| problems.to_string())
        .and_then(|connection| {
            connect(agent, http?, &connection).map_err(|error| error.to_string())
        });
    match arm {
        Ok(arm) => clean_up(&arm, &mut leftovers, Budget::AFTER_CANCEL).await,
        Err(reason) => leftovers.all_remain(&reason),
    }
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
    Given {
        connection: connection.map(|found| GivenConnection {
            id: found.id,
            url: found.url,
            scheme: found.scheme,
            parameters: found.parameters,
            data: found.data,
        }),
        inputs,
        oidc_request_uri: environment.oidc_request_uri(),
        job_token: agent.job_token(),
        working_directory: environment.working_directory(),
        sources_directory: environment
            .variable("Build.SourcesDirectory")
            .map(PathBuf::from),
        build_id: environment.variable("Build.BuildId"),
        release,
        unique: SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_micros(),
    }
}

/// The way to Azure as this service connection.
fn connect(agent: &Agent, http: Arc<dyn Http>, connection: &Connection) -> Result<Arm, Error> {
    let masker: Arc<dyn Masker> = Arc::new(agent.console().clone());
    let tokens = ServiceConnectionTokens::new(connection, Arc::clone(&http), Arc::clone(&masker))
        .map_err(Error::SignIn)?;
    let client = Client::new(http, Arc::new(tokens), masker);
    Ok(Arm::new(client, &connection.cloud))
}
