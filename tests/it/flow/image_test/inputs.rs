//! What the inputs of a test are taken for.

use serde_json::json;

use super::*;
use crate::texts::check_has;

/// The problems of the inputs: nothing was sent.
async fn problems(scene: Scene) -> Vec<(String, String)> {
    let stage = run(scene).await;
    stage.check_result("Failed");
    assert_eq!(stage.cloud.journal().len(), 0, "{}", stage.transcript);
    assert_eq!(stage.variable("imageTested"), Some(""));
    issues(&stage, "error")
}

#[tokio::test(start_paused = true)]
async fn without_a_check_there_is_no_test() {
    for script in ["", "# nothing\n\n  # else"] {
        let all = problems(scene().input("validationInlineScript", script)).await;
        let [(code, text)] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(code, "AIB864");
        assert_eq!(
            text,
            "Input 'validationInlineScript': there is nothing to check: it has no commands, and there is no 'validate' in a template file\nhint: write commands that fail if the image is faulty, for example: if (-not (Test-Path 'C:\\Program Files\\App\\app.exe')) { exit 1 }; or set 'templateFile' to a file with 'validate.inVMValidations'"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_azure_forbids_in_a_tag_is_refused() {
    for name in ["a<b", "a>b", "a%b", "a&b", "a\\b", "a?b", "a/b"] {
        let all = problems(scene().input("testTag", name)).await;
        assert_eq!(all[0].0, "AIB101", "{name}: {all:?}");
    }
}

/// The tags by which the task knows where an image comes from, what is in it, and whether it stays, are not written over.
#[tokio::test(start_paused = true)]
async fn a_tag_that_the_task_uses_is_refused() {
    for (name, taken) in [
        ("promoted", "promotedAt"),
        ("withdrawn", "withdrawnAt"),
        ("imageBuilderRun", "imageBuilderRun"),
        ("imageBuilder", "imageBuilderRun"),
        ("copiedFrom", "copiedFrom"),
        ("Release", "Release"),
        ("buildNumber", "buildNumber"),
        ("commit", "commit"),
        ("packageSha256", "packageSha256"),
        ("taskVersion", "taskVersion"),
        ("inputsSha256", "inputsSha256"),
        ("imageInventory", "imageInventory"),
        ("IMAGEINVENTORYSHA256", "IMAGEINVENTORYSHA256"),
        ("keep", "keep"),
    ] {
        let all = problems(scene().input("testTag", name)).await;
        let text = format!(
            "Input 'testTag': a tag '{taken}' would be written, which the task uses for something else\nhint: use another name, for example 'imageTest'"
        );
        assert_eq!(all, [("AIB103".to_owned(), text)], "{name}");
    }
    for name in ["keeper", "released", "smoke"] {
        let stage = run(scene().input("testTag", name)).await;
        assert_eq!(stage.result(), "Succeeded", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn latest_is_no_version_that_can_be_tested() {
    let all = problems(scene().input("imageVersionId", &version("latest"))).await;
    assert_eq!(all[0].0, "AIB101", "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn the_result_file_of_a_build_names_the_version() {
    let scene = scene();
    let path = scene.step.directories.sources.join("image-result.json");
    std::fs::write(
        &path,
        json!({"imageVersionId": version(NUMBER)}).to_string(),
    )
    .unwrap();
    let (stage, sent) = witnessed(scene.input("imageVersionId", &path.display().to_string())).await;
    stage.check_result("Succeeded");
    assert_eq!(
        submitted(&sent)["properties"]["source"]["imageVersionId"],
        version(NUMBER)
    );
}

#[tokio::test(start_paused = true)]
async fn the_sources_folder_is_no_package() {
    let scene = scene();
    let sources = scene.step.directories.sources.display().to_string();
    let scene = scene
        .input("packagePath", &sources)
        .input("storageAccountName", "stcontosoimages");
    let (stage, sent) = witnessed(scene).await;
    stage.check_result("Succeeded");
    let validators = submitted(&sent)["properties"]["validate"]["inVMValidations"].clone();
    assert_eq!(validators.as_array().unwrap().len(), 1);
}

const FILE: &str = "
source: {type: PlatformImage, publisher: a, offer: b, sku: c}
customize:
- {type: PowerShell, name: install, scriptPath: not-there.ps1}
distribute:
- {type: VHD, runOutputName: x}
errorHandling: {onValidationError: abort}
vmProfile: {vmSize: Standard_D8s_v5}
validate:
  continueDistributeOnFailure: true
  inVMValidations:
  - {type: PowerShell, name: programs, inline: ['exit 0']}
  - {type: PowerShell, name: services, inline: ['exit 0'], runElevated: true}
";

/// A file of a build serves the test: several validators are several tests, and what is about the build is passed over.
#[tokio::test(start_paused = true)]
async fn the_validators_of_a_template_file_are_tests() {
    let scene = scene().input("validationInlineScript", "");
    std::fs::write(scene.step.directories.sources.join("web.yml"), FILE).unwrap();
    let scene = scene
        .input("templateFile", "web.yml")
        .input("vmSize", "Standard_D1_v2");
    let (stage, sent) = witnessed(scene).await;
    stage.check_result("Succeeded");
    let expected = [
        ("boot", "passed"),
        ("programs", "passed"),
        ("services", "passed"),
    ];
    assert_eq!(states(&stage), pairs(&expected));
    let properties = &submitted(&sent)["properties"];
    assert_eq!(properties["source"]["type"], "SharedImageVersion");
    assert_eq!(properties["customize"], json!([]));
    assert_eq!(properties["distribute"][0]["runOutputName"], "imageTest");
    assert_eq!(properties["errorHandling"], json!(null));
    assert_eq!(properties["vmProfile"]["vmSize"], "Standard_D8s_v5");
    assert_eq!(
        properties["validate"]["continueDistributeOnFailure"],
        json!(false)
    );
    assert_eq!(properties["validate"]["sourceValidationOnly"], json!(true));
    nothing_left(&stage);
}

#[tokio::test(start_paused = true)]
async fn of_several_validators_those_after_the_failing_one_are_skipped() {
    let scene = scene()
        .input("validationInlineScript", "")
        .switches(|on| on.run = azure_emulator::RunFate::validator_failed());
    std::fs::write(scene.step.directories.sources.join("web.yml"), FILE).unwrap();
    let stage = run(scene
        .input("templateFile", "web.yml")
        .input("vmSize", "Standard_D1_v2"))
    .await;
    // The emulated cloud lets the last one fail.
    let expected = [
        ("boot", "passed"),
        ("programs", "passed"),
        ("services", "failed"),
    ];
    assert_eq!(states(&stage), pairs(&expected), "{}", stage.transcript);
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_no_check() {
    let stage = run(scene().input("validationInlineScript", "Restart-Computer -Force")).await;
    let warnings = issues(&stage, "warning");
    assert_eq!(warnings.len(), 1, "{}", stage.transcript);
    assert!(
        warnings[0]
            .1
            .starts_with("The checks restart the machine, which ends them"),
        "{warnings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_in_the_checks_is_refused() {
    let mut scene = scene().input("validationInlineScript", "echo Sesame-open-4711");
    scene.step = scene.step.secret_variable("password", "Sesame-open-4711");
    let all = problems(scene).await;
    assert_eq!(all[0].0, "AIB110", "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn the_engine_vm_has_inputs_of_its_own() {
    let vm = Scene::bare("test")
        .input("imageVersionId", &version(NUMBER))
        .input("testEngine", "vm")
        .input("packagePath", "wvd/images")
        .input("validationInlineScript", "true");
    let all = problems(vm).await;
    let names: Vec<_> = all
        .iter()
        .map(|(code, text)| (code.as_str(), text.split('\'').nth(1).unwrap()))
        .collect();
    assert_eq!(
        names,
        [
            ("AIB101", "packagePath"),
            ("AIB100", "vmSize"),
            ("AIB100", "testSubnetId"),
            ("AIB100", "testVmGroup"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_other_engine_uses_has_no_effect() {
    let stage = run(scene().input("keepVmOnFailure", "true")).await;
    assert_eq!(
        issues(&stage, "warning"),
        [(
            "AIB103".to_owned(),
            "Input 'keepVmOnFailure': it has no effect, because 'testEngine' is 'imageBuilder'\nhint: remove 'keepVmOnFailure'; it is an input of 'vm'".to_owned()
        )]
    );
}

/// The doctor takes the inputs of a test for what they are.
#[tokio::test(start_paused = true)]
async fn the_doctor_looks_at_what_a_test_needs() {
    let stage = run(scene().input("action", "doctor")).await;
    stage.check_result("Succeeded");
    for line in [
        "image version 1.0.2609402 of 'win11-avd' exists",
        "Microsoft.Compute/galleries/images/versions/write on 'win11-avd': permitted",
    ] {
        assert!(
            stage.transcript.contains(line),
            "{line}\n{}",
            stage.transcript
        );
    }
    assert_eq!(puts(&stage, "/"), 0);
    let missing = scene().input("action", "doctor").build(|_| {}).await;
    check_has(&missing.transcript, "AIB821");
}
