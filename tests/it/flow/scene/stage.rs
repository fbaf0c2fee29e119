//! A stage that has run: judged, and changed for the next one of the same job.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::Cloud;
use pipelines_agent::Step;

use super::{Output, Scene, Stage};
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
