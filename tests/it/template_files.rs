//! Template files: what they come to, and what is said about those that cannot be used.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image_builder::inputs::Variables;
use image_builder::inputs::template_file::members::{IMAGE_TEMPLATE_PROPERTIES, Object, Shape};
use image_builder::template::compose;
use image_builder::template::model::json;
use serde_json::Value;

use crate::golden::golden;
use crate::inputs::warnings;
use crate::job::{Job, id, job};
use crate::problems::problems;
use crate::template::link;

/// The usual job with a copy of a file of `tests/testdata/template-files`, beside it the scripts.
fn with_file(name: &str) -> Job {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/template-files");
    with_text(name, &fs::read_to_string(folder.join(name)).unwrap())
}

/// The usual job with a template file in folder `webapp`, which is the package.
pub(crate) fn with_text(name: &str, text: &str) -> Job {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/template-files/scripts");
    let mut job = job();
    let scripts = job.path("webapp/scripts");
    fs::create_dir_all(&scripts).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), scripts.join(entry.file_name())).unwrap();
    }
    fs::write(
        scripts.join("long.sh"),
        "#!/bin/sh\n".to_owned() + &"true\n".repeat(5000),
    )
    .unwrap();
    fs::write(scripts.join("it's.conf"), "x").unwrap();
    fs::write(job.path("webapp").join(name), text).unwrap();
    let definition = id("Microsoft.Compute/galleries/gallery/images/web");
    job.given.variables = Variables::new(
        [
            ("Build.BuildId", "4711"),
            ("Build.SourceVersion", "1f3a"),
            ("definition", &definition),
            ("minutes", "120"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
        ["apiKey".to_owned()],
    );
    job.input("templateFile", &format!("webapp/{name}"))
}

fn template(job: &Job) -> Value {
    let plan = job
        .plan()
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    let link = plan.package.is_some().then(|| link(job));
    json(&compose(&plan, link.as_ref()))
}

const FILES: [&str; 3] = ["windows.yml", "linux.yml", "managed-image.json"];

/// The job without inputs that the file wins over.
fn without(mut job: Job, overridden: &[&str]) -> Job {
    for name in overridden {
        job.given.inputs.remove(&name.to_lowercase());
    }
    job
}

const OF_SOURCE_AND_STEPS: &[&str] = &["customImageResourceId", "inlineScript"];

fn job_of(name: &str) -> Job {
    let job = without(with_file(name), OF_SOURCE_AND_STEPS);
    match name {
        "managed-image.json" => without(with_file(name), &["customImageResourceId"]),
        // Nothing of it comes with a package.
        "windows.yml" => without(job, &["imageIdForDistribute"]).input("packagePath", ""),
        _ => without(job, &["imageIdForDistribute"]),
    }
}

#[test]
fn files_become_templates() {
    for name in FILES {
        let job = job_of(name);
        let text = serde_json::to_string_pretty(&template(&job)).unwrap() + "\n";
        golden(&format!("templates/file-{name}.json"), &text);
        assert_eq!(warnings(&job), [""; 0], "{name}");
    }
}

#[test]
fn a_file_can_do_without_package_and_storage() {
    let job = job_of("windows.yml").input("storageAccountName", "");
    let plan = job.plan().unwrap();
    assert_eq!(plan.package, None);
    assert_eq!(plan.run_output_name(), "gallery");
    assert_eq!(plan.properties.build_timeout_in_minutes, Some(120));
    assert!(!plan.properties.result_lies_with_template());
    // The agent fills the sources folder in where the input is empty.
    let folder = job
        .path("")
        .to_str()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    assert_eq!(
        job.input("packagePath", &folder).plan().unwrap().package,
        None
    );
    let vhd = job_of("linux.yml").plan().unwrap();
    assert!(vhd.properties.result_lies_with_template());
}

#[test]
fn the_sample_is_a_template() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/windows-avd");
    let job = without(with_file("managed-image.json"), OF_SOURCE_AND_STEPS);
    let mut job = without(job, &["imageIdForDistribute"]);
    let variables = [
        ("Build.BuildNumber", "2632601".to_owned()),
        ("Build.SourceVersion", "1f3a".to_owned()),
        (
            "definition",
            id("Microsoft.Compute/galleries/gallery/images/web"),
        ),
    ];
    job.given.variables =
        Variables::new(variables.map(|(name, value)| (name.to_owned(), value)), []);
    let job = job
        .input("templateFile", sample.join("image.yml").to_str().unwrap())
        .input("packagePath", sample.join("package").to_str().unwrap());
    let text = serde_json::to_string_pretty(&template(&job)).unwrap() + "\n";
    golden("templates/sample-windows-avd.json", &text);
    assert_eq!(warnings(&job), [""; 0]);
}

