//! What is said about inputs that cannot be used: here what any input may have, beside it what belongs to one subject.

mod build_vm;
mod ids;
mod tags;
mod target;

use image_builder::inputs::{Code, Problem};

use crate::inputs::warnings;
use crate::job::{Job, id, job};

/// Every problem of a job as a log shows it, the working directory as `{dir}`.
pub(crate) fn problems(job: &Job) -> Vec<String> {
    let problems = job.plan().expect_err("there is a problem");
    problems.iter().map(|problem| shown(job, problem)).collect()
}

fn shown(job: &Job, problem: &Problem) -> String {
    let hint = problem.hint.as_ref();
    let hint = hint.map_or(String::new(), |hint| format!("\nhint: {hint}"));
    job.redacted(&format!("{} {problem}{hint}", problem.code))
}

/// One input of the usual job is changed, and one problem comes of it.
pub(crate) fn check(job: Job, input: &str, value: &str, expected: &str) {
    assert_eq!(
        problems(&job.input(input, value)),
        [expected],
        "{input}: {value}"
    );
}

const ID: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-images/providers";

const SUBNET: &str = "Microsoft.Network/virtualNetworks/vnet/subnets/build";

fn marketplace() -> Job {
    job().input("imageSource", "marketplace")
}

fn gallery() -> Job {
    job().input("distributeType", "sig").input(
        "galleryImageId",
        &id("Microsoft.Compute/galleries/gallery/images/web"),
    )
}

#[test]
fn required_inputs_that_are_empty() {
    let identity = format!(
        "AIB100 Input 'managedIdentity': it is required but empty; expected an id as 'az identity show --query id' prints it, for example {ID}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder"
    );
    check(job(), "managedIdentity", " \t", &identity);
    let misspelt =
        format!("{identity}\nhint: input 'managedidentiy' is set; did you mean 'managedIdentity'?");
    check(
        job().input("managedIdentiy", "x"),
        "managedIdentity",
        "",
        &misspelt,
    );
    check(
        job(),
        "imageSource",
        "",
        "AIB100 Input 'imageSource': it is required but empty; expected one of 'managedimage', 'sig', 'marketplace'",
    );
    check(
        job(),
        "distributeType",
        "",
        "AIB100 Input 'distributeType': it is required but empty; expected one of 'managedimage', 'sig', 'vhd'",
    );
    check(
        job(),
        "storageAccountName",
        "",
        "AIB100 Input 'storageAccountName': it is required but empty; expected 3 to 24 lowercase letters and digits, for example stimagebuilder\nhint: a build without a package needs no storage account: remove 'packagePath' as well",
    );
    check(
        job(),
        "ibSubscription",
        "",
        "AIB100 Input 'ibSubscription': it is required but empty; expected the name of an Azure Resource Manager service connection, for example images-prod",
    );
    check(
        job(),
        "ibAzureResourceGroup",
        "",
        "AIB100 Input 'ibAzureResourceGroup': it is required but empty; expected up to 90 letters, digits and '-_.()' without a '.' at the end, for example rg-images",
    );
    check(
        job(),
        "ibLocation",
        "",
        "AIB100 Input 'ibLocation': it is required but empty; expected letters and digits, for example westeurope",
    );
}

#[test]
fn required_inputs_that_are_empty_in_other_ways() {
    check(
        marketplace(),
        "baseImage",
        "",
        "AIB100 Input 'baseImage': it is required but empty; expected publisher:offer:sku or publisher:offer:sku:version, for example Canonical:ubuntu-24_04-lts:server",
    );
    check(
        job(),
        "packagePath",
        "\"\"",
        "AIB100 Input 'packagePath': it is required but empty; expected the path of a folder, for example drop/webapp\nhint: for a build without a package, remove 'storageAccountName' as well",
    );
}

