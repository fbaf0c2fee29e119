//! Packages that several runs use: named by what they hold, and kept for some days after their last use.
//!
//! A use is written down as the blob's time of change, by setting its metadata again. So what is in use is never old.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use time::OffsetDateTime;

use super::account::StorageAccount;
use super::blob::{BlobRef, delete_unless_changed, storage_call};
use super::checksum::Sha256;
use super::package::Format;
use super::reading::{self, Access};
use crate::arm::{Call, Client, Failure};

const CONTENT: HeaderName = HeaderName::from_static("x-ms-meta-content");
const SHA256: HeaderName = HeaderName::from_static("x-ms-meta-sha256");
const LENGTH: HeaderName = HeaderName::from_static("x-ms-meta-length");
/// Comes before the sum of the contents in a blob's name.
const MARK: &str = "sha256-";

/// The archive in such a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedArchive {
    /// SHA-256 of the archive, in hexadecimal.
    pub sha256: String,
    /// Its length.
    pub length: u64,
}

/// The name of the blob for a package of this content: `webapp/sha256-.../webapp.zip`.
pub fn retained_name(name: &str, content: &Sha256, extension: &str) -> String {
    format!("{name}/{MARK}{content}/{name}{extension}")
}

/// The headers by which a blob says what it holds.
pub(super) fn describe(call: Call, content: &Sha256, sha256: &str, length: u64) -> Call {
    let described = [
        (CONTENT, content.to_string()),
        (SHA256, sha256.to_owned()),
        (LENGTH, length.to_string()),
    ];
    described.into_iter().fold(call, |call, (name, value)| {
        // Digits alone: it is a header's value.
        match HeaderValue::from_str(&value) {
            Ok(value) => call.header(name, value),
            Err(_) => call,
        }
    })
}