/// Every member of `object` that `value` has, as `{object}.{member}`.
fn covered(object: &'static Object, value: &Value, found: &mut BTreeSet<String>) {
    for member in object.members {
        if let Some(value) = value.get(member.name) {
            found.insert(format!("{}.{}", object.name, member.name));
            in_shape(&member.shape, value, found);
        }
    }
}

fn in_shape(shape: &'static Shape, value: &Value, found: &mut BTreeSet<String>) {
    match shape {
        Shape::Object(object) => covered(object, value, found),
        Shape::Variants {
            discriminator,
            objects,
        } => {
            let (_, object) = objects
                .iter()
                .find(|(name, _)| value[discriminator] == **name)
                .unwrap();
            covered(object, value, found);
        }
        Shape::List(shape) => value
            .as_array()
            .unwrap()
            .iter()
            .for_each(|value| in_shape(shape, value, found)),
        Shape::Text { .. } | Shape::Number { .. } | Shape::Flag | Shape::Texts => {}
    }
}

/// Every member of the table that can be written, as `{object}.{member}`.
fn writable(object: &'static Object, all: &mut BTreeSet<String>) {
    for member in object
        .members
        .iter()
        .filter(|member| !member.read_only && !member.ours)
    {
        all.insert(format!("{}.{}", object.name, member.name));
        match &member.shape {
            Shape::Object(object) | Shape::List(Shape::Object(object)) => writable(object, all),
            Shape::Variants { objects, .. } | Shape::List(Shape::Variants { objects, .. }) => {
                objects.iter().for_each(|(_, object)| writable(object, all));
            }
            _ => {}
        }
    }
}

#[test]
fn every_member_of_the_definition_can_be_written() {
    let mut all = BTreeSet::new();
    writable(&IMAGE_TEMPLATE_PROPERTIES, &mut all);
    let mut found = BTreeSet::new();
    for name in FILES {
        covered(
            &IMAGE_TEMPLATE_PROPERTIES,
            &template(&job_of(name))["properties"],
            &mut found,
        );
    }
    let missing: Vec<_> = all.difference(&found).collect();
    assert_eq!(missing, [""; 0]);
    let page = include_str!("../../docs/template-file.md");
    let number = format!("all {} members", all.len());
    assert!(page.contains(&number), "docs/template-file.md: {number}");
}

/// Exactly these problems come of a file with this text.
fn check(text: &str, expected: &[&str]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|problem| problem.replace("AIB109 ", "AIB109 Input 'templateFile': web.yml, line "))
        .collect();
    assert_eq!(problems(&with_text("web.yml", text)), expected, "{text}");
}

#[test]
fn members_that_are_none() {
    check(
        "vmProfile:\n  vmsize: x\n  osDiskSizeGb: 1\n  colour: red\n",
        &[
            "AIB109 2, vmProfile.vmsize: this member does not exist\nhint: did you mean 'vmSize'?",
            "AIB109 3, vmProfile.osDiskSizeGb: this member does not exist\nhint: did you mean 'osDiskSizeGB'?",
            "AIB109 4, vmProfile.colour: this member does not exist\nhint: the members here are 'vmSize', 'osDiskSizeGB', 'userAssignedIdentities', 'vnetConfig'",
        ],
    );
    check(
        "properties:\n  source: {}\n",
        &[
            "AIB109 1, properties: this member does not exist\nhint: write what is in 'properties' at the top of the file",
        ],
    );
    check(
        "provisioningState: Succeeded\n",
        &["AIB109 1, provisioningState: this member is read-only\nhint: remove it"],
    );
    check(
        "customize:\n- type: powershell\n  inline: [x]\n- name: y\n",
        &[
            "AIB109 2, customize[0].type: 'powershell' is not one of 'Shell', 'WindowsRestart', 'WindowsUpdate', 'PowerShell', 'File'\nhint: did you mean 'PowerShell'?",
            "AIB109 4, customize[1]: 'type' is missing; expected one of 'Shell', 'WindowsRestart', 'WindowsUpdate', 'PowerShell', 'File'",
        ],
    );
    check(
        "buildTimeoutInMinutes: 60\nbuildTimeoutInMinutes: 90\n",
        &["AIB109 2, buildTimeoutInMinutes: it is listed twice"],
    );
}

