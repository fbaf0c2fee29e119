//! Whether a build would make the image that is there already: the same source, the same template, the same package.
//!
//! The three are one number, which the image version carries as a tag. What cannot be read means a build, never none.

use super::distribution::{Output, distributions_of};
use super::event::{Event, Events};
use super::image::{Image, platform_image};
use super::provenance::{NAMES, Record};
use crate::arm::Arm;
use crate::arm::gallery::Version;
use crate::check::source_version;
use crate::inputs::Plan;
use crate::resource::ResourceId;
use crate::secret::{Masker, Secret};
use crate::storage::Sha256;
use crate::template::model::{Distributor, LATEST, Source, json};
use crate::template::{Address, PackageLink, compose};

/// The tag with the number.
pub(super) const INPUTS: &str = "inputsSha256";
/// Nobody reads the stand-in for a link but the digest.
const STAND_IN: &str = "https://package";

/// What a look at the gallery came to.
pub(super) enum Look {
    /// There is such an image already.
    Unchanged(Box<Image>),
    /// An image has to be built, of this plan, with this number as a tag if it is known.
    Build(Box<Plan>, Option<String>),
}

/// Looks whether the newest good version of the target was made of the same. `content` is the sum of the package.
pub(super) async fn look(
    plan: &Plan,
    arm: &Arm,
    content: Option<&Sha256>,
    events: &dyn Events,
) -> Look {
    let (pinned, sum) = match pinned(plan, arm).await {
        Ok(pinned) => {
            let sum = sum(&pinned, content);
            (pinned, sum)
        }
        Err(reason) => {
            events.emit(Event::ChangeUnknown { reason });
            return Look::Build(Box::new(plan.clone()), None);
        }
    };
    let found = match newest(plan, arm).await {
        Ok(found) => found,
        Err(reason) => {
            events.emit(Event::ChangeUnknown { reason });
            return Look::Build(Box::new(pinned), Some(sum));
        }
    };
    match found.filter(|version| version.tag(INPUTS) == Some(&sum)) {
        Some(version) => {
            events.emit(Event::Unchanged {
                version: version.name.clone(),
            });
            Look::Unchanged(Box::new(image(&pinned, &version)))
        }
        None => Look::Build(Box::new(pinned), Some(sum)),
    }
}

/// The plan with the number that `latest` stands for now, so that what is compared is what is built.
async fn pinned(plan: &Plan, arm: &Arm) -> Result<Plan, String> {
    let latest = |version: &str| version.eq_ignore_ascii_case(LATEST);
    let mut pinned = plan.clone();
    match &mut pinned.properties.source {
        Some(Source::PlatformImage(image)) => {
            if latest(image.version_or_latest()) {
                let newest = source_version(plan, arm).await;
                image.version = newest.ok_or("the versions of the source cannot be read")?;
            }
        }
        Some(Source::SharedImageVersion(source)) => {
            let id = &mut source.image_version_id;
            match id.parse::<ResourceId>() {
                Ok(parsed) if latest(parsed.name()) => *id = newest_of_source(&parsed, arm).await?,
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

async fn newest_of_source(id: &ResourceId, arm: &Arm) -> Result<String, String> {
    let definition = id.parent().ok_or("the source has no image definition")?;
    let versions = arm.versions(&definition).await;
    let versions = versions.map_err(|failure| failure.to_string())?;
    let newest = newest_of(versions, false).ok_or("the source has no version")?;
    Ok(newest.id)
}

async fn newest(plan: &Plan, arm: &Arm) -> Result<Option<Version>, String> {
    let [Distributor::SharedImage(target)] = plan.properties.targets() else {
        return Err("only image versions carry what is compared".to_owned());
    };
    let (definition, _) = target.image().ok_or("the target is no image definition")?;
    let versions = arm.versions(&definition).await;
    let versions = versions.map_err(|failure| failure.to_string())?;
    Ok(newest_of(
        versions,
        target.exclude_from_latest == Some(true),
    ))
}

/// The good version with the highest number. Those that are kept from who asks for the latest one count only `with_excluded`.
fn newest_of(versions: Vec<Version>, with_excluded: bool) -> Option<Version> {
    let good = versions
        .into_iter()
        .filter(|version| version.succeeded && (with_excluded || !version.excluded));
    good.max_by_key(Version::number)
}

/// One number for everything that the image is made of. What differs from run to run and does not change the image is left out: the link, the
/// image's own number, tags.
fn sum(plan: &Plan, content: Option<&Sha256>) -> String {
    let link = content.map(|content| PackageLink {
        address: Address::Signed(Secret::new(STAND_IN, &Nobody)),
        sha256: content.to_string(),
    });
    let mut template = compose(plan, link.as_ref());
    template.tags = None;
    template.properties.managed_resource_tags = None;
    for target in template.properties.distribute.iter_mut().flatten() {
        if let Distributor::SharedImage(target) = target {
            target.artifact_tags = None;
            if let Some((definition, _)) = target.image() {
                target.gallery_image_id = definition.to_string();
            }
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
    let provenance: Record = NAMES.iter().filter_map(known).collect();
    let targets = distributions_of(&plan.properties).into_iter();
    let outputs = targets.map(|target| Output {
        target,
        uri: Some(version.id.clone()),
    });
    Image {
        outputs: outputs.collect(),
        uri: version.id.clone(),
        template_name: plan.template_name.clone(),
        template_id: plan.template_id.clone(),
        platform_image: platform_image(plan, None),
        provenance,
        changed: false,
        caveat: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, succeeded: bool, excluded: bool) -> Version {
        Version {
            name: name.to_owned(),
            succeeded,
            excluded,
            ..Version::default()
        }
    }

    #[test]
    fn the_newest_good_version_has_the_highest_number() {
        let check = |versions: &[Version], with_excluded: bool, expected: Option<&str>| {
            let found = newest_of(versions.to_vec(), with_excluded);
            assert_eq!(
                found.as_ref().map(|version| version.name.as_str()),
                expected
            );
        };
        check(&[], false, None);
        let all = [
            version("1.9.0", true, false),
            version("1.10.0", true, false),
            version("2.0.0", false, false),
            version("1.11.0", true, true),
        ];
        check(&all, false, Some("1.10.0"));
        check(&all, true, Some("1.11.0"));
        check(&all[2..3], false, None);
    }
}
