//! What a sweep is asked for, and what it came to.

use std::time::Duration;

use time::OffsetDateTime;

use crate::arm::{Arm, Cause, Failure};
use crate::error::Error;
use crate::resource::ResourceGroupId;
use crate::run::leftover::{Leftover, NotRemoved, Ownership};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where the templates are.
    pub group: &'a ResourceGroupId,
    /// What is younger stays.
    pub older_than: Duration,
    /// The storage account whose packages are swept, too.
    pub account: Option<&'a str>,
    /// Whether it is only said what would be done.
    pub preview: bool,
}

/// What a sweep came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// What is gone or, in a preview, would go.
    pub gone: Vec<Leftover>,
    /// What stays, and why.
    pub kept: Vec<KeptItem>,
    /// What could not be deleted, or is not ours although its name says so.
    pub not_removed: Vec<NotRemoved>,
    /// How many templates of the group are of someone else.
    pub foreign: usize,
    /// Why the packages were not swept although they were to be.
    pub packages_left: Option<String>,
    /// Why VMs that test an image were not listed. Most service connections need no permission for that.
    pub machines_left: Option<String>,
}

/// Something that stays on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptItem {
    /// What it is.
    pub leftover: Leftover,
    /// Why it stays.
    pub why: String,
    /// Whether a person has to decide: then there is a command that deletes it.
    pub for_a_person: bool,
}

impl KeptItem {
    /// The command that deletes it, where a person has to decide.
    pub fn command(&self) -> Option<String> {
        let removal = NotRemoved::of(self.leftover.clone(), Ownership::Ours, "");
        removal.command().filter(|_| self.for_a_person)
    }
}

/// What is to become of something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Delete,
    /// It is of someone else.
    Foreign,
    Keep(String),
    /// It stays, and a person has to decide.
    Name(String),
}

impl Swept {
    /// Takes note of what stays by `verdict`, unless it is of someone else.
    pub(super) fn keep(&mut self, leftover: Leftover, verdict: Verdict) {
        let (why, for_a_person) = match verdict {
            Verdict::Foreign | Verdict::Delete => return,
            Verdict::Keep(why) => (why, false),
            Verdict::Name(why) => (why, true),
        };
        self.kept.push(KeptItem {
            leftover,
            why,
            for_a_person,
        });
    }
}

/// The time by Azure's clock. Each answer of Azure has it.
pub(super) fn now(arm: &Arm) -> Result<OffsetDateTime, Error> {
    arm.client.azure_time().ok_or_else(|| {
        let reason = "its responses have no time, so the age of what is there is not known";
        let cause = Cause::Unreadable(reason.to_owned());
        Failure::of("Reading Azure's time", cause).into()
    })
}
