//! The page of a roll-out.

use std::fmt::Write as _;

use super::collected::{Collected, MOST_NAMED};
use crate::error::Error;
use crate::inputs::Rollout;
use crate::report::markup::{self, cause, code, escaped, table};
use crate::report::next_step::{NextStep, ways_back};
use crate::rollout::{Host, RolloutState};
use crate::wording::counted;

/// How many hosts are on the page.
const MOST_ROWS: usize = 200;

/// What the page says.
pub(super) struct Page<'a> {
    pub(super) request: &'a Rollout,
    pub(super) collected: &'a Collected,
    pub(super) result: &'a Result<RolloutState, Error>,
    pub(super) way_back: Option<NextStep>,
}

pub(super) fn markdown(page: &Page<'_>) -> String {
    let Page {
        request,
        collected,
        result,
        way_back,
    } = page;
    let mut text = headline(page);
    if let Err(Error::Canceled) = result {
        text.push_str(&canceled(collected));
    } else if let Err(error) = result {
        let hint = error.hint();
        text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
    }
    let mut rows = vec![
        ("Host pool", code(request.pool.as_str())),
        ("Image", code(&request.image.to_string())),
    ];
    if let Some(method) = collected.method {
        rows.push(("Method", code(method.name())));
    }
    if let Some(previous) = &collected.previous {
        rows.push(("Image before", code(&previous.to_string())));
    }
    if result.is_err() && !collected.phases.is_empty() {
        rows.push(("Steps", escaped(&collected.phases_in_words())));
    }
    write!(text, "\n{}", table(&rows)).ok();
    if !collected.plan.is_empty() {
        text.push_str("\n### What would be done\n\n");
        for line in &collected.plan {
            writeln!(text, "- {}", escaped(line)).ok();
        }
    }
    text.push_str(&hosts(request, collected));
    text.push_str(&faults(collected));
    text.push_str(&warnings(collected));
    text.push_str(&kept(collected));
    if let Some(step) = way_back {
        text.push_str(&ways_back(std::slice::from_ref(step)));
    }
    text
}

/// Where a canceled roll-out stands. A second cancel leaves no time to ask what goes on.
fn canceled(collected: &Collected) -> String {
    let unknown = "what goes on in Azure was not asked";
    let what = collected.stopped.as_deref().unwrap_or(unknown);
    let next = collected.next_action();
    format!("\nThe job was canceled: {}; {next}.\n", escaped(what))
}

fn faults(collected: &Collected) -> String {
    let mut text = String::new();
    if !collected.faults.is_empty() {
        text.push_str("\n### Faults\n\n");
    }
    for fault in &collected.faults {
        writeln!(text, "- {}", escaped(&fault.to_string())).ok();
    }
    text
}

fn warnings(collected: &Collected) -> String {
    let mut text = String::new();
    if !collected.warnings.is_empty() {
        text.push_str("\n### Warnings\n\n");
    }
    for warning in &collected.warnings {
        let hint = warning.hint.as_deref();
        let warning = markup::warning(warning.code, &warning.text, hint);
        writeln!(text, "- {warning}").ok();
    }
    text
}

fn kept(collected: &Collected) -> String {
    let mut text = String::new();
    if !collected.kept.is_empty() {
        text.push_str("\n### Kept hosts\n\nDrained, with the VM as it was. To remove one for good:\n\n| host | tag of the VM | commands |\n|---|---|---|\n");
    }
    for kept in collected.kept.iter().take(MOST_ROWS) {
        let commands: Vec<_> = kept.commands.iter().map(|one| code(one)).collect();
        let commands = commands.join("<br>");
        let (name, tag) = (code(&kept.name), escaped(&kept.tag));
        writeln!(text, "| {name} | {tag} | {commands} |").ok();
    }
    text
}

fn headline(page: &Page<'_>) -> String {
    let (mark, what) = match page.result {
        Err(Error::RolloutNotReady(_)) | Ok(RolloutState::Running) => ("⏳", "continues"),
        Err(Error::Canceled) => ("⚠️", "canceled"),
        Err(_) => ("❌", "failed"),
        Ok(RolloutState::Nothing) if page.request.preview => ("🔍", "preview"),
        Ok(RolloutState::Nothing) => ("✅", "nothing to do"),
        Ok(RolloutState::Scheduled) => ("🕒", "scheduled"),
        Ok(RolloutState::Succeeded) if page.collected.warnings.is_empty() => ("✅", "done"),
        Ok(RolloutState::Succeeded) => ("⚠️", "done"),
    };
    let pool = escaped(page.request.pool.name());
    let image = escaped(&page.request.image.short());
    format!("## {mark} Roll-out of {image} to {pool}: {what}\n")
}

/// Each host before and now.
fn hosts(request: &Rollout, collected: &Collected) -> String {
    let Some(overview) = &collected.overview else {
        return String::new();
    };
    let before = |name: &str| {
        let mut hosts = overview.hosts.iter();
        hosts.find(|host| host.name().eq_ignore_ascii_case(name))
    };
    let wanted = collected.hosts.iter().filter(|host| host.is_wanted).count();
    let mut text = format!(
        "\n### Session hosts\n\n{} of {} have the image{}.\n\n| host | image before | image now | status | lets users in | users |\n|---|---|---|---|---|---|\n",
        wanted,
        counted(collected.hosts.len(), "host"),
        escaped(&collected.drained_in_words())
    );
    let gone = overview.hosts.iter().filter(|old| {
        let mut now = collected.hosts.iter();
        !now.any(|host| host.name().eq_ignore_ascii_case(old.name()))
    });
    let all = collected.hosts.iter().map(|host| (host, true));
    let all: Vec<_> = all.chain(gone.map(|host| (host, false))).collect();
    for (host, is_there) in all.iter().take(MOST_ROWS) {
        let old = before(host.name()).map_or_else(|| "–".to_owned(), |old| code(&old.version()));
        text.push_str(&row(host, &old, *is_there));
    }
    if all.len() > MOST_ROWS {
        writeln!(text, "\nAnd {} more.", all.len() - MOST_ROWS).ok();
    }
    text.push_str(&openings(request, collected));
    text
}

/// The commands that let users in on the drained hosts of the image.
fn openings(request: &Rollout, collected: &Collected) -> String {
    let drained = collected.drained();
    if drained.is_empty() {
        return String::new();
    }
    let mut text = "\nTo let users in on a drained host:\n\n".to_owned();
    for host in drained.into_iter().take(MOST_NAMED) {
        let command = code(&host.opening(&request.pool));
        writeln!(text, "- {}: {command}", code(host.name())).ok();
    }
    text
}

fn row(host: &Host, old: &str, is_there: bool) -> String {
    let name = code(host.name());
    if !is_there {
        return format!("| {name} | {old} | – | removed | – | – |\n");
    }
    let open = if host.is_open() { "yes" } else { "no" };
    let sessions = host.host.sessions;
    let sessions = sessions.map_or_else(|| "–".to_owned(), |sessions| sessions.to_string());
    format!(
        "| {name} | {old} | {} | {} | {open} | {sessions} |\n",
        code(&host.version()),
        escaped(&host.host.status)
    )
}
