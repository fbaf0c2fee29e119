//! Lines about progress: of many that follow each other, one is enough.

use std::sync::LazyLock;

use regex::Regex;

/// How much of something is done: `12 %`, `12.5%`, `3.4 MB / 120 MB`, `3.4 of 120 MB`, `45 kB/s`.
///
/// A count of steps (`step 1 of 9`, `3/7`) is none: each step is news.
static AMOUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let (number, unit) = (r"\d+(?:[.,]\d+)?", r"[kKMGT]?i?B(?:ytes)?");
    Regex::new(&format!(
        r"{number} ?%|{number} ?(?:{unit})? ?(?:/|of) ?{number} ?{unit}\b|{number} ?{unit}(?:/s|ps)\b"
    ))
    .ok()
});

/// What lines of the same progress have in common; `None` for a line without an amount.
///
/// The bar goes, and so do the other numbers of the line, such as the time that is left.
fn progress_of(line: &str) -> Option<String> {
    let amount = AMOUNT.as_ref()?;
    amount.is_match(line).then(|| {
        amount
            .replace_all(line, "")
            .chars()
            .filter(|c| !c.is_ascii_digit() && !c.is_whitespace() && !"=#-.>|█▒░*:".contains(*c))
            .collect()
    })
}

/// Knows the last line that was shown, and which ones need not be shown after it.
#[derive(Debug, Default)]
pub struct Repetition {
    line: String,
    progress: Option<String>,
}

impl Repetition {
    /// Whether `line` is new: it is not the last one again, and no other amount of the same progress.
    pub fn is_news(&mut self, line: &str) -> bool {
        let progress = progress_of(line);
        if line == self.line || (progress.is_some() && progress == self.progress) {
            return false;
        }
        line.clone_into(&mut self.line);
        self.progress = progress;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_progress_are_alike() {
        for lines in [
            &["Downloading: 5 %", "Downloading: 100 %"][..],
            &[
                "[==         12.0%            ]",
                "[=======    48.3%            ]",
            ],
            &[
                "Progress: [####....] 50% eta 0:12",
                "Progress: [######..] 75% eta 0:03",
            ],
            &["office.iso 3.4 MB / 120 MB", "office.iso 33,4 MB / 120 MB"],
            &["got 3 of 120 MB at 45 kB/s", "got 13 of 120 MB at 7 MB/s"],
        ] {
            let shapes: Vec<_> = lines.iter().map(|line| progress_of(line)).collect();
            assert!(shapes[0].is_some(), "{lines:?}");
            assert!(shapes.iter().all(|one| *one == shapes[0]), "{shapes:?}");
        }
    }

    #[test]
    fn what_differs_in_words_or_steps_is_not_alike() {
        for line in [
            "step 1 of 9",
            "Installing 3/7",
            "Get:12 http://archive.ubuntu.com noble/main",
            "exit code 100",
            "12 packages can be upgraded",
            "",
        ] {
            assert_eq!(progress_of(line), None, "{line}");
        }
        assert_ne!(progress_of("copying a 5%"), progress_of("copying b 7%"));
    }

    #[test]
    fn steps_show_and_percentages_show_once() {
        let lines = [
            "step 1 of 9",
            "step 2 of 9",
            "10 %",
            "20 %",
            "100 %",
            "step 3 of 9",
            "30 %",
            "waiting",
            "waiting",
            "step 4 of 9",
        ];
        let mut repetition = Repetition::default();
        let shown: Vec<_> = lines
            .into_iter()
            .filter(|line| repetition.is_news(line))
            .collect();
        let expected = [
            "step 1 of 9",
            "step 2 of 9",
            "10 %",
            "step 3 of 9",
            "30 %",
            "waiting",
            "step 4 of 9",
        ];
        assert_eq!(shown, expected);
    }
}
