//! Texts as Markdown, as Azure DevOps renders it.

pub(super) fn table(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, value)| format!("| {name} | {value} |\n"))
        .collect();
    format!("| | |\n|---|---|\n{}", rows.concat())
}

pub(super) fn code(text: &str) -> String {
    format!(
        "`{}`",
        text.replace(['`', '\n', '\r'], " ").replace('|', "\\|")
    )
}

/// Foreign text as text: nothing in it is markup.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            '|' | '<' | '>' | '*' | '`' | '[' | ']' | '\\' | '#' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A fence that nothing in `text` can close.
pub(super) fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max();
    "`".repeat(longest.unwrap_or_default().max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(
            escaped("a|b <script> *x* `y`\nz"),
            "a\\|b \\<script\\> \\*x\\* \\`y\\` z"
        );
        assert_eq!(code("a`|b"), "`a \\|b`");
        assert_eq!(fence("no ticks"), "```");
        assert_eq!(fence("```` four"), "`````");
    }
}
