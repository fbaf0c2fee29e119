//! Signing in by every scheme and in every cloud, for as long as a build may take.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{BlobAddress, Cloud, Durations, Effect, Fault, Matcher, Progress, Service};
use http::Method;
use image_builder::arm::auth::{Freshness, ServiceConnectionTokens, TokenSource as _};
use image_builder::inputs::{self, Connection, Scheme};
use image_builder::secret::{Masker, Secret};
use pipelines_agent::ServiceConnection;
use rcgen::{CertificateParams, KeyPair};

use super::cloud_http::CloudHttp;
use super::scene::{Scene, Stage, clock};
use super::story::{check_no_secret, check_nothing_left};
use crate::golden::golden;
use crate::known_failures::check_words;
use crate::seed;

const KEY: &str = include_str!("../../testdata/keys/rsa-pkcs8.pem");
const OLD_KEY: &str = include_str!("../../testdata/keys/rsa-pkcs1.pem");

const SCHEMES: [&str; 6] = [
    "secret",
    "certificate",
    "certificate, PKCS#1",
    "federation",
    "system-assigned identity",
    "user-assigned identity",
];

/// The seed scenario by another scheme.
fn scene(scheme: &str) -> Scene {
    let mut scene = Scene::windows();
    let world = &mut scene.world;
    let connection = match scheme {
        "secret" => {
            let secret = world.applications[0].secret.clone().unwrap();
            principal(&seed::connection(world, "ServicePrincipal"), "spnKey")
                .parameter("serviceprincipalkey", secret)
        }
        "federation" => seed::connection(world, "WorkloadIdentityFederation"),
        "system-assigned identity" => managed_identity(&seed::connection(world, "")),
        "user-assigned identity" => {
            let client = world.identities[0].client.clone();
            managed_identity(&seed::connection(world, "")).data("msiclientId", client)
        }
        certificate => {
            let key = if certificate.ends_with("PKCS#1") {
                OLD_KEY
            } else {
                KEY
            };
            let signed = CertificateParams::default()
                .self_signed(&KeyPair::from_pem(KEY).unwrap())
                .unwrap();
            let digest = ring::digest::digest(&ring::digest::SHA256, signed.der());
            let mut thumbprint = String::new();
            for byte in digest.as_ref() {
                write!(thumbprint, "{byte:02X}").unwrap();
            }
            let application = &mut world.applications[0];
            application.certificate_thumbprints = vec![thumbprint];
            application.secret = None;
            let pem = format!("{key}{}", signed.pem());
            principal(
                &seed::connection(world, "ServicePrincipal"),
                "spnCertificate",
            )
            .parameter("servicePrincipalCertificate", pem)
        }
    };
    scene.step.connections = vec![connection];
    scene
}

fn principal(connection: &ServiceConnection, kind: &str) -> ServiceConnection {
    connection.clone().parameter("authenticationType", kind)
}

fn managed_identity(connection: &ServiceConnection) -> ServiceConnection {
    let mut connection = connection.clone();
    connection.scheme = Some("ManagedServiceIdentity".to_owned());
    connection.parameters.remove("serviceprincipalid");
    connection
}

fn requests(stage: &Stage, service: Service) -> usize {
    let journal = stage.cloud.journal();
    journal
        .iter()
        .filter(|entry| entry.service == service)
        .count()
}

fn check(scheme: &str, stage: &Stage) {
    assert_eq!(
        stage.result(),
        "Succeeded",
        "{scheme}\n{}",
        stage.transcript
    );
    check_nothing_left(stage);
    check_no_secret(stage);
    for line in KEY.lines().chain(OLD_KEY.lines()) {
        let shown = stage
            .transcript
            .lines()
            .filter(|shown| shown.contains(line));
        let hidden = shown.filter(|shown| !shown.starts_with("##vso[task.setsecret]"));
        assert_eq!(hidden.count(), 0, "{scheme}: the key shows");
    }
}

#[tokio::test(start_paused = true)]
async fn every_scheme_signs_in() {
    for scheme in SCHEMES {
        let stage = scene(scheme).build(|_| {}).await;
        check(scheme, &stage);
        let (entra, machine) = match scheme {
            "system-assigned identity" | "user-assigned identity" => (0, 2),
            _ => (2, 0),
        };
        let pipelines = if scheme == "federation" { 2 } else { 0 };
        let found = [Service::Entra, Service::Metadata, Service::Pipelines]
            .map(|service| requests(&stage, service));
        assert_eq!(found, [entra, machine, pipelines], "{scheme}");
    }
}

