//! Which image a run made, for the case that its run output does not say.
//!
//! Only what is proven counts: an image that someone else made would go to production as this one. Proof is the disk: the service makes
//! versions and managed images of a VHD in the staging group of the template (recorded in 2020 and 2023), and that group belongs to one
//! template. A version must have been published after the run began, because a staging group may be one that earlier builds have used.

use super::distribution::Distribution;
use super::watch::RunEnd;
use crate::arm::Arm;
use crate::arm::gallery::{State, Version};
use crate::arm::template_state::RunState;
use crate::resource::{ImageVersion, MANAGED_IMAGE, ResourceGroupId, ResourceId};

/// A run that is over, and where it happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedRun<'a> {
    pub(super) end: &'a RunEnd,
    /// The staging group, if Azure told it.
    pub(super) staging_group: Option<&'a ResourceGroupId>,
}

/// The image that the run made for `target`, if there is exactly one that is proven to be its.
pub(super) async fn made_for(
    arm: &Arm,
    target: &Distribution,
    run: EndedRun<'_>,
) -> Option<String> {
    let id = target.id.as_ref()?;
    if target.is_gallery() {
        let versions = arm.versions(id).await.ok()?;
        let mut proven = versions
            .iter()
            .filter(|version| is_of_run(version, target.version.as_deref(), run));
        let version = proven.next().filter(|_| proven.next().is_none())?;
        // The name is Azure's word, and becomes part of an address.
        let number: ImageVersion = version.name.parse().ok()?;
        return Some(format!("{id}/versions/{number}"));
    }
    managed_image(arm, id, run).await
}

fn is_of_run(version: &Version, number: Option<&str>, run: EndedRun<'_>) -> bool {
    let (Some(published), Some(started)) = (version.published, run.end.started) else {
        return false;
    };
    if version.state != State::Succeeded || published < started {
        return false;
    }
    let disk = version.disk_account.as_deref();
    let proven = disk.zip(run.staging_group).is_some_and(is_in_group);
    match number {
        // Two runs cannot publish one number, and Azure says that this run reached its target.
        Some(number) => version.name == number && (proven || run.end.state == RunState::Succeeded),
        None => proven,
    }
}

/// Whether the resource with this id lies in the group with that id.
fn is_in_group((id, group): (&str, &ResourceGroupId)) -> bool {
    let group = group.as_str();
    let rest = id.split_at_checked(group.len());
    rest.is_some_and(|(start, rest)| start.eq_ignore_ascii_case(group) && rest.starts_with('/'))
}

/// A managed image has no time: it counts only where the staging group was made for this template.
async fn managed_image(arm: &Arm, id: &ResourceId, run: EndedRun<'_>) -> Option<String> {
    let group = run.staging_group.filter(|group| is_of_service(group))?;
    if !id.is(MANAGED_IMAGE) {
        return None;
    }
    let image = arm.managed_image(id).await.ok()?;
    let disk = image.disk.filter(|_| image.succeeded)?;
    let accounts = arm.storage_accounts(group).await.ok()?;
    let mut endpoints = accounts
        .iter()
        .map(|account| account.blob_endpoint.as_str());
    endpoints
        .any(|endpoint| disk.starts_with(endpoint))
        .then(|| id.to_string())
}

/// The service calls the groups that it makes itself `IT_{group}_{template}_{guid}` (recorded in 2023).
pub(super) fn is_of_service(group: &ResourceGroupId) -> bool {
    let name = group.name();
    name.get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("IT_"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;

    const GROUP: &str = "/subscriptions/s/resourceGroups/IT_rg_t_1_guid";

    fn end(state: RunState, started: Option<OffsetDateTime>) -> RunEnd {
        RunEnd {
            kept: false,
            state,
            phase: None,
            message: String::new(),
            started,
            ended: None,
            elapsed: Duration::ZERO,
        }
    }

    fn version() -> Version {
        Version {
            name: "1.0.3".to_owned(),
            state: State::Succeeded,
            published: Some(datetime!(2026-11-28 10:30 UTC)),
            disk_account: Some(format!(
                "{}/providers/Microsoft.Storage/storageAccounts/x",
                GROUP.to_uppercase()
            )),
            ..Version::default()
        }
    }

    #[test]
    fn only_what_this_run_published_is_its_version() {
        let began = Some(datetime!(2026-11-28 10:00 UTC));
        let check = |version: &Version, number: Option<&str>, end: &RunEnd, expected: bool| {
            let group = GROUP.parse().unwrap();
            let run = EndedRun {
                end,
                staging_group: Some(&group),
            };
            assert_eq!(
                is_of_run(version, number, run),
                expected,
                "{version:?} {end:?}"
            );
        };
        let good = end(RunState::Succeeded, began);
        check(&version(), None, &good, true);
        let of_others = |account: Option<&str>| Version {
            disk_account: account.map(str::to_owned),
            ..version()
        };
        let other = "/subscriptions/s/resourceGroups/IT_rg_t_1_guid2/providers/x";
        check(&of_others(Some(other)), None, &good, false);
        check(&of_others(None), None, &good, false);
        let unfinished = Version {
            state: State::Failed,
            ..version()
        };
        check(&unfinished, None, &good, false);
        let older = Version {
            published: Some(datetime!(2026-11-28 9:59 UTC)),
            ..version()
        };
        check(&older, None, &good, false);
        check(&version(), None, &end(RunState::Succeeded, None), false);
        // A number of the template's own is proof when the run reached its target.
        check(&of_others(None), Some("1.0.3"), &good, true);
        check(&of_others(None), Some("1.0.4"), &good, false);
        let partly = end(RunState::PartiallySucceeded, began);
        check(&of_others(None), Some("1.0.3"), &partly, false);
        check(&version(), Some("1.0.3"), &partly, true);
    }

    #[test]
    fn groups_of_the_service_are_told_by_their_name() {
        let check = |id: &str, expected: bool| {
            assert_eq!(is_of_service(&id.parse().unwrap()), expected, "{id}");
        };
        check(GROUP, true);
        check("/subscriptions/s/resourceGroups/rg-staging", false);
        check("/subscriptions/s/resourceGroups/IT", false);
    }
}
