//! A promotion or a withdrawal, worded: lines of the log, variables, the result file, the summary.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::closing;
use super::files::Files;
use super::outcome::{report_warnings, with_hint};
use super::result_file::SCHEMA_VERSION;
use super::status::report_error;
use super::summary::markup::{code, escaped, fenced, table, with_commands};
use super::summary::warning;
use super::words::replication;
use crate::agent::{Console, IssueKind, TaskResult};
use crate::error::{Error, duration};
use crate::inputs::declared::{RELEASE_REGIONS, TASK_VERSION, WITHDRAW_REASON};
use crate::inputs::{Action, Release, What};
use crate::release::change::Progress;
use crate::release::event::{Event, Events, Subject, Warning};
use crate::release::{Latest, LatestVersions};
use crate::resource::ResourceId;

/// Writes the events of a promotion or withdrawal to the job's log as they come, and keeps what the end needs.
pub struct ReleaseReporter<'a> {
    console: &'a Console,
    request: &'a Release,
    known: Mutex<Known>,
}

/// What was told so far.
#[derive(Default)]
struct Known {
    /// The version that is named, once it was found.
    own: Option<Subject>,
    /// The version or the copies that are released, each with how it ended.
    released: Vec<Released>,
    warnings: Vec<Warning>,
    /// Whether a change may be on its way.
    sending: bool,
}

struct Released {
    subject: Subject,
    now: Option<Now>,
}

struct Now {
    standing: LatestVersions,
    counts: bool,
    changed: bool,
}

impl Known {
    /// What the variables are about: the version or the one copy.
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
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of the step: variables, result file, summary, issues, result. The files are in `folder`.
    pub fn finish(&self, result: &Result<(), Error>, folder: &Path) {
        let known = self.known();
        self.set_variables(&known);
        if known.own.is_some() {
            self.write_result(&known, folder);
        }
        if !matches!(result, Err(Error::Canceled)) {
            let name = format!("{}-{}", self.request.name, self.request.action());
            let text = self.summary(&known, result);
            self.files(folder, &name).summary(&text);
        }
        match result {
            Ok(()) => {
                let issues = !known.warnings.is_empty() || !self.request.warnings.is_empty();
                let done = if issues {
                    TaskResult::SucceededWithIssues
                } else {
                    TaskResult::Succeeded
                };
                closing::exists(self.console, &self.conclusion(&known));
                self.console.complete(done, self.outcome().as_str());
            }
            Err(Error::Canceled) => {
                if known.sending {
                    self.console
                        .line("The change that was sent goes on in Azure");
                }
                self.console
                    .complete(TaskResult::Canceled, "The job was canceled");
            }
            Err(error) => report_error(self.console, error),
        }
    }

