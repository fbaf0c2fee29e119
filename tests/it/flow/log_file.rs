//! The log of the build: fetched before clean-up, attached, and the base of the headline.

use std::fs;
use std::path::Path;

use azure_emulator::{Effect, Fault, RunFate, StagingAccess};

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use crate::golden::golden;
use crate::texts::check_has;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    fs::read(folder.join(format!("{name}.log"))).unwrap()
}

/// The file that was attached, as it is on the agent.
fn attached(stage: &Stage) -> Vec<u8> {
    let mut uploads = stage
        .transcript
        .lines()
        .filter_map(|line| line.strip_prefix("##vso[task.uploadfile]"))
        .filter(|path| path.ends_with("customization.log"));
    let path = uploads
        .next()
        .unwrap_or_else(|| panic!("nothing is attached\n{}", stage.transcript));
    assert_eq!(uploads.next(), None);
    assert!(Path::new(path).is_absolute(), "{path}");
    fs::read(path).unwrap()
}

async fn failed(scene: Scene, log: Vec<u8>) -> Stage {
    let scene = scene.switches(|switches| switches.log = Some(log));
    let stage = scene
        .build(|cloud| cloud.script_run(RunFate::customizer_failed()))
        .await;
    stage.check_result("Failed");
    check_nothing_left(&stage);
    check_no_secret(&stage);
    stage
}

#[tokio::test(start_paused = true)]
async fn a_failed_build_names_the_customizer_and_the_cause() {
    let stage = failed(Scene::linux(), fixture("23-without-sudo")).await;
    assert_eq!(attached(&stage), fixture("23-without-sudo"));
    let error = stage.error();
    let begin = "AIB025: The image run failed while customizing, after ";
    assert!(error.starts_with(begin), "{error}");
    let cause = "in customizer 2 of 2 'vststask_inline' (Shell): a command in the script was denied permission\nhint: put sudo before the command";
    assert!(error.contains(cause), "{error}");
    let line = "touch: cannot touch '/buildArtifacts/imageBuilder.md': Permission denied";
    assert!(
        stage.transcript.lines().any(|found| found == line),
        "{}",
        stage.transcript
    );
    golden(
        "transcripts/failed-customizer.txt",
        &stage.readable_transcript(),
    );
    golden("summaries/failed-customizer.md", &stage.summary());
}

/// The log goes with the template: what it tells is not lost where the agent cannot keep it.
#[tokio::test(start_paused = true)]
async fn a_disk_that_takes_no_log_costs_no_diagnosis() {
    let scene = Scene::linux();
    let temp = scene.step.directories.temp.clone();
    fs::remove_dir_all(&temp).unwrap();
    fs::write(&temp, "").unwrap();
    let stage = failed(scene, fixture("23-without-sudo")).await;
    let cause = "in customizer 2 of 2 'vststask_inline' (Shell): a command in the script was denied permission\nhint: put sudo before the command";
    assert!(stage.error().contains(cause), "{}", stage.error());
    let told = stage.transcript.matches("\nno build log:  '").count();
    assert_eq!(told, 1, "{}", stage.transcript);
}

/// The issue's file and line, relative to the sources.
fn place(stage: &Stage, scene_sources: &str) -> Option<(String, String)> {
    let issue = stage
        .transcript
        .lines()
        .find(|line| line.starts_with("##vso[task.logissue type=error;"))?;
    let property = |name: &str| {
        let (_, rest) = issue.split_once(&format!(";{name}="))?;
        Some(rest.split_once(';')?.0.to_owned())
    };
    let file = property("sourcepath")?;
    let file = file.strip_prefix(scene_sources)?.to_owned();
    assert_eq!(property("columnnumber")?, "1");
    Some((file, property("linenumber")?))
}

