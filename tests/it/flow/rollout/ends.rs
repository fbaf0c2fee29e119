//! What a roll-out that came to nothing leaves: its page says what was done, how each host is, and what to do next.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Cloud, DeploymentFate, Effect, Fault, Matcher, SessionHost};

use super::hosts::*;
use super::updating::page;
use crate::texts::{check_has, check_starts};

/// Azure does not answer how the deployment goes, and the job is canceled when it has failed.
#[tokio::test(start_paused = true)]
async fn why_a_deployment_has_failed_is_told_by_a_canceled_job() {
    for on_cancel in ["leave", "cancel"] {
        let scene = || quick().input("onCancel", on_cancel);
        let cloud = scene().new_cloud();
        cloud.script_deployment(DeploymentFate::ExtensionFails);
        let silent = Effect::status(503, "");
        cloud.add_fault(
            Fault::once(Matcher::operation("GetDeploymentOperation"), silent).times(u32::MAX),
        );
        let stage = scene()
            .canceled_in(Arc::clone(&cloud), Duration::from_secs(200))
            .await;
        assert_eq!(stage.result(), "Canceled", "{}", stage.transcript);
        let told = log(&stage);
        let line = told
            .lines()
            .find(|line| line.contains(" has ended (Failed"));
        let line = line.unwrap_or_else(|| panic!("{told}"));
        assert!(
            line.contains("The registration token is not valid.")
                && line.contains("[Microsoft.Compute/virtualMachines"),
            "{line}"
        );
        let page = page(&stage);
        check_has(&page, "The registration token is not valid.");
    }
}

/// Others change the pool while a roll-out is on its way to its failure.
fn meanwhile(cloud: &Cloud) {
    change(cloud, "stg-1", |host| host.allow_new_session = false);
    let other = SessionHost::of_version("other-0", &group(), "westeurope", &version(OLD));
    cloud.put_session_host(&staging(), other);
}

fn assert_is_new(stage: &crate::flow::scene::Stage) {
    let page = page(stage);
    let row = |name: &str| {
        let mut rows = page.lines();
        let row = rows.find(|row| row.starts_with(&format!("| `{name}`")));
        row.unwrap_or_else(|| panic!("{name} in {page}")).to_owned()
    };
    assert!(row("stg-1").contains("| no |"), "{page}");
    assert!(row("other-0").contains("| yes |"), "{page}");
    assert!(
        stage
            .variable("rolloutOldHosts")
            .unwrap()
            .contains("other-0"),
        "{}",
        stage.transcript
    );
}

#[tokio::test(start_paused = true)]
async fn the_page_of_a_canary_that_failed_has_the_hosts_of_now() {
    let scene = quick().input("healthTimeoutInMinutes", "5");
    let cloud = scene.new_cloud();
    cloud.script_deployment(DeploymentFate::HostsNeedAssistance);
    let other = Arc::clone(&cloud);
    let (stage, ()) = tokio::join!(scene.build_in(Arc::clone(&cloud)), async {
        tokio::time::sleep(Duration::from_secs(300)).await;
        meanwhile(&other);
    });
    assert_eq!(stage.result(), "Failed", "{}", stage.transcript);
    assert_is_new(&stage);
    let page = page(&stage);
    assert!(
        page.contains("| Steps | look (") && page.contains("), which did not end |"),
        "{page}"
    );
    assert!(page.contains("NeedsAssistance | no |"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn the_page_of_a_canceled_job_has_the_hosts_of_now() {
    let scene = quick();
    let cloud = scene.new_cloud();
    cloud.script_deployment(DeploymentFate::HostsNeedAssistance);
    let other = Arc::clone(&cloud);
    let canceled = scene.canceled_in(Arc::clone(&cloud), Duration::from_secs(310));
    let (stage, ()) = tokio::join!(canceled, async {
        tokio::time::sleep(Duration::from_secs(300)).await;
        meanwhile(&other);
    });
    assert_eq!(stage.result(), "Canceled", "{}", stage.transcript);
    assert_is_new(&stage);
    check_starts(
        &page(&stage),
        "## ⚠️ Roll-out of 1.0.1 to hp-staging: canceled\n\n\
             The job was canceled: nothing that it started is in progress in Azure; run the job again to continue.\n",
    );
}

/// Nothing was changed yet: that is what is said.
#[tokio::test(start_paused = true)]
async fn a_job_that_is_canceled_at_once_has_changed_nothing() {
    let scene = quick();
    let cloud = scene.new_cloud();
    let later = Effect::status(429, "");
    cloud.add_fault(Fault::once(Matcher::operation("ListSessionHosts"), later).times(u32::MAX));
    let stage = scene.canceled_in(cloud, Duration::from_secs(10)).await;
    assert_eq!(stage.result(), "Canceled", "{}", stage.transcript);
    check_has(&page(&stage), "; nothing was changed in Azure.\n");
}

/// A VM that its deployment has made, and that is in no list of hosts, is named with what deletes it.
#[tokio::test(start_paused = true)]
async fn a_vm_that_has_not_registered_is_named() {
    let stage = run(quick(), |cloud| {
        cloud.script_deployment(DeploymentFate::ExtensionFails);
    })
    .await;
    assert_eq!(stage.result(), "Failed", "{}", stage.transcript);
    let warnings = stage.issues("warning");
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    let own = "avd611221c3-0";
    assert_eq!(
        *warning,
        format!(
            "AIB601: VM '{own}' was created and has not registered in host pool 'hp-staging'\n\
             hint: run the job again: the deployment continues with it; or delete it: az vm delete --yes --ids {}",
            machine(own)
        )
    );
    assert!(
        page(&stage).contains(&format!("VM '{own}' was created")),
        "{}",
        page(&stage)
    );
    // Where the new hosts are taken back, nothing stays.
    let back = quick().input("onRolloutFailure", "back");
    let stage = run(back, |cloud| {
        cloud.script_deployment(DeploymentFate::ExtensionFails);
    })
    .await;
    assert!(stage.issues("warning").is_empty(), "{}", stage.transcript);
    assert_eq!(stage.cloud.resource(&machine(own)), None);
}
