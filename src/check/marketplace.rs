//! An image of the Azure Marketplace.

mod missing;

use std::sync::Arc;

use serde_json::Value;

use super::azure::{Azure, Look, names, text};
use super::facts::Facts;
use super::subject::Source;
use super::table::{PURCHASE_PLAN, RETIRED};
use super::{Seen, Verdict};
use crate::inputs::declared::PLATFORM_IMAGE_PURCHASE_PLAN;

/// <https://learn.microsoft.com/rest/api/compute/virtual-machine-images>; with the end of an image's life.
const API_VERSION: &str = "2024-07-01";

/// A marketplace image whose names can stand in an address as they are.
pub(super) struct Urn<'a> {
    publisher: &'a str,
    offer: &'a str,
    sku: &'a str,
    version: &'a str,
    plan: Option<&'a [String; 3]>,
    /// The publishers in the region.
    publishers: String,
    /// The offers of this one.
    offers: String,
}

impl<'a> Urn<'a> {
    pub(super) fn of(azure: &'a Azure<'_>) -> Option<Self> {
        let Source::Marketplace {
            publisher,
            offer,
            sku,
            version,
            plan,
        } = &azure.subject.source
        else {
            return None;
        };
        let plain = |text: &String| {
            let in_order = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !text.is_empty() && text.chars().all(in_order)
        };
        let all = [publisher, offer, sku, version];
        let publishers = format!(
            "{}/providers/Microsoft.Compute/locations/{}/publishers",
            azure.subject.in_subscription(),
            azure.subject.location
        );
        all.into_iter().all(plain).then(|| Self {
            publisher,
            offer,
            sku,
            version,
            plan: plan.as_ref(),
            offers: format!("{publishers}/{publisher}/artifacttypes/vmimage/offers"),
            publishers,
        })
    }

    fn name(&self) -> String {
        [self.publisher, self.offer, self.sku, self.version].join(":")
    }

    fn is_latest(&self) -> bool {
        self.version.eq_ignore_ascii_case("latest")
    }

    fn versions(&self) -> String {
        format!("{}/{}/skus/{}/versions", self.offers, self.offer, self.sku)
    }

    /// All versions. Azure can be asked for the last one by name alone, and does not say whether it takes names for numbers.
    async fn all(&self, azure: &Azure<'_>) -> Arc<Look> {
        let query = format!("?api-version={API_VERSION}");
        azure.look(format!("{}{query}", self.versions())).await
    }

    /// The number of the version that a build would use: what `latest` stands for now, if that is to be had.
    pub(super) async fn number(&self, azure: &Azure<'_>) -> Option<String> {
        if !self.is_latest() {
            return Some(self.version.to_owned());
        }
        newest(&*self.all(azure).await)
    }

    /// The version that a build would use, with all that is known of it; `None` where `latest` stands for nothing.
    async fn image(&self, azure: &Azure<'_>) -> Option<Arc<Look>> {
        let number = if self.is_latest() {
            let look = self.all(azure).await;
            if !matches!(*look, Look::There(_)) {
                return Some(look);
            }
            newest(&look)?
        } else {
            self.version.to_owned()
        };
        let path = format!("{}/{number}?api-version={API_VERSION}", self.versions());
        Some(azure.look(path).await)
    }

    pub(super) async fn check(&self, azure: &Azure<'_>) -> Vec<Seen> {
        let name = self.name();
        match self.image(azure).await.as_deref() {
            Some(Look::There(image)) => self.judge(azure, image),
            Some(Look::Unknown(reason)) => vec![Seen::unknown(name, reason)],
            None | Some(Look::Missing | Look::NoGroup) => vec![self.missing(azure).await],
        }
    }

    fn judge(&self, azure: &Azure<'_>, image: &Value) -> Vec<Seen> {
        let number = text(image, "/name").unwrap_or(self.version);
        let mut seen = vec![Seen::fine(format!(
            "{} is there, version {number}",
            self.name()
        ))];
        seen.extend(self.life(image));
        seen.extend(self.plan(azure, image));
        seen
    }

