//! Managed run commands of a VM: scripts that the guest agent runs. None is run here; how each ends is scripted.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::machine_work::Power;
use crate::arm::operations::End;
use crate::arm::{Arm, Asked};
use crate::blob::BlobService;
use crate::clock;
use crate::ids;
use crate::pools::CommandFate;

/// How much of an output is kept.
const OUTPUT_LIMIT: usize = 4096;

/// A run command, and how it ends.
#[derive(Debug, Clone)]
pub(crate) struct RunCommand {
    id: String,
    location: String,
    properties: Map<String, Value>,
    fate: CommandFate,
    /// When the agent has it, and when it is done; none: never.
    starts: OffsetDateTime,
    ends: Option<OffsetDateTime>,
    /// When the operation ends, and whether it fails.
    provisioned: Option<(OffsetDateTime, bool)>,
    /// Whether its output is in the blobs that it was given links to.
    written: bool,
}

const MEMBERS: [&str; 13] = [
    "source",
    "parameters",
    "protectedParameters",
    "asyncExecution",
    "runAsUser",
    "runAsPassword",
    "timeoutInSeconds",
    "outputBlobUri",
    "errorBlobUri",
    "outputBlobManagedIdentity",
    "errorBlobManagedIdentity",
    "provisioningState",
    "treatFailureAsDeploymentFailure",
];
/// What is never shown again.
const SECRET: [&str; 4] = [
    "protectedParameters",
    "runAsPassword",
    "outputBlobUri",
    "errorBlobUri",
];

