//! What a summary says of an image.

use std::time::Duration;

use super::messages::earlier_image;
use super::subject::Subject;
use crate::error::duration;
use crate::inventory::Compared;
use crate::report::markup::{code, escaped, table};
use crate::report::version::portal;
use crate::resource::ResourceId;
use crate::run::{Image, Made};
use crate::template::model::{Source, json};

/// The headline and the facts. `took` is how long the image took, `log` the row about the log of the build.
pub(super) fn of(
    subject: &Subject<'_>,
    image: &Image,
    took: Option<Duration>,
    log: Option<(&'static str, String)>,
) -> String {
    let id = image.uri.parse::<ResourceId>().ok();
    let target = image.outputs.first().map(|output| &output.target);
    let in_gallery = target.filter(|target| target.is_gallery());
    let definition = in_gallery.and_then(|target| target.id.as_ref());
    let title = match (definition, &id) {
        (Some(definition), Some(id)) => format!("{} {}", definition.name(), id.name()),
        (None, Some(id)) => id.name().to_owned(),
        (_, None) => "VHD".to_owned(),
    };
    let mut rows = vec![
        ("Result", result(subject, image, took)),
        ("Image", code(&image.uri)),
    ];
    if let (Some(_), Some(id)) = (definition, &id) {
        rows.push(("Version", code(id.name())));
    }
    let regions = target.map(|target| &target.regions).into_iter().flatten();
    let regions: Vec<_> = regions.map(|region| code(region)).collect();
    if !regions.is_empty() {
        rows.push(("Regions", regions.join(", ")));
    }
    rows.push(("Source", code(&source(image))));
    rows.extend(origin(image));
    if let Some(listed) = &image.contents {
        let system = escaped(&listed.inventory.system.shown());
        let count = listed.inventory.components.len();
        rows.push(("Contents", format!("{system}, {count} components")));
    }
    // Not of an image whose template is not known.
    let template = image.template_id.as_ref();
    rows.extend(template.map(|id| ("Image template", code(id.name()))));
    rows.extend(log);
    if let Some(portal) = id
        .as_ref()
        .and_then(|_| portal(subject.connection, &image.uri))
    {
        rows.push(("Portal", format!("[open the image](<{portal}>)")));
    }
    let what = match image.made {
        Made::Now => "built",
        Made::ByEarlierAttempt => "found",
        Made::ByEarlierBuild => "unchanged",
    };
    let title = escaped(&title);
    let forbidden = matches!(&image.compared, Some(Compared::With(it)) if !it.forbidden.is_empty());
    let (mark, but) = match image.caveat {
        _ if forbidden => ("❌", ", but with changes that fail the step"),
        None => ("✅", ""),
        Some(_) => ("⚠️", ""),
    };
    format!("## {mark} Image {what}{but}: {title}\n\n{}", table(&rows))
}

fn result(subject: &Subject<'_>, image: &Image, took: Option<Duration>) -> String {
    match image.made {
        Made::Now => match took {
            Some(took) => format!("built in {}", duration(took)),
            None => "built".to_owned(),
        },
        Made::ByEarlierAttempt if subject.plan.is_some() => {
            format!(
                "nothing was built: {}",
                earlier_image(&image.display_name())
            )
        }
        Made::ByEarlierAttempt => "found by its tags: its image template is gone".to_owned(),
        Made::ByEarlierBuild => {
            "nothing was built: source, template and package have not changed since this image"
                .to_owned()
        }
    }
}

/// Whose run made the image, and of which sources.
fn origin(image: &Image) -> Vec<(&'static str, String)> {
    let fact = |wanted: &str| {
        let mut facts = image.provenance.iter();
        let value = facts.find(|(name, _)| *name == wanted);
        value.map(|(_, value)| code(value))
    };
    let joined = |names: [&str; 2], between: &str| {
        let known: Vec<_> = names.into_iter().filter_map(fact).collect();
        (!known.is_empty()).then(|| known.join(between))
    };
    let rows = [
        ("Repository", joined(["repository", "branch"], ", ")),
        ("Commit", fact("commit")),
        ("Pipeline", fact("pipeline")),
        ("Build", joined(["buildNumber", "buildId"], ", id ")),
        ("Release", fact("release")),
    ];
    let known = |(name, value): (&'static str, Option<String>)| Some((name, value?));
    rows.into_iter().filter_map(known).collect()
}

/// The source's name, with the number that `latest` stood for.
fn source(image: &Image) -> String {
    match (&image.platform_image, &image.source) {
        (Some(found), _) => [&found.publisher, &found.offer, &found.sku, &found.version]
            .map(String::as_str)
            .join(":"),
        (None, Some(Source::ManagedImage(source))) => source.image_id.clone(),
        (None, Some(Source::SharedImageVersion(source))) => source.image_version_id.clone(),
        (None, source) => json(source).to_string(),
    }
}
