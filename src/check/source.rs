//! The source of the image.

use serde_json::Value;

use super::advice::{choice, listed, texts};
use super::codes::{MISMATCH, PURCHASE_PLAN, SOURCE};
use super::finding::{Finding, Verdict};
use super::image_traits::{ImageTraits, is_demanded};
use super::lookup::{Azure, Lookup, definition, images_of, managed_image, names, text};
use super::marketplace::{self, Urn};
use super::subject::Source;
use crate::arm::api::{GALLERIES, IMAGES};
use crate::arm::gallery::{self, State};
use crate::inputs::manifest::IB_LOCATION;
use crate::resource::{ResourceId, definition_options, plain_region, quoted};

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Finding> {
    match &azure.subject.source {
        Source::Marketplace { .. } => match Urn::of(azure) {
            Some(urn) => urn.check(azure).await,
            None => vec![Finding::unknown(
                "the source",
                "its name has characters that no marketplace image has",
            )],
        },
        Source::ManagedImage(id) => managed(azure, id).await,
        Source::GalleryVersion(id) => of_gallery(azure, id).await,
        Source::Other => vec![Finding::unknown(
            "the source",
            "it is of a kind that the task does not know",
        )],
    }
}

async fn managed(azure: &Azure<'_>, id: &ResourceId) -> Vec<Finding> {
    let name = format!("managed image '{}'", id.name());
    let here = &azure.subject.location;
    let image = match &*managed_image(azure, id).await {
        Lookup::Found(image) => image.clone(),
        Lookup::Missing | Lookup::NoGroup => {
            let (subscription, group) = (id.subscription(), id.resource_group());
            let list = format!(
                "az image list --subscription {subscription} --resource-group {} --output table",
                quoted(group)
            );
            let all = listed(azure, images_of(id), IMAGES).await;
            let text = format!("{name} does not exist in resource group '{group}'");
            let fix = choice(id.name(), &texts(&all), &list);
            return vec![Finding::new(Verdict::Certain(SOURCE), text).fix(fix)];
        }
        Lookup::Unknown(reason) => return vec![Finding::unknown(name, reason)],
    };
    let mut findings = Vec::new();
    let region = text(&image, "/location").map(plain_region);
    if let Some(other) = region.filter(|region| region != here) {
        let text = format!(
            "{name} is in {other}, but a source must be in the region of the image template, {here}"
        );
        let fix = format!("set input '{}' to '{other}'", IB_LOCATION.name);
        findings.push(Finding::new(Verdict::Problem(SOURCE), text).fix(fix));
    }
    findings.extend(specialized(&name, &ImageTraits::of_managed_image(&image)));
    findings.extend(state(&name, &image));
    if findings.is_empty() {
        findings.push(Finding::fine(format!("{name} exists")));
    }
    findings
}

/// Azure VM Image Builder takes generalized images alone
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-source>).
fn specialized(name: &str, facts: &ImageTraits) -> Option<Finding> {
    if !facts.is_specialized() {
        return None;
    }
    let text = format!(
        "{name} is specialized, but Azure VM Image Builder supports generalized images only"
    );
    let fix = "generalize the VM before its image is created (sysprep on Windows, 'waagent -deprovision+user' on Linux), or use another source";
    Some(Finding::new(Verdict::Certain(SOURCE), text).fix(fix))
}

/// What is not made, or is about to go, may still have replicas somewhere: so this is never certain.
fn state(name: &str, image: &Value) -> Option<Finding> {
    let state = text(image, "/properties/provisioningState")?;
    let what = match state {
        "Failed" => "it may be incomplete",
        "Creating" => "it is still being created",
        "Deleting" => "it is being deleted",
        _ => return None,
    };
    let text = format!("{name} is in state {state}: {what}, and VMs might not start from it");
    let fix = "use a source in state Succeeded, or create this one again";
    Some(Finding::new(Verdict::Problem(SOURCE), text).fix(fix))
}

fn versions_of(definition: &ResourceId) -> String {
    format!("{definition}/versions")
}

