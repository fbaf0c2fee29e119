//! The ways in which a stage goes: to its end, asked to stop, dead in the middle, or while something else happens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use azure_emulator::Cloud;
use bytes::Bytes;
use http::{Request, Response};
use image_builder::agent::{Agent, StopSignal};
use image_builder::arm::http::{Http, TransportError};
use image_builder::job;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::{Output, Scene, Stage, http};
use crate::flow::live_secrets::LiveSecrets;

/// When a job dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Before the request is sent.
    Before,
    /// When the cloud has obeyed it, and before the answer arrives.
    After,
}

/// A way to the network on which everything stands still from the request on that `is_last` tells.
struct Frozen<F> {
    inner: Arc<dyn Http>,
    is_last: F,
    death: Death,
    count: AtomicUsize,
    dead: Arc<Notify>,
}

impl<F> fmt::Debug for Frozen<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frozen")
    }
}

#[async_trait]
impl<F: Fn(usize, &Request<Bytes>) -> bool + Send + Sync> Http for Frozen<F> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        if !(self.is_last)(number, &request) {
            return self.inner.send(request).await;
        }
        if self.death == Death::After {
            self.inner.send(request).await.ok();
        }
        self.dead.notify_one();
        std::future::pending().await
    }
}

/// A stage on its way: what it is given.
struct Running<'a> {
    agent: &'a Agent,
    http: Arc<dyn Http>,
    signal: &'a StopSignal,
}

async fn main_stage(
    Running {
        agent,
        http,
        signal,
    }: Running<'_>,
) {
    job::main_stage(agent, Ok(http), [], signal).await;
}

/// The main stage, asked to stop when `begun` ends.
async fn main_stage_until(running: Running<'_>, begun: impl Future<Output = ()>) {
    let signal = running.signal;
    let ask = async {
        begun.await;
        signal.requested().cancel();
    };
    tokio::join!(main_stage(running), ask);
}

impl Scene {
    /// Runs a stage in `cloud`; `note` is what an earlier one has left.
    async fn run(
        self,
        cloud: Arc<Cloud>,
        secrets: LiveSecrets,
        note: Option<String>,
        stage: impl AsyncFnOnce(Running<'_>),
    ) -> Stage {
        let output = Output::default();
        let agent = self.agent(&output, note.as_deref());
        let (start, signal) = (Instant::now(), StopSignal::default());
        let running = Running {
            agent: &agent,
            http: http(&cloud, &secrets),
            signal: &signal,
        };
        Box::pin(stage(running)).await;
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs a stage in a cloud of its own, which `prepare` may script.
    async fn run_alone(
        self,
        prepare: impl FnOnce(&Cloud),
        stage: impl AsyncFnOnce(Running<'_>),
    ) -> Stage {
        let (cloud, secrets) = self.cloud();
        prepare(&cloud);
        Box::pin(self.run(cloud, secrets, None, stage)).await
    }

    /// Runs a stage in a cloud where something has happened already.
    async fn run_in(self, cloud: Arc<Cloud>, stage: impl AsyncFnOnce(Running<'_>)) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        Box::pin(self.run(cloud, secrets, None, stage)).await
    }

    /// A cloud for this step.
    pub(crate) fn new_cloud(&self) -> Arc<Cloud> {
        self.cloud().0
    }

    /// The step in the job's attempt of this number.
    pub(crate) fn attempt(self, number: u32) -> Self {
        self.variable("System.JobAttempt", &number.to_string())
    }

    /// A variable of the pipeline.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.step = self.step.variable(name, value);
        self
    }

    /// Runs the main stage; `prepare` may script the cloud.
    pub(crate) async fn build(self, prepare: impl FnOnce(&Cloud)) -> Stage {
        self.run_alone(prepare, main_stage).await
    }

    /// Runs the main stage in a cloud where something has happened already.
    pub(crate) async fn build_in(self, cloud: Arc<Cloud>) -> Stage {
        self.run_in(cloud, main_stage).await
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
        let meanwhile = meanwhile(Arc::clone(&cloud));
        let both = async |running: Running<'_>| {
            tokio::join!(main_stage(running), meanwhile);
        };
        self.run(cloud, secrets, None, both).await
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
        let over = async |running: Running<'_>| main_stage(Running { http, ..running }).await;
        self.run_in(cloud, over).await
    }

    /// Runs the main stage, and asks it to stop after `stop`.
    pub(crate) async fn build_until(
        self,
        prepare: impl FnOnce(&Cloud),
        stop: Option<Duration>,
    ) -> Stage {
        let Some(stop) = stop else {
            return self.build(prepare).await;
        };
        let stage = async |running: Running<'_>| main_stage_until(running, sleep(stop)).await;
        self.run_alone(prepare, stage).await
    }

    /// Runs the main stage, asks it to stop after `stop`, and asks again after `again`.
    pub(crate) async fn build_until_twice(self, stop: Duration, again: Duration) -> Stage {
        let stage = async |running: Running<'_>| {
            let signal = running.signal;
            let ask_again = async {
                sleep(stop + again).await;
                signal.at_once().cancel();
            };
            tokio::join!(main_stage_until(running, sleep(stop)), ask_again);
        };
        self.run_alone(|_| {}, stage).await
    }

    /// Runs the main stage, and drops it in the middle: nothing of it runs any more.
    pub(crate) async fn build_until_crash(self, after: Duration) -> Stage {
        let cloud = self.new_cloud();
        self.dies_after(cloud, after).await
    }

    /// The same in a cloud where something has happened already.
    pub(crate) async fn dies_after(self, cloud: Arc<Cloud>, time: Duration) -> Stage {
        let stage = async |running: Running<'_>| {
            timeout(time, main_stage(running)).await.ok();
        };
        self.run_in(cloud, stage).await
    }

