//! Ids of resource groups.

use std::fmt;
use std::str::FromStr;

use super::id::{NotAResourceId, named};

/// The id of a resource group, `/subscriptions/{s}/resourceGroups/{g}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroupId {
    text: String,
    subscription: String,
    name: String,
}

impl ResourceGroupId {
    /// The id of group `name` in `subscription`.
    pub fn new(subscription: &str, name: &str) -> Self {
        Self {
            text: format!("/subscriptions/{subscription}/resourceGroups/{name}"),
            subscription: subscription.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The id as it was given, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The subscription's id.
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ResourceGroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ResourceGroupId {
    type Err = NotAResourceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('/');
        let rest = text.strip_prefix('/').ok_or(NotAResourceId::Start)?;
        let mut parts = rest.split('/');
        let mut keyword = |word: &'static str, error: NotAResourceId| match parts.next() {
            Some(part) if part.eq_ignore_ascii_case(word) => named(parts.next(), word),
            _ => Err(error),
        };
        let subscription = keyword("subscriptions", NotAResourceId::Start)?;
        let name = keyword("resourceGroups", NotAResourceId::Missing("resourceGroups"))?;
        if parts.next().is_some() {
            return Err(NotAResourceId::Part);
        }
        Ok(Self {
            text: text.to_owned(),
            subscription,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_group_is_known_by_its_id() {
        let group: ResourceGroupId = "/subscriptions/s/resourcegroups/rg-a/".parse().unwrap();
        assert_eq!(group.as_str(), "/subscriptions/s/resourcegroups/rg-a");
        assert_eq!((group.subscription(), group.name()), ("s", "rg-a"));
        for text in [
            "",
            "@host.example/x",
            ".host.example",
            "/subscriptions/s",
            "/subscriptions/s/resourceGroups/..",
            "/subscriptions/s/resourceGroups/g/providers",
            "/subscriptions/s/resourceGroups/g?x",
        ] {
            assert!(text.parse::<ResourceGroupId>().is_err(), "{text}");
        }
    }
}
