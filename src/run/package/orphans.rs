//! Packages of earlier attempts that no template names: the job died between its upload and its template.

use std::time::Duration;

use time::OffsetDateTime;

use super::access::Way;
use super::{Event, Sending};
use crate::inputs::origin::PackageName;
use crate::run::find::Found;
use crate::run::tie;
use crate::storage::reading::{self, Access, Listed};
use crate::storage::{self, CONTAINER};

/// A job beside this one may be between upload and template.
const YOUNGEST: Duration = Duration::from_secs(30 * 60);

/// Deletes what an earlier attempt left. That it cannot be looked for, or not be deleted, is no failure: `sweep` finds it, too.
pub(super) async fn remove(sending: &Sending<'_>, way: &Way) {
    let Sending {
        origin,
        subscription,
        arm,
        account,
        events,
        ..
    } = *sending;
    let access = match way {
        Way::Token => Access::token(),
        Way::Key(key) => Access::key(account, key.clone()),
    };
    let Ok(listed) = reading::list(&arm.client, account, CONTAINER, &access).await else {
        return;
    };
    let now = arm.client.azure_time();
    let run = &origin.run;
    let old: Vec<_> = listed
        .into_iter()
        .filter(|blob| now.is_some_and(|now| is_left(blob, run, now)))
        .collect();
    if old.is_empty() {
        return;
    }
    // A job of the same run may have its template in another group.
    let Ok(templates) = arm.templates_of_subscription(subscription).await else {
        return;
    };
    let templates: Vec<_> = templates
        .into_iter()
        .map(|(id, template)| Found::of(id, template))
        .collect();
    let mut count = 0;
    for blob in old {
        let mut all = templates.iter();
        if all.any(|template| tie::names(template, &account.name, &blob.name)) {
            continue;
        }
        let Ok(blob) = account.blob(CONTAINER, &blob.name) else {
            continue;
        };
        let client = way.client(arm, account);
        if let Ok(true) = storage::delete(&client, &blob).await {
            count += 1;
        }
    }
    if count > 0 {
        events.emit(Event::OrphansRemoved { count });
    }
}

/// Whether a blob is a package of pipeline run `run`, and old enough.
fn is_left(blob: &Listed, run: &str, now: OffsetDateTime) -> bool {
    let of_run = PackageName::read(&blob.name).is_some_and(|name| name.is_of_run(run));
    of_run && blob.written.is_some_and(|written| now - written > YOUNGEST)
}