async fn of_gallery(azure: &Azure<'_>, id: &ResourceId) -> Vec<Finding> {
    let name = format!("image version {}", id.name());
    let Some(definition) = id.parent() else {
        return vec![Finding::unknown(name, "its id names no image definition")];
    };
    let name = format!("{name} of '{}'", definition.name());
    let is_latest = id.name().eq_ignore_ascii_case("latest");
    let version = async {
        if is_latest {
            latest(azure, &name, &definition).await
        } else {
            exact(azure, &name, (id, &definition)).await
        }
    };
    let (mut findings, version) = tokio::join!(of_definition(azure, &definition), version);
    // Nobody says whether the service takes an older version for the latest one if that has a replica.
    let verdict = if is_latest {
        Verdict::Problem(SOURCE)
    } else {
        Verdict::Certain(SOURCE)
    };
    match version {
        Ok(version) => {
            let replica = replica(azure, &name, &version, verdict);
            let trouble = [replica, state(&name, &version)];
            findings.extend(trouble.into_iter().flatten());
            if findings.is_empty() {
                findings.push(Finding::fine(format!("{name} exists")));
            }
        }
        Err(other) => findings.push(*other),
    }
    findings
}

/// What is said of all versions by their image definition.
async fn of_definition(azure: &Azure<'_>, id: &ResourceId) -> Vec<Finding> {
    let Lookup::Found(found) = &*definition(azure, id).await else {
        return Vec::new();
    };
    let facts = ImageTraits::of_definition(found);
    let name = format!("image definition '{}' of the source", id.name());
    let mut findings: Vec<_> = specialized(&name, &facts).into_iter().collect();
    if let Some(security) = facts.security.as_deref().filter(|own| is_demanded(own)) {
        let text = format!(
            "{name} requires security type {security}, but Azure VM Image Builder supports {security}Supported only"
        );
        let fix = "use a source whose image definition requires no security type";
        findings.push(Finding::new(Verdict::Certain(MISMATCH), text).fix(fix));
    }
    if let Some(plan) = &facts.plan {
        let [name_of_plan, product, publisher] = plan;
        let text = format!(
            "{name} has purchase plan '{}', but a template can name a plan for marketplace images only",
            plan.join(":")
        );
        let fix = format!(
            "accept its terms in the subscription (az vm image terms accept --plan {} --offer {} --publisher {}), and use the marketplace image as source if Azure refuses to start a VM from the version",
            quoted(name_of_plan),
            quoted(product),
            quoted(publisher)
        );
        findings.push(Finding::new(Verdict::Warning(PURCHASE_PLAN), text).fix(fix));
    }
    findings
}

type Version = Result<Value, Box<Finding>>;

fn list_versions(definition: &ResourceId) -> String {
    format!(
        "az sig image-version list {} --output table",
        definition_options(definition)
    )
}

/// The version that `latest` stands for in the region of the build VM. Where none counts there, one that is not kept from who asks for the
/// latest one: its state or its regions tell why.
async fn latest(azure: &Azure<'_>, name: &str, definition: &ResourceId) -> Version {
    let unknown = |reason: &str| Err(Box::new(Finding::unknown(name, reason)));
    let look = azure.look_up(versions_of(definition), GALLERIES).await;
    let all = match &*look {
        Lookup::Found(all) if names(all).is_some() => all,
        Lookup::Found(_) => {
            return Err(Box::new(Finding::fine(format!(
                "{name}: there are versions"
            ))));
        }
        Lookup::Missing | Lookup::NoGroup => {
            return unknown("Azure does not find the image definition");
        }
        Lookup::Unknown(reason) => return unknown(reason),
    };
    let versions = read(azure, all).await;
    let here = azure.subject.location.as_str();
    if let Some(latest) = gallery::latest(&versions, here) {
        return Ok(latest.document.clone());
    }
    let is_shown = |version: &&gallery::Version| {
        !version.excluded && version.region(here).is_none_or(|region| !region.excluded)
    };
    let shown = versions.iter().filter(is_shown);
    if let Some(newest) = shown.max_by_key(|version| version.number()) {
        return Ok(newest.document.clone());
    }
    let (text, fix) = if let Some(hidden) = gallery::newest_good(&versions) {
        let text = format!(
            "every version of '{}' is excluded from latest in {here}, and 'latest' stands for one of the others",
            definition.name()
        );
        let fix = format!(
            "name a version at the end of the id of the source in place of 'latest', for example {}, or promote one (action: promote)",
            hidden.name
        );
        (text, fix)
    } else if azure.trusts_empty_lists() {
        let text = format!(
            "'{}' has no versions, so there is no latest one",
            definition.name()
        );
        (text, list_versions(definition))
    } else {
        return unknown("the list of versions is empty");
    };
    Err(Box::new(
        Finding::new(Verdict::Problem(SOURCE), text).fix(fix),
    ))
}

