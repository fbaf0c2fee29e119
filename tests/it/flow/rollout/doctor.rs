//! What the doctor says of a roll-out: everything that it needs, with nothing changed.

use azure_emulator::{HostPool, Role, RoleAssignment, ScalingPlan};

use super::updating::*;
use crate::flow::scene::Scene;
use crate::golden::golden;
use crate::texts::check_has;

/// Nothing but what the pools of the scene come with.
fn plain() -> Scene {
    let mut scene = Scene::bare("doctor");
    scene.world = scene.world.with_host_pools();
    scene
        .input("hostPoolId", &production())
        .input("imageVersionId", &version(NEW))
}

fn doctor() -> Scene {
    let mut scene = plain();
    let principal = scene.world.applications[0].object.clone();
    // Of the resource group of the pools, none.
    scene
        .world
        .role_assignments
        .retain(|given| given.principal != principal || given.scope != group());
    // Desktop Virtualization Host Pool Contributor.
    let role = "e307426c-f9b6-4e81-87de-d99efb3c32bc";
    scene.world.roles.push(Role {
        id: role.to_owned(),
        name: "Desktop Virtualization Host Pool Contributor".to_owned(),
        actions: vec!["Microsoft.DesktopVirtualization/hostpools/*".to_owned()],
        ..Role::default()
    });
    scene.world.role_assignments.push(RoleAssignment {
        principal,
        role: role.to_owned(),
        scope: production(),
        condition: None,
    });
    scene
}

/// The permissions of the service connection on the host pool are those of the roles that it has there and above.
#[tokio::test(start_paused = true)]
async fn the_permissions_of_the_service_connection_are_those_of_its_roles() {
    let stage = run(plain(), |_| {}).await;
    assert_eq!(stage.result(), "Succeeded", "{}", stage.transcript);
    golden("rollout/doctor.txt", &log(&stage));
    let mut scene = doctor();
    scene
        .world
        .role_assignments
        .retain(|given| given.scope != production());
    let client = scene.world.applications[0].client.clone();
    let stage = run(scene, |_| {}).await;
    assert_eq!(
        stage.error(),
        format!(
            "AIB712: permissions of the service connection: the service connection lacks Microsoft.DesktopVirtualization/hostpools/read, \
             Microsoft.DesktopVirtualization/hostpools/sessionhosts/read, \
             Microsoft.DesktopVirtualization/hostpools/sessionhostconfigurations/read, \
             Microsoft.DesktopVirtualization/hostpools/sessionhostconfigurations/write, \
             Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/sessionhostupdatestatuses/read, \
             Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/initiatesessionhostupdate/action, \
             Microsoft.DesktopVirtualization/hostpools/sessionhostmanagements/controlsessionhostupdate/action on host pool 'hp-production'\n\
             hint: az role assignment create --assignee {client} --role 'Desktop Virtualization Host Pool Contributor' --scope {}",
            production()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn the_doctor_looks_at_everything_that_an_update_needs() {
    let stage = run(doctor(), |_| {}).await;
    assert!(changes(&stage.cloud).is_empty());
    golden("rollout/doctor.txt", &log(&stage));
    check_has(&page(&stage), "## Before the roll-out");
}

#[tokio::test(start_paused = true)]
async fn the_doctor_finds_what_an_update_would_fail_by() {
    let mut scene = doctor();
    // Nobody has given the pool's identity a role.
    let identity = scene.world.host_pools[1].identity.clone();
    scene
        .world
        .role_assignments
        .retain(|assignment| Some(&assignment.principal) != identity.as_ref());
    for gallery in &mut scene.world.galleries {
        for definition in &mut gallery.definitions {
            definition.hyper_v_generation = "V1".to_owned();
        }
    }
    let stage = run(scene, |cloud| {
        cloud.put_scaling_plan(ScalingPlan {
            id: production()
                .replace("hostPools", "scalingPlans")
                .replace("hp-production", "sp"),
            location: "westeurope".to_owned(),
            pools: vec![(production(), true)],
        });
    })
    .await;
    assert!(changes(&stage.cloud).is_empty());
    stage.check_result("Failed");
    let codes: Vec<_> = stage
        .issues("error")
        .iter()
        .chain(&stage.issues("warning"))
        .map(|issue| issue.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["AIB859", "AIB845"], "{}", stage.transcript);

    let mut scene = doctor();
    let identity = scene.world.host_pools[1].identity.clone();
    scene
        .world
        .role_assignments
        .retain(|assignment| Some(&assignment.principal) != identity.as_ref());
    let stage = run(scene, |_| {}).await;
    let warnings = stage.issues("warning");
    assert!(
        warnings.iter().any(
            |it| it.starts_with("AIB711: key vault of the pool's identity: ")
                && it.contains("--role 'Key Vault Secrets User' --scope /subscriptions/")
        ),
        "{warnings:#?}\n{}",
        stage.transcript
    );
    let personal = HostPool {
        personal: true,
        ..HostPool::standard(format!("{}-own", production()), "westeurope")
    };
    let scene = doctor().input("hostPoolId", &personal.id);
    let stage = run(scene, |cloud| cloud.put_host_pool(personal)).await;
    let errors = stage.issues("error").join("\n");
    assert!(errors.contains("AIB842: method: "), "{errors}");
}
