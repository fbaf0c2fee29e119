//! The sentences about a comparison.

use std::fmt::Write as _;

use crate::error::{CHANGE_FORBIDDEN, NOTHING_TO_COMPARE, OTHER_INVENTORY};
use crate::inputs::manifest::{
    COMPARE_WITH, FAIL_ON_CHANGE, IMAGE_VERSION_ID, INVENTORY, INVENTORY_CONTAINER,
    STORAGE_ACCOUNT_NAME, WITHDRAW_REASON,
};
use crate::inputs::{Action, ChangeKind};
use crate::inventory::diff::{Change, Diff, Direction};
use crate::inventory::{Compared, Comparison, Forbidden, Side, System};
use crate::report::ending::Failure;
use crate::report::messages::Warning;
use crate::resource::tag::INVENTORY_SHA256;

/// What is compared, which decides what to do about a forbidden change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum ComparisonOf {
    /// The image of this step, with an earlier one.
    OwnImage,
    /// Two versions that are there.
    Versions,
}

/// More of them make an error that nobody reads.
const MOST_NAMED: usize = 5;

/// The line about a comparison that was not made.
pub(super) fn nothing(why: &str) -> String {
    format!("nothing to compare with: {why}")
}

/// `What changed since 1.0.2609301 (2026-10-28)`.
pub(super) fn title(comparison: &Comparison) -> String {
    let since = comparison.called_from();
    match comparison.from.published {
        Some(published) => format!("What changed since {since} ({published})"),
        None => format!("What changed since {since}"),
    }
}

/// What comes before the list.
pub(super) fn head(comparison: &Comparison) -> Vec<String> {
    let diff = &comparison.diff;
    vec![
        format!("compared with:  {}", comparison.called_from()),
        format!(
            "operating system:  {}",
            system(&diff.system_before, &diff.system_now)
        ),
        format!("changes:  {}", numbers(diff)),
    ]
}

/// `Windows 11 25H2 26200.7171 -> 26200.7392`, or once what has not changed.
pub(super) fn system(before: &System, now: &System) -> String {
    let (was, is) = (before.shown(), now.shown());
    if was == is {
        return is;
    }
    let title = format!("{} ", before.title);
    match is.strip_prefix(&title) {
        Some(version) if before.title == now.title => format!("{was} -> {version}"),
        _ => format!("{was} -> {is}"),
    }
}

