//! Paths on the agent, as authors write them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::problem::quoted;
use super::spelling::nearest;

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

/// Looks at the nearest folder that exists, for a name that is spelled a little differently.
pub(super) fn what_there_is(path: &Path) -> Option<String> {
    let (parent, missing) = path
        .ancestors()
        .zip(path.ancestors().skip(1))
        .map(|(child, parent)| (parent, child))
        .find(|(parent, _)| parent.is_dir())?;
    let missing = missing.file_name()?.to_str()?;
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
            "{parent} holds {name}; paths are case-sensitive on Linux agents"
        ));
    }
    let near = nearest(missing, siblings.iter().map(String::as_str));
    near.map(|name| format!("{parent} holds {}; did you mean that?", quoted(name)))
}
