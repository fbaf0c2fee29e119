//! What the operations do.

use super::*;

const BLOCK_BLOB: (&str, &str) = ("x-ms-blob-type", "BlockBlob");

#[test]
fn a_container_is_created_once_and_its_name_stays_blocked_after_deletion() {
    let mut bench = Bench::with_container();
    let again = bench.send("PUT", "/box?restype=container", &[], b"");
    assert_eq!(again.code(), (409, "ContainerAlreadyExists"));
    assert_eq!(
        bench.send("GET", "/box?restype=container", &[], b"").status,
        200
    );
    assert_eq!(
        bench
            .send("DELETE", "/box?restype=container", &[], b"")
            .status,
        202
    );
    assert_eq!(
        bench.send("GET", "/box?restype=container", &[], b"").code(),
        (404, "ContainerNotFound")
    );
    assert_eq!(
        bench.send("PUT", "/box?restype=container", &[], b"").code(),
        (409, "ContainerBeingDeleted")
    );
    bench.now += Duration::seconds(30);
    assert_eq!(
        bench.send("PUT", "/box?restype=container", &[], b"").status,
        201
    );
    assert_eq!(
        bench.send("PUT", "/Box?restype=container", &[], b"").code(),
        (400, "InvalidResourceName")
    );
}

#[test]
fn a_blob_is_written_read_and_deleted() {
    let mut bench = Bench::with_container();
    let headers = [
        BLOCK_BLOB,
        ("content-type", "text/plain"),
        ("x-ms-meta-run", "7"),
        ("x-ms-client-request-id", "mine"),
    ];
    let put = bench.send("PUT", "/box/a%20b/c.txt", &headers, b"hello world");
    assert_eq!(
        (put.status, put.header("content-md5")),
        (201, "XrY7u+Ae7tCTyyK7j1rNww==")
    );
    assert_eq!(
        (
            put.header("x-ms-version"),
            put.header("x-ms-client-request-id")
        ),
        ("2025-05-05", "mine")
    );
    assert_eq!(
        bench.service.blob("acct", "box", "a b/c.txt"),
        Some(&b"hello world"[..])
    );
    let get = bench.send("GET", "/box/a%20b/c.txt", &[], b"");
    assert_eq!(
        (get.status, get.body.as_str(), get.header("content-type")),
        (200, "hello world", "text/plain")
    );
    assert_eq!(
        (get.header("etag"), get.header("x-ms-meta-run")),
        (put.header("etag"), "7")
    );
    assert_eq!(get.header("last-modified"), "Sun, 22 Nov 2026 12:00:00 GMT");
    let head = bench.send("HEAD", "/box/a%20b/c.txt", &[], b"");
    assert_eq!(
        (
            head.status,
            head.body.as_str(),
            head.header("content-length")
        ),
        (200, "", "11")
    );
    assert_eq!(
        bench
            .send(
                "DELETE",
                "/box/a%20b/c.txt",
                &[("x-ms-delete-snapshots", "include")],
                b""
            )
            .status,
        202
    );
    let head = bench.send("HEAD", "/box/a%20b/c.txt", &[], b"");
    assert_eq!(
        (head.code(), head.body.as_str()),
        ((404, "BlobNotFound"), "")
    );
    assert!(bench.service.blobs().is_empty() && !bench.service.exists("acct", "box", "a b/c.txt"));
}

#[test]
fn an_error_is_a_document_with_code_message_and_details() {
    let mut bench = Bench::new();
    let missing = bench.send("GET", "/box/a", &[], b"");
    let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>ContainerNotFound</Code><Message>The specified container does not \
                    exist.\nRequestId:b10b0000-0000-4000-8000-000000000001\nTime:2026-11-22T12:00:00.0000000Z</Message></Error>";
    assert_eq!(
        (missing.body.as_str(), missing.header("content-type")),
        (expected, "application/xml")
    );
    let wrong = bench.send("GET", "/box/a", &[("x-ms-range", "1-2")], b"");
    assert_eq!(wrong.code(), (404, "ContainerNotFound"));
    let zero = bench.send("GET", "/?comp=list&maxresults=0", &[], b"");
    assert_eq!(
        (zero.code(), zero.element("QueryParameterName")),
        ((400, "OutOfRangeQueryParameterValue"), "maxresults".into())
    );
}

