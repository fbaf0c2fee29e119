//! `action: diff` from its first line to its result.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{About, failure, report, report_issues, result, section, words};
use crate::agent::{Console, TaskResult};
use crate::error::{CHANGE_FORBIDDEN, Error};
use crate::inputs::{Action, Diff};
use crate::inventory::Compared;
use crate::report::closing::{exists, what_to_do};
use crate::report::files::Files;
use crate::report::outcome::report_warnings;
use crate::report::status::{looked, report_error};
use crate::report::summary::markup::{code, escaped, with_commands};

/// Says what comes of a comparison of two versions.
pub struct DiffReporter<'a> {
    console: &'a Console,
    asked: &'a Diff,
}

impl<'a> DiffReporter<'a> {
    /// A reporter to the console, which says first what is known before anything is sent.
    pub fn new(console: &'a Console, asked: &'a Diff) -> Self {
        let version = &asked.version;
        console.line(&format!(
            "image version:  {} of {} in {}",
            version.name(),
            version.name_at(1).unwrap_or_default(),
            version.name_at(0).unwrap_or_default()
        ));
        report_warnings(console, &asked.warnings);
        Self { console, asked }
    }

    /// The end of the step: lines, variables, files, issues, result. The files are in `folder`.
    pub fn finish(&self, compared: &Result<Compared, Error>, folder: &Path) {
        self.set_variables();
        let files = Files {
            console: self.console,
            folder,
            name: &self.asked.name,
        };
        let path = match compared {
            Ok(compared) => report(self.console, files, compared),
            Err(_) => None,
        };
        if looked(compared) {
            files.result(Action::Diff, self.document(compared, path.as_deref()));
            let name = format!("{}-{}", self.asked.name, Action::Diff.name());
            let page = Files {
                name: &name,
                ..files
            };
            page.summary(&self.summary(compared));
        }
        let compared = match compared {
            Ok(compared) => compared,
            Err(error) => return report_error(self.console, error),
        };
        let told = report_issues(self.console, compared, About::Versions);
        let version = self.asked.version.as_str();
        match failure(compared, About::Versions) {
            Some((_, hint)) => what_to_do(self.console, CHANGE_FORBIDDEN, Some(&hint)),
            None => exists(self.console, &self.closing(compared)),
        }
        match told.failure {
            Some(failure) => self.console.complete(TaskResult::Failed, &failure),
            None if told.warned || !self.asked.warnings.is_empty() => self
                .console
                .complete(TaskResult::SucceededWithIssues, version),
            None => self.console.complete(TaskResult::Succeeded, version),
        }
    }

    /// `win11-avd 1.0.2609402 since 1.0.2609301: 4 changed, 1 added`.
    fn closing(&self, compared: &Compared) -> String {
        let version = &self.asked.version;
        let definition = version.name_at(1).unwrap_or_default();
        let name = format!("{definition} {}", version.name());
        match compared {
            Compared::Nothing { why, .. } => format!("{name}: {}", words::nothing(why)),
            Compared::With(comparison) => format!(
                "{name} since {}: {}",
                comparison.called_from(),
                words::numbers(&comparison.diff)
            ),
        }
    }

    fn set_variables(&self) {
        let version = &self.asked.version;
        self.console
            .set_variable("imageVersionId", version.as_str());
        self.console.set_variable("imageUri", version.as_str());
        self.console.set_variable("imageVersion", version.name());
    }

    fn document(&self, compared: &Result<Compared, Error>, path: Option<&str>) -> Value {
        let version = &self.asked.version;
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
        put("imageUri", json!(version.as_str()));
        put("imageVersionId", json!(version.as_str()));
        put("imageVersion", json!(version.name()));
        let definition = version.parent().map(|id| id.to_string());
        put("imageDefinitionId", json!(definition));
        put(
            "diff",
            match compared {
                Ok(compared) => result(compared, path),
                Err(error) => json!({"code": error.code(), "error": error.to_string()}),
            },
        );
        Value::Object(document)
    }

    fn summary(&self, compared: &Result<Compared, Error>) -> String {
        let version = &self.asked.version;
        let name = format!(
            "{} {}",
            version.name_at(1).unwrap_or_default(),
            version.name()
        );
        let mark = match compared {
            Ok(Compared::With(it)) if it.forbidden.is_empty() => "🔍",
            Ok(Compared::Nothing { .. }) => "⚠️",
            Ok(Compared::With(_)) | Err(_) => "❌",
        };
        let mut text = format!("## {mark} Contents of {}\n", escaped(&name));
        match compared {
            Ok(compared) => text.push_str(&section(compared, About::Versions)),
            Err(error) => {
                let sentence = escaped(&error.to_string());
                writeln!(text, "\n**{}** {sentence}", error.code()).ok();
                if let Some(hint) = error.hint() {
                    writeln!(text, "\n**What to do:** {}", with_commands(&hint)).ok();
                }
            }
        }
        writeln!(text, "\nImage version: {}", code(version.as_str())).ok();
        text
    }
}
