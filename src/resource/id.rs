//! Ids of resources and of resource groups.

use std::fmt;
use std::str::FromStr;

/// The resource type of an image template.
pub const IMAGE_TEMPLATE: &str = "Microsoft.VirtualMachineImages/imageTemplates";
/// The resource type of a version of an image definition in a gallery.
pub const IMAGE_VERSION: &str = "Microsoft.Compute/galleries/images/versions";
/// The resource type of a managed image.
pub const MANAGED_IMAGE: &str = "Microsoft.Compute/images";

/// The id of a resource, `/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}[/{type}/{name}]*`.
///
/// Compared without case, as Azure Resource Manager does, and sent in the letter case that was given.
#[derive(Debug, Clone)]
pub struct ResourceId {
    text: String,
    subscription: String,
    resource_group: String,
    namespace: String,
    /// Type and name in turn, from the outermost resource inwards; at least one pair.
    path: Vec<(String, String)>,
}

/// Why a text is not a resource id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAResourceId {
    /// It does not begin with `/subscriptions/`.
    #[error("it does not start with '/subscriptions/'")]
    Start,
    /// A fixed part is missing or misspelt.
    #[error("'{0}' is missing where it belongs")]
    Missing(&'static str),
    /// A part is empty or has characters that no name has.
    #[error("it has an empty part, or one with characters that no Azure name has")]
    Part,
    /// A type without a name, or nothing after the provider.
    #[error("it ends with a type that has no name")]
    Unfinished,
}

impl ResourceId {
    /// The id of a resource `name` of `resource_type` (`Microsoft.X/things`) that lies directly in a resource group.
    pub fn in_group(
        subscription: &str,
        resource_group: &str,
        resource_type: &str,
        name: &str,
    ) -> Self {
        let (namespace, kind) = resource_type.split_once('/').unwrap_or((resource_type, ""));
        Self {
            text: format!(
                "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/{resource_type}/{name}"
            ),
            subscription: subscription.to_owned(),
            resource_group: resource_group.to_owned(),
            namespace: namespace.to_owned(),
            path: vec![(kind.to_owned(), name.to_owned())],
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

    /// The resource group's name.
    pub fn resource_group(&self) -> &str {
        &self.resource_group
    }

    /// The id of the resource group.
    pub fn group(&self) -> ResourceGroupId {
        ResourceGroupId::new(&self.subscription, &self.resource_group)
    }

    /// The full type, `Microsoft.Compute/galleries/images`.
    pub fn resource_type(&self) -> String {
        let mut full = self.namespace.clone();
        for (kind, _) in &self.path {
            full.push('/');
            full.push_str(kind);
        }
        full
    }

    /// Whether this is the id of a resource of `resource_type` (compared without case).
    pub fn is(&self, resource_type: &str) -> bool {
        self.resource_type().eq_ignore_ascii_case(resource_type)
    }

    /// The innermost name.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", |(_, name)| name)
    }

    /// The name of the enclosing resource at `depth` (0 = outermost), if there is one.
    pub fn name_at(&self, depth: usize) -> Option<&str> {
        self.path.get(depth).map(|(_, name)| name.as_str())
    }

    /// The id of the enclosing resource: of a gallery image version, its image definition.
    pub fn parent(&self) -> Option<ResourceId> {
        let (outer, (kind, name)) = match self.path.as_slice() {
            [outer @ .., last] if !outer.is_empty() => (outer, last),
            _ => return None,
        };
        let cut = self.text.len() - kind.len() - name.len() - 2;
        Some(Self {
            text: self.text.get(..cut)?.to_owned(),
            path: outer.to_vec(),
            ..self.clone()
        })
    }
}

impl FromStr for ResourceId {
    type Err = NotAResourceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('/');
        let mut parts = text
            .strip_prefix('/')
            .ok_or(NotAResourceId::Start)?
            .split('/');
        let mut keyword = |word: &'static str, error: NotAResourceId| match parts.next() {
            Some(part) if part.eq_ignore_ascii_case(word) => named(parts.next(), word),
            _ => Err(error),
        };
        let subscription = keyword("subscriptions", NotAResourceId::Start)?;
        let resource_group = keyword("resourceGroups", NotAResourceId::Missing("resourceGroups"))?;
        let namespace = keyword("providers", NotAResourceId::Missing("providers"))?;
        let mut path = Vec::new();
        while let Some(kind) = parts.next() {
            let kind = named(Some(kind), "type")?;
            let name = parts.next().ok_or(NotAResourceId::Unfinished)?;
            path.push((kind, named(Some(name), "name")?));
        }
        if path.is_empty() {
            return Err(NotAResourceId::Unfinished);
        }
        Ok(Self {
            text: text.to_owned(),
            subscription,
            resource_group,
            namespace,
            path,
        })
    }
}

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

