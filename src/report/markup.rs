//! Texts as Markdown, as Azure DevOps renders it.
//!
//! Foreign text is made printable before it is marked up. If characters were removed afterwards, the rest could join into markup, for example
//! the end of a fence.

use super::issue::what_to_do;
use crate::agent::command::safe_to_print;

/// A table of names and values, which are Markdown.
pub(super) fn table(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, value)| format!("| {name} | {value} |\n"))
        .collect();
    format!("| | |\n|---|---|\n{}", rows.concat())
}

/// Foreign text as code in a line.
pub(super) fn code(text: &str) -> String {
    let text = safe_to_print(text).replace(['`', '\n', '\t'], " ");
    let text = text.trim();
    // Readers differ in what an escaped backslash before the bar of a table means.
    let text = text.replace("\\|", "\\ |").replace('|', "\\|");
    // A backslash at the end would be read as one that escapes the end by some.
    let space = if text.ends_with('\\') { " " } else { "" };
    if text.is_empty() {
        String::new()
    } else {
        format!("`{text}{space}`")
    }
}

/// Foreign text as text in a line: nothing in it is markup.
pub(super) fn escaped(text: &str) -> String {
    let text = safe_to_print(text);
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut in_word = false;
    while let Some(c) = rest.next() {
        let next = rest.clone().next();
        match c {
            '\n' => escaped.push(' '),
            // Inside of a word it is no markup.
            '_' if in_word && next.is_some_and(char::is_alphanumeric) => escaped.push('_'),
            '|' | '<' | '>' | '*' | '_' | '~' | '&' | '$' | '`' | '[' | ']' | '\\' | '#' => {
                escaped.extend(['\\', c]);
            }
            c => escaped.push(c),
        }
        in_word = c.is_alphanumeric();
    }
    escaped
}

