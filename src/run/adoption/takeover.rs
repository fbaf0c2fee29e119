//! Going on with a template that an earlier attempt made, from the state in which it is, as long as the link to its package lives; or removing it.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::{Adopted, Search, give_another, name_in_use};
use crate::arm::operation::Started;
use crate::arm::template_state::{RunState, RunStatus};
use crate::error::Error;
use crate::inputs::Owner;
use crate::resource::ResourceId;
use crate::run::aids::log_file;
use crate::run::build_template::BuildTemplate;
use crate::run::clean_up::{Budget, remove_with_package};
use crate::run::context::CurrentRun;
use crate::run::event::Event;
use crate::run::find::{self, FoundTemplate};
use crate::run::follow::{ActiveRun, Run, age};
use crate::run::leftover::Leftover;
use crate::run::leftovers::Leftovers;
use crate::run::watch::{RunEnd, WatchedRun, watch};
use crate::run::{start, submit};
use crate::template::model::{Properties, json};

/// How long something is waited for that passes by itself: a deletion, or the end of a run that was canceled.
const PASSING: Duration = Duration::from_secs(15 * 60);

impl<'a> Search<'a> {
    /// Takes `found` over, which is of this step and of the same inputs. Nothing where it changes, so that another round is needed.
    pub(super) async fn take_over(
        &self,
        found: FoundTemplate,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Option<Adopted<'a>>, Error> {
        if found.template.is_being_deleted() {
            self.until_gone(&found.id).await?;
            return Ok(None);
        }
        if found.template.is_being_provisioned() {
            self.emit(Event::EarlierProvisioning {
                template: found.id.name().to_owned(),
            });
            self.register(&found, leftovers);
            self.provisioned(&found.id).await?;
            return Ok(None);
        }
        let adopted = if found.template.is_provisioned() {
            match found.template.last_run.clone() {
                None => self.start_run(&found, leftovers).await?,
                Some(run) => self.take_over_run(&found, run, leftovers).await?,
            }
        } else {
            self.discard(&found, "could not be provisioned", leftovers)
                .await?;
            Adopted::Nothing
        };
        Ok(Some(adopted))
    }

    /// Takes over a template that has run, or runs.
    async fn take_over_run(
        &self,
        found: &FoundTemplate,
        run: RunStatus,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Adopted<'a>, Error> {
        let context = &self.build.context;
        match &run.state {
            RunState::Failed | RunState::Canceled => {
                self.emit(Event::EarlierFailed {
                    state: run.state.clone(),
                });
                let template = self.template(found);
                log_file::fetch(context, &template, &run.message).await;
                self.remove(found, leftovers).await?;
                Ok(Adopted::Nothing)
            }
            RunState::Canceling => {
                self.register(found, leftovers);
                self.until_ended(&found.id, &run).await;
                self.discard(found, "was canceled", leftovers).await?;
                Ok(Adopted::Nothing)
            }
            _ if run.is_over() => {
                self.emit(Event::EarlierEnded);
                self.register(found, leftovers);
                let end = RunEnd::of(run, found.tags.keep);
                self.emit(end.as_event());
                Ok(self.adopted(found, Run::Ended(end)))
            }
            _ => {
                let run = ActiveRun::found(Some(&run), self.arm().client.azure_time());
                self.emit(Event::EarlierRunning { elapsed: run.age });
                self.register(found, leftovers);
                context.state.set_run(CurrentRun::FoundRunning);
                Ok(self.adopted(found, Run::Active(run)))
            }
        }
    }

    /// Starts the run of a template that has never run. The link in it has to last as long as the build may.
    async fn start_run(
        &self,
        found: &FoundTemplate,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Adopted<'a>, Error> {
        let template = self.template(found);
        let now = self.arm().client.azure_time();
        let end = now.and_then(|now| now.checked_add(template.build_timeout().try_into().ok()?));
        let link = end_of_link(&template.definition.properties);
        if link.zip(end).is_some_and(|(link, end)| link < end) {
            let why = "has a link to its package that expires before the build can end";
            self.discard(found, why, leftovers).await?;
            return Ok(Adopted::Nothing);
        }
        self.emit(Event::EarlierNotStarted {
            template: found.id.name().to_owned(),
        });
        self.register(found, leftovers);
        let context = &self.build.context;
        let (arm, events) = (context.arm, context.events);
        let started = start::start_run(arm, &found.id, &found.template, events).await?;
        context.state.set_run(CurrentRun::StartedHere);
        let run = ActiveRun::started(started, arm.client.azure_time());
        Ok(self.adopted(found, Run::Active(run)))
    }

