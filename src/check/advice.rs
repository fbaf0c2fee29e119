//! A name that Azure does not have: what was probably meant.

use super::lookup::{Azure, Lookup, names};
use crate::arm::api::RESOURCES;
use crate::inputs::nearest;

/// How many names are told where none is near.
const MOST: usize = 5;

/// What to do about `name`, which is not among `all`: the likely cause first, which is a typing error, then `command`, which makes it.
pub(super) fn advice(name: &str, all: &[&str], command: &str) -> String {
    if let Some(near) = nearest(name, all.iter().copied()) {
        return format!("check the spelling: did you mean '{near}'? To create '{name}': {command}");
    }
    match among(all) {
        Some(all) => {
            format!("check the spelling; existing: {all}. To create '{name}': {command}")
        }
        None => format!("check the spelling; to create '{name}': {command}"),
    }
}

/// The same for what cannot be made, with the command that lists what there is.
pub(super) fn choice(name: &str, all: &[&str], list: &str) -> String {
    if let Some(near) = nearest(name, all.iter().copied()) {
        return format!("check the spelling: did you mean '{near}'? To list all: {list}");
    }
    match among(all) {
        Some(all) => format!("check the spelling; existing: {all}. To list all: {list}"),
        None => format!("check the spelling; to list all: {list}"),
    }
}

/// `'a', 'b' and 3 more`
fn among(all: &[&str]) -> Option<String> {
    let quoted = |name: &&str| format!("'{name}'");
    let rest = all.len().saturating_sub(MOST);
    let shown: Vec<_> = all.iter().take(MOST).map(quoted).collect();
    match (shown.as_slice(), rest) {
        ([], _) => None,
        ([one], 0) => Some(one.clone()),
        ([first @ .., last], 0) => Some(format!("{} and {last}", first.join(", "))),
        (shown, rest) => Some(format!("{} and {rest} more", shown.join(", "))),
    }
}

/// The names in the list at a path, where it can be read whole.
pub(super) async fn listed(azure: &Azure<'_>, path: String, api: &str) -> Vec<String> {
    match &*azure.look_up(path, api).await {
        Lookup::Found(list) => names(list).map_or_else(Vec::new, owned),
        _ => Vec::new(),
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// The resource groups of a subscription.
pub(super) async fn groups(azure: &Azure<'_>, subscription: &str) -> Vec<String> {
    let path = format!("/subscriptions/{subscription}/resourcegroups");
    listed(azure, path, RESOURCES).await
}

/// As references.
pub(super) fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_before_the_command() {
        let check = |name: &str, all: &[&str], expected: &str| {
            assert_eq!(advice(name, all, "az x create"), expected);
        };
        check(
            "id-image-bulder",
            &["id-other", "id-image-builder"],
            "check the spelling: did you mean 'id-image-builder'? To create 'id-image-bulder': az x create",
        );
        check(
            "web",
            &["win11", "ubuntu"],
            "check the spelling; existing: 'win11' and 'ubuntu'. To create 'web': az x create",
        );
        check(
            "web",
            &["a1", "a2", "a3", "a4", "a5", "a6"],
            "check the spelling; existing: 'a1', 'a2', 'a3', 'a4', 'a5' and 1 more. To create 'web': az x create",
        );
        check(
            "web",
            &[],
            "check the spelling; to create 'web': az x create",
        );
        assert_eq!(
            choice("snet-bild", &["snet-build"], "az x list"),
            "check the spelling: did you mean 'snet-build'? To list all: az x list"
        );
    }
}
