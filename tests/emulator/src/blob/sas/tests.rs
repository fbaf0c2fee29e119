//! Tests of shared access signatures against the signing vectors.

use super::*;
use crate::blob::tests::vectors;
use bytes::Bytes;
use http::Request;
use serde_json::Value;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 06:00 UTC);

/// The key of the vectors, as issued for the version of one of them.
fn keys(vectors: &Value, version: &str) -> Vec<DelegationKey> {
    let key = &vectors["userDelegationKey"];
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    vec![DelegationKey {
        account: "examplestore".into(),
        object: text("signedOid"),
        tenant: text("signedTid"),
        start: text("signedStart"),
        expiry: text("signedExpiry"),
        version: version.into(),
        value: text("value"),
    }]
}

fn target(vector: &Value, token: &str) -> Target {
    let path = vector["stringToSign"]
        .as_str()
        .unwrap()
        .lines()
        .nth(3)
        .unwrap()
        .strip_prefix("/blob/examplestore")
        .unwrap();
    let address = format!(
        "https://examplestore.blob.core.windows.net{}?{token}",
        path.replace(' ', "%20")
    );
    Target::read(&Request::get(address).body(Bytes::new()).unwrap(), &[]).unwrap()
}

fn outcome(
    vectors: &Value,
    vector: &Value,
    token: &str,
    now: OffsetDateTime,
) -> Result<bool, String> {
    let version = vector["sv"].as_str().unwrap();
    let target = target(vector, token);
    let sas = Sas::of(&target).unwrap();
    let key = vectors["accountKeyBase64"].as_str().unwrap();
    let keys = keys(vectors, version);
    let checked = sas.check(key, &keys, &[version.to_owned()], now);
    checked
        .map(|key| key.is_some())
        .map_err(|failure| format!("{} {:?}", failure.code, failure.details))
}

#[test]
fn every_vector_is_accepted() {
    let vectors = vectors();
    let all = vectors["sas"].as_array().unwrap();
    for vector in all {
        let token = vector["token"].as_str().unwrap();
        let target = target(vector, token);
        assert_eq!(
            Sas::of(&target).unwrap().string_to_sign(),
            vector["stringToSign"].as_str().unwrap(),
            "{}",
            vector["name"]
        );
        let delegated = vector["name"]
            .as_str()
            .unwrap()
            .starts_with("user delegation");
        assert_eq!(
            outcome(&vectors, vector, token, NOW),
            Ok(delegated),
            "{}",
            vector["name"]
        );
    }
    assert_eq!(all.len(), 12);
}

#[test]
fn every_changed_field_is_noticed() {
    let vectors = vectors();
    for vector in vectors["sas"].as_array().unwrap() {
        let token = vector["token"].as_str().unwrap();
        for (name, value) in url::form_urlencoded::parse(token.as_bytes()).into_owned() {
            let pairs = url::form_urlencoded::parse(token.as_bytes()).into_owned();
            let changed = pairs.map(|(other, old)| {
                if other == name {
                    (other, format!("{value}x"))
                } else {
                    (other, old)
                }
            });
            let changed = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(changed)
                .finish();
            let outcome = outcome(&vectors, vector, &changed, NOW);
            assert!(
                outcome.is_err_and(|text| text.starts_with("AuthenticationFailed")),
                "{name} of {}",
                vector["name"]
            );
        }
    }
}

#[test]
fn times_and_form_are_checked() {
    let vectors = vectors();
    let vector = &vectors["sas"][0];
    let token = vector["token"].as_str().unwrap();
    let check = |token: &str, now, expected: &str| {
        let text = outcome(&vectors, vector, token, now).unwrap_err();
        assert!(text.contains(expected), "{text}");
    };
    let frame = "Start [Sun, 22 Nov 2026 00:00:00 GMT] - Expiry [Sun, 22 Nov 2026 12:00:00 GMT] - Current [Sun, 22 Nov 2026 12:00:00 GMT]";
    check(token, datetime!(2026-11-22 12:00 UTC), frame);
    check(
        token,
        datetime!(2026-11-21 23:59 UTC),
        "Signature not valid in the specified time frame",
    );
    check(
        &token.replace("sp=r", "sp=wr"),
        NOW,
        "Signature fields not well formed.",
    );
    check(
        &token.replace("sp=r&", ""),
        NOW,
        "sp is mandatory. Cannot be empty",
    );
    check(
        &token.replace("sp=r", "sp=rw"),
        NOW,
        "Signature did not match. String to sign used was rw\\n",
    );
    check(
        &token.replace("2025-05-05", "2030-01-01"),
        NOW,
        "Signed version '2030-01-01' is not supported.",
    );
    check(&token.replace("sr=b", "sr=bs"), NOW, "APINotImplemented");
}
