//! The subnets of the build.

use std::sync::Arc;

use serde_json::Value;

use super::azure::{Azure, Look, has, names, text};
use super::spelling::{choice, groups, listed, texts};
use super::subject::group_of;
use super::table::{SUBNET, SUBNET_UNFIT};
use super::{Seen, Verdict};
use crate::inputs::declared::CONTAINER_INSTANCE_SUBNET_ID;
use crate::resource::{ResourceId, quoted};

/// <https://learn.microsoft.com/rest/api/virtualnetwork/subnets/get>; the first versions do not know `defaultOutboundAccess`.
const API_VERSION: &str = "2024-05-01";
const CONTAINERS: &str = "Microsoft.ContainerInstance/containerGroups";

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let subject = &azure.subject;
    let mut seen = Vec::new();
    for (id, is_for_containers) in [(&subject.subnet, false), (&subject.container_subnet, true)] {
        let Some(id) = id else { continue };
        match &*subnet(azure, id).await {
            Look::There(found) => {
                seen.push(Seen::fine(format!("'{}' is there", id.name())));
                if is_for_containers {
                    seen.extend(delegation(id, found));
                } else if subject.container_subnet.is_none() {
                    seen.extend(private_link(id, found));
                }
                seen.extend(way_out(id, found));
            }
            Look::Missing | Look::NoGroup => seen.push(missing(azure, id).await),
            Look::Unknown(reason) => {
                seen.push(Seen::unknown(format!("subnet '{}'", id.name()), reason));
            }
        }
    }
    if seen.is_empty() {
        seen.push(Seen::fine(
            "none are given, the service makes its own network",
        ));
    }
    seen
}

/// A subnet. Missing is one that its network does not list, or whose network its group does not list.
async fn subnet(azure: &Azure<'_>, id: &ResourceId) -> Arc<Look> {
    let look = azure.look(format!("{id}?api-version={API_VERSION}")).await;
    let Some(network) = id.parent().filter(|_| matches!(*look, Look::Missing)) else {
        return look;
    };
    let path = format!("{network}?api-version={API_VERSION}");
    let doubt = || {
        Look::Unknown("Azure does not find it, and its network does not confirm that".to_owned())
    };
    match &*azure
        .resource(&path, &networks_of(id), network.name())
        .await
    {
        Look::There(found) => {
            let subnets = found.pointer("/properties/subnets");
            let all = subnets.and_then(names);
            match all {
                Some(all) if !has(&all, id.name()) => look,
                _ => Arc::new(doubt()),
            }
        }
        Look::Missing => Arc::new(Look::Missing),
        Look::NoGroup => Arc::new(Look::NoGroup),
        Look::Unknown(_) => Arc::new(doubt()),
    }
}

fn networks_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.Network/virtualNetworks?api-version={API_VERSION}",
        group_of(id)
    )
}

/// What is missing may be the group, the network or the subnet.
async fn missing(azure: &Azure<'_>, id: &ResourceId) -> Seen {
    let (subscription, group) = (id.subscription(), id.resource_group());
    let network = id.name_at(0).unwrap_or_default();
    let place = format!("in network '{network}' of resource group '{group}'");
    let path = id
        .parent()
        .map(|id| format!("{id}?api-version={API_VERSION}"));
    let parent = azure.look(path.unwrap_or_default()).await;
    let (text, fix) = match &*parent {
        Look::There(found) => {
            let all = found.pointer("/properties/subnets").and_then(names);
            let list = format!(
                "az network vnet subnet list --subscription {subscription} --resource-group {} --vnet-name {network} --output table",
                quoted(group)
            );
            (
                format!("subnet '{}' does not exist {place}", id.name()),
                choice(id.name(), &all.unwrap_or_default(), &list),
            )
        }
        Look::NoGroup => {
            let list = format!("az group list --subscription {subscription} --output table");
            (
                format!(
                    "subnet '{}' does not exist {place}, and the resource group does not exist either",
                    id.name()
                ),
                choice(group, &texts(&groups(azure, subscription).await), &list),
            )
        }
        Look::Missing | Look::Unknown(_) => {
            let all = listed(azure, networks_of(id)).await;
            let list = format!(
                "az network vnet list --subscription {subscription} --resource-group {} --output table",
                quoted(group)
            );
            (
                format!(
                    "subnet '{}' does not exist {place}, and the network does not exist either",
                    id.name()
                ),
                choice(network, &texts(&all), &list),
            )
        }
    };
    Seen::new(Verdict::Certain(SUBNET), text).fix(fix)
}

fn update(id: &ResourceId, change: &str) -> String {
    format!(
        "az network vnet subnet update --ids {} {change}",
        quoted(id.as_str())
    )
}

/// <https://learn.microsoft.com/azure/virtual-machines/security-isolated-image-builds-image-builder#bring-your-own-build-vm-subnet-and-bring-your-own-aci-subnet>
fn delegation(id: &ResourceId, subnet: &Value) -> Option<Seen> {
    let delegations = subnet.pointer("/properties/delegations")?.as_array()?;
    let delegated = delegations.iter().any(|one| {
        text(one, "/properties/serviceName")
            .is_some_and(|name| name.eq_ignore_ascii_case(CONTAINERS))
    });
    if delegated {
        return None;
    }
    let text = format!(
        "subnet '{}' is not delegated to {CONTAINERS}, and the build runs in a container there",
        id.name()
    );
    let fix = update(id, &format!("--delegations {CONTAINERS}"));
    Some(Seen::new(Verdict::Problem(SUBNET_UNFIT), text).fix(fix))
}

/// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking#why-deploy-with-an-existing-virtual-network>
fn private_link(id: &ResourceId, subnet: &Value) -> Option<Seen> {
    let policies = text(subnet, "/properties/privateLinkServiceNetworkPolicies")?;
    if !policies.eq_ignore_ascii_case("Enabled") {
        return None;
    }
    let text = format!(
        "subnet '{}' has network policies for private link services, and the service reaches the build VM through one",
        id.name()
    );
    let fix = format!(
        "{}; or give the build a container subnet (input '{}')",
        update(id, "--private-link-service-network-policies Disabled"),
        CONTAINER_INSTANCE_SUBNET_ID.name
    );
    Some(Seen::new(Verdict::Problem(SUBNET_UNFIT), text).fix(fix))
}

/// <https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access>: networks made after March 2026 are private.
fn way_out(id: &ResourceId, subnet: &Value) -> Option<Seen> {
    let member = |name: &str| subnet.pointer(&format!("/properties/{name}"));
    let private = member("defaultOutboundAccess").and_then(Value::as_bool) == Some(false);
    let routed = ["natGateway", "routeTable"]
        .iter()
        .any(|name| member(name).is_some_and(Value::is_object));
    if !private || routed {
        return None;
    }
    let text = format!(
        "subnet '{}' is private and has neither a NAT gateway nor a route table: downloads, updates and the service itself may be out of reach",
        id.name()
    );
    let fix = update(id, "--nat-gateway <NAT gateway>");
    Some(Seen::new(Verdict::Warning(SUBNET_UNFIT), text).fix(fix))
}
