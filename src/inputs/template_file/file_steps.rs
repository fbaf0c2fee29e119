//! The customizers of a template file, and the repository's files that they name.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::checked::Checked;
use super::script_file::{self, by_its_interpreter};
use crate::file;
use crate::inputs::macros::left_alone;
use crate::inputs::manifest::{PACKAGE_PATH, TEMPLATE_FILE};
use crate::inputs::path::{Bounds, INTO_BOUNDS, resolved, what_there_is};
use crate::inputs::plan::{Mend, Package, Provisioner, Step, StepAction};
use crate::inputs::problem::{Code, Problem, quoted};
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::inputs::spelling::lines;
use crate::template::model::{Customizer, Properties};

/// A script up to this length goes into the template. Azure Resource Manager takes requests of 4 MB, and a template has room for some scripts.
const LONGEST_INLINE: usize = 20_000;

const SCRIPT_PATH: &str = "scriptPath";
const SOURCE_PATH: &str = "sourcePath";

/// The customizers in their order.
#[derive(Debug)]
pub(in crate::inputs) struct FileSteps(Vec<FileStep>);

#[derive(Debug)]
enum FileStep {
    /// Ready to be sent, and the script that it runs, if that is one of the repository.
    Plain(Customizer, Option<PathBuf>),
    /// A file on the agent that has to come with the package, and where the template file names it.
    Carried {
        customizer: Customizer,
        file: PathBuf,
        member: String,
        mend: Mend,
    },
}

/// Reads the files that are named, and takes the customizers out of `properties`. Validators' scripts are put in place as well: they run in another
/// VM, which the package does not get into.
pub(super) fn read(
    checked: &mut Checked,
    properties: &mut Properties,
    place: (&Path, &Bounds),
) -> Option<FileSteps> {
    let validate = properties.validate.iter_mut();
    let validators = validate.flat_map(|it| it.in_vm_validations.iter_mut().flatten());
    for (index, validator) in validators.enumerate() {
        let member = format!("validate.inVMValidations[{index}]");
        *validator = match step(checked, place, &member, validator.clone()) {
            FileStep::Plain(validator, _) => validator,
            FileStep::Carried { customizer, .. } => {
                let member = format!("{member}.{SCRIPT_PATH}");
                let sentence = format!(
                    "the script is larger than {LONGEST_INLINE} bytes, and the package is not available in the validation VM"
                );
                checked.fault(
                    &member,
                    sentence,
                    Some("use 'scriptUri', or copy the script into the image"),
                );
                customizer
            }
        };
    }
    let customizers = properties.customize.take()?.into_iter().enumerate();
    let steps = customizers.map(|(index, customizer)| {
        step(checked, place, &format!("customize[{index}]"), customizer)
    });
    Some(FileSteps(steps.collect()))
}

/// Where the regular file is that a template file names as `file`. What is wrong with it is a fault of `member`.
fn existing(checked: &mut Checked, member: &str, file: &Path, bounds: &Bounds) -> Option<PathBuf> {
    let shown = quoted(&file.display().to_string());
    let real = match bounds.check(file) {
        Ok(real) => real,
        Err(outside) => {
            let hint = format!("{INTO_BOUNDS}, or into the folder of the package");
            let sentence = format!("{shown} {}", outside.reason(file));
            checked.fault(member, sentence, Some(&hint));
            return None;
        }
    };
    if real.is_file() {
        return Some(real);
    }
    if real.exists() {
        let sentence = format!("{shown} is not a regular file; expected a script or another file");
        checked.fault(member, sentence, None);
    } else {
        let hint = what_there_is(file);
        checked.fault(member, format!("{shown} does not exist"), hint.as_deref());
    }
    None
}

