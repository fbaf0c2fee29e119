//! An image version as titles, variables and result files name it, and the portal's page of a resource.

use serde_json::{Map, Value, json};

use crate::inputs::Connection;
use crate::resource::ResourceId;

/// `win11-avd 1.0.3`; of an image that is no version its name.
pub(super) fn named(image: &ResourceId) -> String {
    match image.name_at(1) {
        Some(definition) => format!("{definition} {}", image.name()),
        None => image.name().to_owned(),
    }
}

/// `image version:  1.0.3 of win11-avd in galContoso`.
pub(super) fn line(version: &ResourceId) -> String {
    format!(
        "image version:  {} of {} in {}",
        version.name(),
        version.name_at(1).unwrap_or_default(),
        version.name_at(0).unwrap_or_default()
    )
}

/// The variables by which later steps name the version; empty where there is none.
pub(super) fn variables(version: Option<&ResourceId>) -> [(&'static str, String); 3] {
    let id = version.map_or("", ResourceId::as_str);
    let name = version.map_or("", ResourceId::name);
    [
        ("imageVersionId", id.to_owned()),
        ("imageUri", id.to_owned()),
        ("imageVersion", name.to_owned()),
    ]
}

/// The same in a result file; `null` where there is none.
pub(super) fn members(version: Option<&ResourceId>) -> Map<String, Value> {
    let definition = version.and_then(|version| Some(version.parent()?.to_string()));
    let members = [
        ("imageUri", json!(version.map(ResourceId::as_str))),
        ("imageVersionId", json!(version.map(ResourceId::as_str))),
        ("imageVersion", json!(version.map(ResourceId::name))),
        ("imageDefinitionId", json!(definition)),
    ];
    let named = |(name, value): (&str, Value)| (name.to_owned(), value);
    members.into_iter().map(named).collect()
}

/// The page of a resource in the portal of the connection's cloud, where there is one that we know.
pub(super) fn portal(connection: &Connection, id: &str) -> Option<String> {
    portal_of(connection.cloud.resource_manager.host_str()?, id)
}

fn portal_of(resource_manager: &str, id: &str) -> Option<String> {
    let host = match resource_manager {
        "management.azure.com" => "portal.azure.com",
        "management.usgovcloudapi.net" => "portal.azure.us",
        "management.chinacloudapi.cn" => "portal.azure.cn",
        _ => return None,
    };
    Some(format!("https://{host}/#resource{id}/overview"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_has_a_portal_of_its_own() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/web";
        let check = |host: &str, expected: Option<&str>| {
            let page = expected.map(|portal| format!("https://{portal}/#resource{id}/overview"));
            assert_eq!(portal_of(host, id), page);
        };
        check("management.azure.com", Some("portal.azure.com"));
        check("management.usgovcloudapi.net", Some("portal.azure.us"));
        check("management.chinacloudapi.cn", Some("portal.azure.cn"));
        check("management.azure.emulator", None);
    }
}
