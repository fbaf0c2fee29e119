//! The pipeline that releases the extension, as far as it can be checked without Azure Pipelines: every step is one that exists, with inputs
//! that exist, and what it refers to is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Every task that the pipeline may use, with the names of its inputs, aliases included
/// (<https://github.com/microsoft/azure-pipelines-tasks/blob/008e04b80369828a4255d61e368e4cc190e13328/Tasks/AzureCLIV2/task.json>).
const TASKS: &[(&str, &[&str])] = &[(
    "AzureCLI@2",
    &[
        "connectedServiceNameARM",
        "azureSubscription",
        "scriptType",
        "scriptLocation",
        "scriptPath",
        "inlineScript",
        "scriptArguments",
        "arguments",
        "powerShellErrorActionPreference",
        "addSpnToEnvironment",
        "useGlobalConfig",
        "cwd",
        "workingDirectory",
        "failOnStandardError",
        "powerShellIgnoreLASTEXITCODE",
        "visibleAzLogin",
        "allowNoSubscriptions",
        "keepAzSessionActive",
    ],
)];

/// The kinds of steps, and what may stand beside the first word
/// (<https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/steps>).
const STEPS: &[(&str, &[&str])] = &[
    ("checkout", &["fetchDepth"]),
    ("bash", &["displayName", "condition", "env"]),
    ("download", &["artifact", "patterns"]),
    ("publish", &["artifact"]),
    ("task", &["displayName", "condition", "inputs"]),
];

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn pipeline() -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(in_repository("build/release.yml")).unwrap())
        .unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn jobs(pipeline: &Value) -> Vec<&Value> {
    let stages = list(pipeline, "stages").iter();
    stages.flat_map(|stage| list(stage, "jobs")).collect()
}

fn steps(job: &Value) -> Vec<&Map<String, Value>> {
    let deployment = &job["strategy"]["runOnce"]["deploy"];
    let steps = list(job, "steps").iter().chain(list(deployment, "steps"));
    steps.map(|step| step.as_object().unwrap()).collect()
}

