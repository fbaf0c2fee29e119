//! Whether a build would make the image that is there already: the same source, the same template, the same package.
//!
//! The three are one number, which the image version carries as a tag. What cannot be read means a build, never none.

use serde_json::Value;

use super::distribution::{Output, distributions_of};
use super::event::{Event, Events};
use super::image::{Image, platform_image};
use super::provenance::{NAMES, Record};
use crate::arm::Arm;
use crate::arm::gallery::Version;
use crate::check::source_version;
use crate::inputs::declared::GALLERY_IMAGE_ID;
use crate::inputs::{Plan, Source, Target};
use crate::secret::{Masker, Secret};
use crate::storage::Sha256;
use crate::template::{Address, PackageLink, compose};

/// The tag with the number.
pub(super) const INPUTS: &str = "inputsSha256";
/// The member of a target with the image's number; the input has its name from it.
const DEFINITION: &str = GALLERY_IMAGE_ID.name;
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
    let latest = |version: &str| version.eq_ignore_ascii_case("latest");
    let source = match &plan.source {
        Source::Marketplace { version, .. } if latest(version) => {
            let newest = source_version(plan, arm).await;
            let newest = newest.ok_or("the versions of the source cannot be read")?;
            let mut source = plan.source.clone();
            if let Source::Marketplace { version, .. } = &mut source {
                *version = newest;
            }
            source
        }
        Source::GalleryVersion(id) if latest(id.name()) => {
            let definition = id.parent().ok_or("the source has no image definition")?;
            let versions = arm.versions(&definition).await;
            let versions = versions.map_err(|failure| failure.to_string())?;
            let newest = newest_of(versions, false).ok_or("the source has no version")?;
            let id = newest
                .id
                .parse()
                .map_err(|_| "the source's version has no id")?;
            Source::GalleryVersion(id)
        }
        Source::SharedDirectly(id) if !id.to_lowercase().ends_with("/latest") => {
            plan.source.clone()
        }
        Source::Marketplace { .. } | Source::GalleryVersion(_) => plan.source.clone(),
        Source::ManagedImage(_) | Source::SharedDirectly(_) | Source::InFile(_) => {
            return Err("the source has no version by which a change would show".to_owned());
        }
    };
    Ok(Plan {
        source,
        ..plan.clone()
    })
}

async fn newest(plan: &Plan, arm: &Arm) -> Result<Option<Version>, String> {
    let Target::Gallery {
        definition,
        exclude_from_latest,
        ..
    } = &plan.target
    else {
        return Err("only image versions carry what is compared".to_owned());
    };
    let versions = arm.versions(definition).await;
    let versions = versions.map_err(|failure| failure.to_string())?;
    Ok(newest_of(versions, *exclude_from_latest))
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
    if let Some(template) = template.as_object_mut() {
        template.remove("tags");
    }
    let properties = template
        .get_mut("properties")
        .and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.retain(|name, _| !name.ends_with("Tags"));
        let targets = properties
            .get_mut("distribute")
            .and_then(Value::as_array_mut);
        targets.into_iter().flatten().for_each(strip_target);
    }
    Sha256::of(template.to_string().as_bytes()).to_string()
}

fn strip_target(target: &mut Value) {
    let Some(target) = target.as_object_mut() else {
        return;
    };
    target.retain(|name, _| !name.ends_with("Tags"));
    if let Some(Value::String(id)) = target.get_mut(DEFINITION)
        && let Some((definition, _)) = id.split_once("/versions/")
    {
        *id = definition.to_owned();
    }
}

struct Nobody;

impl Masker for Nobody {
    fn mask(&self, _value: &str) {}
}

fn image(plan: &Plan, version: &Version) -> Image {
    let known = |name: &&'static str| Some((*name, version.tag(name)?.to_owned()));
    let provenance: Record = NAMES.iter().filter_map(known).collect();
    let targets = distributions_of(&compose(plan, None)).into_iter();
    let outputs = targets.map(|target| Output {
        target,
        uri: Some(version.id.clone()),
    });
    Image {
        outputs: outputs.collect(),
        uri: version.id.clone(),
        template_name: plan.template_name.clone(),
        template_id: plan.template_id.clone(),
        platform_image: platform_image(&plan.source, None),
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
