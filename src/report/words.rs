//! How each event reads in the log. No line for what the agent alone is told.

use super::{contents, follow};
use crate::arm::gallery::RegionState;
use crate::error::duration;
use crate::inputs::declared::{PACKAGE_EXCLUDE, PACKAGE_PATH};
use crate::run::Output;
use crate::run::event::{Event, UploadProgress};
use crate::run::leftover::{KeepReason, Leftover, NotRemoved, Ownership};

/// The lines for `event`.
pub(super) fn of(event: &Event) -> Vec<String> {
    match event {
        Event::SourceVersion(version) => vec![format!("source version:  {version}")],
        Event::Packing { folder, blob } => vec![format!("Archiving {folder} to {blob}")],
        Event::Uploading(sending) => vec![of_sending(sending)],
        Event::Packed {
            files,
            bytes_read,
            bytes_sent,
            elapsed,
        } => {
            let sizes = format!("{}, {} compressed", size(*bytes_read), size(*bytes_sent));
            vec![format!(
                "created archive: {files} files, {sizes}, sent in {}",
                duration(*elapsed)
            )]
        }
        Event::Submitting => vec!["starting put template...".to_owned()],
        Event::Provisioning { elapsed } => vec![format!(
            "put template:  still in progress after {}",
            duration(*elapsed)
        )],
        Event::Submitted { elapsed, .. } => vec![
            "put template:  Succeeded".to_owned(),
            format!("the template was provisioned in {}", duration(*elapsed)),
        ],
        Event::Starting => vec!["starting run template...".to_owned()],
        Event::StartingAgain { .. }
        | Event::RunChanged { .. }
        | Event::StillRunning { .. }
        | Event::NoAnswer { .. }
        | Event::RunEnded { .. } => of_run(event),
        Event::Replicating { .. }
        | Event::FoundAtTarget { .. }
        | Event::Distributed(_)
        | Event::Built(_)
        | Event::BuildOutput(_)
        | Event::NoLiveLog { .. }
        | Event::LogSaved { .. }
        | Event::NoLog { .. } => of_build(event),
        Event::Contents(told) => contents::lines(told),
        Event::Canceling => vec!["canceling the run".to_owned()],
        Event::CancelNotConfirmed { reason } => {
            vec![format!(
                "the cancellation is not confirmed: {reason}; the post-job step follows it up"
            )]
        }
        Event::CleaningUp => vec!["deleting the resources of the build".to_owned()],
        Event::Removed(leftover) => of_removal(leftover),
        Event::Kept(leftover, why) => of_what_stays(leftover, *why),
        // What is said as a warning, and what the agent alone is told, has no line.
        _ => [follow::lines(event), of_what_is_there(event)].concat(),
    }
}

fn of_what_stays(leftover: &Leftover, why: KeepReason) -> Vec<String> {
    let command = NotRemoved::of(leftover.clone(), Ownership::Ours, "").removal();
    let why = match why {
        KeepReason::HoldsResult => {
            "because the VHD, or the VM of the failed build, would be deleted with it"
        }
        KeepReason::Asked => "because it is to be kept",
    };
    vec![format!(
        "{} remains, {why}. When it is no longer needed, run: {}",
        leftover.describe(),
        command.unwrap_or_default()
    )]
}

/// Code of "the package holds a Git repository".
const CODE_REPOSITORY: &str = "AIB506";
/// Code of "the package is large".
const CODE_LARGE: &str = "AIB507";
/// Code of "a key is used in place of a role".
const CODE_KEY: &str = "AIB508";

/// What is said as a warning: its code, a sentence, and what to do.
pub(super) fn warning_of(event: &Event) -> Option<(&'static str, String, String)> {
    let (exclude, folder) = (PACKAGE_EXCLUDE.name, PACKAGE_PATH.name);
    match event {
        Event::RepositoryInPackage => Some((
            CODE_REPOSITORY,
            "The package contains a Git repository, which is copied into the build VM with its whole history"
                .to_owned(),
            format!("to exclude it, add the line '.git/' to input '{exclude}'"),
        )),
        Event::KeyInsteadOfRole { account, why, hint } => Some((
            CODE_KEY,
            format!(
                "A key of storage account '{account}' is used, because a role assignment is missing: {why}"
            ),
            hint.clone(),
        )),
        Event::LargePackage { bytes } => Some((
            CODE_LARGE,
            format!(
                "The package is {} in size, and all of it is sent to the build VM",
                size(*bytes)
            ),
            format!(
                "to exclude part of it, use input '{exclude}', or specify a smaller folder in input '{folder}'"
            ),
        )),
        Event::Contents(told) => contents::warning(told),
        _ => follow::warning_of(event),
    }
}

