//! The form of the task in the classic editor and in the assistant for YAML: what each action shows at first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use image_builder::inputs::action::ACTIONS;
use serde_json::Value;

use crate::golden::golden;
use crate::texts::check_starts;

fn task() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("task/task.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().unwrap().iter()
}

type Values = BTreeMap<String, String>;

fn defaults(task: &Value) -> Values {
    list(task, "inputs")
        .map(|input| {
            (
                text(input, "name").to_owned(),
                text(input, "defaultValue").to_owned(),
            )
        })
        .collect()
}

/// Whether `rule` holds for what the form has been filled in with.
fn holds(rule: &str, values: &Values) -> bool {
    let term = |term: &str| {
        let words: Vec<&str> = term.split_whitespace().collect();
        let [name, sign, value] = words[..] else {
            panic!("{rule}")
        };
        (values[name] == value.trim_matches('"')) == (sign != "!=")
    };
    rule.split("||").any(|all| all.split("&&").all(term))
}

fn is_shown(declared: &Value, values: &Values) -> bool {
    declared["visibleRule"]
        .as_str()
        .is_none_or(|rule| holds(rule, values))
}

/// The groups and fields of the form, a closed group in brackets, a required field with its star.
fn form(task: &Value, values: &Values) -> String {
    let mut form = String::new();
    for group in list(task, "groups").filter(|group| is_shown(group, values)) {
        let fields = list(task, "inputs")
            .filter(|input| input["groupName"] == group["name"] && is_shown(input, values));
        let labels: Vec<String> = fields
            .map(|input| {
                let star = if input["required"] == true { "*" } else { "" };
                format!("{}{star}", text(input, "label"))
            })
            .collect();
        let title = text(group, "displayName");
        let title = if group["isExpanded"] == true {
            title.to_owned()
        } else {
            format!("[{title}]")
        };
        if !labels.is_empty() {
            writeln!(form, "  {title}: {}", labels.join(", ")).unwrap();
        }
    }
    form
}

/// The whole form of each action, as someone sees it who has only chosen the action.
#[test]
fn each_action_shows_what_it_needs() {
    let task = task();
    let first = list(&task, "inputs").next().unwrap();
    assert_eq!(
        (text(first, "name"), &first["groupName"]),
        ("action", &Value::Null)
    );
    let mut forms = String::new();
    for (name, _) in ACTIONS {
        let mut values = defaults(&task);
        values.insert("action".to_owned(), (*name).to_owned());
        writeln!(forms, "{name}\n{}", form(&task, &values)).unwrap();
    }
    golden("form.txt", &forms);
}

/// A newcomer sees the fields of a first build, and no more: the others are in groups that are closed.
#[test]
fn the_first_form_is_short() {
    let task = task();
    let mut values = defaults(&task);
    values.insert("imageSource".to_owned(), "marketplace".to_owned());
    values.insert("distributeType".to_owned(), "sig".to_owned());
    let open = form(&task, &values);
    let open = open.lines().filter(|line| !line.starts_with("  ["));
    let fields: usize = open.map(|line| line.split(", ").count()).sum();
    assert!(fields <= 24, "{fields} fields are open");
}

/// What has no effect is not offered. Who has it set sees it, and can take it away; in YAML it is accepted all the same.
#[test]
fn an_ignored_input_is_shown_only_where_it_is_set() {
    let task = task();
    let auto_run = list(&task, "inputs").find(|input| input["name"] == "autoRun");
    let auto_run = auto_run.unwrap();
    let mut values = defaults(&task);
    assert!(!is_shown(auto_run, &values));
    values.insert("autoRun".to_owned(), "true".to_owned());
    assert!(is_shown(auto_run, &values));
}

/// The name that a step gets in the editor says what it does.
#[test]
fn the_name_of_a_step_has_its_action() {
    let task = task();
    let format = text(&task, "instanceNameFormat");
    let names = format.split("$(").skip(1);
    let names: Vec<&str> = names.map(|rest| rest.split(')').next().unwrap()).collect();
    assert_eq!(names, ["action"]);
}

/// Who updates reads what is new: the notes are of the version that comes next, or of this one if nothing has changed since.
#[test]
fn the_release_notes_are_of_this_version() {
    let task = task();
    let changes = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md");
    let changes = fs::read_to_string(changes).unwrap();
    let (_, unreleased) = changes.split_once("## [Unreleased]").unwrap();
    let (unreleased, _) = unreleased.split_once("\n## [").unwrap();
    let mut numbers = env!("CARGO_PKG_VERSION").split('.');
    let (major, minor) = (numbers.next().unwrap(), numbers.next().unwrap());
    let minor: u32 = minor.parse().unwrap();
    let minor = minor + u32::from(unreleased.contains("### Added"));
    let notes = text(&task, "releaseNotes");
    check_starts(notes, &format!("**{major}.{minor}**"));
    assert!(notes.contains("/CHANGELOG.md)"), "{notes}");
}
