//! The image version that the inputs fix.

use super::azure::{Azure, Look, text};
use super::definition::API_VERSION;
use super::subject::Target;
use super::table::VERSION;
use super::{Seen, Verdict};
use crate::inputs::declared::IMAGE_VERSION;
use crate::resource::{ResourceId, quoted};

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for target in &azure.subject.targets {
        if let Target::Gallery {
            definition,
            version: Some(version),
        } = target
        {
            seen.push(one(azure, definition, version).await);
        }
    }
    if seen.is_empty() {
        seen.push(Seen::fine(
            "the gallery numbers the version, or there is none",
        ));
    }
    seen
}

async fn one(azure: &Azure<'_>, definition: &ResourceId, version: &str) -> Seen {
    let path = format!("{definition}/versions/{version}?api-version={API_VERSION}");
    let name = format!("version {version} of '{}'", definition.name());
    match &*azure.look(path).await {
        Look::There(found) if text(found, "/name") == Some(version) => {
            let state = text(found, "/properties/provisioningState").unwrap_or_default();
            there(definition, version, state)
        }
        Look::There(_) => Seen::unknown(name, "Azure answers with something else"),
        Look::Missing | Look::NoGroup => Seen::fine(format!("{name} is free")),
        Look::Unknown(reason) => Seen::unknown(name, reason),
    }
}

/// The number is taken. A build that failed while it distributed leaves a version in state Failed, which nobody can use.
fn there(definition: &ResourceId, version: &str, state: &str) -> Seen {
    let name = format!("version {version} of '{}'", definition.name());
    let delete = format!(
        "az sig image-version delete --subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {} --gallery-image-version {version}",
        definition.subscription(),
        quoted(definition.resource_group()),
        definition.name_at(0).unwrap_or_default(),
        definition.name()
    );
    let other = format!(
        "write another number into input '{}', or leave it out and let the gallery number the version",
        IMAGE_VERSION.name
    );
    let (text, fix) = match state {
        "Failed" => (
            format!(
                "{name} exists already, in state Failed: it was left by a build that failed, and it takes the number"
            ),
            format!("delete it: {delete} (or {other})"),
        ),
        "Creating" => (
            format!(
                "{name} exists already, and is still being created, by another build or by one that was canceled"
            ),
            format!("{other}; if no build runs that creates it: {delete}"),
        ),
        "Deleting" => (
            format!("{name} exists already, and is being deleted"),
            format!("run the job again when it is gone, or {other}"),
        ),
        _ => (
            format!("{name} exists already, and an image version is never replaced"),
            other,
        ),
    };
    Seen::new(Verdict::Certain(VERSION), text).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leftover_is_told_from_an_image() {
        let id = "/subscriptions/s/resourceGroups/rg(1)/providers/Microsoft.Compute/galleries/gal/images/web";
        let id: ResourceId = id.parse().unwrap();
        let check = |state: &str, text: &str, fix: &str| {
            let seen = there(&id, "1.2.0", state);
            assert_eq!(seen.verdict, Verdict::Certain(VERSION));
            assert_eq!(
                seen.text,
                format!("version 1.2.0 of 'web' exists already{text}")
            );
            assert_eq!(seen.fix.as_deref(), Some(fix));
        };
        let delete = "az sig image-version delete --subscription s --resource-group 'rg(1)' --gallery-name gal --gallery-image-definition web --gallery-image-version 1.2.0";
        let other = "write another number into input 'imageVersion', or leave it out and let the gallery number the version";
        check(
            "Succeeded",
            ", and an image version is never replaced",
            other,
        );
        check(
            "Failed",
            ", in state Failed: it was left by a build that failed, and it takes the number",
            &format!("delete it: {delete} (or {other})"),
        );
        check(
            "Creating",
            ", and is still being created, by another build or by one that was canceled",
            &format!("{other}; if no build runs that creates it: {delete}"),
        );
        check(
            "Deleting",
            ", and is being deleted",
            &format!("run the job again when it is gone, or {other}"),
        );
    }
}
