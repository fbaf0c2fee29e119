//! The manifests: what the task and the extension promise to pipelines, to the agent and to the Marketplace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use image_builder::inputs::Action;
use image_builder::inputs::action::ACTIONS;
use image_builder::inputs::manifest::ALL_INPUTS;
use serde_json::Value;

/// The inputs of `AzureImageBuilderTask@1` as version 1.0 declared them, on which pipelines rely: name, type, default, the keys of a
/// pick list, `required`. Taking one away, or changing a default, breaks pipelines silently.
const VERSION_1_0: &str = "
managedIdentity           | string      |                                       | | required
vnetSubnetId              | string      |                                       | |
imageSource               | pickList    | managedimage                          | managedimage sig marketplace |
customImageResourceId     | string      |                                       | |
ImageVersionId            | string      |                                       | |
baseImage                 | pickList    | Canonical:UbuntuServer:18.04-LTS      | \
  MicrosoftWindowsServer:WindowsServer:2016-Datacenter MicrosoftWindowsServer:WindowsServer:2019-Datacenter \
  MicrosoftWindowsDesktop:Windows-10:rs5-enterprise MicrosoftWindowsDesktop:Windows-10:rs5-evd \
  MicrosoftWindowsDesktop:Windows-10:rs5-pro MicrosoftWindowsDesktop:Windows-10:19h1-pro \
  MicrosoftWindowsDesktop:Windows-10:19h1-evd Canonical:UbuntuServer:18.04-LTS Canonical:UbuntuServer:16.04-LTS \
  RedHat:RHEL:7.6 OpenLogic:CentOS:7.6 credativ:Debian:9 SUSE:SLES:15 |
baseImagePubOfferSku      | string      | Publisher:Offer:Sku                   | |
baseImageVersion          | string      | latest                                | |
platformImagePurchasePlan | string      | PlanName:PlanProduct:PlanPublisher    | |
provisioner               | pickList    | shell                                 | shell powershell |
windowsUpdateProvisioner  | boolean     | false                                 | |
runElevated               | boolean     | false                                 | |
runAsSystem               | boolean     | false                                 | |
packagePath               | filePath    |                                       | |
inlineScript              | multiLine   | (two lines of comment)                | |
storageAccountName        | pickList    |                                       | |
distributeType            | pickList    | managedimage                          | managedimage sig vhd |
imageIdForDistribute      | string      |                                       | |
galleryImageId            | string      |                                       | |
managedImageLocation      | string      |                                       | |
replicationRegions        | string      |                                       | |
ibSubscription            | connectedService:AzureRM |                          | | required
ibAzureResourceGroup      | pickList    |                                       | | required
ibLocation                | pickList    | westus                                | \
  westus westus2 westus3 westcentralus eastus eastus2 southcentralus northeurope westeurope ukwest uksouth southeastasia \
  australiaeast australiasoutheast | required
vmSize                    | string      | Standard_D1_v2                        | |
buildTimeoutInMinutes     | string      | 0                                     | |
";

