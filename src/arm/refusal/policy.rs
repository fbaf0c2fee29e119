//! What an Azure Policy refuses, in words: Azure's own text is a JSON document in a sentence.

use serde_json::Value;

/// The refusal in one sentence: which resource, by which assignment and definition, because of which tag, and why. `None` for other errors, and where
/// Azure names no assignment.
///
/// The assignment is in `additionalInfo`, in the text behind "Policy identifiers", or in both
/// (<https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy>).
pub(super) fn violation(error: &Value, message: &str) -> Option<String> {
    let (resource, rest) = message.split_once(" was disallowed by policy")?;
    let identifiers = rest.split_once('[').and_then(|(_, rest)| {
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        documents.next()?.ok()
    });
    let infos = error.get("additionalInfo").and_then(Value::as_array);
    let mut infos = infos.into_iter().flatten();
    let info = infos.find(|it| it.get("type").and_then(Value::as_str) == Some("PolicyViolation"));
    let info = info.and_then(|it| it.get("info"));
    let assignment = info
        .and_then(|info| name(info, "policyAssignment"))
        .or_else(|| named(identifiers.as_ref()?, "/policyAssignment"))?;
    let definition = info
        .and_then(|info| name(info, "policyDefinition"))
        .or_else(|| named(identifiers.as_ref()?, "/policyDefinition"));
    let definition = definition.map(|it| format!(" (definition '{it}')"));
    let tag = info.and_then(tag).map(|tag| format!(", tag '{tag}'"));
    let reason = reason(rest).map(|reason| format!(", reason '{reason}'"));
    Some(format!(
        "{resource} was disallowed by policy: policy assignment '{assignment}'{}{}{}",
        definition.unwrap_or_default(),
        tag.unwrap_or_default(),
        reason.unwrap_or_default(),
    ))
}

/// What the policy's owner has written for those whom it stops.
fn reason(text: &str) -> Option<String> {
    let (_, text) = text.split_once("Reasons: '")?;
    let (reason, _) = text.split_once("'. See error details")?;
    Some(quotable(reason.trim_end_matches('.')))
}

/// Of the members `<kind>DisplayName`, `<kind>Name` and `<kind>Id`, the one that people know best.
fn name(info: &Value, kind: &str) -> Option<String> {
    let text = |suffix: &str| {
        let text = info.get(format!("{kind}{suffix}"))?.as_str()?;
        Some(text).filter(|text| !text.is_empty())
    };
    let known = text("DisplayName").or_else(|| text("Name"));
    let known = known.or_else(|| text("Id")?.rsplit('/').next());
    known.map(quotable)
}

/// The name in a pair of name and id.
fn named(identifiers: &Value, pointer: &str) -> Option<String> {
    let text = |member: &str| identifiers.pointer(pointer)?.get(member)?.as_str();
    let known = text("name").or_else(|| text("id")?.rsplit('/').next());
    known.filter(|name| !name.is_empty()).map(quotable)
}

/// The tag that the policy's rule reads, if it reads one: `tags[CostCenter]`, `tags['CostCenter']` or `tags.CostCenter`.
fn tag(info: &Value) -> Option<String> {
    let expressions = info.pointer("/evaluationDetails/evaluatedExpressions")?;
    let mut expressions = expressions.as_array()?.iter();
    expressions.find_map(|expression| {
        let text = |member: &str| expression.get(member).and_then(Value::as_str);
        let rest = text("path").or_else(|| text("expression"))?;
        let rest = rest.strip_prefix("tags")?;
        let tag = rest.trim_matches(|c| "[].'\"".contains(c));
        (!tag.is_empty()).then(|| quotable(tag))
    })
}

/// What stands between quotes holds none, and is a name, not a page.
fn quotable(text: &str) -> String {
    text.replace('\'', "").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const IDENTIFIERS: &str = r#"Resource 't_1' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Require a cost center","id":"/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/5f"},"policyDefinition":{"name":"Require a tag on resources","id":"/providers/Microsoft.Authorization/policyDefinitions/87"}}]'."#;

    fn check(info: &Value, message: &str, expected: Option<&str>) {
        let error = json!({"code": "RequestDisallowedByPolicy", "message": message,
            "additionalInfo": [{"type": "Other"}, {"type": "PolicyViolation", "info": info}]});
        assert_eq!(violation(&error, message).as_deref(), expected, "{message}");
    }

    #[test]
    fn a_refusal_by_policy_is_one_sentence() {
        let tag = json!({
            "policyAssignmentDisplayName": "Team's tags", "policyAssignmentName": "5f",
            "policyDefinitionDisplayName": "Require a tag on resources",
            "evaluationDetails": {"evaluatedExpressions": [
                {"result": "True", "expressionKind": "Field", "expression": "type", "path": "type"},
                {"result": "True", "expressionKind": "Field", "expression": "tags[CostCenter]", "path": "tags[CostCenter]",
                    "targetValue": "false", "operator": "Exists"},
            ]},
        });
        check(
            &tag,
            "Resource 't_1' was disallowed by policy. Reasons: 'Resources need a cost center.'. See error details for policy resource IDs.",
            Some(
                "Resource 't_1' was disallowed by policy: policy assignment 'Teams tags' (definition 'Require a tag on resources'), tag 'CostCenter', reason 'Resources need a cost center'",
            ),
        );
        let from_text = "Resource 't_1' was disallowed by policy: policy assignment 'Require a cost center' (definition 'Require a tag on resources')";
        check(&json!({}), IDENTIFIERS, Some(from_text));
        let id = json!({"policyAssignmentId": "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/5f"});
        check(
            &id,
            "Resource 't_1' was disallowed by policy.",
            Some("Resource 't_1' was disallowed by policy: policy assignment '5f'"),
        );
        check(&json!({}), "Resource 't_1' was disallowed by policy.", None);
        check(&tag, "The template deployment failed.", None);
    }

    #[test]
    fn a_tag_is_found_in_every_spelling_of_its_place() {
        for place in ["tags[CostCenter]", "tags['CostCenter']", "tags.CostCenter"] {
            let info =
                json!({"evaluationDetails": {"evaluatedExpressions": [{"expression": place}]}});
            assert_eq!(tag(&info).as_deref(), Some("CostCenter"), "{place}");
        }
        let info = json!({"evaluationDetails": {"evaluatedExpressions": [{"expression": "tags"}, {"path": "location"}]}});
        assert_eq!(tag(&info), None);
    }
}
