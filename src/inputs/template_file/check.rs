//! The tree of a file against the table of members: what it says, as the service takes it, or everything that is wrong with it.

use serde_json::{Map, Value};

use super::checked::{Checked, Fault};
use super::members::{Member, Object, Shape};
use super::node::{Kind, Node};
use super::source::expand;
use crate::inputs::macros::left_alone;
use crate::inputs::problem::{Code, list, quoted};
use crate::inputs::raw_inputs::Variables;
use crate::inputs::reader::undefined;
use crate::inputs::spelling::{lines, nearest, tidy, trimmed};

/// Members that hold scripts or commands, in which `$(…)` may be the shell's own.
const SCRIPTS: &[&str] = &[
    "inline",
    "restartCommand",
    "restartCheckCommand",
    "searchCriteria",
    "filters",
];

/// Checks the tree against `object`. At the top, `$schema` and names that begin with `x-` are passed over: editors and anchors need a place.
pub(super) fn check(node: &Node, object: &'static Object, variables: &Variables) -> Checked {
    let mut check = Check {
        variables,
        checked: Checked::default(),
    };
    // A section that is wrong keeps no other from being checked.
    let sections = check.members(node, object, "");
    check.checked.value = sections.map(|(sections, _)| sections).unwrap_or_default();
    check.checked
}

struct Check<'a> {
    variables: &'a Variables,
    checked: Checked,
}

