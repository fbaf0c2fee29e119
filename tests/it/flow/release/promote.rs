//! A version that counts.

use serde_json::json;

use super::*;
use crate::texts::check_has;

#[tokio::test(start_paused = true)]
async fn an_excluded_version_is_promoted() {
    let stage = run(scene("promote", "1.0.2609402")).await;
    good(&stage);
    let id = version("1.0.2609402");
    let told: Vec<_> = lines(&stage);
    assert_eq!(
        told,
        [
            "image version:  1.0.2609402 of win11-avd in galContoso".to_owned(),
            "latest before:  1.0.2609301 in westeurope, northeurope".to_owned(),
            "starting put image version...".to_owned(),
            "put image version:  Updating (after 60 s)".to_owned(),
            "put image version:  Succeeded".to_owned(),
            "latest now:  1.0.2609402 in westeurope, northeurope".to_owned(),
            format!("the way back:  action: withdraw, withdrawReason: <why>, imageVersionId: {id}"),
        ]
    );
    for region in BOTH {
        assert_eq!(latest(&stage, "galContoso", region), "1.0.2609402");
    }
    // Recorded: 150 s, asked for every 60 s.
    assert!(
        stage.elapsed < Duration::from_secs(200),
        "{:?}",
        stage.elapsed
    );
    let tags = tags(&stage, &id);
    assert_eq!(tags["promotedBy"], "images");
    assert_eq!(tags["promotedRun"], "20261122.1");
    assert!(
        tags["promotedAt"].as_str().unwrap().starts_with(&today()),
        "{tags}"
    );
    assert!(
        tags["promotedAt"].as_str().unwrap().ends_with('Z'),
        "{tags}"
    );
    assert_eq!(tags["imageTest"], "passed");
}

#[tokio::test(start_paused = true)]
async fn variables_file_and_page_tell_of_it() {
    let stage = run(scene("promote", "1.0.2609402")).await;
    let id = version("1.0.2609402");
    for (name, value) in [
        ("imageVersionId", id.as_str()),
        ("imageUri", &id),
        ("imageVersion", "1.0.2609402"),
        ("imagePreviousVersionId", &version("1.0.2609301")),
        ("imageReleased", "true"),
    ] {
        assert_eq!(stage.variable(name), Some(value), "{name}");
    }
    let file = result_file(&stage);
    assert_eq!(file["imageVersionId"], id);
    assert_eq!(
        file["release"],
        json!({
            "action": "promote", "preview": false, "regions": BOTH, "copies": [],
            "latestBefore": {"westeurope": version("1.0.2609301"), "northeurope": version("1.0.2609301")},
            "latestNow": {"westeurope": id, "northeurope": id},
        })
    );
    let page = page(&stage);
    check_has(&page, "## ✅ Image version promoted: win11-avd 1.0.2609402");
    check_has(
        &page,
        &format!("action: withdraw\nwithdrawReason: <why>\nimageVersionId: {id}"),
    );
    check_has(&page, "| `westeurope` | `1.0.2609301` | `1.0.2609402` |");
}

#[tokio::test(start_paused = true)]
async fn a_second_promotion_has_nothing_to_do() {
    let stage = run(scene("promote", "1.0.2609402")).await;
    let id = version("1.0.2609402");
    // Once more: nothing to do, and the same variables.
    let again = then(&stage, scene("promote", "1.0.2609402")).await;
    good(&again);
    assert_eq!(puts(&again).len(), 1);
    assert!(lines(&again).contains(&"nothing to do: it is already so".to_owned()));
    assert_eq!(again.variable("imageReleased"), Some("true"));
    assert_eq!(again.variable("imagePreviousVersionId"), Some(id.as_str()));
    assert!(!again.transcript.contains("the way back"));
}

