//! `FIDELITY.md` is complete: each route has a row, and each row names its source.

use crate::operation_names;

const FIDELITY: &str = include_str!("../../FIDELITY.md");

fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    FIDELITY
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| operation"))
        .map(cells)
        .collect()
}

#[test]
fn each_route_has_a_row() {
    for name in operation_names() {
        assert!(
            rows().iter().any(|row| row[0] == format!("`{name}`")),
            "{name} has no row in FIDELITY.md"
        );
    }
}

#[test]
fn each_row_says_what_is_done_and_names_its_source() {
    for row in rows() {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(
            ["kept", "simplified", "refused"].contains(&row[2]),
            "{row:?}"
        );
        let source = |name: &str| row[3].starts_with(name);
        assert!(
            [
                "specification",
                "recorded",
                "reported",
                "documented",
                "seen from",
                "assumed"
            ]
            .iter()
            .any(|name| source(name)),
            "{row:?}"
        );
    }
}
