//! What a summary tells of an image.

use super::super::follow::earlier_image;
use super::Told;
use super::markup::{code, escaped, table};
use crate::error::duration;
use crate::inputs::Connection;
use crate::inventory::Compared;
use crate::resource::ResourceId;
use crate::run::{Image, Made};
use crate::template::model::{Source, json};

pub(super) fn success(told: &Told<'_>, image: &Image) -> String {
    let id = image.uri.parse::<ResourceId>().ok();
    let target = image.outputs.first().map(|output| &output.target);
    let in_gallery = target.filter(|target| target.is_gallery());
    let definition = in_gallery.and_then(|target| target.id.as_ref());
    let title = match (definition, &id) {
        (Some(definition), Some(id)) => format!("{} {}", definition.name(), id.name()),
        (None, Some(id)) => id.name().to_owned(),
        (_, None) => "VHD".to_owned(),
    };
    let mut rows = vec![("Result", result(told, image)), ("Image", code(&image.uri))];
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
    rows.push(("Image template", code(&image.template_name)));
    rows.extend(told.log_row());
    if let Some(portal) = id
        .as_ref()
        .and_then(|_| portal(told.subject.connection, &image.uri))
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

fn result(told: &Told<'_>, image: &Image) -> String {
    match image.made {
        Made::Now => match told.took {
            Some(took) => format!("built in {}", duration(took)),
            None => "built".to_owned(),
        },
        Made::ByEarlierAttempt if told.subject.plan.is_some() => {
            format!("nothing was built: {}", earlier_image(&image.called()))
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

/// The page of a resource in the portal of the connection's cloud, where there is one that we know.
pub(in crate::report) fn portal(connection: &Connection, id: &str) -> Option<String> {
    portal_of(connection.cloud.resource_manager.host_str()?, id)
}

fn portal_of(resource_manager: &str, id: &str) -> Option<String> {
    let host = match resource_manager {
        "management.azure.com" => "portal.azure.com",
        "management.usgovcloudapi.net" => "portal.azure.us",
        "management.chinacloudapi.cn" => "portal.azure.cn",
        _ => return None,
    };
    Some(format!("https://{host}/#resource{id}/overview"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_has_a_portal_of_its_own() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/web";
        let check = |host: &str, expected: Option<&str>| {
            let page = expected.map(|portal| format!("https://{portal}/#resource{id}/overview"));
            assert_eq!(portal_of(host, id), page);
        };
        check("management.azure.com", Some("portal.azure.com"));
        check("management.usgovcloudapi.net", Some("portal.azure.us"));
        check("management.chinacloudapi.cn", Some("portal.azure.cn"));
        check("management.azure.emulator", None);
    }
}
