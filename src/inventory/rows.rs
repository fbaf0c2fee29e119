//! The rows that the inventory step prints, once they are unpacked: cells between tabs, the first of which says what the row is.

use super::component::{Component, Inventory, Kind, Property, System};

/// The inventory in the rows of `text`; nothing without the row of the operating system, or with two of them.
///
/// What is not understood is left out: what other programs print is not ours to judge.
pub(super) fn read(text: &str) -> Option<Inventory> {
    let mut systems = Vec::new();
    let (mut components, mut properties) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut cells = line.split('\t').map(str::trim);
        let kind = cells.next().unwrap_or_default();
        let cells: Vec<&str> = cells.collect();
        match Kind::of_word(kind) {
            Some(kind) => components.extend(component(kind, &cells)),
            None if kind == "system" => systems.extend(system(&cells)),
            None => properties.extend(property(kind, &cells)),
        }
    }
    systems.dedup();
    match systems.as_slice() {
        [system] => Some(Inventory::new(system.clone(), components, properties)),
        [] | [_, ..] => None,
    }
}

fn system(cells: &[&str]) -> Option<System> {
    let [name, version, title] = *cells else {
        return None;
    };
    let shown = if title.is_empty() { name } else { title };
    (!name.is_empty()).then(|| System {
        name: name.to_owned(),
        version: version.to_owned(),
        title: shown.to_owned(),
    })
}

fn component(kind: Kind, cells: &[&str]) -> Option<Component> {
    let cell = |index: usize| {
        let cell = cells.get(index).copied().unwrap_or_default();
        // RPM says so where there is nothing to say.
        (!cell.is_empty() && cell != "(none)").then(|| cell.to_owned())
    };
    let name = cell(0)?;
    let plain = |version: Option<String>| Component {
        kind,
        name: name.clone(),
        arch: None,
        version: version.unwrap_or_default(),
        publisher: None,
        source: None,
    };
    Some(match kind {
        Kind::Deb => Component {
            arch: cell(2),
            source: cell(3).filter(|source| *source != name),
            ..plain(cell(1))
        },
        Kind::Rpm if name == "gpg-pubkey" => return None,
        Kind::Rpm => {
            let epoch = cell(1).filter(|epoch| epoch != "0");
            let version = cell(2).unwrap_or_default();
            let version = match epoch {
                Some(epoch) => format!("{epoch}:{version}"),
                None => version,
            };
            Component {
                arch: cell(3).filter(|arch| arch != "(none)"),
                ..plain(Some(version))
            }
        }
        Kind::Apk => {
            let (name, version) = of_apk(&name)?;
            Component {
                name: name.to_owned(),
                ..plain(Some(version.to_owned()))
            }
        }
        Kind::Appx => Component {
            arch: cell(2),
            ..plain(cell(1))
        },
        Kind::Program => Component {
            publisher: cell(2),
            ..plain(cell(1))
        },
        Kind::Pypi | Kind::Snap | Kind::Flatpak => plain(cell(1)),
    })
}

/// `gcc-c++-14.2.0-r6` is name, version and release (<https://wiki.alpinelinux.org/wiki/Apk_spec>): a version has no hyphen.
fn of_apk(text: &str) -> Option<(&str, &str)> {
    let (before, release) = text.rsplit_once('-')?;
    let is_release = release
        .strip_prefix('r')
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let hyphen = if is_release {
        before.rfind('-')?
    } else {
        before.len()
    };
    Some((text.get(..hyphen)?, text.get(hyphen + 1..)?))
}

