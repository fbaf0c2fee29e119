//! JSON files on the agent: the template that deploys session hosts, and the file of its parameters.

use std::path::Path;

use serde_json::Value;

use crate::file;
use crate::inputs::manifest::{Input, SESSION_HOST_PARAMETERS};
use crate::inputs::path::{Bounds, INTO_BOUNDS, what_there_is};
use crate::inputs::problem::{Code, Problem, quoted};
use crate::inputs::reader::{AlreadyReported, Reader};

/// Azure Resource Manager takes no more in one request.
const LARGEST: u64 = 4 << 20;

/// The object in the file at `text`, which is called `what`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    input: &Input,
    text: &str,
    what: &str,
) -> Result<Value, AlreadyReported> {
    let directory = &reader.raw_inputs().working_directory;
    let path = directory.join(text);
    let path = if path.exists() {
        path
    } else {
        directory.join(text.replace('\\', "/"))
    };
    let read = content(reader, &path).and_then(|content| parsed(&path, &content, what));
    read.map_err(|(sentence, hint)| {
        // One line without '=' may also be a parameter whose value was forgotten.
        let is_value = *input == SESSION_HOST_PARAMETERS && !path.exists();
        let hint = if is_value {
            let found = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            Some(format!("a parameter is written as 'name=value', a line without '=' is the path of a parameter file{found}"))
        } else {
            hint
        };
        reader.report(Problem::new(Code::Malformed, input, sentence, hint))
    })
}

type Unread = (String, Option<String>);

fn content(reader: &Reader<'_>, path: &Path) -> Result<Vec<u8>, Unread> {
    let shown = quoted(&path.display().to_string());
    // A file elsewhere is the author's own choice, such as an artifact; a link in the repository cannot lead elsewhere.
    let bounds = Bounds::of(reader.raw_inputs());
    if bounds.holds_by_name(path) {
        bounds.check(path).map_err(|outside| {
            let hint = format!("name the file itself, not a link to it; or {INTO_BOUNDS}");
            (format!("{shown} {}", outside.reason(path)), Some(hint))
        })?;
    }
    if path.is_dir() {
        return Err((format!("{shown} is a folder; expected a JSON file"), None));
    }
    file::read(path, LARGEST).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => (format!("{shown} does not exist"), what_there_is(path)),
        std::io::ErrorKind::FileTooLarge => {
            (format!("{shown} has more than {} MB", LARGEST >> 20), None)
        }
        _ => (format!("{shown} cannot be read: {error}"), None),
    })
}

fn parsed(path: &Path, content: &[u8], what: &str) -> Result<Value, Unread> {
    let shown = quoted(&path.display().to_string());
    let is_bicep = path.extension().is_some_and(|end| {
        end.eq_ignore_ascii_case("bicep") || end.eq_ignore_ascii_case("bicepparam")
    });
    if is_bicep {
        let hint = if what.contains("template") {
            "compile it: az bicep build --file"
        } else {
            "compile it: az bicep build-params --file"
        };
        let hint = format!("{hint} {shown}");
        return Err((
            format!("{shown} is Bicep; expected {what} in JSON"),
            Some(hint),
        ));
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    match serde_json::from_slice::<Value>(content) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err((format!("{shown} is not {what}: it is not a JSON object"), None)),
        Err(error) => Err((
            format!(
                "{shown} is not {what}: it is not JSON (line {})",
                error.line().max(1)
            ),
            Some("comments are not supported; 'az bicep build' and exports of the portal write JSON without them".to_owned()),
        )),
    }
}
