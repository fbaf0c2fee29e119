//! Testing an image in a VM of the step's own.

mod crashes;
mod doctor;
mod faults;
mod left;
mod verdicts;

use azure_emulator::{CommandFate, MachineFate};

use super::*;
use crate::texts::check_starts;

const GROUP: &str = "rg-images";

/// The id of something in the resource group for tests.
fn in_group(kind: &str, name: &str) -> String {
    let world = Scene::windows().world;
    format!("{}/providers/{kind}/{name}", world.group_id(GROUP))
}

fn subnet(name: &str) -> String {
    let world = Scene::windows().world;
    let known = world.subnets[0].id.rsplit_once('/').unwrap().0.to_owned();
    format!("{known}/{name}")
}

/// The step with what it needs.
fn vm_scene() -> Scene {
    Scene::bare("test")
        .input("imageVersionId", &version(NUMBER))
        .input("testEngine", "vm")
        .input("testVmGroup", GROUP)
        .input("testSubnetId", &subnet("snet-build"))
        .input("vmSize", "Standard_D2ds_v5")
        .input("provisioner", "powershell")
        .input("validationInlineScript", "Test-Path C:\\App")
}

/// The same with the account that keeps whole outputs.
fn with_account() -> Scene {
    vm_scene().input("storageAccountName", "stcontosoimages")
}

/// What the test's names stand for: VMs, network interfaces and disks that are there.
fn parts(stage: &Stage) -> Vec<String> {
    let all = stage.cloud.resources().into_iter();
    let own = all.filter(|id| id.rsplit('/').next().unwrap().starts_with("tst-"));
    own.collect()
}

/// Neither VM nor network interface nor disk nor blob is there.
fn all_gone(what: &str, stage: &Stage) {
    assert_eq!(parts(stage), [""; 0], "{what}\n{}", stage.transcript);
    let blobs = stage.cloud.inventory().blobs;
    let own = blobs
        .iter()
        .filter(|(_, container, ..)| container == "imagebuilder-vststask");
    let own: Vec<_> = own.collect();
    assert!(own.is_empty(), "{what}: {own:?}\n{}", stage.transcript);
}

fn machine_of(puts: &[(String, Value)]) -> &Value {
    let mut machines = puts
        .iter()
        .filter(|(path, _)| path.contains("/virtualMachines/") && !path.contains("/runCommands/"));
    let (_, body) = machines.next().unwrap();
    assert!(machines.next().is_none());
    body
}

fn commands_of(puts: &[(String, Value)]) -> Vec<(String, Value)> {
    let commands = puts
        .iter()
        .filter(|(path, _)| path.contains("/runCommands/"));
    commands
        .map(|(path, body)| {
            let name = path.rsplit('/').next().unwrap();
            (name.to_owned(), body["properties"].clone())
        })
        .collect()
}

fn command(fate: CommandFate) -> Scene {
    vm_scene().switches(|on| on.desktops.command = fate)
}

fn machine(fate: MachineFate) -> Scene {
    vm_scene().switches(|on| on.desktops.machine = fate)
}

fn fails(exit_code: i32, output: &str) -> CommandFate {
    CommandFate::Fails {
        exit_code,
        output: output.to_owned(),
        error: "it is not there".to_owned(),
    }
}

