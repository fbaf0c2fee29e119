//! Numbers of gallery image versions.

use std::fmt;
use std::str::FromStr;

/// The number of a gallery image version: `Major.Minor.Patch`, each a 32-bit integer
/// (<https://learn.microsoft.com/azure/virtual-machines/azure-compute-gallery#image-versions>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

/// The largest number in an image version: Azure keeps them as signed 32-bit integers.
const LARGEST_PART: u64 = 2_147_483_647;

impl FromStr for ImageVersion {
    type Err = NotAnImageVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let version = semver::Version::parse(text.trim()).map_err(|_| NotAnImageVersion)?;
        let part = |number: u64| {
            (number <= LARGEST_PART)
                .then(|| u32::try_from(number).ok())
                .flatten()
                .ok_or(NotAnImageVersion)
        };
        if !version.pre.is_empty() || !version.build.is_empty() {
            return Err(NotAnImageVersion);
        }
        Ok(Self {
            major: part(version.major)?,
            minor: part(version.minor)?,
            patch: part(version.patch)?,
        })
    }
}

/// A text that is not three dotted numbers without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not Major.Minor.Patch with numbers up to {LARGEST_PART} and no leading zeros")]
pub struct NotAnImageVersion;

impl fmt::Display for ImageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_versions_are_three_numbers() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                text.parse::<ImageVersion>()
                    .ok()
                    .map(|v| v.to_string())
                    .as_deref(),
                expected,
                "{text}"
            );
        };
        check("1.2.3", Some("1.2.3"));
        check(" 0.0.20261122 ", Some("0.0.20261122"));
        check("1.2", None);
        check("1.2.3.4", None);
        check("1.02.3", None);
        check("1.2.2147483648", None);
        check("1.2.3-beta", None);
        check("latest", None);
    }
}
