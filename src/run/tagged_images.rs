//! Images by their tags: the one that a pipeline run has made is found after its template is gone.
//!
//! Tags are texts that others may have written. What they name is read again, and is only reported.

use crate::resource::tag::PROVENANCE;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::distribution::{Distribution, Output, distributions_of};
use super::find;
use super::image::{Image, Made, PlatformImage, platform_image};
use super::image::{Record, fact};
use crate::arm::{Arm, Failure, api};
use crate::inputs::Plan;
use crate::inputs::is_template_name;
use crate::resource::tag::{INPUTS, RUN, STEP, TEMPLATE};
use crate::resource::{IMAGE_VERSION, ImageVersion, MANAGED_IMAGE, ResourceId};

/// An image that a pipeline run has made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaggedImage {
    pub(super) id: ResourceId,
    /// The step of the run.
    pub(super) step: Option<String>,
    /// The sum of what it was asked to build of.
    pub(super) inputs: Option<String>,
    /// The name of the template that made it; none on an image that an earlier version of the task made.
    pub(super) template: Option<String>,
    provenance: Record,
    regions: Vec<String>,
}

impl TaggedImage {
    fn is_version(&self) -> bool {
        self.id.is(IMAGE_VERSION)
    }

    fn number(&self) -> Option<ImageVersion> {
        self.id.name().parse().ok().filter(|_| self.is_version())
    }

    fn read(id: ResourceId, value: &Value) -> Option<Self> {
        let state = value.pointer("/properties/provisioningState");
        if state.and_then(Value::as_str) != Some("Succeeded") {
            return None;
        }
        let tags = value.get("tags").and_then(Value::as_object);
        let tag = |wanted: &str| {
            let mut tags = tags.into_iter().flatten();
            let (_, value) = tags.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            value.as_str().map(str::to_owned)
        };
        let regions = value.pointer("/properties/publishingProfile/targetRegions");
        let regions = regions.and_then(Value::as_array).into_iter().flatten();
        let name = |region: &Value| Some(region.get("name")?.as_str()?.to_owned());
        Some(Self {
            id,
            step: tag(STEP),
            inputs: tag(INPUTS),
            template: tag(TEMPLATE).filter(|name| is_template_name(name)),
            provenance: PROVENANCE
                .iter()
                .filter_map(|name| Some((*name, tag(name)?)))
                .collect(),
            regions: regions.filter_map(name).collect(),
        })
    }
}

/// The complete images whose tags name pipeline run `run`, in the whole of `subscription`.
pub(super) async fn images_of_run(
    arm: &Arm,
    subscription: &str,
    run: &str,
) -> Result<Vec<TaggedImage>, Failure> {
    let filter = format!(
        "tagName eq '{RUN}' and tagValue eq '{}'",
        run.replace('\'', "''")
    );
    let filter = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
    let path = format!("/subscriptions/{subscription}/resources?$filter={filter}");
    let doing = "Looking for the image of this pipeline run";
    let listed = arm.pages(doing, path, api::RESOURCES).await?;
    let mut all = Vec::new();
    for one in listed {
        let id = one.get("id").and_then(Value::as_str);
        let Some(id) = id.and_then(|id| id.parse::<ResourceId>().ok()) else {
            continue;
        };
        let api = match () {
            () if id.is(IMAGE_VERSION) => api::GALLERIES,
            () if id.is(MANAGED_IMAGE) => api::IMAGES,
            () => continue,
        };
        // The list may lack state and tags.
        let doing = format!("Reading image '{}'", id.name());
        if let Some(value) = arm.get_if_there(&doing, &id, api).await? {
            all.extend(TaggedImage::read(id, &value));
        }
    }
    // A version comes before a managed image, a higher number before a lower one.
    all.sort_by(|one, other| {
        other
            .number()
            .cmp(&one.number())
            .then(one.id.as_str().cmp(other.id.as_str()))
    });
    Ok(all)
}

/// The image that `plan` asks for among those that its step has made: one for each target, the first of which there must be.
pub(super) fn at_targets(plan: &Plan, made: &[TaggedImage]) -> Option<Image> {
    let is_at = |target: &Distribution, image: &TaggedImage| {
        let Some(id) = &target.id else { return false };
        let number = target
            .version
            .as_deref()
            .filter(|_| !plan.long_build.number_by_clock);
        let numbered = number.is_none_or(|number| image.id.name() == number);
        match image.id.parent().filter(|_| image.is_version()) {
            Some(definition) => definition == *id && numbered,
            None => image.id == *id,
        }
    };
    let targets = distributions_of(&plan.properties);
    let found = |target: &Distribution| made.iter().find(|image| is_at(target, image));
    let first = found(targets.first()?)?;
    // A VHD has no tags: nothing is known of it.
    let outputs = targets.iter().filter(|target| target.id.is_some());
    let outputs = outputs.map(|target| Output {
        target: target.clone(),
        uri: found(target).map(|image| image.id.to_string()),
    });
    let source = plan.properties.source.as_ref();
    let version = fact(&first.provenance, "sourceVersion").map(str::to_owned);
    let template = first.template.as_deref();
    Some(Image {
        uri: first.id.to_string(),
        template_name: template.unwrap_or(&plan.template_name).to_owned(),
        template_id: template.map(|name| find::template_id(&plan.template_id.group(), name)),
        outputs: outputs.collect(),
        run_output: plan.run_output_name().to_owned(),
        source: source.cloned(),
        platform_image: platform_image(source, version),
        provenance: first.provenance.clone(),
        made: Made::ByEarlierAttempt,
        caveat: None,
        contents: None,
        compared: None,
    })
}

/// `made` as the image of a template that is gone, `template` being its id if it is known.
pub(super) fn alone(made: TaggedImage, template: Option<&ResourceId>) -> Image {
    let version = made.is_version();
    let target = Distribution {
        run_output: String::new(),
        kind: if version {
            "SharedImage"
        } else {
            "ManagedImage"
        }
        .to_owned(),
        id: if version {
            made.id.parent()
        } else {
            Some(made.id.clone())
        },
        version: version.then(|| made.id.name().to_owned()),
        regions: made.regions,
    };
    let uri = made.id.to_string();
    Image {
        template_name: template.map(|id| id.name().to_owned()).unwrap_or_default(),
        template_id: template.cloned(),
        outputs: vec![Output {
            target,
            uri: Some(uri.clone()),
        }],
        uri,
        run_output: String::new(),
        source: None,
        platform_image: platform(&made.provenance),
        provenance: made.provenance,
        made: Made::ByEarlierAttempt,
        caveat: None,
        contents: None,
        compared: None,
    }
}

/// The marketplace image that the tags tell.
fn platform(record: &Record) -> Option<PlatformImage> {
    let source = fact(record, "source")?;
    let parts: Vec<_> = source.split(':').collect();
    let [publisher, offer, sku] = parts.as_slice() else {
        return None;
    };
    Some(PlatformImage {
        publisher: (*publisher).to_owned(),
        offer: (*offer).to_owned(),
        sku: (*sku).to_owned(),
        version: fact(record, "sourceVersion").unwrap_or_default().to_owned(),
    })
}
