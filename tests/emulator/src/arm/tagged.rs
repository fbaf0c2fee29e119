//! The generic list of Azure Resource Manager, of a subscription or a group, with its filters
//! (<https://learn.microsoft.com/rest/api/resources/resources/list>).

use serde_json::{Map, Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::everything::Existing;
use crate::arm::{Arm, Asked};
use crate::clock;

/// What a list is filtered by: terms joined by `and`.
struct Filter(Vec<(String, String)>);

impl Filter {
    /// `resourceType eq '...'`, `resourceGroup eq '...'`, `name eq '...'`, `location eq '...'`, `tagName eq '...'`, `tagValue eq '...'`.
    fn read(filter: &str) -> Option<Self> {
        let known = [
            "resourceType",
            "resourceGroup",
            "name",
            "location",
            "tagName",
            "tagValue",
        ];
        let mut rest = filter.trim();
        let mut terms = Vec::new();
        while !rest.is_empty() {
            let (name, value) = rest.split_once(" eq '")?;
            let known = known
                .iter()
                .find(|known| known.eq_ignore_ascii_case(name.trim()))?;
            let (value, after) = quoted(value)?;
            terms.push(((*known).to_owned(), value));
            rest = match after.trim() {
                "" => "",
                after => after.strip_prefix("and ")?.trim(),
            };
        }
        let filter = Self(terms);
        // A value without a name is not a filter.
        (filter.get("tagValue").is_none() || filter.get("tagName").is_some()).then_some(filter)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut terms = self.0.iter();
        terms
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn takes(&self, resource: &Existing) -> bool {
        let same = |filter: &str, member: &str| {
            self.get(filter)
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(resource.text(member)))
        };
        // Values of tags have a letter case, their names have none.
        let tagged = self.get("tagName").is_none_or(|name| {
            let wanted = self.get("tagValue");
            let value = resource.tag(name);
            value.is_some_and(|value| wanted.is_none_or(|wanted| wanted == value))
        });
        // Azure CLI names the group in the filter.
        let group = self.get("resourceGroup");
        let in_group = group.is_none_or(|group| group.eq_ignore_ascii_case(resource.group()));
        in_group
            && same("resourceType", "type")
            && same("name", "name")
            && same("location", "location")
            && tagged
    }
}

/// The text up to the closing quote, two quotes being one, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('\'')?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

impl Arm {
    pub(crate) fn list_resources(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let sent = asked.query("$filter").unwrap_or_default();
        let filter = Filter::read(sent).ok_or_else(|| {
            let message = format!("Invalid $filter '{sent}' specified in the query string.");
            Refusal::new(400, "InvalidFilterInQueryString", message)
        })?;
        let (subscription, group) = (asked.path.get("subscription"), asked.path.get("group"));
        let expand = asked.query("$expand").unwrap_or_default().to_owned();
        let with_tags = filter.get("tagValue").is_none() || self.switches.tags_in_lists_by_tag;
        let all: Vec<Value> = self
            .everything()
            .into_iter()
            .filter(|resource| {
                resource.until.is_none()
                    && resource.subscription().eq_ignore_ascii_case(subscription)
                    && (group.is_empty() || resource.group().eq_ignore_ascii_case(group))
                    && filter.takes(resource)
            })
            .map(|resource| listed(&resource, with_tags, &expand))
            .collect();
        let top = asked.query("$top").and_then(|top| top.parse().ok());
        let size = top.unwrap_or(self.switches.compute_page_size);
        let page = self.page(asked, all, size, "$skiptoken")?;
        Ok(Answer::new(200, Body::Compact(page)))
    }
}

/// A resource as the list shows it: nested ones with the names of those around them.
fn listed(resource: &Existing, with_tags: bool, expand: &str) -> Value {
    let id = resource.text("id");
    let (_, name) = crate::ids::kind_and_name(id);
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(id));
    shown.insert("name".to_owned(), json!(name));
    for member in ["type", "location"] {
        shown.insert(member.to_owned(), json!(resource.text(member)));
    }
    let tags = resource.document.get("tags");
    if let (true, Some(tags)) = (with_tags, tags) {
        shown.insert("tags".to_owned(), tags.clone());
    }
    if let (true, Some(since)) = (expand.contains("createdTime"), resource.since) {
        let since = clock::ticks_text(since);
        shown.insert("createdTime".to_owned(), json!(since));
    }
    let state = resource.document.pointer("/properties/provisioningState");
    if let (true, Some(state)) = (expand.contains("provisioningState"), state) {
        shown.insert("provisioningState".to_owned(), state.clone());
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_filters() {
        let check = |filter: &str, expected: Option<&[(&str, &str)]>| {
            let found = Filter::read(filter).map(|filter| filter.0);
            let expected = expected.map(|terms| {
                let owned = terms.iter();
                owned
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{filter}");
        };
        check("", Some(&[]));
        check(
            "tagName eq 'a' and tagValue eq 'it''s and x'",
            Some(&[("tagName", "a"), ("tagValue", "it's and x")]),
        );
        check("resourcetype eq 'T'", Some(&[("resourceType", "T")]));
        check("resourceGroup eq 'rg'", Some(&[("resourceGroup", "rg")]));
        check("tagValue eq 'a'", None);
        check("tagName eq 'a", None);
        check("tagName eq 'a' or tagValue eq 'b'", None);
        check("kind eq 'a'", None);
    }
}
