//! What authors give in other forms than the pages show: it is understood, refused, or remarked on.

use std::fs;

use image_builder::inputs::Code;
use image_builder::inputs::manifest::ALL_INPUTS;
use image_builder::template::compose;
use image_builder::template::model::{Distributor, json};

use crate::inputs::warnings;
use crate::job::{Job, id, job};
use crate::problems::{check, problems};

pub(crate) fn gallery() -> Job {
    job().input("distributeType", "sig").input(
        "galleryImageId",
        &id("Microsoft.Compute/galleries/gallery/images/web"),
    )
}

fn regions(job: &Job) -> Vec<String> {
    let plan = job.plan().unwrap();
    let [Distributor::SharedImage(target)] = plan.properties.targets() else {
        panic!("the target is a gallery");
    };
    let regions = target.target_regions.iter().flatten();
    let shown = regions.map(|region| match region.replica_count {
        Some(replicas) => format!("{}={replicas}", region.name),
        None => region.name.clone(),
    });
    shown.collect()
}

#[test]
fn regions_may_be_separated_by_blanks() {
    let check = |input: &str, text: &str, expected: &[&str]| {
        assert_eq!(regions(&gallery().input(input, text)), expected, "{text}");
    };
    for input in ["replicationRegions", "targetRegions"] {
        let two = ["westeurope", "northeurope"];
        check(input, "westeurope northeurope", &two);
        check(input, "West Europe North Europe", &two);
        check(input, "West Europe,North Europe westeurope", &two);
    }
    check(
        "targetRegions",
        "westeurope=2 North Europe = 3",
        &["westeurope=2", "northeurope=3"],
    );
}

#[test]
fn one_region_is_not_two() {
    let expected = "expected letters and digits, for example westeurope\nhint: there are 2 regions; specify one";
    for input in ["ibLocation", "managedImageLocation"] {
        check(
            job(),
            input,
            "westeurope northeurope",
            &format!(
                "AIB101 Input '{input}': 'westeurope northeurope' is not a region; {expected}"
            ),
        );
    }
}

/// Every input that is no script, no list of lines and no file: around each of their values stands what does not show, or a pair of quotes.
#[test]
fn what_does_not_show_and_quotes_are_taken_off() {
    let version = id("Microsoft.Compute/galleries/gallery/images/base/versions/1.2.0");
    let subnet = id("Microsoft.Network/virtualNetworks/vnet/subnets/build");
    let job = || {
        gallery().inputs(&[
            ("imageSource", "sig"),
            ("ImageVersionId", &version),
            ("imageVersion", "1.2.3"),
            ("replicationMode", "Full"),
            ("replicationRegions", "westeurope, northeurope"),
            ("vnetSubnetId", &subnet),
            ("proxyVmSize", "Standard_A1_v2"),
            ("vmSize", "Standard_D2ds_v5"),
            ("osDiskSizeGB", "256"),
            ("buildTimeoutInMinutes", "120"),
            ("excludeFromLatest", "true"),
            ("stagingResourceGroup", "rg-staging"),
            ("templateTags", "a=b"),
            ("packageAccess", "sas"),
            ("packageRetentionDays", "3"),
            ("action", "build"),
        ])
    };
    let unadorned = compose(&job().plan().unwrap(), None);
    let around: [fn(&str) -> String; 5] = [
        |text| format!("\u{feff}{text}\u{200b}"),
        |text| format!(" \u{2060}{text}\t\u{ad}\0"),
        |text| format!("\"{text}\""),
        |text| format!("'{text}'\r\n"),
        |text| format!("\u{feff}\"{text}\u{feff}\" "),
    ];
    for around in around {
        let changed = job().given.inputs.keys().fold(job(), |job, name| {
            if name == "inlinescript" || name == "packagepath" {
                return job;
            }
            let value = around(&job.given.inputs[name]);
            job.input(name, &value)
        });
        let plan = changed
            .plan()
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(plan.warnings, []);
        assert_eq!(compose(&plan, None), unadorned);
        assert_eq!(plan.package, job_with_same_folder(&changed));
    }
}

