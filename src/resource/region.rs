//! Azure regions: names, the list of 2026, and lists of regions as authors write them.

use std::fmt;
use std::str::FromStr;

/// A region in its programmatic form, `westeurope`. `West Europe` and `WestEurope` are the same region: Azure itself answers in both forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

/// A region as Azure answers it in its programmatic form: `West Europe` as `westeurope`. Any text is allowed, so that it can be compared.
pub fn plain_region(name: &str) -> String {
    let letters = name.chars().filter(|c| !c.is_whitespace());
    letters.collect::<String>().to_lowercase()
}

impl FromStr for Region {
    type Err = NotARegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = plain_region(text);
        let plain = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if name.is_empty() || !plain {
            Err(NotARegion)
        } else {
            Ok(Self(name))
        }
    }
}

/// A text that has characters other than letters, digits and blanks, or is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region's name has letters and digits only")]
pub struct NotARegion;

/// Regions of Azure in 2026. More of them open every year: what is not here may exist all the same
/// (<https://learn.microsoft.com/azure/reliability/regions-list>).
const REGIONS: &[&str] = &[
    "australiacentral",
    "australiacentral2",
    "australiaeast",
    "australiasoutheast",
    "austriaeast",
    "belgiumcentral",
    "brazilsouth",
    "brazilsoutheast",
    "canadacentral",
    "canadaeast",
    "centralindia",
    "centralus",
    "chilecentral",
    "chinaeast",
    "chinaeast2",
    "chinaeast3",
    "chinanorth",
    "chinanorth2",
    "chinanorth3",
    "denmarkeast",
    "eastasia",
    "eastus",
    "eastus2",
    "francecentral",
    "francesouth",
    "germanynorth",
    "germanywestcentral",
    "indonesiacentral",
    "israelcentral",
    "italynorth",
    "japaneast",
    "japanwest",
    "jioindiacentral",
    "jioindiawest",
    "koreacentral",
    "koreasouth",
    "malaysiawest",
    "mexicocentral",
    "newzealandnorth",
    "northcentralus",
    "northeurope",
    "norwayeast",
    "norwaywest",
    "polandcentral",
    "qatarcentral",
    "southafricanorth",
    "southafricawest",
    "southcentralus",
    "southeastasia",
    "southindia",
    "spaincentral",
    "swedencentral",
    "switzerlandnorth",
    "switzerlandwest",
    "taiwannorth",
    "taiwannorthwest",
    "uaecentral",
    "uaenorth",
    "uksouth",
    "ukwest",
    "usdodcentral",
    "usdodeast",
    "usgovarizona",
    "usgovtexas",
    "usgovvirginia",
    "westcentralus",
    "westeurope",
    "westindia",
    "westus",
    "westus2",
    "westus3",
];

/// The regions in `text`, which may have blanks within their names, and between them: `West Europe northeurope` are two. Details behind `=` stay with
/// their region. A text that is not made of known regions alone stays as it is.
pub fn split_at_blanks(text: &str) -> Vec<String> {
    let words = words(text);
    let found = match words.as_slice() {
        [] | [_] => None,
        words => segments(words),
    };
    found.unwrap_or_else(|| vec![text.to_owned()])
}

/// The words of `text`. Words on both sides of `=` or `:` stay together.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut goes_on = false;
    for word in text.split_whitespace() {
        let signs = ['=', ':'];
        match words.last_mut() {
            Some(last) if goes_on || word.starts_with(signs) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
        goes_on = word.ends_with(signs);
    }
    words
}

/// The words as known regions, in their order and as few as possible. `None` if that is not possible, or if there are too many words.
fn segments(words: &[String]) -> Option<Vec<String>> {
    const MOST_WORDS: usize = 400;
    /// `South Africa North 2`.
    const LONGEST: usize = 4;
    if words.len() > MOST_WORDS {
        return None;
    }
    // The best way to take the first `n` words: its number of regions, and where its last one begins.
    let mut best: Vec<Option<(usize, usize)>> = vec![Some((0, 0))];
    for end in 1..=words.len() {
        let starts = end.saturating_sub(LONGEST)..end;
        let ways = starts.filter_map(|start| {
            let (count, _) = (*best.get(start)?)?;
            let (last, before) = words.get(start..end)?.split_last()?;
            // Details end a region.
            let whole = before.iter().all(|word| !word.contains('='));
            let name = before.concat() + last;
            (whole && is_plausible(&name)).then_some((count + 1, start))
        });
        best.push(ways.min());
    }
    let mut regions = Vec::new();
    let mut end = words.len();
    while end > 0 {
        let (_, start) = (*best.get(end)?)?;
        regions.push(words.get(start..end)?.concat());
        end = start;
    }
    regions.reverse();
    Some(regions)
}

fn is_plausible(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    let region: Result<Region, _> = name.parse();
    region.is_ok_and(|region| region.candidates().is_none())
}

fn without_number(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

impl Region {
    /// The regions to suggest if this one is misspelt. `None` if it is known, or differs from a known one in its number alone, as new regions do.
    pub fn candidates(&self) -> Option<&'static [&'static str]> {
        let plain = without_number(&self.0);
        let known = REGIONS.iter().any(|name| without_number(name) == plain);
        (!known).then_some(REGIONS)
    }

    /// Whether it is one of Azure's regions of 2026, by its exact name.
    pub fn is_known(&self) -> bool {
        REGIONS.contains(&self.0.as_str())
    }

    /// The programmatic name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_regions_have_candidates() {
        let check = |text: &str, expected: bool| {
            let region: Region = text.parse().unwrap();
            assert_eq!(region.candidates().is_some(), expected, "{text}");
        };
        let known = |text: &str| text.parse::<Region>().unwrap().is_known();
        assert!(known("West Europe") && !known("eastus3") && !known("westeurop"));
        check("West Europe", false);
        check("eastus3", false);
        check("westeurop", true);
    }

    #[test]
    fn lists_are_split_at_blanks() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(split_at_blanks(text), expected, "{text}");
        };
        check("westeurope northeurope", &["westeurope", "northeurope"]);
        check("West Europe  North Europe", &["WestEurope", "NorthEurope"]);
        check(
            "West US 2 South Central US\tuksouth",
            &["WestUS2", "SouthCentralUS", "uksouth"],
        );
        check("South Africa North", &["SouthAfricaNorth"]);
        check(
            "westeurope = 2:Standard_ZRS North Europe=3",
            &["westeurope=2:Standard_ZRS", "NorthEurope=3"],
        );
        check("westeurope mars", &["westeurope mars"]);
        check("Mars North", &["Mars North"]);
        check("westeurope", &["westeurope"]);
        check("", &[""]);
    }

    #[test]
    fn regions_ignore_case_and_blanks() {
        assert_eq!(
            "West Europe".parse::<Region>().unwrap(),
            "westeurope".parse().unwrap()
        );
        assert_eq!(" EastUS2 ".parse::<Region>().unwrap().as_str(), "eastus2");
        assert!("west-europe".parse::<Region>().is_err());
        assert!("  ".parse::<Region>().is_err());
    }
}
