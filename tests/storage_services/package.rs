//! Folders to upload.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A folder with one small file.
pub(crate) fn small() -> TempDir {
    with("hello.txt", b"hello")
}

/// A folder with one file.
pub(crate) fn with(name: &str, content: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), name, content);
    folder
}

/// What a mixed folder holds: names that need care, an empty file, and one that no compression makes shorter than two blocks.
pub(crate) fn mixed_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a folder/it's 100%.txt", b"blanks and quotes".to_vec()),
        ("empty.txt", Vec::new()),
        ("größe/日本 📦.txt", "außen".as_bytes().to_vec()),
        ("noise.bin", noise(9 * 1024 * 1024)),
    ]
}

/// A folder with [`mixed_files`] and an empty folder.
pub(crate) fn mixed() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in mixed_files() {
        write(folder.path(), name, &content);
    }
    fs::create_dir(folder.path().join("empty folder")).unwrap();
    folder
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// The same bytes each time, without a pattern that a compressor would find (xorshift64).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(length / 8).flatten().collect()
}
