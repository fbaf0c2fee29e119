//! Words of the commands that are shown to people, who paste them into a shell.

/// `word` as one word of a POSIX shell, whatever is in it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@=".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        single_quoted(word)
    }
}

/// `text` between single quotes of a POSIX shell, in which nothing is special but the quote itself
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02>).
pub fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
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

    #[test]
    fn whatever_is_between_quotes_is_read_as_it_is() {
        let check = |text: &str, expected: &str| assert_eq!(single_quoted(text), expected);
        check("webapp", "'webapp'");
        check("", "''");
        check("my app", "'my app'");
        check("it's", r"'it'\''s'");
        check(
            "$HOME `id` \\ \"x\" ; & | *",
            "'$HOME `id` \\ \"x\" ; & | *'",
        );
        check("-rf", "'-rf'");
        check("größe", "'größe'");
    }
}
