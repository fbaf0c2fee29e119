//! Image templates, as files.

use image_builder::secret::Secret;
use image_builder::template::model::json;
use image_builder::template::{Address, PackageLink, compose};
use serde_json::Value;

use crate::golden::golden;
use crate::job::{Job, gallery, id, job};
use crate::template_files::with_text;

/// The SHA-256 of `test`, which is what the cloud of `schema` has in every file.
pub(crate) const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Where the package of `job` was brought.
pub(crate) fn link(job: &Job) -> PackageLink {
    let link = "https://stimagebuilder.blob.core.windows.net/imagebuilder-vststask/webapp.zip?sv=2025-05-05&sig=abc%2Bdef%3D";
    PackageLink {
        address: Address::Signed(Secret::new(link, &job.masked)),
        sha256: SHA256.to_owned(),
    }
}

pub(crate) fn template(job: &Job) -> Value {
    json(&compose(&job.plan().unwrap(), Some(&link(job))))
}

fn check(name: &str, job: &Job) {
    let text = serde_json::to_string_pretty(&template(job)).unwrap() + "\n";
    golden(&format!("templates/{name}.json"), &text);
}

const SCRIPT_SHELL: &str = "# The package is in /tmp/webapp\nsudo sh /tmp/webapp/install.sh";
const SCRIPT_POWERSHELL: &str =
    "& 'c:\\buildartifacts\\webapp\\install.ps1'\r\nexit $LASTEXITCODE\r\n";

/// Each source with each way to run the script, with one exception, and each target with both.
#[test]
fn sources_scripts_and_targets() {
    let base_version = id("Microsoft.Compute/galleries/gallery/images/base/versions/1.2.0");
    let definition = id("Microsoft.Compute/galleries/gallery/images/web");
    let from = |source: &str| match source {
        "managed-image" => job().input("imageSource", "managedimage"),
        "gallery" => job()
            .input("imageSource", "sig")
            .input("ImageVersionId", &base_version),
        _ => job()
            .input("imageSource", "marketplace")
            .input("baseImage", "Canonical:ubuntu-24_04-lts:server"),
    };
    let by = |job: Job, script: &str| match script {
        "shell" => job
            .input("provisioner", "shell")
            .input("inlineScript", SCRIPT_SHELL),
        _ => job
            .input("provisioner", "powershell")
            .input("inlineScript", SCRIPT_POWERSHELL)
            .input(
                "windowsUpdateProvisioner",
                &script.ends_with("windows-update").to_string(),
            ),
    };
    let to = |job: Job, target: &str| match target {
        "managed-image" => job.input("managedImageLocation", "northeurope"),
        "gallery" => job
            .input("distributeType", "sig")
            .input("galleryImageId", &definition)
            .input("replicationRegions", "westeurope, North Europe ,westeurope"),
        _ => job.input("distributeType", "vhd"),
    };
    for (source, script, target) in [
        ("managed-image", "shell", "managed-image"),
        ("managed-image", "powershell", "gallery"),
        ("managed-image", "powershell-windows-update", "vhd"),
        ("gallery", "shell", "gallery"),
        ("gallery", "powershell", "vhd"),
        ("marketplace", "shell", "vhd"),
        ("marketplace", "powershell", "managed-image"),
        ("marketplace", "powershell-windows-update", "gallery"),
    ] {
        let job = to(by(from(source), script), target);
        check(&format!("from-{source}-{script}-to-{target}"), &job);
    }
}

