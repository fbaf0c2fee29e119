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
mod tests {
    use std::cmp::Ordering;

    use super::*;

    /// Pairs in which dpkg and apt have found their own mistakes: `apt/test/versions.lst` and `dpkg/scripts/t/Dpkg_Version.t`, whose data these are.
    /// What is written here is what `dpkg --compare-versions` (1.21.22) answers.
    const DEBIAN: &str = "
        7.6p2-4 > 7.6-0 | 1.0.3-3 > 1.0-1 | 1.3 > 1.2.2-2 | 1.3 > 1.2.2 | 1:0.4 > 10.3 | 1:1.25-4 < 1:1.25-8 | 0:1.18.36 = 1.18.36
        1.18.36 > 1.18.35 | 0:1.18.36 > 1.18.35 | 9:1.18.36:5.4-20 < 10:0.5.1-22 | 9:1.18.36:5.4-20 < 9:1.18.36:5.5-1
        9:1.18.36:5.4-20 < 9:1.18.37:4.3-22 | 1.18.36-0.17.35-18 > 1.18.36-19 | 1:1.2.13-3 < 1:1.2.13-3.1 | 2.0.7pre1-4 < 2.0.7r-1
        0-pre = 0-pre | 0-pre < 0-pree | 1.1.6r2-2 > 1.1.6r-1 | 2.6b2-1 > 2.6b-2 | 98.1p5-1 < 98.1-pre2-b6-2 | 0.4a6-2 > 0.4-1
        1:3.0.5-2 < 1:3.0.5.1 | 3.0~rc1-1 < 3.0-1 | 1.0 = 1.0-0 | 0.2 < 1.0-0 | 1.0 < 1.0-0+b1 | 1.0 > 1.0-0~
        0:0-0-0 > 0-0 | 0 = 00 | 1:2ab:5 = 1:2ab:5 | 7:1-a:b-5 = 7:1-a:b-5 | 1.2.3 = 0:1.2.3 | 1.2.3 = 1.2.3-0 | 009 = 9 | 009ab5 = 9ab5
        1.2.3 < 1.2.3-1 | 1.2.3 < 1.2.4 | 1.2.24 > 1.2.3 | 0.10.0 > 0.8.7 | 3.2 > 2.3 | 1.3.2a > 1.3.2 | 0.5.0~git < 0.5.0~git2 | 2a < 21
        1.3.2a < 1.3.2b | 1:1.2.3 > 1.2.4 | 1.2a+~bCd3 < 1.2a++ | 1.2a+~bCd3 > 1.2a+~ | 5:2 > 304-2 | 5:2 < 304:2 | 25:2 > 3:2
        1:2:123 < 1:12:3 | 1.2-5 < 1.2-3-5 | 5.10.0 > 5.005 | 3a9.8 < 3.10.2 | 3a9.8 > 3~10 | 1.4+OOo3.0.0~ < 1.4+OOo3.0.0-4
        2.4.7-1 < 2.4.7-z | 1.002-1+b2 > 1.00 | 2.2~rc-4 < 2.2-1 | 1.0000-1 = 1.0-1 | 2:2.5 > 1:7.5 | 0foo > 0fo | 0foo < 0foo+
        0foo~1 < 0foo | 0foo~foo+Bar < 0foo~foo+bar | 0foo~~ < 0foo~ | 1~ < 1 | 12345+that-really-is-some-ver-0 < 12345+that-really-is-some-ver-10
        0foo-0 < 0foo-01 | 0foo.bar > 0foobar | 0foo.bar > 0foo1bar | 0foo1bar-1 < 0foobar-1 | 0foo2.0 > 0foo2 | 0foo2.0.0 < 0foo2.10.0
        1.09 = 1.9 | 1.0.8+nmu1 > 1.0.8 | 3.11 > 3.10+nmu1 | 0.9j-20080306-4 > 0.9i-20070324-2 | 1.2.0~b7-1 > 1.2.0~b6-1 | 1.011-1 > 1.06-2
        0.0.9+dfsg1-1 > 0.0.8+dfsg1-3 | 4.6.99+svn6582-1 > 4.6.99+svn6496-1 | 2:2.3.2-2+lenny2 > 2:2.3.2-2 | 1:3.8.1-1 > 3.8.GA-1
        1.0.1+gpl-1 > 1.0.1-2 | 1a < 1000a | 3.0.13-0ubuntu3.5 < 3.0.13-0ubuntu3.6 | 99999999999999999999999 < 100000000000000000000000
    ";

