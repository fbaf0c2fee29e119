//! What an earlier attempt at this step has begun: it is taken over, so that there is never a second image, and nothing stays behind.
//!
//! An earlier attempt is recognized by the attempt number of Azure Pipelines, or by a template whose tags name this run, this step and these
//! inputs: a step that is repeated within a job (`retryCountOnTaskFailure`) keeps its attempt number.

mod matching;
mod takeover;

use tokio::sync::OnceCell;

use super::build_template::BuildTemplate;
use super::context::Build;
use super::event::Event;
use super::find::{self, FoundTemplate, TemplateRef};
use super::follow::Run;
use super::image::Image;
use super::leftovers::Leftovers;
use super::{package, tagged_images, unchanged};
use crate::arm::{Arm, Cause};
use crate::error::Error;
use crate::inputs::manifest::{RESUME, TEMPLATE_NAME};
use crate::resource::ResourceId;

/// What is taken over of an earlier attempt.
pub(super) enum Adopted<'a> {
    /// Nothing that is of use: an image is to be built.
    Nothing,
    /// Its image.
    Image(Box<Image>),
    /// Its template, and its run.
    Run(Box<BuildTemplate<'a>>, Run),
}

impl Adopted<'_> {
    /// The template that is taken over.
    pub(super) fn template(&self) -> Option<&ResourceId> {
        match self {
            Self::Run(template, _) => Some(&template.id),
            Self::Nothing | Self::Image(_) => None,
        }
    }
}

/// The search begins again after whatever has changed meanwhile; that does not go on for ever.
const MOST_ROUNDS: usize = 20;

impl<'a> Build<'a> {
    /// Looks for what an earlier attempt at this step has begun, and takes it over. What cannot be continued is removed.
    pub(super) async fn adopt(&self, leftovers: &mut Leftovers<'_>) -> Result<Adopted<'a>, Error> {
        let search = Search {
            build: *self,
            asked: OnceCell::new(),
        };
        for _ in 0..MOST_ROUNDS {
            if let Some(adopted) = Box::pin(search.round(leftovers)).await? {
                return Ok(adopted);
            }
        }
        let name = &self.plan.template_name;
        Err(name_in_use(
            name,
            "it stays busy",
            "run the job again later",
        ))
    }

    /// The image that this step made in an earlier attempt, or whose template someone else has removed meanwhile. `asked` is the sum of what
    /// the step asks for, where that is to be compared.
    pub(super) async fn image_by_tags(
        &self,
        asked: Option<&str>,
    ) -> Result<Option<Box<Image>>, Error> {
        let plan = self.plan;
        let subscription = &plan.connection.subscription;
        let (arm, run) = (self.context.arm, &plan.origin.run);
        let all = tagged_images::images_of_run(arm, subscription, run).await?;
        let of_step = all.into_iter().filter(|image| {
            let same = asked.is_none_or(|asked| image.inputs.as_deref() == Some(asked));
            same && image.step.as_deref() == Some(&plan.origin.step)
        });
        let of_step: Vec<_> = of_step.collect();
        Ok(tagged_images::at_targets(plan, &of_step).map(Box::new))
    }
}

/// The search for what an earlier attempt has begun.
struct Search<'a> {
    build: Build<'a>,
    /// The sum of what the step asks for: the package is read for it, but once.
    asked: OnceCell<String>,
}

/// The templates that this step has made.
struct OfStep {
    /// Those with the inputs of this attempt.
    same: Vec<FoundTemplate>,
    /// Those with other inputs.
    other: Vec<FoundTemplate>,
}

