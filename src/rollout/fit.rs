//! Whether session hosts can be made of the image: what Azure says of the image against what makes the VMs. All of it is read before anything is
//! changed. What cannot be read, or a template does not say plainly, tells nothing.

use super::codes;
use super::outcome::Refused;
use super::step::RolloutStep;
use crate::arm::api::{GALLERIES, MARKETPLACE_IMAGES};
use crate::arm::desktops::HostConfiguration;
use crate::check::image_traits::{ImageTraits, is_demanded};
use crate::check::size_traits::SizeTraits;
use crate::inputs::WantedImage;
use crate::inputs::manifest::{IMAGE_VERSION_ID, SESSION_HOST_TEMPLATE};
use crate::inputs::rollout::{HostParameters, HostTemplate};
use crate::resource::plain_region;

/// What makes the VMs of session hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    /// The service, by the session host configuration.
    Configuration,
    /// A deployment of the author's template.
    Template,
}

impl Maker {
    fn name(self) -> &'static str {
        match self {
            Self::Configuration => "the session host configuration",
            Self::Template => "the template",
        }
    }

    /// Without a security type, VMs of generation 1 can be made.
    fn without_security(self) -> String {
        match self {
            Self::Configuration => {
                "create a pool whose configuration has no security type".to_owned()
            }
            Self::Template => format!(
                "remove the security type of the VMs from the file of input '{}'",
                SESSION_HOST_TEMPLATE.name
            ),
        }
    }
}

/// How the VMs of session hosts are made, as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct MadeBy {
    maker: Maker,
    /// Their region, `westeurope`.
    pub(super) region: Option<String>,
    size: Option<String>,
    security: Option<String>,
}

impl MadeBy {
    /// By the service. Without a security type it makes VMs of type Standard.
    pub(super) fn configuration(configuration: &HostConfiguration) -> Self {
        let security = configuration.security.as_deref().unwrap_or("Standard");
        Self {
            maker: Maker::Configuration,
            region: configuration.region.clone(),
            size: configuration.size.clone(),
            security: Some(security.to_owned()),
        }
    }

    /// By a template. Which security type VMs get without one depends on the subscription and the version of the API.
    pub(super) fn template(template: &HostTemplate, given: &HostParameters) -> Self {
        let own = |pointer: &str| template.of_machines(pointer, given);
        Self {
            maker: Maker::Template,
            region: own("/location").map(|region| plain_region(&region)),
            size: own("/properties/hardwareProfile/vmSize"),
            security: own("/properties/securityProfile/securityType"),
        }
    }
}

