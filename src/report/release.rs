//! `action: promote` and `withdraw`, worded.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::build::replication;
use super::ending::Ending;
use super::files::{Files, ResultFile};
use super::issue::{Issue, report_warnings};
use super::markup::{self, cause, code, escaped, table};
use super::next_step::{IMAGE_VERSION_ID, NextStep, ways_back};
use super::version;
use crate::agent::Console;
use crate::error::{Error, duration};
use crate::inputs::manifest::{RELEASE_REGIONS, WITHDRAW_REASON};
use crate::inputs::{Action, Release, What};
use crate::release::change::Progress;
use crate::release::event::{Event, Events, Subject, Warning};
use crate::release::{Latest, LatestVersions};
use crate::resource::ResourceId;
use crate::wording::counted;

/// Writes the events of a promotion or withdrawal to the job's log as they come, and keeps what the end needs.
pub struct ReleaseReporter<'a> {
    console: &'a Console,
    request: &'a Release,
    collected: Mutex<Collected>,
}

/// What the events have said so far.
#[derive(Default)]
struct Collected {
    /// The version that is named, once it was found.
    own: Option<Subject>,
    /// The version or the copies that are released, each with how it ended.
    released: Vec<Released>,
    warnings: Vec<Warning>,
    /// Whether a change may be on its way.
    is_sending: bool,
}

struct Released {
    subject: Subject,
    now: Option<Now>,
}

struct Now {
    latest_versions: LatestVersions,
    counts: bool,
    changed: bool,
}

impl Released {
    /// Whether the version exists now. A copy whose request was refused, or still goes on, does not.
    fn exists(&self) -> bool {
        self.subject.existed || self.now.as_ref().is_some_and(|now| now.changed)
    }
}

impl Collected {
    /// The subject of the output variables: the copy if there is exactly one, otherwise the version of the inputs.
    fn main(&self) -> Option<&Subject> {
        match self.released.as_slice() {
            [only] => Some(&only.subject),
            _ => self.own.as_ref(),
        }
    }

    fn counts(&self) -> bool {
        let counts = |one: &Released| match &one.now {
            Some(now) => now.counts,
            None => one.subject.counts,
        };
        !self.released.is_empty() && self.released.iter().all(counts)
    }

    fn has_changed(&self) -> bool {
        let mut all = self.released.iter();
        all.any(|one| one.now.as_ref().is_some_and(|now| now.changed))
    }
}

impl<'a> ReleaseReporter<'a> {
    /// A reporter to the console; what the inputs are warned of is told first.
    pub fn new(console: &'a Console, request: &'a Release) -> Self {
        report_warnings(console, &request.warnings);
        Self {
            console,
            request,
            collected: Mutex::default(),
        }
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of the step. The files are in `folder`.
    pub fn finish(&self, result: &Result<(), Error>, folder: &Path) {
        let collected = self.collected();
        let is_canceled = matches!(result, Err(Error::Canceled));
        let mut ending = match result {
            Ok(()) => {
                let was_warned =
                    !collected.warnings.is_empty() || !self.request.warnings.is_empty();
                let conclusion = self.conclusion(&collected);
                // A copy that was only asked for in a preview is not there.
                let message = self
                    .outcome(&collected)
                    .map_or(&*conclusion, ResourceId::as_str);
                Ending {
                    exists: Some(conclusion.clone()),
                    ..Ending::done(message, was_warned)
                }
            }
            Err(error) => Ending::from(error),
        };
        if is_canceled && collected.is_sending {
            let line = "The change that was sent continues in Azure";
            ending.lines.push(line.to_owned());
        }
        ending.variables = self.variables(&collected);
        ending.result = collected.own.as_ref().map(|_| self.result_file(&collected));
        ending.summary = (!is_canceled).then(|| self.summary(&collected, result));
        let files = Files::new(self.console, folder, &self.request.name);
        ending.tell(files.with_page(self.request.action()));
    }

    /// `win11-avd 1.0.3 is promoted: the latest version in westeurope, northeurope`.
    fn conclusion(&self, collected: &Collected) -> String {
        let name = version::named(&self.request.version);
        let verb = self.verb();
        if self.request.preview {
            return format!("preview: {name} would be {verb}, and nothing was changed");
        }
        let several = collected.released.len() > 1;
        let latest = collected.released.iter().flat_map(|one| {
            let now = one.now.as_ref();
            let latest_versions = now.map_or(&one.subject.before, |it| &it.latest_versions);
            let gallery = one.subject.version.name_at(0).filter(|_| several);
            let gallery = gallery.map(|gallery| format!(" of {gallery}"));
            let gallery = gallery.unwrap_or_default();
            let groups = latest_versions.groups().into_iter();
            groups.map(move |(latest, regions)| {
                let name = latest.map_or("none", |latest| &latest.name);
                format!("{name} in {}{gallery}", regions.join(", "))
            })
        });
        let latest: Vec<_> = latest.collect();
        let already = if collected.has_changed() {
            ""
        } else {
            " already"
        };
        format!(
            "{name} is {verb}{already}; latest version: {}",
            latest.join("; ")
        )
    }

    fn verb(&self) -> &'static str {
        if self.request.is_promotion() {
            "promoted"
        } else {
            "withdrawn"
        }
    }