    /// <https://learn.microsoft.com/azure/virtual-machines/deprecated-images>
    fn life(&self, image: &Value) -> Option<Seen> {
        let status = "/properties/imageDeprecationStatus";
        let state = text(image, &format!("{status}/imageState"))?;
        let verdict = match state {
            "Deprecated" => Verdict::Problem(RETIRED),
            "ScheduledForDeprecation" => Verdict::Warning(RETIRED),
            _ => return None,
        };
        let when = text(image, &format!("{status}/scheduledDeprecationTime"));
        let when = when.and_then(|time| time.get(..10));
        let when = when.map(|day| format!(" (on {day})")).unwrap_or_default();
        let end = match verdict {
            Verdict::Problem(_) => "its publisher has ended it",
            _ => "its publisher will end it",
        };
        let text_of = format!(
            "{}: {end}{when}; nobody can start VMs from it after that",
            self.name()
        );
        let other = text(image, &format!("{status}/alternativeOption/value"));
        let fix = match other {
            Some(other) => format!("use what the publisher names in its place: {other}"),
            None => self.list_skus(),
        };
        Some(Seen::new(verdict, text_of).fix(fix))
    }

    /// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#platformimage-source>
    fn plan(&self, azure: &Azure<'_>, image: &Value) -> Option<Seen> {
        let in_file = azure.subject.is_in_file("source");
        let input = PLATFORM_IMAGE_PURCHASE_PLAN.name;
        let needed = Facts::of_marketplace(image).plan;
        let same = |(one, other): (&String, &String)| one.eq_ignore_ascii_case(other);
        let (text, verdict) = match (&needed, self.plan) {
            (Some(_), None) => (
                "is sold with a purchase plan, and Azure starts no VM from it without the plan",
                Verdict::Certain(PURCHASE_PLAN),
            ),
            (Some(needed), Some(given)) if !needed.iter().zip(given).all(same) => (
                "is sold with another purchase plan than the one that is given",
                Verdict::Problem(PURCHASE_PLAN),
            ),
            (None, Some(_)) => (
                "is sold without a plan, and a plan is given",
                Verdict::Warning(PURCHASE_PLAN),
            ),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let fix = match &needed {
            Some(plan) => {
                let [name, product, publisher] = plan;
                let give = if in_file {
                    format!(
                        "give section 'source' of the template file \"planInfo\": {{\"planName\": \"{name}\", \"planProduct\": \"{product}\", \"planPublisher\": \"{publisher}\"}}"
                    )
                } else {
                    format!("write '{input}: {}'", plan.join(":"))
                };
                format!(
                    "{give}, and accept its terms once: az vm image terms accept --urn {}",
                    self.name()
                )
            }
            None if in_file => "leave 'planInfo' out of the template file".to_owned(),
            None => format!("leave input '{input}' empty"),
        };
        Some(Seen::new(verdict, format!("{} {text}", self.name())).fix(fix))
    }

    fn region(&self) -> &str {
        let region = self.publishers.split("/locations/").nth(1);
        let region = region.unwrap_or_default();
        region.split('/').next().unwrap_or_default()
    }

    fn list_skus(&self) -> String {
        format!(
            "choose another one: az vm image list-skus --location {} --publisher {} --offer {} --output table",
            self.region(),
            self.publisher,
            self.offer
        )
    }
}

/// The names in a list, where it could be read.
fn listed(look: &Look) -> Vec<String> {
    let Look::There(list) = look else {
        return Vec::new();
    };
    let all = names(list).unwrap_or_default();
    all.into_iter().map(str::to_owned).collect()
}

/// The highest number in a list of versions.
fn newest(look: &Look) -> Option<String> {
    listed(look).into_iter().max_by_key(|version| {
        let parts = version.split('.');
        let numbers: Vec<u64> = parts.map(|part| part.parse().unwrap_or(0)).collect();
        numbers
    })
}

/// The marketplace image of the subject.
pub(super) async fn image(azure: &Azure<'_>) -> Option<Arc<Look>> {
    Urn::of(azure)?.image(azure).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_has_the_highest_number() {
        let check = |versions: &[&str], expected: Option<&str>| {
            let list = versions
                .iter()
                .map(|name| serde_json::json!({"name": name}));
            let look = Look::There(list.collect());
            assert_eq!(newest(&look).as_deref(), expected);
        };
        check(&[], None);
        check(&["22631.4169.240910"], Some("22631.4169.240910"));
        check(&["9.1.1", "10.0.0", "2.9.9"], Some("10.0.0"));
        check(
            &["24.04.202502210", "24.04.202411030", "24.04.202410170"],
            Some("24.04.202502210"),
        );
        assert_eq!(newest(&Look::Missing), None);
    }
}
