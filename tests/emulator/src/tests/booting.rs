//! VMs that are made to see an image boot: guest agent, boot diagnostics, run commands; and templates that only validate their source.

use http::Method;
use serde_json::{Value, json};

use super::pools::{Estate, version};
use super::scene::{Answer, Scene};
use super::versions::code;
use crate::{CommandFate, MachineFate, RunFate, Switches, ValidationLog};

pub(super) const COMPUTE: &str = "2024-07-01";
pub(super) const NETWORK: &str = "2024-05-01";
pub(super) const DISKS: &str = "2024-03-02";

pub(super) struct Lab {
    pub(super) estate: Estate,
}

impl Lab {
    pub(super) fn new(change: impl FnOnce(&mut Switches)) -> Self {
        Self {
            estate: Estate::new(|on, _| change(on)),
        }
    }

    pub(super) fn machine(&self) -> String {
        format!(
            "{}/providers/Microsoft.Compute/virtualMachines/tst-1",
            self.estate.group()
        )
    }

    pub(super) fn interface(&self) -> String {
        format!(
            "{}/providers/Microsoft.Network/networkInterfaces/tst-1",
            self.estate.group()
        )
    }

    pub(super) fn disk(&self) -> String {
        format!(
            "{}/providers/Microsoft.Compute/disks/tst-1",
            self.estate.group()
        )
    }

    pub(super) fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        let api = if path.contains("/networkInterfaces/") {
            NETWORK
        } else {
            COMPUTE
        };
        self.estate.ask(method, path, api, body)
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &Value::Null)
    }

    pub(super) fn put_interface(&self) -> Answer {
        let subnet = format!(
            "{}/providers/Microsoft.Network/virtualNetworks/vnet-avd/subnets/snet-hosts",
            self.estate.group()
        );
        let body = json!({"location": "westeurope", "properties": {"ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}}}]}});
        self.ask(Method::PUT, &self.interface(), &body)
    }

    pub(super) fn body(&self, image: &str, diagnostics: bool) -> Value {
        json!({"location": "westeurope", "tags": {"a": "b"}, "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2ds_v5"},
            "storageProfile": {"imageReference": {"id": image}, "osDisk": {"name": "tst-1", "createOption": "FromImage", "deleteOption": "Delete"}},
            "osProfile": {"computerName": "t1", "adminUsername": "imagetest", "adminPassword": "Secret-of-the-test-1"},
            "networkProfile": {"networkInterfaces": [{"id": self.interface(), "properties": {"deleteOption": "Delete"}}]},
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": diagnostics}},
        }})
    }

    pub(super) fn put_machine(&self) -> Answer {
        let body = self.body(&version("1.0.1"), true);
        self.ask(Method::PUT, &self.machine(), &body)
    }

    /// A VM that is there.
    pub(super) fn booted(change: impl FnOnce(&mut Switches)) -> Self {
        let lab = Self::new(change);
        assert_eq!(lab.put_interface().status, 201);
        let made = lab.put_machine();
        assert_eq!(made.status, 201, "{}", made.text);
        lab.estate.scene.wait(114);
        lab
    }

    fn agent(&self) -> Value {
        let view = self
            .get(&format!("{}?$expand=instanceView", self.machine()))
            .body;
        view["properties"]["instanceView"]["vmAgent"]["statuses"][0]["displayStatus"].clone()
    }

    pub(super) fn command(&self, properties: &Value) -> Answer {
        let path = format!("{}/runCommands/imageTest", self.machine());
        self.ask(
            Method::PUT,
            &path,
            &json!({"location": "westeurope", "properties": properties}),
        )
    }

    pub(super) fn view(&self) -> Value {
        let path = format!(
            "{}/runCommands/imageTest?$expand=instanceView",
            self.machine()
        );
        self.get(&path).body["properties"].clone()
    }
}

