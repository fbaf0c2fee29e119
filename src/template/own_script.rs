//! The author's PowerShell as the lines of a customizer.
//!
//! Windows PowerShell reads a script file without a byte order mark in the machine's own code page, and the service writes inline lines to a file
//! without one (<https://github.com/hashicorp/packer/issues/11896>). And what has to be first in a script, such as `param`, is not first where lines
//! come before it: ours, or those of Packer 1.13.1 and later (<https://github.com/hashicorp/packer/issues/13414>). A script that has either
//! is written to a file of its own in the build VM, with a mark, and called by its path.

use std::fmt::Write as _;

use super::stop_on_error;

/// The lines that run `script`, which ends at its first error if it is `strict`.
pub(super) fn powershell(script: &[String], strict: bool) -> Vec<String> {
    let body = if strict {
        stop_on_error::strict(script)
    } else {
        script.to_vec()
    };
    let stop = strict.then(|| stop_on_error::STOP.to_owned());
    if has_to_be_first(script) || !script.iter().all(|line| line.is_ascii()) {
        stop.into_iter().chain(in_a_file(&body)).collect()
    } else {
        stop.into_iter().chain(body).collect()
    }
}

/// The folder for temporary files is one in which every script of the service lies, too.
const FILE: &str = "([IO.Path]::GetTempPath() + 'image-builder-script.ps1')";

/// A caller's `exit` is what makes the script's exit code that of the step, as it would be without the file.
pub(super) fn call_of_file() -> [String; 4] {
    [
        "$global:LASTEXITCODE = 0".to_owned(),
        format!("& {FILE}"),
        format!("Remove-Item -LiteralPath {FILE} -ErrorAction SilentlyContinue"),
        "exit $LASTEXITCODE".to_owned(),
    ]
}

fn in_a_file(script: &[String]) -> Vec<String> {
    let text: Vec<String> = script.iter().map(|line| spelled(line)).collect();
    let is_spelled = text != script;
    let begin = ["& {", "    $text = @'"].map(str::to_owned);
    let letters = "    $text = [regex]::Replace($text, '<U\\+([0-9A-F]+)>', { [char]::ConvertFromUtf32([Convert]::ToInt32($args[0].Groups[1].Value, 16)) })";
    let letters = is_spelled.then(|| letters.to_owned());
    begin
        .into_iter()
        .chain(text)
        .chain(["'@".to_owned()])
        .chain(letters)
        .chain(write_file("$text"))
        .chain(["}".to_owned()])
        .chain(call_of_file())
        .collect()
}

/// The lines, inside of a block, that write the text which `expression` gives to the file.
pub(super) fn write_file(expression: &str) -> [String; 5] {
    [
        "    try {".to_owned(),
        format!(
            "        [IO.File]::WriteAllText({FILE}, {expression}, (New-Object Text.UTF8Encoding $true))"
        ),
        "    } catch {".to_owned(),
        "        Write-Host \"Unpacking the script failed: $($_.Exception.GetBaseException().Message -replace '\\s+', ' ')\"; exit 1"
            .to_owned(),
        "    }".to_owned(),
    ]
}

/// A line of the text between `@'` and `'@`, in ASCII. Characters beyond are spelled `<U+00FC>`; so is what would end the text or be taken for
/// such a spelling.
fn spelled(line: &str) -> String {
    let mut spelled = String::new();
    for (at, c) in line.char_indices() {
        let rest = line.get(at..).unwrap_or_default();
        let ends_text = at == 0 && rest.starts_with("'@");
        if !c.is_ascii() || ends_text || rest.starts_with("<U+") {
            // Writing to a text does not fail.
            _ = write!(spelled, "<U+{:04X}>", u32::from(c));
        } else {
            spelled.push(c);
        }
    }
    spelled
}

/// Whether the script begins with something that must not have anything before it
/// (<https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_scripts>).
fn has_to_be_first(script: &[String]) -> bool {
    let text = script.join("\n");
    let mut rest = after_comments(&text);
    while let Some(attribute) = rest.strip_prefix('[') {
        rest = after_comments(after_bracket(attribute));
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic());
    let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
    let after = after_comments(after);
    match word.to_ascii_lowercase().as_str() {
        "param" => after.starts_with('('),
        "begin" | "process" | "end" | "dynamicparam" | "clean" => after.starts_with('{'),
        "using" => {
            let kind = after.split_whitespace().next().unwrap_or_default();
            ["namespace", "module", "assembly"].contains(&kind.to_ascii_lowercase().as_str())
        }
        _ => false,
    }
}

/// What comes after blanks and comments.
fn after_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = if let Some(comment) = rest.strip_prefix("<#") {
            comment.split_once("#>").map_or("", |(_, after)| after)
        } else if rest.starts_with('#') {
            rest.split_once('\n').map_or("", |(_, after)| after)
        } else {
            return rest;
        };
        rest = after.trim_start();
    }
}

/// What comes after the `]` that closes an open `[`. Texts may hold brackets.
fn after_bracket(text: &str) -> &str {
    let mut open = 1_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(begin), c) if begin == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => open += 1,
            (None, ']') => open -= 1,
            _ => {}
        }
        if open == 0 {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(script: &str) -> Vec<String> {
        script.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_has_to_be_first_is_known() {
        let check = |script: &str, expected: bool| {
            assert_eq!(has_to_be_first(&lines(script)), expected, "{script}");
        };
        check("param($a)", true);
        check("\n# a\n<# b\n#>\nParam\n(\n  $a\n)", true);
        check("[CmdletBinding()]\nparam()", true);
        check("[A('x]')] # why\n[B()]param ()", true);
        check("using namespace System.IO", true);
        check("#requires -Version 5\nUSING module x", true);
        check("process { $_ }", true);
        check("parameter (1)", false);
        check("[Net.ServicePointManager]::SecurityProtocol = 1", false);
        check("[int]$a = 1\nparam($b)", false);
        check("Write-Host 1\nparam($a)", false);
        check("end", false);
        check("using", false);
        check("", false);
    }

    #[test]
    fn a_plain_script_stays_as_it_is() {
        let script = lines("Write-Host 1\n'@\n<U+41>");
        assert_eq!(powershell(&script, false), script);
    }

    #[test]
    fn lines_are_spelled_in_ascii() {
        let check = |line: &str, expected: &str| assert_eq!(spelled(line), expected);
        check("größe", "gr<U+00F6><U+00DF>e");
        check("'@", "<U+0027>@");
        check(" '@", " '@");
        check("<U+41>", "<U+003C>U+41>");
        check("\u{1f600}", "<U+1F600>");
    }
}
