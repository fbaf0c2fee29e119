use super::*;

use http::StatusCode;

use crate::arm::Cause;
use crate::arm::auth::SignInFailure;
use crate::arm::http::{Sent, TransportError};
use crate::storage::testing::account;

fn failure(cause: Cause) -> Failure {
    Failure {
        doing: "Uploading".to_owned(),
        cause,
        tries: 1,
        elapsed: std::time::Duration::ZERO,
        request_id: None,
    }
}

fn refused(code: &str, operation: Operation) -> StorageFailure {
    let refusal = Refusal {
        status: StatusCode::FORBIDDEN,
        code: code.to_owned(),
        message: "No.".to_owned(),
    };
    StorageFailure::refused(operation, failure(Cause::Refused(refusal)), &account())
}

#[test]
fn refusals_have_hints_with_the_exact_command() {
    let check = |code: &str, operation, expected: &str| {
        let hint = refused(code, operation).hint().unwrap_or_default();
        assert!(hint.contains(expected), "{code}: {hint}");
    };
    let scope = account().id;
    let grant = |role: &str| {
        format!(
            "`az role assignment create --assignee <service connection's principal> --role \"{role}\" --scope {scope}`"
        )
    };
    let (write, delegate) = (
        grant("Storage Blob Data Contributor"),
        grant("Storage Blob Delegator"),
    );
    let mismatch = "AuthorizationPermissionMismatch";
    check(mismatch, Operation::Upload, &write);
    check(mismatch, Operation::Deletion, &write);
    check(mismatch, Operation::Link, &delegate);
    check("ContainerNotFound", Operation::Upload, &write);
    check(
        "AuthorizationFailure",
        Operation::Upload,
        "network-rule add --account-name examplestore",
    );
    check(
        "KeyBasedAuthenticationNotPermitted",
        Operation::Upload,
        "choose another access to the package, for which",
    );
    for code in ["PublicAccessNotPermitted", "NoAuthenticationInformation"] {
        check(code, Operation::Upload, "'Authorization'");
    }
    check("AuthenticationFailed", Operation::Link, "clock");
    check("BlobAlreadyExists", Operation::Upload, "another run");
    check(
        "BlobImmutableDueToPolicy",
        Operation::Deletion,
        "immutability policy",
    );
    assert_eq!(refused("InternalError", Operation::Upload).hint(), None);
}

#[test]
fn failures_without_a_refusal_have_hints_of_their_own() {
    let sign_in = SignInFailure {
        code: "AIB201",
        reason: "expired".to_owned(),
        hint: Some("renew it".to_owned()),
    };
    let unreachable = Cause::Unreachable {
        host: "examplestore.blob.core.windows.net".to_owned(),
        error: TransportError {
            sent: Sent::Nothing,
            reason: "refused".to_owned(),
        },
    };
    let hint = |cause| {
        StorageFailure::refused(Operation::Upload, failure(cause), &account())
            .hint()
            .unwrap_or_default()
    };
    assert_eq!(hint(Cause::SignIn(sign_in.clone())), "renew it");
    assert!(hint(unreachable).contains("must reach examplestore.blob.core.windows.net"));
    assert_eq!(hint(Cause::Unreadable("x".to_owned())), "");
    let account = StorageFailure::account(failure(Cause::SignIn(sign_in)));
    assert_eq!(account.hint().as_deref(), Some("renew it"));
}

#[test]
fn every_failure_has_its_code_and_reads_as_a_sentence() {
    let check = |failure: StorageFailure, code: &str, text: &str| {
        assert_eq!((failure.code(), failure.to_string().as_str()), (code, text));
    };
    let text = "Uploading failed: Azure refused with X (403): No.";
    check(refused("X", Operation::Upload), CODE_UPLOAD, text);
    check(refused("X", Operation::Link), CODE_LINK, text);
    check(refused("X", Operation::Deletion), CODE_DELETION, text);
    let life = StorageFailure::LinkLife {
        blob: "blob 'b'".to_owned(),
        hours: 200,
    };
    assert!(life.hint().is_some());
    check(
        life,
        CODE_LINK,
        "Creating a read link to blob 'b' failed: it would be valid for 200 hours, and Azure permits up to 168",
    );
}

fn package_failure(cause: PackageFailure) -> StorageFailure {
    StorageFailure::Package {
        folder: PathBuf::from("/drop"),
        cause,
    }
}

#[test]
fn what_is_wrong_with_a_package_is_told_with_its_path() {
    let path = || PathBuf::from("/drop/x");
    let check = |cause: PackageFailure, expected: &str| {
        let failure = package_failure(cause);
        assert_eq!(
            failure.to_string(),
            format!("Packing '/drop' failed: '/drop/x' {expected}")
        );
        assert!(failure.hint().is_some(), "{failure}");
        assert_eq!(failure.code(), CODE_PACKAGE);
    };
    let reason = || "it is odd".to_owned();
    let (target, length) = (PathBuf::from("../y"), 5);
    check(
        PackageFailure::NotAFolder(path()),
        "is neither a folder nor a file",
    );
    check(PackageFailure::Empty(path()), "is empty");
    check(
        PackageFailure::Missing(path()),
        "does not exist, or vanished while the package was packed",
    );
    check(
        PackageFailure::Unreadable {
            path: path(),
            reason: reason(),
        },
        "cannot be read: it is odd",
    );
    check(
        PackageFailure::Changed {
            path: path(),
            length,
        },
        "changed while it was read: it is no longer 5 bytes long",
    );
    check(
        PackageFailure::LinkOutside {
            path: path(),
            target,
        },
        "is a symbolic link to '../y', which is not in the package",
    );
    check(
        PackageFailure::Unstorable {
            path: path(),
            reason: reason(),
        },
        "cannot be stored: it is odd",
    );
    check(
        PackageFailure::Special { path: path() },
        "cannot be stored: it is neither a file, a folder nor a symbolic link",
    );
}

/// No other name makes a file of a pipe.
#[test]
fn what_is_no_file_is_removed_and_not_renamed() {
    let special = package_failure(PackageFailure::Special {
        path: PathBuf::from("/drop/pipe"),
    });
    let hint = special.hint().unwrap();
    assert!(hint.starts_with("remove it before"), "{hint}");
    assert!(special.is_about_one_entry());
}

#[test]
fn a_package_that_nobody_takes_has_no_hint() {
    let failure = package_failure(PackageFailure::Abandoned);
    assert_eq!(failure.hint(), None);
    assert_eq!(
        failure.to_string(),
        "Packing '/drop' failed: the upload ended before the package was packed"
    );
}
