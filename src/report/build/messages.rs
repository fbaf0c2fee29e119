//! How each event of a build reads in the log.

use super::contents;
use crate::agent::Console;
use crate::arm::gallery::RegionState;
use crate::error::{DROPPED, LEFT_RUNNING, duration};
use crate::inputs::manifest::{ON_CANCEL, PACKAGE_EXCLUDE, PACKAGE_PATH, RESUME};
use crate::report::messages::Messages;
use crate::resource::ResourceId;
use crate::run::event::{Event, Events, UploadProgress};
use crate::run::leftover::{KeepReason, Leftover, NotRemoved, Ownership};
use crate::run::{Image, Output};
use crate::wording::counted;

/// Code of "the package holds a Git repository".
const CODE_REPOSITORY: &str = "AIB506";
/// Code of "the package is large".
const CODE_LARGE: &str = "AIB507";
/// Code of "a key is used in place of a role".
const CODE_KEY: &str = "AIB508";

/// The messages for `event`. Whoever adds an event decides here how it reads.
#[expect(
    clippy::too_many_lines,
    reason = "the compiler finds an event without messages in one match alone"
)]
pub(super) fn of(event: &Event) -> Messages {
    match event {
        Event::Suspected(_)
        | Event::Registered(_)
        | Event::NotThere(_)
        | Event::Released(_)
        | Event::NotRemoved(_)
        | Event::StepStarted { .. }
        | Event::StepEnded { .. } => Messages::NONE,
        Event::SourceVersion(version) => Messages::line(format!("source version:  {version}")),
        Event::Packing { folder, blob } => Messages::line(format!("Archiving {folder} to {blob}")),
        Event::RepositoryInPackage => repository_in_package(),
        Event::LargePackage { bytes } => large_package(*bytes),
        Event::KeyInsteadOfRole { account, why, hint } => Messages::warning(
            CODE_KEY,
            format!(
                "A key of storage account '{account}' is used, because a role assignment is missing: {why}"
            ),
            hint,
        ),
        Event::PackageReused { blob, bytes } => Messages::line(format!(
            "the package is unchanged, so nothing is sent: it is in {blob}, {} compressed",
            size(*bytes)
        )),
        Event::OldPackagesRemoved { count } => Messages::line(format!(
            "deleted {} of earlier runs, not used recently",
            counted(*count, "package")
        )),
        Event::OldPackagesRemain { reason } => Messages::line(format!(
            "packages of earlier runs were not checked:  {reason}"
        )),
        Event::Unchanged { version } => Messages::line(format!(
            "nothing has changed since image version {version}: no image is built"
        )),
        Event::ChangeUnknown { reason } => Messages::line(format!(
            "an image is built, because the changes could not be determined:  {reason}"
        )),
        Event::ReadByIdentity { identity } => Messages::line(format!(
            "identity '{identity}' reads the package, without a link"
        )),
        Event::Uploading(sending) => Messages::line(of_sending(sending)),
        Event::Packed {
            files,
            bytes_read,
            bytes_sent,
            elapsed,
        } => Messages::line(format!(
            "created archive: {}, {}, {} compressed, sent in {}",
            counted(*files, "file"),
            size(*bytes_read),
            size(*bytes_sent),
            duration(*elapsed)
        )),
        Event::Submitting => Messages::line("starting put template..."),
        Event::Provisioning { elapsed } => Messages::line(format!(
            "put template:  still in progress after {}",
            duration(*elapsed)
        )),
        Event::Submitted { elapsed, .. } => Messages::lines(vec![
            "put template:  Succeeded".to_owned(),
            format!("the template was provisioned in {}", duration(*elapsed)),
        ]),
        Event::Starting => Messages::line("starting run template..."),
        Event::BeingDeleted { template, elapsed } => {
            let waited = match elapsed.as_secs() {
                0 => String::new(),
                _ => format!(" (after {})", duration(*elapsed)),
            };
            Messages::line(format!(
                "image template '{template}' is being deleted: waiting until it is gone{waited}"
            ))
        }
        Event::StillDeleting {
            leftover,
            elapsed,
            reason,
        } => {
            let reason = reason.as_ref().map(|reason| format!(": {reason}"));
            Messages::line(format!(
                "still deleting {} after {}{}",
                leftover.describe(),
                duration(*elapsed),
                reason.unwrap_or_default()
            ))
        }
        Event::StartUncertain { reason } => Messages::line(format!(
            "whether the run has started is not known yet, so the image template is read for up to a minute: {reason}"
        )),
        Event::StartUnseen { elapsed } => Messages::line(format!(
            "the image template still shows no run after {}",
            duration(*elapsed)
        )),
        Event::StartingAgain { reason } => Messages::line(format!(
            "Azure shows no run, so the run is started again: {reason}"
        )),
        Event::RunChanged {
            state,
            sub_state: Some(phase),
            elapsed,
        } => Messages::line(format!(
            "run template:  {state}, {phase} (after {})",
            duration(*elapsed)
        )),
        // The end has a line of its own, which comes when Azure has nothing to add.
        Event::RunChanged { state, .. } if state.is_end() => Messages::NONE,
        Event::RunChanged { state, elapsed, .. } => Messages::line(format!(
            "run template:  {state} (after {})",
            duration(*elapsed)
        )),
        Event::StillRunning { sub_state, elapsed } => {
            let phase = sub_state.as_deref().unwrap_or("running").to_lowercase();
            Messages::line(format!("still {phase} after {}", duration(*elapsed)))
        }
        Event::EndUnconfirmed { elapsed } => Messages::line(format!(
            "the run has ended, but Azure has not confirmed it after {}",
            duration(*elapsed)
        )),
        Event::NoAnswer { reason } => Messages::line(format!(
            "no answer at the moment, the build continues: {reason}"
        )),
        Event::RunEnded { elapsed } => {
            Messages::line(format!("the run ended after {}", duration(*elapsed)))
        }
        Event::BuildOutput(text) => Messages::line(text),
        Event::NoLiveLog { reason } => {
            Messages::line(format!("no build output at the moment:  {reason}"))
        }
        Event::Replicating { version, regions } => {
            Messages::line(format!("replicating {version}:  {}", replication(regions)))
        }
        Event::LogSaved {
            path, bytes, lines, ..
        } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Messages::line(format!(
                "build log:  {name}, {lines} lines, {}; it is attached to the logs of this run",
                size(*bytes)
            ))
        }
        Event::NoLog { reason } => Messages::line(format!("no build log:  {reason}")),
        Event::FoundAtTarget { image, reason } => Messages::line(format!(
            "the run output has no image id; the image of this run was found at the target: {image} ({reason})"
        )),
        Event::Contents(contents) => contents::messages(contents),
        Event::Distributed(outputs) => Messages::lines(of_outputs(outputs)),
        Event::Built(image) => Messages::lines(of_built(image)),
        Event::Canceling => Messages::line("canceling the run"),
        Event::CancelNotConfirmed { reason } => Messages::line(format!(
            "the cancellation is not confirmed: {reason}; the post-job step follows it up"
        )),
        Event::CleaningUp => Messages::line("deleting the resources of the build"),
        Event::Removed(leftover) => Messages::lines(of_removal(leftover)),
        Event::Kept(leftover, why) => Messages::line(of_what_stays(leftover, *why)),
        Event::KeepTagNotWritten { what, reason } => Messages::line(format!(
            "the {what} stays, but without the tag that says so, so 'action: sweep' deletes it:  {reason}"
        )),
        Event::LeftRunning { template } => left_running(template),
        Event::Following {
            template,
            since,
            by,
            ..
        } => {
            let since = since.map(|since| format!(", started {} ago", duration(since)));
            let by = by.as_ref().map(|by| format!(" by {by}"));
            let (since, by) = (since.unwrap_or_default(), by.unwrap_or_default());
            Messages::lines(vec![
                format!("template name:  {}", template.name()),
                format!("following image template '{}'{since}{by}", template.name()),
            ])
        }
        Event::AnotherRun => Messages::line(
            "Azure has started another run of the template, by its trigger; that one is followed from now on",
        ),
        Event::FoundByTags { name } => Messages::line(format!(
            "the image template is gone; its image was found by its tags: {name}"
        )),
        Event::EarlierImage { name } => Messages::line(earlier_image(name)),
        Event::EarlierProvisioning { template } => Messages::line(format!(
            "template '{template}' of an earlier attempt is being provisioned"
        )),
        Event::EarlierNotStarted { template } => Messages::line(format!(
            "template '{template}' of an earlier attempt: starting its run"
        )),
        Event::EarlierRunning { elapsed } => Messages::line(format!(
            "following the run that an earlier attempt started {} ago",
            duration(*elapsed)
        )),
        Event::EarlierEnded => Messages::line("the run of an earlier attempt has ended"),
        Event::EarlierFailed { state } => {
            let how = if state.to_string() == "Canceled" {
                "was canceled"
            } else {
                "failed"
            };
            Messages::line(format!(
                "the run of an earlier attempt {how}: building again"
            ))
        }
        Event::EarlierDiscarded { template, why } => Messages::warning(
            DROPPED,
            format!("The template of an earlier attempt {why}: '{template}' is deleted"),
            "nothing needs to be done: the image is built again",
        ),
        Event::OrphanedPackagesRemoved { count } => Messages::line(format!(
            "deleted {} that earlier attempts left",
            counted(*count, "package")
        )),
    }
}

