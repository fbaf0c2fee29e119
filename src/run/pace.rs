//! How often Azure is asked.

use std::time::Duration;

/// Without a word from the server: four questions a minute.
const OWN_PACE: Duration = Duration::from_secs(15);
/// A server that asks for no pause at all is still not asked in a tight loop.
const SHORTEST: Duration = Duration::from_millis(20);

/// The pause between two questions: exactly what `Retry-After` says when it comes, a short one too, else [`OWN_PACE`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    asked: Option<Duration>,
}

impl Pace {
    /// Starts with what the first answer asked for.
    pub(super) fn new(asked: Option<Duration>) -> Self {
        Self { asked }
    }

    /// The newest answer counts.
    pub(super) fn asked(&mut self, pause: Option<Duration>) {
        self.asked = pause;
    }

    /// Whether the server set the pace.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// How long to wait before the next question.
    pub(super) fn pause(&self) -> Duration {
        self.asked.map_or(OWN_PACE, |asked| asked.max(SHORTEST))
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
        assert_eq!(pace.pause(), SHORTEST);
    }
}
