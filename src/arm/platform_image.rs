//! Marketplace images: which versions there are.
//!
//! <https://learn.microsoft.com/rest/api/compute/virtual-machine-images/list>

use http::Method;
use serde_json::Value;

use super::client::Call;
use super::failure::Failure;
use super::image_template::Arm;

/// Any version that is still served answers alike.
const API_VERSION: &str = "2024-07-01";

impl Arm {
    /// The newest version of a marketplace image in `location`, which is what `latest` stands for; `None` if there is none.
    pub async fn newest_platform_image(
        &self,
        subscription: &str,
        location: &str,
        [publisher, offer, sku]: [&str; 3],
    ) -> Result<Option<String>, Failure> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !format!("{publisher}{offer}{sku}").chars().all(plain) {
            // A template file may name anything; no image has such a name.
            return Ok(None);
        }
        let url = format!(
            "{}/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/publishers/{publisher}/artifacttypes/vmimage/offers/{offer}/skus/{sku}/versions?api-version={API_VERSION}",
            self.base()
        );
        let doing = format!("Listing the versions of image '{publisher}:{offer}:{sku}'");
        let call = Call::new(doing, Method::GET, url, &self.scope);
        let versions = self.client.glance(&call).await?;
        let names = versions.as_array().into_iter().flatten();
        let names = names.filter_map(|version| version.get("name").and_then(Value::as_str));
        Ok(newest(names).map(str::to_owned))
    }
}

/// The highest number: as text `9.1` would be above `10.0`.
fn newest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    versions.max_by_key(|version| {
        let parts = version.split('.');
        let numbers: Vec<u64> = parts.map(|part| part.parse().unwrap_or(0)).collect();
        numbers
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_has_the_highest_number() {
        let check = |versions: &[&str], expected| {
            assert_eq!(newest(versions.iter().copied()), expected);
        };
        check(&[], None);
        check(&["22631.4169.240910"], Some("22631.4169.240910"));
        check(&["9.1.1", "10.0.0", "2.9.9"], Some("10.0.0"));
        check(
            &["24.04.202502210", "24.04.202411030", "24.04.202410170"],
            Some("24.04.202502210"),
        );
    }
}
