//! Tags that tell where an image comes from, on each target that has tags.

use serde_json::{Map, Value};

use crate::inputs::declared::ARTIFACT_TAGS;

/// The member of a target; the input has its name from it.
const MEMBER: &str = ARTIFACT_TAGS.name;
/// Azure keeps up to 50 tags; the service adds `VMImageBuilderSource` and `correlationId` to an image version (seen in recordings).
const MOST_TAGS: usize = 48;

/// Adds `tags` to the images and image versions that `template` makes. A tag that is there already stays, whatever its letter case; with too
/// many of them the last ones of `tags` are left out.
pub fn add_tags(template: &mut Value, tags: &[(&'static str, String)]) {
    let targets = template.pointer_mut("/properties/distribute");
    let targets = targets.and_then(Value::as_array_mut);
    for target in targets.into_iter().flatten() {
        let kind = target.get("type").and_then(Value::as_str);
        if !matches!(kind, Some("SharedImage" | "ManagedImage")) {
            continue;
        }
        let Some(target) = target.as_object_mut() else {
            continue;
        };
        let own = target
            .entry(MEMBER)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(own) = own {
            add_missing(own, tags);
        }
    }
}

fn add_missing(own: &mut Map<String, Value>, tags: &[(&'static str, String)]) {
    for (name, value) in tags {
        let known = own.keys().any(|known| known.eq_ignore_ascii_case(name));
        if own.len() < MOST_TAGS && !known {
            own.insert((*name).to_owned(), Value::String(value.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tagged(own: &Value, kind: &str) -> Value {
        let mut template =
            json!({"properties": {"distribute": [{"type": kind, "artifactTags": own}]}});
        let tags = [
            ("commit", "1f3a".to_owned()),
            ("buildId", "4711".to_owned()),
        ];
        add_tags(&mut template, &tags);
        template["properties"]["distribute"][0]["artifactTags"].take()
    }

    #[test]
    fn the_authors_own_tags_win() {
        let both = json!({"commit": "1f3a", "buildId": "4711"});
        assert_eq!(tagged(&json!({}), "SharedImage"), both);
        assert_eq!(tagged(&json!({}), "ManagedImage"), both);
        assert_eq!(tagged(&json!({}), "VHD"), json!({}));
        assert_eq!(
            tagged(&json!({"Commit": "mine"}), "SharedImage"),
            json!({"Commit": "mine", "buildId": "4711"})
        );
    }

    #[test]
    fn a_target_without_tags_gets_some() {
        let mut template = json!({"properties": {"distribute": [{"type": "SharedImage"}]}});
        add_tags(&mut template, &[("commit", "1f3a".to_owned())]);
        assert_eq!(
            template["properties"]["distribute"][0]["artifactTags"],
            json!({"commit": "1f3a"})
        );
        let mut without = json!({"properties": {}});
        add_tags(&mut without, &[("commit", "1f3a".to_owned())]);
        assert_eq!(without, json!({"properties": {}}));
    }

    #[test]
    fn there_are_never_more_tags_than_azure_keeps() {
        let own: Map<String, Value> = (0..47).map(|n| (format!("t{n}"), json!("x"))).collect();
        let tags = tagged(&Value::Object(own), "SharedImage");
        assert_eq!(tags.as_object().unwrap().len(), 48);
        assert_eq!(tags["commit"], "1f3a");
        assert_eq!(tags["buildId"], Value::Null);
    }
}
