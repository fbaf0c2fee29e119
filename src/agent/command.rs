//! Logging commands: how one is written, and how text of others is made fit to print, so that no line of it is one. Pure. The agent's own way with
//! such text: `StringUtil.DeactivateVsoCommands` in <https://github.com/microsoft/azure-pipelines-agent>.
//!
//! The agent's reading of a line: `Command.cs` in <https://github.com/microsoft/azure-pipelines-agent>; the writing in Microsoft's tasks:
//! `node/taskcommand.ts` in <https://github.com/microsoft/azure-pipelines-task-lib>. For every command that both can express,
//! the result here is the same, byte for byte.

use std::borrow::Cow;
use std::fmt;

use crate::ansi::after_sequence;

/// One logging command, `##vso[area.event key=value;]data`.
/// It has no debug output, because it may carry a secret.
#[derive(Clone)]
pub struct Command {
    name: &'static str,
    properties: String,
    data: String,
}

impl Command {
    /// A command by its full name, for example `task.setvariable`.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            properties: String::new(),
            data: String::new(),
        }
    }

    /// Adds a property. One with an empty value is left out, because the agent drops it.
    /// The agent also eats every `=` at the beginning of a value; there is no way to send one, so they are left out here already.
    #[must_use]
    pub fn property(mut self, key: &'static str, value: &str) -> Self {
        let value = value.trim_start_matches('=');
        if !value.is_empty() {
            let value = escape(value).replace(']', "%5D").replace(';', "%3B");
            self.properties.extend([key, "=", &value, ";"]);
        }
        self
    }

    /// Sets the text behind the bracket.
    #[must_use]
    pub fn data(mut self, data: &str) -> Self {
        self.data = escape(data);
        self
    }
}

/// The line, without an end.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.properties.is_empty() { "" } else { " " };
        write!(
            f,
            "##vso[{}{blank}{}]{}",
            self.name, self.properties, self.data
        )
    }
}

/// The percent sign goes first, otherwise the escapes of the others would be escaped.
fn escape(text: &str) -> String {
    text.replace('%', "%AZP25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Makes text of others fit to print: whatever it holds, no line of it is a logging command or a formatting line, and nothing in it
/// is invisible. Every kind of line end becomes `\n`; control characters other than tab, ANSI sequences and zero-width characters go.
///
/// `##vso` becomes `**vso` in any letter case, as in the agent's own `DeactivateVsoCommands`; `##[` at the start of a line becomes `**[`.
/// The agent looks for its marker by the rules of a language, which skip characters that have no weight, and which characters these are
/// depends on its ICU version: therefore everything outside of ASCII is skipped here, too.
pub fn safe_to_print(foreign: &str) -> Cow<'_, str> {
    let harmless = |c: char| c == '\n' || !(is_invisible(c) || c == '#' || is_line_separator(c));
    if foreign.chars().all(harmless) {
        Cow::Borrowed(foreign)
    } else {
        Cow::Owned(disarm(&visible(foreign)))
    }
}

fn is_invisible(c: char) -> bool {
    let zero_width = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    zero_width || (c.is_control() && c != '\t')
}

fn is_line_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if let Some(after) = after_sequence(c, rest.as_str()) {
            rest = after.chars();
            continue;
        }
        match c {
            '\r' => {
                rest = rest
                    .as_str()
                    .strip_prefix('\n')
                    .unwrap_or(rest.as_str())
                    .chars();
                visible.push('\n');
            }
            '\n' => visible.push('\n'),
            c if is_line_separator(c) => visible.push('\n'),
            c if is_invisible(c) => {}
            c => visible.push(c),
        }
    }
    visible
}

fn disarm(text: &str) -> String {
    let mut disarmed = String::with_capacity(text.len());
    let mut starts_line = true;
    let mut second_hash = None;
    for (position, c) in text.char_indices() {
        let marker = if c == '#' {
            text.get(position..)
                .and_then(|rest| marker_at(rest, starts_line))
        } else {
            None
        };
        if let Some(distance) = marker {
            second_hash = Some(position + distance);
            disarmed.push('*');
        } else if second_hash == Some(position) {
            disarmed.push('*');
        } else {
            disarmed.push(c);
        }
        starts_line = c == '\n' || (starts_line && (c.is_whitespace() || !c.is_ascii()));
    }
    disarmed
}

