//! Puts a task where the agent puts it, as it looks after the agent has unzipped it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error};
use crate::manifest::Manifest;

/// The permissions of an installed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permissions {
    /// As unzipped: files 0644, so that nothing is executable, and folders 0755.
    #[default]
    Unzipped,
    /// As mounted read-only into a container: files 0444 and folders 0555. The super-user may still write.
    ReadOnly,
}

impl Permissions {
    fn modes(self) -> (u32, u32) {
        match self {
            Self::Unzipped => (0o644, 0o755),
            Self::ReadOnly => (0o444, 0o555),
        }
    }
}

/// A task's folder and its manifest.
#[derive(Debug, Clone)]
pub struct TaskFolder {
    /// The folder that holds `task.json`.
    pub path: PathBuf,
    /// The manifest in it.
    pub manifest: Manifest,
}

impl TaskFolder {
    /// Takes a task folder as it is.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_owned(),
            manifest: Manifest::read(&path.join("task.json"))?,
        })
    }

    /// Copies a task folder to `_tasks/{name}_{id}/{version}` of the work folder, in place of a former copy.
    pub fn install(source: &Path, work: &Path, permissions: Permissions) -> Result<Self, Error> {
        let manifest = Manifest::read(&source.join("task.json"))?;
        let folder = work
            .join("_tasks")
            .join(format!("{}_{}", manifest.name, manifest.id));
        let path = folder.join(manifest.version.to_string());
        if path.exists() {
            open_for_removal(&path)?;
            fs::remove_dir_all(&path).doing(|| format!("removing '{}'", path.display()))?;
        }
        copy(source, &path, permissions)?;
        let mark = folder.join(format!("{}.completed", manifest.version));
        fs::write(&mark, "").doing(|| format!("writing '{}'", mark.display()))?;
        Ok(Self { path, manifest })
    }
}

fn copy(from: &Path, to: &Path, permissions: Permissions) -> Result<(), Error> {
    let (file_mode, folder_mode) = permissions.modes();
    fs::create_dir_all(to).doing(|| format!("creating '{}'", to.display()))?;
    for entry in fs::read_dir(from).doing(|| format!("listing '{}'", from.display()))? {
        let entry = entry.doing(|| format!("listing '{}'", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target, permissions)?;
        } else {
            // The content alone is copied: a hard copy would carry the executable bit over.
            let content = fs::read(&source).doing(|| format!("reading '{}'", source.display()))?;
            fs::write(&target, content).doing(|| format!("writing '{}'", target.display()))?;
            set_mode(&target, file_mode)?;
        }
    }
    set_mode(to, folder_mode)
}

/// A read-only copy can be removed only after its folders are writable again.
fn open_for_removal(folder: &Path) -> Result<(), Error> {
    set_mode(folder, 0o755)?;
    for entry in fs::read_dir(folder).doing(|| format!("listing '{}'", folder.display()))? {
        let path = entry
            .doing(|| format!("listing '{}'", folder.display()))?
            .path();
        if path.is_dir() {
            open_for_removal(&path)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .doing(|| format!("setting the mode of '{}'", path.display()))
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) -> Result<(), Error> {
    Ok(())
}
