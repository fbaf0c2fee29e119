//! Builds that need no package, and so no storage account.

use serde_json::{Value, json};

use crate::flow::scene::Scene;
use crate::inputs::warnings;
use crate::job::{Job, job};
use crate::problems::problems;
use image_builder::template::compose;
use image_builder::template::model::json;

fn alone() -> Job {
    let mut job = job();
    for name in ["packagepath", "storageaccountname"] {
        job.given.inputs.remove(name);
    }
    job
}

/// As the agent hands over an empty input of type `filePath`.
fn filled_in(job: Job) -> Job {
    let folder = job
        .path("")
        .to_str()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    job.input("packagePath", &folder)
}

fn customizers(job: &Job) -> Value {
    let plan = job
        .plan()
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(plan.package, None);
    json(&compose(&plan, None))["properties"]["customize"].take()
}

#[test]
fn a_script_alone_needs_no_package() {
    for job in [alone(), filled_in(alone())] {
        let job = job
            .input("provisioner", "powershell")
            .input("inlineScript", "choco install 7zip -y");
        assert_eq!(
            customizers(&job),
            json!([{"type": "PowerShell", "name": "vststask_inline", "inline": ["choco install 7zip -y"]}])
        );
        assert_eq!(warnings(&job), [""; 0]);
    }
    let shell = alone().input("inlineScript", "sudo apt-get install -y jq");
    assert_eq!(
        customizers(&shell),
        json!([{"type": "Shell", "name": "vststask_inline", "inline": ["sudo apt-get install -y jq"]}])
    );
}

#[test]
fn windows_update_alone_needs_no_script() {
    let mut job = alone()
        .input("provisioner", "powershell")
        .input("windowsUpdateProvisioner", "true");
    job.given.inputs.remove("inlinescript");
    let names: Vec<Value> = customizers(&job)
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["type"].clone())
        .collect();
    assert_eq!(names, ["PowerShell", "WindowsUpdate"]);
    assert_eq!(
        customizers(&job)[0]["inline"],
        json!(["Start-Sleep -Seconds 300"])
    );
    assert_eq!(warnings(&job), [""; 0]);
    // Nothing at all is a copy of the source, which is warned of; no script without lines is sent.
    let nothing = job.input("windowsUpdateProvisioner", "false");
    assert_eq!(customizers(&nothing), json!([]));
    assert_eq!(warnings(&nothing).len(), 1);
}

#[test]
fn what_asks_for_a_package_gets_one_or_a_refusal() {
    let hint = "for a build without a package, remove 'storageAccountName' as well";
    let account = alone().input("storageAccountName", "stimagebuilder");
    assert_eq!(
        problems(&account),
        [format!(
            "AIB100 Input 'packagePath': it is required but empty; expected the path of a folder, for example drop/webapp\nhint: {hint}"
        )]
    );
    let told = problems(&filled_in(account));
    assert!(
        told[0].starts_with(
            "AIB104 Input 'packagePath': '{dir}' is the working directory of the whole job"
        ),
        "{told:?}"
    );
    assert!(told[0].ends_with(hint), "{told:?}");
    // The script reads from where the package lands.
    let reads = alone().input("inlineScript", r"& 'c:\buildartifacts\images\a.ps1'");
    let told = problems(&reads);
    assert!(
        told[0].starts_with("AIB100 Input 'packagePath'"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("AIB100 Input 'storageAccountName'"),
        "{told:?}"
    );
    let folder = job().input("storageAccountName", "");
    assert_eq!(
        problems(&folder),
        [
            "AIB100 Input 'storageAccountName': it is required but empty; expected 3 to 24 lowercase letters and digits, for example stimagebuilder\nhint: a build without a package needs no storage account: remove 'packagePath' as well"
        ]
    );
}

#[test]
fn what_is_said_of_a_package_that_is_none_has_no_effect() {
    let job = alone()
        .input("packageExclude", ".git/")
        .input("packageAccess", "sas")
        .input("packageRetentionDays", "7");
    let expected = ["packageExclude", "packageAccess", "packageRetentionDays"].map(|name| {
        format!(
            "AIB103 Input '{name}': it has no effect, because there is no package\nhint: set 'packagePath' as well, or remove '{name}'"
        )
    });
    assert_eq!(warnings(&job), expected);
}

#[tokio::test(start_paused = true)]
async fn a_build_without_a_package_touches_no_storage() {
    for update in ["true", "false"] {
        let stage = Scene::windows()
            .input("packagePath", "")
            .input("storageAccountName", "")
            .input("inlineScript", "choco install 7zip -y")
            .input("windowsUpdateProvisioner", update)
            .build(|_| {})
            .await;
        stage.check_result("Succeeded");
        let uri = stage.variable("imageUri").unwrap();
        assert!(uri.ends_with("/versions/1.0.0"), "{uri}");
        let asked = stage.cloud.journal();
        let storage = asked
            .iter()
            .filter(|line| format!("{line:?}").contains("stcontosoimages"));
        assert_eq!(storage.count(), 0, "{asked:#?}");
        let left = stage.cloud.inventory().to_string();
        assert!(!left.contains("imagebuilder-vststask"), "{left}");
    }
}