#[test]
fn a_machine_boots_and_goes_with_its_parts() {
    let lab = Lab::new(|_| {});
    // Without its interface it is refused.
    assert_eq!(
        code(&lab.put_machine()),
        (400, "InvalidResourceReference".to_owned())
    );
    assert_eq!(lab.put_interface().status, 201);
    assert_eq!(lab.put_interface().status, 200);
    let made = lab.put_machine();
    assert_eq!(
        (made.status, made.header("location")),
        (201, None),
        "{}",
        made.text
    );
    assert_eq!(
        made.body["properties"]["storageProfile"]["imageReference"],
        json!({"id": version("1.0.1"), "exactVersion": "1.0.1"})
    );
    assert!(!made.text.contains("Secret-of-the-test-1"), "{}", made.text);
    let state = |lab: &Lab| lab.get(&lab.machine()).body["properties"]["provisioningState"].clone();
    lab.estate.scene.wait(53);
    assert_eq!(state(&lab), "Creating");
    lab.estate.scene.wait(1);
    assert_eq!(state(&lab), "Succeeded");
    assert_eq!(
        lab.get(&lab.machine()).body["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"],
        lab.disk()
    );
    // The agent reports a minute later.
    assert_eq!(lab.agent(), "Not Ready");
    lab.estate.scene.wait(60);
    assert_eq!(lab.agent(), "Ready");
    // Once more is no other VM; another image is refused.
    assert_eq!(lab.put_machine().status, 200);
    let other = lab.ask(
        Method::PUT,
        &lab.machine(),
        &lab.body(&version("1.0.0"), true),
    );
    assert_eq!(code(&other), (409, "PropertyChangeNotAllowed".to_owned()));
    let delete = lab.ask(
        Method::DELETE,
        &format!("{}?forceDeletion=true", lab.machine()),
        &Value::Null,
    );
    assert_eq!(delete.status, 202);
    lab.estate.scene.wait(40);
    assert_eq!(lab.get(&lab.machine()).status, 404);
    assert_eq!(lab.get(&lab.interface()).status, 404);
    assert_eq!(
        lab.estate
            .ask(Method::GET, &lab.disk(), DISKS, &Value::Null)
            .status,
        404
    );
}

#[test]
fn a_machine_comes_up_as_scripted() {
    let check = |fate: MachineFate, expected: &str| {
        let lab = Lab::new(|on| on.desktops.machine = fate);
        lab.put_interface();
        let made = lab.put_machine();
        if made.status == 409 {
            assert_eq!(made.body["error"]["code"], expected);
            return;
        }
        lab.estate.scene.wait(1200);
        let operation = lab.estate.scene.get(&made.operation()).body;
        let found = operation
            .pointer("/error/code")
            .unwrap_or(&operation["status"]);
        assert_eq!(found, expected);
        let failed = found != "Succeeded";
        assert_eq!(
            lab.get(&lab.machine()).body["properties"]["provisioningState"] == "Failed",
            failed
        );
        if fate != MachineFate::AllocationFails {
            assert_eq!(lab.agent(), "Not Ready");
        }
    };
    check(MachineFate::AgentNeverReports, "Succeeded");
    check(MachineFate::ProvisioningTimesOut, "OSProvisioningTimedOut");
    check(MachineFate::AllocationFails, "AllocationFailed");
    check(MachineFate::QuotaExceeded, "OperationNotAllowed");
    check(MachineFate::SizeNotAvailable, "SkuNotAvailable");
    let lab = Lab::new(|_| {});
    lab.put_interface();
    let missing = lab.ask(
        Method::PUT,
        &lab.machine(),
        &lab.body(&version("9.0.0"), true),
    );
    assert_eq!(code(&missing), (404, "GalleryImageNotFound".to_owned()));
}

#[test]
fn boot_diagnostics_are_behind_links() {
    for (fate, text) in [
        (MachineFate::Deserved, "Cloud-init finished"),
        (MachineFate::AgentNeverReports, "Kernel panic"),
    ] {
        let lab = Lab::booted(|on| on.desktops.machine = fate);
        let path = format!(
            "{}/retrieveBootDiagnosticsData?sasUriExpirationTimeInMinutes=10",
            lab.machine()
        );
        let links = lab.ask(Method::POST, &path, &Value::Null);
        assert_eq!(links.status, 200, "{}", links.text);
        let fetch = |name: &str| {
            let request = http::Request::builder().uri(links.body[name].as_str().unwrap());
            let request = request
                .header("x-ms-version", "2020-10-02")
                .body(bytes::Bytes::new());
            lab.estate
                .scene
                .cloud
                .answer(request.unwrap())
                .response()
                .unwrap()
        };
        let log = fetch("serialConsoleLogBlobUri");
        assert_eq!(log.status(), 200);
        assert!(String::from_utf8_lossy(log.body()).contains(text));
        assert!(fetch("consoleScreenshotBlobUri").body().starts_with(b"BM"));
        lab.estate.scene.wait(601);
        assert_eq!(fetch("serialConsoleLogBlobUri").status(), 403);
    }
    let lab = Lab::new(|_| {});
    lab.put_interface();
    lab.ask(
        Method::PUT,
        &lab.machine(),
        &lab.body(&version("1.0.1"), false),
    );
    let off = lab.ask(
        Method::POST,
        &format!("{}/retrieveBootDiagnosticsData", lab.machine()),
        &Value::Null,
    );
    assert_eq!(code(&off), (409, "OperationNotAllowed".to_owned()));
}

