//! What shows on the page of the run beside the log: files, a summary, records of phases, progress.

use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::command::Command;
use super::console::{Console, TaskResult};

impl Console {
    /// Puts a file of the agent into the logs of the run, where it can be downloaded. The path must be absolute, and the file must be there now.
    pub fn upload_file(&self, path: &Path) {
        let path = path.to_string_lossy();
        let command = Command::new("task.uploadfile").data(&path);
        let mut state = self.state();
        self.tell(&mut state, &command, Some(&format!("written: {path}")));
    }

    /// Shows a Markdown file on the page of the run. The path must be absolute, and the file must be there now.
    pub fn upload_summary(&self, path: &Path) {
        let path = path.to_string_lossy();
        let command = Command::new("task.uploadsummary").data(&path);
        let mut state = self.state();
        self.tell(&mut state, &command, Some(&format!("written: {path}")));
    }

    /// Shows a part of the step's work as a record under it, at work or done. `id` is a GUID; the first word about a record makes it.
    /// Times are now.
    pub fn record(&self, id: &str, name: &str, order: usize, done: Option<TaskResult>) {
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let now = now.format(&Rfc3339).unwrap_or_default();
        let mut state = self.state();
        let name = state.harmless_on_one_line(name);
        let (time, word) = match done {
            None => ("starttime", "InProgress"),
            Some(_) => ("finishtime", "Completed"),
        };
        let record = Command::new("task.logdetail")
            .property("id", id)
            .property("type", "Phase")
            .property("name", &name)
            .property("order", &order.to_string())
            .property(time, &now)
            .property("state", word)
            .property("result", done.map_or("", TaskResult::word));
        self.tell(&mut state, &record.data(&name), None);
    }

    /// Tells how far the step is, 0 to 100 percent, and what it is doing. The agent never goes back.
    pub fn set_progress(&self, percent: u8, operation: &str) {
        let mut state = self.state();
        let operation = state.harmless_on_one_line(operation);
        let command =
            Command::new("task.setprogress").property("value", &percent.min(100).to_string());
        self.tell(&mut state, &command.data(&operation), None);
    }
}