/// A part of an id. The allowed characters are the union over Azure's resource types that we meet
/// (<https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>).
fn named(part: Option<&str>, after: &'static str) -> Result<String, NotAResourceId> {
    let part = part.ok_or(NotAResourceId::Missing(after))?;
    let allowed = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    // Every HTTP client takes a part of dots as a way up, out of the resource that the id names.
    if matches!(part, "" | "." | "..") || !part.chars().all(allowed) {
        Err(NotAResourceId::Part)
    } else {
        Ok(part.to_owned())
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for ResourceId {}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal/images/win11/versions/1.2.3";

    #[test]
    fn a_resource_id_knows_its_parts() {
        let id: ResourceId = VERSION.parse().unwrap();
        assert_eq!(id.subscription(), "11111111-1111-1111-1111-111111111111");
        assert_eq!(id.resource_group(), "rg-images");
        assert!(id.is("microsoft.compute/GALLERIES/images/versions"));
        assert_eq!(id.name(), "1.2.3");
        assert_eq!(id.name_at(0), Some("gal"));
        let definition = id.parent().unwrap();
        assert_eq!(
            definition.as_str(),
            VERSION.trim_end_matches("/versions/1.2.3")
        );
        assert!(definition.is("Microsoft.Compute/galleries/images"));
        assert_eq!(definition.parent().unwrap().parent(), None);
    }

    #[test]
    fn a_made_id_is_the_one_that_would_be_read() {
        let made = ResourceId::in_group("s", "g", IMAGE_TEMPLATE, "t_1");
        let read: ResourceId = made.as_str().parse().unwrap();
        assert_eq!(made, read);
        assert!(made.is(IMAGE_TEMPLATE) && read.is(IMAGE_TEMPLATE));
        assert_eq!(
            (made.name(), made.resource_group(), made.subscription()),
            ("t_1", "g", "s")
        );
    }

    #[test]
    fn resource_ids_compare_without_case() {
        let upper: ResourceId = VERSION.to_uppercase().parse().unwrap();
        assert_eq!(upper, VERSION.parse().unwrap());
        assert_ne!(
            upper,
            "/subscriptions/a/resourceGroups/b/providers/c/d/e"
                .parse()
                .unwrap()
        );
    }

    #[test]
    fn texts_that_are_no_resource_ids_say_why() {
        let check = |text: &str, expected: NotAResourceId| {
            assert_eq!(text.parse::<ResourceId>().unwrap_err(), expected, "{text}");
        };
        check("", NotAResourceId::Start);
        check("id-image-builder", NotAResourceId::Start);
        check(
            "/subscription/s/resourceGroups/g/providers/n/t/x",
            NotAResourceId::Start,
        );
        check(
            "/subscriptions/s/resourceGroup/g/providers/n/t/x",
            NotAResourceId::Missing("resourceGroups"),
        );
        check(
            "/subscriptions/s/resourceGroups/g",
            NotAResourceId::Missing("providers"),
        );
        check(
            "/subscriptions/s/resourceGroups/g/providers/n",
            NotAResourceId::Unfinished,
        );
        check(
            "/subscriptions/s/resourceGroups/g/providers/n/t",
            NotAResourceId::Unfinished,
        );
        check(
            "/subscriptions/<id>/resourceGroups/g/providers/n/t/x",
            NotAResourceId::Part,
        );
        check(
            "/subscriptions/s/resourceGroups//providers/n/t/x",
            NotAResourceId::Part,
        );
        for dots in [".", ".."] {
            for text in [
                format!("/subscriptions/{dots}/resourceGroups/g/providers/n/t/x"),
                format!("/subscriptions/s/resourceGroups/{dots}/providers/n/t/x"),
                format!("/subscriptions/s/resourceGroups/g/providers/n/t/{dots}"),
                format!("/subscriptions/s/resourceGroups/g/providers/n/t/x/{dots}/y"),
            ] {
                check(&text, NotAResourceId::Part);
            }
        }
        check(
            "/subscriptions/s/resourceGroups/../providers/n/t/x",
            NotAResourceId::Part,
        );
        check(
            "@host.example/subscriptions/s/resourceGroups/g/providers/n/t/x",
            NotAResourceId::Start,
        );
        check(
            "/subscriptions/s/resourceGroups/g/providers/n/t/x?y#z",
            NotAResourceId::Part,
        );
    }

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
