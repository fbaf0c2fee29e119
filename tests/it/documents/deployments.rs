//! What Azure Resource Manager would be asked to make of a template: its resources, every expression worked out.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Map, Value};

use super::expressions::{SUBSCRIPTION, Scope};
use super::files::root;

/// A resource of a deployment.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) name: String,
    /// The resource group; none in the subscription itself.
    pub(super) group: Option<String>,
    pub(super) body: Value,
}

impl Resource {
    /// The id, as other resources of the template name it.
    fn id(&self) -> String {
        let (provider, types) = self.kind.split_once('/').unwrap();
        let pairs = types.split('/').zip(self.name.split('/'));
        let path = pairs.flat_map(|(kind, name)| ["/", kind, "/", name]);
        let path: String = path.collect();
        let group = self
            .group
            .as_ref()
            .filter(|_| self.kind != "Microsoft.Resources/resourceGroups");
        let group = group.map(|group| format!("/resourceGroups/{group}"));
        let scope = self.body.get("scope").and_then(Value::as_str);
        let scope = scope.map(|scope| format!("/providers/{scope}"));
        format!(
            "/subscriptions/{SUBSCRIPTION}{}{}/providers/{provider}{path}",
            group.unwrap_or_default(),
            scope.unwrap_or_default()
        )
    }

    pub(super) fn text(&self, pointer: &str) -> &str {
        let value = self.body.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("{pointer} of {} is no text", self.name))
    }
}

pub(super) fn template(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("samples").join(path)).unwrap()).unwrap()
}

/// The resources of a template with these parameters. `group` is none for a deployment to the subscription.
pub(super) fn deploy(
    template: &Value,
    given: &[(&str, Value)],
    group: Option<&str>,
) -> Vec<Resource> {
    check_members(template, group);
    let scope = scope(template, given, group);
    let written = template["resources"].as_array().unwrap();
    let all: Vec<_> = written
        .iter()
        .flat_map(|written| copies(written, &scope))
        .collect();
    let known: BTreeSet<_> = all.iter().map(Resource::id).collect();
    let wanted = |one: &Resource| one.body.get("condition").is_none_or(|is| is == true);
    let mut made: Vec<_> = all.into_iter().filter(wanted).collect();
    for resource in &made {
        let waits_for = resource.body["dependsOn"].as_array().into_iter().flatten();
        let mut missing = waits_for.filter(|id| !known.contains(id.as_str().unwrap()));
        assert_eq!(missing.next(), None, "{} in {known:#?}", resource.name);
    }
    let nested = made
        .iter()
        .filter(|one| one.kind == "Microsoft.Resources/deployments");
    let nested: Vec<_> = nested.flat_map(nested_resources).collect();
    if let Some(outputs) = template.get("outputs") {
        scope.value(outputs);
    }
    made.extend(nested);
    made
}

/// The template is for what it is deployed to, and has no member that a template hasn't.
fn check_members(template: &Value, group: Option<&str>) {
    let schema = template["$schema"].as_str().unwrap();
    let of = "https://schema.management.azure.com/schemas";
    assert_eq!(
        schema,
        match group {
            Some(_) => format!("{of}/2019-04-01/deploymentTemplate.json#"),
            None => format!("{of}/2018-05-01/subscriptionDeploymentTemplate.json#"),
        }
    );
    let sections = ["parameters", "variables", "resources", "outputs"];
    let others = ["$schema", "contentVersion", "metadata"];
    only(template, &[&sections[..], &others].concat());
    everything_is_used(template);
}

fn scope(template: &Value, given: &[(&str, Value)], group: Option<&str>) -> Scope {
    let mut scope = Scope {
        group: group.map(str::to_owned),
        ..Scope::default()
    };
    scope.parameters = parameters(template, given, &scope);
    for (name, value) in template["variables"].as_object().into_iter().flatten() {
        let value = scope.value(value);
        scope.variables.insert(name.clone(), value);
    }
    scope
}

