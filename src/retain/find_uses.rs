//! Finding out what uses the versions: once over everything that can be read, and again right before a deletion.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::StatusCode;

use super::uses::Uses;
use crate::arm::image_users::{ImageUser, Machines};
use crate::arm::{Arm, Cause, Failure};
use crate::error::Error;
use crate::inputs::Retain;
use crate::inputs::manifest::{IB_AZURE_RESOURCE_GROUP, RETAIN_HOST_POOLS};
use crate::resource::ResourceId;

/// What was found, and what could not be looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct FoundUses {
    pub(super) uses: Uses,
    /// Places whose use of versions is not known, and why.
    pub(super) not_looked_at: BTreeSet<String>,
}

/// Why it cannot be told what uses the versions.
#[derive(Debug, Clone)]
pub struct Unknown {
    /// What could not be read, and why.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

impl From<Unknown> for Error {
    fn from(unknown: Unknown) -> Self {
        Self::UseUnknown {
            why: unknown.why,
            hint: unknown.hint,
        }
    }
}

/// How many lists are read at a time.
const AT_ONCE: usize = 4;

/// The first look: Azure Resource Graph, or the live lists where it refuses; host pools and image templates that the inputs name.
pub(super) async fn before_decision(arm: &Arm, retain: &Retain) -> Result<FoundUses, Unknown> {
    let mut seen = FoundUses::default();
    match by_graph(arm, &retain.definition).await {
        Ok(uses) => seen.uses = uses,
        Err(failure) if failure.says_no() => {
            seen.not_looked_at.insert(format!(
                "what Azure Resource Graph finds, such as image templates in other resource groups ({failure})"
            ));
            machines(arm, retain, &mut seen).await?;
        }
        Err(failure) => return Err(unknown(&failure)),
    }
    named(arm, retain, &mut seen).await?;
    Ok(seen)
}

/// The look right before a deletion: what is live, because Azure Resource Graph is behind by minutes.
pub(super) async fn before_deletion(arm: &Arm, retain: &Retain) -> Result<FoundUses, Unknown> {
    let mut seen = FoundUses::default();
    machines(arm, retain, &mut seen).await?;
    named(arm, retain, &mut seen).await?;
    Ok(seen)
}

async fn by_graph(arm: &Arm, definition: &ResourceId) -> Result<Uses, Failure> {
    let machines = "Finding the VMs and scale sets that use the image versions";
    let templates = "Finding the image templates that use the image versions";
    let mut uses = Uses::default();
    add(
        &mut uses,
        definition,
        arm.machines_of(machines, definition).await?,
    );
    add(
        &mut uses,
        definition,
        arm.templates_of(templates, definition).await?,
    );
    Ok(uses)
}

/// The live lists of VMs and scale sets: of the definition's subscription, which must be readable, and of the others as far as they are.
async fn machines(arm: &Arm, retain: &Retain, seen: &mut FoundUses) -> Result<(), Unknown> {
    let own = retain.definition.subscription();
    let mut others = match arm.subscriptions().await {
        Ok(all) => all,
        Err(failure) if failure.says_no() => {
            let text = format!("subscriptions other than that of the definition ({failure})");
            seen.not_looked_at.insert(text);
            Vec::new()
        }
        Err(failure) => return Err(unknown(&failure)),
    };
    others.retain(|other| !other.eq_ignore_ascii_case(own));
    let lists = std::iter::once(own.to_owned())
        .chain(others)
        .flat_map(|subscription| {
            [Machines::Virtual, Machines::ScaleSets].map(|kind| (subscription.clone(), kind))
        });
    let read = |(subscription, kind): (String, Machines)| async move {
        match arm.machines(&subscription, kind).await {
            Ok(users) => Ok((users, None)),
            Err(failure) if failure.says_no() && !subscription.eq_ignore_ascii_case(own) => {
                let text = format!("subscription '{subscription}' ({failure})");
                Ok((Vec::new(), Some(text)))
            }
            Err(failure) if failure.is(StatusCode::FORBIDDEN) => Err(Unknown {
                why: failure.to_string(),
                hint: format!(
                    "assign role 'Image Builder Task release reader', or 'Reader', to the principal of the service connection on the subscription: az role assignment create --assignee <object id of its principal> --role Reader --scope /subscriptions/{own}"
                ),
            }),
            Err(failure) => Err(unknown(&failure)),
        }
    };
    let found: Vec<(Vec<ImageUser>, Option<String>)> = stream::iter(lists)
        .map(read)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (users, not_looked_at) in found {
        add(&mut seen.uses, &retain.definition, users);
        seen.not_looked_at.extend(not_looked_at);
    }
    Ok(())
}

/// Host pools and image templates that the inputs name: what an author names must be readable.
async fn named(arm: &Arm, retain: &Retain, seen: &mut FoundUses) -> Result<(), Unknown> {
    for pool in &retain.host_pools {
        let found = arm.session_host_images(pool).await.map_err(|failure| Unknown {
            why: failure.to_string(),
            hint: format!("assign role 'Desktop Virtualization Reader' to the principal of the service connection on host pool '{pool}', or run the step again if Azure did not answer"),
        })?;
        let users = found.ok_or_else(|| Unknown {
            why: format!("host pool '{pool}' has no session host configuration, or does not exist"),
            hint: format!(
                "correct the id in input '{}', or remove the host pool from it: the VMs of a host pool without a session host configuration are checked in any case",
                RETAIN_HOST_POOLS.name
            ),
        })?;
        add(&mut seen.uses, &retain.definition, users);
    }
    if let Some(group) = &retain.resource_group {
        let users = arm.template_sources(group).await.map_err(|failure| Unknown {
            why: failure.to_string(),
            hint: format!(
                "check input '{}', and that the principal of the service connection has 'Microsoft.VirtualMachineImages/imageTemplates/read' there; without the input, only Azure Resource Graph is asked for image templates",
                IB_AZURE_RESOURCE_GROUP.name
            ),
        })?;
        add(&mut seen.uses, &retain.definition, users);
    }
    Ok(())
}

fn add(uses: &mut Uses, definition: &ResourceId, found: Vec<ImageUser>) {
    for user in found {
        let who = (user.id.as_str(), user.region.as_deref());
        uses.add(definition, who, &user.image, user.exact.as_deref());
    }
}

fn unknown(failure: &Failure) -> Unknown {
    let hint = match &failure.cause {
        Cause::Refused(refusal) if refusal.status == StatusCode::TOO_MANY_REQUESTS => {
            "run the step again later: Azure refuses more requests of this principal for now"
        }
        _ => "run the step again; if it fails again, check the service connection and its roles",
    };
    Unknown {
        why: failure.to_string(),
        hint: hint.to_owned(),
    }
}