#[tokio::test(start_paused = true)]
async fn the_script_of_the_template_file_is_the_issues_source() {
    let scene = Scene::linux();
    let sources = scene.step.directories.sources.clone();
    std::fs::write(sources.join("one.sh"), "exit 1\n").unwrap();
    let text = "customize:\n- type: Shell\n  scriptPath: one.sh\n";
    std::fs::write(sources.join("steps.yml"), text).unwrap();
    let file = sources.join("steps.yml").display().to_string();
    let scene = scene.input("templateFile", &file).input("packagePath", "");
    let log = String::from_utf8(fixture("23-without-sudo")).unwrap();
    let log = log.lines().filter(|line| {
        let of_the_package = line.contains("provisioner file") || line.contains("ending file");
        !of_the_package && !line.contains("package.tar.gz")
    });
    let log = log.collect::<Vec<_>>().join("\n");
    let stage = failed(scene, log.into_bytes()).await;
    let sources = sources.display().to_string();
    let expected = ("/one.sh".to_owned(), "1".to_owned());
    assert_eq!(place(&stage, &sources), Some(expected), "{}", stage.error());
    let here = "\n**Where:** `one.sh`, line 1\n";
    assert!(stage.summary().contains(here), "{}", stage.summary());
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_script_of_the_package_is_the_issues_source() {
    let scene = Scene::linux();
    let sources = scene.step.directories.sources.clone();
    let script = sources.join("wvd/images/scripts/base-installs.sh");
    std::fs::write(script, "exit 1\n").unwrap();
    let log = String::from_utf8(fixture("23-without-sudo")).unwrap();
    let log = log.replace(
        "touch: cannot",
        "/tmp/images/scripts/base-installs.sh: line 12: cannot",
    );
    let stage = failed(scene, log.into_bytes()).await;
    let expected = (
        "/wvd/images/scripts/base-installs.sh".to_owned(),
        "12".to_owned(),
    );
    let sources = sources.display().to_string();
    assert_eq!(
        place(&stage, &sources),
        Some(expected),
        "{}",
        stage.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_script_printed_is_no_command() {
    let stage = failed(Scene::linux(), fixture("19-ansi-and-broken-text")).await;
    assert!(stage.error().starts_with("AIB024: "), "{}", stage.error());
    let foreign = "**vso[task.setvariable variable=PATH]/evil";
    assert!(stage.transcript.contains(foreign), "{}", stage.transcript);
    assert!(
        !stage
            .transcript
            .contains("##vso[task.setvariable variable=PATH]")
    );
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_good_build_is_attached_too() {
    let stage = Scene::linux().build(|_| {}).await;
    stage.check_result("Succeeded");
    let log = String::from_utf8(attached(&stage)).unwrap();
    check_has(&log, "(telemetry) Starting provisioner shell");
}

#[tokio::test(start_paused = true)]
async fn a_role_is_enough_and_no_key_is_asked_for() {
    let scene = Scene::linux().switches(|switches| switches.staging_access = StagingAccess::Role);
    let stage = scene.build(|_| {}).await;
    assert!(!attached(&stage).is_empty());
    let journal = stage.cloud.journal();
    assert!(
        !journal
            .iter()
            .any(|entry| entry.operation == Some("ListStorageKeys"))
    );
    let keys = Scene::linux().build(|_| {}).await.cloud.journal();
    let asked = keys
        .iter()
        .filter(|entry| entry.operation == Some("ListStorageKeys"));
    assert_eq!(asked.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_role_and_key_the_missing_role_is_named_and_the_build_goes_on() {
    let scene = Scene::linux().switches(|switches| switches.staging_access = StagingAccess::Nobody);
    let stage = scene.build(|_| {}).await;
    stage.check_result("Succeeded");
    let told: Vec<_> = stage
        .transcript
        .lines()
        .filter(|line| line.starts_with("no build log:"))
        .collect();
    assert_eq!(told.len(), 1, "{}", stage.transcript);
    let command = "az role assignment create --assignee 6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12 --role \"Storage Blob Data Reader\" --scope /subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963";
    assert!(told[0].contains(command), "{}", told[0]);
}

#[tokio::test(start_paused = true)]
async fn a_log_of_many_pieces_is_saved_whole() {
    let mut log = fixture("09-updates-eof");
    let line = b"[864c0337-5f1a-4c6e-9a51-0d8e7b6c5a41] PACKER OUT     azure-arm: downloading\n";
    let head: Vec<u8> = line
        .iter()
        .copied()
        .cycle()
        .take(9 * 1024 * 1024 / line.len() * line.len())
        .collect();
    log.splice(0..0, head);
    let stage = failed(Scene::windows(), log.clone()).await;
    assert!(attached(&stage) == log);
    assert!(stage.error().starts_with("AIB028: "), "{}", stage.error());
}

/// The lines of the transcript between the start of the run and its end.
fn while_running(stage: &Stage) -> Vec<&str> {
    let lines = stage.transcript.lines();
    let lines = lines.skip_while(|line| !line.starts_with("starting run template"));
    lines
        .take_while(|line| !line.starts_with("the run ended"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_output_of_the_build_shows_while_it_runs() {
    let log = fixture("02-windows-success");
    let scene = Scene::windows().switches(|switches| switches.log = Some(log));
    let stage = scene.build(|_| {}).await;
    stage.check_result("Succeeded");
    let lines = while_running(&stage);
    let groups: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("##[group]"))
        .collect();
    let expected = [
        "customizer 1 of 3 'vststask_inline' (PowerShell)",
        "customizer 2 of 3 '5minWait_is_needed_before_windowsUpdate' (PowerShell)",
        "customizer 3 of 3 (WindowsUpdate)",
    ];
    assert_eq!(groups.get(..3), Some(&expected[..]), "{lines:#?}");
    let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(said("installing apps"), 1, "{lines:#?}");
    assert_eq!(said("system performance"), 1, "{lines:#?}");
    let asked = stage.cloud.requests("GetContainerLog");
    assert!(asked.len() < 60);
}

/// Each step is news, also where it differs in its number alone; of percentages one is enough.
#[tokio::test(start_paused = true)]
async fn steps_show_and_percentages_show_once() {
    let log = String::from_utf8(fixture("02-windows-success")).unwrap();
    let (before, rest) = log.split_once("installing apps").unwrap();
    let start = before.rfind('\n').unwrap() + 1;
    let prefix = &before[start..];
    let said = [
        "step 1 of 3",
        "step 2 of 3",
        "step 3 of 3",
        "10 % copied",
        "90 % copied",
    ];
    let lines = said.map(|text| format!("{prefix}{text}\n")).concat();
    let log = format!("{}{lines}{prefix}installing apps{rest}", &before[..start]);
    let scene = Scene::windows().switches(|switches| switches.log = Some(log.into_bytes()));
    let stage = scene.build(|_| {}).await;
    let shown = while_running(&stage);
    let count = |text: &str| shown.iter().filter(|line| line.contains(text)).count();
    assert_eq!(said.map(count), [1, 1, 1, 1, 0], "{shown:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_output_of_others_gives_no_orders_while_it_runs() {
    let log = fixture("19-ansi-and-broken-text");
    let scene = Scene::linux().switches(|switches| switches.log = Some(log));
    let stage = scene.build(|_| {}).await;
    let lines = while_running(&stage);
    assert!(
        lines.contains(&"**vso[task.setvariable variable=PATH]/evil"),
        "{lines:#?}"
    );
    assert!(
        !stage
            .transcript
            .contains("##vso[task.setvariable variable=PATH]")
    );
}

#[tokio::test(start_paused = true)]
async fn no_output_is_one_line_and_no_failure() {
    let check = |stage: &Stage, expected: usize| {
        stage.check_result("Succeeded");
        let lines = stage.transcript.lines();
        let told = lines.filter(|line| line.starts_with("no build output at the moment:"));
        assert_eq!(told.count(), expected, "{}", stage.transcript);
    };
    let scene = Scene::linux().switches(|switches| switches.isolated_builds = false);
    check(&scene.build(|_| {}).await, 1);
    let denied = Fault::always(
        "ListContainerGroups",
        Effect::refusal(403, "AuthorizationFailed", "no"),
    );
    let stage = Scene::linux().build(|cloud| cloud.add_fault(denied)).await;
    check(&stage, 1);
    assert!(
        stage
            .transcript
            .contains("--role \"Reader\" --scope /subscriptions/3a7f5b1e"),
        "{}",
        stage.transcript
    );
    let stage = Scene::linux()
        .input("streamLogs", "false")
        .build(|_| {})
        .await;
    check(&stage, 0);
    let journal = stage.cloud.journal();
    assert!(
        !journal
            .iter()
            .any(|entry| entry.operation == Some("ListContainerGroups"))
    );
}
