//! What was swept, what stays, and why.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::closing;
use super::files::Files;
use super::outcome::{CODE_NOT_REMOVED, report_not_removed, with_hint};
use super::status::{failure, report_error};
use super::summary::markup::{code, commented, escaped, fenced};
use crate::agent::{Console, IssueKind, TaskResult};
use crate::error::{Error, duration};
use crate::inputs::declared::{OLDER_THAN_HOURS, PREVIEW, STORAGE_ACCOUNT_NAME};
use crate::inputs::{Action, Sweep};
use crate::run::leftover::{Leftover, NotRemoved};
use crate::run::sweep::{Kept, Swept};

/// The run page shows ten issues of a step; more of them are one.
const MOST_ROWS: usize = 200;

/// The end of `action: sweep`: what was done, even where it did not come to its end. The files are in `folder`.
pub fn report_sweep(
    console: &Console,
    asked: &Sweep,
    (swept, error): (&Swept, Option<&Error>),
    folder: &Path,
) {
    let files = Files {
        console,
        folder,
        name: &asked.files,
    };
    let began = *swept != Swept::default();
    if error.is_none() || began {
        files.result(Action::Sweep, document(asked, swept));
        if !matches!(error, Some(Error::Canceled)) {
            files.summary(&summary(asked, swept));
        }
        for line in lines(asked, swept) {
            console.line(&line);
        }
        if error.is_some() {
            console.line(&conclusion(asked, swept));
        }
    } else if let Some(error) = error
        && !matches!(error, Error::Canceled)
    {
        files.summary(&failure("Sweeping failed", error));
    }
    if let Some(error) = error {
        return report_error(console, error);
    }
    report_not_removed(console, &swept.not_removed);
    if let Some(why) = &swept.packages_left {
        let text = format!("The packages without a template were not deleted: {why}");
        let hint = format!(
            "the service connection needs read permission on the image templates of the whole subscription (Microsoft.VirtualMachineImages/imageTemplates/read) and Storage Blob Data Contributor on the storage account; or remove input '{}'",
            STORAGE_ACCOUNT_NAME.name
        );
        let text = with_hint(&text, Some(&hint));
        console.issue(IssueKind::Warning, Some(CODE_NOT_REMOVED), &text);
    }
    let issues = !swept.not_removed.is_empty()
        || swept.packages_left.is_some()
        || !asked.warnings.is_empty();
    let result = if issues {
        TaskResult::SucceededWithIssues
    } else {
        TaskResult::Succeeded
    };
    closing::exists(console, &conclusion(asked, swept));
    console.complete(result, &sentence(asked, swept));
}

fn sentence(asked: &Sweep, swept: &Swept) -> String {
    let (gone, kept, remain) = (swept.gone.len(), swept.kept.len(), swept.not_removed.len());
    if asked.preview {
        let how = match gone {
            0 => String::new(),
            _ => format!("; to do it, set input '{}' to 'false'", PREVIEW.name),
        };
        return format!("Preview: {gone} would be deleted, {kept} kept{how}");
    }
    format!("{gone} deleted, {kept} kept, {remain} not deleted")
}

fn lines(asked: &Sweep, swept: &Swept) -> Vec<String> {
    let mut lines = Vec::new();
    if asked.preview {
        let gone = swept.gone.iter();
        lines.extend(gone.map(|leftover| format!("would delete:  {}", what(leftover))));
    }
    for kept in &swept.kept {
        let command = kept.command();
        let command = command.map(|command| format!("; to delete it: {command}"));
        lines.push(format!(
            "kept:  {}: {}{}",
            kept.leftover.describe(),
            kept.why,
            command.unwrap_or_default()
        ));
    }
    if swept.foreign > 0 {
        lines.push(format!(
            "not touched:  {} that this task did not create",
            templates(swept.foreign)
        ));
    }
    if let Some(why) = &swept.machines_left {
        lines.push(format!(
            "VMs that test an image were not looked for:  {why}"
        ));
    }
    lines
}

