//! Links: user delegation shared access signatures.

use http::{HeaderMap, HeaderValue, Method};
use image_builder::storage::{BlobRef, LONGEST_LIFE, read_link};
use time::{Duration, OffsetDateTime};

use super::differences::{BAD_LINK, EXPIRED_KEY};
use super::package;
use super::service::{Service, refusal, refused_with};

async fn uploaded(service: &Service) -> BlobRef {
    let folder = package::small();
    let container = Service::new_container();
    let uploaded = service
        .upload(folder.path(), &container, "drop/a.zip")
        .await;
    uploaded.unwrap().blob
}

pub(crate) async fn a_link_reads_its_blob_without_a_token(service: &Service) {
    let blob = uploaded(service).await;
    let content = service.content(&blob).await;
    assert_eq!(content.first_chunk(), Some(b"PK\x03\x04"));
}

/// Whatever is altered in a link, the signature notices.
pub(crate) async fn a_link_reads_nothing_but_its_blob(service: &Service) {
    let blob = uploaded(service).await;
    let folder = package::small();
    let other = Service::new_container();
    for (container, name) in [
        (blob.container(), "drop/b.zip"),
        (other.as_str(), "drop/a.zip"),
    ] {
        let uploaded = service.upload(folder.path(), container, name).await;
        uploaded.unwrap();
    }
    let link = service.link(&blob).await;
    let link = link.url.reveal();
    let end = link.split("se=").nth(1).unwrap().split('&').next().unwrap();
    for (from, to) in [
        ("drop/a.zip", "drop/b.zip"),
        (&*format!("/{}/", blob.container()), &*format!("/{other}/")),
        ("sp=r&", "sp=rw&"),
        ("sp=r&", ""),
        ("spr=https&", "spr=https,http&"),
        ("spr=https&", ""),
        ("sr=b&", "sr=c&"),
        (&*format!("se={end}"), "se=2999-01-01T00%3A00%3A00Z"),
        ("sig=", "sig=AAAA"),
        ("skoid=a2b4", "skoid=b2b4"),
    ] {
        assert!(link.contains(from), "{link}");
        let altered = link.replacen(from, to, 1);
        let found = refusal(&service.get(&altered).await);
        BAD_LINK.check(service, &found, &format!("'{from}' as '{to}'"));
    }
}

pub(crate) async fn a_link_gives_no_other_right(service: &Service) {
    let blob = uploaded(service).await;
    let before = service.content(&blob).await;
    let link = service.link(&blob).await;
    let mut writing = HeaderMap::new();
    writing.insert("x-ms-blob-type", HeaderValue::from_static("BlockBlob"));
    for (method, headers) in [(Method::PUT, writing), (Method::DELETE, HeaderMap::new())] {
        let answer = service.bare(method.clone(), link.url.reveal(), headers);
        assert_eq!(
            refusal(&answer.await.unwrap()),
            "AuthorizationPermissionMismatch (403)",
            "{method}"
        );
    }
    assert_eq!(service.content(&blob).await, before);
}

/// Refused before its time and after. Nobody waits for a link to expire here: one that was made too late serves as well.
pub(crate) async fn a_link_works_in_its_time_only(service: &Service) {
    let blob = uploaded(service).await;
    let now = OffsetDateTime::now_utc();
    let client = service.client();
    let hour = Duration::HOUR;
    let early = read_link(&client, &blob, now + hour, now + 2 * hour).await;
    let early = service.get(early.unwrap().url.reveal()).await;
    BAD_LINK.check(service, &refusal(&early), "before its time");

    let outcome = match read_link(&client, &blob, now - 2 * hour, now - hour).await {
        Err(failure) => format!("no link: {}", refused_with(&failure)),
        Ok(late) => format!("a link: {}", refusal(&service.get(late.url.reveal()).await)),
    };
    EXPIRED_KEY.check(service, &outcome, "after its time");
}

pub(crate) async fn a_link_works_over_https_only(service: &Service) {
    let blob = uploaded(service).await;
    let link = service.link(&blob).await;
    let plain = link.url.reveal().replacen("https://", "http://", 1);
    let answer = service.bare(Method::GET, &plain, HeaderMap::new()).await;
    assert!(
        answer
            .as_ref()
            .map_or(true, |answer| !answer.status().is_success()),
        "{answer:?}"
    );
}

pub(crate) async fn a_life_of_seven_days_is_granted(service: &Service) {
    let blob = uploaded(service).await;
    // The service counts from its own clock's now, which is a little later than ours.
    let until = OffsetDateTime::now_utc() + LONGEST_LIFE - Duration::MINUTE;
    let from = until - LONGEST_LIFE;
    let link = read_link(&service.client(), &blob, from, until).await;
    let answer = service.get(link.unwrap().url.reveal()).await;
    assert_eq!(answer.status(), 200);
}
