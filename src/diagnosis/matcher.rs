//! Finding entries of the catalogue in a text.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::catalogue::{HARMLESS, entries};
use super::entry::{Entry, FoundIn};
use crate::inputs::manifest::{
    BUILD_TIMEOUT_IN_MINUTES, DISTRIBUTE_TYPE, GALLERY_IMAGE_ID, IB_AZURE_RESOURCE_GROUP,
    IB_LOCATION, IMAGE_VERSION, MANAGED_IDENTITY, OS_DISK_SIZE_GB, PACKAGE_ACCESS, PACKAGE_EXCLUDE,
    PLATFORM_IMAGE_PURCHASE_PLAN, REPLICATION_REGIONS, STAGING_RESOURCE_GROUP, TEMPLATE_TAGS,
    TEST_SUBNET_ID, TEST_VM_GROUP, VM_SIZE, VNET_SUBNET_ID, WINDOWS_UPDATE_PROVISIONER,
};
use crate::resource::quoted;

/// A known failure, with what was found in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The failure.
    pub entry: &'static Entry,
    /// Why there is no image, as half a sentence.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
}

/// Names in `{...}` of a fix. Inputs are called by what they are, because their names belong to the task's manifest.
const NAMES: [(&str, &str); 19] = [
    ("{distribute}", DISTRIBUTE_TYPE.name),
    ("{plan}", PLATFORM_IMAGE_PURCHASE_PLAN.name),
    ("{staging group}", STAGING_RESOURCE_GROUP.name),
    ("{template tags}", TEMPLATE_TAGS.name),
    ("{windows update}", WINDOWS_UPDATE_PROVISIONER.name),
    ("{build timeout}", BUILD_TIMEOUT_IN_MINUTES.name),
    ("{gallery image}", GALLERY_IMAGE_ID.name),
    ("{image version}", IMAGE_VERSION.name),
    ("{resource group}", IB_AZURE_RESOURCE_GROUP.name),
    ("{location}", IB_LOCATION.name),
    ("{identity}", MANAGED_IDENTITY.name),
    ("{disk size}", OS_DISK_SIZE_GB.name),
    ("{package access}", PACKAGE_ACCESS.name),
    ("{exclude}", PACKAGE_EXCLUDE.name),
    ("{regions}", REPLICATION_REGIONS.name),
    ("{vm size}", VM_SIZE.name),
    ("{subnet}", VNET_SUBNET_ID.name),
    ("{test subnet}", TEST_SUBNET_ID.name),
    ("{test group}", TEST_VM_GROUP.name),
];

/// What the groups of a pattern found; no more than any entry has.
pub(super) type Groups = [String; 4];
/// How the texts of an entry name them.
const MARKS: [&str; 4] = ["$1", "$2", "$3", "$4"];
/// A found text is a name or a number; more of it is noise.
const LONGEST_GROUP: usize = 300;

/// An entry, and where in the catalogue it stands: a smaller rank is more specific.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) entry: &'static Entry,
    pattern: Regex,
}

impl Rule {
    /// What the pattern found, if it fits and everything was found that the entry's texts name.
    pub(super) fn groups(&self, text: &str) -> Option<Groups> {
        let found = groups(&self.pattern.captures(text.as_bytes())?);
        let Entry { cause, fix, .. } = self.entry;
        let named = |mark: &str| cause.contains(mark) || fix.contains(mark);
        let mut marks = MARKS.into_iter().zip(&found);
        let complete = marks.all(|(mark, group)| !group.is_empty() || !named(mark));
        complete.then_some(found)
    }

    pub(super) fn diagnosis(&self, groups: &Groups) -> Diagnosis {
        Diagnosis {
            entry: self.entry,
            cause: filled(self.entry.cause, groups),
            fix: filled(self.entry.fix, groups),
        }
    }
}

/// Every entry, compiled; tests assert that all of them can be.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rule = |entry: &'static Entry| {
        let pattern = compiled(entry.pattern)?;
        Some(Rule { entry, pattern })
    };
    entries().filter_map(rule).collect()
});

fn compiled(pattern: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(true).unicode(false);
    builder.build().ok()
}

/// What a line of the log may mean for the rule of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The pattern fits.
    Fits(usize),
    /// What must be there as well is there.
    With(usize),
    /// What must have been there before is there.
    Earlier(usize),
    /// What takes the meaning away is there.
    Revoked(usize),
    /// The line is known to be harmless.
    Harmless,
}

/// All patterns that matter in a log, in one pass over each line.
pub(super) struct LogPatterns {
    set: RegexSet,
    meanings: Vec<Meaning>,
}

