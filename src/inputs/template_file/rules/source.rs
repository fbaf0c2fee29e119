//! The rules for what the image starts from.

use serde_json::Value;

use super::{IMAGE, VERSION, id};
use crate::inputs::template_file::check::Checked;
use crate::inputs::template_file::text;

pub(super) fn check(checked: &mut Checked, source: Option<&Value>) {
    let Some(source) = source.and_then(Value::as_object) else {
        return;
    };
    match text(source, "type").unwrap_or_default() {
        "ManagedImage" => {
            id(checked, "source.imageId", text(source, "imageId"), &[IMAGE]);
        }
        // The id of a direct shared gallery has another form: https://learn.microsoft.com/azure/virtual-machines/share-gallery-direct.
        "SharedImageVersion"
            if !text(source, "imageVersionId")
                .is_some_and(|id| id.to_lowercase().starts_with("/sharedgalleries/")) =>
        {
            id(
                checked,
                "source.imageVersionId",
                text(source, "imageVersionId"),
                &[VERSION],
            );
        }
        "PlatformImage" => {
            for name in ["publisher", "offer", "sku"] {
                if !source.contains_key(name) {
                    checked.fault("source", format!("'{name}' is missing"), None);
                }
            }
        }
        _ => {}
    }
}
