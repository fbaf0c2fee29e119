//! A job that dies: nothing of it runs any more from one request on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use azure_emulator::Cloud;
use bytes::Bytes;
use http::{Request, Response};
use image_builder::agent::StopSignal;
use image_builder::arm::http::{Http, TransportError};
use image_builder::job;
use tokio::sync::Notify;
use tokio::time::Instant;

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

impl Scene {
    /// A cloud for this step.
    pub(crate) fn new_cloud(&self) -> Arc<Cloud> {
        self.cloud().0
    }

    /// The step in the job's attempt of this number.
    pub(crate) fn attempt(mut self, number: u32) -> Self {
        self.step = self.step.variable("System.JobAttempt", number.to_string());
        self
    }

    /// A variable of the pipeline.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.step = self.step.variable(name, value);
        self
    }

    /// Runs the main stage until it dies at the request that `is_last` tells.
    pub(crate) async fn dies_at(
        self,
        cloud: Arc<Cloud>,
        is_last: impl Fn(usize, &Request<Bytes>) -> bool + Send + Sync + 'static,
        death: Death,
    ) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        let dead = Arc::new(Notify::new());
        let way = Frozen {
            inner: http(&cloud, &secrets),
            is_last,
            death,
            count: AtomicUsize::new(0),
            dead: Arc::clone(&dead),
        };
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let signal = StopSignal::default();
        tokio::select! {
            () = job::main_stage(&agent, Ok(Arc::new(way)), [], &signal) => {}
            () = dead.notified() => {}
        }
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage in this cloud until it dies after `time`.
    pub(crate) async fn dies_after(self, cloud: Arc<Cloud>, time: Duration) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let way = http(&cloud, &secrets);
        let signal = StopSignal::default();
        let building = job::main_stage(&agent, Ok(way), [], &signal);
        tokio::time::timeout(time, building).await.ok();
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage in this cloud, and asks it to stop after `stop`.
    pub(crate) async fn canceled_in(self, cloud: Arc<Cloud>, stop: Duration) -> Stage {
        self.canceled_when(cloud, tokio::time::sleep(stop)).await
    }

    /// The same when `begun` ends.
    pub(crate) async fn canceled_when(
        self,
        cloud: Arc<Cloud>,
        begun: impl Future<Output = ()>,
    ) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let way = http(&cloud, &secrets);
        let signal = StopSignal::default();
        let ask = async {
            begun.await;
            signal.requested().cancel();
        };
        tokio::join!(job::main_stage(&agent, Ok(way), [], &signal), ask);
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }
}
