//! The version to work on: its id, or a result file that names it.

use std::path::Path;

use serde_json::Value;

use crate::file;
use crate::inputs::manifest::{GALLERY_IMAGE_ID, IMAGE_VERSION_ID};
use crate::inputs::path::{resolved, what_there_is};
use crate::inputs::problem::{Code, Form, Problem, list, quoted};
use crate::inputs::reader::resource::SAMPLE_SUBSCRIPTION;
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::inputs::resource_kind::{IMAGE_DEFINITION, IMAGE_VERSION};
use crate::inputs::spelling::tidy;
use crate::resource::{ImageVersion, ResourceId};

/// What every id begins with; anything else is a path.
const START: &str = "/subscriptions/";
/// A result file has a few kB; one of this size is something else.
const LARGEST: u64 = 1_000_000;

const FORM: Form = Form {
    what: "an image version",
    format: "the id of a gallery image version with its number at the end, or the path of an image-result.json",
    example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gallery/images/web/versions/1.2.0",
};

pub(super) fn read(reader: &mut Reader<'_>) -> Result<ResourceId, AlreadyReported> {
    let text = reader.required(&IMAGE_VERSION_ID, FORM)?;
    let definition = definition(reader);
    if is_id(text) {
        let version = version(text).map_err(|reason| refuse(reader, text, &reason))?;
        if version.subscription() == SAMPLE_SUBSCRIPTION {
            reader.warn_of_sample(&IMAGE_VERSION_ID);
        }
        return match definition? {
            Some(wanted) if version.parent().as_ref() != Some(&wanted) => {
                let sentence = format!(
                    "{} is not the image definition of '{}'",
                    quoted(wanted.as_str()),
                    IMAGE_VERSION_ID.name
                );
                let hint = format!("remove '{}'", GALLERY_IMAGE_ID.name);
                let code = Code::Contradiction;
                let problem = Problem::new(code, &GALLERY_IMAGE_ID, sentence, Some(hint));
                Err(reader.report(problem))
            }
            _ => Ok(version),
        };
    }
    let named = in_file(reader, text)?;
    one_of(reader, text, &named, definition?.as_ref())
}

fn is_id(text: &str) -> bool {
    let start = text.get(..START.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(START))
}

/// The id of a version with its number; else why it is none, behind the quoted text.
pub(super) fn version(text: &str) -> Result<ResourceId, String> {
    let wrong = |reason: &str| format!("is not {} ({reason}); {}", FORM.what, FORM.expected());
    let id: ResourceId = text.parse().map_err(|reason| wrong(&format!("{reason}")))?;
    if IMAGE_DEFINITION.includes(&id) {
        return Err(wrong(
            "it is that of an image definition; add '/versions/' and the number of the version",
        ));
    }
    if !IMAGE_VERSION.includes(&id) {
        return Err(wrong("it is that of something else"));
    }
    if id.name().eq_ignore_ascii_case("latest") {
        return Err(wrong(
            "'latest' is not supported here: write the number of the version",
        ));
    }
    match id.name().parse::<ImageVersion>() {
        Ok(_) => Ok(id),
        Err(_) => Err(wrong("it does not end with the number of a version")),
    }
}

fn refuse(reader: &mut Reader<'_>, text: &str, reason: &str) -> AlreadyReported {
    let sentence = format!("{} {reason}", quoted(text));
    reader.report(Problem::new(
        Code::Malformed,
        &IMAGE_VERSION_ID,
        sentence,
        None,
    ))
}

/// The definition that tells which of several versions is meant.
fn definition(reader: &mut Reader<'_>) -> Result<Option<ResourceId>, AlreadyReported> {
    let Some(id) = reader
        .optional(&GALLERY_IMAGE_ID)?
        .map(|text| reader.id(&GALLERY_IMAGE_ID, text, IMAGE_DEFINITION.form))
        .transpose()?
    else {
        return Ok(None);
    };
    if IMAGE_DEFINITION.includes(&id) {
        return Ok(Some(id));
    }
    match id.parent().filter(|_| IMAGE_VERSION.includes(&id)) {
        Some(definition) => Ok(Some(definition)),
        None => Err(reader.wrong_kind(&GALLERY_IMAGE_ID, &id, IMAGE_DEFINITION.form, None)),
    }
}

/// The versions that the file at `text` names, at least one.
fn in_file(reader: &mut Reader<'_>, text: &str) -> Result<Vec<ResourceId>, AlreadyReported> {
    let path = reader.raw_inputs().working_directory.join(tidy(text));
    let path = resolved(&path);
    let shown = quoted(&path.display().to_string());
    let content = match file::read(&path, LARGEST) {
        Ok(content) => content,
        Err(error) => {
            let reason = unread(&path, &error);
            let sentence = format!(
                "{} is a path, because it does not begin with '{START}', and {shown} {reason}; {}",
                quoted(text),
                FORM.expected()
            );
            let hint = what_there_is(&path).filter(|_| !path.exists());
            let hint = hint.or_else(|| {
                text.contains("/providers/")
                    .then(|| format!("an id begins with '{START}'"))
            });
            let code = Code::Malformed;
            return Err(reader.report(Problem::new(code, &IMAGE_VERSION_ID, sentence, hint)));
        }
    };
    let found = named_in(&content).map_err(|reason| {
        let sentence = format!("file {shown} {reason}");
        let hint = "give the path of the image-result.json of a build that created an image version, or of a promotion; or the id of the version".to_owned();
        reader.report(Problem::new(
            Code::Malformed,
            &IMAGE_VERSION_ID,
            sentence,
            Some(hint),
        ))
    })?;
    Ok(found)
}

