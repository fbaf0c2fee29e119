//! The rules against a second implementation, for any versions.

use proptest::prelude::*;

use super::*;

const REGIONS: [&str; 3] = ["westeurope", "northeurope", "uksouth"];

fn any_version() -> impl Strategy<Value = Version> {
    let state = prop_oneof![6 => Just("Succeeded"), 2 => Just("Failed"), 1 => Just("Updating"), 1 => Just("Odd")];
    let regions = prop::collection::vec(prop_oneof![Just(None), any::<bool>().prop_map(Some)], 3);
    let tag = prop::option::weighted(0.2, prop_oneof![Just("true"), Just("false")]);
    let test = prop::option::of(prop_oneof![Just("passed"), Just("failed")]);
    let days = prop::option::weighted(0.9, 0_i64..60);
    let end = prop::option::of(-5_i64..5);
    let flags = (
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    );
    (state, regions, tag, test, days, end, flags).prop_map(
        |(state, regions, tag, test, days, end, (excluded, blocks, withdrawn))| {
            let mut all = Map::new();
            let named = [
                ("keep", tag),
                ("imageTest", test),
                ("withdrawnAt", withdrawn.then_some("x")),
            ];
            for (name, value) in named {
                if let Some(value) = value {
                    all.insert(name.to_owned(), json!(value));
                }
            }
            let regions = REGIONS.into_iter().zip(regions);
            let regions = regions.filter_map(|(name, flag)| Some(region(name, flag?)));
            Version {
                state: State::of(state),
                regions: regions.collect(),
                excluded,
                tags: all,
                published: days.map(|days| NOW - Duration::days(days)),
                end_of_life: end.map(|days| NOW + Duration::days(days) + Duration::HOUR),
                blocks_deletion: blocks,
                ..version("0.0.0")
            }
        },
    )
}

fn any_versions() -> impl Strategy<Value = Vec<Version>> {
    prop::collection::btree_map((0_u8..3, 0_u8..12), any_version(), 0..14).prop_map(|versions| {
        let named = versions.into_iter().map(|((minor, patch), version)| {
            let name = format!("1.{minor}.{patch}");
            Version {
                id: format!("{DEFINITION}/versions/{name}"),
                name,
                ..version
            }
        });
        named.collect()
    })
}

fn any_keep() -> impl Strategy<Value = Keep> {
    let action = prop_oneof![
        Just(RetainAction::Delete),
        Just(RetainAction::Exclude),
        Just(RetainAction::EndOfLife)
    ];
    (0_u32..4, 0_u32..40, any::<bool>(), action).prop_map(|(versions, days, failed, action)| Keep {
        versions,
        days,
        failed,
        ..keep(action)
    })
}

fn is_good(version: &Version) -> bool {
    version.state == State::Succeeded
}

fn is_there(version: &Version, name: &str) -> bool {
    version.regions.iter().any(|it| it.name == name)
}

fn counts(version: &Version, name: &str) -> bool {
    let flag = version
        .regions
        .iter()
        .any(|it| it.name == name && !it.excluded);
    is_good(version) && !version.excluded && flag
}

/// Whether a good version stays because of what it is in one region.
fn stays_for_region(version: &Version, all: &[Version], name: &str) -> bool {
    let text = |name: &str| version.tags.get(name).and_then(Value::as_str);
    let newer = all.iter().filter(|it| it.number() > version.number());
    let newer: Vec<_> = newer
        .filter(|it| is_good(it) && is_there(it, name))
        .collect();
    let above = !newer.iter().any(|it| counts(it, name));
    // Young ones stay anyway, so what was not tested does not come here.
    let excluded = !REGIONS.iter().any(|name| counts(version, name));
    let waits = excluded && text("imageTest") == Some("passed") && text("withdrawnAt").is_none();
    let newest = is_there(version, name) && newer.is_empty();
    newest || above && (counts(version, name) || is_there(version, name) && waits)
}

/// The same rules once more, as plainly as they can be written: whether a version stays.
fn stays(version: &Version, all: &[Version], used: &[String], keep: &Keep) -> bool {
    let text = |name: &str| version.tags.get(name).and_then(Value::as_str);
    let age = version.published.map(|date| (NOW - date).whole_days());
    let young = age.is_none_or(|age| age < i64::from(keep.days));
    if version.blocks_deletion && version.end_of_life.is_none_or(|end| end > NOW) {
        return true;
    }
    if text("keep").is_some_and(|value| value != "false") {
        return true;
    }
    if keep.action != RetainAction::Exclude && used.contains(&version.name) {
        return true;
    }
    if version.state == State::Failed {
        return keep.action != RetainAction::Delete || keep.failed || age.is_none_or(|age| age < 1);
    }
    if !is_good(version) || young || version.regions.is_empty() {
        return true;
    }
    let newer = all
        .iter()
        .filter(|it| is_good(it) && it.number() > version.number());
    if newer.count() < keep.versions.try_into().unwrap() {
        return true;
    }
    if REGIONS
        .iter()
        .any(|name| stays_for_region(version, all, name))
    {
        return true;
    }
    match keep.action {
        RetainAction::Delete => false,
        RetainAction::Exclude => version.excluded,
        RetainAction::EndOfLife => version
            .end_of_life
            .is_some_and(|end| end.date() <= NOW.date()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing goes that must stay, and nothing stays that may go.
    #[test]
    fn the_rules_hold_for_any_versions(versions in any_versions(), keep in any_keep(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..3)) {
        let used_names: Vec<String> = if versions.is_empty() {
            Vec::new()
        } else {
            picks.iter().map(|pick| pick.get(&versions).name.clone()).collect()
        };
        let mut uses = Uses::default();
        for name in &used_names {
            uses.extend(used(&format!("{DEFINITION}/versions/{name}"), None));
        }
        let looked = (keep.action != RetainAction::Exclude).then_some(&uses);
        for decision in decide(&versions, looked, &keep, NOW) {
            let expected = stays(decision.version, &versions, &used_names, &keep);
            prop_assert_eq!(!decision.goes(), expected, "{:?} of {:?} with {:?}", decision, versions, keep);
        }
    }
}
