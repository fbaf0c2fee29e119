//! Documents that are made of data: they are current, or a test fails. `UPDATE_GOLDEN=1` writes them again.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use image_builder::inputs::Action;
use image_builder::inputs::action::ACTIONS;
use image_builder::inputs::manifest::ALL_INPUTS;
use image_builder::inputs::template_file::members::{
    IMAGE_TEMPLATE_PROPERTIES, Member, Object, Shape,
};
use image_builder::inputs::template_file::overrides::OVERRIDES;
use serde_json::{Map, Value, json};

use crate::golden::golden;

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn task() -> Value {
    serde_json::from_slice(&fs::read(in_repository("task/task.json")).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_reference_of_inputs_is_current() {
    let task = task();
    let mut page = "# Inputs\n\nGenerated from `task/task.json` by a test; edit that file instead. Spaces, invisible characters and one pair of quotes around a value are ignored. Names and choices are not case-sensitive. A switch is `true` or `false`; any other value is refused.\n".to_owned();
    let inputs = task["inputs"].as_array().unwrap().iter();
    for input in inputs.filter(|input| input["groupName"].is_null()) {
        page += "\n## At the top\n";
        page += &entry(input);
    }
    for group in task["groups"].as_array().unwrap() {
        write!(page, "\n## {}\n", text(group, "displayName")).unwrap();
        let inputs = task["inputs"].as_array().unwrap().iter();
        for input in inputs.filter(|input| input["groupName"] == group["name"]) {
            page += &entry(input);
        }
    }
    for input in ALL_INPUTS {
        assert!(
            page.contains(&format!("### `{}`", input.name)),
            "{}",
            input.name
        );
    }
    golden("../../docs/inputs.md", &page);
}

fn entry(input: &Value) -> String {
    let mut entry = format!(
        "\n### `{}`\n\n{}\n\n",
        text(input, "name"),
        text(input, "helpMarkDown")
    );
    let required = input["required"] == true;
    let default = text(input, "defaultValue");
    let default = match (required, default) {
        (true, "") => "required".to_owned(),
        (false, "") => "default: empty".to_owned(),
        (_, text) if text.contains('\n') => "default: comment lines".to_owned(),
        (_, text) => format!("default: `{text}`"),
    };
    write!(
        entry,
        "*{}* · {} · {default}",
        text(input, "label"),
        text(input, "type")
    )
    .unwrap();
    if let Some(rule) = input["visibleRule"].as_str() {
        write!(entry, " · shown if `{rule}`").unwrap();
    }
    entry.push('\n');
    let options = input["options"].as_object().into_iter().flatten();
    let rows: Vec<String> = options
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, label)| format!("| `{}` | {} |", cell(key), cell(label.as_str().unwrap())))
        .collect();
    if !rows.is_empty() {
        write!(
            entry,
            "\n| value | meaning |\n|---|---|\n{}\n",
            rows.join("\n")
        )
        .unwrap();
    }
    entry
}

/// `page` with `text` between the comments that begin with `<!-- {name}:` and `<!-- end of {name}`.
fn with_section(page: &str, name: &str, text: &str) -> String {
    let (before, rest) = page.split_once(&format!("<!-- {name}:")).unwrap();
    let (comment, rest) = rest.split_once("-->\n").unwrap();
    let end = format!("<!-- end of {name} -->");
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}<!-- {name}:{comment}-->\n\n{text}\n{end}{after}")
}

/// What each action does, and the inputs that it uses, and all inputs as YAML with comments.
#[test]
fn the_overview_has_all_actions_and_inputs() {
    let overview = fs::read_to_string(in_repository("overview.md")).unwrap();
    let overview = with_section(&overview, "actions", &table_of_actions());
    let inputs = format!("```yaml\n{}```\n", commented_inputs());
    let overview = with_section(&overview, "inputs", &inputs);
    golden("../../overview.md", &overview);
}

fn table_of_actions() -> String {
    let task = task();
    let inputs = task["inputs"].as_array().unwrap();
    let labels = &inputs.iter().find(|it| it["name"] == "action").unwrap()["options"];
    let mut table = "| action | what the step does | inputs |\n|---|---|---|\n".to_owned();
    for (name, action) in ACTIONS {
        let own = ALL_INPUTS.iter().filter(|input| action.uses(input));
        let own: Vec<String> = own
            .filter(|input| input.name != "action")
            .map(|input| format!("`{}`", input.name))
            .collect();
        let used = match own.len() {
            ..=15 => own.join(", "),
            _ if *action == Action::Doctor => {
                "those of the action that you want to check".to_owned()
            }
            _ => "[those of a build](#inputs)".to_owned(),
        };
        let label = labels[name].as_str().unwrap();
        writeln!(table, "| `{name}` | {} | {used} |", cell(label)).unwrap();
    }
    table
}

