//! The image definition that the result goes to, and whether the source fits it.

use std::sync::Arc;

use super::azure::{Azure, Look};
use super::facts::{self, Facts};
use super::spelling::{advice, groups, listed, texts};
use super::subject::{Target, group_of};
use super::table::{DEFINITION, MISMATCH};
use super::{Seen, Verdict};
use crate::resource::{ResourceId, quoted};

/// The newest version that does not validate images on its own.
pub(super) const API_VERSION: &str = "2024-03-03";

/// An image definition. Missing is one that its gallery does not list, or whose gallery its group does not list.
pub(super) async fn definition(azure: &Azure<'_>, id: &ResourceId) -> Arc<Look> {
    let path = format!("{id}?api-version={API_VERSION}");
    let Some(gallery) = id.parent() else {
        return azure.look(path).await;
    };
    let list = definitions_of(&gallery);
    let look = azure.resource(&path, &list, id.name()).await;
    if !matches!(*azure.look(list).await, Look::Missing) {
        return look;
    }
    let gallery_path = format!("{gallery}?api-version={API_VERSION}");
    match &*azure
        .resource(&gallery_path, &galleries_of(id), gallery.name())
        .await
    {
        Look::Missing => Arc::new(Look::Missing),
        _ => look,
    }
}

fn definitions_of(gallery: &ResourceId) -> String {
    format!("{gallery}/images?api-version={API_VERSION}")
}

fn galleries_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.Compute/galleries?api-version={API_VERSION}",
        group_of(id)
    )
}

/// What is missing may be the group, the gallery or the definition.
async fn missing(azure: &Azure<'_>, id: &ResourceId, source: &Facts) -> Seen {
    let (group, gallery) = (id.resource_group(), id.name_at(0).unwrap_or_default());
    let (subscription, definition) = (id.subscription(), id.name());
    let create = creation(id, id.name(), source);
    let list = id.parent().map(|gallery| definitions_of(&gallery));
    let look = azure.look(list.clone().unwrap_or_default()).await;
    let (end, fix) = match &*look {
        Look::There(_) => {
            let all = listed(azure, list.unwrap_or_default()).await;
            ("", advice(definition, &texts(&all), &create))
        }
        Look::NoGroup => {
            let all = groups(azure, subscription).await;
            let create = format!(
                "az group create --subscription {subscription} --name {} --location {}",
                quoted(group),
                azure.subject.location
            );
            (
                "; the resource group does not exist either",
                advice(group, &texts(&all), &create),
            )
        }
        Look::Missing | Look::Unknown(_) => {
            let all = listed(azure, galleries_of(id)).await;
            let create = format!(
                "az sig create --subscription {subscription} --resource-group {} --gallery-name {gallery}, then: {create}",
                quoted(group)
            );
            (
                "; the gallery does not exist either",
                advice(gallery, &texts(&all), &create),
            )
        }
    };
    let text = format!(
        "image definition '{definition}' does not exist in gallery '{gallery}' of resource group '{group}', and the image version goes there{end}"
    );
    Seen::new(Verdict::Certain(DEFINITION), text).fix(fix)
}

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for target in &azure.subject.targets {
        if let Target::Gallery { definition: id, .. } = target {
            seen.extend(one_definition(azure, id).await);
        }
    }
    seen
}

async fn one_definition(azure: &Azure<'_>, id: &ResourceId) -> Vec<Seen> {
    let name = format!("image definition '{}'", id.name());
    let (source, found) = tokio::join!(facts::of_source(azure), definition(azure, id));
    match &*found {
        Look::There(found) => {
            let own = Facts::of_definition(found);
            let mut seen = vec![Seen::fine(format!(
                "'{}' is there{}",
                id.name(),
                told(&own)
            ))];
            if own.is_specialized() {
                let text = format!(
                    "{name} is for specialized images, and Azure VM Image Builder makes generalized ones"
                );
                seen.push(
                    Seen::new(Verdict::Certain(MISMATCH), text).fix(creation(id, ANOTHER, &source)),
                );
            }
            seen.extend(compared(id, &own, &source));
            seen
        }
        Look::Missing | Look::NoGroup => vec![missing(azure, id, &source).await],
        Look::Unknown(reason) => vec![Seen::unknown(name, reason)],
    }
}

fn told(facts: &Facts) -> String {
    let all = [&facts.os, &facts.generation, &facts.security];
    let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
    match all.as_slice() {
        [] => String::new(),
        all => format!(" ({})", all.join(", ")),
    }
}

/// What a definition beside one that exists is called: Azure does not change the one that is there into one that fits.
const ANOTHER: &str = "<another name>";

/// The command that makes the definition `name`, one that fits the source, in the gallery of `id`.
fn creation(id: &ResourceId, name: &str, source: &Facts) -> String {
    let or =
        |known: &Option<String>, usual: &str| known.clone().unwrap_or_else(|| usual.to_owned());
    let security = source
        .security
        .as_deref()
        .map(|_| " --features SecurityType=TrustedLaunchSupported");
    format!(
        "az sig image-definition create --subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {} --publisher <publisher> --offer <offer> --sku <sku> --os-type {} --hyper-v-generation {} --architecture {}{}",
        id.subscription(),
        quoted(id.resource_group()),
        id.name_at(0).unwrap_or_default(),
        name,
        or(&source.os, "<Linux or Windows>"),
        or(&source.generation, "V2"),
        or(&source.architecture, "x64"),
        security.unwrap_or_default(),
    )
}