/// Where the second `#` is, if a marker begins here.
fn marker_at(text: &str, starts_line: bool) -> Option<usize> {
    let mut ascii = text.char_indices().filter(|(_, c)| c.is_ascii());
    let (_, first) = ascii.next()?;
    let (distance, second) = ascii.next()?;
    let mut word = ascii.map(|(_, c)| c.to_ascii_lowercase());
    let next = word.next()?;
    let formatting = next == '[' && starts_line;
    let command = next == 'v' && word.next() == Some('s') && word.next() == Some('o');
    (first == '#' && second == '#' && (formatting || command)).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command, expected: &str) {
        assert_eq!(command.to_string(), expected);
    }

    #[test]
    fn commands_are_written_as_microsofts_library_writes_them() {
        let new = || Command::new("task.setvariable");
        check(&Command::new("task.debug"), "##vso[task.debug]");
        check(
            &new().property("variable", "a").data("b"),
            "##vso[task.setvariable variable=a;]b",
        );
        check(
            &new().property("variable", "a").property("isoutput", "true"),
            "##vso[task.setvariable variable=a;isoutput=true;]",
        );
        check(
            &new().property("variable", "a]b;c%d\r\n=e"),
            "##vso[task.setvariable variable=a%5Db%3Bc%AZP25d%0D%0A=e;]",
        );
        check(
            &new().data("x%0Ay]z;\r\nq%AZP25"),
            "##vso[task.setvariable]x%AZP250Ay]z;%0D%0Aq%AZP25AZP25",
        );
        check(
            &new()
                .property("variable", ";=\r=\n=]%")
                .data(";-\r-\n-]%3B"),
            "##vso[task.setvariable variable=%3B=%0D=%0A=%5D%AZP25;];-%0D-%0A-]%AZP253B",
        );
        check(
            &new().property("variable", "a=b"),
            "##vso[task.setvariable variable=a=b;]",
        );
    }

    #[test]
    fn what_cannot_be_sent_is_left_out() {
        let new = || Command::new("task.setvariable");
        check(
            &new().property("variable", "").property("k", "v").data("x"),
            "##vso[task.setvariable k=v;]x",
        );
        check(
            &new().property("variable", "").data("x"),
            "##vso[task.setvariable]x",
        );
        check(
            &new().property("variable", "==b"),
            "##vso[task.setvariable variable=b;]",
        );
        check(&new().property("variable", "=="), "##vso[task.setvariable]");
    }

    #[test]
    fn text_of_others_is_never_a_command_nor_a_formatting_line() {
        for (foreign, expected) in [
            ("", ""),
            ("plain [text] # 1 ## 2", "plain [text] # 1 ## 2"),
            (
                "##vso[task.complete result=Succeeded;]",
                "**vso[task.complete result=Succeeded;]",
            ),
            ("before ##vso[a.b]", "before **vso[a.b]"),
            ("##VsO[a.b]", "**VsO[a.b]"),
            ("##vso", "**vso"),
            ("####vso[a.b]", "##**vso[a.b]"),
            ("##vso##vso[", "**vso**vso["),
            ("##[error]x", "**[error]x"),
            ("  ##[error]x", "  **[error]x"),
            ("see ##[error]x", "see ##[error]x"),
            (
                "a\n##[group]b\r##[group]c\r\n##[group]d",
                "a\n**[group]b\n**[group]c\n**[group]d",
            ),
            ("a\r\n\r\nb\rc\u{2028}d", "a\n\nb\nc\nd"),
            ("##\u{200b}vso[a.b]", "**vso[a.b]"),
            ("#\u{ad}#v\u{feff}so[a.b]", "**vso[a.b]"),
            ("#\u{301}#vs\u{fe0f}o[a.b]", "*\u{301}*vs\u{fe0f}o[a.b]"),
            ("\u{feff}##[error]x", "**[error]x"),
            ("\u{fe0f}##[error]x", "\u{fe0f}**[error]x"),
        ] {
            assert_eq!(safe_to_print(foreign), expected, "{foreign:?}");
        }
    }

    #[test]
    fn nothing_invisible_is_left() {
        for (foreign, expected) in [
            ("a\tb", "a\tb"),
            ("a\0b\u{7}c\u{8}d\u{7f}e\u{85}f", "abcdef"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{9b}31mred", "red"),
            ("##\u{1b}[0mvso[a.b]", "**vso[a.b]"),
            ("\u{1b}]0;title\u{7}text", "text"),
            (
                "\u{1b}]8;;https://example.com\u{1b}\\link\u{1b}]8;;\u{1b}\\",
                "link",
            ),
            ("\u{1b}]0;no end\nnext", "]0;no end\nnext"),
            ("\u{1b}[31", "31"),
            ("\u{1b}7saved", "7saved"),
            ("right\u{202e}tfel", "righttfel"),
            ("Ünïcode 🚀 日本", "Ünïcode 🚀 日本"),
        ] {
            assert_eq!(safe_to_print(foreign), expected, "{foreign:?}");
        }
        assert!(matches!(
            safe_to_print("nothing to do\nhere"),
            Cow::Borrowed(_)
        ));
    }
}
