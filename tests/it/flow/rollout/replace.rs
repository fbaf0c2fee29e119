//! `rolloutMethod: replace`: new hosts by a deployment, a canary first, users on them, and the old hosts out of service.

use azure_emulator::{Cloud, DeploymentFate};
use http::Method;
use serde_json::json;

use super::hosts::*;
use crate::golden::golden;
use crate::texts::{check_has, check_starts};

#[tokio::test(start_paused = true)]
async fn users_get_new_hosts_and_the_old_ones_are_kept() {
    let stage = run(replace(), |_| {}).await;
    assert_good(&stage);
    assert_eq!(ended(&stage.cloud), KEPT);
    assert_eq!(stage.variable("rolloutState"), Some("Succeeded"));
    assert_eq!(
        stage.variable("rolloutPreviousImageId"),
        Some(version(OLD).as_str())
    );
    let tag = stage.cloud.resource(&machine("stg-0")).unwrap()["tags"]["imageRollout"].clone();
    assert!(
        tag.as_str().unwrap().starts_with("replaced-by:1.0.1;20"),
        "{tag}"
    );
    golden("rollout/replace.txt", &log(&stage));
    let result = result_file(&stage);
    assert_eq!(result["method"], "replace");
    assert_eq!(result["previousImageId"], version(OLD));
    assert_eq!(result["faults"], json!([]));
    let steps: Vec<&str> = result["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        steps,
        [
            "look",
            "canary",
            "canaryHealth",
            "rest",
            "restHealth",
            "letIn",
            "drain",
            "sessions",
            "switchOff"
        ]
    );
    // One token for both deployments; it stands in no deployment.
    assert_eq!(stage.cloud.registration_tokens().len(), 1);
    assert_eq!(obeyed(&stage.cloud, "PutDeployment"), 2);
}

#[tokio::test(start_paused = true)]
async fn old_hosts_go_for_good_where_they_are_not_kept() {
    let stage = run(replace().input("keepOldHosts", "false"), |_| {}).await;
    assert_good(&stage);
    assert_eq!(
        ended(&stage.cloud),
        ["new-0 1.0.1 open", "new-1 1.0.1 open"]
    );
    for name in ["stg-0", "stg-1"] {
        assert_eq!(stage.cloud.resource(&machine(name)), None);
    }
    // No host leaves the pool before its VM has our tag, and no VM goes before its host.
    let journal = stage.cloud.journal();
    let order: Vec<&str> = journal
        .iter()
        .filter(|entry| entry.path.contains("stg-0") && entry.method != Method::GET)
        .filter_map(|entry| entry.operation)
        .collect();
    assert_eq!(
        order,
        [
            "PatchSessionHost",
            "PatchTags",
            "DeleteSessionHost",
            "DeleteVirtualMachine"
        ]
    );
    golden("rollout/replace-removed.txt", &log(&stage));
}

