//! Messages between the stages of one step, without the agent: files in the agent's folder for temporary files.
//!
//! In a job container no signal arrives, and an agent that cancels a step there stops to listen to it but does not end it: the post-job stage
//! then starts beside the main stage, and task variables that the main stage sets are lost. So the main stage leaves its note in a file, too,
//! and the post-job stage asks it to stop and waits until it has.
//! All of this is a second chance: where the folder cannot be written, everything works as without it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::environment::Environment;
use crate::file;

/// Task variable with the number under which the files are found.
pub(super) const RUN: &str = "imageBuilderRun";
/// How often the main stage checks whether it is asked to stop, and shows that it is running.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// A main stage that has not shown itself for so long was killed.
const DEAD_AFTER: Duration = Duration::from_secs(2);
/// A note has some hundred characters for each thing that may exist.
const LONGEST_NOTE: u64 = 1 << 20;
/// The main stage needs five seconds to end, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The files of one run of the main stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageFiles {
    folder: PathBuf,
}

impl StageFiles {
    /// The files of run `number`. What is no number comes from someone else.
    pub(super) fn of(environment: &Environment, number: &str) -> Option<Self> {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let folder = environment
            .temp_directory()
            .join(format!("image-builder-{number}"));
        is_number.then_some(Self { folder })
    }

    /// The main stage starts. Nobody else is to read what it leaves there.
    pub(super) fn begin(&self) {
        create_for_us_alone(&self.folder).unwrap_or_default();
        self.show_life();
    }

    /// The main stage has ended.
    pub(super) fn end(&self) {
        fs::write(self.ended(), "").unwrap_or_default();
    }

    /// Keeps what the post-job stage has to know, in one piece.
    pub(super) fn keep_note(&self, text: &str) {
        let unfinished = self.folder.join("note.new");
        if fs::write(&unfinished, text).is_ok() {
            fs::rename(unfinished, self.folder.join("note")).unwrap_or_default();
        }
    }

    /// What the main stage has kept. Other steps of the job can write there: only a regular file is read, and no more of it than a note has.
    pub(super) fn note(&self) -> Option<String> {
        let note = file::read(&self.folder.join("note"), LONGEST_NOTE).ok()?;
        String::from_utf8(note).ok()
    }

    /// Shows that the main stage lives, and returns when it is asked to stop.
    pub(super) fn wait_for_request(&self) {
        while !self.folder.join("stop").exists() {
            thread::sleep(HEARTBEAT);
            self.show_life();
        }
    }

    /// Asks the main stage to stop, and waits until it has ended.
    pub(super) async fn stop_main_stage(&self) {
        if !self.lives() || fs::write(self.folder.join("stop"), "").is_err() {
            return;
        }
        let ended = async {
            while self.lives() {
                tokio::time::sleep(HEARTBEAT / 5).await;
            }
        };
        tokio::time::timeout(LONGEST_WAIT, ended)
            .await
            .unwrap_or_default();
    }

    fn running(&self) -> PathBuf {
        self.folder.join("running")
    }

    fn ended(&self) -> PathBuf {
        self.folder.join("ended")
    }

    fn show_life(&self) {
        if self.folder.exists() {
            fs::write(self.running(), "").unwrap_or_default();
        }
    }

    fn lives(&self) -> bool {
        let shown = fs::metadata(self.running()).and_then(|file| file.modified());
        let silence = shown.ok().and_then(|shown| shown.elapsed().ok());
        silence.is_some_and(|silence| silence < DEAD_AFTER) && !self.ended().exists()
    }
}

#[cfg(unix)]
fn create_for_us_alone(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// The agent's folder is the agent's alone there.
#[cfg(not(unix))]
fn create_for_us_alone(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn files(folder: &tempfile::TempDir, number: &str) -> Option<StageFiles> {
        let temp = ("AGENT_TEMPDIRECTORY".into(), folder.path().into());
        StageFiles::of(&Environment::new([temp]), number)
    }

    #[test]
    fn only_a_number_names_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(files(&folder, "17638").is_some());
        for number in ["", "../17638", "1 ", "x", "１"] {
            assert_eq!(files(&folder, number), None, "{number}");
        }
    }

    #[tokio::test]
    async fn the_main_stage_is_asked_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder, "1").unwrap();
        assert_eq!(files.note(), None);
        files.stop_main_stage().await;
        assert!(!files.folder.exists(), "nobody is asked where nobody was");

        files.begin();
        files.keep_note("[]");
        files.keep_note("[1]");
        assert_eq!(files.note().as_deref(), Some("[1]"));
        let main = files.clone();
        let main = thread::spawn(move || {
            main.wait_for_request();
            main.end();
        });
        files.stop_main_stage().await;
        main.join().unwrap();
        assert!(!files.lives());
    }

    #[tokio::test]
    async fn a_main_stage_that_was_killed_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder, "1").unwrap();
        files.begin();
        let running = fs::File::options()
            .write(true)
            .open(files.running())
            .unwrap();
        running
            .set_modified(SystemTime::now() - DEAD_AFTER)
            .unwrap();
        files.stop_main_stage().await;
        assert!(!files.folder.join("stop").exists());
    }
}
