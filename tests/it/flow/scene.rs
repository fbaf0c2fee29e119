//! A step of a job, ready to be changed and run in process.

mod build;
mod elsewhere;
mod stage;
mod transcript;

pub(crate) use build::Death;

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_emulator::{Addresses, Clock, Cloud, Progress, Switches, World};
use image_builder::agent::{Agent, Console, Environment};
use image_builder::arm::http::Http;
use pipelines_agent::{Directories, Step, TaskFolder};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::cloud_http::CloudHttp;
use super::live_secrets::LiveSecrets;
use crate::seed;

/// A step, the cloud that it works in, and what happens to it on the way.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) switches: Switches,
    pub(crate) step: Step,
    _folder: TempDir,
}

/// What came of a stage.
pub(crate) struct Stage {
    pub(crate) cloud: Arc<Cloud>,
    /// Every line on standard output.
    pub(crate) transcript: String,
    /// The note for the post-job stage, as the last command left it.
    pub(crate) note: Option<String>,
    pub(crate) elapsed: Duration,
    secrets: LiveSecrets,
    scene: Scene,
}

impl Scene {
    /// The seed scenario: Windows 11 for Azure Virtual Desktop with updates, a package, two regions, workload identity federation.
    pub(crate) fn windows() -> Self {
        Self::windows_at(Addresses::in_process())
    }

    /// The same in a cloud at these addresses.
    pub(crate) fn windows_at(addresses: Addresses) -> Self {
        let folder = TempDir::new().unwrap();
        let world = seed::world(addresses);
        let directories = Directories::create(folder.path()).unwrap();
        seed::check_out(&directories.sources);
        let step = seed::step(directories, &world);
        let switches = Switches {
            progress: Progress::ByClock(Box::default()),
            // The cloud's clock is the paused one, the task's is the machine's.
            clock_skew: Duration::from_secs(24 * 3600),
            ..Switches::default()
        };
        Self {
            world,
            switches,
            step,
            _folder: folder,
        }
    }

    /// A step that does `action` with the service connection alone, where image definition `win11-avd` has versions.
    pub(crate) fn bare(action: &str) -> Self {
        let mut scene = Self::windows();
        let directories = scene.step.directories.clone();
        scene.step = seed::bare_step(directories, &scene.world);
        scene.input("action", action)
    }

    /// Ubuntu with a shell script, to a gallery.
    pub(crate) fn linux() -> Self {
        let scene = Self::windows();
        let gallery = scene.world.gallery_id(&scene.world.galleries[0]);
        scene
            .input("baseImagePubOfferSku", "Canonical:ubuntu-24_04-lts:server")
            .input("provisioner", "shell")
            .input("windowsUpdateProvisioner", "false")
            .input(
                "inlineScript",
                "sudo bash /tmp/images/scripts/base-installs.sh",
            )
            .input("galleryImageId", &format!("{gallery}/images/ubuntu-2404"))
    }

    pub(crate) fn input(mut self, name: &str, value: &str) -> Self {
        self.step = self.step.input(name, value);
        self
    }

    pub(crate) fn switches(mut self, change: impl FnOnce(&mut Switches)) -> Self {
        change(&mut self.switches);
        self
    }

    fn cloud(&self) -> (Arc<Cloud>, LiveSecrets) {
        let cloud = Cloud::new(self.world.clone(), self.switches.clone(), clock());
        (Arc::new(cloud), LiveSecrets::of(&self.world, &self.step))
    }

    fn agent(&self, output: &Output, note: Option<&str>) -> Agent {
        let manifest = TaskFolder::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("task"))
            .unwrap()
            .manifest;
        let mut variables =
            pipelines_agent::environment(&manifest, &self.step, &std::collections::BTreeMap::new())
                .unwrap();
        variables.insert("TF_BUILD".to_owned(), "True".to_owned());
        if let Some(note) = note {
            variables.insert(
                "VSTS_TASKVARIABLE_IMAGEBUILDERLEFTOVERS".to_owned(),
                note.to_owned(),
            );
        }
        let variables = variables
            .into_iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let environment = Environment::new(variables);
        let console = Console::new(&environment, output.clone());
        Agent::new(environment, console)
    }
}

fn http(cloud: &Arc<Cloud>, secrets: &LiveSecrets) -> Arc<dyn Http> {
    Arc::new(CloudHttp {
        cloud: Arc::clone(cloud),
        secrets: secrets.clone(),
    })
}

/// Time as the paused clock has it, from the real time on: links and tokens are made by the real one.
pub(crate) fn clock() -> Clock {
    let (start, base) = (Instant::now(), OffsetDateTime::now_utc());
    Clock::Given(Arc::new(move || base + start.elapsed()))
}

/// Collects what a console writes.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
