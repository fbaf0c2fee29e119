//! The story of a build: from a plan to an image, leaving nothing behind.

mod adoption;
pub mod cancel;
pub mod clean_up;
mod compared;
mod contents;
mod course;
mod distribution;
mod ending;
pub mod event;
pub mod find;
mod followed;
mod image;
pub mod leftover;
mod live_log;
mod log_access;
mod log_file;
pub mod machines;
pub mod marks;
mod outputs;
pub mod package;
mod prepare;
mod proof;
pub mod provenance;
pub mod removal;
mod replication;
mod same;
mod script;
pub mod start;
pub mod status;
pub mod submit;
pub mod sweep;
mod tagged;
mod tail;
pub mod tie;
mod unchanged;
mod wait;
pub mod watch;

use std::borrow::Cow;
use std::path::Path;

use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::arm::Arm;
use crate::arm::operation::Started;
use crate::check::{Finding, Job, foreseen};
use crate::error::Error;
use crate::inputs::{Owner, Plan};
use crate::resource::ResourceId;
use adoption::Taken;
use clean_up::{Budget, clean_up};
pub use contents::Listed;
use course::Course;
pub use distribution::{Distribution, Output};
use ending::Ending;
use event::Events;
use followed::Followed;
pub use image::{Caveat, Image, Made, PlatformImage};
use leftover::{Leftover, Leftovers, Remains, Tie};
pub use log_file::Logs;
use prepare::{Prepared, look_around, prepare};
use submit::Created;
pub use tail::Ran;
use tail::{Place, Run};
use unchanged::Look;
pub use wait::wait_for_image;
use watch::RunEnd;

/// What a step came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was done, or why it was not.
    pub result: Result<Done, Error>,
    /// What could not be removed.
    pub remains: Vec<Remains>,
    /// What was warned of before the build, and may be why it failed.
    pub foreseen: Vec<Finding>,
}

/// What a step has done.
#[derive(Debug)]
pub enum Done {
    /// The image is there.
    Image(Box<Image>),
    /// The run goes on without this job.
    GoesOn {
        /// When the service ends it at the latest, by Azure's clock.
        deadline: Option<OffsetDateTime>,
    },
    /// The run of a test has ended by itself.
    Ran(Box<Ran>),
    /// The image was not ready in the time given, and that is no failure.
    NotReady {
        /// What there is to say of it.
        error: Box<Error>,
        /// Whether it is worth a warning.
        is_issue: bool,
    },
}

impl Outcome {
    /// Nothing is left.
    fn of(result: Result<Done, Error>) -> Self {
        Self {
            result,
            remains: Vec::new(),
            foreseen: Vec::new(),
        }
    }

    /// Nothing was done, and nothing is there.
    pub fn failed(error: Error) -> Self {
        Self::of(Err(error))
    }

    /// The image, if there is one.
    pub fn image(&self) -> Option<&Image> {
        match &self.result {
            Ok(Done::Image(image)) => Some(image),
            Ok(Done::GoesOn { .. } | Done::NotReady { .. } | Done::Ran(_)) | Err(_) => None,
        }
    }
}

/// Where a build runs.
#[derive(Debug, Clone, Copy)]
pub struct Workplace<'a> {
    /// Where files for the job's log go.
    pub folder: &'a Path,
    /// What the job tells of itself.
    pub job: Job,
}

/// Why something stays after a cancel.
pub const NOT_REMOVED_YET: &str = "the job was canceled before it was removed";

/// Builds the image of `plan`, or takes over what an earlier attempt has begun of it, unless `stop` comes first. `earlier` is what an attempt in
/// the same job left: what is not taken over is removed first.
pub async fn build_image(
    plan: &Plan,
    arm: &Arm,
    workplace: Workplace<'_>,
    events: &dyn Events,
    stop: &CancellationToken,
    earlier: Vec<(Leftover, Tie)>,
) -> Outcome {
    let owner = Owner::from(plan);
    let mut leftovers = Leftovers::none(events);
    let mut earlier = Earlier::new(events, earlier);
    let mut suspected = Vec::new();
    let course = Course::default();
    let place = Place {
        arm,
        folder: workplace.folder,
        events,
        course: &course,
        contents: &plan.contents,
        storage_account: plan.storage_account.as_deref(),
    };
    let own = Step { plan, place };
    let building = async {
        sign_in(arm).await?;
        if !plan.life.resume {
            earlier.remove(arm, &owner).await;
        }
        let taken = own.take_over(&mut leftovers).await?;
        earlier.hand_over(taken.template(), &mut leftovers);
        earlier.remove(arm, &owner).await;
        let job = workplace.job;
        Box::pin(build(&own, job, taken, &mut leftovers, &mut suspected)).await
    };
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        result = Box::pin(building) => result,
    };
    let ending = Ending {
        place,
        owner: &owner,
        stop,
        on_cancel: plan.life.on_cancel,
        keep: plan.life.keep,
    };
    let mut outcome = ending.conclude(result, leftovers).await;
    if plan.contents.listed {
        let group = plan.template_id.group();
        Box::pin(compared::compare(&place, &group, &mut outcome, stop)).await;
    }
    outcome.remains.append(&mut earlier.remains());
    if let Err(error) = &outcome.result {
        outcome.foreseen = foreseen(&suspected, &error.said());
    }
    outcome
}

/// What an attempt in the same job left.
struct Earlier<'a> {
    leftovers: Leftovers<'a>,
    /// What could not be removed, once that was tried.
    remains: Option<Vec<Remains>>,
}

