//! Following a run that another step, or somebody else, has started, and starting that of a template that is there: what is needed stands in the
//! template.

mod start;

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::adoption::{age, is_in_state};
use super::course::{self, Course};
use super::ending::Ending;
use super::event::{Event, Events};
use super::find::{self, Found, Sought};
use super::followed::Followed;
use super::leftover::{Leftover, Leftovers};
use super::tail::{self, Late, Place, Run};
use super::watch::RunEnd;
use super::{Done, Image, Outcome, compared, sign_in, submit, tagged};
use crate::arm::Arm;
use crate::arm::operation::Started;
use crate::arm::pace::Pace;
use crate::error::Error;
use crate::inputs::{Action, Follow, Owner, WhenNotReady};
use crate::resource::ResourceId;

/// A template that starts by itself, or whose step is about to start it, does so within this time.
const UNTIL_IT_RUNS: Duration = Duration::from_secs(10 * 60);
/// How long a deletion is waited for.
const DELETION: Duration = Duration::from_secs(15 * 60);

/// Follows the run that `task` asks for, which is started first where it says so, unless `stop` comes first. Files for the job's log go to `folder`.
pub async fn wait_for_image(
    task: &Follow,
    arm: &Arm,
    folder: &Path,
    events: &dyn Events,
    stop: &CancellationToken,
) -> Outcome {
    let owner = Owner::from(task);
    let mut leftovers = Leftovers::none(events);
    let course = Course::default();
    let place = Place {
        arm,
        folder,
        events,
        course: &course,
        contents: &task.contents,
        storage_account: task.storage_account.as_deref(),
    };
    let mut waiting = Waiting {
        task,
        place,
        leftovers: &mut leftovers,
        until: task.wait_limit.map(|limit| Instant::now() + limit),
    };
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        result = Box::pin(waiting.image()) => result,
    };
    let ending = Ending {
        place,
        owner: &owner,
        stop,
        on_cancel: task.on_cancel,
        keep: task.keep,
    };
    let result = in_time(result, task.when_not_ready);
    let mut outcome = ending.conclude(result, leftovers).await;
    // Whether there should be a list, only the template of the build knows.
    let listed = outcome
        .image()
        .is_some_and(|image| image.contents.is_some());
    if listed || task.contents.gates() {
        Box::pin(compared::compare(&place, &task.group, &mut outcome, stop)).await;
    }
    outcome
}

/// What the author wants where the image is not ready in time.
fn in_time(result: Result<Image, Error>, when_not_ready: WhenNotReady) -> Result<Done, Error> {
    match (result, when_not_ready) {
        (Ok(image), _) => Ok(Done::Image(Box::new(image))),
        (
            Err(error @ Error::NotReady { .. }),
            WhenNotReady::SucceedWithIssues | WhenNotReady::Succeed,
        ) => Ok(Done::NotReady {
            error: Box::new(error),
            is_issue: when_not_ready == WhenNotReady::SucceedWithIssues,
        }),
        (Err(error), _) => Err(error),
    }
}

struct Waiting<'a, 'l, 'e> {
    task: &'a Follow,
    place: Place<'a>,
    leftovers: &'l mut Leftovers<'e>,
    /// Until when is waited, if the author says so.
    until: Option<Instant>,
}

