//! What can be wrong with a value, in the words of the service.

use serde_json::Value;

/// The first thing that is wrong with a body, as the text of the refusal.
pub(crate) type Problem = String;

/// A place in the body: the path for messages, and the types that Go's decoder would name.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) chain: String,
}

impl Place {
    pub(crate) fn member(&self, name: &str) -> Self {
        Self {
            path: format!("{}.{name}", self.path),
            chain: format!("{} struct field {}:", self.chain, capitalized(name)),
        }
    }

    pub(crate) fn element(&self, index: usize) -> Self {
        Self {
            path: format!("{}[{index}]", self.path),
            chain: self.chain.clone(),
        }
    }
}

pub(crate) fn enumeration(text: &str, schema: &Value, place: &Place) -> Result<(), Problem> {
    let (parent, member) = place.path.rsplit_once('.').unwrap_or(("", &place.path));
    let parent = Place {
        path: parent.to_owned(),
        chain: String::new(),
    };
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.iter().any(|allowed| allowed.as_str() == Some(text))
    {
        return Err(bad_value(&parent, member, text));
    }
    // The only pattern in the definition of a body is that of names.
    let is_name = text.len() <= 64
        && !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
    if schema.get("pattern").is_some() && !is_name {
        return Err(bad_value(&parent, member, text));
    }
    Ok(())
}

pub(crate) fn integer(value: &Value, schema: &Value, place: &Place) -> Result<(), Problem> {
    let bound =
        |name: &str, default: i64| schema.get(name).and_then(Value::as_i64).unwrap_or(default);
    let range = bound("minimum", i64::from(i32::MIN))..=bound("maximum", i64::from(i32::MAX));
    if value.as_i64().is_some_and(|number| range.contains(&number)) {
        return Ok(());
    }
    let (parent, member) = place.path.rsplit_once('.').unwrap_or(("", &place.path));
    Err(bad_value(
        &Place {
            path: parent.to_owned(),
            chain: String::new(),
        },
        member,
        &value.to_string(),
    ))
}

pub(crate) fn bad_value(place: &Place, member: &str, value: &str) -> Problem {
    validation(&format!(
        "'{}': Field '{member}' has a bad value: '{value}'",
        place.path
    ))
}

/// The text of the service around a problem; both double blanks are real.
pub(crate) fn validation(problem: &str) -> Problem {
    format!(
        "Validation failed: {problem}. Please review  http://aka.ms/azvmimagebuildertmplref  for details on fields requirements in the \
         Image Builder Template."
    )
}

pub(crate) fn unmarshalling(place: &Place, problem: &str) -> Problem {
    format!(
        "Unmarshalling entity encountered error:{} {problem}. There is an issue with the syntax with the JSON template you are submitting. \
         Please check the JSON template for syntax and grammar. For more information on the syntax and grammar of the JSON template, see \
         http://aka.ms/azvmimagebuildertmplref.",
        place.chain
    )
}

pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(characters)
        .collect()
}
