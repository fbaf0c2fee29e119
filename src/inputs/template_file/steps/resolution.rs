//! From the customizers of the file to the steps of the plan, when it is known where the package lies.

use std::path::Path;

use super::{FileStep, FileSteps, LONGEST_INLINE, SCRIPT_PATH};
use crate::inputs::declared::{PACKAGE_PATH, TEMPLATE_FILE};
use crate::inputs::plan::{Package, Step, StepAction};
use crate::inputs::problem::{Code, Problem, quoted};
use crate::inputs::reading::{Reading, Reported};
use crate::template::model::Customizer;

/// The steps as they are sent, if the file has any. Every file that has to come with the package must lie in it.
pub(in crate::inputs) fn resolve(
    reading: &mut Reading<'_>,
    steps: Option<FileSteps>,
    package: Result<&Option<Package>, &Reported>,
) -> Result<Option<Vec<Step>>, Reported> {
    let Some(steps) = steps else {
        return Ok(None);
    };
    let package = package.map_err(Reported::clone)?.as_ref();
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
            outside = Some(reading.report(problem));
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
