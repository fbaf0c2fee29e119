//! PowerShell lines that end at the first error.
//!
//! Windows PowerShell has a preference for errors of cmdlets, but none for the exit codes of programs. So a check of the exit code
//! follows each line that is certain to be a whole call of a program, in blocks and functions as well; every other line stays as it is.

use crate::inputs::powershell::Scanner;

/// What makes cmdlets stop. A script that is called finds it set.
pub(super) const STOP: &str = "$ErrorActionPreference = 'Stop'";

/// The lines with checks of exit codes between them.
pub(super) fn strict(lines: &[String]) -> Vec<String> {
    let functions = functions(lines);
    let mut result = Vec::new();
    let mut scanner = Scanner::default();
    for (index, line) in lines.iter().enumerate() {
        let border = scanner.border();
        scanner.read(line);
        let whole = border.is_some_and(|border| scanner.is_back_at(border));
        let next = lines
            .iter()
            .skip(index + 1)
            .find(|line| !line.trim().is_empty());
        let next = next.map_or("", |line| line.trim());
        let call = whole && calls_program(line, &functions) && !goes_on(line, next);
        let checked = [line.as_str(), next]
            .iter()
            .any(|line| mentions_exit_code(line));
        if call && !checked {
            let indent = line.len() - line.trim_start().len();
            let indent = line.get(..indent).unwrap_or_default();
            result.push(format!("{indent}$global:LASTEXITCODE = 0"));
            result.push(line.clone());
            result.push(format!(
                "{indent}if ($LASTEXITCODE) {{ exit $LASTEXITCODE }}"
            ));
        } else {
            result.push(line.clone());
        }
    }
    result
}

/// The functions of the script, in lower case. Their own lines are checked.
fn functions(lines: &[String]) -> Vec<String> {
    let names = lines.iter().filter_map(|line| {
        let mut words = line.split(|c: char| c.is_whitespace() || "({".contains(c));
        let mut words = words.by_ref().filter(|word| !word.is_empty());
        let keyword = words.next()?.to_ascii_lowercase();
        let name = words.next()?.to_ascii_lowercase();
        let own = name.rsplit(':').next().unwrap_or_default().to_owned();
        ["function", "filter"]
            .contains(&keyword.as_str())
            .then_some(own)
    });
    names.collect()
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
    "clean",
    "configuration",
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

/// Whether a line begins with the call operator, or with a word that is no keyword, no function of the script and no cmdlet (whose names have a
/// hyphen, as in `Get-Item`).
fn calls_program(line: &str, functions: &[String]) -> bool {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix('&') {
        return !rest.trim_start().starts_with('{');
    }
    let word: String = line
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "_.:\\/-".contains(*c))
        .collect();
    let rest = line.get(word.len()..).unwrap_or_default();
    // What is assigned to a name is a member of something.
    let ends = rest.is_empty() || (rest.starts_with(' ') && !rest.trim_start().starts_with('='));
    let lower = word.to_ascii_lowercase();
    let is_program = lower.strip_suffix(".exe").is_some();
    let name = word.starts_with(|c: char| c.is_ascii_alphabetic());
    name && ends
        && (!word.contains('-') || is_program)
        && !KEYWORDS.contains(&lower.as_str())
        && !functions.contains(&lower)
}

/// Whether the statement goes on in the next line.
fn goes_on(line: &str, next: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(['`', '|', ',', '+', '=', '(', '{']) || next.starts_with(['|', '.', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `!` before a line that is followed by a check of its exit code.
    fn check(script: &str, expected: &str) {
        let lines: Vec<String> = script.lines().map(str::to_owned).collect();
        let strict = strict(&lines);
        let mut marked = String::new();
        let mut mark = "";
        for line in &strict {
            match line.trim_start() {
                "$global:LASTEXITCODE = 0" => mark = "!",
                "if ($LASTEXITCODE) { exit $LASTEXITCODE }" => {}
                _ => {
                    marked = marked + mark + line + "\n";
                    mark = "";
                }
            }
        }
        assert_eq!(marked.trim_end(), expected);
    }

    #[test]
    fn calls_of_programs_are_checked() {
        check(
            "& 'c:\\x y\\a.ps1' -Verbose\nmsiexec /i a.msi\nchoco install git -y",
            "!& 'c:\\x y\\a.ps1' -Verbose\n!msiexec /i a.msi\n!choco install git -y",
        );
        check(
            "my-tool.exe --x\nC:\\tools\\a.exe (1 + 2)",
            "!my-tool.exe --x\n!C:\\tools\\a.exe (1 + 2)",
        );
        check("& {\n  net user x\n}", "& {\n!  net user x\n}");
        check(
            "function Install {\n  param($x)\n  choco install $x\n}\nif ($y) {\n  a.exe\n}\nInstall git",
            "function Install {\n  param($x)\n!  choco install $x\n}\nif ($y) {\n!  a.exe\n}\nInstall git",
        );
        check(
            "switch ($x)\n{\n  default {\n    a.exe\n  }\n}",
            "switch ($x)\n{\n  default {\n!    a.exe\n  }\n}",
        );
        check(
            "Write-Host \"a $(\"b\") c\"\nmsiexec /i",
            "Write-Host \"a $(\"b\") c\"\n!msiexec /i",
        );
    }

    #[test]
    fn the_checks_stand_where_the_line_stands() {
        let lines = ["if ($y) {", "\ta.exe", "}"].map(str::to_owned);
        let expected = [
            "if ($y) {",
            "\t$global:LASTEXITCODE = 0",
            "\ta.exe",
            "\tif ($LASTEXITCODE) { exit $LASTEXITCODE }",
            "}",
        ];
        assert_eq!(strict(&lines), expected);
    }

    #[test]
    fn everything_else_stays() {
        for script in [
            "Get-ChildItem -Path 'c:\\x' | ForEach-Object { $_.Name }",
            "$x = 1\nif ($x) { robocopy a b }\nelse { throw 'x' }",
            "if ($x) {\n  robocopy a b\n  if ($LASTEXITCODE -ge 8) { exit 1 }\n}",
            "enum Color {\n  Red\n}\n$settings = @{\n  name = 'x'\n}",
            "try { a.exe } finally {\n  b.exe\n}",
            "Start-Job {\n  a.exe\n} | Wait-Job",
            "robocopy a b\nif ($LASTEXITCODE -ge 8) { exit 1 }",
            "a.exe; $code = $LASTEXITCODE",
            "a.exe `\n  --long\nb.exe |\n  Out-Null\nc.exe\n| Out-Null",
            "$text = @'\nmsiexec /i\n'@",
            "<#\nmsiexec /i\n#>\n# choco",
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
            "Write-Host 'open\na.exe'\n!b.exe",
        );
        check("$a = @\"\n(\n\"@\na.exe", "$a = @\"\n(\n\"@\n!a.exe");
    }
}
