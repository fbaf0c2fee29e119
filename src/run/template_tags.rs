//! The tags by which the task knows its own template again. They go with the request that makes it, so that there is no moment without them.

use crate::resource::tag::moment;
use std::collections::BTreeMap;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arm::template_state::Template;
use crate::arm::{Arm, Failure, api};
use crate::inputs::manifest::TASK_VERSION;
use crate::inputs::{Origin, Plan};
use crate::resource::ResourceId;
use crate::resource::tag::{INPUTS, KEEP, LONGEST_VALUE, MADE, PACKAGE, RUN, STEP, TASK, TEMPLATE};
use crate::storage::StorageAccount;
use crate::template::model::ImageTemplate;
use crate::template::set_image_tags;

/// The tags of the template of `plan`, which is made at `now` by Azure's clock. `inputs` is the sum of what the step asks for; the package is in
/// `account`.
pub(super) fn of(
    plan: &Plan,
    account: Option<&StorageAccount>,
    inputs: &str,
    now: Option<OffsetDateTime>,
) -> Vec<(&'static str, String)> {
    let all = [
        (TASK, Some(TASK_VERSION.to_owned())),
        (RUN, Some(plan.origin.run.clone())),
        (STEP, Some(plan.origin.step.clone())),
        (PACKAGE, account.and_then(|account| package(plan, account))),
        (MADE, now.map(moment)),
        (INPUTS, Some(inputs.to_owned())),
        (KEEP, plan.long_build.keep.then(|| "true".to_owned())),
    ];
    with_values(all)
}

/// The tags of a VM that a test of the step `origin` makes at `now` by Azure's clock, and of its network interface.
pub fn of_machine(origin: &Origin, now: Option<OffsetDateTime>) -> Vec<(&'static str, String)> {
    let all = [
        (TASK, Some(TASK_VERSION.to_owned())),
        (RUN, Some(origin.run.clone())),
        (STEP, Some(origin.step.clone())),
        (MADE, now.map(moment)),
    ];
    with_values(all)
}

