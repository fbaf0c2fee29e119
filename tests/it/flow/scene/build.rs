//! The ways in which the main stage goes: to its end, asked to stop, crashed, or while something else happens.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::Cloud;
use image_builder::agent::StopSignal;
use image_builder::arm::http::Http;
use image_builder::job;
use tokio::time::Instant;

use super::{Output, Scene, Stage, http};
use crate::flow::live_secrets::LiveSecrets;

impl Scene {
    /// Runs the main stage; `prepare` may script the cloud.
    pub(crate) async fn build(self, prepare: impl FnOnce(&Cloud)) -> Stage {
        self.build_until(prepare, None).await
    }

    /// Runs the main stage in a cloud where something has happened already.
    pub(crate) async fn build_in(self, cloud: Arc<Cloud>) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        job::main_stage(&agent, Ok(http), [], &StopSignal::default()).await;
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage while something else happens to the cloud.
    pub(crate) async fn build_with<F: Future<Output = ()>>(
        self,
        meanwhile: impl FnOnce(Arc<Cloud>) -> F,
    ) -> Stage {
        self.build_while(|_| {}, meanwhile).await
    }

    /// The same in a cloud that `prepare` has changed before the first request.
    pub(crate) async fn build_while<F: Future<Output = ()>>(
        self,
        prepare: impl FnOnce(&Cloud),
        meanwhile: impl FnOnce(Arc<Cloud>) -> F,
    ) -> Stage {
        let (cloud, secrets) = self.cloud();
        prepare(&cloud);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        let signal = StopSignal::default();
        tokio::join!(
            job::main_stage(&agent, Ok(http), [], &signal),
            meanwhile(Arc::clone(&cloud))
        );
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// The stage of a main stage that has done nothing, in a cloud that `prepare` has filled.
    pub(crate) fn idle(self, prepare: impl FnOnce(&Cloud)) -> Stage {
        let (cloud, secrets) = self.cloud();
        prepare(&cloud);
        Stage::new(cloud, secrets, &Output::default(), Duration::ZERO, self)
    }

    /// The stage of a main stage that has done nothing, in a cloud where something has happened already.
    pub(crate) fn idle_in(self, cloud: Arc<Cloud>) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        Stage::new(cloud, secrets, &Output::default(), Duration::ZERO, self)
    }

    /// Runs the main stage over another way to the network.
    pub(crate) async fn build_over(self, cloud: Arc<Cloud>, http: Arc<dyn Http>) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        job::main_stage(&agent, Ok(http), [], &StopSignal::default()).await;
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage, and asks it to stop after `stop`.
    pub(crate) async fn build_until(
        self,
        prepare: impl FnOnce(&Cloud),
        stop: Option<Duration>,
    ) -> Stage {
        let (cloud, secrets) = self.cloud();
        prepare(&cloud);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let signal = StopSignal::default();
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        let stage = job::main_stage(&agent, Ok(http), [], &signal);
        match stop {
            None => stage.await,
            Some(after) => {
                let ask = async {
                    tokio::time::sleep(after).await;
                    signal.requested().cancel();
                };
                tokio::join!(stage, ask);
            }
        }
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage, asks it to stop after `stop`, and asks again after `again`.
    pub(crate) async fn build_until_twice(self, stop: Duration, again: Duration) -> Stage {
        let (cloud, secrets) = self.cloud();
        let output = Output::default();
        let agent = self.agent(&output, None);
        let signal = StopSignal::default();
        let start = Instant::now();
        let ask = async {
            tokio::time::sleep(stop).await;
            signal.requested().cancel();
            tokio::time::sleep(again).await;
            signal.at_once().cancel();
        };
        let http = http(&cloud, &secrets);
        tokio::join!(job::main_stage(&agent, Ok(http), [], &signal), ask);
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage, and drops it in the middle: nothing of it runs any more.
    pub(crate) async fn build_until_crash(self, after: Duration) -> Stage {
        let (cloud, secrets) = self.cloud();
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        let signal = StopSignal::default();
        tokio::time::timeout(after, job::main_stage(&agent, Ok(http), [], &signal))
            .await
            .ok();
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }
}
