#[path = "rules_second_tests.rs"]
mod second;

use serde_json::{Map, Value, json};
use time::macros::datetime;

use super::*;
use crate::arm::gallery::TargetRegion;
use crate::resource::ResourceId;

const DEFINITION: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11";
const NOW: OffsetDateTime = datetime!(2026-11-29 02:00 UTC);

/// A good version of a year ago, that counts in West Europe.
fn version(number: &str) -> Version {
    Version {
        name: number.to_owned(),
        id: format!("{DEFINITION}/versions/{number}"),
        state: State::Succeeded,
        regions: vec![region("westeurope", false)],
        published: Some(NOW - Duration::days(365)),
        ..Version::default()
    }
}

fn region(name: &str, excluded: bool) -> TargetRegion {
    TargetRegion {
        name: name.to_owned(),
        excluded,
    }
}

fn tags(tags: &Value) -> Map<String, Value> {
    tags.as_object().unwrap().clone()
}

fn keep(action: RetainAction) -> Keep {
    Keep {
        versions: 0,
        days: 30,
        tag: "keep".to_owned(),
        failed: false,
        action,
    }
}

fn used(image: &str, region: Option<&str>) -> Uses {
    let vm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm";
    let mut uses = Uses::default();
    uses.add(
        &DEFINITION.parse::<ResourceId>().unwrap(),
        (vm, region),
        image,
        None,
    );
    uses
}

fn reasons_with(versions: &[Version], uses: Option<&Uses>, keep: &Keep, name: &str) -> Vec<String> {
    let decisions = decide(versions, uses, keep, NOW);
    let found = decisions.iter().find(|it| it.version.name == name).unwrap();
    found.reasons.iter().map(ToString::to_string).collect()
}

/// Why `old` stays, below a version that is newer, for each action.
fn check(old: Version, expected: [&[&str]; 3]) {
    let name = old.name.clone();
    let versions = [version("9.0.0"), old];
    let actions = [
        RetainAction::Delete,
        RetainAction::Exclude,
        RetainAction::EndOfLife,
    ];
    for (action, expected) in actions.into_iter().zip(expected) {
        let found = reasons_with(&versions, Some(&Uses::default()), &keep(action), &name);
        assert_eq!(found, expected, "{action:?} {:?}", versions[1]);
    }
}

#[test]
fn an_old_version_goes() {
    check(version("1.0.0"), [&[], &[], &[]]);
}

#[test]
fn what_has_not_ended_stays() {
    for state in [
        "Creating",
        "Updating",
        "Deleting",
        "Migrating",
        "Levitating",
    ] {
        let old = Version {
            state: State::of(state),
            ..version("1.0.0")
        };
        let reason = format!("not ended: its state is '{state}'");
        let reason: &[&str] = &[&reason];
        check(old, [reason, reason, reason]);
    }
}

#[test]
fn the_newest_of_each_region_stays() {
    let mut versions = [version("1.0.0"), version("1.9.0"), version("1.10.0")];
    versions[0].regions.push(region("northeurope", false));
    versions[2].regions = vec![region("westeurope", true)];
    let check = |name: &str, expected: &[&str]| {
        let found = reasons_with(&versions, None, &keep(RetainAction::Delete), name);
        assert_eq!(found, expected, "{name}");
    };
    check("1.10.0", &["newest: the newest good one in westeurope"]);
    check("1.9.0", &["newest: latest in westeurope"]);
    check(
        "1.0.0",
        &[
            "newest: the newest good one in northeurope",
            "newest: latest in northeurope",
        ],
    );
}

/// A failed one, or one that is still being made, is no good one.
#[test]
fn the_newest_good_one_is_complete() {
    let mut versions = [version("1.0.0"), version("2.0.0"), version("3.0.0")];
    versions[1].state = State::Failed;
    versions[2].state = State::Creating;
    let found = reasons_with(&versions, None, &keep(RetainAction::Delete), "1.0.0");
    let expected = [
        "newest: the newest good one in westeurope",
        "newest: latest in westeurope",
    ];
    assert_eq!(found, expected);
}

