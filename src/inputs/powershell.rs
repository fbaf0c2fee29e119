//! How far a line of PowerShell belongs to what stands before it: quotes, brackets, comments and blocks from line to line.
//!
//! It knows as much of the language (<https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_parsing>) as it takes to
//! say where a statement begins and ends. What it is not sure of never becomes whole again.

/// A quotation, bracket or block that is not closed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// `{`, with statements in it.
    Statements,
    /// `{` of a `switch` or of a hash table: what is in it is no statement, what is in its blocks is one.
    Clauses,
    /// `{` of something whose statements are another's business: a class, a job, a `finally`, which must not be left.
    Foreign,
    /// `(` or `[`; the parenthesis of `"$(…)"` as well.
    Group(char),
    /// A text, and the line that it begins in.
    Text { quote: char, line: usize },
    /// `@'` or `@"`.
    HereString { quote: char, line: usize },
    /// `<#`.
    Comment,
}

/// What the words of a statement say of the block that they come before.
#[derive(Debug, Default, Clone, Copy)]
struct Head {
    clauses: bool,
    foreign: bool,
}

/// Follows a script from line to line.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    open: Vec<Open>,
    head: Head,
    lines: usize,
    lowest: usize,
    lost: bool,
}

/// A place where a statement can begin: how many blocks are around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Border(usize);

impl Scanner {
    /// Whether a statement can begin here, and may end the script.
    pub(crate) fn border(&self) -> Option<Border> {
        let blocks = |open: &Open| matches!(open, Open::Statements | Open::Clauses);
        let inside = self
            .open
            .last()
            .is_none_or(|open| *open == Open::Statements);
        let known = self
            .open
            .iter()
            .all(|open| blocks(open) || matches!(open, Open::Group(_)));
        (!self.lost && inside && known).then_some(Border(self.open.len()))
    }

    /// Whether the last line left every block that was open at `border` as it was, and opened none.
    pub(crate) fn is_back_at(&self, border: Border) -> bool {
        self.border() == Some(border) && self.lowest >= border.0
    }

    /// Whether nothing is open.
    pub(crate) fn is_outermost(&self) -> bool {
        self.border() == Some(Border(0))
    }

    /// The line, counted from 1, in which a text begins that has not ended.
    pub(crate) fn text_without_end(&self) -> Option<usize> {
        self.open.iter().find_map(|open| match open {
            Open::Text { line, .. } | Open::HereString { line, .. } if !self.lost => Some(*line),
            _ => None,
        })
    }

    /// Reads the next line, without its end.
    pub(crate) fn read(&mut self, line: &str) {
        self.lines += 1;
        self.lowest = self.open.len();
        let mut rest = line;
        if let Some(Open::HereString { quote, .. }) = self.open.last().copied() {
            let end = rest.chars().next().map(plain_quote) == Some(quote);
            let Some(after) = rest
                .get(rest.chars().next().map_or(0, char::len_utf8)..)
                .and_then(|rest| rest.strip_prefix('@'))
                .filter(|_| end)
            else {
                return;
            };
            self.close();
            rest = after;
        } else if !rest.trim_start().starts_with('{') {
            // A brace on a line of its own belongs to the words before it.
            self.head = Head::default();
        }
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            rest = self.step(c, before, after);
            before = c;
        }
    }

    /// Takes `c`, and gives what is to be read next.
    fn step<'a>(&mut self, c: char, before: char, rest: &'a str) -> &'a str {
        let top = self.open.last().copied();
        match (top, plain_quote(c)) {
            (Some(Open::Comment), '#') if rest.starts_with('>') => self.close(),
            // A doubled quote begins another piece of the same text, which ends as this one does.
            (Some(Open::Text { quote, .. }), plain) if plain == quote => self.close(),
            (Some(Open::Text { quote: '"', .. }), '`') => return after_one(rest),
            (Some(Open::Text { quote: '"', .. }), '$') if rest.starts_with('(') => {
                self.open.push(Open::Group(')'));
                return after_one(rest);
            }
            (Some(Open::Comment | Open::Text { .. } | Open::HereString { .. }), _) => {}
            (_, '`') => return after_one(rest),
            (_, '#') if !begins_token(before) => {}
            (_, '#') => return "",
            (_, '<') if rest.starts_with('#') => {
                self.open.push(Open::Comment);
                return after_one(rest);
            }
            (_, '@') if here_string(rest).is_some() => {
                let quote = here_string(rest).unwrap_or('\'');
                let line = self.lines;
                self.open.push(Open::HereString { quote, line });
                return "";
            }
            (_, '@') if rest.starts_with('{') => {
                self.push_block(Open::Clauses);
                return after_one(rest);
            }
            (_, '$') if rest.starts_with('{') => {
                return rest.split_once('}').map_or("", |(_, after)| after);
            }
            (_, '$') => return after_word(rest),
            (_, quote @ ('\'' | '"')) => {
                let line = self.lines;
                self.open.push(Open::Text { quote, line });
            }
            (_, '(') => self.open.push(Open::Group(')')),
            (_, '[') => self.open.push(Open::Group(']')),
            (_, '{') => self.push_block(Open::Statements),
            (_, ')' | ']') => self.close_if(top == Some(Open::Group(c))),
            (_, '}') => self.close_if(matches!(
                top,
                Some(Open::Statements | Open::Clauses | Open::Foreign)
            )),
            (_, ';') => self.head = Head::default(),
            _ if begins_token(before) && !c.is_whitespace() => return self.word(c, rest),
            _ => {}
        }
        rest
    }

    /// Reads a word, which may say what the next block is.
    fn word<'a>(&mut self, first: char, rest: &'a str) -> &'a str {
        let after = after_word(rest);
        let tail = rest.strip_suffix(after).unwrap_or_default();
        let word = format!("{first}{tail}").to_ascii_lowercase();
        if word == "--%" || (word == "--" && after.starts_with('%')) {
            // What follows is the program's own, quotes included.
            return "";
        }
        self.head.clauses |= word == "switch";
        self.head.foreign |= FOREIGN.contains(&word.as_str())
            || word.contains("job")
            || word.starts_with("register-");
        after
    }

    fn push_block(&mut self, kind: Open) {
        let foreign = self.head.foreign || self.open.last() == Some(&Open::Foreign);
        self.open.push(match kind {
            _ if foreign => Open::Foreign,
            Open::Statements if self.head.clauses => Open::Clauses,
            kind => kind,
        });
        self.head = Head::default();
    }

    fn close_if(&mut self, fits: bool) {
        if fits {
            self.close();
        } else {
            self.lost = true;
        }
    }

    fn close(&mut self) {
        self.open.pop();
        self.lowest = self.lowest.min(self.open.len());
    }
}

