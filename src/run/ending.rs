//! The end of a step that deals with a run: what becomes of the run, of the template and of the package.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::clean_up::{Budget, cancel_runs, clean_up};
use super::course::{Known, Run};
use super::event::Event;
use super::find::Found;
use super::leftover::{Keeping, Leftover, Leftovers, Remains};
use super::removal::{self, Package};
use super::tail::Place;
use super::{Done, NOT_REMOVED_YET, Outcome, Output};
use crate::arm::api;
use crate::error::Error;
use crate::inputs::origin::KEEP;
use crate::inputs::{OnCancel, Owner, Templates};
use crate::resource::ResourceId;
use crate::template::model::Properties;

/// The agent grants 7.5 s after its first signal; the rest of them is for the report.
const CANCEL_BUDGET: Duration = Duration::from_secs(5);

/// Whose step ends, and what its author wants.
pub(super) struct Ending<'a> {
    pub(super) place: Place<'a>,
    pub(super) owner: &'a Owner,
    pub(super) stop: &'a CancellationToken,
    /// What a canceled job does with the run; by default it depends on whose it is.
    pub(super) on_cancel: Option<OnCancel>,
    /// Whether template and package stay.
    pub(super) keep: bool,
}

impl Ending<'_> {
    /// Ends the step with `result`; `leftovers` is what it may have to remove.
    pub(super) async fn conclude(
        &self,
        result: Result<Done, Error>,
        mut leftovers: Leftovers<'_>,
    ) -> Outcome {
        let Place { arm, events, .. } = self.place;
        let mut remains = Vec::new();
        match &result {
            Err(Error::Canceled) => return self.canceled(leftovers).await,
            Err(Error::Deadline { .. }) => cancel_runs(arm, &templates(&leftovers), events).await,
            Ok(Done::Image(image)) => events.emit(Event::Built(image.clone())),
            // Whoever comes back needs all of it.
            Ok(Done::GoesOn { .. } | Done::NotReady { .. })
            | Err(Error::NotReady { .. } | Error::NeverRun { .. }) => leftovers.release(),
            Ok(Done::Ran(_)) | Err(_) => {}
        }
        if let Some(template) = self.place.course.template() {
            if self.keep || template.kept {
                self.keep(&template, &mut leftovers).await;
            } else if holds_result(&template.properties, &result) {
                remains.extend(self.keep_template(&template, &mut leftovers).await);
            }
        }
        if !leftovers.all().is_empty() {
            events.emit(Event::CleaningUp);
        }
        remains.extend(tokio::select! {
            biased;
            () = self.stop.cancelled() => leftovers.all_remain(NOT_REMOVED_YET),
            remains = clean_up(arm, self.owner, &mut leftovers, Budget::AFTER_BUILD) => remains,
        });
        Outcome {
            remains,
            ..Outcome::of(result)
        }
    }

    /// Template and package stay, because somebody wants it. `sweep` is to know, too.
    async fn keep(&self, template: &Known, leftovers: &mut Leftovers<'_>) {
        let Place { arm, events, .. } = self.place;
        if !template.kept
            && template.ours
            && let Ok(seen) = arm.template(&template.id).await
            && seen.value.tag(KEEP).is_none_or(|keep| keep != "true")
        {
            let mut tags = seen.value.tags;
            tags.retain(|name, _| !name.eq_ignore_ascii_case(KEEP));
            tags.insert(KEEP.to_owned(), "true".to_owned());
            let body = serde_json::json!({"tags": tags});
            let doing = format!("Tagging image template '{}'", template.id.name());
            let patched = arm
                .patch(&doing, &template.id, api::IMAGE_TEMPLATES, &body)
                .await;
            if let Err(failure) = patched {
                events.emit(Event::NotMarked {
                    reason: failure.to_string(),
                });
            }
        }
        for leftover in leftovers.all() {
            leftovers.keep(&leftover, Keeping::Asked);
        }
    }

    /// The template alone stays, because the result would go with it.
    async fn keep_template(
        &self,
        template: &Known,
        leftovers: &mut Leftovers<'_>,
    ) -> Option<Remains> {
        let own = Leftover::template(&template.id);
        if !leftovers.all().contains(&own) {
            return None;
        }
        leftovers.keep(&own, Keeping::HoldsResult);
        if !leftovers.all().is_empty() {
            return None;
        }
        // The package of a template that another step or attempt made.
        let seen = self.place.arm.template(&template.id).await.ok()?;
        let found = Found::of(template.id.clone(), seen.value);
        match removal::package(self.place.arm, &found, self.place.events).await {
            Package::NotOurs(remains) | Package::Stays(remains) => Some(remains),
            Package::None | Package::Gone(_) => None,
        }
    }

    async fn canceled(&self, mut leftovers: Leftovers<'_>) -> Outcome {
        let Place {
            arm,
            events,
            course,
            ..
        } = self.place;
        let (template, run) = (course.template(), course.run());
        let running = template.as_ref().filter(|_| run != Run::Off);
        // Who waits for somebody to start the run leaves the template to whoever does.
        let waits = !matches!(self.owner.templates, Templates::OfStep(_));
        let left = template
            .as_ref()
            .filter(|it| run != Run::Off || (waits && it.ours));
        if let Some(running) = left
            && self.leaves(running, run)
        {
            leftovers.release();
            events.emit(Event::LeftRunning {
                template: running.id.clone(),
            });
            return Outcome::failed(Error::Canceled);
        }
        let rests = |it: &Known| !it.ours && running.is_none();
        if !template.as_ref().is_some_and(rests) {
            events.emit(Event::Canceling);
        }
        let mut ids = templates(&leftovers);
        // The run of somebody else's template is stopped, and the template stays.
        ids.extend(running.map(|it| it.id.clone()));
        ids.dedup();
        let sent = tokio::time::timeout(CANCEL_BUDGET, cancel_runs(arm, &ids, events)).await;
        if sent.is_err() {
            events.emit(Event::CancelNotConfirmed {
                reason: "Azure has not answered yet".to_owned(),
            });
        }
        if let Some(template) = template
            && (self.keep || template.kept)
        {
            for leftover in leftovers.all() {
                leftovers.keep(&leftover, Keeping::Asked);
            }
        }
        Outcome {
            remains: leftovers.all_remain(NOT_REMOVED_YET),
            ..Outcome::failed(Error::Canceled)
        }
    }

    fn leaves(&self, template: &Known, run: Run) -> bool {
        let by_default = if template.ours || run == Run::Started {
            OnCancel::Cancel
        } else {
            OnCancel::Leave
        };
        self.on_cancel.unwrap_or(by_default) == OnCancel::Leave
    }
}

fn templates(leftovers: &Leftovers<'_>) -> Vec<ResourceId> {
    let all = leftovers.all().into_iter();
    all.filter_map(|leftover| match leftover {
        Leftover::Template { id } => id.parse().ok(),
        _ => None,
    })
    .collect()
}

/// A VHD without an address of its own lies in the template's staging group and would go with the template, also when its run output could not
/// be read. So would a VM that is to be examined after a failure.
fn holds_result(properties: &Properties, result: &Result<Done, Error>) -> bool {
    let holds_vhd = match result {
        Ok(Done::Image(image)) => image.outputs.iter().any(Output::is_vhd),
        Ok(Done::GoesOn { .. } | Done::NotReady { .. } | Done::Ran(_)) => false,
        Err(error) => matches!(error, Error::NoImage { .. }),
    };
    let vm_stays = matches!(result, Err(Error::Run { .. })) && properties.keeps_vm_after_error();
    // The VHD of a test is nothing that anybody wants.
    vm_stays || (holds_vhd && !properties.is_test() && properties.result_lies_with_template())
}
