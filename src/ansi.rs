//! The sequences by which a program colors and moves what it prints (ECMA-48): the one reading of them.

/// What follows the sequence that begins with `c`, if that is a character with which one begins; `rest` is what comes after it. Where the sequence
/// is broken, nothing of `rest` is skipped.
pub fn after_sequence(c: char, rest: &str) -> Option<&str> {
    match c {
        '\u{1b}' => Some(after_escape(rest)),
        '\u{9b}' => Some(after_introducer(rest)),
        _ => None,
    }
}

/// What follows the sequence in `text`, whose escape character has been read. Where there is no sequence, nothing is skipped: a reader must
/// see what it says.
fn after_escape(text: &str) -> &str {
    let mut rest = text.chars();
    match rest.next() {
        Some('[') => after_introducer(rest.as_str()),
        // A title or a link: up to the bell, or to the string terminator whose backslash is all that is left of it here.
        // Without an end in this line it is no sequence.
        Some(']') => match rest
            .as_str()
            .split_inclusive(['\u{7}', '\n', '\r', '\u{1b}'])
            .next()
        {
            Some(title) if title.ends_with('\u{7}') => {
                rest.as_str().get(title.len()..).unwrap_or_default()
            }
            Some(title) if title.ends_with('\u{1b}') => {
                let terminator = rest.as_str().get(title.len()..).unwrap_or_default();
                terminator.strip_prefix('\\').unwrap_or(text)
            }
            _ => text,
        },
        _ => text,
    }
}

/// What follows parameters, intermediates and the final character of the sequence in `text`, whose introducer (`ESC [`, or U+009B) has been
/// read; nothing is skipped when the sequence is broken.
fn after_introducer(text: &str) -> &str {
    let end = text.trim_start_matches(|c| ('\u{20}'..='\u{3f}').contains(&c));
    end.strip_prefix(|c| ('\u{40}'..='\u{7e}').contains(&c))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_end_where_they_end() {
        for (text, expected) in [
            ("[1;31mred", "red"),
            ("[0K", ""),
            ("[31", "31"),
            ("]0;title\u{7}text", "text"),
            ("]8;;https://example.com\u{1b}\\link", "link"),
            ("]0;no end\nnext", "]0;no end\nnext"),
            ("7saved", "7saved"),
            ("", ""),
        ] {
            assert_eq!(after_escape(text), expected, "{text:?}");
        }
        assert_eq!(after_introducer("31mred"), "red");
        assert_eq!(after_introducer("31"), "31");
    }
}
