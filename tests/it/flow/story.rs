//! Builds that go well, and runs that do not: from the agent's environment to what exists in the cloud.

use std::time::Duration;

use azure_emulator::{Durations, Fate, Progress, RunFate, SubState};

use super::scene::{Scene, Stage};
use crate::golden::golden;
use crate::texts::{check_has, check_starts};

/// What must hold after every stage that was not canceled: nothing is left but images, and no secret shows.
pub(crate) fn check_nothing_left(stage: &Stage) {
    let inventory = stage.cloud.inventory();
    assert!(
        inventory.templates.is_empty(),
        "{inventory}\n{}",
        stage.transcript
    );
    assert!(
        inventory.staging_groups.is_empty(),
        "{inventory}\n{}",
        stage.transcript
    );
    assert!(
        inventory.blobs.is_empty(),
        "{inventory}\n{}",
        stage.transcript
    );
    assert_eq!(stage.note.as_deref().unwrap_or("[]"), "[]");
}

/// Nothing that the masker was told shows in any other line, nor any signature.
pub(crate) fn check_no_secret(stage: &Stage) {
    let announced = stage
        .transcript
        .lines()
        .filter_map(|line| line.strip_prefix("##vso[task.setsecret]"));
    let secrets: Vec<_> = announced
        .chain([stage.job_token()])
        .map(|secret| secret.replace("%AZP25", "%"))
        .collect();
    for line in stage
        .transcript
        .lines()
        .filter(|line| !line.starts_with("##vso[task.setsecret]"))
    {
        for secret in &secrets {
            assert!(!line.contains(secret.as_str()), "a secret shows in: {line}");
        }
        let signed = line.replace("sig=***", "");
        assert!(!signed.contains("sig="), "a signature shows in: {line}");
    }
}

fn check(stage: &Stage, result: &str) {
    assert_eq!(stage.result(), result, "{}", stage.transcript);
    assert!(stage.cloud.unconsumed_faults().is_empty());
    check_no_secret(stage);
}