/// What the Marketplace shows without scrolling.
const WIDTH: usize = 94;

fn commented_inputs() -> String {
    let task = task();
    let mut yaml =
        "# All inputs, with their defaults.\n- task: AzureImageBuilderTask@1\n  inputs:\n"
            .to_owned();
    let inputs = || task["inputs"].as_array().unwrap().iter();
    inputs()
        .filter(|input| input["groupName"].is_null())
        .for_each(|input| yaml += &commented(input));
    for group in task["groups"].as_array().unwrap() {
        let title = text(group, "displayName").trim_end_matches(" (optional)");
        write!(yaml, "\n    # ----- {title} -----\n").unwrap();
        inputs()
            .filter(|input| input["groupName"] == group["name"])
            .for_each(|input| yaml += &commented(input));
    }
    yaml
}

/// What the first sentence of the help says, the values, and for whom; then the default.
fn commented(input: &Value) -> String {
    let name = text(input, "name");
    let help = text(input, "helpMarkDown").replace('*', "");
    let first = help.split(". ").next().unwrap().trim_end_matches('.');
    let mut comment = format!("{first}.");
    if input["required"] == true {
        comment += " Required.";
    }
    let declared = ALL_INPUTS.iter().find(|it| it.name == name).unwrap();
    if !Action::Build.uses(declared) {
        let used = ACTIONS.iter().filter(|(_, action)| action.uses(declared));
        let names = used
            .map(|(name, _)| *name)
            .filter(|name| *name != Action::Doctor.name());
        write!(comment, " Only: {}.", names.collect::<Vec<_>>().join(", ")).unwrap();
    }
    let mut lines = wrapped(&comment);
    let options = input["options"].as_object().into_iter().flatten();
    let options: Vec<&str> = options
        .map(|(key, _)| key.as_str())
        .filter(|key| !key.is_empty())
        .collect();
    // Where any value can be entered, the list is only a help.
    if input["properties"]["EditableOptions"].is_null() && !options.is_empty() {
        lines.extend(wrapped(&options.join(" | ")));
    }
    let mut yaml = String::new();
    for line in lines {
        writeln!(yaml, "    # {line}").unwrap();
    }
    match text(input, "defaultValue") {
        "" => writeln!(yaml, "    {name}: ''"),
        default if default.contains('\n') => {
            writeln!(
                yaml,
                "    {name}: |\n      {}",
                default.replace('\n', "\n      ")
            )
        }
        default => writeln!(yaml, "    {name}: {default}"),
    }
    .unwrap();
    yaml
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.len() + word.len() > WIDTH {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

/// What stands there as YAML means the same as the manifest.
#[test]
fn the_commented_yaml_has_the_defaults() {
    let yaml: Value = serde_yaml_ng::from_str(&commented_inputs()).unwrap();
    let shown = yaml[0]["inputs"].as_object().unwrap();
    assert_eq!(shown.len(), ALL_INPUTS.len());
    for input in ALL_INPUTS {
        let value = &shown[input.name];
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(value.trim_end(), input.default.trim_end(), "{}", input.name);
    }
}

/// What the help of an overridden input ends in.
const OVERRIDDEN: &str = " Not used if the template file has `";

/// The form says which inputs a section of the template file overrides, as the table in the core has it.
#[test]
fn the_form_says_what_a_template_file_overrides() {
    let mut task = task();
    for input in task["inputs"].as_array_mut().unwrap() {
        let help = text(input, "helpMarkDown");
        let own = help.split(OVERRIDDEN).next().unwrap().to_owned();
        let rule = OVERRIDES.iter().find(|rule| {
            let mut inputs = rule.inputs.iter();
            inputs.any(|(overridden, _)| overridden.name == text(input, "name"))
        });
        let help = match rule {
            Some(rule) => format!("{own}{OVERRIDDEN}{}`.", rule.section),
            None => own,
        };
        input["helpMarkDown"] = Value::String(help);
    }
    golden("../../task/task.json", &format!("{task:#}\n"));
}

/// The page about template files has the same table.
#[test]
fn the_table_of_overridden_inputs_is_current() {
    let page = fs::read_to_string(in_repository("docs/template-file.md")).unwrap();
    let (before, rest) = page.split_once("<!-- overridden inputs:").unwrap();
    let (comment, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest
        .split_once("<!-- end of overridden inputs -->")
        .unwrap();
    let mut table =
        "\n| section of the file | inputs that have no effect |\n|---|---|\n".to_owned();
    for rule in OVERRIDES {
        let links = rule.inputs.iter().map(|(input, _)| {
            format!(
                "[`{0}`](inputs.md#{1})",
                input.name,
                input.name.to_lowercase()
            )
        });
        let links: Vec<String> = links.collect();
        writeln!(table, "| `{}` | {} |", rule.section, links.join(", ")).unwrap();
    }
    let page = format!(
        "{before}<!-- overridden inputs:{comment}-->\n{table}\n<!-- end of overridden inputs -->{after}"
    );
    golden("../../docs/template-file.md", &page);
}

/// An input that the core does not read would be a promise that nobody keeps.
#[test]
fn every_input_is_read_by_the_core() {
    let folder = in_repository("src");
    let mut code = String::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code += fs::read_to_string(path)
                    .unwrap()
                    .split("#[cfg(test)]")
                    .next()
                    .unwrap();
            }
        }
    }
    let words: BTreeSet<&str> = code
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    for input in ALL_INPUTS {
        let plain = |text: &str| text.replace('_', "").to_lowercase();
        let name = plain(input.name);
        let is_read = words
            .iter()
            .any(|word| word.chars().all(|c| !c.is_lowercase()) && plain(word) == name);
        assert!(is_read, "{}", input.name);
    }
}

