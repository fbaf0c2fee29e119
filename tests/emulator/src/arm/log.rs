//! The log that a build leaves in the staging account, in the form that the service has written since September 2023.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::arm::Arm;
use crate::arm::template::{Template, text};
use crate::blob::BlobService;
use crate::progress::{Progress, SubState};
use crate::switches::ValidationLog;

impl Arm {
    /// Writes `packerlogs/<guid>/customization.log`; the build has ended at `end`, well or with the given message.
    pub(crate) fn write_log(
        &self,
        key: &str,
        failure: Option<&str>,
        blobs: &mut BlobService,
        end: OffsetDateTime,
    ) {
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
        let took = match &self.switches.progress {
            Progress::ByClock(durations) => durations.customizing,
            Progress::Immediate | Progress::AfterPolls(_) => Duration::ZERO,
        };
        let booted = run
            .fate
            .fails_at()
            .is_none_or(|at| at >= SubState::Validating);
        let log = match &self.switches.log {
            Some(log) => log.clone(),
            None if template.only_validates() && !booted => {
                never_answered(template, operation, end).into_bytes()
            }
            None if template.only_validates() => {
                let lines = self.validation(template, operation, failure, end);
                let began = began(operation, end);
                if self.switches.validation_log == ValidationLog::Shared {
                    format!("{began}{lines}").into_bytes()
                } else {
                    let place = format!("{}/validation.log", run.log);
                    blobs.put_from_service(&staging.account, "packerlogs", &place, lines.into());
                    if self.switches.validation_log == ValidationLog::Alone {
                        return;
                    }
                    format!("{began}{}", ended(operation, end)).into_bytes()
                }
            }
            None => content(template, operation, failure, (end, took)).into_bytes(),
        };
        blobs.put_from_service(&staging.account, "packerlogs", &blob, Bytes::from(log));
    }

    /// What the validators say, in the form of the customization log (assumed).
    fn validation(
        &self,
        template: &Template,
        operation: &str,
        failure: Option<&str>,
        end: OffsetDateTime,
    ) -> String {
        let line = |text: &str| format!("[{operation}] PACKER {} {text}\n", stamp(end));
        let validators = template.validators();
        let mut log = String::new();
        for (index, validator) in validators.iter().enumerate() {
            let provisioner = text(validator, "type").to_ascii_lowercase();
            let starting = format!("[INFO] (telemetry) Starting provisioner {provisioner}");
            log.push_str(&line(&starting));
            let (name, count) = (text(validator, "name"), validators.len());
            let said = format!(
                "ui:     azure-arm: validator {} of {count}: '{name}'",
                index + 1
            );
            log.push_str(&line(&said));
            let is_last = index + 1 == count;
            if is_last {
                for said in self.switches.validation_lines.iter().flatten() {
                    log.push_str(&line(&format!("ui:     azure-arm: {said}")));
                }
            }
            if !is_last || failure.is_none() {
                log.push_str(&line(&format!("[INFO] (telemetry) ending {provisioner}")));
            }
        }
        // A log that the end of the time has cut off simply ends.
        if failure.is_some_and(|message| message.contains("context deadline exceeded")) {
            return log;
        }
        if failure.is_some() {
            log.push_str(&line(
                "ui error: Build 'azure-arm' errored after 1 minute 3 seconds: Script exited with non-zero exit status: 1. Allowed exit codes are: [0]",
            ));
            return log;
        }
        log.push_str(&line(
            "ui: Build 'azure-arm' finished after 1 minute 3 seconds.",
        ));
        log
    }
}

/// How every log of a VM begins.
fn began(operation: &str, at: OffsetDateTime) -> String {
    let ui = |text: &str| {
        format!(
            "[{operation}] PACKER {} ui: ==> azure-arm: {text}\n",
            stamp(at)
        )
    };
    ui("Running builder ...") + &ui("Deploying deployment template ...")
}

/// The end of a log without customizers.
fn ended(operation: &str, at: OffsetDateTime) -> String {
    format!(
        "[{operation}] PACKER {} ui: Build 'azure-arm' finished after 3 minutes 13 seconds.\n[{operation}] PACKER Done exporting Packer logs to Azure Storage.\n",
        stamp(at)
    )
}

/// The log of a VM that never answered: on `WinRM`, if its validators are for Windows, or on SSH.
fn never_answered(template: &Template, operation: &str, end: OffsetDateTime) -> String {
    let windows = template
        .validators()
        .iter()
        .any(|validator| text(validator, "type") == "PowerShell");
    let way = if windows { "WinRM" } else { "SSH" };
    let stamp = stamp(end);
    format!(
        "{}[{operation}] PACKER {stamp} ui: ==> azure-arm: Waiting for {way} to become available...\n[{operation}] PACKER {stamp} ui error: ==> azure-arm: Timeout waiting for {way}.\n[{operation}] PACKER {stamp} ui error: Build 'azure-arm' errored after 21 minutes 4 seconds: Timeout waiting for {way}.\n",
        began(operation, end)
    )
}