#[tokio::test(start_paused = true)]
async fn the_seed_scenario_makes_an_image_and_leaves_nothing_else() {
    let stage = Scene::windows().build(|_| {}).await;
    check(&stage, "Succeeded");
    check_nothing_left(&stage);
    let versions = stage.cloud.inventory().image_versions;
    let (id, provisioning, regions) = &versions[0];
    assert_eq!(versions.len(), 1);
    assert_eq!(provisioning, "Succeeded");
    assert_eq!(regions.len(), 2, "{regions:?}");
    assert!(
        id.ends_with("/galleries/galContoso/images/win11-avd/versions/1.0.0"),
        "{id}"
    );
    assert_eq!(stage.variable("imageUri"), Some(id.as_str()));
    let template = stage.variable("templateName").unwrap();
    assert!(stage.variable("templateId").unwrap().ends_with(template));
    let source = ["pirPublisher", "pirOffer", "pirSku", "pirVersion"]
        .map(|name| stage.variable(name).unwrap());
    assert_eq!(
        source,
        [
            "microsoftwindowsdesktop",
            "office-365",
            "win11-25h2-avd-m365",
            "26200.7171.251111"
        ]
    );
    for line in [
        format!("template name:  {template}"),
        "put template:  Succeeded".to_owned(),
        "run template:  Succeeded".to_owned(),
        format!("$(imageUri) =  {id}"),
        "delete template:  Succeeded".to_owned(),
    ] {
        assert!(
            stage.transcript.lines().any(|found| found == line),
            "no line '{line}' in\n{}",
            stage.transcript
        );
    }
    for output in [
        "templateName",
        "templateId",
        "imageUri",
        "pirPublisher",
        "pirOffer",
        "pirSku",
        "pirVersion",
    ] {
        let command = format!("##vso[task.setvariable variable={output};isoutput=true;]");
        assert!(
            stage.transcript.contains(&command),
            "{output} is no output variable"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn variables_tell_of_version_run_and_log() {
    let stage = Scene::windows().build(|_| {}).await;
    let id = stage.variable("imageUri").unwrap().to_owned();
    assert_eq!(stage.variable("imageVersion"), Some("1.0.0"));
    assert_eq!(stage.variable("imageVersionId"), Some(id.as_str()));
    let definition = id.strip_suffix("/versions/1.0.0");
    assert_eq!(stage.variable("imageDefinitionId"), definition);
    assert_eq!(
        stage.variable("runOutputName"),
        Some("SharedImage_distribute")
    );
    assert_eq!(stage.variable("runState"), Some("Succeeded"));
    let staging = stage.variable("stagingResourceGroup").unwrap();
    assert!(staging.starts_with("IT_rg-images_t_"), "{staging}");
    let replication = "replicating 1.0.0:  ";
    check_has(&stage.transcript, replication);
    for output in [
        "imageVersion",
        "imageVersionId",
        "imageDefinitionId",
        "runOutputName",
        "runState",
        "stagingResourceGroup",
        "logPath",
        "resultPath",
    ] {
        let command = format!("##vso[task.setvariable variable={output};isoutput=true;]");
        assert!(
            stage.transcript.contains(&command),
            "{output} is no output variable"
        );
    }
}

/// A build without a live log is quiet, and a build of any length asks Azure a few times a minute.
#[tokio::test(start_paused = true)]
async fn a_normal_log_is_short_and_questions_are_few() {
    let stage = Scene::windows()
        .input("streamLogs", "false")
        .build(|_| {})
        .await;
    let lines = stage.transcript.lines();
    let lines = lines.filter(|line| !line.starts_with("##vso["));
    let count = lines.count();
    assert!(count <= 60, "{count} lines\n{}", stage.transcript);
    let durations = Durations {
        customizing: Duration::from_secs(3 * 3600),
        ..Durations::default()
    };
    let long = Scene::windows()
        .switches(|switches| switches.progress = Progress::ByClock(Box::new(durations)));
    let stage = long.build(|_| {}).await;
    let hours = stage.elapsed.as_secs_f64() / 3600.0;
    let asked = u32::try_from(stage.cloud.journal().len()).unwrap();
    let per_hour = f64::from(asked) / hours;
    println!("{count} lines, {per_hour:.0} requests in an hour");
    assert!(per_hour < 480.0, "{per_hour} requests in an hour");
}

/// The sum of the package's archive differs from processor to processor.
fn without_sum(result: &str) -> String {
    let (start, rest) = result.split_once("\"packageSha256\": \"").unwrap();
    let (_, end) = rest.split_once('"').unwrap();
    format!("{start}\"packageSha256\": \"SUM\"{end}")
}

/// What the agent sees, but for what is secret and what differs from run to run.
#[tokio::test(start_paused = true)]
async fn transcripts_are_as_reviewed() {
    let good = Scene::windows().build(|_| {}).await;
    golden("transcripts/seed.txt", &good.readable_transcript());
    golden("summaries/seed.md", &good.summary());
    // The picture in README is drawn of this.
    assert!(!good.summary().contains("| 0 s | done |"));
    let result = std::fs::read_to_string(good.variable("resultPath").unwrap()).unwrap();
    let number = good.variable("templateName").unwrap();
    let number = number.trim_start_matches("t_");
    let result = result.replace(number, "NUMBER");
    golden("image-result.json", &without_sum(&result));
    let failed = Scene::linux().build(|cloud| cloud.script_run(RunFate::customizer_failed()));
    let failed = failed.await;
    golden("transcripts/failed-run.txt", &failed.readable_transcript());
    golden("summaries/failed-run.md", &failed.summary());
    let stop = Some(Duration::from_secs(293));
    let canceled = Scene::windows().build_until(|_| {}, stop).await;
    golden("transcripts/canceled.txt", &canceled.readable_transcript());
    let refused = Scene::windows()
        .input("ibLocation", "")
        .input("imageSource", "marketplce")
        .input("managedIdentity", "id-image-builder")
        .input("packagePath", "wvd/Images")
        .input("buildTimeoutInMinutes", "3")
        .input("galleryImageId", "$(galleryImageId)");
    let refused = refused.build(|_| {}).await;
    golden("transcripts/refused.txt", &refused.readable_transcript());
}

#[tokio::test(start_paused = true)]
async fn the_template_name_is_known_before_anything_can_fail() {
    let stage = Scene::windows()
        .input("ibLocation", "")
        .input("buildTimeoutInMinutes", "3")
        .build(|_| {})
        .await;
    check(&stage, "Failed");
    let first = stage
        .transcript
        .lines()
        .position(|line| line.contains("variable=templateName;]t_"))
        .unwrap();
    let issue = stage
        .transcript
        .lines()
        .position(|line| line.contains("task.logissue"))
        .unwrap();
    assert!(first < issue);
    assert_eq!(stage.issues("error").len(), 2, "{}", stage.transcript);
    assert!(stage.cloud.journal().is_empty(), "bad input reached Azure");
}

#[tokio::test(start_paused = true)]
async fn every_target_and_both_systems_work() {
    let id = |name: &str| {
        format!(
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Compute/images/{name}"
        )
    };
    let managed = Scene::linux()
        .input("distributeType", "managedimage")
        .input("imageIdForDistribute", &id("web"))
        .input("managedImageLocation", "westeurope");
    let stage = managed.build(|_| {}).await;
    check(&stage, "Succeeded");
    check_nothing_left(&stage);
    assert_eq!(stage.variable("imageUri"), Some(id("web").as_str()));

    let stage = Scene::linux().build(|_| {}).await;
    check(&stage, "Succeeded");
    check_nothing_left(&stage);
    assert!(
        stage
            .variable("imageUri")
            .unwrap()
            .contains("/images/ubuntu-2404/versions/")
    );

    let explicit = Scene::linux();
    let definition = explicit.step.inputs["galleryImageId"].clone();
    let stage = explicit
        .input("galleryImageId", &format!("{definition}/versions/3.1.4"))
        .build(|_| {})
        .await;
    check(&stage, "Succeeded");
    assert!(
        stage
            .variable("imageUri")
            .unwrap()
            .ends_with("/versions/3.1.4")
    );
}

#[tokio::test(start_paused = true)]
async fn a_vhd_keeps_its_template_and_says_so() {
    let stage = Scene::linux()
        .input("distributeType", "vhd")
        .build(|_| {})
        .await;
    check(&stage, "Succeeded");
    let inventory = stage.cloud.inventory();
    assert_eq!(inventory.templates.len(), 1, "{inventory}");
    assert!(
        inventory
            .blobs
            .iter()
            .all(|(_, container, ..)| container != "imagebuilder-vststask"),
        "{inventory}"
    );
    assert!(stage.variable("imageUri").unwrap().contains("/vhds/"));
    check_has(
        &stage.transcript,
        "remains, because the VHD, or the VM of the failed build, would be deleted with it",
    );
    assert!(stage.transcript.contains("az image builder delete"));
    assert_eq!(stage.note.as_deref(), Some("[]"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_names_its_phase_and_cause_and_leaves_nothing() {
    let stage = Scene::windows()
        .build(|cloud| cloud.script_run(RunFate::customizer_failed()))
        .await;
    check(&stage, "Failed");
    check_nothing_left(&stage);
    let error = stage.error();
    check_starts(
        &error,
        "AIB058: The image run failed while customizing, after ",
    );
    check_has(&error, "in customizer 3 of 3 (WindowsUpdate)");
    assert_eq!(stage.variable("imageUri"), None);
    assert!(!stage.transcript.contains("run template:  Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_a_document_is_unfolded() {
    let stage = Scene::windows()
        .build(|cloud| cloud.script_run(RunFate::distribution_failed_as_json()))
        .await;
    check(&stage, "Failed");
    let error = stage.error();
    assert!(error.contains("while distributing"), "{error}");
    check_starts(
        &error,
        "AIB015: The image run failed while distributing, after ",
    );
    assert!(!error.contains('{'), "{error}");
    let azure = "InternalOperationError: Failed in distributing 1 images out of total 1";
    assert!(stage.transcript.contains(azure), "{}", stage.transcript);
}

#[tokio::test(start_paused = true)]
async fn a_failed_submission_is_explained_and_its_template_removed() {
    let message = "Not authorized to access the resource: /subscriptions/x. Please check the user assigned identity has the correct permissions.";
    let fate = Fate::Fail {
        code: "Unauthorized".to_owned(),
        message: message.to_owned(),
    };
    let stage = Scene::windows()
        .switches(|switches| switches.provisioning = fate)
        .build(|_| {})
        .await;
    check(&stage, "Failed");
    check_nothing_left(&stage);
    let error = stage.error();
    check_starts(&error, "AIB004: Submitting image template 't_");
    check_has(
        &error,
        "Unauthorized: Not authorized to access the resource",
    );
    check_has(
        &error,
        "<principal id of the identity in input 'managedIdentity'>",
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_base_image_is_explained() {
    let stage = Scene::windows()
        .input(
            "baseImagePubOfferSku",
            "MicrosoftWindowsDesktop:Windows-10:no-such-sku",
        )
        .build(|_| {})
        .await;
    check(&stage, "Failed");
    check_nothing_left(&stage);
    check_has(&stage.error(), "az vm image list-skus");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_somebody_cancels_is_no_success() {
    let scene = Scene::windows();
    let stage = scene
        .build_with(|cloud| async move {
            tokio::time::sleep(Duration::from_secs(300)).await;
            Scene::cancel_in_the_portal(&cloud);
        })
        .await;
    check(&stage, "Failed");
    check_nothing_left(&stage);
    assert!(
        stage
            .error()
            .starts_with("AIB402: The image run was canceled in Azure"),
        "{}",
        stage.error()
    );
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_without_our_output_fails() {
    let fate = RunFate::PartiallySucceed {
        outputs: 0,
        message: "no target was reached".to_owned(),
    };
    let stage = Scene::windows().build(|cloud| cloud.script_run(fate)).await;
    check(&stage, "Failed");
    check_has(&stage.error(), "no target was reached");
}

#[tokio::test(start_paused = true)]
async fn a_run_without_an_end_is_canceled_at_the_limit() {
    let stage = Scene::windows()
        .build(|cloud| {
            cloud.script_run(RunFate::NeverEnd {
                at: SubState::Customizing,
            });
        })
        .await;
    check(&stage, "Failed");
    check_nothing_left(&stage);
    let error = stage.error();
    check_starts(
        &error,
        "AIB403: The image run did not end within 2 h 20 min while customizing",
    );
    assert!(error.contains("buildTimeoutInMinutes"), "{error}");
}

/// Retry-After decides the pace, also a short one; without it there are four questions a minute at most.
#[tokio::test(start_paused = true)]
async fn azure_sets_the_pace() {
    let stage = Scene::windows().build(|_| {}).await;
    let polls = stage.polls_of_the_run();
    let minutes = stage.elapsed.as_secs() / 60;
    assert!(polls <= 4 * minutes + 4, "{polls} polls in {minutes} min");
    assert!(polls >= 3 * minutes, "{polls} polls in {minutes} min");

    let quick = Scene::windows().switches(|switches| {
        switches.retry_after = Some(0);
        switches.progress = Progress::AfterPolls(3);
    });
    let stage = quick.build(|_| {}).await;
    check(&stage, "Succeeded");
    // Every question is asked at once; what remains is the 16 s that nothing tells to wait less, at most.
    assert!(
        stage.elapsed < Duration::from_secs(90),
        "{:?}",
        stage.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn a_six_hour_build_outlives_its_tokens() {
    let durations = Durations {
        customizing: Duration::from_secs(6 * 3600),
        ..Durations::default()
    };
    let scene = Scene::windows()
        .input("buildTimeoutInMinutes", "600")
        .switches(|switches| {
            switches.progress = Progress::ByClock(Box::new(durations));
            switches.token_lifetime = Duration::from_secs(300);
        });
    let stage = scene.build(|_| {}).await;
    check(&stage, "Succeeded");
    assert!(stage.elapsed > Duration::from_secs(6 * 3600));
    let signs_of_life = stage.transcript.matches("still customizing").count();
    assert!((150..=190).contains(&signs_of_life), "{signs_of_life}");
}

#[tokio::test(start_paused = true)]
async fn a_repository_in_the_package_is_warned_of_and_can_be_kept_out() {
    let scene = || {
        let scene = Scene::linux();
        let git = scene.step.directories.sources.join("wvd/images/.git");
        std::fs::create_dir(&git).unwrap();
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        scene
    };
    let stage = scene().build(|_| {}).await;
    check(&stage, "Succeeded");
    check_has(&stage.transcript, "created archive: 4 files");
    let warnings = stage.issues("warning");
    let about = |warning: &&String| warning.contains("packageExclude");
    assert_eq!(warnings.iter().filter(about).count(), 1, "{warnings:?}");

    let stage = scene()
        .input("packageExclude", ".git/\n*.json")
        .build(|_| {})
        .await;
    check(&stage, "Succeeded");
    check_has(&stage.transcript, "created archive: 2 files");
    assert_eq!(stage.issues("warning").iter().filter(about).count(), 0);
}