pub(super) static LOG_PATTERNS: LazyLock<LogPatterns> = LazyLock::new(|| {
    let mut patterns: Vec<(&str, Meaning)> = Vec::new();
    for (index, rule) in RULES.iter().enumerate() {
        let Entry {
            places,
            pattern,
            with,
            earlier,
            unless_followed_by,
            ..
        } = rule.entry;
        if places.contains(&FoundIn::Log) {
            patterns.push((pattern, Meaning::Fits(index)));
            patterns.extend(with.map(|with| (with, Meaning::With(index))));
            patterns.extend(earlier.map(|earlier| (earlier, Meaning::Earlier(index))));
            patterns.extend(unless_followed_by.map(|word| (word, Meaning::Revoked(index))));
        }
    }
    patterns.extend(
        HARMLESS
            .iter()
            .map(|harmless| (*harmless, Meaning::Harmless)),
    );
    let mut builder = RegexSetBuilder::new(patterns.iter().map(|(pattern, _)| *pattern));
    builder.case_insensitive(true).unicode(false);
    LogPatterns {
        set: builder.build().unwrap_or_else(|_| RegexSet::empty()),
        meanings: patterns.into_iter().map(|(_, meaning)| meaning).collect(),
    }
});

impl LogPatterns {
    /// Everything that a line means.
    pub(super) fn meanings(&self, text: &str) -> impl Iterator<Item = Meaning> {
        let found = self.set.matches(text.as_bytes());
        found
            .into_iter()
            .filter_map(|index| self.meanings.get(index).copied())
    }
}

/// The most specific entry that fits `text`, an answer of Azure or a message, and shows in one of `places`.
pub fn of_text(places: &[FoundIn], text: &str) -> Option<Diagnosis> {
    ranked(places, text).map(|(_, diagnosis)| diagnosis)
}

/// The same with its rank.
pub(super) fn ranked(places: &[FoundIn], text: &str) -> Option<(usize, Diagnosis)> {
    let line = text.replace(['\r', '\n'], " ");
    let shows = |rule: &Rule| places.iter().any(|place| rule.entry.places.contains(place));
    let mut rules = RULES.iter().enumerate();
    rules.find_map(|(rank, rule)| {
        let groups = shows(rule).then(|| rule.groups(&line)).flatten()?;
        Some((rank, rule.diagnosis(&groups)))
    })
}

fn groups(found: &Captures<'_>) -> Groups {
    let text = |index: usize| {
        let bytes = found.get(index).map(|group| group.as_bytes());
        let text = String::from_utf8_lossy(bytes.unwrap_or_default());
        text.chars().take(LONGEST_GROUP).collect::<String>()
    };
    [text(1), text(2), text(3), text(4)]
}

fn filled(text: &str, groups: &Groups) -> String {
    let mut filled = text.to_owned();
    for (mark, name) in NAMES {
        filled = filled.replace(mark, name);
    }
    for (mark, group) in MARKS.into_iter().zip(groups) {
        let mut parts = filled.split(mark);
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            if is_argument(&whole) {
                whole.push_str(&quoted(group));
            } else {
                whole.push_str(group);
            }
            whole.push_str(part);
        }
        filled = whole;
    }
    filled
}

/// Whether what comes next is the argument of a command's option.
fn is_argument(before: &str) -> bool {
    let option = before
        .strip_suffix(' ')
        .and_then(|it| it.rsplit(' ').next());
    option.is_some_and(|option| option.starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_every_name_is_known() {
        assert_eq!(RULES.len(), entries().count());
        assert_eq!(LOG_PATTERNS.set.len(), LOG_PATTERNS.meanings.len());
        for entry in entries() {
            for text in [entry.cause, entry.fix] {
                let filled = filled(text, &Groups::default());
                assert!(!filled.contains(['{', '$']), "{}: {filled}", entry.code);
                assert!(!filled.ends_with('.'), "{}: {filled}", entry.code);
            }
            assert!(entry.source.starts_with("https://"), "{}", entry.code);
            assert!(!entry.places.is_empty(), "{}", entry.code);
        }
    }

    /// What counts in place of an input that the template file overrides is put where `input '...'` stands.
    #[test]
    fn every_input_that_a_file_can_override_is_called_an_input() {
        let named = entries().flat_map(|entry| [entry.cause, entry.fix]);
        for text in named {
            for (mark, _) in NAMES.iter().filter(|(mark, _)| *mark != "{location}") {
                let as_input = text.matches(&format!("input '{mark}'")).count();
                assert_eq!(text.matches(mark).count(), as_input, "{text}");
            }
        }
    }

    #[test]
    fn what_a_command_takes_is_one_word() {
        let groups = [
            "rg (a)/x".to_owned(),
            "it's".into(),
            "/s/x-1".into(),
            String::new(),
        ];
        let found = filled("on $1: az x --scope $1 --name $2 --ids $3", &groups);
        assert_eq!(
            found,
            r"on rg (a)/x: az x --scope 'rg (a)/x' --name 'it'\''s' --ids /s/x-1"
        );
    }

    #[test]
    fn the_more_specific_entry_wins() {
        let check = |text: &str, expected: Option<&str>| {
            let found = of_text(&[FoundIn::Submission], text);
            assert_eq!(found.map(|found| found.entry.code), expected, "{text}");
        };
        check(
            "LinkedAuthorizationFailed: x AuthorizationFailed",
            Some("AIB006"),
        );
        check("AuthorizationFailed: no", Some("AIB005"));
        check(
            "RequestDisallowedByPolicy AuthorizationFailed",
            Some("AIB018"),
        );
        check("Other: something else", None);
    }
}
