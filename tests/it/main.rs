//! Integration tests. The modules are marked as tests for clippy, which permits `unwrap` and its like only there.

#[cfg(test)]
mod launcher;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod protocol;