fn parameters(template: &Value, given: &[(&str, Value)], scope: &Scope) -> Map<String, Value> {
    let nothing = Map::new();
    let declared = template["parameters"].as_object().unwrap_or(&nothing);
    let unknown = given.iter().find(|(name, _)| !declared.contains_key(*name));
    assert_eq!(unknown, None);
    let value = |(name, parameter): (&String, &Value)| {
        let given = given.iter().find(|(given, _)| given == name);
        let default = || {
            let value = parameter.get("defaultValue");
            scope.value(value.unwrap_or_else(|| panic!("'{name}' is required")))
        };
        let value = given.map_or_else(default, |(_, value)| value.clone());
        let kind = parameter["type"].as_str().unwrap().to_lowercase();
        let fits = match kind.as_str() {
            "string" | "securestring" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "bool" => value.is_boolean(),
            "int" => value.is_number(),
            _ => false,
        };
        assert!(fits, "'{name}' is no {kind}: {value}");
        (name.clone(), value)
    };
    declared.iter().map(value).collect()
}

/// A parameter or variable that nothing uses is a left-over.
fn everything_is_used(template: &Value) {
    let text = template.to_string();
    for (section, function) in [("parameters", "parameters"), ("variables", "variables")] {
        for name in template[section]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
        {
            assert!(
                text.contains(&format!("{function}('{name}')")),
                "nothing uses '{name}'"
            );
        }
    }
}

fn copies(written: &Value, scope: &Scope) -> Vec<Resource> {
    let members = [
        "type",
        "apiVersion",
        "name",
        "location",
        "tags",
        "kind",
        "sku",
        "identity",
        "properties",
        "dependsOn",
        "condition",
        "copy",
        "scope",
        "resourceGroup",
    ];
    only(written, &members);
    let count = written.get("copy").map(|copy| {
        let count = scope.value(&copy["count"]).as_u64().unwrap();
        usize::try_from(count).unwrap()
    });
    let indexes: Vec<_> = count.map_or(vec![None], |count| (0..count).map(Some).collect());
    indexes
        .into_iter()
        .map(|copy_index| {
            one(
                written,
                &Scope {
                    copy_index,
                    ..scope.clone()
                },
            )
        })
        .collect()
}

fn one(written: &Value, scope: &Scope) -> Resource {
    let mut body = written.clone();
    let object = body.as_object_mut().unwrap();
    object.remove("copy");
    // A template in a template has expressions of its own scope.
    let inner = written.pointer("/properties/template").cloned();
    if inner.is_some() {
        assert_eq!(
            written["properties"]["expressionEvaluationOptions"]["scope"],
            "inner"
        );
        object["properties"]
            .as_object_mut()
            .unwrap()
            .remove("template");
    }
    let mut body = scope.value(&body);
    if let Some(inner) = inner {
        body["properties"]["template"] = inner;
    }
    let version = body["apiVersion"].as_str().unwrap();
    assert!(
        version.len() >= 10 && version.starts_with("20"),
        "{version}"
    );
    Resource {
        kind: body["type"].as_str().unwrap().to_owned(),
        name: body["name"].as_str().unwrap().to_owned(),
        group: body["resourceGroup"]
            .as_str()
            .or(scope.group.as_deref())
            .map(str::to_owned),
        body,
    }
}

fn nested_resources(deployment: &Resource) -> Vec<Resource> {
    let properties = &deployment.body["properties"];
    let given = properties["parameters"].as_object().unwrap();
    let given: Vec<_> = given
        .iter()
        .map(|(name, given)| (name.as_str(), given["value"].clone()))
        .collect();
    deploy(&properties["template"], &given, deployment.group.as_deref())
}

pub(super) fn only(value: &Value, members: &[&str]) {
    for name in value.as_object().unwrap().keys() {
        assert!(
            members.contains(&name.as_str()),
            "'{name}' is not of a template"
        );
    }
}