#[test]
fn values_of_the_wrong_shape() {
    check(
        "vmProfile: []\noptimize:\n  vmBoot: yes\ncustomize: {}\nbuildTimeoutInMinutes: an hour\n",
        &[
            "AIB109 1, vmProfile: it is a list; expected an object",
            "AIB109 3, optimize.vmBoot: it is a string; expected an object",
            "AIB109 4, customize: it is an object; expected a list",
            "AIB109 5, buildTimeoutInMinutes: 'an hour' is not a whole number from 0 to 960",
        ],
    );
    check(
        "validate: {sourceValidationOnly: on}\nmanagedResourceTags: [a]\nx-tags: $(ignored)\n",
        &[
            "AIB109 1, validate.sourceValidationOnly: 'on' is neither 'true' nor 'false'",
            "AIB109 2, managedResourceTags: it is a list; expected names and strings",
        ],
    );
    check("- a\n", &["AIB109 1: it is a list; expected an object"]);
    check(
        "vmProfile:\n  vmSize: $(size)\nstagingResourceGroup: $(apiKey)\nmanagedResourceTags:\n  a: $(one)\n  b: []\n",
        &[
            "AIB106 Input 'templateFile': web.yml, line 2, vmProfile.vmSize: variable 'size' is not defined\nhint: define variable 'size' for this job; variables of later steps, other jobs and other stages are not available here",
            "AIB106 Input 'templateFile': web.yml, line 3, stagingResourceGroup: variable 'apiKey' is secret; everybody with read permission on the image template could read it there\nhint: let the build VM read the secret from a key vault with its own managed identity",
            "AIB106 Input 'templateFile': web.yml, line 5, managedResourceTags.a: variable 'one' is not defined\nhint: define variable 'one' for this job; variables of later steps, other jobs and other stages are not available here",
            "AIB109 6, managedResourceTags.b: it is a list; expected a string",
        ],
    );
}

#[test]
fn files_that_cannot_be_read() {
    let check = |value: &str, expected: &str| {
        let job = with_text("web.yml", "a: [1\n").input("templateFile", value);
        assert_eq!(problems(&job), [expected], "{value}");
    };
    check(
        "webapp/wbe.yml",
        "AIB109 Input 'templateFile': '{dir}/webapp/wbe.yml' does not exist; expected a YAML or JSON file, for example images/web.yml\nhint: '{dir}/webapp' contains 'web.yml'; did you mean that?",
    );
    check(
        "webapp",
        "AIB109 Input 'templateFile': '{dir}/webapp' is a folder; expected a YAML or JSON file, for example images/web.yml",
    );
    check(
        "webapp\\web.yml",
        "AIB109 Input 'templateFile': web.yml, line 2: while parsing a flow sequence, expected ',' or ']'",
    );
}

#[test]
fn customizers_that_cannot_run() {
    check(
        "customize:\n- type: Shell\n  inline: [x]\n  scriptUri: https://a/b\n- type: Shell\n- type: WindowsRestart\n  restartTimeout: 5\n",
        &[
            "AIB109 2, customize[0]: 'inline', 'scriptUri' cannot be used together; expected one of 'inline', 'scriptUri', 'scriptPath'",
            "AIB109 5, customize[1]: there is nothing to run or to copy; expected one of 'inline', 'scriptUri', 'scriptPath'",
            "AIB109 6, customize[2].type: 'WindowsRestart' is for Windows, but customize[0], 'Shell', is for Linux",
            "AIB109 7, customize[2].restartTimeout: expected a number and its unit, for example 5m or 2h",
        ],
    );
    check(
        "customize:\n- type: PowerShell\n  inline: [x]\n  runAsSystem: true\n  sha256Checksum: AB\n- type: File\n  sourceUri: https://a/b\n",
        &[
            "AIB109 4, customize[0].runAsSystem: it requires 'runElevated: true'",
            "AIB109 5, customize[0].sha256Checksum: expected 64 lowercase hexadecimal digits\nhint: 'sha256sum {file}' prints them",
            "AIB109 6, customize[1]: 'destination' is missing\nhint: it is the full path of the file in the build VM",
        ],
    );
    check(
        "customize:\n- type: Shell\n  scriptPath: scripts/setpu.sh\n- type: File\n  sourcePath: ../outside.txt\n  destination: /tmp/x\n",
        &[
            "AIB109 3, customize[0].scriptPath: '{dir}/webapp/scripts/setpu.sh' does not exist\nhint: '{dir}/webapp/scripts' contains 'setup.sh'; did you mean that?",
            "AIB109 5, customize[1].sourcePath: '{dir}/outside.txt' does not exist",
        ],
    );
}

