//! The boot diagnostics of a VM that did not come up: a picture of its screen, and what it wrote to its serial port. Both are attached to the run.

use std::time::Duration;

use bytes::Bytes;

use super::super::Lab;
use super::super::event::Event;
use super::event;
use super::output::LINES;
use crate::arm::Failure;
use crate::file;
use crate::resource::ResourceId;
use crate::secret::Secret;

/// No test waits longer for what it can do without.
const PATIENCE: Duration = Duration::from_secs(120);

/// Fetches both. The last lines of the serial log come back; none where it cannot be had.
pub(super) async fn fetch(lab: &Lab<'_>, machine: &ResourceId) -> Vec<String> {
    match tokio::time::timeout(PATIENCE, both(lab, machine)).await {
        Ok(Ok(lines)) => lines,
        Ok(Err(failure)) => missing(lab, failure.to_string()),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            missing(lab, format!("Azure has not answered within {seconds} s"))
        }
    }
}

fn missing(lab: &Lab<'_>, reason: String) -> Vec<String> {
    let event = event::Event::NoDiagnostics { reason };
    lab.events.tell(Event::Vm(event));
    Vec::new()
}

async fn both(lab: &Lab<'_>, machine: &ResourceId) -> Result<Vec<String>, Failure> {
    let links = lab.arm.boot_diagnostics(machine).await?;
    let screen = content(lab, "Reading the boot screenshot", links.screen.as_ref()).await;
    let serial = content(lab, "Reading the serial log", links.serial.as_ref()).await;
    let mut failure = None;
    match screen {
        Ok(Some(picture)) => attach(lab, &format!("boot.{}", kind(&picture)), &picture),
        Ok(None) => {}
        Err(reason) => failure = Some(reason),
    }
    match serial {
        Ok(Some(text)) => {
            // What a VM prints while it starts may hold what was masked elsewhere.
            let text = String::from_utf8_lossy(&text).into_owned();
            let text = lab.arm.client.hidden(&text);
            attach(lab, "serial.log", text.as_bytes());
            return Ok(last_lines(&text));
        }
        Ok(None) => {}
        Err(reason) => failure = Some(reason),
    }
    failure.map_or(Ok(Vec::new()), Err)
}

async fn content(
    lab: &Lab<'_>,
    doing: &str,
    link: Option<&Secret>,
) -> Result<Option<Bytes>, Failure> {
    match link {
        None => Ok(None),
        Some(link) => {
            let content = lab.arm.behind_link(doing, link).await?;
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

fn attach(lab: &Lab<'_>, end: &str, content: &[u8]) {
    let path = lab.folder.join(format!("{}-{end}", lab.test.name));
    match file::write(&path, content) {
        Ok(()) => lab.events.tell(Event::Attach(path)),
        Err(error) => {
            missing(
                lab,
                format!("'{}' cannot be written: {error}", path.display()),
            );
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
