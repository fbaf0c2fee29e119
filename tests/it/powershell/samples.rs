//! The PowerShell of the samples, run with stand-ins for what only Windows or Azure has.

use std::fs;
use std::path::Path;

use super::interpreter::{Bench, Case, Ended, in_folder};
use crate::texts::check_has;

fn sample(path: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    fs::read_to_string(folder.join(path)).unwrap()
}

/// Functions that say that they were called, with the arguments that the script gave.
fn say(names: &[&str]) -> String {
    let functions = names.iter().map(|name| {
        format!("function {name} {{ Write-Host (@('{name}') + @($args | ForEach-Object {{ if ($_ -is [hashtable]) {{ $map = $_; ($map.Keys | Sort-Object | ForEach-Object {{ \"$_=$($map[$_])\" }}) -join ',' }} else {{ \"$_\" }} }}) -join ' ') }}\n")
    });
    functions.collect()
}

fn feature(restart: &str) -> String {
    format!(
        "function Enable-WindowsOptionalFeature {{ [pscustomobject]@{{ RestartNeeded = ${restart} }} }}"
    )
}

fn installer(code: &str) -> String {
    format!(
        "function Start-Process {{ param($FilePath, $ArgumentList, [switch] $Wait, [switch] $PassThru) Write-Host \"$FilePath $ArgumentList\"; [pscustomobject]@{{ ExitCode = {code} }} }}"
    )
}

fn language() -> String {
    say(&[
        "Disable-ScheduledTask",
        "New-Item",
        "New-ItemProperty",
        "Install-Language",
        "Set-SystemPreferredUILanguage",
        "Set-TimeZone",
    ])
}

fn apps(pending: &str) -> String {
    say(&["Remove-AppxPackage"])
        + &format!(
            "function Test-Path {{ param($Path) ${pending} -and $Path -like '*RebootPending' }}\n"
        )
        + "function Get-AppxProvisionedPackage { param([switch] $Online) [pscustomobject]@{ DisplayName = 'kept' } }\n"
        + "function Get-AppxPackage { param([switch] $AllUsers) foreach ($name in 'kept', 'own') { [pscustomobject]@{ Name = $name; PackageFullName = \"$($name)_1\"; SignatureKind = 'Store'; IsFramework = $false; NonRemovable = $false } } }\n"
}

#[test]
fn scripts_for_session_hosts() {
    let Some(bench) = Bench::new() else { return };
    let root = bench.path("root");
    let installers = root.join("package/installers");
    fs::create_dir_all(&installers).unwrap();
    for name in ["b.msi", "a.msi", "README.txt"] {
        fs::write(installers.join(name), "").unwrap();
    }
    let windows = |path: &str, stand_ins: String| Case {
        script: in_folder(&sample(&format!("windows-avd/scripts/{path}")), &root),
        stand_ins,
    };
    let ended = bench.run(&[
        windows("features.ps1", feature("false")),
        windows("features.ps1", feature("true")),
        windows("language.ps1", language()),
        windows("applications.ps1", installer("0")),
        windows("applications.ps1", installer("3010")),
        windows("applications.ps1", installer("1603")),
        windows("before-sysprep.ps1", apps("true")),
        windows("before-sysprep.ps1", apps("false")),
    ]);
    check_ends(&ended, &root);
    // The installers do not go into the image.
    assert!(!root.exists());
}

fn check_ends(ended: &[Ended], root: &Path) {
    let check = |number: usize, code: i64, told: &str| {
        let ended = &ended[number];
        let said = ended.told.replace(&root.display().to_string(), "{root}");
        assert_eq!((ended.code, said.as_str()), (code, told));
    };
    check(0, 0, "");
    check(1, 3010, "");
    let policies = r"HKLM:\SOFTWARE\Policies\Microsoft\Control Panel\International";
    let told = format!(
        "New-Item -Path {policies} -Force\nNew-ItemProperty -Path {policies} -Name BlockCleanupOfUnusedPreinstalledLangPacks -Value 1 -PropertyType DWord -Force\nInstall-Language -Language de-DE\nSet-SystemPreferredUILanguage -Language de-DE\nSet-TimeZone -Id W. Europe Standard Time\nLanguage de-DE, time zone W. Europe Standard Time"
    );
    let said: Vec<_> = ended[2]
        .told
        .lines()
        .filter(|line| !line.starts_with("Disable"))
        .collect();
    assert_eq!((ended[2].code, said.join("\n")), (0, told));
    let call = |name: &str| {
        format!(
            "Installing {name}\nmsiexec.exe /i \"{{root}}/package/installers/{name}\" /qn /norestart ALLUSERS=1"
        )
    };
    let both = format!("{}\n{}", call("a.msi"), call("b.msi"));
    check(3, 0, &both);
    check(4, 3010, &both);
    let failed = format!(
        "{}\na.msi: msiexec ended with exit code 1603",
        call("a.msi")
    );
    check(5, 1, &failed);
    assert_eq!(ended[6].code, 1);
    assert!(
        ended[6]
            .told
            .starts_with("Windows waits for a restart (HKLM:"),
        "{}",
        ended[6].told
    );
    let removed = "Removing own, which is not provisioned for all users\nRemove-AppxPackage -Package own_1 -AllUsers";
    check(7, 0, removed);
}

