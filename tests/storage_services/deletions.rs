//! Deleting packages.

use image_builder::storage::delete;

use super::package;
use super::service::Service;

pub(crate) async fn a_blob_is_deleted_once_and_may_be_deleted_again(service: &Service) {
    let folder = package::small();
    let container = Service::new_container();
    let client = service.client();
    let mut blobs = Vec::new();
    for name in ["drop/a.zip", "drop/b.zip"] {
        let uploaded = service.upload(folder.path(), &container, name).await;
        blobs.push(uploaded.unwrap().blob);
    }
    for _ in 0..2 {
        delete(&client, &blobs[0]).await.unwrap();
        assert!(!service.exists(&blobs[0]).await);
    }
    assert!(service.exists(&blobs[1]).await, "only one was to go");
    // The name is free again.
    let again = service
        .upload(folder.path(), &container, "drop/a.zip")
        .await;
    assert!(service.exists(&again.unwrap().blob).await);
}

pub(crate) async fn a_blob_in_a_missing_container_counts_as_deleted(service: &Service) {
    let blob = service
        .account
        .blob(&Service::new_container(), "p.zip")
        .unwrap();
    delete(&service.client(), &blob).await.unwrap();
}
