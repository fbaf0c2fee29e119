//! The names of a package against the file system of the build VM, before anything is sent: all that do not fit at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use crate::file::Exclusion;
use crate::inputs::manifest::{PACKAGE_EXCLUDE, PACKAGE_PATH};
use crate::inputs::plan::ArchiveFormat;
use crate::inputs::problem::{Code, Problem, quoted};
use crate::inputs::reader::{AlreadyReported, Reader};

/// A message names so many and counts the others.
const MOST_NAMED: usize = 10;
/// Linux takes names of so many bytes
/// (<https://man7.org/linux/man-pages/man7/path_resolution.7.html>, `NAME_MAX`).
const LONGEST_LINUX_NAME: usize = 255;

/// A name in the package, and what is wrong with it.
#[derive(Debug)]
struct Fault {
    name: PathBuf,
    why: String,
}

/// Reports the names that the build VM cannot have. What cannot be read is no fault here: packing the folder says so.
pub(super) fn check(
    reader: &mut Reader<'_>,
    folder: &Path,
    name: &str,
    exclude: &Exclusion,
    format: ArchiveFormat,
) -> Result<(), AlreadyReported> {
    let faults = faults(folder, name, exclude, format);
    let Some(first) = faults.first() else {
        return Ok(());
    };
    let named = faults.iter().take(MOST_NAMED).map(|fault| {
        let name = quoted(&fault.name.display().to_string());
        format!("{name} ({})", fault.why)
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match faults.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let system = match format {
        ArchiveFormat::Zip => "Windows",
        ArchiveFormat::TarGz => "Linux",
    };
    let sentence = format!(
        "{} contains what the build VM ({system}) does not support: {named}{more}",
        quoted(&folder.display().to_string())
    );
    let hint = format!(
        "change them in the package, or leave them out of it with input '{}', for example with the line {}",
        PACKAGE_EXCLUDE.name,
        quoted(&pattern(&first.name))
    );
    let problem = Problem::new(Code::PackageNames, &PACKAGE_PATH, sentence, Some(hint));
    Err(reader.report(problem))
}

fn faults(folder: &Path, package: &str, exclude: &Exclusion, format: ArchiveFormat) -> Vec<Fault> {
    let mut faults = Vec::new();
    if fs::metadata(folder).is_ok_and(|metadata| metadata.is_file()) {
        let is_link = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_symlink());
        if is_link && format == ArchiveFormat::Zip {
            let name = PathBuf::from(package);
            let why = LINK.to_owned();
            faults.push(Fault { name, why });
        }
        return faults;
    }
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let mut siblings: BTreeMap<String, String> = BTreeMap::new();
        for (own, kind) in entries(&folder.join(&inside)) {
            let name = inside.join(&own);
            if exclude.excludes(&name, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                folders.push(name.clone());
            }
            // What is not Unicode is refused when it is packed.
            let Some(own) = own.to_str() else { continue };
            let why = match format {
                ArchiveFormat::Zip => of_windows(package, &name, own, kind, &mut siblings),
                ArchiveFormat::TarGz => (own.len() > LONGEST_LINUX_NAME)
                    .then(|| format!("{} bytes, and {LONGEST_LINUX_NAME} are the most", own.len())),
            };
            faults.extend(why.map(|why| Fault { name, why }));
        }
    }
    faults.sort_by(|a, b| a.name.cmp(&b.name));
    faults
}

const LINK: &str = "a symbolic link, which becomes a text file there";

fn of_windows(
    package: &str,
    name: &Path,
    own: &str,
    kind: FileType,
    siblings: &mut BTreeMap<String, String>,
) -> Option<String> {
    if kind.is_symlink() {
        return Some(LINK.to_owned());
    }
    if let Some(why) = windows_fault(own) {
        return Some(why);
    }
    let other = siblings.insert(without_case(own), own.to_owned());
    if let Some(other) = other {
        return Some(format!(
            "differs from {} in letter case alone",
            quoted(&other)
        ));
    }
    too_long(package, name, kind.is_dir())
}

