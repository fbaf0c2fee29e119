//! Regions.

use std::fmt;
use std::str::FromStr;

/// A region in its programmatic form, `westeurope`. `West Europe` and `WestEurope` are the same region: Azure itself answers in both forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

impl FromStr for Region {
    type Err = NotARegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_lowercase();
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

/// Regions of Azure in 2026, for "did you mean" only: more of them open every year
/// (<https://learn.microsoft.com/azure/reliability/regions-list>).
const REGIONS: &[&str] = &[
    "australiacentral",
    "australiaeast",
    "australiasoutheast",
    "austriaeast",
    "belgiumcentral",
    "brazilsouth",
    "canadacentral",
    "canadaeast",
    "centralindia",
    "centralus",
    "chilecentral",
    "chinaeast2",
    "chinanorth3",
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
    "uaecentral",
    "uaenorth",
    "uksouth",
    "ukwest",
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

fn without_number(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

impl Region {
    /// The names to look for a misspelt one in. None if the name is a known one, or a known one with another number, as new regions have.
    pub fn candidates(&self) -> Option<&'static [&'static str]> {
        let plain = without_number(&self.0);
        let known = REGIONS.iter().any(|name| without_number(name) == plain);
        (!known).then_some(REGIONS)
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
        check("West Europe", false);
        check("eastus3", false);
        check("westeurop", true);
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
