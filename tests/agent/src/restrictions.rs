//! What a task may ask of the agent (`TaskRestrictionsChecker.cs`).

use serde::Deserialize;

/// What the manifest says about the commands that the task may send.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restrictions {
    #[serde(default)]
    commands: CommandRestriction,
    settable_variables: Option<SettableVariables>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct CommandRestriction {
    #[serde(default)]
    mode: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct SettableVariables {
    #[serde(default)]
    allowed: Vec<String>,
}

impl Restrictions {
    /// Whether only the commands of the restricted mode are obeyed.
    pub fn is_restricted(&self) -> bool {
        self.commands.mode.eq_ignore_ascii_case("restricted")
    }

    /// Whether the task may set the variable; without a list it may set any.
    pub fn may_set(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.settable_variables.as_ref().is_none_or(|list| {
            list.allowed
                .iter()
                .any(|pattern| matches(&pattern.to_lowercase(), &name))
        })
    }
}

/// Whether a pattern with `*` and `?` covers the whole name.
fn matches(pattern: &str, name: &str) -> bool {
    let mut characters = pattern.chars();
    match characters.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = characters.as_str();
            name.char_indices()
                .map(|(at, _)| at)
                .chain([name.len()])
                .any(|at| name.get(at..).is_some_and(|tail| matches(rest, tail)))
        }
        Some(first) => {
            let mut letters = name.chars();
            letters
                .next()
                .is_some_and(|letter| first == '?' || first == letter)
                && matches(characters.as_str(), letters.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Restrictions;

    fn check(json: &str, name: &str, allowed: bool) {
        let restrictions: Restrictions = serde_json::from_str(json).unwrap();
        assert_eq!(restrictions.may_set(name), allowed, "{json} {name}");
    }

    #[test]
    fn settable_variables_are_patterns_without_regard_to_case() {
        let list = r#"{ "settableVariables": { "allowed": ["image*", "pir?"] } }"#;
        for (json, name, allowed) in [
            (list, "imageUri", true),
            (list, "IMAGE", true),
            (list, "pirX", true),
            (list, "pir", false),
            (list, "PATH", false),
            (
                r#"{ "settableVariables": { "allowed": [] } }"#,
                "imageUri",
                false,
            ),
            ("{}", "PATH", true),
        ] {
            check(json, name, allowed);
        }
    }

    #[test]
    fn the_mode_of_commands_is_read_in_any_case() {
        for (mode, restricted) in [("Restricted", true), ("any", false)] {
            let json = format!(r#"{{ "commands": {{ "mode": "{mode}" }} }}"#);
            let restrictions: Restrictions = serde_json::from_str(&json).unwrap();
            assert_eq!(restrictions.is_restricted(), restricted, "{mode}");
        }
    }
}
