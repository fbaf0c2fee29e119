//! From the customizers of the file to the steps of the plan, when it is known where the package lies.

use serde_json::Value;

use super::{FileStep, FileSteps, LONGEST_INLINE, SCRIPT_PATH};
use crate::inputs::declared::{PACKAGE_PATH, TEMPLATE_FILE};
use crate::inputs::plan::{Package, Step, StepAction};
use crate::inputs::problem::{Code, Problem, quoted};
use crate::inputs::reading::{Reading, Reported};
use crate::inputs::template_file::text;

/// The steps as they are sent. Every file that has to come with the package must lie in it.
pub(in crate::inputs) fn resolve(
    reading: &mut Reading<'_>,
    steps: FileSteps,
    package: Option<&Package>,
) -> Result<Vec<Step>, Reported> {
    let mut resolved = Vec::new();
    for step in steps.0 {
        let (customizer, file, member, windows_line_ends) = match step {
            FileStep::Plain(customizer, script) => {
                resolved.push(Step {
                    action: StepAction::Plain(Value::Object(customizer)),
                    script,
                });
                continue;
            }
            FileStep::Carried {
                customizer,
                file,
                member,
                windows_line_ends,
            } => (customizer, file, member, windows_line_ends),
        };
        let inside = package.and_then(|package| file.strip_prefix(&package.folder).ok());
        let Some(inside) = inside else {
            let why = if member.ends_with(SCRIPT_PATH) {
                format!(
                    "has more than {LONGEST_INLINE} bytes, so it has to come with the package, and does not lie in its folder"
                )
            } else {
                "has to come with the package, and does not lie in its folder".to_owned()
            };
            let sentence = format!("{member}: {} {why}", quoted(&file.display().to_string()));
            let hint = format!("set '{}' to a folder that holds it", PACKAGE_PATH.name);
            let problem = Problem::new(Code::TemplateFile, &TEMPLATE_FILE, sentence, Some(hint));
            return Err(reading.report(problem));
        };
        let parts = inside
            .components()
            .map(|part| part.as_os_str().to_string_lossy());
        let path = parts.collect::<Vec<_>>().join("/");
        let is_script = member.ends_with(SCRIPT_PATH);
        let action = if is_script {
            StepAction::PackageScript {
                customizer,
                path,
                windows_line_ends,
            }
        } else {
            StepAction::PackageFile {
                name: text(&customizer, "name").map(str::to_owned),
                destination: text(&customizer, "destination")
                    .unwrap_or_default()
                    .to_owned(),
                path,
            }
        };
        resolved.push(Step {
            action,
            script: is_script.then_some(file),
        });
    }
    Ok(resolved)
}
