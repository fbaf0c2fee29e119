//! What a text has to say; the whole of it is shown if it does not.

/// Whether `text` has `part` in it.
#[track_caller]
pub(crate) fn check_has(text: &str, part: &str) {
    assert!(text.contains(part), "'{part}' is not in\n{text}");
}

/// Whether `text` begins with `start`.
#[track_caller]
pub(crate) fn check_starts(text: &str, start: &str) {
    assert!(text.starts_with(start), "'{start}' does not begin\n{text}");
}
