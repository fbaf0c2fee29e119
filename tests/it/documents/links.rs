//! Links: those into the repository lead to a file and to a heading that exist, all others are HTTPS to hosts that we know.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::files::{Document, pages};

/// Who may be linked to. A new one is added here on purpose.
const HOSTS: [&str; 9] = [
    "azure.github.io",
    "dev.azure.com",
    "git-scm.com",
    "github.com",
    "keepachangelog.com",
    "learn.microsoft.com",
    "marketplace.visualstudio.com",
    "portal.azure.com",
    "semver.org",
];

/// The targets of `[text](target)`, `![text](target)` and pictures for light and dark pages, outside of code.
fn targets(page: &Document) -> Vec<&str> {
    let prose: Vec<&str> = page.text.split("```").step_by(2).collect();
    let between = |start: &'static str, end: char| {
        let parts = prose.iter();
        parts
            .flat_map(move |part| part.split(start).skip(1))
            .filter_map(move |rest| Some(rest.split_once(end)?.0))
    };
    let pictures = between(" src=\"", '"').chain(between(" srcset=\"", '"'));
    between("](", ')').chain(pictures).collect()
}

/// A heading as its link is written: small letters, blanks as dashes, without marks.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

fn anchors(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let prose: String = text.split("```").step_by(2).collect();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(anchor).collect()
}

fn trouble(page: &Document, target: &str) -> Option<String> {
    if let Some(rest) = target.strip_prefix("https://") {
        let host = rest.split('/').next().unwrap();
        return (!HOSTS.contains(&host)).then(|| format!("unknown host {host}"));
    }
    if target.contains("://") {
        return Some("not HTTPS".to_owned());
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = match path {
        "" => super::files::root().join(&page.path),
        path => page.folder().join(path),
    };
    if !file.exists() {
        return Some("no such file".to_owned());
    }
    let exists = heading.is_empty() || anchors(&file).contains(heading);
    (!exists).then(|| "no such heading".to_owned())
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    let mut offences = Vec::new();
    for page in pages() {
        for target in targets(&page) {
            count += 1;
            let offence = trouble(&page, target);
            offences.extend(offence.map(|why| format!("{}: {target}: {why}", page.path)));
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
    assert!(count > 30, "{count} links");
}
