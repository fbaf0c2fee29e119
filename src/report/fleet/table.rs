//! The tables of the fleet report, in the log and on the page of the run. The main one has a row for each image version.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use time::OffsetDateTime;

use crate::arm::gallery::{State, Version, latest};
use crate::fleet::{Definition, Judgement, Machine, MachineKind, Outcome, RunningImage, judge};
use crate::report::markup::{code, escaped};
use crate::resource::ResourceId;
use crate::resource::tag::WITHDRAWN_AT;

/// How many rows of a table are on the page of the run.
const MOST_ROWS: usize = 200;

/// One image, and who runs it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// `1.0.3`, or how another image is called.
    pub(super) image: String,
    pub(super) hosts: usize,
    pub(super) vms: usize,
    pub(super) scale_sets: usize,
    /// The names of the pools.
    pub(super) pools: BTreeSet<String>,
    /// Whole days since it was published.
    pub(super) age: Option<i64>,
    pub(super) state: String,
    /// Whether `latest` stands for it in a region.
    is_latest: bool,
}

impl Row {
    fn new(image: &str) -> Self {
        Self {
            image: image.to_owned(),
            ..Self::default()
        }
    }

    fn add(&mut self, machine: &Machine) {
        match &machine.kind {
            MachineKind::SessionHost { pool, .. } => {
                self.hosts += 1;
                self.pools.insert(pool.name().to_owned());
            }
            MachineKind::Vm => self.vms += 1,
            MachineKind::ScaleSet => self.scale_sets += 1,
        }
    }

    fn is_used(&self) -> bool {
        self.hosts + self.vms + self.scale_sets > 0
    }

    fn cells(&self) -> [String; 7] {
        let pools: Vec<&str> = self.pools.iter().map(String::as_str).collect();
        let age = match self.age {
            Some(1) => "1 day".to_owned(),
            Some(days) => format!("{days} days"),
            None => String::new(),
        };
        [
            self.image.clone(),
            self.hosts.to_string(),
            self.vms.to_string(),
            self.scale_sets.to_string(),
            pools.join(", "),
            age,
            self.state.clone(),
        ]
    }
}

const HEADS: [&str; 7] = [
    "version",
    "hosts",
    "VMs",
    "scale sets",
    "pools",
    "age",
    "state",
];

/// The versions of a definition, the newest first: all of them, used or not, and those that machines name and that are not there.
pub(super) fn rows(definition: &Definition, outcome: &Outcome) -> Vec<Row> {
    let own = |id: &ResourceId| id.parent().is_some_and(|it| it == definition.id);
    let versions = definition.versions.as_deref().unwrap_or_default();
    let mut rows: Vec<Row> = Vec::new();
    for version in versions {
        rows.push(Row {
            age: outcome.now.and_then(|now| age(version, now)),
            state: state(version, versions, outcome.now),
            is_latest: !latest_in(version, versions).is_empty(),
            ..Row::new(&version.name)
        });
    }
    for machine in &outcome.machines {
        let RunningImage::Version(id) = &machine.image else {
            continue;
        };
        if !own(id) {
            continue;
        }
        let name = id.name();
        let place = rows
            .iter()
            .position(|row| row.image.eq_ignore_ascii_case(name));
        let place = place.unwrap_or_else(|| {
            let state = match &definition.versions {
                Some(_) => "does not exist",
                None => "not checked",
            };
            rows.push(Row {
                state: state.to_owned(),
                ..Row::new(name)
            });
            rows.len() - 1
        });
        if let Some(row) = rows.get_mut(place) {
            row.add(machine);
        }
    }
    let number = |row: &Row| row.image.parse::<crate::resource::ImageVersion>().ok();
    rows.sort_by_cached_key(|row| std::cmp::Reverse(number(row)));
    rows
}

/// The images that are of no definition.
fn other_rows(outcome: &Outcome) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for machine in &outcome.machines {
        if matches!(machine.image, RunningImage::Version(_)) {
            continue;
        }
        let image = image_of(machine);
        let known = rows.iter_mut().find(|row| row.image == image);
        if let Some(row) = known {
            row.add(machine);
        } else {
            let mut row = Row::new(&image);
            row.add(machine);
            rows.push(row);
        }
    }
    rows.sort_by(|one, other| one.image.cmp(&other.image));
    rows
}

fn age(version: &Version, now: OffsetDateTime) -> Option<i64> {
    version.published.map(|date| (now - date).whole_days())
}

/// `latest in westeurope`, `behind since 2026-10-30; withdrawn`.
fn state(version: &Version, versions: &[Version], now: Option<OffsetDateTime>) -> String {
    let mut words = Vec::new();
    if version.state != State::Succeeded {
        words.push(version.state.as_str().to_owned());
    }
    let regions = latest_in(version, versions);
    if !regions.is_empty() {
        words.push(format!("latest in {}", regions.join(", ")));
    }
    let all = version.regions.iter();
    if version.excluded || !version.regions.is_empty() && all.clone().all(|it| it.excluded) {
        words.push("excluded from latest".to_owned());
    } else if version.regions.iter().any(|it| it.excluded) {
        let names: Vec<&str> = all
            .filter(|it| it.excluded)
            .map(|it| it.name.as_str())
            .collect();
        words.push(format!("excluded from latest in {}", names.join(", ")));
    }
    if let Some(now) = now {
        let judgement = judge(versions, version, None, now);
        let withdrawn = judgement.withdrawn;
        let mut said = in_words(&Judgement {
            withdrawn: false,
            ..judgement
        });
        if withdrawn {
            let date = version.tag(WITHDRAWN_AT).and_then(|at| at.get(..10));
            let date = date.map(|date| format!(" {date}")).unwrap_or_default();
            let join = if said.is_empty() { "" } else { "; " };
            said = format!("{said}{join}withdrawn{date}");
        }
        if !said.is_empty() {
            words.push(said);
        }
    }
    words.join("; ")
}

