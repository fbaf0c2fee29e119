//! By which credential the package is sent and read.

use azure_emulator::blob::BlobRole;
use azure_emulator::{Effect, Fault, Matcher};
use http::Method;

use super::scene::{Scene, Stage};
use super::story::{check_no_secret, check_nothing_left};
use crate::texts::{check_has, check_starts};

/// The service connection's principal has these roles and the template's identity those, and the account takes keys or not.
fn scene(scene: Scene, of_connection: &[BlobRole], of_identity: &[BlobRole], keys: bool) -> Scene {
    let mut scene = scene;
    let identity = scene.world.identities[0].principal.clone();
    let connection = scene.world.applications[0].object.clone();
    let account = &mut scene.world.storage_accounts[0];
    account.allow_shared_key = keys;
    account.roles.clear();
    for (principal, roles) in [(connection, of_connection), (identity, of_identity)] {
        account.roles.insert(principal, roles.to_vec());
    }
    scene
}

const WRITER: &[BlobRole] = &[BlobRole::Contributor, BlobRole::Delegator];
const READER: &[BlobRole] = &[BlobRole::Reader];

fn good(stage: &Stage) {
    stage.check_result("Succeeded");
    check_nothing_left(stage);
    check_no_secret(stage);
}

/// Whether a link was signed with the service connection's own right, and whether a key of the package's account was read.
fn signed_and_keyed(stage: &Stage) -> (bool, bool) {
    let journal = stage.cloud.journal();
    let asked = |method: Method, part: &str| {
        let mut entries = journal.iter();
        entries.any(|entry| entry.method == method && entry.path.contains(part))
    };
    let delegated = journal.iter().any(|entry| {
        entry.method == Method::POST
            && matches!(entry.path.as_str(), "/" | "/stcontosoimages/")
            && entry.status == Some(200)
    });
    (delegated, asked(Method::POST, "/stcontosoimages/listKeys"))
}

#[tokio::test(start_paused = true)]
async fn without_a_role_a_key_does_instead_and_that_is_told() {
    let stage = scene(Scene::windows(), &[], &[], true).build(|_| {}).await;
    good(&stage);
    assert_eq!(signed_and_keyed(&stage), (false, true));
    let warnings = stage.issues("warning");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let told = &warnings[0];
    check_starts(
        told,
        "AIB508: A key of storage account 'stcontosoimages' is used, because a role assignment is missing",
    );
    check_has(told, "--role \"Storage Blob Data Contributor\"");
}

/// It may write, but not ask for a key of its own to sign links with.
#[tokio::test(start_paused = true)]
async fn without_the_right_to_sign_a_key_signs() {
    let denied = |cloud: &azure_emulator::Cloud| {
        cloud.add_fault(Fault::once(Matcher::path(Method::POST, "/"), Effect::Status {
                code: 403,
                headers: vec![(
                    "x-ms-error-code".to_owned(),
                    "AuthorizationPermissionMismatch".to_owned(),
                )],
                body: "<Error><Code>AuthorizationPermissionMismatch</Code><Message>No.</Message></Error>".to_owned(),
            }));
    };
    let stage = scene(Scene::windows(), WRITER, &[], true)
        .build(denied)
        .await;
    good(&stage);
    assert_eq!(signed_and_keyed(&stage), (false, true));
    let told = stage.issues("warning").concat();
    assert!(told.contains("--role \"Storage Blob Delegator\""), "{told}");
}

#[tokio::test(start_paused = true)]
async fn without_role_and_key_the_role_is_named() {
    for access in ["auto", "sas", "identity"] {
        let stage = scene(Scene::windows(), &[], &[], access != "auto")
            .input("packageAccess", access)
            .build(|_| {})
            .await;
        assert_eq!(stage.result(), "Failed", "{access}: {}", stage.transcript);
        check_nothing_left(&stage);
        let error = stage.error();
        assert!(error.starts_with("AIB503: "), "{error}");
        // The checks before the build have said it: it is not said once more.
        let role = "az role assignment create --assignee 6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12 --role 'Storage Blob Data Contributor' --scope /subscriptions/";
        assert!(error.contains(role), "{error}");
        assert_eq!(
            error.matches("az role assignment create").count(),
            1,
            "{error}"
        );
        assert!(!signed_and_keyed(&stage).1, "{access}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_used_where_it_is_asked_for() {
    let stage = scene(Scene::linux(), &[], &[], true)
        .input("packageAccess", "key")
        .build(|_| {})
        .await;
    good(&stage);
    assert_eq!(signed_and_keyed(&stage), (false, true));
    assert_eq!(stage.issues("warning"), Vec::<String>::new());

    let refused = scene(Scene::linux(), WRITER, READER, false)
        .input("packageAccess", "key")
        .build(|_| {})
        .await;
    let error = refused.error();
    check_has(
        &error,
        "the account accepts no requests that are signed with a key",
    );
    assert!(error.contains("--allow-shared-key-access true"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_reads_without_a_link() {
    for scene_of in [Scene::windows, Scene::linux] {
        let stage = scene(scene_of(), WRITER, READER, false)
            .input("packageAccess", "identity")
            .build(|_| {})
            .await;
        good(&stage);
        assert_eq!(signed_and_keyed(&stage), (false, false));
        let told = "identity 'id-image-builder' reads the package, without a link";
        assert!(stage.transcript.contains(told), "{}", stage.transcript);
    }
    // The emulated service reads as the identity: without its role there is no template.
    let refused = scene(Scene::linux(), WRITER, &[], false)
        .input("packageAccess", "identity")
        .build(|_| {})
        .await;
    let error = refused.error();
    check_has(&error, "'Storage Blob Data Reader' on the container");
}

/// The roles of the identity, as Azure lists them.
fn with_roles(cloud: &azure_emulator::Cloud, role: &str, times: u32) {
    let scope = "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images";
    let body = format!(
        r#"{{"value":[{{"properties":{{"roleDefinitionId":"/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/{role}","scope":"{scope}"}}}}]}}"#
    );
    cloud.add_fault(
        Fault::once(
            Matcher::path(
                Method::GET,
                "*/imagebuilder-vststask/providers/Microsoft.Authorization/roleAssignments",
            ),
            Effect::status(200, body),
        )
        .times(times),
    );
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_seen_to_have_the_role_needs_no_link() {
    let reader = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
    let other = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
    for (role, linked) in [(reader, false), (other, true)] {
        let stage = scene(Scene::linux(), WRITER, READER, false)
            .build(|cloud| with_roles(cloud, role, 1))
            .await;
        good(&stage);
        assert!(stage.cloud.unconsumed_faults().is_empty(), "nobody asked");
        assert_eq!(signed_and_keyed(&stage), (linked, false), "{role}");
    }
    // A link is asked for: nobody looks.
    let stage = scene(Scene::linux(), WRITER, READER, false)
        .input("packageAccess", "sas")
        .build(|cloud| with_roles(cloud, reader, 1))
        .await;
    good(&stage);
    assert_eq!(stage.cloud.unconsumed_faults().len(), 1);
    assert_eq!(signed_and_keyed(&stage), (true, false));
}
