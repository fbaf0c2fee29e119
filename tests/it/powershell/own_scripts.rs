//! What an author writes for Windows, in every form, run as it arrives there.

use std::fs;
use std::path::Path;

use image_builder::template::compose;
use image_builder::template::model::json;
use serde_json::Value;

use super::interpreter::{Bench, Case, scripts};
use crate::job::{Job, job};
use crate::template::template;
use crate::template_files::with_text;

/// A script, and what it says when Windows PowerShell reads it as its author wrote it.
const FORMS: &[(&str, &str)] = &[
    ("Write-Host plain", "plain"),
    (
        "param($Name = 'x', [switch] $Force)\nWrite-Host \"$Name $Force\"",
        "x False",
    ),
    (
        "# what it does\n#Requires -Version 5.1\n<# more\n#>\n\n[CmdletBinding()]\nparam(\n    [Parameter()] [string] $Name = 'x'\n)\nWrite-Host \"$Name $($PSCmdlet.GetType().Name)\"",
        "x PSScriptCmdlet",
    ),
    (
        "[Diagnostics.CodeAnalysis.SuppressMessageAttribute('a[b', 'c]')]\n[CmdletBinding(SupportsShouldProcess)] Param ([int] $Count = 2)\nWrite-Host ($Count + 1)",
        "3",
    ),
    (
        "using namespace System.IO\nWrite-Host ([Path]::GetFileName('/a/b'))",
        "b",
    ),
    (
        "using namespace System.IO\nusing namespace System.Text\nparam([string] $Name = [Path]::GetFileName('/a/b'))\nWrite-Host $Name",
        "b",
    ),
    (
        "begin { Write-Host one }\nprocess { Write-Host two }\nend { Write-Host three }",
        "one\ntwo\nthree",
    ),
    ("Write-Host 'größe, \u{1f600}'", "größe, \u{1f600}"),
    ("Write-Host 'a' \u{2013}Separator ','", "a"),
    (
        "Write-Host \u{201c}a 'b' \u{2013} c\u{201d}",
        "a 'b' \u{2013} c",
    ),
    (
        "param($Text = 'ä')\nWrite-Host @'\n<U+0041> $Text '@ ä\n'@ # <U+\nWrite-Host $Text",
        "<U+0041> $Text '@ ä\nä",
    ),
    (
        "Write-Host 'ä'\nWrite-Host (@\"\n'@\n\"@)\nWrite-Host ($PSScriptRoot.Length -gt 1)",
        "ä\n'@\nTrue",
    ),
    (
        "Write-Host \"$($Error.Count) $ErrorActionPreference\"",
        "0 Continue",
    ),
    (
        "# ä\nWrite-Host \"$($Error.Count) $(@(Get-Variable text -ErrorAction Ignore).Count)\"",
        "0 0",
    ),
];

/// A script, and the exit code of its step.
const ENDS: &[(&str, i64)] = &[
    ("Write-Host ä", 0),
    ("Write-Host ä\nexit 3010", 3010),
    ("param()\nexit 3", 3),
    ("param()\nend.exe 7\nWrite-Host last", 7),
    ("param()\nend.exe 7\nexit 0", 0),
    ("param()\nthrow 'no'", 1),
    ("# ä\nWrite-Error 'goes on'\nWrite-Host last", 0),
    ("# ä\n[int]::Parse('x')\nWrite-Host last", 0),
    ("end.exe 7\nWrite-Host last", 7),
    ("throw 'no'", 1),
];

fn inline(script: &str, strict: bool) -> Job {
    job()
        .input("provisioner", "powershell")
        .input("stopOnError", if strict { "true" } else { "false" })
        .input("inlineScript", script)
}

/// The author's step, without the lines that unpack a package.
fn of_inputs(script: &str, strict: bool) -> String {
    let template = compose(&inline(script, strict).plan().unwrap(), None);
    let scripts = scripts(&json(&template));
    let [(name, script)] = scripts.as_slice() else {
        panic!("{scripts:?}")
    };
    assert_eq!(name, "vststask_inline");
    script.clone()
}

/// What Packer 1.13.1 and later put before a script, in the same line.
const OF_PACKER: &str = "$env:PACKER_BUILDER_TYPE=\"azure-arm\"; $env:PACKER_BUILD_NAME=\"x\"; ";

fn case(script: String) -> Case {
    Case {
        script,
        ..Case::default()
    }
}

