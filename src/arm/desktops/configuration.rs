//! What the service makes the session hosts of a pool by: the wanted configuration and the one that hosts run with.
//!
//! <https://learn.microsoft.com/rest/api/desktopvirtualization/session-host-configurations/get>, recorded in 2025.

use std::fmt;

use serde_json::{Value, json};

use crate::arm::api::HOST_POOLS;
use crate::arm::failure::Failure;
use crate::arm::resource_manager::{Arm, Changed};
use crate::resource::{ResourceId, plain_region};

/// The image in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageInfo {
    /// One of one's own, by its resource id.
    Custom(String),
    /// One of the Marketplace: publisher, offer, SKU and version.
    Marketplace([String; 4]),
}

impl ImageInfo {
    fn read(info: &Value) -> Option<Self> {
        let text = |pointer: &str| {
            let text = info.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let custom = || Some(Self::Custom(text("/customInfo/resourceId")?));
        let marketplace = || {
            let member = |name: &str| text(&format!("/marketplaceInfo/{name}"));
            Some(Self::Marketplace([
                member("publisher")?,
                member("offer")?,
                member("sku")?,
                member("exactVersion")?,
            ]))
        };
        match text("/type") {
            Some(kind) if kind.eq_ignore_ascii_case("Custom") => custom(),
            Some(kind) if kind.eq_ignore_ascii_case("Marketplace") => marketplace(),
            _ => custom().or_else(marketplace),
        }
    }

    /// `imageInfo` of a request. `type` goes with it: without one a pool with a Marketplace image may keep that.
    pub fn json(&self) -> Value {
        match self {
            Self::Custom(id) => json!({"type": "Custom", "customInfo": {"resourceId": id}}),
            Self::Marketplace([publisher, offer, sku, version]) => json!({
                "type": "Marketplace",
                "marketplaceInfo": {"publisher": publisher, "offer": offer, "sku": sku, "exactVersion": version},
            }),
        }
    }

    /// The body of a request that sets the image of a configuration.
    pub fn change(&self) -> Value {
        json!({"properties": {"imageInfo": self.json()}})
    }

    /// Whether both are the same image. Letter case does not matter.
    pub fn is(&self, other: &Self) -> bool {
        self.to_string().eq_ignore_ascii_case(&other.to_string())
    }
}

/// The id, or `publisher:offer:sku:version`.
impl fmt::Display for ImageInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(id) => f.write_str(id),
            Self::Marketplace(parts) => f.write_str(&parts.join(":")),
        }
    }
}

/// A session host configuration, as far as this matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostConfiguration {
    /// The image; nothing where it cannot be read.
    pub image: Option<ImageInfo>,
    /// `Succeeded`, `Failed` and others; empty where it does not say.
    pub state: String,
    /// The region of the VMs, `westeurope`.
    pub region: Option<String>,
    /// The size of the VMs, `Standard_D4ads_v5`.
    pub size: Option<String>,
    /// `TrustedLaunch`, `ConfidentialVM`, `Standard`.
    pub security: Option<String>,
    /// The addresses of the Key Vault secrets that the service reads.
    pub secrets: Vec<String>,
}

