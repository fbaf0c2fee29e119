//! The size of the build VM, and the quotas that it counts for.

use serde_json::Value;

use super::codes::{Code, MISMATCH, QUOTA, SIZE};
use super::finding::{Finding, Verdict};
use super::image_traits::ImageTraits;
use super::lookup::{Azure, Lookup, names, text};
use super::size_traits::{SizeTraits, capability, sizes_path};
use super::source;
use crate::arm::api::{QUOTAS, SIZES};
use crate::inputs::manifest::{PROXY_VM_SIZE, VM_SIZE};
use crate::inputs::nearest;
use crate::resource::plain_region;

/// What the service takes where nothing is said
/// (<https://learn.microsoft.com/azure/virtual-machines/image-builder-overview#default-vm-size>).
const DEFAULT_V1: &str = "Standard_D1_v2";
const DEFAULT_V2: &str = "Standard_D2ds_v4";

/// A size that is needed.
struct Wanted<'a> {
    size: &'a str,
    /// Whether inputs, template file or service chose the size.
    by: By,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// An input, or the template file, for the build VM.
    Author,
    /// The service, because nothing is said.
    Service,
    /// An input, or the template file, for the proxy VM.
    AuthorOfProxy,
    /// An input, for the VM of a test.
    AuthorOfTest,
}

impl Wanted<'_> {
    fn display_name(&self) -> String {
        match self.by {
            By::Author => format!("build VM of size {}", self.size),
            By::Service => format!(
                "build VM of size {} (the default of the service)",
                self.size
            ),
            By::AuthorOfProxy => format!("proxy VM of size {}", self.size),
            By::AuthorOfTest => format!("VM of size {}", self.size),
        }
    }

    fn input(&self) -> &'static str {
        match self.by {
            By::AuthorOfProxy => PROXY_VM_SIZE.name,
            By::Author | By::Service | By::AuthorOfTest => VM_SIZE.name,
        }
    }

    /// What is certain of a size that is given; what the service chooses may change from day to day.
    fn verdict(&self, code: Code) -> Verdict {
        match self.by {
            By::Service => Verdict::Problem(code),
            By::Author | By::AuthorOfProxy | By::AuthorOfTest => Verdict::Certain(code),
        }
    }
}

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Finding> {
    let subject = &azure.subject;
    let path = sizes_path(&subject.subscription, &subject.location);
    // All at once, because the list of sizes is long: what is known of the quotas is looked at again below.
    let (source, look, _) = tokio::join!(
        source::image_traits(azure),
        azure.look_up(path, SIZES),
        azure.look_up(usages(azure), QUOTAS)
    );
    let (size, by) = match (&subject.vm_size, source.generation.as_deref()) {
        (Some(size), _) if subject.is_test_vm => (size.as_str(), By::AuthorOfTest),
        (Some(size), _) => (size.as_str(), By::Author),
        (None, Some("V1")) => (DEFAULT_V1, By::Service),
        (None, _) => (DEFAULT_V2, By::Service),
    };
    let proxy = subject.proxy_size.as_deref().map(|size| Wanted {
        size,
        by: By::AuthorOfProxy,
    });
    let sizes = match &*look {
        Lookup::Found(list) => list.get("value").and_then(Value::as_array),
        other => return vec![Finding::unknown("the list of VM sizes", reason(other))],
    };
    let is_vm = |sku: &&Value| text(sku, "/resourceType") == Some("virtualMachines");
    let sizes: Vec<&Value> = sizes.into_iter().flatten().filter(is_vm).collect();
    if sizes.is_empty() {
        return vec![Finding::unknown("the list of VM sizes", "it is empty")];
    }
    let is_whole = matches!(&*look, Lookup::Found(list) if names(list).is_some());
    let mut findings = Vec::new();
    let build = (Wanted { size, by }, Some(&source));
    for (wanted, source) in std::iter::once(build).chain(proxy.map(|proxy| (proxy, None))) {
        let named = |sku: &&&Value| {
            text(sku, "/name").is_some_and(|name| name.eq_ignore_ascii_case(wanted.size))
        };
        match sizes.iter().find(named) {
            Some(sku) => findings.extend(there(azure, &wanted, sku, source).await),
            None if is_whole => findings.push(missing(azure, &wanted, &sizes).await),
            None => findings.push(Finding::unknown("the list of VM sizes", "it is incomplete")),
        }
    }
    if findings.is_empty() {
        let who = if by == By::Service {
            "the service chooses "
        } else {
            ""
        };
        findings.push(Finding::fine(format!(
            "{who}{size}; it is available, and the quotas are sufficient"
        )));
    }
    findings
}

/// What is said of a size by the entry of the list.
async fn there(
    azure: &Azure<'_>,
    wanted: &Wanted<'_>,
    sku: &Value,
    source: Option<&ImageTraits>,
) -> Vec<Finding> {
    let mut findings: Vec<_> = restriction(azure, wanted, sku).into_iter().collect();
    if let Some(source) = source {
        findings.extend(fits(wanted, sku, source));
        findings.extend(quota(azure, wanted, sku).await);
    }
    findings
}

