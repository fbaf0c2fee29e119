//! The parameters of a template: those that are sent have to be declared, those without a default have to be sent, and their kinds have to fit.

use serde_json::{Map, Value, json};

use crate::arm::answer::Refusal;
use crate::json::set;

/// The parameters of a deployment, with their values.
#[derive(Debug, Clone)]
pub(super) struct Parameters(Vec<Parameter>);

#[derive(Debug, Clone)]
struct Parameter {
    name: String,
    kind: &'static str,
    /// None for a default that is an expression.
    value: Option<Value>,
}

const KINDS: [&str; 7] = [
    "String",
    "Int",
    "Bool",
    "Array",
    "Object",
    "SecureString",
    "SecureObject",
];

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let mut all = self.0.iter();
        let found = all.find(|parameter| parameter.name.eq_ignore_ascii_case(name))?;
        found.value.as_ref()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        u32::try_from(self.get(name)?.as_u64()?).ok()
    }

    /// As a deployment shows them: secure ones without values.
    pub(super) fn shown(&self) -> Map<String, Value> {
        let shown = |parameter: &Parameter| {
            let mut document = json!({"type": parameter.kind});
            if let (false, Some(value)) = (parameter.kind.starts_with("Secure"), &parameter.value) {
                set(&mut document, "value", value.clone());
            }
            (parameter.name.clone(), document)
        };
        self.0.iter().map(shown).collect()
    }
}

fn invalid(message: impl std::fmt::Display) -> Refusal {
    let message = format!("Deployment template validation failed: '{message}'.");
    Refusal::new(400, "InvalidTemplate", message)
}

/// Reads and checks the parameters of a deployment's body; `location` is the region of its group.
pub(super) fn read(body: &Value, location: &str) -> Result<Parameters, Refusal> {
    let mode = body.pointer("/properties/mode").and_then(Value::as_str);
    if !["Incremental", "Complete"].contains(&mode.unwrap_or_default()) {
        let message = "The mode of a deployment is 'Incremental' or 'Complete'.";
        return Err(Refusal::new(400, "InvalidRequestContent", message));
    }
    let template = body.pointer("/properties/template");
    let Some(template) = template.and_then(Value::as_object) else {
        let message = "The emulator deploys templates that come with the request alone.";
        return Err(Refusal::new(400, "InvalidRequestContent", message));
    };
    for member in ["$schema", "contentVersion", "resources"] {
        if !template.contains_key(member) {
            return Err(invalid(format!("The template has no property '{member}'")));
        }
    }
    let none = Map::new();
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let declared = object(template.get("parameters")).unwrap_or_else(|| none.clone());
    let sent = object(body.pointer("/properties/parameters")).unwrap_or(none);
    let is_declared = |name: &str| {
        let mut names = declared.keys();
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    let unknown: Vec<&str> = sent
        .keys()
        .filter(|name| !is_declared(name))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        let names: Vec<&str> = declared.keys().map(String::as_str).collect();
        return Err(invalid(format!(
            "The template parameters '{}' in the parameters file are not valid; they are not present in the original template and can \
             therefore not be provided at deployment time. The only supported parameters for this template are '{}'. Please see \
             https://aka.ms/arm-pass-parameter-values for usage details.",
            unknown.join(", "),
            names.join(", ")
        )));
    }
    let parameters = declared
        .iter()
        .map(|(name, declaration)| {
            let given = sent
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            let given = given.map(|(_, given)| given);
            one(name, declaration, given, location)
        })
        .collect::<Result<_, _>>()?;
    Ok(Parameters(parameters))
}

fn one(
    name: &str,
    declaration: &Value,
    given: Option<&Value>,
    location: &str,
) -> Result<Parameter, Refusal> {
    let kind = declaration.get("type").and_then(Value::as_str);
    let mut kinds = KINDS.iter();
    let kind = kinds.find(|known| known.eq_ignore_ascii_case(kind.unwrap_or_default()));
    let Some(kind) = kind else {
        return Err(invalid(format!(
            "The type of the template parameter '{name}' is not valid"
        )));
    };
    let value = match given {
        Some(given) => match (given.get("value"), given.get("reference")) {
            (Some(value), _) => Some(value.clone()),
            // A secret of a vault, which nobody looks into here.
            (None, Some(_)) => None,
            (None, None) => {
                return Err(invalid(format!(
                    "The value for the template parameter '{name}' is not provided"
                )));
            }
        },
        None => match declaration.get("defaultValue") {
            Some(Value::String(text)) if text == "[resourceGroup().location]" => {
                Some(json!(location))
            }
            Some(Value::String(text)) if text.starts_with('[') && !text.starts_with("[[") => None,
            Some(value) => Some(value.clone()),
            None => {
                return Err(invalid(format!(
                    "The value for the template parameter '{name}' at line '1' and column '1' is not provided. Please see \
                     https://aka.ms/arm-create-parameter-file for usage details."
                )));
            }
        },
    };
    if let Some(value) = &value {
        check(name, kind, declaration, value)?;
    }
    Ok(Parameter {
        name: name.to_owned(),
        kind,
        value,
    })
}

/// Kind, length, range and permitted values.
fn check(name: &str, kind: &str, declaration: &Value, value: &Value) -> Result<(), Refusal> {
    let (fits, wanted) = match kind {
        "Int" => (value.is_i64() || value.is_u64(), "Integer"),
        "Bool" => (value.is_boolean(), "Boolean"),
        "Array" => (value.is_array(), "Array"),
        "Object" | "SecureObject" => (value.is_object(), "Object"),
        _ => (value.is_string(), "String, Uri"),
    };
    if !fits {
        let found = match value {
            Value::String(_) => "String",
            Value::Number(_) => "Integer",
            Value::Bool(_) => "Boolean",
            Value::Array(_) => "Array",
            Value::Object(_) => "Object",
            Value::Null => "Null",
        };
        return Err(invalid(format!(
            "Template parameter JToken type is not valid. Expected '{wanted}'. Actual '{found}'. Please see \
             https://aka.ms/arm-create-parameter-file for usage details."
        )));
    }
    let bound = |name: &str| declaration.get(name).and_then(Value::as_i64);
    let measure = value.as_i64().or_else(|| {
        let length = value
            .as_str()
            .map(|text| text.chars().count())
            .or_else(|| Some(value.as_array()?.len()))?;
        i64::try_from(length).ok()
    });
    let (low, high) = if kind == "Int" {
        (bound("minValue"), bound("maxValue"))
    } else {
        (bound("minLength"), bound("maxLength"))
    };
    if let Some(measure) = measure
        && (low.is_some_and(|low| measure < low) || high.is_some_and(|high| measure > high))
    {
        return Err(invalid(format!(
            "The provided value for the template parameter '{name}' is not valid. Length or value of '{measure}' is not within the bounds. \
             Please see https://aka.ms/arm-parameter-restrictions for usage details."
        )));
    }
    let allowed = declaration.get("allowedValues").and_then(Value::as_array);
    if allowed.is_some_and(|allowed| !allowed.contains(value)) {
        return Err(invalid(format!(
            "The provided value for the template parameter '{name}' is not valid. The value '{value}' is not part of the allowed value(s)"
        )));
    }
    Ok(())
}
