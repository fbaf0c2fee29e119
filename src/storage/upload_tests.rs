use super::checksum::Summing;
use super::testing::{Answer, Scripted, account};
use super::*;
use crate::file::Exclusion;

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::Path;

use tempfile::TempDir;

fn package() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hello.txt"), "hello").unwrap();
    folder
}

fn source(folder: &Path) -> PackageSource {
    PackageSource {
        folder: folder.to_owned(),
        exclude: Exclusion::default(),
        format: Format::Zip,
        container: CONTAINER.to_owned(),
        blob_name: "drop/7-1/drop_1.zip".to_owned(),
        retained: None,
    }
}

/// Everything succeeds but requests that match `query`.
fn network(query: &'static str, status: u16, code: &'static str) -> Scripted {
    Scripted::new(move |asked| {
        if asked.url.contains(query) {
            Answer::Refusal(status, code)
        } else {
            Answer::Status(201, String::new())
        }
    })
}

#[tokio::test]
async fn a_package_is_uploaded_as_the_archive_that_its_blob_holds() {
    let folder = package();
    let network = network("nothing", 500, "");
    let source = source(folder.path());
    let uploaded = upload(
        &network.client(),
        &account(),
        &source,
        &Progress::default(),
        || (),
    )
    .await
    .unwrap();
    assert_eq!(
        uploaded.blob,
        account().blob(CONTAINER, &source.blob_name).unwrap()
    );
    let asked = network.asked();
    let queries: Vec<_> = asked
        .iter()
        .map(|asked| asked.url.split('?').nth(1).unwrap_or_default())
        .collect();
    let block = "comp=block&blockid=MDAwMDAwMDAw";
    assert_eq!(queries[..3], ["restype=container", block, "comp=blocklist"]);
    assert_eq!(asked[3].method, "HEAD");
    assert_eq!(asked.len(), 4);
    assert_eq!(
        uploaded.archived,
        Archived {
            files: 1,
            folders: 0,
            bytes_read: 5,
            bytes_written: u64::try_from(asked[1].body.len()).unwrap(),
            sha256: uploaded.archived.sha256,
        }
    );
    let mut summing = Summing::new();
    summing.add(&asked[1].body);
    assert_eq!(uploaded.archived.sha256, summing.finish());
    let mut archive = ::zip::ZipArchive::new(Cursor::new(asked[1].body.clone())).unwrap();
    let mut text = String::new();
    let mut entry = archive.by_name("hello.txt").unwrap();
    entry.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

/// Storage that tells another length has another blob; storage that does not tell, or may not be asked, proves nothing.
#[tokio::test]
async fn a_blob_of_another_length_than_was_sent_is_a_failure() {
    async fn uploaded(answer: fn(u64) -> Answer) -> Result<Uploaded, StorageFailure> {
        let folder = package();
        let mut sent = 0;
        let network = Scripted::new(move |asked| {
            if asked.url.contains("comp=block&") {
                sent += u64::try_from(asked.body.len()).unwrap();
            }
            if asked.method == "HEAD" {
                return answer(sent);
            }
            Answer::Status(201, String::new())
        });
        let source = source(folder.path());
        upload(
            &network.client(),
            &account(),
            &source,
            &Progress::default(),
            || (),
        )
        .await
    }
    uploaded(Answer::Length).await.unwrap();
    uploaded(|_| Answer::Status(200, String::new()))
        .await
        .unwrap();
    uploaded(|_| Answer::Length(0)).await.unwrap();
    for status in [403, 404, 500] {
        let refusal = match status {
            403 => |_| Answer::Refusal(403, "AuthorizationPermissionMismatch"),
            404 => |_| Answer::Refusal(404, "BlobNotFound"),
            _ => |_| Answer::Refusal(500, "InternalError"),
        };
        uploaded(refusal).await.unwrap();
    }
    uploaded(|_| Answer::Lost).await.unwrap();
    let failure = uploaded(|sent| Answer::Length(sent - 1)).await.unwrap_err();
    let text = failure.to_string();
    assert!(
        text.starts_with("Uploading blob 'drop/7-1/drop_1.zip'"),
        "{text}"
    );
    assert!(text.contains(" bytes of it, and "), "{text}");
    assert_eq!(failure.code(), "AIB503");
    assert!(failure.hint().is_some());
}

#[tokio::test]
async fn a_package_that_cannot_be_packed_becomes_no_blob() {
    let folder = package();
    let missing = folder.path().join("drop");
    let network = network("nothing", 500, "");
    let failure = upload(
        &network.client(),
        &account(),
        &source(&missing),
        &Progress::default(),
        || (),
    )
    .await;
    let cause = PackageFailure::Missing(missing.clone());
    let folder = missing;
    assert_eq!(
        failure.unwrap_err(),
        StorageFailure::Package { folder, cause }
    );
    assert!(
        !network
            .lines()
            .iter()
            .any(|line| line.contains("blocklist"))
    );
}

#[tokio::test]
async fn a_refusal_at_any_stage_is_the_failure_of_the_upload() {
    let check = |query: &'static str, doing: &'static str| async move {
        let folder = package();
        let network = network(query, 403, "AuthorizationFailure");
        let failure = upload(
            &network.client(),
            &account(),
            &source(folder.path()),
            &Progress::default(),
            || (),
        )
        .await;
        let failure = failure.unwrap_err();
        assert!(failure.to_string().starts_with(doing), "{failure}");
        assert_eq!(failure.code(), "AIB503");
        let lines = network.lines();
        assert!(lines.last().unwrap().contains(query), "{lines:?}");
    };
    check(
        "restype=container",
        "Creating container 'imagebuilder-vststask'",
    )
    .await;
    check("comp=block&", "Uploading blob 'drop/7-1/drop_1.zip'").await;
    check("comp=blocklist", "Completing blob 'drop/7-1/drop_1.zip'").await;
}

/// A role on the container alone: creating it is refused, the blob is not.
#[tokio::test]
async fn a_right_to_the_container_alone_is_enough() {
    let folder = package();
    let network = network("restype=container", 403, "AuthorizationPermissionMismatch");
    let uploaded = upload(
        &network.client(),
        &account(),
        &source(folder.path()),
        &Progress::default(),
        || (),
    )
    .await;
    assert_eq!(uploaded.unwrap().archived.files, 1);
}

/// The runtime of a test waits for its threads: this test ends only if the packing thread does. Unix files may have holes.
#[cfg(unix)]
#[tokio::test]
async fn an_upload_that_is_dropped_ends() {
    let folder = package();
    let large = fs::File::create(folder.path().join("large")).unwrap();
    large.set_len(1 << 40).unwrap();
    let network = network("nothing", 500, "");
    let client = network.client();
    let source = source(folder.path());
    let account = account();
    let progress = Progress::default();
    let mut uploading = Box::pin(upload(&client, &account, &source, &progress, || ()));
    assert!(futures::poll!(&mut uploading).is_pending());
    drop(uploading);
}

#[tokio::test]
async fn a_deletion_that_is_refused_says_so() {
    let network = network("drop_1.zip", 403, "AuthorizationPermissionMismatch");
    let blob = account().blob(CONTAINER, "drop_1.zip").unwrap();
    let failure = delete(&network.client(), &blob).await.unwrap_err();
    assert_eq!(failure.code(), "AIB505");
    assert!(failure.to_string().starts_with("Deleting blob 'drop_1.zip' in container 'imagebuilder-vststask' of storage account 'examplestore' failed: "));
}
