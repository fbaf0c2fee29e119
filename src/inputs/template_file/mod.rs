//! The template file of a repository: sections of an image template's `properties` in Azure's own words, in YAML or JSON.
//!
//! A section that is in the file wins whole; inputs fill the sections that are not. Two members are this task's own: `scriptPath` on scripts and
//! `sourcePath` on files name files of the repository.

mod check;
pub mod members;
mod node;
mod rules;
mod steps;
mod variables;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::declared::{
    BASE_IMAGE, BUILD_TIMEOUT_IN_MINUTES, DISTRIBUTE_TYPE, IMAGE_SOURCE, INLINE_SCRIPT, Input,
    PROVISIONER, TEMPLATE_FILE, VM_SIZE,
};
use super::given::Given;
use super::plan::{Provisioner, Source, Target};
use super::problem::{Code, Problem, quoted};
use super::reading::{Reading, Reported};
use check::{Checked, Fault};
pub(super) use steps::{FileSteps, resolve};

/// What a template file says, checked. The default is that of no file.
#[derive(Debug, Default)]
pub(super) struct TemplateFile {
    /// Its sections as they are sent, without the customizers.
    pub(super) sections: Map<String, Value>,
    /// Its customizers, if it has the section.
    pub(super) steps: Option<FileSteps>,
}