    fn adopted(&self, found: &FoundTemplate, run: Run) -> Adopted<'a> {
        Adopted::Run(Box::new(self.template(found)), run)
    }

    fn template(&self, found: &FoundTemplate) -> BuildTemplate<'a> {
        let plan = self.build.plan;
        BuildTemplate::of_found(found, Some(plan), plan.stream_logs)
    }

    /// `found` is this attempt's to remove from now on.
    fn register(&self, found: &FoundTemplate, leftovers: &mut Leftovers<'_>) {
        let leftover = Leftover::template(&found.id);
        leftovers.register_once(&leftover, &self.build.plan.origin.run);
        leftovers.confirm_ours(&leftover);
        let state = self.build.context.state;
        state.set_template(&self.template(found), true, found.tags.keep);
    }

    /// Removes `found`, and says `why`.
    pub(super) async fn discard(
        &self,
        found: &FoundTemplate,
        why: &str,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<(), Error> {
        self.emit(Event::EarlierDiscarded {
            template: found.id.name().to_owned(),
            why: why.to_owned(),
        });
        self.remove(found, leftovers).await
    }

    /// Removes `found`, with its package; a run is canceled and followed to its end first.
    pub(super) async fn remove(
        &self,
        found: &FoundTemplate,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<(), Error> {
        let plan = self.build.plan;
        let leftover = Leftover::template(&found.id);
        leftovers.register_once(&leftover, &plan.origin.run);
        let owner = Owner::from(plan);
        let budget = Budget::AFTER_BUILD;
        let removing = remove_with_package(self.arm(), &owner, leftover.clone(), leftovers, budget);
        let not_removed = removing.await;
        self.build.context.state.clear();
        if found.tags.keep && found.id == plan.template_id {
            let why = "a tag says that it is kept";
            return Err(name_in_use(found.id.name(), why, &give_another()));
        }
        for stays in not_removed {
            self.emit(Event::NotRemoved(Box::new(stays.clone())));
            if stays.leftover == leftover && leftovers.all().contains(&leftover) {
                let instead = stays.removal();
                let instead = instead.map(|command| format!("run: {command}"));
                let instead = instead.unwrap_or_else(give_another);
                return Err(name_in_use(found.id.name(), &stays.why, &instead));
            }
        }
        Ok(())
    }

    /// Waits until a template is provisioned, or could not be: the next round tells.
    async fn provisioned(&self, id: &ResourceId) -> Result<(), Error> {
        let started = Started::elsewhere();
        let events = self.build.context.events;
        match submit::provisioned(self.arm(), id, &started, Instant::now(), events).await {
            Ok(_) | Err(Error::Submission { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn until_gone(&self, id: &ResourceId) -> Result<(), Error> {
        find::until_gone(self.arm(), id, PASSING, self.build.context.events).await
    }

    /// Waits until a run has ended that is being canceled. That it does not end is told by what comes next.
    async fn until_ended(&self, id: &ResourceId, run: &RunStatus) {
        let started = Started::elsewhere();
        let watched = WatchedRun {
            started: &started,
            previous_began: None,
            age: age(run.started, self.arm().client.azure_time()),
            limit: PASSING,
        };
        let events = self.build.context.events;
        watch(self.arm(), id, watched, events).await.ok();
    }
}

static END: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[?&]se=([0-9TZ:%A-Fa-f.\-]+)").ok());

/// When the first of the links in the customizers ends; nothing where there is none with an end.
pub(super) fn end_of_link(properties: &Properties) -> Option<OffsetDateTime> {
    let text = json(&properties.customize).to_string();
    let found = END.as_ref()?.captures_iter(&text);
    let ends = found.filter_map(|found| {
        let end = found.get(1)?.as_str();
        let end = percent_encoding::percent_decode_str(end)
            .decode_utf8()
            .ok()?;
        OffsetDateTime::parse(&end, &Rfc3339).ok()
    });
    ends.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn the_end_of_a_signed_link_is_read() {
        let check = |customize: serde_json::Value, expected: Option<OffsetDateTime>| {
            let properties = json!({"customize": customize});
            assert_eq!(
                end_of_link(&serde_json::from_value(properties).unwrap()),
                expected
            );
        };
        let address =
            "https://a.blob.core.windows.net/c/b.zip?sv=1&se=2026-11-22T10%3A00%3A00Z&sig=x";
        let file = json!({"type": "File", "sourceUri": address, "destination": "/tmp/b.zip"});
        let expected = Some(datetime!(2026-11-22 10:00 UTC));
        check(json!([file]), expected);
        let script =
            json!({"type": "Shell", "inline": [format!("curl '{}'", address.replace("%3A", ":"))]});
        check(json!([script, file]), expected);
        check(
            json!([{"type": "File", "sourceUri": "https://a/b.zip"}]),
            None,
        );
        check(json!([]), None);
    }
}
