//! `action: sweep`: what was deleted, what stays, and why.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::ending::Ending;
use super::files::{Files, ResultFile};
use super::issue::Issue;
use super::markup::{self, cause, code, commented, escaped, fenced};
use super::messages::Warning;
use super::not_removed::{self, CODE_NOT_REMOVED};
use super::status::failure;
use crate::agent::Console;
use crate::error::{Error, duration};
use crate::inputs::manifest::{OLDER_THAN_HOURS, PREVIEW, STORAGE_ACCOUNT_NAME};
use crate::inputs::{Action, Sweep};
use crate::run::leftover::{Leftover, NotRemoved};
use crate::run::sweep::{KeptItem, Swept};
use crate::wording::counted;

/// How many rows of each kind are on the page.
const MOST_ROWS: usize = 200;

/// The end of `action: sweep`: what was done, even where it did not come to its end. The files are in `folder`.
pub fn report_sweep(
    console: &Console,
    request: &Sweep,
    (swept, error): (&Swept, Option<&Error>),
    folder: &Path,
) {
    let mut ending = match error {
        None => Ending {
            issues: issues(swept),
            exists: Some(conclusion(request, swept)),
            ..Ending::done(sentence(request, swept), !request.warnings.is_empty())
        },
        Some(error) => Ending::from(error),
    };
    let is_canceled = matches!(error, Some(Error::Canceled));
    let has_begun = *swept != Swept::default();
    if error.is_none() || has_begun {
        ending.lines = lines(request, swept);
        if error.is_some() {
            ending.lines.push(conclusion(request, swept));
        }
        ending.result = Some(ResultFile::of_action(
            Action::Sweep,
            document(request, swept),
        ));
    }
    ending.summary = match error {
        _ if is_canceled => None,
        Some(error) if !has_begun => Some(failure("Sweeping failed", error)),
        _ => Some(summary(request, swept, error)),
    };
    ending.tell(Files::new(console, folder, &request.files));
}

/// What was not deleted.
fn issues(swept: &Swept) -> Vec<Issue> {
    let mut issues = not_removed::issues(&swept.not_removed);
    issues.extend(
        swept
            .packages_left
            .as_ref()
            .map(|why| Issue::from(&packages_left(why))),
    );
    issues
}

/// Packages that no template names were not looked for, or not deleted.
fn packages_left(why: &String) -> Warning {
    Warning::new(
        CODE_NOT_REMOVED,
        format!("The packages without a template were not deleted: {why}"),
        format!(
            "the service connection needs read permission on the image templates of the whole subscription (Microsoft.VirtualMachineImages/imageTemplates/read) and Storage Blob Data Contributor on the storage account; or remove input '{}'",
            STORAGE_ACCOUNT_NAME.name
        ),
    )
}

fn sentence(request: &Sweep, swept: &Swept) -> String {
    let (gone, kept, remain) = (swept.gone.len(), swept.kept.len(), swept.not_removed.len());
    if request.preview {
        return format!("Preview: {}", would(swept));
    }
    format!("{gone} deleted, {kept} kept, {remain} not deleted")
}

/// What a preview has found.
fn would(swept: &Swept) -> String {
    let (gone, kept) = (swept.gone.len(), swept.kept.len());
    let how = match gone {
        0 => String::new(),
        _ => format!("; to delete it, set input '{}' to 'false'", PREVIEW.name),
    };
    format!("{gone} would be deleted, {kept} kept{how}")
}

fn lines(request: &Sweep, swept: &Swept) -> Vec<String> {
    let mut lines = Vec::new();
    if request.preview {
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
    lines.extend(swept.machines_left.as_ref().map(machines_left));
    lines
}

fn machines_left(why: &String) -> String {
    format!("VMs that test an image were not searched for:  {why}")
}

/// The last line.
fn conclusion(request: &Sweep, swept: &Swept) -> String {
    let (group, age) = (request.group.name(), duration(request.older_than));
    if request.preview {
        let would = would(swept);
        return format!("preview of resource group '{group}', older than {age}:  {would}");
    }
    let what = sentence(request, swept);
    format!("swept resource group '{group}', older than {age}:  {what}")
}

fn templates(count: usize) -> String {
    counted(count, "image template")
}

/// A template goes with its package.
fn what(leftover: &Leftover) -> String {
    match leftover {
        Leftover::Template { .. } => format!("{}, with its package", leftover.describe()),
        _ => leftover.describe(),
    }
}

fn document(request: &Sweep, swept: &Swept) -> Value {
    let gone: Vec<_> = swept.gone.iter().map(Leftover::describe).collect();
    let kept = |kept: &KeptItem| json!({"what": kept.leftover.describe(), "why": kept.why, "command": kept.command()});
    let stays = |it: &NotRemoved| json!({"why": it.why, "command": it.removal()});
    json!({
        "resourceGroup": request.group.name(),
        (OLDER_THAN_HOURS.name): request.older_than.as_secs() / 3600,
        (PREVIEW.name): request.preview,
        "deleted": gone,
        "kept": swept.kept.iter().map(kept).collect::<Vec<_>>(),
        "notDeleted": swept.not_removed.iter().map(stays).collect::<Vec<_>>(),
        "packagesNotDeleted": swept.packages_left,
        "foreignTemplates": swept.foreign,
    })
}

/// The title, why the step failed if it did, and the numbers.
fn headline(request: &Sweep, swept: &Swept, error: Option<&Error>) -> String {
    let group = code(request.group.name());
    let title = match error {
        Some(_) => format!("❌ Sweeping resource group {group} failed"),
        None if request.preview => format!("🔍 Resource group {group} not swept: preview"),
        None => format!("Swept resource group {group}"),
    };
    let mut text = format!("## {title}\n");
    if let Some(error) = error {
        let hint = error.hint();
        text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
    }
    write!(text, "\n{}\n", escaped(&sentence(request, swept))).ok();
    text
}

fn summary(request: &Sweep, swept: &Swept, error: Option<&Error>) -> String {
    let mut text = headline(request, swept, error);
    let gone: Vec<_> = swept
        .gone
        .iter()
        .map(|it| escaped(&what_gone(request, it)))
        .collect();
    let kept = swept.kept.iter();
    let kept: Vec<_> = kept
        .map(|it| format!("{}: {}", escaped(&it.leftover.describe()), escaped(&it.why)))
        .collect();
    let not_removed = swept.not_removed.iter().map(|it| escaped(&it.why));
    let not_removed: Vec<_> = not_removed
        .chain(swept.packages_left.iter().map(|why| {
            let it = packages_left(why);
            markup::warning(it.code, &it.text, Some(&it.hint))
        }))
        .collect();
    let title = if request.preview {
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
    text.push_str(&not_searched(swept));
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

/// What was not touched, and what was not looked for.
fn not_searched(swept: &Swept) -> String {
    let mut text = String::new();
    if swept.foreign > 0 {
        let foreign = swept.foreign;
        writeln!(
            text,
            "\nNot touched, because this task did not create them: {}.",
            templates(foreign)
        )
        .ok();
    }
    if let Some(why) = &swept.machines_left {
        writeln!(text, "\n{}", escaped(&machines_left(why))).ok();
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

fn what_gone(request: &Sweep, leftover: &Leftover) -> String {
    if request.preview {
        what(leftover)
    } else {
        leftover.describe()
    }
}