/// The last line.
fn conclusion(asked: &Sweep, swept: &Swept) -> String {
    format!(
        "swept resource group '{}', older than {}:  {}",
        asked.group.name(),
        duration(asked.older_than),
        sentence(asked, swept)
    )
}

fn templates(count: usize) -> String {
    match count {
        1 => "1 image template".to_owned(),
        count => format!("{count} image templates"),
    }
}

/// A template goes with its package.
fn what(leftover: &Leftover) -> String {
    match leftover {
        Leftover::Template { .. } => format!("{}, with its package", leftover.describe()),
        _ => leftover.describe(),
    }
}

fn document(asked: &Sweep, swept: &Swept) -> Value {
    let gone: Vec<_> = swept.gone.iter().map(Leftover::describe).collect();
    let kept = |kept: &Kept| json!({"what": kept.leftover.describe(), "why": kept.why, "command": kept.command()});
    let not_removed = |not_removed: &NotRemoved| json!({"why": not_removed.why, "command": not_removed.removal()});
    json!({
        "resourceGroup": asked.group.name(),
        (OLDER_THAN_HOURS.name): asked.older_than.as_secs() / 3600,
        (PREVIEW.name): asked.preview,
        "deleted": gone,
        "kept": swept.kept.iter().map(kept).collect::<Vec<_>>(),
        "notDeleted": swept.not_removed.iter().map(not_removed).collect::<Vec<_>>(),
        "packagesNotDeleted": swept.packages_left,
        "foreignTemplates": swept.foreign,
    })
}

fn summary(asked: &Sweep, swept: &Swept) -> String {
    let mut text = format!(
        "## Swept resource group {}\n\n{}\n",
        code(asked.group.name()),
        escaped(&sentence(asked, swept))
    );
    let gone: Vec<_> = swept
        .gone
        .iter()
        .map(|it| escaped(&what_gone(asked, it)))
        .collect();
    let kept = swept.kept.iter();
    let kept: Vec<_> = kept
        .map(|it| format!("{}: {}", escaped(&it.leftover.describe()), escaped(&it.why)))
        .collect();
    let not_removed = swept.not_removed.iter().map(|it| escaped(&it.why));
    let not_removed: Vec<_> = not_removed
        .chain(swept.packages_left.iter().map(|why| escaped(why)))
        .collect();
    let title = if asked.preview {
        "Would be deleted"
    } else {
        "Deleted"
    };
    for (title, rows) in [(title, gone), ("Kept", kept), ("Not deleted", not_removed)] {
        if rows.is_empty() {
            continue;
        }
        write!(text, "\n### {title}\n\n").ok();
        for row in rows.iter().take(MOST_ROWS) {
            writeln!(text, "- {row}").ok();
        }
        if rows.len() > MOST_ROWS {
            writeln!(
                text,
                "- and {} more, which the log has",
                rows.len() - MOST_ROWS
            )
            .ok();
        }
    }
    if swept.foreign > 0 {
        let foreign = swept.foreign;
        writeln!(
            text,
            "\nNot touched, because this task did not create them: {}.",
            templates(foreign)
        )
        .ok();
    }
    let commands = commands(swept);
    if !commands.is_empty() {
        write!(
            text,
            "\n### Next\n\nTo delete what is no longer needed:\n\n{}",
            fenced("sh", &commands.join("\n"))
        )
        .ok();
    }
    text
}

/// What a person can paste to delete what stayed.
fn commands(swept: &Swept) -> Vec<String> {
    let kept = swept.kept.iter().filter_map(|it| {
        let what = format!("{}: {}", it.leftover.describe(), it.why);
        Some(commented(&what, &it.command()?))
    });
    let removals = swept.not_removed.iter();
    let removals =
        removals.filter_map(|it| Some(commented(&it.leftover.describe(), &it.command()?)));
    kept.chain(removals).take(MOST_ROWS).collect()
}

fn what_gone(asked: &Sweep, leftover: &Leftover) -> String {
    if asked.preview {
        what(leftover)
    } else {
        leftover.describe()
    }
}
