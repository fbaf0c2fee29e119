//! What an earlier attempt at this step has begun: it is taken over, so that there is never a second image, and nothing stays behind.
//!
//! An attempt is told by the number that Azure Pipelines gives, or by a template whose tags name this run, this step and these inputs: a step that
//! is repeated in the same attempt has no number of its own.

mod link;

use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::clean_up::{Budget, remove_with_package};
use super::event::Event;
use super::find::{self, Found, Sought};
use super::followed::Followed;
use super::leftover::{Leftover, Leftovers};
use super::tail::Run;
use super::watch::{Following, RunEnd, watch};
use super::{At, Image, Step, course, log_file, package, same, start, submit, tagged, unchanged};
use crate::arm::operation::Started;
use crate::arm::template_state::{RunState, RunStatus};
use crate::arm::{Arm, Cause};
use crate::error::Error;
use crate::inputs::Owner;
use crate::inputs::declared::{RESUME, TEMPLATE_NAME};
use crate::resource::ResourceId;

/// What was found of an earlier attempt.
pub(super) enum Taken<'a> {
    /// Nothing that is of use: an image is to be built.
    Nothing,
    /// Its image.
    Image(Box<Image>),
    /// Its template, and its run.
    Run(Box<Followed<'a>>, At),
}

impl Taken<'_> {
    /// The template that is taken over.
    pub(super) fn template(&self) -> Option<&ResourceId> {
        match self {
            Self::Run(followed, _) => Some(&followed.id),
            Self::Nothing | Self::Image(_) => None,
        }
    }
}

/// Templates of the key.
struct OfKey {
    /// Those with the inputs of this attempt.
    same: Vec<Found>,
    /// Those with other inputs.
    other: Vec<Found>,
}

/// How long something is waited for that passes by itself: a deletion, or the end of a run that was canceled.
const PASSING: Duration = Duration::from_secs(15 * 60);

/// An earlier attempt is looked at anew after whatever has changed; it does not change for ever.
const MOST_LOOKS: usize = 20;

impl<'a> Step<'a> {
    /// Looks for what an earlier attempt at this step has begun, and takes it over. What cannot be gone on with is removed.
    pub(super) async fn take_over(
        &self,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Taken<'a>, Error> {
        let look = Look {
            step: *self,
            sum: OnceCell::new(),
        };
        for _ in 0..MOST_LOOKS {
            if let Some(taken) = Box::pin(look.once(leftovers)).await? {
                return Ok(taken);
            }
        }
        let name = &self.plan.template_name;
        Err(in_the_way(
            name,
            "it does not come to rest",
            "run the job again later",
        ))
    }

    /// The image that this step made in an earlier attempt, or whose template somebody else has removed meanwhile. `inputs` is the sum of what
    /// the step asks for, where that is to be compared.
    pub(super) async fn image_by_tags(
        &self,
        inputs: Option<&str>,
    ) -> Result<Option<Box<Image>>, Error> {
        let Self { plan, place } = self;
        let subscription = &plan.connection.subscription;
        let all = tagged::images_of_run(place.arm, subscription, &plan.origin.run).await?;
        let of_step = all.into_iter().filter(|image| {
            let same = inputs.is_none_or(|inputs| image.inputs.as_deref() == Some(inputs));
            same && image.step.as_deref() == Some(&plan.origin.step)
        });
        let of_step: Vec<_> = of_step.collect();
        Ok(tagged::at_targets(plan, &of_step).map(Box::new))
    }
}

struct Look<'a> {
    step: Step<'a>,
    /// The sum of what the step asks for: the package is read for it, but once.
    sum: OnceCell<String>,
}

