//! What an update is refused for before it touches a host: faults as the service writes them, a JSON array in a text.

use serde_json::{Value, json};

use super::Pool;
use crate::arm::Arm;
use crate::ids;
use crate::pools::UpdateFate;

/// A fault: its code without the suffix, its text, its rule.
pub(super) struct Fault {
    code: &'static str,
    text: String,
    rule: &'static str,
}

impl Fault {
    pub(super) fn new(code: &'static str, rule: &'static str, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            rule,
        }
    }
}

/// `error.code` and `error.message` (recorded: 2024).
pub(super) fn error(faults: &[Fault]) -> (String, String) {
    let faults: Vec<Value> = faults
        .iter()
        .map(|fault| {
            json!({
                "faultCode": format!("{}_1024", fault.code),
                "faultText": fault.text,
                "faultContext": fault.rule,
                "faultType": 0,
            })
        })
        .collect();
    ("UpdateFailure".to_owned(), Value::Array(faults).to_string())
}

impl Arm {
    /// Everything that speaks against an update of these hosts.
    pub(super) fn faults_of_update(
        &self,
        pool: &Pool,
        hosts: usize,
        fate: UpdateFate,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        if fate == UpdateFate::CapacityRule {
            let text = "The update of ≤1≥ session hosts needs ≤2≥ more cores of family ≤standardDadsv6Family≥ than the quota of the \
                        subscription has.";
            faults.push(Fault::new(
                "MigrationMayExceedCapacityLimit",
                "ComputeCapacityRule",
                text,
            ));
        }
        if hosts == 0 || fate == UpdateFate::NoHosts {
            let text = format!(
                "The host pool ≤{}≥ has no session hosts that need an update.",
                pool.name()
            );
            faults.push(Fault::new(
                "HostpoolHasNoSessionHosts",
                "HostPoolStateRule",
                text,
            ));
        }
        let key = ids::key(&pool.id);
        let active = |plan: &&&crate::pools::ScalingPlan| {
            let mut pools = plan.pools.iter();
            pools.any(|(id, on)| *on && ids::key(id) == key)
        };
        if let Some(plan) = self.scaling_plans_of(&key).iter().find(active) {
            let text = format!(
                "The scaling plan ≤{}≥ is switched on for the host pool.",
                plan.id
            );
            faults.push(Fault::new("ActiveScalingPlan", "ScalingPlanRule", text));
        }
        if let Some(secret) = self.unreadable_secret(pool, fate) {
            let text = format!(
                "The secret ≤{secret}≥ cannot be read. Caller: name=microsoft.desktopvirtualization/hostpools"
            );
            faults.push(Fault::new(
                "UnableToAccessKeyVaultSecret",
                "KeyVaultRule",
                text,
            ));
        }
        faults.extend(self.missing_image(pool));
        faults
    }

    /// The first secret of the configuration that the pool's identity has no role for.
    fn unreadable_secret(&self, pool: &Pool, fate: UpdateFate) -> Option<String> {
        let credentials = pool.configuration.as_ref()?.get("vmAdminCredentials")?;
        let secret = credentials
            .get("usernameKeyVaultSecretUri")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if fate == UpdateFate::KeyVault {
            return Some(secret.to_owned());
        }
        let principal = pool.identity.as_deref()?;
        let vault = secret
            .strip_prefix("https://")
            .and_then(|rest| rest.split('.').next())
            .unwrap_or_default();
        let reads = |role: &str| {
            let mut roles = self.world.roles.iter();
            let role = roles.find(|known| known.id.eq_ignore_ascii_case(role));
            role.is_some_and(|role| {
                let mut actions = role.data_actions.iter();
                actions.any(|action| reads_secrets(action))
            })
        };
        let covers = |scope: &str| {
            ids::segment_after(scope, "vaults").is_none_or(|name| name.eq_ignore_ascii_case(vault))
        };
        let mut assignments = self.world.role_assignments.iter();
        let reads = assignments.any(|assignment| {
            assignment.principal == principal
                && covers(&assignment.scope)
                && reads(&assignment.role)
        });
        (!reads).then(|| secret.to_owned())
    }

    /// An image that went after it was configured.
    fn missing_image(&self, pool: &Pool) -> Option<Fault> {
        let image = pool.configuration.as_ref()?.get("imageInfo")?;
        let text = |path: &str| {
            let value = image.pointer(path).and_then(Value::as_str);
            value.unwrap_or_default()
        };
        if text("/type") == "Custom" {
            let id = text("/customInfo/resourceId");
            let key = ids::key(id);
            let there = self.versions.contains_key(&key) || self.images.contains_key(&key);
            return (!there).then(|| {
                let text = format!("The image ≤{id}≥ does not exist.");
                Fault::new("CustomImageNotFound", "ImageRule", text)
            });
        }
        let [publisher, offer, sku, version] = ["publisher", "offer", "sku", "exactVersion"]
            .map(|name| text(&format!("/marketplaceInfo/{name}")));
        let mut images = self.world.platform_images.iter();
        let known = images.any(|image| {
            image.publisher.eq_ignore_ascii_case(publisher)
                && image.offer.eq_ignore_ascii_case(offer)
                && image.sku.eq_ignore_ascii_case(sku)
                && image.versions.iter().any(|known| known == version)
        });
        (!known).then(|| {
            let text = format!("The image ≤{publisher}:{offer}:{sku}:{version}≥ does not exist.");
            Fault::new("MarketplaceImageNotFound", "ImageRule", text)
        })
    }
}

/// Whether a data action of a role reads secrets.
fn reads_secrets(action: &str) -> bool {
    let wanted = "microsoft.keyvault/vaults/secrets/getsecret/action";
    let action = action.to_ascii_lowercase();
    match action.split_once('*') {
        None => action == wanted,
        Some((before, after)) => wanted.starts_with(before) && wanted.ends_with(after),
    }
}
