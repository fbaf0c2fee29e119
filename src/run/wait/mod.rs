//! `action: wait` and `action: run`: following a run that another step, or someone else, has started, and starting that of a template that is there.
//! What is needed stands in the template.

mod start_existing;

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::aids::contents;
use super::build_template::BuildTemplate;
use super::context::{BuildState, Context, CurrentRun, Workplace, sign_in};
use super::ending::Ending;
use super::event::Event;
use super::find::{self, FoundTemplate, TemplateRef};
use super::follow::{self, ActiveRun, OnTimeout, age};
use super::image::Image;
use super::leftover::Leftover;
use super::leftovers::Leftovers;
use super::outcome::{Outcome, Success};
use super::submit;
use super::tagged_images::{self, TaggedImage};
use super::watch::{HEARTBEAT, RunEnd};
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
/// Provisioning has a limit of its own, which is shorter.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Follows the run that `task` asks for, which is started first where it says so, unless `stop` comes first.
pub async fn wait_for_image(
    task: &Follow,
    workplace: Workplace<'_>,
    stop: &CancellationToken,
) -> Outcome {
    let owner = Owner::from(task);
    let state = BuildState::default();
    let account = task.storage_account.as_deref();
    let context = Context::new(workplace, &state, &task.contents, account);
    let mut leftovers = Leftovers::none(context.events);
    let mut waiting = Waiting {
        task,
        context,
        leftovers: &mut leftovers,
        until: task.wait_limit.map(|limit| Instant::now() + limit),
    };
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Canceled),
        result = Box::pin(waiting.image()) => result,
    };
    let ending = Ending {
        context,
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
        Box::pin(contents::compare(&context, &task.group, &mut outcome, stop)).await;
    }
    outcome
}

/// What the author wants where the image is not ready in time.
fn in_time(result: Result<Image, Error>, when_not_ready: WhenNotReady) -> Result<Success, Error> {
    match (result, when_not_ready) {
        (Ok(image), _) => Ok(Success::Image(Box::new(image))),
        (
            Err(error @ Error::NotReady { .. }),
            WhenNotReady::SucceedWithIssues | WhenNotReady::Succeed,
        ) => Ok(Success::NotReady {
            error: Box::new(error),
            is_issue: when_not_ready == WhenNotReady::SucceedWithIssues,
        }),
        (Err(error), _) => Err(error),
    }
}

struct Waiting<'a, 'l, 'e> {
    task: &'a Follow,
    context: Context<'a>,
    leftovers: &'l mut Leftovers<'e>,
    /// When the waiting ends, if the author sets a limit.
    until: Option<Instant>,
}

