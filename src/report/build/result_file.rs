//! `image-result.json`: what a later job needs to go on with the image. Its members are described in `docs/image-result.md`.

use serde_json::{Map, Value, json};

use super::timeline::Phase;
use crate::inputs::manifest::INVENTORY;
use crate::report::diff;
use crate::report::files::ResultFile;
use crate::resource::ResourceId;
use crate::run::{ContentsList, Image, Output};
use crate::template::model::Source;

/// The result of a build that made `image`.
pub(super) fn of(image: &Image, phases: &[Phase], diff_file: Option<&str>) -> ResultFile {
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("imageUri", json!(image.uri));
    put("imageChanged", json!(image.changed()));
    if let Some(caveat) = &image.caveat {
        put("runState", json!(caveat.state.to_string()));
        put("runMessage", json!(caveat.message));
    }
    let first = image.outputs.first().map(|output| &output.target);
    if let (Some(first), Ok(id)) = (
        first.filter(|target| target.is_gallery()),
        image.uri.parse::<ResourceId>(),
    ) {
        put("imageVersion", json!(id.name()));
        put("imageVersionId", json!(image.uri));
        put(
            "imageDefinitionId",
            json!(id.parent().map(|id| id.to_string())),
        );
        put("regions", json!(first.regions));
    }
    put(
        "targets",
        image.outputs.iter().map(target).collect::<Value>(),
    );
    put("source", source(image));
    let provenance = image.provenance.iter();
    let provenance = provenance.map(|(name, value)| ((*name).to_owned(), json!(value)));
    put("provenance", Value::Object(provenance.collect()));
    if let Some(listed) = &image.contents {
        put(INVENTORY.name, inventory(listed));
    }
    if let Some(compared) = &image.compared {
        put("diff", diff::result(compared, diff_file));
    }
    put("templateName", json!(image.template_name));
    put(
        "templateId",
        json!(image.template_id.as_ref().map(ResourceId::as_str)),
    );
    put("runOutputName", json!(image.run_output));
    let phases: Vec<_> = phases
        .iter()
        .map(|phase| json!({"name": phase.name, "seconds": phase.duration.as_secs()}))
        .collect();
    put("phases", json!(phases));
    ResultFile::new(document)
}

/// The list of the image's contents.
fn inventory(listed: &ContentsList) -> Value {
    let path = listed.path.as_ref();
    json!({
        "path": path.map(|path| path.to_string_lossy()),
        "sha256": listed.sha256,
        "components": listed.inventory.components.len(),
    })
}

/// A target, and its image if it has one.
fn target(output: &Output) -> Value {
    let Output { target, uri } = output;
    let mut members = Map::new();
    members.insert("type".to_owned(), json!(target.kind));
    members.insert("runOutputName".to_owned(), json!(target.run_output));
    members.insert("imageUri".to_owned(), json!(uri));
    if target.is_gallery() {
        let id = uri.as_ref().and_then(|uri| uri.parse::<ResourceId>().ok());
        let version = id.as_ref().map(ResourceId::name);
        members.insert("imageVersion".to_owned(), json!(version));
    }
    members.insert("regions".to_owned(), json!(target.regions));
    Value::Object(members)
}

fn source(image: &Image) -> Value {
    match &image.source {
        Some(Source::PlatformImage(source)) => {
            let found = image.platform_image.as_ref();
            json!({
                "publisher": source.publisher,
                "offer": source.offer,
                "sku": source.sku,
                "version": found.map_or(source.version_or_latest(), |found| &found.version),
            })
        }
        Some(Source::ManagedImage(source)) => json!({"id": source.image_id}),
        Some(Source::SharedImageVersion(source)) => json!({"id": source.image_version_id}),
        Some(Source::Unknown(source)) => source.clone(),
        None => Value::Null,
    }
}