/// The versions of a list, with the replication of those that are being changed.
async fn read(azure: &Azure<'_>, list: &Value) -> Vec<gallery::Version> {
    let all = list.get("value").and_then(Value::as_array);
    let all = all.into_iter().flatten();
    let mut versions: Vec<_> = all.filter_map(gallery::Version::read).collect();
    for version in &mut versions {
        if version.state != State::Updating {
            continue;
        }
        let path = format!("{}?$expand=ReplicationStatus", version.id);
        if let Lookup::Found(found) = &*azure.look_up(path, GALLERIES).await {
            version.replication = gallery::Version::read(found).and_then(|found| found.replication);
        }
    }
    versions
}

async fn exact(
    azure: &Azure<'_>,
    name: &str,
    (id, definition): (&ResourceId, &ResourceId),
) -> Version {
    let versions = versions_of(definition);
    match &*azure.resource(id, &versions, id.name(), GALLERIES).await {
        Lookup::Found(version) => Ok(version.clone()),
        Lookup::Missing | Lookup::NoGroup => {
            let all = listed(azure, versions, GALLERIES).await;
            let fix = choice(id.name(), &texts(&all), &list_versions(definition));
            let text = format!("{name} does not exist");
            Err(Box::new(
                Finding::new(Verdict::Certain(SOURCE), text).fix(fix),
            ))
        }
        Lookup::Unknown(reason) => Err(Box::new(Finding::unknown(name, reason))),
    }
}

/// The version needs a replica where the build VM is
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#sharedimageversion-source>).
fn replica(azure: &Azure<'_>, name: &str, version: &Value, verdict: Verdict) -> Option<Finding> {
    let regions = version.pointer("/properties/publishingProfile/targetRegions");
    let regions = regions.and_then(Value::as_array).into_iter().flatten();
    let regions: Vec<String> = regions
        .filter_map(|region| text(region, "/name").map(plain_region))
        .collect();
    let here = &azure.subject.location;
    if regions.is_empty() || regions.contains(here) {
        return None;
    }
    let id = text(version, "/id").and_then(|id| id.parse::<ResourceId>().ok());
    let id = id.map_or_else(|| "<its id>".to_owned(), |id| quoted(id.as_str()));
    let first = regions.first();
    let text = format!(
        "{name} has no replica in {here}, where the build VM starts from it; it has replicas in {}",
        regions.join(", ")
    );
    let fix = format!(
        "replicate it there: az sig image-version update --ids {id} --add publishingProfile.targetRegions name={here}; or set input '{}' to '{}'",
        IB_LOCATION.name,
        first.map_or("", String::as_str)
    );
    Some(Finding::new(verdict, text).fix(fix))
}

/// What the source is; nothing, where it cannot be read.
pub(super) async fn image_traits(azure: &Azure<'_>) -> ImageTraits {
    match &azure.subject.source {
        Source::Marketplace { .. } => match marketplace::image(azure).await.as_deref() {
            Some(Lookup::Found(image)) => ImageTraits::of_marketplace(image),
            _ => ImageTraits::default(),
        },
        Source::ManagedImage(id) => match &*managed_image(azure, id).await {
            Lookup::Found(image) => ImageTraits::of_managed_image(image),
            _ => ImageTraits::default(),
        },
        Source::GalleryVersion(id) => {
            let Some(id) = id.parent() else {
                return ImageTraits::default();
            };
            match &*definition(azure, &id).await {
                Lookup::Found(found) => ImageTraits::of_definition(found),
                _ => ImageTraits::default(),
            }
        }
        Source::Other => ImageTraits::default(),
    }
}
