//! Listings.

use super::*;

/// The names in a listing, one after the other.
fn names(listing: &Answer) -> String {
    let document = roxmltree::Document::parse(&listing.body).unwrap();
    let names = document
        .descendants()
        .filter(|node| node.has_tag_name("Name"));
    names
        .filter_map(|node| node.text())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn listings_are_paged_by_prefix_and_delimiter() {
    let mut bench = Bench::with_container();
    for name in ["a/1", "a/2", "a/b/3", "b&c"] {
        bench.put(name, "x");
    }
    let all = bench.send("GET", "/box?restype=container&comp=list", &[], b"");
    assert_eq!(
        (names(&all).as_str(), all.element("NextMarker").as_str()),
        ("a/1 a/2 a/b/3 b&c", "")
    );
    assert!(all.body.contains("<EnumerationResults ServiceEndpoint=\"https://acct.blob.core.windows.net/\" ContainerName=\"box\">"));
    let first = bench.send(
        "GET",
        "/box?restype=container&comp=list&maxresults=2&prefix=a%2F",
        &[],
        b"",
    );
    assert_eq!(
        (names(&first).as_str(), first.element("Prefix").as_str()),
        ("a/1 a/2", "a/")
    );
    let marker = first.element("NextMarker");
    let second = bench.send(
        "GET",
        &format!("/box?restype=container&comp=list&maxresults=2&prefix=a%2F&marker={marker}"),
        &[],
        b"",
    );
    assert_eq!(
        (
            names(&second).as_str(),
            second.element("NextMarker").as_str()
        ),
        ("a/b/3", "")
    );
    let grouped = bench.send(
        "GET",
        "/box?restype=container&comp=list&delimiter=/",
        &[],
        b"",
    );
    assert_eq!(
        (
            names(&grouped).as_str(),
            grouped.body.matches("<BlobPrefix>").count()
        ),
        ("a/ b&c", 1)
    );
    assert_eq!(
        bench
            .send("GET", "/box?restype=container&comp=list&marker=!", &[], b"")
            .code(),
        (400, "InvalidQueryParameterValue")
    );
    assert_eq!(names(&bench.send("GET", "/?comp=list", &[], b"")), "box");
}
