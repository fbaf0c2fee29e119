//! A job on an agent, with the emulated cloud behind HTTPS on loopback: the launcher, the shipped program, and real sockets.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

use azure_emulator::{
    Clock, Cloud, Progress, RunningServer, Server, ServerOptions, Switches, World,
};
use pipelines_agent::{Agent, Directories, Permissions, Step, TaskFolder};
use tempfile::TempDir;

use crate::seed;

/// The folder of the job, the cloud, and the step; everything goes when it is dropped.
pub(crate) struct Pipeline {
    pub(crate) server: RunningServer,
    pub(crate) agent: Agent,
    pub(crate) task: TaskFolder,
    pub(crate) step: Step,
    _work: TempDir,
}

/// Time is simulated: each state lasts some polls, and the cloud asks for no pause between them.
pub(crate) fn quick() -> Switches {
    Switches {
        progress: Progress::AfterPolls(2),
        retry_after: Some(0),
        cancel_call: std::time::Duration::ZERO,
        ..Switches::default()
    }
}

impl Pipeline {
    /// The seed scenario in a cloud with these switches.
    pub(crate) fn seed(switches: Switches) -> Self {
        Self::seed_in(switches, |_| {})
    }

    /// The seed scenario in a world that is a little different.
    pub(crate) fn seed_in(switches: Switches, change: impl FnOnce(&mut World)) -> Self {
        Self::seed_by(Clock::System, switches, change)
    }

    /// The same in a cloud with a clock of its own.
    pub(crate) fn seed_by(
        clock: Clock,
        switches: Switches,
        change: impl FnOnce(&mut World),
    ) -> Self {
        let work = TempDir::new().unwrap();
        let directories = Directories::create(work.path()).unwrap();
        seed::check_out(&directories.sources);
        let options = ServerOptions {
            port_base: 0,
            folder: work.path().join("cloud"),
            title_case_headers: false,
        };
        let mut world = None;
        let build = |addresses| {
            let mut made = seed::world(addresses);
            change(&mut made);
            world = Some(made.clone());
            Cloud::new(made, switches, clock)
        };
        let server = Server::start(build, &options).unwrap();
        let step = seed::step(directories, &world.unwrap())
            .variable("Agent.CAInfo", server.ca_pem_path.display().to_string());
        let task =
            TaskFolder::install(packaged_task(), work.path(), Permissions::Unzipped).unwrap();
        Self {
            server,
            agent: Agent::of_this_machine(),
            task,
            step,
            _work: work,
        }
    }
}

/// The task's folder as it is packaged, with the program under test for this platform; made once per process. `IMAGE_BUILDER_TASK_FOLDER`
/// names another, such as that of an unpacked VSIX.
pub(crate) fn packaged_task() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = env::var_os("IMAGE_BUILDER_TASK_FOLDER") {
            return folder.into();
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("task");
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("task-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for file in ["task.json", "index.js", "cleanup.js", "icon.png"] {
            fs::copy(root.join(file), folder.join(file)).unwrap();
        }
        let (system, program) = if cfg!(windows) {
            ("win32", "image-builder.exe")
        } else {
            (
                if cfg!(target_os = "macos") {
                    "darwin"
                } else {
                    "linux"
                },
                "image-builder.bin",
            )
        };
        let architecture = if env::consts::ARCH == "aarch64" {
            "arm64"
        } else {
            "x64"
        };
        let bin = folder.join("bin").join(format!("{system}-{architecture}"));
        fs::create_dir_all(&bin).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_image-builder"), bin.join(program)).unwrap();
        folder
    })
}
