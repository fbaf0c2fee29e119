//! Whether a template that is there has what would be sent: pure.
//!
//! The service answers more than it was sent (`exactVersion`, empty tags, members of their default), spells regions in its own way, and ignores
//! the letter case of ids.

use serde_json::{Map, Value};

use crate::inputs::Plan;
use crate::resource::tag::is_of_build;
use crate::template::model::{Distributor, ImageTemplate, LATEST, Source, json};

/// Whether `there` builds of the source of `plan`, and brings the image to its targets.
pub(super) fn is_as_asked(there: &ImageTemplate, plan: &Plan) -> bool {
    let (there, sent) = (&there.properties, &plan.properties);
    let source = match &sent.source {
        // What `latest` stood for then is in the template.
        Some(source) if plan.skip_if_unchanged => unpinned(source, there.source.as_ref()),
        source => has(&json(&there.source), &json(source)),
    };
    let (old, new) = (there.targets(), sent.targets());
    let by_clock = plan.long_build.number_by_clock;
    source
        && old.len() == new.len()
        && old
            .iter()
            .zip(new)
            .all(|(old, new)| has(&target(old, by_clock), &target(new, by_clock)))
}

/// A source whose `latest` may have been replaced by the number that it stood for.
fn unpinned(sent: &Source, there: Option<&Source>) -> bool {
    let mut there = there.cloned();
    match (&mut there, sent) {
        (Some(Source::PlatformImage(old)), Source::PlatformImage(new))
            if new.version_or_latest().eq_ignore_ascii_case(LATEST) =>
        {
            old.version.clone_from(&new.version);
        }
        (Some(Source::SharedImageVersion(old)), Source::SharedImageVersion(new)) => {
            let sent = new.image_version_id.to_lowercase();
            let start = sent.strip_suffix(LATEST);
            if start.is_some_and(|start| old.image_version_id.to_lowercase().starts_with(start)) {
                old.image_version_id.clone_from(&new.image_version_id);
            }
        }
        _ => {}
    }
    has(&json(&there), &json(&sent))
}

/// A target without what differs from attempt to attempt: our own tags, and a number that comes from the clock.
fn target(target: &Distributor, by_clock: bool) -> Value {
    let mut target = target.clone();
    if let Some(Some(tags)) = target.artifact_tags_mut() {
        tags.retain(|name, _| !is_of_build(name));
    }
    if let Distributor::SharedImage(target) = &mut target
        && by_clock
        && let Some((definition, _)) = target.image()
    {
        target.gallery_image_id = definition.to_string();
    }
    json(&target)
}

/// Whether `there` has all of `sent`. What it has beside that is what the service adds, unless it says something: a member that is set to true.
fn has(there: &Value, sent: &Value) -> bool {
    match (there, sent) {
        (Value::Object(there), Value::Object(sent)) => {
            let added = there
                .iter()
                .filter(|(name, _)| member(sent, name).is_none());
            let plain = added
                .into_iter()
                .all(|(_, value)| *value != Value::Bool(true));
            plain
                && sent.iter().all(|(name, value)| match member(there, name) {
                    Some(old) => has(old, value),
                    None => is_nothing(value),
                })
        }
        (Value::Array(there), Value::Array(sent)) => {
            there.len() == sent.len() && there.iter().zip(sent).all(|(old, new)| has(old, new))
        }
        (Value::String(there), Value::String(sent)) => spelled(there) == spelled(sent),
        (there, sent) => there == sent || (is_nothing(there) && is_nothing(sent)),
    }
}

fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let mut members = object.iter();
    let found = members.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
    }
}

/// `West Europe` is `westeurope`.
fn spelled(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_whitespace());
    plain.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_service_adds_is_no_difference() {
        let sent = json!({"type": "SharedImage", "galleryImageId": "/subscriptions/S/x", "artifactTags": {"a": "b"}, "targetRegions": [{"name": "westeurope"}]});
        let same = |there: Value| has(&there, &sent);
        assert!(same(sent.clone()));
        assert!(same(
            json!({"type": "SharedImage", "galleryImageId": "/SUBSCRIPTIONS/s/x", "artifactTags": {"A": "b"}, "versioning": null,
            "targetRegions": [{"name": "West Europe", "replicaCount": 1}], "excludeFromLatest": false})
        ));
        for other in [
            json!({"type": "SharedImage", "galleryImageId": "/subscriptions/S/y", "artifactTags": {"a": "b"}, "targetRegions": [{"name": "westeurope"}]}),
            json!({"type": "SharedImage", "galleryImageId": "/subscriptions/S/x", "artifactTags": {"a": "c"}, "targetRegions": [{"name": "westeurope"}]}),
            json!({"type": "SharedImage", "galleryImageId": "/subscriptions/S/x", "artifactTags": {"a": "b"}, "targetRegions": []}),
            json!({"type": "SharedImage", "galleryImageId": "/subscriptions/S/x", "artifactTags": {"a": "b"}, "targetRegions": [{"name": "westeurope"}], "excludeFromLatest": true}),
            json!({"type": "SharedImage", "galleryImageId": "/subscriptions/S/x", "targetRegions": [{"name": "westeurope"}]}),
        ] {
            assert!(!same(other.clone()), "{other}");
        }
    }

    #[test]
    fn a_pinned_source_is_the_same_source() {
        let source = |value: Value| serde_json::from_value::<Source>(value).unwrap();
        let platform = |version: &str| {
            source(
                json!({"type": "PlatformImage", "publisher": "p", "offer": "o", "sku": "s", "version": version}),
            )
        };
        let shared = |image: &str, version: &str| {
            source(
                json!({"type": "SharedImageVersion", "imageVersionId": format!("/subscriptions/s/images/{image}/versions/{version}")}),
            )
        };
        assert!(unpinned(&platform("latest"), Some(&platform("1.2.3"))));
        assert!(!unpinned(&platform("1.2.4"), Some(&platform("1.2.3"))));
        assert!(unpinned(
            &shared("a", "Latest"),
            Some(&shared("a", "1.0.0"))
        ));
        assert!(!unpinned(
            &shared("a", "latest"),
            Some(&shared("b", "1.0.0"))
        ));
        assert!(!unpinned(&shared("a", "latest"), Some(&platform("1.2.3"))));
        assert!(!unpinned(&shared("a", "latest"), None));
    }
}
