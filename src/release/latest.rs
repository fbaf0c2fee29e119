//! Which version is the latest one in each region, of all versions of an image definition.

use crate::arm::gallery::{Version, latest, regions};

/// The latest version in each region; nothing where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LatestVersions(pub Vec<(String, Option<Latest>)>);

/// A version that is the latest one somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latest {
    /// Its number.
    pub name: String,
    /// Its resource id, as Azure has it.
    pub id: String,
}

impl LatestVersions {
    /// How things are in the regions `first`, in this order, and then in every other region of any version.
    pub fn of(versions: &[Version], first: &[String]) -> Self {
        let others = regions(versions).into_iter();
        let others = others.filter(|name| !first.iter().any(|known| known == name));
        let all = first.iter().map(String::as_str).chain(others);
        let latest = |region: &str| {
            let version = latest(versions, region)?;
            Some(Latest {
                name: version.name.clone(),
                id: version.id.clone(),
            })
        };
        Self(all.map(|name| (name.to_owned(), latest(name))).collect())
    }

    /// The latest version in a region.
    pub fn in_region(&self, region: &str) -> Option<&Latest> {
        let found = self.0.iter().find(|(name, _)| name == region);
        found?.1.as_ref()
    }

    /// The regions by the version that is the latest one there, in the order of the regions; those without one last.
    pub fn groups(&self) -> Vec<(Option<&Latest>, Vec<&str>)> {
        let mut groups: Vec<(Option<&Latest>, Vec<&str>)> = Vec::new();
        for (region, latest) in &self.0 {
            let latest = latest.as_ref();
            match groups.iter_mut().find(|(known, _)| *known == latest) {
                Some((_, regions)) => regions.push(region),
                None => groups.push((latest, vec![region])),
            }
        }
        groups.sort_by_key(|(latest, _)| latest.is_none());
        groups
    }

    /// The regions that have a latest version here, and none in `later`.
    pub fn lost_in<'a>(&'a self, later: &Self) -> Vec<&'a str> {
        let had = self.0.iter().filter(|(_, latest)| latest.is_some());
        let names = had.map(|(name, _)| name.as_str());
        names
            .filter(|name| later.in_region(name).is_none())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::gallery::{State, TargetRegion};

    fn version(name: &str, regions: &[&str]) -> Version {
        let regions = regions.iter().map(|name| TargetRegion {
            name: (*name).to_owned(),
            excluded: false,
        });
        Version {
            name: name.to_owned(),
            id: format!("/{name}"),
            state: State::Succeeded,
            regions: regions.collect(),
            ..Version::default()
        }
    }

    #[test]
    fn regions_stand_together_by_their_latest_version() {
        let versions = [
            version("1.0.0", &["a", "b", "c"]),
            version("1.1.0", &["c", "b"]),
        ];
        let first = ["d", "b", "a"].map(str::to_owned);
        let latest_versions = LatestVersions::of(&versions, &first);
        let groups: Vec<_> = latest_versions
            .groups()
            .into_iter()
            .map(|(latest, regions)| (latest.map(|it| it.name.as_str()), regions))
            .collect();
        let expected = [
            (Some("1.1.0"), vec!["b", "c"]),
            (Some("1.0.0"), vec!["a"]),
            (None, vec!["d"]),
        ];
        assert_eq!(groups, expected);
        let later = LatestVersions::of(&versions[..0], &first);
        assert_eq!(latest_versions.lost_in(&later), ["b", "a", "c"]);
        assert!(latest_versions.lost_in(&latest_versions).is_empty());
    }
}
