//! Quotes without an end, and lines that are quoted whole.

use super::{Remark, lines};
use crate::inputs::plan::Provisioner;
use crate::inputs::powershell::Scanner;
use crate::inputs::problem::quoted;

pub(in crate::inputs) fn remarks(script: &str, provisioner: Provisioner) -> Vec<Remark> {
    match provisioner {
        Provisioner::PowerShell => of_powershell(script),
        Provisioner::Shell => of_shell(script),
    }
}

fn without_end(line: usize) -> Remark {
    Remark {
        line,
        text: "a quotation that begins here does not end, so the shell does not run the script"
            .to_owned(),
        hint: "add the missing quotation mark".to_owned(),
    }
}

fn of_powershell(script: &str) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut scanner = Scanner::default();
    let mut goes_on = false;
    for (index, line) in script.lines().enumerate() {
        let begins = scanner.is_outermost() && !goes_on;
        scanner.read(line);
        let text = line.trim();
        if let Some(inner) = whole(text).filter(|_| begins && scanner.is_outermost()) {
            let lower = inner.to_ascii_lowercase();
            if lower.contains(r"c:\buildartifacts") {
                let path = lower.starts_with(r"c:\buildartifacts") && !inner.contains(" -");
                let hint = if path {
                    format!("put '&' before it: & {text}")
                } else {
                    format!("remove the quotes around the line: {inner}")
                };
                remarks.push(Remark {
                    line: index + 1,
                    text:
                        "the whole line is in quotes, so PowerShell prints it and does not run it"
                            .to_owned(),
                    hint,
                });
            }
        }
        goes_on = text.ends_with(['`', '|', ',', '+', '=', '(']);
    }
    remarks.extend(scanner.text_without_end().map(without_end));
    remarks
}

/// What is between the quotes, if they are around all of it.
fn whole(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote) && !inner.trim().is_empty()).then_some(inner)
}

/// Words that begin a command, and no name of a program with blanks in it.
const COMMANDS: &[&str] = &[
    "apt",
    "apt-get",
    "bash",
    "chmod",
    "chown",
    "cp",
    "curl",
    "dnf",
    "mkdir",
    "mv",
    "sh",
    "sudo",
    "systemctl",
    "tar",
    "tdnf",
    "unzip",
    "wget",
    "yum",
    "zypper",
];

/// What is in a here-document is another language, and an expression in a text has quotes of its own: then nothing is sure.
fn of_shell(script: &str) -> Vec<Remark> {
    if script.contains("<<") {
        return Vec::new();
    }
    let mut remarks = Vec::new();
    let mut open: Option<(char, usize)> = None;
    for (number, line) in lines(script) {
        let inner = whole(line.trim()).filter(|_| open.is_none());
        let first = inner.and_then(|inner| inner.split_once(' '));
        if let (Some(inner), Some((first, _))) = (inner, first)
            && COMMANDS.contains(&first)
        {
            remarks.push(Remark {
                line: number,
                text: format!(
                    "the whole line is in quotes, so the shell looks for a program named {}",
                    quoted(inner)
                ),
                hint: format!("remove the quotes around the line: {inner}"),
            });
        }
        match after(line, number, open) {
            Ok(state) => open = state,
            Err(NotSure) => return remarks,
        }
    }
    remarks.extend(open.map(|(_, line)| without_end(line)));
    remarks
}

struct NotSure;

/// The quote that is open after the line, and the line that it began in.
fn after(
    line: &str,
    number: usize,
    open: Option<(char, usize)>,
) -> Result<Option<(char, usize)>, NotSure> {
    let mut open = open;
    let mut before = ' ';
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (open.map(|(quote, _)| quote), c) {
            (Some('"'), '$') if matches!(chars.peek(), Some('(' | '{')) => return Err(NotSure),
            (Some('"') | None, '`') => return Err(NotSure),
            (Some('"') | None, '\\') => drop(chars.next()),
            (Some(quote), c) if quote == c => open = None,
            (None, '$') if matches!(chars.peek(), Some('\'' | '"' | '{')) => return Err(NotSure),
            (None, '\'' | '"') => open = Some((c, number)),
            (None, '#') if before.is_whitespace() || ";|&()".contains(before) => break,
            _ => {}
        }
        before = c;
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks_on(script: &str, provisioner: Provisioner) -> Vec<(usize, String)> {
        let remarks = remarks(script, provisioner).into_iter();
        remarks.map(|remark| (remark.line, remark.hint)).collect()
    }

    #[test]
    fn quotes_of_powershell() {
        let check = |script: &str, expected: &[(usize, &str)]| {
            let remarks_on = remarks_on(script, Provisioner::PowerShell);
            let remarks_on: Vec<_> = remarks_on
                .iter()
                .map(|(line, hint)| (*line, hint.as_str()))
                .collect();
            assert_eq!(remarks_on, expected, "{script}");
        };
        check("a\n& 'c:\\x\nb", &[(2, "add the missing quotation mark")]);
        check(
            "'c:\\buildartifacts\\web\\a.ps1'",
            &[(1, "put '&' before it: & 'c:\\buildartifacts\\web\\a.ps1'")],
        );
        check(
            "a\n\"& 'c:\\buildartifacts\\web\\a.ps1' -X\"",
            &[(
                2,
                "remove the quotes around the line: & 'c:\\buildartifacts\\web\\a.ps1' -X",
            )],
        );
        for script in [
            "Write-Host 'a' # don't",
            "$a = @'\ndon't\n'@",
            "$a = @(\n  'c:\\buildartifacts\\web'\n)",
            "Copy-Item `\n  'c:\\buildartifacts\\web'",
            "& 'c:\\buildartifacts\\web\\a.ps1'",
            "function F {\n  'c:\\buildartifacts\\web'\n}",
            "'a text that is printed'",
            "$a = 'one\ntwo'",
        ] {
            check(script, &[]);
        }
    }

    #[test]
    fn quotes_of_shells() {
        let check = |script: &str, expected: &[(usize, &str)]| {
            let remarks_on = remarks_on(script, Provisioner::Shell);
            let remarks_on: Vec<_> = remarks_on
                .iter()
                .map(|(line, hint)| (*line, hint.as_str()))
                .collect();
            assert_eq!(remarks_on, expected, "{script}");
        };
        check(
            "a\nsudo sh '/tmp/x",
            &[(2, "add the missing quotation mark")],
        );
        check("echo \"a\nb", &[(1, "add the missing quotation mark")]);
        check(
            "a\n'sudo sh /tmp/web/a.sh'",
            &[(
                2,
                "remove the quotes around the line: sudo sh /tmp/web/a.sh",
            )],
        );
        for script in [
            "echo it\\'s",
            "# don't\necho a # can't",
            "echo 'a\nb'",
            "cat <<E\ndon't\nE",
            "echo \"$(echo 'a\"b')\"",
            "echo ${x#'}",
            "echo $'it\\'s'",
            "'/tmp/my app/a.sh'",
            "echo \"a'b\" 'c\"d'",
            "echo a#'b'",
        ] {
            check(script, &[]);
        }
    }
}