#[test]
fn files_outside_of_the_package() {
    let text = "customize:\n- type: Shell\n  scriptPath: scripts/long.sh\n";
    let job = with_text("web.yml", text);
    let other = job.path("other");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("x"), "x").unwrap();
    let expected = "AIB109 Input 'templateFile': customize[0].scriptPath: '{dir}/webapp/scripts/long.sh' is larger than 20000 bytes, so it must be part of the package, but it is not in the package folder\nhint: set 'packagePath' to a folder that contains it";
    assert_eq!(problems(&job.input("packagePath", "other")), [expected]);
    let missing = with_text("web.yml", text).input("packagePath", "");
    assert!(problems(&missing)[0].starts_with("AIB100 Input 'packagePath'"));
    check(
        "validate:\n  inVMValidations:\n  - type: Shell\n    scriptPath: scripts/long.sh\n",
        &[
            "AIB109 4, validate.inVMValidations[0].scriptPath: the script is larger than 20000 bytes, and the package is not available in the validation VM\nhint: use 'scriptUri', or copy the script into the image",
        ],
    );
}

#[test]
fn sources_and_targets_that_the_service_refuses() {
    let definition = id("Microsoft.Compute/galleries/gallery/images/web");
    check(
        &format!("source:\n  type: SharedImageVersion\n  imageVersionId: {definition}\n"),
        &[&format!(
            "AIB109 3, source.imageVersionId: '{definition}' is the id of a 'Microsoft.Compute/galleries/images'; expected 'Microsoft.Compute/galleries/images/versions'\nhint: add '/versions/latest', or the version number instead of 'latest'"
        )],
    );
    check(
        "source:\n  type: PlatformImage\n  publisher: a\n  offer: b\n",
        &["AIB109 1, source: 'sku' is missing"],
    );
    check(
        "source:\n  type: ManagedImage\n",
        &["AIB109 2, source: 'imageId' is missing"],
    );
    check(
        "distribute: []\n",
        &["AIB109 1, distribute: it has no targets; expected at least one"],
    );
    check(
        "distribute:\n- {type: VHD, runOutputName: a}\n- {type: VHD, runOutputName: a}\n- {type: VHD, runOutputName: b c}\n",
        &[
            "AIB109 3, distribute[1].runOutputName: 'a' is already the name of an earlier target",
            "AIB109 4, distribute[2].runOutputName: expected 1 to 64 letters, digits and '-_.'",
        ],
    );
    check(
        &format!(
            "distribute:\n- type: SharedImage\n  runOutputName: a\n  galleryImageId: {definition}/versions/1.2.3\n  versioning: {{scheme: Latest}}\n  storageAccountType: Standard_LRS\n- type: SharedImage\n  runOutputName: b\n  galleryImageId: {definition}/versions/01.2.3\n  targetRegions: [{{name: westus}}]\n  replicationRegions: [westus]\n"
        ),
        &[
            "AIB109 5, distribute[0].versioning: the version number is already set at the end of 'galleryImageId'\nhint: remove one of the two",
            "AIB109 6, distribute[0].storageAccountType: it is supported with the older form of the target regions only\nhint: set the storage type of each target region",
            "AIB109 9, distribute[1].galleryImageId: '01.2.3' is not Major.Minor.Patch with numbers up to 2147483647 and no leading zeros",
            "AIB109 11, distribute[1].replicationRegions: it is the older form of the target regions; the two cannot be used together\nhint: remove it",
        ],
    );
}

