//! What promoting and withdrawing share, for the version that is named, for its copies, and for what uses it.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::change::{Change, NotChanged, Progress};
use super::event::{Event, Events, Subject, Warning};
use super::latest::LatestVersions;
use super::refused::{NotReleased, Refused, Why};
use super::wanted::Asked;
use crate::arm::gallery::{Body, SoftDeleted, Version, counting};
use crate::arm::image_users::ImageUser;
use crate::arm::resource_graph::Row;
use crate::arm::{Arm, Failure};
use crate::inputs::manifest::{END_OF_LIFE_IN_DAYS, WITHDRAW_REASON};
use crate::inputs::{Action, Release, What};
use crate::resource::tag::COPIED_FROM;
use crate::resource::{ImageVersion, ResourceId};

/// Codes of what is worth a warning.
const STAYS: &str = "AIB825";
const NOTHING_LEFT: &str = "AIB828";
pub(super) const END_OF_LIFE_PAST: &str = "AIB829";

/// The inputs, the client of Azure, and the receiver of events.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) request: &'a Release,
    pub(super) arm: &'a Arm,
    pub(super) events: &'a dyn Events,
}

/// The version that is named, when nothing goes on with it, and its image definition.
pub(super) struct NamedVersion {
    pub(super) version: Version,
    pub(super) definition: Value,
    pub(super) versions: Vec<Version>,
}