/// The regions in which `latest` stands for a version.
pub(super) fn latest_in<'v>(version: &'v Version, versions: &[Version]) -> Vec<&'v str> {
    let regions = version.regions.iter().map(|region| region.name.as_str());
    let is_latest =
        |region: &&str| latest(versions, region).is_some_and(|it| it.name == version.name);
    regions.filter(is_latest).collect()
}

/// What is to be said of the version of a machine; nothing if it is as it should be.
pub(super) fn in_words(judgement: &Judgement) -> String {
    let mut words = Vec::new();
    if let Some(behind) = &judgement.behind {
        words.push(match behind.since {
            Some(since) => format!("behind since {}", since.date()),
            None => "behind".to_owned(),
        });
    }
    if judgement.withdrawn {
        words.push("withdrawn".to_owned());
    }
    if judgement.end_of_life {
        words.push("end of life is past".to_owned());
    }
    if judgement.unknown {
        words.push("no existing version".to_owned());
    }
    words.join("; ")
}

/// A table with a title, and how many rows are left out because nobody uses them.
struct Table {
    title: String,
    rows: Vec<Row>,
    unused: usize,
}

fn tables(outcome: &Outcome) -> Vec<Table> {
    let of_definition = |definition: &Definition| {
        let all = rows(definition, outcome);
        let count = all.len();
        // The latest one is what the others are measured by.
        let shown = |row: &Row| row.is_used() || row.is_latest;
        let rows: Vec<Row> = all.into_iter().filter(shown).collect();
        Table {
            title: format!("image versions of {}", definition.id.name()),
            unused: count - rows.len(),
            rows,
        }
    };
    let mut tables: Vec<Table> = outcome.definitions.iter().map(of_definition).collect();
    let rows = other_rows(outcome);
    if !rows.is_empty() {
        tables.push(Table {
            title: "other images".to_owned(),
            rows,
            unused: 0,
        });
    }
    tables
}

fn unused(count: usize) -> String {
    match count {
        1 => "1 more version is not used".to_owned(),
        count => format!("{count} more versions are not used"),
    }
}

/// The tables as lines of the log.
pub(super) fn lines(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    for table in tables(outcome) {
        if !table.rows.is_empty() {
            lines.push(format!("{}:", table.title));
            lines.extend(aligned(&table.rows));
        }
        if table.unused > 0 {
            lines.push(format!("  {}", unused(table.unused)));
        }
    }
    lines
}

/// Columns as wide as their widest cell.
fn aligned(rows: &[Row]) -> Vec<String> {
    let mut all = vec![HEADS.map(str::to_owned)];
    all.extend(rows.iter().map(Row::cells));
    let mut widths = [0_usize; 7];
    for row in &all {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 7]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// The tables on the page of the run.
pub(super) fn markdown(outcome: &Outcome) -> String {
    let mut text = String::new();
    for table in tables(outcome) {
        writeln!(text, "\n### {}\n", escaped(&title(&table.title))).ok();
        if !table.rows.is_empty() {
            writeln!(
                text,
                "| {} |\n{}|",
                HEADS.join(" | "),
                "|---".repeat(HEADS.len())
            )
            .ok();
        }
        for row in table.rows.iter().take(MOST_ROWS) {
            let [image, hosts, vms, sets, pools, age, state] = row.cells();
            writeln!(
                text,
                "| {} | {hosts} | {vms} | {sets} | {} | {age} | {} |",
                code(&image),
                escaped(&pools),
                escaped(&state)
            )
            .ok();
        }
        let hidden = table.rows.len().saturating_sub(MOST_ROWS);
        if hidden > 0 {
            writeln!(text, "\n{hidden} more are in fleet.json.").ok();
        }
        if table.unused > 0 {
            writeln!(text, "\n{}.", unused(table.unused)).ok();
        }
    }
    text
}

/// With a capital letter.
fn title(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// What a machine runs, in short.
pub(super) fn image_of(machine: &Machine) -> String {
    match &machine.image {
        RunningImage::Version(id) => id.name().to_owned(),
        RunningImage::Other(image) => image.clone(),
        RunningImage::NoVm => "its VM does not exist".to_owned(),
        RunningImage::NotRead => "not checked".to_owned(),
    }
}

/// The session hosts of which there is something to say.
pub(super) fn hosts_to_replace(outcome: &Outcome) -> String {
    let needs_replacement = |host: &&Machine| {
        let it = &host.judgement;
        it.behind.is_some() || it.withdrawn || it.end_of_life || it.unknown
    };
    let all: Vec<&Machine> = outcome.hosts().filter(needs_replacement).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut text = "\n### Session hosts to be replaced\n\n| session host | host pool | image | sessions | |\n|---|---|---|---|---|\n".to_owned();
    for host in all.iter().take(MOST_ROWS) {
        let MachineKind::SessionHost { pool, sessions, .. } = &host.kind else {
            continue;
        };
        let sessions = sessions.map(|count| count.to_string());
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            code(&host.name),
            code(pool.name()),
            escaped(&image_of(host)),
            sessions.unwrap_or_default(),
            escaped(&in_words(&host.judgement))
        )
        .ok();
    }
    if let Some(more) = all.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        writeln!(text, "\n{more} more are in fleet.json.").ok();
    }
    text
}
