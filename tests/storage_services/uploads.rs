//! Packing and uploading.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use image_builder::file::Exclusion;
use image_builder::storage::{CODE_UPLOAD, Format, PackageSource, delete, upload};

use super::package;
use super::service::Service;

/// Entry names with their content; folders end with a slash and have none.
type Entries = BTreeMap<String, Vec<u8>>;
type Unpack = fn(&[u8]) -> Entries;

fn unzipped(archive: &[u8]) -> Entries {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut entries = Entries::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let name = entry.name().unwrap().into_owned();
        entries.insert(name, content);
    }
    entries
}

fn untarred(archive: &[u8]) -> Entries {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut entries = Entries::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let mut name = entry.path().unwrap().to_str().unwrap().to_owned();
        if entry.header().entry_type().is_dir() && !name.ends_with('/') {
            name.push('/');
        }
        entries.insert(name, content);
    }
    entries
}

pub(crate) async fn a_folder_arrives_as_the_archive_that_it_was_packed_into(service: &Service) {
    let folder = package::mixed();
    let mut expected: Entries = package::mixed_files()
        .into_iter()
        .map(|(name, content)| (name.to_owned(), content))
        .collect();
    for name in ["a folder/", "empty folder/", "größe/"] {
        expected.insert(name.to_owned(), Vec::new());
    }
    let container = Service::new_container();
    let client = service.client();
    let formats: [(Format, Unpack); 2] = [(Format::Zip, unzipped), (Format::TarGz, untarred)];
    for (format, unpacked) in formats {
        let package = PackageSource {
            exclude: Exclusion::default(),
            folder: folder.path().to_owned(),
            format,
            container: container.clone(),
            blob_name: format!("drop/mixed.{}", format.extension()),
            retained: None,
        };
        let uploaded = upload(
            &client,
            &service.account,
            &package,
            &image_builder::storage::Progress::default(),
            || (),
        )
        .await
        .unwrap();
        assert_eq!((uploaded.archived.files, uploaded.archived.folders), (4, 3));
        let content = service.content(&uploaded.blob).await;
        assert_eq!(
            u64::try_from(content.len()).unwrap(),
            uploaded.archived.bytes_written
        );
        assert!(content.len() > 2 * 4 * 1024 * 1024, "three blocks");
        let found = unpacked(&content);
        assert!(found == expected, "{format:?}: {:?}", found.keys());
    }
}

/// Absent for the first upload, there for the second one.
pub(crate) async fn a_container_is_made_once(service: &Service) {
    let folder = package::small();
    let container = Service::new_container();
    for name in ["first.zip", "second.zip"] {
        let uploaded = service.upload(folder.path(), &container, name).await;
        assert!(service.exists(&uploaded.unwrap().blob).await);
    }
}

pub(crate) async fn a_blob_that_exists_stays_as_it_is(service: &Service) {
    let container = Service::new_container();
    let first = package::with("whose.txt", b"someone else's");
    let uploaded = service.upload(first.path(), &container, "p.zip").await;
    let blob = uploaded.unwrap().blob;
    let before = service.content(&blob).await;
    let second = package::with("whose.txt", b"ours");
    let failure = service.upload(second.path(), &container, "p.zip").await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.code(), CODE_UPLOAD);
    assert!(failure.means_somebody_elses_blob(), "{failure}");
    assert!(failure.hint().unwrap().contains("run the job again"));
    assert_eq!(service.content(&blob).await, before);
}

pub(crate) async fn a_container_name_that_storage_forbids_is_named(service: &Service) {
    let folder = package::small();
    let failure = service
        .upload(folder.path(), "Not-A-Container", "p.zip")
        .await;
    let text = failure.unwrap_err().to_string();
    assert!(
        text.starts_with("Creating container 'Not-A-Container' in storage account '")
            && text.contains("Azure refused with InvalidResourceName (400)"),
        "{text}"
    );
}

/// Uploaded, read by a link, deleted. None of these names is what the core would choose; each is what a pipeline may.
pub(crate) async fn every_name_of_a_blob_works(service: &Service) {
    let container = Service::new_container();
    let client = service.client();
    for (number, name) in [
        "plain.zip",
        "folder/in folder/a b.zip",
        "it's \"quoted\" `so`.zip",
        "größe/日本/📦.zip",
        "100%.zip",
        "100%25 of %2F.zip",
        "a+b&c=d;e,f.zip",
        "what?#fragment.zip",
        "[a](b){c}<d>|e^f.zip",
        "sub$cription@home:80!*~.zip",
        "no extension",
        "UPPER and lower",
    ]
    .into_iter()
    .enumerate()
    {
        let content = format!("content {number}");
        let folder = package::with("content.txt", content.as_bytes());
        let uploaded = service.upload(folder.path(), &container, name).await;
        let uploaded = uploaded.unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(uploaded.blob.name(), name);
        let found = unzipped(&service.content(&uploaded.blob).await);
        assert_eq!(found["content.txt"], content.as_bytes(), "{name}");
        delete(&client, &uploaded.blob).await.unwrap();
        assert!(!service.exists(&uploaded.blob).await, "{name}");
    }
}