#[tokio::test(start_paused = true)]
async fn hosts_that_have_joined_a_domain_are_found_by_their_vms() {
    let scene = replace().switches(|switches| {
        switches.desktops.host_domain = Some("contoso.example".to_owned());
    });
    let stage = run(scene, |_| {}).await;
    assert_good(&stage);
    let all = hosts(&stage.cloud);
    assert!(all[2].contains("-0.contoso.example 1.0.1 open"), "{all:?}");
    assert_eq!(stage.variable("rolloutState"), Some("Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_template_without_a_first_number_makes_all_and_leaves_what_is_there() {
    let template = template(|template| {
        let text = template
            .to_string()
            .replace("copyIndex(parameters('firstIndex'))", "copyIndex()");
        *template = serde_json::from_str(&text).unwrap();
        template["parameters"]
            .as_object_mut()
            .unwrap()
            .remove("firstIndex");
    });
    let stage = run(replace_with(&template), |_| {}).await;
    assert_good(&stage);
    assert_eq!(ended(&stage.cloud), KEPT);
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_not_healthy_ends_it_and_no_user_notices() {
    let ill = |cloud: &Cloud| cloud.script_deployment(DeploymentFate::HostsNeedAssistance);
    let stage = run(replace(), ill).await;
    let error = stage.error();
    let prefix = prefix(&stage.cloud);
    assert_eq!(
        error.replace(&prefix, "new"),
        "AIB853: Rolling out to host pool 'hp-staging' failed: 1 host of the version is not healthy within 30 minutes: \
         new-0: its status is NeedsAssistance, AADJoinedHealthCheck: HealthCheckFailed (SessionHost unhealthy: the VM is not joined to Microsoft Entra ID.)\n\
         hint: the old hosts serve users as before, and the new ones are drained: examine them, then repair the image or the template and roll out again"
    );
    assert_eq!(stage.variable("rolloutState"), Some("Failed"));
    assert_eq!(
        ended(&stage.cloud),
        [
            "stg-0 1.0.0 open",
            "stg-1 1.0.0 open",
            "new-0 1.0.1 drained"
        ]
    );
    assert_eq!(obeyed(&stage.cloud, "PutDeployment"), 1);
    let result = result_file(&stage);
    let told = result["hosts"].as_array().unwrap().iter();
    let closed: Vec<&str> = told
        .filter(|host| host["allowNewSession"] == false)
        .map(|host| host["name"].as_str().unwrap())
        .collect();
    assert_eq!(closed, [format!("{prefix}-0")], "{result}");
}

#[tokio::test(start_paused = true)]
async fn new_hosts_that_failed_are_taken_back_where_that_is_asked_for() {
    let ill = |cloud: &Cloud| cloud.script_deployment(DeploymentFate::HostsNeedAssistance);
    let scene = replace().input("onRolloutFailure", "back");
    let stage = run(scene, ill).await;
    let error = stage.error();
    assert!(error.starts_with("AIB853: "), "{error}");
    assert!(
        error.ends_with("hint: the old hosts serve users as before, and the new ones are removed: repair the image or the template and roll out again"),
        "{error}"
    );
    assert_eq!(
        hosts(&stage.cloud),
        ["stg-0 1.0.0 open", "stg-1 1.0.0 open"]
    );
    assert_eq!(obeyed(&stage.cloud, "DeleteVirtualMachine"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_fails_is_told_by_its_innermost_error() {
    for (fate, code, expected) in [
        (
            DeploymentFate::ExtensionFails,
            "AIB856",
            "The registration token is not valid.",
        ),
        (
            DeploymentFate::QuotaExceeded,
            "AIB856",
            "standardDDSv5Family Cores quota",
        ),
    ] {
        let stage = run(replace(), |cloud| cloud.script_deployment(fate)).await;
        let error = stage.error();
        assert!(error.starts_with(&format!("{code}: ")), "{error}");
        assert!(error.contains(expected), "{error}");
        check_has(&error, "[Microsoft.Compute/virtualMachines");
        let open = hosts(&stage.cloud);
        assert!(open.contains(&"stg-0 1.0.0 open".to_owned()), "{open:?}");
        // The next attempt at the job sends it once more.
        let second = run_in(replace().attempt(2), &stage.cloud).await;
        assert_good(&second);
        assert_eq!(ended(&second.cloud), KEPT);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_does_not_end_is_canceled_after_an_hour() {
    let stage = run(replace(), |cloud| {
        cloud.script_deployment(DeploymentFate::NeverEnds);
    })
    .await;
    let error = stage.error();
    check_starts(
        &error,
        "AIB856: Deploying session hosts failed: deployment 'image-rollout-4711-",
    );
    check_has(
        &error,
        "-canary' has not ended within 60 minutes; it was canceled; still at work: Microsoft.Compute/virtualMachines/extensions",
    );
    assert!(
        log(&stage).contains("not ready for 11 min"),
        "{}",
        stage.transcript
    );
    assert!(
        stage
            .cloud
            .deployments()
            .iter()
            .all(|(_, state)| state == "Canceled")
    );
    let minutes = stage.elapsed.as_secs() / 60;
    assert!((60..=64).contains(&minutes), "{minutes}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_would_not_be_secret_is_never_made() {
    for (kind, why) in [
        (
            Some("string"),
            "parameter 'registrationToken' of the template is a string",
        ),
        (
            Some("secureObject"),
            "parameter 'registrationToken' of the template is a secureobject",
        ),
    ] {
        let template = template(|template| {
            template["parameters"]["registrationToken"]["type"] = json!(kind);
        });
        let stage = run(replace_with(&template), |_| {}).await;
        let error = stage.error();
        assert!(error.starts_with("AIB855: "), "{error}");
        assert!(error.contains(why), "{error}");
        assert!(stage.cloud.registration_tokens().is_empty());
        let arm = stage.cloud.journal();
        assert!(
            arm.iter()
                .all(|entry| entry.service != azure_emulator::Service::Arm)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_outputs_show_is_never_made() {
    for (variables, value) in [
        (json!({}), "[parameters('RegistrationToken')]"),
        (
            json!({}),
            "[concat('x', parameters ( 'registrationToken' ))]",
        ),
        (
            json!({"one": "[variables('two')]", "two": {"deep": "[parameters('registrationToken')]"}}),
            "[Variables('One')]",
        ),
    ] {
        let template = template(|template| {
            template["variables"] = variables;
            template["outputs"] = json!({"t": {"type": "string", "value": value}});
        });
        let stage = run(replace_with(&template), |_| {}).await;
        let error = stage.error();
        assert!(error.starts_with("AIB855: Rolling out to host pool 'hp-staging' failed: the outputs of the template have parameter 'registrationToken', "), "{error}");
        assert!(stage.cloud.registration_tokens().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn more_hosts_than_the_template_takes_are_refused_before_anything_is_made() {
    let stage = run(replace().input("hostCount", "150"), |_| {}).await;
    assert_eq!(
        stage.error(),
        "AIB101: Rolling out to host pool 'hp-staging' failed: 149 hosts are to be created by one deployment, but parameter 'count' of the template takes 99 at most; nothing was sent\n\
         hint: give a smaller number in input 'hostCount', or raise 'maxValue' in the file of input 'sessionHostTemplate'"
    );
    assert!(stage.cloud.deployments().is_empty());
}

/// Whatever the step fills in, and what the author gives: nothing is sent that the template itself refuses.
#[tokio::test(start_paused = true)]
async fn what_the_template_does_not_take_is_refused_before_anything_is_made() {
    let with = |name: &str, member: &str, value: serde_json::Value| {
        let (name, member) = (name.to_owned(), member.to_owned());
        replace_with(&template(|template| {
            template["parameters"][name][member] = value;
        }))
    };
    for (scene, expected) in [
        (
            with("count", "minValue", json!(2)).input("hostCount", "3"),
            "AIB101: Rolling out to host pool 'hp-staging' failed: 1 host is to be created by one deployment, but parameter 'count' of the template takes 2 at least; nothing was sent\n\
             hint: set 'canaryHosts' to another number, or lower 'minValue' in the file of input 'sessionHostTemplate'",
        ),
        (
            with("namePrefix", "maxLength", json!(3)).input("hostNamePrefix", "avdx"),
            "AIB101: Rolling out to host pool 'hp-staging' failed: parameter 'namePrefix' of the template is to be \"avdx\", but it takes 3 characters at most; nothing was sent\n\
             hint: give another prefix in input 'hostNamePrefix', or change 'maxLength' in the file of input 'sessionHostTemplate'",
        ),
        (
            with("hostPoolName", "allowedValues", json!(["hp-production"])),
            "AIB101: Rolling out to host pool 'hp-staging' failed: parameter 'hostPoolName' of the template is to be \"hp-staging\", but it takes 'hp-production' only; nothing was sent\n\
             hint: change 'allowedValues' in the file of input 'sessionHostTemplate'",
        ),
        (
            with("vmSize", "allowedValues", json!(["Standard_D4ds_v5"])).input(
                "sessionHostParameters",
                "subnetId=x\nadminPassword=P4ssw0rd-of-the-hosts\nvmSize=Standard_D2",
            ),
            "AIB101: Input 'sessionHostParameters': parameter 'vmSize' of the template takes 'Standard_D4ds_v5' only, and its value does not fit",
        ),
        (
            with("adminPassword", "minLength", json!(40)),
            "AIB101: Input 'sessionHostParameters': parameter 'adminPassword' of the template takes 40 characters at least, and its value does not fit",
        ),
    ] {
        let stage = run(scene, |_| {}).await;
        assert_eq!(stage.error(), expected, "{}", stage.transcript);
        assert!(stage.cloud.deployments().is_empty());
        assert!(stage.cloud.registration_tokens().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused_before_anything_is_made() {
    let scene = replace().input("hostNamePrefix", "stg");
    let stage = run(scene, |_| {}).await;
    assert_eq!(
        stage.error(),
        "AIB854: Rolling out to host pool 'hp-staging' failed: 2 of the names that the new hosts would get are taken: stg-0, stg-1\n\
         hint: give another prefix with input 'hostNamePrefix'; or, if an earlier roll-out left them and they are not needed, remove them from the host pool and delete their VMs: az vm list --resource-group rg-avd --output table"
    );
    assert!(stage.cloud.registration_tokens().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_canary_all_are_made_at_once_with_a_warning() {
    let stage = run(replace().input("canaryHosts", "0"), |_| {}).await;
    stage.check_result("SucceededWithIssues");
    let warnings = stage.issues("warning");
    assert!(
        warnings[0].starts_with("AIB857: Input 'canaryHosts' is 0"),
        "{warnings:?}"
    );
    assert_eq!(ended(&stage.cloud), KEPT);
    assert_eq!(obeyed(&stage.cloud, "PutDeployment"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_open_hosts_needs_a_number() {
    let closed = |cloud: &Cloud| {
        for name in ["stg-0", "stg-1"] {
            change(cloud, name, |host| host.allow_new_session = false);
        }
    };
    let stage = run(replace(), closed).await;
    assert_eq!(
        stage.error(),
        "AIB101: Input 'hostCount': 'same' creates as many hosts as are open in host pool 'hp-staging', and none is\n\
         hint: give the number of hosts to create"
    );
    let stage = run(replace().input("hostCount", "1"), closed).await;
    assert_good(&stage);
    // Hosts that someone had drained before are left alone.
    assert_eq!(
        ended(&stage.cloud),
        [
            "stg-0 1.0.0 drained",
            "stg-1 1.0.0 drained",
            "new-0 1.0.1 open"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_preview_makes_no_token_and_changes_nothing() {
    let stage = run(replace().input("preview", "true"), |_| {}).await;
    assert_good(&stage);
    golden("rollout/replace-preview.txt", &log(&stage));
    assert!(stage.cloud.registration_tokens().is_empty());
    let journal = stage.cloud.journal().into_iter();
    let changes = journal.filter(|entry| {
        entry.service == azure_emulator::Service::Arm && entry.method != Method::GET
    });
    assert_eq!(changes.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_by_the_hosts_that_were_kept() {
    let forth = run(replace(), |_| {}).await;
    assert_good(&forth);
    let back = rollout("existing").input("imageVersionId", &version(OLD));
    let back = run_in(back, &forth.cloud).await;
    assert_good(&back);
    assert_eq!(
        ended(&back.cloud),
        [
            "stg-0 1.0.0 open",
            "stg-1 1.0.0 open",
            "new-0 1.0.1 drained",
            "new-1 1.0.1 drained",
        ]
    );
    golden("rollout/way-back.txt", &log(&back));
}

#[tokio::test(start_paused = true)]
async fn the_way_back_from_more_hosts_says_how_many_there_were() {
    let forth = run(replace().input("hostCount", "3"), |_| {}).await;
    assert_good(&forth);
    let told = log(&forth);
    let way = told.lines().find(|line| line.starts_with("the way back:"));
    let way = way.unwrap();
    assert!(
        way.ends_with(", rolloutMethod: existing, hostCount: 2"),
        "{way}"
    );
    let back = rollout("existing")
        .input("imageVersionId", &version(OLD))
        .input("hostCount", "2");
    assert_good(&run_in(back, &forth.cloud).await);
}

/// What is known of the VMs from before serves for the kept ones, too.
#[tokio::test(start_paused = true)]
async fn kept_hosts_cost_no_request_of_their_own() {
    let forth = run(replace(), |_| {}).await;
    let before = forth.cloud.journal().len();
    let preview = replace().input("preview", "true");
    let stage = run_in(preview, &forth.cloud).await;
    assert_good(&stage);
    let journal = stage.cloud.journal().into_iter().skip(before);
    let machines = journal.filter(|entry| entry.operation == Some("GetVirtualMachine"));
    assert_eq!(machines.count(), 4);
    let page = stage.transcript.lines();
    let mut page = page.filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
    let page = std::fs::read_to_string(page.next().unwrap()).unwrap();
    assert!(
        page.contains("### Kept hosts") && page.contains("| `stg-1` | replaced-by:1.0.1;"),
        "{page}"
    );
}