/// The package of the job as its plain values make it.
fn job_with_same_folder(changed: &Job) -> Option<image_builder::inputs::Package> {
    let mut given = changed.given.clone();
    for (name, value) in [
        ("storageaccountname", "stimagebuilder"),
        ("packageaccess", "sas"),
        ("packageretentiondays", "3"),
    ] {
        given.inputs.insert(name.to_owned(), value.to_owned());
    }
    let task = image_builder::inputs::task(&given, &changed.masked);
    task.unwrap().plan().unwrap().package
}

#[test]
fn what_does_not_show_within_a_value_is_named() {
    check(
        job(),
        "vmSize",
        "Standard\u{200b}_D2ds_v5",
        "AIB101 Input 'vmSize': 'Standard<U+200B>_D2ds_v5' is not the size of a VM; expected letters, digits, '_' and '-', for example Standard_D2ds_v5",
    );
    // Choices have no such characters.
    let plan = gallery().input("distributeType", "s\u{200b}ig").plan();
    let plan = plan.unwrap();
    let [Distributor::SharedImage(_)] = plan.properties.targets() else {
        panic!("the target is a gallery");
    };
}

#[test]
fn a_gallery_that_is_shared_directly_has_ids_of_its_own() {
    let source = |text: &str| {
        job()
            .input("imageSource", "sig")
            .input("ImageVersionId", text)
    };
    for text in [
        "/sharedGalleries/1a2b-GALLERY/images/base/versions/1.2.0",
        "/SharedGalleries/1a2b-GALLERY/Images/base/Versions/latest/",
    ] {
        let plan = source(text).plan().unwrap();
        let sent = text.trim_end_matches('/');
        let template = json(&compose(&plan, None));
        assert_eq!(
            template["properties"]["source"],
            serde_json::json!({"type": "SharedImageVersion", "imageVersionId": sent})
        );
    }
    let rest = "is not the id of an image version in a directly shared gallery; expected /sharedGalleries/{unique name}/images/{definition}/versions/{version}, with 'latest' or Major.Minor.Patch as version";
    for text in [
        "/sharedGalleries/g/images/base",
        "/sharedGalleries/g/images/base/versions/1.2",
        "/sharedGalleries/g/../x/versions/1.2.0",
        "/sharedGalleries//images/base/versions/1.2.0",
    ] {
        let expected = format!("AIB101 Input 'ImageVersionId': '{text}' {rest}");
        assert_eq!(problems(&source(text)), [expected]);
    }
}

#[test]
fn switches_are_true_or_false() {
    let flags = ALL_INPUTS.iter().filter(|input| input.is_flag());
    let mut count = 0;
    for input in flags {
        for (value, hint) in [
            ("yes", "\nhint: write 'true'"),
            ("1", "\nhint: write 'true'"),
            ("ture", "\nhint: write 'true'"),
            ("no", "\nhint: write 'false'"),
            ("Off", "\nhint: write 'false'"),
            ("perhaps", ""),
        ] {
            let name = input.name;
            let expected =
                format!("AIB102 Input '{name}': '{value}' is neither 'true' nor 'false'{hint}");
            check(job(), name, value, &expected);
        }
        for value in ["", " TRUE ", "False"] {
            let plan = job().input(input.name, value).plan();
            assert!(plan.is_ok(), "{}: {value}", input.name);
        }
        count += 1;
    }
    // As many as the manifest has.
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/task/task.json");
    let manifest = fs::read_to_string(manifest).unwrap();
    assert_eq!(count, manifest.matches("\"type\": \"boolean\"").count());
}

#[test]
fn inputs_of_other_names_have_a_neighbour() {
    let check = |name: &str, hint: &str| {
        let name = name.to_lowercase();
        let expected = format!(
            "AIB108 Input '{name}' is not an input of this task and has no effect\nhint: did you mean {hint}?"
        );
        assert_eq!(warnings(&job().input(&name, "x")), [expected]);
    };
    check("storageAccount", "'storageAccountName'");
    check("inlineScrpt", "'inlineScript'");
    check("location", "'ibLocation'");
    check(
        "resourceGroup",
        "'ibAzureResourceGroup' or 'stagingResourceGroup'",
    );
    let missing = job()
        .input("storageAccount", "x")
        .input("storageAccountName", "");
    assert_eq!(
        problems(&missing),
        [
            "AIB100 Input 'storageAccountName': it is required but empty; expected 3 to 24 lowercase letters and digits, for example stimagebuilder\nhint: input 'storageaccount' is set; did you mean 'storageAccountName'?"
        ]
    );
}

