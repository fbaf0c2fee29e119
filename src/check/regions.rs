//! Whether the regions that a build names exist.

use futures::future::join_all;

use super::codes::REGION;
use super::finding::{Finding, Verdict};
use super::lookup::{Azure, Lookup, has, names};
use crate::arm::api::SUBSCRIPTIONS;
use crate::inputs::nearest;
use crate::resource::Region;

/// Whether there is a region of a name.
pub(super) enum Existence {
    /// It is a region.
    Yes,
    /// It is none, and why; with what was probably meant.
    No {
        why: &'static str,
        near: Option<String>,
    },
    /// Nobody says, and why.
    Unknown(String),
}

/// Whether a region exists. Azure opens new ones all the time: one that this program does not know is one if the subscription's own locations
/// have it. Where these cannot be read, a name that looks like a typing error of a known one is taken for one.
pub(super) async fn exists(azure: &Azure<'_>, region: &str) -> Existence {
    let Ok(region) = region.parse::<Region>() else {
        return Existence::No {
            why: "Azure has no such region",
            near: None,
        };
    };
    if region.is_known() {
        return Existence::Yes;
    }
    let name = region.as_str();
    let path = format!("{}/locations", azure.subject.in_subscription());
    let reason = match &*azure.look_up(path, SUBSCRIPTIONS).await {
        Lookup::Found(list) => match names(list) {
            Some(all) if has(&all, name) => return Existence::Yes,
            Some(all) if !all.is_empty() => {
                let near = nearest(name, all).or_else(|| nearest_known(&region));
                return Existence::No {
                    why: "it is not one of the locations of the subscription",
                    near: near.map(str::to_owned),
                };
            }
            _ => "the list of locations is incomplete".to_owned(),
        },
        Lookup::Missing | Lookup::NoGroup => "Azure does not find the list of locations".to_owned(),
        Lookup::Unknown(reason) => reason.clone(),
    };
    match nearest_known(&region) {
        Some(near) => Existence::No {
            why: "Azure is not known to have such a region",
            near: Some(near.to_owned()),
        },
        None => Existence::Unknown(reason),
    }
}

fn nearest_known(region: &Region) -> Option<&'static str> {
    let candidates = region.candidates()?;
    nearest(region.as_str(), candidates.iter().copied())
}

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Finding> {
    let subject = &azure.subject;
    let all = std::iter::once(&subject.location).chain(&subject.regions);
    let findings = join_all(all.map(|region| one(azure, region))).await;
    let mut findings: Vec<_> = findings.into_iter().flatten().collect();
    if findings.is_empty() {
        let all = std::iter::once(&subject.location).chain(&subject.regions);
        let all: Vec<_> = all.map(String::as_str).collect();
        findings.push(Finding::fine(all.join(", ")));
    }
    findings
}

async fn one(azure: &Azure<'_>, region: &str) -> Option<Finding> {
    let subject = &azure.subject;
    match exists(azure, region).await {
        Existence::Yes => None,
        Existence::Unknown(reason) => Some(Finding::unknown(format!("region '{region}'"), &reason)),
        Existence::No { why, near } => {
            let what = if region == subject.location {
                "the image template"
            } else {
                "a target"
            };
            let text = format!("region '{region}' of {what} does not exist: {why}");
            let list = format!(
                "az account list-locations --subscription {} --query [].name --output tsv",
                subject.subscription
            );
            let fix = match near {
                Some(near) => format!("did you mean '{near}'? All regions: {list}"),
                None => format!("choose another one: {list}"),
            };
            Some(Finding::new(Verdict::Certain(REGION), text).fix(fix))
        }
    }
}
