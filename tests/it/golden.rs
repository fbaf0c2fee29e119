//! Comparison with files in `tests/golden`.

use std::path::Path;
use std::{env, fs};

/// Compares `text` with a golden file; `UPDATE_GOLDEN=1` writes the file instead, for the diff to be reviewed.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run with UPDATE_GOLDEN=1", path.display()))
        .replace("\r\n", "\n");
    let first_difference = expected
        .lines()
        .zip(text.lines())
        .position(|(expected, found)| expected != found);
    assert!(
        expected == text,
        "{} differs from what was made, first in line {}; run with UPDATE_GOLDEN=1 and review the diff\n{text}",
        path.display(),
        first_difference.map_or(expected.lines().count().min(text.lines().count()), |line| {
            line
        }) + 1
    );
}
