//! Reading the log of a build as it streams by: steps, what is known of failures, and the lines that a person wants to see.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use time::PrimitiveDateTime;

use super::matcher::{Groups, LOG_PATTERNS, Meaning, RULES};
use crate::log::{Change, Kind, Line, Lines, SingleTests, Step, Steps};

/// How a build ended, by its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All customizers ran, and the image was captured.
    Finished,
    /// Something failed.
    Errored,
    /// The log simply ends, or the service ended the build.
    CutOff,
}

/// What a log came to.
#[derive(Debug, Clone)]
pub struct LogSummary {
    /// How the build ended.
    pub end: End,
    /// All steps in their order.
    pub steps: Vec<Step>,
    /// The last lines before the failure that a person wants to see, at most [`LogSummary::MOST_LINES`].
    pub excerpt: Vec<String>,
    /// Packer's own last word, if the build ended badly.
    pub verdict: Option<String>,
    /// Lines of the log.
    pub lines: u64,
    /// The single tests that scripts reported.
    pub tests: SingleTests,
    /// Rank and groups of what was found.
    pub(super) found: Option<(usize, Groups)>,
}

impl LogSummary {
    /// What fits on a screen and still shows how it came to the failure.
    pub const MOST_LINES: usize = 30;

    /// The step that was at work when the build failed.
    pub fn failed_step(&self) -> Option<&Step> {
        let last = self.steps.last().filter(|step| !step.done);
        last.filter(|_| self.end != End::Finished)
    }
}

/// Where one entry fits in the current step.
#[derive(Debug, Default)]
struct Matches {
    count: u64,
    with: bool,
    groups: Groups,
}

/// Reads a log in pieces. Memory does not grow with the log.
#[derive(Debug, Default)]
pub struct LogReader {
    lines: Lines,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    steps: Steps,
    /// By the number of the entry in the catalogue.
    matches: BTreeMap<usize, Matches>,
    /// The entries whose `earlier` fits a line so far, in whatever step.
    earlier: BTreeSet<usize>,
    excerpt: VecDeque<String>,
    end: Option<End>,
    verdict: Option<String>,
    /// From here on Packer cleans up, and what fails then is not the cause.
    is_cleaning: bool,
    time: Option<PrimitiveDateTime>,
    count: u64,
    tests: SingleTests,
}

/// A line of the excerpt is cut at this length.
const LONGEST_LINE: usize = 500;

impl LogReader {
    /// Takes the next piece of the log.
    pub fn push(&mut self, piece: &[u8]) {
        let Self { lines, state } = self;
        lines.push(piece, |line| state.take(&line));
    }

    /// The log is over.
    pub fn finish(mut self) -> LogSummary {
        let Self { lines, state } = &mut self;
        lines.finish(|line| state.take(&line));
        self.state.finish()
    }
}

impl State {
    fn take(&mut self, line: &Line) {
        self.count += 1;
        self.tests.push(&line.text);
        self.time = line.time.or(self.time);
        if let Some(change) = self.steps.take(line) {
            // What a step met and survived is not why a later one failed.
            self.matches.clear();
            if change == Change::Started {
                self.excerpt.clear();
            }
        }
        match line.kind {
            Kind::Finished => self.end = Some(End::Finished),
            Kind::Errored => {
                self.end = Some(End::Errored);
                self.verdict.get_or_insert_with(|| line.text.clone());
            }
            _ => {}
        }
        if !self.is_cleaning || line.kind == Kind::Errored {
            self.compare(line);
        }
        if self.end.is_none() && line.kind == Kind::Announcement {
            self.is_cleaning |= line.begins_cleaning();
        }
        if line.is_for_people() && (!self.is_cleaning || line.kind == Kind::Errored) {
            self.show(&line.text);
        }
    }

    fn show(&mut self, text: &str) {
        if self.end == Some(End::Errored) && self.excerpt.back().is_some_and(|last| last == text) {
            return;
        }
        if self.excerpt.len() == LogSummary::MOST_LINES {
            self.excerpt.pop_front();
        }
        self.excerpt
            .push_back(text.chars().take(LONGEST_LINE).collect());
    }

    /// Compares the line with the entries of the catalogue.
    fn compare(&mut self, line: &Line) {
        let meanings: Vec<_> = LOG_PATTERNS.meanings(&line.text).collect();
        if meanings.is_empty() || meanings.contains(&Meaning::Harmless) {
            return;
        }
        let step = self.steps.open().map(|step| step.kind.clone());
        for meaning in meanings {
            match meaning {
                Meaning::Fits(index) => {
                    let Some(rule) = RULES.get(index) else {
                        continue;
                    };
                    let elsewhere = rule.entry.step.is_some() && rule.entry.step != step.as_deref();
                    if elsewhere || (step.is_some() && rule.entry.outside_steps) {
                        continue;
                    }
                    let Some(groups) = rule.groups(&line.text) else {
                        continue;
                    };
                    let matches = self.matches.entry(index).or_default();
                    matches.count += 1;
                    if matches.count == 1 {
                        matches.groups = groups;
                    }
                }
                Meaning::Earlier(index) => {
                    self.earlier.insert(index);
                }
                Meaning::With(index) => self.matches.entry(index).or_default().with = true,
                Meaning::Revoked(index) => {
                    self.matches.remove(&index);
                }
                Meaning::Harmless => {}
            }
        }
    }

    fn finish(mut self) -> LogSummary {
        let end = self.end.unwrap_or(End::CutOff);
        let found = if end == End::Finished {
            None
        } else {
            self.found()
        };
        LogSummary {
            end,
            steps: self.steps.all().to_vec(),
            excerpt: std::mem::take(&mut self.excerpt).into(),
            verdict: self.verdict,
            lines: self.count,
            tests: self.tests,
            found,
        }
    }

    /// The most specific entry that fits often enough: `matches` is in the order of the catalogue.
    fn found(&self) -> Option<(usize, Groups)> {
        let elapsed = self.steps.open().and_then(|step| {
            let elapsed = self.time? - step.started?;
            u64::try_from(elapsed.whole_seconds()).ok()
        });
        let enough = |(index, matches): &(&usize, &Matches)| {
            RULES.get(**index).is_some_and(|rule| {
                let earlier = rule.entry.earlier.is_none() || self.earlier.contains(*index);
                earlier
                    && matches.count >= rule.entry.least
                    && (matches.with || rule.entry.with.is_none())
                    && elapsed.unwrap_or_default() >= rule.entry.least_seconds
            })
        };
        let (index, matches) = self.matches.iter().find(enough)?;
        Some((*index, matches.groups.clone()))
    }
}
