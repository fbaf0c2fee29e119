//! Packages that earlier attempts and earlier runs left in storage: deleted if nobody needs them. If that fails, the build continues.

use std::time::Duration;

use time::OffsetDateTime;

use super::PackageUpload;
use super::credential::Credential;
use crate::inputs::origin::PackageName;
use crate::run::event::Event;
use crate::run::find::FoundTemplate;
use crate::run::ownership;
use crate::storage::reading::{self, Access, Listed};
use crate::storage::{self, CONTAINER};

/// A job beside this one may be between upload and template.
const YOUNGEST: Duration = Duration::from_secs(30 * 60);

impl PackageUpload<'_> {
    /// Deletes packages of earlier attempts that no template names: the job died between its upload and its template. `sweep` finds those that stay.
    pub(super) async fn delete_orphans(&self, credential: &Credential) {
        let Self {
            origin,
            subscription,
            arm,
            account,
            events,
            ..
        } = *self;
        let access = match credential {
            Credential::Token => Access::token(),
            Credential::Key(key) => Access::key(account, key.clone()),
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
            .map(|(id, template)| FoundTemplate::of(id, template))
            .collect();
        let mut count = 0;
        for blob in old {
            let mut all = templates.iter();
            if all.any(|template| ownership::names_package(template, &account.name, &blob.name)) {
                continue;
            }
            let Ok(blob) = account.blob(CONTAINER, &blob.name) else {
                continue;
            };
            let client = credential.client(arm, account);
            if let Ok(true) = storage::delete(&client, &blob).await {
                count += 1;
            }
        }
        if count > 0 {
            events.emit(Event::OrphanedPackagesRemoved { count });
        }
    }

    /// Deletes packages of earlier runs that nobody has used for `days`.
    pub(super) async fn delete_unused(&self, credential: &Credential, days: u32) {
        let age = Duration::from_secs(u64::from(days) * 24 * 3600);
        let client = credential.client(self.arm, self.account);
        let now = OffsetDateTime::now_utc();
        let removed = storage::delete_unused(&client, self.account, CONTAINER, age, now).await;
        self.events.emit(match removed {
            Ok(0) => return,
            Ok(count) => Event::OldPackagesRemoved { count },
            Err(failure) => Event::OldPackagesRemain {
                reason: failure.to_string(),
            },
        });
    }
}

/// Whether a blob is a package of pipeline run `run`, and old enough.
fn is_left(blob: &Listed, run: &str, now: OffsetDateTime) -> bool {
    let of_run = PackageName::read(&blob.name).is_some_and(|name| name.is_of_run(run));
    of_run && blob.written.is_some_and(|written| now - written > YOUNGEST)
}
