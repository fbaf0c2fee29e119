//! Objects against their members: which may be there, which must be, and which was meant.

use serde_json::{Map, Value};

use super::Check;
use crate::inputs::problem::list;
use crate::inputs::spelling::nearest;
use crate::inputs::template_file::members::{Member, Object};
use crate::inputs::template_file::node::{Kind, Node};

impl Check<'_> {
    /// An object of the type that its discriminator names.
    pub(super) fn variant(
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

    pub(super) fn object(
        &mut self,
        node: &Node,
        object: &'static Object,
        place: &str,
    ) -> Option<Map<String, Value>> {
        let (members, whole) = self.members(node, object, place)?;
        whole.then_some(members)
    }

    /// The members that are right, and whether these are all.
    pub(super) fn members(
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
