//! The doctor: every check, well and ill.

use azure_emulator::{Fault, Matcher};

use super::ills::{ills, made, scene};
use super::scene::{Scene, Stage};
use crate::golden::golden;
use crate::texts::{check_has, check_starts};
use azure_emulator::Effect;

fn without_containers(scene: Scene) -> Scene {
    scene.input("containerInstanceSubnetId", "")
}

async fn visit(scene: Scene) -> Stage {
    scene.input("action", "doctor").build(|_| {}).await
}

fn id(scene: &Scene, kind: &str, name: &str) -> String {
    let group = scene.world.group_id("rg-images");
    format!("{group}/providers/{kind}/{name}")
}

#[tokio::test(start_paused = true)]
async fn a_doctor_who_finds_nothing_says_what_was_looked_at() {
    let stage = visit(scene()).await;
    stage.check_result("Succeeded");
    golden("transcripts/doctor.txt", &stage.readable_transcript());
    golden("summaries/doctor.md", &stage.summary());
    let journal = stage.cloud.journal();
    let changes = journal.iter().filter(|entry| {
        entry.service == azure_emulator::Service::Arm && entry.method != http::Method::GET
    });
    assert_eq!(changes.count(), 0, "a doctor changes nothing");
    assert!(stage.note.is_none());
}

#[tokio::test(start_paused = true)]
async fn every_ill_is_found_with_its_remedy() {
    for ill in ills() {
        let [code, text, fix] = ill.expected;
        let stage = visit(made(ill)).await;
        let cell = format!("{code} {text}\n{}", stage.transcript);
        let issues: Vec<_> = ["error", "warning"]
            .into_iter()
            .flat_map(|kind| stage.issues(kind))
            .collect();
        let found = issues
            .iter()
            .find(|issue| issue.starts_with(code) && issue.contains(text));
        let found = found.unwrap_or_else(|| panic!("{cell}"));
        let (_, hint) = found
            .split_once("\nhint: ")
            .unwrap_or_else(|| panic!("{cell}"));
        assert!(hint.contains(fix), "{cell}");
        let expected = match stage.issues("error").len() {
            0 => "SucceededWithIssues",
            _ => "Failed",
        };
        assert_eq!(stage.result(), expected, "{cell}");
    }
}

/// Each check has something that it finds, in the doctor's visit and, by the tests of the preflight, in a build.
#[test]
fn every_check_has_an_ill() {
    let codes = |code: &str| ills().any(|ill| ill.expected[0] == code);
    for (code, _) in image_builder::check::CODES {
        assert!(codes(code), "{code}");
    }
}

/// Without a container subnet the service comes by a private link.
#[tokio::test(start_paused = true)]
async fn policies_for_private_links_are_in_the_way_without_a_container_subnet() {
    let mut ill = scene();
    ill.world.subnets[0].private_link_policies = true;
    assert_eq!(visit(ill).await.result(), "Succeeded");
    let mut ill = without_containers(scene());
    ill.world.subnets[0].private_link_policies = true;
    let error = visit(ill).await.error();
    check_starts(
        &error,
        "AIB714: subnets: subnet 'snet-build' has network policies",
    );
    check_has(&error, "--private-link-service-network-policies Disabled");
}

