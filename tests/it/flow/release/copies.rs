//! Copies in other image definitions.

use azure_emulator::{Effect, Fault, SoftDelete};
use serde_json::json;

use super::*;
use crate::texts::check_has;

fn to_production() -> Scene {
    scene("promote", "1.0.2609402").input("promoteTo", &definition("galProduction"))
}

/// A version of `galProduction`.
fn there(number: &str, excluded: bool) -> SceneVersion {
    SceneVersion {
        id: copy(number),
        ..on_shelf(number, &["westeurope"], excluded)
    }
}

/// The version of the shelf, copied to production, where an older one counts.
async fn copied() -> Stage {
    let step = to_production()
        .input("artifactTags", "owner=web team")
        .input("endOfLifeInDays", "30")
        .input("blockDeletionUntilEndOfLife", "true");
    let stage = step
        .build(|cloud| {
            put(cloud, &shelf());
            put(cloud, &[there("1.0.2609301", false)]);
        })
        .await;
    good(&stage);
    stage
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_and_counts_there() {
    let stage = copied().await;
    let (id, source) = (copy("1.0.2609402"), version("1.0.2609402"));
    let told = lines(&stage);
    assert_eq!(
        told[..4],
        [
            "image version:  1.0.2609402 of win11-avd in galContoso",
            "image version:  1.0.2609402 of win11-avd in galProduction (copy)",
            "latest before:  1.0.2609301 in westeurope",
            "latest before:  none in northeurope",
        ]
    );
    assert!(
        told.contains(&"latest now:  1.0.2609402 in westeurope, northeurope".to_owned()),
        "{told:#?}"
    );
    assert!(
        told.contains(&format!(
            "the way back:  action: withdraw, withdrawReason: <why>, imageVersionId: {id}"
        )),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|line| line.starts_with("replicating:  westeurope")),
        "{told:#?}"
    );
    let shown = shown(&stage, &id);
    assert_eq!(
        shown["properties"]["storageProfile"]["source"]["id"],
        source
    );
    assert_eq!(
        shown["properties"]["safetyProfile"]["blockDeletionBeforeEndOfLife"],
        true
    );
    assert!(profile(&stage, &id)["endOfLifeDate"].is_string());
    let tags = tags(&stage, &id);
    assert_eq!(tags["copiedFrom"], source);
    assert_eq!(tags["imageTest"], "passed");
    assert_eq!(tags["owner"], "web team");
    assert_eq!(tags["promotedBy"], "images");
    // The source stays as it is.
    assert_eq!(profile(&stage, &source)["excludeFromLatest"], true);
    assert_eq!(super::tags(&stage, &source).get("promotedAt"), None);
    assert_eq!(latest(&stage, "galProduction", "westeurope"), "1.0.2609402");
    // Recorded: 407 s.
    assert!(
        stage.elapsed > Duration::from_secs(400) && stage.elapsed < Duration::from_secs(500),
        "{:?}",
        stage.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn variables_and_file_name_the_copy() {
    let stage = copied().await;
    let id = copy("1.0.2609402");
    for (name, value) in [
        ("imageVersionId", id.as_str()),
        ("imageUri", &id),
        ("imageVersion", "1.0.2609402"),
        ("imagePreviousVersionId", &copy("1.0.2609301")),
        ("imageReleased", "true"),
    ] {
        assert_eq!(stage.variable(name), Some(value), "{name}");
    }
    let copy_row = format!("| Copy | `{id}` |");
    assert!(page(&stage).contains(&copy_row), "{}", page(&stage));
    let file = result_file(&stage);
    assert_eq!(file["imageVersionId"], id);
    assert_eq!(file["release"]["copies"], json!([id]));
    assert_eq!(
        file["release"]["latestBefore"],
        json!({"westeurope": copy("1.0.2609301"), "northeurope": null})
    );
    assert_eq!(
        file["release"]["latestNow"],
        json!({"westeurope": id, "northeurope": id})
    );
}

/// Neither the variables nor the result file name a version.
fn names_no_version(stage: &Stage) {
    for name in ["imageVersionId", "imageUri", "imageVersion"] {
        assert_eq!(stage.variable(name), Some(""), "{name}");
        if stage.variable("resultPath").is_some() {
            assert_eq!(result_file(stage)[name], Value::Null, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_refused_is_not_named() {
    let world = Scene::windows().world;
    let production = world.gallery_id(&world.galleries[1]);
    // Before anything is sent, by Azure, and while it is made.
    let nothing = format!("{production}/images/nothing");
    let no_definition = run(scene("promote", "1.0.2609402").input("promoteTo", &nothing)).await;
    let with = |effect: Effect| {
        to_production().build(move |cloud| {
            put(cloud, &shelf());
            cloud.add_fault(Fault::always("PutVersion", effect));
        })
    };
    let refused = with(Effect::refusal(403, "AuthorizationFailed", "no"));
    for stage in [no_definition, refused.await] {
        assert_eq!(stage.result(), "Failed", "{}", stage.transcript);
        names_no_version(&stage);
        assert_eq!(
            stage
                .variable("imagePreviousVersionId")
                .map(|id| id.contains("galContoso")),
            Some(false)
        );
    }
    // A version that does not exist.
    names_no_version(&run(scene("promote", "9.9.9")).await);
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_once() {
    let stage = copied().await;
    let id = copy("1.0.2609402");
    // A second time there is nothing to do.
    let again = then(&stage, to_production()).await;
    good(&again);
    assert_eq!(puts(&again).len(), 1, "{}", again.transcript);
    assert!(lines(&again).contains(&"nothing to do: it is already so".to_owned()));
    assert_eq!(result_file(&again)["release"]["copies"], json!([id]));
    // And what was withdrawn there comes back.
    let path = again.variable("resultPath").unwrap();
    let back = Scene::bare("withdraw")
        .input("imageVersionId", path)
        .input("withdrawReason", "x");
    let back = then(&stage, back.input("withdrawLast", "true")).await;
    assert_eq!(back.variable("imageVersionId"), Some(id.as_str()));
    assert_eq!(latest(&back, "galProduction", "westeurope"), "1.0.2609301");
    let again = then(&stage, to_production()).await;
    good(&again);
    assert_eq!(latest(&again, "galProduction", "westeurope"), "1.0.2609402");
}

#[tokio::test(start_paused = true)]
async fn what_a_version_says_of_itself_is_not_copied() {
    let mut source = on_shelf("1.0.2609402", &["northeurope"], true);
    let tags = json!({"buildNumber": "1", "promotedAt": "x", "WithdrawnReason": "y", "imageBuilderRun": "z"});
    source.body["tags"] = tags;
    let stage = to_production().build(|cloud| put(cloud, &[source])).await;
    good(&stage);
    let id = copy("1.0.2609402");
    let tags = super::tags(&stage, &id);
    let names: Vec<_> = tags
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "buildNumber",
            "promotedAt",
            "promotedBy",
            "promotedRun",
            "copiedFrom"
        ]
    );
    assert_ne!(tags["promotedAt"], "x");
    // The regions of the source, and that of the gallery.
    let flags = flags(&stage, &id);
    let names: Vec<_> = flags.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["northeurope", "westeurope"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_has_regions_of_its_own_and_counts_in_some() {
    let step = to_production()
        .input("targetRegions", "westeurope=2, uksouth")
        .input("distributeStorageAccountType", "StandardZRS")
        .input("releaseRegions", "uksouth");
    let stage = run(step).await;
    good(&stage);
    let id = copy("1.0.2609402");
    let expected = [("westeurope", Some(true)), ("uksouth", None)];
    assert_eq!(
        flags(&stage, &id),
        expected.map(|(name, flag)| (name.to_owned(), flag))
    );
    let regions = profile(&stage, &id)["targetRegions"].clone();
    assert_eq!(regions[0]["regionalReplicaCount"], 2);
    assert_eq!(regions[0]["storageAccountType"], "Standard_ZRS");
    assert_eq!(latest(&stage, "galProduction", "westeurope"), "none");
    assert_eq!(latest(&stage, "galProduction", "uksouth"), "1.0.2609402");
    let again = then(
        &stage,
        to_production().input("releaseRegions", "northeurope"),
    )
    .await;
    assert!(again.error().starts_with("AIB824: Promoting image version 1.0.2609402 of 'win11-avd' in gallery 'galProduction' failed: it has no replica in northeurope"), "{}", again.error());
}

#[tokio::test(start_paused = true)]
async fn several_copies_have_lines_of_their_own() {
    let mut step = scene("promote", "1.0.2609402");
    let mut third = step.world.galleries[1].clone();
    third.name = "galThird".to_owned();
    let third_id = step.world.gallery_id(&third);
    step.world.galleries.push(third);
    let production = definition("galProduction");
    let lines_of_input = format!(
        "{production}\n\n  {third_id}/images/win11-avd\n{}\n",
        production.to_uppercase()
    );
    let stage = run(step.input("promoteTo", &lines_of_input)).await;
    good(&stage);
    assert_eq!(puts(&stage).len(), 2);
    let (first, second) = (
        copy("1.0.2609402"),
        format!("{third_id}/images/win11-avd/versions/1.0.2609402"),
    );
    let file = result_file(&stage);
    assert_eq!(file["release"]["copies"], json!([first, second]));
    assert_eq!(file["release"]["each"][1]["imageVersionId"], second);
    let own = version("1.0.2609402");
    assert_eq!(file["imageVersionId"], own);
    assert_eq!(stage.variable("imageVersionId"), Some(own.as_str()));
    assert_eq!(stage.variable("imageReleased"), Some("true"));
    assert_eq!(
        stage.variable("imagePreviousVersionId"),
        Some(version("1.0.2609301").as_str())
    );
    let told = lines(&stage);
    assert_eq!(
        told.iter()
            .filter(|line| line.starts_with("latest now:  1.0.2609402 in"))
            .count(),
        2,
        "{told:#?}"
    );
    the_one_that_is_meant(&stage, &first).await;
}

/// The file of a promotion with several copies names several versions: which one is meant has to be said.
async fn the_one_that_is_meant(stage: &Stage, first: &str) {
    let path = stage.variable("resultPath").unwrap();
    let withdraw = || {
        Scene::bare("withdraw")
            .input("imageVersionId", path)
            .input("withdrawReason", "x")
            .input("withdrawLast", "true")
    };
    let refused = then(stage, withdraw()).await;
    assert!(
        refused
            .error()
            .starts_with("AIB101: Input 'ImageVersionId': file '"),
        "{}",
        refused.error()
    );
    check_has(&refused.error(), "has 3 versions: ");
    let one = then(
        stage,
        withdraw().input("galleryImageId", &definition("galProduction")),
    )
    .await;
    assert_eq!(
        one.variable("imageVersionId"),
        Some(first),
        "{}",
        one.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn targets_that_do_not_fit_are_told_before_anything_is_made() {
    let world = Scene::windows().world;
    let production = world.gallery_id(&world.galleries[1]);
    for (target, code, text) in [
        (
            "nothing",
            "AIB826",
            "the image definition does not exist\nhint: check the spelling in input 'promoteTo'; to create the image definition: az sig image-definition create --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-production --gallery-name galProduction --gallery-image-definition nothing --publisher Contoso --offer Desktops --sku win11-avd --os-type Windows",
        ),
        (
            "ubuntu-2404",
            "AIB826",
            "the image definition is for other images: its operating system is Linux, and that of the version is Windows",
        ),
    ] {
        let both = format!(
            "{}\n{production}/images/{target}",
            definition("galProduction")
        );
        let stage = run(scene("promote", "1.0.2609402").input("promoteTo", &both)).await;
        let error = stage.error();
        assert!(error.starts_with(code) && error.contains(text), "{error}");
        assert!(puts(&stage).is_empty());
        assert_eq!(stage.variable("imageReleased"), Some("false"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_taken_is_left_alone() {
    let with = |tags: Value, state: &str| {
        let mut version = there("1.0.2609402", false);
        version.body["tags"] = tags;
        version.state = state.to_owned();
        version
    };
    let ours = json!({"copiedFrom": version("1.0.2609402").to_uppercase()});
    for (found, code, text) in [
        (
            with(json!({}), "Succeeded"),
            "AIB827",
            "the number is taken there: its version is in state Succeeded, and no copy of ",
        ),
        (
            with(json!({"copiedFrom": version("1.0.2609301")}), "Succeeded"),
            "AIB827",
            "the number is taken there: it is a copy of ",
        ),
        (
            with(ours.clone(), "Deleting"),
            "AIB827",
            "the copy there is being deleted",
        ),
        (
            with(ours.clone(), "Failed"),
            "AIB822",
            "hint: delete it, and build the image or copy it again: az sig image-version delete --subscription 3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963 --resource-group rg-production --gallery-name galProduction --gallery-image-definition win11-avd --gallery-image-version 1.0.2609402",
        ),
    ] {
        let stage = to_production()
            .build(|cloud| {
                put(cloud, &shelf());
                put(cloud, &[found]);
            })
            .await;
        let error = stage.error();
        assert!(error.starts_with(code) && error.contains(text), "{error}");
        assert!(puts(&stage).is_empty());
    }
}

/// What an earlier attempt has begun is followed, and made to count.
#[tokio::test(start_paused = true)]
async fn a_copy_on_its_way_is_followed() {
    for state in ["Creating", "Updating", "Levitating"] {
        let copy_in = |state: &str| {
            let mut version = there("1.0.2609402", true);
            version.state = state.to_owned();
            version.body["tags"] = json!({"copiedFrom": version_id()});
            version
        };
        let stage = to_production()
            .build_while(
                |cloud| {
                    put(cloud, &shelf());
                    put(cloud, &[copy_in(state)]);
                },
                async |cloud| {
                    tokio::time::sleep(Duration::from_secs(500)).await;
                    put(&cloud, &[copy_in("Succeeded")]);
                },
            )
            .await;
        good(&stage);
        assert_eq!(latest(&stage, "galProduction", "westeurope"), "1.0.2609402");
        assert_eq!(puts(&stage).len(), 1);
    }
}

fn version_id() -> String {
    version("1.0.2609402")
}

#[tokio::test(start_paused = true)]
async fn a_deleted_version_does_not_come_back() {
    let with_soft_delete = || {
        let mut step = to_production();
        step.world.galleries[1].soft_delete = Some(SoftDelete::default());
        step
    };
    let stage = run(with_soft_delete()).await;
    good(&stage);
    delete(&stage, &copy("1.0.2609402")).await;
    let again = then(&stage, to_production()).await;
    let error = again.error();
    assert!(error.starts_with("AIB827: Promoting image version 1.0.2609402 of 'win11-avd' in gallery 'galProduction' failed: a version of this number was deleted, and can be restored until 20"), "{error}");
    assert!(error.contains(": the old image would come back\nhint: build the image with another number; or, if the deleted image is the one that is meant: Restore-AzGalleryImageVersion "), "{error}");
    assert_eq!(puts(&again).len(), 1);
    // Nobody may look: the number is tried, and the old image is told by what Azure answers.
    again.cloud.add_fault(Fault::once(
        "ListSoftDeletedVersions",
        Effect::refusal(403, "AuthorizationFailed", "no"),
    ));
    let blind = then(&stage, to_production()).await;
    assert!(
        blind
            .transcript
            .contains("whether a deleted version has the number is not known:  ")
    );
    let error = blind.error();
    assert!(error.starts_with("AIB827: ") && error.contains("an old image came back under the number: Azure changed a version instead of creating one\nhint: delete it: az sig image-version delete "), "{error}");
    assert_eq!(blind.variable("imageReleased"), Some("false"));
}

/// Clouds without the list, and answers without the source.
#[tokio::test(start_paused = true)]
async fn what_is_not_known_of_copies_makes_no_difference() {
    let stage = run(to_production().switches(|on| {
        on.versions.copies_hide_their_source = true;
        on.versions.soft_deleted_list_since = "2099-01-01".to_owned();
    }))
    .await;
    good(&stage);
    assert_eq!(latest(&stage, "galProduction", "westeurope"), "1.0.2609402");
    let refused =
        run(to_production().switches(|on| on.versions.copies_need_a_replica = true)).await;
    good(&refused);
}

#[tokio::test(start_paused = true)]
async fn inputs_that_name_no_other_definition() {
    for (target, text) in [
        (
            definition("galContoso"),
            "is the image definition of the version itself, where it needs no copy",
        ),
        (
            copy("1.0.0"),
            "hint: remove '/versions/1.0.0': the copy has the number of the version",
        ),
        (
            "galProduction".to_owned(),
            "is not the resource id of an image definition",
        ),
    ] {
        let stage = run(scene("promote", "1.0.2609402").input("promoteTo", &target)).await;
        let error = stage.error();
        assert!(
            error.starts_with("AIB101: Input 'promoteTo': ") && error.contains(text),
            "{error}"
        );
        assert!(stage.cloud.journal().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_makes_no_copy() {
    let stage = run(to_production().input("preview", "true")).await;
    good(&stage);
    assert!(puts(&stage).is_empty());
    assert!(
        lines(&stage).contains(&"latest after:  1.0.2609402 in westeurope, northeurope".to_owned())
    );
    // There is no copy yet that a later step could use.
    names_no_version(&stage);
    assert_eq!(stage.variable("imageReleased"), Some("false"));
    assert_eq!(result_file(&stage)["release"]["copies"], json!([]));
    let message = "result=Succeeded;]preview: win11-avd 1.0.2609402 would be promoted, and nothing was changed";
    assert!(stage.transcript.contains(message), "{}", stage.transcript);
    // One that is there is named.
    let made = copied().await;
    let again = then(&made, to_production().input("preview", "true")).await;
    let id = copy("1.0.2609402");
    assert_eq!(again.variable("imageVersionId"), Some(id.as_str()));
}