impl RolloutStep<'_> {
    /// Session hosts run Windows: refuses an image of anything else.
    pub(super) async fn check_system(&self) -> Result<(), Refused> {
        match other_system(self.image_traits(None).await, &self.request.image) {
            Some((why, hint)) => Err(self.unfit("Rolling out to", &why, hint)),
            None => Ok(()),
        }
    }

    /// Operating system, generation, architecture and security type, where Azure tells them.
    pub(super) async fn check_fit(&self, made: &MadeBy) -> Result<(), Refused> {
        let doing = match made.maker {
            Maker::Configuration => "Updating",
            Maker::Template => "Rolling out to",
        };
        let traits = self.image_traits(made.region.as_deref()).await;
        let found = other_system(traits, &self.request.image);
        let found = found.or_else(|| other_security(traits, made));
        if let Some((why, hint)) = found {
            return Err(self.unfit(doing, &why, hint));
        }
        // The list of sizes is long, and tells nothing of an image that is not known.
        let (Some(size), Some(region)) = (&made.size, &made.region) else {
            return Ok(());
        };
        if traits.generation.is_none() && traits.architecture.is_none() {
            return Ok(());
        }
        let subscription = self.request.pool.subscription();
        let sizes = SizeTraits::read(self.arm, subscription, region, size).await;
        let Ok(Some(sizes)) = sizes else {
            return Ok(());
        };
        match sizes.against(traits).into_iter().next() {
            Some((what, takes, own)) => {
                let why = format!(
                    "is of {what} {own}, and {} creates VMs of size {size}, which take images of {what} {takes} only",
                    made.maker.name()
                );
                let hint = format!(
                    "use an image of {what} {takes}, or set another VM size in {}",
                    match made.maker {
                        Maker::Configuration => made.maker.name().to_owned(),
                        Maker::Template => format!("input '{}'", SESSION_HOST_TEMPLATE.name),
                    }
                );
                Err(self.unfit(doing, &why, hint))
            }
            None => Ok(()),
        }
    }

    fn unfit(&self, doing: &str, why: &str, hint: String) -> Refused {
        let image = match &self.request.image {
            WantedImage::Version(version) => {
                let definition = version.parent();
                let name = definition
                    .as_ref()
                    .map_or("", |definition| definition.name());
                format!("image definition '{name}'")
            }
            WantedImage::Marketplace(parts) => format!("image {}", parts.join(":")),
        };
        let text = format!(
            "{doing} host pool '{}' failed: {image} {why}",
            self.request.pool.name()
        );
        Refused::new(codes::OTHER_TRAITS, text, hint)
    }

    /// What Azure says of the image, asked for once. An image of the Marketplace is known by region.
    async fn image_traits(&self, region: Option<&str>) -> &ImageTraits {
        let image = &self.request.image;
        if matches!(image, WantedImage::Marketplace(_)) && region.is_none() {
            return &UNKNOWN;
        }
        let read = self.traits.get_or_init(|| async {
            let found = match image {
                WantedImage::Version(version) => {
                    let Some(definition) = version.parent() else {
                        return ImageTraits::default();
                    };
                    let doing = format!("Reading image definition '{}'", definition.name());
                    let found = self.arm.get_if_there(&doing, &definition, GALLERIES).await;
                    found.map(|found| found.map(|it| ImageTraits::of_definition(&it)))
                }
                WantedImage::Marketplace([publisher, offer, sku, version]) => {
                    let path = format!(
                        "/subscriptions/{}/providers/Microsoft.Compute/locations/{}/publishers/{publisher}/artifacttypes/vmimage/offers/{offer}/skus/{sku}/versions/{version}",
                        self.request.pool.subscription(),
                        region.unwrap_or_default()
                    );
                    let doing = format!("Reading image {image}");
                    let found = self.arm.get_if_there(&doing, path, MARKETPLACE_IMAGES).await;
                    found.map(|found| found.map(|it| ImageTraits::of_marketplace(&it)))
                }
            };
            found.ok().flatten().unwrap_or_default()
        });
        read.await
    }
}

/// An image of which nothing is known.
const UNKNOWN: ImageTraits = ImageTraits {
    os: None,
    generation: None,
    architecture: None,
    security: None,
    state: None,
    plan: None,
};

/// That the image is of another operating system than session hosts run, and what to do.
fn other_system(traits: &ImageTraits, image: &WantedImage) -> Option<(String, String)> {
    let os = traits.os.as_deref()?;
    os.eq_ignore_ascii_case("Linux").then(|| {
        let (is, other) = match image {
            WantedImage::Version(_) => (
                "is for Linux images",
                "a version of an image definition for Windows",
            ),
            WantedImage::Marketplace(_) => ("is a Linux image", "an image of Windows"),
        };
        (
            format!("{is}, and session hosts run Windows"),
            format!(
                "correct input '{}': roll out {other}",
                IMAGE_VERSION_ID.name
            ),
        )
    })
}

