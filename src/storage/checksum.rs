//! SHA-256 of an archive, by which the build VM knows that it got what was sent.

use std::fmt;

use ring::digest::{Context, SHA256};

/// A SHA-256. Shows as 64 hexadecimal digits in lower case, as `sha256sum` prints them and Azure VM Image Builder takes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The sum of `data`.
    pub fn of(data: &[u8]) -> Self {
        let mut sum = Summing::new();
        sum.add(data);
        sum.finish()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A checksum that is made while the data passes by.
pub(super) struct Summing(Context);

impl fmt::Debug for Summing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summing").finish_non_exhaustive()
    }
}

impl Summing {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn add(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(super) fn finish(self) -> Sha256 {
        let mut sum = [0; 32];
        // Both have 32 bytes.
        for (to, from) in sum.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        Sha256(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-2, in one piece and in two.
    #[test]
    fn sums_look_as_sha256sum_prints_them() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for parts in [&["abc"][..], &["a", "", "bc"]] {
            let mut summing = Summing::new();
            for part in parts {
                summing.add(part.as_bytes());
            }
            assert_eq!(summing.finish().to_string(), expected);
        }
    }
}
