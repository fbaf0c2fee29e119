//! What an image holds, in the words of this program.

/// What an image holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The operating system.
    pub system: System,
    /// What is installed: sorted, each one once.
    pub components: Vec<Component>,
    /// Updates, features, languages, drivers and units: sorted, each one once.
    pub properties: Vec<Property>,
}

/// The operating system of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct System {
    /// Its name for programs, as `os-release` and the readers of these lists have it: `ubuntu`, `almalinux`; on Windows its name for people.
    pub name: String,
    /// Its version: `24.04`; on Windows the build: `26200.7171`.
    pub version: String,
    /// Its name for people: `Ubuntu 24.04.3 LTS`, `Windows 11 Enterprise multi-session 25H2`.
    pub title: String,
}

/// How something was installed, which decides how its versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A package of Debian or Ubuntu.
    Deb,
    /// A package of Red Hat, SUSE and their like.
    Rpm,
    /// A package of Alpine.
    Apk,
    /// A package of Python.
    Pypi,
    /// A snap.
    Snap,
    /// An application of Flatpak.
    Flatpak,
    /// A program in the list of programs of Windows.
    Program,
    /// An app that Windows gives to each new user.
    Appx,
}

/// Something that is installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// How it was installed.
    pub kind: Kind,
    /// Its name: `openssl`, `Microsoft Edge`.
    pub name: String,
    /// Its architecture in the words of its kind: `amd64`, `x86_64`, `noarch`; `x86` for a 32-bit program.
    pub arch: Option<String>,
    /// Its version as its kind spells it, that of a package with its epoch: `1:3.2.2-6.el9_5`. Empty if it has none.
    pub version: String,
    /// Who made it, for programs.
    pub publisher: Option<String>,
    /// The source package, for packages whose source has another name.
    pub source: Option<String>,
}

/// A fact that has no version of its own: `windows:update` = `KB5068861`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Property {
    /// What it is about.
    pub name: String,
    /// The fact.
    pub value: String,
}

impl Inventory {
    /// The name of the property whose value is a kind that could not be listed: what is missing of it was not removed.
    pub const INCOMPLETE: &'static str = "incomplete";

    /// A list of `components` and `properties`, sorted, each one once.
    pub fn new(
        system: System,
        mut components: Vec<Component>,
        mut properties: Vec<Property>,
    ) -> Self {
        components.sort();
        components.dedup();
        properties.sort();
        properties.dedup();
        Self {
            system,
            components,
            properties,
        }
    }

    /// The words of the kinds that could not be listed: `snap`, `appx`.
    pub fn incomplete(&self) -> Vec<&str> {
        let named = self
            .properties
            .iter()
            .filter(|it| it.name == Self::INCOMPLETE);
        named.map(|property| property.value.as_str()).collect()
    }
}

impl System {
    /// Name and version for people: `Ubuntu 24.04.3 LTS`, `Windows 11 Enterprise multi-session 25H2 26200.7171`.
    pub fn shown(&self) -> String {
        if self.title.contains(&self.version) {
            self.title.clone()
        } else {
            format!("{} {}", self.title, self.version)
        }
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Deb,
        Self::Rpm,
        Self::Apk,
        Self::Pypi,
        Self::Snap,
        Self::Flatpak,
        Self::Program,
        Self::Appx,
    ];

    /// The word for it, in lists and files: `deb`, `program`. That of a kind with a package URL is the type in it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Pypi => "pypi",
            Self::Snap => "snap",
            Self::Flatpak => "flatpak",
            Self::Program => "program",
            Self::Appx => "appx",
        }
    }

    /// The kind that `word` stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it is a package, which has a package URL, and not an application.
    pub fn is_package(self) -> bool {
        matches!(self, Self::Deb | Self::Rpm | Self::Apk | Self::Pypi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_word() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::of_word("system"), None);
    }

    #[test]
    fn a_system_is_shown_with_its_version_once() {
        let check = |title: &str, version: &str, expected: &str| {
            let system = System {
                name: String::new(),
                version: version.to_owned(),
                title: title.to_owned(),
            };
            assert_eq!(system.shown(), expected);
        };
        check("Ubuntu 24.04.3 LTS", "24.04", "Ubuntu 24.04.3 LTS");
        check(
            "Windows 11 25H2",
            "26200.7171",
            "Windows 11 25H2 26200.7171",
        );
    }

    #[test]
    fn a_list_is_sorted_and_has_each_thing_once() {
        let component = |name: &str, version: &str| Component {
            kind: Kind::Deb,
            name: name.to_owned(),
            arch: Some("amd64".to_owned()),
            version: version.to_owned(),
            publisher: None,
            source: None,
        };
        let property = |value: &str| Property {
            name: "linux:unit".to_owned(),
            value: value.to_owned(),
        };
        let list = Inventory::new(
            System::default(),
            vec![
                component("b", "1"),
                component("a", "2"),
                component("b", "1"),
                component("a", "1"),
            ],
            vec![property("z"), property("y"), property("z")],
        );
        let expected = [
            component("a", "1"),
            component("a", "2"),
            component("b", "1"),
        ];
        assert_eq!(list.components, expected);
        assert_eq!(list.properties, [property("y"), property("z")]);
    }
}
