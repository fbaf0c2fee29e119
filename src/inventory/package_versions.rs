//! Which of two versions of a program is the higher one, by the rules of whoever numbers them.

use std::cmp::Ordering;

use rpm_version::rpm_evr_compare;

/// Whose rules two versions are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// Those of Debian: `[epoch:]upstream[-revision]` (<https://www.debian.org/doc/debian-policy/ch-controlfields.html#version>).
    Debian,
    /// Those of RPM: `[epoch:]version-release` (<https://rpm-software-management.github.io/rpm/manual/dependencies.html>).
    Rpm,
    /// Numbers with dots between them; anything else has no order.
    Numbers,
}

impl Rules {
    /// The order of `one` and `other`; nothing where the rules do not say.
    pub(super) fn compare(self, one: &str, other: &str) -> Option<Ordering> {
        match self {
            Self::Debian => Some(debian(one, other)),
            Self::Rpm => Some(rpm_evr_compare(one, other)),
            Self::Numbers => Some(numbers(&parts(one)?, &parts(other)?)),
        }
    }

    /// The highest of `versions`; nothing where there is none, or where one of them has no order.
    pub(super) fn highest<'a>(
        self,
        versions: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let mut versions = versions.into_iter();
        let first = versions.next()?;
        // One alone has to have an order, too.
        self.compare(first, first)?;
        versions.try_fold(first, |highest, version| {
            let order = self.compare(highest, version)?;
            Some(if order.is_lt() { version } else { highest })
        })
    }
}

/// The numbers of `1.20.3`; nothing where there is anything else in it.
fn parts(version: &str) -> Option<Vec<&str>> {
    let is_number =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = version.split('.').collect();
    parts.iter().all(is_number).then_some(parts)
}

/// A number that is missing at the end is 0.
fn numbers(one: &[&str], other: &[&str]) -> Ordering {
    fn at<'a>(parts: &[&'a str], index: usize) -> &'a str {
        parts.get(index).copied().unwrap_or_default()
    }
    let longest = one.len().max(other.len());
    let mut orders = (0..longest).map(|index| by_value(at(one, index), at(other, index)));
    orders
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Digits without the zeros in front, so that their values compare however long they are.
fn number(digits: &str) -> &str {
    digits.trim_start_matches('0')
}

fn by_value(one: &str, other: &str) -> Ordering {
    let (one, other) = (number(one), number(other));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// What dpkg does with two versions; a text that is none is compared all the same.
fn debian(one: &str, other: &str) -> Ordering {
    let (one, other) = (Parts::of(one), Parts::of(other));
    by_value(one.epoch, other.epoch)
        .then_with(|| text(one.upstream, other.upstream))
        .then_with(|| text(one.revision, other.revision))
}

/// The parts of a version of Debian; those that are missing count as `0`.
struct Parts<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self {
            epoch,
            upstream,
            revision,
        }
    }
}

/// By turns what is no digit, and a number, until something differs.
fn text(mut one: &str, mut other: &str) -> Ordering {
    while !(one.is_empty() && other.is_empty()) {
        let order = by_letters(taken(&mut one, false), taken(&mut other, false));
        let order = order.then_with(|| by_value(taken(&mut one, true), taken(&mut other, true)));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes what `text` begins with: digits, or what are none.
fn taken<'a>(text: &mut &'a str, digits: bool) -> &'a str {
    let end = text.find(|c: char| c.is_ascii_digit() != digits);
    let (taken, rest) = text.split_at(end.unwrap_or(text.len()));
    *text = rest;
    taken
}

/// A tilde comes before the end, the end before letters, and letters before everything else.
fn by_letters(one: &str, other: &str) -> Ordering {
    let rank = |c: Option<char>| match c {
        Some('~') => (0, None),
        None => (1, None),
        Some(c) if c.is_ascii_alphabetic() => (2, Some(c)),
        Some(c) => (3, Some(c)),
    };
    let (mut one, mut other) = (one.chars(), other.chars());
    loop {
        let (left, right) = (one.next(), other.next());
        let order = rank(left).cmp(&rank(right));
        if order.is_ne() || (left.is_none() && right.is_none()) {
            return order;
        }
    }
}

#[cfg(test)]
#[path = "package_versions_tests.rs"]
mod tests;