/// Words before a block from which no statement may end the script, or which has no statements of the script's own in it.
const FOREIGN: &[&str] = &[
    "-parallel",
    "class",
    "configuration",
    "data",
    "enum",
    "finally",
    "icm",
    "interface",
    "invoke-command",
    "workflow",
];

/// PowerShell takes curly quotes for straight ones.
fn plain_quote(c: char) -> char {
    match c {
        '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201e}' => '"',
        other => other,
    }
}

/// The quote of a here-string that begins after `@`: nothing else stands in its line.
fn here_string(rest: &str) -> Option<char> {
    let first = rest.chars().next()?;
    let quote = plain_quote(first);
    let alone = rest.get(first.len_utf8()..)?.trim().is_empty();
    (alone && matches!(quote, '\'' | '"')).then_some(quote)
}

fn begins_token(before: char) -> bool {
    before.is_whitespace() || "(){}[];,|&=".contains(before)
}

fn after_one(rest: &str) -> &str {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    rest.get(first..).unwrap_or_default()
}

fn after_word(rest: &str) -> &str {
    rest.trim_start_matches(|c: char| c.is_alphanumeric() || "_-:.\\/".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The script with `!` before each line at which a statement can begin.
    fn marked(script: &str) -> String {
        let mut scanner = Scanner::default();
        let lines = script.lines().map(|line| {
            let mark = if scanner.border().is_some() { "!" } else { "" };
            scanner.read(line);
            format!("{mark}{line}")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn check(marks: &str) {
        assert_eq!(marked(&marks.replace('!', "")), marks);
    }

    #[test]
    fn statements_begin_outside_and_in_blocks() {
        check("!a\n!if ($x) {\n!  b\n!} else {\n!  c\n!}\n!d");
        check("!function F\n!{\n!  a\n!}\n!b");
        check("!$x = Get-Item a | ForEach-Object {\n!  a\n!}");
        check("!foreach ($a in @(\n  1\n)) {\n!  b\n!}");
        check("!try {\n! a\n!} catch {\n! b\n!} finally {\n c\n if (1) {\n  d\n }\n}\n!e");
    }

    #[test]
    fn clauses_and_entries_are_no_statements() {
        check("!switch ($x)\n!{\n  default {\n!   a\n!  }\n}\n!b");
        check("!$y = switch ($x) {\n  a {\n!    b\n!  }\n}");
        check("!$t = @{\n  a = 1\n  b = {\n!   c\n!  }\n}\n!d");
        check("!$switch = 1\n!if ($switch) {\n!  a\n!}");
    }

    #[test]
    fn blocks_of_another_kind_are_left_alone() {
        check("!enum Color {\n  Red\n}\n!class A {\n  [void] B() {\n    c\n  }\n}\n!d");
        check("!Start-Job {\n  a\n}\n!Invoke-Command -ScriptBlock {\n  b\n}\n!c");
    }

    #[test]
    fn texts_and_comments_go_on() {
        check("!$a = 'one\ntwo'\n!b");
        check("!$a = \"one $(\"two\"\n) three\n\"\n!b");
        check("!$a = \"x `\" (\"\n!b");
        check("!$a = @'\n(\n ' '@\n'@\n!b");
        check("!$a = @\"\n\"\n\"@ + 'x'\n!b");
        check("!<# (\nmore #>\n!a # (\n!b#(\nc)\n!d");
        check("!Write-Host \u{201c}a 'b\u{201d}\n!c");
        check("!$a = \"a\"\"b\"\n!c ${x'y}\n!d");
        check("!cmd --% /c \"\n!b");
    }

    #[test]
    fn a_line_that_leaves_a_block_is_not_back() {
        let mut scanner = Scanner::default();
        scanner.read("if ($x) {");
        let border = scanner.border().unwrap();
        scanner.read("  a");
        assert!(scanner.is_back_at(border));
        scanner.read("  b } else { c");
        assert!(!scanner.is_back_at(border));
    }

    #[test]
    fn what_does_not_fit_is_lost() {
        check("!a )\nb\nc");
        check("!a }\nb");
    }
    #[test]
    fn a_text_without_end_is_found() {
        let find = |script: &str| {
            let mut scanner = Scanner::default();
            script.lines().for_each(|line| scanner.read(line));
            scanner.text_without_end()
        };
        assert_eq!(find("a\n& 'c:\\x\nb"), Some(2));
        assert_eq!(find("a 'b'\n@\"\n'\n\"@"), None);
        assert_eq!(find("a 'b'\n$x = @'\n"), Some(2));
        assert_eq!(find("# don't\nWrite-Host a"), None);
    }
}
