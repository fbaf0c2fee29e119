//! The end of a step that deals with a run: what becomes of the run, of the template and of the package.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::clean_up::{Budget, cancel_runs, clean_up};
use super::context::{Context, CurrentRun, CurrentTemplate};
use super::distribution::Output;
use super::event::Event;
use super::find::FoundTemplate;
use super::leftover::{KeepReason, Leftover, NotRemoved};
use super::leftovers::Leftovers;
use super::outcome::{NOT_REMOVED_YET, Outcome, Success};
use super::package_removal::{self, PackageRemoval};
use super::template_tags;
use crate::error::Error;
use crate::inputs::{OnCancel, Owner, Templates};
use crate::resource::ResourceId;
use crate::resource::tag::KEEP;
use crate::template::model::Properties;

/// How long the requests that cancel the runs may take: the agent allows 7.5 s after its first signal, and the report needs the rest.
const CANCEL_REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// A step that ends, and what its author wants.
pub(super) struct Ending<'a> {
    pub(super) context: Context<'a>,
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
        result: Result<Success, Error>,
        mut leftovers: Leftovers<'_>,
    ) -> Outcome {
        let Context { arm, events, .. } = self.context;
        let mut not_removed = Vec::new();
        match &result {
            Err(Error::Canceled) => return self.canceled(leftovers).await,
            Err(Error::Deadline { .. }) => cancel_runs(arm, &templates(&leftovers), events).await,
            Ok(Success::Image(image)) => events.emit(Event::Built(image.clone())),
            // A later step or attempt needs all of it.
            Ok(Success::RunContinues { .. } | Success::NotReady { .. })
            | Err(Error::NotReady { .. } | Error::NeverRun { .. }) => leftovers.release(),
            Ok(Success::TestRun(_)) | Err(_) => {}
        }
        if let Some(template) = self.context.state.template() {
            if self.keep || template.kept {
                self.keep(&template, &mut leftovers).await;
            } else if holds_result(&template.properties, &result) {
                not_removed.extend(self.keep_template(&template, &mut leftovers).await);
            }
        }
        if !leftovers.all().is_empty() {
            events.emit(Event::CleaningUp);
        }
        not_removed.extend(tokio::select! {
            biased;
            () = self.stop.cancelled() => leftovers.all_not_removed(NOT_REMOVED_YET),
            not_removed = clean_up(arm, self.owner, &mut leftovers, Budget::AFTER_BUILD) => not_removed,
        });
        Outcome {
            not_removed,
            ..Outcome::of(result)
        }
    }

    /// Keeps template and package, because the author or a tag asks for it, and writes the tag by which `sweep` keeps them, too.
    async fn keep(&self, template: &CurrentTemplate, leftovers: &mut Leftovers<'_>) {
        let Context { arm, events, .. } = self.context;
        if !template.kept && template.ours {
            let written = match arm.template(&template.id).await {
                Ok(seen) if seen.value.tag(KEEP).is_none_or(|keep| keep != "true") => {
                    let doing = format!("Tagging image template '{}'", template.id.name());
                    template_tags::write_keep(arm, &doing, &template.id, seen.value.tags).await
                }
                // One that is gone needs no tag.
                Err(failure) if !failure.is(http::StatusCode::NOT_FOUND) => Err(failure),
                _ => Ok(()),
            };
            if let Err(failure) = written {
                events.emit(Event::KeepTagNotWritten {
                    what: "template".to_owned(),
                    reason: failure.to_string(),
                });
            }
        }
        leftovers.keep_all(KeepReason::Asked);
    }

    /// Keeps the template alone, because the result would be deleted with it.
    async fn keep_template(
        &self,
        template: &CurrentTemplate,
        leftovers: &mut Leftovers<'_>,
    ) -> Option<NotRemoved> {
        let own = Leftover::template(&template.id);
        if !leftovers.all().contains(&own) {
            return None;
        }
        leftovers.keep(&own, KeepReason::HoldsResult);
        if !leftovers.all().is_empty() {
            return None;
        }
        // The package of a template that another step or attempt made.
        let seen = self.context.arm.template(&template.id).await.ok()?;
        let found = FoundTemplate::of(template.id.clone(), seen.value);
        match package_removal::remove(self.context.arm, &found, self.context.events).await {
            PackageRemoval::NotOurs(not_removed) | PackageRemoval::Stays(not_removed) => {
                Some(not_removed)
            }
            PackageRemoval::None | PackageRemoval::Gone(_) => None,
        }
    }

    /// Ends a step that was canceled: there are seconds, so that nothing is waited for.
    async fn canceled(&self, mut leftovers: Leftovers<'_>) -> Outcome {
        let Context {
            arm, events, state, ..
        } = self.context;
        let (template, run) = (state.template(), state.run());
        let running = template.as_ref().filter(|_| run != CurrentRun::None);
        // Who waits for someone to start the run leaves the template to whoever does.
        let waits = !matches!(self.owner.templates, Templates::OfStep(_));
        let runs_or_will = template
            .as_ref()
            .filter(|template| running.is_some() || (waits && template.ours));
        if let Some(template) = runs_or_will
            && self.leaves_run(template, run)
        {
            leftovers.release();
            events.emit(Event::LeftRunning {
                template: template.id.clone(),
            });
            return Outcome::failed(Error::Canceled);
        }
        if running.is_some() {
            events.emit(Event::Canceling);
        }
        let mut ids = templates(&leftovers);
        // The run of someone else's template is stopped, and the template stays.
        ids.extend(running.map(|template| template.id.clone()));
        ids.dedup();
        let sent = tokio::time::timeout(CANCEL_REQUEST_LIMIT, cancel_runs(arm, &ids, events)).await;
        if sent.is_err() {
            events.emit(Event::CancelNotConfirmed {
                reason: "Azure has not answered yet".to_owned(),
            });
        }
        if let Some(template) = template
            && (self.keep || template.kept)
        {
            leftovers.keep_all(KeepReason::Asked);
        }
        Outcome {
            not_removed: leftovers.all_not_removed(NOT_REMOVED_YET),
            ..Outcome::failed(Error::Canceled)
        }
    }

    /// Whether the run continues after a cancel.
    fn leaves_run(&self, template: &CurrentTemplate, run: CurrentRun) -> bool {
        let by_default = if template.ours || run == CurrentRun::StartedHere {
            OnCancel::Cancel
        } else {
            OnCancel::Leave
        };
        self.on_cancel.unwrap_or(by_default) == OnCancel::Leave
    }
}

/// The templates among `leftovers`.
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
fn holds_result(properties: &Properties, result: &Result<Success, Error>) -> bool {
    let holds_vhd = match result {
        Ok(Success::Image(image)) => image.outputs.iter().any(Output::is_vhd),
        Ok(Success::RunContinues { .. } | Success::NotReady { .. } | Success::TestRun(_)) => false,
        Err(error) => matches!(error, Error::NoImage { .. }),
    };
    let vm_stays = matches!(result, Err(Error::Run { .. })) && properties.keeps_vm_after_error();
    // The VHD of a test is of no use.
    vm_stays || (holds_vhd && !properties.is_test() && properties.result_lies_with_template())
}