#[test]
fn variables_of_the_agent_that_stay_are_warned_of() {
    let scripts = job()
        .input(
            "inlineScript",
            "echo $(Build.BuildNumbr) $(date) $(my.own) $(Build.BuildNumbr)",
        )
        .input("enableValidation", "true")
        .input("validationInlineScript", "test $(Release.Nothing)");
    assert_eq!(
        warnings(&scripts),
        [
            "AIB106 Input 'inlineScript': '$(Build.BuildNumbr)' in the script is not replaced, because variable 'Build.BuildNumbr' is not defined\nhint: did you mean '$(Build.BuildNumber)'?",
            "AIB106 Input 'validationInlineScript': '$(Release.Nothing)' in the script is not replaced, because variable 'Release.Nothing' is not defined\nhint: define variable 'Release.Nothing' for this job; variables of later steps, other jobs and other stages are not available here",
        ]
    );
    check(
        job(),
        "ibAzureResourceGroup",
        "rg-$(Build.BuildIdd)",
        "AIB106 Input 'ibAzureResourceGroup': 'rg-$(Build.BuildIdd)' still contains the macro '$(Build.BuildIdd)', because variable 'Build.BuildIdd' is not defined\nhint: did you mean '$(Build.BuildId)'?",
    );
}

#[test]
fn the_subscription_of_the_samples_is_warned_of() {
    let nobody = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images";
    let provider = "providers/Microsoft.Compute";
    let version = format!("{nobody}/{provider}/galleries/gallery/images/base/versions/1.2.0");
    let step = gallery()
        .input("imageSource", "sig")
        .input("ImageVersionId", &version)
        .input(
            "galleryImageId",
            &format!("{nobody}/{provider}/galleries/gallery/images/web"),
        );
    let rest = "the subscription in the id is '00000000-0000-0000-0000-000000000000', the placeholder of the samples\nhint: replace it with the id of your subscription: az account show --query id";
    assert_eq!(
        warnings(&step),
        [
            format!("AIB111 Input 'ImageVersionId': {rest}"),
            format!("AIB111 Input 'galleryImageId': {rest}"),
        ]
    );
    let staging = job().input("stagingResourceGroup", nobody);
    let told = staging.plan().unwrap_err();
    assert_eq!(told.warnings()[0].code, Code::Placeholder);
}

#[test]
fn scripts_that_do_nothing_are_warned_of() {
    let check = |job: Job, expected: &[&str]| assert_eq!(warnings(&job), expected);
    let form = "Input 'inlineScript': it is the default text of the form, so";
    let untouched = || {
        let mut job = job();
        job.given.inputs.remove("inlinescript");
        job
    };
    let linux = "hint: write the commands to run, for example: sudo cp -r /tmp/webapp /opt/webapp";
    let windows =
        r"hint: write the commands to run, for example: & 'c:\buildartifacts\webapp\install.ps1'";
    let lost = "nothing moves the package out of /tmp/webapp, which is not kept in the image";
    check(untouched(), &[&format!("AIB111 {form} {lost}\n{linux}")]);
    check(
        job().input("inlineScript", "\n"),
        &[&format!(
            "AIB111 Input 'inlineScript': it is empty, so {lost}\n{linux}"
        )],
    );
    check(
        job().input("inlineScript", "# later\r\n  # more"),
        &[&format!(
            "AIB111 Input 'inlineScript': it contains only comments, so {lost}\n{linux}"
        )],
    );
    check(
        untouched().input("provisioner", "powershell"),
        &[&format!(
            "AIB111 {form} the package stays in c:\\buildartifacts\\webapp, and nothing uses it\n{windows}"
        )],
    );
    let alone = |job: Job| job.input("packagePath", "").input("storageAccountName", "");
    check(
        alone(untouched()),
        &[&format!(
            "AIB111 {form} the image is a copy of its source\n{linux}"
        )],
    );
    let updates = alone(untouched())
        .input("provisioner", "powershell")
        .input("windowsUpdateProvisioner", "true");
    check(updates, &[]);
    check(job(), &[]);
}
