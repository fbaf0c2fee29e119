//! The deployments of this step's names: what an earlier attempt has begun.

use http::StatusCode;

use super::step::RolloutStep;
use crate::arm::Failure;
use crate::arm::deployment::{Deployment, Operation};
use crate::inputs::{Rollout, WantedImage};

/// The deployments that have the names of this step's own, whatever they deploy.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnDeployments {
    /// The deployment of the hosts that are tried first.
    pub(super) canary: Option<Deployment>,
    /// The deployment of the hosts after the canary.
    pub(super) rest: Option<Deployment>,
}

impl OwnDeployments {
    /// Whether one of them deploys the wanted image.
    pub(super) fn has(&self, image: &WantedImage) -> bool {
        let mut all = [&self.canary, &self.rest].into_iter().flatten();
        all.any(|deployment| deploys(deployment, image))
    }
}

/// Whether a deployment was to make hosts of the image.
pub(super) fn deploys(deployment: &Deployment, image: &WantedImage) -> bool {
    let theirs = deployment.text("imageVersionId");
    theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(&image.to_string()))
}

/// Why a deployment failed: what it says in its innermost details, and what its resources say.
pub(super) fn cause(error: Option<&(String, String)>, operations: Vec<Operation>) -> String {
    let mut said = match error {
        Some((code, message)) => format!("{code}: {message}"),
        None => "Azure does not say why".to_owned(),
    };
    for operation in operations {
        let Some((code, message)) = operation.error else {
            continue;
        };
        if operation.resource.is_empty() {
            continue;
        }
        if said.contains(&message) && !message.is_empty() {
            said = said.replacen(&message, &format!("{message} [{}]", operation.resource), 1);
        } else {
            said = format!("{said}; {}: {code}: {message}", operation.resource);
        }
    }
    said
}

/// `image-rollout-4711-1a2b3c4d-canary`; `part` is `canary` or `rest`.
pub(super) fn name(request: &Rollout, part: &str) -> String {
    format!("{}-{part}", request.names.deployment)
}

impl RolloutStep<'_> {
    /// Both deployments, whatever they deploy. Who must not read deployments has none.
    pub(super) async fn own_deployments(&self) -> Result<OwnDeployments, Failure> {
        Ok(OwnDeployments {
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