#[test]
fn everything_beyond_the_combinations() {
    let definition = id("Microsoft.Compute/galleries/gallery/images/web");
    let gallery = || {
        job()
            .input("distributeType", "gallery")
            .input("galleryImageId", &definition)
    };
    check(
        "gallery-version-numbered",
        &gallery().input("galleryImageId", &format!("{definition}/versions/1.0.4711")),
    );
    check("gallery-without-regions", &gallery());
    let subnet = id("Microsoft.Network/virtualNetworks/vnet/subnets/build");
    check(
        "build-vm",
        &job()
            .input("vnetSubnetId", &subnet)
            .input("vmSize", "Standard_D4ds_v5")
            .input("buildTimeoutInMinutes", "120"),
    );
    check(
        "purchase-plan",
        &job()
            .input("imageSource", "marketplace")
            .input(
                "baseImage",
                "center-for-internet-security-inc:cis-ubuntu:cis-ubuntu2404-l1",
            )
            .input("baseImageVersion", "1.0.8")
            .input(
                "platformImagePurchasePlan",
                "cis-ubuntu2404-l1:cis-ubuntu:center-for-internet-security-inc",
            ),
    );
    let powershell = || {
        job()
            .input("provisioner", "powershell")
            .input("inlineScript", "")
    };
    check(
        "elevated",
        &powershell()
            .input("runElevated", "true")
            .input("windowsUpdateProvisioner", "true"),
    );
    check(
        "elevated-as-system",
        &powershell()
            .input("runElevated", "True")
            .input("runAsSystem", "TRUE")
            .input("windowsUpdateProvisioner", "true"),
    );
    check("nasty-package-name-shell", &job().package(NASTY));
    check(
        "nasty-package-name-powershell",
        &powershell().package(NASTY),
    );
}

#[test]
fn everything_of_a_gallery_version() {
    check(
        "gallery-everything",
        &gallery().inputs(&[
            ("replicationRegions", "eastus"),
            (
                "targetRegions",
                "westeurope=2:Standard_ZRS, North Europe=3\nuksouth=premium_lrs, westus",
            ),
            ("distributeStorageAccountType", "Standard_LRS"),
            ("excludeFromLatest", "true"),
            ("distributeVersioningScheme", "Latest"),
            ("distributeVersioningMajor", "2"),
            ("replicationMode", "Shallow"),
            ("artifactTags", "commit=1f3a\n owner = web team \n"),
        ]),
    );
    check(
        "gallery-numbered-as-source",
        &gallery().input("distributeVersioningScheme", "source"),
    );
    check(
        "gallery-numbered-by-build",
        &gallery().input("imageVersion", "01.002.0942"),
    );
}

