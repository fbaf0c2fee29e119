//! Whether, and when, a request is sent again: one pure decision.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use tokio::time::Instant;

use super::http::Sent;
use crate::wording::duration;

/// What may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Asking twice does no harm: reads, deletions, blocks of a blob.
    Always,
    /// The request starts something. It is repeated only when the server certainly did not act on it.
    UnlessItMayHaveActed,
    /// The answer is worth having at once or not at all.
    Never,
}

/// How one try ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedTry {
    /// An answer with this status, and how long the server asks to wait.
    Answered(StatusCode, Option<Duration>),
    /// No answer.
    NoAnswer(Sent),
}

/// What was done about one request so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// How often it was sent.
    pub tries: u32,
    /// Since it was first sent.
    pub elapsed: Duration,
}

/// ` (after 5 tries in 1 min 20 s)`, or nothing if there was one try.
impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tries < 2 {
            return Ok(());
        }
        let elapsed = duration(self.elapsed);
        write!(f, " (after {} tries in {elapsed})", self.tries)
    }
}

/// Tries of one request, the first included.
pub const MOST_TRIES: u32 = 6;
/// A server that asks for more patience than this gets none; the caller's own pace takes over.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// No try begins later than this after the first one, whatever the answers are.
const BUDGET: Duration = Duration::from_secs(600);

/// How long to wait before the next try, or `None` to give up. `jitter` is a random number from 0 to 1.
pub fn decide(miss: FailedTry, repeat: Repeat, tried: Attempts, jitter: f64) -> Option<Duration> {
    if tried.tries >= MOST_TRIES || !worth_repeating(miss, repeat) {
        return None;
    }
    let wait = match miss {
        FailedTry::Answered(_, Some(asked)) => (asked <= LONGEST_WAIT).then_some(asked)?,
        FailedTry::Answered(_, None) | FailedTry::NoAnswer(_) => back_off(tried.tries, jitter),
    };
    (tried.elapsed.saturating_add(wait) <= BUDGET).then_some(wait)
}

fn worth_repeating(miss: FailedTry, repeat: Repeat) -> bool {
    let refused_unread = matches!(
        miss,
        FailedTry::Answered(StatusCode::TOO_MANY_REQUESTS, _) | FailedTry::NoAnswer(Sent::Nothing)
    );
    let passing = match miss {
        FailedTry::Answered(status, _) => matches!(status.as_u16(), 408 | 500 | 502 | 503 | 504),
        FailedTry::NoAnswer(sent) => sent == Sent::Perhaps,
    };
    repeat != Repeat::Never && (refused_unread || (passing && repeat == Repeat::Always))
}

/// 1, 2, 4, 8, 16 s, each shortened by up to half, so that many jobs that failed together do not come back together.
fn back_off(tries: u32, jitter: f64) -> Duration {
    let seconds = f64::from(1_u32 << tries.saturating_sub(1).min(5));
    Duration::from_secs_f64(seconds * (1.0 - jitter.clamp(0.0, 1.0) / 2.0))
}

/// How long the answer asks to wait: `Retry-After` in seconds or as a date, or Azure's headers in milliseconds
/// (<https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/core/Azure.Core/src/DelayStrategy.cs>).
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let milliseconds = ["retry-after-ms", "x-ms-retry-after-ms"]
        .into_iter()
        .find_map(|name| text(name)?.parse().ok());
    if let Some(milliseconds) = milliseconds {
        return Some(Duration::from_millis(milliseconds));
    }
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// A silence in which someone who reads the log would wonder what goes on.
const LONG_SILENCE: Duration = Duration::from_secs(30);

/// Since when nothing was said of a request that is sent again and again.
#[derive(Debug)]
pub(super) struct Silence(Instant);

impl Silence {
    /// It begins now.
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether it would last too long if nothing is said before the next try, after `wait`. If so, something is said.
    pub(super) fn breaks(&mut self, wait: Duration) -> bool {
        let next = Instant::now() + wait;
        let breaks = next.duration_since(self.0) >= LONG_SILENCE;
        if breaks {
            self.0 = next;
        }
        breaks
    }
}