#[test]
fn so_many_of_the_newest_good_ones_stay() {
    let mut versions: Vec<Version> = ["1.0.0", "1.0.9", "1.0.10", "1.1.0", "2.0.0"]
        .map(version)
        .into();
    // A failed one takes no place of a good one, an excluded one does.
    versions[3].state = State::Failed;
    versions[2].excluded = true;
    let check = |count: u32, expected: &[&str]| {
        let keep = Keep {
            versions: count,
            ..keep(RetainAction::Delete)
        };
        let decisions = decide(&versions, None, &keep, NOW);
        let counted = decisions
            .iter()
            .filter(|it| it.reasons.contains(&Reason::Count(count)));
        let names: Vec<_> = counted.map(|it| it.version.name.as_str()).collect();
        assert_eq!(names, expected, "{count}");
    };
    check(0, &[]);
    check(1, &["2.0.0"]);
    check(3, &["1.0.9", "1.0.10", "2.0.0"]);
    check(9, &["1.0.0", "1.0.9", "1.0.10", "2.0.0"]);
}

#[test]
fn young_ones_and_those_without_a_date_stay() {
    let aged = |age: Duration| Version {
        published: Some(NOW - age),
        ..version("1.0.0")
    };
    let young: &[&str] = &["age: younger than 30 days"];
    check(aged(Duration::days(30) - Duration::SECOND), [young; 3]);
    check(aged(Duration::days(-1)), [young; 3]);
    check(aged(Duration::days(30)), [&[], &[], &[]]);
    let dateless = Version {
        published: None,
        ..version("1.0.0")
    };
    check(dateless, [&["age: Azure reports no valid date"]; 3]);
}

