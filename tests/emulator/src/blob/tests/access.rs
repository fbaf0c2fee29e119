//! Who may do what.

use super::*;
use crate::blob::format::{http_date, sign};

const ST: &str = "2026-11-22T11:00:00Z";
const SE: &str = "2026-11-22T13:00:00Z";

#[test]
fn tokens_need_audience_issuer_time_and_role() {
    let mut bench = Bench::with_container();
    bench.put("b", "x");
    bench.set("authorization", &token("reader"));
    assert_eq!(bench.send("GET", "/box/b", &[], b"").status, 200);
    assert_eq!(
        bench.put("b", "y").code(),
        (403, "AuthorizationPermissionMismatch")
    );
    bench.set("authorization", &token("nobody"));
    assert_eq!(
        bench.send("GET", "/box/b", &[], b"").code(),
        (403, "AuthorizationPermissionMismatch")
    );
    bench.set("authorization", &token("writer"));
    bench.now = NOW + Duration::hours(1);
    let expired = bench.send("GET", "/box/b", &[], b"");
    assert_eq!(expired.code(), (401, "InvalidAuthenticationInfo"));
    assert_eq!(
        expired.element("AuthenticationErrorDetail"),
        "Lifetime validation failed. The token is expired."
    );
    let challenge = "Bearer authorization_uri=https://login.microsoftonline.com/tenant-1/oauth2/authorize resource_id=https://storage.azure.com";
    assert_eq!(expired.header("www-authenticate"), challenge);
    bench.set("authorization", "");
    assert_eq!(
        bench.send("GET", "/box/b", &[], b"").code(),
        (401, "NoAuthenticationInformation")
    );
}

#[test]
fn a_token_for_another_service_is_refused() {
    let mut bench = Bench::with_container();
    bench.put("b", "x");
    let now = NOW.unix_timestamp();
    let table = [
        ("https://acct.blob.core.windows.net", 200),
        ("https://acct.blob.core.windows.net/", 200),
        ("https://storage.azure.com/", 200),
        ("https://other.blob.core.windows.net", 401),
        ("https://management.azure.com/", 401),
    ];
    for (audience, status) in table {
        let claims = json!({"aud": audience, "iss": ISSUER, "tid": "tenant-1", "appid": "c", "oid": "reader", "nbf": now, "exp": now + 9});
        bench.set(
            "authorization",
            &format!("Bearer {}", crate::tokens::encode(&claims)),
        );
        assert_eq!(
            bench.send("GET", "/box/b", &[], b"").status,
            status,
            "{audience}"
        );
    }
}

#[test]
fn the_service_version_is_needed_and_must_be_known() {
    let mut bench = Bench::with_container();
    bench.put("b", "x");
    bench.set("x-ms-version", "");
    let too_old = "Authentication scheme Bearer is not supported in this version.";
    let missing = bench.send("GET", "/box/b", &[], b"");
    assert_eq!(missing.element("AuthenticationErrorDetail"), too_old);
    bench.set("authorization", "SharedKey acct:c2ln");
    let missing = bench.send("GET", "/box/b", &[], b"");
    assert_eq!(
        (missing.code(), missing.element("HeaderName")),
        ((400, "MissingRequiredHeader"), "x-ms-version".into())
    );
    bench.set("authorization", &token("writer"));
    bench.set("x-ms-version", "2031-01-01");
    let unknown = bench.send("GET", "/box/b", &[], b"");
    assert_eq!(
        (unknown.code(), unknown.element("HeaderValue")),
        ((400, "InvalidHeaderValue"), "2031-01-01".into())
    );
    bench
        .service
        .settings
        .service_versions
        .push("2015-12-11".into());
    bench.set("x-ms-version", "2015-12-11");
    let old = bench.send("GET", "/box/b", &[], b"");
    assert_eq!(old.element("AuthenticationErrorDetail"), too_old);
}