impl HostConfiguration {
    fn read(document: &Value) -> Self {
        let properties = document.get("properties").unwrap_or(&Value::Null);
        let text = |pointer: &str| {
            let text = properties.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let secrets = [
            "/vmAdminCredentials/usernameKeyVaultSecretUri",
            "/vmAdminCredentials/passwordKeyVaultSecretUri",
            "/domainInfo/activeDirectoryInfo/domainCredentials/usernameKeyVaultSecretUri",
            "/domainInfo/activeDirectoryInfo/domainCredentials/passwordKeyVaultSecretUri",
        ];
        Self {
            image: properties.get("imageInfo").and_then(ImageInfo::read),
            state: text("/provisioningState").unwrap_or_default(),
            region: text("/vmLocation").map(|region| plain_region(&region)),
            size: text("/vmSizeId"),
            security: text("/securityInfo/type"),
            secrets: secrets.into_iter().filter_map(text).collect(),
        }
    }
}

impl Arm {
    /// The wanted configuration of a pool, or the active one, which its hosts run with; nothing if there is none.
    pub async fn host_configuration(
        &self,
        pool: &ResourceId,
        is_active: bool,
    ) -> Result<Option<HostConfiguration>, Failure> {
        let (what, part) = if is_active {
            (
                "active session host configuration",
                "activeSessionHostConfigurations",
            )
        } else {
            ("session host configuration", "sessionHostConfigurations")
        };
        let doing = format!("Reading the {what} of host pool '{}'", pool.name());
        let path = format!("{pool}/{part}/default");
        let found = self.get_if_there(&doing, path, HOST_POOLS).await?;
        Ok(found.as_ref().map(HostConfiguration::read))
    }

    /// Asks for another image in the wanted configuration of a pool: 202 with a place to ask.
    pub async fn change_host_image(
        &self,
        pool: &ResourceId,
        image: &ImageInfo,
    ) -> Result<Changed, Failure> {
        let doing = changing(pool);
        let path = format!("{pool}/sessionHostConfigurations/default");
        self.patch(&doing, path, HOST_POOLS, &image.change()).await
    }
}

/// What the change of the configuration of a pool is called.
pub fn changing(pool: &ResourceId) -> String {
    format!(
        "Changing the session host configuration of host pool '{}'",
        pool.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_what_its_type_says() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0";
        let custom =
            json!({"type": "Custom", "marketplaceInfo": null, "customInfo": {"resourceId": id}});
        let custom = ImageInfo::read(&custom).unwrap();
        assert_eq!(custom, ImageInfo::Custom(id.to_owned()));
        assert!(custom.is(&ImageInfo::Custom(id.to_uppercase())));
        // As recorded in October 2025, in Azure/azure-powershell.
        let recorded = json!({
            "type": "Marketplace",
            "marketplaceInfo": {"offer": "windows-11", "publisher": "microsoftwindowsdesktop", "sku": "win11-24h2-avd", "exactVersion": "26100.6899.251011"},
            "customInfo": null,
        });
        let recorded = ImageInfo::read(&recorded).unwrap();
        assert_eq!(
            recorded.to_string(),
            "microsoftwindowsdesktop:windows-11:win11-24h2-avd:26100.6899.251011"
        );
        assert!(!recorded.is(&custom));
        for image in [custom, recorded] {
            assert_eq!(ImageInfo::read(&image.json()), Some(image));
        }
        assert_eq!(ImageInfo::read(&json!({"type": "Custom"})), None);
        assert_eq!(ImageInfo::read(&json!({})), None);
    }

    #[test]
    fn a_configuration_tells_region_security_and_secrets() {
        let document = json!({"properties": {
            "provisioningState": "Succeeded", "vmLocation": "West US 2", "vmSizeId": "Standard_D2ads_v6", "securityInfo": {"type": "TrustedLaunch"},
            "vmAdminCredentials": {"usernameKeyVaultSecretUri": "https://kv.vault.azure.net/secrets/u", "passwordKeyVaultSecretUri": "https://kv.vault.azure.net/secrets/p"},
            "domainInfo": {"activeDirectoryInfo": null},
        }});
        let configuration = HostConfiguration::read(&document);
        assert_eq!(configuration.region.as_deref(), Some("westus2"));
        assert_eq!(configuration.size.as_deref(), Some("Standard_D2ads_v6"));
        assert_eq!(configuration.security.as_deref(), Some("TrustedLaunch"));
        assert_eq!(configuration.secrets.len(), 2);
        assert_eq!(configuration.image, None);
        assert_eq!(
            HostConfiguration::read(&Value::Null),
            HostConfiguration::default()
        );
    }
}