/// Sources in galleries, and managed images.
#[tokio::test(start_paused = true)]
async fn sources_of_ones_own_are_looked_at() {
    let gallery = |scene: Scene, version: &str| {
        let definition = "Microsoft.Compute/galleries/galContoso/images/win11-avd/versions";
        let source = id(&scene, definition, version);
        scene
            .input("imageSource", "sig")
            .input("imageVersionId", &source)
            .input("imageVersion", "9.0.0")
    };
    let with = |versions: &[&str]| {
        let mut scene = scene();
        let definition = &mut scene.world.galleries[0].definitions[0];
        definition.versions = versions.iter().map(|&number| number.to_owned()).collect();
        scene
    };
    let check = async |scene: Scene, expected: &str| {
        let stage = visit(scene).await;
        assert!(
            stage.transcript.contains(expected),
            "{expected}\n{}",
            stage.transcript
        );
    };
    check(
        gallery(with(&["1.0.0"]), "1.0.0"),
        "ok        source: image version 1.0.0 of 'win11-avd' exists",
    )
    .await;
    check(
        gallery(with(&["1.0.0"]), "latest"),
        "ok        source: image version latest of 'win11-avd' exists",
    )
    .await;
    check(
        gallery(with(&[]), "latest"),
        "code=AIB704;]source: 'win11-avd' has no versions",
    )
    .await;
    check(
        gallery(with(&["1.0.0"]), "2.0.0"),
        "code=AIB704;]source: image version 2.0.0 of 'win11-avd' does not exist",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_is_looked_at() {
    let check = async |scene: Scene, expected: &str| {
        let stage = visit(scene).await;
        assert!(
            stage.transcript.contains(expected),
            "{expected}\n{}",
            stage.transcript
        );
    };
    let managed = |mut scene: Scene, there: bool| {
        let source = id(&scene, "Microsoft.Compute/images", "base");
        if there {
            scene.world.managed_images.push(source.clone());
        }
        scene
            .input("imageSource", "managedImage")
            .input("customImageResourceId", &source)
    };
    check(
        managed(scene(), true),
        "ok        source: managed image 'base' exists",
    )
    .await;
    check(
        managed(scene(), false),
        "code=AIB704;]source: managed image 'base' does not exist",
    )
    .await;
}

/// Without any right to read, a doctor knows nothing, and says so without calling it a failure.
#[tokio::test(start_paused = true)]
async fn missing_rights_to_read_are_no_failure() {
    let forbidden = r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#;
    let scene = scene().input("action", "doctor");
    let stage = scene
        .build(|cloud| {
            let matcher = Matcher::path(http::Method::GET, "/subscriptions/*");
            cloud.add_fault(Fault::always(matcher, Effect::status(403, forbidden)));
        })
        .await;
    stage.check_result("Succeeded");
    let unknown = stage
        .transcript
        .lines()
        .filter(|line| line.starts_with("unknown "));
    assert!(unknown.count() >= 10, "{}", stage.transcript);
    check_has(&stage.transcript, "AuthorizationFailed");
}

#[tokio::test(start_paused = true)]
async fn a_doctor_who_cannot_sign_in_says_why() {
    let mut scene = scene();
    scene.world.applications[0].federated.clear();
    let stage = visit(scene).await;
    stage.check_result("Failed");
    assert!(
        stage
            .error()
            .starts_with("AIB203: sign-in by workload identity federation: Signing in failed"),
        "{}",
        stage.transcript
    );
}

/// Whoever may read the keys of the account needs no role, and is told of it unless that was asked for.
#[tokio::test(start_paused = true)]
async fn a_key_does_instead_of_a_role() {
    let check = async |access: &str, keys: bool, expected: &str| {
        let mut ill = scene().input("packageAccess", access);
        ill.world.storage_accounts[0].roles.clear();
        ill.world.storage_accounts[0].allow_shared_key = keys;
        let stage = visit(ill).await;
        assert_eq!(stage.result(), expected, "{access}\n{}", stage.transcript);
    };
    check("auto", true, "SucceededWithIssues").await;
    check("auto", false, "Failed").await;
    check("sas", true, "Failed").await;
    check("key", true, "Succeeded").await;
}

/// The page of a run shows ten errors: with more, the last one holds the rest, and nothing is told twice.
#[tokio::test(start_paused = true)]
async fn many_problems_are_ten_issues() {
    let mut ill = scene();
    ill.world.vm_sizes.truncate(1);
    ill.world.role_assignments.clear();
    let missing = [
        "Compute",
        "Network",
        "Storage",
        "KeyVault",
        "ContainerInstance",
    ];
    let missing = missing.map(|name| format!("Microsoft.{name}"));
    ill.world.unregistered_providers.extend(missing);
    let stage = visit(ill).await;
    let errors = stage.issues("error");
    assert_eq!(errors.len(), 10, "{}", stage.transcript);
    assert!(errors[9].matches("hint: ").count() > 1, "{}", errors[9]);
    stage.check_result("Failed");
    let told = stage
        .transcript
        .matches("Microsoft.KeyVault is not registered");
    assert_eq!(told.count(), 1, "{}", stage.transcript);
}

/// `docs/doctor.md` lists every check and every code, as the code itself has them.
#[test]
fn the_page_is_what_the_source_says() {
    use image_builder::check::{CHECKS, CODES};
    use std::fmt::Write as _;
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let page = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\r\n", "\n");
    let (head, _) = page.split_once("## Checks\n").unwrap();
    let mut expected = format!(
        "{head}## Checks\n\n| check | what it checks | required permission |\n|---|---|---|\n"
    );
    for check in CHECKS {
        let (name, looks_at, needs) = (check.name, check.looks_at, check.needs);
        writeln!(expected, "| {name} | {looks_at} | {needs} |").unwrap();
    }
    expected.push_str("\n## Codes\n\n| code | meaning |\n|---|---|\n");
    for (code, meaning) in CODES {
        writeln!(expected, "| {code} | {meaning} |").unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(
        page == expected || std::env::var_os("UPDATE_GOLDEN").is_some(),
        "docs/doctor.md differs from the source; run with UPDATE_GOLDEN=1"
    );
}

/// A resource group's name can have parentheses, which mean something to a shell.
#[tokio::test(start_paused = true)]
async fn names_in_commands_are_words_of_a_shell() {
    const GROUP: &str = "rg(1)";
    let elsewhere = |id: &str| id.replace("rg-images", GROUP);
    let in_scene = |change: fn(Scene) -> Scene| {
        let scene = scene();
        let world = &scene.world;
        let identity = elsewhere(&world.identity_id(&world.identities[0]));
        let gallery = elsewhere(&world.gallery_id(&world.galleries[0]));
        let subnet = elsewhere(&world.subnets[0].id);
        change(
            scene
                .input("managedIdentity", &identity)
                .input("galleryImageId", &format!("{gallery}/images/win11-avd"))
                .input("vnetSubnetId", &subnet)
                .input("containerInstanceSubnetId", ""),
        )
    };
    let group: fn(Scene) -> Scene = |scene| scene.input("ibAzureResourceGroup", GROUP);
    let account: fn(Scene) -> Scene = |scene| {
        let scene = scene.input("ibAzureResourceGroup", GROUP);
        scene.input("storageAccountName", "stnowhere")
    };
    let managed: fn(Scene) -> Scene = |scene| {
        let source = "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg(1)/providers/Microsoft.Compute/images/img";
        let scene = scene.input("imageSource", "managedImage");
        scene.input("customImageResourceId", source)
    };
    for change in [group, account, managed] {
        let stage = visit(in_scene(change)).await;
        let words = stage.transcript.split(" --").skip(1);
        let words = words
            .filter_map(|option| option.split_once(' '))
            .map(|(_, word)| {
                word.split_once([';', '\n', '%'])
                    .map_or(word, |(word, _)| word)
            })
            .filter(|word| word.contains(GROUP));
        let words: Vec<_> = words.collect();
        assert!(!words.is_empty(), "{}", stage.transcript);
        for word in words {
            assert!(word.starts_with('\''), "{word}\n{}", stage.transcript);
        }
    }
}
