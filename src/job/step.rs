//! What all actions have in common: they sign in to Azure, work, and come to an end when the job does.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, Console, StopSignal};
use crate::arm::auth::ServiceConnectionTokens;
use crate::arm::http::Http;
use crate::arm::{Arm, Client, cloud};
use crate::check;
use crate::error::Error;
use crate::inputs::Connection;
use crate::inputs::connection::PRINCIPAL;
use crate::secret::Masker;

/// A step at work: the agent that started it, the network, and the requests to stop.
pub(super) struct Step<'a> {
    pub(super) agent: &'a Agent,
    /// The client for the network, or why there is none.
    pub(super) http: Result<Arc<dyn Http>, String>,
    pub(super) stop: &'a StopSignal,
}

impl<'a> Step<'a> {
    pub(super) fn console(&self) -> &'a Console {
        self.agent.console()
    }

    /// Where the files of the step are written.
    pub(super) fn folder(&self) -> PathBuf {
        self.agent.environment().temp_directory()
    }

    /// The job's own limits.
    pub(super) fn job(&self) -> check::Job {
        let limit = self.agent.environment().variable("System.JobTimeout");
        check::Job {
            limit_minutes: limit.and_then(|minutes| minutes.trim().parse().ok()),
        }
    }

    /// Canceled by the first request to stop.
    pub(super) fn stopping(&self) -> &'a CancellationToken {
        self.stop.requested()
    }

    /// Azure Resource Manager by this service connection. [`Error::Canceled`] on the first request to stop.
    pub(super) async fn connect(&self, connection: &Connection) -> Result<Arm, Error> {
        self.until_stopped(self.arm(connection)).await
    }

    /// For work that leaves nothing behind: what it comes to, or [`Error::Canceled`] on the first request to stop.
    pub(super) async fn until_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.stopping().cancelled() => Err(Error::Canceled),
            result = work => result,
        }
    }

    /// For work that winds up by itself on the first request to stop: what it comes to, or nothing on the second request.
    pub(super) async fn until_ended_at_once<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.at_once().cancelled() => None,
            result = work => Some(result),
        }
    }

    /// [`Step::connect`] for work that does not care for requests to stop itself.
    pub(super) async fn arm(&self, connection: &Connection) -> Result<Arm, Error> {
        if let Some(principal) = connection.principal() {
            for placeholder in PRINCIPAL {
                self.console().fill_in(placeholder, principal);
            }
        }
        let http = self.http.clone().map_err(Error::Network)?;
        let masker: Arc<dyn Masker> = Arc::new(self.console().clone());
        let cloud = cloud::complete(&connection.cloud, http.as_ref()).await;
        let cloud = cloud.map_err(Error::SignIn)?;
        let tokens = ServiceConnectionTokens::new(
            connection,
            &cloud,
            Arc::clone(&http),
            Arc::clone(&masker),
        );
        let client = Client::new(http, Arc::new(tokens.map_err(Error::SignIn)?), masker);
        Ok(Arm::new(client, &cloud))
    }
}
