//! The ARM template that deploys session hosts, and its parameters.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::host_file;
use crate::inputs::manifest::{
    Input, ROLLOUT_METHOD, SESSION_HOST_PARAMETERS, SESSION_HOST_TEMPLATE,
};
use crate::inputs::problem::{Code, Form, Problem, quoted};
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::inputs::spelling::nearest;
use crate::secret::{Masker, Secret};

/// The parameters that the step fills in, with their types. The template has to have all but the last one.
pub const TASK_PARAMETERS: [(&str, &str); 6] = [
    ("imageVersionId", "string"),
    ("hostPoolName", "string"),
    ("registrationToken", "securestring"),
    ("namePrefix", "string"),
    ("count", "int"),
    ("firstIndex", "int"),
];

/// A parameter as the template declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredParameter {
    /// Its name as the template writes it. Azure Resource Manager ignores letter case.
    pub name: String,
    /// Its type in lower case: `securestring`.
    pub kind: String,
    /// Whether it may be left out.
    pub has_default: bool,
}

impl DeclaredParameter {
    /// Whether nobody can read its value in Azure afterwards.
    pub fn is_secure(&self) -> bool {
        self.kind.starts_with("secure")
    }
}

/// A template of session hosts.
#[derive(Clone)]
pub struct HostTemplate {
    /// Its path, as the author gave it.
    pub path: String,
    /// The whole template.
    pub document: Value,
    /// Its parameters by their names in lower case.
    pub parameters: BTreeMap<String, DeclaredParameter>,
}

impl HostTemplate {
    /// The parameter of this name, in any letter case.
    pub fn parameter(&self, name: &str) -> Option<&DeclaredParameter> {
        self.parameters.get(&name.to_lowercase())
    }

    /// How the template declares a parameter.
    pub(super) fn declaration(&self, name: &str) -> Option<&Value> {
        own_member(self.document.get("parameters")?.as_object()?, name)
    }
}

/// The member of this name, in any letter case.
pub(super) fn own_member<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let mut members = members.iter();
    let found = members.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// Without the document: it is long, and whoever wrote a secret into it did not mean to show it.
impl fmt::Debug for HostTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostTemplate")
            .field("parameters", &self.parameters.keys())
            .finish_non_exhaustive()
    }
}

/// The author's values for parameters, as a deployment takes them: `{"value": …}` or a reference to a key vault, by names as the template writes
/// them. Those that are secret are announced for masking.
#[derive(Clone, Default)]
pub struct HostParameters {
    /// The values by name.
    pub values: Map<String, Value>,
    /// The path of the file that they come from, as the author gave it; nothing where they are lines of the input.
    pub file: Option<String>,
}

