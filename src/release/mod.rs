//! Which version of an image counts: to promote one, where it is or as a copy elsewhere, or to withdraw it.
//!
//! A version counts in a region if callers that ask for the latest one there may get it; the highest number of those that count is the latest
//! one (`arm::gallery::latest`).

pub mod change;
mod copy;
mod doctor;
pub mod event;
mod job;
mod latest;
mod refused;
pub mod tags;
mod wanted;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use change::{Changed, OTHERS_LIMIT, Progress};
pub use doctor::{doctor, permissions_to_tag};
use event::{Event, Events, Subject};
use job::{END_OF_LIFE_PAST, Job, NamedVersion, named, planned};
pub use latest::{Latest, LatestVersions};
pub use refused::{NotReleased, ROLLING_OUT, Refused, Why, deletion, display_name};
pub use tags::{NotTagged, tag_version};
use wanted::Asked;

use crate::arm::api::GALLERIES;
use crate::arm::gallery::{State, Version};
use crate::arm::{Arm, Failure};
use crate::inputs::{Release, What};
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

    /// Reads the version until no operation is under way on it. A refusal comes before any waiting.
    async fn ready(&self) -> Result<NamedVersion, NotReleased> {
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
            let left = OTHERS_LIMIT.saturating_sub(start.elapsed());
            let tell = |progress: Progress| {
                if let Progress::Busy { state, elapsed } = progress {
                    self.events.emit(Event::Waiting { state, elapsed });
                }
            };
            let settled = self.change(id, &tell, false).settled(Some(left)).await;
            settled.map_err(|not_changed| self.not_changed(id, &seen.version, not_changed))?;
        }
    }

    async fn look(&self) -> Result<NamedVersion, NotReleased> {
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
        Ok(NamedVersion {
            version,
            definition: definition.clone(),
            versions,
        })
    }

    /// Refuses what can be refused without waiting.
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

    /// The version itself.
    async fn in_place(&self, asked: Asked<'_>, seen: NamedVersion) -> Result<(), NotReleased> {
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

    fn refuse_nothing_left(
        &self,
        asked: Asked<'_>,
        subject: &Subject,
        plan: &LatestVersions,
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
}

fn is_forbidden(failure: &Failure) -> bool {
    let refusal = failure.refusal();
    refusal.is_some_and(|refusal| refusal.code == "AuthorizationFailed")
}
