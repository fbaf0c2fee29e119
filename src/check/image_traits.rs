//! What an image is: of the source, and of the definition that it goes to.

use serde_json::Value;

use super::lookup::text;

/// What an image is, as far as it is known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ImageTraits {
    /// `Linux` or `Windows`.
    pub os: Option<String>,
    /// `V1` or `V2`.
    pub generation: Option<String>,
    /// `x64` or `Arm64`.
    pub architecture: Option<String>,
    /// `TrustedLaunchSupported` ...
    pub security: Option<String>,
    /// `Generalized` or `Specialized`.
    pub state: Option<String>,
    /// Name, product and publisher of the plan under which it is sold.
    pub plan: Option<[String; 3]>,
}

/// Whether VMs of a security type cannot do without it: `TrustedLaunch`, where `TrustedLaunchSupported` leaves the choice
/// (<https://learn.microsoft.com/azure/virtual-machines/image-builder-overview#confidential-vm-and-trusted-launch-support>).
pub fn is_demanded(security: &str) -> bool {
    let demanded = ["TrustedLaunch", "ConfidentialVM"];
    demanded
        .iter()
        .any(|own| own.eq_ignore_ascii_case(security))
}

impl ImageTraits {
    pub(super) fn is_specialized(&self) -> bool {
        let state = self.state.as_deref();
        state.is_some_and(|state| state.eq_ignore_ascii_case("Specialized"))
    }

    pub(super) fn is_arm(&self) -> bool {
        let architecture = self.architecture.as_deref();
        architecture.is_some_and(|architecture| architecture.eq_ignore_ascii_case("Arm64"))
    }

    /// Of an image definition.
    pub fn of_definition(definition: &Value) -> Self {
        let own = |member: &str| text(definition, member).map(str::to_owned);
        Self {
            os: own("/properties/osType"),
            generation: own("/properties/hyperVGeneration"),
            architecture: own("/properties/architecture"),
            security: security(definition),
            state: own("/properties/osState"),
            plan: plan(definition, "/properties/purchasePlan"),
        }
    }

    /// Of a marketplace image.
    pub fn of_marketplace(image: &Value) -> Self {
        let own = |member: &str| text(image, member).map(str::to_owned);
        Self {
            os: own("/properties/osDiskImage/operatingSystem"),
            generation: own("/properties/hyperVGeneration"),
            architecture: own("/properties/architecture"),
            security: security(image),
            state: None,
            plan: plan(image, "/properties/plan"),
        }
    }

    /// Of a managed image.
    pub(super) fn of_managed_image(image: &Value) -> Self {
        let own = |member: &str| text(image, member).map(str::to_owned);
        Self {
            os: own("/properties/storageProfile/osDisk/osType"),
            generation: own("/properties/hyperVGeneration"),
            state: own("/properties/storageProfile/osDisk/osState"),
            ..Self::default()
        }
    }
}

/// A plan, with a question mark for what Azure does not tell of it.
fn plan(image: &Value, pointer: &str) -> Option<[String; 3]> {
    let plan = image.pointer(pointer).filter(|plan| plan.is_object())?;
    let own = |member: &str| text(plan, member).unwrap_or("?").to_owned();
    Some(["/name", "/product", "/publisher"].map(own))
}

/// The feature `SecurityType`.
fn security(image: &Value) -> Option<String> {
    let features = image.pointer("/properties/features")?.as_array()?;
    let named = |feature: &&Value| text(feature, "/name") == Some("SecurityType");
    let feature = features.iter().find(named)?;
    text(feature, "/value").map(str::to_owned)
}
