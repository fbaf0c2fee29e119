//! The program at a person's prompt: plain text, and the exit codes that shells know.

use std::process::{Command, Output};

use serde_json::Value;

use crate::texts::{check_has, check_starts};

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
        &[
            "Failed: 'bake' is not a command; expected one of 'run', 'submit', 'wait', 'status', 'cancel', 'sweep', 'promote', 'withdraw', 'retain', 'test', 'diff', 'rollout', 'report', 'render', 'doctor', 'clean-up', 'help'\n",
        ],
    );
    let inputs = [("INPUT_PROVISIONER", "bash"), ("SYSTEM_DEBUG", "true")];
    let expected = ["templateName = t_", "error AIB10", "\nhint: ", "\nFailed: "];
    check(&["run"], &inputs, 1, &expected);
    check(&["run", "provisioner=bash"], &[], 1, &expected);
}

#[test]
fn a_person_gets_the_usage() {
    let commands = ["run", "render", "doctor", "clean-up", "help"];
    for arguments in [&[][..], &["--help"], &["-h"], &["help"]] {
        check(arguments, &[("INPUT_PROVISIONER", "bash")], 0, &commands);
    }
    for arguments in [
        &["render", "--help"][..],
        &["help", "render"],
        &["render", "vmSize=a", "-h"],
    ] {
        let expected = [
            "Usage: image-builder render [name=value ...]\n",
            " templateFile",
        ];
        check(arguments, &[], 0, &expected);
    }
    let doctor = ["Usage: image-builder doctor [name=value ...]\n"];
    check(&["doctor", "--help"], &[], 0, &doctor);
    let near = ["Failed: 'rendr' is not a command; did you mean 'render'?\n"];
    check(&["rendr"], &[], 1, &near);
    let misspelt = ["hint: input 'iblocaton' is set; did you mean 'ibLocation'?"];
    let arguments = ["run", "ibLocaton=westeurope", "ibLocation="];
    check(&arguments, &[], 1, &misspelt);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_ends_nothing_early() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let output = Command::new(env!("CARGO_BIN_EXE_image-builder"))
        .arg(OsStr::from_bytes(b"ren\xffder"))
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("is not a command"), "{text}");
}

/// The operating system gives no more open files: the program says so, in the step's result too.
#[cfg(target_os = "linux")]
#[test]
fn without_open_files_the_program_says_why_it_ends() {
    let limited = |variables: &[(&str, &str)]| {
        let mut shell = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_image-builder");
        // Whoever runs the tests may have left files open.
        let alone = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-";
        let script = format!("{alone}; ulimit -n 4; exec \"$0\" clean-up");
        shell.args(["-c", &script, program]);
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
    check_has(&text, "\nhint: raise the limits of the account");
    let (code, text) = limited(&[("TF_BUILD", "True")]);
    assert_eq!(code, Some(0), "{text}");
    check_has(
        &text,
        "##vso[task.complete result=Failed;]Starting the program failed",
    );
}

#[test]
fn an_agent_gets_exit_code_0_and_reads_the_result() {
    let output = run(&["bake"], &[("TF_BUILD", "True")]);
    let main = run(&[], &[("TF_BUILD", "True")]);
    let main = String::from_utf8(main.stdout).unwrap();
    check_has(&main, "##vso[task.setvariable variable=templateName;");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    check_starts(&text, "##vso[task.complete result=Failed;]");
}

/// Standard output is for another program, so warnings are not there.
#[test]
fn a_template_goes_to_standard_output_and_warnings_beside_it() {
    let group = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";
    let identity = format!("{group}/Microsoft.ManagedIdentity/userAssignedIdentities/id");
    let inputs = [
        ("managedIdentity", identity.as_str()),
        ("ibAzureResourceGroup", "rg"),
        ("imageSource", "marketplace"),
        ("baseImagePubOfferSku", "Canonical:ubuntu-24_04-lts:server"),
        ("packagePath", concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        ("storageAccountName", "stimages"),
        ("runElevated", "true"),
        ("inlineScript", "sudo sh /tmp/src/install.sh"),
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

/// A pipeline variable becomes a variable of the environment, and whoever may queue a run may set one.
#[test]
fn variables_of_the_runtime_do_not_end_the_program() {
    for (name, value) in [
        ("TOKIO_WORKER_THREADS", "0"),
        ("TOKIO_WORKER_THREADS", "many"),
        ("RUST_MIN_STACK", "9223372036854775807"),
    ] {
        check(&["--version"], &[(name, value)], 0, &["image-builder "]);
        check(&["clean-up"], &[(name, value)], 0, &[]);
        let variables = [(name, value), ("TF_BUILD", "True")];
        let output = run(&["run"], &variables);
        let text = String::from_utf8(output.stdout).unwrap();
        check_has(&text, "task.complete result=Failed;]Input '");
    }
}
