//! The log that a build leaves in the staging account, in the form that the service has written since September 2023.

use bytes::Bytes;

use crate::arm::Arm;
use crate::arm::template::{Template, text};
use crate::blob::BlobService;

impl Arm {
    /// Writes `packerlogs/<guid>/customization.log`; the build has ended, well or with the given message.
    pub(crate) fn write_log(&self, key: &str, failure: Option<&str>, blobs: &mut BlobService) {
        let Some(template) = self.templates.get(key) else {
            return;
        };
        let (Some(staging), Some(run)) = (&template.staging, &template.run) else {
            return;
        };
        let blob = format!("{}/customization.log", run.log);
        if blobs.exists(&staging.account, "packerlogs", &blob) {
            return;
        }
        let operation = template
            .work
            .as_ref()
            .map(|work| work.operation.as_str())
            .unwrap_or_default();
        blobs.put_from_service(
            &staging.account,
            "packerlogs",
            &blob,
            match &self.switches.log {
                Some(log) => Bytes::from(log.clone()),
                None => Bytes::from(content(template, operation, failure)),
            },
        );
    }
}

pub(crate) fn content(template: &Template, operation: &str, failure: Option<&str>) -> String {
    let ui = |text: &str| format!("[{operation}] PACKER 2025/04/08 14:06:56 ui: {text}\n");
    let plain = |text: &str| format!("[{operation}] PACKER 2025/04/08 14:06:56 {text}\n");
    let mut log = ui("==> azure-arm: Running builder ...");
    log.push_str(&ui("==> azure-arm: Deploying deployment template ..."));
    let customizers = template.list("customize");
    let last = customizers.len();
    for (index, customizer) in customizers.into_iter().enumerate() {
        let provisioner = match text(customizer, "type") {
            "Shell" => "shell",
            "PowerShell" => "powershell",
            "File" => "file",
            "WindowsRestart" => "windows-restart",
            _ => "windows-update",
        };
        log.push_str(&plain(&format!(
            "[INFO] (telemetry) Starting provisioner {provisioner}"
        )));
        log.push_str(&ui(&format!(
            "    azure-arm: customizer {} of {last}: '{}'",
            index + 1,
            text(customizer, "name")
        )));
        if failure.is_none() || index + 1 < last {
            log.push_str(&plain(&format!("[INFO] (telemetry) ending {provisioner}")));
        }
    }
    if failure.is_some() {
        log.push_str(&ui(
            "error: Build 'azure-arm' errored after 3 minutes 13 seconds: Script exited with non-zero exit status: 1. Allowed exit codes are: [0]",
        ));
    } else {
        log.push_str(&ui("==> azure-arm: Skipping image creation..."));
        log.push_str(&ui(
            "Build 'azure-arm' finished after 3 minutes 13 seconds.",
        ));
    }
    log.push('[');
    log.push_str(operation);
    log.push_str(
        "] PACKER Done exporting Packer logs to Azure Storage.
",
    );
    log
}