#[test]
fn settings_that_the_service_refuses() {
    check(
        "buildTimeoutInMinutes: 5\nautoRun: {state: Enabled}\n",
        &[
            "AIB109 1, buildTimeoutInMinutes: expected 0 for the service's default, or 6 to 960\nhint: the service ends a build of less than 6 minutes at once, because its own sign-in to the build VM would expire",
            "AIB109 2, autoRun.state: this task starts the run itself, and a second run, started by the service, would conflict with it\nhint: remove the section",
        ],
    );
    let subnet = id("Microsoft.Network/virtualNetworks/vnet/subnets/build");
    let other = id("Microsoft.Network/virtualNetworks/other/subnets/build");
    check(
        &format!(
            "vmProfile:\n  vnetConfig:\n    subnetId: {subnet}\n    containerInstanceSubnetId: {subnet}\n    proxyVmSize: x\n"
        ),
        &[
            "AIB109 4, vmProfile.vnetConfig.containerInstanceSubnetId: it is also the subnet of the build VM",
            "AIB109 5, vmProfile.vnetConfig.proxyVmSize: there is no proxy VM with a subnet of the build container\nhint: remove it",
        ],
    );
    check(
        &format!(
            "vmProfile:\n  vnetConfig:\n    subnetId: {subnet}\n    containerInstanceSubnetId: {other}\n"
        ),
        &[
            "AIB109 4, vmProfile.vnetConfig.containerInstanceSubnetId: it is in a different virtual network than the subnet of the build VM",
        ],
    );
    check(
        "vmProfile:\n  vnetConfig:\n    proxyVmSize: x\n  userAssignedIdentities: [me]\n",
        &[
            "AIB109 2, vmProfile.vnetConfig: 'subnetId' is missing",
            "AIB109 4, vmProfile.userAssignedIdentities[0]: 'me' is not a resource id: it does not start with '/subscriptions/'",
        ],
    );
}

/// Public samples are templates for Azure Resource Manager, with expressions in them.
#[test]
fn expressions_of_resource_manager_are_refused() {
    let rest = "is an Azure Resource Manager template expression, which this task does not evaluate\nhint: write the value itself, or a pipeline variable, '$(name)'";
    check(
        "source:\n  type: ManagedImage\n  imageId: \"[resourceId('Microsoft.Compute/images', parameters('base'))]\"\ncustomize:\n- type: Shell\n  name: \"[variables('name')]\"\n  inline:\n  - echo 1\n  - \"[concat('sh /tmp/', parameters('script'))]\"\n- type: Shell\n  inline: |\n    [ -f /tmp/x ]\n    [parameters('line')]\nbuildTimeoutInMinutes: \"[parameters('minutes')]\"\nmanagedResourceTags:\n  a: \"[utcNow()]\"\n",
        &[
            &format!(
                "AIB109 3, source.imageId: '[resourceId('Microsoft.Compute/images', parameters('base'))]' {rest}"
            ),
            &format!("AIB109 6, customize[0].name: '[variables('name')]' {rest}"),
            &format!(
                "AIB109 9, customize[0].inline[1]: '[concat('sh /tmp/', parameters('script'))]' {rest}"
            ),
            &format!("AIB109 12, customize[1].inline: '[parameters('line')]' {rest}"),
            &format!("AIB109 14, buildTimeoutInMinutes: '[parameters('minutes')]' {rest}"),
            &format!("AIB109 16, managedResourceTags.a: '[utcNow()]' {rest}"),
        ],
    );
    let shell = "customize:\n- type: PowerShell\n  inline:\n  - '[CmdletBinding()]'\n  - '[Parameter(Mandatory)]'\n";
    assert!(with_text("web.yml", shell).plan().is_ok());
}

#[test]
fn steps_that_have_nothing_to_do() {
    let nothing = "it has no lines; expected at least one\nhint: write the commands to run, or remove the step";
    check(
        "customize:\n- type: Shell\n  inline: []\n- type: Shell\n  inline: ''\nvalidate:\n  inVMValidations:\n  - type: Shell\n    inline: []\n",
        &[
            &format!("AIB109 3, customize[0].inline: {nothing}"),
            &format!("AIB109 5, customize[1].inline: {nothing}"),
            &format!("AIB109 9, validate.inVMValidations[0].inline: {nothing}"),
        ],
    );
}

