//! Percent-encoding for the parts of addresses.

use std::fmt::Write as _;

/// Encodes everything in `text` but the characters that need it nowhere (RFC 3986 "unreserved") and those in `kept`.
pub(super) fn encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_special_is_encoded() {
        assert_eq!(encode("aZ09-._~", b""), "aZ09-._~");
        assert_eq!(
            encode("a b/c?#&+'(é)", b"/"),
            "a%20b/c%3F%23%26%2B%27%28%C3%A9%29"
        );
        assert_eq!(encode("sig/+=", b""), "sig%2F%2B%3D");
    }
}
