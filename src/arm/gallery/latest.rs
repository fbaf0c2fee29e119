//! Which version of an image definition Azure takes for `latest` in a region.
//!
//! The highest number, not the youngest, among those that have a replica in the region and are not kept from who asks for the latest one
//! (<https://learn.microsoft.com/azure/virtual-machines/azure-compute-gallery#image-versions>). This is the only place that decides it.

use super::version::{State, Version};

/// Whether `version` is among those of which the highest one is the latest in `region` (`westeurope`).
///
/// While a version changes, its old replicas are there and new ones are on their way: it counts where Azure says that the replication is
/// complete, which only an answer with `$expand=ReplicationStatus` does.
pub fn counts_in(version: &Version, region: &str) -> bool {
    let is_there = match version.state {
        State::Succeeded => true,
        State::Updating => is_replicated(version, region),
        _ => false,
    };
    let shown = version
        .region(region)
        .is_some_and(|region| !region.excluded);
    is_there && shown && !version.excluded
}

fn is_replicated(version: &Version, region: &str) -> bool {
    let regions = version.replication.iter().flatten();
    let mut here = regions.filter(|state| crate::resource::plain_region(&state.region) == region);
    here.any(|state| state.state.eq_ignore_ascii_case("Completed"))
}

/// The version that `latest` stands for in `region` (`westeurope`).
pub fn latest<'a>(versions: &'a [Version], region: &str) -> Option<&'a Version> {
    highest(versions.iter().filter(|version| counts_in(version, region)))
}

/// The complete version with the highest number, whether it counts anywhere or not.
pub fn newest_good(versions: &[Version]) -> Option<&Version> {
    let good = |version: &&Version| version.state == State::Succeeded;
    highest(versions.iter().filter(good))
}

/// Every region that any of the versions names, in the order of the alphabet.
pub fn regions(versions: &[Version]) -> Vec<&str> {
    let all = versions.iter().flat_map(|version| &version.regions);
    let mut names: Vec<&str> = all.map(|region| region.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The regions in which a version counts, in its own order.
pub fn counting(version: &Version) -> impl Iterator<Item = &str> {
    let names = version.regions.iter().map(|region| region.name.as_str());
    names.filter(|region| counts_in(version, region))
}

/// What is no number is never the highest.
fn highest<'a>(versions: impl Iterator<Item = &'a Version>) -> Option<&'a Version> {
    let numbered = versions.filter_map(|version| Some((version.number()?, version)));
    numbered
        .max_by_key(|(number, _)| *number)
        .map(|(_, version)| version)
}
