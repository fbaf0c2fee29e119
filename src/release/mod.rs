//! Which version of an image counts: to promote one, where it is or as a copy elsewhere, or to withdraw it.
//!
//! A version counts in a region if callers that ask for the latest one there may get it; the highest number of those that count is the latest
//! one (`arm::gallery::latest`).

pub mod change;
mod copy;
mod doctor;
pub mod event;
mod refused;
mod standing;
pub mod tags;
mod users;
mod wanted;

use http::StatusCode;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use change::{Change, Changed, NotChanged, Progress, WAITED};
pub use doctor::{doctor, permissions_to_tag};
use event::{Event, Events, Subject, Warning};
pub use refused::{NotReleased, ROLLING_OUT, Refused, Why, called, deletion};
pub use standing::{Latest, Standing};
pub use tags::{NotTagged, tag_version};
use wanted::Asked;

use crate::arm::api::GALLERIES;
use crate::arm::gallery::{Body, SoftDeleted, State, Version, counting};
use crate::arm::{Arm, Failure};
use crate::inputs::declared::END_OF_LIFE_IN_DAYS;
use crate::inputs::{Action, Release, What};
use crate::resource::ResourceId;

/// Promotes the version, or withdraws it.
pub async fn release(request: &Release, arm: &Arm, events: &dyn Events) -> Result<(), NotReleased> {
    let job = Job {
        request,
        arm,
        events,
    };
    let done = job.carry_out().await;
    done.map_err(|not_released| match not_released {
        NotReleased::Azure(failure) if is_forbidden(&failure) => {
            let why = Why::Forbidden(Box::new(failure));
            job.asked().refused(&request.version, why).into()
        }
        other => other,
    })
}
/// What is asked for, the way to Azure, and who listens.
#[derive(Clone, Copy)]
struct Job<'a> {
    request: &'a Release,
    arm: &'a Arm,
    events: &'a dyn Events,
}

/// The version that is named, when nothing goes on with it, and its image definition.
struct Seen {
    version: Version,
    definition: Value,
    versions: Vec<Version>,
}

