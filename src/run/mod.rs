//! The story of a build: from a plan to an image, leaving nothing behind. [`build_image`] tells it from top to bottom.
//!
//! - What it does, in this order: `adoption` (what an earlier attempt has begun), `unchanged` (whether there is anything to build), `prepare` and `package`,
//!   `submit`, `start`, `follow` and `watch`, `collect` and `proof` (the image), `ending` and `clean_up`.
//! - Other actions: `wait` (also `run`), `cancel`, `status`, `sweep`.
//! - Templates and images that are there: `find`, `template_tags`, `build_template`, `tagged_images`; whose they are: `ownership`.
//! - Plain data, which knows nothing of who makes it: `outcome`, `image`, `distribution`, `leftover`, and `event` with the trait of who listens.
//! - What helps a build and decides nothing: `aids`.

mod adoption;
mod aids;
mod build_template;
pub mod cancel;
pub mod clean_up;
mod collect;
mod context;
mod distribution;
mod ending;
pub mod event;
pub mod find;
mod follow;
pub mod image;
pub mod leftover;
pub mod leftovers;
mod outcome;
pub mod ownership;
pub mod package;
mod package_removal;
mod prepare;
mod proof;
pub mod start;
pub mod status;
pub mod submit;
pub mod sweep;
mod tagged_images;
pub mod template_removal;
pub mod template_tags;
pub mod test_machines;
mod unchanged;
mod wait;
pub mod watch;

use std::borrow::Cow;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::check::{Finding, Job, foreseen};
use crate::error::Error;
use crate::inputs::{Owner, Plan};
use crate::resource::ResourceId;
use adoption::Adopted;
use aids::contents;
pub use aids::log_file::Logs;
use build_template::BuildTemplate;
use clean_up::{Budget, clean_up};
pub use context::Workplace;
use context::{Build, BuildState, Context, CurrentRun, sign_in};
pub use distribution::{Distribution, Output};
use ending::Ending;
use follow::{ActiveRun, Run};
pub use image::{Caveat, ContentsList, Image, Made, PlatformImage};
use leftover::{Leftover, NotRemoved, Ownership};
use leftovers::Leftovers;
pub use outcome::{NOT_REMOVED_YET, Outcome, Success, TestRun};
use prepare::{Sums, check, prepare};
use submit::Created;
use unchanged::Decision;
pub use wait::wait_for_image;

/// Builds the image of `plan`, or takes over what an earlier attempt has begun of it, unless `stop` comes first. `earlier` is what an attempt in
/// the same job left: what is not taken over is removed first.
pub async fn build_image(
    plan: &Plan,
    job: Job,
    workplace: Workplace<'_>,
    stop: &CancellationToken,
    earlier: Vec<(Leftover, Ownership)>,
) -> Outcome {
    let state = BuildState::default();
    let account = plan.storage_account.as_deref();
    let context = Context::new(workplace, &state, &plan.contents, account);
    let build = Build { plan, job, context };
    let owner = Owner::from(plan);
    let mut leftovers = Leftovers::none(context.events);
    let mut earlier = EarlierLeftovers::new(context, &owner, earlier);
    let mut suspected = Vec::new();

    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        result = Box::pin(build.carry_out(&mut earlier, &mut leftovers, &mut suspected)) => result,
    };
    let ending = Ending {
        context,
        owner: &owner,
        stop,
        on_cancel: plan.long_build.on_cancel,
        keep: plan.long_build.keep,
    };
    let mut outcome = ending.conclude(result, leftovers).await;
    if plan.contents.listed {
        let group = plan.template_id.group();
        Box::pin(contents::compare(&context, &group, &mut outcome, stop)).await;
    }
    outcome.not_removed.append(&mut earlier.not_removed());
    if let Err(error) = &outcome.result {
        outcome.foreseen = foreseen(&suspected, &error.said());
    }
    outcome
}