impl<'a> Waiting<'a, '_, '_> {
    fn arm(&self) -> &'a Arm {
        self.place.arm
    }

    fn sought(&self) -> Sought<'a> {
        Sought::new(self.task.template_name.as_deref(), &self.task.origin.run)
    }

    async fn image(&mut self) -> Result<Image, Error> {
        sign_in(self.arm()).await?;
        let Some(mut found) = find::find(self.arm(), &self.task.group, self.sought()).await? else {
            return self.by_tags(None).await;
        };
        // A list spells ids in another way than the note does.
        found.id = find::named(&self.task.group, found.id.name());
        self.take_note(&found);
        if self.task.action == Action::Run {
            return Box::pin(self.run(found)).await;
        }
        self.tell(&found);
        let mut patience = Instant::now() + UNTIL_IT_RUNS;
        let mut pace = Pace::new(None);
        loop {
            if is_in_state(&found, "Deleting") {
                find::until_gone(self.arm(), &found.id, DELETION).await?;
                return self.by_tags(Some(&found)).await;
            }
            if is_in_state(&found, "Creating") || is_in_state(&found, "Updating") {
                self.provisioned(&found.id).await?;
                patience = Instant::now() + UNTIL_IT_RUNS;
            } else if !is_in_state(&found, "Succeeded") {
                return Err(unprovisioned(&found));
            } else if found.template.last_run.is_some() {
                return self.follow(&found).await;
            } else {
                self.check_patience(&found, patience)?;
                sleep(pace.pause()).await;
            }
            found = match self.arm().template(&found.id).await {
                Ok(seen) => {
                    pace.asked(seen.pause);
                    Found::of(found.id.clone(), seen.value)
                }
                Err(failure) if failure.is(StatusCode::NOT_FOUND) => {
                    return self.by_tags(Some(&found)).await;
                }
                Err(failure) => return Err(failure.into()),
            };
            self.take_note(&found);
        }
    }

    /// What is ours is this step's to remove from now on.
    fn take_note(&mut self, found: &Found) {
        let followed = Followed::of_found(found, None, self.task.stream_logs);
        let ours = found.marks.are_ours();
        let course = self.place.course;
        course.deals_with(&followed, ours, found.marks.keep);
        if found
            .template
            .last_run
            .as_ref()
            .is_some_and(|run| !run.is_over())
        {
            course.runs(course::Run::Found);
        }
        let leftover = Leftover::template(&found.id);
        if ours && !self.leftovers.all().contains(&leftover) {
            self.leftovers
                .register(leftover.clone(), &self.task.origin.run);
            self.leftovers.proven(&leftover);
        }
    }

    fn tell(&self, found: &Found) {
        let run = found.template.last_run.as_ref();
        let began = run.and_then(|run| run.started);
        let now = self.arm().client.azure_time();
        let followed = Followed::of_found(found, None, false);
        self.place.events.emit(Event::Following {
            template: found.id.clone(),
            run_output: followed.run_output_name().to_owned(),
            staging_group: followed.staging_group.clone(),
            since: began.map(|began| age(Some(began), now)),
            by: followed.built_by(),
        });
    }

    /// Azure, or the step that made the template, has some time to start its run.
    fn check_patience(&self, found: &Found, patience: Instant) -> Result<(), Error> {
        let now = Instant::now();
        if self.until.is_some_and(|until| now >= until) {
            return Err(not_ready(&found.id));
        }
        if now < patience {
            return Ok(());
        }
        Err(Error::NeverRun {
            template: found.id.name().to_owned(),
            minutes: UNTIL_IT_RUNS.as_secs() / 60,
        })
    }

    /// Waits for the end of provisioning; the next look tells how that was.
    async fn provisioned(&self, id: &ResourceId) -> Result<(), Error> {
        let started = nothing_to_ask();
        let events = self.place.events;
        let waiting = submit::provisioned(self.arm(), id, &started, Instant::now(), events);
        let limit = self.until.unwrap_or_else(|| Instant::now() + LONGEST);
        match tokio::time::timeout_at(limit, waiting).await {
            Ok(Ok(_) | Err(Error::Submission { .. })) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(not_ready(id)),
        }
    }

    /// Follows a run that is on, or has ended, and collects.
    async fn follow(&mut self, found: &Found) -> Result<Image, Error> {
        let followed = Followed::of_found(found, None, self.task.stream_logs);
        let run = found.template.last_run.clone();
        let result = match run {
            Some(run) if run.is_over() => {
                let end = RunEnd::of(run, found.marks.keep);
                self.place.events.emit(end.as_event());
                tail::ended(&self.place, &followed, end).await
            }
            run => {
                self.place.course.runs(course::Run::Found);
                let now = self.arm().client.azure_time();
                let already = age(run.and_then(|run| run.started), now);
                let at = Run {
                    already,
                    ..self.on(nothing_to_ask())
                };
                tail::to_its_end(&self.place, &followed, &at).await
            }
        };
        self.judged(found, result).await
    }

    fn on(&self, started: Started) -> Run {
        Run {
            until: self.until,
            late: Late::Leave,
            ..Run::from(started)
        }
    }

    async fn judged(
        &mut self,
        found: &Found,
        result: Result<Image, Error>,
    ) -> Result<Image, Error> {
        match result {
            Err(Error::Gone(_)) => self.by_tags(Some(found)).await,
            Err(Error::NoImage {
                template,
                run_output,
                listing,
                ..
            }) if !found.marks.are_ours() => Err(Error::NotTold {
                template,
                run_output,
                listing,
            }),
            result => result,
        }
    }

    /// There is no template, or no longer: the image of this pipeline run is found by its tags. `seen` is the template that was there.
    async fn by_tags(&mut self, seen: Option<&Found>) -> Result<Image, Error> {
        self.place.course.forget();
        for leftover in self.leftovers.all() {
            self.leftovers.not_there(&leftover);
        }
        let origin = &self.task.origin;
        let of_other_run = |seen: &Found| seen.marks.run.as_deref() != Some(&origin.run);
        if seen.is_some_and(of_other_run) {
            return Err(self.missing().await);
        }
        let subscription = self.task.group.subscription();
        let looked = tagged::images_of_run(self.arm(), subscription, &origin.run).await;
        let all = match looked {
            Ok(all) => all,
            Err(failure) if failure.refusal().is_some() => return Err(self.missing().await),
            Err(failure) => return Err(failure.into()),
        };
        let own = all
            .iter()
            .find(|image| image.step.as_deref() == Some(&origin.step));
        let first = all.first();
        let one_step = all
            .iter()
            .all(|image| Some(&image.step) == first.map(|first| &first.step));
        // Who starts a run wants an image of its own; another step's proves a misspelt name.
        let starts = self.task.action == Action::Run;
        let image = match own.or(first.filter(|_| one_step && !starts)) {
            Some(image) => image.clone(),
            None if all.is_empty() || starts => return Err(self.missing().await),
            None => {
                let names = all.iter().map(|image| image.id.to_string()).collect();
                return Err(Error::SeveralImages { names });
            }
        };
        let given = self.task.template_name.as_deref();
        let id = seen.map(|seen| seen.id.clone());
        let id = id.or_else(|| given.map(|name| find::named(&self.task.group, name)));
        let image = tagged::alone(image, id.as_ref());
        self.place.events.emit(Event::FoundByTags {
            name: image.called(),
        });
        Ok(image)
    }

    async fn missing(&self) -> Error {
        find::missing(self.arm(), &self.task.group, self.sought()).await
    }
}

/// Provisioning has a limit of its own, which is shorter.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The run of template `id` has not begun in the time given.
fn not_ready(id: &ResourceId) -> Error {
    Error::NotReady {
        template: id.name().to_owned(),
        phase: None,
        elapsed: Duration::ZERO,
    }
}

fn nothing_to_ask() -> Started {
    Started {
        operation: None,
        pause: None,
    }
}

/// Why a template cannot run.
fn unprovisioned(found: &Found) -> Error {
    let error = found.template.provisioning_error.clone();
    let (code, message) = error.unwrap_or_default();
    Error::Submission {
        template: found.id.name().to_owned(),
        code,
        message,
    }
}
