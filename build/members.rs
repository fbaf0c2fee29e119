//! Makes the table of an image template's members of the published `OpenAPI` definition, so that no member is listed by hand.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where the definition lies; its origin is told beside it.
pub(crate) const DEFINITION: &str = "build/openapi/imagebuilder.json";
/// What the table begins with.
const ROOT: &str = "ImageTemplateProperties";

/// What this task adds to the definition: member, description, and the definitions that get it.
const CONVENIENCES: &[(&str, &str, &[&str])] = &[
    (
        "scriptPath",
        "A script of the repository, relative to this file. A script of at most 20000 bytes goes into the template; a longer one must lie in the package folder.",
        &[
            "ImageTemplateShellCustomizer",
            "ImageTemplatePowerShellCustomizer",
            "ImageTemplateShellValidator",
            "ImageTemplatePowerShellValidator",
        ],
    ),
    (
        "sourcePath",
        "A file of the repository, relative to this file. It must lie in the package folder, with which it gets into the build VM.",
        &["ImageTemplateFileCustomizer"],
    ),
];

/// The table as Rust code.
pub(crate) fn table(definition: &Value) -> Result<String, String> {
    let mut table = Table {
        definition,
        done: BTreeSet::new(),
        code: Vec::new(),
    };
    let root = table.definition(ROOT)?;
    table.object(ROOT, root, &[])?;
    Ok(table.code.join("\n"))
}

/// Members with their schemas, and the names of the required ones.
type Members<'a> = (Vec<(&'a str, &'a Value)>, Vec<&'a str>);

struct Table<'a> {
    definition: &'a Value,
    done: BTreeSet<String>,
    code: Vec<String>,
}

impl<'a> Table<'a> {
    fn definition(&self, name: &str) -> Result<&'a Value, String> {
        let found = self.definition.pointer(&format!("/definitions/{name}"));
        found.ok_or_else(|| format!("there is no definition '{name}'"))
    }

    /// The schema itself, or what it refers to, with its name.
    fn resolve(&self, schema: &'a Value, name: &str) -> Result<(&'a Value, String), String> {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let name = reference.rsplit('/').next().unwrap_or_default();
                Ok((self.definition(name)?, name.to_owned()))
            }
            None => Ok((schema, name.to_owned())),
        }
    }

    /// Writes the object, and everything that it refers to, once. `fixed` is a member with its only value.
    fn object(
        &mut self,
        name: &str,
        schema: &'a Value,
        fixed: &[(&str, &str)],
    ) -> Result<String, String> {
        let constant = super::screaming_snake(name);
        if !self.done.insert(constant.clone()) {
            return Ok(constant);
        }
        let (members, required) = self.members(schema)?;
        let mut lines = Vec::new();
        for (member, schema) in members {
            let only = fixed.iter().find(|(name, _)| *name == member);
            let shape = match only {
                Some((_, value)) => format!("Shape::Text {{ options: &[{value:?}] }}"),
                None => self.shape(member, schema)?,
            };
            let description = schema.get("description").and_then(Value::as_str);
            let read_only = schema.get("readOnly") == Some(&Value::Bool(true));
            lines.push(format!(
                "Member {{ name: {member:?}, description: {:?}, required: {}, read_only: {}, ours: false, shape: {shape} }}",
                description.unwrap_or_default(),
                required.contains(&member),
                read_only || member == "provisioningError" || member == "lastRunStatus",
            ));
        }
        for (member, description, _) in CONVENIENCES
            .iter()
            .filter(|(_, _, names)| names.contains(&name))
        {
            lines.push(format!(
                "Member {{ name: {member:?}, description: {description:?}, required: false, read_only: false, ours: true, shape: Shape::Text {{ options: &[] }} }}"
            ));
        }
        let description = schema.get("description").and_then(Value::as_str);
        self.code.push(format!(
            "/// `{name}` of the definition.\npub static {constant}: Object = Object {{ name: {name:?}, description: {:?}, members: &[{}] }};",
            description.unwrap_or_default(),
            lines.join(",\n")
        ));
        Ok(constant)
    }

    /// The members of a schema and of what it is made of, the latter first, and the required ones among them.
    fn members(&self, schema: &'a Value) -> Result<Members<'a>, String> {
        let (mut members, mut required) = (Vec::new(), Vec::new());
        for base in list(schema, "allOf") {
            let (base, _) = self.resolve(base, "")?;
            let (more, needed) = self.members(base)?;
            members.extend(more);
            required.extend(needed);
        }
        let own = schema.get("properties").and_then(Value::as_object);
        members.extend(
            own.into_iter()
                .flatten()
                .map(|(name, schema)| (name.as_str(), schema)),
        );
        required.extend(list(schema, "required").filter_map(Value::as_str));
        Ok((members, required))
    }

    fn shape(&mut self, member: &str, schema: &'a Value) -> Result<String, String> {
        let (schema, name) = self.resolve(schema, member)?;
        if let Some(discriminator) = schema.get("discriminator").and_then(Value::as_str) {
            return self.variants(&name, discriminator);
        }
        let kind = schema
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("object");
        Ok(match kind {
            "string" => {
                let options: Vec<&str> = list(schema, "enum").filter_map(Value::as_str).collect();
                format!("Shape::Text {{ options: &{options:?} }}")
            }
            "integer" => {
                let bound = |key| schema.get(key).and_then(Value::as_i64);
                let (least, most) = (bound("minimum"), bound("maximum"));
                let (least, most) = (
                    least.unwrap_or(i32::MIN.into()),
                    most.unwrap_or(i32::MAX.into()),
                );
                let (least, most) = (readable(least), readable(most));
                format!("Shape::Number {{ least: {least}, most: {most} }}")
            }
            "boolean" => "Shape::Flag".to_owned(),
            "array" => {
                let items = schema
                    .get("items")
                    .ok_or_else(|| format!("list '{member}' has no items"))?;
                format!("Shape::List(&{})", self.shape(member, items)?)
            }
            "object" if schema.get("additionalProperties").is_some() => "Shape::Texts".to_owned(),
            "object" => format!("Shape::Object(&{})", self.object(&name, schema, &[])?),
            other => return Err(format!("'{member}' is of unknown type '{other}'")),
        })
    }

    /// Everything that says of itself that it is a variant of `base`.
    fn variants(&mut self, base: &str, discriminator: &str) -> Result<String, String> {
        let all = self
            .definition
            .get("definitions")
            .and_then(Value::as_object);
        let mut variants = Vec::new();
        for (name, schema) in all.into_iter().flatten() {
            let of_base = list(schema, "allOf").any(|other| {
                let reference = other.get("$ref").and_then(Value::as_str);
                reference.and_then(|reference| reference.rsplit('/').next()) == Some(base)
            });
            let value = schema
                .get("x-ms-discriminator-value")
                .and_then(Value::as_str);
            if let (true, Some(value)) = (of_base, value) {
                let constant = self.object(name, schema, &[(discriminator, value)])?;
                variants.push(format!("({value:?}, &{constant})"));
            }
        }
        Ok(format!(
            "Shape::Variants {{ discriminator: {discriminator:?}, objects: &[{}] }}",
            variants.join(", ")
        ))
    }
}

/// With separators, as numbers in code are to be written.
fn readable(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
