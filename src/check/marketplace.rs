//! An image of the Azure Marketplace.

use std::sync::Arc;

use serde_json::Value;

use super::advice::choice;
use super::codes::{PURCHASE_PLAN, RETIRED, SOURCE};
use super::finding::{Finding, Verdict};
use super::image_traits::ImageTraits;
use super::lookup::{Azure, Lookup, has, names, text};
use super::subject::Source;
use crate::arm::api::MARKETPLACE_IMAGES;
use crate::inputs::manifest::PLATFORM_IMAGE_PURCHASE_PLAN;
use crate::inputs::nearest;

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
    async fn all(&self, azure: &Azure<'_>) -> Arc<Lookup> {
        azure.look_up(self.versions(), MARKETPLACE_IMAGES).await
    }

    /// The number of the version that a build would use: what `latest` stands for now, if that can be read.
    pub(super) async fn number(&self, azure: &Azure<'_>) -> Option<String> {
        if !self.is_latest() {
            return Some(self.version.to_owned());
        }
        newest(&*self.all(azure).await)
    }

    /// The version that a build would use, with all that is known of it; `None` where `latest` stands for nothing.
    async fn image(&self, azure: &Azure<'_>) -> Option<Arc<Lookup>> {
        let number = if self.is_latest() {
            let look = self.all(azure).await;
            if !matches!(*look, Lookup::Found(_)) {
                return Some(look);
            }
            newest(&look)?
        } else {
            self.version.to_owned()
        };
        let path = format!("{}/{number}", self.versions());
        Some(azure.look_up(path, MARKETPLACE_IMAGES).await)
    }

    pub(super) async fn check(&self, azure: &Azure<'_>) -> Vec<Finding> {
        let name = self.name();
        match self.image(azure).await.as_deref() {
            Some(Lookup::Found(image)) => self.judge(azure, image),
            Some(Lookup::Unknown(reason)) => vec![Finding::unknown(name, reason)],
            None | Some(Lookup::Missing | Lookup::NoGroup) => vec![self.missing(azure).await],
        }
    }

    fn judge(&self, azure: &Azure<'_>, image: &Value) -> Vec<Finding> {
        let number = text(image, "/name").unwrap_or(self.version);
        let mut findings = vec![Finding::fine(format!(
            "{} exists, version {number}",
            self.name()
        ))];
        findings.extend(self.life(image));
        findings.extend(self.plan(azure, image));
        findings
    }

    /// <https://learn.microsoft.com/azure/virtual-machines/deprecated-images>
    fn life(&self, image: &Value) -> Option<Finding> {
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
            Verdict::Problem(_) => "its publisher has deprecated it",
            _ => "its publisher will deprecate it",
        };
        let text_of = format!(
            "{}: {end}{when}; VMs cannot be created from it after that",
            self.name()
        );
        let other = text(image, &format!("{status}/alternativeOption/value"));
        let fix = match other {
            Some(other) => format!("use the replacement that the publisher names: {other}"),
            None => self.list_skus(),
        };
        Some(Finding::new(verdict, text_of).fix(fix))
    }

    /// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#platformimage-source>
    fn plan(&self, azure: &Azure<'_>, image: &Value) -> Option<Finding> {
        let in_file = azure.subject.is_in_file("source");
        let input = PLATFORM_IMAGE_PURCHASE_PLAN.name;
        let needed = ImageTraits::of_marketplace(image).plan;
        let same = |(one, other): (&String, &String)| one.eq_ignore_ascii_case(other);
        let (text, verdict) = match (&needed, self.plan) {
            (Some(_), None) => (
                "has a purchase plan, and Azure does not create a VM from it without the plan",
                Verdict::Certain(PURCHASE_PLAN),
            ),
            (Some(needed), Some(given)) if !needed.iter().zip(given).all(same) => (
                "has a different purchase plan than the one that is set",
                Verdict::Problem(PURCHASE_PLAN),
            ),
            (None, Some(_)) => (
                "has no purchase plan, but one is set",
                Verdict::Warning(PURCHASE_PLAN),
            ),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let fix = match &needed {
            Some(plan) => {
                let [name, product, publisher] = plan;
                let give = if in_file {
                    format!(
                        "add to section 'source' of the template file: \"planInfo\": {{\"planName\": \"{name}\", \"planProduct\": \"{product}\", \"planPublisher\": \"{publisher}\"}}"
                    )
                } else {
                    format!("set input '{input}' to '{}'", plan.join(":"))
                };
                format!(
                    "{give}, and accept its terms once: az vm image terms accept --urn {}",
                    self.name()
                )
            }
            None if in_file => "remove 'planInfo' from the template file".to_owned(),
            None => format!("remove input '{input}'"),
        };
        Some(Finding::new(verdict, format!("{} {text}", self.name())).fix(fix))
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
fn listed(look: &Lookup) -> Vec<String> {
    let Lookup::Found(list) = look else {
        return Vec::new();
    };
    let all = names(list).unwrap_or_default();
    all.into_iter().map(str::to_owned).collect()
}

/// The highest number in a list of versions.
fn newest(look: &Lookup) -> Option<String> {
    listed(look).into_iter().max_by_key(|version| {
        let parts = version.split('.');
        let numbers: Vec<u64> = parts.map(|part| part.parse().unwrap_or(0)).collect();
        numbers
    })
}

/// The marketplace image of the subject.
pub(super) async fn image(azure: &Azure<'_>) -> Option<Arc<Lookup>> {
    Urn::of(azure)?.image(azure).await
}

/// An image that Azure does not find: which part of its name is wrong, and what there is instead.
impl Urn<'_> {
    /// Azure does not find the image. It is certainly missing if the list of its siblings was read and does not have it.
    pub(super) async fn missing(&self, azure: &Azure<'_>) -> Finding {
        let (offer, sku) = (self.offer, self.sku);
        let skus = format!("{}/{offer}/skus", self.offers);
        let skus = listed(&*azure.look_up(skus, MARKETPLACE_IMAGES).await);
        let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
        if has(&skus, sku) {
            return match newest(&*self.all(azure).await) {
                Some(number) if !self.is_latest() => self.gone("version", self.version, &[&number]),
                _ => self.doubtful(),
            };
        }
        if !skus.is_empty() {
            return self.gone("SKU", sku, &skus);
        }
        let offers = azure.look_up(&self.offers, MARKETPLACE_IMAGES).await;
        let offers = listed(&offers);
        let offers: Vec<&str> = offers.iter().map(String::as_str).collect();
        if has(&offers, offer) {
            return self.doubtful();
        }
        if !offers.is_empty() {
            return self.gone("offer", offer, &offers);
        }
        let publishers = azure.look_up(&self.publishers, MARKETPLACE_IMAGES).await;
        let publishers = listed(&publishers);
        let publishers: Vec<&str> = publishers.iter().map(String::as_str).collect();
        if publishers.is_empty() || has(&publishers, self.publisher) {
            return self.doubtful();
        }
        self.no_publisher(&publishers)
    }

    fn no_publisher(&self, all: &[&str]) -> Finding {
        let text = format!(
            "marketplace image {} does not exist in this region: there is no publisher '{}'",
            self.name(),
            self.publisher
        );
        let list = format!(
            "az vm image list-publishers --location {} --output table",
            self.region()
        );
        // There are thousands of them: only one that looks alike helps.
        let near = nearest(self.publisher, all.iter().copied());
        let near: Vec<&str> = near.into_iter().collect();
        Finding::new(Verdict::Certain(SOURCE), text).fix(choice(self.publisher, &near, &list))
    }

    fn doubtful(&self) -> Finding {
        let reason = "Azure does not find it, and no list confirms that";
        Finding::unknown(self.name(), reason)
    }

    /// A part of the name that is not among `all`.
    fn gone(&self, what: &str, part: &str, all: &[&str]) -> Finding {
        let near = alike(part, all);
        let near = match near.as_slice() {
            [] => String::new(),
            near => format!("; similar names: {}", near.join(", ")),
        };
        let text = format!(
            "marketplace image {} does not exist in this region: it has no {what} '{part}'{near}",
            self.name()
        );
        Finding::new(Verdict::Certain(SOURCE), text).fix(self.list_skus())
    }
}

/// At most three that look like `part`, the nearest first: what `nearest` finds, then those with the longest common beginning.
fn alike<'a>(part: &str, all: &[&'a str]) -> Vec<&'a str> {
    let common = |name: &str| {
        let pairs = part.chars().zip(name.chars());
        pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    };
    let mut near: Vec<&str> = nearest(part, all.iter().copied()).into_iter().collect();
    let mut rest: Vec<&str> = all
        .iter()
        .copied()
        .filter(|name| !near.contains(name))
        .collect();
    // Lists go from old to new, mostly; the newest of those that are equally alike comes first.
    rest.reverse();
    rest.sort_by_key(|name| std::cmp::Reverse(common(name)));
    near.extend(rest);
    near.truncate(3);
    near
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
            let look = Lookup::Found(list.collect());
            assert_eq!(newest(&look).as_deref(), expected);
        };
        check(&[], None);
        check(&["22631.4169.240910"], Some("22631.4169.240910"));
        check(&["9.1.1", "10.0.0", "2.9.9"], Some("10.0.0"));
        check(
            &["24.04.202502210", "24.04.202411030", "24.04.202410170"],
            Some("24.04.202502210"),
        );
        assert_eq!(newest(&Lookup::Missing), None);
    }

    #[test]
    fn the_nearest_names_come_first() {
        let skus = [
            "win10-22h2-avd",
            "win11-24h2-avd-m365",
            "win11-25h2-avd-m365",
            "wvd",
        ];
        let check = |part: &str, expected: &[&str]| assert_eq!(alike(part, &skus), expected);
        check(
            "win11-25h2-avd-m36",
            &[
                "win11-25h2-avd-m365",
                "win11-24h2-avd-m365",
                "win10-22h2-avd",
            ],
        );
        check(
            "19h2-evd",
            &["wvd", "win11-25h2-avd-m365", "win11-24h2-avd-m365"],
        );
    }
}