#[test]
fn shared_key_works_unless_the_account_forbids_it() {
    let mut bench = Bench::with_container();
    bench.put("b", "x");
    let date = http_date(NOW);
    let text = format!(
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2025-05-05\n/acct/box/b"
    );
    bench.set("x-ms-date", &date);
    bench.set(
        "authorization",
        &format!("SharedKey acct:{}", sign("a2V5", &text).unwrap()),
    );
    assert_eq!(bench.send("GET", "/box/b", &[], b"").status, 200);
    let other = bench.send("GET", "/box/c", &[], b"");
    assert_eq!(other.code(), (403, "AuthenticationFailed"));
    assert!(other.element("Message").starts_with(
        "Server failed to authenticate the request. Make sure the value of Authorization header"
    ));
    bench
        .service
        .settings
        .accounts
        .get_mut("acct")
        .unwrap()
        .allow_shared_key = false;
    assert_eq!(
        bench.send("GET", "/box/b", &[], b"").code(),
        (403, "KeyBasedAuthenticationNotPermitted")
    );
}

/// A service SAS for `resource` (`c`, or `b` with its path), as a query.
fn service_sas(permissions: &str, kind: &str, path: &str) -> String {
    let text = format!(
        "{permissions}\n{ST}\n{SE}\n/blob/acct/{path}\n\n\nhttps\n2025-05-05\n{kind}\n\n\n\n\n\n\n"
    );
    let sig = sign("a2V5", &text).unwrap();
    let pairs = [
        ("sv", "2025-05-05"),
        ("st", ST),
        ("se", SE),
        ("sp", permissions),
        ("spr", "https"),
        ("sr", kind),
        ("sig", &sig),
    ];
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

#[test]
fn a_service_sas_allows_what_it_says() {
    let mut bench = Bench::with_container();
    bench.put("b", "x");
    bench.headers.clear();
    // Permissions, resource; method, address; status and code.
    let table = [
        ("r b box/b", "GET /box/b?", (200, "")),
        ("r c box", "GET /box/b?", (200, "")),
        ("r b box/b", "GET /box/c?", (403, "AuthenticationFailed")),
        (
            "r b box/b",
            "DELETE /box/b?",
            (403, "AuthorizationPermissionMismatch"),
        ),
        (
            "rl c box",
            "GET /box?restype=container&comp=list&",
            (200, ""),
        ),
        (
            "rwd c box",
            "DELETE /box?restype=container&",
            (403, "AuthorizationFailure"),
        ),
        (
            "c b box/b",
            "PUT /box/b?",
            (403, "UnauthorizedBlobOverwrite"),
        ),
        ("c b box/new", "PUT /box/new?", (201, "")),
        ("cw b box/b", "PUT /box/b?", (201, "")),
    ];
    for (signed, asked, expected) in table {
        let [permissions, kind, path] = signed.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{signed}")
        };
        let (method, address) = asked.split_once(' ').unwrap();
        let address = format!("{address}{}", service_sas(permissions, kind, path));
        let put = (method == "PUT").then_some(("x-ms-blob-type", "BlockBlob"));
        let answer = bench.send(method, &address, put.as_slice(), b"");
        assert_eq!(answer.code(), expected, "{signed}: {asked}");
    }
    bench
        .service
        .settings
        .accounts
        .get_mut("acct")
        .unwrap()
        .allow_shared_key = false;
    let address = format!("/box/b?{}", service_sas("r", "b", "box/b"));
    assert_eq!(
        bench.send("GET", &address, &[], b"").code(),
        (403, "KeyBasedAuthenticationNotPermitted")
    );
}

fn ask_for_key(bench: &mut Bench, start: &str, expiry: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\"?><KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>"
    );
    bench.send(
        "POST",
        "/?restype=service&comp=userdelegationkey",
        &[],
        body.as_bytes(),
    )
}

