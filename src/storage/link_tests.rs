use super::*;

use serde_json::Value;
use time::macros::datetime;

use crate::storage::testing::{Answer, Scripted, account};

const VECTORS: &str = include_str!("../../tests/testdata/storage-signing/vectors.json");
const FROM: OffsetDateTime = datetime!(2026-11-22 00:00:00 UTC);
const UNTIL: OffsetDateTime = datetime!(2026-11-22 12:00:00 UTC);

/// The service's answer with the key of the vectors.
fn key_answer() -> String {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let text = |name: &str| {
        vectors["userDelegationKey"][name]
            .as_str()
            .unwrap()
            .to_owned()
    };
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey><SignedOid>{}</SignedOid><SignedTid>{}</SignedTid><SignedStart>{}</SignedStart><SignedExpiry>{}</SignedExpiry><SignedService>{}</SignedService><SignedVersion>{VERSION}</SignedVersion><Value>{}</Value></UserDelegationKey>",
        text("signedOid"),
        text("signedTid"),
        text("signedStart"),
        text("signedExpiry"),
        text("signedService"),
        text("value"),
    )
}

fn blob() -> BlobRef {
    account()
        .blob("imagebuilder-artifacts", "proj/7/build_1.zip")
        .unwrap()
}

#[tokio::test]
async fn links_equal_the_vectors_byte_for_byte() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let applicable: Vec<_> = vectors["sas"]
        .as_array()
        .unwrap()
        .iter()
        // The core signs with delegation keys alone, and in one version of the protocol.
        .filter(|vector| {
            let name = vector["name"].as_str().unwrap();
            vector["sv"] == VERSION && name.starts_with("user delegation SAS")
        })
        .collect();
    assert_eq!(applicable.len(), 1);
    for vector in applicable {
        let network = Scripted::in_turn(vec![Answer::Status(200, key_answer())]);
        let client = network.client();
        let key = DelegationKey::read(&client, &key_answer()).unwrap();
        let (from, until) = (timestamp(FROM), timestamp(UNTIL));
        let text = string_to_sign(&key, &blob(), (&from, &until), LinkPermission::Read);
        assert_eq!(text, vector["stringToSign"].as_str().unwrap());

        let link = read_link(&client, &blob(), FROM, UNTIL, LinkPermission::Read)
            .await
            .unwrap();
        let expected = format!(
            "https://examplestore.blob.core.windows.net/imagebuilder-artifacts/proj/7/build_1.zip?{}",
            vector["token"].as_str().unwrap()
        );
        assert_eq!(link.url.reveal(), expected);
        let asked = &network.asked()[0];
        assert_eq!(
            asked.line(),
            "POST https://examplestore.blob.core.windows.net/?restype=service&comp=userdelegationkey"
        );
        assert_eq!(asked.header("x-ms-version"), VERSION);
        assert_eq!(
            asked.body,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>2026-11-22T00:00:00Z</Start><Expiry>2026-11-22T12:00:00Z</Expiry></KeyInfo>"
        );
    }
}

#[tokio::test]
async fn the_link_its_signature_and_the_key_are_masked_and_never_printed() {
    let network = Scripted::in_turn(vec![Answer::Status(200, key_answer())]);
    let link = read_link(
        &network.client(),
        &blob(),
        FROM,
        UNTIL,
        LinkPermission::Read,
    )
    .await
    .unwrap();
    let masked = network.masked();
    for secret in [
        link.url.reveal(),
        "d0ghfPQTJM9nA4r9qQpzcAJSzUcRPH5Lh+yumdpe46A=",
        "d0ghfPQTJM9nA4r9qQpzcAJSzUcRPH5Lh%2Byumdpe46A%3D",
        "dXNlci1kZWxlZ2F0aW9uLWtleS0wMTIzNDU2Nzg5YWI=",
    ] {
        assert!(masked.iter().any(|value| value == secret), "{secret}");
    }
    assert!(!format!("{link:?}").contains("sig="));
}