impl Arm {
    /// 201 and `Creating` (recorded); 409 while the VM does not run.
    pub(crate) fn put_run_command(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let machine = self.machine_key(asked)?;
        if self.power(&machine).0 != Power::Running {
            let message = "Cannot modify extensions in the VM when the VM is not running.";
            return Err(Refusal::by_compute(409, "OperationNotAllowed", message));
        }
        let id = asked.raw.uri().path().to_owned();
        let key = ids::key(&id);
        let body = asked.json()?;
        let location = body.get("location").and_then(Value::as_str);
        let location = location.unwrap_or_default().to_owned();
        let sent = body.get("properties").and_then(Value::as_object);
        let sent = sent.cloned().unwrap_or_default();
        if let Some(name) = sent.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            let message = format!(
                "Could not find member '{name}' on object of type 'VirtualMachineRunCommandProperties'."
            );
            return Err(Refusal::by_compute(400, "BadRequest", message));
        }
        let fate = self.fate_of_command(&sent);
        let flag = |name: &str| sent.get(name) == Some(&json!(true));
        let starts = asked.now + self.lag(|durations| durations.delivering_command);
        let ends = self.end_of_command(&fate, &sent, starts);
        let waits = !flag("asyncExecution");
        let provisioned = if waits { ends } else { Some(starts) };
        let fails = waits
            && flag("treatFailureAsDeploymentFailure")
            && matches!(fate, CommandFate::Fails { .. } | CommandFate::TimesOut);
        let end = if fails { failure() } else { End::Succeeded };
        let lag = provisioned.map_or(Duration::MAX, |at| {
            Duration::try_from(at - asked.now).unwrap_or_default()
        });
        let (_, headers) = self.start_machine_operation(asked, &key, &location, (lag, end), false);
        let command = RunCommand {
            id,
            location,
            properties: sent,
            fate,
            starts,
            ends,
            provisioned: provisioned.map(|at| (at, fails)),
            written: false,
        };
        let document = command.document(asked.now, false, true);
        self.run_commands.insert(key, command);
        Ok(Answer::new(201, Body::Compute(document)).with_all(headers))
    }

    /// When a command is done; none: never.
    fn end_of_command(
        &self,
        fate: &CommandFate,
        sent: &Map<String, Value>,
        starts: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let timeout = sent.get("timeoutInSeconds").and_then(Value::as_u64);
        let timeout = timeout.filter(|time| *time > 0).unwrap_or(5400);
        match fate {
            // One that was not run has ended when it began (recorded).
            CommandFate::NotRun => Some(starts),
            CommandFate::NeverEnds => None,
            CommandFate::TimesOut => Some(starts + Duration::from_secs(timeout)),
            _ => Some(starts + self.lag(|durations| durations.running_command)),
        }
    }

    /// What is scripted; a command without a script is not run (recorded).
    fn fate_of_command(&mut self, sent: &Map<String, Value>) -> CommandFate {
        let source = sent.get("source").and_then(Value::as_object);
        let has_script = source.is_some_and(|source| {
            let mut names = [
                "script",
                "scriptUri",
                "commandId",
                "galleryScriptReferenceId",
            ]
            .iter();
            names.any(|name| source.contains_key(*name))
        });
        if !has_script {
            return CommandFate::NotRun;
        }
        let scripted = self.command_fates.pop_front();
        scripted.unwrap_or_else(|| self.switches.desktops.command.clone())
    }

    pub(crate) fn get_run_command(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let command = self.run_commands.get(&ids::key(asked.raw.uri().path()));
        let command = command.ok_or_else(|| {
            let name = format!(
                "{}/{}",
                asked.path.get("machine"),
                asked.path.get("command")
            );
            let kind = "Microsoft.Compute/virtualMachines/runCommands";
            Refusal::not_found(kind, &name, asked.path.get("group"))
        })?;
        let expands = asked
            .query("$expand")
            .is_some_and(|expand| expand.eq_ignore_ascii_case("instanceView"));
        let document = command.document(asked.now, expands, false);
        Ok(Answer::new(200, Body::Compute(document)))
    }

    pub(crate) fn list_run_commands(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.machine_key(asked)?;
        let prefix = format!("{}/", ids::key(asked.raw.uri().path()));
        let all: Vec<Value> = self
            .run_commands
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(_, command)| command.document(asked.now, false, false))
            .collect();
        Ok(Answer::new(200, Body::Compact(json!({"value": all}))))
    }

    /// 202 with both headers; 204 where there is none.
    pub(crate) fn delete_run_command(&mut self, asked: &Asked<'_>) -> Answer {
        let key = ids::key(asked.raw.uri().path());
        let Some(command) = self.run_commands.remove(&key) else {
            return Answer::new(204, Body::None);
        };
        let lag = self.lag(|durations| durations.delivering_command);
        let end = (lag, End::Succeeded);
        let (_, headers) = self.start_machine_operation(asked, &key, &command.location, end, true);
        Answer::new(202, Body::Empty).with_all(headers)
    }
}

impl Arm {
    /// The agent writes the whole output of an ended command to the blobs that it was given links to; a link that does not permit it has none.
    pub(crate) fn settle_commands(&mut self, blobs: &mut BlobService, now: OffsetDateTime) {
        for command in self.run_commands.values_mut() {
            if command.written || command.ends.is_none_or(|at| at > now) {
                continue;
            }
            command.written = true;
            let (output, error) = command.fate.texts();
            for (name, text) in [("outputBlobUri", output), ("errorBlobUri", error)] {
                let link = command.properties.get(name).and_then(Value::as_str);
                if let Some(link) = link {
                    write_by_link(blobs, link, text, now);
                }
            }
        }
    }
}

/// Puts a blob as whoever has this link; the definition asks for one that permits reading, appending, creating and writing.
fn write_by_link(blobs: &mut BlobService, link: &str, text: &str, now: OffsetDateTime) {
    let permits = |url: &url::Url| {
        let mut pairs = url.query_pairs();
        let permissions = pairs.find(|(name, _)| name == "sp");
        permissions
            .is_some_and(|(_, all)| ['r', 'a', 'c', 'w'].iter().all(|one| all.contains(*one)))
    };
    if !link.parse().is_ok_and(|url| permits(&url)) {
        return;
    }
    let request = Request::builder()
        .method(Method::PUT)
        .uri(link)
        .header("x-ms-version", "2021-08-06")
        .header("x-ms-blob-type", "BlockBlob")
        .header("content-length", text.len())
        .body(Bytes::copy_from_slice(text.as_bytes()));
    if let Ok(request) = request {
        blobs.answer(&request, now);
    }
}

