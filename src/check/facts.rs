//! What an image is: of the source, and of the definition that it goes to.

use serde_json::Value;

use super::azure::{Azure, Look, text};
use super::subject::Source;
use super::{marketplace, source};

/// What an image is, as far as it is known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// `Linux` or `Windows`.
    pub(super) os: Option<String>,
    /// `V1` or `V2`.
    pub(super) generation: Option<String>,
    /// `x64` or `Arm64`.
    pub(super) architecture: Option<String>,
    /// `TrustedLaunchSupported` ...
    pub(super) security: Option<String>,
}

impl Facts {
    /// Of an image definition.
    pub(super) fn of_definition(definition: &Value) -> Self {
        let own = |member: &str| text(definition, member).map(str::to_owned);
        Self {
            os: own("/properties/osType"),
            generation: own("/properties/hyperVGeneration"),
            architecture: own("/properties/architecture"),
            security: security(definition),
        }
    }

    /// Of a marketplace image.
    fn of_marketplace(image: &Value) -> Self {
        let own = |member: &str| text(image, member).map(str::to_owned);
        Self {
            os: own("/properties/osDiskImage/operatingSystem"),
            generation: own("/properties/hyperVGeneration"),
            architecture: own("/properties/architecture"),
            security: security(image),
        }
    }

    /// Of a managed image.
    fn of_managed_image(image: &Value) -> Self {
        let own = |member: &str| text(image, member).map(str::to_owned);
        Self {
            os: own("/properties/storageProfile/osDisk/osType"),
            generation: own("/properties/hyperVGeneration"),
            ..Self::default()
        }
    }
}

/// The feature `SecurityType`.
fn security(image: &Value) -> Option<String> {
    let features = image.pointer("/properties/features")?.as_array()?;
    let named = |feature: &&Value| text(feature, "/name") == Some("SecurityType");
    let feature = features.iter().find(named)?;
    text(feature, "/value").map(str::to_owned)
}

/// What the source is; nothing, where it cannot be read.
pub(super) async fn of_source(azure: &Azure<'_>) -> Facts {
    match &azure.subject.source {
        Source::Marketplace { .. } => match marketplace::image(azure).await.as_deref() {
            Some(Look::There(image)) => Facts::of_marketplace(image),
            _ => Facts::default(),
        },
        Source::ManagedImage(id) => match &*source::managed_image(azure, id).await {
            Look::There(image) => Facts::of_managed_image(image),
            _ => Facts::default(),
        },
        Source::GalleryVersion(id) => {
            let Some(definition) = id.parent() else {
                return Facts::default();
            };
            match &*super::gallery::definition(azure, &definition).await {
                Look::There(definition) => Facts::of_definition(definition),
                _ => Facts::default(),
            }
        }
        Source::Other => Facts::default(),
    }
}
