//! Images of which no session host can be made: told before anything is changed, whatever the method.

use azure_emulator::{Service, VmSize};
use http::Method;

use super::{hosts, updating};
use crate::flow::scene::{Scene, Stage};

/// What a step said that sent nothing but questions.
async fn refused(scene: Scene) -> String {
    let cloud = scene.new_cloud();
    let stage: Stage = scene.build_in(cloud).await;
    let sent = stage.cloud.journal().into_iter();
    let changes = sent.filter(|it| it.service == Service::Arm && it.method != Method::GET);
    assert_eq!(changes.count(), 0, "{}", stage.transcript);
    stage.error()
}

/// With the image definition after a change.
fn with_definition(
    mut scene: Scene,
    change: impl Fn(&mut azure_emulator::ImageDefinition),
) -> Scene {
    for gallery in &mut scene.world.galleries {
        gallery.definitions.iter_mut().for_each(&change);
    }
    scene
}

fn linux(scene: Scene) -> Scene {
    with_definition(scene, |definition| definition.os_type = "Linux".to_owned())
}

const HINT: &str =
    "hint: correct input 'ImageVersionId': roll out a version of an image definition for Windows";

#[tokio::test(start_paused = true)]
async fn a_linux_image_is_refused_by_every_method() {
    let expected = format!(
        "AIB845: Rolling out to host pool 'hp-staging' failed: image definition 'win11-avd' is for Linux images, and session hosts run Windows\n{HINT}"
    );
    for scene in [
        hosts::rollout("existing"),
        hosts::rollout("auto"),
        hosts::replace(),
        hosts::replace().input("preview", "true"),
    ] {
        assert_eq!(refused(linux(scene)).await, expected);
    }
    assert_eq!(
        refused(linux(updating::update())).await,
        format!(
            "AIB845: Updating host pool 'hp-production' failed: image definition 'win11-avd' is for Linux images, and session hosts run Windows\n{HINT}"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_linux_image_of_the_marketplace_is_refused() {
    let urn = "Canonical:ubuntu-24_04-lts:server:24.04.202511110";
    let scene = updating::update().input("imageVersionId", urn);
    assert_eq!(
        refused(scene).await,
        format!(
            "AIB845: Updating host pool 'hp-production' failed: image {urn} is a Linux image, and session hosts run Windows\n\
             hint: correct input 'ImageVersionId': roll out an image of Windows"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn generation_and_security_type_fit_the_template() {
    let first = with_definition(hosts::replace(), |definition| {
        definition.hyper_v_generation = "V1".to_owned();
    });
    assert_eq!(
        refused(first).await,
        "AIB845: Rolling out to host pool 'hp-staging' failed: image definition 'win11-avd' is of generation V1, and the template creates VMs with security type TrustedLaunch, which needs generation V2\n\
         hint: use an image of generation V2, or remove the security type of the VMs from the file of input 'sessionHostTemplate'"
    );
    let confidential = with_definition(hosts::replace(), |definition| {
        definition.security_type = Some("ConfidentialVM".to_owned());
    });
    assert_eq!(
        refused(confidential).await,
        "AIB845: Rolling out to host pool 'hp-staging' failed: image definition 'win11-avd' is for VMs with security type ConfidentialVM alone, and the template creates VMs with security type TrustedLaunch\n\
         hint: use an image definition of security type ConfidentialVMSupported, or set the security type of the VMs in the template to ConfidentialVM"
    );
}

/// The size is a parameter with a default, the region a text: the list of sizes says what VMs of the size start from.
#[tokio::test(start_paused = true)]
async fn generation_and_architecture_fit_the_size() {
    let in_region = || {
        hosts::template(|template| {
            template["parameters"]["location"]["defaultValue"] = "West Europe".into();
            template["resources"][1]["properties"]["securityProfile"] = serde_json::json!({});
        })
    };
    let arm = with_definition(hosts::replace_with(&in_region()), |definition| {
        definition.architecture = Some("Arm64".to_owned());
    });
    assert_eq!(
        refused(arm).await,
        "AIB845: Rolling out to host pool 'hp-staging' failed: image definition 'win11-avd' is of architecture Arm64, and the template creates VMs of size Standard_D4ds_v5, which take images of architecture x64 only\n\
         hint: use an image of architecture x64, or set another VM size in input 'sessionHostTemplate'"
    );
    let mut first = with_definition(updating::update(), |definition| {
        definition.hyper_v_generation = "V1".to_owned();
    });
    for pool in &mut first.world.host_pools {
        if let Some(configuration) = &mut pool.configuration {
            configuration["securityInfo"] = serde_json::Value::Null;
        }
    }
    let like = first.world.vm_sizes[0].clone();
    first.world.vm_sizes.push(VmSize {
        name: "Standard_D2ads_v6".to_owned(),
        generations: "V2".to_owned(),
        ..like
    });
    assert_eq!(
        refused(first).await,
        "AIB845: Updating host pool 'hp-production' failed: image definition 'win11-avd' is of generation V1, and the session host configuration creates VMs of size Standard_D2ads_v6, which take images of generation V2 only\n\
         hint: use an image of generation V2, or set another VM size in the session host configuration"
    );
}

#[tokio::test(start_paused = true)]
async fn the_version_has_a_replica_where_the_template_creates_hosts() {
    let elsewhere = hosts::replace();
    let parameters = elsewhere.step.inputs["sessionHostParameters"].clone();
    let parameters = format!("{parameters}\nlocation=North Europe");
    let elsewhere = elsewhere.input("sessionHostParameters", &parameters);
    assert_eq!(
        refused(elsewhere).await,
        "AIB841: Rolling out image version 1.0.1 of 'win11-avd' in gallery 'galContoso' failed: new session hosts are created in northeurope, and it has no replica there (replicas are in westeurope)\n\
         hint: add the region: 'action: promote' with 'targetRegions: northeurope=2'"
    );
}
