//! From what the VM and its script come to, to the verdict.

use super::*;
use crate::texts::check_has;
use azure_emulator::{Effect, Fault, Matcher};

/// Verdict, code and text of a failed test; its tags say so, and nothing is left.
async fn failed(what: &str, scene: Scene, code: &str, expected: &str) -> Stage {
    let stage = run(scene).await;
    assert_eq!(stage.result(), "Failed", "{what}\n{}", stage.transcript);
    assert_eq!(stage.variable("imageTested"), Some("failed"), "{what}");
    assert_eq!(tags_of_version(&stage)["imageTest"], "failed", "{what}");
    let errors = issues(&stage, "error");
    let [(found, text)] = &errors[..] else {
        panic!("{what}\n{}", stage.transcript)
    };
    let text = text.lines().next().unwrap();
    let whole = format!("Testing image version 1.0.2609402 of 'win11-avd' failed: {expected}");
    assert_eq!((found.as_str(), text), (code, whole.as_str()), "{what}");
    assert!(junit(&stage).unwrap().contains("<failure"), "{what}");
    stage
}

/// No verdict: an error, no tag, no published test, and nothing is left.
async fn untested(what: &str, scene: Scene, code: &str, expected: &str) -> Stage {
    let stage = run(scene).await;
    assert_eq!(stage.result(), "Failed", "{what}\n{}", stage.transcript);
    assert_eq!(stage.variable("imageTested"), Some(""), "{what}");
    assert_eq!(
        tags_of_version(&stage),
        json!({"buildNumber": NUMBER}),
        "{what}"
    );
    assert!(junit(&stage).is_none(), "{what}");
    let errors = issues(&stage, "error");
    let [(found, text)] = &errors[..] else {
        panic!("{what}\n{}", stage.transcript)
    };
    let name = text.find("tst-").map(|at| {
        let rest = &text[at + 4..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        text[at..at + 4 + end].to_owned()
    });
    let text = name.map_or(text.clone(), |name| text.replace(&name, "NAME"));
    assert_eq!((found.as_str(), text.as_str()), (code, expected), "{what}");
    all_gone(what, &stage);
    stage
}

/// The rows of the timeline, each with its mark.
fn timeline(stage: &Stage) -> Vec<(String, bool)> {
    let page = page(stage);
    let (_, rows) = page
        .split_once("### Timeline\n\n")
        .unwrap_or_else(|| panic!("{page}"));
    let rows = rows.lines().skip(2).take_while(|row| row.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells[1].ends_with(" s"), "{row}");
        (cells[0].to_owned(), cells[2].ends_with("**failed**"))
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn the_timeline_has_every_phase_and_marks_the_one_that_failed() {
    let check = async |scene: Scene, expected: &[(&str, bool)]| {
        let stage = run(scene).await;
        assert_eq!(timeline(&stage), pairs_of(expected), "{}", page(&stage));
    };
    let passes = [
        ("Boot", false),
        ("Check 'checks'", false),
        ("Clean-up", false),
        ("Tags", false),
    ];
    check(vm_scene(), &passes).await;
    let fails = [
        ("Boot", false),
        ("Check 'checks'", true),
        ("Clean-up", false),
        ("Tags", false),
    ];
    check(command(fails_with(3)), &fails).await;
    let no_boot = [("Boot", true), ("Clean-up", false), ("Tags", false)];
    check(machine(MachineFate::ProvisioningTimesOut), &no_boot).await;
}

fn fails_with(exit_code: i32) -> CommandFate {
    fails(exit_code, "one\n")
}

fn pairs_of(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    let all = expected.iter();
    all.map(|(name, failed)| ((*name).to_owned(), *failed))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_script_that_fails_fails_the_image() {
    let stage = failed(
        "exit code",
        command(fails(3, "one\ntwo\n")),
        "AIB861",
        "check 'checks' failed: the script ended with exit code 3",
    )
    .await;
    all_gone("exit code", &stage);
    assert_eq!(
        states(&stage),
        pairs(&[("boot", "passed"), ("checks", "failed")])
    );
    let report = junit(&stage).unwrap();
    for line in ["one", "two", "it is not there"] {
        assert!(report.contains(line), "{report}");
        check_has(&stage.transcript, &format!("\n{line}\n"));
    }
    let stage = failed(
        "time-out",
        command(CommandFate::TimesOut),
        "AIB861",
        "check 'checks' failed: the script ran out of time (60 minutes)",
    )
    .await;
    all_gone("time-out", &stage);
    let stage = failed(
        "never ends",
        command(CommandFate::NeverEnds),
        "AIB861",
        "check 'checks' failed: the script ran out of time (60 minutes)",
    )
    .await;
    all_gone("never ends", &stage);
    assert!(stage.elapsed.as_secs() < 90 * 60, "{:?}", stage.elapsed);
    let stage = failed(
        "a single test",
        command(says(
            "image-test: passed boot time\nimage-test: failed teams: version 1.6\n",
        )),
        "AIB861",
        "test 'teams' failed",
    )
    .await;
    assert_eq!(
        states(&stage),
        pairs(&[
            ("boot", "passed"),
            ("checks", "passed"),
            ("boot time", "passed"),
            ("teams", "failed")
        ])
    );
}

#[tokio::test(start_paused = true)]
async fn a_package_that_cannot_be_unpacked_is_a_test_of_its_own() {
    let scene = with_account()
        .input("packagePath", "wvd/images")
        .switches(|on| on.desktops.command = fails(1, "Unpacking the package failed: disk full\n"));
    let stage = failed(
        "package",
        scene,
        "AIB861",
        "check 'package' failed: it could not be unpacked: disk full",
    )
    .await;
    all_gone("package", &stage);
}

/// What storage did not give to the VM says nothing of the image.
#[tokio::test(start_paused = true)]
async fn a_package_that_the_vm_cannot_fetch_is_no_verdict() {
    for why in [
        "The remote server returned an error: (403) Forbidden.",
        "The remote server returned an error: (404) The specified blob does not exist.",
        "The remote server returned an error: (503) Server Unavailable.",
        "The remote name could not be resolved: 'stcontosoimages.blob.core.windows.net'",
        "The operation has timed out",
        "curl: (22) The requested URL returned error: 401",
        "curl: (22) The requested URL returned error: 404",
        "curl: (6) Could not resolve host: stcontosoimages.blob.core.windows.net",
        "wget ended with exit code 8",
        "urllib.error.HTTPError: HTTP Error 403: Forbidden",
    ] {
        let said = format!("Unpacking the package failed: {why}\n");
        let scene = with_account()
            .input("packagePath", "wvd/images")
            .switches(|on| on.desktops.command = fails(1, &said));
        untested(
            why,
            scene,
            "AIB867",
            &format!("Testing image version 1.0.2609402 of 'win11-avd' failed: check 'checks' was not run in VM 'NAME': the package could not be fetched: {why}\nhint: the image was not judged; let the VM reach the storage account (its firewall, and the network security groups, routes and name servers of the subnet), then run the step again"),
        )
        .await;
    }
    // What the script itself says is its own.
    let said = "Unpacking my own package: error: 403\n";
    let scene = command(fails(1, said));
    let why = "check 'checks' failed: the script ended with exit code 1";
    failed("own words", scene, "AIB861", why).await;
}

#[tokio::test(start_paused = true)]
async fn a_script_that_was_not_run_says_nothing_of_the_image() {
    let doing = "Testing image version 1.0.2609402 of 'win11-avd' failed: check 'checks' was not run in VM 'NAME'";
    let hint = "hint: the image was not judged; run the step again";
    let refused = "Execution failed: failed to get configuration: invalid configuration: Either 'source.script' or 'source.scriptUri' has to be specified";
    untested(
        "not run",
        command(CommandFate::NotRun),
        "AIB867",
        &format!("{doing}: {refused}\n{hint}"),
    )
    .await;
    untested(
        "canceled",
        command(CommandFate::IsCanceled),
        "AIB867",
        &format!("{doing}: someone canceled it in Azure\n{hint}"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_does_not_come_up_fails() {
    let silent = machine(MachineFate::AgentNeverReports);
    let why = "the image did not boot: it was not up after 20 min 0 s: the guest agent is not ready: VM status blob is found but not yet populated.";
    let stage = failed("silent", silent, "AIB862", why).await;
    all_gone("silent", &stage);
    assert_eq!(
        states(&stage),
        pairs(&[("boot", "failed"), ("checks", "skipped")])
    );
    assert!(stage.elapsed.as_secs() < 25 * 60, "{:?}", stage.elapsed);
    let slow = machine(MachineFate::ProvisioningTimesOut).input("bootTimeoutInMinutes", "60");
    let why = "the image did not boot: OSProvisioningTimedOut: OS Provisioning for VM did not finish in the allotted time. The VM may still finish provisioning successfully. Please check provisioning state later.";
    let stage = failed("times out", slow, "AIB862", why).await;
    all_gone("times out", &stage);
    // What the VM shows is attached to the run, and its end is in the log.
    for end in ["-boot.bmp", "-serial.log"] {
        let attached = stage
            .transcript
            .lines()
            .find(|line| line.starts_with("##vso[task.uploadfile]") && line.ends_with(end));
        let path = attached
            .unwrap()
            .strip_prefix("##vso[task.uploadfile]")
            .unwrap();
        assert!(!std::fs::read(path).unwrap().is_empty());
    }
    check_has(&stage.transcript, "Kernel panic - not syncing");
    // With less time it is the same verdict.
    let short = machine(MachineFate::ProvisioningTimesOut).input("bootTimeoutInMinutes", "5");
    let stage = failed("short", short, "AIB862", "the image did not boot: it was not up after 5 min 0 s: the guest agent is not ready: VM status blob is found but not yet populated.").await;
    all_gone("short", &stage);
}

#[tokio::test(start_paused = true)]
async fn without_diagnostics_the_verdict_stands() {
    let stage = machine(MachineFate::AgentNeverReports)
        .build(|cloud| {
            shelf(cloud);
            cloud.add_fault(Fault::once(
                "RetrieveBootDiagnosticsData",
                Effect::refusal(409, "OperationNotAllowed", "off"),
            ));
        })
        .await;
    let [(code, text)] = &issues(&stage, "error")[..] else {
        panic!("{}", stage.transcript)
    };
    assert_eq!(code, "AIB862");
    assert!(
        text.ends_with("\nhint: a larger size in input 'vmSize' or more time in input 'bootTimeoutInMinutes' helps an image that is only slow"),
        "{text}"
    );
    assert!(
        issues(&stage, "warning").iter().any(|(code, text)| code == "AIB862" && text.starts_with("There is no boot screenshot or serial log: Asking for the boot diagnostics of VM 'tst-")),
        "{}",
        stage.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn what_azure_refuses_is_no_verdict() {
    untested(
        "quota",
        machine(MachineFate::QuotaExceeded),
        "AIB020",
        "Creating VM 'NAME' failed: Azure refused with OperationNotAllowed (409): Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 10, Additional Required: 4, (Minimum) New Limit Required: 14.\nhint: the subscription's quota 'Total Regional Cores' does not allow another VM of this size: choose a smaller size in input 'vmSize', or request a higher quota",
    )
    .await;
    untested(
        "size",
        machine(MachineFate::SizeNotAvailable),
        "AIB019",
        "Creating VM 'NAME' failed: Azure refused with SkuNotAvailable (409): The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions' is currently not available in location 'westeurope'. Please try another size or deploy to a different location or different zone.\nhint: Azure has no VM of this size for the subscription in region westeurope: choose another size in input 'vmSize', or a subnet in another region in input 'testSubnetId'; the sizes of the region: az vm list-skus --location westeurope --resource-type virtualMachines --output table",
    )
    .await;
    untested(
        "allocation",
        machine(MachineFate::AllocationFails),
        "AIB062",
        "Creating VM 'NAME' failed: AllocationFailed: Allocation failed. We do not have sufficient capacity for the requested VM size in this region.\nhint: Azure has no room for a VM of this size in the region at the moment: run the step again later, or choose another size in input 'vmSize'",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_machine_of_a_failed_test_may_stay() {
    for (scene, fate) in [
        (command(fails(1, "")), "check"),
        (machine(MachineFate::AgentNeverReports), "boot"),
    ] {
        let stage = run(scene.input("keepVmOnFailure", "true")).await;
        let warnings = issues(&stage, "warning");
        let (_, text) = warnings.iter().find(|(code, _)| code == "AIB866").unwrap();
        let left = parts(&stage);
        assert_eq!(left.len(), 3, "{fate}: {left:?}");
        let name = left[0].rsplit('/').next().unwrap();
        let command = format!(
            "az vm delete --subscription {} --resource-group rg-images --name {name} --force-deletion true --yes",
            stage.subscription()
        );
        assert!(text.ends_with(&command), "{text}");
        let vm = stage
            .cloud
            .resource(&in_group("Microsoft.Compute/virtualMachines", name))
            .unwrap();
        assert_eq!(vm["tags"]["imageBuilderKeep"], "true", "{fate}");
        // The post-job step has nothing to do.
        let after = stage.clean_up().await;
        assert_eq!(parts(&after).len(), 3);
        assert_eq!(after.issues("warning"), [""; 0]);
    }
    // Only a failed test keeps its VM.
    for scene in [vm_scene(), command(CommandFate::NotRun)] {
        let stage = run(scene.input("keepVmOnFailure", "true")).await;
        all_gone("no failed test", &stage);
        assert!(!codes(&stage, "warning").contains(&"AIB866".to_owned()));
    }
}

/// That it has no tag is said, whether it could not be read or not be written.
#[tokio::test(start_paused = true)]
async fn a_machine_that_stays_without_its_tag_is_said_to() {
    let scene = || command(fails(1, "")).input("keepVmOnFailure", "true");
    let stage = run(scene()).await;
    let journal = stage.cloud.journal();
    let until = journal.iter().position(|entry| {
        entry.method == Method::PATCH && entry.path.contains("/virtualMachines/")
    });
    let before = journal.iter().take(until.unwrap());
    let reads = before
        .filter(|entry| entry.operation == Some("GetVirtualMachine"))
        .count();
    for (operation, nth, why) in [
        (
            "GetVirtualMachine",
            u32::try_from(reads).unwrap(),
            "Reading",
        ),
        ("PatchVirtualMachine", 1, "Setting the tags of"),
    ] {
        let stage = scene()
            .build(|cloud| {
                shelf(cloud);
                cloud.add_fault(
                    Fault::once(operation, Effect::refusal(403, "AuthorizationFailed", "no"))
                        .starting_at(nth),
                );
            })
            .await;
        let name = parts(&stage)[0].rsplit('/').next().unwrap().to_owned();
        let expected = format!(
            "the VM '{name}' stays, but without the tag that says so, so 'action: sweep' deletes it:  {why} VM '{name}' failed: Azure refused with AuthorizationFailed (403): no"
        );
        assert!(
            stage.transcript.lines().any(|line| line == expected),
            "no '{expected}' in\n{}",
            stage.transcript
        );
    }
}

/// Of an output Azure tells the end alone; in the storage account is all of it.
#[tokio::test(start_paused = true)]
async fn an_output_is_whole_with_a_storage_account() {
    let output = format!(
        "image-test: failed first: early\n{}image-test: passed last\n",
        "some words of a script\n".repeat(400)
    );
    let stage = run(command(says(&output))).await;
    let remark = "only the last 4,096 bytes of the output are known";
    stage.check_result("Succeeded");
    assert!(stage.transcript.contains(remark));
    assert_eq!(result_file(&stage)["test"]["remark"], remark);
    assert_eq!(
        states(&stage),
        pairs(&[("boot", "passed"), ("checks", "passed"), ("last", "passed")])
    );
    // The first line that is known is half a line, and is not shown.
    assert!(
        !stage.transcript.contains("\nwords of a script\n")
            && stage.transcript.contains("\nsome words of a script\n")
    );
    let scene = with_account().switches(|on| on.desktops.command = says(&output));
    let stage = run(scene).await;
    stage.check_result("Failed");
    assert!(!stage.transcript.contains(remark));
    let names: Vec<_> = states(&stage).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["boot", "checks", "first", "last"]);
    all_gone("whole output", &stage);
}

/// A read that fails in the middle: what is known counts, and the rest is said to be missing.
#[tokio::test(start_paused = true)]
async fn an_output_that_is_read_in_part_is_said_to_be_so() {
    let filling = ("w".repeat(1_999) + "\n").repeat(2_200);
    let run_with = |output: String, nth: u32, code: u16| {
        with_account()
            .switches(move |on| on.desktops.command = says(&output))
            .build(move |cloud| {
                shelf(cloud);
                cloud.add_fault(
                    Fault::always(
                        Matcher::path(Method::GET, "*image-test-output*"),
                        Effect::status(code, ""),
                    )
                    .starting_at(nth),
                );
            })
    };
    for (code, nth) in [(403, 2)] {
        // The end that Azure tells has the test that failed.
        let output = format!("image-test: passed first\n{filling}image-test: failed last: why\n");
        let stage = run_with(output, nth, code).await;
        assert_eq!(stage.variable("imageTested"), Some("failed"), "{code}");
        let names: Vec<_> = states(&stage).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["boot", "checks", "first", "last"], "{code}");
        // What is in neither is not known, and that is said.
        let output = format!("{filling}image-test: failed middle: why\n{filling}");
        let stage = run_with(output, nth, code).await;
        assert_eq!(stage.variable("imageTested"), Some("passed"), "{code}");
        let remark = "only part of the output is known";
        assert_eq!(result_file(&stage)["test"]["remark"], remark, "{code}");
        let warnings = issues(&stage, "warning");
        let start = "The output of the check is known in part only, and single tests may be missing: Reading ";
        assert!(
            warnings
                .iter()
                .any(|(code, text)| code == "AIB861" && text.starts_with(start)),
            "{warnings:?}"
        );
        all_gone("read in part", &stage);
    }
    // Of the one that cannot be read at all Azure tells the end, also where the other one can be read.
    let output = "image-test: failed only: why\n".to_owned();
    let stage = run_with(output, 1, 403).await;
    assert_eq!(stage.variable("imageTested"), Some("failed"));
    assert_eq!(result_file(&stage)["test"]["remark"], Value::Null);
}

/// Several validators of a file are several tests; after one that fails none is run.
#[tokio::test(start_paused = true)]
async fn each_validator_is_a_test() {
    let file = "validate:
  inVMValidations:
  - {type: PowerShell, name: first, inline: ['exit 0']}
  - {type: PowerShell, name: second, inline: ['exit 1'], validExitCodes: [0, 3010]}
  - {type: PowerShell, name: third, inline: ['exit 0']}
";
    let scene = vm_scene().input("validationInlineScript", "");
    std::fs::write(scene.step.directories.sources.join("checks.yml"), file).unwrap();
    let scene = scene.input("templateFile", "checks.yml");
    let stage = scene
        .build(|cloud| {
            shelf(cloud);
            cloud.script_command(says(""));
            cloud.script_command(fails(3010, ""));
            cloud.script_command(fails(1, "no"));
        })
        .await;
    assert_eq!(
        states(&stage),
        pairs(&[
            ("boot", "passed"),
            ("first", "passed"),
            ("second", "passed"),
            ("third", "failed")
        ]),
        "{}",
        stage.transcript
    );
    let journal = stage.cloud.journal();
    let names: Vec<_> = journal
        .iter()
        .filter(|entry| entry.operation == Some("PutRunCommand"))
        .map(|entry| entry.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["imageTest", "imageTest2", "imageTest3"]);
    all_gone("validators", &stage);
}

#[tokio::test(start_paused = true)]
async fn a_script_for_another_system_is_refused_before_anything_is_made() {
    let scene = vm_scene().input("provisioner", "shell");
    let stage = untested(
        "shell",
        scene,
        "AIB720",
        "Testing image version 1.0.2609402 of 'win11-avd' failed: script 'checks' is for Linux, but the image is Windows\nhint: set input 'provisioner' to 'powershell' and use a script for Windows; in a template file, use a validator of that type",
    )
    .await;
    let made = stage.cloud.journal();
    assert!(
        made.iter().all(|entry| entry.method != "PUT"),
        "{}",
        stage.transcript
    );
}