    /// Pairs of RPM's own test, `rpm/tests/rpmvercmp.at`, whose data these are, and whole ones with epoch and release. What is written here is what
    /// `rpm.vercmp` (4.18) answers.
    const RPM: &str = "
        1.0 = 1.0 | 1.0 < 2.0 | 2.0 < 2.0.1 | 2.0.1a > 2.0.1 | 5.5p1 < 5.5p2 | 5.5p1 < 5.5p10 | 10xyz < 10.1xyz | xyz10 < xyz10.1 | xyz.4 < 8
        xyz.4 < 2 | 5.5p2 < 5.6p1 | 5.6p1 < 6.5p1 | 6.0.rc1 > 6.0 | 10b2 > 10a1 | 10a2 < 10b2 | 1.0a < 1.0aa | 10.0001 = 10.1
        10.0001 < 10.0039 | 4.999.9 < 5.0 | 20101121 < 20101122 | 2_0 = 2.0 | a+ = a_ | +a = _a | +_ = _+ | + = _
        1.0~rc1 < 1.0 | 1.0~rc1 < 1.0~rc2 | 1.0~rc1~git123 < 1.0~rc1 | 1.0^ > 1.0 | 1.0^git1 > 1.0 | 1.0^git1 < 1.0^git2 | 1.0^git1 < 1.01
        1.0^20160101 < 1.0.1 | 1.0^20160102 > 1.0^20160101^git1 | 1.0~rc1^git1 > 1.0~rc1 | 1.0^git1 > 1.0^git1~pre
        1b.fc17 < 1.fc17 | 1g.fc17 > 1.fc17
        1:1.0-1 > 2.0-1 | 0:1.0-1 = 1.0-1 | 3.2.2-6.el9_5 < 3.2.2-6.el9_5.1 | 3.2.2-6.el9_5 < 3.2.2-16.el9 | 5.14.0-503.11.1.el9_5 < 5.14.0-570.12.1.el9_6
        10:1-1 > 9:9-9
    ";

    const NUMBERS: &str = "
        1 = 1 | 1.0 = 1 | 1.0.0 = 1.0 | 1.2 < 1.10 | 142.0.3595.53 < 143.0.3650.66 | 26200.7171 < 26200.7392 | 1.01 = 1.1 | 2 > 1.9.9.9
        18446744073709551616 > 18446744073709551615 | 3.25.822.19044 > 3.25.401.15305
    ";

    fn check(rules: Rules, table: &str) {
        let pairs = table.split(['\n', '|']).map(str::trim);
        let pairs: Vec<_> = pairs.filter(|pair| !pair.is_empty()).collect();
        assert!(pairs.len() > 5);
        for pair in pairs {
            let words: Vec<_> = pair.split_whitespace().collect();
            let [one, sign, other] = words[..] else {
                panic!("{pair}");
            };
            let expected = match sign {
                "<" => Ordering::Less,
                "=" => Ordering::Equal,
                ">" => Ordering::Greater,
                _ => panic!("{pair}"),
            };
            assert_eq!(rules.compare(one, other), Some(expected), "{pair}");
            let turned = Some(expected.reverse());
            assert_eq!(rules.compare(other, one), turned, "{pair}, turned around");
            for version in [one, other] {
                assert_eq!(rules.compare(version, version), Some(Ordering::Equal));
            }
        }
    }

    #[test]
    fn versions_of_debian_stand_as_dpkg_has_them() {
        check(Rules::Debian, DEBIAN);
    }

    #[test]
    fn versions_of_rpm_stand_as_rpm_has_them() {
        check(Rules::Rpm, RPM);
    }

    #[test]
    fn numbers_compare_by_value_whatever_their_length() {
        check(Rules::Numbers, NUMBERS);
    }

    #[test]
    fn what_is_not_all_numbers_has_no_order() {
        for other in [
            "",
            "1.",
            ".1",
            "1..2",
            "1.0a",
            "v1",
            "1.0-1",
            "1,0",
            " 1",
            "1.0 (x64)",
            "24H2",
            "١",
        ] {
            assert_eq!(Rules::Numbers.compare("1.0", other), None, "{other}");
            assert_eq!(Rules::Numbers.compare(other, "1.0"), None, "{other}");
        }
    }

    #[test]
    fn the_highest_of_several_is_found_if_all_have_an_order() {
        let highest =
            |rules: Rules, versions: &[&'static str]| rules.highest(versions.iter().copied());
        assert_eq!(
            highest(Rules::Numbers, &["1.2", "1.10", "1.9"]),
            Some("1.10")
        );
        assert_eq!(highest(Rules::Numbers, &["1.2", "beta", "1.9"]), None);
        assert_eq!(highest(Rules::Numbers, &["beta"]), None);
        assert_eq!(highest(Rules::Numbers, &[]), None);
        assert_eq!(
            highest(Rules::Debian, &["1.0~rc1", "1.0", "0.9"]),
            Some("1.0")
        );
        assert_eq!(highest(Rules::Rpm, &["1.0^git1", "1.0"]), Some("1.0^git1"));
    }
}
