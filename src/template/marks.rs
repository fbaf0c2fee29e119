//! The task's own tags of a template.

use serde_json::{Map, Value};

/// The member of a template.
const TAGS: &str = "tags";
/// What comes before it where the service gives a template back.
const BEFORE: &str = "location";

/// Adds `tags` to `template`. They win over whatever is there under their names.
pub fn mark(template: &mut Value, tags: &[(&'static str, String)]) {
    let Some(members) = template.as_object_mut() else {
        return;
    };
    let mut all = match members.remove(TAGS) {
        Some(Value::Object(own)) => own,
        Some(_) | None => Map::new(),
    };
    all.retain(|known, _| {
        !tags
            .iter()
            .any(|(name, _)| known.eq_ignore_ascii_case(name))
    });
    all.extend(
        tags.iter()
            .map(|(name, value)| ((*name).to_owned(), Value::String(value.clone()))),
    );
    let (mut first, rest): (Map<_, _>, Map<_, _>) = std::mem::take(members)
        .into_iter()
        .partition(|(name, _)| name == BEFORE);
    first.insert(TAGS.to_owned(), Value::Object(all));
    first.extend(rest);
    *members = first;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_tasks_own_tags_win() {
        let tags = [("imageBuilderRun", "c/p/1".to_owned())];
        let mut template = json!({"location": "westeurope", "properties": {}});
        mark(&mut template, &tags);
        let expected =
            r#"{"location":"westeurope","tags":{"imageBuilderRun":"c/p/1"},"properties":{}}"#;
        assert_eq!(template.to_string(), expected);
        template["tags"] = json!({"owner": "x", "IMAGEBUILDERRUN": "c/p/2"});
        mark(&mut template, &tags);
        assert_eq!(
            template["tags"],
            json!({"owner": "x", "imageBuilderRun": "c/p/1"})
        );
    }
}