fn repository_in_package() -> Messages {
    Messages::warning(
        CODE_REPOSITORY,
        "The package contains a Git repository, which is copied into the build VM with its whole history",
        format!(
            "to exclude it, add the line '.git/' to input '{}'",
            PACKAGE_EXCLUDE.name
        ),
    )
}

fn large_package(bytes: u64) -> Messages {
    Messages::warning(
        CODE_LARGE,
        format!(
            "The package is {} in size, and all of it is sent to the build VM",
            size(bytes)
        ),
        format!(
            "to exclude part of it, use input '{}', or specify a smaller folder in input '{}'",
            PACKAGE_EXCLUDE.name, PACKAGE_PATH.name
        ),
    )
}

fn left_running(template: &ResourceId) -> Messages {
    Messages::warning(
        LEFT_RUNNING,
        format!(
            "The job was canceled, and the run continues: left running: {}",
            template.name()
        ),
        format!(
            "come back with 'action: wait', or stop it with 'action: cancel'; with '{}: cancel' a canceled job cancels its run",
            ON_CANCEL.name
        ),
    )
}

/// An image that an earlier attempt has made, in the log and in the summary.
pub(super) fn earlier_image(name: &str) -> String {
    format!(
        "the image of an earlier attempt is there: {name} (to build again: {}: never)",
        RESUME.name
    )
}