    /// `win11-avd 1.0.3 is promoted: the latest version in westeurope, northeurope`.
    fn conclusion(&self, known: &Known) -> String {
        let version = &self.request.version;
        let name = format!(
            "{} {}",
            version.name_at(1).unwrap_or_default(),
            version.name()
        );
        let verb = self.verb();
        if self.request.preview {
            return format!("preview: {name} would be {verb}, and nothing was changed");
        }
        let several = known.released.len() > 1;
        let latest = known.released.iter().flat_map(|one| {
            let now = one.now.as_ref();
            let standing = now.map_or(&one.subject.before, |it| &it.standing);
            let gallery = one.subject.version.name_at(0).filter(|_| several);
            let gallery = gallery.map(|gallery| format!(" of {gallery}"));
            let gallery = gallery.unwrap_or_default();
            let groups = standing.groups().into_iter();
            groups.map(move |(latest, regions)| {
                let name = latest.map_or("none", |latest| &latest.name);
                format!("{name} in {}{gallery}", regions.join(", "))
            })
        });
        let latest: Vec<_> = latest.collect();
        let already = if known.has_changed() { "" } else { " already" };
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

    /// The version that the variables name: with one copy that copy, else the version that is named.
    fn outcome(&self) -> ResourceId {
        let version = &self.request.version;
        match self.request.targets() {
            [target] => format!("{target}/versions/{}", version.name())
                .parse()
                .unwrap_or_else(|_| version.clone()),
            _ => version.clone(),
        }
    }

    fn set_variables(&self, known: &Known) {
        let id = self.outcome();
        self.console.set_variable("imageVersionId", id.as_str());
        self.console.set_variable("imageUri", id.as_str());
        self.console.set_variable("imageVersion", id.name());
        let main = known.main();
        let previous = main.and_then(|main| main.before.in_region(&main.location));
        let previous = previous.map_or("", |latest| &latest.id);
        self.console
            .set_variable("imagePreviousVersionId", previous);
        let released = if known.counts() { "true" } else { "false" };
        self.console.set_variable("imageReleased", released);
    }

    fn write_result(&self, known: &Known, folder: &Path) {
        let document = self.document(known);
        self.files(folder, &self.request.name).document(&document);
    }

    fn files<'f>(&'f self, folder: &'f Path, name: &'f str) -> Files<'f> {
        Files {
            console: self.console,
            folder,
            name,
        }
    }

    fn document(&self, known: &Known) -> Value {
        let id = self.outcome();
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
        put("schemaVersion", json!(SCHEMA_VERSION));
        put("taskVersion", json!(TASK_VERSION));
        put("imageUri", json!(id.as_str()));
        put("imageVersionId", json!(id.as_str()));
        put("imageVersion", json!(id.name()));
        let definition = id.parent().map(|id| id.to_string());
        put("imageDefinitionId", json!(definition));
        let main = known.main();
        let mut regions: Vec<&String> = Vec::new();
        let all = known.released.iter().map(|one| &one.subject);
        for region in all.chain(main).flat_map(|subject| &subject.regions) {
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        let now = match known.released.as_slice() {
            [only] => only.now.as_ref().map(|now| by_region(&now.standing)),
            // The definition of the version itself stays as it was.
            _ => main.map(|main| by_region(&main.before)),
        };
        let copies = known.released.iter().filter(|one| one.subject.is_copy);
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
        if known.released.len() > 1 {
            let each = known.released.iter().map(|one| {
                json!({
                    "imageVersionId": one.subject.version.as_str(),
                    "regions": one.subject.regions,
                    "latestBefore": by_region(&one.subject.before),
                    "latestNow": one.now.as_ref().map(|now| by_region(&now.standing)),
                })
            });
            put("each", each.collect());
        }
        document.insert("release".to_owned(), Value::Object(release));
        Value::Object(document)
    }

    /// How to undo it, as inputs: one line each.
    fn way_back(&self, subject: &Subject) -> Vec<(&'static str, String)> {
        let promoted = matches!(self.request.what, What::Promote(_));
        let action = if promoted {
            Action::Withdraw
        } else {
            Action::Promote
        };
        let mut inputs = vec![
            (ACTION, action.name().to_owned()),
            (VERSION, subject.version.to_string()),
        ];
        if !self.request.regions.is_empty() {
            inputs.push((RELEASE_REGIONS.name, subject.regions.join(", ")));
        }
        inputs
    }

    fn summary(&self, known: &Known, result: &Result<(), Error>) -> String {
        let version = &self.request.version;
        let mut text = self.headline(known, result);
        if let Err(error) = result {
            writeln!(
                text,
                "\n**{}** {}",
                error.code(),
                escaped(&error.to_string())
            )
            .ok();
            if let Some(hint) = error.hint() {
                writeln!(text, "\n**What to do:** {}", with_commands(&hint)).ok();
            }
        }
        let mut rows = vec![("Image version", code(version.as_str()))];
        if let What::Withdraw { reason, .. } = &self.request.what {
            rows.push(("Reason", escaped(reason)));
        }
        write!(text, "\n{}", table(&rows)).ok();
        for one in &known.released {
            text.push_str(&standings(one));
        }
        if !known.warnings.is_empty() {
            text.push_str("\n### Warnings\n\n");
        }
        for it in &known.warnings {
            writeln!(text, "- {}", warning(it.code, &it.text, Some(&it.hint))).ok();
        }
        let changed = known.released.iter();
        let changed = changed.filter(|one| one.now.as_ref().is_some_and(|now| now.changed));
        let ways: Vec<_> = changed
            .map(|one| yaml(&self.way_back(&one.subject)))
            .collect();
        if !ways.is_empty() {
            let ways = fenced("yaml", &ways.join("\n"));
            write!(
                text,
                "\n### The way back\n\nA step with these inputs:\n\n{ways}"
            )
            .ok();
        }
        text
    }

    fn headline(&self, known: &Known, result: &Result<(), Error>) -> String {
        let version = &self.request.version;
        let definition = version.name_at(1).unwrap_or_default();
        let name = format!("{definition} {}", version.name());
        let verb = self.verb();
        let (mark, what) = match result {
            Err(_) => ("❌", format!("not {verb}")),
            Ok(()) if self.request.preview => ("🔍", format!("not {verb}: preview")),
            Ok(()) if !known.has_changed() => ("✅", format!("{verb} already")),
            Ok(()) if known.warnings.is_empty() => ("✅", verb.to_owned()),
            Ok(()) => ("⚠️", verb.to_owned()),
        };
        format!("## {mark} Image version {what}: {}\n", escaped(&name))
    }
}