/// A hint: foreign text as text, but for commands between backticks, which are code.
pub(super) fn with_commands(text: &str) -> String {
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

/// A command for a shell, under a line that says what it is for. No text of others begins a line of its own.
pub(super) fn commented(what: &str, command: &str) -> String {
    format!("# {}\n{command}", safe_to_print(what).replace('\n', " "))
}

/// Foreign lines in a fence that none of them can close.
pub(super) fn fenced(language: &str, lines: &str) -> String {
    let lines = safe_to_print(lines);
    let longest = lines.split(|c| c != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or_default().max(2) + 1);
    let lines = lines.trim_end_matches('\n');
    format!("{fence}{language}\n{lines}\n{fence}\n")
}

/// The error of the step and what to do about it, in the words of the log.
pub(super) fn cause(code: &str, sentence: &str, hint: Option<&str>) -> String {
    one_of_several(code, sentence, Some(&what_to_do(code, hint)))
}

/// One of the causes of a failure, where each has its own fix or none.
pub(super) fn one_of_several(code: &str, sentence: &str, fix: Option<&str>) -> String {
    format!(
        "\n**{code}** {}\n{}",
        escaped(sentence),
        fix.map(next_action).unwrap_or_default()
    )
}

/// What to do, as a paragraph of its own.
pub(super) fn next_action(hint: &str) -> String {
    format!("\n**What to do:** {}\n", with_commands(hint))
}

/// A warning with what to do about it, as an item of a list.
pub(super) fn warning(code: &str, text: &str, hint: Option<&str>) -> String {
    let end = if text.ends_with('.') { "" } else { "." };
    let hint = hint.filter(|hint| !hint.is_empty());
    let hint = hint.map(|hint| format!("{end} **What to do:** {}", with_commands(hint)));
    format!("**{code}** {}{}", escaped(text), hint.unwrap_or_default())
}

/// The section with the warnings, if there are any.
pub(super) fn warnings(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: Vec<_> = items.iter().map(|item| format!("- {item}\n")).collect();
    format!("\n### Warnings\n\n{}", items.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser};

    use super::*;

    /// Every place that a text of others has in a summary.
    fn page(text: &str) -> String {
        let (code, plain) = (code(text), escaped(text));
        let rows = [("Image", code.clone()), ("Result", plain.clone())];
        let lines = fenced("text", text);
        format!(
            "## Image: {plain}\n\n{}\n**AIB1** {plain}\n\n- **AIB2** {plain}\n\n| a |\n|---|\n| {code}, {code} |\n\nLast lines of {plain}:\n\n{lines}\nend {code}\n",
            table(&rows)
        )
    }

    /// What a reader makes of it, without the words themselves.
    fn structure(markdown: &str) -> Vec<String> {
        // What Azure DevOps has beyond CommonMark (<https://learn.microsoft.com/azure/devops/project/wiki/markdown-guidance>).
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_MATH
            | Options::ENABLE_GFM;
        let events = Parser::new_ext(markdown, options);
        let mut shape: Vec<_> = events
            .map(|event| match event {
                Event::Text(_) | Event::SoftBreak => "text".to_owned(),
                Event::Code(_) => "code".to_owned(),
                other => format!("{other:?}"),
            })
            .collect();
        shape.dedup();
        shape
    }

    fn hostile() -> impl Strategy<Value = String> {
        let pieces = "` `` ``` ```` ~~~ # ## [a](https://evil.example) ![x](y) <b> </table> <script> <!-- --> <a href=x> **x** __x__ _a_ ~~a~~ *** --- \
            === - + 1. > | || \\ \\| \\` &lt; &#60; [^1] [^1]: [x]: $x$ $$ {a} http://evil.example a b";
        let separators = "\n|\r|\r\n|\t| |    |\u{b}|\u{c}|\u{85}|\u{2028}|\u{2029}|\u{200b}|\u{feff}|\u{ad}|\u{1b}[0m|\0|\u{e0001}";
        let all: Vec<_> = pieces.split(' ').chain(separators.split('|')).collect();
        let piece = prop_oneof![9 => prop::sample::select(all).prop_map(str::to_owned), 1 => any::<String>()];
        prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_of_others_changes_the_page(text in hostile()) {
            // A word keeps a text that is blank, or is all invisible, from being none.
            let text = format!("a{text}b");
            let page = page(&text);
            prop_assert_eq!(structure(&page), structure(&super::tests::page("word")), "{}", page);
            // What is made visible for the file once more changes nothing.
            prop_assert_eq!(safe_to_print(&page), page.as_str());
        }
    }

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(
            escaped("a|b <script> *x* `y`\nz"),
            "a\\|b \\<script\\> \\*x\\* \\`y\\` z"
        );
        assert_eq!(escaped("a\u{2028}# b\u{85}\r\n\u{b}c"), "a \\# b c");
        assert_eq!(
            escaped("__a__ ~~b~~ &lt;"),
            "\\_\\_a\\_\\_ \\~\\~b\\~\\~ \\&lt;"
        );
        assert_eq!(escaped("a_b_1 _c_"), "a_b_1 \\_c\\_");
        assert_eq!(code("a`|b"), "`a \\|b`");
        assert_eq!(
            with_commands("run *x*: `az a <b>`; or `c|d`, or ` <e>"),
            "run \\*x\\*: `az a <b>`; or `c\\|d`, or \\` \\<e\\>"
        );
        assert_eq!(with_commands("plain"), "plain");
        assert_eq!(code("a\u{2029}`b\\|c\\"), "`a  b\\ \\|c\\ `");
        assert_eq!(code(" \u{200b} "), "");
        assert_eq!(commented("a\rb\u{2028}c\n", "az x"), "# a b c \naz x");
        assert_eq!(fenced("text", "no ticks"), "```text\nno ticks\n```\n");
        assert_eq!(fenced("", "a\n```` four\n"), "`````\na\n```` four\n`````\n");
        assert_eq!(fenced("", "`\u{200b}``"), "````\n```\n````\n");
    }
}
