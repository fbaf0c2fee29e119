//! The tags that a run brings: those that tell where an image comes from, on each target that has tags, and those of the template itself.

use super::model::{ImageTemplate, Tags};

/// Azure keeps up to 50 tags; the service adds `VMImageBuilderSource` and `correlationId` to an image version (seen in recordings).
const MOST_IMAGE_TAGS: usize = 48;

/// Adds `tags` to the images and image versions that `template` makes. A tag that is there already stays, whatever its letter case; with too
/// many of them the last ones of `tags` are left out.
pub fn add_missing_image_tags(template: &mut ImageTemplate, tags: &[(&'static str, String)]) {
    let targets = template.properties.distribute.iter_mut().flatten();
    for own in targets.filter_map(|target| target.artifact_tags_mut()) {
        let own = own.get_or_insert_default();
        for (name, value) in tags {
            if own.len() < MOST_IMAGE_TAGS && !has(own, name) {
                own.insert((*name).to_owned(), value.clone());
            }
        }
    }
}

/// Sets `tags` on the images and image versions that `template` makes. They replace tags of the same names; a target without room for all gets none.
pub fn set_image_tags(template: &mut ImageTemplate, tags: &[(&'static str, String)]) {
    let targets = template.properties.distribute.iter_mut().flatten();
    for own in targets.filter_map(|target| target.artifact_tags_mut()) {
        let own = own.get_or_insert_default();
        let new = tags.iter().filter(|(name, _)| !has(own, name)).count();
        if own.len() + new <= MOST_IMAGE_TAGS {
            overwrite(own, tags);
        }
    }
}

/// Adds `tags` to `template` itself. They win over whatever is there under their names.
pub fn tag_template(template: &mut ImageTemplate, tags: &[(&'static str, String)]) {
    overwrite(template.tags.get_or_insert_default(), tags);
}

fn overwrite(all: &mut Tags, tags: &[(&'static str, String)]) {
    all.retain(|known, _| {
        !tags
            .iter()
            .any(|(name, _)| known.eq_ignore_ascii_case(name))
    });
    let own = tags.iter().cloned();
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
}

fn has(tags: &Tags, name: &str) -> bool {
    tags.keys().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::model::json;
    use serde_json::{Map, Value, json};

    fn template(members: Value) -> ImageTemplate {
        serde_json::from_value(members).unwrap()
    }

    fn tagged(own: &Value, kind: &str) -> Value {
        let mut template =
            template(json!({"properties": {"distribute": [{"type": kind, "artifactTags": own}]}}));
        let tags = [
            ("commit", "1f3a".to_owned()),
            ("buildId", "4711".to_owned()),
        ];
        add_missing_image_tags(&mut template, &tags);
        json(&template)["properties"]["distribute"][0]["artifactTags"].take()
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
        let mut one = template(json!({"properties": {"distribute": [{"type": "SharedImage"}]}}));
        add_missing_image_tags(&mut one, &[("commit", "1f3a".to_owned())]);
        assert_eq!(
            json(&one)["properties"]["distribute"][0]["artifactTags"],
            json!({"commit": "1f3a"})
        );
        let mut without = template(json!({"properties": {}}));
        add_missing_image_tags(&mut without, &[("commit", "1f3a".to_owned())]);
        assert_eq!(json(&without), json!({"properties": {}}));
    }

    #[test]
    fn there_are_never_more_tags_than_azure_keeps() {
        let own: Map<String, Value> = (0..47).map(|n| (format!("t{n}"), json!("x"))).collect();
        let tags = tagged(&Value::Object(own), "SharedImage");
        assert_eq!(tags.as_object().unwrap().len(), 48);
        assert_eq!(tags["commit"], "1f3a");
        assert_eq!(tags["buildId"], Value::Null);
    }

    #[test]
    fn the_tasks_own_tags_win() {
        let tags = [("imageBuilderRun", "c/p/1".to_owned())];
        let mut one = template(json!({"location": "westeurope", "properties": {}}));
        tag_template(&mut one, &tags);
        let expected =
            r#"{"location":"westeurope","tags":{"imageBuilderRun":"c/p/1"},"properties":{}}"#;
        assert_eq!(json(&one).to_string(), expected);
        one.tags = Some(
            [("owner", "x"), ("IMAGEBUILDERRUN", "c/p/2")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        );
        tag_template(&mut one, &tags);
        assert_eq!(
            json(&one)["tags"],
            json!({"owner": "x", "imageBuilderRun": "c/p/1"})
        );
    }
}