const ACTION: &str = crate::inputs::declared::ACTION.name;
/// In the letter case of the output variable.
const VERSION: &str = "imageVersionId";

/// Inputs of a step, one a line.
fn yaml(inputs: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in inputs {
        writeln!(text, "{name}: {value}").ok();
        if *name == ACTION && *value == Action::Withdraw.name() {
            writeln!(text, "{}: <why>", WITHDRAW_REASON.name).ok();
        }
    }
    text
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
            Some(now) => shown(now.standing.in_region(region)),
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
fn by_region(standing: &LatestVersions) -> Value {
    let all = standing.0.iter();
    let all = all.map(|(region, latest)| {
        let id = latest.as_ref().map(|latest| latest.id.as_str());
        (region.clone(), json!(id))
    });
    Value::Object(all.collect())
}

/// One line for each version: `latest now:  1.0.3 in westeurope, northeurope`.
fn lines_of(what: &str, standing: &LatestVersions) -> Vec<String> {
    let groups = standing.groups().into_iter();
    let lines = groups.map(|(latest, regions)| {
        let name = latest.map_or("none", |latest| &latest.name);
        format!("{what}:  {name} in {}", regions.join(", "))
    });
    lines.collect()
}

fn called(subject: &Subject) -> String {
    let version = &subject.version;
    let copy = if subject.is_copy { " (copy)" } else { "" };
    format!(
        "image version:  {} of {} in {}{copy}",
        version.name(),
        version.name_at(1).unwrap_or_default(),
        version.name_at(0).unwrap_or_default()
    )
}

fn words_of(event: &Event) -> Vec<String> {
    match event {
        Event::Found(subject) => vec![called(subject)],
        Event::Waiting { state, elapsed } => vec![format!(
            "waiting for the image version:  {state} (after {})",
            duration(*elapsed)
        )],
        Event::Before(subject) => {
            let mut lines = Vec::new();
            if subject.is_copy {
                lines.push(called(subject));
            }
            lines.extend(lines_of("latest before", &subject.before));
            lines
        }
        Event::Planned(standing) => lines_of("latest after", standing),
        Event::Preview { changes: true } => {
            vec![
                "preview:  nothing is sent; without 'preview' the image version is changed"
                    .to_owned(),
            ]
        }
        Event::Preview { changes: false } => vec!["preview:  nothing to do".to_owned()],
        Event::Nothing { why } => {
            let why = why.unwrap_or("it is so already");
            vec![format!("nothing to do: {why}")]
        }
        Event::Progress(progress) => words_of_progress(progress),
        Event::Now { standing, .. } => lines_of("latest now", standing),
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
            count(*machines, "virtual machine"),
            count(*scale_sets, "scale set")
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

fn count(number: usize, what: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {what}{end}")
}

impl Events for ReleaseReporter<'_> {
    fn emit(&self, event: Event) {
        for line in words_of(&event) {
            self.console.line(&line);
        }
        let mut known = self.known();
        match event {
            Event::Found(subject) => known.own = Some(subject),
            Event::Before(subject) => known.released.push(Released { subject, now: None }),
            Event::Progress(Progress::Sending) => known.sending = true,
            Event::Progress(Progress::Succeeded) => known.sending = false,
            Event::Now {
                standing,
                counts,
                changed,
            } => {
                if let Some(last) = known.released.last_mut() {
                    if changed {
                        let inputs = self.way_back(&last.subject);
                        let inputs: Vec<_> = inputs
                            .iter()
                            .map(|(name, value)| format!("{name}: {value}"))
                            .collect();
                        self.console
                            .line(&format!("the way back:  {}", inputs.join(", ")));
                    }
                    last.now = Some(Now {
                        standing,
                        counts,
                        changed,
                    });
                }
            }
            Event::Warning(warning) => {
                let text = with_hint(&warning.text, Some(&warning.hint));
                self.console
                    .issue(IssueKind::Warning, Some(warning.code), &text);
                known.warnings.push(warning);
            }
            _ => {}
        }
    }
}
