//! The changes that fail a step.

use super::diff::{Change, Diff, Direction};
use crate::inputs::{ChangeKind, ChangeRule};

/// Changes that a rule forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// The rule.
    pub rule: ChangeRule,
    /// What it forbids, at least one.
    pub changes: Vec<Change>,
}

/// What of `diff` the rules forbid, by rule, in the order of the rules.
pub(super) fn forbidden(rules: &[ChangeRule], diff: &Diff) -> Vec<Forbidden> {
    let found = rules.iter().map(|rule| {
        let changes = changes_of(rule.kind, diff);
        let changes = changes.filter(|change| rule.name.fits(&change.name));
        Forbidden {
            rule: rule.clone(),
            changes: changes.cloned().collect(),
        }
    });
    found.filter(|found| !found.changes.is_empty()).collect()
}

fn changes_of(kind: ChangeKind, diff: &Diff) -> impl Iterator<Item = &Change> {
    let (list, direction) = match kind {
        ChangeKind::Added => (&diff.added, None),
        ChangeKind::Removed => (&diff.removed, None),
        ChangeKind::Changed => (&diff.changed, None),
        ChangeKind::Downgraded => (&diff.changed, Some(Direction::Down)),
        ChangeKind::Upgraded => (&diff.changed, Some(Direction::Up)),
    };
    list.iter()
        .filter(move |change| direction.is_none() || change.direction == direction)
}