impl HostParameters {
    /// The input that gives them again: the path of their file, or lines `name=value`. What `template` declares as secret comes from a variable
    /// of the same name. Nothing without parameters.
    pub fn input(&self, template: &HostTemplate) -> Option<String> {
        if self.file.is_some() {
            return self.file.clone();
        }
        let line = |(name, given): (&String, &Value)| {
            let declared = template.parameter(name);
            let value = match given.get("value") {
                _ if declared.is_none_or(DeclaredParameter::is_secure) => format!("$({name})"),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => format!("$({name})"),
            };
            format!("{name}={value}")
        };
        let lines: Vec<String> = self.values.iter().map(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// Names only.
impl fmt::Debug for HostParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

const LINE: Form = Form {
    what: "a parameter of the template",
    format: "one 'name=value' per line, or the path of a parameter file",
    example: "vmSize=Standard_D4ads_v5",
};

/// The template and its parameters; neither where no template is given, unless it `is_required`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    is_required: bool,
    masker: &dyn Masker,
) -> Result<(Option<HostTemplate>, HostParameters), AlreadyReported> {
    let input = &SESSION_HOST_TEMPLATE;
    let Some(text) = reader.optional(input)? else {
        if is_required {
            let otherwise = format!(
                "samples/host-pools/session-hosts.json is one; copy it into the repository. Without a template: '{}: existing'",
                ROLLOUT_METHOD.name
            );
            let expected =
                "expected the path of an ARM template, for example avd/session-hosts.json";
            return Err(reader.missing_unless(input, expected, Some(otherwise)));
        }
        if reader.is_set(&SESSION_HOST_PARAMETERS) {
            let reason = format!("because '{}' is empty", input.name);
            let hint = format!("set '{}', or remove it", input.name);
            reader.warn_without_effect(&SESSION_HOST_PARAMETERS, &reason, &hint);
        }
        return Ok((None, HostParameters::default()));
    };
    let document = host_file::read(reader, input, text, "an ARM template")?;
    let template = template(reader, text, document)?;
    let parameters = parameters(reader, &template, masker)?;
    let own = |name: &str| {
        let mut all = TASK_PARAMETERS.iter();
        all.any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    let lacking: Vec<_> = template
        .parameters
        .values()
        .filter(|declared| !declared.has_default && !own(&declared.name))
        .filter(|declared| !parameters.values.contains_key(&declared.name))
        .map(|declared| quoted(&declared.name))
        .collect();
    if !lacking.is_empty() {
        let sentence = format!("the template needs a value for {}", lacking.join(", "));
        let hint = format!(
            "add a line 'name=value' to '{}'",
            SESSION_HOST_PARAMETERS.name
        );
        return Err(wrong(
            reader,
            &SESSION_HOST_PARAMETERS,
            sentence,
            Some(hint),
        ));
    }
    Ok((Some(template), parameters))
}

fn wrong(
    reader: &mut Reader<'_>,
    input: &Input,
    sentence: String,
    hint: Option<String>,
) -> AlreadyReported {
    reader.report(Problem::new(Code::Malformed, input, sentence, hint))
}

/// What the template declares. That its token is secret is checked later, because it has a code of its own.
fn template(
    reader: &mut Reader<'_>,
    path: &str,
    document: Value,
) -> Result<HostTemplate, AlreadyReported> {
    let input = &SESSION_HOST_TEMPLATE;
    let shown = quoted(path);
    if !document
        .get("resources")
        .is_some_and(|it| it.is_array() || it.is_object())
    {
        let sentence = format!("{shown} is not an ARM template: it has no 'resources'");
        return Err(wrong(reader, input, sentence, None));
    }
    let declared = document.get("parameters").and_then(Value::as_object);
    let parameters: BTreeMap<_, _> = declared
        .into_iter()
        .flatten()
        .map(|(name, parameter)| {
            let kind = parameter.get("type").and_then(Value::as_str);
            let declared = DeclaredParameter {
                name: name.clone(),
                kind: kind.unwrap_or_default().to_ascii_lowercase(),
                has_default: parameter.get("defaultValue").is_some()
                    || parameter.get("nullable") == Some(&json!(true)),
            };
            (name.to_lowercase(), declared)
        })
        .collect();
    let (mut missing, mut others) = (Vec::new(), Vec::new());
    for (name, kind) in TASK_PARAMETERS {
        // The token is checked later.
        if name == "registrationToken" {
            continue;
        }
        match parameters.get(&name.to_lowercase()) {
            None if name != "firstIndex" => missing.push(quoted(name)),
            Some(declared) if declared.kind != kind => {
                others.push(format!("{} of type {kind}", quoted(name)));
            }
            _ => {}
        }
    }
    if missing.is_empty() && others.is_empty() {
        return Ok(HostTemplate {
            path: path.to_owned(),
            document,
            parameters,
        });
    }
    missing.extend(others);
    let sentence = format!(
        "template {shown} needs parameter {}, which the step fills in",
        missing.join(", ")
    );
    let hint = "samples/host-pools/session-hosts.json has all of them".to_owned();
    Err(wrong(reader, input, sentence, Some(hint)))
}

/// The author's values.
fn parameters(
    reader: &mut Reader<'_>,
    template: &HostTemplate,
    masker: &dyn Masker,
) -> Result<HostParameters, AlreadyReported> {
    let input = &SESSION_HOST_PARAMETERS;
    let Some(text) = reader.optional_lines(input)? else {
        return Ok(HostParameters::default());
    };
    // Several lines are no path, and neither is the name of a parameter whose '=' was forgotten. What follows it may be a secret.
    let is_file = !text.contains(['=', '\n']) && named(template, text).is_none();
    let given = if is_file {
        of_file(reader, text)?
    } else {
        lines(reader, text, template, masker)?
    };
    let file = is_file.then(|| text.to_owned());
    let mut values = Map::new();
    let mut problem = None;
    for (name, value) in given {
        match checked(template, &name) {
            Ok(declared) => {
                if declared.is_secure() {
                    announce(&value, masker);
                }
                let limit = value.get("value");
                let limit = limit.and_then(|value| template.limit_against(&name, value));
                if let Some(limit) = limit {
                    let sentence = format!(
                        "parameter {} of the template {}, and its value does not fit",
                        quoted(&name),
                        limit.takes
                    );
                    let problem_of_it = Problem::new(Code::Malformed, input, sentence, None);
                    problem = Some(reader.report(problem_of_it));
                }
                values.insert(declared.name.clone(), value);
            }
            Err((code, sentence, hint)) => {
                problem = Some(reader.report(Problem::new(code, input, sentence, hint)));
            }
        }
    }
    problem.map_or(Ok(HostParameters { values, file }), Err)
}

/// The declaration of a parameter that the author may set.
fn checked<'t>(
    template: &'t HostTemplate,
    name: &str,
) -> Result<&'t DeclaredParameter, (Code, String, Option<String>)> {
    let shown = quoted(name);
    let mut own = TASK_PARAMETERS.iter();
    if own.any(|(own, _)| own.eq_ignore_ascii_case(name)) {
        let sentence = format!("the step itself fills in parameter {shown}");
        return Err((Code::Contradiction, sentence, Some("remove it".to_owned())));
    }
    template.parameter(name).ok_or_else(|| {
        let names = template.parameters.values().map(|it| it.name.as_str());
        let near = nearest(name, names).map(|near| format!("did you mean '{near}'?"));
        let sentence = format!("the template has no parameter {shown}");
        (Code::Malformed, sentence, near)
    })
}

/// The parameter whose name a line begins with, as the template writes it.
fn named<'t>(template: &'t HostTemplate, line: &str) -> Option<&'t str> {
    let mut words = line.split(|c: char| c.is_whitespace() || c == ':');
    let declared = template.parameter(words.next()?)?;
    Some(&declared.name)
}

