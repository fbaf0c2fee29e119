//! A script of the repository: its text, as the shell in the build VM would read it, and its inline lines.

use crate::inputs::plan::Mend;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The text without its byte order mark. Windows PowerShell reads UTF-16 as well, if it has one.
pub(super) fn decoded(content: Vec<u8>, shell: bool) -> Option<String> {
    let [little, big] = UTF16_MARKS;
    let units = |content: &[u8], unit: fn([u8; 2]) -> u16| -> Option<String> {
        let (pairs, rest) = content.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty())
    };
    if let Some(rest) = content.strip_prefix(little).filter(|_| !shell) {
        return units(rest, u16::from_le_bytes);
    }
    if let Some(rest) = content.strip_prefix(big).filter(|_| !shell) {
        return units(rest, u16::from_be_bytes);
    }
    let text = String::from_utf8(content).ok()?;
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

/// What has to be done to a script that goes as a file.
pub(super) fn mend(content: &[u8], shell: bool) -> Mend {
    if shell {
        let first = content.split(|byte| *byte == b'\n').next();
        return match first {
            Some(line) if line.ends_with(b"\r") => Mend::LineEnds,
            _ => Mend::Nothing,
        };
    }
    let marked =
        content.starts_with(UTF8_MARK) || UTF16_MARKS.iter().any(|mark| content.starts_with(mark));
    // A text in another encoding is one in the machine's own code page, which Windows PowerShell expects.
    if marked || content.is_ascii() || str::from_utf8(content).is_err() {
        Mend::Nothing
    } else {
        Mend::ByteOrderMark
    }
}

/// Inline lines run in `/bin/sh`. A script that names its interpreter is written to a file and given to that.
pub(super) fn by_its_interpreter(script: Vec<String>) -> Vec<String> {
    let interpreter = script.first().and_then(|line| line.strip_prefix("#!"));
    let Some(interpreter) = interpreter.map(str::trim).filter(|it| !it.is_empty()) else {
        return script;
    };
    let mut mark = "END_OF_SCRIPT".to_owned();
    while script.contains(&mark) {
        mark.push('_');
    }
    let mut lines = vec![
        "script=$(mktemp) || exit 1".to_owned(),
        format!("cat > \"$script\" <<'{mark}'"),
    ];
    let call = format!("{interpreter} \"$script\"; status=$?");
    lines.extend(script);
    lines.extend([
        mark,
        call,
        "rm -f \"$script\"".to_owned(),
        "exit $status".to_owned(),
    ]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::spelling::lines;

    #[test]
    fn texts_are_read_as_windows_powershell_reads_them() {
        let check = |content: &[u8], shell: bool, expected: Option<&str>| {
            let found = decoded(content.to_vec(), shell);
            assert_eq!(found.as_deref(), expected, "{content:?}");
        };
        check("größe".as_bytes(), false, Some("größe"));
        check(b"\xef\xbb\xbfa", false, Some("a"));
        check(b"\xef\xbb\xbfa", true, Some("a"));
        check(b"\xff\xfea\0\xf6\0", false, Some("aö"));
        check(b"\xfe\xff\0a\0\xf6", false, Some("aö"));
        check(b"\xff\xfea\0\xf6", false, None);
        check(b"\xff\xfea\0", true, None);
        check(b"gr\xf6\xdfe", false, None);
    }

    #[test]
    fn what_does_not_run_as_it_is_is_known() {
        let check = |content: &[u8], shell: bool, expected: Mend| {
            assert_eq!(mend(content, shell), expected, "{content:?}");
        };
        check(b"a\r\nb", true, Mend::LineEnds);
        check(b"a\r\nb", false, Mend::Nothing);
        check("ä".as_bytes(), true, Mend::Nothing);
        check("ä".as_bytes(), false, Mend::ByteOrderMark);
        check("\u{feff}ä".as_bytes(), false, Mend::Nothing);
        check(b"\xff\xfea\0", false, Mend::Nothing);
        check(b"\xe4", false, Mend::Nothing);
    }

    #[test]
    fn scripts_run_in_the_interpreter_that_they_name() {
        let check = |script: &str, expected: &str| {
            assert_eq!(by_its_interpreter(lines(script)).join("\n"), expected);
        };
        check("echo 1\necho 2", "echo 1\necho 2");
        check(
            "#!/bin/bash -e\nEND_OF_SCRIPT",
            "script=$(mktemp) || exit 1\ncat > \"$script\" <<'END_OF_SCRIPT_'\n#!/bin/bash -e\nEND_OF_SCRIPT\nEND_OF_SCRIPT_\n/bin/bash -e \"$script\"; status=$?\nrm -f \"$script\"\nexit $status",
        );
    }
}
