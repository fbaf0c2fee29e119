//! The published `OpenAPI` 2.0 definition of the image builder as JSON Schema, closed: no member that it does not name, in exact letter case.
//!
//! The emulator reads the same files with code of its own; nothing is shared, so that a misreading of one shows against the other.

use std::fs;
use std::path::Path;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// Who wrote a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// We did: no read-only members, and only the values that an enumeration lists.
    ByUs,
    /// Azure did: read-only members are filled in, and an enumeration that is marked as open may have grown.
    ByAzure,
}

/// The definitions of the image builder and the common types that they refer to.
pub(crate) struct Definitions {
    builder: Value,
    common: Value,
}

impl Definitions {
    pub(crate) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/openapi");
        let read = |name: &str| {
            serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
        };
        Self {
            builder: read("imagebuilder.json"),
            common: read("common-types-v3.json"),
        }
    }

    /// The paths with their operations, as the definition has them.
    pub(crate) fn paths(&self) -> &Map<String, Value> {
        self.builder["paths"].as_object().unwrap()
    }

    /// A validator for the definition that a reference of the files names.
    pub(crate) fn validator(&self, reference: &str, written: Written) -> Validator {
        let conversion = Conversion {
            definitions: self,
            written,
        };
        let schema = json!({
            "$defs": conversion.definitions(),
            "$ref": format!("#/$defs/{}", self.locate(reference, File::Builder).1),
        });
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    }

    /// The definition that a reference in `file` names, and the name that it has among ours.
    fn locate(&self, reference: &str, file: File) -> (Place<'_>, String) {
        let (path, name) = reference.split_once("#/definitions/").unwrap();
        let file = if path.is_empty() { file } else { File::Common };
        let schema = &self.document(file)["definitions"][name];
        assert!(schema.is_object(), "there is no definition '{reference}'");
        (Place { schema, file }, file.name(name))
    }

    fn document(&self, file: File) -> &Value {
        match file {
            File::Builder => &self.builder,
            File::Common => &self.common,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    Builder,
    Common,
}

impl File {
    /// The name of a definition of this file; the two files have names in common.
    fn name(self, definition: &str) -> String {
        match self {
            Self::Builder => definition.to_owned(),
            Self::Common => format!("common.{definition}"),
        }
    }
}

/// A schema, and the file whose references it uses.
#[derive(Clone, Copy)]
struct Place<'file> {
    schema: &'file Value,
    file: File,
}

impl<'file> Place<'file> {
    fn with(self, schema: &'file Value) -> Self {
        Self { schema, ..self }
    }

    fn has_members(self) -> bool {
        self.schema.get("properties").is_some() || self.schema.get("allOf").is_some()
    }

    fn text(self, member: &str) -> Option<&'file str> {
        self.schema.get(member).and_then(Value::as_str)
    }
}

struct Conversion<'file> {
    definitions: &'file Definitions,
    written: Written,
}

impl<'file> Conversion<'file> {
    fn definitions(&self) -> Map<String, Value> {
        let mut converted = Map::new();
        for file in [File::Builder, File::Common] {
            let all = self.definitions.document(file)["definitions"].as_object();
            for (name, schema) in all.unwrap() {
                let place = Place { schema, file };
                let schema = match place.text("discriminator") {
                    Some(discriminator) => self.choice(name, place, discriminator),
                    None => self.schema(place),
                };
                converted.insert(file.name(name), schema);
            }
        }
        converted
    }