/// What does not fit between an image and the security of the VMs, and what to do.
fn other_security(traits: &ImageTraits, made: &MadeBy) -> Option<(String, String)> {
    let security = made.security.as_deref()?;
    let maker = made.maker.name();
    let is_trusted = is_demanded(security);
    // The service's default is the first generation.
    let generation = traits.generation.as_deref().unwrap_or("V1");
    let is_known = *traits != ImageTraits::default();
    if is_known && is_trusted && generation.eq_ignore_ascii_case("V1") {
        return Some((
            format!(
                "is of generation {generation}, and {maker} creates VMs with security type {security}, which needs generation V2"
            ),
            format!(
                "use an image of generation V2, or {}",
                made.maker.without_security()
            ),
        ));
    }
    let own = traits.security.as_deref()?;
    if is_demanded(own) && !own.eq_ignore_ascii_case(security) {
        return Some((
            format!(
                "is for VMs with security type {own} alone, and {maker} creates VMs with security type {security}"
            ),
            format!(
                "use an image definition of security type {own}Supported, or set the security type of {} to {own}",
                match made.maker {
                    Maker::Configuration => maker,
                    Maker::Template => "the VMs in the template",
                }
            ),
        ));
    }
    if is_trusted && own.eq_ignore_ascii_case("Standard") {
        return Some((
            format!(
                "is for VMs with security type Standard alone, and {maker} creates VMs with security type {security}"
            ),
            format!("use an image definition of security type {security}Supported"),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(generation: Option<&str>, own: Option<&str>) -> ImageTraits {
        ImageTraits {
            os: Some("Windows".to_owned()),
            generation: generation.map(str::to_owned),
            security: own.map(str::to_owned),
            ..ImageTraits::default()
        }
    }

    #[test]
    fn generation_and_security_fit_or_not() {
        let of = |generation: Option<&str>, own: Option<&str>, configured: Option<&str>| {
            let made = MadeBy::configuration(&HostConfiguration {
                security: configured.map(str::to_owned),
                ..HostConfiguration::default()
            });
            other_security(&traits(generation, own), &made).map(|(why, _)| why)
        };
        let (v1, v2) = (Some("V1"), Some("V2"));
        let (trusted, supported) = (Some("TrustedLaunch"), Some("TrustedLaunchSupported"));
        assert_eq!(of(v1, None, None), None);
        assert_eq!(of(v2, None, trusted), None);
        assert_eq!(of(v2, supported, trusted), None);
        assert_eq!(of(v2, supported, None), None);
        assert_eq!(of(v2, trusted, trusted), None);
        assert!(of(None, None, trusted).unwrap().contains("generation V1"));
        assert!(of(v1, supported, trusted).is_some());
        assert!(of(v2, trusted, None).is_some());
        assert!(of(v2, trusted, Some("ConfidentialVM")).is_some());
        assert!(of(v2, Some("Standard"), trusted).is_some());
    }

    #[test]
    fn what_is_not_known_refuses_nothing() {
        let made = MadeBy {
            maker: Maker::Template,
            region: None,
            size: None,
            security: None,
        };
        let own = Some("TrustedLaunch");
        assert_eq!(other_security(&traits(Some("V2"), own), &made), None);
        let trusted = MadeBy {
            security: own.map(str::to_owned),
            ..made
        };
        assert_eq!(other_security(&UNKNOWN, &trusted), None);
    }

    #[test]
    fn session_hosts_run_windows() {
        let linux = ImageTraits {
            os: Some("Linux".to_owned()),
            ..ImageTraits::default()
        };
        let version = WantedImage::parse(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/ubuntu/versions/1.0.0",
        );
        let (why, hint) = other_system(&linux, &version.unwrap()).unwrap();
        assert_eq!(why, "is for Linux images, and session hosts run Windows");
        assert_eq!(
            hint,
            "correct input 'ImageVersionId': roll out a version of an image definition for Windows"
        );
        let urn = WantedImage::parse("Canonical:ubuntu:server:24.4.1").unwrap();
        let (why, hint) = other_system(&linux, &urn).unwrap();
        assert_eq!(why, "is a Linux image, and session hosts run Windows");
        assert_eq!(
            hint,
            "correct input 'ImageVersionId': roll out an image of Windows"
        );
    }
}
