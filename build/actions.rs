//! Which actions use an input: those for which the form shows it.

use serde_json::Value;

/// The form of `task/task.json`.
pub(crate) struct Form<'a> {
    inputs: &'a [Value],
    groups: &'a [Value],
}

impl<'a> Form<'a> {
    pub(crate) fn of(manifest: &'a Value) -> Self {
        let list = |name| {
            let list = manifest.get(name).and_then(Value::as_array);
            list.map(Vec::as_slice).unwrap_or_default()
        };
        Self {
            inputs: list("inputs"),
            groups: list("groups"),
        }
    }

    /// The actions for which the form shows `input` with some values of the other inputs.
    pub(crate) fn actions_of(&self, input: &Value) -> Result<Vec<&'a str>, String> {
        let options = self.input("action")?.get("options");
        let options = options.and_then(Value::as_object);
        let mut shown = Vec::new();
        for action in options.ok_or("input 'action' has no options")?.keys() {
            if self.shows(input, action)? {
                shown.push(action.as_str());
            }
        }
        Ok(shown)
    }

    fn input(&self, name: &str) -> Result<&'a Value, String> {
        let mut inputs = self.inputs.iter();
        let found = inputs.find(|input| text(input, "name") == Some(name));
        found.ok_or_else(|| format!("there is no input '{name}'"))
    }

    fn shows(&self, input: &Value, action: &str) -> Result<bool, String> {
        let group = text(input, "groupName");
        let mut groups = self.groups.iter();
        let group = groups.find(|known| group.is_some() && text(known, "name") == group);
        let group = group.and_then(|group| text(group, "visibleRule"));
        let own = text(input, "visibleRule");
        Ok(self.holds(group, input, action)? && self.holds(own, input, action)?)
    }

    /// A rule joins its terms by `&&` or by `||`.
    fn holds(&self, rule: Option<&str>, input: &Value, action: &str) -> Result<bool, String> {
        let Some(rule) = rule else { return Ok(true) };
        let any = rule.contains("||");
        for term in rule.split(if any { "||" } else { "&&" }) {
            if self.term_holds(term, input, action)? == any {
                return Ok(any);
            }
        }
        Ok(!any)
    }

    /// Another input has any value where the form shows it for the action, and its default otherwise.
    fn term_holds(&self, term: &str, input: &Value, action: &str) -> Result<bool, String> {
        let words: Vec<&str> = term.split_whitespace().collect();
        let [name, sign, value] = words.as_slice() else {
            return Err(format!("'{term}' compares nothing"));
        };
        let is = if *name == "action" {
            action.to_owned()
        } else {
            let other = self.input(name)?;
            if other == input || self.shows(other, action)? {
                return Ok(true);
            }
            match other.get("defaultValue") {
                Some(Value::String(default)) => default.clone(),
                Some(default) => default.to_string(),
                None => String::new(),
            }
        };
        Ok((*value == is) == (*sign != "!="))
    }
}

fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get(key).and_then(Value::as_str)
}
