//! The expressions of Azure Resource Manager templates, as far as the samples use them
//! (<https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions>). What is not known here fails the test.

use serde_json::{Map, Value, json};

pub(super) const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

const TENANT: &str = "22222222-2222-2222-2222-222222222222";

/// What an expression may speak of.
#[derive(Clone, Default)]
pub(super) struct Scope {
    pub(super) parameters: Map<String, Value>,
    pub(super) variables: Map<String, Value>,
    /// The resource group that is deployed to; none when it is the subscription.
    pub(super) group: Option<String>,
    pub(super) copy_index: Option<usize>,
}

impl Scope {
    /// A value with all expressions in it worked out.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(object) => object
                .iter()
                .map(|(name, value)| (name.clone(), self.value(value)))
                .collect(),
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> Value {
        let Some(inner) = text.strip_prefix('[').filter(|rest| !rest.starts_with('[')) else {
            return json!(text);
        };
        let inner = inner
            .strip_suffix(']')
            .unwrap_or_else(|| panic!("no end: {text}"));
        let mut reader = Reader {
            rest: inner,
            scope: self,
        };
        let value = reader.expression();
        assert!(
            reader.rest.trim().is_empty(),
            "'{}' is too much in {text}",
            reader.rest
        );
        // What is known only after the deployment is told by its path.
        value.get("$reference").cloned().unwrap_or(value)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Value {
        let texts: Vec<_> = arguments
            .iter()
            .map(|one| one.as_str().unwrap_or_default())
            .collect();
        match (name, texts.as_slice()) {
            ("parameters", [name]) => known(&self.parameters, name),
            ("variables", [name]) => known(&self.variables, name),
            ("subscription", []) => {
                json!({ "id": format!("/subscriptions/{SUBSCRIPTION}"), "subscriptionId": SUBSCRIPTION, "tenantId": TENANT })
            }
            ("resourceGroup", []) => {
                let group = self.group.as_deref().expect("there is no resource group");
                json!({ "id": group_id(group), "name": group, "location": "westeurope" })
            }
            ("subscriptionResourceId", [kind, names @ ..]) => {
                json!(format!(
                    "/subscriptions/{SUBSCRIPTION}/providers/{}",
                    typed(kind, names)
                ))
            }
            ("resourceId", [subscription, group, kind, names @ ..])
                if *subscription == SUBSCRIPTION =>
            {
                json!(format!(
                    "{}/providers/{}",
                    group_id(group),
                    typed(kind, names)
                ))
            }
            ("resourceId", [kind, names @ ..]) => {
                let group = self
                    .group
                    .as_deref()
                    .expect("resourceId needs a resource group");
                json!(format!(
                    "{}/providers/{}",
                    group_id(group),
                    typed(kind, names)
                ))
            }
            ("extensionResourceId", [scope, kind, names @ ..]) => {
                json!(format!("{scope}/providers/{}", typed(kind, names)))
            }
            ("reference", [id, ..]) => json!({ "$reference": format!("reference({id})") }),
            ("copyIndex", []) => json!(self.copy_index.expect("not in a copy")),
            ("copyIndex", [_]) => {
                let first = arguments[0].as_u64().expect("the first number");
                let first = usize::try_from(first).unwrap();
                json!(first + self.copy_index.expect("not in a copy"))
            }
            _ => function(name, arguments, &texts),
        }
    }
}

/// A function that looks at nothing but its arguments.
fn function(name: &str, arguments: &[Value], texts: &[&str]) -> Value {
    match (name, texts) {
        // Not the real number, but as it depends on the arguments and on nothing else.
        ("guid", parts @ [_, ..]) => {
            json!(format!("guid({})", parts.join(",")).replace('/', "~"))
        }
        ("concat", _) => json!(arguments.iter().map(plain).collect::<String>()),
        ("format", [pattern, ..]) => json!(
            arguments[1..]
                .iter()
                .enumerate()
                .fold((*pattern).to_owned(), |text, (at, value)| {
                    text.replace(&format!("{{{at}}}"), &plain(value))
                })
        ),
        ("toLower", [text]) => json!(text.to_lowercase()),
        ("empty", [_]) => json!(is_empty(&arguments[0])),
        ("not", [_]) => json!(!arguments[0].as_bool().unwrap()),
        ("equals", [_, _]) => json!(arguments[0] == arguments[1]),
        ("if", [_, _, _]) => arguments[if arguments[0].as_bool().unwrap() {
            1
        } else {
            2
        }]
        .clone(),
        ("length", [text]) => json!(arguments[0].as_array().map_or(text.len(), Vec::len)),
        _ => panic!("unknown: {name} with {} arguments", arguments.len()),
    }
}

fn group_id(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
}

fn known(values: &Map<String, Value>, name: &str) -> Value {
    values
        .get(name)
        .unwrap_or_else(|| panic!("there is no '{name}'"))
        .clone()
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// `Provider/type/child` with names put between.
fn typed(kind: &str, names: &[&str]) -> String {
    let (provider, types) = kind.split_once('/').unwrap();
    let types: Vec<_> = types.split('/').collect();
    assert_eq!(types.len(), names.len(), "{kind} with {names:?}");
    let parts = types
        .iter()
        .zip(names)
        .map(|(kind, name)| format!("/{kind}/{name}"));
    provider.to_owned() + &parts.collect::<String>()
}

struct Reader<'a> {
    rest: &'a str,
    scope: &'a Scope,
}

impl<'a> Reader<'a> {
    /// A literal or a call, then members and elements of it.
    fn expression(&mut self) -> Value {
        self.rest = self.rest.trim_start();
        let mut value = if self.take('\'') {
            json!(self.literal())
        } else if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            json!(self.word().parse::<usize>().unwrap())
        } else {
            let name = self.word();
            assert!(self.take('('), "'{name}' is no function");
            let arguments = self.arguments();
            self.scope.call(name, &arguments)
        };
        loop {
            if self.take('.') {
                value = member(&value, self.word());
            } else if self.take('[') {
                let index = self.expression();
                assert!(self.take(']'));
                let index = usize::try_from(index.as_u64().unwrap()).unwrap();
                value = value[index].clone();
            } else {
                return value;
            }
        }
    }

    fn arguments(&mut self) -> Vec<Value> {
        let mut arguments = Vec::new();
        while !self.take(')') {
            if !arguments.is_empty() {
                assert!(self.take(','), "no comma before {}", self.rest);
            }
            arguments.push(self.expression());
        }
        arguments
    }

    /// The text up to the closing quote; two quotes are one.
    fn literal(&mut self) -> String {
        let mut text = String::new();
        loop {
            let (part, rest) = self.rest.split_once('\'').expect("a quote is missing");
            self.rest = rest;
            text += part;
            if !self.take('\'') {
                return text;
            }
            text.push('\'');
        }
    }

    fn word(&mut self) -> &'a str {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn take(&mut self, mark: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

fn member(value: &Value, name: &str) -> Value {
    match value.get("$reference").and_then(Value::as_str) {
        Some(path) => json!({ "$reference": format!("{path}.{name}") }),
        None => value
            .get(name)
            .unwrap_or_else(|| panic!("no member '{name}' in {value}"))
            .clone(),
    }
}