#[test]
fn everything_of_the_other_targets() {
    check(
        "managed-image-tags",
        &job().input("artifactTags", r#"{"commit": "1f3a", "build": 4711}"#),
    );
    check(
        "vhd-address",
        &job().input("distributeType", "vhd").input(
            "vhdUri",
            "https://stimages.blob.core.windows.net/vhds/web-4711.vhd",
        ),
    );
}

#[test]
fn everything_of_the_build_vm() {
    let subnet = id("Microsoft.Network/virtualNetworks/vnet/subnets/build");
    let containers = id("Microsoft.Network/virtualNetworks/vnet/subnets/containers");
    let first = id("Microsoft.ManagedIdentity/userAssignedIdentities/id-vault");
    let second = id("Microsoft.ManagedIdentity/userAssignedIdentities/id-feed");
    check(
        "build-vm-everything",
        &job().inputs(&[
            ("vnetSubnetId", &subnet),
            ("containerInstanceSubnetId", &containers),
            (
                "buildVmIdentities",
                &format!("{first}\r\n{second}\n{first}"),
            ),
            ("osDiskSizeGB", "256"),
        ]),
    );
    check(
        "build-vm-proxy",
        &job()
            .input("vnetSubnetId", &subnet)
            .input("proxyVmSize", "Standard_A2_v2"),
    );
}

#[test]
fn everything_that_stands_by_itself() {
    check(
        "settings",
        &job().inputs(&[
            ("optimizeVmBoot", "True"),
            ("stagingResourceGroup", "rg-staging"),
            (
                "managedResourceTags",
                r#"{"costCenter": "4711", "owner": "web"}"#,
            ),
            ("templateTags", "build=20251122.3"),
            ("errorHandlingOnCustomizerError", "abort"),
            ("errorHandlingOnValidationError", "cleanup"),
        ]),
    );
    let validation = [
        ("enableValidation", "true"),
        (
            "validationInlineScript",
            "test -x /opt/webapp\r\nuname -a\r\n",
        ),
    ];
    check(
        "stop-on-error",
        &job()
            .input("provisioner", "powershell")
            .input("stopOnError", "true")
            .input(
                "inlineScript",
                "msiexec /i c:\\a.msi /qn\nrobocopy a b\nif ($LASTEXITCODE -ge 8) { exit 1 }\n",
            ),
    );
    check("validation-shell", &job().inputs(&validation));
    check(
        "validation-powershell",
        &job()
            .inputs(&validation)
            .input("provisioner", "powershell")
            .input("inlineScript", "")
            .input("sourceValidationOnly", "true")
            .input("continueDistributeOnFailure", "true"),
    );
}

/// What is in the image when everything else is done: after the updates, and after the steps of a template file.
#[test]
fn the_contents_are_listed_by_the_last_step() {
    let linux = job()
        .input("provisioner", "shell")
        .input("inlineScript", SCRIPT_SHELL);
    let windows = job()
        .input("provisioner", "powershell")
        .input("inlineScript", SCRIPT_POWERSHELL)
        .input("windowsUpdateProvisioner", "true");
    check("inventory-shell", &linux.input("inventory", "true"));
    check("inventory-powershell", &windows.input("inventory", "true"));
    let in_file = with_text(
        "image.yml",
        "customize:\n- type: Shell\n  name: own\n  inline: [uname]\n- type: Shell\n  inline: [id]\n",
    );
    let template = self::template(&in_file.input("inventory", "true"));
    let steps = template["properties"]["customize"].as_array().unwrap();
    let names: Vec<_> = steps.iter().map(|step| step["name"].as_str()).collect();
    let own = [Some("own"), None, Some("inventory")];
    assert_eq!(names[names.len() - 3..], own);
    assert_eq!(steps.last().unwrap()["type"], "Shell");
    // Nothing tells the system but the source.
    let files = "customize:\n- type: File\n  sourceUri: https://contoso.blob.core.windows.net/a\n  destination: 'c:\\a'\n";
    let source = "source:\n  type: PlatformImage\n  publisher: MicrosoftWindowsServer\n  offer: WindowsServer\n  sku: 2025-datacenter-g2\n  version: latest\n";
    let in_file = with_text("image.yml", &format!("{files}{source}"));
    let template = self::template(&in_file.input("inventory", "true"));
    let steps = template["properties"]["customize"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["type"], "PowerShell");
}

/// A name with whatever means something to a shell.
pub(crate) const NASTY: &str = "-it's `a` $HOME große_App ’x’ $(id;) & {0}";

#[test]
fn a_package_that_an_identity_reads_has_no_link() {
    let url = "https://stimagebuilder.blob.core.windows.net/imagebuilder-vststask/webapp.zip";
    let vm = id("Microsoft.ManagedIdentity/userAssignedIdentities/id-vm");
    let check = |name: &str, provisioner: &str, address: Address| {
        let job = job().input("provisioner", provisioner);
        let sha256 = SHA256.to_owned();
        let link = PackageLink { address, sha256 };
        let template = json(&compose(&job.plan().unwrap(), Some(&link)));
        let text = serde_json::to_string_pretty(&template).unwrap() + "\n";
        golden(&format!("templates/{name}.json"), &text);
    };
    let for_service = || Address::ForService(url.to_owned());
    let for_vm = || Address::ForVm {
        url: url.to_owned(),
        identity: vm.parse().unwrap(),
    };
    check("package-for-service-shell", "shell", for_service());
    check(
        "package-for-service-powershell",
        "powershell",
        for_service(),
    );
    check("package-for-vm-powershell", "powershell", for_vm());
}
