//! What Windows takes as a name, and Windows PowerShell 5.1 as a path
//! (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file>, <https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation>).

use std::path::Path;

use crate::inputs::problem::quoted;

/// .NET Framework, as Windows PowerShell uses it, takes shorter paths for folders than for files.
const LONGEST_FILE: usize = 259;
const LONGEST_FOLDER: usize = 247;

/// Why Windows cannot have a file or folder of this name.
pub(in crate::inputs::package) fn fault(name: &str) -> Option<String> {
    let forbidden = |c: &char| "<>:\"|?*\\/".contains(*c) || u32::from(*c) < 32;
    if let Some(c) = name.chars().find(forbidden) {
        return Some(if c.is_control() {
            format!("the character U+{:04X} is in no name there", u32::from(c))
        } else {
            format!("'{c}' is not allowed in a name there")
        });
    }
    if name.ends_with(['.', ' ']) {
        return Some("Windows cuts off a '.' or blank at the end".to_owned());
    }
    // What follows a dot does not make it another name, and blanks before the dot do not either.
    let base = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end_matches(' ');
    is_device(base).then(|| format!("{} is a device there", quoted(base)))
}

fn is_device(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    if matches!(
        upper.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let port = upper
        .strip_prefix("COM")
        .or_else(|| upper.strip_prefix("LPT"));
    let mut digits = port.unwrap_or_default().chars();
    let digit = digits.next().filter(|_| digits.next().is_none());
    digit.is_some_and(|c| matches!(c, '1'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'))
}

/// The name as NTFS compares it: unit by unit, by the upper-case letter where there is one that leads back.
pub(super) fn without_case(name: &str) -> String {
    name.chars().map(upper).collect()
}

fn upper(c: char) -> char {
    let single = |mut letters: Box<dyn Iterator<Item = char>>| {
        letters.next().filter(|_| letters.next().is_none())
    };
    let upper = single(Box::new(c.to_uppercase()));
    // Letters such as the dotless i, whose upper-case letter belongs to another one, stay apart.
    let leads_back = |upper: &char| single(Box::new(upper.to_lowercase())) == Some(c);
    upper.filter(leads_back).unwrap_or(c)
}

/// Why the path in the build VM is too long.
pub(super) fn too_long(package: &str, name: &Path, is_folder: bool) -> Option<String> {
    let units = |text: &str| text.encode_utf16().count();
    let place = units(r"c:\buildartifacts\") + units(package) + 1;
    let length = place + units(&name.to_string_lossy());
    let most = if is_folder {
        LONGEST_FOLDER
    } else {
        LONGEST_FILE
    };
    (length > most).then(|| format!("a path of {length} characters there, and {most} are the most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_does_not_take_is_named() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(fault(name).as_deref(), expected, "{name}");
        };
        for good in [
            "a", ".git", "a.b", "con1", "COM0", "COM10", "nully", "größe", "a b", "-", "~1",
        ] {
            check(good, None);
        }
        check("a:b", Some("':' is not allowed in a name there"));
        check("a\\b", Some("'\\' is not allowed in a name there"));
        check("a\tb", Some("the character U+0009 is in no name there"));
        check("a.", Some("Windows cuts off a '.' or blank at the end"));
        check("a ", Some("Windows cuts off a '.' or blank at the end"));
        check("Nul", Some("'Nul' is a device there"));
        check("aux.tar.gz", Some("'aux' is a device there"));
        check("prn .txt", Some("'prn' is a device there"));
        check("com9", Some("'com9' is a device there"));
        check("LPT\u{b2}.x", Some("'LPT\u{b2}' is a device there"));
        check("conin$", Some("'conin$' is a device there"));
    }

    #[test]
    fn letter_case_is_that_of_windows() {
        let same = |a: &str, b: &str| without_case(a) == without_case(b);
        assert!(same("README.md", "readme.MD"));
        assert!(same("GRÖSSE", "grösse"));
        assert!(!same("groß", "GROSS"));
        // The dotless i, the long s and the sign of Kelvin are letters of their own.
        assert!(!same("\u{131}", "I"));
        assert!(!same("\u{17f}", "S"));
        assert!(!same("\u{212a}", "k"));
    }
}
