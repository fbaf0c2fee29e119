//! The tags by which the task knows its own template again. They go with the request that makes it, so that there is no moment without them.

use time::OffsetDateTime;
use time::macros::format_description;

use crate::inputs::Plan;
use crate::inputs::declared::TASK_VERSION;
use crate::inputs::origin::{LONGEST_VALUE, MADE, PACKAGE, RUN, STEP, TASK};
use crate::resource::ResourceId;
use crate::storage::StorageAccount;

/// The tags of the template of `plan`, made at `now` by Azure's clock; its package is in `account`.
pub(super) fn of(
    plan: &Plan,
    account: Option<&StorageAccount>,
    now: Option<OffsetDateTime>,
) -> Vec<(&'static str, String)> {
    let time = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let made = now.and_then(|now| now.to_offset(time::UtcOffset::UTC).format(time).ok());
    let all = [
        (TASK, Some(TASK_VERSION.to_owned())),
        (RUN, Some(plan.origin.run.clone())),
        (STEP, Some(plan.origin.step.clone())),
        (PACKAGE, account.and_then(|account| package(plan, account))),
        (MADE, made),
    ];
    let known = all.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Where the package is. One that stays for later runs is none of the template's.
fn package(plan: &Plan, account: &StorageAccount) -> Option<String> {
    let package = plan.package.as_ref();
    let package = package.filter(|package| package.retention.is_none())?;
    let id: ResourceId = account.id.parse().ok()?;
    let (group, name) = (id.resource_group(), &account.name);
    let place = format!("{group}/{name}/{}", package.blob_name);
    (place.chars().count() <= LONGEST_VALUE).then_some(place)
}