/// The inputs that came after version 1.0. Most are named as in the community's version 2 of the task, and mean the same;
/// their defaults change nothing for who does not know them.
const SINCE_1_0: &str = "
buildVmIdentities              | multiLine |         |
containerInstanceSubnetId      | string    |         |
proxyVmSize                    | string    |         |
enableValidation               | boolean   | false   |
sourceValidationOnly           | boolean   | false   |
continueDistributeOnFailure    | boolean   | false   |
validationInlineScript         | multiLine |         |
targetRegions                  | string    |         |
distributeStorageAccountType   | pickList  |         | Standard_LRS Standard_ZRS Premium_LRS
excludeFromLatest              | boolean   | false   |
distributeVersioningScheme     | pickList  |         | Latest Source
distributeVersioningMajor      | string    |         |
vhdUri                         | string    |         |
osDiskSizeGB                   | string    | 0       |
optimizeVmBoot                 | boolean   | false   |
autoRun                        | boolean   | false   |
stagingResourceGroup           | string    |         |
managedResourceTags            | multiLine |         |
errorHandlingOnCustomizerError | pickList  | cleanup | cleanup abort
errorHandlingOnValidationError | pickList  | cleanup | cleanup abort
imageVersion                   | string    |         |
replicationMode                | pickList  |         | Full Shallow
artifactTags                   | multiLine |         |
templateTags                   | multiLine |         |
templateFile                   | string    |         |
action                         | pickList  | build   | build submit wait run status cancel sweep promote withdraw retain test diff rollout report render doctor
templateName                   | string    |         |
onCancel                       | pickList  |         | cancel leave
resume                         | pickList  | auto    | auto never
waitTimeoutInMinutes           | string    | 0       |
whenNotReady                   | pickList  | fail    | fail succeedWithIssues succeed
keepTemplate                   | boolean   | false   |
olderThanHours                 | string    | 24      |
preview                        | boolean   | false   |
promoteTo                      | multiLine |         |
releaseRegions                 | multiLine |         |
requireTags                    | multiLine |         |
withdrawReason                 | string    |         |
withdrawLast                   | boolean   | false   |
endOfLifeInDays                | string    |         |
blockDeletionUntilEndOfLife    | boolean   | false   |
keepVersions                   | string    | 5       |
keepDays                       | string    | 30      |
keepTag                        | string    | keep    |
retainFailed                   | boolean   | false   |
retainHostPools                | multiLine |         |
retainPreview                  | boolean   | true    |
retainAction                   | pickList  | delete  | delete exclude endOfLife
testEngine                     | pickList  | imageBuilder | imageBuilder vm
testTag                        | string    | imageTest |
testSubnetId                   | string    |         |
testVmGroup                    | string    |         |
testAdminPassword              | string    |         |
bootTimeoutInMinutes           | string    | 20      |
keepVmOnFailure                | boolean   | false   |
inventory                      | boolean   | false   |
compareWith                    | string    |         |
inventoryContainer             | string    | imagebuilder-inventory |
failOnChange                   | multiLine |         |
hostPoolId                     | string    |         |
rolloutMethod                  | pickList  | auto    | auto sessionHostUpdate replace existing
maxHostsAtOnce                 | string    | 1       |
logOffDelayInMinutes           | string    | 15      |
logOffMessage                  | string    |         |
rolloutAt                      | string    |         |
keepOldHosts                   | pickList  |         | true false
onRolloutFailure               | pickList  | retry   | retry cancel back leave
rolloutWait                    | pickList  |         | true false
sessionHostTemplate            | string    |         |
sessionHostParameters          | multiLine |         |
sessionHostGroup               | string    |         |
hostCount                      | string    | same    |
hostNamePrefix                 | string    |         |
canaryHosts                    | string    | 1       |
healthTimeoutInMinutes         | string    | 30      |
graceInMinutes                 | string    | 0       |
reportHostPools                | multiLine |         |
failWhen                       | multiLine |         |
stopOnError                    | boolean   | false   |
streamLogs                     | boolean   | true    |
packageExclude                 | multiLine |         |
provenanceTags                 | boolean   | true    |
packageRetentionDays           | string    | 0       |
skipIfUnchanged                | boolean   | false   |
packageAccess                  | pickList  | auto    | auto identity sas key
";

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn manifest(path: &str) -> Value {
    serde_json::from_slice(&fs::read(in_repository(path)).unwrap()).unwrap()
}

fn task() -> Value {
    manifest("task/task.json")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list<'a>(manifest: &'a Value, key: &str) -> &'a [Value] {
    manifest[key].as_array().unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .map(|members| members.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

fn input<'a>(task: &'a Value, name: &str) -> Option<&'a Value> {
    list(task, "inputs")
        .iter()
        .find(|input| input["name"] == name)
}

