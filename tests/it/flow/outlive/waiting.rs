//! `submit`, then `wait` in another job: what the template says, and what `wait` does.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, Effect, Fate, Fault, RunFate, SceneVersion, SubState};

use super::*;
use crate::flow::scene::Death;
use crate::texts::check_has;

/// A cloud in which a build was submitted.
async fn submitted() -> Stage {
    let stage = submit("aib-4711").build(|_| {}).await;
    stage.check_result("Succeeded");
    stage
}

fn missing() -> Effect {
    Effect::refusal(404, "ResourceNotFound", "not there")
}

#[tokio::test(start_paused = true)]
async fn a_build_goes_on_without_the_job_that_started_it() {
    let first = submitted().await;
    assert!(
        first.elapsed < Duration::from_secs(120),
        "{:?}",
        first.elapsed
    );
    assert_eq!(
        first.note.as_deref(),
        Some("[]"),
        "the post-job stage deletes nothing"
    );
    check_says(&first, "template name:  aib-4711");
    check_says(
        &first,
        "submitted: the build continues without this job until ",
    );
    for (name, expected) in [
        ("templateName", "aib-4711"),
        ("runState", "Running"),
        ("imageReady", "false"),
    ] {
        assert_eq!(first.variable(name), Some(expected), "{name}");
    }
    assert!(
        first
            .variable("templateId")
            .unwrap()
            .ends_with("/imageTemplates/aib-4711")
    );
    let deadline = first.variable("runDeadline").unwrap();
    assert!(
        deadline.ends_with('Z') && deadline.len() == 20,
        "{deadline}"
    );
    assert_eq!(first.variable("imageUri"), None);
    let cloud = Arc::clone(&first.cloud);
    let first = first.clean_up().await;
    assert_eq!(templates(&cloud), ["aib-4711"], "{}", first.transcript);
    check_collected(cloud).await;
}