fn unread(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        std::io::ErrorKind::FileTooLarge => {
            format!(
                "has more than {} MB, so it is not a result file",
                LARGEST / 1_000_000
            )
        }
        _ if path.is_dir() => "is a folder".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Every version that a result file names, each once: that of the result itself, those of the targets of a build, the copies of a promotion.
fn named_in(content: &[u8]) -> Result<Vec<ResourceId>, String> {
    let document: Value = serde_json::from_slice(content)
        .map_err(|error| format!("is not JSON (line {})", error.line().max(1)))?;
    let Some(own) = document.get("imageVersionId") else {
        return Err("has no member 'imageVersionId'".to_owned());
    };
    let own = own.as_str().unwrap_or_default();
    let own = version(own).map_err(|reason| {
        format!(
            "has a member 'imageVersionId' whose value {} {reason}",
            quoted(own)
        )
    })?;
    let list = |pointer: &str| document.pointer(pointer).and_then(Value::as_array);
    let targets = list("/targets").into_iter().flatten();
    let targets = targets.filter_map(|target| target.get("imageUri")?.as_str());
    let copies = list("/release/copies").into_iter().flatten();
    let copies = copies.filter_map(Value::as_str);
    let mut all = vec![own];
    for other in targets.chain(copies).filter_map(|id| version(id).ok()) {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    Ok(all)
}

/// The one that is meant.
fn one_of(
    reader: &mut Reader<'_>,
    text: &str,
    named: &[ResourceId],
    definition: Option<&ResourceId>,
) -> Result<ResourceId, AlreadyReported> {
    let meant: Vec<_> = named
        .iter()
        .filter(|version| definition.is_none_or(|wanted| version.parent().as_ref() == Some(wanted)))
        .collect();
    if let [only] = meant.as_slice() {
        return Ok((*only).clone());
    }
    let all = list(named.iter().map(ResourceId::as_str));
    let (sentence, hint) = if definition.is_some() {
        (
            format!(
                "file {} has no single version of the definition in '{}', but {all}",
                quoted(text),
                GALLERY_IMAGE_ID.name
            ),
            format!(
                "correct '{}', or give the id of the version",
                GALLERY_IMAGE_ID.name
            ),
        )
    } else {
        (
            format!("file {} has {} versions: {all}", quoted(text), named.len()),
            format!(
                "write the image definition of the one that is meant into '{}', or give the id of the version",
                GALLERY_IMAGE_ID.name
            ),
        )
    };
    Err(reader.report(Problem::new(
        Code::Malformed,
        &IMAGE_VERSION_ID,
        sentence,
        Some(hint),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GALLERIES: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries";

    #[test]
    fn an_id_has_a_number_at_its_end() {
        let check = |text: &str, reason: Option<&str>| {
            let found = version(text);
            match reason {
                None => assert_eq!(found.unwrap().as_str(), text.trim_end_matches('/')),
                Some(reason) => {
                    let text = found.unwrap_err();
                    assert!(text.contains(reason), "{text}");
                }
            }
        };
        check(&format!("{GALLERIES}/g/images/i/versions/1.2.3"), None);
        check(
            &format!("{GALLERIES}/g/images/i/versions/1.2.3").to_uppercase(),
            None,
        );
        check(
            &format!("{GALLERIES}/g/images/i/versions/latest"),
            Some("'latest' is not supported"),
        );
        check(
            &format!("{GALLERIES}/g/images/i/versions/1.2"),
            Some("number of a version"),
        );
        check(&format!("{GALLERIES}/g/images/i"), Some("image definition"));
        check(&format!("{GALLERIES}/g"), Some("something else"));
        check("/subscriptions/s", Some("'resourceGroups' is missing"));
    }

    #[test]
    fn a_result_file_names_its_versions() {
        let id = |name: &str| format!("{GALLERIES}/{name}/images/i/versions/1.2.3");
        let named = |document: Value| -> Result<Vec<String>, String> {
            let all = named_in(document.to_string().as_bytes())?;
            Ok(all.iter().map(ToString::to_string).collect())
        };
        let (a, b) = (id("a"), id("b"));
        let check = |document: Value, expected: &[&String]| {
            let expected: Vec<String> = expected.iter().map(|id| (*id).clone()).collect();
            assert_eq!(named(document), Ok(expected));
        };
        check(serde_json::json!({"imageVersionId": a}), &[&a]);
        let targets = serde_json::json!([{"imageUri": a}, {"imageUri": b}, {"imageUri": "https://x/y.vhd"}, {"imageUri": null}]);
        check(
            serde_json::json!({"imageVersionId": a, "targets": targets}),
            &[&a, &b],
        );
        let release = serde_json::json!({"copies": [a.to_uppercase(), b]});
        check(
            serde_json::json!({"imageVersionId": a, "release": release}),
            &[&a, &b],
        );
        for (document, reason) in [
            (
                serde_json::json!({"imageUri": a}),
                "has no member 'imageVersionId'",
            ),
            (serde_json::json!([]), "has no member 'imageVersionId'"),
            (
                serde_json::json!({"imageVersionId": 1}),
                "whose value '' is not",
            ),
            (
                serde_json::json!({"imageVersionId": "x"}),
                "whose value 'x' is not",
            ),
        ] {
            let text = named(document).unwrap_err();
            assert!(text.contains(reason), "{text}");
        }
        assert_eq!(named_in(b"{\n"), Err("is not JSON (line 2)".to_owned()));
    }
}
