//! The stages of the step, and the commands that a person gives at a prompt: the place where all modules meet.

mod actions;
mod clean_up;
mod command;
mod doctor;
mod raw_inputs;
mod render;
mod step;

use std::sync::Arc;

use crate::agent::{Agent, Console, StopSignal, TaskResult};
use crate::arm::http::Http;
use crate::inputs::{self, Action, Examined, RawInputs, Task};
use crate::report;
use raw_inputs::raw_inputs;
use step::Step;

pub use clean_up::remove_leftovers;
pub use command::Command;

/// The main stage, in a job or at a prompt: does what the inputs ask for. `http` is the client for the network, or why there is none. `arguments` are
/// inputs and variables, as for [`render`].
pub async fn main_stage(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    arguments: impl IntoIterator<Item = String>,
    stop: &StopSignal,
) {
    let mut given = raw_inputs(agent);
    match raw_inputs::add_arguments(&mut given, arguments) {
        Ok(()) => perform(&Step { agent, http, stop }, &given).await,
        Err(text) => agent.console().complete(TaskResult::Failed, &text),
    }
}

/// Checks everything that the action needs. The arguments are those of [`main_stage`].
pub async fn doctor(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    arguments: impl IntoIterator<Item = String>,
    stop: &StopSignal,
) {
    let mut given = raw_inputs(agent);
    if let Err(text) = raw_inputs::add_arguments(&mut given, arguments) {
        return agent.console().complete(TaskResult::Failed, &text);
    }
    doctor::stand_in_for_subscription(&mut given);
    given.ask_for(Action::Doctor);
    perform(&Step { agent, http, stop }, &given).await;
}

/// Shows the template at a prompt, where nobody signs in. Arguments are inputs, `name=value`; they win over those of the environment. Names
/// that are no inputs are variables of the pipeline.
pub fn render(agent: &Agent, arguments: impl IntoIterator<Item = String>) {
    let console = agent.console();
    let mut given = raw_inputs(agent);
    if let Err(text) = raw_inputs::add_arguments(&mut given, arguments) {
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

/// Prints how the program is used; with `command`, how that command is.
pub fn help(console: &Console, command: Option<&str>) {
    for line in command::usage(command).lines() {
        console.line(line);
    }
}

/// Reads the inputs, and starts the action that they ask for.
async fn perform(step: &Step<'_>, given: &RawInputs) {
    let console = step.console();
    let task = match inputs::task(given, console) {
        Ok(read) => read,
        Err(problems) => {
            let (action, name) = (given.action(), given.given_template());
            if action.composes_a_template() {
                console.set_variable("templateName", &given.template_name());
            }
            report::set_empty_variables(console, action, name);
            return report::report_refusal(console, &problems);
        }
    };
    if let Task::Build(plan)
    | Task::Submit(plan)
    | Task::Render(plan)
    | Task::Doctor(Examined::Build(plan)) = &task
    {
        console.set_variable("templateName", &plan.template_name);
    }
    // Boxed, because each future would otherwise be as large as the largest one.
    match &task {
        Task::Build(plan) | Task::Submit(plan) => Box::pin(actions::build(step, plan)).await,
        Task::Follow(follow) => Box::pin(actions::wait(step, follow)).await,
        Task::Status(existing) => Box::pin(actions::status(step, existing)).await,
        Task::Cancel(existing) => Box::pin(actions::cancel(step, existing)).await,
        Task::Sweep(sweep) => Box::pin(actions::sweep(step, sweep)).await,
        Task::Release(release) => Box::pin(actions::release(step, release)).await,
        Task::Retain(retain) => Box::pin(actions::retain(step, retain)).await,
        Task::Test(test) => Box::pin(actions::test(step, test)).await,
        Task::Diff(diff) => Box::pin(actions::diff(step, diff)).await,
        Task::Rollout(rollout) => Box::pin(actions::rollout(step, rollout)).await,
        Task::Report(fleet) => Box::pin(actions::report(step, fleet)).await,
        Task::Render(plan) => render::write(step.agent, plan),
        Task::Doctor(examined) => Box::pin(doctor::visit(step, examined)).await,
    }
}
