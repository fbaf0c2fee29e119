//! `action: run`: starting the run of a template that is there.

use serde_json::json;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::{Found, Waiting, is_in_state, tail, unprovisioned};
use crate::arm::api;
use crate::arm::template_state::{RunState, RunStatus};
use crate::error::Error;
use crate::inputs::origin::{MADE, RUN, STEP};
use crate::run::followed::Followed;
use crate::run::tail::Run;
use crate::run::{Image, course, marks, start, submit};
use crate::template::mark_images;
use crate::template::model::json as json_of;

impl Waiting<'_, '_, '_> {
    /// Starts the run of `found`, unless an attempt at this step has done so, and follows it.
    pub(super) async fn run(&mut self, mut found: Found) -> Result<Image, Error> {
        if is_in_state(&found, "Deleting") {
            return Err(self.missing().await);
        }
        if is_in_state(&found, "Creating") || is_in_state(&found, "Updating") {
            self.provisioned(&found.id).await?;
            let seen = self.arm().template(&found.id).await?;
            found = Found::of(found.id.clone(), seen.value);
            self.take_note(&found);
        }
        if !is_in_state(&found, "Succeeded") {
            return Err(unprovisioned(&found));
        }
        if let Some(run) = &found.template.last_run {
            if self.is_own(&found, run) {
                let good = !matches!(run.state, RunState::Failed | RunState::Canceled);
                if !run.is_over() || good {
                    self.tell(&found);
                    return self.follow(&found).await;
                }
            } else if !run.is_over() {
                // It is not this step's to remove, or to cancel.
                self.place.course.forget();
                self.leftovers.release();
                return Err(running_already(&found, run));
            }
        }
        self.tell(&found);
        if found.marks.are_ours() {
            self.mark(&found).await?;
        }
        let place = self.place;
        let started = start::start_run(place.arm, &found.id, &found.template, place.events).await?;
        place.course.runs(course::Run::Started);
        let followed = Followed::of_found(&found, None, self.task.stream_logs);
        let before = found.template.last_run.as_ref();
        let at = Run {
            before: before.and_then(|run| run.started),
            ..self.on(started)
        };
        let result = tail::to_its_end(&place, &followed, &at).await;
        self.judged(&found, result).await
    }

    /// Whether an attempt at this step has started `run`: the tags say so, since before it began.
    fn is_own(&self, found: &Found, run: &RunStatus) -> bool {
        let (marks, origin) = (&found.marks, &self.task.origin);
        let own = marks.are_ours()
            && marks.run.as_deref() == Some(&origin.run)
            && marks.step.as_deref() == Some(&origin.step);
        let since = run.started.zip(marks.made);
        // The tag has whole seconds.
        own && since.is_some_and(|(began, made)| began >= made)
    }

    /// The image is to carry the key of this step, and a later attempt is to know what this one started. Tags and targets are sent whole, so that
    /// nothing depends on whether Azure merges or replaces them.
    async fn mark(&mut self, found: &Found) -> Result<(), Error> {
        let origin = &self.task.origin;
        let mut tags = found.template.tags.clone();
        let own = [RUN, STEP, MADE];
        tags.retain(|name, _| !own.iter().any(|own| own.eq_ignore_ascii_case(name)));
        let now = self.arm().client.azure_time();
        tags.insert(RUN.to_owned(), origin.run.clone());
        tags.insert(STEP.to_owned(), origin.step.clone());
        tags.extend(
            now.and_then(marks::in_words)
                .map(|made| (MADE.to_owned(), made)),
        );
        let mut template = found.template.definition.clone().unwrap_or_default();
        mark_images(&mut template, &marks::of_image(origin, None));
        let distribute = json_of(&template.properties.distribute);
        let body = json!({"tags": tags, "properties": {"distribute": distribute}});
        let doing = format!("Tagging image template '{}'", found.id.name());
        let changing = self
            .arm()
            .patch(&doing, &found.id, api::IMAGE_TEMPLATES, &body);
        let changed = changing.await?;
        let events = self.place.events;
        let start = Instant::now();
        submit::provisioned(self.arm(), &found.id, &changed.started, start, events).await?;
        Ok(())
    }
}

fn running_already(found: &Found, run: &RunStatus) -> Error {
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
