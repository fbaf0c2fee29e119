//! How often the session hosts of a pool are listed.
//!
//! The service answers ten lists in five minutes and refuses more with 429 (recorded in 2026: `x-rate-limit-limit: 5m`). Whether a pool, a caller or
//! a subscription has them is not known, so one step takes one a minute at most, and leaves the last ones to others.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, sleep_until};

use super::SessionHost;
use crate::arm::api::SESSION_HOSTS;
use crate::arm::failure::{Cause, Failure};
use crate::arm::resource_manager::Arm;
use crate::resource::ResourceId;
use crate::wording::duration;

/// Between two lists.
const BETWEEN: Duration = Duration::from_secs(60);
/// Within this time ...
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// ... so many pages are asked for.
const MOST: usize = 10;
/// The last ones are for others.
const SPARED: u64 = 2;
/// How often a list is asked for again that was refused because there were too many: longer than the service counts.
const AGAIN: usize = 8;

/// The lists of one step.
#[derive(Debug, Default)]
pub struct Lists {
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    /// When pages were asked for, the newest last.
    pages: VecDeque<Instant>,
    /// When the last list began.
    list: Option<Instant>,
    /// How many the service had left.
    left: Option<u64>,
}

impl Asked {
    /// When the next page may be asked for.
    fn next_page(&mut self, now: Instant) -> Instant {
        while self.pages.front().is_some_and(|at| *at + WINDOW <= now) {
            self.pages.pop_front();
        }
        match self.pages.front() {
            Some(first) if self.pages.len() >= MOST => *first + WINDOW,
            _ => now,
        }
    }
}

impl Lists {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the service would answer a list now, for callers that can do without.
    pub fn is_free(&self) -> bool {
        let now = Instant::now();
        let mut asked = self.asked();
        let is_rested = asked.list.is_none_or(|last| last + BETWEEN <= now);
        let is_left = asked.left.is_none_or(|left| left > SPARED);
        // What was left five minutes ago says nothing now.
        let is_old = asked.list.is_some_and(|last| last + WINDOW <= now);
        is_rested && (is_left || is_old) && asked.next_page(now) <= now
    }

    /// The session hosts of `pool`, all pages, as soon as it is time for a list.
    pub async fn hosts(&self, arm: &Arm, pool: &ResourceId) -> Result<Vec<SessionHost>, Failure> {
        let last = self.asked().list;
        if let Some(last) = last {
            sleep_until(last + BETWEEN).await;
        }
        self.hosts_at_once(arm, pool).await
    }

    /// The same at the end of an update or a deployment, which has a list of its own: only the limit of the service counts.
    pub async fn hosts_at_once(
        &self,
        arm: &Arm,
        pool: &ResourceId,
    ) -> Result<Vec<SessionHost>, Failure> {
        self.asked().list = Some(Instant::now());
        let doing = format!("Listing the session hosts of host pool '{}'", pool.name());
        let mut pages = arm.list(&doing, format_args!("{pool}/sessionHosts"), SESSION_HOSTS);
        let (mut hosts, mut refused) = (Vec::new(), 0);
        loop {
            let now = Instant::now();
            let turn = self.asked().next_page(now);
            sleep_until(turn).await;
            self.asked().pages.push_back(Instant::now());
            match pages.next().await {
                Ok(None) => return Ok(hosts),
                Ok(Some((page, headers))) => {
                    self.asked().left = left(&headers);
                    for document in &page {
                        let host = SessionHost::read(document).ok_or_else(|| {
                            let what = "a session host has no name".to_owned();
                            Failure::of(&doing, Cause::Unreadable(what))
                        })?;
                        hosts.push(host);
                    }
                }
                Err(failure) if failure.is(StatusCode::TOO_MANY_REQUESTS) && refused < AGAIN => {
                    refused += 1;
                    tracing::info!(
                        "{doing} is tried again in {}: {}",
                        duration(BETWEEN),
                        failure.cause
                    );
                    sleep_until(Instant::now() + BETWEEN).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// How many lists the service says to have left.
fn left(headers: &HeaderMap) -> Option<u64> {
    let left = headers.get("x-rate-limit-remaining")?;
    left.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_pages_are_asked_for_in_five_minutes() {
        let mut asked = Asked::default();
        let start = Instant::now();
        for _ in 0..MOST {
            assert_eq!(asked.next_page(start), start);
            asked.pages.push_back(start);
        }
        assert_eq!(asked.next_page(start), start + WINDOW);
        assert_eq!(asked.next_page(start + WINDOW), start + WINDOW);
        assert!(asked.pages.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_free_once_a_minute_unless_few_are_left() {
        let lists = Lists::default();
        assert!(lists.is_free());
        let set = |left: Option<u64>| {
            let mut asked = lists.asked();
            asked.list = Some(Instant::now());
            asked.left = left;
        };
        set(None);
        assert!(!lists.is_free());
        tokio::time::advance(BETWEEN).await;
        assert!(lists.is_free());
        for (left, free) in [(3, true), (2, false), (u64::MAX / 2, true)] {
            set(Some(left));
            tokio::time::advance(BETWEEN).await;
            assert_eq!(lists.is_free(), free, "{left}");
        }
        set(Some(0));
        tokio::time::advance(WINDOW).await;
        assert!(lists.is_free());
    }

    #[test]
    fn what_is_left_is_a_number() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-rate-limit-remaining", text.parse().unwrap());
            left(&headers)
        };
        assert_eq!(of("4"), Some(4));
        assert_eq!(of("9223372036854775807"), Some(i64::MAX.unsigned_abs()));
        assert_eq!(of("many"), None);
    }
}
