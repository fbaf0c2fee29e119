//! The engine `imageBuilder`: the template, each end of a run, and each place of the lines.

use azure_emulator::{RunFate, SubState, ValidationLog};
use serde_json::json;

use super::*;
use crate::texts::check_has;

#[tokio::test(start_paused = true)]
async fn a_good_image_passes_and_nothing_is_left() {
    let lines = [
        "image-test: passed teams",
        "image-test: skipped gpu: none",
        "something else",
    ];
    let (stage, sent) = witnessed(with_lines(scene(), &lines)).await;
    stage.check_result("Succeeded");
    let world = Scene::windows().world;
    let identity = world.identity_id(&world.identities[0]);
    let expected = json!({
        "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "buildTimeoutInMinutes": 60,
            "source": {"type": "SharedImageVersion", "imageVersionId": version(NUMBER)},
            "customize": [],
            "validate": {
                "sourceValidationOnly": true,
                "continueDistributeOnFailure": false,
                "inVMValidations": [{"type": "PowerShell", "name": "checks", "inline": ["exit 0"], "runElevated": true}],
            },
            "distribute": [{"type": "VHD", "runOutputName": "imageTest", "artifactTags": {}}],
            "vmProfile": {"vmSize": "Standard_D4s_v5"},
        },
    });
    assert_eq!(submitted(&sent), expected);
    assert_eq!(
        tests(&stage)
            .iter()
            .map(|(name, state, text)| (name.as_str(), state.as_str(), text.as_str()))
            .collect::<Vec<_>>(),
        [
            ("boot", "passed", ""),
            ("checks", "passed", ""),
            ("teams", "passed", ""),
            ("gpu", "skipped", "none"),
        ]
    );
    assert_eq!(stage.variable("imageTested"), Some("passed"));
    let file = result_file(&stage);
    assert_eq!(file["imageVersionId"], version(NUMBER));
    assert_eq!(file["test"]["verdict"], "passed");
    assert_eq!(file["test"]["engine"], "imageBuilder");
    assert_eq!(
        tags_of_version(&stage),
        json!({"buildNumber": NUMBER, "imageTest": "passed", "imageTestAt": "now", "imageTestRun": "20261122.1"})
    );
    let junit = junit(&stage).unwrap();
    check_has(
        &junit,
        "tests=\"4\" failures=\"0\" errors=\"0\" skipped=\"1\"",
    );
    check_has(&page(&stage), "requireTags: imageTest=passed");
    nothing_left(&stage);
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_a_passed_test() {
    let stage = run_with_lines(scene(), &["image-test: passed teams"]).await;
    let lines: Vec<_> = stage
        .transcript
        .lines()
        .filter(|line| !line.starts_with("##"))
        .filter(|line| {
            [
                "image version",
                "test ",
                "image test",
                "tags of",
                "what this",
            ]
            .iter()
            .any(|start| line.starts_with(start))
        })
        .collect();
    assert_eq!(
        lines[..2],
        [
            "image version:  1.0.2609402 of win11-avd in galContoso",
            "what this test does not have of a session host:  a domain, the agent of Azure Virtual Desktop, the pool's network (unless subnets are given) and its trusted launch settings",
        ]
    );
    assert!(lines[2].starts_with("test boot:  passed"), "{lines:?}");
    assert!(lines[3].starts_with("test checks:  passed"), "{lines:?}");
    assert_eq!(lines[4], "test teams:  passed");
    assert_eq!(lines[5], "image test:  passed (3 tests)");
    assert!(
        lines[6].starts_with("tags of the image version:  imageTest=passed, imageTestAt=20"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 7);
}

/// One row for each way in which a run ends: the end, whether the image is good, the code and the states of boot and check.
struct End {
    fate: RunFate,
    verdict: Option<&'static str>,
    code: Option<&'static str>,
    states: &'static [(&'static str, &'static str)],
}

fn failed_at(at: SubState, message: &str) -> RunFate {
    RunFate::Fail {
        at,
        code: "InternalOperationError".to_owned(),
        message: message.to_owned(),
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn each_end_of_a_run_has_its_verdict() {
    let passed: &[_] = &[("boot", "passed"), ("checks", "passed")];
    let failed: &[_] = &[("boot", "passed"), ("checks", "failed")];
    let not_booted: &[_] = &[("boot", "failed"), ("checks", "skipped")];
    let row = |fate, verdict, code, states| End {
        fate,
        verdict,
        code,
        states,
    };
    let (good, bad) = (Some("passed"), Some("failed"));
    let rows = [
        row(RunFate::Succeed, good, None, passed),
        row(
            RunFate::PartiallySucceed {
                outputs: 0,
                message: "no VHD".to_owned(),
            },
            good,
            None,
            passed,
        ),
        row(RunFate::validator_failed(), bad, Some("AIB861"), failed),
        row(RunFate::out_of_time(), bad, Some("AIB861"), failed),
        row(RunFate::does_not_boot(), bad, Some("AIB862"), not_booted),
        row(
            failed_at(
                SubState::Building,
                "OSProvisioningTimedOut: OS Provisioning for VM 'proxyVm' did not finish in the allotted time.",
            ),
            bad,
            Some("AIB862"),
            not_booted,
        ),
        row(
            failed_at(
                SubState::Building,
                "OSProvisioningClientError: the guest agent failed",
            ),
            None,
            Some("AIB055"),
            &[],
        ),
        row(
            failed_at(
                SubState::Queued,
                "QuotaExceeded: exceeding approved Total Regional Cores quota",
            ),
            None,
            Some("AIB020"),
            &[],
        ),
        row(
            failed_at(
                SubState::Building,
                "RequestDisallowedByPolicy: Resource 'x' was disallowed by policy.",
            ),
            None,
            Some("AIB018"),
            &[],
        ),
        row(
            RunFate::distribution_failed_as_json(),
            None,
            Some("AIB015"),
            &[],
        ),
        row(
            RunFate::EndAs {
                state: "Levitating",
                outputs: 0,
            },
            None,
            Some("AIB401"),
            &[],
        ),
    ];
    for End {
        fate,
        verdict,
        code,
        states: expected,
    } in rows
    {
        let shown = format!("{fate:?}");
        let stage = run(scene().switches(|on| on.run = fate)).await;
        let shown = format!("{shown}\n{}", stage.transcript);
        assert_eq!(
            stage.variable("imageTested"),
            Some(verdict.unwrap_or_default()),
            "{shown}"
        );
        let errors = codes(&stage, "error");
        assert_eq!(errors, Vec::from_iter(code), "{shown}");
        let result = if verdict == good {
            "Succeeded"
        } else {
            "Failed"
        };
        assert_eq!(stage.result(), result, "{shown}");
        assert_eq!(states(&stage), pairs(expected), "{shown}");
        assert_eq!(junit(&stage).is_some(), verdict.is_some(), "{shown}");
        let tag = &tags_of_version(&stage)["imageTest"];
        assert_eq!(tag.as_str(), verdict, "{shown}");
        nothing_left(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn a_validator_that_fails_is_named_with_its_last_lines() {
    let lines = ["image-test: failed teams: not provisioned", "it broke here"];
    let failing = scene().switches(|on| on.run = RunFate::validator_failed());
    let stage = run_with_lines(failing, &lines).await;
    let [(code, text)] = &issues(&stage, "error")[..] else {
        panic!("{}", stage.transcript)
    };
    assert_eq!(code, "AIB861");
    assert_eq!(
        text,
        "Testing image version 1.0.2609402 of 'win11-avd' failed: validator 'checks' failed: the script ended with exit code 1; test 'teams' failed\nhint: the last lines are in the log above, in the summary and in the Tests tab of the run; add what the image lacks and build a new version, or correct the check"
    );
    let junit = junit(&stage).unwrap();
    assert!(junit.contains("it broke here"), "{junit}");
    check_has(&stage.transcript, "\nit broke here\n");
    assert!(page(&stage).contains("it broke here"));
}

/// What storage did not give to the VM says nothing of the image.
#[tokio::test(start_paused = true)]
async fn a_package_that_the_vm_cannot_fetch_is_no_verdict() {
    for (why, code, verdict) in [
        (
            "The remote server returned an error: (403) Forbidden.",
            "AIB049",
            "",
        ),
        (
            "The remote server returned an error: (404) The specified blob does not exist.",
            "AIB810",
            "",
        ),
        ("The operation has timed out", "AIB049", ""),
        ("There is not enough space on the disk.", "AIB861", "failed"),
    ] {
        let line = format!("Unpacking the package failed: {why}");
        let failing = scene().switches(|on| on.run = RunFate::validator_failed());
        let stage = run_with_lines(failing, &[&line]).await;
        let shown = format!("{why}\n{}", stage.transcript);
        assert_eq!(codes(&stage, "error"), [code], "{shown}");
        assert_eq!(stage.variable("imageTested"), Some(verdict), "{shown}");
        let tag = tags_of_version(&stage)["imageTest"].clone();
        assert_eq!(tag.as_str().unwrap_or_default(), verdict, "{shown}");
        assert_eq!(junit(&stage).is_some(), verdict == "failed", "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_test_that_fails_fails_the_image_whatever_the_exit_code() {
    let lines = [
        "image-test: failed teams: not provisioned",
        "image-test: passed teams",
    ];
    for place in [
        ValidationLog::Separate,
        ValidationLog::Shared,
        ValidationLog::Alone,
    ] {
        let scene = scene().switches(|on| on.validation_log = place);
        let stage = run_with_lines(scene, &lines).await;
        assert_eq!(
            codes(&stage, "error"),
            ["AIB861"],
            "{place:?}{}",
            stage.transcript
        );
        let expected = [
            ("boot", "passed"),
            ("checks", "passed"),
            ("teams", "failed"),
        ];
        assert_eq!(
            states(&stage),
            pairs(&expected),
            "{place:?}{}",
            stage.transcript
        );
        assert_eq!(tags_of_version(&stage)["imageTest"], "failed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_validator_is_found_in_either_log() {
    for place in [
        ValidationLog::Separate,
        ValidationLog::Shared,
        ValidationLog::Alone,
    ] {
        let scene = scene().switches(|on| {
            on.validation_log = place;
            on.run = RunFate::validator_failed();
        });
        let stage = run(scene).await;
        assert_eq!(
            codes(&stage, "error"),
            ["AIB861"],
            "{place:?}{}",
            stage.transcript
        );
        let expected = [("boot", "passed"), ("checks", "failed")];
        assert_eq!(
            states(&stage),
            pairs(&expected),
            "{place:?}{}",
            stage.transcript
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_vhd_of_a_test_never_keeps_its_template() {
    for (writes, needs_none) in [(true, false), (true, true), (false, false), (false, true)] {
        let scene = scene().switches(|on| {
            on.source_validation_writes = writes;
            on.source_validation_needs_no_target = needs_none;
        });
        let stage = run(scene).await;
        stage.check_result("Succeeded");
        nothing_left(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_log_the_state_decides_and_a_warning_says_so() {
    let unreadable = |on: &mut azure_emulator::Switches| {
        on.staging_access = azure_emulator::StagingAccess::Nobody;
    };
    let stage = run(scene().switches(unreadable)).await;
    assert_eq!(codes(&stage, "warning"), ["AIB861"], "{}", stage.transcript);
    stage.check_result("SucceededWithIssues");
    assert_eq!(stage.variable("imageTested"), Some("passed"));
    let failing = scene().switches(|on| {
        unreadable(on);
        on.run = RunFate::validator_failed();
    });
    let stage = run(failing).await;
    assert_eq!(codes(&stage, "error"), ["AIB861"], "{}", stage.transcript);
    assert_eq!(
        states(&stage),
        pairs(&[("boot", "passed"), ("checks", "failed")])
    );
}

#[tokio::test(start_paused = true)]
async fn the_package_is_brought_by_a_validator_and_goes_again() {
    let scene = scene()
        .input("packagePath", "wvd/images")
        .input("storageAccountName", "stcontosoimages");
    let (stage, sent) = witnessed(scene).await;
    stage.check_result("Succeeded");
    let validators = submitted(&sent)["properties"]["validate"]["inVMValidations"].clone();
    let names: Vec<_> = validators
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.last().map(String::as_str), Some("checks"));
    assert!(names.contains(&"package".to_owned()), "{names:?}");
    let states: Vec<_> = states(&stage).into_iter().map(|(name, _)| name).collect();
    assert!(states.contains(&"package".to_owned()), "{states:?}");
    nothing_left(&stage);
}

/// The service has steps of its own before the validators: which one failed is told all the same.
#[tokio::test(start_paused = true)]
async fn the_steps_of_the_service_are_no_tests() {
    let at = "[8] PACKER 2025/04/08 14:0";
    let log = format!(
        "{at}0:00 [INFO] (telemetry) Starting provisioner shell\n{at}0:05 [INFO] (telemetry) ending shell\n\
         {at}1:00 [INFO] (telemetry) Starting provisioner powershell\n{at}1:10 ui:     azure-arm: image-test: passed a\n\
         {at}2:00 [INFO] (telemetry) ending powershell\n\
         {at}3:00 [INFO] (telemetry) Starting provisioner powershell\n{at}3:01 ui:     azure-arm: no such service\n\
         {at}3:02 ui error: Build 'azure-arm' errored after 3 minutes: Script exited with non-zero exit status: 7. Allowed exit codes are: [0]\n"
    );
    let file = "validate: {inVMValidations: [{type: PowerShell, name: a, inline: ['exit 0']}, {type: PowerShell, name: b, inline: ['exit 7']}, {type: PowerShell, name: c, inline: ['exit 0']}]}\n";
    let scene = scene().input("validationInlineScript", "").switches(|on| {
        on.log = Some(log.into_bytes());
        on.validation_log = ValidationLog::Shared;
        on.run = RunFate::validator_failed();
    });
    std::fs::write(scene.step.directories.sources.join("a.yml"), file).unwrap();
    let stage = run(scene.input("templateFile", "a.yml")).await;
    let expected = [
        ("boot", "passed"),
        ("a", "passed"),
        ("b", "failed"),
        ("c", "skipped"),
    ];
    let mut all = pairs(&expected);
    all.push(("a".to_owned(), "passed".to_owned()));
    assert_eq!(states(&stage), all, "{}", stage.transcript);
    assert!(
        issues(&stage, "error")[0].1.starts_with("Testing image version 1.0.2609402 of 'win11-avd' failed: validator 'b' failed: the script ended with exit code 7\n"),
        "{}",
        stage.transcript
    );
    assert!(
        junit(&stage)
            .unwrap()
            .contains("name=\"a\" time=\"60.000\"")
    );
}

/// A secret is hidden in each file, however that would write its characters.
#[tokio::test(start_paused = true)]
async fn no_secret_of_the_log_gets_into_the_files() {
    let secret = "Sesame&open<4711>";
    let mut scene = scene();
    scene.step = scene.step.secret_variable("password", secret);
    let line = format!("image-test: failed {secret}: it was \"{secret}\"");
    let stage = run_with_lines(scene, &[&line, secret]).await;
    assert_eq!(codes(&stage, "error"), ["AIB861"], "{}", stage.transcript);
    let page = page(&stage);
    for text in [
        junit(&stage).unwrap(),
        result_file(&stage).to_string(),
        page,
    ] {
        assert!(text.contains("***"), "{text}");
        assert!(!text.contains("Sesame"), "{text}");
    }
}
