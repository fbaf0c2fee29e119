//! Which inputs a template file overrides: the one table, against what really happens; and that a file with a fault hides no other problem.

use std::collections::BTreeSet;

use image_builder::inputs::Action;
use image_builder::inputs::manifest::ALL_INPUTS;
use image_builder::inputs::template_file::members::IMAGE_TEMPLATE_PROPERTIES;
use image_builder::inputs::template_file::overrides::OVERRIDES;
use image_builder::secret::Secret;

use crate::inputs::warnings;
use crate::job::{Job, id};
use crate::problems::problems;
use crate::template_files::with_text;

/// A file that has this section alone.
fn section(name: &str) -> String {
    let definition = id("Microsoft.Compute/galleries/gallery/images/web");
    let group = id("x").replace("/providers/x", "");
    match name {
        "source" => "source: {type: PlatformImage, publisher: a, offer: b, sku: c}".to_owned(),
        "customize" => "customize: [{type: Shell, inline: [x]}]".to_owned(),
        "optimize" => "optimize: {vmBoot: {state: Enabled}}".to_owned(),
        "validate" => "validate: {inVMValidations: []}".to_owned(),
        "distribute" => format!(
            "distribute: [{{type: SharedImage, runOutputName: a, galleryImageId: {definition}}}]"
        ),
        "errorHandling" => "errorHandling: {onCustomizerError: abort}".to_owned(),
        "buildTimeoutInMinutes" => "buildTimeoutInMinutes: 60".to_owned(),
        "vmProfile" => "vmProfile: {vmSize: a}".to_owned(),
        "additionalDataDisks" => "additionalDataDisks: [{sizeGB: 64}]".to_owned(),
        "stagingResourceGroup" => format!("stagingResourceGroup: {group}"),
        "managedResourceTags" => "managedResourceTags: {a: b}".to_owned(),
        other => panic!("no file for section '{other}'"),
    }
}

/// The usual job with the file, and without the inputs that it overrides.
fn with_section(name: &str) -> Job {
    let mut job = with_text("web.yml", &section(name));
    for (input, _) in OVERRIDES
        .iter()
        .find(|it| it.section == name)
        .unwrap()
        .inputs
    {
        job.given.inputs.remove(&input.name.to_lowercase());
    }
    job
}

/// A value that no input takes but a text of lines. Whoever read it would refuse it.
const NONSENSE: &str = "<nonsense>";

#[test]
fn an_overridden_input_is_warned_of_and_not_read() {
    for rule in OVERRIDES {
        assert_eq!(
            warnings(&with_section(rule.section)),
            [""; 0],
            "{}",
            rule.section
        );
        for (input, _) in rule.inputs {
            let job = with_section(rule.section).input(input.name, NONSENSE);
            let expected = format!(
                "AIB103 Input '{0}': it has no effect, because the template file has the section '{1}'\nhint: remove '{0}' or the section",
                input.name, rule.section
            );
            assert_eq!(warnings(&job), [expected]);
            let default = with_section(rule.section).input(input.name, input.default);
            assert_eq!(warnings(&default), [""; 0], "{}", input.name);
        }
    }
}

/// What is in the table of members and not in ours has no input; every other section is there once.
#[test]
fn every_section_that_inputs_fill_is_in_the_table() {
    let sections: Vec<&str> = OVERRIDES.iter().map(|rule| rule.section).collect();
    let members = IMAGE_TEMPLATE_PROPERTIES.members.iter();
    let known: Vec<&str> = members
        .filter(|member| !member.read_only)
        .map(|member| member.name)
        .collect();
    let without_inputs: Vec<&&str> = known
        .iter()
        .filter(|name| !sections.contains(name))
        .collect();
    // The input of the name has no effect anyhow, which has a warning of its own.
    assert_eq!(without_inputs, [&"additionalDataDisks", &"autoRun"]);
    let inputs: BTreeSet<&str> = OVERRIDES
        .iter()
        .flat_map(|rule| rule.inputs.iter().map(|(input, _)| input.name))
        .collect();
    let all: usize = OVERRIDES.iter().map(|rule| rule.inputs.len()).sum();
    assert_eq!(inputs.len(), all, "an input is there twice");
}

