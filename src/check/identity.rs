//! The identities that a template names.

use std::sync::Arc;

use futures::future::join_all;

use super::azure::{Azure, Look};
use super::table::IDENTITY;
use super::{Seen, Verdict};
use crate::resource::ResourceId;

/// <https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities>
const API_VERSION: &str = "2023-01-31";

/// A user-assigned identity.
pub(super) async fn identity(azure: &Azure<'_>, id: &ResourceId) -> Arc<Look> {
    let list = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version={API_VERSION}",
        id.subscription(),
        id.resource_group()
    );
    let path = format!("{id}?api-version={API_VERSION}");
    azure.resource(&path, &list, id.name()).await
}

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let subject = &azure.subject;
    let all = std::iter::once(&subject.identity).chain(&subject.vm_identities);
    join_all(all.map(|id| one(azure, id))).await
}

async fn one(azure: &Azure<'_>, id: &ResourceId) -> Seen {
    let name = format!("identity '{}'", id.name());
    match &*identity(azure, id).await {
        Look::There(_) => Seen::fine(format!("'{}' is there", id.name())),
        Look::Missing | Look::NoGroup => Seen::new(
            Verdict::Certain(IDENTITY),
            format!(
                "{name} does not exist in resource group '{}', and the service acts as it",
                id.resource_group()
            ),
        )
        .fix(format!(
            "az identity create --subscription {} --resource-group {} --name {} --location {}",
            id.subscription(),
            id.resource_group(),
            id.name(),
            azure.subject.location
        )),
        Look::Unknown(reason) => Seen::unknown(name, reason),
    }
}
