//! A stand-in for the Azure Pipelines agent: it runs one step of one task by the agent's own rules.
//!
//! A test describes a [`Step`] the way a pipeline author would, installs a task folder the way the agent
//! unzips it ([`TaskFolder::install`]), and runs both with an [`Agent`]. What comes back is a [`StepRun`]: result, issues,
//! variables, attachments, the log as the run page shows it, and every [`Violation`] of the logging-command
//! protocol. A [`Job`] also runs the task's post-job stage.
//!
//! The rules are those of the agent's public source, <https://github.com/microsoft/azure-pipelines-agent>. The stand-in
//! is stricter in one respect: what the agent merely warns about, or silently drops, is a violation here.
//! It knows nothing of the task that it runs beyond the task's folder.
//!
//! ```no_run
//! use std::path::Path;
//! use pipelines_agent::{
//!     Agent, Directories, Interruption, Job, Permissions, ServiceConnection, Step, TaskFolder, TaskResult, Trigger,
//! };
//!
//! # fn main() -> Result<(), pipelines_agent::Error> {
//! let work = Path::new("work");
//! let task = TaskFolder::install(Path::new("task"), work, Permissions::Unzipped)?;
//! let connection = ServiceConnection::new(
//!     "0a1b2c3d-1111-4222-8333-444455556666",
//!     "images-prod",
//!     "https://localhost:8443/",
//!     "WorkloadIdentityFederation",
//! )
//! .parameter("serviceprincipalid", "6f1c8d20-0000-4000-8000-000000000002")
//! .parameter("tenantid", "72f988bf-0000-4000-8000-000000000003")
//! .data("subscriptionId", "00000000-0000-4000-8000-000000000004");
//! let step = Step::new(Directories::create(work)?)
//!     .named("bake")
//!     .input("azureSubscription", "images-prod")
//!     .variable("System.OidcRequestUri", "https://localhost:8443/oidctoken")
//!     .connection(connection);
//! let agent = Agent::of_this_machine();
//! let run = Job::new(&agent, &task, step)
//!     .interrupted(Interruption::cancel(Trigger::line("Building")))
//!     .run()?;
//! run.assert_no_violations();
//! assert_eq!(run.main.result, TaskResult::Canceled);
//! assert!(run.main.orphans.is_empty());
//! # Ok(())
//! # }
//! ```

mod agent;
mod cancel;
mod command;
mod condition;
mod connection;
mod directories;
mod environment;
mod error;
mod execute;
mod job;
mod known_commands;
mod lines;
mod manifest;
mod masking;
mod process;
mod recorder;
mod restrictions;
mod result;
mod run;
mod scope;
mod step;
mod step_run;
mod task_folder;
mod timeline;
mod variables;
mod watch;

#[cfg(test)]
mod tests;

pub use agent::{Agent, Host, Timeouts};
pub use cancel::{Action, Cancellation, Fire, Interruption, Trigger};
pub use command::{Command, Parsed, parse};
pub use condition::Condition;
pub use connection::{ServiceConnection, SystemConnection};
pub use directories::Directories;
pub use environment::{environment, inputs};
pub use error::Error;
pub use job::{Job, JobRun};
pub use manifest::{Handler, Input, Manifest, OutputVariable, Stage, Version};
pub use masking::Masker;
pub use process::Process;
pub use restrictions::Restrictions;
pub use result::TaskResult;
pub use step::Step;
pub use step_run::{
    Attachment, Issue, IssueKind, RawLine, StepRun, Stream, Violation, ViolationKind,
};
pub use task_folder::{Permissions, TaskFolder};
pub use timeline::TimelineRecord;
pub use variables::{Variable, Variables, env_name};