fn with_values(
    all: impl IntoIterator<Item = (&'static str, Option<String>)>,
) -> Vec<(&'static str, String)> {
    let all = all.into_iter();
    all.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Adds the tags by which the image of `definition`, which is the template `name`, is found again when its template is gone.
pub(super) fn tag_image(
    definition: &mut ImageTemplate,
    origin: &Origin,
    name: &str,
    inputs: Option<&str>,
) {
    let mut tags = vec![(RUN, origin.run.clone()), (STEP, origin.step.clone())];
    tags.extend(inputs.map(|sum| (INPUTS, sum.to_owned())));
    set_image_tags(definition, &tags);
    // The image is found without it, too: it is left out where there is room for the others alone.
    set_image_tags(definition, &[(TEMPLATE, name.to_owned())]);
}

/// Where the package is. One that stays for later runs does not belong to the template.
fn package(plan: &Plan, account: &StorageAccount) -> Option<String> {
    let package = plan.package.as_ref();
    let package = package.filter(|package| package.retention.is_none())?;
    let id: ResourceId = account.id.parse().ok()?;
    let (group, name) = (id.resource_group(), &account.name);
    let place = format!("{group}/{name}/{}", package.blob_name);
    (place.chars().count() <= LONGEST_VALUE).then_some(place)
}

/// Writes the tag by which every later step keeps template `id`, too. `tags` are those that it has; all of them are sent, since it is not documented
/// whether Azure merges tags or replaces them. Azure takes no change while a run goes on.
pub(super) async fn write_keep(
    arm: &Arm,
    doing: &str,
    id: &ResourceId,
    mut tags: BTreeMap<String, String>,
) -> Result<(), Failure> {
    tags.retain(|name, _| !name.eq_ignore_ascii_case(KEEP));
    tags.insert(KEEP.to_owned(), "true".to_owned());
    let body = json!({"tags": tags});
    let changed = arm.patch(doing, id, api::IMAGE_TEMPLATES, &body).await;
    changed.map(drop)
}

/// What the tags of a template say of it. They are texts that others may have written: what is done because of them is proven first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateTags {
    /// Version of the task that made the template; none on one of someone else.
    pub task: Option<String>,
    /// The pipeline run.
    pub run: Option<String>,
    /// The step in it.
    pub step: Option<String>,
    /// The sum of what the template was asked to build of.
    pub inputs: Option<String>,
    /// Where its package is, as it is written.
    pub package: Option<String>,
    /// Whether template and package stay, whatever becomes of the run.
    pub keep: bool,
    /// When the template was made, by Azure's clock.
    pub made: Option<OffsetDateTime>,
}

impl TemplateTags {
    /// The tags of `template`.
    pub fn read(template: &Template) -> Self {
        let text = |name: &str| template.tag(name).filter(|it| !it.is_empty()).cloned();
        let keep = template.tag(KEEP);
        let made = template.tag(MADE);
        Self {
            task: text(TASK),
            run: text(RUN),
            step: text(STEP),
            inputs: text(INPUTS),
            package: text(PACKAGE),
            // A person may set it, with any word but one.
            keep: keep.is_some_and(|keep| !keep.trim().eq_ignore_ascii_case("false")),
            made: made.and_then(|made| OffsetDateTime::parse(made, &Rfc3339).ok()),
        }
    }

    /// Whether the step `origin` of this task made the template, in this attempt or an earlier one.
    pub fn are_of_step(&self, origin: &Origin) -> bool {
        self.are_ours()
            && self.run.as_deref() == Some(&origin.run)
            && self.step.as_deref() == Some(&origin.step)
    }

    /// Whether this task made the template. Every other one is someone else's, and is never changed or deleted.
    pub fn are_ours(&self) -> bool {
        self.task.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::RawInputs;

    /// Azure keeps 50 tags of an image, and the service adds two.
    #[test]
    fn the_tag_that_names_the_template_is_the_first_to_be_left_out() {
        let origin = Origin::of(&RawInputs::default());
        let tags_of = |template: &ImageTemplate| {
            let mut target = template.properties.targets().first().unwrap().clone();
            target.artifact_tags_mut().unwrap().clone().unwrap()
        };
        for (own, expected) in [(44, 48), (45, 48), (46, 47)] {
            let tags: BTreeMap<_, _> = (0..own).map(|n| (format!("t{n}"), "x")).collect();
            let target = json!({"type": "SharedImage", "artifactTags": tags});
            let template = json!({"properties": {"distribute": [target]}});
            let mut template: ImageTemplate = serde_json::from_value(template).unwrap();
            tag_image(&mut template, &origin, "aib-1", Some("ab"));
            let tags = tags_of(&template);
            assert_eq!(tags.len(), expected, "{own}");
            assert_eq!(tags.contains_key(TEMPLATE), own != 45, "{own}");
            assert_eq!(tags.contains_key(RUN), own < 46, "{own}");
            // Those that are there are written over, however full it is.
            tag_image(&mut template, &origin, "aib-2", Some("cd"));
            let tags = tags_of(&template);
            assert_eq!(tags.len(), expected, "{own}");
            let inputs = tags.get(INPUTS).map(String::as_str);
            assert_eq!(inputs, (own < 46).then_some("cd"), "{own}");
        }
    }

    #[test]
    fn marks_are_read_without_regard_to_case() {
        let read = |tags: &[(&str, &str)]| {
            let tags = tags.iter();
            TemplateTags::read(&Template {
                tags: tags
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                ..Template::default()
            })
        };
        let all = read(&[
            ("IMAGEBUILDERTASK", "1.2.0"),
            ("imageBuilderRun", "c/p/1"),
            ("imageBuilderStep", "j/s"),
            ("imageBuilderInputs", "ab"),
            ("imageBuilderPackage", "g/a/b"),
            ("imagebuilderkeep", "Yes"),
            ("imageBuilderMade", "2026-11-22T10:00:00Z"),
        ]);
        let text = |text: &str| Some(text.to_owned());
        let expected = TemplateTags {
            task: text("1.2.0"),
            run: text("c/p/1"),
            step: text("j/s"),
            inputs: text("ab"),
            package: text("g/a/b"),
            keep: true,
            made: Some(time::macros::datetime!(2026-11-22 10:00 UTC)),
        };
        assert_eq!(all, expected);
        assert!(all.are_ours());
        let none = read(&[("owner", "me"), ("imageBuilderMade", "yesterday")]);
        assert_eq!(none, TemplateTags::default());
        assert!(!none.are_ours());
        for (value, keep) in [
            ("true", true),
            ("", true),
            ("no", true),
            ("FALSE", false),
            (" false ", false),
        ] {
            assert_eq!(read(&[("ImageBuilderKeep", value)]).keep, keep, "{value}");
        }
    }
}
