//! Tags: names and values that Azure keeps with a resource.

use serde_json::Value;

use super::manifest::Input;
use super::problem::{Code, Form, Problem, quoted};
use super::reader::{AlreadyReported, Reader};
use crate::resource::tag::{LONGEST_NAME, LONGEST_VALUE, MOST_TAGS, OF_TEMPLATE, is_reserved};
use crate::template::model::Tags;

const TAGS: Form = Form {
    what: "a list of tags",
    format: "one 'name=value' per line, or a JSON object of strings",
    example: r#"{"costCenter": "4711"}"#,
};

pub(super) const REFUSED_IN_NAMES: &str = "<>%&\\?/";

/// The tags of an input in the order given; none if there are none.
pub(super) fn read(
    reader: &mut Reader<'_>,
    input: &Input,
) -> Result<Option<Tags>, AlreadyReported> {
    let Some(text) = reader.optional(input)? else {
        return Ok(None);
    };
    let tags = if text.starts_with('{') {
        from_json(reader, input, text)?
    } else {
        from_lines(reader, input, text)?
    };
    if let Some(sentence) = fault(&tags) {
        return Err(reader.report(Problem::new(Code::Malformed, input, sentence, None)));
    }
    Ok(Some(Tags::from_iter(tags)).filter(|tags| !tags.is_empty()))
}

/// The tags of an image template, which gets the task's own, too. Those that are not written yet count as well: what is permitted now is to stay so.
pub(super) fn of_template(
    reader: &mut Reader<'_>,
    input: &Input,
) -> Result<Option<Tags>, AlreadyReported> {
    let tags = beside_ours(reader, input)?;
    let most = MOST_TAGS - OF_TEMPLATE.len();
    let count = tags.as_ref().map_or(0, Tags::len);
    if count <= most {
        return Ok(tags);
    }
    let sentence = format!(
        "it has {count} tags; expected at most {most}, because Azure allows {MOST_TAGS} and the task adds {} of its own",
        OF_TEMPLATE.len()
    );
    Err(reader.report(Problem::new(Code::Malformed, input, sentence, None)))
}

/// Tags of an input, which must not have the names of the task's own.
pub(super) fn beside_ours(
    reader: &mut Reader<'_>,
    input: &Input,
) -> Result<Option<Tags>, AlreadyReported> {
    let tags = read(reader, input)?;
    let mut names = tags.iter().flat_map(Tags::keys);
    if let Some(name) = names.find(|name| is_reserved(name)) {
        let sentence = format!(
            "tag {} is reserved for the task, which identifies its own resources by it",
            quoted(name)
        );
        let hint =
            "use another tag name; names that start with 'imageBuilder' are reserved for the task";
        let hint = Some(hint.to_owned());
        return Err(reader.report(Problem::new(Code::Contradiction, input, sentence, hint)));
    }
    Ok(tags)
}

fn from_json(
    reader: &mut Reader<'_>,
    input: &Input,
    text: &str,
) -> Result<Vec<(String, String)>, AlreadyReported> {
    let object: serde_json::Map<String, Value> = match serde_json::from_str(text) {
        Ok(object) => object,
        Err(error) => {
            let hint = format!(
                "it begins with '{{', but it is not valid JSON (line {})",
                error.line().max(1)
            );
            return Err(reader.malformed(input, text, TAGS, Some(hint)));
        }
    };
    let mut tags = Vec::new();
    for (name, value) in object {
        match value {
            Value::String(value) => tags.push((name, value)),
            Value::Number(_) | Value::Bool(_) => tags.push((name, value.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                let hint = format!("the value of {} is not a string", quoted(&name));
                return Err(reader.malformed(input, text, TAGS, Some(hint)));
            }
        }
    }
    Ok(tags)
}

fn from_lines(
    reader: &mut Reader<'_>,
    input: &Input,
    text: &str,
) -> Result<Vec<(String, String)>, AlreadyReported> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once('=') else {
            return Err(reader.malformed(input, line, TAGS, None));
        };
        tags.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(tags)
}

/// What Azure would refuse.
fn fault(tags: &[(String, String)]) -> Option<String> {
    if tags.len() > MOST_TAGS {
        return Some(format!(
            "it has {} tags; expected at most {MOST_TAGS}",
            tags.len()
        ));
    }
    tags.iter().enumerate().find_map(|(index, (name, value))| {
        let shown = quoted(name);
        let earlier = tags.iter().take(index);
        if name.is_empty() || name.contains(|c| REFUSED_IN_NAMES.contains(c)) {
            Some(format!("{shown} is not a valid tag name; expected a name without '{REFUSED_IN_NAMES}', for example costCenter"))
        } else if name.chars().count() > LONGEST_NAME {
            Some(format!("{shown} is too long for a tag name; expected at most {LONGEST_NAME} characters"))
        } else if value.chars().count() > LONGEST_VALUE {
            Some(format!("the value of tag {shown} is too long; expected at most {LONGEST_VALUE} characters"))
        } else if earlier.clone().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some(format!("tag {shown} is listed twice; tag names are not case-sensitive"))
        } else {
            None
        }
    })
}