impl Check<'_> {
    fn fault(&mut self, line: usize, place: &str, text: String, hint: Option<String>) {
        self.checked.faults.push(Fault {
            code: Code::TemplateFile,
            line,
            place: place.to_owned(),
            text,
            hint,
        });
    }

    fn value(&mut self, node: &Node, shape: &'static Shape, place: &str) -> Option<Value> {
        match shape {
            Shape::Text { options } => self.text(node, options, place).map(Value::String),
            Shape::Number { least, most } => {
                let text = self.text(node, &[], place)?;
                let number: Option<i64> = text.trim().parse().ok();
                let number = number.filter(|number| (least..=most).contains(&number));
                if number.is_none() {
                    let sentence = format!(
                        "{} is not a whole number from {least} to {most}",
                        quoted(&text)
                    );
                    self.fault(node.line, place, sentence, None);
                }
                number.map(Value::from)
            }
            Shape::Flag => {
                let text = self.text(node, &[], place)?;
                match text.trim().to_ascii_lowercase().as_str() {
                    "true" => Some(Value::Bool(true)),
                    "false" => Some(Value::Bool(false)),
                    _ => {
                        let sentence = format!("{} is neither 'true' nor 'false'", quoted(&text));
                        self.fault(node.line, place, sentence, None);
                        None
                    }
                }
            }
            Shape::List(shape) => self.list(node, shape, place),
            Shape::Texts => self.texts(node, place),
            Shape::Object(object) => self.object(node, object, place).map(Value::Object),
            Shape::Variants {
                discriminator,
                objects,
            } => self.variant(node, discriminator, objects, place),
        }
    }

    fn wanted(&mut self, node: &Node, what: &str, place: &str) {
        let text = format!("it is {}; expected {what}", node.what());
        self.fault(node.line, place, text, None);
    }

    fn text(&mut self, node: &Node, options: &[&'static str], place: &str) -> Option<String> {
        let Kind::Scalar(text) = &node.kind else {
            self.wanted(node, "a string", place);
            return None;
        };
        let member = place.rsplit('.').next().unwrap_or_default();
        let member = member.split('[').next().unwrap_or_default();
        let is_script = SCRIPTS.contains(&member);
        let text = match expand(text, self.variables, is_script) {
            Ok(text) if is_script => text,
            // An id in quotes is one that a variable brought in as a program printed it.
            Ok(text) if tidy(&text).starts_with('/') => tidy(&text).to_owned(),
            Ok(text) => trimmed(&text).to_owned(),
            Err(missing) => {
                self.checked.faults.push(Fault {
                    code: Code::Macro,
                    line: node.line,
                    place: place.to_owned(),
                    text: missing.to_string(),
                    hint: Some(missing.hint()),
                });
                return None;
            }
        };
        if let Some(expression) = find(&text, is_script) {
            let sentence = format!(
                "{} is an Azure Resource Manager template expression, which this task does not evaluate",
                quoted(expression)
            );
            let hint = "write the value itself, or a pipeline variable, '$(name)'";
            self.fault(node.line, place, sentence, Some(hint.to_owned()));
            return None;
        }
        if is_script {
            self.warn_of_macros(node.line, place, &text);
        }
        if options.is_empty() || options.contains(&text.as_str()) {
            return Some(text);
        }
        let same = options
            .iter()
            .find(|option| option.eq_ignore_ascii_case(&text));
        let hint = same
            .copied()
            .or_else(|| nearest(&text, options.iter().copied()));
        let sentence = format!("{} is not one of {}", quoted(&text), list(options));
        let hint = hint.map(|option| format!("did you mean '{option}'?"));
        self.fault(node.line, place, sentence, hint);
        None
    }

    /// What looks like a variable of the agent, and stayed as it was.
    fn warn_of_macros(&mut self, line: usize, place: &str, text: &str) {
        for name in left_alone(text) {
            self.checked.warnings.push(Fault {
                code: Code::Macro,
                line,
                place: place.to_owned(),
                text: format!(
                    "'$({name})' is not replaced, because variable '{name}' is not defined"
                ),
                hint: Some(undefined(name)),
            });
        }
    }

    /// A block of text is as good as a list of its lines.
    fn list(&mut self, node: &Node, shape: &'static Shape, place: &str) -> Option<Value> {
        match (&node.kind, shape) {
            (Kind::List(items), _) => {
                let each = items.iter().enumerate();
                let values: Vec<Option<Value>> = each
                    .map(|(index, item)| {
                        let place = format!("{place}[{index}]");
                        self.checked.lines.insert(place.clone(), item.line);
                        self.value(item, shape, &place)
                    })
                    .collect();
                values
                    .into_iter()
                    .collect::<Option<Vec<_>>>()
                    .map(Value::Array)
            }
            (Kind::Scalar(_), Shape::Text { options: [] }) => {
                let text = self.text(node, &[], place)?;
                let lines = lines(&text);
                Some(Value::Array(lines.into_iter().map(Value::String).collect()))
            }
            _ => {
                self.wanted(node, "a list", place);
                None
            }
        }
    }

    fn texts(&mut self, node: &Node, place: &str) -> Option<Value> {
        let Kind::Map(members) = &node.kind else {
            self.wanted(node, "names and strings", place);
            return None;
        };
        let mut texts = Map::new();
        let mut whole = true;
        for (name, value) in members {
            let Kind::Scalar(name) = &name.kind else {
                self.wanted(name, "a name", place);
                return None;
            };
            match self.text(value, &[], &format!("{place}.{name}")) {
                Some(text) => {
                    texts.insert(name.clone(), Value::String(text));
                }
                None => whole = false,
            }
        }
        whole.then_some(Value::Object(texts))
    }

    /// An object of the type that its discriminator names.
    fn variant(
        &mut self,
        node: &Node,
        discriminator: &str,
        objects: &[(&'static str, &'static Object)],
        place: &str,
    ) -> Option<Value> {
        let Kind::Map(members) = &node.kind else {
            self.wanted(node, "an object", place);
            return None;
        };
        let names: Vec<&'static str> = objects.iter().map(|(name, _)| *name).collect();
        let given = members
            .iter()
            .find(|(name, _)| matches!(&name.kind, Kind::Scalar(name) if name == discriminator));
        let Some((_, value)) = given else {
            let text = format!(
                "'{discriminator}' is missing; expected one of {}",
                list(&names)
            );
            self.fault(node.line, place, text, None);
            return None;
        };
        let chosen = self.text(value, &names, &format!("{place}.{discriminator}"))?;
        let (_, object) = objects.iter().find(|(name, _)| **name == *chosen)?;
        self.object(node, object, place).map(Value::Object)
    }

    fn object(
        &mut self,
        node: &Node,
        object: &'static Object,
        place: &str,
    ) -> Option<Map<String, Value>> {
        let (members, whole) = self.members(node, object, place)?;
        whole.then_some(members)
    }

    /// The members that are right, and whether these are all.
    fn members(
        &mut self,
        node: &Node,
        object: &'static Object,
        place: &str,
    ) -> Option<(Map<String, Value>, bool)> {
        let Kind::Map(members) = &node.kind else {
            self.wanted(node, "an object", place);
            return None;
        };
        let mut found = Map::new();
        let mut whole = true;
        for (name, value) in members {
            let Kind::Scalar(text) = &name.kind else {
                self.wanted(name, "the name of a member", place);
                continue;
            };
            if place.is_empty() && (text == "$schema" || text.starts_with("x-")) {
                continue;
            }
            let inside = if place.is_empty() {
                text.clone()
            } else {
                format!("{place}.{text}")
            };
            let member = object.members.iter().find(|member| member.name == text);
            let Some(member) = self.usable(member, object, name.line, &inside, text) else {
                whole = false;
                continue;
            };
            if self
                .checked
                .lines
                .insert(inside.clone(), name.line)
                .is_some()
            {
                self.fault(name.line, &inside, "it is listed twice".to_owned(), None);
                whole = false;
            }
            match &value.kind {
                Kind::Empty => {}
                _ => match self.value(value, &member.shape, &inside) {
                    Some(value) => {
                        found.insert(text.clone(), value);
                    }
                    None => whole = false,
                },
            }
        }
        let whole = self.required(node.line, object, place, &found, members, whole);
        Some((found, whole))
    }

    /// Reports a member that does not exist, or that only the service writes.
    fn usable(
        &mut self,
        member: Option<&'static Member>,
        object: &Object,
        line: usize,
        place: &str,
        name: &str,
    ) -> Option<&'static Member> {
        let writable = object.members.iter().filter(|member| !member.read_only);
        let names: Vec<&str> = writable.map(|member| member.name).collect();
        match member {
            Some(member) if !member.read_only => Some(member),
            Some(_) => {
                let text = "this member is read-only".to_owned();
                self.fault(line, place, text, Some("remove it".to_owned()));
                None
            }
            None => {
                let same = names.iter().find(|known| known.eq_ignore_ascii_case(name));
                let near = same
                    .copied()
                    .or_else(|| nearest(name, names.iter().copied()));
                let hint = match near {
                    Some(near) => format!("did you mean '{near}'?"),
                    None if place == "properties" => {
                        "write what is in 'properties' at the top of the file".to_owned()
                    }
                    None => format!("the members here are {}", list(&names)),
                };
                self.fault(
                    line,
                    place,
                    "this member does not exist".to_owned(),
                    Some(hint),
                );
                None
            }
        }
    }

    /// Whether everything that is required is there.
    fn required(
        &mut self,
        line: usize,
        object: &Object,
        place: &str,
        found: &Map<String, Value>,
        given: &[(Node, Node)],
        mut whole: bool,
    ) -> bool {
        // A whole file need not have them: inputs fill in what it does not say.
        let required = object
            .members
            .iter()
            .filter(|member| member.required && !place.is_empty());
        for member in required.filter(|member| !found.contains_key(member.name)) {
            let wrong = given.iter().any(|(name, value)| {
                matches!(&name.kind, Kind::Scalar(name) if name == member.name)
                    && !matches!(value.kind, Kind::Empty)
            });
            if !wrong {
                let text = format!("'{}' is missing", member.name);
                self.fault(line, place, text, None);
            }
            whole = false;
        }
        whole
    }
}

