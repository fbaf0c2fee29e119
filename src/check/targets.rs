//! What the result becomes: an image definition that fits the source, a version that is free, a managed image that can be made.

use super::advice::{advice, groups, listed, texts};
use super::codes::{DEFINITION, MISMATCH, RESTORABLE, VERSION};
use super::finding::{Finding, Verdict};
use super::image_traits::{ImageTraits, is_demanded};
use super::lookup::{Azure, Lookup, definition, definitions_of, galleries_of, text};
use super::source;
use super::subject::Target;
use crate::arm::api::GALLERIES;
use crate::arm::gallery::{SoftDeleted, soft_deleted_path};
use crate::inputs::manifest::{DISTRIBUTE_TYPE, IMAGE_VERSION};
use crate::resource::{ResourceId, definition_options, quoted};

/// What is missing may be the group, the gallery or the definition.
async fn missing(azure: &Azure<'_>, id: &ResourceId, source: &ImageTraits) -> Finding {
    let (group, gallery) = (id.resource_group(), id.name_at(0).unwrap_or_default());
    let (subscription, definition) = (id.subscription(), id.name());
    let create = creation(id, id.name(), source);
    let list = id.parent().map(|gallery| definitions_of(&gallery));
    let look = azure
        .look_up(list.clone().unwrap_or_default(), GALLERIES)
        .await;
    let (end, fix) = match &*look {
        Lookup::Found(_) => {
            let all = listed(azure, list.unwrap_or_default(), GALLERIES).await;
            ("", advice(definition, &texts(&all), &create))
        }
        Lookup::NoGroup => {
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
        Lookup::Missing | Lookup::Unknown(_) => {
            let all = listed(azure, galleries_of(id), GALLERIES).await;
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
        "image definition '{definition}' does not exist in gallery '{gallery}' of resource group '{group}', and the image version is created there{end}"
    );
    Finding::new(Verdict::Certain(DEFINITION), text).fix(fix)
}

pub(super) async fn definitions(azure: &Azure<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in &azure.subject.targets {
        if let Target::Gallery { definition: id, .. } = target {
            findings.extend(one_definition(azure, id).await);
        }
    }
    findings
}

async fn one_definition(azure: &Azure<'_>, id: &ResourceId) -> Vec<Finding> {
    let name = format!("image definition '{}'", id.name());
    let (source, found) = tokio::join!(source::image_traits(azure), definition(azure, id));
    match &*found {
        Lookup::Found(found) => {
            let own = ImageTraits::of_definition(found);
            let mut findings = vec![Finding::fine(format!(
                "'{}' exists{}",
                id.name(),
                in_words(&own)
            ))];
            if own.is_specialized() {
                let text = format!(
                    "{name} is for specialized images, but Azure VM Image Builder creates generalized ones"
                );
                findings.push(
                    Finding::new(Verdict::Certain(MISMATCH), text)
                        .fix(creation(id, ANOTHER, &source)),
                );
            }
            findings.extend(compared(id, &own, &source));
            findings
        }
        Lookup::Missing | Lookup::NoGroup => vec![missing(azure, id, &source).await],
        Lookup::Unknown(reason) => vec![Finding::unknown(name, reason)],
    }
}

fn in_words(facts: &ImageTraits) -> String {
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
fn creation(id: &ResourceId, name: &str, source: &ImageTraits) -> String {
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
fn compared(id: &ResourceId, own: &ImageTraits, source: &ImageTraits) -> Vec<Finding> {
    let mut findings = Vec::new();
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
                "image definition '{}' is for {what}{own}, but the source image is {what}{other}: Azure cannot create an image version from it",
                id.name()
            );
            findings.push(Finding::new(Verdict::Certain(MISMATCH), text).fix(format!(
                "use a different source, or a different image definition: {}",
                creation(id, ANOTHER, source)
            )));
        }
    }
    findings.extend(security(id, own, source));
    findings
}

/// <https://learn.microsoft.com/azure/virtual-machines/image-builder-overview#confidential-vm-and-trusted-launch-support>
fn security(id: &ResourceId, own: &ImageTraits, source: &ImageTraits) -> Option<Finding> {
    let security = own.security.as_deref()?;
    let fix = format!(
        "use an image definition that matches the source: {}",
        creation(id, ANOTHER, source)
    );
    if is_demanded(security) {
        let text = format!(
            "image definition '{}' requires security type {security}, but Azure VM Image Builder supports {security}Supported only",
            id.name()
        );
        return Some(Finding::new(Verdict::Certain(MISMATCH), text).fix(fix));
    }
    // The generation tells that the source is known; only one of generation 2 has a security type at all.
    if security.contains("Supported") && source.generation.is_some() && source.security.is_none() {
        let text = format!(
            "image definition '{}' is {security}, and the source is not: its VMs might not start",
            id.name()
        );
        return Some(Finding::new(Verdict::Warning(MISMATCH), text).fix(fix));
    }
    None
}

pub(super) async fn managed_images(azure: &Azure<'_>) -> Vec<Finding> {
    let source = source::image_traits(azure).await;
    let mut findings = Vec::new();
    for target in &azure.subject.targets {
        if let Target::ManagedImage(id) = target {
            findings.push(convertible(azure, id, &source));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::fine("it is not a target of this build"));
    }
    findings
}

/// <https://learn.microsoft.com/azure/virtual-machines/capture-image-resource>, and for the two refusals of Azure
/// <https://github.com/hashicorp/packer/issues/13189> and <https://learn.microsoft.com/azure/virtual-machines/trusted-launch#unsupported-features>.
fn convertible(azure: &Azure<'_>, id: &ResourceId, source: &ImageTraits) -> Finding {
    let name = format!("managed image '{}'", id.name());
    let security = source.security.as_deref().unwrap_or_default();
    let (verdict, text) = if source.is_arm() {
        (
            Verdict::Certain(MISMATCH),
            format!(
                "{name} cannot be created: the source image is Arm64, and managed images support x64 only"
            ),
        )
    } else if is_demanded(security) {
        (
            Verdict::Certain(MISMATCH),
            format!(
                "{name} cannot be created: the source image requires security type {security}, which managed images do not support"
            ),
        )
    } else if security.ends_with("Supported") {
        (
            Verdict::Warning(MISMATCH),
            format!(
                "{name} loses the source's security type {security}: managed images do not support Trusted Launch, and Azure refuses to create one from a VM that has it"
            ),
        )
    } else {
        return Finding::fine(format!("the source can become {name}"));
    };
    let change = if azure.subject.is_in_file("distribute") {
        "distribute to a gallery in the template file (type SharedImage)".to_owned()
    } else {
        format!("set input '{}' to 'sig'", DISTRIBUTE_TYPE.name)
    };
    let fix = format!("{change}, with an image definition that matches the source");
    Finding::new(verdict, text).fix(fix)
}

pub(super) async fn versions(azure: &Azure<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in &azure.subject.targets {
        if let Target::Gallery {
            definition,
            version: Some(version),
        } = target
        {
            findings.push(free(azure, definition, version).await);
        }
    }
    if findings.is_empty() {
        findings.push(Finding::fine(
            "the gallery numbers the version, or no version is created",
        ));
    }
    findings
}

async fn free(azure: &Azure<'_>, definition: &ResourceId, version: &str) -> Finding {
    let path = format!("{definition}/versions/{version}");
    let name = format!("version {version} of '{}'", definition.name());
    match &*azure.look_up(path, GALLERIES).await {
        Lookup::Found(found) if text(found, "/name") == Some(version) => {
            let state = text(found, "/properties/provisioningState").unwrap_or_default();
            taken(definition, version, state)
        }
        Lookup::Found(_) => Finding::unknown(name, "Azure answers with something else"),
        Lookup::Missing => match deleted(azure, definition, version).await {
            Some(deleted) => restorable(&name, &deleted),
            None => Finding::fine(format!("{name} does not exist yet")),
        },
        Lookup::NoGroup => Finding::fine(format!("{name} does not exist yet")),
        Lookup::Unknown(reason) => Finding::unknown(name, reason),
    }
}

/// The version of this number that was deleted and can be restored, as far as Azure tells it.
async fn deleted(azure: &Azure<'_>, definition: &ResourceId, version: &str) -> Option<SoftDeleted> {
    let path = soft_deleted_path(definition)?;
    let Lookup::Found(list) = &*azure.look_up(path, GALLERIES).await else {
        return None;
    };
    let all = list.get("value")?.as_array()?;
    let mut all = all.iter().filter_map(SoftDeleted::read);
    all.find(|deleted| deleted.name == version)
}

/// Whoever creates a version under the number of one that was deleted gets the old one back, with its old image.
fn restorable(name: &str, deleted: &SoftDeleted) -> Finding {
    let until = deleted.until.as_ref();
    let until = until.map(|date| format!(" until {date}"));
    let text = format!(
        "{name} was deleted, and can be restored{}: a build under its number would bring back the old image",
        until.unwrap_or_default()
    );
    let fix = format!(
        "set input '{}' to another number, or remove it to let the gallery number the version",
        IMAGE_VERSION.name
    );
    Finding::new(Verdict::Certain(RESTORABLE), text).fix(fix)
}

/// The number is taken. A build that failed while it distributed leaves a version in state Failed, which nobody can use.
fn taken(definition: &ResourceId, version: &str, state: &str) -> Finding {
    let name = format!("version {version} of '{}'", definition.name());
    let delete = format!(
        "az sig image-version delete {} --gallery-image-version {version}",
        definition_options(definition)
    );
    let other = format!(
        "set input '{}' to another number, or remove it to let the gallery number the version",
        IMAGE_VERSION.name
    );
    let (text, fix) = match state {
        "Failed" => (
            format!(
                "{name} already exists, in state Failed: it was left by a build that failed, and it takes the number"
            ),
            format!("delete it: {delete} (or {other})"),
        ),
        "Creating" => (
            format!(
                "{name} already exists, and is still being created, by another build or by one that was canceled"
            ),
            format!("{other}; if no build runs that creates it: {delete}"),
        ),
        "Deleting" => (
            format!("{name} already exists, and is being deleted"),
            format!("run the job again when it is gone, or {other}"),
        ),
        _ => (
            format!("{name} already exists, and an image version is never replaced"),
            other,
        ),
    };
    Finding::new(Verdict::Certain(VERSION), text).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(os: &str, generation: &str, architecture: &str, security: &str) -> ImageTraits {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        ImageTraits {
            os: some(os),
            generation: some(generation),
            architecture: some(architecture),
            security: some(security),
            ..ImageTraits::default()
        }
    }

    fn id() -> ResourceId {
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/web"
            .parse()
            .unwrap()
    }

    #[test]
    fn a_definition_is_held_against_the_source() {
        let check = |own: ImageTraits, source: ImageTraits, expected: &[Verdict]| {
            let findings: Vec<_> = compared(&id(), &own, &source);
            let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
            assert_eq!(verdicts, expected, "{own:?} {source:?}: {findings:?}");
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
        check(ImageTraits::default(), linux(), &[]);
        check(
            facts("Linux", "V2", "", "TrustedLaunchSupported"),
            ImageTraits::default(),
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
            let findings = compared(&id(), &own, &linux);
            assert!(!findings.is_empty(), "{own:?}");
            for finding in findings {
                let fix = finding.fix.unwrap_or_default();
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

    #[test]
    fn a_leftover_is_told_from_an_image() {
        let id = "/subscriptions/s/resourceGroups/rg(1)/providers/Microsoft.Compute/galleries/gal/images/web";
        let id: ResourceId = id.parse().unwrap();
        let check = |state: &str, text: &str, fix: &str| {
            let finding = taken(&id, "1.2.0", state);
            assert_eq!(finding.verdict, Verdict::Certain(VERSION));
            assert_eq!(
                finding.text,
                format!("version 1.2.0 of 'web' already exists{text}")
            );
            assert_eq!(finding.fix.as_deref(), Some(fix));
        };
        let delete = "az sig image-version delete --subscription s --resource-group 'rg(1)' --gallery-name gal --gallery-image-definition web --gallery-image-version 1.2.0";
        let other = "set input 'imageVersion' to another number, or remove it to let the gallery number the version";
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
