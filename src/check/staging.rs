//! The resource group that the service is to use for what it makes
//! (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-stagingresourcegroup>).

use serde_json::Value;

use super::azure::{Azure, Look, names, text};
use super::table::STAGING;
use super::{Seen, Verdict};
use crate::inputs::declared::STAGING_RESOURCE_GROUP;
use crate::resource::plain_region;

const API_VERSION: &str = "2021-04-01";

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let Some(id) = &azure.subject.staging_group else {
        return vec![Seen::fine("none is given, the service makes its own")];
    };
    let id = format!("/{}", id.trim_matches('/'));
    let name = id.rsplit('/').next().unwrap_or_default().to_owned();
    match &*azure.look(format!("{id}?api-version={API_VERSION}")).await {
        Look::There(group) => {
            let mut seen: Vec<_> = [place(azure, &name, group), owner(&name, group)]
                .into_iter()
                .flatten()
                .collect();
            seen.extend(content(azure, &id, &name).await);
            if seen.is_empty() {
                seen.push(Seen::fine(format!(
                    "'{name}' is there, empty and in the region"
                )));
            }
            seen
        }
        Look::NoGroup | Look::Missing => {
            vec![Seen::fine(format!(
                "'{name}' does not exist, so the service makes it"
            ))]
        }
        Look::Unknown(reason) => vec![Seen::unknown(format!("resource group '{name}'"), reason)],
    }
}

fn problem(text: String) -> Seen {
    Seen::new(Verdict::Problem(STAGING), text).fix(format!(
        "name a group in input '{}' that does not exist yet, or leave it out",
        STAGING_RESOURCE_GROUP.name
    ))
}

fn place(azure: &Azure<'_>, name: &str, group: &Value) -> Option<Seen> {
    let region = plain_region(text(group, "/location")?);
    (region != azure.subject.location).then(|| {
        problem(format!(
            "staging resource group '{name}' is in {region}, and has to be in the region of the template, {}",
            azure.subject.location
        ))
    })
}

/// The service marks a group with the template that uses it.
fn owner(name: &str, group: &Value) -> Option<Seen> {
    let tags = group.get("tags")?.as_object()?;
    let tag = |wanted: &str| {
        let mut tags = tags.iter();
        tags.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?
            .1
            .as_str()
    };
    let template = tag("imageTemplateName")?;
    Some(problem(format!(
        "staging resource group '{name}' is marked as that of image template '{template}'"
    )))
}

async fn content(azure: &Azure<'_>, id: &str, name: &str) -> Option<Seen> {
    let look = azure
        .look(format!("{id}/resources?api-version={API_VERSION}"))
        .await;
    let Look::There(list) = &*look else {
        let reason = match &*look {
            Look::Unknown(reason) => reason,
            _ => "Azure does not find the list",
        };
        return Some(Seen::unknown(format!("what is in '{name}'"), reason));
    };
    let all = names(list).unwrap_or_default();
    let first = all.first()?;
    Some(problem(format!(
        "staging resource group '{name}' is not empty ('{first}' and others are in it), and the service wants it empty"
    )))
}
