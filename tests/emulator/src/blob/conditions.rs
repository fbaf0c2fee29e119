//! Conditional headers: <https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations>.

use http::{HeaderMap, StatusCode};

use super::failure::Failure;
use super::format::parse_http_date;
use super::store::{Committed, text};

/// Checks the conditions of an operation that reads an existing blob.
pub(super) fn check_read(headers: &HeaderMap, current: &Committed) -> Result<(), Failure> {
    let unchanged = || {
        let message = "The condition specified using HTTP conditional header(s) is not met.";
        Failure::new(StatusCode::NOT_MODIFIED, "ConditionNotMet", message)
    };
    check_positive(headers, Some(current))?;
    let none_match = text(headers, "if-none-match");
    if none_match == "*" {
        return Err(Failure::bad(
            "UnsatisfiableCondition",
            "The request includes an unsatisfiable condition for this operation.",
        ));
    }
    if none_match == current.etag {
        return Err(unchanged());
    }
    if date(headers, "if-modified-since")?.is_some_and(|since| {
        current
            .modified
            .replace_nanosecond(0)
            .unwrap_or(current.modified)
            <= since
    }) {
        return Err(unchanged());
    }
    Ok(())
}

/// Checks the conditions of an operation that writes or deletes; `current` is what exists.
pub(super) fn check_write(headers: &HeaderMap, current: Option<&Committed>) -> Result<(), Failure> {
    check_positive(headers, current)?;
    let none_match = text(headers, "if-none-match");
    if none_match == "*" && current.is_some() {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "BlobAlreadyExists",
            "The specified blob already exists.",
        ));
    }
    if current.is_some_and(|current| current.etag == none_match) {
        return Err(Failure::condition());
    }
    let since = date(headers, "if-modified-since")?;
    if let (Some(since), Some(current)) = (since, current)
        && current.modified <= since
    {
        return Err(Failure::condition());
    }
    Ok(())
}

fn check_positive(headers: &HeaderMap, current: Option<&Committed>) -> Result<(), Failure> {
    let wanted = text(headers, "if-match");
    let matches = match current {
        _ if wanted.is_empty() => true,
        Some(current) => wanted == "*" || wanted == current.etag,
        None => false,
    };
    let since = date(headers, "if-unmodified-since")?;
    let modified = match (since, current) {
        (Some(since), Some(current)) => {
            current
                .modified
                .replace_nanosecond(0)
                .unwrap_or(current.modified)
                > since
        }
        _ => false,
    };
    if matches && !modified {
        Ok(())
    } else {
        Err(Failure::condition())
    }
}

fn date(headers: &HeaderMap, name: &str) -> Result<Option<time::OffsetDateTime>, Failure> {
    match text(headers, name) {
        "" => Ok(None),
        value => parse_http_date(value)
            .map(Some)
            .ok_or_else(|| Failure::header_value(name, value)),
    }
}
