//! The script for Windows, run by PowerShell where there is one, with functions in place of what only Windows has.

use std::fs;
use std::path::Path;

use image_builder::inventory::NoList;
use image_builder::inventory::script;

use super::linux::{data, read, shown, unpacked};
use crate::powershell::interpreter::{Bench, Case};

fn stand_ins() -> String {
    fs::read_to_string(data("windows.ps1")).unwrap()
}

fn case(more: &str) -> Case {
    Case {
        stand_ins: format!("{}\n{more}", stand_ins()),
        script: script::windows().join("\n") + "\n",
    }
}

/// What each case prints; none fails.
fn run(cases: &[Case]) -> Option<Vec<String>> {
    let ended = Bench::new()?.run(cases);
    let printed = ended.into_iter().map(|ended| {
        assert_eq!(ended.code, 0, "{}", ended.told);
        ended.told
    });
    Some(printed.collect())
}

const PROGRAMS: [&str; 8] = [
    "program 7-Zip 25.01 (x64) 25.01 -",
    "program Größenrechner 2 1.0 -",
    "program Microsoft Edge 142.0.3595.53 -",
    "program Microsoft FSLogix Apps 3.25.822.19044 -",
    "program Microsoft Visual C++ 2015-2022 Redistributable (x86) - 14.44.35211 14.44.35211.0 -",
    "program Remote Desktop Services Infrastructure Agent 1.0.12183.900 -",
    "program Remote Desktop WebRTC Redirector Service 1.54.2408.19001 -",
    "appx MSTeams 25290.205.4069.4894 x64",
];

const OTHERS: [&str; 10] = [
    "appx Microsoft.HEIFImageExtension 1.2.22.0 x64",
    "appx Microsoft.WindowsCalculator 2021.2502.2.0 neutral",
    "windows:capability=OpenSSH.Client~~~~0.0.1.0",
    "windows:driver=mlx5.inf 24.10.26603.0 Mellanox Technologies Ltd.",
    "windows:driver=wvmbusvideo.inf 10.0.26100.1 Microsoft",
    "windows:feature=NetFx4-AdvSrvs",
    "windows:feature=Printing-PrintToPDFServices-Features",
    "windows:language=Language.Basic~~~de-DE~0.0.1.0",
    "windows:update=KB5054156",
    "windows:update=KB5068861",
];

#[test]
fn a_windows_system_is_listed() {
    let Some(printed) = run(&[case("")]) else {
        return;
    };
    let scene =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/testdata/inventory-windows.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&scene, format!("{}\n", printed[0])).unwrap();
    }
    let text = unpacked(&printed[0], "windows");
    let known = fs::read_to_string(&scene).unwrap();
    assert_eq!(
        text,
        unpacked(&known, "windows"),
        "run with UPDATE_GOLDEN=1"
    );
    let list = read(&printed[0]).unwrap();
    let system = "Windows 11 Enterprise multi-session 25H2 26200.7171";
    assert_eq!(list.system.shown(), system);
    let mut expected: Vec<&str> = PROGRAMS.iter().chain(&OTHERS).copied().collect();
    let mut lines = shown(&list);
    expected.sort_unstable();
    lines.sort_unstable();
    assert_eq!(lines, expected);
    let edge = list
        .components
        .iter()
        .find(|it| it.name == "Microsoft Edge");
    let publisher = edge.and_then(|edge| edge.publisher.as_deref());
    assert_eq!(publisher, Some("Microsoft Corporation"));
}

/// A server keeps its name.
const SERVER: &str = "function Get-ItemProperty { param([Parameter(Position = 0)] $Path, $LiteralPath)
    if ($Path -like '*CurrentVersion') { [pscustomobject]@{ ProductName = 'Windows Server 2025 Datacenter'; DisplayVersion = '24H2'; CurrentBuild = '26100'; UBR = 6584 } }
    elseif ($Path -like '*FSLogix*') { [pscustomobject]@{ InstallVersion = '3.25.822.19044' } }
    elseif ($Path -like '*RDAgentBootLoader') { [pscustomobject]@{ DefaultAgent = 'RDAgent_1.0.12183.900' } }
    elseif ($Path -like '*Uninstall?*') { throw 'Specified cast is not valid.' }
    elseif ($LiteralPath -like '*bad') { throw 'Specified cast is not valid.' }
    elseif ($LiteralPath) { [pscustomobject]@{ DisplayName = 'Good'; DisplayVersion = '1' } } }
function Get-ChildItem { param($Path) [pscustomobject]@{ PSPath = \"$Path\\bad\" }; [pscustomobject]@{ PSPath = \"$Path\\good\" } }";

/// Nothing but the system itself answers.
const BROKEN: &str =
    "function Get-AppxProvisionedPackage { throw 'The requested operation requires elevation.' }
function Get-HotFix { Write-Error 'Access denied' }
function Get-WindowsOptionalFeature { throw 'x' }
function Get-WindowsCapability { throw 'x' }
function pnputil { $global:LASTEXITCODE = 87; 'no' }";

#[test]
fn what_cannot_be_read_costs_its_own_rows_alone() {
    let without_registry = "function Get-ItemProperty { throw 'no registry' }";
    let cases = [case(SERVER), case(BROKEN), case(without_registry)];
    let Some(printed) = run(&cases) else {
        return;
    };
    let server = read(&printed[0]).unwrap();
    let system = "Windows Server 2025 Datacenter 24H2 26100.6584";
    assert_eq!(server.system.shown(), system);
    let programs: Vec<String> = shown(&server)
        .into_iter()
        .filter(|line| line.starts_with("program "))
        .collect();
    let expected = [
        "program FSLogix 3.25.822.19044 -",
        "program Good 1 -",
        "program RDAgent 1.0.12183.900 -",
    ];
    assert_eq!(programs, expected);
    let broken = read(&printed[1]).unwrap();
    let incomplete = ["appx", "capability", "driver", "feature", "update"];
    assert_eq!(broken.incomplete(), incomplete);
    assert_eq!(broken.components.len(), 7);
    let failed = NoList::Failed("no registry".to_owned());
    assert_eq!(read(&printed[2]), Err(failed));
    assert_eq!(printed[2].lines().count(), 1);
}

/// The whole command of Packer, in a process of its own: the step ends well whatever the script meets.
#[test]
fn the_step_ends_well_where_nothing_is_there() {
    let Some(bench) = Bench::new() else {
        return;
    };
    let (code, told) = bench.run_as_packer(&(script::windows().join("\n") + "\n"));
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("image-inventory failed "), "{told}");
}
