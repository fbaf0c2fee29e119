//! Where the template file lies, what stands in it, with its `$(name)` replaced, and from where it can name other files.

use std::path::{Path, PathBuf};

use crate::file;
use crate::inputs::macros;
use crate::inputs::package::named_folder;
use crate::inputs::path::{Bounds, INTO_BOUNDS, what_there_is};
use crate::inputs::problem::quoted;
use crate::inputs::raw_inputs::{RawInputs, Variables};
use crate::inputs::reader::undefined;

/// Why there is nothing to read: a sentence, and a hint.
type Unread = (String, Option<String>);

/// The file on the agent. A path may be written for Windows.
pub(super) fn path(given: &RawInputs, text: &str) -> PathBuf {
    let path = given.working_directory.join(text);
    if path.exists() {
        path
    } else {
        given.working_directory.join(text.replace('\\', "/"))
    }
}

/// From where the file can name others. One that the author of the pipeline takes from elsewhere, such as a downloaded artifact, can name those
/// beside it; a link in the repository cannot lead elsewhere.
fn bounds(given: &RawInputs, path: &Path) -> Result<Bounds, Unread> {
    let mut bounds = Bounds::of(given);
    if bounds.holds_by_name(path) {
        bounds.check(path).map_err(|outside| {
            let shown = quoted(&path.display().to_string());
            let hint = format!("name the file itself, not a link to it; or {INTO_BOUNDS}");
            (format!("{shown} {}", outside.reason(path)), Some(hint))
        })?;
    } else if let Some(folder) = path.parent() {
        bounds.add(folder);
    }
    let package = named_folder(given);
    if let Some(package) = package.filter(|package| !bounds.holds_by_name(package)) {
        bounds.add(&package);
    }
    Ok(bounds)
}

/// What the file at `path` says, and from where it can name others.
pub(super) fn read(given: &RawInputs, path: &Path) -> Result<(Bounds, String), Unread> {
    let bounds = bounds(given, path)?;
    Ok((bounds, content(path)?))
}

/// Azure Resource Manager takes no more in one request.
const LONGEST_FILE: u64 = 4 << 20;

fn content(path: &Path) -> Result<String, Unread> {
    let shown = quoted(&path.display().to_string());
    if path.is_dir() {
        return Err((
            format!(
                "{shown} is a folder; expected a YAML or JSON file, for example images/web.yml"
            ),
            None,
        ));
    }
    let content = file::read(path, LONGEST_FILE);
    let text = content.and_then(|content| {
        String::from_utf8(content).map_err(|_| std::io::ErrorKind::InvalidData.into())
    });
    text.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => (
            format!(
                "{shown} does not exist; expected a YAML or JSON file, for example images/web.yml"
            ),
            what_there_is(path),
        ),
        std::io::ErrorKind::InvalidData => (format!("{shown} is not UTF-8 text"), None),
        _ => (format!("{shown} cannot be read: {error}"), None),
    })
}

/// A macro that cannot be replaced.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unexpandable {
    /// No variable of this name.
    #[error("variable '{0}' is not defined")]
    Undefined(String),
    /// Its value is secret.
    #[error(
        "variable '{0}' is secret; everybody with read permission on the image template could read it there"
    )]
    Secret(String),
}

impl Unexpandable {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Undefined(name) => undefined(name),
            Self::Secret(_) => {
                "let the build VM read the secret from a key vault with its own managed identity"
                    .to_owned()
            }
        }
    }
}

/// Replaces the macros of `text`. In a script, what is no variable is the shell's own and stays; elsewhere it must be one.
pub(super) fn expand(
    text: &str,
    variables: &Variables,
    is_script: bool,
) -> Result<String, Unexpandable> {
    macros::replaced(text, |name| match variables.get(name) {
        _ if !macros::is_variable_name(name) => Ok(None),
        Some(value) => Ok(Some(value.to_owned())),
        None if variables.is_secret(name) => Err(Unexpandable::Secret(name.to_owned())),
        None if is_script => Ok(None),
        None => Err(Unexpandable::Undefined(name.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_replaced_by_pipeline_variables() {
        let public = [("Build.BuildId", "4711"), ("my name", "$(x)")];
        let variables = Variables::new(
            public.map(|(name, value)| (name.to_owned(), value.to_owned())),
            ["key".to_owned()],
        );
        let check = |text: &str, is_script: bool, expected: Result<&str, &str>| {
            let found = expand(text, &variables, is_script).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check(
            "a $(Build.BuildId).$(build_BUILDID) b",
            false,
            Ok("a 4711.4711 b"),
        );
        check("$(my name)", false, Ok("$(x)"));
        check("$(none)", false, Err("variable 'none' is not defined"));
        check("$(none) $(Build.BuildId)", true, Ok("$(none) 4711"));
        check("$(ls /tmp) $( $()", true, Ok("$(ls /tmp) $( $()"));
        check("$(ls /tmp)", false, Ok("$(ls /tmp)"));
        let secret = "variable 'KEY' is secret; everybody with read permission on the image template could read it there";
        check("$(KEY)", true, Err(secret));
    }
}