/// Functions with which an expression begins
/// (<https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions>). In a script the brackets alone say nothing: the
/// shell's tests and the types and attributes of PowerShell have them too.
///
/// Most public samples are templates for Azure Resource Manager, made of expressions. The service gets the members as they are, so that an expression
/// in them would be a text like any other
/// (<https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions>).
const FUNCTIONS: &[&str] = &[
    "array",
    "base64",
    "coalesce",
    "concat",
    "createArray",
    "createObject",
    "dateTimeAdd",
    "deployment",
    "environment",
    "extensionResourceId",
    "first",
    "format",
    "guid",
    "if",
    "join",
    "json",
    "last",
    "listKeys",
    "newGuid",
    "padLeft",
    "parameters",
    "pickZones",
    "reference",
    "replace",
    "resourceGroup",
    "resourceId",
    "split",
    "string",
    "subscription",
    "subscriptionResourceId",
    "substring",
    "take",
    "tenantResourceId",
    "toLower",
    "toUpper",
    "trim",
    "union",
    "uniqueString",
    "uri",
    "utcNow",
    "variables",
];

/// The first line of `text` that is an expression. Two brackets at the beginning stand for one that is meant as it is.
fn find(text: &str, is_script: bool) -> Option<&str> {
    if is_expression(text, is_script) {
        return Some(trimmed(text));
    }
    let mut lines = text.lines().filter(|line| is_expression(line, is_script));
    lines.next().map(trimmed)
}

fn is_expression(text: &str, is_script: bool) -> bool {
    let inside = trimmed(text).strip_prefix('[').filter(|_| !text.is_empty());
    let Some(inside) = inside.and_then(|text| text.strip_suffix(']')) else {
        return false;
    };
    let Some((name, _)) = inside.split_once('(') else {
        return false;
    };
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    if is_script {
        FUNCTIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    } else {
        !name.is_empty() && name.chars().all(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_what_has_brackets_too() {
        let check = |text: &str, is_script: bool, expected: Option<&str>| {
            assert_eq!(find(text, is_script), expected, "{text}");
        };
        let concat = "[concat('a', parameters('b'))]";
        check(concat, false, Some(concat));
        check(concat, true, Some(concat));
        check(" [parameters('x').y] ", true, Some("[parameters('x').y]"));
        check("[my.function(1)]", false, Some("[my.function(1)]"));
        check("echo 1\n[variables('x')]\n", true, Some("[variables('x')]"));
        check("[[concat('a')]", false, None);
        check("[draft]", false, None);
        check("[ -f /etc/x ]", true, None);
        check("[ \"$(id -u)\" = 0 ]", true, None);
        check("[CmdletBinding()]", true, None);
        check("[Parameter(Mandatory = $true)]", true, None);
        check("[ValidateSet('a', 'b')]", true, None);
        check("[Environment]::GetEnvironmentVariables()[0]", true, None);
        check("[string]$x = $y[0]", true, None);
        check("[", true, None);
        check("[]", false, None);
        check("", false, None);
    }
}