/// A link to `box/b` signed with a delegation key of the principal `object`.
fn delegated_link(bench: &mut Bench, object: &str, permissions: &str) -> url::Url {
    bench.set("authorization", &token(object));
    let key = ask_for_key(bench, ST, SE);
    assert_eq!(
        (
            key.status,
            key.element("SignedOid").as_str(),
            key.element("SignedVersion").as_str()
        ),
        (200, object, "2025-05-05")
    );
    let text = format!(
        "{permissions}\n\n{SE}\n/blob/acct/box/b\n{object}\ntenant-1\n{ST}\n{SE}\nb\n2025-05-05\n\n\n\n\nhttps\n2025-05-05\nb\n\n\n\n\n\n\n"
    );
    let sig = sign(&key.element("Value"), &text).unwrap();
    let mut link = url::Url::parse(&format!("{HOST}/box/b")).unwrap();
    let version = "2025-05-05";
    let pairs = [
        ("sv", version),
        ("se", SE),
        ("sp", permissions),
        ("spr", "https"),
        ("sr", "b"),
        ("skoid", object),
        ("sktid", "tenant-1"),
    ];
    link.query_pairs_mut().extend_pairs(pairs).extend_pairs([
        ("skt", ST),
        ("ske", SE),
        ("sks", "b"),
        ("skv", version),
        ("sig", &sig),
    ]);
    link
}

#[test]
fn a_user_delegation_sas_allows_no_more_than_its_signer_may() {
    let mut bench = Bench::with_container();
    bench.put("b", "content");
    bench
        .service
        .settings
        .accounts
        .get_mut("acct")
        .unwrap()
        .allow_shared_key = false;
    let link = delegated_link(&mut bench, "reader", "r");
    assert_eq!(
        bench.service.read_with_link(&link, NOW),
        Ok(Bytes::from_static(b"content"))
    );
    let late = bench
        .service
        .read_with_link(&link, NOW + Duration::hours(1))
        .unwrap_err();
    assert!(
        late.starts_with("403 AuthenticationFailed: Server failed to authenticate the request."),
        "{late}"
    );
    let powerless = delegated_link(&mut bench, "delegator", "r");
    let refused = "403 AuthorizationPermissionMismatch: This request is not authorized to perform this operation using this permission.";
    assert_eq!(
        bench.service.read_with_link(&powerless, NOW),
        Err(refused.into())
    );
    bench.service.keys.clear();
    bench.headers.clear();
    let unknown = bench.send("GET", &link.as_str()[HOST.len()..], &[], b"");
    assert_eq!(
        unknown.element("AuthenticationErrorDetail"),
        "Signature validation failed. Signature key not found."
    );
}

#[test]
fn delegation_keys_last_seven_days_at_most_and_need_a_token() {
    let mut bench = Bench::new();
    assert_eq!(
        ask_for_key(&mut bench, ST, "2026-11-29T12:00:00Z").status,
        200
    );
    let longer = ask_for_key(&mut bench, ST, "2026-11-29T12:00:01Z");
    assert_eq!(
        (longer.code(), longer.element("XmlNodeName")),
        ((400, "InvalidXmlNodeValue"), "Expiry".into())
    );
    assert_eq!(
        ask_for_key(&mut bench, ST, ST).code(),
        (400, "InvalidXmlNodeValue")
    );
    assert_eq!(
        ask_for_key(&mut bench, "soon", SE).code(),
        (400, "InvalidXmlNodeValue")
    );
    bench.set("authorization", &token("nobody"));
    assert_eq!(
        ask_for_key(&mut bench, ST, SE).code(),
        (403, "AuthorizationPermissionMismatch")
    );
}

#[test]
fn a_principal_reads_with_its_own_role() {
    let mut bench = Bench::with_container();
    bench.put("b", "content");
    let address = url::Url::parse(&format!("{HOST}/box/b")).unwrap();
    assert_eq!(
        bench.service.read_as(&address, "reader", NOW),
        Ok(Bytes::from_static(b"content"))
    );
    assert!(
        bench
            .service
            .read_as(&address, "delegator", NOW)
            .unwrap_err()
            .starts_with("403 AuthorizationPermissionMismatch")
    );
    let plain = bench.service.read_with_link(&address, NOW).unwrap_err();
    assert!(
        plain.starts_with("401 NoAuthenticationInformation"),
        "{plain}"
    );
}