impl Job<'_> {
    pub(super) fn now(&self) -> OffsetDateTime {
        let azure = self.arm.client.azure_time();
        azure.unwrap_or_else(OffsetDateTime::now_utc)
    }

    pub(super) fn asked(&self) -> Asked<'_> {
        Asked {
            request: self.request,
            now: self.now(),
        }
    }

    pub(super) fn warn(&self, code: &'static str, text: String, hint: String) {
        let warning = Warning { code, text, hint };
        self.events.emit(Event::Warning(warning));
    }

    /// A version counts only where it has a replica, or gets one.
    pub(super) fn refuse_regions(
        &self,
        id: &ResourceId,
        version: &Version,
        added: &[String],
        can_be_added: bool,
    ) -> Result<(), Refused> {
        let replicas: Vec<_> = version.regions.iter().map(|it| it.name.clone()).collect();
        let wanted = self.request.regions.iter().map(ToString::to_string);
        let missing: Vec<_> = wanted
            .filter(|name| !replicas.contains(name) && !added.contains(name))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let why = Why::NoReplica {
            regions: missing,
            replicas,
            can_be_added,
        };
        Err(self.asked().refused(id, why))
    }

    pub(super) fn change<'a>(
        &'a self,
        id: &'a ResourceId,
        tell: &'a (dyn Fn(Progress) + Sync),
        replicates: bool,
    ) -> Change<'a> {
        Change {
            arm: self.arm,
            id,
            replicates,
            tell,
        }
    }

    /// Why a version was not changed, in terms of what was asked for.
    pub(super) fn not_changed(
        &self,
        id: &ResourceId,
        seen: &Version,
        not_changed: NotChanged<Refused>,
    ) -> NotReleased {
        let asked = self.asked();
        let why = match not_changed {
            NotChanged::Unwanted(refused) => return refused.into(),
            NotChanged::Azure(failure) if is_shallow(seen) && is_about_regions(&failure) => {
                return of_shallow(asked, id, &failure).into();
            }
            NotChanged::Azure(failure) => return failure.into(),
            NotChanged::Ended { code, message } => Why::Ended {
                code,
                message,
                shallow: is_shallow(seen) && self.adds_regions(),
            },
            NotChanged::Late { state, limit } => Why::Late { state, limit },
            NotChanged::Gone => Why::Missing {
                location: None,
                soft_deleted: None,
            },
        };
        asked.refused(id, why).into()
    }

    pub(super) fn adds_regions(&self) -> bool {
        match &self.request.what {
            What::Promote(promotion) => !promotion.added.is_empty(),
            What::Withdraw { .. } => false,
        }
    }

    /// The version and its regions before anything is sent.
    pub(super) fn subject(
        &self,
        id: &ResourceId,
        versions: &[Version],
        (planned, now): (&Version, Option<&Version>),
    ) -> Subject {
        let own: Vec<_> = planned.regions.iter().map(|it| it.name.clone()).collect();
        let regions = self.asked().regions(own.clone());
        Subject {
            version: id.clone(),
            location: planned.location.clone(),
            is_copy: *id != self.request.version,
            existed: now.is_some(),
            before: LatestVersions::of(versions, &own),
            counts: now.is_some_and(|now| counts_in_any(now, &regions)),
            regions,
        }
    }

    pub(super) fn preview(&self, subject: &Subject, plan: &LatestVersions, changes: bool) {
        self.warn_of_latest(subject, plan);
        self.events.emit(Event::Preview { changes });
        self.events.emit(Event::Now {
            latest_versions: subject.before.clone(),
            counts: subject.counts,
            changed: false,
        });
    }

    /// Reads the versions once more: others may have changed them meanwhile.
    pub(super) async fn told_now(
        &self,
        subject: &Subject,
        changed: bool,
    ) -> Result<(), NotReleased> {
        // An id of a version has a definition.
        let definition = subject.version.parent();
        let definition = definition.unwrap_or_else(|| subject.version.clone());
        let versions = self.arm.counted_versions(&definition).await?;
        let regions = subject.before.0.iter().map(|(name, _)| name.clone());
        let latest_versions = LatestVersions::of(&versions, &regions.collect::<Vec<_>>());
        let own = versions
            .iter()
            .find(|version| version.name.eq_ignore_ascii_case(subject.version.name()));
        let counts = own.is_some_and(|own| counts_in_any(own, &subject.regions));
        self.events.emit(Event::Now {
            latest_versions: latest_versions.clone(),
            counts,
            changed,
        });
        self.warn_of_latest(subject, &latest_versions);
        Ok(())
    }

    /// Warns where the latest version is, or would be, another one than expected.
    fn warn_of_latest(&self, subject: &Subject, latest_versions: &LatestVersions) {
        let name = subject.version.name();
        if let What::Withdraw { .. } = self.request.what {
            let lost = subject.before.lost_in(latest_versions);
            if !lost.is_empty() {
                let text = format!("no version counts in {} any longer", lost.join(", "));
                let hint = format!(
                    "VMs and scale sets that ask for the latest version there get none: promote another one (action: {})",
                    Action::Promote.name()
                );
                self.warn(NOTHING_LEFT, text, hint);
            }
            return;
        }
        for (latest, regions) in latest_versions.groups() {
            let regions: Vec<_> = regions
                .into_iter()
                .filter(|region| subject.regions.iter().any(|it| it == region))
                .collect();
            if regions.is_empty() || latest.is_some_and(|it| it.name == name) {
                continue;
            }
            let regions = regions.join(", ");
            let (text, hint) = match latest {
                Some(latest) if is_higher(&latest.name, name) => (
                    format!(
                        "{name} counts, but latest in {regions} stays {}, which is higher",
                        latest.name
                    ),
                    format!(
                        "to change that: action: {}, {}: <why>, imageVersionId: {}",
                        Action::Withdraw.name(),
                        WITHDRAW_REASON.name,
                        latest.id
                    ),
                ),
                other => {
                    let other = other.map_or("none", |latest| &latest.name);
                    (
                        format!("{name} does not count in {regions}: latest there is {other}"),
                        "another job or person may have changed it at the same time: run the step again"
                            .to_owned(),
                    )
                }
            };
            self.warn(STAYS, text, hint);
        }
    }

    pub(super) fn warn_of_past_end(&self, asked: Asked<'_>, id: &ResourceId, body: &Body) {
        let What::Promote(_) = self.request.what else {
            return;
        };
        let date = body.end_of_life();
        let parsed = date
            .as_deref()
            .and_then(|date| OffsetDateTime::parse(date, &Rfc3339).ok());
        if let (Some(date), Some(true)) = (date, parsed.map(|parsed| parsed <= asked.now)) {
            let text = format!("the end of life of {} stays past: {date}", id.name());
            let hint = format!("set '{}'", END_OF_LIFE_IN_DAYS.name);
            self.warn(END_OF_LIFE_PAST, text, hint);
        }
    }
}

