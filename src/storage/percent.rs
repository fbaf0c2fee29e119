//! Percent-encoding for the parts of addresses.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in one part of an address: everything but the characters that need it nowhere (RFC 3986 "unreserved") is encoded.
pub(super) const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same for several parts with slashes between them.
pub(super) const PATH: &AsciiSet = &PART.remove(b'/');

/// `text` as it stands in an address.
pub(super) fn encode(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_special_is_encoded() {
        assert_eq!(encode("aZ09-._~", PART), "aZ09-._~");
        assert_eq!(
            encode("a b/c?#&+'(é)", PATH),
            "a%20b/c%3F%23%26%2B%27%28%C3%A9%29"
        );
        assert_eq!(encode("sig/+=", PART), "sig%2F%2B%3D");
    }
}
