//! The image that a VM was made of.

use std::fmt;

use serde_json::Value;

use crate::resource::{IMAGE_VERSION, ResourceId};

/// The image that a VM was made of, as its `imageReference` names it.
///
/// An image of a gallery has an id, that of a version or that of a definition; of the latter, and of `latest`, `exactVersion` has the number
/// (Azure/AVDSessionHostReplacer, Azure/FederalAVD).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineImage {
    /// The id of a version, of a definition, or of a managed image; also that of a community gallery or of one that is shared directly.
    pub id: Option<String>,
    /// The number that it stood for when the VM was made.
    pub exact: Option<String>,
    /// `publisher:offer:sku:version` of a Marketplace image, with the number that it stood for.
    pub marketplace: Option<String>,
}

impl MachineImage {
    /// Reads an `imageReference`.
    pub fn read(reference: &Value) -> Self {
        let text = |name: &str| {
            let text = reference.get(name).and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let exact = text("exactVersion");
        let marketplace = || {
            let version = exact.clone().or_else(|| text("version"))?;
            Some([text("publisher")?, text("offer")?, text("sku")?, version].join(":"))
        };
        let ids = ["id", "sharedGalleryImageId", "communityGalleryImageId"];
        Self {
            id: ids.into_iter().find_map(text),
            marketplace: marketplace(),
            exact,
        }
    }

    /// The id of the image version, where it is one of a gallery in this tenant and its number is known.
    pub fn version(&self) -> Option<ResourceId> {
        let id: ResourceId = self.id.as_deref()?.parse().ok()?;
        let (definition, number) = if id.is(IMAGE_VERSION) {
            (id.parent()?, Some(id.name()))
        } else if id.is("Microsoft.Compute/galleries/images") {
            (id.clone(), None)
        } else {
            return None;
        };
        let number = number.filter(|number| !number.eq_ignore_ascii_case("latest"));
        let number = number.or(self.exact.as_deref())?;
        format!("{definition}/versions/{number}").parse().ok()
    }
}

/// In full.
impl fmt::Display for MachineImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = self.version() {
            return write!(f, "{version}");
        }
        let name = self.marketplace.as_ref().or(self.id.as_ref());
        f.write_str(name.map_or("an image that Azure does not name", String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEFINITION: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11";

    fn version(reference: &Value) -> Option<String> {
        let image = MachineImage::read(reference);
        image.version().map(|id| id.to_string())
    }

    #[test]
    fn the_version_is_known_by_its_id_or_by_the_number_that_it_stood_for() {
        let expected = Some(format!("{DEFINITION}/versions/1.0.3"));
        let of = |id: &str| version(&json!({"id": id, "exactVersion": "1.0.3"}));
        assert_eq!(of(DEFINITION), expected);
        assert_eq!(of(&format!("{DEFINITION}/versions/latest")), expected);
        let own = format!("{DEFINITION}/versions/1.0.3");
        assert_eq!(version(&json!({"id": own})), expected);
        assert_eq!(of(&format!("{DEFINITION}/versions/1.0.3")), expected);
        assert_eq!(version(&json!({"id": DEFINITION})), None);
        assert_eq!(
            version(&json!({"id": DEFINITION, "exactVersion": " "})),
            None
        );
        // A number that leads elsewhere is none.
        assert_eq!(
            version(&json!({"id": DEFINITION, "exactVersion": "../x"})),
            None
        );
        let managed = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/web";
        assert_eq!(of(managed), None);
        assert_eq!(version(&json!({"exactVersion": "1.0.3"})), None);
    }

    #[test]
    fn other_images_are_told_by_their_names() {
        let told = |reference: Value| MachineImage::read(&reference).to_string();
        let urn = json!({"publisher": "p", "offer": "o", "sku": "s", "version": "latest", "exactVersion": "26100.1.2"});
        assert_eq!(told(urn), "p:o:s:26100.1.2");
        let community = "/CommunityGalleries/g/Images/i/Versions/1.0.0";
        assert_eq!(
            told(json!({"communityGalleryImageId": community})),
            community
        );
        assert_eq!(told(json!({})), "an image that Azure does not name");
    }
}
