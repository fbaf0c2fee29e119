//! What no child process may inherit, if there ever is one.

use super::environment::{Environment, after};
use super::names;

/// What a child process must not inherit.
const PRIVATE_PREFIXES: [&str; 5] = [
    names::INPUT,
    "ENDPOINT_",
    names::SECRET,
    names::SECURE_FILE,
    names::TASK_VARIABLE,
];
const PRIVATE_NAMES: [&str; 3] = [
    names::SYSTEM_ACCESS_TOKEN,
    names::COMMAND_CORRELATION_ID,
    names::PARENT,
];

impl Environment {
    /// The names that have to be removed from the environment of every child process: they hold secrets, or are meant for us alone.
    pub fn names_kept_from_children(&self) -> Vec<&str> {
        let kept = |name: &str| {
            PRIVATE_PREFIXES
                .iter()
                .any(|prefix| after(name, prefix).is_some())
                || PRIVATE_NAMES
                    .iter()
                    .any(|private| name.eq_ignore_ascii_case(private))
        };
        self.values
            .keys()
            .map(String::as_str)
            .filter(|name| kept(name))
            .collect()
    }
}
