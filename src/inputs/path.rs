//! Paths on the agent, as authors write them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::problem::quoted;
use super::raw_inputs::RawInputs;
use super::spelling::nearest;

/// The folders whose files a repository can bring into a template or a package. Someone who can change the repository, but not the pipeline, must not
/// read the rest of the agent's machine.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Each folder twice: as it was written, without `..`, and with all links resolved.
    folders: Vec<PathBuf>,
}

/// The hint for a file outside of the bounds.
pub(super) const INTO_BOUNDS: &str = "copy the file to the sources folder ('Build.SourcesDirectory') or the working folder of the job";

/// Why a file is not read, as it goes on behind its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outside {
    /// It is in another folder: its path with all links resolved.
    Elsewhere(PathBuf),
    /// It is one of Git's own.
    OfGit,
}

impl Outside {
    /// The reason, behind the quoted path that was `named`.
    pub(super) fn reason(&self, named: &Path) -> String {
        const PLACE: &str = "outside the sources folder and the working folder of the job; the task does not read it";
        match self {
            Self::Elsewhere(path) if path == named => format!("is {PLACE}"),
            Self::Elsewhere(path) => format!(
                "leads to {}, which is {PLACE}",
                quoted(&path.display().to_string())
            ),
            Self::OfGit => {
                "is one of Git's own files, which can contain credentials of the checkout; the task does not read it".to_owned()
            }
        }
    }
}

impl Bounds {
    /// The sources folder and the working folder of the job.
    pub(super) fn of(given: &RawInputs) -> Self {
        let mut bounds = Self {
            folders: Vec::new(),
        };
        bounds.add(&given.working_directory);
        if let Some(sources) = &given.sources_directory {
            bounds.add(sources);
        }
        bounds
    }

    /// One more folder, which the author of the pipeline named.
    pub(super) fn add(&mut self, folder: &Path) {
        if folder.as_os_str().is_empty() {
            return;
        }
        self.folders.push(resolved(folder));
        self.folders.extend(fs::canonicalize(folder));
    }

    /// Whether `path` lies in one of the folders, judged by names alone.
    pub(super) fn holds_by_name(&self, path: &Path) -> bool {
        let path = resolved(path);
        self.folders.iter().any(|folder| path.starts_with(folder))
    }

    /// Where `path` really is, links followed; what does not exist is judged by its name.
    pub(super) fn check(&self, path: &Path) -> Result<PathBuf, Outside> {
        let real = fs::canonicalize(path).unwrap_or_else(|_| resolved(path));
        let mut folders = self.folders.iter();
        let Some(inside) = folders.find_map(|folder| real.strip_prefix(folder).ok()) else {
            return Err(Outside::Elsewhere(real));
        };
        if inside.iter().any(|part| part.eq_ignore_ascii_case(".git")) {
            return Err(Outside::OfGit);
        }
        Ok(real)
    }
}

/// The path without `.` and `..`, judged by names alone.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                result.push(component);
            }
        }
    }
    result
}

/// Whether a part of a path is a drive, `C:`.
fn is_drive(part: &str) -> bool {
    let letter = part.strip_suffix(':').unwrap_or_default();
    letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A hint with the nearest folder that exists, and a name in it that is spelled a little differently.
pub(super) fn what_there_is(path: &Path) -> Option<String> {
    let (parent, missing) = path
        .ancestors()
        .zip(path.ancestors().skip(1))
        .map(|(child, parent)| (parent, child))
        .find(|(parent, _)| parent.is_dir())?;
    let missing = missing.file_name()?.to_str()?;
    if !cfg!(windows) && is_drive(missing) {
        return Some(format!(
            "{} is a drive of Windows, and this agent does not run Windows: write a path relative to the sources folder, or begin it with a variable such as '$(Build.SourcesDirectory)'",
            quoted(missing)
        ));
    }
    let siblings: Vec<String> = fs::read_dir(parent)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let same = siblings
        .iter()
        .find(|name| name.to_lowercase() == missing.to_lowercase());
    let parent = quoted(&parent.display().to_string());
    if let Some(name) = same {
        let name = quoted(name);
        return Some(format!(
            "{parent} contains {name}; paths are case-sensitive on Linux agents"
        ));
    }
    let near = nearest(missing, siblings.iter().map(String::as_str));
    near.map(|name| format!("{parent} contains {}; did you mean that?", quoted(name)))
}