impl<'a> Look<'a> {
    fn arm(&self) -> &'a Arm {
        self.step.place.arm
    }

    fn emit(&self, event: Event) {
        self.step.place.events.emit(event);
    }

    /// Nothing where something has changed, and is to be looked at anew.
    async fn once(&self, leftovers: &mut Leftovers<'_>) -> Result<Option<Taken<'a>>, Error> {
        let plan = self.step.plan;
        let life = &plan.life;
        let named = self.named().await?;
        if let Some(found) = &named {
            if is_in_state(found, "Deleting") {
                self.until_gone(&found.id).await?;
                return Ok(None);
            }
            if !life.resume {
                Self::check_at_rest(found)?;
                self.remove(found, leftovers).await?;
                return Ok(Some(Taken::Nothing));
            }
        }
        if !life.resume || (life.named && named.is_none() && !life.second_attempt) {
            return Ok(Some(Taken::Nothing));
        }
        let OfKey { mut same, other } = self.of_key(named).await?;
        if same.len() > 1 {
            return Err(several(plan.template_id.resource_group(), &same));
        }
        if let Some(found) = same.pop() {
            return self.go_on(found, leftovers).await;
        }
        if life.second_attempt
            && !plan.tests
            && let Some(image) = self.image().await?
        {
            self.emit(Event::EarlierImage {
                name: image.called(),
            });
            return Ok(Some(Taken::Image(image)));
        }
        for found in other {
            if !life.second_attempt {
                // Another step of the same name: it is none of our business, unless it is in the way.
                if found.id == plan.template_id {
                    let why = "another step of this pipeline run uses it, with other inputs";
                    let instead = &give_another();
                    return Err(in_the_way(&plan.template_name, why, instead));
                }
                continue;
            }
            if is_in_state(&found, "Deleting") {
                self.until_gone(&found.id).await?;
                continue;
            }
            self.drop_for(&found, "was made of other inputs", leftovers)
                .await?;
        }
        Ok(Some(Taken::Nothing))
    }

    /// The image of an earlier attempt. Who may not look for it builds anew: no build needs this permission.
    async fn image(&self) -> Result<Option<Box<Image>>, Error> {
        match self.step.image_by_tags(Some(self.sum().await?)).await {
            Err(Error::Azure(failure)) if failure.refusal().is_some() => Ok(None),
            looked => looked,
        }
    }

    /// The template under the name that the author gave; an error if it is not this step's.
    async fn named(&self) -> Result<Option<Found>, Error> {
        let plan = self.step.plan;
        if !plan.life.named {
            return Ok(None);
        }
        let group = plan.template_id.group();
        let sought = Sought::Named(&plan.template_name);
        let Some(found) = find::find(self.arm(), &group, sought).await? else {
            return Ok(None);
        };
        let name = found.id.name();
        if !found.marks.are_ours() {
            let why = format!("'{name}' was not made by this task");
            let instead = format!("{}, or use 'action: run'", give_another());
            return Err(in_the_way(name, &why, &instead));
        }
        if self.is_of_key(&found) || is_in_state(&found, "Deleting") {
            return Ok(Some(found));
        }
        let run = found.marks.run.as_deref().unwrap_or_default();
        let whose = if run == plan.origin.run {
            "another step of this pipeline run".to_owned()
        } else {
            let number = run.rsplit('/').next().unwrap_or_default();
            format!("pipeline run {number}")
        };
        Err(if is_at_rest(&found) {
            let why = format!("'{name}' was left by {whose}");
            in_the_way(
                name,
                &why,
                &format!("use 'action: sweep', or {}", give_another()),
            )
        } else {
            let why = format!("'{name}' is in use by {whose}");
            in_the_way(name, &why, &give_another())
        })
    }

    fn is_of_key(&self, found: &Found) -> bool {
        let origin = &self.step.plan.origin;
        found.marks.are_ours()
            && found.marks.run.as_deref() == Some(&origin.run)
            && found.marks.step.as_deref() == Some(&origin.step)
    }

    /// The templates that this step has made.
    async fn of_key(&self, named: Option<Found>) -> Result<OfKey, Error> {
        let plan = self.step.plan;
        let all = match named {
            Some(found) => vec![found],
            None => match find::all(self.arm(), &plan.template_id.group()).await {
                Ok(all) => all.into_iter().map(|found| self.spelled(found)).collect(),
                // A first attempt has hardly anything to take over, and must not need one permission more. A list that leads astray is no list.
                Err(failure)
                    if !plan.life.second_attempt
                        && !matches!(failure.cause, Cause::Unreadable(_)) =>
                {
                    Vec::new()
                }
                Err(failure) => return Err(failure.into()),
            },
        };
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for found in all {
            if !self.is_of_key(&found) || found.is_test() != plan.tests {
                continue;
            }
            if self.is_same(&found).await? {
                same.push(found);
            } else {
                other.push(found);
            }
        }
        Ok(OfKey { same, other })
    }

    /// A list spells ids in another way than the note does, which is compared by its text.
    fn spelled(&self, found: Found) -> Found {
        let group = self.step.plan.template_id.group();
        Found {
            id: find::named(&group, found.id.name()),
            ..found
        }
    }

    async fn is_same(&self, found: &Found) -> Result<bool, Error> {
        let sum = self.sum().await?;
        let definition = found.template.definition.as_ref();
        let same = |definition| same::as_asked(definition, self.step.plan);
        Ok(found.marks.inputs.as_deref() == Some(sum) && definition.is_some_and(same))
    }

    async fn sum(&self) -> Result<&str, Error> {
        let plan = self.step.plan;
        let sum = self.sum.get_or_try_init(async || {
            let content = package::content(plan).await?;
            Ok::<_, Error>(unchanged::asked(plan, content.as_ref()))
        });
        Ok(sum.await?)
    }

    /// Takes `found` over, which is of this step and of the same inputs.
    async fn go_on(
        &self,
        found: Found,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Option<Taken<'a>>, Error> {
        let name = || found.id.name().to_owned();
        if is_in_state(&found, "Deleting") {
            self.until_gone(&found.id).await?;
            return Ok(None);
        }
        if is_in_state(&found, "Creating") || is_in_state(&found, "Updating") {
            self.emit(Event::EarlierProvisioning { template: name() });
            self.own(&found, leftovers);
            self.provisioned(&found.id).await?;
            return Ok(None);
        }
        if !is_in_state(&found, "Succeeded") {
            self.drop_for(&found, "could not be provisioned", leftovers)
                .await?;
            return Ok(Some(Taken::Nothing));
        }
        match found.template.last_run.clone() {
            None => self.start(&found, leftovers).await,
            Some(run) => self.go_on_with(&found, run, leftovers).await,
        }
    }

    /// Takes over a template that has run, or runs.
    async fn go_on_with(
        &self,
        found: &Found,
        run: RunStatus,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Option<Taken<'a>>, Error> {
        match &run.state {
            RunState::Failed | RunState::Canceled => {
                self.emit(Event::EarlierFailed {
                    state: run.state.clone(),
                });
                let followed = self.followed(found);
                let place = &self.step.place;
                let fetching = log_file::fetch(
                    place.arm,
                    &followed,
                    &run.message,
                    place.folder,
                    place.events,
                );
                fetching.await;
                self.remove(found, leftovers).await?;
                Ok(Some(Taken::Nothing))
            }
            RunState::Canceling => {
                self.own(found, leftovers);
                self.until_ended(&found.id, &run).await;
                self.drop_for(found, "was canceled", leftovers).await?;
                Ok(Some(Taken::Nothing))
            }
            _ if run.is_over() => {
                self.emit(Event::EarlierEnded);
                self.own(found, leftovers);
                let end = RunEnd::of(run, found.marks.keep);
                self.emit(end.as_event());
                Ok(Some(Taken::Run(
                    Box::new(self.followed(found)),
                    At::Over(end),
                )))
            }
            _ => {
                let already = age(run.started, self.arm().client.azure_time());
                self.emit(Event::EarlierRunning { elapsed: already });
                self.own(found, leftovers);
                self.step.place.course.runs(course::Run::Found);
                let started = Started {
                    operation: None,
                    pause: None,
                };
                let at = Run {
                    already,
                    ..Run::from(started)
                };
                let at = At::On(at, run.started);
                Ok(Some(Taken::Run(Box::new(self.followed(found)), at)))
            }
        }
    }

    /// A template that has never run. The link in it has to last as long as the build may.
    async fn start(
        &self,
        found: &Found,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Option<Taken<'a>>, Error> {
        let followed = self.followed(found);
        let now = self.arm().client.azure_time();
        let end = now.and_then(|now| now.checked_add(followed.build_timeout().try_into().ok()?));
        let link = link::end(&followed.template.properties);
        if link.zip(end).is_some_and(|(link, end)| link < end) {
            let why = "has a link to its package that ends before the build may";
            self.drop_for(found, why, leftovers).await?;
            return Ok(Some(Taken::Nothing));
        }
        self.emit(Event::EarlierNotStarted {
            template: found.id.name().to_owned(),
        });
        self.own(found, leftovers);
        let place = &self.step.place;
        let started = start::start_run(place.arm, &found.id, &found.template, place.events).await?;
        let at = At::started(started, *place);
        Ok(Some(Taken::Run(Box::new(followed), at)))
    }

    fn followed(&self, found: &Found) -> Followed<'a> {
        let plan = self.step.plan;
        Followed::of_found(found, Some(plan), plan.stream_logs)
    }

    /// `found` is this attempt's from now on.
    fn own(&self, found: &Found, leftovers: &mut Leftovers<'_>) {
        let leftover = Leftover::template(&found.id);
        if !leftovers.all().contains(&leftover) {
            leftovers.register(leftover.clone(), &self.step.plan.origin.run);
        }
        leftovers.proven(&leftover);
        let course = self.step.place.course;
        course.deals_with(&self.followed(found), true, found.marks.keep);
    }

    async fn drop_for(
        &self,
        found: &Found,
        why: &str,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<(), Error> {
        self.emit(Event::EarlierDropped {
            template: found.id.name().to_owned(),
            why: why.to_owned(),
        });
        self.remove(found, leftovers).await
    }

    /// Removes `found`, with its package; a run is canceled and followed to its end first.
    async fn remove(&self, found: &Found, leftovers: &mut Leftovers<'_>) -> Result<(), Error> {
        let plan = self.step.plan;
        let leftover = Leftover::template(&found.id);
        if !leftovers.all().contains(&leftover) {
            leftovers.register(leftover.clone(), &plan.origin.run);
        }
        let owner = Owner::from(plan);
        let budget = Budget::AFTER_BUILD;
        let removing = remove_with_package(self.arm(), &owner, leftover.clone(), leftovers, budget);
        let remains = removing.await;
        self.step.place.course.forget();
        if found.marks.keep && found.id == plan.template_id {
            let why = "a tag says that it is kept";
            return Err(in_the_way(found.id.name(), why, &give_another()));
        }
        for stays in remains {
            self.emit(Event::Remains(Box::new(stays.clone())));
            if stays.leftover == leftover && leftovers.all().contains(&leftover) {
                let instead = stays.removal();
                let instead = instead.map(|command| format!("run: {command}"));
                let instead = instead.unwrap_or_else(give_another);
                return Err(in_the_way(found.id.name(), &stays.why, &instead));
            }
        }
        Ok(())
    }

    /// `resume: never` leaves alone what is at work.
    fn check_at_rest(found: &Found) -> Result<(), Error> {
        if is_at_rest(found) {
            return Ok(());
        }
        let name = found.id.name();
        let why = format!("'{name}' is in use by an earlier attempt at this step");
        Err(in_the_way(
            name,
            &why,
            &format!("use '{}: auto', or {}", RESUME.name, give_another()),
        ))
    }

    async fn provisioned(&self, id: &ResourceId) -> Result<(), Error> {
        let started = Started {
            operation: None,
            pause: None,
        };
        let events = self.step.place.events;
        let waiting = submit::provisioned(self.arm(), id, &started, Instant::now(), events);
        match waiting.await {
            // The next look tells.
            Ok(_) | Err(Error::Submission { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn until_gone(&self, id: &ResourceId) -> Result<(), Error> {
        find::until_gone(self.arm(), id, PASSING).await
    }

    /// Waits until a run has ended that is being canceled. That it does not end is told by what comes next.
    async fn until_ended(&self, id: &ResourceId, run: &RunStatus) {
        let started = Started {
            operation: None,
            pause: None,
        };
        let following = Following {
            started: &started,
            before: None,
            already: age(run.started, self.arm().client.azure_time()),
            limit: PASSING,
        };
        watch(self.arm(), id, following, self.step.place.events)
            .await
            .ok();
    }
}

/// How long ago `began` was.
pub(super) fn age(began: Option<OffsetDateTime>, now: Option<OffsetDateTime>) -> Duration {
    let age = began.zip(now).map(|(began, now)| now - began);
    age.and_then(|age| age.try_into().ok()).unwrap_or_default()
}

pub(super) fn is_in_state(found: &Found, state: &str) -> bool {
    found
        .template
        .provisioning_state
        .eq_ignore_ascii_case(state)
}

/// Whether nothing goes on in a template.
fn is_at_rest(found: &Found) -> bool {
    let run = found.template.last_run.as_ref();
    let states = ["Creating", "Updating", "Deleting"];
    run.is_none_or(RunStatus::is_over) && !states.iter().any(|state| is_in_state(found, state))
}

fn in_the_way(name: &str, why: &str, instead: &str) -> Error {
    Error::NotOurs {
        doing: format!("Making image template '{name}'"),
        why: why.to_owned(),
        instead: instead.to_owned(),
    }
}

fn give_another() -> String {
    format!("give another '{}'", TEMPLATE_NAME.name)
}

fn several(group: &str, found: &[Found]) -> Error {
    let mut names: Vec<_> = found.iter().map(|one| one.id.name().to_owned()).collect();
    names.sort();
    Error::SeveralTemplates {
        group: group.to_owned(),
        names,
    }
}
