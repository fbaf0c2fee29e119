//! The files of the repository that people read or copy.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file, with its path from the repository's root on.
pub(crate) struct Document {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Document {
    pub(super) fn read(path: &Path) -> Self {
        let text =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root()).unwrap().display().to_string();
        Self { path, text }
    }

    pub(super) fn folder(&self) -> PathBuf {
        root().join(&self.path).parent().unwrap().to_owned()
    }

    /// The fenced blocks in one of these languages.
    pub(super) fn blocks<'a>(&'a self, languages: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let blocks = self.text.split("```").skip(1).step_by(2);
        blocks.filter_map(|block| {
            let (language, text) = block.split_once('\n')?;
            languages.contains(&language).then_some(text)
        })
    }
}

/// Every file below `folder`.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The files of the samples with one of these extensions.
pub(crate) fn samples(extensions: &[&str]) -> Vec<Document> {
    let files = below(&root().join("samples"));
    let has = |path: &Path| {
        path.extension()
            .is_some_and(|own| extensions.iter().any(|extension| own == *extension))
    };
    let found = files.iter().filter(|path| has(path));
    found.map(|path| Document::read(path)).collect()
}

/// The pages at the top, those in `docs`, and those of the samples.
pub(super) fn pages() -> Vec<Document> {
    let mut pages = samples(&["md"]);
    let docs = below(&root().join("docs"));
    let is_page = |path: &&PathBuf| path.extension().is_some_and(|own| own == "md");
    pages.extend(docs.iter().filter(is_page).map(|path| Document::read(path)));
    let top = fs::read_dir(root()).unwrap();
    let mut top: Vec<PathBuf> = top.map(|entry| entry.unwrap().path()).collect();
    top.sort();
    pages.extend(top.iter().filter(is_page).map(|path| Document::read(path)));
    pages
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    for file in below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}