/// Which target has its image, and which has none.
fn of_outputs(outputs: &[Output]) -> Vec<String> {
    let line = |(index, output): (usize, &Output)| {
        let target = output.target.called();
        let what = output.uri.as_deref().unwrap_or("no image");
        format!(
            "target {} of {}, {target}:  {what}",
            index + 1,
            outputs.len()
        )
    };
    outputs.iter().enumerate().map(line).collect()
}

/// What earlier runs left, and what need not be done because of it.
fn of_what_is_there(event: &Event) -> Vec<String> {
    let line = match event {
        Event::ReadByIdentity { identity } => {
            format!("identity '{identity}' reads the package, without a link")
        }
        Event::PackageReused { blob, bytes } => format!(
            "the package is unchanged, so nothing is sent: it is in {blob}, {} compressed",
            size(*bytes)
        ),
        Event::OldPackagesRemoved { count } => {
            format!("deleted {count} packages of earlier runs that have not been used recently")
        }
        Event::OldPackagesRemain { reason } => {
            format!("packages of earlier runs were not checked:  {reason}")
        }
        Event::Unchanged { version } => {
            format!("nothing has changed since image version {version}: no image is built")
        }
        Event::ChangeUnknown { reason } => {
            format!("an image is built, because the changes could not be determined:  {reason}")
        }
        _ => return Vec::new(),
    };
    vec![line]
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

fn of_run(event: &Event) -> Vec<String> {
    match event {
        Event::StartingAgain { reason } => vec![format!(
            "Azure shows no run, so the run is started again: {reason}"
        )],
        Event::RunChanged {
            state,
            sub_state: Some(phase),
            elapsed,
        } => {
            vec![format!(
                "run template:  {state}, {phase} (after {})",
                duration(*elapsed)
            )]
        }
        // The last word comes with the end, as soon as Azure has closed its books.
        Event::RunChanged {
            state,
            sub_state: None,
            elapsed,
        } if !state.is_end() => {
            vec![format!(
                "run template:  {state} (after {})",
                duration(*elapsed)
            )]
        }
        Event::StillRunning { sub_state, elapsed } => {
            let phase = sub_state.as_deref().unwrap_or("running").to_lowercase();
            vec![format!("still {phase} after {}", duration(*elapsed))]
        }
        Event::NoAnswer { reason } => vec![format!(
            "no answer at the moment, the build continues: {reason}"
        )],
        Event::RunEnded { elapsed } => vec![format!("the run ended after {}", duration(*elapsed))],
        _ => Vec::new(),
    }
}

/// What is seen of the build itself.
fn of_build(event: &Event) -> Vec<String> {
    match event {
        Event::Replicating { version, regions } => {
            vec![format!("replicating {version}:  {}", replication(regions))]
        }
        Event::FoundAtTarget { image, reason } => vec![format!(
            "the run output has no image id; the image of this run was found at the target: {image} ({reason})"
        )],
        Event::Distributed(outputs) => of_outputs(outputs),
        Event::Built(image) if image.outputs.len() > 1 || image.caveat.is_some() => {
            of_outputs(&image.outputs)
        }
        Event::BuildOutput(text) => vec![text.clone()],
        Event::NoLiveLog { reason } => vec![format!("no build output at the moment:  {reason}")],
        Event::LogSaved {
            path, bytes, lines, ..
        } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            vec![format!(
                "build log:  {name}, {lines} lines, {}; it is attached to the logs of this run",
                size(*bytes)
            )]
        }
        Event::NoLog { reason } => vec![format!("no build log:  {reason}")],
        _ => Vec::new(),
    }
}

fn of_removal(leftover: &Leftover) -> Vec<String> {
    let removed = format!("deleted {}", leftover.describe());
    match leftover {
        Leftover::Template { .. } => vec!["delete template:  Succeeded".to_owned(), removed],
        _ => vec![removed],
    }
}

/// Regions as people say it: `westeurope 40 %, northeurope done`.
pub(super) fn replication(regions: &[RegionState]) -> String {
    let words: Vec<_> = regions
        .iter()
        .map(|region| match region.state.as_str() {
            "Completed" => format!("{} done", region.region),
            "Failed" => format!("{} failed", region.region),
            _ => format!("{} {} %", region.region, region.percent),
        })
        .collect();
    words.join(", ")
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
            assert_eq!(of(&Event::Uploading(sending)), [expected]);
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
            let (_, text, hint) = warning_of(&event).unwrap();
            assert!(text.starts_with("The package ") && hint.contains("packageExclude"));
            assert!(of(&event).is_empty());
        }
        assert_eq!(warning_of(&Event::Starting), None);
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
