//! How a pool gets to serve the image.

use super::existing::Count;
use super::{Host, Job, NotRolledOut, Own, Refused};
use crate::arm::desktops::HostPool;
use crate::inputs::RolloutMethod::{self, Existing, Replace, SessionHostUpdate};
use crate::inputs::WantedImage;
use crate::inputs::manifest::{ROLLOUT_AT, ROLLOUT_METHOD, SESSION_HOST_TEMPLATE};
use crate::resource::quoted;

/// Code of "the pool is of another kind than the method needs".
const WRONG_KIND: &str = "AIB842";

impl Job<'_> {
    /// What speaks against the method, or against any, for the kind of the pool.
    pub(super) fn check_kind(&self, pool: &HostPool) -> Result<(), Refused> {
        let refused = |why: &str, hint: String| {
            let text = format!(
                "Rolling out to host pool '{}' failed: {why}",
                self.request.pool.name()
            );
            Err(Refused::new(WRONG_KIND, text, hint))
        };
        if pool.is_personal() {
            return refused(
                "it is personal: each of its hosts belongs to one user",
                "roll out to a pooled host pool; a personal desktop gets a new image with a new host for its user".to_owned(),
            );
        }
        let set = |method: RolloutMethod| format!("'{}: {}'", ROLLOUT_METHOD.name, method.name());
        match self.request.method {
            Some(SessionHostUpdate) if !pool.is_automated() => refused(
                &format!(
                    "a session host update needs a pool with a session host configuration (managementType Automated), and this one is {}",
                    pool.management
                ),
                format!(
                    "set {} with '{}', or {} if hosts of the image are there",
                    set(Replace),
                    SESSION_HOST_TEMPLATE.name,
                    set(Existing)
                ),
            ),
            Some(Replace) if pool.is_automated() => refused(
                "its hosts are made by the service (managementType Automated), so a deployment cannot add any",
                format!("set {}", set(SessionHostUpdate)),
            ),
            _ => Ok(()),
        }
    }

    /// Whether deployments of this step's names matter.
    pub(super) fn may_replace(&self, pool: &HostPool) -> bool {
        match self.request.method {
            Some(method) => method == Replace,
            None => !pool.is_automated(),
        }
    }

    /// The method that is given, or the one that fits.
    pub(super) fn method(
        &self,
        pool: &HostPool,
        hosts: &[Host],
        own: &Own,
    ) -> Result<RolloutMethod, NotRolledOut> {
        let method = match self.request.method {
            Some(method) => method,
            None if pool.is_automated() => SessionHostUpdate,
            None if own.is_of(self.request) => Replace,
            None if Count::of(self.request, hosts, self.now()).is_enough() => Existing,
            None => Replace,
        };
        self.check_inputs(method)?;
        Ok(method)
    }

    /// What could not be told before the method was chosen.
    fn check_inputs(&self, method: RolloutMethod) -> Result<(), Refused> {
        let request = self.request;
        let refused = |code, input: &str, why: String, hint: String| {
            let text = format!("Input '{input}': {why}");
            Err(Refused::new(code, text, hint))
        };
        let chosen = format!(
            "{} 'auto' chose '{}' for this host pool",
            ROLLOUT_METHOD.name,
            method.name()
        );
        if method == SessionHostUpdate {
            return Ok(());
        }
        if let WantedImage::Marketplace(_) = request.image {
            let image = request.image.to_string();
            let why = format!(
                "{} is an image of the Marketplace, and {chosen}, which takes a gallery image version alone",
                quoted(&image)
            );
            let hint = "name a gallery image version".to_owned();
            let input = crate::inputs::manifest::IMAGE_VERSION_ID.name;
            return refused("AIB101", input, why, hint);
        }
        if request.at.is_some() {
            let why = format!("only a session host update can begin later, and {chosen}");
            let hint = format!(
                "remove '{}', and run the step at that time",
                ROLLOUT_AT.name
            );
            return refused("AIB101", ROLLOUT_AT.name, why, hint);
        }
        if method == Replace && request.template.is_none() {
            let why = format!("it is required but empty, because {chosen}");
            let hint = format!(
                "set it to the path of an ARM template that deploys session hosts (samples/host-pools/session-hosts.json is one); or deploy hosts of the image first: then 'auto' takes '{}'",
                Existing.name()
            );
            return refused("AIB100", SESSION_HOST_TEMPLATE.name, why, hint);
        }
        Ok(())
    }
}
