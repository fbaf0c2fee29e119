//! Variables that the step sets, for later steps and for its own later stages.

use super::command::Command;
use super::console::Console;
use crate::secret::Masker as _;

impl Console {
    /// Sets a variable for the later steps of the job, and as output variable of this step when it has a name
    /// (the agent fails a step that sets an output variable without one). Not for secrets. A variable needs a name; its value may be empty.
    ///
    /// Nothing in the value is masked: a name with `***` in it is of no use to a later step. The agent masks the line in its log.
    pub fn set_variable(&self, name: &str, value: &str) {
        if name.is_empty() {
            return;
        }
        let mut state = self.state();
        let command = || Command::new("task.setvariable").property("variable", name);
        let person = format!("{name} = {}", state.harmless_on_one_line(value));
        self.tell(&mut state, &command().data(value), Some(&person));
        if self.shared.step_name.is_some() {
            let output = command().property("isoutput", "true").data(value);
            self.tell(&mut state, &output, None);
        }
    }

    /// Sets a variable that only the later stages of this step see. The value of a secret one is hidden from now on.
    pub fn set_task_variable(&self, name: &str, value: &str, secret: bool) {
        if name.is_empty() {
            return;
        }
        if secret {
            self.mask(value);
        }
        let mut state = self.state();
        let command = Command::new("task.settaskvariable").property("variable", name);
        let command = command
            .property("issecret", if secret { "true" } else { "" })
            .data(value);
        self.tell(&mut state, &command, None);
    }
}
