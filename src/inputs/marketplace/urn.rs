//! The names of marketplace images, and which of them their publishers have retired.

use crate::template::model::LATEST;

// The beginnings of retired images, and what to use instead: `build/base-images.json`, which the form's list is checked against, too.
include!(concat!(env!("OUT_DIR"), "/base_images.rs"));

/// A marketplace image as `az` and the original task spell it.
pub(super) struct Urn<'a> {
    pub(super) publisher: &'a str,
    pub(super) offer: &'a str,
    pub(super) sku: &'a str,
    /// A number; none stands for the newest one.
    pub(super) version: Option<&'a str>,
}

impl<'a> Urn<'a> {
    /// Three parts; then, in any order, a version and the name of an operating system, which says nothing new.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let (publisher, offer, sku, rest) = match parts.as_slice() {
            [publisher, offer, sku, rest @ ..] => (*publisher, *offer, *sku, rest),
            _ => return None,
        };
        let system = |part: &&str| {
            ["windows", "linux"]
                .iter()
                .any(|os| os.eq_ignore_ascii_case(part))
        };
        let version = match rest {
            [] => None,
            [only] => Some(*only).filter(|part| !system(part)),
            [one, other] if system(other) => Some(*one),
            [one, other] if system(one) => Some(*other),
            _ => return None,
        };
        let latest = version.is_some_and(|version| version.eq_ignore_ascii_case(LATEST));
        let plain = [publisher, offer, sku].into_iter().all(is_name);
        let known = version.is_none_or(|version| latest || is_version(version));
        (plain && known).then_some(Self {
            publisher,
            offer,
            sku,
            version: version.filter(|_| !latest),
        })
    }

    /// What replaces an image that the original task offered and that is gone since, or is no longer kept up.
    pub(super) fn successor(&self) -> Option<&'static str> {
        let plain = format!("{}:{}:{}", self.publisher, self.offer, self.sku);
        let starts = |start: &str| {
            let head = plain.get(..start.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        let found = RETIRED.iter().find(|(start, _)| starts(start));
        found.map(|(_, successor)| *successor)
    }
}

pub(super) fn is_name(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !part.is_empty() && part.chars().all(plain)
}

pub(super) fn is_version(part: &str) -> bool {
    let numbers = part
        .split('.')
        .all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    numbers && part.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::manifest::BASE_IMAGE;

    #[test]
    fn marketplace_images_are_read_in_all_spellings() {
        let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
            let urn = Urn::parse(text);
            let found = urn.as_ref().map(|urn| (urn.sku, urn.version));
            assert_eq!(found, expected, "{text}");
        };
        check("p:o:s", Some(("s", None)));
        check(" p : o : 18.04-LTS ", Some(("18.04-LTS", None)));
        check("p:o:s:windows", Some(("s", None)));
        check("p:o:s:Linux", Some(("s", None)));
        check("p:o:s:latest", Some(("s", None)));
        check("p:o:s:1.2.3", Some(("s", Some("1.2.3"))));
        check("p:o:s:1.2.3:windows", Some(("s", Some("1.2.3"))));
        check(
            "p:o:s:linux:18.04.202001010",
            Some(("s", Some("18.04.202001010"))),
        );
        check("p:o:s:windows:linux", None);
        check("p:o:s:1.2.3:1.2.3", None);
        check("p:o:s:solaris", None);
        check("p:o:s:", None);
        check("p:o", None);
        check("p::s", None);
        check("p/o/s", None);
        check("<publisher>:o:s", None);
        check("p:o:s:1.2.3:windows:x", None);
        check("", None);
    }

    #[test]
    fn retired_images_name_their_successor() {
        let check = |text: &str, expected: Option<&str>| {
            let urn = Urn::parse(text).unwrap();
            assert_eq!(urn.successor(), expected, "{text}");
        };
        check(
            "canonical:ubuntuserver:16.04-lts",
            Some("Canonical:ubuntu-24_04-lts:server"),
        );
        check(
            "MicrosoftWindowsDesktop:Windows-10:19h1-evd",
            Some("MicrosoftWindowsDesktop:windows-11:win11-25h2-avd"),
        );
        check(
            "MicrosoftWindowsDesktop:Windows-10:rs5-pro",
            Some("MicrosoftWindowsDesktop:windows-11:win11-25h2-ent"),
        );
        check("RedHat:RHEL:7.6", Some("RedHat:RHEL:9-lvm-gen2"));
        check("RedHat:RHEL:9-lvm-gen2", None);
        check("MicrosoftWindowsServer:WindowsServer:2019-Datacenter", None);
        check("Canonical:ubuntu-24_04-lts:server", None);
    }

    /// One list: what a retired image is replaced by is offered in the form, and is retired by nobody.
    #[test]
    fn successors_are_current_images() {
        assert!(!RETIRED.is_empty());
        for (start, successor) in RETIRED {
            assert!(BASE_IMAGE.options.contains(successor), "{start}");
            assert_eq!(Urn::parse(successor).unwrap().successor(), None, "{start}");
        }
    }
}