fn property(kind: &str, cells: &[&str]) -> Option<Property> {
    let first = cells.first().filter(|cell| !cell.is_empty())?;
    let whole = cells.join(" ");
    let whole = whole.trim();
    let (name, value) = match kind {
        "kernel" => ("linux:kernel", whole),
        "unit" => ("linux:unit", *first),
        "update" => ("windows:update", *first),
        "feature" => ("windows:feature", *first),
        // `Language.Basic~~~de-DE~0.0.1.0`
        "capability" if first.starts_with("Language.") => ("windows:language", *first),
        "capability" => ("windows:capability", *first),
        "driver" => ("windows:driver", whole),
        "failed" => (Inventory::INCOMPLETE, *first),
        _ => return None,
    };
    Some(Property {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn components(text: &str) -> Vec<String> {
        let read = read(&format!("system\tubuntu\t24.04\tUbuntu\n{text}"));
        let read = read.into_iter().flat_map(|list| list.components);
        read.map(|found| {
            let more = [found.arch, found.publisher, found.source];
            let more: Vec<_> = more.into_iter().flatten().collect();
            let more = more.join(" ");
            let (kind, name) = (found.kind.word(), found.name);
            format!("{kind}|{name}|{}|{more}", found.version)
        })
        .collect()
    }

    #[test]
    fn rows_are_components() {
        let check = |text: &str, expected: &str| {
            let expected: Vec<&str> = expected.split_terminator('\n').collect();
            assert_eq!(components(text), expected, "{text:?}");
        };
        check(
            "deb\tlibssl3t64\t3.0.13-0ubuntu3.6\tamd64\topenssl",
            "deb|libssl3t64|3.0.13-0ubuntu3.6|amd64 openssl",
        );
        check("deb\tvim\t2:9.1\tamd64\tvim", "deb|vim|2:9.1|amd64");
        check(
            "rpm\tbash\t(none)\t5.1.8-9.el9\tx86_64",
            "rpm|bash|5.1.8-9.el9|x86_64",
        );
        check(
            "rpm\topenssl\t1\t3.2.2-6.el9_5\tx86_64",
            "rpm|openssl|1:3.2.2-6.el9_5|x86_64",
        );
        check("rpm\tzlib\t0\t1-2\tnoarch", "rpm|zlib|1-2|noarch");
        check("rpm\tgpg-pubkey\t(none)\tb86b3716-61e69f29\t(none)", "");
        check("apk\tmusl-1.2.5-r10", "apk|musl|1.2.5-r10|");
        check("apk\tgcc-c++-14.2.0_git2-r6", "apk|gcc-c++|14.2.0_git2-r6|");
        check("apk\tlocal-1.0", "apk|local|1.0|");
        check("apk\tWARNING", "");
        check("snap\tcore22\t20250923", "snap|core22|20250923|");
        check("flatpak\torg.gimp.GIMP\t", "flatpak|org.gimp.GIMP||");
        check("pypi\trequests\t2.32.3", "pypi|requests|2.32.3|");
        check(
            "program\tMicrosoft Edge\t142.0.3595.53\tMicrosoft Corporation",
            "program|Microsoft Edge|142.0.3595.53|Microsoft Corporation",
        );
        check(
            "appx\tMSTeams\t25290.205.4069.4894\tx64",
            "appx|MSTeams|25290.205.4069.4894|x64",
        );
        check("deb\t\t1\tall\t", "");
        check("somethingelse\ta\tb", "");
        check("", "");
    }

    #[test]
    fn other_rows_are_properties() {
        let text = "system\talpine\t3.22.1\t\nkernel\t6.8.0-49-generic\tx86_64\nunit\tssh.service\nupdate\tKB5068861\nfeature\tNetFx3\n\
                    capability\tLanguage.Basic~~~de-DE~0.0.1.0\ncapability\tOpenSSH.Client~~~~0.0.1.0\ndriver\tnetvsc.inf\t10.0.1\tMicrosoft\nfailed\tsnap\nunit\t";
        let list = read(text);
        let properties = list.iter().flat_map(|list| &list.properties);
        let properties: Vec<_> = properties
            .map(|it| format!("{}={}", it.name, it.value))
            .collect();
        let expected = [
            "incomplete=snap",
            "linux:kernel=6.8.0-49-generic x86_64",
            "linux:unit=ssh.service",
            "windows:capability=OpenSSH.Client~~~~0.0.1.0",
            "windows:driver=netvsc.inf 10.0.1 Microsoft",
            "windows:feature=NetFx3",
            "windows:language=Language.Basic~~~de-DE~0.0.1.0",
            "windows:update=KB5068861",
        ];
        assert_eq!(properties, expected);
        assert_eq!(
            list.map(|list| list.system.title),
            Some("alpine".to_owned())
        );
    }

    #[test]
    fn a_list_has_one_operating_system() {
        let ubuntu = "system\tubuntu\t24.04\tUbuntu\n";
        assert_eq!(read("deb\ta\t1\tall\t"), None);
        assert_eq!(read("system\t\t24.04\tUbuntu"), None);
        assert_eq!(read("system\tubuntu"), None);
        assert_eq!(read(&format!("{ubuntu}system\tdebian\t13\tDebian")), None);
        assert!(read(&format!("{ubuntu}{ubuntu}")).is_some());
    }
}
