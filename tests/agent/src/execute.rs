//! Obeys logging commands as the agent does (`WorkerCommandManager.cs`, `TaskCommandExtension.cs`).

use std::path::{Path, PathBuf};

use crate::command::Command;
use crate::known_commands;
use crate::recorder::Recorder;
use crate::result::TaskResult;
use crate::step_run::{Attachment, Issue, IssueKind, ViolationKind};
use crate::timeline;
use crate::variables::Variable;

const SUMMARY: &str = "Distributedtask.Core.Summary";
const FILE: &str = "Distributedtask.Core.FileAttachment";

/// Notes what the agent would ignore in silence.
pub(crate) fn check_form(recorder: &mut Recorder, command: &Command, text: &str) {
    if !command.lost.trim().is_empty() {
        recorder.violation(ViolationKind::LostText, text);
    }
    for part in &command.dropped {
        recorder.violation(
            ViolationKind::DroppedProperty,
            &format!("'{part}' in {text}"),
        );
    }
    let Some(known) = known_commands::find(command) else {
        recorder.violation(ViolationKind::UnknownCommand, text);
        return;
    };
    let Some(names) = known.properties else {
        return;
    };
    for (key, _) in &command.properties {
        if !names.iter().any(|name| name.eq_ignore_ascii_case(key)) {
            recorder.violation(
                ViolationKind::UnknownProperty,
                &format!("'{key}' in {text}"),
            );
        }
    }
}

/// Whether the command hands a secret over, and so must show it.
pub(crate) fn registers_secret(command: &Command) -> bool {
    let variable = command.is("task", "setvariable") || command.is("task", "settaskvariable");
    command.is("task", "setsecret") || (variable && command.flag("issecret"))
}

/// Obeys the command. True if the agent shows the line all the same; an error is the agent's exception.
pub(crate) fn execute(recorder: &mut Recorder, command: &Command) -> Result<bool, String> {
    let (area, event) = (&command.area, &command.event);
    if !known_commands::is_area(area) {
        recorder.warning(&format!(
            "Can't find command extension for ##vso[{area}.command]."
        ));
        return Ok(false);
    }
    let host = recorder
        .variables
        .value("System.HostType")
        .unwrap_or_default()
        .to_lowercase();
    if area.eq_ignore_ascii_case("release") && !["release", "deployment"].contains(&host.as_str()) {
        recorder.violation(
            ViolationKind::NotAllowed,
            &format!("##vso[{area}.{event}] in a {host}"),
        );
        recorder.error(&format!(
            "##vso[{area}.{event}] command is not supported for host type {host}."
        ));
        recorder.fail_command();
        return Ok(true);
    }
    let Some(known) = known_commands::find(command) else {
        return Err(format!(
            "##vso[{area}.{event}] is not a recognized command for {area} command extension."
        ));
    };
    let restricted = recorder.restricted || recorder.restrictions.is_restricted();
    if restricted && !known.restricted {
        recorder.violation(
            ViolationKind::NotAllowed,
            &format!("##vso[{area}.{event}] in restricted mode"),
        );
        recorder.warning(&format!(
            "##vso[{area}.{event}] is not allowed in this step due to policy restrictions."
        ));
        return Ok(false);
    }
    if known.area == "task" {
        execute_task(recorder, command, known.event)?;
    }
    if known.event == "uploadsummary" && known.area == "build" {
        attach_file(recorder, SUMMARY, &command.data)?;
    }
    Ok(false)
}

fn execute_task(recorder: &mut Recorder, command: &Command, event: &str) -> Result<(), String> {
    match event {
        "complete" => complete(recorder, command),
        "logissue" | "issue" => log_issue(recorder, command),
        "setprogress" => {
            set_progress(recorder, command);
            Ok(())
        }
        "logdetail" => {
            let replaced = timeline::update(&mut recorder.run.records, command)?;
            for text in &replaced {
                recorder.violation(ViolationKind::InvalidValue, text);
            }
            Ok(())
        }
        "setvariable" => set_variable(recorder, command),
        "settaskvariable" => {
            let variable = variable_of(recorder, command)?;
            if variable.secret {
                recorder.register_secret(&variable.value, true);
            }
            recorder.run.task_variables.insert(variable);
            Ok(())
        }
        "setsecret" => {
            recorder.register_secret(&command.data, false);
            Ok(())
        }
        "prependpath" if command.data.is_empty() => {
            Err("The path to prepend is missing.".to_owned())
        }
        "prependpath" => {
            recorder.run.prepended_paths.push(command.data.clone());
            Ok(())
        }
        "debug" => {
            recorder.debug(&command.data);
            Ok(())
        }
        "uploadsummary" => attach_file(recorder, SUMMARY, &command.data),
        "uploadfile" => attach_file(recorder, FILE, &command.data),
        "addattachment" => {
            let kind = command
                .property("type")
                .ok_or("Can't add attachment, attachment type is not provided.")?;
            let name = command
                .property("name")
                .ok_or("Can't add attachment, attachment name is not provided.")?;
            attach(recorder, kind, name, &command.data)
        }
        // The rest changes service connections, which only later steps would see.
        _ => Ok(()),
    }
}

