//! What a template file says once its members are checked, and what is wrong with it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::inputs::problem::Code;
use crate::inputs::reader::resource::{OWN_SUBSCRIPTION, SAMPLE, SAMPLE_SUBSCRIPTION};
use crate::resource::ResourceId;

/// Something that is wrong with the file.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) line: usize,
    /// `customize[2].inline`; empty for the file as a whole.
    pub(super) place: String,
    pub(super) text: String,
    pub(super) hint: Option<String>,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) value: Map<String, Value>,
    /// The line of each member by its place.
    pub(super) lines: BTreeMap<String, usize>,
    pub(super) faults: Vec<Fault>,
    /// What does not stop a build.
    pub(super) warnings: Vec<Fault>,
}

impl Fault {
    /// `web.yml, line 2, vmProfile.vmSize: …`
    pub(super) fn sentence(&self, file: &str) -> String {
        let place = if self.place.is_empty() {
            String::new()
        } else {
            format!(", {}", self.place)
        };
        format!("{file}, line {}{place}: {}", self.line, self.text)
    }
}

impl Checked {
    /// The line of a member, or of the nearest one around it.
    fn line(&self, place: &str) -> usize {
        let mut place = place;
        loop {
            if let Some(line) = self.lines.get(place) {
                return *line;
            }
            match place.rfind(['.', '[']) {
                Some(at) => place = place.get(..at).unwrap_or_default(),
                None => return 1,
            }
        }
    }

    /// Puts `value` at a place `distribute[0].targetRegions`.
    pub(super) fn replace(&mut self, place: &str, value: Value) {
        let pointer = place.replace(['.', '['], "/").replace(']', "");
        let Some((first, rest)) = pointer.split_once('/') else {
            return;
        };
        let section = self.value.get_mut(first);
        if let Some(old) = section.and_then(|it| it.pointer_mut(&format!("/{rest}"))) {
            *old = value;
        }
    }

    pub(super) fn warn(&mut self, code: Code, place: &str, text: String, hint: String) {
        self.warnings.push(Fault {
            code,
            line: self.line(place),
            place: place.to_owned(),
            text,
            hint: Some(hint),
        });
    }

    pub(super) fn fault(&mut self, place: &str, text: impl Into<String>, hint: Option<&str>) {
        let line = self.line(place);
        self.faults.push(Fault {
            code: Code::TemplateFile,
            line,
            place: place.to_owned(),
            text: text.into(),
            hint: hint.map(str::to_owned),
        });
    }

    /// The id of a resource of one of `kinds`, or a fault.
    pub(super) fn id(
        &mut self,
        place: &str,
        value: Option<&str>,
        kinds: &[&str],
    ) -> Option<ResourceId> {
        let value = value?;
        let id: ResourceId = match value.parse() {
            Ok(id) => id,
            Err(reason) => {
                self.fault(
                    place,
                    format!("'{value}' is not a resource id: {reason}"),
                    None,
                );
                return None;
            }
        };
        if id.subscription() == SAMPLE_SUBSCRIPTION {
            self.warn(
                Code::Placeholder,
                place,
                SAMPLE.to_owned(),
                OWN_SUBSCRIPTION.to_owned(),
            );
        }
        if kinds.iter().any(|kind| id.is(kind)) {
            return Some(id);
        }
        let hint = (id.is(DEFINITION) && kinds.contains(&VERSION))
            .then_some("add '/versions/latest', or the version number instead of 'latest'");
        let sentence = format!(
            "'{value}' is the id of a '{}'; expected '{}'",
            id.resource_type(),
            kinds.join("' or '")
        );
        self.fault(place, sentence, hint);
        None
    }
}

pub(super) const IMAGE: &str = "Microsoft.Compute/images";
pub(super) const DEFINITION: &str = "Microsoft.Compute/galleries/images";
pub(super) const VERSION: &str = "Microsoft.Compute/galleries/images/versions";
pub(super) const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
pub(super) const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// The text of a member.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The objects of a list, with their places in it.
pub(super) fn objects(list: Option<&Value>) -> impl Iterator<Item = (usize, &Map<String, Value>)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items
        .enumerate()
        .filter_map(|(index, item)| Some((index, item.as_object()?)))
}