/// Lines `name=value`, each turned into the type that the template declares.
fn lines(
    reader: &mut Reader<'_>,
    text: &str,
    template: &HostTemplate,
    masker: &dyn Masker,
) -> Result<Vec<(String, Value)>, AlreadyReported> {
    let input = &SESSION_HOST_PARAMETERS;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut given: Vec<(String, Value)> = Vec::new();
    let mut problem = None;
    for line in lines {
        let Some((name, value)) = line.split_once('=') else {
            // It may be the second line of a value, and that may be a secret.
            let (sentence, hint) = match named(template, line) {
                Some(name) => (
                    format!("the line of parameter {} has no '='", quoted(name)),
                    Some(format!("write '{name}=value'")),
                ),
                None => (format!("a line has no '='; {}", LINE.expected()), None),
            };
            problem = Some(wrong(reader, input, sentence, hint));
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if given
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            let sentence = format!("parameter {} is there twice", quoted(name));
            problem = Some(wrong(
                reader,
                input,
                sentence,
                Some("write it once".to_owned()),
            ));
            continue;
        }
        let declared = template.parameter(name);
        if declared.is_some_and(DeclaredParameter::is_secure) {
            announce(&json!(value), masker);
        }
        let kind = declared.map_or("string", |declared| declared.kind.as_str());
        if let Some(value) = typed(kind, value) {
            given.push((name.to_owned(), json!({"value": value})));
            continue;
        }
        let sentence = format!(
            "parameter {} of the template is of type {kind}, and its value is not",
            quoted(name)
        );
        let hint = match kind {
            "int" => "write a whole number",
            "bool" => "write 'true' or 'false'",
            "array" => "write JSON on one line: [\"1\", \"2\"]",
            _ => "write JSON on one line: {\"name\": \"value\"}",
        };
        problem = Some(wrong(reader, input, sentence, Some(hint.to_owned())));
    }
    problem.map_or(Ok(given), Err)
}

/// A text as a value of a type of Azure Resource Manager.
fn typed(kind: &str, text: &str) -> Option<Value> {
    let parsed = || serde_json::from_str::<Value>(text).ok();
    match kind {
        "int" => text.parse::<i64>().ok().map(|number| json!(number)),
        "bool" => match text.to_ascii_lowercase().as_str() {
            "true" => Some(json!(true)),
            "false" => Some(json!(false)),
            _ => None,
        },
        "array" => parsed().filter(Value::is_array),
        "object" | "secureobject" => parsed().filter(Value::is_object),
        _ => Some(json!(text)),
    }
}

/// The parameters in a parameter file, each with its value or its reference to a key vault.
fn of_file(reader: &mut Reader<'_>, text: &str) -> Result<Vec<(String, Value)>, AlreadyReported> {
    let input = &SESSION_HOST_PARAMETERS;
    let document = host_file::read(reader, input, text, "a parameter file")?;
    let Some(all) = document.get("parameters").and_then(Value::as_object) else {
        let sentence = format!("{} has no 'parameters'", quoted(text));
        return Err(wrong(reader, input, sentence, None));
    };
    let mut given = Vec::new();
    for (name, parameter) in all {
        let own = ["value", "reference"];
        if !own.iter().any(|member| parameter.get(member).is_some()) {
            let sentence = format!(
                "parameter {} in {} has neither 'value' nor 'reference'",
                quoted(name),
                quoted(text)
            );
            return Err(wrong(reader, input, sentence, None));
        }
        given.push((name.clone(), parameter.clone()));
    }
    Ok(given)
}

/// Announces every text in a value for masking.
fn announce(value: &Value, masker: &dyn Masker) {
    match value {
        Value::String(text) if !text.is_empty() => drop(Secret::new(text.clone(), masker)),
        Value::Array(items) => items.iter().for_each(|item| announce(item, masker)),
        // Where the value of a key vault comes from is no secret.
        Value::Object(members) if !members.contains_key("keyVault") => {
            members.values().for_each(|member| announce(member, masker));
        }
        _ => {}
    }
}
