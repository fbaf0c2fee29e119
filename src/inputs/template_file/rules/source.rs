//! The rules for what the image starts from.

use serde_json::Value;

use super::{IMAGE, VERSION, id};
use crate::inputs::problem::quoted;
use crate::inputs::source::shared_directly;
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
        "SharedImageVersion" => {
            let place = "source.imageVersionId";
            let version = text(source, "imageVersionId");
            match version.and_then(shared_directly) {
                Some(Ok(_)) => {}
                Some(Err(reason)) => {
                    let shown = quoted(version.unwrap_or_default());
                    checked.fault(place, format!("{shown} {reason}"), None);
                }
                None => {
                    id(checked, place, version, &[VERSION]);
                }
            }
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
