//! The program at a person's prompt: plain text, and the exit codes that shells know.

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_image-builder"));
    program.args(arguments).env_clear();
    program.envs(variables.iter().copied()).output().unwrap()
}

fn check(arguments: &[&str], variables: &[(&str, &str)], code: i32, expected: &[&str]) {
    let output = run(arguments, variables);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in expected {
        assert!(text.contains(part), "no '{part}' in\n{text}");
    }
    assert!(!text.contains("##"), "{text}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_person_reads_plain_text_and_gets_the_usual_exit_codes() {
    check(&["--version"], &[], 0, &["image-builder "]);
    check(&["clean-up"], &[], 0, &[]);
    check(
        &["bake"],
        &[],
        1,
        &["Failed: 'bake' is not a stage; expected 'run', 'render', 'doctor' or 'clean-up'\n"],
    );
    let inputs = [("INPUT_PROVISIONER", "bash"), ("SYSTEM_DEBUG", "true")];
    for arguments in [&[][..], &["run"]] {
        let expected = ["templateName = t_", "error AIB10", "\nhint: ", "\nFailed: "];
        check(arguments, &inputs, 1, &expected);
    }
}

/// The operating system gives no more open files: the program says so, in the step's result too.
#[cfg(target_os = "linux")]
#[test]
fn without_open_files_the_program_says_why_it_ends() {
    let limited = |variables: &[(&str, &str)]| {
        let mut shell = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_image-builder");
        shell.args(["-c", "ulimit -n 4; exec \"$0\" clean-up", program]);
        shell.env_clear().envs(variables.iter().copied());
        let output = shell.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, text) = limited(&[]);
    assert_eq!(code, Some(1), "{text}");
    let expected = "error AIB902: Starting the program failed: the operating system refused: ";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("\nhint: raise the limits of the account"),
        "{text}"
    );
    let (code, text) = limited(&[("TF_BUILD", "True")]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("##vso[task.complete result=Failed;]Starting the program failed"),
        "{text}"
    );
}

#[test]
fn an_agent_gets_exit_code_0_and_reads_the_result() {
    let output = run(&["bake"], &[("TF_BUILD", "True")]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text.starts_with("##vso[task.complete result=Failed;]"),
        "{text}"
    );
}

/// Standard output is for another program, so warnings are not there.
#[test]
fn a_template_goes_to_standard_output_and_warnings_beside_it() {
    let group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers";
    let identity = format!("{group}/Microsoft.ManagedIdentity/userAssignedIdentities/id");
    let inputs = [
        ("managedIdentity", identity.as_str()),
        ("ibAzureResourceGroup", "rg"),
        ("imageSource", "marketplace"),
        ("baseImagePubOfferSku", "Canonical:ubuntu-24_04-lts:server"),
        ("packagePath", concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        ("storageAccountName", "stimages"),
        ("runElevated", "true"),
        (
            "imageIdForDistribute",
            &format!("{group}/Microsoft.Compute/images/web"),
        ),
        ("vmSize", "Standard_D2s_v5"),
    ];
    let inputs = inputs.map(|(name, value)| format!("{name}={value}"));
    let arguments: Vec<_> = std::iter::once("render")
        .chain(inputs.iter().map(String::as_str))
        .collect();
    let output = run(&arguments, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let template: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(template["location"], "westus");
    let warnings = String::from_utf8(output.stderr).unwrap();
    let expected = "warning AIB103: Input 'runElevated': it has no effect";
    assert!(warnings.starts_with(expected), "{warnings}");
    assert!(warnings.contains("\nhint: "), "{warnings}");
}