impl Build<'_> {
    /// Goes on with what an earlier attempt has begun, or builds again. What the preflight warns of goes to `suspected`.
    async fn carry_out(
        &self,
        earlier: &mut EarlierLeftovers<'_>,
        leftovers: &mut Leftovers<'_>,
        suspected: &mut Vec<Finding>,
    ) -> Result<Success, Error> {
        sign_in(self.context.arm).await?;
        if !self.plan.long_build.resume {
            earlier.remove().await;
        }
        let adopted = self.adopt(leftovers).await?;
        earlier.hand_over(adopted.template(), leftovers);
        earlier.remove().await;
        match adopted {
            Adopted::Nothing => Box::pin(self.build_anew(leftovers, suspected)).await,
            Adopted::Image(image) => Ok(Success::Image(image)),
            Adopted::Run(template, run) => Box::pin(self.finish(&template, run)).await,
        }
    }

    async fn build_anew(
        &self,
        leftovers: &mut Leftovers<'_>,
        suspected: &mut Vec<Finding>,
    ) -> Result<Success, Error> {
        let Context {
            arm, events, state, ..
        } = self.context;
        let content = package::content(self.plan).await?;
        let asked = unchanged::asked(self.plan, content.as_ref());
        let (plan, made_of) = if self.plan.skip_if_unchanged {
            match unchanged::decide(self.plan, arm, content.as_ref(), events).await {
                Decision::Unchanged(image) => return Ok(Success::Image(image)),
                Decision::Build(pinned, made_of) => (Cow::Owned(*pinned), made_of),
            }
        } else {
            (Cow::Borrowed(self.plan), None)
        };
        let plan = plan.as_ref();
        let build = Build { plan, ..*self };
        let checked = check(&build, suspected).await?;
        let sums = Sums {
            content,
            asked,
            made_of,
        };
        let prepared = prepare(&build, checked, sums, leftovers).await?;
        let definition = prepared.definition;
        let created = submit::create_template(arm, plan, &definition, events, leftovers).await?;
        let provisioned = match created {
            Created::Provisioned(provisioned) => provisioned,
            // A template has this name by now: perhaps an earlier attempt at this step made it.
            Created::NameTaken(failure) => {
                return match self.adopt(leftovers).await? {
                    Adopted::Nothing => Err(failure.into()),
                    Adopted::Image(image) => Ok(Success::Image(image)),
                    Adopted::Run(template, run) => self.finish(&template, run).await,
                };
            }
        };
        let template = BuildTemplate::of_plan(plan, definition, &provisioned, prepared.package);
        state.set_template(&template, true, false);
        let started = start::start_run(arm, &template.id, &provisioned, events).await?;
        state.set_run(CurrentRun::StartedHere);
        let run = ActiveRun::started(started, arm.client.azure_time());
        self.finish(&template, Run::Active(run)).await
    }

    /// Follows the run to its end, and collects what it leaves; or leaves the run on where the step only submits.
    async fn finish(&self, template: &BuildTemplate<'_>, run: Run) -> Result<Success, Error> {
        let Self { plan, context, .. } = self;
        if plan.tests {
            let end = match run {
                Run::Active(run) => follow::follow_to_end(context, template, &run).await?,
                Run::Ended(end) => end,
            };
            let test = follow::collect_test(context, template, end).await?;
            return Ok(Success::TestRun(Box::new(test)));
        }
        let image = match run {
            Run::Active(run) if plan.submits => {
                let limit = template.build_timeout();
                let deadline = run
                    .began
                    .and_then(|began| began.checked_add(limit.try_into().ok()?));
                return Ok(Success::RunContinues { deadline });
            }
            Run::Active(run) => {
                let limit = plan.long_build.wait_limit;
                let until = limit.map(|limit| Instant::now() + limit);
                let run = ActiveRun { until, ..run };
                match follow::follow_and_collect(context, template, &run).await {
                    Err(Error::Gone(failure)) => {
                        context.state.clear();
                        return match self.image_by_tags(None).await {
                            Ok(Some(image)) => Ok(Success::Image(image)),
                            Ok(None) | Err(_) => Err(failure.into()),
                        };
                    }
                    image => image?,
                }
            }
            Run::Ended(end) => follow::collect_image(context, template, end).await?,
        };
        Ok(Success::Image(Box::new(image)))
    }
}

/// What an attempt in the same job left.
struct EarlierLeftovers<'a> {
    context: Context<'a>,
    owner: &'a Owner,
    leftovers: Leftovers<'a>,
    /// What could not be removed, once that was tried.
    not_removed: Option<Vec<NotRemoved>>,
}

impl<'a> EarlierLeftovers<'a> {
    fn new(context: Context<'a>, owner: &'a Owner, all: Vec<(Leftover, Ownership)>) -> Self {
        Self {
            context,
            owner,
            leftovers: Leftovers::registered(context.events, all),
            not_removed: None,
        }
    }

    /// What belongs to the template that is taken over is removed with it, by this attempt.
    fn hand_over(&mut self, adopted: Option<&ResourceId>, leftovers: &mut Leftovers<'_>) {
        let adopted = adopted.map(Leftover::template);
        if adopted.is_some_and(|adopted| self.leftovers.all().contains(&adopted)) {
            self.leftovers.move_to(leftovers);
        }
    }

    /// Removes it, the first time that this is called.
    async fn remove(&mut self) {
        if self.not_removed.is_none() && !self.leftovers.all().is_empty() {
            let budget = Budget::AFTER_CANCEL;
            let removing = clean_up(self.context.arm, self.owner, &mut self.leftovers, budget);
            self.not_removed = Some(removing.await);
        }
    }

    fn not_removed(self) -> Vec<NotRemoved> {
        let untouched = || self.leftovers.all_not_removed(NOT_REMOVED_YET);
        self.not_removed.unwrap_or_else(untouched)
    }
}
