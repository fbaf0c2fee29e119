//! Package URLs (<https://github.com/package-url/purl-spec>): how scanners know a package.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::component::{Component, Kind, System};

/// What is percent-encoded in a part of a package URL: all but letters, digits, these marks and the colon.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');
/// The package URL of a package: type, distribution, name and version, and what distinguishes it from others.
/// Nothing for an application.
pub(super) fn of(found: &Component, system: &System) -> Option<String> {
    if !found.kind.is_package() {
        return None;
    }
    let of_system = found.kind != Kind::Pypi;
    let mut purl = format!("pkg:{}/", found.kind.word());
    if of_system {
        purl.push_str(&encoded(&system.name.to_lowercase()));
        purl.push('/');
    }
    let (epoch, version) = match found.version.split_once(':') {
        Some((epoch, version)) if found.kind == Kind::Rpm => (Some(epoch), version),
        _ => (None, found.version.as_str()),
    };
    let name = match found.kind {
        // Names of Python's packages are the same in any letter case and with any of the three marks.
        Kind::Pypi => found.name.to_lowercase().replace(['_', '.'], "-"),
        Kind::Deb | Kind::Apk => found.name.to_lowercase(),
        _ => found.name.clone(),
    };
    purl.push_str(&encoded(&name));
    if !version.is_empty() {
        purl.push('@');
        purl.push_str(&encoded(version));
    }
    let distro = format!("{}-{}", system.name, system.version);
    let qualifiers = [
        ("arch", found.arch.as_deref()),
        ("distro", of_system.then_some(distro.trim_end_matches('-'))),
        ("epoch", epoch),
    ];
    // Sorted by name, as the specification wants it.
    let mut qualifiers: Vec<_> = qualifiers
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?))))
        .collect();
    qualifiers.sort();
    if !qualifiers.is_empty() {
        purl.push('?');
        purl.push_str(&qualifiers.join("&"));
    }
    Some(purl)
}

/// A part of a package URL.
fn encoded(part: &str) -> String {
    utf8_percent_encode(part, ENCODED).to_string()
}

/// The type in a package URL: `deb`. Nothing for a text that is none.
pub(super) fn kind(purl: &str) -> Option<&str> {
    purl.strip_prefix("pkg:")?.split('/').next()
}

/// The value of the qualifier `wanted` of a package URL.
pub(super) fn qualifier(purl: &str, wanted: &str) -> Option<String> {
    let (_, qualifiers) = purl.split_once('?')?;
    let (qualifiers, _) = qualifiers.split_once('#').unwrap_or((qualifiers, ""));
    let mut pairs = qualifiers
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == wanted)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, name: &str, version: &str, arch: &str) -> Component {
        Component {
            kind,
            name: name.to_owned(),
            arch: (!arch.is_empty()).then(|| arch.to_owned()),
            version: version.to_owned(),
            publisher: None,
            source: None,
        }
    }

    #[test]
    fn package_urls_are_those_of_the_specification() {
        let system = |name: &str, version: &str| System {
            name: name.to_owned(),
            version: version.to_owned(),
            title: String::new(),
        };
        let ubuntu = system("ubuntu", "24.04");
        let check = |found: &Component, system: &System, expected: &str| {
            assert_eq!(of(found, system).as_deref(), Some(expected));
        };
        check(
            &found(Kind::Deb, "openssl", "3.0.13-0ubuntu3.6", "amd64"),
            &ubuntu,
            "pkg:deb/ubuntu/openssl@3.0.13-0ubuntu3.6?arch=amd64&distro=ubuntu-24.04",
        );
        check(
            &found(Kind::Deb, "libstdc++6", "1:14.2~rc1+b2", "amd64"),
            &ubuntu,
            "pkg:deb/ubuntu/libstdc%2B%2B6@1:14.2~rc1%2Bb2?arch=amd64&distro=ubuntu-24.04",
        );
        check(
            &found(Kind::Rpm, "openssl", "1:3.2.2-6.el9_5", "x86_64"),
            &system("almalinux", "9.6"),
            "pkg:rpm/almalinux/openssl@3.2.2-6.el9_5?arch=x86_64&distro=almalinux-9.6&epoch=1",
        );
        check(
            &found(Kind::Apk, "musl", "1.2.5-r10", ""),
            &system("alpine", "3.22.1"),
            "pkg:apk/alpine/musl@1.2.5-r10?distro=alpine-3.22.1",
        );
        check(
            &found(Kind::Pypi, "Zope.Interface_x", "7.0", ""),
            &ubuntu,
            "pkg:pypi/zope-interface-x@7.0",
        );
        let edge = found(Kind::Program, "Microsoft Edge", "142.0.3595.53", "x86");
        assert_eq!(of(&edge, &ubuntu), None);
    }
}