/// Enough of a script to know whether it is short.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let most = u64::try_from(LONGEST_INLINE).unwrap_or(u64::MAX);
    let file = file::open(path)?;
    file.take(most + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// Takes the members out that are this task's own: the path of a script, or of a file.
fn own_members(customizer: &mut Customizer) -> (Option<Value>, Option<Value>) {
    match customizer {
        Customizer::Shell(it) => (it.other.shift_remove(SCRIPT_PATH), None),
        Customizer::PowerShell(it) => (it.other.shift_remove(SCRIPT_PATH), None),
        Customizer::File(it) => (None, it.other.shift_remove(SOURCE_PATH)),
        Customizer::WindowsUpdate(_) | Customizer::WindowsRestart(_) | Customizer::Unknown(_) => {
            (None, None)
        }
    }
}

fn step(
    checked: &mut Checked,
    (folder, bounds): (&Path, &Bounds),
    place: &str,
    mut customizer: Customizer,
) -> FileStep {
    let (script, source) = own_members(&mut customizer);
    let (member, path) = match (&script, &source) {
        (Some(Value::String(path)), _) => (format!("{place}.{SCRIPT_PATH}"), path),
        (_, Some(Value::String(path))) => (format!("{place}.{SOURCE_PATH}"), path),
        _ => return FileStep::Plain(customizer, None),
    };
    let file = resolved(&folder.join(path.replace('\\', "/")));
    let shown = quoted(&file.display().to_string());
    let Some(real) = existing(checked, &member, &file, bounds) else {
        return FileStep::Plain(customizer, None);
    };
    if source.is_some() {
        return FileStep::Carried {
            customizer,
            file,
            member,
            mend: Mend::Nothing,
        };
    }
    let content = match beginning(&real) {
        Ok(content) => content,
        Err(error) => {
            checked.fault(&member, format!("{shown} cannot be read: {error}"), None);
            return FileStep::Plain(customizer, None);
        }
    };
    let shell = matches!(customizer, Customizer::Shell(_));
    if content.len() > LONGEST_INLINE {
        return FileStep::Carried {
            customizer,
            file,
            member,
            mend: script_file::mend(&content, shell),
        };
    }
    let Some(script) = script_file::decoded(content, shell) else {
        let hint =
            (!shell).then_some("save it as UTF-8; UTF-16 with a byte order mark is also supported");
        checked.fault(&member, format!("{shown} is not UTF-8 text"), hint);
        return FileStep::Plain(customizer, None);
    };
    let script = lines(&script);
    if script.is_empty() {
        checked.fault(&member, format!("{shown} is empty"), None);
    }
    warn_of_macros(checked, &member, &shown, &script);
    let script = if shell {
        by_its_interpreter(script)
    } else {
        script
    };
    FileStep::Plain(customizer.with_inline(script), Some(file))
}

/// What looks like a variable of the agent in a script of the repository. None is replaced there.
fn warn_of_macros(checked: &mut Checked, member: &str, shown: &str, script: &[String]) {
    for name in left_alone(&script.join("\n")) {
        let text = format!(
            "'$({name})' in {shown} is not replaced: this task does not replace variables in script files"
        );
        let hint = "pass the value to the script in another way, for example in a line of 'inline'";
        checked.warn(Code::Macro, member, text, hint.to_owned());
    }
}

impl FileSteps {
    /// The place of the first one that is named `name`.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.customizers().position(|step| step.name() == name)
    }

    /// The system that the steps are for; a file may go to any.
    pub(super) fn provisioner(&self) -> Option<Provisioner> {
        self.customizers().find_map(|step| match step {
            Customizer::Shell(_) => Some(Provisioner::Shell),
            Customizer::PowerShell(_)
            | Customizer::WindowsRestart(_)
            | Customizer::WindowsUpdate(_) => Some(Provisioner::PowerShell),
            Customizer::File(_) | Customizer::Unknown(_) => None,
        })
    }

    fn customizers(&self) -> impl Iterator<Item = &Customizer> {
        self.0.iter().map(|step| match step {
            FileStep::Plain(customizer, _) | FileStep::Carried { customizer, .. } => customizer,
        })
    }

    /// Whether a file has to come with the package.
    pub(in crate::inputs) fn need_package(&self) -> bool {
        self.0
            .iter()
            .any(|step| matches!(step, FileStep::Carried { .. }))
    }

    /// The inline lines of each step.
    pub(in crate::inputs) fn scripts(&self) -> Vec<String> {
        let scripts = self.customizers().map(Customizer::inline);
        let with_lines = scripts.filter(|lines| !lines.is_empty());
        with_lines.map(|lines| lines.join("\n")).collect()
    }

    /// All inline lines, to look for words in.
    pub(in crate::inputs) fn script(&self) -> String {
        self.scripts().join("\n")
    }

    /// The inline lines of each step, by its place in the file.
    pub(in crate::inputs) fn scripts_by_place(&self) -> impl Iterator<Item = (String, String)> {
        let steps = self.customizers().enumerate();
        steps.map(|(index, step)| (format!("customize[{index}]"), step.inline().join("\n")))
    }
}

/// The steps as they are sent, if the file has any. Every file that has to come with the package must lie in it.
pub(in crate::inputs) fn resolve(
    reader: &mut Reader<'_>,
    steps: Option<FileSteps>,
    package: Result<&Option<Package>, &AlreadyReported>,
) -> Result<Option<Vec<Step>>, AlreadyReported> {
    let Some(steps) = steps else {
        return Ok(None);
    };
    let package = package.map_err(AlreadyReported::clone)?.as_ref();
    let mut resolved = Vec::new();
    let mut outside = None;
    for step in steps.0 {
        let (customizer, file, member, mend) = match step {
            FileStep::Plain(customizer, script) => {
                resolved.push(Step {
                    action: StepAction::Plain(customizer),
                    script,
                });
                continue;
            }
            FileStep::Carried {
                customizer,
                file,
                member,
                mend,
            } => (customizer, file, member, mend),
        };
        let inside = package.and_then(|package| file.strip_prefix(&package.folder).ok());
        let Some(inside) = inside else {
            let problem = is_outside(&member, &file);
            outside = Some(reader.report(problem));
            continue;
        };
        let parts = inside
            .components()
            .map(|part| part.as_os_str().to_string_lossy());
        let path = parts.collect::<Vec<_>>().join("/");
        let is_script = member.ends_with(SCRIPT_PATH);
        let action = match customizer {
            Customizer::File(customizer) => StepAction::PackageFile {
                name: customizer.name,
                destination: customizer.destination.unwrap_or_default(),
                path,
            },
            customizer => StepAction::PackageScript {
                customizer,
                path,
                mend,
            },
        };
        resolved.push(Step {
            action,
            script: is_script.then_some(file),
        });
    }
    outside.map_or(Ok(Some(resolved)), Err)
}

fn is_outside(member: &str, file: &Path) -> Problem {
    let why = if member.ends_with(SCRIPT_PATH) {
        format!(
            "is larger than {LONGEST_INLINE} bytes, so it must be part of the package, but it is not in the package folder"
        )
    } else {
        "must be part of the package, but it is not in the package folder".to_owned()
    };
    let sentence = format!("{member}: {} {why}", quoted(&file.display().to_string()));
    let hint = format!("set '{}' to a folder that contains it", PACKAGE_PATH.name);
    Problem::new(Code::TemplateFile, &TEMPLATE_FILE, sentence, Some(hint))
}