    /// One of the definitions that build upon this one, by the value of its discriminator.
    fn choice(&self, base: &str, place: Place<'file>, discriminator: &str) -> Value {
        let all = self.definitions.document(place.file)["definitions"].as_object();
        let (mut values, mut variants) = (Vec::new(), Vec::new());
        for (name, schema) in all.unwrap() {
            let builds_upon = schema["allOf"].as_array().into_iter().flatten();
            let reference = format!("#/definitions/{base}");
            if builds_upon
                .filter_map(|base| base["$ref"].as_str())
                .any(|base| base == reference)
            {
                let value = &schema["x-ms-discriminator-value"];
                let constant = json!({discriminator: {"const": value}});
                variants.push(json!({
                    "properties": constant,
                    "$ref": format!("#/$defs/{}", place.file.name(name)),
                }));
                values.push(value);
            }
        }
        assert!(!variants.is_empty(), "nothing builds upon '{base}'");
        // The list of values comes first, so that an unknown one is told by its name.
        json!({
            "type": "object",
            "required": [discriminator],
            "properties": {discriminator: {"enum": values}},
            "oneOf": variants,
        })
    }

    fn schema(&self, place: Place<'file>) -> Value {
        if let Some(reference) = place.text("$ref") {
            let (_, name) = self.definitions.locate(reference, place.file);
            return json!({"$ref": format!("#/$defs/{name}")});
        }
        match place.text("type").unwrap_or("object") {
            "object" => self.object(place),
            "array" => json!({
                "type": "array",
                "items": self.schema(place.with(&place.schema["items"])),
            }),
            other => self.scalar(other, place),
        }
    }

    fn object(&self, place: Place<'file>) -> Value {
        let (mut members, mut required) = (Map::new(), Vec::new());
        self.collect(place, &mut members, &mut required);
        let rest = match place.schema.get("additionalProperties") {
            Some(schema) if schema.is_object() => self.schema(place.with(schema)),
            // An object of which nothing is said may hold anything.
            None if members.is_empty() && !place.has_members() => json!(true),
            _ => json!(false),
        };
        json!({
            "type": "object",
            "properties": members,
            "required": required,
            "additionalProperties": rest,
        })
    }

    /// The members of a definition and of all that it builds upon. What is read-only is no member of what we write.
    fn collect(
        &self,
        place: Place<'file>,
        members: &mut Map<String, Value>,
        required: &mut Vec<Value>,
    ) {
        let bases = place.schema["allOf"].as_array().into_iter().flatten();
        for reference in bases.filter_map(|base| base["$ref"].as_str()) {
            let (base, _) = self.definitions.locate(reference, place.file);
            self.collect(base, members, required);
        }
        let own = place.schema["properties"].as_object();
        for (name, schema) in own.into_iter().flatten() {
            let read_only = schema["readOnly"] == json!(true);
            if self.written == Written::ByAzure || !read_only {
                members.insert(name.clone(), self.schema(place.with(schema)));
            }
        }
        let named = place.schema["required"].as_array().into_iter().flatten();
        required.extend(
            named
                .filter(|name| members.contains_key(name.as_str().unwrap()))
                .cloned(),
        );
    }

    fn scalar(&self, kind: &str, place: Place<'file>) -> Value {
        let mut schema = json!({"type": kind});
        for bound in ["minimum", "maximum", "pattern"] {
            if let Some(value) = place.schema.get(bound) {
                schema[bound] = value.clone();
            }
        }
        match place.text("format") {
            Some("int32") => {
                schema["minimum"] = at_least(&schema["minimum"], i32::MIN.into());
                schema["maximum"] = at_most(&schema["maximum"], i32::MAX.into());
            }
            // All integers that JSON readers agree on have 64 bits.
            Some("int64" | "double") | None => {}
            Some(format) => schema["format"] = json!(format),
        }
        let open = place.schema["x-ms-enum"]["modelAsString"] == json!(true);
        if let Some(values) = place.schema.get("enum")
            && !(open && self.written == Written::ByAzure)
        {
            schema["enum"] = values.clone();
        }
        schema
    }
}

fn at_least(given: &Value, least: i64) -> Value {
    json!(given.as_i64().unwrap_or(least).max(least))
}

fn at_most(given: &Value, most: i64) -> Value {
    json!(given.as_i64().unwrap_or(most).min(most))
}
