//! `action: diff`: which versions, what is told of them, and what fails the step.

use image_builder::inventory::{Inventory, Property};
use serde_json::{Value, json};

use super::scene::{Shelf, blob_name, file, page, readable, result, sha256, ubuntu, windows};
use crate::golden::golden;

/// The example of the documentation: nine changes.
fn october() -> Inventory {
    let mut october = windows(
        "26200.7171",
        &[
            "program Microsoft Edge 142.0.3595.53",
            "program Cisco AnyConnect 4.10.08029",
            "program 7-Zip/x64 24.09",
            "program 7-Zip/x86 24.09",
            "program Citrix Tool 2.10.0",
            "program Contoso Agent 2024a",
            "appx MSTeams 25290.205.4069.4894",
        ],
    );
    october.properties = facts(&["windows:update KB5068861", "windows:feature NetFx3"]);
    october
}

/// `windows:update KB5068861`.
fn facts(lines: &[&str]) -> Vec<Property> {
    let pairs = lines.iter().map(|line| line.split_once(' ').unwrap());
    pairs
        .map(|(name, value)| Property {
            name: name.to_owned(),
            value: value.to_owned(),
        })
        .collect()
}

fn november() -> Inventory {
    let mut november = windows(
        "26200.7392",
        &[
            "program Microsoft Edge 143.0.3650.66",
            "program FSLogix 3.25.822.19044",
            "program 7-Zip/x64 25.01",
            "program 7-Zip/x86 24.09",
            "program Citrix Tool 2.9.5",
            "program Contoso Agent 2024b",
            "appx MSTeams 25290.205.4069.4894",
        ],
    );
    november.properties = facts(&[
        "windows:update KB5072033",
        "windows:feature NetFx3",
        "windows:language Language.Basic~~~de-DE~0.0.1.0",
    ]);
    november
}

fn shelf() -> Shelf {
    Shelf::new("1.0.2609402")
        .version("1.0.2609301", 28, &october())
        .version("1.0.2609402", 40, &november())
}

#[tokio::test(start_paused = true)]
async fn the_changes_since_the_previous_version_are_told() {
    let shelf = shelf();
    let (from, to) = (shelf.id("1.0.2609301"), shelf.id("1.0.2609402"));
    let stage = shelf.run().await;
    stage.check_result("Succeeded");
    golden("transcripts/diff.txt", &readable(&stage));
    golden("summaries/diff.md", &page(&stage));
    let expected = json!({
        "schemaVersion": 1,
        "from": from,
        "to": to,
        "os": {"before": "Windows 11 25H2 26200.7171", "now": "Windows 11 25H2 26200.7392"},
        "added": [{"kind": "program", "name": "FSLogix", "now": "3.25.822.19044"}],
        "removed": [{"kind": "program", "name": "Cisco AnyConnect", "before": "4.10.08029"}],
        "changed": [
            {"kind": "program", "name": "7-Zip", "arch": "x64", "before": "24.09", "now": "25.01"},
            {"kind": "program", "name": "Citrix Tool", "before": "2.10.0", "now": "2.9.5", "downgraded": true},
            {"kind": "program", "name": "Contoso Agent", "before": "2024a", "now": "2024b"},
            {"kind": "program", "name": "Microsoft Edge", "before": "142.0.3595.53", "now": "143.0.3650.66"},
        ],
        "properties": [
            {"name": "windows:language", "added": ["Language.Basic~~~de-DE~0.0.1.0"], "removed": []},
            {"name": "windows:update", "added": ["KB5072033"], "removed": ["KB5068861"]},
        ],
    });
    assert_eq!(file(&stage), expected);
    assert_eq!(stage.variable("imageChanges"), Some("6"));
    assert_eq!(stage.variable("imageVersionId"), Some(to.as_str()));
    let document = result(&stage);
    assert_eq!(
        (&document["action"], &document["imageVersionId"]),
        (&json!("diff"), &json!(to))
    );
    let expected = json!({
        "from": from, "to": to, "added": 1, "removed": 1, "changed": 4, "forbidden": 0,
        "path": stage.variable("imageDiffPath").unwrap(),
    });
    assert_eq!(document["diff"], expected);
}