/// The file of the promotion, or of a build, says which version is meant.
#[tokio::test(start_paused = true)]
async fn a_result_file_names_the_version() {
    let stage = run(scene("promote", "1.0.2609402")).await;
    let path = stage.variable("resultPath").unwrap().to_owned();
    let back = then(
        &stage,
        scene("withdraw", "0.0.0").input("imageVersionId", &path),
    )
    .await;
    good(&back);
    assert_eq!(back.variable("imageVersion"), Some("1.0.2609402"));
    assert_eq!(latest(&back, "galContoso", "westeurope"), "1.0.2609301");
    // A build names it, too.
    let built = Scene::windows().build(|_| {}).await;
    good(&built);
    let path = built.variable("resultPath").unwrap();
    let step = Scene::bare("promote").input("imageVersionId", path);
    let promoted = then(&built, step).await;
    good(&promoted);
    assert_eq!(promoted.variable("imageVersion"), Some("1.0.0"));
}

#[tokio::test(start_paused = true)]
async fn regions_are_added_and_none_is_removed() {
    let step = scene("promote", "1.0.2609402").input(
        "targetRegions",
        "swedencentral=2:Standard_ZRS, West Europe=5",
    );
    let stage = run(step).await;
    good(&stage);
    let profile = profile(&stage, &version("1.0.2609402"));
    let regions: Vec<_> = profile["targetRegions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["name"].as_str().unwrap(),
                it["regionalReplicaCount"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        regions,
        [
            ("West Europe", 1),
            ("North Europe", 1),
            ("Sweden Central", 2)
        ]
    );
    let told = lines(&stage);
    assert!(
        told.contains(&"latest before:  none in swedencentral".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(
            &"latest now:  1.0.2609402 in westeurope, northeurope, swedencentral".to_owned()
        ),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|line| line.starts_with("replicating:  ") && line.contains("swedencentral")),
        "{told:?}"
    );
    // Recorded: 410 s with new regions.
    assert!(stage.elapsed > Duration::from_secs(400) && stage.elapsed < Duration::from_secs(500));
}

#[tokio::test(start_paused = true)]
async fn a_version_is_released_in_some_of_its_regions() {
    let step = scene("promote", "1.0.2609402").input("releaseRegions", "North Europe\n");
    let stage = run(step).await;
    good(&stage);
    let id = version("1.0.2609402");
    assert_eq!(profile(&stage, &id)["excludeFromLatest"], false);
    let expected = [("westeurope", Some(true)), ("northeurope", None)];
    assert_eq!(
        flags(&stage, &id),
        expected.map(|(name, flag)| (name.to_owned(), flag))
    );
    assert_eq!(latest(&stage, "galContoso", "northeurope"), "1.0.2609402");
    assert_eq!(latest(&stage, "galContoso", "westeurope"), "1.0.2609301");
    assert_eq!(
        result_file(&stage)["release"]["regions"],
        json!(["northeurope"])
    );
    assert!(stage.transcript.contains(&format!(
        "the way back:  action: withdraw, withdrawReason: <why>, imageVersionId: {id}, releaseRegions: northeurope"
    )));
    // The other one later; the first one stays.
    let step = scene("promote", "1.0.2609402").input("releaseRegions", "westeurope");
    let all = then(&stage, step).await;
    good(&all);
    for region in BOTH {
        assert_eq!(latest(&all, "galContoso", region), "1.0.2609402");
    }
    assert_eq!(puts(&all).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn required_tags_are_compared_exactly() {
    let ok = scene("promote", "1.0.2609402")
        .input("requireTags", "IMAGETEST=passed\nbuildNumber=1.0.2609402");
    good(&run(ok).await);
    let step = scene("promote", "1.0.2609402")
        .input("requireTags", "imageTest=Passed\nbranch=refs/heads/main");
    let stage = run(step).await;
    stage.check_result("Failed");
    let id = version("1.0.2609402");
    assert_eq!(
        stage.issues("error"),
        [format!(
            "AIB823: Promoting image version 1.0.2609402 of 'win11-avd' in gallery 'galContoso' failed: a required tag is missing: imageTest=Passed (it has 'passed'); branch=refs/heads/main (it has no such tag)\nhint: promote a version that has the tags, or correct input 'requireTags'; to set them by hand: az sig image-version update --ids {id} --set tags.imageTest=Passed tags.branch=refs/heads/main"
        )]
    );
    assert!(puts(&stage).is_empty());
    // What was looked at is told all the same.
    assert_eq!(result_file(&stage)["imageVersionId"], id);
    assert_eq!(stage.variable("imageReleased"), Some("false"));
    assert!(page(&stage).contains("## ❌ Image version not promoted"));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_life_is_set_kept_and_restored() {
    let end = |stage: &Stage| profile(stage, &version("1.0.2609402"))["endOfLifeDate"].clone();
    let stage = run(scene("promote", "1.0.2609402").input("endOfLifeInDays", "90")).await;
    good(&stage);
    let date = end(&stage);
    let date = date.as_str().unwrap();
    assert!(date.ends_with("T00:00:00+00:00"), "{date}");
    // The same day is no change.
    let again = then(
        &stage,
        scene("promote", "1.0.2609402").input("endOfLifeInDays", "90"),
    )
    .await;
    assert_eq!(puts(&again).len(), 1, "{}", again.transcript);
    // A withdrawal ends it today, and a promotion brings the old date back.
    let withdrawn = then(&stage, scene("withdraw", "1.0.2609402")).await;
    good(&withdrawn);
    assert_eq!(
        tags(&withdrawn, &version("1.0.2609402"))["withdrawnEndOfLife"],
        date
    );
    assert!(end(&withdrawn).as_str().unwrap().starts_with(&today()));
    let back = then(&stage, scene("promote", "1.0.2609402")).await;
    good(&back);
    assert_eq!(end(&back), date);
    let left = tags(&back, &version("1.0.2609402"));
    assert!(!left.to_string().contains("withdrawn"), "{left}");
    // A block until then.
    let blocked = then(
        &stage,
        scene("promote", "1.0.2609402").input("blockDeletionUntilEndOfLife", "true"),
    )
    .await;
    good(&blocked);
    assert_eq!(
        shown(&blocked, &version("1.0.2609402"))["properties"]["safetyProfile"]["blockDeletionBeforeEndOfLife"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn an_end_of_life_that_stays_past_is_warned_of() {
    let mut old = on_shelf("1.0.2609402", BOTH, true);
    old.body["properties"]["publishingProfile"]["endOfLifeDate"] = json!("2026-01-02T00:00:00Z");
    let stage = scene("promote", "1.0.2609402")
        .build(|cloud| put(cloud, &[old]))
        .await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(
        stage.issues("warning"),
        [
            "AIB829: the end of life of 1.0.2609402 stays past: 2026-01-02T00:00:00+00:00\nhint: set 'endOfLifeInDays'"
        ]
    );
    // One that was withdrawn loses it.
    let mut old = on_shelf("1.0.2609402", BOTH, true);
    old.body["properties"]["publishingProfile"]["endOfLifeDate"] = json!("2026-01-02T00:00:00Z");
    old.body["tags"]["withdrawnAt"] = json!("2026-01-02T10:00:00Z");
    let stage = scene("promote", "1.0.2609402")
        .build(|cloud| put(cloud, &[old]))
        .await;
    good(&stage);
    assert_eq!(
        profile(&stage, &version("1.0.2609402")).get("endOfLifeDate"),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_higher_version_that_stays_latest_is_warned_of() {
    let versions = [
        on_shelf("1.0.2609402", BOTH, true),
        on_shelf("1.0.2700001", &["westeurope"], false),
    ];
    let stage = scene("promote", "1.0.2609402")
        .build(|cloud| put(cloud, &versions))
        .await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(
        stage.issues("warning"),
        [format!(
            "AIB825: 1.0.2609402 counts, but latest in westeurope stays 1.0.2700001, which is higher\nhint: to change that: action: withdraw, withdrawReason: <why>, imageVersionId: {}",
            version("1.0.2700001")
        )]
    );
    assert_eq!(stage.variable("imageReleased"), Some("true"));
    assert!(page(&stage).contains("## ⚠️ Image version promoted"));
}

#[tokio::test(start_paused = true)]
async fn a_preview_sends_nothing() {
    let stage = run(scene("promote", "1.0.2609402").input("preview", "true")).await;
    good(&stage);
    assert!(puts(&stage).is_empty());
    let told = lines(&stage);
    assert!(
        told.contains(&"latest after:  1.0.2609402 in westeurope, northeurope".to_owned()),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|line| line.starts_with("preview:  nothing is sent")),
        "{told:?}"
    );
    assert_eq!(stage.variable("imageReleased"), Some("false"));
    assert_eq!(result_file(&stage)["release"]["preview"], true);
    let stage = run(scene("promote", "1.0.2609301").input("preview", "true")).await;
    assert!(lines(&stage).contains(&"preview:  nothing to do".to_owned()));
}

/// What people send is kept: tags in their letter case, what is not known here, encryption.
#[tokio::test(start_paused = true)]
async fn everything_else_of_the_version_stays() {
    let mut version_of_shelf = on_shelf("1.0.2609402", BOTH, true);
    let encryption = json!({"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": "EncryptedVMGuestStateOnlyWithPmk"}}});
    let properties = &mut version_of_shelf.body["properties"];
    properties["publishingProfile"]["targetRegions"][0]["encryption"] = encryption.clone();
    properties["publishingProfile"]["replicationMode"] = json!("Full");
    properties["safetyProfile"] =
        json!({"allowDeletionOfReplicatedLocations": true, "blockDeletionBeforeEndOfLife": true});
    properties["securityProfile"] = json!({"uefiSettings": {"signatureTemplateNames": ["MicrosoftUefiCertificateAuthorityTemplate"]}});
    properties["storageProfile"]["dataDiskImages"] =
        json!([{"lun": 3, "sizeInGB": 10, "hostCaching": "None"}]);
    let stage = scene("promote", "1.0.2609402")
        .input("artifactTags", "imagetest=again\nowner=web team")
        .build(|cloud| put(cloud, &[version_of_shelf]))
        .await;
    good(&stage);
    let after = shown(&stage, &version("1.0.2609402"));
    let properties = &after["properties"];
    assert_eq!(
        properties["publishingProfile"]["targetRegions"][0]["encryption"],
        encryption
    );
    assert_eq!(properties["publishingProfile"]["replicationMode"], "Full");
    assert_eq!(
        properties["safetyProfile"]["blockDeletionBeforeEndOfLife"],
        true
    );
    assert_eq!(
        properties["safetyProfile"]["allowDeletionOfReplicatedLocations"],
        true
    );
    assert_eq!(
        properties["securityProfile"]["uefiSettings"]["signatureTemplateNames"][0],
        "MicrosoftUefiCertificateAuthorityTemplate"
    );
    assert_eq!(properties["storageProfile"]["dataDiskImages"][0]["lun"], 3);
    assert_eq!(after["tags"]["imageTest"], "again");
    assert_eq!(after["tags"]["owner"], "web team");
}

/// An answer may lack tags altogether, and flags of regions that are false.
#[tokio::test(start_paused = true)]
async fn what_an_answer_leaves_out_makes_no_difference() {
    for (empty, flags) in [(true, false), (false, true), (true, true)] {
        let mut plain = on_shelf("1.0.2609402", BOTH, true);
        plain.body["tags"] = json!({});
        let stage = scene("promote", "1.0.2609402")
            .switches(|on| {
                on.versions.empty_tags_are_left_out = empty;
                on.versions.false_flags_of_regions_are_left_out = flags;
            })
            .build(|cloud| put(cloud, &[plain]))
            .await;
        good(&stage);
        let again = then(&stage, scene("promote", "1.0.2609402")).await;
        assert_eq!(puts(&again).len(), 1, "{}", again.transcript);
    }
}
