//! Shared Key: <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>.

use http::{HeaderMap, Method};
use time::{Duration, OffsetDateTime};

use super::failure::Failure;
use super::format::{parse_http_date, sign};
use super::target::Target;

/// Checks `Authorization: SharedKey {credentials}` with the account's key. The request's date may be `skew` from the service's clock.
pub(super) fn check(
    credentials: &str,
    key_base64: &str,
    (method, target, headers): (&Method, &Target, &HeaderMap),
    (now, skew): (OffsetDateTime, Duration),
) -> Result<(), Failure> {
    let (account, signature) = credentials.split_once(':').ok_or_else(|| {
        let message = "The authentication information was not provided in the correct format. Verify the value of Authorization header.";
        Failure::bad("InvalidAuthenticationInfo", message)
    })?;
    if account != target.account {
        return Err(Failure::authentication(format!(
            "The account '{account}' of the Authorization header is not the one addressed."
        )));
    }
    let date = text(headers, "x-ms-date")
        .or_else(|| text(headers, "date"))
        .ok_or_else(|| Failure::missing_header("x-ms-date"))?;
    let time = parse_http_date(date).ok_or_else(|| Failure::header_value("x-ms-date", date))?;
    if (now - time).abs() > skew {
        return Err(Failure::authentication(format!(
            "Request date header too old: '{date}'"
        )));
    }
    let text = string_to_sign(method, target, headers);
    if sign(key_base64, &text).as_deref() == Some(signature) {
        return Ok(());
    }
    Err(Failure::authentication(format!(
        "The MAC signature found in the HTTP request '{signature}' is not the same as any computed signature. \
         Server used following string to sign: '{text}'."
    )))
}

/// The text that the client must have signed.
fn string_to_sign(method: &Method, target: &Target, headers: &HeaderMap) -> String {
    let header = |name: &str| text(headers, name).unwrap_or_default();
    let length = Some(header("content-length"))
        .filter(|length| *length != "0")
        .unwrap_or_default();
    let date = if headers.contains_key("x-ms-date") {
        ""
    } else {
        header("date")
    };
    let standard = [
        method.as_str(),
        header("content-encoding"),
        header("content-language"),
        length,
        header("content-md5"),
        header("content-type"),
        date,
        header("if-modified-since"),
        header("if-match"),
        header("if-none-match"),
        header("if-unmodified-since"),
        header("range"),
    ];
    let mut lines = standard.map(str::to_owned).to_vec();
    let mut names: Vec<&str> = headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-ms-"))
        .collect();
    names.sort_unstable();
    for name in names {
        lines.push(format!("{name}:{}", header(name).trim()));
    }
    lines.push(format!("/{}{}", target.account, target.raw_path));
    let mut query: Vec<(String, &str)> = target
        .query
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.as_str()))
        .collect();
    query.sort_unstable();
    for (name, value) in query {
        lines.push(format!("{name}:{value}"));
    }
    lines.join("\n")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::tests::vectors;
    use bytes::Bytes;
    use http::Request;
    use time::macros::datetime;

    fn request(vector: &serde_json::Value) -> Request<Bytes> {
        let mut request = Request::builder()
            .method(vector["method"].as_str().unwrap())
            .uri(vector["url"].as_str().unwrap());
        for (name, value) in vector["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        request.body(Bytes::new()).unwrap()
    }

    #[test]
    fn every_vector_is_accepted_and_every_changed_one_refused() {
        let now = datetime!(2026-11-22 00:14 UTC);
        let skew = Duration::minutes(15);
        let vectors = vectors();
        let key = vectors["accountKeyBase64"].as_str().unwrap();
        let mut checked = 0;
        for vector in vectors["sharedKey"].as_array().unwrap() {
            let mut request = request(vector);
            let target = Target::read(&request, &[]).unwrap();
            assert_eq!(
                string_to_sign(request.method(), &target, request.headers()),
                vector["stringToSign"].as_str().unwrap()
            );
            let credentials = vector["authorization"]
                .as_str()
                .unwrap()
                .strip_prefix("SharedKey ")
                .unwrap();
            let parts = (
                &request.method().clone(),
                &target,
                &request.headers().clone(),
            );
            assert_eq!(
                check(credentials, key, parts, (now, skew)),
                Ok(()),
                "{}",
                vector["name"]
            );
            let late =
                check(credentials, key, parts, (now + Duration::minutes(2), skew)).unwrap_err();
            assert!(
                late.details[0].1.starts_with("Request date header too old"),
                "{late:?}"
            );
            assert!(check(credentials, "b3RoZXI=", parts, (now, skew)).is_err());
            request
                .headers_mut()
                .insert("x-ms-client-request-id", "1".parse().unwrap());
            let changed = check(
                credentials,
                key,
                (parts.0, &target, request.headers()),
                (now, skew),
            )
            .unwrap_err();
            assert_eq!(changed.code, "AuthenticationFailed");
            assert!(
                changed.details[0]
                    .1
                    .contains("Server used following string to sign: '"),
                "{changed:?}"
            );
            checked += 1;
        }
        assert_eq!(checked, 7);
    }

    #[test]
    fn path_style_names_the_account_twice() {
        let request = Request::get("https://127.0.0.1:1/acct/c/b?comp=blocklist")
            .body(Bytes::new())
            .unwrap();
        let target = Target::read(&request, &[]).unwrap();
        let text = string_to_sign(request.method(), &target, request.headers());
        assert!(text.ends_with("\n/acct/acct/c/b\ncomp:blocklist"), "{text}");
    }
}