/// A cloud by the name in the connection, Azure Resource Manager, Microsoft Entra ID, and the suffix of storage.
const CLOUDS: [[&str; 4]; 4] = [
    [
        "AzureCloud",
        "https://management.azure.com",
        "https://login.microsoftonline.com",
        "core.windows.net",
    ],
    [
        "AzureUSGovernment",
        "https://management.usgovcloudapi.net",
        "https://login.microsoftonline.us",
        "core.usgovcloudapi.net",
    ],
    [
        "AzureChinaCloud",
        "https://management.chinacloudapi.cn",
        "https://login.chinacloudapi.cn",
        "core.chinacloudapi.cn",
    ],
    [
        "AzureBleuCloud",
        "https://management.sovcloud-api.example",
        "https://login.sovcloud-identity.example",
        "core.sovcloud-api.example",
    ],
];

/// The connection tells the name of its cloud and where Azure Resource Manager is, nothing else.
#[tokio::test(start_paused = true)]
async fn every_scheme_signs_in_to_every_cloud() {
    for [name, arm, login, suffix] in CLOUDS {
        for scheme in SCHEMES {
            let mut scene = scene(scheme);
            let addresses = &mut scene.world.addresses;
            arm.clone_into(&mut addresses.arm);
            login.clone_into(&mut addresses.login);
            addresses.blob = BlobAddress::Hosts {
                suffix: suffix.to_owned(),
            };
            let connection = &mut scene.step.connections[0];
            connection.url = format!("{arm}/");
            connection.data.remove("activeDirectoryAuthority");
            *connection = connection.clone().data("environment", name);
            let stage = scene.build(|_| {}).await;
            let cell = format!("{scheme} in {name}");
            check(&cell, &stage);
            let journal = stage.cloud.journal();
            let strangers = journal
                .iter()
                .filter(|entry| entry.service == Service::Nobody);
            assert_eq!(strangers.count(), 0, "{cell}: a name of another cloud");
            let asked = journal
                .iter()
                .any(|entry| entry.operation == Some("MetadataEndpoints"));
            assert_eq!(asked, name == "AzureBleuCloud", "{cell}");
        }
    }
}

/// Tokens of five minutes, six hours of customizing: a new token in good time, so that Azure never sees an old one.
#[tokio::test(start_paused = true)]
async fn a_six_hour_build_renews_its_tokens_ahead_of_their_end() {
    for scheme in SCHEMES {
        let stage = long(scheme).build(|_| {}).await;
        check(scheme, &stage);
        assert!(stage.elapsed > Duration::from_secs(6 * 3600));
        let journal = stage.cloud.journal();
        let late = journal.iter().filter(|entry| entry.status == Some(401));
        assert_eq!(late.count(), 0, "{scheme}: an old token was used");
        let asked = requests(&stage, Service::Entra) + requests(&stage, Service::Metadata);
        assert!((75..=115).contains(&asked), "{scheme}: {asked} tokens");
        if scheme == "federation" {
            let vouched = requests(&stage, Service::Pipelines);
            assert_eq!(vouched, asked, "an OIDC token was used twice");
        }
    }
}

/// A token that Azure refuses in the middle of it is replaced, once.
#[tokio::test(start_paused = true)]
async fn a_refused_token_is_survived_in_a_long_build() {
    for scheme in SCHEMES {
        let refused = Fault::once("GetTemplate", Effect::ExpireToken).starting_at(100);
        let stage = long(scheme).build(|cloud| cloud.add_fault(refused)).await;
        check(scheme, &stage);
        assert!(stage.cloud.unconsumed_faults().is_empty(), "{scheme}");
    }
}

fn long(scheme: &str) -> Scene {
    let durations = Durations {
        customizing: Duration::from_secs(6 * 3600),
        ..Durations::default()
    };
    scene(scheme)
        .input("buildTimeoutInMinutes", "600")
        .switches(|switches| {
            switches.progress = Progress::ByClock(Box::new(durations));
            switches.token_lifetime = Duration::from_secs(300);
        })
}