#[test]
fn texts_of_the_wrong_form() {
    check(
        job(),
        "ibAzureResourceGroup",
        "/subscriptions/1/resourceGroups/rg-images",
        "AIB101 Input 'ibAzureResourceGroup': '/subscriptions/1/resourceGroups/rg-images' is not the name of a resource group; expected up to 90 letters, digits and '-_.()' without a '.' at the end, for example rg-images\nhint: use only the name: 'rg-images'",
    );
    check(
        job(),
        "ibLocation",
        "west-europe",
        "AIB101 Input 'ibLocation': 'west-europe' is not a region; expected letters and digits, for example westeurope",
    );
    check(
        job(),
        "managedImageLocation",
        "<region>",
        "AIB101 Input 'managedImageLocation': '<region>' is not a region; expected letters and digits, for example westeurope",
    );
    check(
        job(),
        "storageAccountName",
        "st-images",
        "AIB101 Input 'storageAccountName': 'st-images' is not the name of a storage account; expected 3 to 24 lowercase letters and digits, for example stimagebuilder",
    );
    check(
        marketplace(),
        "baseImage",
        "Canonical:ubuntu-24_04-lts",
        "AIB101 Input 'baseImage': 'Canonical:ubuntu-24_04-lts' is not a marketplace image; expected publisher:offer:sku or publisher:offer:sku:version, for example Canonical:ubuntu-24_04-lts:server",
    );
    check(
        marketplace(),
        "baseImagePubOfferSku",
        "a:b:c:d",
        "AIB101 Input 'baseImagePubOfferSku': 'a:b:c:d' is not a marketplace image; expected publisher:offer:sku or publisher:offer:sku:version, for example Canonical:ubuntu-24_04-lts:server",
    );
    check(
        marketplace(),
        "baseImageVersion",
        "newest",
        "AIB101 Input 'baseImageVersion': 'newest' is not the version of a marketplace image; expected 'latest' or numbers separated by dots, for example 24.04.202510010",
    );
    check(
        marketplace(),
        "platformImagePurchasePlan",
        "plan:product",
        "AIB101 Input 'platformImagePurchasePlan': 'plan:product' is not a purchase plan; expected name:product:publisher, for example cis-ubuntu:cis-ubuntu-linux:center-for-internet-security-inc\nhint: 'az vm image show --urn {publisher}:{offer}:{sku}:latest --query plan' prints the three",
    );
    check(
        job(),
        "vmSize",
        "Standard D2",
        "AIB101 Input 'vmSize': 'Standard D2' is not the size of a VM; expected letters, digits, '_' and '-', for example Standard_D2ds_v5",
    );
    check(
        job(),
        "vmSize",
        "D4s_v5",
        "AIB101 Input 'vmSize': 'D4s_v5' is not the size of a VM; sizes begin with 'Standard_'\nhint: did you mean 'Standard_D4s_v5'?",
    );
}

#[test]
fn choices_that_are_none() {
    check(
        job(),
        "imageSource",
        "mangedimage",
        "AIB102 Input 'imageSource': 'mangedimage' is not one of 'managedimage', 'sig', 'marketplace'\nhint: did you mean 'managedimage'?",
    );
    check(
        job(),
        "distributeType",
        "blob",
        "AIB102 Input 'distributeType': 'blob' is not one of 'managedimage', 'sig', 'vhd'",
    );
    check(
        job(),
        "provisioner",
        "powershel",
        "AIB102 Input 'provisioner': 'powershel' is not one of 'shell', 'powershell'\nhint: did you mean 'powershell'?",
    );
}

#[test]
fn inputs_that_contradict_each_other() {
    check(
        marketplace().input("baseImageVersion", "24.04.202510010"),
        "baseImage",
        "Canonical:ubuntu-24_04-lts:server:24.04.202501010",
        "AIB103 Input 'baseImage': 'Canonical:ubuntu-24_04-lts:server:24.04.202501010' specifies version '24.04.202501010', but input 'baseImageVersion' specifies version '24.04.202510010'\nhint: remove one of the two",
    );
    let version = id("Microsoft.Compute/galleries/gallery/images/web/versions/1.2.0");
    check(
        gallery()
            .input("imageSource", "sig")
            .input("ImageVersionId", &version),
        "galleryImageId",
        &version,
        &format!(
            "AIB103 Input 'galleryImageId': '{version}' is the source version in input 'ImageVersionId', so it already exists\nhint: increase the version number, for example with '$(Build.BuildId)'"
        ),
    );
}

