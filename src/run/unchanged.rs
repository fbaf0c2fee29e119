//! Whether a build would make the image that is there already: the same source, the same template, the same package.
//!
//! One number stands for the three, and the image version carries it as a tag. Where something cannot be read, an image is built.

use super::distribution::{Output, distributions_of};
use super::event::{Event, Events};
use super::image::Record;
use super::image::{Image, Made, platform_image};
use crate::arm::Arm;
use crate::arm::gallery::{Version, latest, newest_good};
use crate::check::source_version;
use crate::inputs::Plan;
use crate::resource::tag::INPUTS_SHA256;
use crate::resource::tag::PROVENANCE;
use crate::resource::tag::WITHDRAWN_AT;
use crate::resource::{ResourceId, plain_region};
use crate::secret::{Masker, Secret};
use crate::storage::Sha256;
use crate::template::model::{Distributor, LATEST, Source, json};
use crate::template::{Address, PackageLink, compose};

/// Stands in for the link, which differs from run to run.
const STAND_IN: &str = "https://package";

/// Whether there is anything to build.
pub(super) enum Decision {
    /// The newest version was made of the same.
    Unchanged(Box<Image>),
    /// An image has to be built, of this plan, with this number as a tag if it is known.
    Build(Box<Plan>, Option<String>),
}

/// Compares with the newest good version of the target. `content` is the sum of the package.
pub(super) async fn decide(
    plan: &Plan,
    arm: &Arm,
    content: Option<&Sha256>,
    events: &dyn Events,
) -> Decision {
    let (pinned, sum) = match pinned(plan, arm).await {
        Ok(pinned) => {
            let sum = sum(&pinned, content);
            (pinned, sum)
        }
        Err(reason) => {
            events.emit(Event::ChangeUnknown { reason });
            return Decision::Build(Box::new(plan.clone()), None);
        }
    };
    let found = match newest(plan, arm).await {
        Ok(found) => found,
        Err(reason) => {
            events.emit(Event::ChangeUnknown { reason });
            return Decision::Build(Box::new(pinned), Some(sum));
        }
    };
    match found.filter(|version| version.tag(INPUTS_SHA256) == Some(&sum)) {
        Some(version) => {
            events.emit(Event::Unchanged {
                version: version.name.clone(),
            });
            Decision::Unchanged(Box::new(image(&pinned, &version)))
        }
        None => Decision::Build(Box::new(pinned), Some(sum)),
    }
}

/// The plan with the number that `latest` stands for now, so that what is compared is what is built.
async fn pinned(plan: &Plan, arm: &Arm) -> Result<Plan, String> {
    let is_latest = |version: &str| version.eq_ignore_ascii_case(LATEST);
    let mut pinned = plan.clone();
    match &mut pinned.properties.source {
        Some(Source::PlatformImage(image)) => {
            if is_latest(image.version_or_latest()) {
                let newest = source_version(plan, arm).await;
                image.version = newest.ok_or("the versions of the source cannot be read")?;
            }
        }
        Some(Source::SharedImageVersion(source)) => {
            let id = &mut source.image_version_id;
            match id.parse::<ResourceId>() {
                Ok(parsed) if is_latest(parsed.name()) => {
                    *id = latest_of_source(&parsed, plan, arm).await?;
                }
                Ok(_) => {}
                // Shared directly: its versions cannot be listed.
                Err(_) if !id.to_lowercase().ends_with("/latest") => {}
                Err(_) => return Err(NO_VERSION.to_owned()),
            }
        }
        Some(Source::ManagedImage(_) | Source::Unknown(_)) | None => {
            return Err(NO_VERSION.to_owned());
        }
    }
    Ok(pinned)
}

const NO_VERSION: &str = "the source has no version by which a change would show";

/// The build VM starts in the region of the template.
async fn latest_of_source(id: &ResourceId, plan: &Plan, arm: &Arm) -> Result<String, String> {
    let definition = id.parent().ok_or("the source has no image definition")?;
    let versions = arm.counted_versions(&definition).await;
    let versions = versions.map_err(|failure| failure.to_string())?;
    let region = plan.location.as_str();
    let latest = latest(&versions, region);
    let latest = latest.ok_or_else(|| format!("the source has no version in {region}"))?;
    Ok(latest.id.clone())
}

