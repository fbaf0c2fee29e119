//! How a pool gets to serve the image.

use super::codes;
use super::host::Host;
use super::outcome::{NotRolledOut, Refused};
use super::own_deployments::OwnDeployments;
use super::sizing::HostNumbers;
use super::step::RolloutStep;
use crate::arm::desktops::HostPool;
use crate::inputs::RolloutMethod::{self, Existing, Replace, SessionHostUpdate};
use crate::inputs::manifest::{ROLLOUT_AT, ROLLOUT_METHOD, SESSION_HOST_TEMPLATE};
use crate::inputs::rollout::HostTemplate;
use crate::inputs::{Rollout, WantedImage};
use crate::resource::quoted;

impl RolloutStep<'_> {
    /// What speaks against the method, or against any, for the kind of the pool.
    pub(super) fn check_kind(&self, pool: &HostPool) -> Result<(), Refused> {
        let refused = |why: &str, hint: String| {
            let text = format!(
                "Rolling out to host pool '{}' failed: {why}",
                self.request.pool.name()
            );
            Err(Refused::new(codes::WRONG_KIND, text, hint))
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
                "its hosts are created by the service (managementType Automated), so a deployment cannot add any",
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
        own: &OwnDeployments,
    ) -> Result<RolloutMethod, NotRolledOut> {
        let method = match self.request.method {
            Some(method) => method,
            None if pool.is_automated() => SessionHostUpdate,
            None if own.has(&self.request.image) => Replace,
            None if HostNumbers::of(self.request, hosts, self.now()).is_enough() => Existing,
            None => Replace,
        };
        self.check_inputs(method)?;
        Ok(method)
    }

    /// What could not be told before the method was chosen.
    fn check_inputs(&self, method: RolloutMethod) -> Result<(), Refused> {
        let request = self.request;
        let refused = |input: &str, why: String, hint: String| {
            let text = format!("Input '{input}': {why}");
            Err(Refused::new(codes::MALFORMED, text, hint))
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
            return refused(input, why, hint);
        }
        if request.at.is_some() {
            let why = format!("only a session host update can start later, and {chosen}");
            let hint = format!(
                "remove '{}', and run the step at that time",
                ROLLOUT_AT.name
            );
            return refused(ROLLOUT_AT.name, why, hint);
        }
        if method == Replace {
            check_template(request)?;
        }
        Ok(())
    }
}

/// Refuses a request without a template, or with one that would show the registration token.
pub(super) fn check_template(request: &Rollout) -> Result<(), Refused> {
    let template = template(request)?;
    let is_secret = |kind: &str| kind.eq_ignore_ascii_case("securestring");
    let token = template.parameter("registrationToken");
    let why = match token {
        Some(token) if is_secret(&token.kind) && !template.shows("registrationToken") => {
            return Ok(());
        }
        Some(token) if is_secret(&token.kind) => {
            "the outputs of the template have parameter 'registrationToken', so that everybody with read permission on the deployment could read the token and add hosts to the pool".to_owned()
        }
        Some(token) => format!(
            "parameter 'registrationToken' of the template is a {}, so that everybody with read permission on the deployment could read the token and add hosts to the pool",
            token.kind
        ),
        None => "the template has no parameter 'registrationToken'".to_owned(),
    };
    let text = format!(
        "Rolling out to host pool '{}' failed: {why}; nothing was sent",
        request.pool.name()
    );
    let hint = format!(
        "in the file of input '{}', take the token out of 'outputs', and declare it as \"registrationToken\": {{\"type\": \"securestring\"}}",
        SESSION_HOST_TEMPLATE.name
    );
    Err(Refused::new(codes::TOKEN_NOT_SECRET, text, Some(hint)))
}

/// The template, without which no hosts are made. The inputs require one with `replace`, so that it lacks only where the step has chosen that.
pub(super) fn template(request: &Rollout) -> Result<&HostTemplate, Refused> {
    request.template.as_ref().ok_or_else(|| {
        let text = format!(
            "Input '{}': it is required but empty, because {} 'auto' chose '{}' for this host pool",
            SESSION_HOST_TEMPLATE.name,
            ROLLOUT_METHOD.name,
            Replace.name()
        );
        let hint = format!(
            "set it to the path of an ARM template that deploys session hosts (samples/host-pools/session-hosts.json is one); or deploy hosts of the image first: then 'auto' takes '{}'",
            Existing.name()
        );
        Refused::new(codes::MISSING, text, hint)
    })
}
