//! Checks a body against the published `OpenAPI` definition: member names, types, enumerations, discriminators, bounds.
//!
//! The definition is that of 2025-10-01; members that came with a certain api-version are listed here.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::arm::problem::{
    Place, Problem, bad_value, enumeration, integer, kind, unmarshalling, validation,
};
use crate::switches::ReadOnlyMembers;

const BUILDER: &str = include_str!("../../../../build/openapi/imagebuilder.json");
const COMMON: &str = include_str!("../../../../build/openapi/common-types-v3.json");

/// The members that came after 2020-02-14: definition or place, member, first api-version
/// ([release notes](https://learn.microsoft.com/azure/virtual-machines/image-builder-api-update-release-notes)).
const SINCE: &[(&str, &str, &str)] = &[
    (
        "ImageTemplateVmProfile",
        "userAssignedIdentities",
        "2021-10-01",
    ),
    ("VirtualNetworkConfig", "proxyVmSize", "2021-10-01"),
    ("ImageTemplateProperties", "validate", "2022-02-14"),
    (
        "ImageTemplateProperties",
        "stagingResourceGroup",
        "2022-02-14",
    ),
    (
        "ImageTemplateProperties",
        "exactStagingResourceGroup",
        "2022-02-14",
    ),
    ("ImageTemplateProperties", "optimize", "2022-07-01"),
    (
        "ImageTemplateSharedImageDistributor",
        "targetRegions",
        "2022-07-01",
    ),
    (
        "ImageTemplateSharedImageDistributor",
        "versioning",
        "2022-07-01",
    ),
    ("ImageTemplateVhdDistributor", "uri", "2022-07-01"),
    ("ImageTemplateProperties", "errorHandling", "2023-07-01"),
    ("ImageTemplateProperties", "autoRun", "2024-02-01"),
    (
        "ImageTemplateProperties",
        "managedResourceTags",
        "2024-02-01",
    ),
    (
        "VirtualNetworkConfig",
        "containerInstanceSubnetId",
        "2024-02-01",
    ),
    ("optimize", "workload", "2025-10-01"),
    (
        "ImageTemplateSharedImageDistributor",
        "replicationMode",
        "2025-10-01",
    ),
    (
        "ImageTemplateProperties",
        "additionalDataDisks",
        "2025-10-01",
    ),
];

/// Since this api-version member names are compared with letter case, and unknown members refused.
const STRICT_SINCE: &str = "2024-02-01";

struct Check<'version> {
    version: &'version str,
    read_only: ReadOnlyMembers,
}

/// Checks the body against a definition and gives it back with the definition's member names and without read-only members.
///
/// # Errors
///
/// The text of the first problem, in the words of the service where they are known.
pub(crate) fn check(
    body: &Value,
    definition: &str,
    version: &str,
    read_only: ReadOnlyMembers,
) -> Result<Value, Problem> {
    let check = Check { version, read_only };
    let schema = definitions()
        .get(definition)
        .ok_or_else(|| format!("no definition '{definition}'"))?;
    check.value(
        body,
        schema,
        definition,
        &Place {
            path: definition.to_owned(),
            chain: String::new(),
        },
    )
}

fn definitions() -> &'static Map<String, Value> {
    static DEFINITIONS: OnceLock<Map<String, Value>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| {
        let mut all = Map::new();
        for text in [COMMON, BUILDER] {
            let document: Value = serde_json::from_str(text).unwrap_or_default();
            if let Some(definitions) = document.get("definitions").and_then(Value::as_object) {
                all.extend(definitions.clone());
            }
        }
        all
    })
}

/// The definition that a schema refers to, with its name.
fn resolve<'schema>(schema: &'schema Value, name: &'schema str) -> (&'schema Value, &'schema str) {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
        return (schema, name);
    };
    let name = reference.rsplit('/').next().unwrap_or_default();
    (definitions().get(name).unwrap_or(&Value::Null), name)
}

