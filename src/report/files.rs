//! The files of a step: the page of the run, the result for later jobs, and what is attached to the logs.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::agent::Console;
use crate::file;
use crate::inputs::Action;
use crate::inputs::manifest::{ACTION, TASK_VERSION};
use crate::secret::Masker as _;

/// Where the files go, and how their names begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) console: &'a Console,
    folder: &'a Path,
    name: &'a str,
    /// What comes behind the name of the page, if the name alone could be that of another step's page.
    page: &'a str,
}

/// A document for later jobs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ResultFile {
    /// How the name of the file ends.
    ending: &'static str,
    document: Map<String, Value>,
}

impl ResultFile {
    /// `image-result.json` ([docs/image-result.md](../../docs/image-result.md)). Members are only added, or the version of the schema is raised.
    pub(super) fn new(members: impl Into<Value>) -> Self {
        let document = Map::from_iter([
            ("schemaVersion".to_owned(), json!(1)),
            ("taskVersion".to_owned(), json!(TASK_VERSION)),
        ]);
        let file = Self {
            ending: "image-result.json",
            document,
        };
        file.with(members)
    }

    /// The same with the action that wrote it.
    pub(super) fn of_action(action: Action, members: impl Into<Value>) -> Self {
        Self::new(json!({ (ACTION.name): action.name() })).with(members)
    }

    /// The same for a file whose name ends otherwise, and whose members have a page of their own.
    pub(super) fn named(self, ending: &'static str) -> Self {
        Self { ending, ..self }
    }

    fn with(mut self, members: impl Into<Value>) -> Self {
        if let Value::Object(members) = members.into() {
            self.document.extend(members);
        }
        self
    }
}

impl<'a> Files<'a> {
    /// Files in `folder`, with `name` before the names of all.
    pub(super) fn new(console: &'a Console, folder: &'a Path, name: &'a str) -> Self {
        Self {
            console,
            folder,
            name,
            page: "",
        }
    }

    /// The same with `-{page}` behind the name of the page.
    pub(super) fn with_page(self, page: &'a str) -> Self {
        Self { page, ..self }
    }

    /// Puts `text` on the page of the run.
    pub(super) fn summary(self, text: &str) {
        let path = match self.page {
            "" => self.folder.join(format!("{}.md", self.name)),
            page => self.folder.join(format!("{}-{page}.md", self.name)),
        };
        match file::write(&path, self.console.fit_to_show(text)) {
            Ok(()) => self.console.upload_summary(&path),
            Err(error) => self.console.line(&format!(
                "no summary:  '{}' cannot be written: {error}",
                path.display()
            )),
        }
    }

    /// Writes the result, attaches it to the run, and says where it is.
    pub(super) fn result(self, file: ResultFile) {
        let document = Value::Object(file.document);
        if let Some(path) = self.write(file.ending, "result file", &document) {
            self.console
                .set_variable("resultPath", &path.to_string_lossy());
        }
    }

    /// Writes `document` as `{name}-{kind}.json`, and attaches it to the run; where it is.
    pub(super) fn attach(self, kind: &str, document: &Value) -> Option<String> {
        let ending = format!("{kind}.json");
        let path = self.write(&ending, &ending, document)?;
        Some(path.to_string_lossy().into_owned())
    }

    fn write(self, ending: &str, kind: &str, document: &Value) -> Option<PathBuf> {
        let path = self.folder.join(format!("{}-{ending}", self.name));
        match file::write(&path, self.console.hidden(&format!("{document:#}\n"))) {
            Ok(()) => {
                self.console.upload_file(&path);
                Some(path)
            }
            Err(error) => {
                self.console.line(&format!(
                    "no {kind}:  '{}' cannot be written: {error}",
                    path.display()
                ));
                None
            }
        }
    }
}
