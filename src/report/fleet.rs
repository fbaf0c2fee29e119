//! `action: report`, worded: the table of versions and machines in the log and on the page of the run, the gates, `fleet.json`.

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
use crate::fleet::{Event, Events, Hit, Machine, Outcome, Place, Unseen};
use crate::inputs::manifest::{FAIL_WHEN, GALLERY_IMAGE_ID};
use crate::inputs::{Action, Condition, Fleet};
use crate::wording::counted;

/// Writes what is seen to the job's log.
pub struct FleetReporter<'a> {
    console: Console,
    fleet: &'a Fleet,
}

/// So many machines are named in an issue.
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
        let hits = outcome.hits(&self.fleet.fail_when);
        let mut ending = self.ending(outcome, &hits);
        if outcome.looked {
            if outcome.now.is_some() {
                ending.lines = table::lines(outcome);
                let behind = outcome.hosts_behind().to_string();
                ending.variables = vec![("imageHostsBehind", behind)];
            }
            let document = document::document(self.fleet, outcome, &hits);
            let file = ResultFile::of_action(Action::Report, document);
            ending.result = Some(file.named("fleet.json"));
        }
        ending.summary = (!is_canceled).then(|| self.summary(outcome, &hits));
        ending.tell(Files::new(&self.console, folder, &self.fleet.name));
    }

    fn ending(&self, outcome: &Outcome, hits: &[Hit<'_>]) -> Ending {
        let is_strict = !self.fleet.fail_when.is_empty();
        let first = (
            outcome.errors.first(),
            hits.first(),
            outcome.unseen.first().filter(|_| is_strict),
        );
        let ending = match first {
            (Some(error), _, _) => Ending::from(error),
            (None, Some(hit), _) => Ending::from(Failure {
                code: FLEET_WRONG,
                text: gates(hits),
                hint: Some(advice(hit)),
            }),
            (None, None, Some(unseen)) => Ending::from(Failure {
                code: FLEET_NOT_SEEN,
                text: NOT_ALL.to_owned(),
                hint: Some(unseen.hint.clone()),
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
            issues: self.issues(outcome, hits),
            ..ending
        }
    }

    /// Every error, every condition that is met, and everything that could not be read.
    fn issues(&self, outcome: &Outcome, hits: &[Hit<'_>]) -> Vec<Issue> {
        let errors = outcome.errors.iter();
        let errors = errors.filter(|error| !matches!(error, Error::Canceled));
        let errors = errors.map(|error| Failure::from(error).issue());
        let hits = hits.iter().map(|hit| {
            let (text, hint) = (condition_met(hit), advice(hit));
            Issue::new(IssueKind::Error, FLEET_WRONG, &text, Some(&hint))
        });
        let kind = if self.fleet.fail_when.is_empty() {
            IssueKind::Warning
        } else {
            IssueKind::Error
        };
        let unseen = outcome.unseen.iter().map(|unseen| {
            let text = not_seen(unseen);
            Issue::new(kind, FLEET_NOT_SEEN, &text, Some(&unseen.hint))
        });
        errors.chain(hits).chain(unseen).collect()
    }

    fn summary(&self, outcome: &Outcome, hits: &[Hit<'_>]) -> String {
        let strict = !self.fleet.fail_when.is_empty();
        let failed =
            !outcome.errors.is_empty() || !hits.is_empty() || strict && !outcome.unseen.is_empty();
        let mark = match (failed, outcome.unseen.is_empty()) {
            (true, _) => "❌",
            (false, false) => "⚠️",
            (false, true) => "✅",
        };
        let mut text = format!("## {mark} Fleet report\n");
        for error in &outcome.errors {
            let hint = error.hint();
            text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
        }
        for hit in hits {
            let hint = advice(hit);
            text.push_str(&cause(FLEET_WRONG, &condition_met(hit), Some(&hint)));
        }
        for unseen in &outcome.unseen {
            text.push_str(&cause(FLEET_NOT_SEEN, &not_seen(unseen), None));
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
    "Not everything could be looked at, so nobody can say that the fleet is as it should be";

/// `2 session hosts, 1 VM`.
fn kinds<'m>(machines: impl Iterator<Item = &'m Machine>) -> String {
    let mut counts = [0_usize; 3];
    for machine in machines {
        let [hosts, virtuals, sets] = &mut counts;
        match machine.place {
            Place::Pool { .. } => *hosts += 1,
            Place::Virtual => *virtuals += 1,
            Place::ScaleSet => *sets += 1,
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
        (_, 0) => "No session host was looked at".to_owned(),
        (0, 1) => "The session host runs the newest image version".to_owned(),
        (1, 1) => "The session host is behind".to_owned(),
        (1, all) => format!("1 of {all} session hosts is behind"),
        (count, all) => format!("{count} of {all} session hosts are behind"),
    };
    if others == 0 {
        return behind;
    }
    let all = outcome.machines.iter();
    let others = all.filter(|machine| !matches!(machine.place, Place::Pool { .. }));
    format!("{behind}; outside of the host pools: {}", kinds(others))
}

/// Which conditions are met, in one line.
fn gates(hits: &[Hit<'_>]) -> String {
    let words: Vec<String> = hits
        .iter()
        .map(|hit| {
            format!(
                "{} ({})",
                hit.condition,
                kinds(hit.machines.iter().copied())
            )
        })
        .collect();
    format!("Input '{}': {}", FAIL_WHEN.name, words.join("; "))
}

/// The sentence of a condition that holds, with the names.
fn condition_met(hit: &Hit<'_>) -> String {
    let who = kinds(hit.machines.iter().copied());
    let verb = match hit.machines.len() {
        1 => "runs",
        _ => "run",
    };
    let what = match hit.condition {
        Condition::Behind => "an image version to which there is a newer one".to_owned(),
        Condition::BehindFor(days) => format!(
            "an image version to which a newer one was published more than {} ago",
            counted(days, "day")
        ),
        Condition::Withdrawn => "an image version that was withdrawn".to_owned(),
        Condition::EndOfLife => "an image version whose end of life is past".to_owned(),
        Condition::UnknownImage => "no existing version of the image definitions".to_owned(),
    };
    format!(
        "Condition '{}' of input '{}' is met: {who} {verb} {what}: {}",
        hit.condition,
        FAIL_WHEN.name,
        names(&hit.machines)
    )
}

/// `avd-0, avd-1 of host pool hp: 1.0.0; vm-1 (VM): 1.0.0`.
fn names(machines: &[&Machine]) -> String {
    let mut groups: Vec<(String, String, Vec<&str>)> = Vec::new();
    for machine in machines.iter().take(MOST_NAMED) {
        let place = match &machine.place {
            Place::Pool { pool, .. } => format!(" of host pool {}", pool.name()),
            Place::Virtual => " (VM)".to_owned(),
            Place::ScaleSet => " (scale set)".to_owned(),
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

fn advice(hit: &Hit<'_>) -> String {
    match hit.condition {
        Condition::Behind | Condition::BehindFor(_) => {
            let newest = hit.machines.iter().filter_map(|machine| {
                let behind = machine.standing.behind.as_ref();
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

fn not_seen(unseen: &Unseen) -> String {
    format!("Not looked at: {}: {}", unseen.what, unseen.why)
}
