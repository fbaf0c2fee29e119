//! An image of the Azure Marketplace.

mod missing;

use std::sync::Arc;

use serde_json::Value;

use super::azure::{Azure, Look, names, text};
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
    has_plan: bool,
    /// The offers of the publisher in the region.
    offers: String,
}

impl<'a> Urn<'a> {
    pub(super) fn of(azure: &'a Azure<'_>) -> Option<Self> {
        let Source::Marketplace {
            publisher,
            offer,
            sku,
            version,
            has_plan,
        } = &azure.subject.source
        else {
            return None;
        };
        let plain = |text: &String| {
            let in_order = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !text.is_empty() && text.chars().all(in_order)
        };
        let all = [publisher, offer, sku, version];
        all.into_iter().all(plain).then(|| Self {
            publisher,
            offer,
            sku,
            version,
            has_plan: *has_plan,
            offers: format!(
                "{}/providers/Microsoft.Compute/locations/{}/publishers/{publisher}/artifacttypes/vmimage/offers",
                azure.subject.in_subscription(),
                azure.subject.location
            ),
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
            Some(Look::There(image)) => self.judge(image),
            Some(Look::Unknown(reason)) => vec![Seen::unknown(name, reason)],
            None | Some(Look::Missing | Look::NoGroup) => vec![self.missing(azure).await],
        }
    }

    fn judge(&self, image: &Value) -> Vec<Seen> {
        let number = text(image, "/name").unwrap_or(self.version);
        let mut seen = vec![Seen::fine(format!(
            "{} is there, version {number}",
            self.name()
        ))];
        seen.extend(self.life(image));
        seen.extend(self.plan(image));
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
    fn plan(&self, image: &Value) -> Option<Seen> {
        let plan = image
            .pointer("/properties/plan")
            .filter(|plan| plan.is_object());
        let own = |member: &str| {
            plan.and_then(|plan| text(plan, member))
                .unwrap_or("?")
                .to_owned()
        };
        match (plan, self.has_plan) {
            (Some(_), false) => {
                let all = [own("/name"), own("/product"), own("/publisher")].join(":");
                let text = format!(
                    "{} is sold with a plan, and no VM starts without it",
                    self.name()
                );
                let fix = format!(
                    "write '{}: {all}', and accept its terms once: az vm image terms accept --urn {}",
                    PLATFORM_IMAGE_PURCHASE_PLAN.name,
                    self.name()
                );
                Some(Seen::new(Verdict::Problem(PURCHASE_PLAN), text).fix(fix))
            }
            (None, true) => {
                let text = format!(
                    "{} is sold without a plan, and a plan is given",
                    self.name()
                );
                let fix = format!("leave input '{}' empty", PLATFORM_IMAGE_PURCHASE_PLAN.name);
                Some(Seen::new(Verdict::Warning(PURCHASE_PLAN), text).fix(fix))
            }
            _ => None,
        }
    }

    fn list_skus(&self) -> String {
        let region = self.offers.split("/locations/").nth(1).unwrap_or_default();
        let region = region.split('/').next().unwrap_or_default();
        format!(
            "choose another one: az vm image list-skus --location {region} --publisher {} --offer {} --output table",
            self.publisher, self.offer
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
