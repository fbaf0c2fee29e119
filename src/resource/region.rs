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

impl Region {
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