#[test]
fn macros_that_were_left_alone() {
    check(
        job(),
        "ibAzureResourceGroup",
        "$(RESOURCE_GROUP)",
        "AIB106 Input 'ibAzureResourceGroup': '$(RESOURCE_GROUP)' still contains the macro '$(RESOURCE_GROUP)', because variable 'RESOURCE_GROUP' is not defined\nhint: define variable 'RESOURCE_GROUP' for this job; variables of later steps, other jobs and other stages are not available here",
    );
    // In a script the same characters are the shell's own.
    let script = "for file in $(ls /tmp); do echo \"$file\"; done";
    let plan = job().input("inlineScript", script).plan().unwrap();
    assert_eq!(plan.customization.inline, [script]);
}

#[test]
fn inputs_without_effect() {
    let check = |job: Job, expected: &[&str]| assert_eq!(warnings(&job), expected);
    check(
        job().input("autoRun", "true"),
        &[
            "AIB103 Input 'autoRun': it has no effect, because this task starts the run itself, and a second run, started by the service, would conflict with it\nhint: remove 'autoRun'",
        ],
    );
    check(
        gallery()
            .input("imageVersion", "1.2.3")
            .input("distributeVersioningScheme", "Latest"),
        &[
            "AIB103 Input 'distributeVersioningScheme': it has no effect, because the version number is set\nhint: remove 'distributeVersioningScheme'",
        ],
    );
    check(
        gallery().input("distributeVersioningMajor", "1"),
        &[
            "AIB103 Input 'distributeVersioningMajor': it has no effect, because 'distributeVersioningScheme' is not 'Latest'\nhint: set 'distributeVersioningScheme' to 'Latest'",
        ],
    );
    check(
        job()
            .input("vnetSubnetId", &id(SUBNET))
            .input(
                "containerInstanceSubnetId",
                &id("Microsoft.Network/virtualNetworks/vnet/subnets/containers"),
            )
            .input("proxyVmSize", "Standard_A1_v2"),
        &[
            "AIB103 Input 'proxyVmSize': it has no effect, because there is no proxy VM with 'containerInstanceSubnetId'\nhint: remove 'proxyVmSize'",
        ],
    );
    check(
        job()
            .input("distributeType", "vhd")
            .input("artifactTags", "a=b"),
        &[
            "AIB103 Input 'artifactTags': it has no effect, because a VHD has no tags\nhint: remove 'artifactTags'",
        ],
    );
    check(
        job().input("ibLocation", "West Europ"),
        &[
            "AIB102 Input 'ibLocation': 'West Europ' is not an Azure region that this task knows\nhint: did you mean 'westeurope'?",
        ],
    );
    check(
        job().input("enableValidation", "true"),
        &[
            "AIB103 Input 'enableValidation': the validation has no script, so it checks nothing\nhint: set 'validationInlineScript' to commands that fail if the image is faulty, for example: test -x /opt/webapp/bin/webapp",
        ],
    );
}

#[test]
fn all_problems_are_told_in_the_order_of_the_inputs() {
    let job = job().inputs(&[
        ("buildTimeoutInMinutes", "3"),
        ("managedIdentity", ""),
        ("provisioner", "bash"),
        ("distributeType", "sig"),
        ("replicationRegions", "west-europe, eastus, north_europe"),
        ("ibLocation", "here!"),
        ("vmSize", "a b"),
        ("vmsze", "x"),
    ]);
    let problems = job.plan().unwrap_err();
    let found: Vec<(Code, &str)> = problems
        .iter()
        .map(|problem| (problem.code, problem.input))
        .collect();
    assert_eq!(
        found,
        [
            (Code::Malformed, "ibLocation"),
            (Code::Missing, "managedIdentity"),
            (Code::NotOneOf, "provisioner"),
            (Code::Missing, "galleryImageId"),
            (Code::Malformed, "replicationRegions"),
            (Code::Malformed, "replicationRegions"),
            (Code::Malformed, "vmSize"),
            (Code::Malformed, "buildTimeoutInMinutes"),
        ]
    );
    let first = problems.iter().next().unwrap();
    assert_eq!(
        problems.to_string(),
        format!("{first} (and 7 more problems)")
    );
    assert_eq!(problems.warnings().len(), 1);
}