/// The log of a build that has customized until `end`, for as long as `took`.
pub(crate) fn content(
    template: &Template,
    operation: &str,
    failure: Option<&str>,
    (end, took): (OffsetDateTime, Duration),
) -> String {
    let line =
        |at: OffsetDateTime, text: &str| format!("[{operation}] PACKER {} {text}\n", stamp(at));
    let ui = |at: OffsetDateTime, text: &str| line(at, &format!("ui: {text}"));
    let mut now = end - took;
    let mut log = ui(now, "==> azure-arm: Running builder ...");
    log.push_str(&ui(now, "==> azure-arm: Deploying deployment template ..."));
    let customizers = template.list("customize");
    let last = customizers.len();
    let durations = durations(&customizers, took);
    for (index, (customizer, duration)) in customizers.into_iter().zip(durations).enumerate() {
        let provisioner = match text(customizer, "type") {
            "Shell" => "shell",
            "PowerShell" => "powershell",
            "File" => "file",
            "WindowsRestart" => "windows-restart",
            _ => "windows-update",
        };
        let starting = format!("[INFO] (telemetry) Starting provisioner {provisioner}");
        log.push_str(&line(now, &starting));
        let name = text(customizer, "name");
        let said = format!(
            "    azure-arm: customizer {} of {last}: '{name}'",
            index + 1
        );
        log.push_str(&ui(now, &said));
        for said in printed(customizer) {
            log.push_str(&ui(now, &format!("    azure-arm: {said}")));
        }
        now += duration;
        if failure.is_none() || index + 1 < last {
            let ending = format!("[INFO] (telemetry) ending {provisioner}");
            log.push_str(&line(now, &ending));
        }
    }
    if failure.is_some() {
        log.push_str(&ui(
            end,
            "error: Build 'azure-arm' errored after 3 minutes 13 seconds: Script exited with non-zero exit status: 1. Allowed exit codes are: [0]",
        ));
    } else {
        log.push_str(&ui(end, "==> azure-arm: Skipping image creation..."));
        log.push_str(&ui(
            end,
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

/// What the script of a step prints that lists what the image holds: it was run once, and its lines were kept.
fn printed(customizer: &Map<String, Value>) -> impl Iterator<Item = &'static str> {
    let lines = match (text(customizer, "name"), text(customizer, "type")) {
        ("inventory", "Shell") => include_str!("../../testdata/inventory-ubuntu.txt"),
        ("inventory", "PowerShell") => include_str!("../../testdata/inventory-windows.txt"),
        _ => "",
    };
    lines.lines()
}

/// `2025/04/08 14:06:56`.
fn stamp(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// How long each customizer takes: a file two seconds, a script as long as it sleeps; the others share what is left of `took`.
fn durations(customizers: &[&Map<String, Value>], took: Duration) -> Vec<Duration> {
    let is_file = |customizer: &Map<String, Value>| text(customizer, "type") == "File";
    let mut left = took;
    let certain: Vec<Duration> = customizers
        .iter()
        .map(|customizer| {
            let own = if is_file(customizer) {
                Duration::from_secs(2)
            } else {
                sleeps(customizer)
            };
            let own = own.min(left);
            left -= own;
            own
        })
        .collect();
    let open = certain.iter().filter(|own| own.is_zero()).count();
    let open = u64::try_from(open.max(1)).unwrap_or(1);
    // Whole seconds, as the log has them.
    let share = Duration::from_secs(left.as_secs() / open);
    let filled = |own: Duration| if own.is_zero() { share } else { own };
    certain.into_iter().map(filled).collect()
}

/// What the lines of a script say after `Start-Sleep -Seconds` or `sleep`.
fn sleeps(customizer: &Map<String, Value>) -> Duration {
    let lines = customizer.get("inline").and_then(Value::as_array);
    let lines = lines.into_iter().flatten().filter_map(Value::as_str);
    let seconds = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let first = words.next()?;
        let sleeps = ["Start-Sleep", "sleep"].contains(&first);
        words
            .find(|word| sleeps && !word.starts_with('-'))?
            .parse::<u64>()
            .ok()
    });
    Duration::from_secs(seconds.sum())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn customizers_take_as_long_as_they_sleep_or_share_the_rest() {
        let all = json!([
            {"inline": ["echo 1", "echo sleep 60"]},
            {"inline": ["Start-Sleep -Seconds 300"]},
            {"type": "File"},
            {"type": "WindowsUpdate"},
        ]);
        let all: Vec<_> = all
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_object)
            .collect();
        let seconds = |took: u64| -> Vec<u64> {
            let durations = durations(&all, Duration::from_secs(took));
            durations.iter().map(Duration::as_secs).collect()
        };
        assert_eq!(seconds(422), [60, 300, 2, 60]);
        assert_eq!(seconds(90), [0, 90, 0, 0]);
        assert!(durations(&[], Duration::from_secs(9)).is_empty());
    }
}
