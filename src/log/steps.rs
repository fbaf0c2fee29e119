//! Which customizer is at work.

use time::PrimitiveDateTime;

use super::line::{Kind, Line};

/// One step of a build: a customizer, or a step that the service adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Packer's word: `shell`, `powershell`, `file`, `windows-restart`, `windows-update`.
    pub kind: String,
    /// When it started, if the log says so.
    pub started: Option<PrimitiveDateTime>,
    /// When it ended well, if it did and the log says so.
    pub ended: Option<PrimitiveDateTime>,
    /// Whether it ended well.
    pub done: bool,
}

impl Step {
    /// How long it took, if the log has both times.
    pub fn duration(&self) -> Option<std::time::Duration> {
        let elapsed = self.ended? - self.started?;
        std::time::Duration::try_from(elapsed).ok()
    }
}

/// What a line changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A step starts.
    Started,
    /// The step at work has ended well.
    Ended,
}

/// More steps than any template has: further ones are ignored.
const MOST: usize = 500;

/// How a step of each kind announces itself, where there are no telemetry lines: in the log of the container.
const ANNOUNCEMENTS: [(&str, &str); 6] = [
    ("Provisioning with shell script", "shell"),
    ("Provisioning with Powershell...", "powershell"),
    ("Restarting Machine", "windows-restart"),
    ("Running Windows update", "windows-update"),
    ("Uploading the Windows update", "windows-update"),
    ("Uploading ", "file"),
];

/// The steps of a build in their order.
#[derive(Debug, Default)]
pub struct Steps {
    all: Vec<Step>,
    /// Whether telemetry lines name the steps; announcements then add nothing.
    telemetry: bool,
    time: Option<PrimitiveDateTime>,
}

impl Steps {
    /// Takes the next line.
    pub fn take(&mut self, line: &Line) -> Option<Change> {
        self.time = line.time.or(self.time);
        match line.kind {
            Kind::Starting => {
                self.telemetry = true;
                self.start(&line.text)
            }
            Kind::Ending => self.end(),
            Kind::Finished => {
                self.end();
                None
            }
            Kind::Announcement if !self.telemetry => {
                let (_, kind) = ANNOUNCEMENTS
                    .iter()
                    .find(|(words, _)| line.text.starts_with(words))?;
                let same = self.open().is_some_and(|step| step.kind == *kind);
                if same && *kind == "windows-update" {
                    return None;
                }
                self.end();
                self.start(kind)
            }
            _ => None,
        }
    }

    /// All steps so far.
    pub fn all(&self) -> &[Step] {
        &self.all
    }

    /// The step at work; after a failure, the one that failed.
    pub fn open(&self) -> Option<&Step> {
        self.all.last().filter(|step| !step.done)
    }

    fn start(&mut self, kind: &str) -> Option<Change> {
        if self.all.len() >= MOST {
            return None;
        }
        self.all.push(Step {
            kind: kind.chars().take(40).collect(),
            started: self.time,
            ended: None,
            done: false,
        });
        Some(Change::Started)
    }

    fn end(&mut self) -> Option<Change> {
        let time = self.time;
        let step = self.all.last_mut().filter(|step| !step.done)?;
        (step.done, step.ended) = (true, time);
        Some(Change::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, expected: &[(&str, bool)]) {
        let mut steps = Steps::default();
        for line in log.lines() {
            steps.take(&Line::read(line.as_bytes()));
        }
        let found: Vec<_> = steps
            .all()
            .iter()
            .map(|step| (step.kind.as_str(), step.done))
            .collect();
        assert_eq!(found, expected, "{log}");
    }

    #[test]
    fn steps_are_counted_by_telemetry() {
        check(
            "[8] PACKER 2025/04/08 14:00:00 [INFO] (telemetry) Starting provisioner powershell\n\
             [8] PACKER 2025/04/08 14:00:01 ui: ==> azure-arm: Provisioning with Powershell...\n\
             [8] PACKER 2025/04/08 14:01:00 [INFO] (telemetry) ending powershell\n\
             [8] PACKER 2025/04/08 14:01:00 [INFO] (telemetry) Starting provisioner windows-update",
            &[("powershell", true), ("windows-update", false)],
        );
    }

    #[test]
    fn steps_are_counted_by_announcements_where_there_is_no_telemetry() {
        check(
            "==> azure-arm: Provisioning with Powershell...\n==> azure-arm: Provisioning with powershell script: /tmp/x\n\
             ==> azure-arm: Uploading the Windows update elevated script...\n==> azure-arm: Running Windows update...\n\
             ==> azure-arm: Running Windows update...\n==> azure-arm: Restarting Machine",
            &[
                ("powershell", true),
                ("windows-update", true),
                ("windows-restart", false),
            ],
        );
    }

    #[test]
    fn durations_come_from_the_log() {
        let mut steps = Steps::default();
        for line in [
            "[8] PACKER 2025/04/08 14:00:00 [INFO] (telemetry) Starting provisioner shell",
            "[8] PACKER 2025/04/08 14:01:30 [INFO] (telemetry) ending shell",
        ] {
            steps.take(&Line::read(line.as_bytes()));
        }
        let duration = steps.all()[0].duration();
        assert_eq!(duration, Some(std::time::Duration::from_secs(90)));
    }
}
