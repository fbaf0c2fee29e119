//! The size of the build VM, and the quotas that it counts for.

use serde_json::Value;

use super::azure::{Azure, Look, text};
use super::facts;
use super::place::plain;
use super::table::{MISMATCH, QUOTA, SIZE};
use super::{Seen, Verdict};

/// <https://learn.microsoft.com/rest/api/compute/resource-skus/list>
const SIZES_API_VERSION: &str = "2021-07-01";
/// <https://learn.microsoft.com/rest/api/compute/usage/list>
const USAGES_API_VERSION: &str = "2024-07-01";
/// What the service takes where nothing is said
/// (<https://learn.microsoft.com/azure/virtual-machines/image-builder-overview#default-vm-size>).
const DEFAULT_V1: &str = "Standard_D1_v2";
const DEFAULT_V2: &str = "Standard_D2ds_v4";

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let subject = &azure.subject;
    let source = facts::of_source(azure).await;
    let (size, given) = match (&subject.vm_size, source.generation.as_deref()) {
        (Some(size), _) => (size.as_str(), true),
        (None, Some("V1")) => (DEFAULT_V1, false),
        (None, _) => (DEFAULT_V2, false),
    };
    let path = format!(
        "{}/providers/Microsoft.Compute/skus?api-version={SIZES_API_VERSION}&$filter=location%20eq%20'{}'",
        subject.in_subscription(),
        subject.location
    );
    let look = azure.look(path).await;
    let sizes = match &*look {
        Look::There(list) => list.get("value").and_then(Value::as_array),
        other => return vec![Seen::unknown("the list of VM sizes", reason(other))],
    };
    let sizes = sizes.map_or(&[][..], Vec::as_slice);
    let is_vm = |sku: &&Value| text(sku, "/resourceType") == Some("virtualMachines");
    let Some(sku) = sizes
        .iter()
        .filter(is_vm)
        .find(|sku| text(sku, "/name").is_some_and(|name| name.eq_ignore_ascii_case(size)))
    else {
        return vec![if sizes.is_empty() {
            Seen::unknown("the list of VM sizes", "it is empty")
        } else {
            not_offered(azure, size, "Azure does not offer it there")
        }];
    };
    let mut seen = Vec::new();
    seen.extend(restriction(azure, size, sku));
    seen.extend(fits(size, sku, &source));
    seen.extend(quota(azure, size, sku).await);
    if seen.is_empty() {
        let who = if given { "" } else { "the service chooses " };
        seen.push(Seen::fine(format!(
            "{who}{size}; it is there, and the quotas have room"
        )));
    }
    seen
}

fn reason(look: &Look) -> &str {
    match look {
        Look::Unknown(reason) => reason,
        _ => "Azure does not find it",
    }
}

fn not_offered(azure: &Azure<'_>, size: &str, why: &str) -> Seen {
    let region = &azure.subject.location;
    Seen::new(
        Verdict::Problem(SIZE),
        format!("the subscription cannot have VMs of size {size} in {region}: {why}"),
    )
    .fix(format!(
        "choose another one for input '{}': az vm list-skus --subscription {} --location {region} --resource-type virtualMachines --output table",
        crate::inputs::declared::VM_SIZE.name,
        azure.subject.subscription
    ))
}

/// A restriction of single zones leaves the others.
fn restriction(azure: &Azure<'_>, size: &str, sku: &Value) -> Option<Seen> {
    let all = sku.get("restrictions")?.as_array()?;
    let here = |one: &&Value| {
        let regions = one
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut regions = regions.filter_map(Value::as_str).map(plain);
        text(one, "/type") == Some("Location")
            && regions.any(|region| region == azure.subject.location)
    };
    let found = all.iter().find(here)?;
    let why = text(found, "/reasonCode").unwrap_or("it is restricted");
    Some(not_offered(azure, size, why))
}

fn capability<'a>(sku: &'a Value, name: &str) -> Option<&'a str> {
    let all = sku.get("capabilities")?.as_array()?;
    let named = |one: &&Value| text(one, "/name").is_some_and(|own| own.eq_ignore_ascii_case(name));
    text(all.iter().find(named)?, "/value")
}

/// Whether VMs of the size start images like the source.
fn fits(size: &str, sku: &Value, source: &facts::Facts) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut differs = |what: &str, own: &str, other: &str| {
        let text =
            format!("VMs of size {size} have {what} {own}, and the source is of {what} {other}");
        let fix = format!(
            "choose another size for input '{}'",
            crate::inputs::declared::VM_SIZE.name
        );
        seen.push(Seen::new(Verdict::Problem(MISMATCH), text).fix(fix));
    };
    if let (Some(own), Some(generation)) =
        (capability(sku, "HyperVGenerations"), &source.generation)
        && !own
            .split(',')
            .any(|one| one.trim().eq_ignore_ascii_case(generation))
    {
        differs("generation", own, generation);
    }
    if let (Some(own), Some(architecture)) =
        (capability(sku, "CpuArchitectureType"), &source.architecture)
        && !own.eq_ignore_ascii_case(architecture)
    {
        differs("architecture", own, architecture);
    }
    seen
}

/// The quota of the size's family, and that of the region. Quotas of container instances cannot be read this way.
async fn quota(azure: &Azure<'_>, size: &str, sku: &Value) -> Vec<Seen> {
    let subject = &azure.subject;
    let region = &subject.location;
    let path = format!(
        "{}/providers/Microsoft.Compute/locations/{region}/usages?api-version={USAGES_API_VERSION}",
        subject.in_subscription()
    );
    let look = azure.look(path).await;
    let Look::There(list) = &*look else {
        return vec![Seen::unknown("the quotas of the region", reason(&look))];
    };
    let needed = capability(sku, "vCPUs").and_then(|count| count.parse::<i64>().ok());
    let (Some(needed), Some(family)) = (needed, text(sku, "/family")) else {
        return Vec::new();
    };
    let usages = list.get("value").and_then(Value::as_array);
    let full = |name: &str| {
        let mut usages = usages.into_iter().flatten();
        let usage = usages.find(|usage| {
            text(usage, "/name/value").is_some_and(|own| own.eq_ignore_ascii_case(name))
        })?;
        let number = |member: &str| usage.get(member).and_then(Value::as_i64);
        let (used, limit) = (number("currentValue")?, number("limit")?);
        (used.saturating_add(needed) > limit).then(|| {
            let text = format!(
                "quota '{name}' of {region} has {used} of {limit} virtual processors in use, and a build VM of size {size} needs {needed}"
            );
            let fix = format!("raise it or choose another size: az vm list-usage --subscription {} --location {region} --output table", subject.subscription);
            Seen::new(Verdict::Problem(QUOTA), text).fix(fix)
        })
    };
    [family, "cores"].into_iter().filter_map(full).collect()
}
