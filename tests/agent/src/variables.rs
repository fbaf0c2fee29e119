//! Pipeline variables: names without regard to case, environment names, and macro expansion.

use std::collections::BTreeMap;

/// One pipeline variable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variable {
    /// The name as it was given, for example `Build.BuildId`.
    pub name: String,
    /// The value, never trimmed.
    pub value: String,
    /// Whether the value is masked and handed on as `SECRET_…` only.
    pub secret: bool,
    /// Whether the environment name keeps its letter case.
    pub preserve_case: bool,
    /// Whether later steps may not change it.
    pub read_only: bool,
}

/// Variables by name; names are compared without regard to case, as the agent does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variables(BTreeMap<String, Variable>);

impl Variables {
    /// Sets a public variable.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.insert(Variable {
            name: name.into(),
            value: value.into(),
            ..Variable::default()
        });
    }

    /// Sets a secret variable.
    pub fn set_secret(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.insert(Variable {
            name: name.into(),
            value: value.into(),
            secret: true,
            ..Variable::default()
        });
    }

    /// Sets a variable. One that was secret stays secret.
    pub fn insert(&mut self, mut variable: Variable) {
        let key = variable.name.to_uppercase();
        variable.secret |= self.0.get(&key).is_some_and(|known| known.secret);
        self.0.insert(key, variable);
    }

    /// Sets a variable unless there is one of that name.
    pub(crate) fn set_default(&mut self, name: &str, value: impl Into<String>) {
        if self.get(name).is_none() {
            self.set(name, value);
        }
    }

    /// The variable of that name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.0.get(&name.to_uppercase())
    }

    /// The value of the variable of that name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(|variable| variable.value.as_str())
    }

    /// All variables in the order of their upper-case names.
    pub fn iter(&self) -> impl Iterator<Item = &Variable> {
        self.0.values()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets all variables of `other`.
    pub fn extend(&mut self, other: &Variables) {
        for variable in other.iter() {
            self.insert(variable.clone());
        }
    }
}

/// The environment name of a variable or input: `.` and blank become `_`, then upper case; hyphens stay
/// (`ConvertToEnvVariableFormat` in the agent's `VarUtil.cs`).
pub fn env_name(name: &str, preserve_case: bool) -> String {
    let name = name.replace(['.', ' '], "_");
    if preserve_case {
        name
    } else {
        name.to_uppercase()
    }
}

/// Replaces every `$(name)` that `value_of` knows. What was put in is not expanded again, and an unknown macro
/// stays as it is (`ExpandValues` in the agent's `VarUtil.cs`).
pub(crate) fn expand(text: &str, value_of: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, from_macro)) = rest.split_once("$(") {
        let Some((name, after)) = from_macro.split_once(')') else {
            break;
        };
        expanded.push_str(before);
        if let Some(value) = value_of(name) {
            expanded.push_str(&value);
            rest = after;
        } else {
            // The agent looks on from the character behind the dollar sign, so `$(a$(b))` still finds `$(b)`.
            expanded.push_str("$(");
            rest = from_macro;
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::{Variables, env_name, expand};

    #[test]
    fn names_become_environment_names() {
        for (name, preserve_case, expected) in [
            ("Build.BuildId", false, "BUILD_BUILDID"),
            ("my key", false, "MY_KEY"),
            ("my-key", false, "MY-KEY"),
            ("my.Key", true, "my_Key"),
        ] {
            assert_eq!(env_name(name, preserve_case), expected);
        }
    }

    #[test]
    fn macros_expand_once_and_unknown_ones_stay() {
        let mut variables = Variables::default();
        variables.set("region", "westus");
        variables.set("loop", "$(region)");
        for (text, expected) in [
            ("in $(Region)!", "in westus!"),
            ("$(loop)", "$(region)"),
            ("$(unknown) $(region)", "$(unknown) westus"),
            ("$(a$(region))", "$(awestus)"),
            ("$(region", "$(region"),
            ("$()", "$()"),
            ("plain", "plain"),
        ] {
            assert_eq!(
                expand(text, |name| variables.value(name).map(str::to_owned)),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_secret_stays_secret() {
        let mut variables = Variables::default();
        variables.set_secret("key", "one");
        variables.set("KEY", "two");
        let key = variables.get("Key").unwrap();
        assert_eq!((key.value.as_str(), key.secret), ("two", true));
    }
}
