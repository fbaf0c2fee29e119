//! The hosts of a pool, a line for those that are alike.

use std::fmt::Write as _;

use crate::rollout::Host;
use crate::rollout::event::PoolOverview;
use crate::wording::counted;

/// How many lines are told.
const MOST_LINES: usize = 40;

/// Hosts that follow each other and are alike.
struct Group<'h> {
    /// What stands before the number.
    stem: String,
    first: &'h Host,
    last: &'h Host,
    count: usize,
    sessions: u64,
}

/// What there is, and what is wanted.
pub(super) fn lines(overview: &PoolOverview) -> Vec<String> {
    let hosts = &overview.hosts;
    let sessions: u64 = hosts.iter().filter_map(|host| host.host.sessions).sum();
    let mut lines = vec![format!(
        "host pool:  {} ({}, {}, {})",
        overview.pool.id.name(),
        overview.pool.kind,
        counted(hosts.len(), "host"),
        counted(sessions, "session")
    )];
    let rows: Vec<[String; 5]> = groups(hosts).iter().map(row).collect();
    let widths = [0, 1, 2, 3].map(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    for row in rows.iter().take(MOST_LINES) {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(widths.into_iter().chain([0])) {
            // Writing to a text does not fail.
            write!(line, " {cell:<width$}  ").ok();
        }
        lines.push(line.trim_end().to_owned());
    }
    if rows.len() > MOST_LINES {
        lines.push(format!("  and {} lines more", rows.len() - MOST_LINES));
    }
    lines.push(format!("wanted:  {}", overview.wanted));
    lines
}

fn row(group: &Group<'_>) -> [String; 5] {
    let host = group.first;
    let name = if group.count == 1 {
        host.name().to_owned()
    } else {
        let last = group.last.name();
        let number = last.strip_prefix(&group.stem).unwrap_or(last);
        format!("{}..{number}", host.name())
    };
    let gone = if host.machine.is_none() {
        " (its VM is gone)"
    } else {
        ""
    };
    let status = match host.host.status.as_str() {
        "" => "no status",
        status => status,
    };
    [
        name,
        format!("{}{gone}", host.version()),
        status.to_owned(),
        format!("drained {}", if host.is_open() { "no" } else { "yes" }),
        counted(group.sessions, "session"),
    ]
}

fn groups(hosts: &[Host]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for host in hosts {
        let sessions = host.host.sessions.unwrap_or_default();
        let (stem, _) = numbered(host.name());
        if let Some(group) = groups.last_mut().filter(|group| {
            let (last, now) = (group.last, host);
            group.stem == stem
                && last.version() == now.version()
                && last.host.status == now.host.status
                && last.is_open() == now.is_open()
                && last.machine.is_some() == now.machine.is_some()
        }) {
            group.last = host;
            group.count += 1;
            group.sessions += sessions;
        } else {
            groups.push(Group {
                stem: stem.to_owned(),
                first: host,
                last: host,
                count: 1,
                sessions,
            });
        }
    }
    groups
}

/// The name before its number, and the number: of `avd-3.contoso.example` too, whose domain goes with the number.
fn numbered(name: &str) -> (&str, &str) {
    let computer = name.split('.').next().unwrap_or(name);
    match computer.rsplit_once('-') {
        Some((stem, number)) if number.chars().all(|c| c.is_ascii_digit()) => {
            name.split_at_checked(stem.len() + 1).unwrap_or((name, ""))
        }
        _ => (name, ""),
    }
}