    /// The version for the output variables: the copy if there is exactly one, otherwise the version of the inputs. `None` if it does not exist.
    fn outcome<'k>(&self, collected: &'k Collected) -> Option<&'k ResourceId> {
        let exists = match self.request.targets() {
            [_] => collected
                .released
                .first()
                .filter(|one| one.exists())
                .map(|one| &one.subject),
            _ => collected.own.as_ref(),
        };
        exists.map(|subject| &subject.version)
    }

    fn variables(&self, collected: &Collected) -> Vec<(&'static str, String)> {
        let mut variables = version::variables(self.outcome(collected)).to_vec();
        let main = match self.request.targets() {
            // A copy replaces the latest version of its own definition, not that of the version it is a copy of.
            [_] => collected.released.first().map(|one| &one.subject),
            _ => collected.main(),
        };
        let previous = main.and_then(|main| main.before.in_region(&main.location));
        let previous = previous.map_or("", |latest| &latest.id);
        variables.push(("imagePreviousVersionId", previous.to_owned()));
        variables.push(("imageReleased", collected.counts().to_string()));
        variables
    }

    fn result_file(&self, collected: &Collected) -> ResultFile {
        let mut document = version::members(self.outcome(collected));
        document.insert("release".to_owned(), self.change_in_json(collected));
        ResultFile::new(document)
    }

    /// What was changed, and in which regions.
    fn change_in_json(&self, collected: &Collected) -> Value {
        let main = collected.main();
        let mut regions: Vec<&String> = Vec::new();
        let all = collected.released.iter().map(|one| &one.subject);
        for region in all.chain(main).flat_map(|subject| &subject.regions) {
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        let now = match collected.released.as_slice() {
            [only] => only.now.as_ref().map(|now| by_region(&now.latest_versions)),
            // The definition of the version itself stays as it was.
            _ => main.map(|main| by_region(&main.before)),
        };
        let copies = collected.released.iter().filter(|one| one.subject.is_copy);
        let made = copies.filter(|one| {
            let now = one.now.as_ref();
            now.is_some_and(|now| now.changed || now.counts || one.subject.counts)
        });
        let copies: Vec<_> = made.map(|one| one.subject.version.as_str()).collect();
        let mut release = Map::new();
        let mut put = |name: &str, value: Value| release.insert(name.to_owned(), value);
        put("action", json!(self.request.action()));
        put("preview", json!(self.request.preview));
        put("regions", json!(regions));
        put(
            "latestBefore",
            main.map_or(Value::Null, |main| by_region(&main.before)),
        );
        put("latestNow", json!(now));
        put("copies", json!(copies));
        if collected.released.len() > 1 {
            let each = collected.released.iter().map(|one| {
                json!({
                    "imageVersionId": one.subject.version.as_str(),
                    "regions": one.subject.regions,
                    "latestBefore": by_region(&one.subject.before),
                    "latestNow": one.now.as_ref().map(|now| by_region(&now.latest_versions)),
                })
            });
            put("each", each.collect());
        }
        Value::Object(release)
    }

    /// How to undo the change of `subject`. `reason` is what the author has to fill in for a withdrawal.
    fn way_back(&self, subject: &Subject) -> NextStep {
        let mut step = if self.request.is_promotion() {
            NextStep::new(Action::Withdraw).with(WITHDRAW_REASON.name, "<why>")
        } else {
            NextStep::new(Action::Promote)
        };
        step = step.with(IMAGE_VERSION_ID, subject.version.as_str());
        if !self.request.regions.is_empty() {
            step = step.with(RELEASE_REGIONS.name, subject.regions.join(", "));
        }
        step
    }

    fn summary(&self, collected: &Collected, result: &Result<(), Error>) -> String {
        let version = &self.request.version;
        let mut text = self.headline(collected, result);
        if let Err(error) = result {
            let hint = error.hint();
            text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
        }
        let mut rows = vec![("Image version", code(version.as_str()))];
        for target in self.request.targets() {
            let id = format!("{target}/versions/{}", version.name());
            let mut released = collected.released.iter();
            let exists = released.any(|one| one.exists() && one.subject.version.as_str() == id);
            let what = if exists { "" } else { " (not copied)" };
            rows.push(("Copy", format!("{}{what}", code(&id))));
        }
        if let What::Withdraw { reason, .. } = &self.request.what {
            rows.push(("Reason", escaped(reason)));
        }
        write!(text, "\n{}", table(&rows)).ok();
        for one in &collected.released {
            text.push_str(&standings(one));
        }
        let warnings = collected.warnings.iter();
        let warnings: Vec<_> = warnings
            .map(|it| markup::warning(it.code, &it.text, Some(&it.hint)))
            .collect();
        text.push_str(&markup::warnings(&warnings));
        let changed = collected.released.iter();
        let changed = changed.filter(|one| one.now.as_ref().is_some_and(|now| now.changed));
        let ways: Vec<_> = changed.map(|one| self.way_back(&one.subject)).collect();
        text.push_str(&ways_back(&ways));
        text
    }

    fn headline(&self, collected: &Collected, result: &Result<(), Error>) -> String {
        let name = version::named(&self.request.version);
        let verb = self.verb();
        let (mark, what) = match result {
            Err(_) => ("❌", format!("not {verb}")),
            Ok(()) if self.request.preview => ("🔍", format!("not {verb} (preview)")),
            Ok(()) if !collected.has_changed() => ("✅", format!("{verb} already")),
            Ok(()) if collected.warnings.is_empty() => ("✅", verb.to_owned()),
            Ok(()) => ("⚠️", verb.to_owned()),
        };
        format!("## {mark} Image version {what}: {}\n", escaped(&name))
    }
}

