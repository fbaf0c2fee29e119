//! Where the template file lies, what stands in it, and from where it can name other files.

use std::path::{Path, PathBuf};

use crate::file;
use crate::inputs::package::named_folder;
use crate::inputs::path::{Bounds, INTO_BOUNDS, what_there_is};
use crate::inputs::problem::quoted;
use crate::inputs::raw_inputs::RawInputs;

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
