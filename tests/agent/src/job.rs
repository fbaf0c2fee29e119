//! Runs a step and, after it, the post-job stage of its task.

use std::fs;

use crate::agent::Agent;
use crate::cancel::{Action, Interruption};
use crate::error::{Doing, Error};
use crate::manifest::Stage;
use crate::recorder::Recorder;
use crate::result::TaskResult;
use crate::step::Step;
use crate::step_run::StepRun;
use crate::task_folder::TaskFolder;

/// A job with one step.
#[derive(Debug)]
pub struct Job<'a> {
    agent: &'a Agent,
    task: &'a TaskFolder,
    step: Step,
    interruption: Option<Interruption>,
    post_interruption: Option<Interruption>,
}

/// What is known after a job.
#[derive(Debug, Clone)]
pub struct JobRun {
    /// The step.
    pub main: StepRun,
    /// The task's post-job stage, if it has one.
    pub post: Option<StepRun>,
    /// The job's result.
    pub result: TaskResult,
}

impl JobRun {
    /// Both logs as the run page shows them.
    pub fn log(&self) -> String {
        let post = self.post.as_ref().map(StepRun::log).unwrap_or_default();
        format!("{}{post}", self.main.log())
    }

    /// Fails the test that calls it if the task violated the protocol in either stage.
    ///
    /// # Panics
    ///
    /// With the list of all violations and the log.
    #[track_caller]
    pub fn assert_no_violations(&self) {
        self.main.assert_no_violations();
        if let Some(post) = &self.post {
            post.assert_no_violations();
        }
    }
}

impl<'a> Job<'a> {
    /// A job that runs this step.
    pub fn new(agent: &'a Agent, task: &'a TaskFolder, step: Step) -> Self {
        Self {
            agent,
            task,
            step,
            interruption: None,
            post_interruption: None,
        }
    }

    /// Interrupts the step.
    #[must_use]
    pub fn interrupted(mut self, interruption: Interruption) -> Self {
        self.interruption = Some(interruption);
        self
    }

    /// Interrupts the post-job stage.
    #[must_use]
    pub fn post_interrupted(mut self, interruption: Interruption) -> Self {
        self.post_interruption = Some(interruption);
        self
    }

    /// Runs the step, if its condition holds, and then the post-job stage whatever has happened. At the end the
    /// attached files are read, what still runs is killed, and the temp folder is emptied.
    pub fn run(self) -> Result<JobRun, Error> {
        let Self {
            agent,
            task,
            mut step,
            interruption,
            post_interruption,
        } = self;
        let mut main = if step.condition.holds(step.job_status) {
            agent.run(task, Stage::Main, &step, interruption)?
        } else {
            Recorder::new(&task.manifest, &step, Stage::Main)
                .finish(None, Some(TaskResult::Skipped))
        };
        let mut result = job_result(&step, &main);
        let cancellation = main.cancellation.as_ref();
        let lost = cancellation.is_some_and(|it| it.action == Action::LoseAgent);
        let post = if lost || task.manifest.handlers(Stage::PostJob).is_empty() {
            Ok(None)
        } else {
            hand_on(&mut step, &main, result);
            agent
                .run(task, Stage::PostJob, &step, post_interruption)
                .map(Some)
        };
        main.read_attachments();
        main.end_orphans();
        let mut post = post?;
        if let Some(post) = &mut post {
            post.read_attachments();
            post.end_orphans();
            result = TaskResult::merge(Some(result), post.result);
        }
        empty(&step)?;
        Ok(JobRun { main, post, result })
    }
}

/// A job that was canceled is canceled, whatever the step made of it; a skipped step changes nothing.
fn job_result(step: &Step, main: &StepRun) -> TaskResult {
    let canceled = main
        .cancellation
        .as_ref()
        .is_some_and(|it| it.action == crate::cancel::Action::Cancel);
    match main.result {
        _ if canceled => TaskResult::Canceled,
        TaskResult::Skipped => step.job_status,
        other => TaskResult::merge(Some(step.job_status), other),
    }
}

/// What a later stage sees of the earlier one.
fn hand_on(step: &mut Step, main: &StepRun, status: TaskResult) {
    step.job_status = status;
    step.variables.extend(&main.variables);
    for (name, value) in &main.output_variables {
        if main.secrets.contains(value) {
            step.variables.set_secret(name, value);
        } else {
            step.variables.set(name, value);
        }
    }
    step.task_variables.extend(&main.task_variables);
    step.secrets.extend(main.secrets.iter().cloned());
    step.prepended_paths
        .extend(main.prepended_paths.iter().cloned());
}

fn empty(step: &Step) -> Result<(), Error> {
    let temp = &step.directories.temp;
    for entry in fs::read_dir(temp).doing(|| format!("listing '{}'", temp.display()))? {
        let path = entry
            .doing(|| format!("listing '{}'", temp.display()))?
            .path();
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.doing(|| format!("removing '{}'", path.display()))?;
    }
    Ok(())
}