fn says(output: &str) -> CommandFate {
    CommandFate::Succeeds {
        output: output.to_owned(),
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn an_image_boots_passes_its_check_and_everything_goes() {
    let (stage, puts) = witnessed(vm_scene()).await;
    stage.check_result("Succeeded");
    assert_eq!(stage.variable("imageTested"), Some("passed"));
    assert_eq!(tags_of_version(&stage)["imageTest"], "passed");
    assert_eq!(
        states(&stage),
        pairs(&[("boot", "passed"), ("checks", "passed")])
    );
    assert!(junit(&stage).unwrap().contains("name=\"boot\""));
    all_gone("a good test", &stage);
    let mut kinds: Vec<_> = puts
        .iter()
        .map(|(path, _)| path.split('/').nth(7).unwrap())
        .collect();
    kinds.dedup();
    assert_eq!(kinds[..2], ["networkInterfaces", "virtualMachines"]);
    let made = machine_of(&puts);
    let name = made["properties"]["storageProfile"]["osDisk"]["name"]
        .as_str()
        .unwrap();
    assert!(
        name.strip_prefix("tst-")
            .unwrap()
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    );
    let password = made["properties"]["osProfile"]["adminPassword"]
        .as_str()
        .unwrap();
    assert_eq!(password.len(), 32);
    assert_eq!(
        made["properties"]["storageProfile"]["imageReference"]["id"],
        version(NUMBER)
    );
    for (path, body) in puts
        .iter()
        .filter(|(path, _)| !path.contains("/runCommands/") && path.contains("tst-"))
    {
        for tag in [
            "imageBuilderTask",
            "imageBuilderRun",
            "imageBuilderStep",
            "imageBuilderMade",
        ] {
            assert!(body["tags"][tag].is_string(), "{path} has no {tag}");
        }
        assert_eq!(body["location"], "westeurope");
    }
    let [(name, properties)] = &commands_of(&puts)[..] else {
        panic!()
    };
    assert_eq!(name, "imageTest");
    assert_eq!(
        *properties,
        json!({
            "source": {"script": "Test-Path C:\\App\nexit $LASTEXITCODE\n"},
            "asyncExecution": true, "timeoutInSeconds": 3600, "treatFailureAsDeploymentFailure": false,
        })
    );
    let lines = stage.transcript.lines();
    let told: Vec<_> = lines
        .filter(|line| line.contains("VM") && !line.starts_with("##"))
        .map(|line| line.replace(name, "NAME"))
        .collect();
    assert!(
        told.iter().any(
            |line| line.ends_with("(Standard_D2ds_v5) in westeurope, resource group rg-images")
        ),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|line| line.starts_with("boot VM:  Succeeded, its guest agent is ready after ")),
        "{told:?}"
    );
}

/// What the definition says decides what its VM has.
#[tokio::test(start_paused = true)]
async fn the_definition_decides_what_the_machine_has() {
    let changed = |change: fn(&mut azure_emulator::ImageDefinition)| {
        let mut scene = vm_scene();
        change(&mut scene.world.galleries[0].definitions[0]);
        scene
    };
    let (stage, puts) = witnessed(changed(|it| {
        it.security_type = Some("TrustedLaunch".to_owned());
    }))
    .await;
    stage.check_result("Succeeded");
    assert_eq!(
        machine_of(&puts)["properties"]["securityProfile"],
        json!({"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}})
    );
    let (stage, puts) = witnessed(changed(|it| it.specialized = true)).await;
    stage.check_result("Succeeded");
    assert_eq!(machine_of(&puts)["properties"].get("osProfile"), None);
    let (stage, puts) = witnessed(vm_scene().input("testAdminPassword", "My-own-passw0rd-1")).await;
    stage.check_result("Succeeded");
    assert_eq!(
        machine_of(&puts)["properties"]["osProfile"]["adminPassword"],
        "My-own-passw0rd-1"
    );
}

/// The link to the package is a secret of the command, and the script waits for it.
#[tokio::test(start_paused = true)]
async fn a_package_is_read_by_a_link_that_nobody_sees() {
    let scene = with_account().input("packagePath", "wvd/images");
    let (stage, puts) = witnessed(scene).await;
    stage.check_result("Succeeded");
    all_gone("a test with a package", &stage);
    let [(_, properties)] = &commands_of(&puts)[..] else {
        panic!()
    };
    let [parameter] = &properties["protectedParameters"].as_array().unwrap()[..] else {
        panic!()
    };
    let link = parameter["value"].as_str().unwrap();
    assert!(
        link.contains("/imagebuilder-vststask/images/") && link.contains("sig="),
        "{link}"
    );
    let script = properties["source"]["script"].as_str().unwrap();
    check_starts(script, "param([string]$imageTestPackage)\n");
    assert!(
        !script.contains("sig=") && script.contains("$link = $imageTestPackage"),
        "{script}"
    );
    assert!(
        script.ends_with("Test-Path C:\\App\nexit $LASTEXITCODE\n"),
        "{script}"
    );
    for name in ["outputBlobUri", "errorBlobUri"] {
        let link = properties[name].as_str().unwrap();
        assert!(link.contains("sp=racw") && link.contains(".txt?"), "{link}");
    }
}

/// The region is that of the network.
#[tokio::test(start_paused = true)]
async fn the_region_is_that_of_the_subnet() {
    let check = |scene: Scene, code: &str, text: &str| {
        let (code, text) = (code.to_owned(), text.to_owned());
        async move {
            let stage = run(scene).await;
            stage.check_result("Failed");
            let [(found, said)] = &issues(&stage, "error")[..] else {
                panic!("{}", stage.transcript)
            };
            assert_eq!((found, said.as_str()), (&code, text.as_str()));
            assert_eq!(puts(&stage, "tst-"), 0);
            assert_eq!(tags_of_version(&stage), json!({"buildNumber": NUMBER}));
        }
    };
    check(
        vm_scene().input("ibLocation", "northeurope"),
        "AIB101",
        "Input 'ibLocation': it is northeurope, but the VM is created in the region of its network, westeurope\nhint: remove the input, or choose a subnet in northeurope in input 'testSubnetId'",
    )
    .await;
    check(
        vm_scene().input("testSubnetId", &subnet("snet-biuld")),
        "AIB713",
        "Testing image version 1.0.2609402 of 'win11-avd' failed: virtual network 'vnet-images' has no subnet 'snet-biuld'\nhint: did you mean 'snet-build'? correct input 'testSubnetId'; the subnets of the network are: snet-build, snet-containers",
    )
    .await;
    let stage = vm_scene()
        .build(|cloud| cloud.put_image_version(&on_shelf(NUMBER, &["northeurope"])))
        .await;
    assert_eq!(codes(&stage, "error"), ["AIB865"]);
    assert_eq!(puts(&stage, "tst-"), 0);
}

/// One that boots and whose parts stay, one that does not boot, one whose VM is kept.
pub(super) async fn everything() -> Vec<Stage> {
    let stays = vm_scene().switches(|on| on.desktops.delete_option_counts = false);
    let kept = command(fails(1, "")).input("keepVmOnFailure", "true");
    vec![
        run(stays).await,
        run(machine(MachineFate::AgentNeverReports)).await,
        run(kept).await,
    ]
}
