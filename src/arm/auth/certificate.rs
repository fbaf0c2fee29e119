//! Signing in with a certificate: an assertion that the application signs itself.
//!
//! The form is that of <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>. `azure_identity`'s own credential for
//! certificates wants PKCS#12 and OpenSSL; a service connection holds PEM, which stays in memory here.

use std::fmt;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use crate::arm::clocks::WallClock;
use crate::secret::Secret;

/// How long an assertion is valid, in seconds: Entra ID reads it within one.
const LIFETIME: i64 = 600;
/// An agent whose clock is this many seconds ahead signs in all the same.
const CLOCKS_DIFFER: i64 = 300;

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) reason: String,
    pub(super) hint: &'static str,
}

const HINT_FORM: &str = "put the private key (RSA, not encrypted) and its certificate into the service connection as one PEM text: openssl pkcs12 -in certificate.pfx -nodes";
const HINT_RENEW: &str = "renew the certificate, add it to the application in Microsoft Entra ID, and update the service connection";

/// Signs assertions for one application.
pub(super) struct CertificateAssertion {
    key: RsaKeyPair,
    /// SHA-256 of the certificate, in base64: by it Entra ID finds the certificate.
    thumbprint: String,
    client: String,
    audience: String,
    clock: WallClock,
}

impl fmt::Debug for CertificateAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAssertion")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl CertificateAssertion {
    /// Reads key and certificate of `client` from one PEM text. `audience` is the address of the token endpoint.
    pub(super) fn new(
        pem: &Secret,
        client: &str,
        audience: String,
        clock: WallClock,
    ) -> Result<Self, Unusable> {
        let pem = pem.reveal().as_bytes();
        let key = private_key(pem)?;
        let certificate = certificate_of(&key, pem)?;
        check_validity(&certificate, clock.now())?;
        Ok(Self {
            key,
            thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate)),
            client: client.to_owned(),
            audience,
            clock,
        })
    }

    fn sign(&self) -> Result<String, &'static str> {
        let now = self.clock.now().unix_timestamp();
        let header = json!({"typ": "JWT", "alg": "PS256", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": self.audience,
            "iss": self.client,
            "sub": self.client,
            "jti": Uuid::new_v4().to_string(),
            "nbf": now.saturating_sub(CLOCKS_DIFFER),
            "exp": now.saturating_add(LIFETIME),
        });
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the private key signs nothing")?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[async_trait]
impl ClientAssertion for CertificateAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.sign()
            .map_err(|reason| azure_core::Error::with_message(ErrorKind::Credential, reason))
    }
}

fn unusable(reason: impl Into<String>) -> Unusable {
    Unusable {
        reason: reason.into(),
        hint: HINT_FORM,
    }
}

/// The key, of PKCS#8 or PKCS#1. Errors never repeat its content.
fn private_key(pem: &[u8]) -> Result<RsaKeyPair, Unusable> {
    let text = String::from_utf8_lossy(pem);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(unusable("its private key is encrypted"));
    }
    if !text.contains("PRIVATE KEY-----") {
        return Err(unusable("it has no private key"));
    }
    let rejected = |reason: ring::error::KeyRejected| {
        unusable(format!(
            "its private key is not an RSA key of 2048 to 4096 bits ({reason})"
        ))
    };
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(PrivateKeyDer::Pkcs8(key)) => {
            RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(rejected)
        }
        Ok(PrivateKeyDer::Pkcs1(key)) => {
            RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(rejected)
        }
        Ok(_) => Err(unusable("its private key is not an RSA key")),
        Err(_) => Err(unusable("its private key is damaged")),
    }
}

/// The certificate of this key: there may be those of its issuers around it.
fn certificate_of(key: &RsaKeyPair, pem: &[u8]) -> Result<CertificateDer<'static>, Unusable> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|_| unusable("its certificate is damaged"))?;
    if all.is_empty() {
        return Err(unusable("it has no certificate beside the private key"));
    }
    for certificate in all {
        let (_, read) = x509_parser::parse_x509_certificate(&certificate)
            .map_err(|_| unusable("its certificate is damaged"))?;
        if read.public_key().subject_public_key.data.as_ref() == key.public().as_ref() {
            return Ok(certificate);
        }
    }
    Err(unusable("its certificate belongs to another private key"))
}

fn check_validity(certificate: &[u8], now: OffsetDateTime) -> Result<(), Unusable> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| unusable("its certificate is damaged"))?;
    let (from, until) = (
        read.validity().not_before.timestamp(),
        read.validity().not_after.timestamp(),
    );
    let now = now.unix_timestamp();
    if until < now {
        return Err(Unusable {
            reason: format!("it expired on {}", day(until)),
            hint: HINT_RENEW,
        });
    }
    if now < from {
        return Err(Unusable {
            reason: format!("it is not valid before {}", day(from)),
            hint: "check the agent's clock, or wait until the certificate is valid",
        });
    }
    Ok(())
}

fn day(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| {
            time.format(format_description!("[year]-[month]-[day]"))
                .ok()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
}
