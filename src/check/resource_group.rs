//! The resource group of the template, and the one that the service is to use for what it creates
//! (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-stagingresourcegroup>).

use serde_json::Value;

use super::advice::{advice, groups, texts};
use super::codes::{GROUP, STAGING};
use super::finding::{Finding, Verdict};
use super::lookup::{Azure, Lookup, names, text};
use crate::arm::api::RESOURCES;
use crate::inputs::manifest::STAGING_RESOURCE_GROUP;
use crate::resource::{plain_region, quoted};

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Finding> {
    let subject = &azure.subject;
    let name = &subject.resource_group;
    vec![match &*azure.look_up(subject.in_group(), RESOURCES).await {
        Lookup::Found(group) => {
            let place = text(group, "/location").unwrap_or("an unknown region");
            Finding::fine(format!("'{name}' exists, in {place}"))
        }
        Lookup::NoGroup => {
            let all = groups(azure, &subject.subscription).await;
            let command = format!(
                "az group create --subscription {} --name {} --location {}",
                subject.subscription,
                quoted(name),
                subject.location
            );
            Finding::new(
                Verdict::Certain(GROUP),
                format!(
                    "resource group '{name}' does not exist in subscription {}, and the {} is created there",
                    subject.subscription,
                    if subject.is_test_vm { "VM" } else { "image template" }
                ),
            )
            .fix(advice(name, &texts(&all), &command))
        }
        Lookup::Missing => {
            Finding::unknown(format!("resource group '{name}'"), "Azure does not find it")
        }
        Lookup::Unknown(reason) => Finding::unknown(format!("resource group '{name}'"), reason),
    }]
}

pub(super) async fn staging(azure: &Azure<'_>) -> Vec<Finding> {
    let Some(id) = &azure.subject.staging_group else {
        return vec![Finding::fine("none is set, so the service creates one")];
    };
    let id = format!("/{}", id.trim_matches('/'));
    let name = id.rsplit('/').next().unwrap_or_default().to_owned();
    match &*azure.look_up(&id, RESOURCES).await {
        Lookup::Found(group) => {
            let mut findings: Vec<_> = [elsewhere(azure, &name, group), owner(&name, group)]
                .into_iter()
                .flatten()
                .collect();
            findings.extend(content(azure, &id, &name).await);
            if findings.is_empty() {
                findings.push(Finding::fine(format!(
                    "'{name}' exists, is empty and is in the region"
                )));
            }
            findings
        }
        Lookup::NoGroup | Lookup::Missing => {
            vec![Finding::fine(format!(
                "'{name}' does not exist, so the service creates it"
            ))]
        }
        Lookup::Unknown(reason) => {
            vec![Finding::unknown(format!("resource group '{name}'"), reason)]
        }
    }
}

fn problem(text: String) -> Finding {
    Finding::new(Verdict::Problem(STAGING), text).fix(format!(
        "set input '{}' to a group that does not exist yet, or remove the input",
        STAGING_RESOURCE_GROUP.name
    ))
}

fn elsewhere(azure: &Azure<'_>, name: &str, group: &Value) -> Option<Finding> {
    let region = plain_region(text(group, "/location")?);
    (region != azure.subject.location).then(|| {
        problem(format!(
            "staging resource group '{name}' is in {region}, but it must be in the region of the template, {}",
            azure.subject.location
        ))
    })
}

/// The service marks a group with the template that uses it.
fn owner(name: &str, group: &Value) -> Option<Finding> {
    let tags = group.get("tags")?.as_object()?;
    let tag = |wanted: &str| {
        let mut tags = tags.iter();
        tags.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?
            .1
            .as_str()
    };
    let template = tag("imageTemplateName")?;
    Some(problem(format!(
        "staging resource group '{name}' belongs to image template '{template}'"
    )))
}

async fn content(azure: &Azure<'_>, id: &str, name: &str) -> Option<Finding> {
    let look = azure.look_up(format!("{id}/resources"), RESOURCES).await;
    let Lookup::Found(list) = &*look else {
        let reason = match &*look {
            Lookup::Unknown(reason) => reason,
            _ => "Azure does not find the list",
        };
        return Some(Finding::unknown(format!("what is in '{name}'"), reason));
    };
    let all = names(list).unwrap_or_default();
    let first = all.first()?;
    Some(problem(format!(
        "staging resource group '{name}' is not empty (it contains '{first}'), but the service requires an empty one"
    )))
}
