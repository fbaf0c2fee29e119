//! `action: diff` from its first line to its result.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::messages::{self, ComparisonOf, failure};
use super::{report, result, section, warnings};
use crate::agent::Console;
use crate::error::Error;
use crate::inputs::{Action, Diff};
use crate::inventory::Compared;
use crate::report::ending::Ending;
use crate::report::files::{Files, ResultFile};
use crate::report::issue::report_warnings;
use crate::report::markup::{cause, code, escaped};
use crate::report::status::reached_azure;
use crate::report::version;

/// Says what comes of a comparison of two versions.
pub struct DiffReporter<'a> {
    console: &'a Console,
    request: &'a Diff,
}

impl<'a> DiffReporter<'a> {
    /// A reporter to the console, which says first what is known before anything is sent.
    pub fn new(console: &'a Console, request: &'a Diff) -> Self {
        console.line(&version::line(&request.version));
        report_warnings(console, &request.warnings);
        for (name, value) in version::variables(Some(&request.version)) {
            console.set_variable(name, &value);
        }
        Self { console, request }
    }

    /// The end of the step. The files are in `folder`.
    pub fn finish(&self, compared: &Result<Compared, Error>, folder: &Path) {
        let files = Files::new(self.console, folder, &self.request.name);
        let path = match compared {
            Ok(compared) => report(self.console, files, compared),
            Err(_) => None,
        };
        let mut ending = match compared {
            Ok(compared) => self.ending(compared),
            Err(error) => Ending::from(error),
        };
        if reached_azure(compared) {
            ending.result = Some(self.result_file(compared, path.as_deref()));
            ending.summary = Some(self.summary(compared));
        }
        ending.tell(files.with_page(Action::Diff.name()));
    }

    fn ending(&self, compared: &Compared) -> Ending {
        let mut ending = match failure(compared, ComparisonOf::Versions) {
            Some(failure) => Ending::from(failure),
            None => Ending {
                exists: Some(self.last_line(compared)),
                ..Ending::done(
                    self.request.version.as_str(),
                    !self.request.warnings.is_empty(),
                )
            },
        };
        ending.issues.splice(0..0, warnings(compared));
        ending
    }

    /// `win11-avd 1.0.2609402 since 1.0.2609301: 4 changed, 1 added`.
    fn last_line(&self, compared: &Compared) -> String {
        let name = version::named(&self.request.version);
        match compared {
            Compared::Nothing { why, .. } => format!("{name}: {}", messages::nothing(why)),
            Compared::With(comparison) => format!(
                "{name} since {}: {}",
                comparison.called_from(),
                messages::numbers(&comparison.diff)
            ),
        }
    }

    fn result_file(&self, compared: &Result<Compared, Error>, path: Option<&str>) -> ResultFile {
        let diff = match compared {
            Ok(compared) => result(compared, path),
            Err(error) => json!({"code": error.code(), "error": error.to_string()}),
        };
        let mut members = version::members(Some(&self.request.version));
        members.insert("diff".to_owned(), diff);
        ResultFile::of_action(Action::Diff, members)
    }

    fn summary(&self, compared: &Result<Compared, Error>) -> String {
        let name = version::named(&self.request.version);
        let mark = match compared {
            Ok(Compared::With(it)) if it.forbidden.is_empty() => "🔍",
            Ok(Compared::Nothing { .. }) => "⚠️",
            Ok(Compared::With(_)) | Err(_) => "❌",
        };
        let mut text = format!("## {mark} Contents of {}\n", escaped(&name));
        match compared {
            Ok(compared) => text.push_str(&section(compared, ComparisonOf::Versions)),
            Err(error) => {
                let hint = error.hint();
                text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
            }
        }
        writeln!(
            text,
            "\nImage version: {}",
            code(self.request.version.as_str())
        )
        .ok();
        text
    }
}