/// What has the wrong shape in one section hides nothing in the others.
#[test]
fn a_section_that_is_wrong_hides_no_other() {
    check(
        "tags: {a: b}\nvmProfile: {vmsize: x}\ncustomize:\n- type: Shell\n  name: empty\n  inline: []\n",
        &[
            "AIB109 1, tags: this member does not exist\nhint: the members here are 'source', 'customize', 'optimize', 'validate', 'distribute', 'errorHandling', 'buildTimeoutInMinutes', 'vmProfile', 'additionalDataDisks', 'stagingResourceGroup', 'autoRun', 'managedResourceTags'",
            "AIB109 2, vmProfile.vmsize: this member does not exist\nhint: did you mean 'vmSize'?",
            "AIB109 6, customize[0].inline: it has no lines; expected at least one\nhint: write the commands to run, or remove the step",
        ],
    );
}

#[test]
fn files_need_a_full_path_to_go_to() {
    let file = |destination: &str| {
        format!("- {{type: File, sourceUri: 'https://a/b', destination: '{destination}'}}\n")
    };
    let path = |line: usize, index: usize, shown: &str, example: &str| {
        format!(
            "AIB109 {line}, customize[{index}].destination: '{shown}' is not the full path of a file in the build VM; expected one, for example {example}"
        )
    };
    let check_both = |head: &str, destinations: [&str; 3], example: &str| {
        let mut text = "customize:\n".to_owned() + head;
        text.extend(destinations.map(file));
        let first = 1 + head.lines().count() / 2;
        let expected: Vec<String> = destinations
            .iter()
            .zip(0..)
            .map(|(shown, index)| {
                path(
                    2 + head.lines().count() + index,
                    first - 1 + index,
                    shown,
                    example,
                )
            })
            .collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(&text, &expected);
    };
    check_both(
        "",
        ["web.conf", "~/web.conf", "%TEMP%\\x"],
        r"/tmp/web.conf or c:\buildartifacts\web.json",
    );
    check_both(
        "- type: Shell\n  inline: [x]\n",
        ["tmp/x", "c:\\x", "/"],
        "/tmp/web.conf",
    );
    check_both(
        "- type: PowerShell\n  inline: [x]\n",
        ["/tmp/x", "$env:TEMP\\x", "c:"],
        r"c:\buildartifacts\web.json",
    );
    for (kind, destination) in [
        ("Shell", "/tmp/x"),
        ("PowerShell", "C:/x/y.json"),
        ("PowerShell", r"\\server\share\x"),
        ("WindowsRestart", r"d:\x"),
    ] {
        let step = if kind == "WindowsRestart" {
            String::new()
        } else {
            ", inline: [x]".to_owned()
        };
        let text = format!(
            "customize:\n- {{type: {kind}{step}}}\n{}",
            file(destination)
        );
        assert!(with_text("web.yml", &text).plan().is_ok(), "{text}");
    }
}

#[test]
fn a_region_is_sent_once() {
    let definition = id("Microsoft.Compute/galleries/gallery/images/web");
    let target = |rest: &str| {
        format!(
            "distribute:\n- type: SharedImage\n  runOutputName: a\n  galleryImageId: {definition}\n  {rest}\n"
        )
    };
    let sent = |rest: &str, member: &str| {
        let job = with_text("web.yml", &target(rest));
        template(&job)["properties"]["distribute"][0][member].to_string()
    };
    assert_eq!(
        sent(
            "replicationRegions: [West Europe, westeurope, northeurope, WESTEUROPE]",
            "replicationRegions"
        ),
        r#"["West Europe","northeurope"]"#
    );
    assert_eq!(
        sent(
            "targetRegions: [{name: West Europe, replicaCount: 2}, {name: westeurope, replicaCount: 2}, {name: uksouth}]",
            "targetRegions"
        ),
        r#"[{"name":"West Europe","replicaCount":2},{"name":"uksouth"}]"#
    );
    check(
        &target(
            "targetRegions: [{name: West Europe, replicaCount: 2}, {name: westeurope, replicaCount: 3}, {name: west-us}]",
        ),
        &[
            "AIB109 5, distribute[0].targetRegions[1]: region 'westeurope' is listed twice, with different replica counts or storage types\nhint: list it once",
            "AIB109 5, distribute[0].targetRegions[2]: 'west-us' is not a region; expected letters and digits, for example westeurope",
        ],
    );
    check(
        &target("replicationRegions: [westeurope northeurope]"),
        &[
            "AIB109 5, distribute[0].replicationRegions[0]: 'westeurope northeurope' contains 2 regions; expected one per list item",
        ],
    );
}