/// The other way round: what is not in the table counts beside a file with every section, those without inputs too.
#[test]
fn an_input_that_is_not_overridden_is_read() {
    let members = IMAGE_TEMPLATE_PROPERTIES.members.iter();
    let sections = members.filter(|member| !member.read_only && member.name != "autoRun");
    let all: Vec<String> = sections.map(|member| section(member.name)).collect();
    let job = || {
        let mut job = with_text("web.yml", &all.join("\n"));
        for (input, _) in OVERRIDES.iter().flat_map(|rule| rule.inputs) {
            job.given.inputs.remove(&input.name.to_lowercase());
        }
        job
    };
    assert_eq!(warnings(&job()), [""; 0]);
    let overridden = |name: &str| {
        OVERRIDES
            .iter()
            .any(|rule| rule.inputs.iter().any(|(input, _)| input.name == name))
    };
    // A service connection is looked up by the agent; the core reads what came of it.
    let other = ["ibSubscription", "templateName"];
    let counting = ALL_INPUTS.iter().filter(|input| {
        Action::Render.uses(input) && !overridden(input.name) && !other.contains(&input.name)
    });
    for input in counting {
        let value = match input.name {
            "packageExclude" => "[z-a]",
            _ => NONSENSE,
        };
        let job = job().input(input.name, value);
        // An input that nobody reads is no problem.
        assert!(job.plan().is_err(), "input '{}' is not read", input.name);
        let told = problems(&job);
        assert!(
            told[0].contains(&format!("Input '{}'", input.name)),
            "{told:?}"
        );
    }
}

#[test]
fn customizers_that_tell_no_system_leave_the_provisioner_alone() {
    let file = "customize: [{type: File, sourceUri: 'https://a/b', destination: 'c:\\x'}]";
    let mut job = with_text("web.yml", file).input("provisioner", "powershell");
    job.given.inputs.remove("inlinescript");
    assert_eq!(warnings(&job), [""; 0]);
}

#[test]
fn hints_name_what_counts() {
    let says = |job: Job, text: &str, expected: &str| {
        assert_eq!(job.plan().unwrap().naming_what_counts(text), expected);
    };
    let hint = "choose a bigger size in input 'vmSize', or raise input 'buildTimeoutInMinutes'";
    says(with_section("source"), hint, hint);
    says(
        with_section("vmProfile"),
        hint,
        "choose a bigger size in 'vmSize' in section 'vmProfile' of the template file, or raise input 'buildTimeoutInMinutes'",
    );
    says(
        with_section("buildTimeoutInMinutes"),
        hint,
        "choose a bigger size in input 'vmSize', or raise 'buildTimeoutInMinutes' in the template file",
    );
    says(
        with_section("vmProfile"),
        "the agent's: set 'vmSize', 'osDiskSizeGB'",
        "the agent's: set 'vmSize' in section 'vmProfile' of the template file, 'osDiskSizeGB' in section 'vmProfile' of the template file",
    );
    says(
        with_section("distribute"),
        "replicate to fewer regions in input 'replicationRegions'",
        "replicate to fewer regions in 'targetRegions' in section 'distribute' of the template file",
    );
    says(
        crate::given_values::gallery().input("targetRegions", "westeurope"),
        "replicate to fewer regions in input 'replicationRegions'",
        "replicate to fewer regions in input 'targetRegions'",
    );
}

#[test]
fn hints_about_inputs_name_none_that_is_overridden() {
    let mut job = with_section("vmProfile").input("inlineScript", "echo hunter2-hunter2");
    job.given.secrets = vec![Secret::new("hunter2-hunter2", &job.masked)];
    assert_eq!(
        problems(&job),
        [
            "AIB110 Input 'inlineScript': the script contains the value of a secret variable; everybody with read permission on the image template could read it\nhint: let the build VM read the secret from a key vault with its own managed identity ('userAssignedIdentities' in section 'vmProfile' of the template file); if the value is not confidential, do not make the variable secret"
        ]
    );
    let windows = "customize: [{type: PowerShell, inline: [x]}]";
    let told = problems(&with_text("web.yml", windows).package("a:b"));
    assert!(told[0].ends_with("\nhint: rename the folder"), "{told:?}");
}