/// What `Get-AzContext` and the like know in these tests.
const AZURE: &str = "
function Get-AzContext { [pscustomobject]@{ Subscription = [pscustomobject]@{ Id = 'the-subscription'; Name = 'the-name' }; Tenant = [pscustomobject]@{ Id = 'the-tenant' } } }
function Get-AzUserAssignedIdentity { param($ResourceGroupName, $Name) [pscustomobject]@{ PrincipalId = \"principal-of-$Name\"; ClientId = \"client-of-$Name\" } }
";

#[test]
fn setup_makes_what_builds_need() {
    let Some(bench) = Bench::new() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/setup");
    let roles = bench.path("cases/roles");
    fs::create_dir_all(&roles).unwrap();
    for file in fs::read_dir(folder.join("roles")).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, roles.join(path.file_name().unwrap())).unwrap();
    }
    let role = "function New-AzRoleDefinition { param($InputFile) $role = Get-Content -Raw $InputFile | ConvertFrom-Json; Write-Host \"New-AzRoleDefinition $($role.Name) $($role.AssignableScopes)\" }\n";
    let stand_ins = say(&[
        "Register-AzResourceProvider",
        "New-AzResourceGroup",
        "New-AzUserAssignedIdentity",
        "New-AzGallery",
        "New-AzGalleryImageDefinition",
        "New-AzStorageAccount",
        "New-AzRoleAssignment",
    ]) + role
        + AZURE;
    let script = sample("setup/setup.ps1");
    let ended = bench.run(&[Case { stand_ins, script }]);
    assert_eq!(ended[0].code, 0, "{}", ended[0].told);
    let count = |word: &str| {
        ended[0]
            .told
            .lines()
            .filter(|line| line.starts_with(word))
            .count()
    };
    assert_eq!(
        count("New-AzRoleDefinition Image Builder Task"),
        fs::read_dir(&roles).unwrap().count()
    );
    assert!(
        !ended[0].told.contains("00000000-0000"),
        "{}",
        ended[0].told
    );
    assert_eq!(
        count("New-AzGalleryImageDefinition -ResourceGroupName rg-images"),
        2
    );
    assert!(count("New-AzRoleAssignment -ObjectId principal-of-id-image-builder") >= 2);
    assert!(count("New-AzRoleAssignment -ObjectId principal-of-id-image-pipeline") >= 2);
}

#[test]
fn the_service_connection_is_made_with_its_federated_credential() {
    let Some(bench) = Bench::new() else { return };
    let azure = |status: u32| {
        say(&["New-AzFederatedIdentityCredential"])
            + AZURE
            + "function Invoke-AzRestMethod { param($Method = 'GET', $Uri, $ResourceId, $Payload)\n"
            + "    Write-Host \"$Method $Uri\"\n"
            + "    if ($Payload) { $sent = ConvertFrom-Json $Payload; Write-Host \"$($sent.data.subscriptionId) $($sent.authorization.parameters.tenantid) $($sent.authorization.parameters.serviceprincipalid) $($sent.serviceEndpointProjectReferences[0].projectReference.id)\" }\n"
            + &format!(
                "    [pscustomobject]@{{ StatusCode = if ($Method -eq 'POST') {{ {status} }} else {{ 200 }}; Content = '{{\"id\": \"the-id\", \"authorization\": {{\"parameters\": {{\"workloadIdentityFederationIssuer\": \"the-issuer\", \"workloadIdentityFederationSubject\": \"the-subject\"}}}}}}' }}\n}}\n"
            )
    };
    // The arguments of the command line.
    let script = format!(
        "& {{\n{}\n}} -Organization contoso -Project shop",
        sample("setup/service-connection.ps1")
    );
    let case = |status| Case {
        stand_ins: azure(status),
        script: script.clone(),
    };
    let ended = bench.run(&[case(200), case(403)]);
    let server = "https://dev.azure.com/contoso";
    let sent = format!(
        "GET {server}/_apis/projects/shop?api-version=7.1\nPOST {server}/_apis/serviceendpoint/endpoints?api-version=7.1\nthe-subscription the-tenant client-of-id-image-pipeline the-id\n"
    );
    let made = format!(
        "{sent}GET {server}/shop/_apis/serviceendpoint/endpoints/the-id?api-version=7.1\nNew-AzFederatedIdentityCredential -ResourceGroupName rg-images -IdentityName id-image-pipeline -Name azure-pipelines -Issuer the-issuer -Subject the-subject -Audience api://AzureADTokenExchange"
    );
    assert_eq!((ended[0].code, &ended[0].told), (0, &made));
    assert_eq!(ended[1].code, 1);
    check_has(&ended[1].told, "Azure DevOps answered 403");
}