#[test]
fn ranges_are_cut_from_the_blob() {
    let mut bench = Bench::with_container();
    bench.put("log", "0123456789");
    let table = [
        ("range", "bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("x-ms-range", "bytes=7-", 206, "789", "bytes 7-9/10"),
        ("x-ms-range", "bytes=7-99", 206, "789", "bytes 7-9/10"),
        ("x-ms-range", "bytes=10-", 416, "InvalidRange", "bytes */10"),
        ("x-ms-range", "bytes=5-4", 400, "InvalidHeaderValue", ""),
        ("range", "bytes=-3", 400, "InvalidHeaderValue", ""),
    ];
    for (name, value, status, text, range) in table {
        let answer = bench.send("GET", "/box/log", &[(name, value)], b"");
        let found = if answer.status == 206 {
            answer.body.as_str()
        } else {
            answer.header("x-ms-error-code")
        };
        assert_eq!(
            (answer.status, found, answer.header("content-range")),
            (status, text, range),
            "{name}: {value}"
        );
    }
    let both = bench.send(
        "GET",
        "/box/log",
        &[("range", "bytes=0-0"), ("x-ms-range", "bytes=1-1")],
        b"",
    );
    assert_eq!(both.body, "1");
    let hashed = bench.send(
        "GET",
        "/box/log",
        &[
            ("x-ms-range", "bytes=0-0"),
            ("x-ms-range-get-content-md5", "true"),
        ],
        b"",
    );
    assert_eq!(hashed.header("content-md5"), "z80ghJXVZe9m59/5+Ydk2g==");
}

#[test]
fn hashes_of_the_contents_are_compared() {
    let mut bench = Bench::with_container();
    for name in ["content-md5", "x-ms-blob-content-md5"] {
        let mut put =
            |hash: &str| bench.send("PUT", "/box/b", &[BLOCK_BLOB, (name, hash)], b"hello world");
        assert_eq!(put("XrY7u+Ae7tCTyyK7j1rNww==").status, 201);
        let wrong = put("z80ghJXVZe9m59/5+Ydk2g==");
        assert_eq!(
            (wrong.code(), wrong.element("ServerCalculatedMd5")),
            ((400, "Md5Mismatch"), "XrY7u+Ae7tCTyyK7j1rNww==".into())
        );
        assert_eq!(put("YQ==").code(), (400, "InvalidMd5"));
    }
}

#[test]
fn conditions_are_kept() {
    let mut bench = Bench::with_container();
    let etag = bench.put("b", "one").header("etag").to_owned();
    let table = [
        ("PUT", "if-none-match", "*", (409, "BlobAlreadyExists")),
        ("PUT", "if-match", "\"other\"", (412, "ConditionNotMet")),
        (
            "PUT",
            "if-none-match",
            etag.as_str(),
            (412, "ConditionNotMet"),
        ),
        (
            "GET",
            "if-none-match",
            etag.as_str(),
            (304, "ConditionNotMet"),
        ),
        ("GET", "if-match", etag.as_str(), (200, "")),
        (
            "GET",
            "if-modified-since",
            "Sun, 22 Nov 2026 12:00:00 GMT",
            (304, "ConditionNotMet"),
        ),
        (
            "GET",
            "if-unmodified-since",
            "Sun, 22 Nov 2026 11:59:59 GMT",
            (412, "ConditionNotMet"),
        ),
        (
            "GET",
            "if-unmodified-since",
            "yesterday",
            (400, "InvalidHeaderValue"),
        ),
        ("DELETE", "if-match", "\"other\"", (412, "ConditionNotMet")),
        ("DELETE", "if-match", etag.as_str(), (202, "")),
    ];
    for (method, name, value, expected) in table {
        let mut headers = vec![(name, value)];
        headers.extend((method == "PUT").then_some(BLOCK_BLOB));
        let answer = bench.send(method, "/box/b", &headers, b"");
        assert_eq!(answer.code(), expected, "{method} {name}: {value}");
    }
    let missing = bench.send("PUT", "/box/b", &[BLOCK_BLOB, ("if-match", "*")], b"");
    assert_eq!(missing.code(), (412, "ConditionNotMet"));
    assert_eq!(
        bench
            .send("PUT", "/box/b", &[BLOCK_BLOB, ("if-none-match", "*")], b"")
            .status,
        201
    );
}

#[test]
fn parameters_of_a_sas_need_a_signature() {
    let mut bench = Bench::with_container();
    let answer = bench.send("GET", "/box/b?rsct=text", &[], b"");
    assert_eq!(answer.code(), (501, "APINotImplemented"));
}

#[test]
fn the_blob_type_is_needed() {
    let mut bench = Bench::with_container();
    assert_eq!(
        bench.send("PUT", "/box/b", &[], b"").code(),
        (400, "MissingRequiredHeader")
    );
}

#[test]
fn what_is_unknown_is_refused_by_name() {
    let mut bench = Bench::with_container();
    let none = ("x-ms-client-request-id", "1");
    let table = [
        (
            "PUT",
            "/box/b?comp=lease",
            none,
            "the operation PUT on a blob with restype='' and comp='lease'",
        ),
        (
            "GET",
            "/box",
            none,
            "the operation GET on a container with restype='' and comp=''",
        ),
        (
            "GET",
            "/box/b?snapshot=1",
            none,
            "the query parameter 'snapshot' here",
        ),
        (
            "GET",
            "/box/b",
            ("x-ms-meta-run", "7"),
            "the header 'x-ms-meta-run' here",
        ),
        (
            "PUT",
            "/box/b",
            ("x-ms-tags", "a=b"),
            "the header 'x-ms-tags' here",
        ),
        (
            "PUT",
            "/box/b",
            ("x-ms-blob-type", "PageBlob"),
            "the blob type 'PageBlob'",
        ),
        (
            "GET",
            "/?comp=list&include=tags",
            none,
            "the value 'tags' of the query parameter 'include'",
        ),
    ];
    for (method, path, header, what) in table {
        let answer = bench.send(method, path, &[header], b"");
        assert_eq!(answer.code(), (501, "APINotImplemented"), "{path}");
        let message = answer.element("Message");
        assert_eq!(
            message.lines().next(),
            Some(format!("The emulator does not know {what}.").as_str())
        );
    }
}

#[test]
fn a_body_needs_its_length() {
    let mut bench = Bench::with_container();
    let (version, bearer) = (bench.headers[0].1.clone(), token("writer"));
    let mut request = Request::put(format!("{HOST}/box/b"))
        .header("x-ms-version", version)
        .header("authorization", bearer);
    request = request.header(BLOCK_BLOB.0, BLOCK_BLOB.1);
    let answer = bench
        .service
        .answer(&request.body(Bytes::from_static(b"x")).unwrap(), NOW);
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["x-ms-error-code"].as_bytes()
        ),
        (411, &b"MissingContentLengthHeader"[..])
    );
}

#[test]
fn the_platform_writes_without_asking() {
    let mut bench = Bench::new();
    bench.service.put_from_service(
        "staging",
        "packerlogs",
        "1/customization.log",
        Bytes::from_static(b"log"),
    );
    let entry = BlobEntry {
        account: "staging".into(),
        container: "packerlogs".into(),
        name: "1/customization.log".into(),
        length: 3,
    };
    assert_eq!(bench.service.blobs(), [entry]);
    assert!(
        bench
            .service
            .account_settings("staging")
            .is_some_and(|account| account.allow_shared_key)
    );
    bench.service.remove_account("staging");
    assert!(
        bench.service.blobs().is_empty() && bench.service.account_settings("staging").is_none()
    );
}