/// Faults that have nothing to do with each other.
const FAULTS: &[(&str, &str)] = &[
    ("managedIdentity", ""),
    ("buildVmIdentities", "me"),
    ("vnetSubnetId", "here"),
    ("proxyVmSize", "a b"),
    ("customImageResourceId", "base"),
    ("packagePath", "nowhere"),
    ("storageAccountName", "st_images"),
    ("packageExclude", "[z-a]"),
    ("packageAccess", "magic"),
    ("packageRetentionDays", "-1"),
    ("provisioner", "bash"),
    ("runElevated", "yes"),
    ("runAsSystem", "yes"),
    ("stopOnError", "yes"),
    ("windowsUpdateProvisioner", "yes"),
    ("enableValidation", "yes"),
    ("sourceValidationOnly", "yes"),
    ("galleryImageId", "web"),
    ("imageVersion", "one"),
    ("distributeVersioningScheme", "Random"),
    ("excludeFromLatest", "yes"),
    ("targetRegions", "west-europe"),
    ("distributeStorageAccountType", "Tape"),
    ("replicationMode", "Half"),
    ("artifactTags", "a/b=c"),
    ("provenanceTags", "yes"),
    ("ibAzureResourceGroup", "a/b"),
    ("ibLocation", "here!"),
    ("action", "bake"),
    ("vmSize", "a b"),
    ("osDiskSizeGB", "-1"),
    ("optimizeVmBoot", "yes"),
    ("buildTimeoutInMinutes", "3"),
    ("errorHandlingOnCustomizerError", "keep"),
    ("errorHandlingOnValidationError", "keep"),
    ("stagingResourceGroup", "/x"),
    ("managedResourceTags", "a"),
    ("templateTags", "a"),
    ("skipIfUnchanged", "yes"),
    ("streamLogs", "yes"),
    ("autoRun", "yes"),
    ("templateName", "a/b"),
    ("continueDistributeOnFailure", "yes"),
    ("resume", "perhaps"),
    ("onCancel", "perhaps"),
    ("waitTimeoutInMinutes", "soon"),
    ("keepTemplate", "yes"),
    ("inventory", "yes"),
    ("inventoryContainer", "A"),
    ("compareWith", "yesterday"),
    ("failOnChange", "any"),
];

fn named(told: &[String]) -> BTreeSet<String> {
    let name = |text: &String| text.split('\'').nth(1).unwrap().to_owned();
    told.iter().map(name).collect()
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Each input of a build that can be wrong by itself is among the faults.
#[test]
fn the_faults_are_those_of_all_inputs() {
    // The first three say which others count, and the last one excludes `targetRegions`.
    let other = [
        "templateFile",
        "imageSource",
        "distributeType",
        "replicationRegions",
    ];
    let counting = ALL_INPUTS.iter().filter(|input| {
        Action::Build.uses(input) && !FAULTS.iter().any(|(name, _)| *name == input.name)
    });
    let missing = counting.map(|input| input.name).filter(|name| {
        let job = crate::given_values::gallery().input(name, NONSENSE);
        job.plan().is_err() && named(&problems(&job)).contains(*name)
    });
    assert_eq!(missing.collect::<Vec<_>>(), other);
}

#[test]
fn all_faults_are_told_at_once() {
    let all = FAULTS.iter().map(|(name, _)| *name);
    let job = crate::given_values::gallery().inputs(FAULTS);
    assert_eq!(named(&problems(&job)), names(all));
    // None hides another one.
    for (index, first) in FAULTS.iter().enumerate() {
        for second in &FAULTS[index + 1..] {
            let job = crate::given_values::gallery()
                .input(
                    "vnetSubnetId",
                    &id("Microsoft.Network/virtualNetworks/a/subnets/b"),
                )
                .inputs(&[*first, *second]);
            assert_eq!(named(&problems(&job)), names([first.0, second.0]));
        }
    }
}

#[test]
fn a_fault_in_the_file_hides_no_other() {
    let file = |text: &str| {
        let mut job = with_text("web.yml", text).inputs(FAULTS);
        job.given
            .inputs
            .insert("distributetype".to_owned(), "sig".to_owned());
        job
    };
    let beside = |overridden: &[&str]| {
        let counting = FAULTS.iter().map(|(name, _)| *name);
        names(
            counting
                .filter(|name| !overridden.contains(name))
                .chain(["templateFile"]),
        )
    };
    // A section with a fault is one that is there.
    let profile = [
        "buildVmIdentities",
        "vnetSubnetId",
        "proxyVmSize",
        "vmSize",
        "osDiskSizeGB",
    ];
    assert_eq!(
        named(&problems(&file("vmProfile: {vmsize: x}\n"))),
        beside(&profile)
    );
    // Not even the sections are known: what was given is wrong in any case, and what is missing may be in the file.
    let unknown = ["managedIdentity"];
    for text in ["a: [1\n", "", "- a\n"] {
        let told = named(&problems(&file(text)));
        assert_eq!(told, beside(&[]), "{text}");
        assert!(told.contains(unknown[0]), "{text}");
    }
    let mut bare = with_text("web.yml", "a: [1\n");
    for name in [
        "customimageresourceid",
        "imageidfordistribute",
        "inlinescript",
        "packagepath",
        "storageaccountname",
    ] {
        bare.given.inputs.remove(name);
    }
    assert_eq!(problems(&bare).len(), 1);
}
