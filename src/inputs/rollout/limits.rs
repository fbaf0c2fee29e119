//! What a template of session hosts takes for a parameter
//! (<https://learn.microsoft.com/azure/azure-resource-manager/templates/parameters>). Azure refuses anything else, and for the hosts after the canary
//! that comes late.

use serde_json::Value;

use super::host_template::HostTemplate;

/// A limit of a parameter that a value is beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The member of the declaration: `maxValue`.
    pub member: &'static str,
    /// What the parameter takes: `takes 4 at most`.
    pub takes: String,
}

/// How many values are named.
const MOST_NAMED: usize = 10;

impl HostTemplate {
    /// The limit that `value` is beyond; nothing where the template takes it.
    pub fn limit_against(&self, name: &str, value: &Value) -> Option<Limit> {
        let declared = self.declaration(name)?;
        let limit = |member: &'static str, takes: String| Some(Limit { member, takes });
        let allowed = declared.get("allowedValues").and_then(Value::as_array);
        if let Some(allowed) = allowed.filter(|allowed| !takes(allowed, value)) {
            let named: Vec<String> = allowed.iter().take(MOST_NAMED).map(shown).collect();
            let more = if allowed.len() > MOST_NAMED {
                ", …"
            } else {
                ""
            };
            return limit(
                "allowedValues",
                format!("takes {}{more} only", named.join(", ")),
            );
        }
        let number = |member: &str| declared.get(member).and_then(Value::as_i64);
        if let Some(value) = value.as_i64() {
            if let Some(most) = number("maxValue").filter(|most| value > *most) {
                return limit("maxValue", format!("takes {most} at most"));
            }
            if let Some(least) = number("minValue").filter(|least| value < *least) {
                return limit("minValue", format!("takes {least} at least"));
            }
        }
        let (length, what) = match value {
            Value::String(text) => (text.chars().count(), "characters"),
            Value::Array(items) => (items.len(), "items"),
            _ => return None,
        };
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if let Some(most) = number("maxLength").filter(|most| length > *most) {
            return limit("maxLength", format!("takes {most} {what} at most"));
        }
        if let Some(least) = number("minLength").filter(|least| length < *least) {
            return limit("minLength", format!("takes {least} {what} at least"));
        }
        None
    }
}

/// Whether a value is one of those that are allowed; of an array, each of its items. Letter case decides nothing here, so that nothing is refused
/// that Azure takes.
fn takes(allowed: &[Value], value: &Value) -> bool {
    let is = |one: &Value| {
        let mut allowed = allowed.iter();
        allowed.any(|own| match (own.as_str(), one.as_str()) {
            (Some(own), Some(one)) => own.eq_ignore_ascii_case(one),
            _ => own == one,
        })
    };
    is(value) || value.as_array().is_some_and(|items| items.iter().all(is))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn values_beyond_a_limit_are_found() {
        let template = HostTemplate {
            path: "t.json".to_owned(),
            document: json!({"parameters": {
                "count": {"type": "int", "minValue": 2, "maxValue": 4},
                "namePrefix": {"type": "string", "minLength": 3, "maxLength": 5},
                "vmSize": {"type": "string", "allowedValues": ["Standard_D4ds_v5", "Standard_D8ds_v5"]},
                "zones": {"type": "array", "allowedValues": ["1", "2"], "maxLength": 1},
                "plain": {"type": "string"},
            }}),
            parameters: BTreeMap::new(),
        };
        let takes = |name: &str, value: Value| {
            let limit = template.limit_against(name, &value);
            limit.map_or_else(String::new, |limit| {
                format!("{}: {}", limit.member, limit.takes)
            })
        };
        assert_eq!(takes("Count", json!(2)), "");
        assert_eq!(takes("count", json!(5)), "maxValue: takes 4 at most");
        assert_eq!(takes("count", json!(1)), "minValue: takes 2 at least");
        assert_eq!(takes("namePrefix", json!("avd")), "");
        assert_eq!(
            takes("namePrefix", json!("av")),
            "minLength: takes 3 characters at least"
        );
        assert_eq!(
            takes("namePrefix", json!("avdavd")),
            "maxLength: takes 5 characters at most"
        );
        assert_eq!(takes("vmSize", json!("standard_d4DS_v5")), "");
        assert_eq!(
            takes("vmSize", json!("Standard_D2")),
            "allowedValues: takes 'Standard_D4ds_v5', 'Standard_D8ds_v5' only"
        );
        assert_eq!(takes("zones", json!(["2"])), "");
        assert_eq!(
            takes("zones", json!(["3"])),
            "allowedValues: takes '1', '2' only"
        );
        assert_eq!(
            takes("zones", json!(["1", "2"])),
            "maxLength: takes 1 items at most"
        );
        assert_eq!(takes("plain", json!("x")), "");
        assert_eq!(takes("none", json!("x")), "");
    }
}
