//! The resource providers that a build uses, and where the image builder is offered.

use futures::future::join_all;
use serde_json::Value;

use super::codes::{PROVIDER, REGION};
use super::finding::{Finding, Verdict};
use super::lookup::{Azure, Lookup, text};
use super::regions::{self, Existence};
use crate::arm::api::RESOURCES;
use crate::inputs::manifest::IB_LOCATION;
use crate::resource::plain_region;

const IMAGE_BUILDER: &str = "Microsoft.VirtualMachineImages";
/// What else a build uses in the subscription
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder#register-the-providers>).
const OTHERS: [&str; 6] = [
    "Microsoft.Compute",
    "Microsoft.Network",
    "Microsoft.Storage",
    "Microsoft.KeyVault",
    "Microsoft.ContainerInstance",
    "Microsoft.ManagedIdentity",
];

fn provider_path(azure: &Azure<'_>, namespace: &str) -> String {
    let subscription = azure.subject.in_subscription();
    format!("{subscription}/providers/{namespace}")
}

pub(super) async fn image_builder(azure: &Azure<'_>) -> Vec<Finding> {
    let look = azure
        .look_up(provider_path(azure, IMAGE_BUILDER), RESOURCES)
        .await;
    let Lookup::Found(provider) = &*look else {
        return vec![unknown(IMAGE_BUILDER, &look)];
    };
    let mut findings = vec![registered(
        azure,
        IMAGE_BUILDER,
        provider,
        Verdict::Certain(PROVIDER),
    )];
    findings.extend(offered(azure, provider).await);
    findings
}

pub(super) async fn others(azure: &Azure<'_>) -> Vec<Finding> {
    let one = async |namespace: &str| {
        let look = azure
            .look_up(provider_path(azure, namespace), RESOURCES)
            .await;
        match &*look {
            Lookup::Found(provider) => {
                registered(azure, namespace, provider, Verdict::Problem(PROVIDER))
            }
            _ => unknown(namespace, &look),
        }
    };
    let findings = join_all(OTHERS.iter().map(|namespace| one(namespace))).await;
    let (fine, rest): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| finding.verdict == Verdict::Fine);
    if rest.is_empty() {
        let text = format!("all {} are registered", fine.len());
        return vec![Finding::fine(text)];
    }
    rest
}

fn unknown(namespace: &str, look: &Lookup) -> Finding {
    let reason = match look {
        Lookup::Unknown(reason) => reason,
        _ => "Azure does not know the provider",
    };
    Finding::unknown(format!("registration of {namespace}"), reason)
}

fn registered(azure: &Azure<'_>, namespace: &str, provider: &Value, missing: Verdict) -> Finding {
    let state = text(provider, "/registrationState").unwrap_or_default();
    let fix = format!(
        "az provider register --subscription {} --namespace {namespace} --wait",
        azure.subject.subscription
    );
    match state.to_ascii_lowercase().as_str() {
        "registered" => Finding::fine(format!("{namespace} is registered")),
        "notregistered" | "unregistered" | "unregistering" => Finding::new(
            missing,
            format!(
                "resource provider {namespace} is not registered in subscription {}, and every build needs it",
                azure.subject.subscription
            ),
        )
        .fix(fix),
        "registering" => Finding::new(
            Verdict::Warning(PROVIDER),
            format!("{namespace} is still being registered; a build that starts now can fail"),
        )
        .fix(fix),
        _ => Finding::unknown(format!("registration of {namespace}"), "Azure names no state"),
    }
}

/// Whether templates can be in the region. A region that does not exist is the matter of another check.
async fn offered(azure: &Azure<'_>, provider: &Value) -> Option<Finding> {
    let region = &azure.subject.location;
    let types = provider.get("resourceTypes").and_then(Value::as_array);
    let templates = types.into_iter().flatten().find(|kind| {
        text(kind, "/resourceType").is_some_and(|kind| kind.eq_ignore_ascii_case("imageTemplates"))
    });
    let offered = templates.and_then(|kind| kind.get("locations")?.as_array());
    let offered: Vec<String> = offered
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(plain_region)
        .collect();
    if offered.is_empty() {
        let unknown = Finding::unknown("the regions of the image builder", "Azure names none");
        return Some(unknown);
    }
    if offered.contains(region) {
        return Some(Finding::fine(format!("it is available in {region}")));
    }
    let elsewhere = match regions::exists(azure, region).await {
        Existence::Yes => "; the image can be replicated to it",
        Existence::No { .. } => return None,
        Existence::Unknown(_) => "",
    };
    let text = format!(
        "Azure VM Image Builder is not available in region {region}, so the image template cannot be there{elsewhere}"
    );
    let fix = format!(
        "set input '{}' to one of these regions: {}",
        IB_LOCATION.name,
        offered.join(", ")
    );
    Some(Finding::new(Verdict::Certain(REGION), text).fix(fix))
}