#[tokio::test(start_paused = true)]
async fn rules_fail_the_step_and_everything_is_told_all_the_same() {
    let rules = "removed: cisco *\ndowngraded: *\nadded: Nothing*\nupgraded: ???rosoft Edge\nchanged: 7-zip";
    let stage = shelf().input("failOnChange", rules).run().await;
    stage.check_result("Failed");
    assert_eq!(
        stage.error(),
        "AIB873: Comparing 1.0.2609402 with 1.0.2609301 failed: 'failOnChange' forbids 4 changes: \
         Cisco AnyConnect was removed (removed: cisco *); \
         Citrix Tool was downgraded from 2.10.0 to 2.9.5 (downgraded: *); \
         Microsoft Edge was upgraded from 142.0.3595.53 to 143.0.3650.66 (upgraded: ???rosoft Edge); \
         7-Zip was changed from 24.09 to 25.01 (changed: 7-zip)\n\
         hint: do not promote 1.0.2609402 before someone has approved these changes; if they are meant, change 'failOnChange' and run the step again"
    );
    assert_eq!(stage.variable("imageChanges"), Some("6"));
    assert_eq!(result(&stage)["diff"]["forbidden"], 4);
    golden("summaries/diff-forbidden.md", &page(&stage));
    // A kind that goes on is no downgrade, and another name is another name.
    let stage = shelf()
        .input("failOnChange", "downgraded: Microsoft*\nremoved: Cisco")
        .run()
        .await;
    stage.check_result("Succeeded");
}

/// Where the versions of the definition come from: number, day, whether it counts, and its one program.
fn line_of_versions(now: &str) -> Shelf {
    let mut shelf = Shelf::new(now);
    for (number, day, excluded) in [
        ("1.0.1", 1, false),
        ("1.2.0", 2, false),
        ("1.1.0", 3, true),
        ("1.0.5", 4, false),
        ("1.0.6", 5, false),
    ] {
        let content = Shelf::content(
            &shelf.id(number),
            &windows("26200.1", &[&format!("program P {number}")]),
        );
        let id = shelf.id(number);
        let more = json!({"excludeFromLatest": excluded});
        shelf = shelf.with(&id, day, &more, Some(content));
    }
    shelf
}

