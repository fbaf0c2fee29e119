//! Managed run commands: a script that the guest agent of a VM runs (<https://learn.microsoft.com/rest/api/compute/virtual-machine-run-commands>).

use serde_json::Value;

use super::api::MACHINES;
use super::failure::Failure;
use super::operation::Started;
use super::pace::Polled;
use super::refusal::shortened;
use super::resource_manager::Arm;
use crate::resource::ResourceId;

/// Where a managed run command is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunCommand {
    /// Of the resource: `Creating`, `Succeeded`, `Failed`. It says nothing of the script.
    pub provisioning: String,
    /// Of the script: `Pending`, `Running`, `Failed`, `Succeeded`, `TimedOut`, `Canceled`, `Unknown`; empty where Azure has none.
    pub state: String,
    /// Azure's text about it.
    pub message: String,
    /// The exit code; 0 as long as there is none.
    pub exit_code: i64,
    /// The end of the standard output.
    pub output: String,
    /// The end of the standard error.
    pub error: String,
    /// Whether Azure says when it began.
    pub has_begun: bool,
    /// Whether Azure says when it ended.
    pub has_ended: bool,
}

impl RunCommand {
    /// Reads a run command with its instance view.
    pub fn read(document: &Value) -> Self {
        let text = |pointer: &str| {
            let text = document.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let code = document.pointer("/properties/instanceView/exitCode");
        Self {
            provisioning: text("/properties/provisioningState"),
            state: text("/properties/instanceView/executionState"),
            message: shortened(&text("/properties/instanceView/executionMessage")),
            exit_code: code.and_then(Value::as_i64).unwrap_or_default(),
            output: text("/properties/instanceView/output"),
            error: text("/properties/instanceView/error"),
            has_begun: !text("/properties/instanceView/startTime").is_empty(),
            has_ended: !text("/properties/instanceView/endTime").is_empty(),
        }
    }
}

impl Arm {
    /// Asks for a script to be run in a VM, as run command `name`. Never repeated blindly.
    pub async fn start_run_command(
        &self,
        machine: &ResourceId,
        name: &str,
        body: &Value,
    ) -> Result<Started, Failure> {
        let doing = format!("Starting the script in VM '{}'", machine.name());
        let path = format!("{machine}/runCommands/{name}");
        Ok(self.put(&doing, path, MACHINES, body).await?.started)
    }

    /// How a run command is doing; nothing where there is none.
    pub async fn run_command(
        &self,
        machine: &ResourceId,
        name: &str,
    ) -> Result<Polled<Option<RunCommand>>, Failure> {
        let doing = format!("Reading the script's state in VM '{}'", machine.name());
        let path = format!("{machine}/runCommands/{name}?$expand=instanceView");
        self.view(&doing, path, RunCommand::read).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The view is that of a recording of 2022.
    #[test]
    fn a_command_is_read_as_it_was_recorded() {
        let document = json!({"properties": {"source": {}, "timeoutInSeconds": 0, "provisioningState": "Succeeded", "asyncExecution": false,
            "instanceView": {"exitCode": 0, "executionState": "Running", "executionMessage": "Execution failed: failed to get configuration",
                "output": "", "error": "", "startTime": "2022-02-10T08:06:05+00:00", "endTime": "2022-02-10T08:06:05+00:00"}}});
        let view = RunCommand::read(&document);
        assert_eq!(
            (
                view.provisioning.as_str(),
                view.state.as_str(),
                view.exit_code
            ),
            ("Succeeded", "Running", 0)
        );
        assert!(view.message.starts_with("Execution failed") && view.has_begun && view.has_ended);
        assert_eq!(
            RunCommand::read(&json!({"properties": {}})),
            RunCommand::default()
        );
    }
}
