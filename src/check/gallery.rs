//! The image definition, and the version that the inputs fix.

use std::sync::Arc;

use super::azure::{Azure, Look, text};
use super::facts::{self, Facts};
use super::subject::Target;
use super::table::{DEFINITION, MISMATCH, VERSION};
use super::{Seen, Verdict};
use crate::inputs::declared::IMAGE_VERSION;
use crate::resource::ResourceId;

/// The newest version that does not validate images on its own.
const API_VERSION: &str = "2024-03-03";

/// An image definition. Missing is one that its gallery does not list, or whose gallery its group does not list.
pub(super) async fn definition(azure: &Azure<'_>, id: &ResourceId) -> Arc<Look> {
    let path = format!("{id}?api-version={API_VERSION}");
    let Some(gallery) = id.parent() else {
        return azure.look(path).await;
    };
    let list = format!("{gallery}/images?api-version={API_VERSION}");
    let look = azure.resource(&path, &list, id.name()).await;
    if !matches!(*azure.look(list).await, Look::Missing) {
        return look;
    }
    let group = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/galleries?api-version={API_VERSION}",
        id.subscription(),
        id.resource_group()
    );
    let gallery_path = format!("{gallery}?api-version={API_VERSION}");
    match &*azure.resource(&gallery_path, &group, gallery.name()).await {
        Look::Missing => Arc::new(Look::Missing),
        _ => look,
    }
}

pub(super) async fn definitions(azure: &Azure<'_>) -> Vec<Seen> {
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
    let gallery = id.name_at(0).unwrap_or_default();
    let source = facts::of_source(azure).await;
    match &*definition(azure, id).await {
        Look::There(found) => {
            let own = Facts::of_definition(found);
            let mut seen = vec![Seen::fine(format!(
                "'{}' is there{}",
                id.name(),
                told(&own)
            ))];
            if text(found, "/properties/osState") == Some("Specialized") {
                let text = format!(
                    "{name} is for specialized images, and the image builder makes generalized ones"
                );
                seen.push(Seen::new(Verdict::Problem(MISMATCH), text).fix(creation(id, &source)));
            }
            seen.extend(compared(id, &own, &source));
            seen
        }
        Look::Missing | Look::NoGroup => {
            let text = format!(
                "{name} does not exist in gallery '{gallery}' of resource group '{}', and the image version goes there",
                id.resource_group()
            );
            vec![Seen::new(Verdict::Certain(DEFINITION), text).fix(creation(id, &source))]
        }
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

/// The command that makes a definition that fits the source.
fn creation(id: &ResourceId, source: &Facts) -> String {
    let or =
        |known: &Option<String>, usual: &str| known.clone().unwrap_or_else(|| usual.to_owned());
    let security = source
        .security
        .as_deref()
        .map(|_| " --features SecurityType=TrustedLaunchSupported");
    format!(
        "az sig image-definition create --subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {} --publisher <publisher> --offer <offer> --sku <sku> --os-type {} --hyper-v-generation {} --architecture {}{}",
        id.subscription(),
        id.resource_group(),
        id.name_at(0).unwrap_or_default(),
        id.name(),
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
        (
            Verdict::Problem(MISMATCH),
            "operating system",
            &own.os,
            &source.os,
        ),
        (
            Verdict::Certain(MISMATCH),
            "generation",
            &own.generation,
            &source.generation,
        ),
        (
            Verdict::Problem(MISMATCH),
            "architecture",
            &own.architecture,
            &source.architecture,
        ),
    ];
    for (verdict, what, own, other) in rows {
        if let (Some(own), Some(other)) = (own, other)
            && !own.eq_ignore_ascii_case(other)
        {
            let text = format!(
                "image definition '{}' is for {what} {own}, and the source is of {what} {other}: Azure makes no version of it",
                id.name()
            );
            seen.push(Seen::new(verdict, text).fix(format!(
                "use another source, or another definition: {}",
                creation(id, source)
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
        creation(id, source)
    );
    if ["TrustedLaunch", "ConfidentialVM"].contains(&security) {
        let text = format!(
            "image definition '{}' demands security type {security}; the image builder serves {security}Supported alone",
            id.name()
        );
        return Some(Seen::new(Verdict::Problem(MISMATCH), text).fix(fix));
    }
    // The generation tells that the source is known; only one of generation 2 has a security type at all.
    if security.contains("Supported") && source.generation.is_some() && source.security.is_none() {
        let text = format!(
            "image definition '{}' is {security}, and the source is not: its VMs may not start",
            id.name()
        );
        return Some(Seen::new(Verdict::Warning(MISMATCH), text).fix(fix));
    }
    None
}

pub(super) async fn versions(azure: &Azure<'_>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for target in &azure.subject.targets {
        if let Target::Gallery {
            definition,
            version: Some(version),
        } = target
        {
            seen.push(one_version(azure, definition, version).await);
        }
    }
    seen
}

async fn one_version(azure: &Azure<'_>, definition: &ResourceId, version: &str) -> Seen {
    let path = format!("{definition}/versions/{version}?api-version={API_VERSION}");
    let name = format!("version {version} of '{}'", definition.name());
    match &*azure.look(path).await {
        Look::There(found) if text(found, "/name") == Some(version) => Seen::new(
            Verdict::Certain(VERSION),
            format!("{name} exists already, and an image version is never replaced"),
        )
        .fix(format!(
            "write another number into input '{}', or leave it empty and let the gallery number the version",
            IMAGE_VERSION.name
        )),
        Look::There(_) => Seen::unknown(name, "Azure answers with something else"),
        Look::Missing | Look::NoGroup => Seen::fine(format!("{name} is free")),
        Look::Unknown(reason) => Seen::unknown(name, reason),
    }
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
        let (certain, problem) = (Verdict::Certain(MISMATCH), Verdict::Problem(MISMATCH));
        let linux = || facts("Linux", "V2", "x64", "TrustedLaunchSupported");
        check(facts("Linux", "V2", "x64", ""), linux(), &[]);
        check(
            facts("Linux", "V2", "", "TrustedLaunchSupported"),
            linux(),
            &[],
        );
        check(facts("linux", "v2", "X64", ""), linux(), &[]);
        check(facts("Windows", "V2", "", ""), linux(), &[problem]);
        check(
            facts("Windows", "V1", "Arm64", ""),
            linux(),
            &[problem, certain, problem],
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
            &[Verdict::Problem(MISMATCH)],
        );
    }

    #[test]
    fn the_command_makes_a_definition_that_fits() {
        let command = creation(
            &id(),
            &facts("Windows", "V2", "x64", "TrustedLaunchSupported"),
        );
        assert!(
            command.contains("--gallery-name gal --gallery-image-definition web "),
            "{command}"
        );
        assert!(command.ends_with("--os-type Windows --hyper-v-generation V2 --architecture x64 --features SecurityType=TrustedLaunchSupported"), "{command}");
    }
}