#[tokio::test(start_paused = true)]
async fn what_is_compared_with_is_found_in_four_ways() {
    for (now, with, expected) in [
        ("1.0.5", "", "1.1.0"),
        ("1.0.5", "previous", "1.1.0"),
        ("1.0.5", "Latest", "1.2.0"),
        ("1.2.0", "latest", "1.0.1"),
        ("1.1.0", "latest", "1.2.0"),
        ("1.0.5", "1.0.6", "1.0.6"),
        ("1.0.6", "1.0.6", "1.0.6"),
    ] {
        let shelf = line_of_versions(now);
        let with = if with.starts_with(char::is_numeric) {
            shelf.id(with)
        } else {
            with.to_owned()
        };
        let stage = shelf.input("compareWith", &with).run().await;
        stage.check_result("Succeeded");
        let from = file(&stage)["from"].as_str().unwrap().to_owned();
        assert!(
            from.ends_with(&format!("/{expected}")),
            "{now} {with}: {from}"
        );
        let changes = if now == expected { "0" } else { "1" };
        assert_eq!(
            stage.variable("imageChanges"),
            Some(changes),
            "{now} {with}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn versions_of_two_definitions_are_compared() {
    let shelf = shelf();
    let other = shelf
        .id("2.0.0")
        .replace("/images/win11-avd/", "/images/ubuntu-2404/");
    let content = Shelf::content(&other, &october());
    let stage = shelf
        .with(&other, 3, &Value::Null, Some(content))
        .input("compareWith", &other)
        .run()
        .await;
    stage.check_result("Succeeded");
    assert_eq!(file(&stage)["from"], other);
    let page = page(&stage);
    let title = "### What changed since ubuntu-2404 2.0.0 (2026-10-03)\n";
    assert!(page.contains(title), "{page}");
}

/// A copy in another gallery has no list of its own: that of the version that it is a copy of counts, with the sum in the copy's own tags.
#[tokio::test(start_paused = true)]
async fn a_copy_is_compared_by_the_list_of_its_source() {
    let shelf = shelf();
    let source = shelf.id("1.0.2609301");
    let production = shelf
        .scene
        .world
        .gallery_id(&shelf.scene.world.galleries[1]);
    let copy = format!("{production}/images/win11-avd/versions/1.0.2609301");
    let sum = sha256(&Shelf::content(&source, &october()));
    let tags = json!({"tags": {"copiedFrom": source, "imageInventorySha256": sum}});
    let stage = shelf
        .with(&copy, 30, &tags, None)
        .input("compareWith", &copy)
        .run()
        .await;
    stage.check_result("Succeeded");
    assert_eq!(stage.variable("imageChanges"), Some("6"));
    // What the tag names is no version: it is as if it were not there.
    for other in ["/subscriptions/s", "../../x", "", &production] {
        let shelf = self::shelf();
        let tags = json!({"tags": {"copiedFrom": other}});
        let stage = shelf
            .with(&copy, 30, &tags, None)
            .input("compareWith", &copy)
            .run()
            .await;
        assert!(stage.error().starts_with("AIB874: "), "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_changes_are_cut_to_what_matters_most() {
    let old: Vec<String> = (0..880)
        .map(|number| format!("deb lib{number:03}/amd64 1.{number}-1"))
        .chain((1..10).map(|number| format!("deb old{number}/amd64 1-1")))
        // What others name their packages is no markup.
        .chain(["deb old0|<b>`_x_/amd64 1-1".to_owned()])
        .collect();
    let new: Vec<String> = (0..880)
        .map(|number| match number {
            500 => "deb lib500/amd64 1.499-1".to_owned(),
            _ => format!("deb lib{number:03}/amd64 1.{number}-2"),
        })
        .chain((0..10).map(|number| format!("deb new{number}/amd64 1-1")))
        .collect();
    let stage = Shelf::new("1.0.2")
        .version("1.0.1", 1, &ubuntu(&old))
        .version("1.0.2", 2, &ubuntu(&new))
        .run()
        .await;
    assert_eq!(stage.variable("imageChanges"), Some("900"));
    let page = page(&stage);
    golden("summaries/diff-900.md", &page);
    let rows = page.lines().filter(|line| line.starts_with("| ")).count();
    // The heading is one of them.
    assert_eq!(rows, 61);
    for shown in ["| + new9 |", "| - old9 |", "| lib500 |"] {
        assert!(page.contains(shown), "{shown}");
    }
    let log = stage.transcript.lines();
    let listed = log.filter(|line| line.starts_with("  lib")).count();
    assert_eq!(listed, 200);
    let all = file(&stage);
    assert_eq!(all["changed"].as_array().unwrap().len(), 880);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_could_not_be_listed_is_not_compared() {
    let before = windows("26200.1", &["program P 1.0", "appx A 1.0", "appx B 1.0"]);
    let mut now = windows("26200.1", &["program P 1.1"]);
    now.properties.push(Property {
        name: Inventory::INCOMPLETE.to_owned(),
        value: "appx".to_owned(),
    });
    let shelf = || {
        Shelf::new("1.0.2")
            .version("1.0.1", 1, &before)
            .version("1.0.2", 2, &now)
    };
    let stage = shelf().run().await;
    stage.check_result("Succeeded");
    assert_eq!(stage.variable("imageChanges"), Some("1"));
    assert_eq!(file(&stage)["notCompared"], json!(["appx"]));
    let told = "Not compared, because one of the two images could not list them: appx.";
    assert!(page(&stage).contains(told), "{}", page(&stage));
    let stage = shelf().input("failOnChange", "removed: *").run().await;
    stage.check_result("SucceededWithIssues");
    let warning = "AIB877: 'failOnChange' has let all changes of kind appx pass: one of the two images could not list them\n\
                   hint: the log of the build of that image shows why";
    assert_eq!(stage.issues("warning"), [warning]);
}

#[test]
fn lists_are_kept_under_the_names_that_the_documentation_has() {
    let id = "/subscriptions/S-1/resourceGroups/rg/providers/Microsoft.Compute/galleries/galContoso/images/Win11/versions/1.0.1";
    assert_eq!(blob_name(id), "s-1/galcontoso/win11/1.0.1.cdx.json");
}
