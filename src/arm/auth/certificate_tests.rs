use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;
use time::Duration;

use super::*;
use crate::secret::Masker;

const PKCS8: &str = include_str!("../../../tests/testdata/keys/rsa-pkcs8.pem");
const PKCS1: &str = include_str!("../../../tests/testdata/keys/rsa-pkcs1.pem");
const CLIENT: &str = "6f1c2d8a-5b3e-4f70-8a91-2c4d6e8f0b12";
const ENDPOINT: &str = "https://login.azure.example/tenant/oauth2/v2.0/token";

struct Nobody;

impl Masker for Nobody {
    fn mask(&self, _: &str) {}
}

/// A certificate of the test's key, valid from and until so many days from now.
fn certificate(key: &rcgen::KeyPair, from: i64, until: i64) -> String {
    let now = OffsetDateTime::now_utc();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.not_before = now + Duration::days(from);
    parameters.not_after = now + Duration::days(until);
    parameters.self_signed(key).unwrap().pem()
}

fn rsa() -> rcgen::KeyPair {
    rcgen::KeyPair::from_pem(PKCS8).unwrap()
}

fn read(pem: &str) -> Result<CertificateAssertion, Unusable> {
    let pem = Secret::new(pem, &Nobody);
    CertificateAssertion::new(&pem, CLIENT, ENDPOINT.to_owned(), WallClock::of_machine())
}

#[test]
fn an_assertion_names_its_certificate_and_is_signed_by_its_key() {
    let certificate = certificate(&rsa(), -1, 1);
    let other = rcgen::KeyPair::generate().unwrap();
    let issuer = self::certificate(&other, -1, 1);
    for pem in [
        format!("{PKCS8}{certificate}"),
        format!("{certificate}\n{PKCS1}"),
        format!("{PKCS8}{issuer}{certificate}").replace('\n', "\r\n"),
    ] {
        let assertion = read(&pem).unwrap();
        let token = assertion.sign().unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let json = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
        assert_eq!(
            json(parts[0]),
            json!({"typ": "JWT", "alg": "PS256", "x5t#S256": thumbprint})
        );
        let claims = json(parts[1]);
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&json!(CLIENT), &json!(CLIENT))
        );
        assert_eq!(claims["aud"], ENDPOINT);
        let life = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap() - 300;
        assert_eq!(life, LIFETIME);
        let message = format!("{}.{}", parts[0], parts[1]);
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, assertion.key.public().as_ref())
            .verify(
                message.as_bytes(),
                &URL_SAFE_NO_PAD.decode(parts[2]).unwrap(),
            )
            .unwrap();
        assert_ne!(token, assertion.sign().unwrap(), "each has its own id");
    }
}

#[test]
fn what_cannot_be_used_is_explained() {
    let check = |pem: &str, expected: &str| {
        let unusable = read(pem).unwrap_err();
        assert!(unusable.reason.contains(expected), "{}", unusable.reason);
        let words = format!("{} {}", unusable.reason, unusable.hint);
        let secret = PKCS8.lines().chain(PKCS1.lines());
        for line in secret.filter(|line| !line.starts_with("-----")) {
            assert!(!words.contains(line), "{words}");
        }
    };
    let good = certificate(&rsa(), -1, 1);
    let other = rcgen::KeyPair::generate().unwrap();
    check("", "it has no private key");
    check(&good, "it has no private key");
    check(PKCS8, "it has no certificate beside the private key");
    let foreign = certificate(&other, -1, 1);
    check(
        &format!("{PKCS8}{foreign}"),
        "belongs to another private key",
    );
    check(
        &format!("{}{foreign}", other.serialize_pem()),
        "its private key is not an RSA key",
    );
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n";
    check(
        &format!("{encrypted}{good}"),
        "its private key is encrypted",
    );
    let cut = PKCS8.get(..600).unwrap();
    check(&format!("{good}{cut}"), "its private key is damaged");
    let garbled = good.replace("MII", "AAA");
    check(&format!("{PKCS8}{garbled}"), "its certificate is damaged");
    let expired = certificate(&rsa(), -10, -1);
    let yesterday = day((OffsetDateTime::now_utc() - Duration::days(1)).unix_timestamp());
    check(
        &format!("{PKCS8}{expired}"),
        &format!("it expired on {yesterday}"),
    );
    let early = certificate(&rsa(), 1, 2);
    check(&format!("{PKCS8}{early}"), "it is not valid before");
}
