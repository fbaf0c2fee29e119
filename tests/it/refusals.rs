//! What is said of every way in which there is no image, whole: headline and hint.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use image_builder::arm::auth::SignInFailure;
use image_builder::arm::gallery::SoftDeleted;
use image_builder::arm::http::{Sent, TransportError};
use image_builder::arm::{Cause, Failure, Refusal};
use image_builder::check::{Finding, Verdict};
use image_builder::diagnosis::Explanation;
use image_builder::error::{Error, StartRequest};
use image_builder::inventory::{NotCompared, Unread};
use image_builder::release::{Refused, Why};
use image_builder::resource::ResourceId;
use image_builder::storage::{Operation, PackageFailure, StorageAccount, StorageFailure};

use crate::golden::golden;
use crate::known_failures::check_words;

fn refused(doing: &str, status: u16, code: &str, message: &str) -> Failure {
    failure(
        doing,
        Cause::Refused(Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            code: code.to_owned(),
            message: message.to_owned(),
        }),
    )
}

fn failure(doing: &str, cause: Cause) -> Failure {
    Failure {
        doing: doing.to_owned(),
        cause,
        tries: 1,
        elapsed: Duration::ZERO,
        request_id: None,
    }
}

fn unreachable(host: &str) -> Cause {
    Cause::Unreachable {
        host: host.to_owned(),
        error: TransportError {
            sent: Sent::Nothing,
            reason: "connection refused".to_owned(),
        },
    }
}

fn sign_in() -> SignInFailure {
    SignInFailure {
        code: "AIB201",
        reason: "Microsoft Entra ID refused to sign in: AADSTS7000222: The provided client secret keys for app 'c' are expired.".to_owned(),
        hint: Some("the client secret has expired: renew it".to_owned()),
    }
}

const CREATING: &str = "Creating image template 't_1'";

fn of_requests() -> Vec<Error> {
    let unknown = || refused(CREATING, 400, "OddRequest", "The moon is full.");
    vec![
        Error::Network("'ca.pem' holds no certificate".to_owned()),
        Error::SignIn(sign_in()),
        Error::Preflight(vec![Finding {
            check: "identity",
            verdict: Verdict::Certain("AIB710"),
            text: "managed identity 'id' was not found".to_owned(),
            fix: Some("check its spelling".to_owned()),
        }]),
        Error::Azure(unknown()),
        Error::Azure(Failure {
            request_id: Some("0f1e2d3c".to_owned()),
            ..unknown()
        }),
        Error::Azure(failure(CREATING, unreachable("management.azure.com"))),
        Error::Azure(failure(
            CREATING,
            Cause::Unreadable("it has no id".to_owned()),
        )),
        Error::Azure(failure(
            CREATING,
            Cause::TooNew {
                offered: "2024-02-01",
                members: vec!["properties.autoRun".to_owned()],
            },
        )),
        Error::Azure(failure(CREATING, Cause::SignIn(sign_in()))),
    ]
}

fn of_builds() -> Vec<Error> {
    vec![
        Error::Submission {
            template: "t_1".to_owned(),
            code: "Other".to_owned(),
            message: "The moon is full.".to_owned(),
        },
        Error::NotStarted {
            template: "t_1".to_owned(),
            request: StartRequest::Repeated,
            cause: Some(refused(
                "Starting the run of image template 't_1'",
                504,
                "GatewayTimeout",
                "No.",
            )),
        },
        Error::NotStarted {
            template: "t_1".to_owned(),
            request: StartRequest::Accepted,
            cause: None,
        },
        Error::Run {
            phase: Some("Distributing".to_owned()),
            elapsed: Duration::from_secs(4000),
            message: "The moon is full. OperationId: 5e6f7a8b-0000-4000-8000-000000000002."
                .to_owned(),
            explanation: Box::new(Explanation::of(
                "The moon is full. OperationId: 5e6f7a8b-0000-4000-8000-000000000002.",
                None,
                &[],
            )),
        },
        Error::RunCanceled {
            phase: Some("Customizing".to_owned()),
            elapsed: Duration::from_secs(200),
        },
        Error::Deadline {
            phase: Some("Distributing".to_owned()),
            limit: Duration::from_secs(15_000),
        },
        Error::NoImage {
            template: "t_1".to_owned(),
            run_output: "SharedImage_distribute".to_owned(),
            failure: None,
            listing: Some("az sig image-version list".to_owned()),
        },
        Error::NoImage {
            template: "t_1".to_owned(),
            run_output: "VHD_distribute".to_owned(),
            failure: Some(refused(
                "Reading run output 'VHD_distribute'",
                404,
                "ResourceNotFound",
                "No.",
            )),
            listing: None,
        },
        Error::Canceled,
    ]
}

