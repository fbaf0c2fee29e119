//! The boot diagnostics of a VM that did not come up: a picture of its screen, and what it wrote to its serial port. Both are attached to the run.

use std::time::Duration;

use bytes::Bytes;

use super::event;
use super::output::LINES;
use crate::arm::Failure;
use crate::file;
use crate::image_test::event::Event;
use crate::image_test::step::TestStep;
use crate::resource::ResourceId;
use crate::secret::Secret;

/// The verdict does not need them, so no test waits longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What could be fetched of them.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    /// Whether the picture of the screen is attached.
    pub(super) screen: bool,
    /// Whether the serial log is attached.
    pub(super) serial: bool,
    /// Its last lines.
    pub(super) lines: Vec<String>,
}

/// Fetches both, as far as possible.
pub(super) async fn fetch(step: &TestStep<'_>, machine: &ResourceId) -> Diagnostics {
    let mut shown = Diagnostics::default();
    match tokio::time::timeout(PATIENCE, both(step, machine, &mut shown)).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => missing(step, failure.to_string()),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            missing(step, format!("Azure has not answered within {seconds} s"));
        }
    }
    shown
}

fn missing(step: &TestStep<'_>, reason: String) {
    let event = event::Event::NoDiagnostics { reason };
    step.events.tell(Event::Vm(event));
}

async fn both(
    step: &TestStep<'_>,
    machine: &ResourceId,
    shown: &mut Diagnostics,
) -> Result<(), Failure> {
    let links = step.arm.boot_diagnostics(machine).await?;
    let screen = content(step, "Reading the boot screenshot", links.screen.as_ref()).await;
    let serial = content(step, "Reading the serial log", links.serial.as_ref()).await;
    let mut failure = None;
    match screen {
        Ok(Some(picture)) => {
            shown.screen = attach(step, &format!("boot.{}", kind(&picture)), &picture);
        }
        Ok(None) => {}
        Err(reason) => failure = Some(reason),
    }
    match serial {
        Ok(Some(text)) => {
            // What a VM prints while it starts may hold what was masked elsewhere.
            let text = String::from_utf8_lossy(&text).into_owned();
            let text = step.arm.client.hidden(&text);
            shown.serial = attach(step, "serial.log", text.as_bytes());
            shown.lines = last_lines(&text);
        }
        Ok(None) => {}
        Err(reason) => failure = Some(reason),
    }
    failure.map_or(Ok(()), Err)
}

async fn content(
    step: &TestStep<'_>,
    doing: &str,
    link: Option<&Secret>,
) -> Result<Option<Bytes>, Failure> {
    match link {
        None => Ok(None),
        Some(link) => {
            let content = step.arm.behind_link(doing, link).await?;
            Ok(Some(content).filter(|content| !content.is_empty()))
        }
    }
}

/// The end of a picture's file name, by its first bytes.
fn kind(picture: &[u8]) -> &'static str {
    let kinds: [(&[u8], &str); 3] = [(b"BM", "bmp"), (b"\x89PNG", "png"), (b"\xff\xd8", "jpg")];
    let mut kinds = kinds.into_iter();
    let found = kinds.find(|(start, _)| picture.starts_with(start));
    found.map_or("bin", |(_, kind)| kind)
}

/// Whether it is attached.
fn attach(step: &TestStep<'_>, end: &str, content: &[u8]) -> bool {
    let path = step.folder.join(format!("{}-{end}", step.test.name));
    match file::write(&path, content) {
        Ok(()) => {
            step.events.tell(Event::Attach(path));
            true
        }
        Err(error) => {
            missing(
                step,
                format!("'{}' cannot be written: {error}", path.display()),
            );
            false
        }
    }
}

fn last_lines(text: &str) -> Vec<String> {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let from = lines.len().saturating_sub(LINES);
    let last = lines.into_iter().skip(from);
    last.map(|line| line.chars().take(500).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        assert_eq!(kind(b"BM\x00"), "bmp");
        assert_eq!(kind(b"\x89PNG\r\n"), "png");
        assert_eq!(kind(b"\xff\xd8\xff"), "jpg");
        assert_eq!(kind(b""), "bin");
    }

    #[test]
    fn the_last_lines_are_whole() {
        let text = (0..50).map(|n| format!("line {n}\r\n\r\n"));
        let text = text.collect::<Vec<_>>().concat();
        let lines = last_lines(&text);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[LINES - 1], "line 49");
        assert!(last_lines("").is_empty());
    }
}