async fn newest(plan: &Plan, arm: &Arm) -> Result<Option<Version>, String> {
    let [distributor @ Distributor::SharedImage(target)] = plan.properties.targets() else {
        return Err("only image versions carry what is compared".to_owned());
    };
    let (definition, _) = target
        .image()
        .ok_or("the target is not an image definition")?;
    let versions = arm.counted_versions(&definition).await;
    let mut versions = versions.map_err(|failure| failure.to_string())?;
    if target.exclude_from_latest == Some(true) {
        // One that was withdrawn is not offered again.
        versions.retain(|version| version.tag(WITHDRAWN_AT).is_none());
        return Ok(newest_good(&versions).cloned());
    }
    let mut regions: Vec<String> = distributor
        .regions()
        .into_iter()
        .map(plain_region)
        .collect();
    if regions.is_empty() {
        regions.push(plan.location.to_string());
    }
    Ok(latest_in_all(&versions, &regions).cloned())
}

/// The version that is the latest one in each of the regions, if there is such a one.
fn latest_in_all<'a>(versions: &'a [Version], regions: &[String]) -> Option<&'a Version> {
    let mut all = regions.iter().map(|region| latest(versions, region));
    let first = all.next()??;
    all.all(|other| other.is_some_and(|other| other.name == first.name))
        .then_some(first)
}

/// The sum of everything that the image is made of. What differs from run to run and does not change the image is left out: the link, the
/// image's own number, tags.
fn sum(plan: &Plan, content: Option<&Sha256>) -> String {
    sum_of(plan, content, false)
}

/// The sum of what a step asks for, by which a later attempt knows it again: as [`sum`], but `latest` stays `latest`. The image's number is in
/// it unless the clock gives it.
pub(super) fn asked(plan: &Plan, content: Option<&Sha256>) -> String {
    sum_of(plan, content, !plan.long_build.number_by_clock)
}

fn sum_of(plan: &Plan, content: Option<&Sha256>, with_number: bool) -> String {
    let link = content.map(|content| PackageLink {
        address: Address::Signed(Secret::new(STAND_IN, &Nobody)),
        sha256: content.to_string(),
    });
    let mut template = compose(plan, link.as_ref());
    template.tags = None;
    template.properties.managed_resource_tags = None;
    for target in template.properties.distribute.iter_mut().flatten() {
        if let Some(tags) = target.artifact_tags_mut() {
            *tags = None;
        }
        if let Distributor::SharedImage(target) = target
            && !with_number
            && let Some((definition, _)) = target.image()
        {
            target.gallery_image_id = definition.to_string();
        }
    }
    Sha256::of(json(&template).to_string().as_bytes()).to_string()
}

struct Nobody;

impl Masker for Nobody {
    fn mask(&self, _value: &str) {}
}

fn image(plan: &Plan, version: &Version) -> Image {
    let known = |name: &&'static str| Some((*name, version.tag(name)?.to_owned()));
    let provenance: Record = PROVENANCE.iter().filter_map(known).collect();
    let targets = distributions_of(&plan.properties).into_iter();
    let outputs = targets.map(|target| Output {
        target,
        uri: Some(version.id.clone()),
    });
    Image {
        outputs: outputs.collect(),
        uri: version.id.clone(),
        template_name: plan.template_name.clone(),
        // It is not created.
        template_id: None,
        platform_image: platform_image(plan.properties.source.as_ref(), None),
        run_output: plan.run_output_name().to_owned(),
        source: plan.properties.source.clone(),
        provenance,
        made: Made::ByEarlierBuild,
        caveat: None,
        contents: None,
        compared: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::gallery::{State, TargetRegion};

    fn version(name: &str, state: State, regions: &[&str]) -> Version {
        let regions = regions.iter().map(|name| TargetRegion {
            name: (*name).to_owned(),
            excluded: false,
        });
        Version {
            name: name.to_owned(),
            state,
            regions: regions.collect(),
            ..Version::default()
        }
    }

    #[test]
    fn what_is_compared_is_the_latest_one_in_every_region() {
        let all = [
            version("1.9.0", State::Succeeded, &["a", "b"]),
            version("1.10.0", State::Succeeded, &["a", "b"]),
            version("1.11.0", State::Succeeded, &["a"]),
            version("2.0.0", State::Failed, &["a", "b"]),
        ];
        let check = |versions: &[Version], regions: &[&str], expected: Option<&str>| {
            let regions: Vec<String> = regions.iter().map(|&name| name.to_owned()).collect();
            let found = latest_in_all(versions, &regions);
            assert_eq!(found.map(|version| version.name.as_str()), expected);
        };
        check(&[], &["a"], None);
        check(&all, &["a"], Some("1.11.0"));
        check(&all, &["b"], Some("1.10.0"));
        check(&all, &["a", "b"], None);
        check(&all[..2], &["a", "b"], Some("1.10.0"));
        check(&all[..2], &["a", "c"], None);
    }
}
