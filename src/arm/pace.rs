//! How often Azure is asked.

use std::time::Duration;

/// Without a word from the server: four questions a minute.
const OWN_PACE: Duration = Duration::from_secs(15);
/// A server that asks for more is asked again after this: a build that ended must not be followed for a day.
const LONGEST_ASKED: Duration = Duration::from_secs(120);
/// A server that asks for no pause at all is still not asked in a tight loop: the pauses grow from here ...
const SHORTEST: Duration = Duration::from_millis(20);
/// ... to here, by a fifth each time. What takes a moment is seen at once, and what takes hours stays far below the allowance of reads that
/// a subscription has (<https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>).
const LONGEST_UNASKED: Duration = Duration::from_millis(250);

/// How long Azure Resource Manager may answer 404, or what was before, after a change: it reads from replicas.
pub const READ_AFTER_WRITE: Duration = Duration::from_secs(60);

/// An answer, and how long the server asks to wait before the next question.
#[derive(Debug, Clone)]
pub struct Polled<T> {
    /// What was read.
    pub value: T,
    /// `Retry-After`, if it came.
    pub pause: Option<Duration>,
}

/// The pause between two questions: exactly what `Retry-After` says when it comes, unless that is no pause at all or more than
/// `LONGEST_ASKED`, else `OWN_PACE`.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    asked: Option<Duration>,
    floor: Duration,
}

impl Pace {
    /// Starts with what the first answer asked for.
    pub fn new(asked: Option<Duration>) -> Self {
        Self {
            asked,
            floor: SHORTEST,
        }
    }

    /// The newest answer counts.
    pub fn asked(&mut self, pause: Option<Duration>) {
        self.asked = pause;
        self.floor = (self.floor * 6 / 5).min(LONGEST_UNASKED);
    }

    /// Whether the server set the pace.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// How long to wait before the next question.
    pub fn pause(&self) -> Duration {
        match self.asked {
            None => OWN_PACE,
            Some(Duration::ZERO) => self.floor,
            Some(asked) => asked.min(LONGEST_ASKED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_answer_sets_the_pace() {
        let mut pace = Pace::new(Some(Duration::from_secs(30)));
        assert_eq!(pace.pause(), Duration::from_secs(30));
        pace.asked(None);
        assert_eq!(pace.pause(), OWN_PACE);
        pace.asked(Some(Duration::from_secs(1)));
        assert_eq!(pace.pause(), Duration::from_secs(1));
        pace.asked(Some(Duration::ZERO));
        assert!(pace.pause() < SHORTEST * 2, "{:?}", pace.pause());
    }

    #[test]
    fn no_server_asks_for_a_day() {
        let mut pace = Pace::new(Some(Duration::from_secs(86_400)));
        assert_eq!(pace.pause(), LONGEST_ASKED);
        pace.asked(Some(Duration::MAX));
        assert_eq!(pace.pause(), LONGEST_ASKED);
    }

    /// What is over after a dozen questions takes no time, and an hour takes no more than one question in a second.
    #[test]
    fn without_a_pause_the_questions_become_rarer() {
        let mut pace = Pace::new(Some(Duration::ZERO));
        let mut pauses = Vec::new();
        for _ in 0..100 {
            pauses.push(pace.pause());
            pace.asked(Some(Duration::ZERO));
        }
        assert_eq!(pauses[0], SHORTEST);
        assert!(pauses[..12].iter().sum::<Duration>() < Duration::from_secs(1));
        assert_eq!(pauses[99], LONGEST_UNASKED);
        pace.asked(Some(Duration::from_secs(7)));
        assert_eq!(pace.pause(), Duration::from_secs(7));
    }
}
