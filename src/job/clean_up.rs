//! Removing what an earlier stage or attempt noted, as far as it is this step's own.

use std::sync::Arc;

use super::raw_inputs::raw_inputs;
use super::step::Step;
use crate::agent::{Agent, IssueKind, StopSignal};
use crate::arm::Arm;
use crate::arm::http::Http;
use crate::error::Error;
use crate::inputs::{self, Owner};
use crate::report::{self, LEFTOVERS, Reporter};
use crate::run::clean_up::{Budget, clean_up};
use crate::run::leftover::{Leftover, NotRemoved, Ownership};
use crate::run::leftovers::Leftovers;
use crate::run::ownership;

/// Why something stays after a stop of the post-job stage.
const STOPPED: &str = "the post-job step was stopped before it was removed";

/// What a note has: whose it is by names and places alone, or why it is not ours.
pub(super) struct Noted(Vec<(Leftover, Result<Ownership, String>)>);

impl Noted {
    pub(super) fn new(all: Vec<Leftover>, owner: &Owner) -> Self {
        let all = all.into_iter();
        Self(
            all.map(|leftover| {
                let ownership = ownership::by_name(&leftover, owner);
                (leftover, ownership)
            })
            .collect(),
        )
    }

    /// All of it, for the note of this stage.
    pub(super) fn all(&self) -> Vec<(Leftover, Ownership)> {
        let all = self.0.iter().cloned();
        all.map(|(leftover, ownership)| (leftover, ownership.unwrap_or(Ownership::NotOurs)))
            .collect()
    }

    /// All of it stays, for one reason; what is not ours for a reason of its own.
    fn all_not_removed(&self, reason: &str) -> Vec<NotRemoved> {
        let all = self.0.iter().cloned();
        all.map(|(leftover, ownership)| match ownership {
            Ok(ownership) => NotRemoved::of(leftover, ownership, reason),
            Err(not_ours) => NotRemoved::of(leftover, Ownership::NotOurs, &not_ours),
        })
        .collect()
    }

    /// What is ours, and what is not, for a report.
    pub(super) fn apart(self) -> (Vec<(Leftover, Ownership)>, Vec<NotRemoved>) {
        let (mut ours, mut not_removed) = (Vec::new(), Vec::new());
        for (leftover, ownership) in self.0 {
            match ownership {
                Ok(ownership) => ours.push((leftover, ownership)),
                Err(not_ours) => {
                    not_removed.push(NotRemoved::of(leftover, Ownership::NotOurs, &not_ours));
                }
            }
        }
        (ours, not_removed)
    }

    /// Removes what is ours. The rest stays in the note. After a stop nothing more is removed.
    async fn remove(
        self,
        step: &Step<'_>,
        arm: &Arm,
        owner: &Owner,
        reporter: &Reporter,
    ) -> Vec<NotRemoved> {
        let (ours, mut not_removed) = self.apart();
        let mut leftovers = Leftovers::registered(reporter, ours);
        let mut stay = tokio::select! {
            biased;
            () = step.stopping().cancelled() => leftovers.all_not_removed(STOPPED),
            stay = clean_up(arm, owner, &mut leftovers, Budget::AFTER_CANCEL) => stay,
        };
        stay.append(&mut not_removed);
        stay
    }
}

/// The post-job stage: removes what a canceled or crashed main stage left. Most of the time there is nothing.
pub async fn remove_leftovers(
    agent: &Agent,
    http: Result<Arc<dyn Http>, String>,
    stop: &StopSignal,
) {
    let console = agent.console();
    let texts = agent.notes_of_main_stage(LEFTOVERS).await;
    let (all, unreadable) = report::leftovers_from_texts(&texts);
    if unreadable {
        let text = "Reading what the main step left failed: it is not in the form in which this task writes it\nhint: check resource group and storage account for image templates 't_...' and packages of this run";
        console.issue(IssueKind::Warning, Some(report::CODE_NOT_REMOVED), text);
    }
    if all.is_empty() {
        return;
    }
    let post_job = Step { agent, http, stop };
    let given = raw_inputs(agent);
    let owner = inputs::owner(&given, console);
    let noted = Noted::new(all, &owner);
    let reporter = Reporter::new(agent, noted.all());
    let arm = match inputs::connection(&given, console) {
        Ok(connection) => match post_job.connect(&connection).await {
            Err(Error::Canceled) => Err(STOPPED.to_owned()),
            connected => connected.map_err(|error| error.to_string()),
        },
        Err(problems) => Err(problems.to_string()),
    };
    let not_removed = match arm {
        Ok(arm) => Box::pin(noted.remove(&post_job, &arm, &owner, &reporter)).await,
        Err(reason) => noted.all_not_removed(&reason),
    };
    report::report_clean_up(console, &not_removed);
}

/// What an earlier attempt at the main stage noted. A note that cannot be read is a matter for the post-job stage, which says so.
pub(super) fn of_earlier_attempt(agent: &Agent) -> Vec<Leftover> {
    let texts = agent.notes_of_earlier_attempt(LEFTOVERS);
    report::leftovers_from_texts(&texts).0
}