fn of_what_stays(leftover: &Leftover, why: KeepReason) -> String {
    let command = NotRemoved::of(leftover.clone(), Ownership::Ours, "").removal();
    let why = match why {
        KeepReason::HoldsResult => {
            "because the VHD, or the VM of the failed build, would be deleted with it"
        }
        KeepReason::Asked => "because it is to be kept",
    };
    format!(
        "{} remains, {why}. When it is no longer needed, run: {}",
        leftover.describe(),
        command.unwrap_or_default()
    )
}

/// Which target has its image, unless there is one target and all went well.
fn of_built(image: &Image) -> Vec<String> {
    if image.outputs.len() > 1 || image.caveat.is_some() {
        of_outputs(&image.outputs)
    } else {
        Vec::new()
    }
}

/// Which target has its image, and which has none.
fn of_outputs(outputs: &[Output]) -> Vec<String> {
    let line = |(index, output): (usize, &Output)| {
        let target = output.target.display_name();
        let what = output.uri.as_deref().unwrap_or("no image");
        format!(
            "target {} of {}, {target}:  {what}",
            index + 1,
            outputs.len()
        )
    };
    outputs.iter().enumerate().map(line).collect()
}

fn of_sending(sending: &UploadProgress) -> String {
    let UploadProgress {
        percent,
        bytes_per_second,
        remaining,
    } = sending;
    let rest = remaining.map_or_else(String::new, |rest| {
        format!(", {} remaining", duration(rest))
    });
    format!(
        "sending the package: {percent} %, {}/s{rest}",
        size(*bytes_per_second)
    )
}

fn of_removal(leftover: &Leftover) -> Vec<String> {
    let removed = format!("deleted {}", leftover.describe());
    match leftover {
        Leftover::Template { .. } => vec!["delete template:  Succeeded".to_owned(), removed],
        _ => vec![removed],
    }
}

/// Regions as people say it: `westeurope 40 %, northeurope done`.
pub(in crate::report) fn replication(regions: &[RegionState]) -> String {
    let states: Vec<_> = regions
        .iter()
        .map(|region| match region.state.as_str() {
            "Completed" => format!("{} done", region.region),
            "Failed" => format!("{} failed", region.region),
            _ => format!("{} {} %", region.region, region.percent),
        })
        .collect();
    states.join(", ")
}

/// A number of bytes as people read it.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = bytes.saturating_mul(10) / unit;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// Writes the lines of events, and nothing else: for actions that leave nothing to the post-job stage.
#[derive(Debug)]
pub struct Lines<'a>(&'a Console);

impl<'a> Lines<'a> {
    /// Writes to `console`.
    pub fn new(console: &'a Console) -> Self {
        Self(console)
    }
}

impl Events for Lines<'_> {
    fn emit(&self, event: Event) {
        for line in of(&event).lines {
            self.0.line(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_as_people_say_it() {
        let check = |remaining: Option<u64>, expected: &str| {
            let sending = UploadProgress {
                percent: 25,
                bytes_per_second: 3 << 20,
                remaining: remaining.map(std::time::Duration::from_secs),
            };
            assert_eq!(of(&Event::Uploading(sending)).lines, [expected]);
        };
        check(None, "sending the package: 25 %, 3.0 MiB/s");
        check(
            Some(90),
            "sending the package: 25 %, 3.0 MiB/s, 1 min 30 s remaining",
        );
    }

    #[test]
    fn doubts_about_the_package_are_warnings_with_a_way_out() {
        for event in [
            Event::RepositoryInPackage,
            Event::LargePackage { bytes: 3 << 30 },
        ] {
            let messages = of(&event);
            let warning = messages.warning.unwrap();
            assert!(warning.text.starts_with("The package "));
            assert!(warning.hint.contains("packageExclude"));
            assert!(messages.lines.is_empty());
        }
        assert_eq!(of(&Event::Starting).warning, None);
    }

    #[test]
    fn sizes_read_as_people_say_them() {
        let check = |bytes, expected| assert_eq!(size(bytes), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1536, "1.5 KiB");
        check(5 << 20, "5.0 MiB");
        check(3 << 30, "3.0 GiB");
    }
}
