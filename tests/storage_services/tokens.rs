//! Who may do what, by token.

use image_builder::file::Exclusion;
use image_builder::storage::{
    CODE_DELETION, CODE_LINK, CODE_UPLOAD, Format, PackageSource, delete, read_link, upload,
};
use time::{Duration, OffsetDateTime};

use super::differences::{Difference, EXPIRED_TOKEN, NOT_AUTHORIZED, WRONG_AUDIENCE};
use super::package;
use super::service::{Service, Token, refusal, refused_with};

/// Each operation of the core is refused, and nothing changes.
async fn check_refused(service: &Service, token: Token, expected: &Difference) {
    let folder = package::small();
    let container = Service::new_container();
    let kept = service.upload(folder.path(), &container, "kept.zip").await;
    let kept = kept.unwrap().blob;
    let client = service.client_with(token);
    let package = PackageSource {
        exclude: Exclusion::default(),
        folder: folder.path().to_owned(),
        format: Format::Zip,
        container: container.clone(),
        blob_name: "refused.zip".to_owned(),
        retained: None,
    };
    let now = OffsetDateTime::now_utc();
    let failures = [
        upload(
            &client,
            &service.account,
            &package,
            &image_builder::storage::Progress::default(),
            || (),
        )
        .await
        .map(drop),
        read_link(&client, &kept, now, now + Duration::HOUR)
            .await
            .map(drop),
        delete(&client, &kept).await.map(drop),
    ];
    let codes = [CODE_UPLOAD, CODE_LINK, CODE_DELETION];
    for (failure, code) in failures.into_iter().zip(codes) {
        let failure = failure.unwrap_err();
        assert_eq!(failure.code(), code);
        expected.check(service, &refused_with(&failure), code);
        let hint = failure.hint().unwrap();
        assert!(hint.contains("the agent's clock"), "{hint}");
    }
    assert!(service.exists(&kept).await);
    let refused = service.account.blob(&container, "refused.zip").unwrap();
    assert!(!service.exists(&refused).await);
}

pub(crate) async fn a_token_for_another_service_is_refused(service: &Service) {
    let token = Token {
        audience: "https://management.azure.com",
        ..Token::default()
    };
    check_refused(service, token, &WRONG_AUDIENCE).await;
}

pub(crate) async fn a_token_that_has_expired_is_refused(service: &Service) {
    let token = Token {
        life: -Duration::MINUTE,
        ..Token::default()
    };
    check_refused(service, token, &EXPIRED_TOKEN).await;
}

pub(crate) async fn a_blob_is_not_read_without_token_or_link(service: &Service) {
    let folder = package::small();
    let container = Service::new_container();
    let uploaded = service.upload(folder.path(), &container, "p.zip").await;
    let blob = uploaded.unwrap().blob;
    let answer = service.get(blob.url().as_str()).await;
    NOT_AUTHORIZED.check(service, &refusal(&answer), "a bare GET");
}