#[test]
fn a_command_ends_as_scripted() {
    let script = json!({"source": {"script": "exit 0"}, "asyncExecution": true, "timeoutInSeconds": 600,
        "protectedParameters": [{"name": "link", "value": "secret"}]});
    let check = |fate: CommandFate, state: &str, exit: i32, ends: bool| {
        let lab = Lab::booted(|on| on.desktops.command = fate);
        let put = lab.command(&script);
        assert_eq!(
            (put.status, &put.body["properties"]["provisioningState"]),
            (201, &json!("Creating")),
            "{}",
            put.text
        );
        assert_eq!(lab.view()["instanceView"]["executionState"], "Pending");
        lab.estate.scene.wait(15);
        // Provisioned as soon as the agent has it, whatever comes of it.
        assert_eq!(lab.view()["provisioningState"], "Succeeded");
        assert_eq!(lab.view()["instanceView"]["executionState"], "Running");
        lab.estate.scene.wait(600);
        let view = lab.view()["instanceView"].clone();
        assert_eq!(
            (&view["executionState"], &view["exitCode"]),
            (&json!(state), &json!(exit)),
            "{view}"
        );
        assert_eq!(view.get("endTime").is_some(), ends);
        let shown = lab.get(&format!("{}/runCommands/imageTest", lab.machine()));
        assert!(
            !shown.text.contains("secret")
                && shown.body["properties"].get("instanceView").is_none(),
            "{}",
            shown.text
        );
    };
    check(
        CommandFate::Succeeds {
            output: "image-test: passed boot".to_owned(),
        },
        "Succeeded",
        0,
        true,
    );
    let failed = CommandFate::Fails {
        exit_code: 3,
        output: "no driver".to_owned(),
        error: "x".to_owned(),
    };
    check(failed, "Failed", 3, true);
    check(CommandFate::TimesOut, "TimedOut", -1, true);
    check(CommandFate::NotRun, "Running", 0, true);
    check(CommandFate::NeverEnds, "Running", 0, false);
}

#[test]
fn of_an_output_the_last_part_is_kept() {
    let output = format!("first\n{}last", "ä".repeat(2100));
    let lab = Lab::booted(|on| on.desktops.command = CommandFate::Succeeds { output });
    lab.command(&json!({"source": {"script": "x"}}));
    lab.estate.scene.wait(45);
    let kept = lab.view()["instanceView"]["output"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        kept.len() <= 4096 && kept.len() > 4090 && kept.ends_with("last"),
        "{}",
        kept.len()
    );
}

#[test]
fn a_failing_command_can_fail_its_operation() {
    for treats in [false, true] {
        let lab = Lab::booted(|on| {
            on.desktops.command = CommandFate::Fails {
                exit_code: 1,
                output: String::new(),
                error: String::new(),
            };
        });
        let put = lab.command(
            &json!({"source": {"script": "exit 1"}, "treatFailureAsDeploymentFailure": treats}),
        );
        lab.estate.scene.wait(45);
        let failed = lab.estate.scene.get(&put.operation()).body["status"] == "Failed";
        assert_eq!(failed, treats);
        assert_eq!(lab.view()["provisioningState"] == "Failed", treats);
    }
    let lab = Lab::booted(|_| {});
    assert_eq!(lab.command(&json!({"scripts": "x"})).status, 400);
    lab.command(&json!({"source": {"script": "x"}}));
    let list = lab.get(&format!("{}/runCommands", lab.machine())).body;
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
    let path = format!("{}/runCommands/imageTest", lab.machine());
    assert_eq!(lab.ask(Method::DELETE, &path, &Value::Null).status, 202);
    assert_eq!(lab.ask(Method::DELETE, &path, &Value::Null).status, 204);
    assert_eq!(lab.get(&path).status, 404);
    lab.ask(
        Method::POST,
        &format!("{}/deallocate", lab.machine()),
        &Value::Null,
    );
    lab.estate.scene.wait(23);
    let stopped = lab.command(&json!({"source": {"script": "x"}}));
    assert_eq!(code(&stopped), (409, "OperationNotAllowed".to_owned()));
}

/// A scene with a template that only validates its source, after its run.
fn validated(change: impl FnOnce(&mut Switches)) -> Scene {
    let mut switches = Switches::default();
    change(&mut switches);
    let scene = Scene::new(switches);
    let mut body = scene.body();
    body["properties"]["customize"] = json!([]);
    body["properties"]["validate"] = json!({"sourceValidationOnly": true, "continueDistributeOnFailure": false,
        "inVMValidations": [{"type": "Shell", "name": "checks", "inline": ["true"]}]});
    body["properties"]["distribute"] =
        json!([{"type": "VHD", "runOutputName": "imageTest", "artifactTags": {}}]);
    let answer = scene.put(&body);
    assert_eq!(answer.status, 201, "{}", answer.text);
    scene.wait(60);
    assert_eq!(scene.post("run").status, 202);
    scene.wait(4000);
    scene
}