#[test]
fn every_form_of_a_script_runs_as_it_was_written() {
    let Some(bench) = Bench::new() else { return };
    let (mut names, mut cases, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for (script, told) in FORMS {
        for strict in [false, true] {
            for before in ["", OF_PACKER] {
                let sent = of_inputs(script, strict);
                // Whatever code page the machine has, it reads this.
                assert!(sent.is_ascii(), "{sent}");
                cases.push(case(format!("{before}{sent}")));
                names.push(format!("{before}{strict}\n{script}"));
                expected.push(told.replace("Continue", if strict { "Stop" } else { "Continue" }));
            }
        }
    }
    let ended = bench.run(&cases);
    for ((name, ended), told) in names.iter().zip(&ended).zip(&expected) {
        assert_eq!((ended.code, &ended.told), (0, told), "{name}");
    }
}

#[test]
fn a_script_ends_its_step_as_it_ended() {
    let Some(bench) = Bench::new() else { return };
    bench.with_program("end.exe");
    let cases: Vec<_> = ENDS
        .iter()
        .map(|(script, _)| case(of_inputs(script, false)))
        .collect();
    for (ended, (script, code)) in bench.run(&cases).iter().zip(ENDS) {
        assert_eq!(ended.code, *code, "{script}: {}", ended.told);
        assert_eq!(
            script.contains("last"),
            ended.told.contains("last"),
            "{script}"
        );
    }
    // Nothing of it stays.
    assert!(!bench.path("temp/image-builder-script.ps1").exists());
}

/// The command of Packer, by a process of its own, to be sure of its exit code.
#[test]
fn packer_sees_how_a_script_ended() {
    let Some(bench) = Bench::new() else { return };
    let check = |script: &str, code: i32, told: &str| {
        let (ended, said) = bench.run_as_packer(&of_inputs(script, false));
        assert_eq!(ended, Some(code), "{script}: {said}");
        assert!(said.contains(told), "{script}: {said}");
    };
    check(
        "param($Name = 'größe')\nWrite-Host $Name\nexit 5",
        5,
        "größe",
    );
    check("param()\nthrow 'no such thing'", 1, "no such thing");
}

const TEMPLATE_FILE: &str = "customize:
- type: PowerShell
  name: marked
  scriptPath: scripts/marked.ps1
- type: PowerShell
  name: utf16
  scriptPath: scripts/utf16.ps1
- type: PowerShell
  name: long
  scriptPath: scripts/long.ps1
- type: PowerShell
  name: lines
  inline:
  - param($Name = 'ö')
  - Write-Host $Name
validate:
  inVMValidations:
  - type: PowerShell
    name: validator
    inline: [\"Write-Host 'ü'\"]
";

/// The package is unpacked in `root`.
fn with_template_file(root: &Path) -> Value {
    let job = with_text("web.yml", TEMPLATE_FILE);
    let script = "\u{feff}param($Name = 'ä')\r\nWrite-Host $Name\r\nexit 4\r\n";
    let utf16: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = |name: &str| job.path("webapp/scripts").join(name);
    fs::write(file("marked.ps1"), script).unwrap();
    fs::write(file("utf16.ps1"), utf16).unwrap();
    let long = script.trim_start_matches('\u{feff}').to_owned() + &"# long\n".repeat(4000);
    fs::write(file("long.ps1"), long).unwrap();
    fs::create_dir_all(root.join("webapp/scripts")).unwrap();
    fs::copy(file("long.ps1"), root.join("webapp/scripts/long.ps1")).unwrap();
    template(&job)
}

/// Short scripts of a template file stand in the template, with validators among them, and long ones are called in the package.
#[test]
fn scripts_of_a_template_file_run_as_they_were_written() {
    let Some(bench) = Bench::new() else { return };
    let root = bench.path("root");
    let template = with_template_file(&root);
    let mut scripts = scripts(&template);
    let validator = &template["properties"]["validate"]["inVMValidations"][0]["inline"];
    let lines = validator.as_array().unwrap().iter();
    let lines: Vec<_> = lines.map(|line| line.as_str().unwrap()).collect();
    scripts.push(("validator".to_owned(), lines.join("\n")));
    scripts.retain(|(name, _)| name != "vststask_package");
    let cases: Vec<_> = scripts
        .iter()
        .map(|(_, script)| case(super::interpreter::in_folder(script, &root)))
        .collect();
    assert!(cases.iter().all(|case| case.script.is_ascii()));
    let names: Vec<_> = scripts.iter().map(|(name, _)| name.clone()).collect();
    let ended = bench.run(&cases);
    let ended = super::interpreter::by_name(&names, &ended);
    for (name, code, told) in [
        ("marked", 4, "ä"),
        ("utf16", 4, "ä"),
        ("long", 4, "ä"),
        ("lines", 0, "ö"),
        ("validator", 0, "ü"),
    ] {
        let Some(ended) = ended.get(name) else {
            panic!("{names:?}")
        };
        assert_eq!((ended.code, ended.told.as_str()), (code, told), "{name}");
    }
    // Windows PowerShell reads a file in the package by its mark.
    let long = fs::read(root.join("webapp/scripts/long.ps1")).unwrap();
    assert!(long.starts_with(b"\xef\xbb\xbfparam"));
}

/// `stopOnError`: a script, and how it ends. None of them may come to its last line.
const STOPS: &[(&str, i64)] = &[
    ("end.exe 5\nWrite-Host 'went on'", 5),
    ("Get-Item /no/such/place\nWrite-Host 'went on'", 1),
    ("if ($true) {\n    end.exe 5\n}\nWrite-Host 'went on'", 5),
    (
        "function Install {\n    param($Code)\n    end.exe $Code\n}\nInstall 6\nWrite-Host 'went on'",
        6,
    ),
    (
        "foreach ($code in 0, 7) {\n  & end.exe $code\n}\nWrite-Host 'went on'",
        7,
    ),
    (
        "try {\n  end.exe 5\n} catch {\n  Write-Host caught\n}\nWrite-Host 'went on'",
        5,
    ),
    (
        "switch (1) {\n  1 {\n    end.exe 8\n  }\n}\nWrite-Host 'went on'",
        8,
    ),
    (
        "0, 9 | ForEach-Object {\n  end.exe $_\n}\nWrite-Host 'went on'",
        9,
    ),
    (
        "[CmdletBinding()]\nparam($Code = 5)\nend.exe $Code\nWrite-Host 'went on'",
        5,
    ),
    (
        "using namespace System.IO\n$text = 'größe'\nend.exe 5\nWrite-Host 'went on'",
        5,
    ),
    (
        "param($Place = '/no/such/place')\nGet-Item $Place\nWrite-Host 'went on'",
        1,
    ),
    (
        "try {\n  $null = 1\n} finally {\n  end.exe 0\n}\nend.exe 5\nWrite-Host 'went on'",
        5,
    ),
];

/// What a script looks at itself is its own business.
const GOES_ON: &[(&str, i64)] = &[
    (
        "robocopy.exe 1\nif ($LASTEXITCODE -ge 8) { exit 1 }\nWrite-Host 'went on'\nexit 0",
        0,
    ),
    // The last program's exit code is the script's.
    (
        "robocopy.exe 1\nif ($LASTEXITCODE -ge 8) { exit 1 }\nWrite-Host 'went on'",
        1,
    ),
    (
        "if ($true) {\n  robocopy.exe 1\n  if ($LASTEXITCODE -ge 8) { exit 1 }\n}\nWrite-Host 'went on'\nexit 0",
        0,
    ),
    ("$code = 0\nend.exe 0\nWrite-Host 'went on'", 0),
    (
        "enum Color {\n  Red\n  Green\n}\nclass Box {\n  [int] $Size = 1\n  [int] Twice() {\n    return 2 * $this.Size\n  }\n}\nWrite-Host \"went on $([Color]::Red) $([Box]::new().Twice())\"",
        0,
    ),
    (
        "$settings = @{\n  name = 'x'\n  value = 'y'\n}\nWrite-Host \"went on $($settings.name)\"",
        0,
    ),
    (
        "try {\n  end.exe 0\n} finally {\n  end.exe 3\n}\nWrite-Host 'went on'\nexit 0",
        0,
    ),
];

#[test]
fn stop_on_error_stops_at_whole_lines_everywhere() {
    let Some(bench) = Bench::new() else { return };
    bench.with_program("end.exe");
    bench.with_program("robocopy.exe");
    let all = STOPS.iter().chain(GOES_ON);
    let cases: Vec<_> = all
        .clone()
        .map(|(script, _)| case(of_inputs(script, true)))
        .collect();
    let ended = bench.run(&cases);
    for (index, (ended, (script, code))) in ended.iter().zip(all).enumerate() {
        assert_eq!(ended.code, *code, "{script}: {}", ended.told);
        let goes_on = index >= STOPS.len();
        assert_eq!(
            ended.told.contains("went on"),
            goes_on,
            "{script}: {}",
            ended.told
        );
    }
}
