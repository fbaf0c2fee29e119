//! `action: report`, worded: the table of versions and machines in the log and on the page of the run, the conditions of `failWhen`, `fleet.json`.

mod document;
mod table;

use std::fmt::Write as _;
use std::path::Path;

use super::ending::{Ending, Failure};
use super::files::{Files, ResultFile};
use super::issue::{Issue, report_warnings};
use super::markup::{cause, escaped};
use crate::agent::{Agent, Console, IssueKind};
use crate::error::{Error, FLEET_NOT_SEEN, FLEET_WRONG, duration};
use crate::fleet::{Event, Events, Machine, MachineKind, MetCondition, NotRead, Outcome};
use crate::inputs::manifest::{FAIL_WHEN, GALLERY_IMAGE_ID};
use crate::inputs::{Action, Condition, Fleet};
use crate::wording::counted;

/// Writes what is seen to the job's log.
pub struct FleetReporter<'a> {
    console: Console,
    fleet: &'a Fleet,
}

/// How many machines are named in an issue.
const MOST_NAMED: usize = 30;

impl<'a> FleetReporter<'a> {
    /// A reporter to the agent's console, which says first what the inputs are warned of.
    pub fn new(agent: &Agent, fleet: &'a Fleet) -> Self {
        let console = agent.console().clone();
        report_warnings(&console, &fleet.warnings);
        Self { console, fleet }
    }

    /// The end of the step. The files are in `folder`.
    pub fn finish(&self, outcome: &Outcome, folder: &Path) {
        let is_canceled = matches!(outcome.errors.first(), Some(Error::Canceled));
        let met = outcome.met(&self.fleet.fail_when);
        let mut ending = self.ending(outcome, &met);
        if outcome.has_read {
            if outcome.now.is_some() {
                ending.lines = table::lines(outcome);
                let behind = outcome.hosts_behind().to_string();
                ending.variables = vec![("imageHostsBehind", behind)];
            }
            let document = document::document(self.fleet, outcome, &met);
            let file = ResultFile::of_action(Action::Report, document);
            ending.result = Some(file.named("fleet.json"));
        }
        ending.summary = (!is_canceled).then(|| self.summary(outcome, &met));
        ending.tell(Files::new(&self.console, folder, &self.fleet.name));
    }