/// `7 changed, 1 added, 1 removed`.
pub(super) fn numbers(diff: &Diff) -> String {
    let parts = [
        (diff.changed.len(), "changed"),
        (diff.added.len(), "added"),
        (diff.removed.len(), "removed"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if parts.is_empty() {
        return "nothing changed".to_owned();
    }
    let down = diff.changed.iter();
    let down = down.filter(|change| change.direction == Some(Direction::Down));
    match down.count() {
        0 => parts.join(", "),
        down => format!("{} ({down} downgraded)", parts.join(", ")),
    }
}

/// A line for each change.
pub(super) fn changes(diff: &Diff) -> Vec<String> {
    let labels = Labels::of_diff(diff);
    let changed = diff.changed.iter().map(|change| {
        let label = labels.of_change(change);
        let (before, now) = (versions(&change.before), versions(&change.now));
        let down = if change.direction == Some(Direction::Down) {
            " (downgraded)"
        } else {
            ""
        };
        format!("  {label}  {before} -> {now}{down}")
    });
    let added = diff.added.iter();
    let added = added.map(|it| format!("+ {}  {}", labels.of_change(it), it.now.join(", ")));
    let removed = diff.removed.iter();
    let removed = removed.map(|it| format!("- {}  {}", labels.of_change(it), it.before.join(", ")));
    let lines = changed.chain(added).chain(removed);
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// More of them make a line that nobody reads.
const MOST_FACTS: usize = 10;

/// What has no version of its own: what it is, and what came and went.
pub(super) fn facts(diff: &Diff) -> Vec<(String, String)> {
    let all = diff.facts.iter();
    all.map(|facts| {
        let known = FACTS.iter().find(|(name, _)| *name == facts.name);
        let title = known.map_or(facts.name.as_str(), |(_, title)| title);
        let added = facts.added.iter().map(|value| format!("+ {value}"));
        let removed = facts.removed.iter().map(|value| format!("- {value}"));
        let marked: Vec<_> = added.chain(removed).collect();
        let (shown, rest) = marked.split_at(MOST_FACTS.min(marked.len()));
        let mut shown = shown.join(", ");
        if !rest.is_empty() {
            write!(shown, " and {} more", rest.len()).ok();
        }
        (title.to_owned(), shown)
    })
    .collect()
}

/// What facts are called on a page.
const FACTS: [(&str, &str); 7] = [
    ("linux:kernel", "kernel"),
    ("linux:unit", "enabled units"),
    ("windows:update", "updates"),
    ("windows:feature", "features"),
    ("windows:language", "languages"),
    ("windows:capability", "capabilities"),
    ("windows:driver", "drivers"),
];

/// The versions of one side; a program need not have one.
pub(super) fn versions(versions: &[String]) -> String {
    let joined = versions.join(", ");
    if joined.is_empty() {
        "no version".to_owned()
    } else {
        joined
    }
}

/// What things are called so that no two are called the same.
pub(super) struct Labels<'a>(std::collections::BTreeMap<&'a str, usize>);

impl<'a> Labels<'a> {
    pub(super) fn of_diff(diff: &'a Diff) -> Labels<'a> {
        let mut names = std::collections::BTreeMap::new();
        let all = [&diff.changed, &diff.added, &diff.removed];
        for change in all.into_iter().flatten() {
            *names.entry(change.name.as_str()).or_default() += 1;
        }
        Labels(names)
    }
}

impl Labels<'_> {
    /// Name, and where several have it what distinguishes them: the architecture, or how it was installed.
    pub(super) fn of_change(&self, change: &Change) -> String {
        match self.0.get(change.name.as_str()) {
            Some(2..) => {
                let mark = change.arch.as_deref();
                format!("{} ({})", change.name, mark.unwrap_or(change.kind.word()))
            }
            _ => change.name.clone(),
        }
    }
}

/// Why the step fails, and what to do.
pub(in crate::report) fn failure(compared: &Compared, of: ComparisonOf) -> Option<Failure> {
    match compared {
        Compared::With(comparison) if !comparison.forbidden.is_empty() => Some(Failure {
            code: CHANGE_FORBIDDEN,
            text: forbidden(comparison),
            hint: Some(remedy(comparison, of)),
        }),
        Compared::With(_) | Compared::Nothing { .. } => None,
    }
}

/// Why the step fails.
fn forbidden(comparison: &Comparison) -> String {
    let named = named(comparison, MOST_NAMED).join("; ");
    format!("{}: {named}", forbids(comparison))
}

/// `Comparing 1.0.2 with 1.0.1 failed: 'failOnChange' forbids 2 changes`.
pub(super) fn forbids(comparison: &Comparison) -> String {
    let all = comparison.forbidden.iter();
    let count: usize = all.map(|found| found.changes.len()).sum();
    let what = if count == 1 { "change" } else { "changes" };
    format!(
        "Comparing {} with {} failed: '{}' forbids {count} {what}",
        own(&comparison.to),
        comparison.called_from(),
        FAIL_ON_CHANGE.name,
    )
}

/// The changes that fail the step, `most` of them, and how many more there are.
pub(super) fn named(comparison: &Comparison, most: usize) -> Vec<String> {
    let all: Vec<_> = comparison.forbidden.iter().flat_map(sentences).collect();
    let (named, rest) = all.split_at(most.min(all.len()));
    let mut named = named.to_vec();
    if !rest.is_empty() {
        named.push(format!("and {} more", rest.len()));
    }
    named
}

fn own(side: &Side) -> &str {
    if side.name.is_empty() {
        "the image"
    } else {
        &side.name
    }
}

/// `Microsoft Edge was removed (removed: Microsoft Edge)`.
fn sentences(found: &Forbidden) -> impl Iterator<Item = String> {
    let rule = format!("{}: {}", found.rule.kind.word(), found.rule.name.as_str());
    let kind = found.rule.kind;
    found.changes.iter().map(move |change| {
        let what = match kind {
            ChangeKind::Added => "was added".to_owned(),
            ChangeKind::Removed => "was removed".to_owned(),
            ChangeKind::Changed | ChangeKind::Downgraded | ChangeKind::Upgraded => format!(
                "was {} from {} to {}",
                kind.word(),
                versions(&change.before),
                versions(&change.now)
            ),
        };
        format!("{} {what} ({rule})", change.name)
    })
}

/// What to do about changes that fail the step.
fn remedy(comparison: &Comparison, of: ComparisonOf) -> String {
    let rules = FAIL_ON_CHANGE.name;
    let to = &comparison.to;
    match (of, to.counts) {
        (ComparisonOf::Versions, _) => format!(
            "do not promote {} before someone has approved these changes; if they are meant, change '{rules}' and run the step again",
            own(to)
        ),
        (ComparisonOf::OwnImage, Some(false)) => format!(
            "the image version exists and is excluded from latest, so only those who ask for its number get it; if the changes are meant, promote it with 'action: {}', and change '{rules}' for the next build",
            Action::Promote.name()
        ),
        (ComparisonOf::OwnImage, Some(true)) => format!(
            "the image version exists and counts as latest: to change that, run a step with 'action: {}', '{}: {}' and '{}'; if the changes are meant, change '{rules}' for the next build",
            Action::Withdraw.name(),
            IMAGE_VERSION_ID.name,
            to.id,
            WITHDRAW_REASON.name
        ),
        (ComparisonOf::OwnImage, None) => format!(
            "the image exists: {}; if the changes are meant, change '{rules}' for the next build",
            to.id
        ),
    }
}

/// What there is to warn of.
pub(super) fn warnings(compared: &Compared) -> Vec<Warning> {
    match compared {
        Compared::Nothing { gates: false, .. } => Vec::new(),
        Compared::Nothing { why, gates: true } => {
            let text = format!(
                "'{}' has let everything pass, because there was {}",
                FAIL_ON_CHANGE.name,
                nothing(why)
            );
            let hint = format!(
                "the inventory of a version is kept if it is built with '{}: true' and '{}'; check '{}', '{}' and '{}'",
                INVENTORY.name,
                STORAGE_ACCOUNT_NAME.name,
                COMPARE_WITH.name,
                STORAGE_ACCOUNT_NAME.name,
                INVENTORY_CONTAINER.name
            );
            vec![Warning::new(NOTHING_TO_COMPARE, text, hint)]
        }
        Compared::With(comparison) => {
            let sides = [&comparison.from, &comparison.to].into_iter();
            let mut all: Vec<_> = sides.filter_map(other_sum).collect();
            all.extend(partly(comparison));
            all
        }
    }
}

fn other_sum(side: &Side) -> Option<Warning> {
    let other = side.other_sum.as_ref()?;
    let text = format!(
        "The kept inventory of {} is not the one of its build: {} has the SHA-256 {}, and tag '{INVENTORY_SHA256}' of the version says {}",
        side.name, other.blob, other.sum, other.tag
    );
    let hint = "someone has changed the file or the tag since the build, so do not rely on this comparison; check who can write to the container and to the tags of the version".to_owned();
    Some(Warning::new(OTHER_INVENTORY, text, hint))
}

/// Rules that were not applied to everything.
fn partly(comparison: &Comparison) -> Option<Warning> {
    let kinds = kinds_not_compared(comparison)?;
    if !comparison.gates {
        return None;
    }
    let text = format!(
        "'{}' has let all changes of kind {kinds} pass: one of the two images could not list them",
        FAIL_ON_CHANGE.name
    );
    let hint = "the log of the build of that image shows why".to_owned();
    Some(Warning::new(NOTHING_TO_COMPARE, text, hint))
}

/// `snap, flatpak`; nothing if all kinds were compared.
pub(super) fn kinds_not_compared(comparison: &Comparison) -> Option<String> {
    let kinds = comparison.diff.not_compared.iter();
    let kinds: Vec<_> = kinds.map(|kind| kind.word()).collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}