fn standings(one: &Released) -> String {
    let Released { subject, now } = one;
    let mut text = format!(
        "\n### Latest version of {} in {}\n\n| region | before | now |\n|---|---|---|\n",
        escaped(subject.version.name_at(1).unwrap_or_default()),
        escaped(subject.version.name_at(0).unwrap_or_default())
    );
    let shown = |latest: Option<&Latest>| latest.map_or("none".to_owned(), |it| code(&it.name));
    for (region, before) in &subject.before.0 {
        let now = match now {
            Some(now) => shown(now.latest_versions.in_region(region)),
            None => "not known".to_owned(),
        };
        writeln!(
            text,
            "| {} | {} | {now} |",
            code(region),
            shown(before.as_ref())
        )
        .ok();
    }
    text
}

/// The latest version's id by region.
fn by_region(latest_versions: &LatestVersions) -> Value {
    let all = latest_versions.0.iter();
    let all = all.map(|(region, latest)| {
        let id = latest.as_ref().map(|latest| latest.id.as_str());
        (region.clone(), json!(id))
    });
    Value::Object(all.collect())
}

/// One line for each version: `latest now:  1.0.3 in westeurope, northeurope`.
fn lines_of(what: &str, latest_versions: &LatestVersions) -> Vec<String> {
    let groups = latest_versions.groups().into_iter();
    let lines = groups.map(|(latest, regions)| {
        let name = latest.map_or("none", |latest| &latest.name);
        format!("{what}:  {name} in {}", regions.join(", "))
    });
    lines.collect()
}

