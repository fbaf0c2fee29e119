//! How far a step is, as the bar of the agent shows it. Nobody knows how long a build takes: each phase has its share of the bar, through which it goes
//! ever more slowly, and never to the end. The bar never goes back.

use std::time::Duration;

use crate::run::event::Event;

/// What a phase has of the bar.
struct Share {
    name: &'static str,
    /// What the step does then, where it is not the name.
    doing: Option<&'static str>,
    from: u8,
    to: u8,
    /// The time after which the bar has done half of this phase's share.
    usual: Duration,
}

const fn share(
    name: &'static str,
    doing: Option<&'static str>,
    (from, to): (u8, u8),
    seconds: u64,
) -> Share {
    let usual = Duration::from_secs(seconds);
    Share {
        name,
        doing,
        from,
        to,
        usual,
    }
}

/// In the order of a build; with times as builds of desktops and servers have them.
const SHARES: [Share; 11] = [
    share("Package", Some("Sending the package"), (1, 8), 60),
    share("Template", Some("Provisioning the template"), (8, 12), 60),
    share("Start", Some("Starting the run"), (12, 13), 60),
    share("Queued", None, (13, 15), 60),
    share("Building", None, (15, 28), 300),
    share("Customizing", None, (28, 66), 1800),
    share("Optimizing", None, (66, 70), 300),
    share("Validating", None, (70, 78), 600),
    share("Distributing", None, (78, 94), 900),
    share("Log", Some("Reading the build log"), (94, 95), 60),
    share(
        "Clean-up",
        Some("Deleting the resources of the build"),
        (95, 99),
        120,
    ),
];

/// The bar of a step.
#[derive(Debug, Default)]
pub(super) struct Bar {
    /// What was told last.
    percent: u8,
    doing: String,
    /// The phase, and where the run was when it was first seen in it.
    phase: String,
    since: Duration,
}

impl Bar {
    /// Another phase has begun with `event`. Returns what is to be told: percent, and what the step is doing.
    pub(super) fn enter(&mut self, phase: &str, event: &Event) -> Option<(u8, String)> {
        phase.clone_into(&mut self.phase);
        self.since = match event {
            Event::RunChanged { elapsed, .. } => *elapsed,
            _ => Duration::ZERO,
        };
        self.reach(0.0)
    }

    /// Moves on within the phase. Returns what is to be told.
    pub(super) fn take(&mut self, event: &Event) -> Option<(u8, String)> {
        match event {
            Event::Uploading(sending) => self.reach(f64::from(sending.percent) / 100.0),
            Event::StillRunning { elapsed, .. } => {
                let here = elapsed.saturating_sub(self.since).as_secs_f64();
                let usual = self.share().map_or(f64::MAX, |it| it.usual.as_secs_f64());
                self.reach(here / (here + usual))
            }
            _ => None,
        }
    }

    fn share(&self) -> Option<&'static Share> {
        SHARES.iter().find(|share| share.name == self.phase)
    }

    /// A phase that is not known moves nothing.
    fn reach(&mut self, part: f64) -> Option<(u8, String)> {
        let share = self.share();
        let (from, to) = share.map_or((0, 0), |share| (share.from, share.to));
        let whole = to.saturating_sub(from);
        let done = (1..=whole).rfind(|one| f64::from(*one) <= part * f64::from(whole));
        let percent = from
            .saturating_add(done.unwrap_or_default())
            .max(self.percent);
        let doing = share.and_then(|share| share.doing).unwrap_or(&self.phase);
        if percent == self.percent && doing == self.doing {
            return None;
        }
        self.percent = percent;
        doing.clone_into(&mut self.doing);
        Some((percent, doing.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::template_state::RunState;
    use crate::run::event::UploadProgress;

    fn sent(percent: u8) -> Event {
        Event::Uploading(UploadProgress {
            percent,
            bytes_per_second: 1,
            remaining: None,
        })
    }

    fn still(seconds: u64) -> Event {
        Event::StillRunning {
            sub_state: None,
            elapsed: Duration::from_secs(seconds),
        }
    }

    fn changed(seconds: u64) -> Event {
        Event::RunChanged {
            state: RunState::Running,
            sub_state: None,
            elapsed: Duration::from_secs(seconds),
        }
    }

    fn check(told: Option<(u8, String)>, percent: u8, doing: &str) {
        let (reached, does) = told.unwrap();
        assert_eq!((reached, does.as_str()), (percent, doing));
    }

    #[test]
    fn a_package_that_is_sent_leaves_room_for_the_build() {
        let mut bar = Bar::default();
        let package = "Sending the package";
        check(bar.enter("Package", &Event::Submitting), 1, package);
        check(bar.take(&sent(50)), 4, package);
        assert_eq!(bar.take(&sent(51)), None);
        check(bar.take(&sent(100)), 8, package);
        let next = bar.enter("Template", &Event::Submitting);
        check(next, 8, "Provisioning the template");
    }

    #[test]
    fn a_phase_moves_by_its_own_time_and_never_to_its_end() {
        let mut bar = Bar::default();
        check(bar.enter("Customizing", &changed(600)), 28, "Customizing");
        assert_eq!(bar.take(&still(600)), None);
        check(bar.take(&still(600 + 1800)), 47, "Customizing");
        check(bar.take(&still(1_000_000)), 65, "Customizing");
        assert_eq!(bar.take(&still(700)), None, "it never goes back");
    }

    #[test]
    fn what_is_not_known_and_what_was_over_move_nothing() {
        let mut bar = Bar::default();
        check(bar.enter("Polishing", &changed(5)), 0, "Polishing");
        assert_eq!(bar.take(&still(500)), None);
        bar.enter("Distributing", &changed(600));
        check(bar.enter("Building", &changed(700)), 78, "Building");
    }

    #[test]
    fn the_shares_follow_each_other() {
        for pair in SHARES.windows(2) {
            assert!(
                pair[0].from < pair[0].to && pair[0].to == pair[1].from,
                "{}",
                pair[1].name
            );
        }
    }
}