#[test]
fn the_schema_of_template_files_is_current() {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Template file of the Image Builder Task",
        "description": "Sections of the 'properties' of an image template. Descriptions are those of the definition in https://github.com/Azure/azure-rest-api-specs (MIT, Copyright (c) Microsoft Corporation), but for scriptPath and sourcePath.",
        "type": "object",
        "patternProperties": { "^x-": {} },
    });
    let definitions = &mut Map::new();
    let properties = properties(&IMAGE_TEMPLATE_PROPERTIES, definitions);
    schema["properties"] = Value::Object(properties);
    schema["properties"]["$schema"] = json!({ "type": "string" });
    schema["additionalProperties"] = Value::Bool(false);
    schema["definitions"] = Value::Object(definitions.clone());
    golden(
        "../../docs/template-file.schema.json",
        &format!("{schema:#}\n"),
    );
}

fn properties(object: &'static Object, definitions: &mut Map<String, Value>) -> Map<String, Value> {
    let members = object.members.iter().filter(|member| !member.read_only);
    members
        .map(|member| (member.name.to_owned(), described(member, definitions)))
        .collect()
}

fn described(member: &'static Member, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = of_shape(&member.shape, definitions);
    if !member.description.is_empty() && schema.get("$ref").is_none() {
        schema["description"] = Value::from(member.description);
    }
    schema
}

/// A variable may stand for a number or a flag, too.
fn of_shape(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Value {
    let variable = json!({ "type": "string", "pattern": "\\$\\(.+\\)" });
    match shape {
        Shape::Text { options: [] } => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Text { options: [only] } => json!({ "const": only }),
        Shape::Text { options } => json!({ "anyOf": [{ "enum": options }, variable] }),
        Shape::Number { least, most } => {
            json!({ "anyOf": [{ "type": "integer", "minimum": least, "maximum": most }, variable] })
        }
        Shape::Flag => json!({ "anyOf": [{ "type": "boolean" }, variable] }),
        Shape::Texts => {
            json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
        }
        Shape::List(shape @ Shape::Text { .. }) => {
            let items = of_shape(shape, definitions);
            json!({ "anyOf": [{ "type": "array", "items": items }, { "type": "string" }] })
        }
        Shape::List(shape) => json!({ "type": "array", "items": of_shape(shape, definitions) }),
        Shape::Object(object) => of_object(object, definitions),
        Shape::Variants { objects, .. } => {
            let variants: Vec<Value> = objects
                .iter()
                .map(|(_, object)| of_object(object, definitions))
                .collect();
            json!({ "type": "object", "oneOf": variants })
        }
    }
}

fn of_object(object: &'static Object, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(object.name) {
        definitions.insert(object.name.to_owned(), Value::Null);
        let properties = properties(object, definitions);
        let members = object.members.iter().filter(|member| member.required);
        let required: Vec<&str> = members.map(|member| member.name).collect();
        definitions[object.name] = json!({
            "type": "object",
            "description": object.description,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
    }
    json!({ "$ref": format!("#/definitions/{}", object.name) })
}
