//! The two files of a step: the page of the run, and the result for later jobs.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::result_file::SCHEMA_VERSION;
use crate::agent::Console;
use crate::file;
use crate::inputs::Action;
use crate::inputs::declared::{ACTION, TASK_VERSION};
use crate::secret::Masker as _;

/// Where the files go, and how their names begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) console: &'a Console,
    pub(super) folder: &'a Path,
    pub(super) name: &'a str,
}

impl Files<'_> {
    /// Puts `text` on the page of the run.
    pub(super) fn summary(self, text: &str) {
        let path = self.folder.join(format!("{}.md", self.name));
        match file::write(&path, self.console.fit_to_show(text)) {
            Ok(()) => self.console.upload_summary(&path),
            Err(error) => self.console.line(&format!(
                "no summary:  '{}' cannot be written: {error}",
                path.display()
            )),
        }
    }

    /// Writes `members` behind those that every result has.
    pub(super) fn result(self, action: Action, members: Value) {
        let first = json!({
            "schemaVersion": SCHEMA_VERSION,
            "taskVersion": TASK_VERSION,
            (ACTION.name): action.name(),
        });
        let mut document = Map::new();
        for part in [first, members] {
            if let Value::Object(part) = part {
                document.extend(part);
            }
        }
        self.document(&Value::Object(document));
    }

    /// Writes `document` as `{name}-{kind}.json`, and attaches it to the run; where it is.
    pub(super) fn attach(self, kind: &str, document: &Value) -> Option<String> {
        let path = self.folder.join(format!("{}-{kind}.json", self.name));
        match file::write(&path, self.console.hidden(&format!("{document:#}\n"))) {
            Ok(()) => {
                self.console.upload_file(&path);
                Some(path.to_string_lossy().into_owned())
            }
            Err(error) => {
                self.console.line(&format!(
                    "no {kind}.json:  '{}' cannot be written: {error}",
                    path.display()
                ));
                None
            }
        }
    }

    /// Writes a result that is whole, and says where.
    pub(super) fn document(self, document: &Value) {
        self.named("image-result.json", document);
    }

    /// The same for a file whose name ends otherwise.
    pub(super) fn named(self, ending: &str, document: &Value) {
        let path = self.folder.join(format!("{}-{ending}", self.name));
        match file::write(&path, self.console.hidden(&format!("{document:#}\n"))) {
            Ok(()) => {
                self.console.upload_file(&path);
                self.console
                    .set_variable("resultPath", &path.to_string_lossy());
            }
            Err(error) => self.console.line(&format!(
                "no result file:  '{}' cannot be written: {error}",
                path.display()
            )),
        }
    }
}