/// What `blob` says of itself, if that is an archive of `content`. It is not a proof: whoever can write to the container can say the same.
pub async fn find_retained(
    client: &Client,
    blob: &BlobRef,
    content: &Sha256,
) -> Result<Option<RetainedArchive>, Failure> {
    let doing = format!("Looking for {blob}");
    let call = storage_call(doing, Method::HEAD, blob.url().to_string());
    match client.send(&call).await {
        Ok(answer) => Ok(kept(answer.headers(), content)),
        Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Writes down that `blob` is used from now on. `false` if someone has removed it in between.
pub async fn record_use(
    client: &Client,
    blob: &BlobRef,
    content: &Sha256,
    kept: &RetainedArchive,
) -> Result<bool, Failure> {
    let call = storage_call(
        format!("Noting the use of {blob}"),
        Method::PUT,
        format!("{}?comp=metadata", blob.url()),
    );
    let call = describe(call, content, &kept.sha256, kept.length);
    match client.send(&call).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// What the headers of a blob say, if they fit together.
fn kept(headers: &HeaderMap, content: &Sha256) -> Option<RetainedArchive> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let sha256 = text(&SHA256)?;
    let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let length = text(&LENGTH)?.parse().ok()?;
    let whole = text(&CONTENT_LENGTH)?.parse() == Ok(length);
    let ours = text(&CONTENT)? == content.to_string();
    let is_sum = sha256.len() == 64 && sha256.chars().all(hexadecimal);
    (whole && ours && is_sum).then(|| RetainedArchive {
        sha256: sha256.to_owned(),
        length,
    })
}

/// Deletes the retained packages of `container` that nobody has used for `age`. Returns how many.
pub async fn delete_unused(
    client: &Client,
    account: &StorageAccount,
    container: &str,
    age: Duration,
    now: OffsetDateTime,
) -> Result<usize, Failure> {
    let all = reading::list(client, account, container, &Access::token()).await?;
    let mut removed = 0;
    for listed in all {
        let (true, Some(used)) = (is_retained(&listed.name), listed.written) else {
            continue;
        };
        if now - used < age {
            continue;
        }
        let Ok(blob) = account.blob(container, &listed.name) else {
            continue;
        };
        // A run that begins to use it now wins.
        if delete_unless_changed(client, &blob, Some(used)).await? {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether a name is of [`retained_name`]'s making, to the letter: what is not is never removed.
fn is_retained(name: &str) -> bool {
    let mut parts = name.split('/');
    let (Some(folder), Some(sum), Some(file), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let sum = sum.strip_prefix(MARK).unwrap_or_default();
    let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let extension = file.strip_prefix(folder).unwrap_or_default();
    let extension = extension.strip_prefix('.').unwrap_or_default();
    let is_archive = [Format::Zip.extension(), Format::TarGz.extension()].contains(&extension);
    sum.len() == 64 && sum.chars().all(hexadecimal) && is_archive && !folder.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{Answer, Scripted, account};

    use time::macros::datetime;

    #[tokio::test]
    async fn what_was_not_used_for_long_is_removed_unless_it_is_used_now() {
        let name = |digit: &str| format!("drop/sha256-{}/drop.zip", digit.repeat(64));
        let entry = |name: &str, date: &str| {
            format!(
                "<Blob><Name>{name}</Name><Properties><Last-Modified>{date}</Last-Modified></Properties></Blob>"
            )
        };
        let old = "Sun, 01 Nov 2026 08:00:00 GMT";
        let listing = [
            entry(&name("a"), old),
            entry(&name("b"), "Sat, 21 Nov 2026 08:00:00 GMT"),
            entry(&name("c"), old),
            entry("drop/4711-1/drop_1.zip", old),
        ]
        .concat();
        let listing = format!("<EnumerationResults><Blobs>{listing}</Blobs></EnumerationResults>");
        let network = Scripted::new(move |asked| {
            if asked.url.contains("comp=list") {
                Answer::Status(200, listing.clone())
            } else if asked.url.contains("sha256-cc") {
                Answer::Refusal(412, "ConditionNotMet")
            } else {
                Answer::Status(202, String::new())
            }
        });
        let now = datetime!(2026-11-22 12:00:00 UTC);
        let week = Duration::from_secs(7 * 24 * 3600);
        let removed = delete_unused(&network.client(), &account(), "c", week, now).await;
        assert_eq!(removed.unwrap(), 1);
        let deletions: Vec<_> = network
            .asked()
            .into_iter()
            .filter(|asked| asked.method == Method::DELETE)
            .collect();
        assert_eq!(deletions.len(), 2);
        for (deletion, digit) in deletions.iter().zip(["a", "c"]) {
            assert!(deletion.url.ends_with(&name(digit)), "{}", deletion.url);
            assert_eq!(deletion.header("if-unmodified-since"), old);
        }
    }

    #[test]
    fn only_our_own_names_are_retained_packages() {
        let name = retained_name("web app", &Sha256::default(), ".zip");
        assert_eq!(
            name,
            format!("web app/sha256-{}/web app.zip", "0".repeat(64))
        );
        assert!(is_retained(&name));
        for other in [
            "webapp/4711-1763800000000000/webapp_1763800000000000.zip",
            "webapp/sha256-00/webapp.zip",
            "x",
            "",
            &name.replace(".zip", ".vhd"),
            &name.replace("web app.zip", "web app 2.zip"),
            &name.replace("web app", ""),
            &name.replacen("web app", "..", 1),
        ] {
            assert!(!is_retained(other), "{other}");
        }
        assert!(!is_retained(&format!("{name}/more")));
        assert!(!is_retained(&name.replace('0', "G")));
    }

    #[test]
    fn a_blob_counts_only_if_it_is_whole_and_says_so() {
        let headers = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                let name: HeaderName = name.parse().unwrap();
                headers.insert(name, value.parse().unwrap());
            }
            headers
        };
        let content = Sha256::default();
        let (zeros, sum) = ("0".repeat(64), "ab".repeat(32));
        let good = [
            ("content-length", "10"),
            ("x-ms-meta-length", "10"),
            ("x-ms-meta-content", &*zeros),
            ("x-ms-meta-sha256", &*sum),
        ];
        let kept = kept(&headers(&good), &content).unwrap();
        assert_eq!((kept.sha256.as_str(), kept.length), (&*sum, 10));
        for (index, bad) in [(0, "9"), (1, "x"), (2, &*sum), (3, "AB"), (3, "'; rm")] {
            let mut changed = good;
            changed[index].1 = bad;
            assert_eq!(super::kept(&headers(&changed), &content), None, "{bad}");
        }
        assert_eq!(super::kept(&HeaderMap::new(), &content), None);
    }
}