fn reason(look: &Lookup) -> &str {
    match look {
        Lookup::Unknown(reason) => reason,
        _ => "Azure does not find it",
    }
}

/// A size that is not in the list of the subscription. It certainly does not exist if the region's own list was read and lacks it, too.
async fn missing(azure: &Azure<'_>, wanted: &Wanted<'_>, sizes: &[&Value]) -> Finding {
    let subject = &azure.subject;
    let path = format!(
        "{}/providers/Microsoft.Compute/locations/{}/vmSizes",
        subject.in_subscription(),
        subject.location
    );
    let confirmed = match &*azure.look_up(path, QUOTAS).await {
        Lookup::Found(list) => names(list).is_some_and(|all| azure.lack(&all, wanted.size)),
        Lookup::Missing | Lookup::NoGroup | Lookup::Unknown(_) => false,
    };
    let verdict = if confirmed {
        wanted.verdict(SIZE)
    } else {
        Verdict::Problem(SIZE)
    };
    let all: Vec<&str> = sizes.iter().filter_map(|sku| text(sku, "/name")).collect();
    not_offered(
        azure,
        wanted,
        verdict,
        "Azure does not offer it there",
        near(wanted.size, &all),
    )
}

/// `Standard_D4s_v5` for `D4s_v5`, and what looks like a typing error.
fn near<'a>(size: &str, all: &[&'a str]) -> Option<&'a str> {
    let with_family = format!("Standard_{size}");
    let whole = all
        .iter()
        .find(|name| name.eq_ignore_ascii_case(&with_family));
    whole
        .copied()
        .or_else(|| nearest(size, all.iter().copied()))
}

fn not_offered(
    azure: &Azure<'_>,
    wanted: &Wanted<'_>,
    verdict: Verdict,
    why: &str,
    near: Option<&str>,
) -> Finding {
    let region = &azure.subject.location;
    let list = format!(
        "choose another one for input '{}': az vm list-skus --subscription {} --location {region} --resource-type virtualMachines --output table",
        wanted.input(),
        azure.subject.subscription
    );
    let fix = match near {
        Some(near) => format!("did you mean '{near}'? Or {list}"),
        None => list,
    };
    let text = format!(
        "a {} is not available to the subscription in {region}: {why}",
        wanted.display_name()
    );
    Finding::new(verdict, text).fix(fix)
}

/// A restriction of single zones leaves the others.
fn restriction(azure: &Azure<'_>, wanted: &Wanted<'_>, sku: &Value) -> Option<Finding> {
    let all = sku.get("restrictions")?.as_array()?;
    let here = |one: &&Value| {
        let regions = one
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut regions = regions.filter_map(Value::as_str).map(plain_region);
        text(one, "/type") == Some("Location")
            && regions.any(|region| region == azure.subject.location)
    };
    let found = all.iter().find(here)?;
    let why = text(found, "/reasonCode").unwrap_or("it is restricted");
    let verdict = wanted.verdict(SIZE);
    Some(not_offered(azure, wanted, verdict, why, None))
}

/// Whether VMs of the size start images like the source.
fn fits(wanted: &Wanted<'_>, sku: &Value, source: &ImageTraits) -> Vec<Finding> {
    let the_image = match wanted.by {
        By::AuthorOfTest => "the image",
        By::Author | By::Service | By::AuthorOfProxy => "the source image",
    };
    let differences = SizeTraits::of(sku).against(source).into_iter();
    let finding = |(what, own, other): (&str, String, String)| {
        let text = format!(
            "a {} supports images of {what} {own} only, but {the_image} is of {what} {other}",
            wanted.display_name()
        );
        let fix = format!("choose another size for input '{}'", wanted.input());
        Finding::new(wanted.verdict(MISMATCH), text).fix(fix)
    };
    differences.map(finding).collect()
}

fn usages(azure: &Azure<'_>) -> String {
    format!(
        "{}/providers/Microsoft.Compute/locations/{}/usages",
        azure.subject.in_subscription(),
        azure.subject.location
    )
}

/// The quota of the size's family, and that of the region. Quotas of container instances cannot be read this way.
async fn quota(azure: &Azure<'_>, wanted: &Wanted<'_>, sku: &Value) -> Vec<Finding> {
    let subject = &azure.subject;
    let region = &subject.location;
    let look = azure.look_up(usages(azure), QUOTAS).await;
    let Lookup::Found(list) = &*look else {
        return vec![Finding::unknown("the quotas of the region", reason(&look))];
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
                "quota '{name}' of {region} has {used} of {limit} vCPUs in use, and a {} needs {needed}",
                wanted.display_name()
            );
            let fix = format!("request a quota increase, or choose another size: az vm list-usage --subscription {} --location {region} --output table", subject.subscription);
            Finding::new(Verdict::Problem(QUOTA), text).fix(fix)
        })
    };
    [family, "cores"].into_iter().filter_map(full).collect()
}
