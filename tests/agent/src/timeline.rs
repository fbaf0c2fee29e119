//! Detail records of the timeline, which `task.logdetail` makes and changes (`TaskCommandExtension.cs`).

use crate::command::Command;
use crate::result::TaskResult;

/// A detail record below the step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelineRecord {
    /// The record's GUID, lower case with hyphens.
    pub id: String,
    /// The parent record's GUID.
    pub parent: Option<String>,
    /// The name, required when the record is made.
    pub name: String,
    /// The type, required when the record is made.
    pub kind: String,
    /// Its place among its siblings.
    pub order: Option<i32>,
    /// `Pending`, `InProgress` or `Completed`.
    pub state: String,
    /// The result, once given.
    pub result: Option<TaskResult>,
    /// Percent done.
    pub progress: Option<i32>,
    /// What happens right now.
    pub current_operation: Option<String>,
    /// Start time as it was given.
    pub start_time: Option<String>,
    /// Finish time as it was given.
    pub finish_time: Option<String>,
}

/// Obeys one `task.logdetail`. An error is the agent's exception; the texts of a success are values that the
/// agent replaces in silence.
pub(crate) fn update(
    records: &mut Vec<TimelineRecord>,
    command: &Command,
) -> Result<Vec<String>, String> {
    let id = command
        .property("id")
        .ok_or("Can't update timeline record, timeline record id is not provided.")?;
    let id = guid(id)?;
    let parent = command.property("parentid").map(guid).transpose()?;
    let known = records.iter().position(|record| record.id == id);
    let mut record = match known.and_then(|at| records.get(at)) {
        Some(record) if parent.is_some() && parent != record.parent => {
            return Err(
                "Can't change parent timeline record of an existing timeline record.".to_owned(),
            );
        }
        Some(record) => record.clone(),
        None => new_record(records, command, id, parent)?,
    };
    let replaced = apply(&mut record, command);
    match known.and_then(|at| records.get_mut(at)) {
        Some(slot) => *slot = record,
        None => records.push(record),
    }
    Ok(replaced)
}

fn new_record(
    records: &[TimelineRecord],
    command: &Command,
    id: String,
    parent: Option<String>,
) -> Result<TimelineRecord, String> {
    command
        .property("name")
        .ok_or("Can't create timeline record, name is required.")?;
    command
        .property("type")
        .ok_or("Can't create timeline record, type is required.")?;
    if let Some(parent) = &parent
        && !records.iter().any(|record| record.id == *parent)
    {
        return Err("Can't create timeline record, its parent has not been created.".to_owned());
    }
    Ok(TimelineRecord {
        id,
        parent,
        state: "InProgress".to_owned(),
        ..TimelineRecord::default()
    })
}

fn apply(record: &mut TimelineRecord, command: &Command) -> Vec<String> {
    let mut replaced = Vec::new();
    let text = |key: &str| command.property(key).map(str::to_owned);
    record.name = text("name").unwrap_or_else(|| record.name.clone());
    record.kind = text("type").unwrap_or_else(|| record.kind.clone());
    record.start_time = text("starttime").or(record.start_time.take());
    record.finish_time = text("finishtime").or(record.finish_time.take());
    if !command.data.is_empty() {
        record.current_operation = Some(command.data.clone());
    }
    for (key, place) in [
        ("order", &mut record.order),
        ("progress", &mut record.progress),
    ] {
        match command.property(key).map(str::parse) {
            Some(Ok(number)) => *place = Some(number),
            Some(Err(_)) => replaced.push(format!("{key} is not a number")),
            None => {}
        }
    }
    record.progress = record.progress.map(|progress| progress.clamp(0, 100));
    if let Some(state) = command.property("state") {
        let known = ["Pending", "InProgress", "Completed"].contains(&state);
        record.state = String::from(if known { state } else { "Pending" });
        if !known {
            replaced.push(format!("state '{state}' becomes 'Pending'"));
        }
    }
    if let Some(result) = command.property("result") {
        let known = named_in_any_case(result);
        record.result = known.or(Some(TaskResult::Succeeded));
        if known.is_none() {
            replaced.push(format!("result '{result}' becomes 'Succeeded'"));
        }
    }
    if record.state == "Completed" {
        record.progress = record.progress.or(Some(100));
    }
    replaced
}

fn named_in_any_case(text: &str) -> Option<TaskResult> {
    let mut all = [
        TaskResult::Succeeded,
        TaskResult::SucceededWithIssues,
        TaskResult::Failed,
        TaskResult::Canceled,
        TaskResult::Skipped,
    ]
    .into_iter();
    all.find(|result| result.name().eq_ignore_ascii_case(text))
}

/// The forms of a GUID that .NET takes: 32 digits, with or without hyphens, with or without braces.
fn guid(text: &str) -> Result<String, String> {
    let bare = text
        .trim()
        .trim_start_matches(['{', '('])
        .trim_end_matches(['}', ')']);
    let hyphens: Vec<_> = bare.match_indices('-').map(|(at, _)| at).collect();
    let digits: String = bare
        .chars()
        .filter(|letter| *letter != '-')
        .collect::<String>()
        .to_lowercase();
    let well_formed = digits.len() == 32
        && digits.chars().all(|digit| digit.is_ascii_hexdigit())
        && (hyphens.is_empty() || hyphens == [8, 13, 18, 23]);
    if !well_formed || digits.chars().all(|digit| digit == '0') {
        return Err(format!("'{text}' is not the id of a timeline record."));
    }
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Ok([
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-"))
}

#[cfg(test)]
mod tests {
    use super::update;
    use crate::command::{Parsed, parse};

    const ID: &str = "5b4a1c9e-0d3f-4e62-8f17-a2c3d4e5f601";

    fn check(commands: &[&str], expected: Result<(usize, &str, Option<i32>), &str>) {
        let mut records = Vec::new();
        let mut last = Ok(Vec::new());
        for text in commands {
            let line = format!("##vso[task.logdetail {}]", text.replace("ID", ID));
            let Parsed::Command(command) = parse(&line) else {
                panic!("{line}")
            };
            last = update(&mut records, &command);
        }
        match (last, expected) {
            (Ok(_), Ok((count, state, progress))) => {
                let record = records.last().unwrap();
                assert_eq!(
                    (records.len(), record.state.as_str(), record.progress),
                    (count, state, progress)
                );
            }
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (last, _) => panic!("{commands:?}: {last:?}"),
        }
    }

    #[test]
    fn records_are_made_and_changed() {
        for (commands, expected) in [
            (&["id=ID;name=n;type=t;"][..], Ok((1, "InProgress", None))),
            (
                &["id=ID;name=n;type=t;", "id=ID;state=Completed;"],
                Ok((1, "Completed", Some(100))),
            ),
            (
                &["id=ID;name=n;type=t;state=completed;progress=120;"],
                Ok((1, "Pending", Some(100))),
            ),
            (&["name=n;type=t;"], Err("id is not provided")),
            (&["id=12;name=n;type=t;"], Err("is not the id")),
            (&["id=ID;type=t;"], Err("name is required")),
            (
                &["id=ID;name=n;type=t;parentid=00000000-0000-0000-0000-000000000001;"],
                Err("parent has not been"),
            ),
            (
                &["id=ID;name=n;type=t;", "id=ID;parentid=ID;"],
                Err("change parent"),
            ),
        ] {
            check(commands, expected);
        }
    }
}
