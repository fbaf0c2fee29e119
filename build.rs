//! Makes constants of `task/task.json`, so that a misspelt input is a compile error and no list of inputs is kept by hand; and the table of a
//! template's members of Azure's own definition.

#[path = "build/actions.rs"]
mod actions;
#[path = "build/members.rs"]
mod members;

use std::path::Path;
use std::{env, fs};

use actions::Form;
use serde_json::Value;

/// What is offered as a source, what was, and what replaces it.
const BASE_IMAGES: &str = "build/base-images.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=task/task.json");
    println!("cargo::rerun-if-changed=build/actions.rs");
    println!("cargo::rerun-if-changed=build/members.rs");
    println!("cargo::rerun-if-changed={BASE_IMAGES}");
    println!("cargo::rerun-if-changed={}", members::DEFINITION);
    if let Err(problem) = write_members() {
        println!("cargo::error=making the table of members failed: {problem}");
    }
    if let Err(problem) = write_base_images() {
        println!("cargo::error=making the list of base images of {BASE_IMAGES} failed: {problem}");
    }
    if let Err(problem) = write_constants() {
        println!("cargo::error=making constants of task/task.json failed: {problem}");
    }
}

fn write_constants() -> Result<(), String> {
    let text = fs::read("task/task.json").map_err(|error| error.to_string())?;
    let manifest = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let code = constants(&manifest, env!("CARGO_PKG_VERSION"))?;
    fs::write(Path::new(&folder).join("inputs.rs"), code).map_err(|error| error.to_string())
}

fn write_base_images() -> Result<(), String> {
    let list = fs::read(BASE_IMAGES).map_err(|error| error.to_string())?;
    let images: Value = serde_json::from_slice(&list).map_err(|error| error.to_string())?;
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let retired = images.get("retired").and_then(Value::as_array);
    let retired = retired.ok_or("it has no list 'retired'")?;
    let mut pairs = Vec::new();
    for image in retired {
        pairs.push((text(image, "image")?, text(image, "successor")?));
    }
    let code = format!(
        "/// Beginning of `publisher:offer:sku`, and the image to use instead; the first that fits counts.\nconst RETIRED: &[(&str, &str)] = &{pairs:?};"
    );
    fs::write(Path::new(&folder).join("base_images.rs"), code).map_err(|error| error.to_string())
}

fn write_members() -> Result<(), String> {
    let text = fs::read(members::DEFINITION).map_err(|error| error.to_string())?;
    let definition = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let code = members::table(&definition)?;
    fs::write(Path::new(&folder).join("members.rs"), code).map_err(|error| error.to_string())
}

fn constants(manifest: &Value, package: &str) -> Result<String, String> {
    let [major, minor, patch] = ["/version/Major", "/version/Minor", "/version/Patch"]
        .map(|part| manifest.pointer(part).unwrap_or(&Value::Null));
    let task = format!("{major}.{minor}.{patch}");
    if task != package {
        return Err(format!(
            "its version is {task} and Cargo.toml says {package}; both must say the same"
        ));
    }
    let inputs = manifest.get("inputs").and_then(Value::as_array);
    let inputs = inputs.ok_or("it has no list 'inputs'")?;
    let mut lines = vec![
        "/// The version of the task, `major.minor.patch`.".to_owned(),
        format!("pub const TASK_VERSION: &str = {task:?};"),
    ];
    let form = Form::of(manifest);
    let mut names = Vec::new();
    for input in inputs {
        let constant = screaming_snake(text(input, "name")?);
        lines.push(format!("/// {}.", text(input, "label")?));
        lines.push(format!(
            "pub const {constant}: Input = {};",
            value(input, &form)?
        ));
        names.push(constant);
    }
    lines.push("/// Every input, in the order of `task.json`.".to_owned());
    lines.push(format!(
        "pub const ALL_INPUTS: &[Input] = &[{}];",
        names.join(", ")
    ));
    Ok(lines.join("\n"))
}

fn value(input: &Value, form: &Form<'_>) -> Result<String, String> {
    let name = text(input, "name")?;
    // The agent hands over every default as a text, a JSON boolean in .NET's spelling.
    let default = match input.get("defaultValue") {
        None => "",
        Some(Value::Bool(true)) => "True",
        Some(Value::Bool(false)) => "False",
        Some(_) => text(input, "defaultValue")?,
    };
    let options = input.get("options").and_then(Value::as_object);
    let options: Vec<&String> = options
        .map(|options| options.keys().collect())
        .unwrap_or_default();
    let required = input
        .get("required")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let actions = form.actions_of(input)?;
    Ok(format!(
        "Input {{ name: {name:?}, default: {default:?}, options: &{options:?}, required: {required}, actions: &{actions:?} }}"
    ))
}

fn text<'a>(entry: &'a Value, key: &str) -> Result<&'a str, String> {
    let value = entry.get(key).and_then(Value::as_str);
    value.ok_or_else(|| format!("an entry has no text '{key}': {entry}"))
}

/// `ibSubscription` becomes `IB_SUBSCRIPTION`, `osDiskSizeGB` becomes `OS_DISK_SIZE_GB`.
fn screaming_snake(name: &str) -> String {
    let mut result = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_lower {
            result.push('_');
        }
        after_lower = !letter.is_uppercase();
        result.push(letter.to_ascii_uppercase());
    }
    result
}
