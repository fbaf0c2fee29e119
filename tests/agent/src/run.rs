//! Runs one stage of a step: starts Node, lets it be followed, and finds what it left.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};

use serde_json::json;

use crate::agent::{Agent, Host};
use crate::cancel::{Action, Interruption};
use crate::environment::environment;
use crate::error::{Doing, Error};
use crate::manifest::{Handler, Stage};
use crate::process::{self, LOOKUP};
use crate::recorder::Recorder;
use crate::result::TaskResult;
use crate::step::Step;
use crate::step_run::StepRun;
use crate::task_folder::TaskFolder;
use crate::watch::Watch;

impl Agent {
    /// Runs one stage of a step to its end and hands back what is known then.
    ///
    /// What the step left running goes on; see [`StepRun::end_orphans`].
    pub fn run(
        &self,
        task: &TaskFolder,
        stage: Stage,
        step: &Step,
        interruption: Option<Interruption>,
    ) -> Result<StepRun, Error> {
        let handler =
            task.manifest
                .handler(stage, &self.handler)
                .ok_or_else(|| Error::Handler {
                    task: task.manifest.name.clone(),
                    stage: stage.member(),
                })?;
        let mut recorder = Recorder::new(&task.manifest, step, stage);
        recorder.begin(self.live_log.clone());
        let script = task.path.join(&handler.target);
        let child = self.start(task, handler, &script, step, &recorder)?;
        let timeouts = self.timeouts.overridden_by(&recorder.variables);
        let goes_on = step.condition.holds(TaskResult::Canceled);
        let mut watch = Watch::new(child.id(), self.host, timeouts, goes_on);
        watch.follow(child, interruption, &mut recorder);
        Ok(self.conclude(&script, watch, recorder))
    }

    fn start(
        &self,
        task: &TaskFolder,
        handler: &Handler,
        script: &Path,
        step: &Step,
        recorder: &Recorder,
    ) -> Result<Child, Error> {
        let own = environment(&task.manifest, step, &self.inherited)?;
        let work = handler
            .working_directory
            .clone()
            .filter(|folder| !folder.is_empty());
        let work = work.or(recorder
            .variables
            .value("System.DefaultWorkingDirectory")
            .map(str::to_owned));
        let work = work.map_or_else(|| step.directories.work.clone(), PathBuf::from);
        let mut program = Program::new(&self.node);
        program
            .env_clear()
            .envs(&self.inherited)
            .env(LOOKUP, &recorder.run.marker)
            .current_dir(&work);
        let input = match self.host {
            Host::Machine => {
                program.arg(script).envs(&own).env("TF_BUILD", "True");
                String::new()
            }
            Host::Container => {
                let invoker = step.directories.work.join("containerHandlerInvoker.js");
                std::fs::write(&invoker, include_str!("invoker.js"))
                    .doing(|| format!("writing '{}'", invoker.display()))?;
                program.arg(invoker);
                self.invocation(script, &work, own, step)
            }
        };
        let streams = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = streams
            .spawn()
            .doing(|| format!("starting '{}'", self.node.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin
                .write_all(input.as_bytes())
                .doing(|| "handing over the environment".to_owned())?;
        }
        Ok(child)
    }

    /// What the invoker script reads. It puts the prepended folders in front of `PATH` itself.
    fn invocation(
        &self,
        script: &Path,
        work: &Path,
        mut own: BTreeMap<String, String>,
        step: &Step,
    ) -> String {
        let prepended: Vec<_> = step.prepended_paths.iter().rev().cloned().collect();
        if !prepended.is_empty() {
            own.remove("PATH");
        }
        json!({
            "handler": self.node,
            "args": script,
            "workDir": work,
            "environment": own,
            "prependPath": prepended.join(":"),
        })
        .to_string()
    }

    fn conclude(&self, script: &Path, watch: Watch, mut recorder: Recorder) -> StepRun {
        recorder.run.orphans = process::marked(&recorder.run.marker);
        recorder.run.duration = watch.started.elapsed();
        recorder.run.exit_code = watch.exit_code;
        let forced = watch
            .cancellation
            .as_ref()
            .filter(|it| !it.ignored)
            .and_then(|it| match it.action {
                Action::Cancel => Some(TaskResult::Canceled),
                Action::TimeOut => Some(TaskResult::Failed),
                Action::KillNode | Action::KillChildren | Action::LoseAgent => None,
            });
        recorder.run.cancellation = watch.cancellation;
        let failure = watch.exit_code.filter(|code| *code != 0).map(|code| {
            let (node, script) = (self.node.display(), script.display());
            format!("Exit code {code} returned from process: file name '{node}', arguments '\"{script}\"'.")
        });
        recorder.finish(failure, forced)
    }
}
