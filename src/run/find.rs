//! Finding a template that another step made: by its name, or by the pipeline run that its tags name.
//!
//! Tags are texts that others may have written. What is found is only looked at; what is changed or deleted because of tags is proven first.

use std::time::Duration;

use http::StatusCode;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::event::{Event, Events};
use super::template_tags::TemplateTags;
use super::watch::HEARTBEAT;
use crate::arm::pace::Pace;
use crate::arm::template_state::Template;
use crate::arm::{Arm, Failure};
use crate::error::Error;
use crate::inputs::nearest;
use crate::resource::{IMAGE_TEMPLATE, ResourceGroupId, ResourceId};
use crate::template::model::Distributor;

/// A template, and what its tags say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundTemplate {
    /// Its id.
    pub id: ResourceId,
    /// What Azure says of it.
    pub template: Template,
    /// What its tags say.
    pub tags: TemplateTags,
}

impl FoundTemplate {
    /// `template`, with its tags read.
    pub fn of(id: ResourceId, template: Template) -> Self {
        let tags = TemplateTags::read(&template);
        Self { id, template, tags }
    }

    /// Azure was asked for the template again.
    pub fn update(&mut self, template: Template) {
        self.tags = TemplateTags::read(&template);
        self.template = template;
    }

    /// Whether it tests an image and builds none: it validates its source alone, into one VHD of a fixed name.
    pub fn is_test(&self) -> bool {
        let definition = self.template.definition.as_ref();
        definition.is_some_and(|definition| definition.properties.is_test())
    }

    /// Whether its result would be deleted with it: a VHD without an address of its own lies in its staging group. Targets that are not known may
    /// be such.
    pub fn holds_vhd(&self) -> bool {
        let Some(definition) = &self.template.definition else {
            return true;
        };
        let mut targets = definition.properties.targets().iter();
        let lies_here = |target: &Distributor| match target {
            Distributor::Vhd(vhd) => vhd.lies_with_template(),
            Distributor::Unknown(_) => true,
            Distributor::ManagedImage(_) | Distributor::SharedImage(_) => false,
        };
        !self.is_test() && targets.any(lies_here)
    }

    /// When its run ended or, where it has none, when it was made. `None` while a run goes on, and where Azure does not tell.
    pub fn at_rest_since(&self) -> Option<OffsetDateTime> {
        match &self.template.last_run {
            Some(run) if run.is_over() => run.ended,
            Some(_) => None,
            None => self.tags.made.or(self.template.created),
        }
    }
}

/// All templates of `group`.
///
/// # Errors
/// The list cannot be read to its end.
pub async fn all(arm: &Arm, group: &ResourceGroupId) -> Result<Vec<FoundTemplate>, Failure> {
    let all = arm.templates(group).await?.into_iter();
    // Azure's own ids have other letter cases than those that are sent.
    let id = |id: ResourceId| template_id(group, id.name());
    Ok(all
        .map(|(own, template)| FoundTemplate::of(id(own), template))
        .collect())
}

/// Which template is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateRef<'a> {
    /// The one of this name, whoever made it.
    Named(&'a str),
    /// The one that pipeline run `0` made, in whatever step; not one that tests an image.
    OfRun(&'a str),
}

impl<'a> TemplateRef<'a> {
    /// The template `name`, or where no name is given that of pipeline run `run`.
    pub fn new(name: Option<&'a str>, run: &'a str) -> Self {
        name.map_or(Self::OfRun(run), Self::Named)
    }
}

/// The template that is wanted in `group`; `None` if there is none.
///
/// # Errors
/// Azure refuses, its list cannot be read to the end, or several templates are of the run ([`Error::SeveralTemplates`]).
pub async fn find(
    arm: &Arm,
    group: &ResourceGroupId,
    wanted: TemplateRef<'_>,
) -> Result<Option<FoundTemplate>, Error> {
    let run = match wanted {
        TemplateRef::Named(name) => {
            let id = template_id(group, name);
            return match arm.template(&id).await {
                Ok(seen) => Ok(Some(FoundTemplate::of(id, seen.value))),
                Err(failure) if is_missing(&failure) => Ok(None),
                Err(failure) => Err(failure.into()),
            };
        }
        TemplateRef::OfRun(run) => run,
    };
    let mut found = all(arm, group).await?;
    found.retain(|one| {
        let tags = &one.tags;
        tags.are_ours() && tags.run.as_deref() == Some(run) && !one.is_test()
    });
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(several(group.name(), &found)),
    }
}

/// The error that several templates were found in resource group `group` where one is wanted.
pub(super) fn several(group: &str, found: &[FoundTemplate]) -> Error {
    let mut names: Vec<_> = found.iter().map(|one| one.id.name().to_owned()).collect();
    names.sort();
    Error::SeveralTemplates {
        group: group.to_owned(),
        names,
    }
}

/// As [`find`], where nothing can be done without a template.
///
/// # Errors
/// As [`find`], or there is none ([`Error::NoTemplate`]).
pub async fn find_or_fail(
    arm: &Arm,
    group: &ResourceGroupId,
    wanted: TemplateRef<'_>,
) -> Result<FoundTemplate, Error> {
    match find(arm, group, wanted).await? {
        Some(found) => Ok(found),
        None => Err(missing(arm, group, wanted).await),
    }
}

/// The error that there is no such template, with the nearest name.
pub async fn missing(arm: &Arm, group: &ResourceGroupId, wanted: TemplateRef<'_>) -> Error {
    missing_beside(arm, group, wanted, &[]).await
}

