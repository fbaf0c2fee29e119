//! What can keep the stand-in itself from running a step; a task's own failure is a result, not an error.

use std::io;

/// Why a step could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or process operation of the stand-in was refused by the operating system.
    #[error("{doing} failed: {source}")]
    Io {
        /// What was tried, for example `starting '/usr/bin/node'`.
        doing: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// `task.json` is not a task manifest.
    #[error("reading task manifest '{path}' failed: {source}")]
    Manifest {
        /// The manifest's path.
        path: String,
        /// Where the text stops being a manifest.
        source: serde_json::Error,
    },
    /// The task has no Node handler for the stage.
    #[error("running task '{task}' failed: its manifest names no Node handler in '{stage}'")]
    Handler {
        /// The task's name.
        task: String,
        /// The manifest's name of the stage.
        stage: &'static str,
    },
    /// An input names a service connection that the step does not offer; Azure Pipelines refuses such a
    /// pipeline before it starts.
    #[error(
        "starting the step failed: input '{input}' names service connection '{connection}', which does not exist"
    )]
    Connection {
        /// The input's name in `task.json`.
        input: String,
        /// The name that the step gave.
        connection: String,
    },
}

/// Says what was tried when the operating system refuses it.
pub(crate) trait Doing<T> {
    /// Turns an I/O error into [`Error::Io`] with the given activity.
    fn doing(self, activity: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, activity: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            doing: activity(),
            source,
        })
    }
}
