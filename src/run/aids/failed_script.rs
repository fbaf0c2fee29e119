//! The script of the repository in which a build failed.

use std::path::{Component, Path, PathBuf};

use regex::{Regex, escape};

use crate::diagnosis::{Explanation, FailedStep, ScriptPlace};
use crate::inputs::Plan;
use crate::run::build_template::BuildTemplate;
use crate::template::model::ImageTemplate;

/// Where the build failed: the line of a script of the package that the log names, or else the script that the template file names for the step.
pub(crate) fn failed_in(
    template: &BuildTemplate<'_>,
    explanation: &Explanation,
) -> Option<ScriptPlace> {
    let plan = template.plan?;
    let named = plan
        .package
        .as_ref()
        .and_then(|package| named_in(&package.folder, &package.name, &explanation.excerpt));
    named.or_else(|| script_of(plan, &template.definition, explanation.step.as_ref()?))
}

/// The last line of `excerpt` in which a shell names a line of a script of the package: `c:\buildartifacts\web\a.ps1:12 char:3` in Windows
/// PowerShell, `/tmp/web/a.sh: line 12: ` in bash, `/tmp/web/a.sh: 12: ` in dash.
fn named_in(folder: &Path, name: &str, excerpt: &[String]) -> Option<ScriptPlace> {
    let name = escape(name);
    let patterns = [
        format!(r"(?i)c:\\buildartifacts\\{name}\\([^:]+):(\d+) char:\d+"),
        format!(r"/tmp/{name}/([^:]+): (?:line )?(\d+): "),
    ];
    let patterns: Vec<_> = patterns.iter().flat_map(|it| Regex::new(it)).collect();
    excerpt.iter().rev().find_map(|line| {
        let found = patterns.iter().find_map(|pattern| pattern.captures(line))?;
        let path = found.get(1)?.as_str().replace('\\', "/");
        let file = inside(folder, &path)?;
        let line = found.get(2)?.as_str().parse().ok()?;
        Some(ScriptPlace { file, line })
    })
}

/// A file of the folder. The path comes from a log, where anybody may have written it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let plain = |part| matches!(part, Component::Normal(_));
    let file = folder.join(path);
    (path.components().all(plain) && file.is_file()).then_some(file)
}

/// The steps of the template file come last in the template.
fn script_of(plan: &Plan, template: &ImageTemplate, step: &FailedStep) -> Option<ScriptPlace> {
    let FailedStep::Customizer { position, .. } = step else {
        return None;
    };
    let steps = plan.steps.as_ref()?;
    let customizers = template.properties.customizers();
    let before = customizers.len().checked_sub(steps.len())?;
    let index = position.checked_sub(before + 1)?;
    let file = steps.get(index)?.script.clone()?;
    Some(ScriptPlace { file, line: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_name_the_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("scripts")).unwrap();
        std::fs::write(folder.path().join("scripts/a b.ps1"), "x").unwrap();
        std::fs::write(folder.path().join("a.sh"), "x").unwrap();
        let check = |excerpt: &[&str], expected: Option<(&str, u32)>| {
            let excerpt: Vec<_> = excerpt.iter().map(|&line| line.to_owned()).collect();
            let expected = expected.map(|(file, line)| ScriptPlace {
                file: folder.path().join(file),
                line,
            });
            assert_eq!(
                named_in(folder.path(), "my.app", &excerpt),
                expected,
                "{excerpt:?}"
            );
        };
        check(
            &[
                r"At C:\BuildArtifacts\my.app\scripts\a b.ps1:12 char:3",
                "+ throw 'x'",
            ],
            Some(("scripts/a b.ps1", 12)),
        );
        check(
            &["/tmp/my.app/a.sh: line 7: x: command not found"],
            Some(("a.sh", 7)),
        );
        check(&["/tmp/my.app/a.sh: 8: x: not found"], Some(("a.sh", 8)));
        check(
            &["/tmp/my.app/a.sh: line 1: x", "/tmp/my.app/a.sh: line 2: y"],
            Some(("a.sh", 2)),
        );
        check(&["/tmp/myXapp/a.sh: line 7: x"], None);
        check(&["/tmp/my.app/other.sh: line 7: x"], None);
        check(&["/tmp/my.app/../a.sh: line 7: x", "nothing"], None);
    }
}
