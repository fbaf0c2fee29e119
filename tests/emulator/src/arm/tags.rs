//! Tags of any resource, by an address of their own (<https://learn.microsoft.com/rest/api/resources/tags/update-at-scope>).

use serde_json::{Map, Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::ids;

type Tags = Map<String, Value>;

impl Arm {
    pub(crate) fn get_tags(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let scope = asked.path.get("scope");
        let tags = self.tags_at(scope).ok_or_else(|| nothing_at(scope))?;
        Ok(answer(scope, &tags))
    }

    /// `Merge` adds, `Replace` sets all, `Delete` removes those that have the name and the value.
    pub(crate) fn patch_tags(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let scope = asked.path.get("scope");
        let mut tags = self.tags_at(scope).ok_or_else(|| nothing_at(scope))?;
        let body = asked.json()?;
        let sent = body.pointer("/properties/tags").and_then(Value::as_object);
        let sent = sent.cloned().unwrap_or_default();
        if let Some((name, _)) = sent.iter().find(|(_, value)| !value.is_string()) {
            let message = format!("The value of the tag '{name}' is not a text.");
            return Err(Refusal::new(400, "InvalidTagValue", message));
        }
        let same = |tags: &Tags, name: &str| {
            let mut names = tags.keys();
            names
                .find(|known| known.eq_ignore_ascii_case(name))
                .cloned()
        };
        match body.get("operation").and_then(Value::as_str) {
            Some("Replace") => tags = sent,
            Some("Merge") => {
                for (name, value) in sent {
                    let name = same(&tags, &name).unwrap_or(name);
                    tags.insert(name, value);
                }
            }
            Some("Delete") => {
                for (name, value) in sent {
                    if let Some(name) = same(&tags, &name)
                        && tags.get(&name) == Some(&value)
                    {
                        tags.shift_remove(&name);
                    }
                }
            }
            _ => {
                let message = "The operation of a change of tags is one of Merge, Replace, Delete.";
                return Err(Refusal::new(400, "InvalidTagsPatchOperation", message));
            }
        }
        self.set_tags_at(scope, &tags);
        Ok(answer(scope, &tags))
    }

    fn tags_at(&self, scope: &str) -> Option<Tags> {
        let key = ids::key(scope);
        if let Some(template) = self.templates.get(&key) {
            return Some(template.tags.clone());
        }
        if let Some(version) = self.versions.get(&key) {
            return Some(version.tags.clone().unwrap_or_default());
        }
        if let Some(pool) = self.pools.get(&key) {
            return Some(pool.tags.clone());
        }
        let document = self.placed(&key)?.document();
        let tags = document.get("tags").and_then(Value::as_object);
        Some(tags.cloned().unwrap_or_default())
    }

    fn set_tags_at(&mut self, scope: &str, tags: &Tags) {
        let key = ids::key(scope);
        if let Some(template) = self.templates.get_mut(&key) {
            template.tags.clone_from(tags);
        } else if let Some(version) = self.versions.get_mut(&key) {
            version.tags = Some(tags.clone());
        } else if let Some(pool) = self.pools.get_mut(&key) {
            pool.tags.clone_from(tags);
        } else if let Some(placed) = self.resources.get_mut(&key) {
            placed.set_tags(Value::Object(tags.clone()));
        }
    }
}

fn nothing_at(scope: &str) -> Refusal {
    let (kind, name) = ids::kind_and_name(scope);
    let group = ids::segment_after(scope, "resourceGroups").unwrap_or_default();
    Refusal::not_found(&kind, &name, group)
}

fn answer(scope: &str, tags: &Tags) -> Answer {
    Answer::new(
        200,
        Body::Compact(json!({
            "id": format!("{scope}/providers/Microsoft.Resources/tags/default"),
            "name": "default",
            "type": "Microsoft.Resources/tags",
            "properties": {"tags": tags},
        })),
    )
}
