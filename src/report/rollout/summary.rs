//! The page of a roll-out.

use std::fmt::Write as _;

use super::known::{Known, MOST_NAMED};
use crate::error::Error;
use crate::inputs::Rollout;
use crate::report::markup::{self, cause, code, escaped, table};
use crate::report::next_step::{NextStep, ways_back};
use crate::rollout::{Host, RolloutState};
use crate::wording::counted;

/// So many hosts are on the page.
const MOST_ROWS: usize = 200;

/// What the page says.
pub(super) struct Page<'a> {
    pub(super) request: &'a Rollout,
    pub(super) known: &'a Known,
    pub(super) result: &'a Result<RolloutState, Error>,
    pub(super) way_back: Option<NextStep>,
}

pub(super) fn markdown(page: &Page<'_>) -> String {
    let Page {
        request,
        known,
        result,
        way_back,
    } = page;
    let mut text = headline(page);
    if let Err(Error::Canceled) = result {
        text.push_str(&canceled(known));
    } else if let Err(error) = result {
        let hint = error.hint();
        text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
    }
    let mut rows = vec![
        ("Host pool", code(request.pool.as_str())),
        ("Image", code(&request.image.to_string())),
    ];
    if let Some(method) = known.method {
        rows.push(("Method", code(method.name())));
    }
    if let Some(previous) = &known.previous {
        rows.push(("Image before", code(&previous.to_string())));
    }
    if result.is_err() && !known.phases.is_empty() {
        rows.push(("Steps", escaped(&known.phases_in_words())));
    }
    write!(text, "\n{}", table(&rows)).ok();
    if !known.plan.is_empty() {
        text.push_str("\n### What would be done\n\n");
        for line in &known.plan {
            writeln!(text, "- {}", escaped(line)).ok();
        }
    }
    text.push_str(&hosts(request, known));
    text.push_str(&faults(known));
    text.push_str(&warnings(known));
    text.push_str(&kept(known));
    if let Some(step) = way_back {
        text.push_str(&ways_back(std::slice::from_ref(step)));
    }
    text
}

/// Where a canceled roll-out stands. A second cancel leaves no time to ask what goes on.
fn canceled(known: &Known) -> String {
    let unknown = "what goes on in Azure was not asked";
    let what = known.stopped.as_deref().unwrap_or(unknown);
    let next = known.next_action();
    format!("\nThe job was canceled: {}; {next}.\n", escaped(what))
}

fn faults(known: &Known) -> String {
    let mut text = String::new();
    if !known.faults.is_empty() {
        text.push_str("\n### Faults\n\n");
    }
    for fault in &known.faults {
        writeln!(text, "- {}", escaped(&fault.to_string())).ok();
    }
    text
}

fn warnings(known: &Known) -> String {
    let mut text = String::new();
    if !known.warnings.is_empty() {
        text.push_str("\n### Warnings\n\n");
    }
    for warning in &known.warnings {
        let hint = warning.hint.as_deref();
        let warning = markup::warning(warning.code, &warning.text, hint);
        writeln!(text, "- {warning}").ok();
    }
    text
}

fn kept(known: &Known) -> String {
    let mut text = String::new();
    if !known.kept.is_empty() {
        text.push_str("\n### Kept hosts\n\nDrained, with the VM as it was. To remove one for good:\n\n| host | tag of the VM | commands |\n|---|---|---|\n");
    }
    for kept in known.kept.iter().take(MOST_ROWS) {
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
        Ok(RolloutState::Succeeded) if page.known.warnings.is_empty() => ("✅", "done"),
        Ok(RolloutState::Succeeded) => ("⚠️", "done"),
    };
    let pool = escaped(page.request.pool.name());
    let image = escaped(&page.request.image.short());
    format!("## {mark} Roll-out of {image} to {pool}: {what}\n")
}

/// Each host before and now.
fn hosts(request: &Rollout, known: &Known) -> String {
    let Some(overview) = &known.overview else {
        return String::new();
    };
    let before = |name: &str| {
        let mut hosts = overview.hosts.iter();
        hosts.find(|host| host.name().eq_ignore_ascii_case(name))
    };
    let wanted = known.hosts.iter().filter(|host| host.is_wanted).count();
    let mut text = format!(
        "\n### Session hosts\n\n{} of {} have the image{}.\n\n| host | image before | image now | status | lets users in | users |\n|---|---|---|---|---|---|\n",
        wanted,
        counted(known.hosts.len(), "host"),
        escaped(&known.drained_in_words())
    );
    let gone = overview.hosts.iter().filter(|old| {
        let mut now = known.hosts.iter();
        !now.any(|host| host.name().eq_ignore_ascii_case(old.name()))
    });
    let all = known.hosts.iter().map(|host| (host, true));
    let all: Vec<_> = all.chain(gone.map(|host| (host, false))).collect();
    for (host, is_there) in all.iter().take(MOST_ROWS) {
        let old = before(host.name()).map_or_else(|| "–".to_owned(), |old| code(&old.version()));
        text.push_str(&row(host, &old, *is_there));
    }
    if all.len() > MOST_ROWS {
        writeln!(text, "\nAnd {} more.", all.len() - MOST_ROWS).ok();
    }
    text.push_str(&openings(request, known));
    text
}

/// The commands that let users in on the drained hosts of the image.
fn openings(request: &Rollout, known: &Known) -> String {
    let drained = known.drained();
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