fn of_templates() -> Vec<Error> {
    let text = |text: &str| Some(text.to_owned());
    let missing = |name, nearest| Error::NoTemplate {
        group: "rg-images".to_owned(),
        name,
        nearest,
    };
    vec![
        missing(text("aib-471"), text("aib-4711")),
        missing(text("aib-4711"), None),
        missing(None, None),
        Error::SeveralTemplates {
            group: "rg-images".to_owned(),
            names: vec!["t_1".to_owned(), "t_2".to_owned()],
        },
        Error::NotOurs {
            doing: "Canceling the run of image template 'win11'".to_owned(),
            why: "'win11' was not created by this task".to_owned(),
            instead: "give another name".to_owned(),
        },
        Error::SeveralImages {
            names: vec!["/images/a".to_owned(), "/images/b".to_owned()],
        },
        Error::NotReady {
            template: "t_1".to_owned(),
            phase: text("Customizing"),
            elapsed: Duration::from_secs(52 * 60),
        },
        Error::NotReady {
            template: "t_1".to_owned(),
            phase: None,
            elapsed: Duration::ZERO,
        },
        Error::NeverRun {
            template: "t_1".to_owned(),
            minutes: 10,
        },
        Error::NoImageNamed {
            template: "win11".to_owned(),
            run_output: "out".to_owned(),
            listing: text("az sig image-version list"),
        },
        Error::NoImageNamed {
            template: "win11".to_owned(),
            run_output: "out".to_owned(),
            listing: None,
        },
        Error::Gone(refused(
            "Reading image template 't_1'",
            404,
            "ResourceNotFound",
            "No.",
        )),
    ]
}

fn of_versions() -> Vec<Error> {
    let definition = "/subscriptions/s/resourceGroups/rg-(a)/providers/Microsoft.Compute/galleries/gal/images/win11";
    vec![
        Error::NoDefinition {
            definition: definition.parse().unwrap(),
        },
        Error::NoHostPool {
            pool: "/subscriptions/s/resourceGroups/rg-(a)/providers/Microsoft.DesktopVirtualization/hostPools/hp".parse().unwrap(),
        },
        Error::Rollout(Box::new(image_builder::rollout::Refused::new(
            "AIB843",
            "Updating host pool 'hp' failed: the pool has no session host configuration",
            "set 'rolloutMethod: replace'".to_owned(),
        ))),
        Error::RolloutNotReady(Box::new(image_builder::rollout::Refused::new(
            "AIB804",
            "Rolling out to host pool 'hp' did not end within 50 min 0 s: the session host update continues: UpdatingSessionHosts, 3 of 8",
            "run the step again: it continues where this one ended".to_owned(),
        ))),
        Error::UseUnknown {
            why: refused(
                "Listing the VMs of subscription 's'",
                403,
                "AuthorizationFailed",
                "No.",
            )
            .to_string(),
            hint: "run the step again".to_owned(),
        },
    ]
}

fn deleted() -> SoftDeleted {
    SoftDeleted {
        name: "1.2.0".to_owned(),
        until: Some("2026-12-06T10:00:00+00:00".to_owned()),
    }
}

fn of_releases() -> Vec<Error> {
    let version = "/subscriptions/s/resourceGroups/rg(a)/providers/Microsoft.Compute/galleries/gal/images/web/versions/1.2.0";
    let text = str::to_owned;
    let of_version = [
        Why::Missing {
            location: None,
            soft_deleted: None,
        },
        Why::Missing {
            location: Some(text("westeurope")),
            soft_deleted: Some(deleted()),
        },
        Why::Deleting,
        Why::Failed,
        Why::Tags(vec![
            (text("imageTest"), text("passed"), Some(text("failed"))),
            (text("branch"), text("refs/heads/main"), None),
        ]),
        Why::NoReplica {
            regions: vec![text("uksouth")],
            replicas: vec![text("westeurope"), text("northeurope")],
            can_be_added: true,
        },
        Why::NoReplica {
            regions: vec![text("uksouth")],
            replicas: vec![text("westeurope")],
            can_be_added: false,
        },
    ];
    let error = |why| {
        Error::Release(Box::new(Refused {
            doing: "Promoting",
            version: version.parse().unwrap(),
            why,
        }))
    };
    of_version
        .into_iter()
        .chain(of_copies())
        .chain(of_changes())
        .map(error)
        .collect()
}

fn of_copies() -> [Why; 5] {
    let text = str::to_owned;
    [
        Why::NoDefinition {
            command: text("az sig image-definition create"),
        },
        Why::OtherDefinition(vec![("generation", text("V2"), text("V1"))]),
        Why::Taken {
            what: text("its version is in state Succeeded"),
        },
        Why::SoftDeleted {
            deleted: deleted(),
            location: text("westeurope"),
        },
        Why::CameBack {
            what: text("Azure changed a version instead of creating one"),
        },
    ]
}

