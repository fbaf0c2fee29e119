//! The tree of a YAML or JSON file, with the line of each value. Scalars stay texts: what they mean is for the table of members to say.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// A value, and the line where it begins (1 is the first).
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Empty,
    Scalar(String),
    List(Vec<Node>),
    /// Names and values in the order of the file.
    Map(Vec<(Node, Node)>),
}

/// Why a text is no tree, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoTree {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// Deeper than any template, and far from the end of the stack.
const DEEPEST: usize = 64;
/// More than any template; aliases of aliases would make more of a small file.
const MOST_NODES: usize = 100_000;

/// Reads the first document of `text`.
pub(super) fn parse(text: &str) -> Result<Node, NoTree> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| NoTree {
            line: error.marker().line(),
            reason: error.info().to_owned(),
        })?;
        let line = span.start.line();
        let refused = |reason: &str| NoTree {
            line,
            reason: reason.to_owned(),
        };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let kind = if plain && ["", "~", "null"].contains(&text.as_ref()) {
                    Kind::Empty
                } else {
                    Kind::Scalar(text.into_owned())
                };
                tree.add(Node { line, kind }, anchor)
            }
            Event::Alias(anchor) => tree.add_alias(anchor, line),
            Event::SequenceStart(anchor, _) => tree.open(line, Kind::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => tree.open(line, Kind::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => tree.close(),
            Event::DocumentStart(_) if tree.root.is_some() => {
                Err("the file has more than one document; expected one")
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
        .map_err(refused)?;
    }
    tree.root.ok_or_else(|| NoTree {
        line: 1,
        reason: "the file is empty".to_owned(),
    })
}

#[derive(Default)]
struct Tree {
    /// Lists and maps that are not closed yet, with their anchors, and for maps the name that waits for its value.
    open: Vec<(Node, usize, Option<Node>)>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
}

impl Tree {
    fn open(&mut self, line: usize, kind: Kind, anchor: usize) -> Result<(), &'static str> {
        if self.open.len() >= DEEPEST {
            return Err("it is nested too deeply");
        }
        self.open.push((Node { line, kind }, anchor, None));
        Ok(())
    }

    fn close(&mut self) -> Result<(), &'static str> {
        match self.open.pop() {
            Some((node, anchor, _)) => self.add(node, anchor),
            None => Ok(()),
        }
    }

    fn add_alias(&mut self, anchor: usize, line: usize) -> Result<(), &'static str> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err("the anchor contains itself");
        };
        // The copy is at its own place, but what is wrong inside is wrong at the anchor.
        let node = Node {
            line,
            ..node.clone()
        };
        self.nodes += size(&node);
        self.add(node, 0)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), &'static str> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err("it has too many values");
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((parent, _, name)) => match &mut parent.kind {
                Kind::List(items) => items.push(node),
                Kind::Map(members) => match name.take() {
                    None => *name = Some(node),
                    Some(name) => members.push((name, node)),
                },
                Kind::Empty | Kind::Scalar(_) => {}
            },
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::Empty | Kind::Scalar(_) => 1,
        Kind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Kind::Map(members) => {
            1 + members
                .iter()
                .map(|(_, value)| 1 + size(value))
                .sum::<usize>()
        }
    }
}

impl Node {
    pub(super) fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    /// Takes the members of these names out of a map.
    pub(super) fn leave_out(&mut self, names: &[&str]) {
        if let Kind::Map(members) = &mut self.kind {
            members.retain(|(name, _)| {
                let out = |text: &String| names.contains(&text.as_str());
                !matches!(&name.kind, Kind::Scalar(text) if out(text))
            });
        }
    }

    /// The names of a map's values that are not empty, as far as they are texts.
    pub(super) fn names(&self) -> Vec<String> {
        let Kind::Map(members) = &self.kind else {
            return Vec::new();
        };
        let there = members
            .iter()
            .filter(|(_, value)| !matches!(value.kind, Kind::Empty));
        there
            .filter_map(|(name, _)| match &name.kind {
                Kind::Scalar(name) => Some(name.clone()),
                Kind::Empty | Kind::List(_) | Kind::Map(_) => None,
            })
            .collect()
    }

    /// How its kind is spoken of.
    pub(super) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Empty => "empty",
            Kind::Scalar(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> String {
        match &node.kind {
            Kind::Empty => "-".to_owned(),
            Kind::Scalar(text) => format!("{text:?}@{}", node.line),
            Kind::List(items) => {
                format!("{:?}", items.iter().map(shown).collect::<Vec<_>>()).replace('\\', "")
            }
            Kind::Map(members) => {
                let pairs: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("{}: {}", shown(name), shown(value)))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }
        }
    }

    #[test]
    fn yaml_and_json_become_trees_with_lines() {
        let check = |text: &str, expected: &str| {
            assert_eq!(shown(&parse(text).unwrap()), expected, "{text}");
        };
        check(
            "a: 1.10\nb: 'null'\nc:\n",
            "{\"a\"@1: \"1.10\"@1, \"b\"@2: \"null\"@2, \"c\"@3: -}",
        );
        check("{\n\t\"a\": true\n}", "{\"a\"@2: \"true\"@2}");
        check("a: &x 1\nb: *x\n", "{\"a\"@1: \"1\"@1, \"b\"@2: \"1\"@2}");
        check("a: |\n  x\n  y\n", "{\"a\"@1: \"x\\ny\\n\"@2}");
    }

    #[test]
    fn texts_that_are_no_trees() {
        let check = |text: &str, line: usize, reason: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{error:?}");
            assert!(error.reason.contains(reason), "{error:?}");
        };
        check("", 1, "the file is empty");
        check("a: 1\nb: [1\n", 3, "");
        check("a: 1\n---\nb: 2\n", 2, "more than one document");
        check(&"[".repeat(100), 1, "nested too deeply");
        let bomb: Vec<_> = (1..20)
            .map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1))
            .collect();
        let bomb = bomb.concat();
        check(&format!("a0: &a0 x\n{bomb}"), 9, "too many values");
    }
}