fn counts_in_any(version: &Version, regions: &[String]) -> bool {
    counting(version).any(|region| regions.iter().any(|it| it == region))
}

/// The latest versions with `planned` among the versions.
pub(super) fn planned(
    subject: &Subject,
    versions: &[Version],
    planned: &Version,
) -> LatestVersions {
    let others = versions
        .iter()
        .filter(|version| !version.name.eq_ignore_ascii_case(&planned.name));
    let all: Vec<_> = others.cloned().chain([planned.clone()]).collect();
    let regions = subject.before.0.iter().map(|(name, _)| name.clone());
    LatestVersions::of(&all, &regions.collect::<Vec<_>>())
}

fn is_higher(one: &str, other: &str) -> bool {
    let number = |name: &str| name.parse::<ImageVersion>().ok();
    number(one) > number(other)
}

/// The version of this number among those that were deleted.
pub(super) fn named(deleted: Vec<SoftDeleted>, id: &ResourceId) -> Option<SoftDeleted> {
    let mut deleted = deleted.into_iter();
    deleted.find(|version| version.name == id.name())
}

/// A version in one region alone, as far as its description says.
fn is_shallow(version: &Version) -> bool {
    let mode = version
        .document
        .pointer("/properties/publishingProfile/replicationMode");
    let mode = mode.and_then(Value::as_str);
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("Shallow"))
}

fn is_about_regions(failure: &Failure) -> bool {
    failure.is(StatusCode::BAD_REQUEST) || failure.is(StatusCode::CONFLICT)
}

fn of_shallow(asked: Asked<'_>, id: &ResourceId, failure: &Failure) -> Refused {
    let refusal = failure.refusal();
    let (code, message) = refusal
        .map(|refusal| (refusal.code.clone(), refusal.message.clone()))
        .unwrap_or_default();
    asked.refused(
        id,
        Why::Ended {
            code,
            message,
            shallow: true,
        },
    )
}

/// The longest wait for what uses a version. Best effort: it is read from Azure Resource Graph, and a failure here never fails the step.
const LIMIT: Duration = Duration::from_secs(30);

impl Job<'_> {
    /// Emits the copies, and the number of machines.
    pub(super) async fn tell_users(&self) {
        let version = &self.request.version;
        let look = async {
            if let Ok(copies) = self.copies_of(version).await
                && !copies.is_empty()
            {
                self.events.emit(Event::Copies(copies));
            }
            if let Ok((machines, scale_sets)) = self.machines_of(version).await {
                self.events.emit(Event::Users {
                    machines,
                    scale_sets,
                });
            }
        };
        tokio::time::timeout(LIMIT, look).await.ok();
    }

    async fn copies_of(&self, version: &ResourceId) -> Result<Vec<String>, Failure> {
        let query = format!(
            "resources | where type =~ \"microsoft.compute/galleries/images/versions\"\n\
             | where tostring(tags.{COPIED_FROM}) =~ \"{version}\"\n\
             | project id"
        );
        let doing = "Finding the copies of the image version";
        let rows = self.arm.query_resources(doing, &query).await?;
        let ids = rows.iter().filter_map(|row| text(row, "id"));
        Ok(ids.map(str::to_owned).collect())
    }

    /// Virtual machines and scale sets that name the version, or of which Azure says that it stood for a definition.
    async fn machines_of(&self, version: &ResourceId) -> Result<(usize, usize), Failure> {
        let definition = version.parent().unwrap_or_else(|| version.clone());
        let doing = "Finding the VMs and scale sets that use the image version";
        let users = self.arm.machines_of(doing, &definition).await?;
        let runs = |user: &&ImageUser| {
            let image = user.image.parse::<ResourceId>();
            let is_exact = user.exact.as_deref() == Some(version.name());
            image.is_ok_and(|image| image == *version || image == definition && is_exact)
        };
        let all: Vec<_> = users.iter().filter(runs).collect();
        let sets = all.iter().filter(|user| user.is_scale_set()).count();
        Ok((all.len() - sets, sets))
    }
}

fn text<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.get(name)?.as_str()
}