/// The logs of a run: name and content.
fn logs(scene: &Scene) -> Vec<(String, String)> {
    let blobs = scene.cloud.inventory().blobs.into_iter();
    blobs
        .filter(|(_, container, ..)| container == "packerlogs")
        .map(|(account, container, name, _)| {
            let content = scene.cloud.blob(&account, &container, &name).unwrap();
            let (_, file) = name.rsplit_once('/').unwrap();
            (
                file.to_owned(),
                String::from_utf8(content.to_vec()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_source_is_validated_without_a_build() {
    for writes in [true, false] {
        let scene = validated(|on| on.source_validation_writes = writes);
        let run = scene.template()["properties"]["lastRunStatus"].clone();
        assert_eq!(run["runState"], "Succeeded", "{run}");
        let outputs = scene.get(&scene.template_url("/runOutputs")).body;
        assert_eq!(
            outputs["value"].as_array().unwrap().len(),
            usize::from(writes)
        );
        let logs = logs(&scene);
        assert!(
            logs.iter().any(|(name, _)| name == "validation.log"),
            "{logs:?}"
        );
    }
    let mut states = Vec::new();
    let scene = validated(|_| {});
    assert_eq!(scene.post("run").status, 202);
    for _ in 0..1000 {
        let state = scene.template()["properties"]["lastRunStatus"]["runSubState"].clone();
        if states.last() != Some(&state) {
            states.push(state);
        }
        scene.wait(1);
    }
    assert_eq!(
        states,
        ["Queued", "Building", "Validating", "Distributing", ""].map(|state| {
            if state.is_empty() {
                Value::Null
            } else {
                json!(state)
            }
        })
    );
}

#[test]
fn the_lines_of_validators_are_in_one_log_or_the_other() {
    for place in [ValidationLog::Separate, ValidationLog::Shared] {
        let scene = validated(|on| {
            on.validation_log = place;
            on.validation_lines = Some(vec!["image-test: failed teams".to_owned()]);
            on.run = RunFate::validator_failed();
        });
        assert_eq!(
            scene.template()["properties"]["lastRunStatus"]["runState"],
            "Failed"
        );
        let told = |(_, content): &&(String, String)| {
            content.contains("ui:     azure-arm: image-test: failed teams")
        };
        let logs = logs(&scene);
        let names: Vec<&str> = logs
            .iter()
            .filter(told)
            .map(|(name, _)| name.as_str())
            .collect();
        let expected = if place == ValidationLog::Separate {
            "validation.log"
        } else {
            "customization.log"
        };
        assert_eq!(names, [expected]);
    }
}

#[test]
fn a_log_tells_how_a_validation_ended() {
    let check = |fate: RunFate, name: &str, words: &str, errored: bool| {
        let scene = validated(|on| on.run = fate);
        let logs = logs(&scene);
        let (_, content) = logs.iter().find(|(known, _)| known == name).unwrap();
        assert!(content.contains(words), "{content}");
        assert_eq!(content.contains("errored"), errored, "{content}");
    };
    let telemetry = "(telemetry) Starting provisioner shell";
    check(
        RunFate::does_not_boot(),
        "customization.log",
        "Timeout waiting for SSH.",
        true,
    );
    check(RunFate::out_of_time(), "validation.log", telemetry, false);
    check(
        RunFate::validator_failed(),
        "validation.log",
        telemetry,
        true,
    );
    let booted = validated(|on| on.run = RunFate::does_not_boot());
    assert_eq!(logs(&booted).len(), 1);
    let alone = validated(|on| on.validation_log = ValidationLog::Alone);
    let names: Vec<_> = logs(&alone).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["validation.log"]);
}

#[test]
fn a_validation_may_be_without_a_target_by_a_switch() {
    for permitted in [false, true] {
        let scene = Scene::new(Switches {
            source_validation_needs_no_target: permitted,
            ..Switches::default()
        });
        let mut body = scene.body();
        body["properties"]["distribute"] = json!([]);
        assert_eq!(scene.put(&body).status, 400);
        body["properties"]["validate"] = json!({"sourceValidationOnly": true, "inVMValidations": [{"type": "Shell", "name": "a", "inline": ["true"]}]});
        assert_eq!(scene.put(&body).status, if permitted { 201 } else { 400 });
    }
}
