//! A marketplace image that Azure does not find: which part of its name is wrong, and what there is instead.

use super::{API_VERSION, Urn, listed, newest};
use crate::check::azure::{Azure, has};
use crate::check::spelling::choice;
use crate::check::table::SOURCE;
use crate::check::{Seen, Verdict};
use crate::inputs::nearest;

impl Urn<'_> {
    /// Azure does not find the image. It is certainly missing if the list of its siblings was read and does not have it.
    pub(super) async fn missing(&self, azure: &Azure<'_>) -> Seen {
        let (offer, sku) = (self.offer, self.sku);
        let skus = format!("{}/{offer}/skus?api-version={API_VERSION}", self.offers);
        let skus = listed(&*azure.look(skus).await);
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
        let offers = format!("{}?api-version={API_VERSION}", self.offers);
        let offers = listed(&*azure.look(offers).await);
        let offers: Vec<&str> = offers.iter().map(String::as_str).collect();
        if has(&offers, offer) {
            return self.doubtful();
        }
        if !offers.is_empty() {
            return self.gone("offer", offer, &offers);
        }
        let publishers = format!("{}?api-version={API_VERSION}", self.publishers);
        let publishers = listed(&*azure.look(publishers).await);
        let publishers: Vec<&str> = publishers.iter().map(String::as_str).collect();
        if publishers.is_empty() || has(&publishers, self.publisher) {
            return self.doubtful();
        }
        self.no_publisher(&publishers)
    }

    fn no_publisher(&self, all: &[&str]) -> Seen {
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
        Seen::new(Verdict::Certain(SOURCE), text).fix(choice(self.publisher, &near, &list))
    }

    fn doubtful(&self) -> Seen {
        let reason = "Azure does not find it, and no list confirms that";
        Seen::unknown(self.name(), reason)
    }

    /// A part of the name that is not among `all`.
    fn gone(&self, what: &str, part: &str, all: &[&str]) -> Seen {
        let near = alike(part, all);
        let near = match near.as_slice() {
            [] => String::new(),
            near => format!("; there is {}", near.join(", ")),
        };
        let text = format!(
            "marketplace image {} does not exist in this region: it has no {what} '{part}'{near}",
            self.name()
        );
        Seen::new(Verdict::Certain(SOURCE), text).fix(self.list_skus())
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
