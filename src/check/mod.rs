//! What can be known before a build costs time and money: read-only looks at everything that a template names.
//!
//! One list of checks serves two purposes. The doctor takes its time and tells every finding. The preflight of each build makes the same checks
//! with one try each and within six seconds: it refuses what is certain to fail, and warns of the rest. An answer that is missing, late,
//! refused or odd proves nothing, and the build goes on. When it then fails in a way that fits a warning, the warning is told again.

mod access;
mod azure;
mod definition;
mod facts;
mod foreseen;
mod identity;
mod managed_image;
mod marketplace;
mod needs;
mod network;
mod place;
mod regions;
mod rights;
mod source;
mod spelling;
mod staging;
mod steps;
mod storage;
mod subject;
mod table;
mod version;
mod vm;

use std::fmt;

use futures::stream::FuturesOrdered;
use futures::{FutureExt as _, StreamExt as _};

use crate::arm::Arm;
use crate::inputs::Plan;
use azure::{Azure, Patience};
use subject::Subject;

pub use foreseen::foreseen;
pub use table::{CHECKS, CODES, Check};

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// A sentence without a full stop: what was seen, and why it matters.
    pub text: String,
    /// What to do: a command, or the input to change.
    pub fix: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As a build needs it.
    Fine,
    /// A build may suffer from it.
    Warning(Code),
    /// A build fails by it, as far as is known.
    Problem(Code),
    /// A build is certain to fail by it, and Azure itself has said so.
    Certain(Code),
    /// It cannot be read, which is no failure: a build needs no right to look around.
    Unknown,
}

/// The stable code of a finding, `AIB701`.
pub type Code = &'static str;

/// As it reads on one line, without its fix.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.text)
    }
}

impl Finding {
    /// The code, where there is something to complain of.
    pub fn code(&self) -> Option<Code> {
        match self.verdict {
            Verdict::Warning(code) | Verdict::Problem(code) | Verdict::Certain(code) => Some(code),
            Verdict::Fine | Verdict::Unknown => None,
        }
    }

    /// Its fix may name an input that has no effect in this build.
    fn for_plan(self, plan: &Plan) -> Self {
        let fix = self.fix.map(|fix| plan.naming_what_counts(&fix));
        Self { fix, ..self }
    }

    /// Whether a build fails by it.
    pub fn is_problem(&self) -> bool {
        matches!(self.verdict, Verdict::Problem(_) | Verdict::Certain(_))
    }
}

/// A finding before it is known which check made it.
#[derive(Debug)]
struct Seen {
    verdict: Verdict,
    text: String,
    fix: Option<String>,
}

impl Seen {
    fn new(verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            verdict,
            text: text.into(),
            fix: None,
        }
    }

    fn fine(text: impl Into<String>) -> Self {
        Self::new(Verdict::Fine, text)
    }

    fn unknown(what: impl fmt::Display, reason: &str) -> Self {
        Self::new(Verdict::Unknown, format!("{what} cannot be read: {reason}"))
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// What the job tells of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Job {
    /// The job's own time limit in minutes, 0 for none; unknown at a prompt.
    pub limit_minutes: Option<u64>,
}

/// Makes all checks. None stops another; the findings come in the order of [`CHECKS`].
pub async fn doctor(plan: &Plan, arm: &Arm, job: Job) -> Vec<Finding> {
    let azure = Azure::new(arm, Subject::of(plan), Patience::LONG, job);
    let found = make(CHECKS.iter(), &azure).await;
    found.into_iter().map(|it| it.for_plan(plan)).collect()
}

/// What is known before a build.
#[derive(Debug, Default)]
pub struct Preflight {
    /// What makes the build certain to fail.
    pub in_the_way: Vec<Finding>,
    /// What may make it fail, or what it may suffer from.
    pub suspected: Vec<Finding>,
    /// The version of the marketplace image that the build starts from.
    pub source_version: Option<String>,
}

/// Makes all checks for the build of `plan`, with one try each and within six seconds. What is not known in time is not known.
pub async fn preflight(plan: &Plan, arm: &Arm, job: Job) -> Preflight {
    let azure = Azure::new(arm, Subject::of(plan), Patience::SHORT, job);
    let found = make(CHECKS.iter(), &azure).await;
    for finding in &found {
        tracing::debug!("preflight, {finding}");
    }
    // That a key does instead of a role, a build says itself when it takes the key.
    let told_later = Verdict::Warning(table::OWN_RIGHTS);
    let found = found
        .into_iter()
        .filter(|finding| finding.code().is_some() && finding.verdict != told_later)
        .map(|finding| finding.for_plan(plan));
    let (in_the_way, suspected) =
        found.partition(|finding| matches!(finding.verdict, Verdict::Certain(_)));
    Preflight {
        in_the_way,
        suspected,
        // What the checks have learned is there at once; nobody waits for what they had no time for.
        source_version: source_number(&azure).now_or_never().flatten(),
    }
}

/// The version of the marketplace image that a build of `plan` starts from now: the number that `latest` stands for. `None` for other
/// sources, and where the versions cannot be read.
pub async fn source_version(plan: &Plan, arm: &Arm) -> Option<String> {
    let azure = Azure::new(arm, Subject::of(plan), Patience::SHORT, Job::default());
    source_number(&azure).await
}

async fn source_number(azure: &Azure<'_>) -> Option<String> {
    marketplace::Urn::of(azure)?.number(azure).await
}

async fn make(checks: impl Iterator<Item = &'static Check>, azure: &Azure<'_>) -> Vec<Finding> {
    let running: FuturesOrdered<_> = checks
        .map(|check| async move { (check.name, check.kind.run(azure).await) })
        .collect();
    let found: Vec<_> = running.collect().await;
    let named = |(check, seen): (&'static str, Vec<Seen>)| {
        seen.into_iter().map(move |seen| Finding {
            check,
            verdict: seen.verdict,
            text: seen.text,
            fix: seen.fix,
        })
    };
    found.into_iter().flat_map(named).collect()
}