    fn ending(&self, outcome: &Outcome, met: &[MetCondition<'_>]) -> Ending {
        let is_strict = !self.fleet.fail_when.is_empty();
        let first = (
            outcome.errors.first(),
            met.first(),
            outcome.not_read.first().filter(|_| is_strict),
        );
        let ending = match first {
            (Some(error), _, _) => Ending::from(error),
            (None, Some(condition), _) => Ending::from(Failure {
                code: FLEET_WRONG,
                text: met_conditions(met),
                hint: Some(advice(condition)),
            }),
            (None, None, Some(not_read)) => Ending::from(Failure {
                code: FLEET_NOT_SEEN,
                text: NOT_ALL.to_owned(),
                hint: Some(not_read.hint.clone()),
            }),
            (None, None, None) => {
                let sentence = sentence(outcome);
                Ending {
                    exists: Some(sentence.clone()),
                    ..Ending::done(sentence, !self.fleet.warnings.is_empty())
                }
            }
        };
        Ending {
            issues: self.issues(outcome, met),
            ..ending
        }
    }

    /// Every error, every condition that is met, and everything that could not be read.
    fn issues(&self, outcome: &Outcome, met: &[MetCondition<'_>]) -> Vec<Issue> {
        let errors = outcome.errors.iter();
        let errors = errors.filter(|error| !matches!(error, Error::Canceled));
        let errors = errors.map(|error| Failure::from(error).issue());
        let met = met.iter().map(|condition| {
            let (text, hint) = (condition_met(condition), advice(condition));
            Issue::new(IssueKind::Error, FLEET_WRONG, &text, Some(&hint))
        });
        let kind = if self.fleet.fail_when.is_empty() {
            IssueKind::Warning
        } else {
            IssueKind::Error
        };
        let not_read = outcome.not_read.iter().map(|not_read| {
            let text = not_seen(not_read);
            Issue::new(kind, FLEET_NOT_SEEN, &text, Some(&not_read.hint))
        });
        errors.chain(met).chain(not_read).collect()
    }

    fn summary(&self, outcome: &Outcome, met: &[MetCondition<'_>]) -> String {
        let strict = !self.fleet.fail_when.is_empty();
        let failed =
            !outcome.errors.is_empty() || !met.is_empty() || strict && !outcome.not_read.is_empty();
        let mark = match (failed, outcome.not_read.is_empty()) {
            (true, _) => "❌",
            (false, false) => "⚠️",
            (false, true) => "✅",
        };
        let mut text = format!("## {mark} Fleet report\n");
        for error in &outcome.errors {
            let hint = error.hint();
            text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
        }
        for condition in met {
            let hint = advice(condition);
            text.push_str(&cause(FLEET_WRONG, &condition_met(condition), Some(&hint)));
        }
        for not_read in &outcome.not_read {
            text.push_str(&cause(
                FLEET_NOT_SEEN,
                &not_seen(not_read),
                Some(&not_read.hint),
            ));
        }
        if outcome.now.is_none() {
            return text;
        }
        writeln!(text, "\n{}", escaped(&sentence(outcome))).ok();
        text.push_str(&table::markdown(outcome));
        text.push_str(&table::hosts_to_replace(outcome));
        text
    }
}

impl Events for FleetReporter<'_> {
    fn emit(&self, event: Event) {
        let line = match event {
            Event::Versions { definition, count } => {
                format!("image versions of {definition}:  {count}")
            }
            Event::Hosts {
                pool,
                hosts,
                sessions,
            } => format!(
                "host pool {pool}:  {}, {}",
                counted(hosts, "session host"),
                counted(sessions, "session")
            ),
            Event::Waiting { pool, pause } => format!(
                "waiting:  Azure Virtual Desktop lists no more session hosts for now; host pool {pool} is asked again in {}",
                duration(pause)
            ),
            Event::Machines { count } => {
                format!("VMs and scale sets outside of the host pools:  {count}")
            }
        };
        self.console.line(&line);
    }
}

const NOT_ALL: &str =
    "Not everything could be read, so it is not known whether the fleet is as it should be";

/// `2 session hosts, 1 VM`.
fn kinds<'m>(machines: impl Iterator<Item = &'m Machine>) -> String {
    let mut counts = [0_usize; 3];
    for machine in machines {
        let [hosts, vms, sets] = &mut counts;
        match machine.kind {
            MachineKind::SessionHost { .. } => *hosts += 1,
            MachineKind::Vm => *vms += 1,
            MachineKind::ScaleSet => *sets += 1,
        }
    }
    let words = ["session host", "VM", "scale set"];
    let named = counts.into_iter().zip(words);
    let named = named.filter(|(count, _)| *count > 0);
    let named: Vec<String> = named.map(|(count, word)| counted(count, word)).collect();
    named.join(", ")
}

fn sentence(outcome: &Outcome) -> String {
    let hosts = outcome.hosts().count();
    let others = outcome.machines.len() - hosts;
    let behind = match (outcome.hosts_behind(), hosts) {
        (_, 0) => "No session host was checked".to_owned(),
        (0, 1) => "The session host runs the newest image version".to_owned(),
        (1, 1) => "The session host is behind".to_owned(),
        (1, all) => format!("1 of {all} session hosts is behind"),
        (count, all) => format!("{count} of {all} session hosts are behind"),
    };
    if others == 0 {
        return behind;
    }
    let all = outcome.machines.iter();
    let others = all.filter(|machine| !matches!(machine.kind, MachineKind::SessionHost { .. }));
    format!("{behind}; outside of the host pools: {}", kinds(others))
}

/// Which conditions are met, in one line.
fn met_conditions(met: &[MetCondition<'_>]) -> String {
    let words: Vec<String> = met
        .iter()
        .map(|condition| {
            format!(
                "{} ({})",
                condition.condition,
                kinds(condition.machines.iter().copied())
            )
        })
        .collect();
    format!("Input '{}': {}", FAIL_WHEN.name, words.join("; "))
}

/// The sentence of a condition that holds, with the names.
fn condition_met(condition: &MetCondition<'_>) -> String {
    let what = match condition.condition {
        Condition::Behind => "an image version to which there is a newer one".to_owned(),
        Condition::BehindFor(days) => format!(
            "an image version to which a newer one was published more than {} ago",
            counted(days, "day")
        ),
        Condition::Withdrawn => "an image version that was withdrawn".to_owned(),
        Condition::EndOfLife => "an image version whose end of life is past".to_owned(),
        Condition::UnknownImage => "no existing version of the image definitions".to_owned(),
    };
    let all = condition.machines.iter().copied();
    let dated: Vec<&Machine> = all.filter(|one| !condition.undated.contains(one)).collect();
    let undated = "an image version to which there is a newer one, and Azure does not report when that was published".to_owned();
    let parts = [(&dated, what), (&condition.undated, undated)];
    let parts = parts
        .into_iter()
        .filter(|(machines, _)| !machines.is_empty());
    let parts: Vec<String> = parts
        .map(|(machines, what)| {
            let verb = if machines.len() == 1 { "runs" } else { "run" };
            let who = kinds(machines.iter().copied());
            format!("{who} {verb} {what}: {}", names(machines))
        })
        .collect();
    format!(
        "Condition '{}' of input '{}' is met: {}",
        condition.condition,
        FAIL_WHEN.name,
        parts.join("; ")
    )
}

/// `avd-0, avd-1 of host pool hp: 1.0.0; vm-1 (VM): 1.0.0`.
fn names(machines: &[&Machine]) -> String {
    let mut groups: Vec<(String, String, Vec<&str>)> = Vec::new();
    for machine in machines.iter().take(MOST_NAMED) {
        let place = match &machine.kind {
            MachineKind::SessionHost { pool, .. } => format!(" of host pool {}", pool.name()),
            MachineKind::Vm => " (VM)".to_owned(),
            MachineKind::ScaleSet => " (scale set)".to_owned(),
        };
        let image = table::image_of(machine);
        let mut alike = groups.iter_mut();
        match alike.find(|(known, of, _)| *known == place && *of == image) {
            Some((_, _, names)) => names.push(&machine.name),
            None => groups.push((place, image, vec![&machine.name])),
        }
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(place, image, names)| format!("{}{place}: {image}", names.join(", ")))
        .collect();
    let more = match machines.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more, which fleet.json has"),
    };
    groups.join("; ") + &more
}

fn advice(condition: &MetCondition<'_>) -> String {
    match condition.condition {
        Condition::Behind | Condition::BehindFor(_) => {
            let newest = condition.machines.iter().filter_map(|machine| {
                let behind = machine.judgement.behind.as_ref();
                behind.map(|behind| behind.newest.as_str())
            });
            let mut newest: Vec<&str> = newest.collect();
            newest.sort_unstable();
            newest.dedup();
            format!(
                "bring the newest version ({}) to these machines, session hosts with 'action: rollout'",
                newest.join(", ")
            )
        }
        Condition::Withdrawn | Condition::EndOfLife => {
            "bring a version that counts to these machines, session hosts with 'action: rollout'"
                .to_owned()
        }
        Condition::UnknownImage => format!(
            "replace these machines, session hosts with 'action: rollout'; or add their image definition to input '{}'; remove a session host without a VM from its host pool",
            GALLERY_IMAGE_ID.name
        ),
    }
}

fn not_seen(not_read: &NotRead) -> String {
    format!("Not checked: {}: {}", not_read.what, not_read.why)
}
