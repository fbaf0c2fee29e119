//! The template file of a repository: sections of an image template's `properties` in Azure's own words, in YAML or JSON.
//!
//! A section that is in the file wins whole; inputs fill the sections that are not. Two members are this task's own: `scriptPath` on scripts and
//! `sourcePath` on files name files of the repository.

mod check;
mod checked;
mod file_steps;
pub mod members;
mod node;
pub mod overrides;
mod rules;
mod script_file;
mod source;

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::manifest::{AUTO_RUN, TEMPLATE_FILE};
use super::plan::Provisioner;
use super::problem::{Code, Problem};
use super::reader::{AlreadyReported, Reader};
use crate::template::model::Properties;
use checked::{Checked, Fault};
pub(super) use file_steps::{FileSteps, resolve};
use overrides::{CUSTOMIZE, DISTRIBUTE, SOURCE};

/// What a template file says, checked. The default is that of no file.
#[derive(Debug, Default)]
pub(super) struct TemplateFile {
    /// Its sections as they are sent, without the customizers. Empty if the file has a fault.
    pub(super) properties: Properties,
    /// Its customizers, if it has the section and no fault.
    pub(super) steps: Option<FileSteps>,
    /// The names of its sections, those with a fault too.
    pub(super) names: Vec<String>,
    /// What is wrong with it, if something is.
    fault: Option<AlreadyReported>,
    /// Whether not even the names of its sections are known.
    unread: bool,
}

impl TemplateFile {
    /// A file that cannot be read.
    fn unread(fault: AlreadyReported) -> Self {
        Self {
            fault: Some(fault),
            unread: true,
            ..Self::default()
        }
    }

    pub(super) fn has(&self, section: &str) -> bool {
        self.names.iter().any(|name| name == section)
    }

    /// Whether it has customizers, as far as is known.
    pub(super) fn may_customize(&self) -> bool {
        self.unread || self.has(CUSTOMIZE)
    }

    /// What the file says by `said` if it has the section, and otherwise what the inputs say. With a fault in the file, those that the file does
    /// not override are read all the same: every problem is told in one go.
    pub(super) fn or_inputs<T>(
        &self,
        reader: &mut Reader<'_>,
        section: &str,
        said: impl FnOnce(&Properties) -> Option<T>,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, AlreadyReported>,
    ) -> Result<T, AlreadyReported> {
        match &self.fault {
            Some(_) if self.unread => reader.as_far_as_given(read),
            Some(fault) if self.has(section) => Err(fault.clone()),
            _ => match said(&self.properties).filter(|_| self.has(section)) {
                Some(value) => Ok(value),
                None => read(reader),
            },
        }
    }

    /// Every script that it brings into the template, by its place in the file.
    pub(super) fn scripts(&self) -> Vec<(String, String)> {
        let own = self.steps.iter().flat_map(FileSteps::scripts_by_place);
        let validators = self.properties.validators().iter().enumerate();
        let validators = validators.map(|(index, validator)| {
            let place = format!("validate.inVMValidations[{index}]");
            (place, validator.inline().join("\n"))
        });
        own.chain(validators).collect()
    }

    /// What the file says of a section that can be left out, and otherwise what the inputs say.
    pub(super) fn section<T: Clone>(
        &self,
        reader: &mut Reader<'_>,
        section: &str,
        said: impl FnOnce(&Properties) -> &Option<T>,
        read: impl FnOnce(&mut Reader<'_>) -> Result<Option<T>, AlreadyReported>,
    ) -> Result<Option<T>, AlreadyReported> {
        self.or_inputs(reader, section, |it| Some(said(it).clone()), read)
    }

    /// The place among the customizers of the first one that is named `name`.
    pub(super) fn step_named(&self, name: &str) -> Option<usize> {
        self.steps.as_ref()?.named(name)
    }

    /// The system that the customizers are for, as far as they tell.
    pub(super) fn provisioner(&self) -> Option<Provisioner> {
        self.steps.as_ref().and_then(FileSteps::provisioner)
    }
}

/// What a test passes over: it is about a build, which may well be one of the same file.
const NOT_OF_TEST: &[&str] = &[
    SOURCE,
    CUSTOMIZE,
    DISTRIBUTE,
    "optimize",
    "errorHandling",
    AUTO_RUN.name,
];

/// Everything that is wrong with the file is reported.
pub(super) fn read(reader: &mut Reader<'_>) -> TemplateFile {
    read_sections(reader, &[])
}

/// The sections that count in a test, and everything that is wrong with those.
pub(super) fn read_for_test(reader: &mut Reader<'_>) -> TemplateFile {
    read_sections(reader, NOT_OF_TEST)
}

fn read_sections(reader: &mut Reader<'_>, without: &[&str]) -> TemplateFile {
    let text = match reader.optional(&TEMPLATE_FILE) {
        Ok(Some(text)) => text,
        Ok(None) => return TemplateFile::default(),
        Err(reported) => return TemplateFile::unread(reported),
    };
    let given = reader.raw_inputs();
    let path = source::path(given, text);
    let (bounds, content) = match source::read(given, &path) {
        Ok(read) => read,
        Err((sentence, hint)) => {
            let reported = reader.report(problem(Code::TemplateFile, sentence, hint));
            return TemplateFile::unread(reported);
        }
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut node = match node::parse(content.trim_start_matches('\u{feff}')) {
        Ok(node) => node,
        Err(no_tree) => {
            let sentence = format!("{name}, line {}: {}", no_tree.line, no_tree.reason);
            let reported = reader.report(problem(Code::TemplateFile, sentence, None));
            return TemplateFile::unread(reported);
        }
    };
    node.leave_out(without);
    let mut checked = check::check(&node, &members::IMAGE_TEMPLATE_PROPERTIES, &given.variables);
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    rules::check(&mut checked);
    let mut properties = properties(&mut checked);
    let steps = file_steps::read(&mut checked, &mut properties, (&folder, &bounds));
    let mut first = None;
    checked.faults.sort_by_key(|fault| fault.line);
    for fault in checked.faults {
        let reported = reader.report(of_fault(&name, fault));
        first.get_or_insert(reported);
    }
    let names = node.names();
    let system = steps.as_ref().and_then(FileSteps::provisioner);
    overrides::warn(
        reader,
        |section| names.iter().any(|name| name == section),
        system,
    );
    for warning in checked.warnings {
        reader.warn_of_file(&name, warning);
    }
    if let Some(fault) = first {
        return TemplateFile {
            unread: !node.is_map(),
            names,
            fault: Some(fault),
            ..TemplateFile::default()
        };
    }
    TemplateFile {
        properties,
        steps,
        names,
        ..TemplateFile::default()
    }
}

/// What was checked, in types.
fn properties(checked: &mut Checked) -> Properties {
    let value = Value::Object(std::mem::take(&mut checked.value));
    Properties::deserialize(value).unwrap_or_else(|error| {
        checked.fault("", format!("it cannot be read: {error}"), None);
        Properties::default()
    })
}

fn problem(code: Code, sentence: String, hint: Option<String>) -> Problem {
    Problem::new(code, &TEMPLATE_FILE, sentence, hint)
}

fn of_fault(file: &str, fault: Fault) -> Problem {
    let sentence = fault.sentence(file);
    problem(fault.code, sentence, fault.hint)
}

impl Reader<'_> {
    fn warn_of_file(&mut self, file: &str, warning: Fault) {
        let text = format!("Input '{}': {}", TEMPLATE_FILE.name, warning.sentence(file));
        self.warn(warning.code, text, warning.hint);
    }
}