impl<'a> Earlier<'a> {
    fn new(events: &'a dyn Events, all: Vec<(Leftover, Tie)>) -> Self {
        let leftovers = Leftovers::known(events, all);
        Self {
            leftovers,
            remains: None,
        }
    }

    /// What belongs to a template that goes on is this attempt's now.
    fn hand_over(&mut self, taken: Option<&ResourceId>, leftovers: &mut Leftovers<'_>) {
        let taken = taken.map(Leftover::template);
        if taken.is_some_and(|taken| self.leftovers.all().contains(&taken)) {
            self.leftovers.move_to(leftovers);
        }
    }

    async fn remove(&mut self, arm: &Arm, owner: &Owner) {
        if self.remains.is_none() && !self.leftovers.all().is_empty() {
            let budget = Budget::AFTER_CANCEL;
            let remains = clean_up(arm, owner, &mut self.leftovers, budget).await;
            self.remains = Some(remains);
        }
    }

    fn remains(self) -> Vec<Remains> {
        let untouched = || self.leftovers.all_remain(NOT_REMOVED_YET);
        self.remains.unwrap_or_else(untouched)
    }
}

async fn sign_in(arm: &Arm) -> Result<(), Error> {
    let signed_in = arm.client.sign_in(&arm.scope).await;
    signed_in.map_err(Error::SignIn)
}

async fn build(
    step: &Step<'_>,
    job: Job,
    taken: Taken<'_>,
    leftovers: &mut Leftovers<'_>,
    suspected: &mut Vec<Finding>,
) -> Result<Done, Error> {
    let Step { plan, place } = *step;
    let Place { arm, events, .. } = place;
    match taken {
        Taken::Nothing => {}
        Taken::Image(image) => return Ok(Done::Image(image)),
        Taken::Run(followed, at) => return step.go_on(&followed, at).await,
    }
    let asked = plan;
    let content = package::content(plan).await?;
    let (plan, inputs) = if plan.skip_if_unchanged {
        match unchanged::look(plan, arm, content.as_ref(), events).await {
            Look::Unchanged(image) => return Ok(Done::Image(image)),
            Look::Build(pinned, inputs) => (Cow::Owned(*pinned), inputs),
        }
    } else {
        (Cow::Borrowed(plan), None)
    };
    let plan = plan.as_ref();
    let around = look_around(plan, arm, job, events, suspected).await?;
    let sums = (content, inputs);
    let prepared = prepare((plan, asked), arm, around, sums, events, leftovers).await?;
    let Prepared { template, package } = prepared;
    let provisioned = match submit::create_template(arm, plan, &template, events, leftovers).await?
    {
        Created::Provisioned(provisioned) => provisioned,
        // Somebody was quicker under this name: perhaps an earlier attempt at this step.
        Created::Taken(failure) => {
            return match step.take_over(leftovers).await? {
                Taken::Nothing => Err(failure.into()),
                Taken::Image(image) => Ok(Done::Image(image)),
                Taken::Run(followed, at) => step.go_on(&followed, at).await,
            };
        }
    };
    let followed = Followed::of_plan(plan, template, &provisioned, package);
    place.course.deals_with(&followed, true, false);
    let started = start::start_run(arm, &followed.id, &provisioned, events).await?;
    step.go_on(&followed, At::started(started, place)).await
}

/// A build, and where it happens.
#[derive(Clone, Copy)]
struct Step<'a> {
    plan: &'a Plan,
    place: Place<'a>,
}

/// Where a run is.
enum At {
    /// It is on. The second is since when, by Azure's clock.
    On(Run, Option<OffsetDateTime>),
    /// It has ended.
    Over(RunEnd),
}

impl At {
    /// A run that this step has just started.
    fn started(started: Started, place: Place<'_>) -> Self {
        place.course.runs(course::Run::Started);
        Self::On(Run::from(started), place.arm.client.azure_time())
    }
}

impl<'a> Step<'a> {
    /// Follows the run to its end, or leaves it to itself where nobody wants to wait.
    async fn go_on(&self, followed: &Followed<'a>, at: At) -> Result<Done, Error> {
        let Self { plan, place } = self;
        if plan.tests {
            let end = match at {
                At::On(run, _) => tail::over(place, followed, &run).await?,
                At::Over(end) => end,
            };
            let ran = tail::tested(place, followed, end).await?;
            return Ok(Done::Ran(Box::new(ran)));
        }
        let image = match at {
            At::On(_, since) if plan.submits => {
                let limit = followed.build_timeout();
                let deadline = since.and_then(|since| since.checked_add(limit.try_into().ok()?));
                return Ok(Done::GoesOn { deadline });
            }
            At::On(run, _) => {
                let limit = plan.life.wait_limit;
                let until = limit.map(|limit| Instant::now() + limit);
                let followed_up = tail::to_its_end(place, followed, &Run { until, ..run }).await;
                match followed_up {
                    Err(Error::Gone(failure)) => {
                        place.course.forget();
                        return match self.image_by_tags(None).await {
                            Ok(Some(image)) => Ok(Done::Image(image)),
                            Ok(None) | Err(_) => Err(failure.into()),
                        };
                    }
                    followed_up => followed_up?,
                }
            }
            At::Over(end) => tail::ended(place, followed, end).await?,
        };
        Ok(Done::Image(Box::new(image)))
    }
}
