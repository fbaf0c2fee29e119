//! The note that the main step leaves for the post-job step: what may exist in Azure because of it.

use crate::run::leftover::Leftover;

/// Name of the task variable. The agent shows it to the post-job step of the same task only.
pub const LEFTOVERS: &str = "imageBuilderLeftovers";

/// The note's text. An empty list is written out, too: the agent keeps the last value, and an empty one would not be sent.
pub(super) fn text_of(leftovers: &[&Leftover]) -> String {
    serde_json::to_string(leftovers).unwrap_or_else(|_| "[]".to_owned())
}

/// More than any step makes, with all its attempts.
const MOST_ENTRIES: usize = 100;

/// Everything that any of the notes has: each may be older than the others, where it could not be written any more. Whether one of them
/// cannot be read is the second: something may exist then that nobody knows of.
pub fn leftovers_from_texts(texts: &[String]) -> (Vec<Leftover>, bool) {
    let (mut all, mut unreadable) = (Vec::new(), false);
    for text in texts {
        match serde_json::from_str::<Vec<Leftover>>(text) {
            Ok(noted) => {
                for leftover in noted {
                    if !all.contains(&leftover) && all.len() < MOST_ENTRIES {
                        all.push(leftover);
                    }
                }
            }
            Err(_) => unreadable = true,
        }
    }
    (all, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(name: &str) -> Leftover {
        let templates = "/subscriptions/s/resourceGroups/g/providers/Microsoft.VirtualMachineImages/imageTemplates";
        Leftover::Template {
            id: format!("{templates}/{name}"),
        }
    }

    fn text(all: &[Leftover]) -> String {
        text_of(&all.iter().collect::<Vec<_>>())
    }

    fn read(notes: &[&str]) -> (Vec<Leftover>, bool) {
        let notes: Vec<_> = notes.iter().map(|note| (*note).to_owned()).collect();
        leftovers_from_texts(&notes)
    }

    #[test]
    fn the_note_is_read_as_it_was_written() {
        let all = vec![template("t_1")];
        assert_eq!(read(&[&text(&all)]), (all, false));
        assert_eq!(read(&[&text(&[])]), (Vec::new(), false));
        assert_eq!(read(&[]), (Vec::new(), false));
    }

    #[test]
    fn what_any_note_has_counts() {
        let (one, two) = (template("t_1"), template("t_2"));
        let older = text(std::slice::from_ref(&one));
        let newer = text(&[one.clone(), two.clone()]);
        let both = vec![one.clone(), two];
        assert_eq!(read(&[&older, &newer]), (both.clone(), false));
        assert_eq!(read(&[&newer, "[]"]), (both.clone(), false));
        for broken in ["", "{}", "[", "no"] {
            assert_eq!(read(&[broken, &newer]), (both.clone(), true), "{broken}");
            assert_eq!(read(&[&newer, broken]), (both.clone(), true), "{broken}");
        }
    }

    #[test]
    fn a_note_without_an_end_is_cut() {
        let many: Vec<_> = (0..=MOST_ENTRIES)
            .map(|n| template(&format!("t_{n}")))
            .collect();
        assert_eq!(read(&[&text(&many)]).0.len(), MOST_ENTRIES);
    }
}