impl<'a> Waiting<'a, '_, '_> {
    fn arm(&self) -> &'a Arm {
        self.context.arm
    }

    fn wanted(&self) -> TemplateRef<'a> {
        TemplateRef::new(self.task.template_name.as_deref(), &self.task.origin.run)
    }

    async fn image(&mut self) -> Result<Image, Error> {
        sign_in(self.arm()).await?;
        let Some(mut found) = find::find(self.arm(), &self.task.group, self.wanted()).await? else {
            return self.by_tags(None).await;
        };
        self.register(&found);
        if self.task.action == Action::Run {
            return Box::pin(self.run(found)).await;
        }
        self.announce(&found);
        let mut patience = Instant::now() + UNTIL_IT_RUNS;
        let (mut unseen, mut last_line) = (Instant::now(), Instant::now());
        let mut pace = Pace::new(None);
        loop {
            if found.template.is_being_deleted() {
                find::until_gone(self.arm(), &found.id, DELETION, self.context.events).await?;
                return self.by_tags(Some(&found)).await;
            }
            if found.template.is_being_provisioned() {
                self.provisioned(&found.id).await?;
                patience = Instant::now() + UNTIL_IT_RUNS;
                (unseen, last_line) = (Instant::now(), Instant::now());
            } else if !found.template.is_provisioned() {
                return Err(unprovisioned(&found));
            } else if found.template.last_run.is_some() {
                return self.follow(&found).await;
            } else {
                self.check_patience(&found, patience)?;
                if last_line.elapsed() >= HEARTBEAT {
                    last_line = Instant::now();
                    self.context.events.emit(Event::StartUnseen {
                        elapsed: unseen.elapsed(),
                    });
                }
                sleep(pace.pause()).await;
            }
            found = match self.arm().template(&found.id).await {
                Ok(seen) => {
                    pace.asked(seen.pause);
                    FoundTemplate::of(found.id.clone(), seen.value)
                }
                Err(failure) if failure.is(StatusCode::NOT_FOUND) => {
                    return self.by_tags(Some(&found)).await;
                }
                Err(failure) => return Err(failure.into()),
            };
            self.register(&found);
        }
    }

    /// Notes what `found` is now. A template of this task is removed by this step in the end.
    fn register(&mut self, found: &FoundTemplate) {
        let template = self.template(found);
        let ours = found.tags.are_ours();
        let state = self.context.state;
        state.set_template(&template, ours, found.tags.keep);
        let run = found.template.last_run.as_ref();
        if run.is_some_and(|run| !run.is_over()) {
            state.set_run(CurrentRun::FoundRunning);
        }
        if ours {
            let leftover = Leftover::template(&found.id);
            let run = &self.task.origin.run;
            if self.leftovers.register_once(&leftover, run) {
                self.leftovers.confirm_ours(&leftover);
            }
        }
    }

    fn template(&self, found: &FoundTemplate) -> BuildTemplate<'static> {
        BuildTemplate::of_found(found, None, self.task.stream_logs)
    }

    /// Says which template is followed.
    fn announce(&self, found: &FoundTemplate) {
        let run = found.template.last_run.as_ref();
        let began = run.and_then(|run| run.started);
        let now = self.arm().client.azure_time();
        let template = self.template(found);
        self.context.events.emit(Event::Following {
            template: found.id.clone(),
            run_output: template.run_output_name().to_owned(),
            staging_group: template.staging_group.clone(),
            since: began.map(|began| age(Some(began), now)),
            by: template.built_by(),
        });
    }

    /// Azure, or the step that made the template, has some time to start its run.
    fn check_patience(&self, found: &FoundTemplate, patience: Instant) -> Result<(), Error> {
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
        let started = Started::elsewhere();
        let events = self.context.events;
        let waiting = submit::provisioned(self.arm(), id, &started, Instant::now(), events);
        let limit = self.until.unwrap_or_else(|| Instant::now() + LONGEST);
        match tokio::time::timeout_at(limit, waiting).await {
            Ok(Ok(_) | Err(Error::Submission { .. })) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(not_ready(id)),
        }
    }

    /// Follows a run that is on, or has ended, and collects.
    async fn follow(&mut self, found: &FoundTemplate) -> Result<Image, Error> {
        let template = self.template(found);
        let run = found.template.last_run.clone();
        let result = match run {
            Some(run) if run.is_over() => {
                let end = RunEnd::of(run, found.tags.keep);
                self.context.events.emit(end.as_event());
                follow::collect_image(&self.context, &template, end).await
            }
            run => {
                self.context.state.set_run(CurrentRun::FoundRunning);
                let now = self.arm().client.azure_time();
                let run = self.waited_for(ActiveRun::found(run.as_ref(), now));
                follow::follow_and_collect(&self.context, &template, &run).await
            }
        };
        self.or_by_tags(found, result).await
    }

    /// `run`, followed as long as the author wants to wait. It is never canceled for its time.
    fn waited_for(&self, run: ActiveRun) -> ActiveRun {
        ActiveRun {
            until: self.until,
            on_timeout: OnTimeout::Leave,
            ..run
        }
    }

    /// `result`, or the image by its tags where the template is gone.
    async fn or_by_tags(
        &mut self,
        found: &FoundTemplate,
        result: Result<Image, Error>,
    ) -> Result<Image, Error> {
        match result {
            Err(Error::Gone(_)) => self.by_tags(Some(found)).await,
            Err(Error::NoImage {
                template,
                run_output,
                listing,
                ..
            }) if !found.tags.are_ours() => Err(Error::NoImageNamed {
                template,
                run_output,
                listing,
            }),
            result => result,
        }
    }

    /// There is no template, or no longer: the image of this pipeline run is found by its tags. `seen` is the template that was there.
    async fn by_tags(&mut self, seen: Option<&FoundTemplate>) -> Result<Image, Error> {
        self.context.state.clear();
        for leftover in self.leftovers.all() {
            self.leftovers.not_there(&leftover);
        }
        let origin = &self.task.origin;
        let of_other_run = |seen: &FoundTemplate| seen.tags.run.as_deref() != Some(&origin.run);
        if seen.is_some_and(of_other_run) {
            return Err(self.missing().await);
        }
        let subscription = self.task.group.subscription();
        let looked = tagged_images::images_of_run(self.arm(), subscription, &origin.run).await;
        let all = match looked {
            Ok(all) => all,
            Err(failure) if failure.refusal().is_some() => return Err(self.missing().await),
            Err(failure) => return Err(failure.into()),
        };
        let wanted = seen.map(|seen| seen.id.name());
        let all = match wanted.or(self.task.template_name.as_deref()) {
            Some(name) => self.made_by(name, all).await?,
            None => all,
        };
        let own = all
            .iter()
            .find(|image| image.step.as_deref() == Some(&origin.step));
        let first = all.first();
        let one_step = all
            .iter()
            .all(|image| Some(&image.step) == first.map(|first| &first.step));
        // A step that starts a run wants an image of its own. One of another step means that the name is misspelt.
        let starts = self.task.action == Action::Run;
        let image = match own.or(first.filter(|_| one_step && !starts)) {
            Some(image) => image.clone(),
            None if all.is_empty() || starts => return Err(self.missing().await),
            None => {
                let names = all.iter().map(|image| image.id.to_string()).collect();
                return Err(Error::SeveralImages { names });
            }
        };
        let id = seen.map(|seen| seen.id.clone()).or_else(|| {
            let name = image.template.as_deref()?;
            Some(find::template_id(&self.task.group, name))
        });
        let image = tagged_images::alone(image, id.as_ref());
        self.context.events.emit(Event::FoundByTags {
            name: image.display_name(),
        });
        Ok(image)
    }

    /// Those of `all` that the template `name` has made. Images without a tag that names their template, which an earlier version of the task made,
    /// count where no other one does.
    async fn made_by(&self, name: &str, all: Vec<TaggedImage>) -> Result<Vec<TaggedImage>, Error> {
        let (named, unnamed): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|image| image.template.is_some());
        let (same, other): (Vec<_>, Vec<_>) = named.into_iter().partition(|image| {
            let template = image.template.as_deref();
            template.is_some_and(|template| template.eq_ignore_ascii_case(name))
        });
        match (same.is_empty(), unnamed.is_empty()) {
            (false, _) => Ok(same),
            (true, false) => Ok(unnamed),
            (true, true) => {
                let gone: Vec<_> = other
                    .iter()
                    .filter_map(|it| it.template.as_deref())
                    .collect();
                Err(find::missing_beside(self.arm(), &self.task.group, self.wanted(), &gone).await)
            }
        }
    }

    async fn missing(&self) -> Error {
        find::missing(self.arm(), &self.task.group, self.wanted()).await
    }
}

/// The run of template `id` has not begun in the time given.
fn not_ready(id: &ResourceId) -> Error {
    Error::NotReady {
        template: id.name().to_owned(),
        phase: None,
        elapsed: Duration::ZERO,
    }
}

/// Why a template cannot run.
fn unprovisioned(found: &FoundTemplate) -> Error {
    let error = found.template.provisioning_error.clone();
    let (code, message) = error.unwrap_or_default();
    Error::Submission {
        template: found.id.name().to_owned(),
        code,
        message,
    }
}