fn complete(recorder: &mut Recorder, command: &Command) -> Result<(), String> {
    let text = command.property("result").unwrap_or_default();
    let result = TaskResult::parse(text)
        .ok_or_else(|| format!("Command doesn't have valid result value '{text}'."))?;
    if recorder.completed.is_some() {
        recorder.violation(
            ViolationKind::RepeatedCompletion,
            &format!("result '{text}'"),
        );
    }
    recorder.completed = Some(TaskResult::merge(recorder.completed, result));
    recorder.done |= command.flag("done");
    recorder.run.progress = 100;
    if !command.data.is_empty() {
        recorder.run.current_operation = Some(recorder.masker.mask(&command.data));
    }
    Ok(())
}

fn log_issue(recorder: &mut Recorder, command: &Command) -> Result<(), String> {
    let Some(kind) = command.property("type") else {
        recorder.violation(ViolationKind::InvalidValue, "task.logissue without a type");
        recorder.warning("Can't create TaskIssue from logging event.");
        return Ok(());
    };
    let kind = match kind.to_lowercase().as_str() {
        "error" => IssueKind::Error,
        "warning" => IssueKind::Warning,
        _ => return Err(format!("issue type {kind} is not an expected issue type.")),
    };
    let text = |key: &str| command.property(key).map(str::to_owned);
    recorder.issue(Issue {
        kind,
        message: command.data.clone(),
        code: text("code"),
        source_path: text("sourcepath"),
        line: text("linenumber"),
        column: text("columnnumber"),
    });
    Ok(())
}

fn set_progress(recorder: &mut Recorder, command: &Command) {
    let value: Option<i64> = command
        .property("value")
        .and_then(|value| value.parse().ok());
    if !value.is_some_and(|value| (0..=100).contains(&value)) {
        recorder.violation(
            ViolationKind::InvalidValue,
            "task.setprogress without a number from 0 to 100",
        );
    }
    let percent = u8::try_from(value.unwrap_or(0).clamp(0, 100)).unwrap_or(0);
    recorder.run.progress = recorder.run.progress.max(percent);
    if !command.data.is_empty() {
        recorder.run.current_operation = Some(recorder.masker.mask(&command.data));
    }
}

fn variable_of(recorder: &Recorder, command: &Command) -> Result<Variable, String> {
    let name = command
        .property("variable")
        .ok_or("Required field 'variable' is missing.")?;
    let secret = command.flag("issecret");
    let unsafe_allowed = recorder
        .variables
        .value("SYSTEM_UNSAFEALLOWMULTILINESECRET");
    if secret
        && command.data.contains('\n')
        && !unsafe_allowed.is_some_and(|it| it.eq_ignore_ascii_case("true"))
    {
        return Err("Secrets cannot contain multiple lines".to_owned());
    }
    Ok(Variable {
        name: name.to_owned(),
        value: command.data.clone(),
        secret,
        preserve_case: command.flag("preservecase"),
        read_only: command.flag("isreadonly"),
    })
}

fn set_variable(recorder: &mut Recorder, command: &Command) -> Result<(), String> {
    let variable = variable_of(recorder, command)?;
    let name = variable.name.clone();
    if !recorder.restrictions.may_set(&name) {
        recorder.violation(ViolationKind::NotAllowed, &format!("variable '{name}'"));
        recorder.warning(&format!(
            "'{name}' is not an allowed variable for this task due to policy restrictions."
        ));
        return Ok(());
    }
    let read_only = |known: Option<&Variable>| known.is_some_and(|known| known.read_only);
    if read_only(recorder.variables.get(&name)) || read_only(recorder.run.variables.get(&name)) {
        recorder.violation(
            ViolationKind::NotAllowed,
            &format!("read-only variable '{name}'"),
        );
        recorder.warning(&format!("Overwriting readonly variable '{name}'."));
    }
    if variable.secret {
        recorder.register_secret(&variable.value, true);
    }
    if command.flag("isoutput") || recorder.manifest.declares_output(&name) {
        let step = recorder.step_name.as_ref();
        let step =
            step.ok_or_else(|| format!("Output variable '{name}' needs a step with a name."))?;
        recorder
            .run
            .output_variables
            .insert(format!("{step}.{name}"), variable.value);
    } else {
        recorder.run.variables.insert(variable);
    }
    Ok(())
}

fn attach_file(recorder: &mut Recorder, kind: &str, path: &str) -> Result<(), String> {
    let name = Path::new(path)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    attach(recorder, kind, &name.unwrap_or_default(), path)
}

fn attach(recorder: &mut Recorder, kind: &str, name: &str, path: &str) -> Result<(), String> {
    if [kind, name]
        .iter()
        .any(|text| text.is_empty() || text.contains(['/', '\0']))
    {
        return Err(format!(
            "Attachment type '{kind}' or name '{name}' contains invalid characters."
        ));
    }
    // A relative path counts from the agent's own directory, where no task has files.
    let file = PathBuf::from(path);
    if !file.is_absolute() || !file.is_file() {
        recorder.violation(ViolationKind::MissingAttachment, path);
        return Err("Cannot upload attachment file, attachment file location is not specified or does not exist.".to_owned());
    }
    let (kind, name) = (kind.to_owned(), name.to_owned());
    recorder.run.attachments.push(Attachment {
        kind,
        name,
        path: file,
        content: None,
    });
    Ok(())
}
