//! The note that the main step leaves for the post-job step: what may exist in Azure because of it.

use crate::run::leftover::Leftover;

/// Name of the task variable. The agent shows it to the post-job step of the same task only.
pub const LEFTOVERS: &str = "imageBuilderLeftovers";

/// The note's text. An empty list is written out, too: the agent keeps the last value, and an empty one would not be sent.
pub(super) fn text_of(leftovers: &[Leftover]) -> String {
    serde_json::to_string(leftovers).unwrap_or_else(|_| "[]".to_owned())
}

/// Reads the note. A text that cannot be read is an error: something may exist that nobody knows of.
pub fn leftovers_from_text(text: &str) -> Result<Vec<Leftover>, String> {
    serde_json::from_str(text).map_err(|_| "it is not a note of this task".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_is_read_as_it_was_written() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.VirtualMachineImages/imageTemplates/t_1";
        let all = vec![Leftover::Template { id: id.to_owned() }];
        assert_eq!(leftovers_from_text(&text_of(&all)).unwrap(), all);
        assert_eq!(leftovers_from_text(&text_of(&[])).unwrap(), []);
        assert!(leftovers_from_text("").is_err());
    }
}
