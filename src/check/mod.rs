//! What can be known before a build costs time and money: read-only requests for everything that a template names.
//!
//! One list of checks serves two purposes. The doctor takes its time and tells every finding. The preflight of each build makes the same checks
//! with one try each and within six seconds: it refuses what is certain to fail, and warns of the rest. An answer that is missing, late,
//! refused or odd proves nothing, and the build continues. When it then fails in a way that fits a warning, the warning is told again.

mod advice;
mod codes;
mod finding;
mod foreseen;
pub mod image_traits;
mod list;
mod lookup;
mod machine;
mod marketplace;
mod permissions;
mod providers;
mod regions;
mod required_roles;
mod resource_group;
pub mod size_traits;
mod source;
mod step_systems;
mod storage_account;
mod subject;
mod subnets;
mod targets;
mod time_limit;
mod vm;

use futures::stream::FuturesOrdered;
use futures::{FutureExt as _, StreamExt as _};

use crate::arm::Arm;
use crate::inputs::Plan;
use lookup::{Azure, Patience};
use subject::Subject;

pub use codes::{CODES, Code, STEPS};
pub use finding::{Finding, Verdict, why_alone};
pub use foreseen::foreseen;
pub use list::{CHECKS, Check};
pub use machine::machine;
pub use subject::{Job, Machine};

/// Makes all checks. None stops another; the findings come in the order of [`CHECKS`].
pub async fn doctor(plan: &Plan, arm: &Arm, job: Job) -> Vec<Finding> {
    let azure = Azure::new(arm, Subject::of(plan, job), Patience::LONG);
    let found = make(CHECKS.iter(), &azure).await;
    found.into_iter().map(|it| it.for_plan(plan)).collect()
}

/// What is known before a build.
#[derive(Debug, Default)]
pub struct Preflight {
    /// What makes the build certain to fail.
    pub blockers: Vec<Finding>,
    /// What may make it fail, or what it may suffer from.
    pub suspected: Vec<Finding>,
    /// The version of the marketplace image that the build starts from.
    pub source_version: Option<String>,
}

/// Makes all checks for the build of `plan`, with one try each and within six seconds. What is not known in time is not known.
pub async fn preflight(plan: &Plan, arm: &Arm, job: Job) -> Preflight {
    let azure = Azure::new(arm, Subject::of(plan, job), Patience::SHORT);
    let found = make(CHECKS.iter(), &azure).await;
    for finding in &found {
        tracing::debug!("preflight, {finding}");
    }
    // That a key is used for want of a role is reported when the build takes the key.
    let told_later = Verdict::Warning(codes::OWN_RIGHTS);
    let found = found
        .into_iter()
        .filter(|finding| finding.code().is_some() && finding.verdict != told_later)
        .map(|finding| finding.for_plan(plan));
    let (blockers, suspected) =
        found.partition(|finding| matches!(finding.verdict, Verdict::Certain(_)));
    Preflight {
        blockers,
        suspected,
        // Only if the checks have read it already.
        source_version: source_number(&azure).now_or_never().flatten(),
    }
}

/// The version of the marketplace image that a build of `plan` starts from now: the number that `latest` stands for. `None` for other
/// sources, and where the versions cannot be read.
pub async fn source_version(plan: &Plan, arm: &Arm) -> Option<String> {
    let azure = Azure::new(arm, Subject::of(plan, Job::default()), Patience::SHORT);
    source_number(&azure).await
}

async fn source_number(azure: &Azure<'_>) -> Option<String> {
    marketplace::Urn::of(azure)?.number(azure).await
}

async fn make(checks: impl Iterator<Item = &'static Check>, azure: &Azure<'_>) -> Vec<Finding> {
    let running: FuturesOrdered<_> = checks
        .map(|check| async move {
            let mut findings = check.kind.run(azure).await;
            for finding in &mut findings {
                finding.check = check.name;
            }
            findings
        })
        .collect();
    running.collect::<Vec<_>>().await.concat()
}
