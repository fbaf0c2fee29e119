//! The template of a build: made of a plan, or read from Azure, where this step or another one, or someone else, has left it.

use crate::run::image;
use std::time::Duration;

use super::distribution::{Distribution, distributions_of};
use super::find::FoundTemplate;
use super::image::Record;
use crate::arm::template_state::Template;
use crate::diagnosis::Customizer;
use crate::inputs::Plan;
use crate::inputs::inventory::STEP;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::template::model::{Distributor, ImageTemplate, Tags};

/// The template of a build, whose run is followed to its end.
#[derive(Debug, Clone)]
pub(super) struct BuildTemplate<'a> {
    /// Its resource id.
    pub(super) id: ResourceId,
    /// What it says of source, customizers and targets.
    pub(super) definition: ImageTemplate,
    /// The group in which the build happens, if Azure tells it.
    pub(super) staging_group: Option<ResourceGroupId>,
    /// The number that the source's `latest` stood for.
    pub(super) source_version: Option<String>,
    /// SHA-256 of the package's archive, where it was packed here.
    pub(super) package: Option<String>,
    /// The plan of the build, where it is this step's.
    pub(super) plan: Option<&'a Plan>,
    /// Whether the output of the build is shown while it runs.
    pub(super) stream_logs: bool,
}

impl<'a> BuildTemplate<'a> {
    /// The template of `plan`, submitted as `definition` and provisioned as `seen`.
    pub(super) fn of_plan(
        plan: &'a Plan,
        definition: ImageTemplate,
        seen: &Template,
        package: Option<String>,
    ) -> Self {
        Self {
            id: plan.template_id.clone(),
            definition,
            staging_group: seen.staging_group.clone(),
            source_version: seen.source_version.clone(),
            package,
            plan: Some(plan),
            stream_logs: plan.stream_logs,
        }
    }

    /// A template that is there. `plan` is that of the build, where it is this step's.
    pub(super) fn of_found(
        found: &FoundTemplate,
        plan: Option<&'a Plan>,
        stream_logs: bool,
    ) -> Self {
        let seen = &found.template;
        Self {
            id: found.id.clone(),
            definition: seen.definition.clone().unwrap_or_default(),
            staging_group: seen.staging_group.clone(),
            source_version: seen.source_version.clone(),
            package: None,
            plan,
            stream_logs,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.id.name()
    }

    /// The limit of the build: the service ends the run then.
    pub(super) fn build_timeout(&self) -> Duration {
        self.definition.properties.effective_build_timeout()
    }

    /// Its targets in their order.
    pub(super) fn targets(&self) -> Vec<Distribution> {
        distributions_of(&self.definition.properties)
    }

    /// Whether the run is this step's test of an image, and makes none.
    pub(super) fn is_test(&self) -> bool {
        self.plan.is_some_and(|plan| plan.tests)
    }

    /// What runs in the build VM, in its order: the customizers, or the validators of a test.
    pub(super) fn customizers(&self) -> Vec<Customizer> {
        let properties = &self.definition.properties;
        let steps = if self.is_test() {
            properties.validators()
        } else {
            properties.customizers()
        };
        let customizers = steps.iter();
        customizers
            .map(|customizer| Customizer {
                kind: customizer.kind().to_owned(),
                name: customizer.name().to_owned(),
            })
            .collect()
    }

    /// Whether a step of it lists what the image holds.
    pub(super) fn lists_contents(&self) -> bool {
        let mut customizers = self.definition.properties.customizers().iter();
        customizers.any(|customizer| customizer.name() == STEP)
    }

    /// Name of the run output of the first target, which is the one that is reported.
    pub(super) fn run_output_name(&self) -> &str {
        let first = self.definition.properties.targets().first();
        first.map_or("", Distributor::run_output_name)
    }

    /// Where the image comes from, `version` being the number that the source's `latest` stood for.
    pub(super) fn provenance(&self, version: Option<&str>) -> Record {
        if let Some(plan) = self.plan {
            return image::record(plan, version, self.package.as_deref());
        }
        let source = self.definition.properties.source.as_ref();
        image::of_tags(source, version, self.artifact_tags())
    }

    /// What the tags of its image say of where the image comes from.
    pub(super) fn provenance_in_tags(&self) -> Record {
        image::of_tags(None, None, self.artifact_tags())
    }

    /// Which pipeline's build has made the template, as far as the tags of its image tell.
    pub(super) fn built_by(&self) -> Option<String> {
        let record = self.provenance_in_tags();
        let known: Vec<_> = ["pipeline", "buildNumber"]
            .into_iter()
            .filter_map(|name| image::fact(&record, name))
            .collect();
        (!known.is_empty()).then(|| known.join(" "))
    }

    /// The tags that the first target's image gets.
    fn artifact_tags(&self) -> Option<&Tags> {
        self.definition
            .properties
            .targets()
            .first()?
            .artifact_tags()
    }
}
