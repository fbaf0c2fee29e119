//! Values that must never be read by a person: they are announced for masking when they are born, and print as `***`.

mod signature;

use std::fmt;
use std::ops::Range;

pub use signature::{signatures, without_signatures};

/// Who hides a value in everything that is printed from now on (for a pipeline job: the agent's log masker).
pub trait Masker: Send + Sync {
    /// Registers `value`; several lines are registered line by line, because masking works on lines.
    fn mask(&self, value: &str);

    /// `text` as it may stand in a file that others read: `***` in place of everything that was registered, and of every signature. Who
    /// registers nothing hides signatures alone.
    fn hidden(&self, text: &str) -> String {
        without_signatures(text)
    }
}

/// A value that is not for logs. The only constructor announces it, so there is no secret that the log masker does not know.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Announces `value` to `masker` and wraps it.
    pub fn new(value: impl Into<String>, masker: &dyn Masker) -> Self {
        let value = value.into();
        masker.mask(&value);
        Self(value)
    }

    /// The value itself, for the one place that has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What a person sees in place of a secret.
pub const HIDDEN: &str = "***";

/// Shorter texts stay visible: hiding them would garble everything else. The agent drops them, too (`AZP_IGNORE_SECRETS_SHORTER_THAN`).
pub const SHORTEST_CHARACTERS: usize = 6;

/// What of a secret `value` is hidden: the whole, and each of its lines without the blanks around it, because masking works on lines. Short
/// parts are not, and neither are the armor lines of a PEM, which are the same in every key.
pub fn parts(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.lines().flat_map(|line| line.split('\r'));
    let parts = std::iter::once(value).chain(lines.map(str::trim));
    parts.filter(|part| part.trim().chars().count() >= SHORTEST_CHARACTERS && !is_armor(part))
}

fn is_armor(line: &str) -> bool {
    !line.contains('\n') && line.starts_with("-----") && line.trim_end().ends_with("-----")
}

/// `text` with `***` in place of each of `places`; those that overlap are one. The places are those of whole characters.
pub fn hide(text: &str, mut places: Vec<Range<usize>>) -> String {
    places.sort_unstable_by_key(|place| place.start);
    let (mut hidden, mut done) = (String::with_capacity(text.len()), 0);
    for place in places {
        if place.start >= done {
            hidden.push_str(text.get(done..place.start).unwrap_or_default());
            hidden.push_str(HIDDEN);
        }
        done = done.max(place.end);
    }
    hidden.push_str(text.get(done..).unwrap_or_default());
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Announced(Mutex<Vec<String>>);

    impl Masker for Announced {
        fn mask(&self, value: &str) {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }

    #[test]
    fn a_secret_is_announced_at_birth_and_never_printed() {
        let announced = Announced::default();
        let secret = Secret::new("hunter2-hunter2", &announced);
        assert_eq!(*announced.0.lock().unwrap(), ["hunter2-hunter2"]);
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.reveal(), "hunter2-hunter2");
    }

    #[test]
    fn places_are_hidden_also_where_they_overlap() {
        for (places, expected) in [
            (vec![], "abcdef"),
            (vec![1..2, 1..2], "a***cdef"),
            (vec![3..5, 0..4], "***f"),
            (vec![0..6, 2..3], "***"),
            (vec![0..2, 2..4], "******ef"),
        ] {
            assert_eq!(hide("abcdef", places), expected);
        }
    }
}