/// As [`missing`], where the templates `gone` were there, and have left images.
pub(super) async fn missing_beside(
    arm: &Arm,
    group: &ResourceGroupId,
    wanted: TemplateRef<'_>,
    gone: &[&str],
) -> Error {
    let (name, near) = match wanted {
        TemplateRef::OfRun(_) => (None, None),
        TemplateRef::Named(name) => {
            let all = arm.templates(group).await.unwrap_or_default();
            let names = all.iter().map(|(id, _)| id.name());
            let near = nearest(name, names.chain(gone.iter().copied()));
            // A pipeline run has one template as a rule.
            let near = near.or(match gone {
                [only] => Some(only),
                _ => None,
            });
            (Some(name.to_owned()), near.map(str::to_owned))
        }
    };
    Error::NoTemplate {
        group: group.name().to_owned(),
        name,
        nearest: near,
    }
}

/// The id of template `name` in `group`.
pub fn template_id(group: &ResourceGroupId, name: &str) -> ResourceId {
    ResourceId::in_group(group.subscription(), group.name(), IMAGE_TEMPLATE, name)
}

/// Whether this task gives such a name to a template for which the author gives none: `t_{number}`.
pub(super) fn is_given_name(name: &str) -> bool {
    let number = name.strip_prefix("t_").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Waits until template `id`, which is being deleted, is gone. That is said at once, and every two minutes.
///
/// # Errors
/// It is still there after `limit`, or Azure refuses to tell.
pub(super) async fn until_gone(
    arm: &Arm,
    id: &ResourceId,
    limit: Duration,
    events: &dyn Events,
) -> Result<(), Error> {
    let (start, mut pace) = (Instant::now(), Pace::new(None));
    let (mut last, mut last_line) = (None, None::<Instant>);
    while start.elapsed() < limit {
        if last_line.is_none_or(|at| at.elapsed() >= HEARTBEAT) {
            last_line = Some(Instant::now());
            events.emit(Event::BeingDeleted {
                template: id.name().to_owned(),
                elapsed: start.elapsed(),
            });
        }
        match arm.template(id).await {
            Ok(seen) => pace.asked(seen.pause),
            Err(failure) if is_missing(&failure) => return Ok(()),
            Err(failure) if failure.is_final() => return Err(failure.into()),
            Err(failure) => last = Some(failure),
        }
        sleep(pace.pause()).await;
    }
    Err(last.map_or_else(
        || Error::NotOurs {
            doing: format!("Waiting until image template '{}' is deleted", id.name()),
            why: format!("it is not gone after {} minutes", limit.as_secs() / 60),
            instead: "run the job again later".to_owned(),
        },
        Error::from,
    ))
}

/// Whether there is no such template. A group that is not there is another failure.
fn is_missing(failure: &Failure) -> bool {
    let refusal = failure.refusal();
    let of_group = refusal.is_some_and(|refusal| refusal.code == "ResourceGroupNotFound");
    failure.is(StatusCode::NOT_FOUND) && !of_group
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn found(value: &Value) -> FoundTemplate {
        let group = ResourceGroupId::new("s", "g");
        FoundTemplate::of(template_id(&group, "t_1"), Template::read(value))
    }

    #[test]
    fn a_vhd_without_an_address_lies_with_the_template() {
        let check = |distribute: Value, validate: Value, (test, holds): (bool, bool)| {
            let one =
                found(&json!({"properties": {"distribute": distribute, "validate": validate}}));
            assert_eq!(
                (one.is_test(), one.holds_vhd()),
                (test, holds),
                "{distribute} {validate}"
            );
        };
        let vhd = |name: &str| json!([{"type": "VHD", "runOutputName": name}]);
        let image = json!({"type": "SharedImage", "galleryImageId": "/x"});
        let source_only = json!({"sourceValidationOnly": true});
        check(vhd("a"), json!({}), (false, true));
        check(
            json!([{"type": "VHD", "uri": "https://a/b.vhd"}]),
            json!({}),
            (false, false),
        );
        check(
            json!([{"type": "VHD", "uri": ""}]),
            json!({}),
            (false, true),
        );
        check(json!([image, {"type": "VHD"}]), json!({}), (false, true));
        check(json!([image]), json!({}), (false, false));
        check(json!([{"type": "Floppy"}]), json!({}), (false, true));
        check(vhd("imageTest"), source_only.clone(), (true, false));
        check(vhd("imageTest"), json!({}), (false, true));
        check(vhd("a"), source_only, (false, true));
        check(json!(7), json!({}), (false, true));
    }

    #[test]
    fn its_age_counts_from_the_end_of_its_run_or_from_its_making() {
        let check = |value: Value, expected: Option<&str>| {
            let since = found(&value)
                .at_rest_since()
                .map(|time| time.time().to_string());
            assert_eq!(since.as_deref(), expected, "{value}");
        };
        let run = |state: &str, end: &str| {
            json!({"properties": {"lastRunStatus": {"runState": state, "endTime": end}},
                "tags": {"imageBuilderMade": "2026-11-22T01:00:00Z"}})
        };
        let (end, none) = ("2026-11-22T05:00:00Z", "0001-01-01T00:00:00Z");
        check(run("Succeeded", end), Some("5:00:00.0"));
        check(run("Failed", none), None);
        check(run("Running", none), None);
        check(run("Levitating", none), None);
        let created = json!({"createdAt": "2026-11-22T02:00:00Z"});
        check(json!({"systemData": created}), Some("2:00:00.0"));
        check(
            json!({"systemData": created, "tags": {"imageBuilderMade": "2026-11-22T01:00:00Z"}}),
            Some("1:00:00.0"),
        );
        check(json!({"tags": {"imageBuilderMade": "x"}}), None);
    }
}
