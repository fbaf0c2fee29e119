//! The deployments of this step's names: what an earlier attempt has begun.

use http::StatusCode;

use super::Job;
use crate::arm::Failure;
use crate::arm::deployment::Deployment;
use crate::inputs::Rollout;

/// The deployments that have the names of this step's own, whatever they deploy.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// The hosts that are tried first.
    pub canary: Option<Deployment>,
    /// The others.
    pub rest: Option<Deployment>,
}

impl Own {
    /// Whether one of them deploys the wanted version.
    pub fn is_of(&self, request: &Rollout) -> bool {
        let wanted = request.image.to_string();
        let mut all = [&self.canary, &self.rest].into_iter().flatten();
        all.any(|deployment| {
            let image = deployment.text("imageVersionId");
            image.is_some_and(|image| image.eq_ignore_ascii_case(&wanted))
        })
    }
}

/// `image-rollout-4711-1a2b3c4d-canary`; `part` is `canary` or `rest`.
pub(super) fn name(request: &Rollout, part: &str) -> String {
    format!("{}-{part}", request.names.deployment)
}

impl Job<'_> {
    /// Both deployments, whatever they deploy. Who must not read deployments has none.
    pub(super) async fn own_deployments(&self) -> Result<Own, Failure> {
        Ok(Own {
            canary: self.own_deployment("canary").await?,
            rest: self.own_deployment("rest").await?,
        })
    }

    /// One of them, whatever it deploys.
    pub(super) async fn own_deployment(&self, part: &str) -> Result<Option<Deployment>, Failure> {
        let name = name(self.request, part);
        match self.arm.deployment(&self.request.group, &name).await {
            Err(failure) if failure.is(StatusCode::FORBIDDEN) => Ok(None),
            found => found,
        }
    }
}
