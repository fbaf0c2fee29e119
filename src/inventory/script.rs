//! The script of the inventory step, as the lines of a customizer.
//!
//! What it prints is read by [`super::Reader`]. Tests run it as it is sent (`tests/it/inventory`, `tests/it/powershell`).

/// What the last line of the script for Linux is, and that for Windows: the build never fails of it.
#[cfg(test)]
const LAST: &str = "exit 0";

/// For `/bin/sh`, whichever it is. An ordinary user can run it.
pub fn linux() -> Vec<String> {
    lines(include_str!("inventory.sh"))
}

/// For Windows PowerShell 5.1, elevated.
pub fn windows() -> Vec<String> {
    lines(include_str!("inventory.ps1"))
}

fn lines(script: &str) -> Vec<String> {
    script.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_are_plain_and_end_well() {
        for lines in [linux(), windows()] {
            assert_eq!(lines.last().map(String::as_str), Some(LAST));
            for line in lines {
                assert!(line.is_ascii() && !line.contains(['\t', '\r']), "{line}");
            }
        }
    }
}