/// By its name, whatever its letter case, or by the pipeline run.
async fn check_collected(cloud: Arc<Cloud>) {
    tokio::time::sleep(Duration::from_secs(300)).await;
    for name in ["aib-4711", "AIB-4711", ""] {
        let cloud = if name == "aib-4711" {
            Arc::clone(&cloud)
        } else {
            submitted().await.cloud
        };
        let second = in_cloud(action("wait", name), &cloud).await;
        check_one_image(name, &second, 1);
        if name != "AIB-4711" {
            check_says(&second, "following image template 'aib-4711', started ");
        }
        check_says(&second, " ago by images 20261122.1");
        check_says(&second, "run template:  Running, Distributing (after ");
        check_says(&second, "build log:");
        for (variable, expected) in [
            ("runState", "Succeeded"),
            ("imageReady", "true"),
            ("imageChanged", "true"),
            ("pirPublisher", "microsoftwindowsdesktop"),
        ] {
            assert_eq!(second.variable(variable), Some(expected), "{variable}");
        }
        assert!(second.variable("resultPath").is_some());
        check_has(&second.summary(), "built in");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_over_is_collected_at_once() {
    let first = submitted().await;
    tokio::time::sleep(LONG).await;
    let second = in_cloud(action("wait", "aib-4711"), &first.cloud).await;
    check_one_image("over", &second, 1);
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_gone_is_no_obstacle() {
    // Another job has collected, and deleted.
    let first = submitted().await;
    let cloud = Arc::clone(&first.cloud);
    in_cloud(action("wait", "aib-4711"), &cloud).await;
    for name in ["aib-4711", ""] {
        let second = in_cloud(action("wait", name), &cloud).await;
        check_one_image(name, &second, 1);
        check_says(&second, "its image was found by its tags: 1.0.0");
        assert_eq!(
            second.variable("pirPublisher"),
            Some("microsoftwindowsdesktop")
        );
        assert_eq!(second.variable("imageReady"), Some("true"));
    }
    // While it is followed: two jobs wait for one template.
    let first = submitted().await;
    let deletes = |_: usize, request: &http::Request<bytes::Bytes>| {
        request.method() == Method::DELETE && request.uri().path().contains("imageTemplates")
    };
    let other = action("wait", "aib-4711").variable("System.JobIdentifier", "x");
    let both = async {
        let other = other.build_in(Arc::clone(&first.cloud));
        let own = action("wait", "aib-4711").build_in(Arc::clone(&first.cloud));
        tokio::join!(other, own)
    };
    let (other, own) = Box::pin(both).await;
    for stage in [&other, &own] {
        assert_eq!(
            stage.variable("imageUri"),
            own.variable("imageUri"),
            "{}",
            stage.transcript
        );
        assert!(
            stage.result().starts_with("Succeeded"),
            "{}",
            stage.transcript
        );
    }
    assert!(templates(&first.cloud).is_empty());
    // It is being deleted.
    let first = submitted().await;
    let dying = action("wait", "aib-4711");
    dying
        .dies_at(Arc::clone(&first.cloud), deletes, Death::After)
        .await;
    let second = in_cloud(action("wait", "aib-4711"), &first.cloud).await;
    check_one_image("Deleting", &second, 1);
    check_says(
        &second,
        "image template 'aib-4711' is being deleted: waiting until it is gone",
    );
}

/// The image of the run's only step would be taken for that of a template that nobody has created.
#[tokio::test(start_paused = true)]
async fn a_misspelt_template_has_no_image() {
    let first = submitted().await;
    let cloud = Arc::clone(&first.cloud);
    in_cloud(action("wait", "aib-4711"), &cloud).await;
    for name in ["aib-4771", "golden"] {
        let misspelt = in_cloud(action("wait", name), &cloud).await;
        let error = misspelt.error();
        assert_eq!(
            error.lines().next(),
            Some(
                format!(
                    "AIB801: Looking for the image template failed: there is no image template '{name}' in resource group 'rg-images'"
                )
                .as_str()
            ),
            "{error}"
        );
        assert!(error.contains("did you mean 'aib-4711'?"), "{error}");
        for (variable, expected) in [
            ("imageReady", Some("false")),
            ("templateId", Some("")),
            ("imageUri", None),
        ] {
            assert_eq!(misspelt.variable(variable), expected, "{variable}");
        }
    }
    // Names ignore letter case, and the template's own counts.
    let named = in_cloud(action("wait", "AIB-4711"), &cloud).await;
    check_one_image("letter case", &named, 1);
    assert_eq!(named.variable("templateName"), Some("aib-4711"));
    let id = named.variable("templateId").unwrap();
    assert!(id.ends_with("/imageTemplates/aib-4711"), "{id}");
    let summary = named.summary();
    assert!(summary.contains("| Image template | "), "{summary}");
}

/// An earlier version of the task wrote no tag with the template's name.
#[tokio::test(start_paused = true)]
async fn an_image_that_does_not_name_its_template_claims_none() {
    let first = submitted().await;
    let cloud = Arc::clone(&first.cloud);
    let collected = in_cloud(action("wait", "aib-4711"), &cloud).await;
    let version = collected.variable("imageUri").unwrap().to_owned();
    let mut body = cloud.image_version(&version).unwrap();
    let tags = body["tags"].as_object_mut().unwrap();
    assert_eq!(tags.remove("imageBuilderTemplate"), Some("aib-4711".into()));
    cloud.put_image_version(&SceneVersion {
        id: version,
        state: "Succeeded".to_owned(),
        published: None,
        body,
    });
    let second = in_cloud(action("wait", "aib-4771"), &cloud).await;
    check_one_image("without the tag", &second, 1);
    assert_eq!(second.variable("templateName"), Some(""));
    assert_eq!(second.variable("templateId"), Some(""));
    let summary = second.summary();
    assert!(!summary.contains("aib-4771"), "{summary}");
    assert!(!summary.contains("Image template"), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn no_template_and_no_image_is_told() {
    let empty = action("wait", "aib-4711").build(|_| {}).await;
    let error = empty.error();
    assert!(error.starts_with("AIB801: "), "{error}");
    check_has(
        &error,
        "there is no image template 'aib-4711' in resource group 'rg-images'",
    );
    assert_eq!(empty.variable("imageReady"), Some("false"));
    assert_eq!(empty.variable("runState"), Some(""));
    assert_eq!(empty.variable("runPhase"), Some(""));
    assert_eq!(empty.variable("templateId"), Some(""));
    assert_eq!(empty.variable("templateName"), Some("aib-4711"));
    // The look for the image is refused.
    let refused = action("wait", "").build(|cloud| {
        cloud.add_fault(Fault::once(
            "ListResources",
            Effect::refusal(403, "AuthorizationFailed", "no"),
        ));
    });
    assert!(refused.await.error().starts_with("AIB801: "));
    // The template was of another pipeline run: its image is none of ours.
    let first = submitted().await;
    let gone = Fault::always("GetTemplate", missing()).starting_at(4);
    first.cloud.add_fault(gone);
    let other = action("wait", "aib-4711").variable("Build.BuildId", "4712");
    let error = in_cloud(other, &first.cloud).await.error();
    assert!(error.starts_with("AIB801: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn several_of_a_run_are_named() {
    let first = submitted().await;
    let other = submit("other").variable("System.JobIdentifier", "Build.other.__default");
    let second = in_cloud(other, &first.cloud).await;
    second.check_result("Succeeded");
    let error = in_cloud(action("wait", ""), &first.cloud).await.error();
    assert!(error.starts_with("AIB802: "), "{error}");
    assert!(
        error.contains("'aib-4711', 'other'") && error.contains("$(bake.templateName)"),
        "{error}"
    );
    // So are images, when the templates are gone.
    for name in ["aib-4711", "other"] {
        in_cloud(action("wait", name), &first.cloud).await;
    }
    let error = in_cloud(action("wait", ""), &first.cloud).await.error();
    assert!(
        error.starts_with("AIB802: ") && error.contains("/versions/"),
        "{error}"
    );
    // The own step's comes first.
    let own = action("wait", "").variable("System.JobIdentifier", "Build.other.__default");
    let mut own = own;
    own.step.name = Scene::windows().step.name;
    let own = in_cloud(own, &first.cloud).await;
    assert!(own.result().starts_with("Succeeded"), "{}", own.transcript);
}

#[tokio::test(start_paused = true)]
async fn provisioning_is_waited_for() {
    let cloud = submit("aib-4711").new_cloud();
    submit("aib-4711")
        .dies_after(Arc::clone(&cloud), PROVISIONING)
        .await;
    let waiting = action("wait", "aib-4711").build_in(Arc::clone(&cloud));
    let starting = async {
        tokio::time::sleep(Duration::from_secs(200)).await;
        let path = only_template(&cloud);
        in_the_portal(&cloud, Method::POST, &format!("{path}/run"), "")
    };
    let (stage, status) = tokio::join!(waiting, starting);
    assert_eq!(status.as_u16(), 202);
    check_one_image("provisioning", &stage, 1);
}

#[tokio::test(start_paused = true)]
async fn failed_provisioning_fails_at_once() {
    let scene = submit("aib-4711").switches(|switches| {
        switches.provisioning = Fate::Fail {
            code: "InternalOperationError".to_owned(),
            message: "the moon is full".to_owned(),
        };
    });
    let cloud = scene.new_cloud();
    scene
        .dies_after(Arc::clone(&cloud), Duration::from_secs(7))
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let stage = in_cloud(action("wait", ""), &cloud).await;
    check_has(&stage.error(), "the moon is full");
    check_nothing_left(&stage);
    // Where nothing better is known, log and page say the same.
    let hint = "run the job again; if it fails in the same way, search for AIB304 in the list of failures of this task";
    check_has(
        &stage.transcript,
        &format!("##[warning]What to do: {hint}\n"),
    );
    check_has(&stage.page(), &format!("**What to do:** {hint}\n"));
}

#[tokio::test(start_paused = true)]
async fn a_template_that_nobody_starts_is_left() {
    for (limit, code, after) in [("0", "AIB805: ", 600..640), ("3", "AIB804: ", 180..220)] {
        let cloud = submit("aib-4711").new_cloud();
        submit("aib-4711")
            .dies_at(Arc::clone(&cloud), starts_run, Death::Before)
            .await;
        let from = cloud.journal().len();
        let waiting = action("wait", "aib-4711").input("waitTimeoutInMinutes", limit);
        let stage = in_cloud(waiting, &cloud).await;
        let error = stage.error();
        assert!(error.starts_with(code), "{error}");
        assert!(
            after.contains(&stage.elapsed.as_secs()),
            "{:?}",
            stage.elapsed
        );
        assert_eq!(changes(&cloud, from), NOTHING);
        assert_eq!(stage.note.as_deref(), Some("[]"));
        check_has(&error, "'action: run' and 'templateName: aib-4711'");
        // Ten minutes without a line would look like a hung job.
        let told = "\nthe image template still shows no run after ";
        let told = stage.transcript.matches(told).count();
        let expected = if limit == "0" { 4 } else { 1 };
        assert_eq!(told, expected, "{}", stage.transcript);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_has_a_limit_of_its_own() {
    for (when, result) in [
        ("fail", "Failed"),
        ("succeedWithIssues", "SucceededWithIssues"),
        ("succeed", "Succeeded"),
    ] {
        let first = submitted().await;
        let from = first.cloud.journal().len();
        let waiting = action("wait", "aib-4711")
            .input("waitTimeoutInMinutes", "9")
            .input("whenNotReady", when);
        let stage = in_cloud(waiting, &first.cloud).await;
        assert_eq!(stage.result(), result, "{}", stage.transcript);
        check_says(&stage, "the build continues in Azure: Customizing (after ");
        let issues = [stage.issues("error"), stage.issues("warning")].concat();
        assert_eq!(issues.len(), usize::from(when != "succeed"), "{issues:?}");
        assert!(
            issues
                .iter()
                .all(|issue| issue.starts_with("AIB804: ") && issue.contains("'aib-4711'")),
            "{issues:?}"
        );
        assert_eq!(changes(&first.cloud, from), NOTHING);
        assert_eq!(stage.note.as_deref(), Some("[]"));
        assert_eq!(stage.variable("imageReady"), Some("false"));
        assert_eq!(stage.variable("runState"), Some("Running"));
        assert_eq!(stage.variable("runPhase"), Some("Customizing"));
        let file = stage.result_file();
        assert_eq!(file["action"], "wait", "{file}");
        assert_eq!(file["templateName"], "aib-4711", "{file}");
        assert_eq!(file["runState"], "Running", "{file}");
        assert_eq!(file["imageReady"], false, "{file}");
        let last = in_cloud(action("wait", "aib-4711"), &first.cloud).await;
        check_one_image(when, &last, 1);
    }
    // Without one: until the run's own limit and twenty minutes more.
    let endless = submit("aib-4711").input("buildTimeoutInMinutes", "60");
    let first = endless
        .build(|cloud| {
            cloud.script_run(RunFate::NeverEnd {
                at: SubState::Building,
            });
        })
        .await;
    tokio::time::sleep(Duration::from_secs(1800)).await;
    let stage = in_cloud(action("wait", "aib-4711"), &first.cloud).await;
    assert!(stage.error().starts_with("AIB804: "), "{}", stage.error());
    let minutes = stage.elapsed.as_secs() / 60;
    assert!((49..=51).contains(&minutes), "{minutes}");
    assert_eq!(templates(&first.cloud), ["aib-4711"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_explained_and_cleaned_up() {
    for over in [false, true] {
        let first = submit("aib-4711")
            .build(|cloud| cloud.script_run(RunFate::customizer_failed()))
            .await;
        if over {
            tokio::time::sleep(LONG).await;
        }
        let stage = in_cloud(action("wait", "aib-4711"), &first.cloud).await;
        stage.check_result("Failed");
        assert!(
            stage.error().starts_with("AIB0") || stage.error().starts_with("AIB4"),
            "{}",
            stage.error()
        );
        check_says(&stage, "build log:");
        check_nothing_left(&stage);
        assert_eq!(stage.variable("imageReady"), Some("false"));
        assert_eq!(stage.variable("runState"), Some("Failed"));
        assert!(stage.variable("stagingResourceGroup").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_canceled_run_fails_as_canceled() {
    for time in [Duration::ZERO, LONG] {
        let first = submitted().await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        Scene::cancel_in_the_portal(&first.cloud);
        tokio::time::sleep(time).await;
        let stage = in_cloud(action("wait", "aib-4711"), &first.cloud).await;
        assert!(stage.error().starts_with("AIB402: "), "{}", stage.error());
        check_nothing_left(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_kept_is_kept() {
    // Asked for when it was made, by a person, or now.
    for how in ["submit", "person", "wait"] {
        let mut first = submit("aib-4711");
        if how == "submit" {
            first = first.input("keepTemplate", "true");
        }
        let first = first.build(|_| {}).await;
        let cloud = Arc::clone(&first.cloud);
        if how == "person" {
            let mut tags = cloud.template_tags("aib-4711");
            tags.insert("IMAGEBUILDERKEEP".to_owned(), "yes".to_owned());
            let tags: Vec<_> = tags
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            cloud.set_template_tags("aib-4711", &tags);
        }
        let mut wait = action("wait", "aib-4711");
        if how == "wait" {
            wait = wait.input("keepTemplate", "true");
        }
        let stage = in_cloud(wait, &cloud).await;
        assert_eq!(stage.result(), "Succeeded", "{how}\n{}", stage.transcript);
        assert_eq!(templates(&cloud), ["aib-4711"], "{how}");
        let packages = cloud
            .inventory()
            .blobs
            .into_iter()
            .filter(|blob| blob.1 == "imagebuilder-vststask");
        assert_eq!(packages.count(), 1, "{how}");
        assert_eq!(stage.note.as_deref(), Some("[]"));
        check_says(&stage, "because it is to be kept");
        let tags = cloud.template_tags("aib-4711");
        let kept = tags
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("imageBuilderKeep"));
        assert_eq!(kept.count(), 1, "{tags:?}");
        assert!(tags.contains_key("imageBuilderPackage"), "{tags:?}");
    }
    // `false` is no wish.
    let first = submitted().await;
    let mut tags = first.cloud.template_tags("aib-4711");
    tags.insert("imageBuilderKeep".to_owned(), "False".to_owned());
    let tags: Vec<_> = tags
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    first.cloud.set_template_tags("aib-4711", &tags);
    check_one_image(
        "false",
        &in_cloud(action("wait", ""), &first.cloud).await,
        1,
    );
}

/// A VHD without an address of its own lies in the staging group.
#[tokio::test(start_paused = true)]
async fn a_vhd_keeps_its_template_and_not_the_package() {
    let scene = submit("aib-4711").input("distributeType", "VHD");
    let first = scene.build(|_| {}).await;
    first.check_result("Succeeded");
    let stage = in_cloud(action("wait", "aib-4711"), &first.cloud).await;
    assert!(
        stage.result().starts_with("Succeeded"),
        "{}",
        stage.transcript
    );
    assert_eq!(templates(&first.cloud), ["aib-4711"]);
    let packages = first
        .cloud
        .inventory()
        .blobs
        .into_iter()
        .filter(|blob| blob.1 == "imagebuilder-vststask");
    assert_eq!(packages.count(), 0);
    assert!(
        stage.variable("imageUri").unwrap().contains("/vhds/"),
        "{}",
        stage.transcript
    );
}

/// Only the template's tag names the package: it stays as long as that does, and the next wait deletes both.
#[tokio::test(start_paused = true)]
async fn a_package_that_cannot_be_deleted_keeps_its_template() {
    let first = submitted().await;
    let cloud = &first.cloud;
    cloud.add_fault(Fault::always("ListTemplatesOfGroup", missing_permission()));
    let stage = in_cloud(action("wait", "aib-4711"), cloud).await;
    stage.check_result("SucceededWithIssues");
    assert_eq!(templates(cloud), ["aib-4711"]);
    let told = stage.issues("warning");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("AIB601: Deleting the package "),
        "{told:?}"
    );
    assert!(told[1].contains("only its tag names it"), "{told:?}");
    cloud.clear_faults();
    let stage = in_cloud(action("wait", "aib-4711"), cloud).await;
    check_one_image("afterwards", &stage, 1);
}

fn missing_permission() -> Effect {
    Effect::refusal(403, "AuthorizationFailed", "No.")
}

/// The package's name comes from a tag: only what is proven is deleted.
#[tokio::test(start_paused = true)]
async fn a_package_that_is_not_proven_is_left_and_named() {
    let place = "rg-images/stcontosoimages";
    let others = [
        "images/4712-17/images_17.zip",
        "images/4711-17/images_18.zip",
        "tfstate/prod.tfstate",
        "images/../4711-17/images_17.zip",
        "images%2f/4711-17/images%2f_17.zip",
        r"images\a/4711-17/images\a_17.zip",
    ];
    for other in others {
        let first = submitted().await;
        let cloud = &first.cloud;
        cloud.put_blob(
            "stcontosoimages",
            "imagebuilder-vststask",
            other,
            "x".into(),
        );
        let mut tags = cloud.template_tags("aib-4711");
        tags.insert("imageBuilderPackage".to_owned(), format!("{place}/{other}"));
        let tags: Vec<_> = tags
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        cloud.set_template_tags("aib-4711", &tags);
        let stage = in_cloud(action("wait", "aib-4711"), cloud).await;
        assert_eq!(
            stage.result(),
            "SucceededWithIssues",
            "{other}\n{}",
            stage.transcript
        );
        let warning = stage.issues("warning")[0].replace("%AZP25", "%");
        assert!(
            warning.starts_with("AIB601: ") && warning.contains(other),
            "{warning}"
        );
        assert!(
            cloud
                .blob("stcontosoimages", "imagebuilder-vststask", other)
                .is_some(),
            "{other}"
        );
        assert!(templates(cloud).is_empty(), "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_has_changed_says_submit() {
    let scene = || submit("aib-4711").input("skipIfUnchanged", "true");
    let first = scene().build(|_| {}).await;
    in_cloud(action("wait", "aib-4711"), &first.cloud).await;
    let later = scene().variable("Build.BuildId", "4712");
    let second = in_cloud(later, &first.cloud).await;
    second.check_result("Succeeded");
    assert_eq!(second.variable("imageReady"), Some("true"));
    assert_eq!(second.variable("imageChanged"), Some("false"));
    assert!(second.variable("imageUri").is_some());
    assert!(templates(&first.cloud).is_empty());
    let waiting = action("wait", "aib-4711").variable("Build.BuildId", "4712");
    let error = in_cloud(waiting, &first.cloud).await.error();
    assert!(
        error.starts_with("AIB801: ") && error.contains("skipIfUnchanged"),
        "{error}"
    );
}

/// How often Azure is asked in an hour of waiting, the build's own output apart.
#[tokio::test(start_paused = true)]
async fn an_hour_of_waiting_costs_few_requests() {
    let endless = RunFate::NeverEnd {
        at: SubState::Building,
    };
    let first = submit("aib-4711")
        .build(|cloud: &Cloud| cloud.script_run(endless))
        .await;
    let from = first.cloud.journal().len();
    let waiting = action("wait", "aib-4711").input("waitTimeoutInMinutes", "60");
    let stage = in_cloud(waiting, &first.cloud).await;
    assert!(stage.error().starts_with("AIB804: "));
    let journal = first.cloud.journal().split_off(from);
    let count = |name: &str| {
        journal
            .iter()
            .filter(|entry| entry.operation == Some(name))
            .count()
    };
    println!(
        "requests in an hour of waiting: {} (of the template: {})",
        journal.len(),
        count("GetTemplate")
    );
    assert!(count("GetTemplate") <= 245, "{}", count("GetTemplate"));
    assert!(journal.len() <= 480, "{}", journal.len());
}
