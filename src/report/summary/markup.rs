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

/// A hint: foreign text as text, but for commands between backticks, which are code.
pub(in crate::report) fn with_commands(text: &str) -> String {
    let mut rest = text;
    let mut shown = String::new();
    while let Some((before, after)) = rest.split_once('`')
        && let Some((command, after)) = after.split_once('`')
    {
        shown.push_str(&escaped(before));
        shown.push_str(&code(command));
        rest = after;
    }
    shown + &escaped(rest)
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
        assert_eq!(
            with_commands("run *x*: `az a <b>`; or `c|d`, or ` <e>"),
            "run \\*x\\*: `az a <b>`; or `c\\|d`, or \\` \\<e\\>"
        );
        assert_eq!(with_commands("plain"), "plain");
        assert_eq!(fence("no ticks"), "```");
        assert_eq!(fence("```` four"), "`````");
    }
}
