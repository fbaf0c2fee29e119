//! Blobs that are written in blocks.

use super::*;

fn list(ids: &[(&str, &str)]) -> Vec<u8> {
    let blocks = ids
        .iter()
        .map(|(kind, id)| format!("<{kind}>{id}</{kind}>"));
    let inner = blocks.collect::<Vec<_>>().concat();
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{inner}</BlockList>").into_bytes()
}

fn block(bench: &mut Bench, id: &str, content: &str) -> Answer {
    bench.send(
        "PUT",
        &format!("/box/b?comp=block&blockid={}", id.replace('=', "%3D")),
        &[],
        content.as_bytes(),
    )
}

#[test]
fn blocks_become_a_blob_when_their_list_is_committed() {
    let mut bench = Bench::with_container();
    assert_eq!(block(&mut bench, "MDE=", "one").status, 201);
    assert_eq!(block(&mut bench, "MDI=", "two").status, 201);
    assert_eq!(
        bench.send("GET", "/box/b", &[], b"").code(),
        (404, "BlobNotFound")
    );
    let waiting = bench.send("GET", "/box/b?comp=blocklist&blocklisttype=all", &[], b"");
    assert!(waiting.body.ends_with(
        "<BlockList><CommittedBlocks /><UncommittedBlocks><Block><Name>MDE=</Name><Size>3</Size></Block>\
         <Block><Name>MDI=</Name><Size>3</Size></Block></UncommittedBlocks></BlockList>"
    ));
    let bad = bench.send(
        "PUT",
        "/box/b?comp=blocklist",
        &[],
        &list(&[("Latest", "MDk=")]),
    );
    assert_eq!(bad.code(), (400, "InvalidBlockList"));
    let content_type = [("x-ms-blob-content-type", "application/zip")];
    let put = bench.send(
        "PUT",
        "/box/b?comp=blocklist",
        &content_type,
        &list(&[("Latest", "MDI="), ("Uncommitted", "MDE=")]),
    );
    assert_eq!(put.status, 201, "{put:?}");
    let get = bench.send("GET", "/box/b", &[], b"");
    assert_eq!(
        (get.body.as_str(), get.header("content-type")),
        ("twoone", "application/zip")
    );
    assert_eq!(block(&mut bench, "MDE=", "ONE").status, 201);
    let gone = bench.send(
        "PUT",
        "/box/b?comp=blocklist",
        &[],
        &list(&[("Uncommitted", "MDI=")]),
    );
    assert_eq!(gone.code(), (400, "InvalidBlockList"));
    let latest = list(&[
        ("Latest", "MDE="),
        ("Latest", "MDI="),
        ("Committed", "MDE="),
    ]);
    assert_eq!(
        bench
            .send("PUT", "/box/b?comp=blocklist", &[], &latest)
            .status,
        201
    );
    assert_eq!(bench.send("GET", "/box/b", &[], b"").body, "ONEtwoone");
}

#[test]
fn metadata_counts_with_the_list_and_not_with_a_block() {
    let mut bench = Bench::with_container();
    let staged = bench.send(
        "PUT",
        "/box/b?comp=block&blockid=MDE%3D",
        &[("x-ms-meta-run", "6")],
        b"one",
    );
    assert_eq!(staged.status, 201);
    bench.send(
        "PUT",
        "/box/b?comp=blocklist",
        &[("x-ms-meta-job", "7")],
        &list(&[("Latest", "MDE=")]),
    );
    let head = bench.send("HEAD", "/box/b", &[], b"");
    assert_eq!(
        (head.header("x-ms-meta-run"), head.header("x-ms-meta-job")),
        ("", "7")
    );
}

#[test]
fn bad_blocks_and_bad_lists_are_refused() {
    let mut bench = Bench::with_container();
    assert_eq!(block(&mut bench, "MDE=", "one").status, 201);
    assert_eq!(
        block(&mut bench, "MDAx", "two").status,
        201,
        "the lengths of the base64 forms are what counts"
    );
    assert_eq!(
        block(&mut bench, "MDAwMQ==", "two").code(),
        (400, "InvalidBlobOrBlock")
    );
    assert_eq!(
        block(&mut bench, "!", "two").code(),
        (400, "InvalidBlockId")
    );
    assert_eq!(
        block(&mut bench, "MDE=", "").code(),
        (400, "InvalidHeaderValue")
    );
    assert_eq!(
        bench.send("PUT", "/box/b?comp=block", &[], b"x").code(),
        (400, "MissingRequiredQueryParameter")
    );
    assert_eq!(
        bench
            .send("PUT", "/box/b?comp=blocklist", &[], b"<BlockList>")
            .code(),
        (400, "InvalidXmlDocument")
    );
    let odd = bench.send(
        "PUT",
        "/box/b?comp=blocklist",
        &[],
        &list(&[("Newest", "MDE=")]),
    );
    assert_eq!(
        (odd.code(), odd.element("XmlNodeName")),
        ((400, "UnsupportedXmlNode"), "Newest".into())
    );
}