/// What is wrong with a scheme is said in one error, with what to do.
/// The scene's one service connection, changed.
fn change(scene: &mut Scene, change: impl FnOnce(ServiceConnection) -> ServiceConnection) {
    let connection = &mut scene.step.connections[0];
    *connection = change(connection.clone());
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_sign_in_is_explained() {
    let mut page = String::new();
    let mut told = async |what: &str, scheme: &str, change: fn(&mut Scene)| {
        let mut scene = scene(scheme);
        change(&mut scene);
        let stage = scene.build(|_| {}).await;
        assert_eq!(stage.result(), "Failed", "{what}");
        check_no_secret(&stage);
        let error = stage.error();
        assert!(stage.elapsed < Duration::from_secs(120), "{error}");
        writeln!(page, "> {scheme}, {what}\n{error}\n").unwrap();
    };
    told("wrong secret", "secret", |scene| {
        change(scene, |it| it.parameter("serviceprincipalkey", "wrong"));
    })
    .await;
    for scheme in ["secret", "certificate", "federation"] {
        told("wrong client id", scheme, |scene| {
            let client = "7c6b5a49-3827-4615-a0f9-e8d7c6b5a493";
            change(scene, |it| it.parameter("serviceprincipalid", client));
        })
        .await;
        told("wrong tenant", scheme, |scene| {
            let tenant = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d";
            change(scene, |it| it.parameter("tenantid", tenant));
        })
        .await;
    }
    told("another subject", "federation", |scene| {
        scene.world.applications[0].federated[0].subject = "sc://contoso/shop/other".to_owned();
    })
    .await;
    told("unknown certificate", "certificate", |scene| {
        scene.world.applications[0].certificate_thumbprints.clear();
    })
    .await;
    told("no PEM", "certificate", |scene| {
        change(scene, |it| {
            it.parameter("servicePrincipalCertificate", "not a PEM at all")
        });
    })
    .await;
    told("not assigned", "user-assigned identity", |scene| {
        change(scene, |it| it.data("msiclientId", "nobody"));
    })
    .await;
    check_words(&page);
    golden("failures/sign-in.txt", &page);

    let silent = at_entra(1000, Effect::ResetBefore);
    let stage = scene("secret").build(|cloud| cloud.add_fault(silent)).await;
    let error = stage.error();
    let host = "Microsoft Entra ID gave no token: no answer from login.azure.emulator: connection reset by peer (after 6 tries in ";
    assert!(error.contains(host), "{error}");

    let no_machine = scene("system-assigned identity");
    let nowhere = Fault::always(
        Matcher::path(Method::GET, "/metadata/*"),
        Effect::ResetBefore,
    );
    let stage = no_machine.build(|cloud| cloud.add_fault(nowhere)).await;
    let error = stage.error();
    assert!(error.starts_with("AIB206: "), "{error}");
    assert!(error.contains("run the job on a VM in Azure"), "{error}");
}

/// A cloud that is not one of the known three: its own Resource Manager tells where to sign in and for what.
#[tokio::test(start_paused = true)]
async fn an_unknown_cloud_is_asked_for_its_addresses() {
    for status in [None, Some(404), Some(400)] {
        let mut scene = scene("federation");
        let connection = &mut scene.step.connections[0];
        connection.data.remove("activeDirectoryAuthority");
        *connection = connection.clone().data("environment", "AzureSomewhere");
        let stage = scene
            .build(|cloud| fail_first_metadata(cloud, status))
            .await;
        check("an unknown cloud", &stage);
        let asked = stage.cloud.requests("MetadataEndpoints");
        assert_eq!(asked.len(), 1 + usize::from(status.is_some()));
    }
}

fn fail_first_metadata(cloud: &Cloud, status: Option<u16>) {
    if let Some(code) = status {
        let effect = Effect::status(code, "");
        cloud.add_fault(Fault::once("MetadataEndpoints", effect));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_does_not_tell_its_addresses_is_explained() {
    let mut scene = scene("secret");
    let connection = &mut scene.step.connections[0];
    *connection = connection.clone().data("environment", "AzureSomewhere");
    let silent = Fault::always("MetadataEndpoints", Effect::NotJson);
    let stage = scene.build(|cloud| cloud.add_fault(silent)).await;
    let error = stage.error();
    assert!(error.starts_with("AIB208: Signing in failed: "), "{error}");
    assert!(error.contains("it answered 502"), "{error}");
    assert!(error.contains("activeDirectoryAuthority"), "{error}");
}

/// Hides nothing: these tests print nothing.
struct Nobody;

impl Masker for Nobody {
    fn mask(&self, _: &str) {}
}

/// Tokens of the seed's application with its secret, and the cloud that gives them.
fn tokens() -> (Arc<Cloud>, ServiceConnectionTokens) {
    let scene = Scene::windows();
    let (world, application) = (&scene.world, &scene.world.applications[0]);
    let cloud = Cloud::new(world.clone(), scene.switches.clone(), clock());
    let cloud = Arc::new(cloud);
    let address = |origin: &str| format!("{origin}/").parse().unwrap();
    let known = inputs::KnownCloud {
        resource_manager: address(&world.addresses.arm),
        authority: None,
        audience: None,
    };
    let connection = Connection {
        id: "c".to_owned(),
        subscription: world.subscription.clone(),
        scheme: Scheme::Secret {
            tenant: world.tenant.clone(),
            client: application.client.clone(),
            secret: Secret::new(application.secret.clone().unwrap(), &Nobody),
        },
        cloud: known,
    };
    let addresses = inputs::Cloud {
        resource_manager: address(&world.addresses.arm),
        authority: address(&world.addresses.login),
        audience: world.addresses.arm.clone(),
    };
    let http = Arc::new(CloudHttp {
        cloud: Arc::clone(&cloud),
        secrets: crate::flow::LiveSecrets::default(),
    });
    let tokens = ServiceConnectionTokens::new(&connection, &addresses, http, Arc::new(Nobody));
    (cloud, tokens.unwrap())
}

const SCOPE: &str = "https://management.azure.emulator/.default";

fn at_entra(times: u32, effect: Effect) -> Fault {
    Fault::once(Matcher::path(Method::POST, "*/oauth2/v2.0/token"), effect).times(times)
}

/// Ten blocks of an upload meet an old token at once: one renewal serves them all.
#[tokio::test(start_paused = true)]
async fn one_renewal_serves_everybody_who_waits() {
    let (cloud, tokens) = tokens();
    cloud.add_fault(at_entra(1000, Effect::Delay(Duration::from_secs(2))));
    let first = futures::future::join_all((0..10).map(|_| tokens.token(SCOPE, Freshness::Cached)));
    let first: Vec<_> = first.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(cloud.journal().len(), 1);
    let again = futures::future::join_all((0..10).map(|_| tokens.token(SCOPE, Freshness::Renewed)));
    let again: Vec<_> = again.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(cloud.journal().len(), 2);
    assert!(again.iter().all(|token| *token == again[0]));
    assert_ne!(first[0], again[0]);
}

/// A token serves on while it is valid, when Entra ID has trouble; after that the trouble is told.
#[tokio::test(start_paused = true)]
async fn trouble_ahead_of_the_end_is_borne() {
    let (cloud, tokens) = tokens();
    let first = tokens.token(SCOPE, Freshness::Cached).await.unwrap();
    tokio::time::sleep(Duration::from_secs(54 * 60)).await;
    assert_eq!(tokens.token(SCOPE, Freshness::Cached).await.unwrap(), first);
    assert_eq!(cloud.journal().len(), 1);
    let refusal = Effect::status(
        400,
        r#"{"error":"invalid_request","error_description":"AADSTS7000222: The keys are expired."}"#,
    );
    cloud.add_fault(at_entra(1000, refusal));
    tokio::time::sleep(Duration::from_secs(90)).await;
    for _ in 0..5 {
        assert_eq!(tokens.token(SCOPE, Freshness::Cached).await.unwrap(), first);
    }
    assert_eq!(cloud.journal().len(), 2, "it is not asked again at once");
    tokio::time::sleep(Duration::from_secs(5 * 60)).await;
    let failure = tokens.token(SCOPE, Freshness::Cached).await.unwrap_err();
    assert!(failure.reason.contains("AADSTS7000222"), "{failure}");
}

/// Each token of a long build is announced, the last one as well as the first.
#[tokio::test(start_paused = true)]
async fn every_token_is_masked() {
    let stage = long("federation").build(|_| {}).await;
    let announced = stage.transcript.matches("##vso[task.setsecret]").count();
    let issued = requests(&stage, Service::Entra) + requests(&stage, Service::Pipelines);
    assert!(announced >= issued, "{announced} of {issued}");
}

/// A server that gives no OIDC tokens on request: an earlier step has put one into the connection.
#[tokio::test(start_paused = true)]
async fn a_token_that_an_earlier_step_got_signs_in_while_it_lives() {
    let mut late = scene("federation");
    let token = late.oidc_token();
    let connection = &mut late.step.connections[0];
    *connection = connection.clone().parameter("idToken", &token);
    // The address that follows from the job is one that this server does not know.
    late.step.variables.set("System.OidcRequestUri", "");
    let stage = late.build(|_| {}).await;
    stage.check_result("Succeeded");
    check_no_secret(&stage);
}