impl Check<'_> {
    fn value(
        &self,
        value: &Value,
        schema: &Value,
        name: &str,
        place: &Place,
    ) -> Result<Value, Problem> {
        let (schema, name) = resolve(schema, name);
        match (
            schema
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("object"),
            value,
        ) {
            ("object", Value::Object(members)) => self.object(members, schema, name, place),
            ("array", Value::Array(elements)) => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                let each =
                    |(index, element)| self.value(element, items, name, &place.element(index));
                elements
                    .iter()
                    .enumerate()
                    .map(each)
                    .collect::<Result<Vec<_>, _>>()
                    .map(Value::Array)
            }
            ("string", Value::String(text)) => {
                enumeration(text, schema, place).map(|()| value.clone())
            }
            ("integer", Value::Number(_)) => integer(value, schema, place).map(|()| value.clone()),
            ("boolean", Value::Bool(_)) => Ok(value.clone()),
            (wanted, found) => Err(unmarshalling(
                place,
                &format!(
                    "json: cannot unmarshal {} into Go value of type {wanted} at '{}'",
                    kind(found),
                    place.path
                ),
            )),
        }
    }

    fn object(
        &self,
        members: &Map<String, Value>,
        schema: &Value,
        name: &str,
        place: &Place,
    ) -> Result<Value, Problem> {
        let (schema, name) = self.variant(members, schema, name, place)?;
        let known = members_of(schema);
        let additional = schema.get("additionalProperties");
        let place = Place {
            chain: format!(
                "{} unmarshalling type *v{}.{name}:",
                place.chain,
                self.version.replace('-', "_")
            ),
            ..place.clone()
        };
        let mut kept = Map::new();
        for (member, value) in members {
            let found = known
                .iter()
                .find(|(known, _)| self.same_name(known, member) && self.exists(name, known));
            match (found, additional) {
                (Some((known, schema)), _)
                    if schema.get("readOnly") == Some(&Value::Bool(true)) =>
                {
                    self.read_only(known, &place)?;
                }
                // A null counts as absent, as it does for Go.
                (Some(_), _) if value.is_null() => {}
                (Some((known, schema)), _) => {
                    kept.insert(
                        (*known).clone(),
                        self.value(value, schema, known, &place.member(known))?,
                    );
                }
                (None, Some(schema)) => {
                    let null_removes = value.is_null() && name == "UserAssignedIdentities";
                    let value = if null_removes {
                        Value::Null
                    } else {
                        self.value(value, schema, member, &place.member(member))?
                    };
                    kept.insert(member.clone(), value);
                }
                (None, None) if self.version >= STRICT_SINCE => {
                    return Err(unmarshalling(
                        &place,
                        &format!("json: unknown field \"{member}\""),
                    ));
                }
                (None, None) => {}
            }
        }
        match required_of(schema)
            .iter()
            .find(|name| !kept.contains_key(**name))
        {
            Some(missing) => Err(validation(&format!(
                "'{}': Missing field '{missing}'",
                place.path
            ))),
            None => Ok(Value::Object(kept)),
        }
    }

    /// The definition of the variant that the discriminator names.
    fn variant<'schema>(
        &self,
        members: &Map<String, Value>,
        schema: &'schema Value,
        name: &'schema str,
        place: &Place,
    ) -> Result<(&'schema Value, &'schema str), Problem> {
        let Some(discriminator) = schema.get("discriminator").and_then(Value::as_str) else {
            return Ok((schema, name));
        };
        let given = members
            .iter()
            .find(|(member, _)| self.same_name(discriminator, member));
        let Some(wanted) = given.and_then(|(_, value)| value.as_str()) else {
            return Err(validation(&format!(
                "'{}': Missing field '{discriminator}'",
                place.path
            )));
        };
        let is_variant = |(_, schema): &(&String, &Value)| {
            let bases = schema.get("allOf").and_then(Value::as_array);
            schema
                .get("x-ms-discriminator-value")
                .and_then(Value::as_str)
                == Some(wanted)
                && bases.is_some_and(|bases| bases.iter().any(|base| resolve(base, "").1 == name))
        };
        let variant = definitions().iter().find(is_variant);
        let known = variant.filter(|(name, _)| {
            *name != "ImageTemplateFileValidator" || self.version >= "2022-07-01"
        });
        known
            .map(|(name, schema)| (schema, name.as_str()))
            .ok_or_else(|| bad_value(place, discriminator, wanted))
    }

    fn same_name(&self, known: &str, given: &str) -> bool {
        if self.version >= STRICT_SINCE {
            known == given
        } else {
            known.eq_ignore_ascii_case(given)
        }
    }

    fn exists(&self, definition: &str, member: &str) -> bool {
        let since = SINCE
            .iter()
            .find(|(of, name, _)| *of == definition && *name == member);
        since.is_none_or(|(_, _, since)| self.version >= *since)
    }

    fn read_only(&self, member: &str, place: &Place) -> Result<(), Problem> {
        match self.read_only {
            ReadOnlyMembers::Ignored => Ok(()),
            ReadOnlyMembers::Refused => Err(validation(&format!(
                "'{}': Field '{member}' is read-only",
                place.path
            ))),
        }
    }
}

/// The members of a definition and of those that it is made of.
fn members_of(schema: &Value) -> Vec<(&String, &Value)> {
    let own = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    own.chain(bases_of(schema).flat_map(members_of)).collect()
}

fn required_of(schema: &Value) -> Vec<&str> {
    let own = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    own.chain(bases_of(schema).flat_map(required_of)).collect()
}

fn bases_of(schema: &Value) -> impl Iterator<Item = &Value> {
    schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|base| resolve(base, "").0)
}
