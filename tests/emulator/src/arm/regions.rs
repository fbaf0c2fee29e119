//! The regions of the image builder, and their names for display
//! ([regions](https://learn.microsoft.com/azure/virtual-machines/image-builder-overview#regions)).

/// Display names; the name in ids and bodies is the same without blanks, in lower case.
pub(crate) const REGIONS: &[&str] = &[
    "East US",
    "East US 2",
    "West Central US",
    "West US",
    "West US 2",
    "West US 3",
    "South Central US",
    "North Central US",
    "Central US",
    "Canada Central",
    "Brazil South",
    "North Europe",
    "West Europe",
    "UK South",
    "UK West",
    "France Central",
    "Germany West Central",
    "Norway East",
    "Switzerland North",
    "Sweden Central",
    "Poland Central",
    "Italy North",
    "Israel Central",
    "Qatar Central",
    "UAE North",
    "South Africa North",
    "Jio India West",
    "Central India",
    "Southeast Asia",
    "East Asia",
    "Korea Central",
    "Japan East",
    "Australia East",
    "Australia Southeast",
    "New Zealand North",
    "Taiwan Northwest",
];

/// The name without blanks, in lower case: `eastus2`.
pub(crate) fn plain(name: &str) -> String {
    name.chars()
        .filter(|character| !character.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase()
}

/// The name for display: `East US 2`. A region that is not known is answered as it was given.
pub(crate) fn display(name: &str) -> String {
    let known = REGIONS.iter().find(|known| plain(known) == plain(name));
    known.map_or_else(|| name.to_owned(), |known| (*known).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_both_ways() {
        assert_eq!(display("eastus2"), "East US 2");
        assert_eq!(display("moon"), "moon");
        assert_eq!(plain("East US 2"), "eastus2");
    }
}