fn of_changes() -> [Why; 8] {
    let text = str::to_owned;
    let ended = |code: &str, message: &str, shallow| Why::Ended {
        code: text(code),
        message: text(message),
        shallow,
    };
    [
        Why::NothingLeft(vec![text("swedencentral")]),
        Why::Forbidden(Box::new(refused(
            "Changing image version 1.2.0 of 'web'",
            403,
            "AuthorizationFailed",
            "The client 'c' with object id '0f-1' does not have authorization to perform action 'Microsoft.Compute/galleries/images/versions/write' over scope '/x'.",
        ))),
        Why::NoEndOfLife,
        Why::TooManyTags(51),
        ended("InvalidParameter", "One region.", true),
        ended("InternalError", "No.", false),
        ended("", "", false),
        Why::Late {
            state: text("Levitating"),
            limit: Duration::from_secs(3600),
        },
    ]
}

fn of_comparisons() -> Vec<Error> {
    let version = "/subscriptions/s/resourceGroups/rg(a)/providers/Microsoft.Compute/galleries/gal/images/web/versions/1.2.0";
    let version: ResourceId = version.parse().unwrap();
    let blob = || "blob 'b' in container 'c' of storage account 'stcontosoimages'".to_owned();
    let no_list = |why| NotCompared::NoList {
        version: version.clone(),
        why,
    };
    let all = [
        NotCompared::NoVersion(version.clone()),
        no_list(Unread::Missing { blob: blob() }),
        no_list(Unread::TooLarge { blob: blob() }),
        no_list(Unread::NoInventory {
            blob: blob(),
            reason: "is not a CycloneDX document".to_owned(),
        }),
    ];
    all.map(|why| Error::not_compared(&version, why)).into()
}

/// The kind of an error. A new one is missed here by the compiler, and by the test when it has no fixture.
fn kind(error: &Error) -> usize {
    match error {
        Error::Network(_) => 1,
        Error::SignIn(_) => 2,
        Error::Preflight(_) => 3,
        Error::Azure(_) => 4,
        Error::Package(_) => 5,
        Error::Submission { .. } => 6,
        Error::NotStarted { .. } => 7,
        Error::Run { .. } => 8,
        Error::RunCanceled { .. } => 9,
        Error::Deadline { .. } => 10,
        Error::NoImage { .. } => 11,
        Error::Canceled => 12,
        Error::NoTemplate { .. } => 13,
        Error::SeveralTemplates { .. } => 14,
        Error::NotOurs { .. } => 15,
        Error::NoDefinition { .. } => 16,
        Error::UseUnknown { .. } => 17,
        Error::SeveralImages { .. } => 18,
        Error::NotReady { .. } => 19,
        Error::NeverRun { .. } => 20,
        Error::NoImageNamed { .. } => 21,
        Error::Gone(_) => 22,
        Error::Release(_) => 23,
        Error::NoHostPool { .. } => 24,
        Error::Rollout(_) => 25,
        Error::RolloutNotReady(_) => 26,
        Error::NotCompared { .. } => 27,
    }
}

fn account() -> StorageAccount {
    StorageAccount {
        id: "/subscriptions/s/resourceGroups/rg (a)/providers/Microsoft.Storage/storageAccounts/stcontosoimages".to_owned(),
        name: "stcontosoimages".to_owned(),
        blob_endpoint: "https://stcontosoimages.blob.core.windows.net/".parse().unwrap(),
        takes_keys: true,
        is_open: true,
    }
}

fn packages() -> Vec<PackageFailure> {
    let path = || PathBuf::from("/drop/x");
    vec![
        PackageFailure::Missing(path()),
        PackageFailure::NotAFolder(path()),
        PackageFailure::Empty(path()),
        PackageFailure::Unreadable {
            path: path(),
            reason: "Permission denied".to_owned(),
        },
        PackageFailure::Changed {
            path: path(),
            length: 5,
        },
        PackageFailure::LinkOutside {
            path: path(),
            target: PathBuf::from("../y"),
        },
        PackageFailure::Unstorable {
            path: path(),
            reason: "its name is too long".to_owned(),
        },
        PackageFailure::AllExcluded(path()),
        PackageFailure::NoThread("Resource temporarily unavailable".to_owned()),
        PackageFailure::Abandoned,
    ]
}