#[test]
fn values_of_variables_lose_what_does_not_show() {
    let mut job = with_text(
        "web.yml",
        "source: {type: ManagedImage, imageId: $(image)}\nvmProfile: {vmSize: $(size)}\nvalidate: {sourceValidationOnly: $(flag)}\nbuildTimeoutInMinutes: $(minutes)\n",
    );
    let image = id("Microsoft.Compute/images/base");
    let variables = [
        ("image", format!("\u{feff}\"{image}\"\r")),
        ("size", "\u{feff}Standard_D2ds_v5\u{200b}".to_owned()),
        ("flag", "true\u{2060}".to_owned()),
        ("minutes", "\u{feff}120".to_owned()),
    ];
    job.given.variables =
        Variables::new(variables.map(|(name, value)| (name.to_owned(), value)), []);
    let properties = template(&job)["properties"].take();
    assert_eq!(properties["source"]["imageId"], image);
    assert_eq!(properties["vmProfile"]["vmSize"], "Standard_D2ds_v5");
    assert_eq!(properties["validate"]["sourceValidationOnly"], true);
    assert_eq!(properties["buildTimeoutInMinutes"], 120);
}

#[test]
fn what_is_suspicious_in_a_file_is_warned_of_with_its_line() {
    let image = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Compute/images/base";
    let text = format!(
        "source: {{type: ManagedImage, imageId: {image}}}\ncustomize:\n- type: Shell\n  inline: [echo $(Build.BuildNumbr) $(date)]\n- type: Shell\n  scriptPath: scripts/macro.sh\n"
    );
    let job = without(with_text("web.yml", &text), OF_SOURCE_AND_STEPS);
    fs::write(
        job.path("webapp/scripts/macro.sh"),
        "echo $(Build.BuildId)\n",
    )
    .unwrap();
    assert_eq!(
        warnings(&job)
            .into_iter()
            .map(|text| job.redacted(&text))
            .collect::<Vec<_>>(),
        [
            "AIB106 Input 'templateFile': web.yml, line 4, customize[0].inline[0]: '$(Build.BuildNumbr)' is not replaced, because variable 'Build.BuildNumbr' is not defined\nhint: did you mean '$(Build.BuildNumber)'?",
            "AIB111 Input 'templateFile': web.yml, line 1, source.imageId: the subscription in the id is '00000000-0000-0000-0000-000000000000', the placeholder of the samples\nhint: replace it with the id of your subscription: az account show --query id",
            "AIB106 Input 'templateFile': web.yml, line 6, customize[1].scriptPath: '$(Build.BuildId)' in '{dir}/webapp/scripts/macro.sh' is not replaced: this task does not replace variables in script files\nhint: pass the value to the script in another way, for example in a line of 'inline'",
        ]
    );
}

#[test]
fn every_file_outside_of_the_package_is_told() {
    let text = "customize:\n- type: Shell\n  scriptPath: scripts/long.sh\n- type: File\n  sourcePath: scripts/it's.conf\n  destination: /etc/x\n";
    let job = with_text("web.yml", text);
    fs::create_dir_all(job.path("other")).unwrap();
    fs::write(job.path("other/x"), "x").unwrap();
    assert_eq!(problems(&job.input("packagePath", "other")).len(), 2);
}

#[test]
fn inputs_that_lose_against_the_file_are_named() {
    let job = with_text(
        "web.yml",
        "customize:\n- type: Shell\n  inline: [x]\nvmProfile: {vmSize: A}\n",
    )
    .input("inlineScript", "echo 1")
    .input("vmSize", "Standard_D2ds_v5");
    assert_eq!(
        warnings(&job),
        [
            "AIB103 Input 'inlineScript': it has no effect, because the template file has the section 'customize'\nhint: remove 'inlineScript' or the section",
            "AIB103 Input 'vmSize': it has no effect, because the template file has the section 'vmProfile'\nhint: remove 'vmSize' or the section",
        ]
    );
}
