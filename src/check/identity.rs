//! The identities that a template names.

use std::sync::Arc;

use futures::future::join_all;

use super::azure::{Azure, Look};
use super::spelling::{advice, groups, listed, texts};
use super::subject::group_of;
use super::table::IDENTITY;
use super::{Seen, Verdict};
use crate::resource::{ResourceId, quoted};

/// <https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities>
const API_VERSION: &str = "2023-01-31";

fn list_of(id: &ResourceId) -> String {
    format!(
        "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version={API_VERSION}",
        group_of(id)
    )
}

/// A user-assigned identity.
pub(super) async fn identity(azure: &Azure<'_>, id: &ResourceId) -> Arc<Look> {
    let path = format!("{id}?api-version={API_VERSION}");
    azure.resource(&path, &list_of(id), id.name()).await
}

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let subject = &azure.subject;
    let needed = [(
        &subject.identity,
        "Azure VM Image Builder needs it to run the build",
    )];
    let of_vm = subject.vm_identities.iter();
    let of_vm = of_vm.map(|id| (id, "the build VM gets it"));
    join_all(
        needed
            .into_iter()
            .chain(of_vm)
            .map(|(id, why)| one(azure, id, why)),
    )
    .await
}

async fn one(azure: &Azure<'_>, id: &ResourceId, why: &str) -> Seen {
    let (name, group) = (id.name(), id.resource_group());
    let subscription = id.subscription();
    let create = format!(
        "az identity create --subscription {subscription} --resource-group {} --name {name} --location {}",
        quoted(group),
        azure.subject.location
    );
    let (text, fix) = match &*identity(azure, id).await {
        Look::There(_) => return Seen::fine(format!("'{name}' is there")),
        Look::Unknown(reason) => return Seen::unknown(format!("identity '{name}'"), reason),
        Look::Missing => (
            format!("identity '{name}' does not exist in resource group '{group}'; {why}"),
            advice(name, &texts(&listed(azure, list_of(id)).await), &create),
        ),
        Look::NoGroup => (
            format!(
                "identity '{name}' does not exist, because its resource group '{group}' does not exist; {why}"
            ),
            advice(
                group,
                &texts(&groups(azure, subscription).await),
                &format!(
                    "az group create --subscription {subscription} --name {} --location {}, then: {create}",
                    quoted(group),
                    azure.subject.location
                ),
            ),
        ),
    };
    Seen::new(Verdict::Certain(IDENTITY), text).fix(fix)
}