#[test]
fn all_versions_agree() {
    let task = task();
    let version = &task["version"];
    assert_eq!(
        format!(
            "{}.{}.{}",
            version["Major"], version["Minor"], version["Patch"]
        ),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(
        manifest("vss-extension.json")["version"],
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn inputs_of_version_1_0_are_all_there() {
    let task = task();
    let rows: Vec<&str> = VERSION_1_0.trim().lines().collect();
    assert_eq!(rows.len(), 26);
    for row in rows {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [name, kind, default, options, required] = columns[..] else {
            panic!("{row}")
        };
        let Some(input) = input(&task, name) else {
            panic!("input {name} is gone")
        };
        assert_eq!(input["type"], kind, "{name}");
        assert_eq!(input["required"], required == "required", "{name}");
        let mut found = keys(&input["options"]);
        if name == "baseImage" {
            // Newer images stand before those of the original.
            let newer = base_images()["current"].as_object().unwrap().len();
            found.drain(..newer);
        }
        assert_eq!(
            found,
            options.split_whitespace().collect::<Vec<_>>(),
            "{name}"
        );
        if name == "inlineScript" {
            // The words are ours. What counts is that the default does nothing, in bash and in PowerShell.
            assert!(
                text(&input["defaultValue"])
                    .lines()
                    .all(|line| line.starts_with('#')),
                "{name}"
            );
        } else {
            assert_eq!(text(&input["defaultValue"]), default, "{name}");
        }
    }
}

#[test]
fn inputs_since_version_1_0_keep_their_names_and_defaults() {
    let task = task();
    for row in SINCE_1_0.trim().lines() {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [name, kind, default, options] = columns[..] else {
            panic!("{row}")
        };
        let Some(input) = input(&task, name) else {
            panic!("input {name} is gone")
        };
        assert_eq!(input["type"], kind, "{name}");
        assert_eq!(input["required"], false, "{name}");
        assert_eq!(text(&input["defaultValue"]), default, "{name}");
        let found: Vec<&str> = keys(&input["options"])
            .into_iter()
            .filter(|option| !option.is_empty())
            .collect();
        assert_eq!(
            found,
            options.split_whitespace().collect::<Vec<_>>(),
            "{name}"
        );
    }
}

fn base_images() -> Value {
    serde_json::from_slice(&fs::read(in_repository("build/base-images.json")).unwrap()).unwrap()
}

/// The form and the core have one list.
#[test]
fn the_form_offers_the_base_images() {
    let images = base_images();
    let lists = ["current", "older"].map(|list| images[list].as_object().unwrap().clone());
    let expected: Vec<_> = lists.into_iter().flatten().collect();
    let task = task();
    let options = input(&task, "baseImage").unwrap()["options"].as_object();
    let options: Vec<_> = options.unwrap().clone().into_iter().collect();
    assert_eq!(options, expected);
}

#[test]
fn every_input_is_in_one_of_the_tables() {
    let rows = VERSION_1_0.trim().lines().chain(SINCE_1_0.trim().lines());
    let tables: BTreeSet<&str> = rows
        .filter_map(|row| row.split('|').next())
        .map(str::trim)
        .collect();
    let task = task();
    let declared: BTreeSet<&str> = list(&task, "inputs")
        .iter()
        .map(|input| text(&input["name"]))
        .collect();
    assert_eq!(declared, tables);
}

#[test]
fn every_input_is_described_and_grouped() {
    let task = task();
    let groups: BTreeSet<&str> = list(&task, "groups")
        .iter()
        .map(|group| text(&group["name"]))
        .collect();
    let mut used = BTreeSet::new();
    let mut names = BTreeSet::new();
    for input in list(&task, "inputs") {
        let name = text(&input["name"]);
        assert!(names.insert(name.to_lowercase()), "{name} is there twice");
        assert!(
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric()),
            "{name}"
        );
        assert!(
            !text(&input["label"]).is_empty() && !text(&input["label"]).ends_with('.'),
            "{name}"
        );
        let help = text(&input["helpMarkDown"]).chars().count();
        assert!((40..330).contains(&help), "the help of {name}: {help}");
        let label = text(&input["label"]).split_whitespace().count();
        assert!(label <= 5, "the label of {name} has {label} words");
        if name == "action" {
            // What stands in no group is at the top of the form.
            assert_eq!(input["groupName"], Value::Null);
        } else {
            used.insert(text(&input["groupName"]));
        }
        if input["type"] == "pickList" && !text(&input["defaultValue"]).is_empty() {
            assert!(
                keys(&input["options"]).contains(&text(&input["defaultValue"])),
                "{name}"
            );
        }
    }
    assert_eq!(used, groups);
    let help = text(&task["helpMarkDown"]).chars().count();
    assert!(help < 330, "the help of the task: {help}");
}

/// Whether the form shows something under `rule` for `action`, for some values of the other inputs.
fn may_be_shown(rule: Option<&str>, (name, action): (&str, Action)) -> bool {
    let holds = |term: &str| {
        let mut words = term.split_whitespace();
        let (input, sign, value) = (words.next(), words.next(), words.next());
        let input = ALL_INPUTS.iter().find(|it| Some(it.name) == input).unwrap();
        let is = match input.name {
            "action" => name,
            // Another input can have any value, or its default where the form does not show it.
            _ if action.uses(input) => return true,
            _ => input.default,
        };
        match sign {
            Some("!=") => value != Some(is),
            _ => value == Some(is),
        }
    };
    let Some(rule) = rule else { return true };
    assert!(
        !(rule.contains("&&") && rule.contains("||")),
        "a rule joins its terms by one of the two: {rule}"
    );
    if rule.contains("||") {
        rule.split("||").any(holds)
    } else {
        rule.split("&&").all(holds)
    }
}

/// The form shows an input for exactly those actions in which it has an effect.
#[test]
fn the_form_shows_the_inputs_of_each_action() {
    let task = task();
    for (name, action) in ACTIONS {
        for input in ALL_INPUTS {
            let declared = self::input(&task, input.name).unwrap();
            let group = list(&task, "groups").iter();
            let group = group
                .filter(|group| group["name"] == declared["groupName"])
                .find_map(|group| group["visibleRule"].as_str());
            let shown = may_be_shown(group, (name, *action))
                && may_be_shown(declared["visibleRule"].as_str(), (name, *action));
            // A preview of its own stands for it in the form.
            let hidden = *name == "retain" && input.name == "preview";
            assert_eq!(
                shown,
                action.uses(input) && !hidden,
                "{} with action {name}",
                input.name
            );
        }
    }
}

/// `ibSubscription` is `IB_SUBSCRIPTION` in the code.
fn constant(name: &str) -> String {
    let mut constant = String::new();
    for (index, letter) in name.char_indices() {
        let before = index
            .checked_sub(1)
            .and_then(|at| name[at..].chars().next());
        if letter.is_uppercase() && before.is_some_and(char::is_lowercase) {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}

#[test]
fn every_input_is_read_by_the_core() {
    let mut source = String::new();
    let mut folders = vec![in_repository("src/inputs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                // What is imported is also used: the compiler sees to it.
                source.push_str(text.split("#[cfg(test)]").next().unwrap());
            }
        }
    }
    let words: BTreeSet<&str> = source
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    for input in list(&task(), "inputs") {
        let name = text(&input["name"]);
        assert!(
            words.contains(constant(name).as_str()),
            "nothing reads {name}"
        );
    }
}

#[test]
fn visible_rules_name_inputs_and_options_that_exist() {
    let task = task();
    let rules = list(&task, "inputs")
        .iter()
        .chain(list(&task, "groups"))
        .filter_map(|each| each["visibleRule"].as_str());
    let mut checked = 0;
    for condition in rules
        .flat_map(|rule| rule.split("&&"))
        .flat_map(|rule| rule.split("||"))
    {
        let (name, value) = condition
            .split_once(['=', '!'])
            .unwrap_or_else(|| panic!("{condition} compares nothing"));
        let (name, value) = (name.trim(), value.trim_start_matches('=').trim());
        let Some(input) = input(&task, name) else {
            panic!("{condition}: there is no input {name}")
        };
        let known = match text(&input["type"]) {
            "boolean" => ["true", "false"].contains(&value),
            "pickList" => keys(&input["options"]).contains(&value),
            _ => value == "\"\"",
        };
        assert!(known, "{condition}: {name} is never {value}");
        checked += 1;
    }
    assert!(checked >= 13, "only {checked} conditions were found");
}

#[test]
fn lists_from_azure_can_be_overtyped() {
    let task = task();
    for binding in list(&task, "dataSourceBindings") {
        let target = input(&task, text(&binding["target"])).unwrap();
        assert_eq!(target["properties"]["EditableOptions"], "True", "{binding}");
        assert_eq!(binding["endpointId"], "$(ibSubscription)");
    }
}

#[test]
fn the_task_declares_no_output_variables() {
    // Declared, they would exist as $(step.imageUri) alone, and the plain $(imageUri) of existing pipelines would be empty: the agent makes an output
    // variable of each that is declared, and of no other one without being asked
    // (<https://github.com/microsoft/azure-pipelines-agent/blob/master/docs/preview/outputvariable.md>).
    assert_eq!(task().get("outputVariables"), None);
}

#[test]
fn log_lines_can_set_only_the_tasks_own_variables() {
    let task = task();
    let patterns: Vec<&str> = list(&task["restrictions"]["settableVariables"], "allowed")
        .iter()
        .map(text)
        .collect();
    let allowed = |name: &str| {
        patterns.iter().any(|pattern| {
            pattern
                .strip_suffix('*')
                .map_or(*pattern == name, |prefix| name.starts_with(prefix))
        })
    };
    for name in [
        "templateName",
        "templateId",
        "imageUri",
        "pirPublisher",
        "pirOffer",
        "pirSku",
        "pirVersion",
    ] {
        assert!(allowed(name), "{name}");
    }
    for name in [
        "PATH",
        "NODE_OPTIONS",
        "IMAGE_BUILDER_PARENT",
        "AGENT_TEMPDIRECTORY",
    ] {
        assert!(!allowed(name), "{name}");
    }
    assert_eq!(
        task["restrictions"]["commands"]["mode"], "any",
        "a restricted task cannot upload a summary"
    );
}

#[test]
fn handlers_are_current_and_their_scripts_exist() {
    let task = task();
    for (stage, script) in [
        ("execution", "index.js"),
        ("postjobexecution", "cleanup.js"),
    ] {
        assert_eq!(keys(&task[stage]), ["Node20_1", "Node24"], "{stage}");
        for handler in task[stage].as_object().unwrap().values() {
            assert_eq!(handler["target"], script);
        }
        assert!(in_repository("task").join(script).is_file(), "{script}");
    }
    assert_eq!(task.get("prejobexecution"), None);
}

#[test]
fn names_keep_to_the_limits_of_the_marketplace() {
    let task = task();
    assert_eq!(task["name"], "AzureImageBuilderTask");
    assert!(
        text(&task["friendlyName"]).contains("Image Builder")
            && text(&task["friendlyName"]).len() <= 40
    );
    assert!(text(&manifest("vss-extension.json")["description"]).len() <= 200);
}

#[test]
fn the_extension_contributes_the_task() {
    let extension = manifest("vss-extension.json");
    let files: Vec<&str> = list(&extension, "files")
        .iter()
        .map(|file| text(&file["path"]))
        .collect();
    let contributions = list(&extension, "contributions");
    // The task, and the one that waits without an agent.
    assert_eq!(contributions.len(), 2);
    for contribution in contributions {
        assert_eq!(contribution["type"], "ms.vss-distributed-task.task");
        let folder = text(&contribution["properties"]["name"]);
        assert!(
            files.contains(&folder) && in_repository(folder).join("task.json").is_file(),
            "{folder}"
        );
    }
    assert!(in_repository(text(&extension["content"]["license"]["path"])).is_file());
    for picture in list(&extension, "screenshots") {
        let path = text(&picture["path"]);
        // What the Marketplace asks for; what is larger gets small letters.
        assert_eq!(size(path), (1366, 768), "{path}");
    }
}

#[test]
fn icons_have_the_sizes_that_are_asked_for() {
    let extension = manifest("vss-extension.json");
    for (path, size) in [
        ("task/icon.png", 32_u32),
        (text(&extension["icons"]["default"]), 128),
    ] {
        assert_eq!(self::size(path), (size, size), "{path}");
    }
}

/// Width and height of a picture.
fn size(path: &str) -> (u32, u32) {
    let png = fs::read(in_repository(path)).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n", "{path}");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}