/// What storage refuses, by its code (<https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>).
const REFUSED: &[(Operation, u16, &str)] = &[
    (Operation::Upload, 403, "AuthorizationPermissionMismatch"),
    (Operation::Link, 403, "AuthorizationPermissionMismatch"),
    (Operation::Deletion, 403, "AuthorizationPermissionMismatch"),
    (Operation::Reading, 403, "AuthorizationPermissionMismatch"),
    (Operation::Upload, 403, "AuthorizationFailure"),
    (Operation::Upload, 403, "KeyBasedAuthenticationNotPermitted"),
    (Operation::Upload, 409, "PublicAccessNotPermitted"),
    (Operation::Upload, 401, "NoAuthenticationInformation"),
    (Operation::Upload, 403, "AuthenticationFailed"),
    (Operation::Upload, 401, "InvalidAuthenticationInfo"),
    (Operation::Upload, 403, "AccountIsDisabled"),
    (Operation::Upload, 404, "ContainerNotFound"),
    (Operation::Upload, 409, "ContainerBeingDeleted"),
    (Operation::Upload, 409, "BlobAlreadyExists"),
    (Operation::Upload, 412, "ConditionNotMet"),
    (Operation::Deletion, 409, "BlobImmutableDueToPolicy"),
    (Operation::Deletion, 412, "LeaseIdMissing"),
    (Operation::Upload, 500, "InternalError"),
];

fn of_accounts() -> Vec<StorageFailure> {
    let boxed = || Box::new(account());
    let not_found =
        |nearest: Option<&str>, refusal, group: Option<&str>| StorageFailure::AccountNotFound {
            name: "stcontosoimages".to_owned(),
            resource_group: group.map(str::to_owned),
            subscription: "s".to_owned(),
            nearest: nearest.map(str::to_owned),
            refusal,
        };
    let group = Some("rg-images");
    let forbidden = refused("x", 403, "AuthorizationFailed", "No.");
    let forbidden = forbidden.refusal().cloned().map(Box::new);
    let looking = "Looking for storage account 'stcontosoimages'";
    let unregistered = "The subscription is not registered to use namespace 'Microsoft.Storage'.";
    vec![
        not_found(None, None, group),
        not_found(None, None, None),
        not_found(Some("stcontosoimage"), None, group),
        not_found(None, forbidden.clone(), group),
        not_found(None, forbidden, None),
        StorageFailure::NoBlobEndpoint {
            name: "stcontosoimages".to_owned(),
        },
        StorageFailure::Account(Box::new(refused(
            looking,
            409,
            "MissingSubscriptionRegistration",
            unregistered,
        ))),
        StorageFailure::Account(Box::new(failure(
            looking,
            unreachable("management.azure.com"),
        ))),
        StorageFailure::TakesNoKeys { account: boxed() },
        StorageFailure::NoKey {
            failure: Box::new(refused(
                "Reading the keys of storage account 'stcontosoimages'",
                403,
                "AuthorizationFailed",
                "No.",
            )),
            account: boxed(),
        },
        StorageFailure::Length {
            blob: "blob 'b'".to_owned(),
            sent: 5,
            stored: 4,
        },
        StorageFailure::LinkLife {
            blob: "blob 'b'".to_owned(),
            hours: 200,
        },
        StorageFailure::LinkLife {
            blob: "blob 'b'".to_owned(),
            hours: 0,
        },
    ]
}

fn of_blobs() -> Vec<StorageFailure> {
    let boxed = || Box::new(account());
    let doing = |operation| match operation {
        Operation::Upload => "Uploading blob 'b'",
        Operation::Link => "Creating a read link to blob 'b'",
        Operation::Deletion => "Deleting blob 'b'",
        Operation::Reading => "Reading blob 'b'",
    };
    let refused = |(operation, status, code): &(Operation, u16, &str)| StorageFailure::Refused {
        operation: *operation,
        failure: Box::new(refused(doing(*operation), *status, code, "No.")),
        account: boxed(),
    };
    let mut all: Vec<_> = REFUSED.iter().map(refused).collect();
    all.push(StorageFailure::Refused {
        operation: Operation::Upload,
        failure: Box::new(failure(
            "Uploading blob 'b'",
            unreachable("stcontosoimages.blob.core.windows.net"),
        )),
        account: boxed(),
    });
    all
}

#[test]
fn each_refusal_is_told_whole() {
    let package = |cause| StorageFailure::Package {
        folder: PathBuf::from("/drop"),
        cause,
    };
    let storage = packages().into_iter().map(package);
    let storage = storage.chain(of_accounts()).chain(of_blobs());
    let all = of_requests()
        .into_iter()
        .chain(of_builds())
        .chain(of_templates())
        .chain(of_versions())
        .chain(of_releases())
        .chain(of_comparisons());
    let mut page = String::new();
    let mut kinds = BTreeSet::new();
    for error in all.chain(storage.map(Error::Package)) {
        kinds.insert(kind(&error));
        let hint = error.hint().unwrap_or_else(|| "none".to_owned());
        writeln!(page, "{} {error}\nhint: {hint}\n", error.code()).unwrap();
    }
    assert_eq!(kinds, (1..=27).collect());
    check_words(&page);
    golden("failures/refusals.txt", &page);
}
