//! A task folder with a script in place of the core, and a launcher that runs in it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use std::{env, fs, thread};

use tempfile::TempDir;

/// A task folder as the agent unzips it, and the agent's folder for temporary files.
pub(super) struct Task {
    folder: TempDir,
}

impl Task {
    pub(super) fn empty() -> Self {
        let folder = TempDir::with_prefix("task-").unwrap();
        fs::create_dir_all(folder.path().join("task")).unwrap();
        fs::create_dir_all(folder.path().join("temp")).unwrap();
        for script in ["index.js", "cleanup.js"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("task")
                .join(script);
            fs::copy(source, folder.path().join("task").join(script)).unwrap();
        }
        Self { folder }
    }

    pub(super) fn with_core(script: &str) -> Self {
        let task = Self::empty();
        task.put(&own_core(), "0755", script.as_bytes());
        task
    }

    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Writes a file through another process: a file that this process has open for writing cannot be executed,
    /// and a child that a parallel test forks keeps it open for a moment longer.
    pub(super) fn put(&self, inside: &str, mode: &str, content: &[u8]) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut writer = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod \"$1\" \"$0\""])
            .arg(&path)
            .arg(mode)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(content).unwrap();
        assert!(writer.wait().unwrap().success());
    }

    /// `node` as the agent starts it: no stdin, and the two streams in separate pipes.
    pub(super) fn node(&self, script: &str, shim: &str) -> Command {
        let mut node = Command::new("node");
        if !shim.is_empty() {
            self.put("shim.js", "0644", shim.as_bytes());
            node.arg("-r").arg(self.path("shim.js"));
        }
        node.arg(self.path("task").join(script))
            .env_remove("NODE_OPTIONS")
            .env("AGENT_TEMPDIRECTORY", self.path("temp"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        node
    }

    pub(super) fn start(&self, shim: &str) -> Running {
        Running::new(self.node("index.js", shim), |node| node.stdout.take())
    }

    /// Runs to the end, and returns what the agent would read. The exit code is always 0.
    pub(super) fn run(&self, shim: &str) -> String {
        transcript(&self.node("index.js", shim).output().unwrap())
    }
}

/// A launcher that runs, and the lines of one of its streams. Dropped, it is killed.
pub(super) struct Running {
    pub(super) node: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(super) fn new<S: Read + Send + 'static>(
        mut command: Command,
        stream: impl FnOnce(&mut Child) -> Option<S>,
    ) -> Self {
        let mut node = command
            .spawn()
            .expect("these tests need node, which every agent brings along, on the PATH");
        let stream = BufReader::new(stream(&mut node).unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            stream
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self { node, lines }
    }

    pub(super) fn expect(&self, line: &str) {
        assert_eq!(
            self.lines.recv_timeout(Duration::from_secs(10)).as_deref(),
            Ok(line)
        );
    }

    pub(super) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.node.id());
        assert!(
            Command::new("sh")
                .args(["-c", &command])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(super) fn runs(&mut self) -> bool {
        self.node.try_wait().unwrap().is_none()
    }

    /// What comes until both launcher and core have closed the stream.
    pub(super) fn rest(&self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(10)) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return lines,
                Err(RecvTimeoutError::Timeout) => panic!("the stream stays open after {lines:?}"),
            }
        }
    }

    pub(super) fn end(mut self) -> String {
        let rest = self.rest().join("\n");
        assert_eq!(self.node.wait().unwrap().code(), Some(0), "{rest}");
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.node.kill().ok();
        self.node.wait().ok();
    }
}

pub(super) fn transcript(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

pub(super) fn own_platform() -> String {
    let system = env::consts::OS.replace("macos", "darwin");
    let processor = env::consts::ARCH
        .replace("x86_64", "x64")
        .replace("aarch64", "arm64");
    format!("{system}-{processor}")
}

pub(super) fn own_core() -> String {
    format!("task/bin/{}/image-builder.bin", own_platform())
}
