//! What Windows PowerShell 5.1 lacks, in all PowerShell that goes to Windows: it cannot be run here, but read.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::interpreter::{Bench, scripts, skipped};
use crate::documents::files::samples;

/// Commands of later systems, which the samples say themselves; commands of modules that come with a system or have to be installed.
const KNOWN: &[&str] = &[
    "Install-Language",
    "Set-SystemPreferredUILanguage",
    "Remove-AppxPackage",
    "Install-WindowsFeature",
    "Get-AzContext",
    "Get-AzUserAssignedIdentity",
    "Invoke-AzRestMethod",
    "New-AzFederatedIdentityCredential",
    "Register-AzResourceProvider",
    "New-AzResourceGroup",
    "New-AzRoleDefinition",
    "New-AzUserAssignedIdentity",
    "New-AzGallery",
    "New-AzGalleryImageDefinition",
    "New-AzStorageAccount",
    "New-AzRoleAssignment",
];

/// Variable `IMAGE_BUILDER_CHECK_5_1` names a script that reads scripts for what 5.1 lacks, one line a finding, exit code 1 if there is one.
#[test]
fn nothing_needs_more_than_windows_powershell_5_1() {
    let Some(check) = env::var_os("IMAGE_BUILDER_CHECK_5_1").map(PathBuf::from) else {
        return skipped("there is no checker (variable IMAGE_BUILDER_CHECK_5_1)");
    };
    let Some(bench) = Bench::new() else { return };
    let folder = bench.path("scripts");
    fs::create_dir(&folder).unwrap();
    let mut files = Vec::new();
    let mut add = |name: String, script: &str| {
        let file = folder.join(name + ".ps1");
        fs::write(&file, script).unwrap();
        files.push(file);
    };
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/templates");
    for file in fs::read_dir(golden).unwrap() {
        let path = file.unwrap().path();
        let template: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_windows = |step: &&Value| step["type"] == "PowerShell";
        let customizers = template["properties"]["customize"].as_array().unwrap();
        if !customizers.iter().any(|step| is_windows(&step)) {
            continue;
        }
        // The same lines unpack each of them.
        let unusual = name.starts_with("package-for") || name.starts_with("nasty");
        for (number, (step, script)) in scripts(&template).iter().enumerate() {
            if step != "vststask_package" || unusual {
                add(format!("{name}-{number}"), script);
            }
        }
    }
    for script in samples(&["ps1"]) {
        add(script.path.replace('/', "-"), &script.text);
    }
    assert!(files.len() >= 20, "{}", files.len());
    let (code, told) = bench.check(&check, &files, KNOWN);
    assert_eq!((code, told.trim()), (Some(0), ""));
}