/// The scripts of a step, whatever its kind.
fn scripts(job: &Value) -> Vec<&str> {
    let steps = steps(job).into_iter();
    let texts = steps.filter_map(|step| {
        step.get("bash")
            .or_else(|| step.get("inputs")?.get("inlineScript"))
    });
    texts.map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn every_step_is_of_a_known_kind_with_known_properties() {
    let pipeline = pipeline();
    let mut checked = 0;
    for step in jobs(&pipeline).into_iter().flat_map(steps) {
        let kind = STEPS.iter().find(|(kind, _)| step.contains_key(*kind));
        let Some((kind, beside)) = kind else {
            panic!("{step:?}")
        };
        for key in step.keys() {
            assert!(
                key == kind || beside.contains(&key.as_str()),
                "{kind}: {key}"
            );
        }
        checked += 1;
    }
    assert!(checked > 15, "{checked} steps were found");
}

#[test]
fn every_task_exists_and_takes_the_inputs_that_it_is_given() {
    let pipeline = pipeline();
    for step in jobs(&pipeline).into_iter().flat_map(steps) {
        let Some(task) = step.get("task") else {
            continue;
        };
        let Some((_, known)) = TASKS.iter().find(|(name, _)| task == name) else {
            panic!("{task}")
        };
        for input in step["inputs"].as_object().unwrap().keys() {
            assert!(known.contains(&input.as_str()), "{task}: {input}");
        }
    }
}

#[test]
fn stages_wait_for_stages_before_them() {
    let pipeline = pipeline();
    let mut known = BTreeSet::new();
    for stage in list(&pipeline, "stages") {
        if let Some(before) = stage["dependsOn"].as_str() {
            assert!(known.contains(before), "{before}");
        }
        assert!(known.insert(stage["stage"].as_str().unwrap()));
    }
    assert_eq!(
        known,
        BTreeSet::from(["programs", "package", "verify", "preview", "publish"])
    );
}

/// Publishing is behind an environment, which holds the approval, and only a tag gets there.
#[test]
fn nothing_is_published_without_an_approval_and_a_tag() {
    let pipeline = pipeline();
    for job in jobs(&pipeline) {
        if scripts(job)
            .iter()
            .any(|script| script.contains("build/publish"))
        {
            assert!(job["environment"].is_string(), "{job}");
        }
    }
    let publish = list(&pipeline, "stages").last().unwrap();
    let condition = publish["condition"].as_str().unwrap();
    assert!(
        condition.contains("refs/tags/v") && condition.contains("succeeded()"),
        "{condition}"
    );
}

#[test]
fn every_script_that_is_called_exists() {
    let pipeline = pipeline();
    let mut called = BTreeSet::new();
    for script in jobs(&pipeline).into_iter().flat_map(scripts) {
        for word in
            script.split(|letter: char| letter.is_whitespace() || "\"';()=".contains(letter))
        {
            if word.starts_with("build/") || word.starts_with("tests/") {
                assert!(in_repository(word).is_file(), "{word}");
                called.insert(word);
            }
        }
    }
    assert_eq!(
        called,
        BTreeSet::from(["build/binaries", "build/publish", "build/vsix"])
    );
}

#[test]
fn what_is_downloaded_was_published() {
    let pipeline = pipeline();
    let mut published: BTreeMap<&str, usize> = BTreeMap::new();
    for step in jobs(&pipeline).into_iter().flat_map(steps) {
        let artifact = step.get("artifact").and_then(Value::as_str);
        if step.contains_key("publish") {
            *published.entry(artifact.unwrap()).or_default() += 1;
        } else if step.contains_key("download") {
            let wanted = artifact.or_else(|| step.get("patterns")?.as_str()).unwrap();
            let start = wanted.split('*').next().unwrap();
            assert!(
                published.keys().any(|name| name.starts_with(start)),
                "{wanted}"
            );
        }
    }
    assert_eq!(
        published.into_iter().collect::<Vec<_>>(),
        [("extension", 1), ("program-$(platform)", 2)]
    );
}

/// The platforms that the script builds are those that are released.
#[test]
fn every_platform_is_built() {
    let script = fs::read_to_string(in_repository("build/binaries")).unwrap();
    let known = script
        .lines()
        .find(|line| line.contains("platforms+="))
        .unwrap();
    let known: BTreeSet<_> = known
        .split(')')
        .next()
        .unwrap()
        .split('|')
        .map(str::trim)
        .collect();
    assert_eq!(known.len(), 6);
    let pipeline = pipeline();
    let matrices = jobs(&pipeline)
        .into_iter()
        .filter_map(|job| job["strategy"]["matrix"].as_object());
    let built = matrices
        .flat_map(Map::values)
        .filter_map(|entry| entry["platform"].as_str());
    assert_eq!(built.collect::<BTreeSet<_>>(), known);
}

/// Every user of a machine can read the arguments of its processes.
#[test]
fn the_token_for_publishing_is_no_argument_of_a_process() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let script = fs::read_to_string(in_repository("build/publish")).unwrap();
    put("build/publish", &script);
    put("bin/az", "#!/bin/sh\necho the-token-of-the-publisher\n");
    let tool = "console.log(JSON.stringify(process.argv.slice(2)));\n\
        console.log(JSON.stringify(require('fs').readFileSync('/proc/self/cmdline', 'utf8').split('\\0')));\n\
        console.log(JSON.stringify(Object.values(process.env)));\n";
    put(
        "build/vsix-tools/node_modules/tfx-cli/_build/tfx-cli.js",
        tool,
    );
    let path = std::env::var("PATH").unwrap();
    let output = std::process::Command::new("bash")
        .arg(folder.path().join("build/publish"))
        .args(["a b.vsix", "--share-with", "contoso"])
        .env(
            "PATH",
            format!("{}:{path}", folder.path().join("bin").display()),
        )
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = said.lines().collect();
    let token = "the-token-of-the-publisher";
    assert_eq!(
        lines[..2],
        [
            format!("##vso[task.setsecret]{token}"),
            format!(
                r#"["extension","publish","--vsix","a b.vsix","--auth-type","pat","--no-prompt","--no-color","--share-with","contoso","--token","{token}"]"#
            ),
        ],
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        lines[2..].iter().all(|line| !line.contains(token)),
        "{said}"
    );
    assert!(lines[2].contains("--vsix"), "{said}");
}
