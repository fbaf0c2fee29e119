//! What uses the versions of an image definition, from what Azure tells of machines, image templates and host pools.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::ResourceId;

/// What uses versions of one image definition. Versions go by their names, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    named: BTreeMap<String, BTreeSet<String>>,
    /// Who takes the newest version, and in which region; in no region stands for all of them.
    newest: BTreeSet<(Option<String>, String)>,
}

/// What stands after `/versions/` in place of a number.
const LATEST: &str = "latest";

impl Uses {
    /// Takes note that the resource with id `user` in `region` (`westeurope`) names `image`. Images of other definitions are left out.
    ///
    /// Azure shows an image as it was named, and beside it in `exact` the number that it stood for.
    pub fn add(
        &mut self,
        definition: &ResourceId,
        (user, region): (&str, Option<&str>),
        image: &str,
        exact: Option<&str>,
    ) {
        let Some(version) = version_of(definition, image) else {
            return;
        };
        let exact = exact.map(str::trim).filter(|exact| !exact.is_empty());
        let named = Some(version).filter(|name| !name.is_empty() && name != LATEST);
        let mut versions: BTreeSet<String> =
            exact.map(str::to_ascii_lowercase).into_iter().collect();
        versions.extend(named);
        let user = display_name(user);
        if versions.is_empty() {
            let region = region.filter(|region| !region.is_empty());
            self.newest.insert((region.map(str::to_owned), user));
            return;
        }
        for version in versions {
            self.named.entry(version).or_default().insert(user.clone());
        }
    }

    /// Takes over what others found.
    pub fn extend(&mut self, other: Self) {
        for (version, users) in other.named {
            self.named.entry(version).or_default().extend(users);
        }
        self.newest.extend(other.newest);
    }

    /// Who uses version `name`, which is the newest good one in the regions `newest_in`.
    pub fn of(&self, name: &str, newest_in: &[&str]) -> BTreeSet<&str> {
        let named = self.named.get(&name.to_ascii_lowercase());
        let newest = self.newest.iter().filter(|(region, _)| match region {
            None => !newest_in.is_empty(),
            Some(region) => newest_in.contains(&region.as_str()),
        });
        let named = named.into_iter().flatten().map(String::as_str);
        named.chain(newest.map(|(_, user)| user.as_str())).collect()
    }
}

/// What `image` names of `definition`, in lower case: a version's name, or nothing for the definition itself. None if it is of something else, such
/// as of a definition whose name begins alike.
fn version_of(definition: &ResourceId, image: &str) -> Option<String> {
    let image = image.trim().trim_end_matches('/').to_lowercase();
    let rest = image.strip_prefix(&definition.as_str().to_lowercase())?;
    if rest.is_empty() {
        return Some(String::new());
    }
    // An id below the definition that is not a version's: it uses the definition, and which version is not known.
    let below = rest.strip_prefix('/')?;
    Some(
        below
            .strip_prefix("versions/")
            .unwrap_or_default()
            .to_owned(),
    )
}

/// `VM 'vm-1' in resource group 'rg-desktops'`.
fn display_name(user: &str) -> String {
    let Ok(id) = user.parse::<ResourceId>() else {
        return format!("'{user}'");
    };
    let kinds = [
        ("Microsoft.Compute/virtualMachines", "VM"),
        ("Microsoft.Compute/virtualMachineScaleSets", "scale set"),
        (crate::resource::IMAGE_TEMPLATE, "image template"),
        ("Microsoft.DesktopVirtualization/hostPools", "host pool"),
    ];
    let known = kinds.into_iter().find(|(kind, _)| id.is(kind));
    let kind = known.map_or_else(|| id.resource_type(), |(_, word)| word.to_owned());
    format!(
        "{kind} '{}' in resource group '{}'",
        id.name(),
        id.resource_group()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11";
    const VM: &str =
        "/subscriptions/s/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/vm";

    fn uses(image: &str, exact: Option<&str>, region: Option<&str>) -> Uses {
        let mut uses = Uses::default();
        uses.add(&DEFINITION.parse().unwrap(), (VM, region), image, exact);
        uses
    }

    /// Which of version 1.0.0, the newest in West Europe, and version 0.9.0, the newest in North Europe, is used.
    fn used(image: &str, exact: Option<&str>, region: Option<&str>) -> (bool, bool) {
        let uses = uses(image, exact, region);
        let of = |name, newest: &[&str]| !uses.of(name, newest).is_empty();
        (of("1.0.0", &["westeurope"]), of("0.9.0", &["northeurope"]))
    }

    #[test]
    fn a_version_is_held_by_its_name_or_by_what_it_stood_for() {
        let west = Some("westeurope");
        let version = format!("{DEFINITION}/versions/1.0.0");
        assert_eq!(used(&version, None, None), (true, false));
        assert_eq!(used(&version.to_uppercase(), Some(""), None), (true, false));
        assert_eq!(used(&version, Some("0.9.0"), None), (true, true));
        assert_eq!(used(DEFINITION, Some("0.9.0"), west), (false, true));
        let latest = format!("{DEFINITION}/versions/latest");
        assert_eq!(used(&latest, Some("0.9.0"), west), (false, true));
        assert_eq!(used(&latest, None, west), (true, false));
        assert_eq!(used(DEFINITION, None, Some("northeurope")), (false, true));
        assert_eq!(used(DEFINITION, None, Some("uksouth")), (false, false));
        // Where it is not told in which region, it is in any.
        assert_eq!(used(DEFINITION, None, None), (true, true));
        assert_eq!(
            used(&format!("{DEFINITION}/"), None, Some("")),
            (true, true)
        );
    }

    #[test]
    fn what_only_begins_alike_is_something_else() {
        for image in [
            format!("{DEFINITION}-old/versions/1.0.0"),
            format!("{DEFINITION}x"),
            DEFINITION.replace("gal", "gal2"),
            String::new(),
        ] {
            assert_eq!(
                uses(&image, Some("1.0.0"), None),
                Uses::default(),
                "{image}"
            );
        }
    }

    #[test]
    fn users_are_called_by_kind_name_and_group() {
        let version = format!("{DEFINITION}/versions/1.0.0");
        let mut all = uses(&version, None, None);
        all.extend(uses(&version, None, None));
        let users: Vec<_> = all.of("1.0.0", &[]).into_iter().collect();
        assert_eq!(users, ["VM 'vm' in resource group 'RG'"]);
        assert_eq!(display_name("odd"), "'odd'");
        let other = VM.replace("virtualMachines", "disks");
        assert_eq!(
            display_name(&other),
            "Microsoft.Compute/disks 'vm' in resource group 'RG'"
        );
    }
}