/// What differs between a definition and the source. What one of them does not tell is not compared.
fn compared(id: &ResourceId, own: &Facts, source: &Facts) -> Vec<Seen> {
    let mut seen = Vec::new();
    let rows = [
        ("", &own.os, &source.os),
        ("generation ", &own.generation, &source.generation),
        ("architecture ", &own.architecture, &source.architecture),
    ];
    for (what, own, other) in rows {
        if let (Some(own), Some(other)) = (own, other)
            && !own.eq_ignore_ascii_case(other)
        {
            let text = format!(
                "image definition '{}' is for {what}{own}, but the source image is {what}{other}: Azure cannot create an image version of it",
                id.name()
            );
            seen.push(Seen::new(Verdict::Certain(MISMATCH), text).fix(format!(
                "use another source, or another definition: {}",
                creation(id, ANOTHER, source)
            )));
        }
    }
    seen.extend(security(id, own, source));
    seen
}

/// <https://learn.microsoft.com/azure/virtual-machines/image-builder-overview#confidential-vm-and-trusted-launch-support>
fn security(id: &ResourceId, own: &Facts, source: &Facts) -> Option<Seen> {
    let security = own.security.as_deref()?;
    let fix = format!(
        "use a definition that fits the source: {}",
        creation(id, ANOTHER, source)
    );
    if facts::is_demanded(security) {
        let text = format!(
            "image definition '{}' demands security type {security}; Azure VM Image Builder supports {security}Supported alone",
            id.name()
        );
        return Some(Seen::new(Verdict::Certain(MISMATCH), text).fix(fix));
    }
    // The generation tells that the source is known; only one of generation 2 has a security type at all.
    if security.contains("Supported") && source.generation.is_some() && source.security.is_none() {
        let text = format!(
            "image definition '{}' is {security}, and the source is not: its VMs might not start",
            id.name()
        );
        return Some(Seen::new(Verdict::Warning(MISMATCH), text).fix(fix));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(os: &str, generation: &str, architecture: &str, security: &str) -> Facts {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Facts {
            os: some(os),
            generation: some(generation),
            architecture: some(architecture),
            security: some(security),
            ..Facts::default()
        }
    }

    fn id() -> ResourceId {
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/web"
            .parse()
            .unwrap()
    }

    #[test]
    fn a_definition_is_held_against_the_source() {
        let check = |own: Facts, source: Facts, expected: &[Verdict]| {
            let seen: Vec<_> = compared(&id(), &own, &source);
            let verdicts: Vec<_> = seen.iter().map(|seen| seen.verdict).collect();
            assert_eq!(verdicts, expected, "{own:?} {source:?}: {seen:?}");
        };
        let certain = Verdict::Certain(MISMATCH);
        let linux = || facts("Linux", "V2", "x64", "TrustedLaunchSupported");
        check(facts("Linux", "V2", "x64", ""), linux(), &[]);
        check(
            facts("Linux", "V2", "", "TrustedLaunchSupported"),
            linux(),
            &[],
        );
        check(facts("linux", "v2", "X64", ""), linux(), &[]);
        check(facts("Windows", "V2", "", ""), linux(), &[certain]);
        check(
            facts("Windows", "V1", "Arm64", ""),
            linux(),
            &[certain, certain, certain],
        );
        check(Facts::default(), linux(), &[]);
        check(
            facts("Linux", "V2", "", "TrustedLaunchSupported"),
            Facts::default(),
            &[],
        );
        check(
            facts("Linux", "V2", "", "TrustedLaunchSupported"),
            facts("Linux", "V2", "x64", ""),
            &[Verdict::Warning(MISMATCH)],
        );
        check(
            facts("Linux", "V2", "", "ConfidentialVM"),
            linux(),
            &[certain],
        );
    }

    /// Azure refuses to make the one that is there into another.
    #[test]
    fn beside_a_definition_that_does_not_fit_the_command_makes_another() {
        let linux = facts("Linux", "V2", "x64", "TrustedLaunchSupported");
        for own in [
            facts("Windows", "V2", "", ""),
            facts("Linux", "V2", "", "TrustedLaunch"),
        ] {
            let seen = compared(&id(), &own, &linux);
            assert!(!seen.is_empty(), "{own:?}");
            for seen in seen {
                let fix = seen.fix.unwrap_or_default();
                assert!(
                    fix.contains(" --gallery-image-definition <another name> "),
                    "{fix}"
                );
            }
        }
    }

    #[test]
    fn the_command_makes_a_definition_that_fits() {
        let command = creation(
            &id(),
            "web",
            &facts("Windows", "V2", "x64", "TrustedLaunchSupported"),
        );
        assert!(
            command.contains("--gallery-name gal --gallery-image-definition web "),
            "{command}"
        );
        assert!(command.ends_with("--os-type Windows --hyper-v-generation V2 --architecture x64 --features SecurityType=TrustedLaunchSupported"), "{command}");
    }
}
