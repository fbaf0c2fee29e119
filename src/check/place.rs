//! Where the template goes: providers, region, resource group; and the time that the job has.

use futures::future::join_all;
use serde_json::Value;

use super::azure::{Azure, Look, text};
use super::regions::{self, Known};
use super::spelling::{advice, groups, texts};
use super::table::{GROUP, PROVIDER, REGION, TIME_LIMIT};
use super::{Seen, Verdict};
use crate::inputs::declared::{BUILD_TIMEOUT_IN_MINUTES, IB_LOCATION};
use crate::resource::{plain_region, quoted};

/// <https://learn.microsoft.com/rest/api/resources/providers/get>
const API_VERSION: &str = "2021-04-01";
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
    format!("{subscription}/providers/{namespace}?api-version={API_VERSION}")
}

pub(super) async fn image_builder(azure: &Azure<'_>) -> Vec<Seen> {
    let look = azure.look(provider_path(azure, IMAGE_BUILDER)).await;
    let Look::There(provider) = &*look else {
        return vec![unknown(IMAGE_BUILDER, &look)];
    };
    let mut seen = vec![registered(
        azure,
        IMAGE_BUILDER,
        provider,
        Verdict::Certain(PROVIDER),
    )];
    seen.extend(offered(azure, provider).await);
    seen
}

pub(super) async fn providers(azure: &Azure<'_>) -> Vec<Seen> {
    let one = async |namespace: &str| {
        let look = azure.look(provider_path(azure, namespace)).await;
        match &*look {
            Look::There(provider) => {
                registered(azure, namespace, provider, Verdict::Problem(PROVIDER))
            }
            _ => unknown(namespace, &look),
        }
    };
    let seen = join_all(OTHERS.iter().map(|namespace| one(namespace))).await;
    let (fine, rest): (Vec<_>, Vec<_>) = seen
        .into_iter()
        .partition(|seen| seen.verdict == Verdict::Fine);
    if rest.is_empty() {
        let text = format!("all {} of them are registered", fine.len());
        return vec![Seen::fine(text)];
    }
    rest
}

fn unknown(namespace: &str, look: &Look) -> Seen {
    let reason = match look {
        Look::Unknown(reason) => reason,
        _ => "Azure does not know the provider",
    };
    Seen::unknown(format!("registration of {namespace}"), reason)
}

fn registered(azure: &Azure<'_>, namespace: &str, provider: &Value, missing: Verdict) -> Seen {
    let state = text(provider, "/registrationState").unwrap_or_default();
    let fix = format!(
        "az provider register --subscription {} --namespace {namespace} --wait",
        azure.subject.subscription
    );
    match state.to_ascii_lowercase().as_str() {
        "registered" => Seen::fine(format!("{namespace} is registered")),
        "notregistered" | "unregistered" | "unregistering" => Seen::new(
            missing,
            format!(
                "resource provider {namespace} is not registered in subscription {}, and every build needs it",
                azure.subject.subscription
            ),
        )
        .fix(fix),
        "registering" => Seen::new(
            Verdict::Warning(PROVIDER),
            format!("{namespace} is still being registered; a build that starts now may fail"),
        )
        .fix(fix),
        _ => Seen::unknown(format!("registration of {namespace}"), "Azure names no state"),
    }
}

/// Whether templates can be in the region. A region that does not exist is the matter of another check.
async fn offered(azure: &Azure<'_>, provider: &Value) -> Option<Seen> {
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
        let unknown = Seen::unknown("the regions of the image builder", "Azure names none");
        return Some(unknown);
    }
    if offered.contains(region) {
        return Some(Seen::fine(format!("it is offered in {region}")));
    }
    let elsewhere = match regions::known(azure, region).await {
        Known::Yes => "; the image can be replicated to it",
        Known::No { .. } => return None,
        Known::Unknown(_) => "",
    };
    let text = format!(
        "Azure VM Image Builder is not offered in region {region}, so the image template cannot be there{elsewhere}"
    );
    let fix = format!(
        "put one of these regions into input '{}': {}",
        IB_LOCATION.name,
        offered.join(", ")
    );
    Some(Seen::new(Verdict::Certain(REGION), text).fix(fix))
}

pub(super) async fn resource_group(azure: &Azure<'_>) -> Vec<Seen> {
    let subject = &azure.subject;
    let name = &subject.resource_group;
    let path = format!("{}?api-version={API_VERSION}", subject.in_group());
    vec![match &*azure.look(path).await {
        Look::There(group) => {
            let place = text(group, "/location").unwrap_or("a region that is not told");
            Seen::fine(format!("'{name}' is there, in {place}"))
        }
        Look::NoGroup => {
            let all = groups(azure, &subject.subscription).await;
            let command = format!(
                "az group create --subscription {} --name {} --location {}",
                subject.subscription,
                quoted(name),
                subject.location
            );
            Seen::new(
                Verdict::Certain(GROUP),
                format!(
                    "resource group '{name}' does not exist in subscription {}, and the image template goes there",
                    subject.subscription
                ),
            )
            .fix(advice(name, &texts(&all), &command))
        }
        Look::Missing => {
            Seen::unknown(format!("resource group '{name}'"), "Azure does not find it")
        }
        Look::Unknown(reason) => Seen::unknown(format!("resource group '{name}'"), reason),
    }]
}

/// For upload, provisioning and clean-up beside the build itself.
const MARGIN_MINUTES: u64 = 15;
/// What a job without a limit has, where it is not 0.
const NO_LIMIT: u64 = 100_000;

/// The agent cancels a step when the job's time is over, and the build with it
/// (<https://learn.microsoft.com/azure/devops/pipelines/process/phases#timeouts>).
pub(super) fn time_limit(azure: &Azure<'_>) -> Vec<Seen> {
    let needed = azure.subject.build_minutes + MARGIN_MINUTES;
    let build = azure.subject.build_minutes;
    vec![match azure.job.limit_minutes {
        Some(0 | NO_LIMIT..) => Seen::fine("the job has none of its own"),
        Some(minutes) if minutes >= needed => {
            Seen::fine(format!("{minutes} min, and the build has {build} min"))
        }
        Some(minutes) => Seen::new(
            Verdict::Warning(TIME_LIMIT),
            format!("the job ends after {minutes} min, and the build may take {build} min: the agent would cancel it"),
        )
        .fix(format!(
            "write 'timeoutInMinutes: {needed}' at the job, or lower input '{}'",
            BUILD_TIMEOUT_IN_MINUTES.name
        )),
        None => Seen::new(
            Verdict::Unknown,
            format!("nobody tells it; a job needs {needed} min for a build that may take {build} min"),
        ),
    }]
}