impl Job<'_> {
    async fn carry_out(&self) -> Result<(), NotReleased> {
        let seen = self.ready().await?;
        let asked = self.asked();
        if self.request.targets().is_empty() {
            self.in_place(asked, seen).await
        } else {
            self.copies(asked, seen).await
        }
    }

    fn now(&self) -> OffsetDateTime {
        let azure = self.arm.client.azure_time();
        azure.unwrap_or_else(OffsetDateTime::now_utc)
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            request: self.request,
            now: self.now(),
        }
    }

    fn warn(&self, code: &'static str, text: String, hint: String) {
        let warning = Warning { code, text, hint };
        self.events.emit(Event::Warning(warning));
    }

    /// Looks at the version until nothing goes on with it. What speaks against it is told before anything is waited for.
    async fn ready(&self) -> Result<Seen, NotReleased> {
        let id = &self.request.version;
        let start = Instant::now();
        let mut is_told = false;
        loop {
            let seen = self.look().await?;
            if !is_told {
                is_told = true;
                let subject =
                    self.subject(id, &seen.versions, (&seen.version, Some(&seen.version)));
                self.events.emit(Event::Found(subject));
                self.warn_of_deprecation(&seen.definition);
            }
            self.refuse(&seen.version)?;
            if seen.version.state.is_end() {
                return Ok(seen);
            }
            let left = WAITED.saturating_sub(start.elapsed());
            let tell = |progress: Progress| {
                if let Progress::Busy { state, elapsed } = progress {
                    self.events.emit(Event::Waiting { state, elapsed });
                }
            };
            let settled = self.change(id, &tell, false).settled(Some(left)).await;
            settled.map_err(|not_changed| self.not_changed(id, &seen.version, not_changed))?;
        }
    }

    async fn look(&self) -> Result<Seen, NotReleased> {
        let id = &self.request.version;
        let asked = self.asked();
        let found = self.arm.version(id).await?;
        // An id of a version has a definition.
        let definition_id = id.parent().unwrap_or_else(|| id.clone());
        let doing = format!("Reading image definition '{}'", definition_id.name());
        let definition = self.arm.get_if_there(&doing, &definition_id, GALLERIES);
        let definition = definition.await?;
        let (Some(version), Some(definition)) = (found, &definition) else {
            let deleted = self.arm.soft_deleted(&definition_id).await;
            let location = definition.as_ref().and_then(|it| it.get("location"));
            return Err(asked
                .refused(
                    id,
                    Why::Missing {
                        location: location.and_then(Value::as_str).map(str::to_owned),
                        soft_deleted: deleted.ok().flatten().and_then(|all| named(all, id)),
                    },
                )
                .into());
        };
        if version.state == State::Deleting {
            return Err(asked.refused(id, Why::Deleting).into());
        }
        let versions = self.arm.counted_versions(&definition_id).await?;
        Ok(Seen {
            version,
            definition: definition.clone(),
            versions,
        })
    }

    /// What speaks against it although nothing has to be waited for to say so.
    fn refuse(&self, version: &Version) -> Result<(), Refused> {
        let (id, asked) = (&self.request.version, self.asked());
        let What::Promote(promotion) = &self.request.what else {
            if version.state == State::Failed {
                return Ok(());
            }
            return self.refuse_regions(id, version, &[], false);
        };
        if version.state == State::Failed {
            return Err(asked.refused(id, Why::Failed));
        }
        let missing: Vec<_> = promotion
            .required
            .iter()
            .filter_map(|(name, wanted)| {
                let found = version.tag(name);
                (found != Some(wanted))
                    .then(|| (name.clone(), wanted.clone(), found.map(str::to_owned)))
            })
            .collect();
        if !missing.is_empty() {
            return Err(asked.refused(id, Why::Tags(missing)));
        }
        if promotion.to.is_empty() {
            let added: Vec<_> = promotion.added.iter().map(|it| it.name.clone()).collect();
            self.refuse_regions(id, version, &added, true)?;
        }
        Ok(())
    }

    /// A version counts only where it has a replica, or gets one.
    fn refuse_regions(
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

    fn warn_of_deprecation(&self, definition: &Value) {
        let date = definition.pointer("/properties/endOfLifeDate");
        let date = date.and_then(Value::as_str);
        let parsed = date.and_then(|date| OffsetDateTime::parse(date, &Rfc3339).ok());
        if let (Some(date), Some(true)) = (date, parsed.map(|date| date <= self.now())) {
            let id = self.request.version.parent();
            let name = id.as_ref().map_or("", ResourceId::name);
            let text =
                format!("image definition '{name}' is deprecated: its end of life was {date}");
            let hint = "use another image definition, or move its end of life: az sig image-definition update --set endOfLifeDate=…".to_owned();
            self.warn(END_OF_LIFE_PAST, text, hint);
        }
    }

    fn change<'a>(
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
    fn not_changed(
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

    fn adds_regions(&self) -> bool {
        match &self.request.what {
            What::Promote(promotion) => !promotion.added.is_empty(),
            What::Withdraw { .. } => false,
        }
    }

    /// The version itself.
    async fn in_place(&self, asked: Asked<'_>, seen: Seen) -> Result<(), NotReleased> {
        let id = &self.request.version;
        let wanted = asked.of(id, &seen.version)?;
        let later = wanted.as_ref().and_then(|body| body.as_version(id));
        let later = later.unwrap_or_else(|| seen.version.clone());
        let subject = self.subject(id, &seen.versions, (&later, Some(&seen.version)));
        self.events.emit(Event::Before(subject.clone()));
        if !self.request.is_promotion() {
            self.tell_users().await;
        }
        let plan = planned(&subject, &seen.versions, &later);
        if self.request.preview || wanted.is_some() && !self.request.is_promotion() {
            self.events.emit(Event::Planned(plan.clone()));
        }
        self.refuse_nothing_left(asked, &subject, &plan)?;
        if self.request.preview {
            self.preview(&subject, &plan, wanted.is_some());
            return Ok(());
        }
        let Some(body) = wanted else {
            let why = (seen.version.state == State::Failed)
                .then_some("a version in state Failed counts nowhere");
            self.events.emit(Event::Nothing { why });
            return self.told_now(&subject, false).await;
        };
        self.warn_of_past_end(asked, id, &body);
        let tell = |progress| self.events.emit(Event::Progress(progress));
        let change = self.change(id, &tell, self.adds_regions());
        let before = seen.version.clone();
        let again = |now: Option<&Version>| now.map_or(Ok(None), |now| asked.of(id, now));
        let changed = change.make(Some(seen.version), &again).await;
        let changed = changed.map_err(|failure| self.not_changed(id, &before, failure))?;
        if matches!(changed, Changed::Already(_)) {
            self.events.emit(Event::Nothing { why: None });
        }
        self.told_now(&subject, true).await
    }

    /// How things are before anything is sent.
    fn subject(
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
            before: Standing::of(versions, &own),
            counts: now.is_some_and(|now| counts_in_any(now, &regions)),
            regions,
        }
    }

    fn refuse_nothing_left(
        &self,
        asked: Asked<'_>,
        subject: &Subject,
        plan: &Standing,
    ) -> Result<(), Refused> {
        let What::Withdraw { last, .. } = self.request.what else {
            return Ok(());
        };
        let lost = subject.before.lost_in(plan);
        if !lost.is_empty() && !last {
            let lost = lost.into_iter().map(str::to_owned).collect();
            return Err(asked.refused(&subject.version, Why::NothingLeft(lost)));
        }
        Ok(())
    }

    fn preview(&self, subject: &Subject, plan: &Standing, changes: bool) {
        self.warn_of_standing(subject, plan);
        self.events.emit(Event::Preview { changes });
        self.events.emit(Event::Now {
            standing: subject.before.clone(),
            counts: subject.counts,
            changed: false,
        });
    }

    /// A look afterwards: it shows what others have done meanwhile.
    async fn told_now(&self, subject: &Subject, changed: bool) -> Result<(), NotReleased> {
        // An id of a version has a definition.
        let definition = subject.version.parent();
        let definition = definition.unwrap_or_else(|| subject.version.clone());
        let versions = self.arm.counted_versions(&definition).await?;
        let regions = subject.before.0.iter().map(|(name, _)| name.clone());
        let standing = Standing::of(&versions, &regions.collect::<Vec<_>>());
        let own = versions
            .iter()
            .find(|version| version.name.eq_ignore_ascii_case(subject.version.name()));
        let counts = own.is_some_and(|own| counts_in_any(own, &subject.regions));
        self.events.emit(Event::Now {
            standing: standing.clone(),
            counts,
            changed,
        });
        self.warn_of_standing(subject, &standing);
        Ok(())
    }

    /// Says where the latest version is, or would be, not the one that is expected.
    fn warn_of_standing(&self, subject: &Subject, standing: &Standing) {
        let name = subject.version.name();
        if let What::Withdraw { .. } = self.request.what {
            let lost = subject.before.lost_in(standing);
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
        for (latest, regions) in standing.groups() {
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
                        "to change that: action: {}, imageVersionId: {}",
                        Action::Withdraw.name(),
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

    fn warn_of_past_end(&self, asked: Asked<'_>, id: &ResourceId, body: &Body) {
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

/// Codes of what is worth a warning.
const STAYS: &str = "AIB825";
const NOTHING_LEFT: &str = "AIB828";
const END_OF_LIFE_PAST: &str = "AIB829";

fn counts_in_any(version: &Version, regions: &[String]) -> bool {
    counting(version).any(|region| regions.iter().any(|it| it == region))
}

/// How things would be with `planned` among the versions.
fn planned(subject: &Subject, versions: &[Version], planned: &Version) -> Standing {
    let others = versions
        .iter()
        .filter(|version| !version.name.eq_ignore_ascii_case(&planned.name));
    let all: Vec<_> = others.cloned().chain([planned.clone()]).collect();
    let regions = subject.before.0.iter().map(|(name, _)| name.clone());
    Standing::of(&all, &regions.collect::<Vec<_>>())
}

fn is_higher(one: &str, other: &str) -> bool {
    let number = |name: &str| name.parse::<crate::resource::ImageVersion>().ok();
    number(one) > number(other)
}

/// The version of this number among those that were deleted.
fn named(deleted: Vec<SoftDeleted>, id: &ResourceId) -> Option<SoftDeleted> {
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

fn is_forbidden(failure: &Failure) -> bool {
    let refusal = failure.refusal();
    refusal.is_some_and(|refusal| refusal.code == "AuthorizationFailed")
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