/// Azure tells the time of day in whole seconds, and the date of a version with their fractions.
#[test]
fn nothing_is_younger_than_no_days() {
    let keep = Keep {
        days: 0,
        ..keep(RetainAction::Delete)
    };
    let new = Version {
        published: Some(NOW + Duration::milliseconds(800)),
        ..version("1.0.0")
    };
    let found = reasons_with(&[version("9.0.0"), new], None, &keep, "1.0.0");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_tag_keeps_unless_it_says_false() {
    let check = |tag: Value, stays: bool| {
        let tagged = Version {
            tags: tags(&tag),
            ..version("1.0.0")
        };
        let expected: &[&str] = if stays {
            &["tag: it has tag 'keep'"]
        } else {
            &[]
        };
        check(tagged, [expected; 3]);
    };
    check(json!({"keep": "true"}), true);
    check(json!({"KEEP": "until 2027"}), true);
    check(json!({"Keep": ""}), true);
    check(json!({"keep": null}), true);
    check(json!({"keep": "false"}), false);
    check(json!({"keep": "False"}), false);
    check(json!({"keeper": "true"}), false);
}

#[test]
fn what_may_be_promoted_yet_stays() {
    let waiting: &[&str] = &[
        "newest: the newest good one in westeurope",
        "awaits promotion: it is excluded from latest, was not withdrawn, and its number is above latest",
    ];
    let newest: &[&str] = &["newest: the newest good one in westeurope"];
    let check = |tag: Value, excluded: bool, days: i64, expected: &[&str]| {
        // A newest one, so that the excluded one in question is not that.
        let top = Version {
            regions: vec![region("westeurope", excluded)],
            tags: tags(&tag),
            published: Some(NOW - Duration::days(days)),
            ..version("5.0.0")
        };
        let versions = [version("1.0.0"), top];
        let found = reasons_with(&versions, None, &keep(RetainAction::Delete), "5.0.0");
        assert_eq!(found, expected, "{tag} {excluded} {days}");
    };
    check(json!({"imageTest": "passed"}), true, 365, waiting);
    check(json!({"IMAGETEST": "passed"}), true, 365, waiting);
    check(json!({"imageTest": "failed"}), true, 365, newest);
    check(json!({}), true, 365, newest);
    check(
        json!({"imageTest": "passed", "withdrawnAt": "2026-01-01T00:00:00Z"}),
        true,
        365,
        newest,
    );
    let young = ["age: younger than 30 days"];
    let expected: Vec<&str> = [newest[0], young[0], waiting[1]].into();
    check(json!({}), true, 3, &expected);
}

#[test]
fn what_is_below_latest_everywhere_awaits_nothing() {
    let passed = Version {
        excluded: true,
        tags: tags(&json!({"imageTest": "passed"})),
        ..version("1.0.0")
    };
    check(
        passed.clone(),
        [&[], &["already: it is excluded from latest"], &[]],
    );
    // In a region of its own, nothing is latest.
    let elsewhere = Version {
        regions: vec![region("westeurope", false), region("northeurope", false)],
        ..passed
    };
    let found = reasons_with(
        &[version("9.0.0"), elsewhere],
        None,
        &keep(RetainAction::Delete),
        "1.0.0",
    );
    assert_eq!(found[0], "newest: the newest good one in northeurope");
    assert!(found[1].starts_with("awaits promotion"), "{found:?}");
}

#[test]
fn a_block_holds_until_the_end_of_life_or_for_good() {
    let blocked = |end_of_life| Version {
        blocks_deletion: true,
        end_of_life,
        ..version("1.0.0")
    };
    let later: &[&str] = &["blocked: it cannot be deleted before its end of life, 2027-01-01"];
    check(blocked(Some(datetime!(2027-01-01 00:00 UTC))), [later; 3]);
    let never: &[&str] = &["blocked: it cannot be deleted before its end of life, and it has none"];
    check(blocked(None), [never; 3]);
    let past: &[&str] = &["already: its end of life is 2026-11-29"];
    check(
        blocked(Some(datetime!(2026-11-29 00:00 UTC))),
        [&[], &[], past],
    );
    let versions = [version("9.0.0"), blocked(None), version("0.9.0")];
    let decisions = decide(&versions, None, &keep(RetainAction::Delete), NOW);
    let only: Vec<_> = decisions
        .iter()
        .map(|it| (it.only_blocked(), it.goes()))
        .collect();
    assert_eq!(only, [(false, false), (true, false), (false, true)]);
}

#[test]
fn what_is_in_use_stays() {
    let versions = [version("9.0.0"), version("1.0.0")];
    let reason = "in use: by VM 'vm' in resource group 'g'";
    let keep = keep(RetainAction::Delete);
    let uses = used(&versions[1].id, None);
    assert_eq!(
        reasons_with(&versions, Some(&uses), &keep, "1.0.0"),
        [reason]
    );
    // Who takes the newest one holds the newest one.
    let uses = used(DEFINITION, Some("westeurope"));
    assert!(reasons_with(&versions, Some(&uses), &keep, "1.0.0").is_empty());
    let found = reasons_with(&versions, Some(&uses), &keep, "9.0.0");
    assert_eq!(found.last().unwrap(), reason);
}

#[test]
fn failed_ones_go_after_a_day() {
    let failed = |age: Duration| Version {
        state: State::Failed,
        published: Some(NOW - age),
        ..version("1.0.0")
    };
    let left: &[&str] = &["failed: only a deletion removes it"];
    check(failed(Duration::days(1)), [&[], left, left]);
    let today: &[&str] = &["failed: it is less than a day old"];
    check(failed(Duration::hours(23)), [today, left, left]);
    let dateless = Version {
        published: None,
        ..failed(Duration::ZERO)
    };
    let no_date: &[&str] = &["age: Azure reports no valid date"];
    check(dateless, [no_date, left, left]);
    let all = Keep {
        failed: true,
        ..keep(RetainAction::Delete)
    };
    let found = reasons_with(&[failed(Duration::days(90))], None, &all, "1.0.0");
    assert_eq!(found, ["failed: failed ones are kept"]);
    let held = Version {
        tags: tags(&json!({"keep": "1"})),
        blocks_deletion: true,
        ..failed(Duration::days(90))
    };
    let uses = used(&held.id, None);
    let found = reasons_with(&[held], Some(&uses), &keep(RetainAction::Delete), "1.0.0");
    let words: Vec<_> = found
        .iter()
        .map(|it| it.split(':').next().unwrap())
        .collect();
    assert_eq!(words, ["tag", "blocked", "in use"]);
}

#[test]
fn what_is_so_already_is_left() {
    let excluded = Version {
        excluded: true,
        ..version("1.0.0")
    };
    check(
        excluded,
        [&[], &["already: it is excluded from latest"], &[]],
    );
    // In its only region it does not count, but as a whole it does.
    let in_its_region = Version {
        regions: vec![region("westeurope", true)],
        ..version("1.0.0")
    };
    check(in_its_region, [&[], &[], &[]]);
    let ends = |end| Version {
        end_of_life: Some(end),
        ..version("1.0.0")
    };
    let already: &[&str] = &["already: its end of life is 2026-11-29"];
    check(ends(datetime!(2026-11-29 23:00 UTC)), [&[], &[], already]);
    check(ends(datetime!(2026-11-30 00:00 UTC)), [&[], &[], &[]]);
}

#[test]
fn what_cannot_be_read_stays() {
    let nameless = Version {
        name: "final".to_owned(),
        ..version("1.0.0")
    };
    check(
        nameless,
        [&["unclear: Azure's answer has no number of it"]; 3],
    );
    let nowhere = Version {
        regions: Vec::new(),
        ..version("1.0.0")
    };
    check(
        nowhere,
        [&["unclear: Azure's answer has no region of it"]; 3],
    );
}
