//! The folders of a job.

use std::path::{Path, PathBuf};

use crate::error::{Doing, Error};

/// The folders of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// The agent's work folder, which holds all others.
    pub work: PathBuf,
    /// Generated files; emptied when the job ends.
    pub temp: PathBuf,
    /// Tools that are kept between jobs.
    pub tools: PathBuf,
    /// The repository's files, and the working directory of tasks.
    pub sources: PathBuf,
    /// Where artifacts are staged.
    pub artifacts: PathBuf,
}

impl Directories {
    /// Makes the folders as the agent lays them out.
    pub fn create(work: &Path) -> Result<Self, Error> {
        let directories = Self {
            work: work.to_owned(),
            temp: work.join("_temp"),
            tools: work.join("_tool"),
            sources: work.join("1").join("s"),
            artifacts: work.join("1").join("a"),
        };
        for folder in [
            &directories.temp,
            &directories.tools,
            &directories.sources,
            &directories.artifacts,
        ] {
            std::fs::create_dir_all(folder).doing(|| format!("creating '{}'", folder.display()))?;
        }
        Ok(directories)
    }
}