/// In the address a name is encoded, in the signed text it is not; with the account's name in the path, it stays out of the signed text.
#[tokio::test]
async fn awkward_names_are_encoded_in_the_address_alone() {
    let mut account = account();
    account.blob_endpoint = "https://localhost:10000/examplestore".parse().unwrap();
    let blob = account.blob("c", "größe/a b?#%.zip").unwrap();
    let network = Scripted::in_turn(vec![Answer::Status(200, key_answer())]);
    let client = network.client();
    let link = read_link(&client, &blob, FROM, UNTIL, LinkPermission::Read)
        .await
        .unwrap();
    let address = link.url.reveal().split('?').next().unwrap();
    assert_eq!(
        address,
        "https://localhost:10000/examplestore/c/gr%C3%B6%C3%9Fe/a%20b%3F%23%25.zip"
    );
    assert_eq!(
        network.lines(),
        ["POST https://localhost:10000/examplestore?restype=service&comp=userdelegationkey"]
    );
    let key = DelegationKey::read(&client, &key_answer()).unwrap();
    let text = string_to_sign(&key, &blob, ("", ""), LinkPermission::Read);
    assert_eq!(
        text.lines().nth(3),
        Some("/blob/examplestore/c/größe/a b?#%.zip")
    );
}

#[tokio::test]
async fn a_life_beyond_what_azure_permits_is_refused_before_anything_is_sent() {
    let check = |until: OffsetDateTime, hours: i64| async move {
        let network = Scripted::in_turn(Vec::new());
        let failure = read_link(
            &network.client(),
            &blob(),
            FROM,
            until,
            LinkPermission::Read,
        )
        .await
        .unwrap_err();
        assert_eq!(
            failure,
            StorageFailure::LinkLife {
                blob: blob().to_string(),
                hours
            }
        );
        assert_eq!(network.lines(), Vec::<String>::new());
    };
    check(FROM + LONGEST_LIFE + Duration::hours(1), 169).await;
    check(FROM, 0).await;
    check(FROM - Duration::hours(2), -2).await;
}

#[tokio::test]
async fn an_answer_without_a_key_says_what_it_lacks() {
    let check = |answer: String, expected: &'static str| async move {
        let network = Scripted::in_turn(vec![Answer::Status(200, answer)]);
        let failure = read_link(
            &network.client(),
            &blob(),
            FROM,
            UNTIL,
            LinkPermission::Read,
        )
        .await
        .unwrap_err();
        let text = failure.to_string();
        assert!(text.contains(expected), "{text}");
        assert_eq!(failure.code(), "AIB504");
    };
    let lacks = "the user delegation key has no SignedTid";
    check(key_answer().replace("SignedTid>", "Other>"), lacks).await;
    check("<html>".to_owned(), "the user delegation key has no Value").await;
    let broken = key_answer().replace("dXNl", "*");
    check(broken, "the user delegation key is not base64").await;
}

#[test]
fn links_by_a_key_equal_the_vector_byte_for_byte() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let vector = &vectors["sas"][0];
    assert_eq!(vector["name"], "service SAS, one blob, read");
    let network = Scripted::in_turn(Vec::new());
    let client = network.client();
    let key = client.secret(vectors["accountKeyBase64"].as_str().unwrap());
    let (from, until) = (timestamp(FROM), timestamp(UNTIL));
    let text = text_for_key(&blob(), (&from, &until), LinkPermission::Read);
    assert_eq!(text, vector["stringToSign"].as_str().unwrap());
    let link = key_link(&client, &key, &blob(), FROM, UNTIL, LinkPermission::Read).unwrap();
    let token = vector["token"].as_str().unwrap();
    assert!(
        link.url
            .reveal()
            .ends_with(&format!("/build_1.zip?{token}"))
    );
    let masked = network.masked();
    let signature = token.split("sig=").nth(1).unwrap();
    assert!(masked.iter().any(|value| value == signature), "{masked:?}");
    let too_long = UNTIL + LONGEST_LIFE;
    assert!(key_link(&client, &key, &blob(), FROM, too_long, LinkPermission::Read).is_err());
    let broken = client.secret("no base64!");
    assert!(key_link(&client, &broken, &blob(), FROM, UNTIL, LinkPermission::Read).is_err());
}
