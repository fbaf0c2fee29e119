//! PowerShell lines that end at the first error.
//!
//! Windows PowerShell has a preference for errors of cmdlets, but none for the exit codes of programs. So a line that calls a program gets a look
//! at its exit code behind it, where a line can be told to be such a call and to be whole; every other line stays as it is.

/// The lines with what makes them stop.
pub(super) fn strict(lines: &[String]) -> Vec<String> {
    let mut result = vec!["$ErrorActionPreference = 'Stop'".to_owned()];
    let mut scanner = Scanner::default();
    for (index, line) in lines.iter().enumerate() {
        let starts_whole = scanner.is_whole();
        scanner.read(line);
        let next = lines
            .iter()
            .skip(index + 1)
            .find(|line| !line.trim().is_empty());
        let next = next.map_or("", |line| line.trim());
        let call =
            starts_whole && scanner.is_whole() && calls_program(line) && !goes_on(line, next);
        let looked_at = [line.as_str(), next]
            .iter()
            .any(|line| mentions_exit_code(line));
        if call && !looked_at {
            result.push("$global:LASTEXITCODE = 0".to_owned());
            result.push(line.clone());
            result.push("if ($LASTEXITCODE) { exit $LASTEXITCODE }".to_owned());
        } else {
            result.push(line.clone());
        }
    }
    result
}

fn mentions_exit_code(line: &str) -> bool {
    line.to_ascii_lowercase().contains("lastexitcode")
}

/// Words that begin a statement and call nothing.
const KEYWORDS: &[&str] = &[
    "begin",
    "break",
    "catch",
    "class",
    "continue",
    "data",
    "do",
    "dynamicparam",
    "else",
    "elseif",
    "end",
    "enum",
    "exit",
    "filter",
    "finally",
    "for",
    "foreach",
    "from",
    "function",
    "if",
    "in",
    "param",
    "process",
    "return",
    "switch",
    "throw",
    "trap",
    "try",
    "until",
    "using",
    "while",
    "workflow",
];

/// Whether a line begins with the call operator, or with a word that is no keyword and no cmdlet (whose names have a hyphen, as in `Get-Item`).
fn calls_program(line: &str) -> bool {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix('&') {
        return !rest.trim_start().starts_with('{');
    }
    let word: String = line
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "_.:\\/-".contains(*c))
        .collect();
    let rest = line.get(word.len()..).unwrap_or_default();
    let ends = rest.is_empty() || rest.starts_with(' ');
    let lower = word.to_ascii_lowercase();
    let is_program = lower.strip_suffix(".exe").is_some();
    let name = word.starts_with(|c: char| c.is_ascii_alphabetic());
    name && ends && (!word.contains('-') || is_program) && !KEYWORDS.contains(&lower.as_str())
}

/// Whether the statement goes on in the next line.
fn goes_on(line: &str, next: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(['`', '|', ',', '+', '=', '(', '{']) || next.starts_with(['|', '.', ','])
}

/// Follows brackets, quotes and comments from line to line. What it is not sure of never becomes whole again.
#[derive(Default)]
struct Scanner {
    depth: usize,
    here_string: Option<&'static str>,
    comment: bool,
    lost: bool,
}

impl Scanner {
    fn is_whole(&self) -> bool {
        self.depth == 0 && self.here_string.is_none() && !self.comment && !self.lost
    }

    fn read(&mut self, line: &str) {
        if let Some(end) = self.here_string {
            let Some(rest) = line.strip_prefix(end) else {
                return;
            };
            self.here_string = None;
            return self.read(rest);
        }
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            if self.comment {
                if c == '#' && rest.starts_with('>') {
                    self.comment = false;
                }
                continue;
            }
            match c {
                '#' => return,
                '<' if rest.starts_with('#') => self.comment = true,
                '`' => rest = rest.get(1..).unwrap_or_default(),
                '@' if rest == "'" => return self.here_string = Some("'@"),
                '@' if rest == "\"" => return self.here_string = Some("\"@"),
                '\'' | '"' => match after_quote(rest, c) {
                    Some(after) => rest = after,
                    None => return self.lost = true,
                },
                '(' | '{' | '[' => self.depth += 1,
                ')' | '}' | ']' => match self.depth.checked_sub(1) {
                    Some(depth) => self.depth = depth,
                    None => return self.lost = true,
                },
                _ => {}
            }
        }
    }
}

/// What follows the end of a quote. Nothing if it does not end in its line, or has an expression in it, which may have quotes of its own.
fn after_quote(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        let after = text.get(at + c.len_utf8()..)?;
        if escaped {
            escaped = false;
        } else if quote == '"' && c == '`' {
            escaped = true;
        } else if quote == '"' && c == '$' && after.starts_with('(') {
            return None;
        } else if c == quote {
            // A doubled quote begins another piece of the same text, which ends as this one does.
            return Some(after);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `!` before a line that gets a look at its exit code.
    fn check(script: &str, expected: &str) {
        let lines: Vec<String> = script.lines().map(str::to_owned).collect();
        let strict = strict(&lines);
        assert_eq!(strict[0], "$ErrorActionPreference = 'Stop'");
        let text = strict[1..].join("\n") + "\n";
        let text = text.replace("$global:LASTEXITCODE = 0\n", "!");
        let text = text.replace("if ($LASTEXITCODE) { exit $LASTEXITCODE }\n", "");
        assert_eq!(text.trim_end(), expected);
    }

    #[test]
    fn calls_of_programs_are_looked_at() {
        check(
            "& 'c:\\x y\\a.ps1' -Verbose\nmsiexec /i a.msi\nchoco install git -y",
            "!& 'c:\\x y\\a.ps1' -Verbose\n!msiexec /i a.msi\n!choco install git -y",
        );
        check(
            "my-tool.exe --x\nC:\\tools\\a.exe (1 + 2)",
            "!my-tool.exe --x\n!C:\\tools\\a.exe (1 + 2)",
        );
        check("& {\n  net user x\n}", "& {\n  net user x\n}");
    }

    #[test]
    fn everything_else_stays() {
        for script in [
            "Get-ChildItem -Path 'c:\\x' | ForEach-Object { $_.Name }",
            "$x = 1\nif ($x) {\n  robocopy a b\n}\nelse { throw 'x' }",
            "robocopy a b\nif ($LASTEXITCODE -ge 8) { exit 1 }",
            "a.exe; $code = $LASTEXITCODE",
            "a.exe `\n  --long\nb.exe |\n  Out-Null\nc.exe\n| Out-Null",
            "$text = @'\nmsiexec /i\n'@",
            "<#\nmsiexec /i\n#>\n# choco",
            "Write-Host \"a $(\"b\") c\"\nmsiexec /i",
            "return",
            "foreach ($x in $y) { a.exe }",
        ] {
            check(script, script);
        }
    }

    #[test]
    fn quotes_and_comments_end() {
        check(
            "Write-Host 'it''s' # (\na.exe",
            "Write-Host 'it''s' # (\n!a.exe",
        );
        check("Write-Host \"`\"(\"\na.exe", "Write-Host \"`\"(\"\n!a.exe");
        check(
            "Write-Host 'open\na.exe'\nb.exe",
            "Write-Host 'open\na.exe'\nb.exe",
        );
        check("$a = @\"\n(\n\"@\na.exe", "$a = @\"\n(\n\"@\n!a.exe");
    }
}