/// A random number from 0 to 1, for [`decide`]. The standard library seeds its hash maps randomly, which is random enough.
pub(super) fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    let small = u32::try_from(random >> 32).unwrap_or_default();
    f64::from(small) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(tries: u32, seconds: u64) -> Attempts {
        Attempts {
            tries,
            elapsed: Duration::from_secs(seconds),
        }
    }

    /// Every way in which a try can end: each status with and without a wish for patience, and each kind of silence.
    fn misses() -> Vec<FailedTry> {
        let wishes = [None, Some(0), Some(17), Some(300), Some(301), Some(86_400)];
        let answered = (100..600).flat_map(|status| {
            let status = StatusCode::from_u16(status).unwrap();
            wishes.map(|wish| FailedTry::Answered(status, wish.map(Duration::from_secs)))
        });
        let silent = [Sent::Nothing, Sent::NothingEver, Sent::Perhaps];
        answered.chain(silent.map(FailedTry::NoAnswer)).collect()
    }

    /// Tries that are refused at once, and ones that hang: the first line comes before half a minute has passed in silence, the next one half a minute later.
    #[tokio::test(start_paused = true)]
    async fn a_long_silence_is_broken_and_the_log_is_not_flooded() {
        let told = async |tries: &[(u64, u64)]| {
            let mut silence = Silence::begin();
            let mut all = Vec::new();
            for (hangs, wait) in tries {
                tokio::time::advance(Duration::from_secs(*hangs)).await;
                let wait = Duration::from_secs(*wait);
                all.push(silence.breaks(wait));
                tokio::time::advance(wait).await;
            }
            all
        };
        let refused = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16)];
        assert_eq!(told(&refused).await, [false, false, false, false, true]);
        let hanging = [(20, 1), (20, 2), (20, 4), (20, 8), (20, 16)];
        assert_eq!(told(&hanging).await, [false, true, false, true, true]);
        assert_eq!(told(&[(0, 300), (0, 300)]).await, [true, true]);
        assert_eq!(
            told(&[(0, 17), (0, 17), (0, 17)]).await,
            [false, true, false]
        );
    }

    /// The whole decision, over everything that it can be asked.
    #[test]
    fn every_decision_follows_the_rules() {
        for miss in misses() {
            for repeat in [Repeat::Always, Repeat::UnlessItMayHaveActed, Repeat::Never] {
                for tries in 1..=MOST_TRIES + 1 {
                    for (elapsed, jitter) in [(0, 0.0), (0, 1.0), (590, 0.5), (600, 0.5)] {
                        let wait = decide(miss, repeat, tried(tries, elapsed), jitter);
                        check(miss, repeat, tried(tries, elapsed), wait);
                    }
                }
            }
        }
    }

    fn check(miss: FailedTry, repeat: Repeat, tried: Attempts, wait: Option<Duration>) {
        let cell = format!("{miss:?} {repeat:?} {tried:?}: {wait:?}");
        // What the server certainly did not act on.
        let untouched = match miss {
            FailedTry::Answered(status, _) => status == 429,
            FailedTry::NoAnswer(sent) => sent == Sent::Nothing,
        };
        let passing = match miss {
            FailedTry::Answered(status, _) => [408, 500, 502, 503, 504].contains(&status.as_u16()),
            FailedTry::NoAnswer(sent) => sent == Sent::Perhaps,
        };
        let worth = repeat != Repeat::Never && (untouched || (passing && repeat == Repeat::Always));
        let Some(wait) = wait else {
            let wish = match miss {
                FailedTry::Answered(_, wish) => wish.unwrap_or_default(),
                FailedTry::NoAnswer(_) => Duration::ZERO,
            };
            let late = tried.elapsed + wish.max(Duration::from_secs(1)) > BUDGET;
            let spent = tried.tries >= MOST_TRIES || late || wish > LONGEST_WAIT;
            let growing = tried.elapsed >= Duration::from_secs(590);
            assert!(!worth || spent || growing, "{cell}: given up too early");
            return;
        };
        assert!(worth, "{cell}: must not be sent again");
        assert!(tried.tries < MOST_TRIES, "{cell}: too often");
        assert!(tried.elapsed + wait <= BUDGET, "{cell}: too late");
        if let FailedTry::Answered(_, Some(wish)) = miss {
            assert_eq!(wait, wish, "{cell}: not what the server asked for");
        } else {
            let seconds = 1 << (tried.tries - 1);
            let own = Duration::from_millis(seconds * 500)..=Duration::from_secs(seconds);
            assert!(own.contains(&wait), "{cell}: not the own pace");
        }
    }

    fn repeated(repeat: Repeat) -> Vec<u16> {
        (100..600)
            .filter(|status| {
                let status = StatusCode::from_u16(*status).unwrap();
                decide(FailedTry::Answered(status, None), repeat, tried(1, 0), 0.0).is_some()
            })
            .collect()
    }

    #[test]
    fn exactly_these_statuses_are_repeated() {
        assert_eq!(repeated(Repeat::Always), [408, 429, 500, 502, 503, 504]);
        assert_eq!(repeated(Repeat::UnlessItMayHaveActed), [429]);
        assert!(repeated(Repeat::Never).is_empty());
    }

    #[test]
    fn waits_grow_are_jittered_and_end() {
        let wait = |tries, jitter| {
            let miss = FailedTry::NoAnswer(Sent::Nothing);
            decide(miss, Repeat::Always, tried(tries, 0), jitter)
        };
        let seconds: Vec<_> = (1..=6)
            .map(|tries| wait(tries, 0.0).map(|w| w.as_secs()))
            .collect();
        assert_eq!(
            seconds,
            [Some(1), Some(2), Some(4), Some(8), Some(16), None]
        );
        assert_eq!(wait(2, 1.0), Some(Duration::from_secs(1)));
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now = SystemTime::from(time::macros::datetime!(2026-11-22 10:00:00 UTC));
        let check = |name: &'static str, value: &str, expected: Option<u64>| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                value.parse().unwrap(),
            )]);
            assert_eq!(
                retry_after(&headers, now),
                expected.map(Duration::from_millis),
                "{name}: {value}"
            );
        };
        check("retry-after", "15", Some(15_000));
        check("retry-after", "0", Some(0));
        check("retry-after", "Sun, 22 Nov 2026 10:00:30 GMT", Some(30_000));
        check("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT", Some(0));
        check("retry-after", "soon", None);
        check("retry-after", "-5", None);
        check("retry-after-ms", "250", Some(250));
        check("x-ms-retry-after-ms", "1250", Some(1250));
        check("date", "15", None);
    }
}