    /// Runs the main stage until it dies at the request that `is_last` tells.
    pub(crate) async fn dies_at(
        self,
        cloud: Arc<Cloud>,
        is_last: impl Fn(usize, &Request<Bytes>) -> bool + Send + Sync + 'static,
        death: Death,
    ) -> Stage {
        let stage = async |running: Running<'_>| {
            let dead = Arc::new(Notify::new());
            let http = Arc::new(Frozen {
                inner: Arc::clone(&running.http),
                is_last,
                death,
                count: AtomicUsize::new(0),
                dead: Arc::clone(&dead),
            });
            tokio::select! {
                () = main_stage(Running { http, ..running }) => {}
                () = dead.notified() => {}
            }
        };
        self.run_in(cloud, stage).await
    }

    /// Runs the main stage in this cloud, and asks it to stop after `stop`.
    pub(crate) async fn canceled_in(self, cloud: Arc<Cloud>, stop: Duration) -> Stage {
        self.canceled_when(cloud, sleep(stop)).await
    }

    /// The same when `begun` ends.
    pub(crate) async fn canceled_when(
        self,
        cloud: Arc<Cloud>,
        begun: impl Future<Output = ()>,
    ) -> Stage {
        let stage = async |running: Running<'_>| main_stage_until(running, begun).await;
        self.run_in(cloud, stage).await
    }
}

impl Stage {
    /// Runs a stage after this one in the same job.
    async fn followed_by(self, stage: impl AsyncFnOnce(Running<'_>)) -> Stage {
        let Self {
            cloud,
            secrets,
            scene,
            note,
            ..
        } = self;
        Box::pin(scene.run(cloud, secrets, note, stage)).await
    }

    /// Runs the post-job stage after this one.
    pub(crate) async fn clean_up(self) -> Stage {
        let stage = async |Running {
                               agent,
                               http,
                               signal,
                           }: Running<'_>| {
            job::remove_leftovers(agent, Ok(http), signal).await;
        };
        self.followed_by(stage).await
    }

    /// Runs the post-job stage, and asks it to stop after `stop`.
    pub(crate) async fn clean_up_until(self, stop: Duration) -> Stage {
        let stage = async |Running {
                               agent,
                               http,
                               signal,
                           }: Running<'_>| {
            let ask = async {
                sleep(stop).await;
                signal.requested().cancel();
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = job::remove_leftovers(agent, Ok(http), signal) => {}
                () = ask => {}
            }
        };
        self.followed_by(stage).await
    }

    /// Runs the main stage once more in the same job, as `retryCountOnTaskFailure` does.
    pub(crate) async fn retry(self) -> Stage {
        self.followed_by(main_stage).await
    }

    /// The same, and asks it to stop after `stop`.
    pub(crate) async fn retry_until(self, stop: Duration) -> Stage {
        let stage = async |running: Running<'_>| main_stage_until(running, sleep(stop)).await;
        self.followed_by(stage).await
    }
}
