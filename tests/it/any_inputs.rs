//! No text of any input breaks the way from inputs to a template.

use image_builder::inputs::manifest::ALL_INPUTS;
use image_builder::template::compose;
use image_builder::template::model::json;
use proptest::prelude::*;
use serde_json::Value;

use crate::job::{id, job};
use crate::template::link;

/// Text in JSON, wherever it is.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    let mut names: Vec<&str> = ALL_INPUTS.iter().map(|input| input.name).collect();
    names.push("unheardOf");
    prop::sample::select(names)
}

/// Texts near what is accepted, and any texts.
fn value() -> impl Strategy<Value = String> {
    let near = prop::sample::select(vec![
        "", "sig", "vhd", "marketplace", "managedimage", "shell", "powershell", "true", "0", "120", "latest", "1.2.3",
        "a:b:c", "a:b:c:1.2.3", "a:b:c:windows", "westeurope", "West US, eastus", "West US northeurope", "\u{feff}sig\u{200b}", "'true'", "yes",
        "/sharedGalleries/g/images/i/versions/latest", "[concat('a')]", "$(Build.BuildNumbr)", "$(x)", "$(", "$()", "Standard_D2ds_v5",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/x",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/i",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/i/versions/1.2.3",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s",
    ])
    .prop_map(str::to_owned);
    prop_oneof![3 => near, 1 => any::<String>(), 1 => "[ -~\r\n]{0,40}"]
}

/// Lines near those of a template file, and any lines.
fn line() -> impl Strategy<Value = String> {
    let near = prop::sample::select(vec![
        "source:",
        "customize:",
        "distribute:",
        "validate:",
        "vmProfile: {vmSize: a}",
        "optimize: {vmBoot: {state: Enabled}}",
        "  type: PlatformImage",
        "  sku: $(x)",
        "- type: Shell",
        "- type: VHD",
        "  runOutputName: a",
        "  inline: [x, $(ls)]",
        "  scriptPath: ../x",
        "  inline: |",
        "    echo 1",
        "x-a: &a [1]",
        "managedResourceTags: *a",
        "{",
        "}",
        "\t",
        "---",
    ])
    .prop_map(str::to_owned);
    prop_oneof![8 => near, 1 => any::<String>()]
}

proptest! {
    #[test]
    fn any_template_file_is_understood_or_refused(lines in prop::collection::vec(line(), 0..12)) {
        let job = job();
        std::fs::write(job.path("web.yml"), lines.join("\n")).unwrap();
        let job = job.input("templateFile", "web.yml");
        match job.plan() {
            Err(problems) => {
                for problem in problems.iter() {
                    prop_assert!(!problem.to_string().contains('\n'), "{problem}");
                }
            }
            Ok(plan) => {
                let link = link(&job);
                prop_assert!(json(&compose(&plan, Some(&link))).is_object());
            }
        }
    }

    #[test]
    fn any_inputs_are_understood_or_refused(
        changes in prop::collection::vec((name(), value()), 0..6),
    ) {
        let job = changes.iter().fold(job().input("galleryImageId", &id("Microsoft.Compute/galleries/gallery/images/web")), |job, (name, value)| job.input(name, value));
        match job.plan() {
            Err(problems) => {
                for problem in problems.iter() {
                    prop_assert!(!problem.to_string().contains('\n'), "{problem}");
                    prop_assert!(ALL_INPUTS.iter().any(|input| input.name == problem.input));
                }
            }
            Ok(plan) => {
                let link = link(&job);
                let template = json(&compose(&plan, Some(&link)));
                let sent = serde_json::to_vec(&template).unwrap();
                prop_assert_eq!(&serde_json::from_slice::<Value>(&sent).unwrap(), &template);
                let texts = texts(&template);
                for line in &plan.customization.inline {
                    prop_assert!(texts.contains(&line.as_str()));
                }
            }
        }
    }
}
