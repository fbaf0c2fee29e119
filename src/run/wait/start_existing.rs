//! `action: run`: starting the run of a template that is there.

use crate::resource::tag::moment;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::{Waiting, unprovisioned};
use crate::arm::api;
use crate::arm::template_state::RunStatus;
use crate::error::Error;
use crate::resource::tag::{MADE, RUN, STEP};
use crate::run::context::CurrentRun;
use crate::run::find::FoundTemplate;
use crate::run::follow::{self, ActiveRun};
use crate::run::image::Image;
use crate::run::{start, submit, template_tags};
use crate::template::model::json as json_of;

impl Waiting<'_, '_, '_> {
    /// Starts the run of `found`, unless an attempt at this step has done so, and follows it.
    pub(super) async fn run(&mut self, mut found: FoundTemplate) -> Result<Image, Error> {
        if found.template.is_being_deleted() {
            return Err(self.missing().await);
        }
        if found.template.is_being_provisioned() {
            self.provisioned(&found.id).await?;
            let seen = self.arm().template(&found.id).await?;
            found = FoundTemplate::of(found.id.clone(), seen.value);
            self.register(&found);
        }
        if !found.template.is_provisioned() {
            return Err(unprovisioned(&found));
        }
        if let Some(run) = &found.template.last_run {
            if self.is_own(&found, run) {
                if !run.is_over() || !run.state.is_without_image() {
                    self.announce(&found);
                    return self.follow(&found).await;
                }
            } else if !run.is_over() {
                // It is not this step's to remove, or to cancel.
                self.context.state.clear();
                self.leftovers.release();
                return Err(running_already(&found, run));
            }
        }
        self.announce(&found);
        if found.tags.are_ours() {
            self.tag(&found).await?;
        }
        let context = self.context;
        let (arm, events) = (context.arm, context.events);
        let started = start::start_run(arm, &found.id, &found.template, events).await?;
        context.state.set_run(CurrentRun::StartedHere);
        let template = self.template(&found);
        let previous = found.template.last_run.as_ref();
        let run = ActiveRun {
            previous_began: previous.and_then(|run| run.started),
            ..ActiveRun::started(started, arm.client.azure_time())
        };
        let run = self.waited_for(run);
        let result = follow::follow_and_collect(&context, &template, &run).await;
        self.or_by_tags(&found, result).await
    }

    /// Whether an attempt at this step has started `run`: the tags say so, since before it began.
    fn is_own(&self, found: &FoundTemplate, run: &RunStatus) -> bool {
        let own = found.tags.are_of_step(&self.task.origin);
        let since = run.started.zip(found.tags.made);
        // The tag has whole seconds.
        own && since.is_some_and(|(began, made)| began >= made)
    }

    /// Writes the tags of this step to the template and its targets, so that the image is found by them, and a later attempt knows what this one
    /// started. Tags and targets are sent whole, so that nothing depends on whether Azure merges or replaces them.
    async fn tag(&mut self, found: &FoundTemplate) -> Result<(), Error> {
        let origin = &self.task.origin;
        let mut tags = found.template.tags.clone();
        let own = [RUN, STEP, MADE];
        tags.retain(|name, _| !own.iter().any(|own| own.eq_ignore_ascii_case(name)));
        let now = self.arm().client.azure_time();
        tags.insert(RUN.to_owned(), origin.run.clone());
        tags.insert(STEP.to_owned(), origin.step.clone());
        tags.extend(now.map(moment).map(|made| (MADE.to_owned(), made)));
        let mut template = found.template.definition.clone().unwrap_or_default();
        template_tags::tag_image(&mut template, origin, found.id.name(), None);
        let distribute = json_of(&template.properties.distribute);
        let body = json!({"tags": tags, "properties": {"distribute": distribute}});
        let doing = format!("Tagging image template '{}'", found.id.name());
        let changing = self
            .arm()
            .patch(&doing, &found.id, api::IMAGE_TEMPLATES, &body);
        let changed = changing.await?;
        let events = self.context.events;
        let start = Instant::now();
        submit::provisioned(self.arm(), &found.id, &changed.started, start, events).await?;
        Ok(())
    }
}

fn running_already(found: &FoundTemplate, run: &RunStatus) -> Error {
    let name = found.id.name();
    let since = run.started.and_then(|began| {
        let began = began.replace_nanosecond(0).unwrap_or(began);
        began.format(&Rfc3339).ok()
    });
    let since = since.map(|since| format!(" (since {since})"));
    Error::NotOurs {
        doing: format!("Starting the run of image template '{name}'"),
        why: format!("it is running already{}", since.unwrap_or_default()),
        instead: "use 'action: wait' to follow it".to_owned(),
    }
}