impl<'a> Search<'a> {
    fn arm(&self) -> &'a Arm {
        self.build.context.arm
    }

    fn emit(&self, event: Event) {
        self.build.context.events.emit(event);
    }

    /// One round of the search. `None` if something has changed meanwhile, so that another round is needed.
    async fn round(&self, leftovers: &mut Leftovers<'_>) -> Result<Option<Adopted<'a>>, Error> {
        let plan = self.build.plan;
        let long_build = &plan.long_build;
        let named = self.named().await?;
        if let Some(found) = &named {
            if found.template.is_being_deleted() {
                self.until_gone(&found.id).await?;
                return Ok(None);
            }
            if !long_build.resume {
                check_at_rest(found)?;
                self.remove(found, leftovers).await?;
                return Ok(Some(Adopted::Nothing));
            }
        }
        if !long_build.resume || (long_build.named && named.is_none() && !long_build.second_attempt)
        {
            return Ok(Some(Adopted::Nothing));
        }
        let OfStep { mut same, other } = self.of_step(named).await?;
        if same.len() > 1 {
            return Err(find::several(plan.template_id.resource_group(), &same));
        }
        if let Some(found) = same.pop() {
            return self.take_over(found, leftovers).await;
        }
        if long_build.second_attempt
            && !plan.tests
            && let Some(image) = self.image().await?
        {
            self.emit(Event::EarlierImage {
                name: image.display_name(),
            });
            return Ok(Some(Adopted::Image(image)));
        }
        for found in other {
            if !long_build.second_attempt {
                // Made by another step of the same name: a conflict only if the template has our name.
                if found.id == plan.template_id {
                    let why = "another step of this pipeline run uses it, with other inputs";
                    return Err(name_in_use(&plan.template_name, why, &give_another()));
                }
                continue;
            }
            if found.template.is_being_deleted() {
                self.until_gone(&found.id).await?;
                continue;
            }
            self.discard(&found, "was created with other inputs", leftovers)
                .await?;
        }
        Ok(Some(Adopted::Nothing))
    }

    /// The template under the name that the author gave; an error if it is not this step's.
    async fn named(&self) -> Result<Option<FoundTemplate>, Error> {
        let plan = self.build.plan;
        if !plan.long_build.named {
            return Ok(None);
        }
        let group = plan.template_id.group();
        let wanted = TemplateRef::Named(&plan.template_name);
        let Some(found) = find::find(self.arm(), &group, wanted).await? else {
            return Ok(None);
        };
        let name = found.id.name();
        if !found.tags.are_ours() {
            let why = format!("'{name}' was not created by this task");
            let instead = format!("{}, or use 'action: run'", give_another());
            return Err(name_in_use(name, &why, &instead));
        }
        if found.tags.are_of_step(&plan.origin) || found.template.is_being_deleted() {
            return Ok(Some(found));
        }
        let run = found.tags.run.as_deref().unwrap_or_default();
        let whose = if run == plan.origin.run {
            "another step of this pipeline run".to_owned()
        } else {
            let number = run.rsplit('/').next().unwrap_or_default();
            format!("pipeline run {number}")
        };
        Err(if found.template.is_at_rest() {
            let why = format!("'{name}' was left by {whose}");
            let instead = format!("use 'action: sweep', or {}", give_another());
            name_in_use(name, &why, &instead)
        } else {
            let why = format!("'{name}' is in use by {whose}");
            name_in_use(name, &why, &give_another())
        })
    }

    /// The templates that this step has made: `named`, or all in the group.
    async fn of_step(&self, named: Option<FoundTemplate>) -> Result<OfStep, Error> {
        let plan = self.build.plan;
        let all = match named {
            Some(found) => vec![found],
            None => match find::all(self.arm(), &plan.template_id.group()).await {
                Ok(all) => all,
                // A first attempt has hardly anything to take over, so it must not need this permission. An unreadable answer is always an error.
                Err(failure)
                    if !plan.long_build.second_attempt
                        && !matches!(failure.cause, Cause::Unreadable(_)) =>
                {
                    Vec::new()
                }
                Err(failure) => return Err(failure.into()),
            },
        };
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for found in all {
            if !found.tags.are_of_step(&plan.origin) || found.is_test() != plan.tests {
                continue;
            }
            if self.is_same(&found).await? {
                same.push(found);
            } else {
                other.push(found);
            }
        }
        Ok(OfStep { same, other })
    }

    /// Whether `found` was made of the same inputs.
    async fn is_same(&self, found: &FoundTemplate) -> Result<bool, Error> {
        let asked = self.inputs_hash().await?;
        let definition = found.template.definition.as_ref();
        let same = |definition| matching::is_as_asked(definition, self.build.plan);
        Ok(found.tags.inputs.as_deref() == Some(asked) && definition.is_some_and(same))
    }

    /// The image of an earlier attempt; `None` without the permission to look for it, since a build must not need this permission.
    async fn image(&self) -> Result<Option<Box<Image>>, Error> {
        match self
            .build
            .image_by_tags(Some(self.inputs_hash().await?))
            .await
        {
            Err(Error::Azure(failure)) if failure.refusal().is_some() => Ok(None),
            looked => looked,
        }
    }

    /// The sum of what the step asks for.
    async fn inputs_hash(&self) -> Result<&str, Error> {
        let plan = self.build.plan;
        let asked = self.asked.get_or_try_init(async || {
            let content = package::content(plan).await?;
            Ok::<_, Error>(unchanged::asked(plan, content.as_ref()))
        });
        Ok(asked.await?)
    }
}

/// With `resume: never`, a template with a run in progress is an error.
fn check_at_rest(found: &FoundTemplate) -> Result<(), Error> {
    if found.template.is_at_rest() {
        return Ok(());
    }
    let name = found.id.name();
    let why = format!("'{name}' is in use by an earlier attempt at this step");
    let instead = format!("use '{}: auto', or {}", RESUME.name, give_another());
    Err(name_in_use(name, &why, &instead))
}

/// The error if a template that cannot be taken over has the name that this build needs.
fn name_in_use(name: &str, why: &str, instead: &str) -> Error {
    Error::NotOurs {
        doing: format!("Creating image template '{name}'"),
        why: why.to_owned(),
        instead: instead.to_owned(),
    }
}

fn give_another() -> String {
    format!("give another '{}'", TEMPLATE_NAME.name)
}
