//! A stage that has run: judged, and followed by the next one of the same job.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::Cloud;
use image_builder::agent::StopSignal;
use image_builder::job;
use pipelines_agent::Step;
use tokio::time::Instant;

use super::{Output, Scene, Stage, http};
use crate::flow::live_secrets::LiveSecrets;
use crate::protocol_check::check_protocol;

impl Stage {
    /// Every stage of every test comes through here, and so is judged: nothing but our own commands, one result, no secret.
    pub(super) fn new(
        cloud: Arc<Cloud>,
        secrets: LiveSecrets,
        output: &Output,
        elapsed: Duration,
        scene: Scene,
    ) -> Self {
        let transcript = output.text();
        check_protocol(&transcript);
        secrets.check(&transcript);
        let mut notes = transcript.lines().filter_map(|line| {
            line.strip_prefix("##vso[task.settaskvariable variable=imageBuilderLeftovers;")
        });
        let note = notes
            .next_back()
            .and_then(|rest| rest.split_once(']'))
            .map(|(_, data)| data.replace("%AZP25", "%"));
        Self {
            cloud,
            transcript,
            note,
            elapsed,
            secrets,
            scene,
        }
    }

    /// The secrets that have passed on the wire or were there from the beginning.
    pub(in crate::flow) fn secrets(&self) -> &LiveSecrets {
        &self.secrets
    }

    /// Runs the post-job stage after this one.
    pub(crate) async fn clean_up(self) -> Stage {
        let output = Output::default();
        let agent = self.scene.agent(&output, self.note.as_deref());
        let start = Instant::now();
        let http = http(&self.cloud, &self.secrets);
        job::remove_leftovers(&agent, Ok(http), &StopSignal::default()).await;
        Stage::new(
            self.cloud,
            self.secrets,
            &output,
            start.elapsed(),
            self.scene,
        )
    }

    /// Runs the post-job stage, and asks it to stop after `stop`.
    pub(crate) async fn clean_up_until(self, stop: Duration) -> Stage {
        let output = Output::default();
        let agent = self.scene.agent(&output, self.note.as_deref());
        let (start, signal) = (Instant::now(), StopSignal::default());
        let http = http(&self.cloud, &self.secrets);
        let ask = async {
            tokio::time::sleep(stop).await;
            signal.requested().cancel();
        };
        let cleaning = async {
            job::remove_leftovers(&agent, Ok(http), &signal).await;
            start.elapsed()
        };
        let (elapsed, ()) = tokio::join!(cleaning, ask);
        Stage::new(self.cloud, self.secrets, &output, elapsed, self.scene)
    }

    /// Runs the main stage once more in the same job, as `retryCountOnTaskFailure` does.
    pub(crate) async fn retry(self) -> Stage {
        let output = Output::default();
        let agent = self.scene.agent(&output, self.note.as_deref());
        let start = Instant::now();
        let http = http(&self.cloud, &self.secrets);
        job::main_stage(&agent, Ok(http), [], &StopSignal::default()).await;
        let elapsed = start.elapsed();
        Stage::new(self.cloud, self.secrets, &output, elapsed, self.scene)
    }

    /// The same, and asks it to stop after `stop`.
    pub(crate) async fn retry_until(self, stop: Duration) -> Stage {
        let output = Output::default();
        let agent = self.scene.agent(&output, self.note.as_deref());
        let (start, signal) = (Instant::now(), StopSignal::default());
        let http = http(&self.cloud, &self.secrets);
        let ask = async {
            tokio::time::sleep(stop).await;
            signal.requested().cancel();
        };
        tokio::join!(job::main_stage(&agent, Ok(http), [], &signal), ask);
        let elapsed = start.elapsed();
        Stage::new(self.cloud, self.secrets, &output, elapsed, self.scene)
    }

    /// The stage, as if it had left this note.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.note = Some(note.to_owned());
        self
    }

    /// The stage, before a later one for which the step is changed.
    pub(crate) fn step(mut self, change: impl FnOnce(&mut Step)) -> Self {
        change(&mut self.scene.step);
        self
    }
}