impl RunCommand {
    fn document(&self, now: OffsetDateTime, with_view: bool, is_new: bool) -> Value {
        let state = match self.provisioned {
            _ if is_new => "Creating",
            Some((at, true)) if at <= now => "Failed",
            Some((at, false)) if at <= now => "Succeeded",
            _ => "Creating",
        };
        let mut properties = Map::new();
        let source = self.properties.get("source").cloned();
        properties.insert("source".to_owned(), source.unwrap_or_else(|| json!({})));
        if let Some(parameters) = self.properties.get("parameters") {
            properties.insert("parameters".to_owned(), parameters.clone());
        }
        let timeout = self.properties.get("timeoutInSeconds").cloned();
        properties.insert(
            "timeoutInSeconds".to_owned(),
            timeout.unwrap_or_else(|| json!(0)),
        );
        properties.insert("provisioningState".to_owned(), json!(state));
        for (name, value) in &self.properties {
            if !SECRET.contains(&name.as_str()) && name != "provisioningState" {
                properties
                    .entry(name.clone())
                    .or_insert_with(|| value.clone());
            }
        }
        if with_view {
            properties.insert("instanceView".to_owned(), self.view(now));
        }
        json!({
            "name": self.id.rsplit('/').next(),
            "id": self.id,
            "type": "Microsoft.Compute/virtualMachines/runCommands",
            "location": self.location,
            "properties": properties,
        })
    }

    /// What the agent says, in the recorded order. One that was not run says `Running` and 0, and only its message tells.
    fn view(&self, now: OffsetDateTime) -> Value {
        if now < self.starts {
            return json!({"exitCode": 0, "executionState": "Pending", "output": "", "error": ""});
        }
        let ended = self.ends.filter(|at| *at <= now);
        let (output, error) = self.fate.texts();
        let (output, error) = ended.map_or(("", ""), |_| (output, error));
        let (state, code, message) = match (&self.fate, ended) {
            (CommandFate::NotRun, _) => (
                "Running",
                0,
                "Execution failed: failed to get configuration: invalid configuration: Either 'source.script' or 'source.scriptUri' has to be \
                 specified",
            ),
            (_, None) | (CommandFate::NeverEnds, _) => ("Running", 0, ""),
            (CommandFate::Fails { exit_code, .. }, _) => (
                "Failed",
                *exit_code,
                "Execution failed: command terminated with exit status=1",
            ),
            (CommandFate::TimesOut, _) => (
                "TimedOut",
                -1,
                "Execution timed out: command was terminated",
            ),
            (CommandFate::IsCanceled, _) => ("Canceled", 0, "Execution was canceled"),
            (CommandFate::Succeeds { .. }, _) => ("Succeeded", 0, "Execution completed"),
        };
        let mut view = json!({
            "exitCode": code,
            "executionState": state,
            "executionMessage": message,
            "output": last_part(output),
            "error": last_part(error),
            "startTime": clock::with_offset(whole_seconds(self.starts)),
        });
        if let Some(at) = ended {
            let end = json!(clock::with_offset(whole_seconds(at)));
            crate::json::set(&mut view, "endTime", end);
        }
        view
    }
}

/// The end of the operation of a command whose failure counts.
fn failure() -> End {
    End::Failed {
        code: "VMExtensionProvisioningError".to_owned(),
        message: "VM has reported a failure when processing the run command. Error message: 'Execution failed: command terminated with exit \
                  status=1'."
            .to_owned(),
    }
}

fn whole_seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}

/// The last bytes of an output, from the beginning of a character.
fn last_part(text: &str) -> &str {
    let mut from = text.len().saturating_sub(OUTPUT_LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}
