//! Which version of an image definition `latest` means in a region.

use crate::arm::Arm;
use crate::arm::numbering::parts;
use crate::arm::version::ImageVersion;
use crate::ids;

impl Arm {
    /// The highest number among the versions that count in the region. How old they are, and their end of life, do not matter.
    pub(crate) fn latest(&self, definition: &str, region: &str) -> Option<&ImageVersion> {
        self.versions_of(definition)
            .into_iter()
            .filter(|version| version.counts_in(region))
            .max_by_key(|version| parts(&version.name))
    }

    /// The full id of the image version that a source names, `latest` resolved for the region of the build.
    pub(crate) fn source_version(&self, id: &str, region: &str) -> Option<String> {
        let (stem, number) = id.rsplit_once("/versions/")?;
        let found = if number.eq_ignore_ascii_case("latest") {
            self.latest(stem, region)
        } else {
            self.versions.get(&ids::key(id))
        };
        found.map(|version| version.id.clone())
    }
}
