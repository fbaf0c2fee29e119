//! Words of the commands that are shown to people, who paste them into a shell.

/// `word` as one word of a POSIX shell, whatever is in it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@=".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_stand_as_they_are() {
        let check = |word: &str, expected: &str| assert_eq!(quoted(word), expected);
        check("rg-images", "rg-images");
        check("a/b_1.zip", "a/b_1.zip");
        check("rg(1)", "'rg(1)'");
        check("-x", "'-x'");
        check("", "''");
        check("a;b", "'a;b'");
        check("it's", r"'it'\''s'");
    }
}