fn display_name(subject: &Subject) -> String {
    let copy = if subject.is_copy { " (copy)" } else { "" };
    version::line(&subject.version) + copy
}

fn words_of(event: &Event) -> Vec<String> {
    match event {
        Event::Found(subject) => vec![display_name(subject)],
        Event::Waiting { state, elapsed } => vec![format!(
            "waiting for the image version:  {state} (after {})",
            duration(*elapsed)
        )],
        Event::Before(subject) => {
            let mut lines = Vec::new();
            if subject.is_copy {
                lines.push(display_name(subject));
            }
            lines.extend(lines_of("latest before", &subject.before));
            lines
        }
        Event::Planned(latest_versions) => lines_of("latest after", latest_versions),
        Event::Preview { changes: true } => {
            vec![
                "preview:  nothing is sent; without 'preview' the image version is changed"
                    .to_owned(),
            ]
        }
        Event::Preview { changes: false } => vec!["preview:  nothing to do".to_owned()],
        Event::Nothing { why } => {
            let why = why.unwrap_or("it is already so");
            vec![format!("nothing to do: {why}")]
        }
        Event::Progress(progress) => words_of_progress(progress),
        Event::Now {
            latest_versions, ..
        } => lines_of("latest now", latest_versions),
        Event::NoLookAtDeleted { reason } => vec![format!(
            "whether a deleted version has the number is not known:  {reason}"
        )],
        Event::Copies(copies) => copies
            .iter()
            .map(|id| format!("a copy stays as it is:  {id}"))
            .collect(),
        Event::Users {
            machines,
            scale_sets,
        } => vec![format!(
            "in use:  {}, {}",
            counted(*machines, "virtual machine"),
            counted(*scale_sets, "scale set")
        )],
        Event::Warning(_) => Vec::new(),
    }
}

pub(super) fn words_of_progress(progress: &Progress) -> Vec<String> {
    match progress {
        Progress::Sending => vec!["starting put image version...".to_owned()],
        Progress::Busy { state, elapsed } => {
            let seconds = elapsed.as_secs();
            let after = if seconds <= 120 {
                format!("{seconds} s")
            } else {
                duration(*elapsed)
            };
            vec![format!("put image version:  {state} (after {after})")]
        }
        Progress::Replicating(regions) => vec![format!("replicating:  {}", replication(regions))],
        Progress::Again { reason } => vec![format!("the change is sent again:  {reason}")],
        Progress::Succeeded => vec!["put image version:  Succeeded".to_owned()],
    }
}

impl Events for ReleaseReporter<'_> {
    fn emit(&self, event: Event) {
        for line in words_of(&event) {
            self.console.line(&line);
        }
        let mut collected = self.collected();
        match event {
            Event::Found(subject) => collected.own = Some(subject),
            Event::Before(subject) => collected.released.push(Released { subject, now: None }),
            Event::Progress(Progress::Sending) => collected.is_sending = true,
            Event::Progress(Progress::Succeeded) => collected.is_sending = false,
            Event::Now {
                latest_versions,
                counts,
                changed,
            } => {
                if let Some(last) = collected.released.last_mut() {
                    if changed {
                        let way_back = self.way_back(&last.subject);
                        self.console.line(&way_back.way_back());
                    }
                    last.now = Some(Now {
                        latest_versions,
                        counts,
                        changed,
                    });
                }
            }
            Event::Warning(warning) => {
                Issue::warning(warning.code, &warning.text, &warning.hint).tell(self.console);
                collected.warnings.push(warning);
            }
            Event::Waiting { .. }
            | Event::Planned(_)
            | Event::Preview { .. }
            | Event::Nothing { .. }
            | Event::Progress(_)
            | Event::NoLookAtDeleted { .. }
            | Event::Copies(_)
            | Event::Users { .. } => {}
        }
    }
}