impl TemplateFile {
    pub(super) fn has(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// What the image starts from, if the file says it.
    pub(super) fn source(&self) -> Option<Source> {
        let source = self.sections.get("source")?;
        let text = |name: &str| {
            let value = source.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        if text("type") != "PlatformImage" {
            return Some(Source::InFile(source.clone()));
        }
        let plan = source.get("planInfo").map(|plan| {
            let text = |name: &str| {
                let value = plan.get(name).and_then(Value::as_str);
                value.unwrap_or_default().to_owned()
            };
            super::plan::PurchasePlan {
                name: text("planName"),
                product: text("planProduct"),
                publisher: text("planPublisher"),
            }
        });
        let version = Some(text("version")).filter(|version| !version.is_empty());
        Some(Source::Marketplace {
            publisher: text("publisher"),
            offer: text("offer"),
            sku: text("sku"),
            version: version.unwrap_or_else(|| super::marketplace::LATEST.to_owned()),
            plan,
        })
    }

    /// What the result becomes, if the file says it. The first target is the one that is reported.
    pub(super) fn target(&self) -> Option<Target> {
        let targets = self.sections.get("distribute")?.as_array()?;
        let first = targets.first()?;
        let run_output = first.get("runOutputName").and_then(Value::as_str)?;
        let in_staging = |target: &Value| {
            target.get("type").and_then(Value::as_str) == Some("VHD") && target.get("uri").is_none()
        };
        Some(Target::InFile {
            run_output: run_output.to_owned(),
            in_staging: targets.iter().any(in_staging),
        })
    }

    /// The limit of the build in minutes, if the file says it; the range is checked.
    pub(super) fn build_timeout(&self) -> Option<u32> {
        let minutes = self.sections.get(TIMEOUT)?.as_u64()?;
        u32::try_from(minutes).ok()
    }

    /// The system that the customizers are for, as far as they tell.
    pub(super) fn provisioner(&self) -> Option<Provisioner> {
        self.steps.as_ref().and_then(FileSteps::provisioner)
    }
}

/// The member has the name of an input, but it is Azure's.
const TIMEOUT: &str = BUILD_TIMEOUT_IN_MINUTES.name;

/// Everything that is wrong with the file is reported.
pub(super) fn read(reading: &mut Reading<'_>) -> Result<TemplateFile, Reported> {
    let Some(text) = reading.optional(&TEMPLATE_FILE)? else {
        return Ok(TemplateFile::default());
    };
    let text = text.trim_matches('"');
    let given = reading.given();
    let path = path(given, text);
    let content = match content(&path) {
        Ok(content) => content,
        Err((sentence, hint)) => {
            return Err(reading.report(problem(Code::TemplateFile, sentence, hint)));
        }
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let node = match node::parse(content.trim_start_matches('\u{feff}')) {
        Ok(node) => node,
        Err(no_tree) => {
            let sentence = format!("{name}, line {}: {}", no_tree.line, no_tree.reason);
            return Err(reading.report(problem(Code::TemplateFile, sentence, None)));
        }
    };
    let mut checked = check::check(&node, &members::IMAGE_TEMPLATE_PROPERTIES, &given.variables);
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    rules::check(&mut checked);
    let steps = steps::read(&mut checked, &folder);
    let mut first = None;
    checked.faults.sort_by_key(|fault| fault.line);
    for fault in checked.faults {
        let reported = reading.report(of_fault(&name, fault));
        first.get_or_insert(reported);
    }
    if let Some(reported) = first {
        return Err(reported);
    }
    let mut sections = checked.value;
    sections.remove("customize");
    warn_of_inputs_that_lose(reading, &sections, steps.is_some());
    Ok(TemplateFile { sections, steps })
}

fn problem(code: Code, sentence: String, hint: Option<String>) -> Problem {
    Problem::new(code, &TEMPLATE_FILE, sentence, hint)
}

fn of_fault(name: &str, fault: Fault) -> Problem {
    let Fault {
        code,
        line,
        place,
        text,
        hint,
    } = fault;
    let place = if place.is_empty() {
        String::new()
    } else {
        format!(", {place}")
    };
    problem(code, format!("{name}, line {line}{place}: {text}"), hint)
}

/// The file on the agent. A path may be written for Windows.
fn path(given: &Given, text: &str) -> PathBuf {
    let path = given.working_directory.join(text);
    if path.exists() {
        path
    } else {
        given.working_directory.join(text.replace('\\', "/"))
    }
}

fn content(path: &Path) -> Result<String, (String, Option<String>)> {
    let shown = quoted(&path.display().to_string());
    if path.is_dir() {
        return Err((
            format!(
                "{shown} is a folder; expected a YAML or JSON file, for example images/web.yml"
            ),
            None,
        ));
    }
    fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => (
            format!(
                "{shown} does not exist; expected a YAML or JSON file, for example images/web.yml"
            ),
            super::path::what_there_is(path),
        ),
        std::io::ErrorKind::InvalidData => (format!("{shown} is not text in UTF-8"), None),
        _ => (format!("{shown} cannot be read: {error}"), None),
    })
}

/// A section, and the inputs that would fill it and that an author sets rather than not.
const FILLED_BY: &[(&str, &[&Input])] = &[
    ("source", &[&IMAGE_SOURCE, &BASE_IMAGE]),
    ("customize", &[&PROVISIONER, &INLINE_SCRIPT]),
    ("distribute", &[&DISTRIBUTE_TYPE]),
    ("vmProfile", &[&VM_SIZE]),
    (TIMEOUT, &[&BUILD_TIMEOUT_IN_MINUTES]),
];

/// An input that was set to something else than its default, for a section that is in the file.
fn warn_of_inputs_that_lose(
    reading: &mut Reading<'_>,
    sections: &Map<String, Value>,
    has_steps: bool,
) {
    for (section, inputs) in FILLED_BY {
        let in_file = sections.contains_key(*section) || (has_steps && *section == "customize");
        for input in inputs.iter().filter(|_| in_file) {
            let text = reading.raw(input).trim();
            if !text.is_empty() && text != input.default.trim() {
                let reason = format!(
                    "because '{}' has the section '{section}'",
                    TEMPLATE_FILE.name
                );
                let hint = format!("leave '{}' or the section out", input.name);
                reading.warn_without_effect(input, &reason, &hint);
            }
        }
    }
}

/// A file without faults for the rules, so that they need not ask again.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

impl Checked {
    /// The line of a member, or of the nearest one around it.
    fn line(&self, place: &str) -> usize {
        let mut place = place;
        loop {
            if let Some(line) = self.lines.get(place) {
                return *line;
            }
            match place.rfind(['.', '[']) {
                Some(at) => place = place.get(..at).unwrap_or_default(),
                None => return 1,
            }
        }
    }

    fn fault(&mut self, place: &str, text: impl Into<String>, hint: Option<&str>) {
        let line = self.line(place);
        self.faults.push(Fault {
            code: Code::TemplateFile,
            line,
            place: place.to_owned(),
            text: text.into(),
            hint: hint.map(str::to_owned),
        });
    }
}