/// Sorted by name, so that the same package always gives the same message.
fn entries(folder: &Path) -> Vec<(OsString, FileType)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries
        .filter_map(|entry| Some((entry.file_name(), entry.file_type().ok()?)))
        .collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    entries
}

/// The line of `packageExclude` that fits this name alone (<https://git-scm.com/docs/gitignore#_pattern_format>).
fn pattern(name: &Path) -> String {
    let mut pattern = String::new();
    for part in name.components() {
        pattern.push('/');
        for c in part.as_os_str().to_string_lossy().chars() {
            if matches!(c, '\\' | '*' | '?' | '[') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
    }
    if pattern.ends_with(' ') {
        pattern.insert(pattern.len() - 1, '\\');
    }
    pattern
}

/// .NET Framework, as Windows PowerShell uses it, takes shorter paths for folders than for files.
const LONGEST_FILE: usize = 259;
const LONGEST_FOLDER: usize = 247;

/// Why Windows cannot have a file or folder of this name.
///
/// By the rules of <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>, and
/// <https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation> for Windows PowerShell 5.1.
pub(in crate::inputs::package) fn windows_fault(name: &str) -> Option<String> {
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
fn without_case(name: &str) -> String {
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
fn too_long(package: &str, name: &Path, is_folder: bool) -> Option<String> {
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

    fn found(folder: &Path, exclude: &[&str], format: ArchiveFormat) -> Vec<String> {
        let exclude = Exclusion::of(exclude.iter().copied()).unwrap();
        let faults = faults(folder, "webapp", &exclude, format);
        let told = faults
            .iter()
            .map(|it| format!("{}: {}", it.name.display(), it.why));
        told.collect()
    }

    #[cfg(unix)]
    #[test]
    fn names_that_only_linux_can_have_are_found_all_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        for name in [
            "good.txt",
            "README.md",
            "Readme.md",
            "sub/deep/a:b",
            "sub/nul.log",
        ] {
            fs::write(root.join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("good.txt", root.join("link")).unwrap();
        std::os::unix::fs::symlink("sub", root.join("linked")).unwrap();
        let expected = [
            "Readme.md: differs from 'README.md' in letter case alone",
            "link: a symbolic link, which becomes a text file there",
            "linked: a symbolic link, which becomes a text file there",
            "sub/deep/a:b: ':' is not allowed in a name there",
            "sub/nul.log: 'nul' is a device there",
        ];
        assert_eq!(found(root, &[], ArchiveFormat::Zip), expected);
        assert!(found(root, &[], ArchiveFormat::TarGz).is_empty());
        let exclude = ["link*", "/Readme.md", "sub/deep/", "nul.*"];
        assert!(found(root, &exclude, ArchiveFormat::Zip).is_empty());
    }

    #[test]
    fn long_paths_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let long = root.join("a".repeat(120)).join("b".repeat(100));
        fs::create_dir_all(&long).unwrap();
        // With `c:\buildartifacts\webapp\` of 25 characters and two separators.
        fs::write(long.join("c".repeat(12)), "").unwrap();
        assert!(found(root, &[], ArchiveFormat::Zip).is_empty());
        fs::write(long.join("d".repeat(13)), "").unwrap();
        let told = found(root, &[], ArchiveFormat::Zip);
        let [told] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert!(
            told.ends_with(": a path of 260 characters there, and 259 are the most"),
            "{told}"
        );
    }

    #[test]
    fn a_pattern_fits_its_name_alone() {
        let check = |name: &str, expected: &str| {
            assert_eq!(pattern(Path::new(name)), expected);
            let exclusion = Exclusion::of([expected]).unwrap();
            assert!(exclusion.excludes(Path::new(name), false), "{name}");
        };
        check("a:b", "/a:b");
        check("sub/nul.log", "/sub/nul.log");
        check("#a", "/#a");
        check("a*?[b]", "/a\\*\\?\\[b]");
        check("end ", "/end\\ ");
    }

    #[test]
    fn what_windows_does_not_take_is_named() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(windows_fault(name).as_deref(), expected, "{name}");
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
