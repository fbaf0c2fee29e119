//! Values that must never be read by a person: they are announced for masking when they are born, and print as `***`.

use std::fmt;

/// Who hides a value in everything that is printed from now on (for a pipeline job: the agent's log masker).
pub trait Masker: Send + Sync {
    /// Registers `value`; several lines are registered line by line, because masking works on lines.
    fn mask(&self, value: &str);
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
}
