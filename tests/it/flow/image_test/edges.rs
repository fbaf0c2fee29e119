//! What is refused before anything is made, replicas that are on their way, cancels, and a job that dies.

use std::time::Duration;

use azure_emulator::{Effect, Fault};
use serde_json::json;

use super::*;
use crate::flow::scene::Death;
use crate::texts::{check_has, check_starts};

/// Code and text of the one error; nothing was sent to be made.
fn refused(stage: &Stage) -> (String, String) {
    stage.check_result("Failed");
    assert_eq!(puts(stage, "/"), 0, "{}", stage.transcript);
    assert_eq!(stage.variable("imageTested"), Some(""));
    assert!(junit(stage).is_none());
    let [error] = &issues(stage, "error")[..] else {
        panic!("{}", stage.transcript)
    };
    error.clone()
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_there_is_not_tested() {
    let stage = scene().build(|_| {}).await;
    let (code, text) = refused(&stage);
    assert_eq!(code, "AIB821");
    check_starts(
        &text,
        "Testing image version 1.0.2609402 of 'win11-avd' failed: it does not exist, or is being deleted\nhint: correct input 'ImageVersionId'; to list the versions that there are, run: az sig image-version list",
    );
    // Nothing was looked at, so there is nothing to write down.
    assert_eq!(stage.variable("resultPath"), None);
    // A number that is nearly another one.
    let stage = run(scene().input("imageVersionId", &version("1.0.26094022"))).await;
    let (_, text) = refused(&stage);
    check_has(
        &text,
        "\nhint: did you mean version 1.0.2609402? If not, correct input",
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_version_is_not_tested() {
    let stage = scene()
        .build(|cloud| {
            let version = on_shelf(NUMBER, &["westeurope"]);
            cloud.put_image_version(&azure_emulator::SceneVersion {
                state: "Failed".to_owned(),
                ..version
            });
        })
        .await;
    let (code, _) = refused(&stage);
    assert_eq!(code, "AIB822");
}

#[tokio::test(start_paused = true)]
async fn a_version_without_a_replica_in_the_region_is_not_tested() {
    let stage = scene()
        .build(|cloud| {
            cloud.put_image_version(&on_shelf(NUMBER, &["northeurope", "swedencentral"]));
        })
        .await;
    let (code, text) = refused(&stage);
    assert_eq!(code, "AIB865");
    assert_eq!(
        text,
        "Testing image version 1.0.2609402 of 'win11-avd' failed: it has no replica in westeurope, where the test would be; it is in: northeurope, swedencentral\nhint: set 'ibLocation' to one of these regions; or replicate the version: build with 'targetRegions', or use 'action: promote' with it"
    );
    let file = result_file(&stage);
    assert_eq!(file["test"]["verdict"], json!(null));
    assert_eq!(file["test"]["code"], "AIB865");
}

#[tokio::test(start_paused = true)]
async fn a_specialized_version_is_for_the_other_engine() {
    let mut scene = scene();
    let gallery = &mut scene.world.galleries[0];
    let mut definitions = gallery.definitions.iter_mut();
    definitions
        .find(|it| it.name == "win11-avd")
        .unwrap()
        .specialized = true;
    let (code, text) = refused(&scene.build(shelf).await);
    assert_eq!(code, "AIB101");
    assert_eq!(
        text,
        "Testing image version 1.0.2609402 of 'win11-avd' failed: it is specialized, but Azure VM Image Builder supports generalized images only\nhint: use 'testEngine: vm'"
    );
}

/// A version that is being changed, so that its replicas are on their way.
async fn while_updating(wait: Duration) -> Stage {
    scene()
        .switches(|on| {
            if let azure_emulator::Progress::ByClock(durations) = &mut on.progress {
                durations.replicating = wait;
            }
        })
        .build_while(
            |cloud| {
                let mut version = on_shelf(NUMBER, &["northeurope"]);
                version.body["properties"]["publishingProfile"]["excludeFromLatest"] = json!(true);
                cloud.put_image_version(&version);
                let world = Scene::windows().world;
                let mut body = version.body.clone();
                body["properties"]["publishingProfile"]["targetRegions"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"name": "westeurope", "regionalReplicaCount": 1}));
                let request = Request::builder()
                    .method("PUT")
                    .uri(format!(
                        "{}{}?api-version=2024-03-03",
                        world.addresses.arm, version.id
                    ))
                    .header(
                        "authorization",
                        format!("Bearer {}", crate::emulated::token(&world)),
                    )
                    .header("content-type", "application/json")
                    .body(serde_json::to_vec(&body).unwrap().into())
                    .unwrap();
                let answer = cloud.answer(request).response().unwrap();
                assert_eq!(answer.status(), 200, "{answer:?}");
            },
            |_| async {},
        )
        .await
}

#[tokio::test(start_paused = true)]
async fn a_replica_on_its_way_is_waited_for() {
    let stage = while_updating(Duration::from_secs(10 * 60)).await;
    stage.check_result("Succeeded");
    assert!(
        stage
            .transcript
            .contains("waiting for the replica in westeurope:  Updating"),
        "{}",
        stage.transcript
    );
    nothing_left(&stage);
    let late = while_updating(Duration::from_secs(60 * 60)).await;
    assert_eq!(codes(&late, "error"), ["AIB865"], "{}", late.transcript);
    check_has(&late.transcript, "was not complete after 30 min");
}

#[tokio::test(start_paused = true)]
async fn a_canceled_test_stops_its_run_and_gives_no_verdict() {
    let stage = scene()
        .build_until(shelf, Some(Duration::from_secs(12 * 60)))
        .await;
    stage.check_result("Canceled");
    assert_eq!(stage.variable("imageTested"), Some(""));
    assert!(junit(&stage).is_none());
    assert_eq!(tags_of_version(&stage), json!({"buildNumber": NUMBER}));
    let after = stage.clean_up().await;
    after.check_result("Succeeded");
    nothing_left(&after);
}

fn starts_run(request: &Request<bytes::Bytes>) -> bool {
    request.method() == Method::POST && request.uri().path().ends_with("/run")
}

/// The second attempt takes over what the first one has begun: one template, one run.
#[tokio::test(start_paused = true)]
async fn the_test_of_a_lost_agent_is_taken_over() {
    for after in [Some(Duration::from_secs(8 * 60)), None] {
        let first = scene();
        let cloud = first.new_cloud();
        shelf(&cloud);
        match after {
            Some(time) => drop(first.dies_after(Arc::clone(&cloud), time).await),
            None => drop(
                first
                    .dies_at(
                        Arc::clone(&cloud),
                        |_, request| starts_run(request),
                        Death::Before,
                    )
                    .await,
            ),
        }
        let second = scene().attempt(2).build_in(Arc::clone(&cloud)).await;
        assert_eq!(
            second.result(),
            "Succeeded",
            "{after:?}{}",
            second.transcript
        );
        assert_eq!(second.variable("imageTested"), Some("passed"));
        assert_eq!(
            puts(&second, "/imageTemplates/"),
            1,
            "{}",
            second.transcript
        );
        let journal = cloud.journal().into_iter();
        let runs = journal.filter(|it| it.method == Method::POST && it.path.ends_with("/run"));
        assert_eq!(runs.count(), 1);
        nothing_left(&second);
    }
}

/// A build of the same step does not take a test for its own, nor does a wait.
#[tokio::test(start_paused = true)]
async fn nobody_takes_a_test_for_a_build() {
    let first = scene();
    let cloud = first.new_cloud();
    shelf(&cloud);
    drop(
        first
            .dies_after(Arc::clone(&cloud), Duration::from_secs(8 * 60))
            .await,
    );
    let wait = Scene::bare("wait").input("ibAzureResourceGroup", "rg-images");
    let stage = wait.build_in(Arc::clone(&cloud)).await;
    assert_eq!(codes(&stage, "error"), ["AIB801"], "{}", stage.transcript);
    assert_eq!(cloud.inventory().templates.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_is_tested_and_gets_no_tags() {
    let mut scene = scene();
    let id = format!(
        "/subscriptions/{}/resourceGroups/rg-images/providers/Microsoft.Compute/images/web",
        scene.world.subscription
    );
    scene.world.managed_images.push(id.clone());
    let (stage, sent) = witnessed(
        scene
            .input("imageVersionId", &id)
            .input("provisioner", "shell")
            .input("validationInlineScript", "true"),
    )
    .await;
    stage.check_result("Succeeded");
    assert_eq!(
        submitted(&sent)["properties"]["source"],
        json!({"type": "ManagedImage", "imageId": id})
    );
    assert_eq!(puts(&stage, "/images/web"), 0);
    let file = result_file(&stage);
    assert_eq!(
        (&file["imageUri"], &file["imageVersionId"]),
        (&json!(id), &json!(null))
    );
    nothing_left(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_not_provisioned_is_no_verdict() {
    let stage = scene()
        .switches(|on| {
            on.provisioning = azure_emulator::Fate::Fail {
                code: "BadSharedImageVersionSource".to_owned(),
                message: "The image version is not readable.".to_owned(),
            };
        })
        .build(shelf)
        .await;
    stage.check_result("Failed");
    assert_eq!(stage.variable("imageTested"), Some(""));
    assert!(junit(&stage).is_none());
    assert_eq!(tags_of_version(&stage), json!({"buildNumber": NUMBER}));
    nothing_left(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_somebody_cancels_is_no_verdict() {
    let stage = scene()
        .build_while(shelf, |cloud| async move {
            tokio::time::sleep(Duration::from_secs(8 * 60)).await;
            Scene::cancel_in_the_portal(&cloud);
        })
        .await;
    assert_eq!(codes(&stage, "error"), ["AIB402"], "{}", stage.transcript);
    assert!(junit(&stage).is_none());
    assert_eq!(tags_of_version(&stage), json!({"buildNumber": NUMBER}));
    nothing_left(&stage);
}

/// Whatever is refused, or gets lost, on the way: a verdict or an error, and nothing is left but what is named.
#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_leaves_nothing() {
    for operation in ["PutTemplate", "RunTemplate", "GetVersion", "GetDefinition"] {
        for effect in [Effect::ResetBefore, Effect::ResetAfter] {
            let stage = scene()
                .build(|cloud| {
                    shelf(cloud);
                    cloud.add_fault(Fault::once(operation, effect.clone()));
                })
                .await;
            assert_eq!(
                stage.result(),
                "Succeeded",
                "{operation}{}",
                stage.transcript
            );
            nothing_left(&stage);
        }
    }
}
