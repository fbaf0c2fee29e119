//! A step of a job, ready to be changed and run in process.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_emulator::{Addresses, Clock, Cloud, Progress, Switches, World};
use image_builder::agent::{Agent, Console, Environment, StopSignal};
use image_builder::arm::http::Http;
use image_builder::job;
use pipelines_agent::{Directories, Step, TaskFolder};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::cloud_http::CloudHttp;
use super::live_secrets::LiveSecrets;
use crate::protocol_check::check_protocol;
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

    /// Runs the main stage; `prepare` may script the cloud.
    pub(crate) async fn build(self, prepare: impl FnOnce(&Cloud)) -> Stage {
        self.build_until(prepare, None).await
    }

    /// Runs the main stage in a cloud where something has happened already.
    pub(crate) async fn build_in(self, cloud: Arc<Cloud>) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        job::build(&agent, Ok(http), &StopSignal::default()).await;
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage while something else happens to the cloud.
    pub(crate) async fn build_with<F: Future<Output = ()>>(
        self,
        meanwhile: impl FnOnce(Arc<Cloud>) -> F,
    ) -> Stage {
        let (cloud, secrets) = self.cloud();
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        let signal = StopSignal::default();
        tokio::join!(
            job::build(&agent, Ok(http), &signal),
            meanwhile(Arc::clone(&cloud))
        );
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage over another way to the network.
    pub(crate) async fn build_over(self, cloud: Arc<Cloud>, http: Arc<dyn Http>) -> Stage {
        let secrets = LiveSecrets::of(&self.world, &self.step);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        job::build(&agent, Ok(http), &StopSignal::default()).await;
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Somebody else, who signs in with a secret, cancels the one run that there is.
    pub(crate) fn cancel_in_the_portal(cloud: &Cloud) {
        let world = World::contoso(Addresses::in_process());
        let (login, arm) = (&world.addresses.login, &world.addresses.arm);
        let application = &world.applications[0];
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={arm}/.default",
            application.client,
            application.secret.as_deref().unwrap()
        );
        let url = format!("{login}/{}/oauth2/v2.0/token", world.tenant);
        let token = post(
            cloud,
            &url,
            &form,
            "application/x-www-form-urlencoded",
            None,
        )
        .into_body();
        let token: serde_json::Value = serde_json::from_slice(&token).unwrap();
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let journal = cloud.journal();
        let run = journal
            .iter()
            .find(|entry| entry.operation == Some("RunTemplate"));
        let path = run.unwrap().path.replace("/run", "/cancel");
        let url = format!("{arm}{path}?api-version=2025-10-01");
        assert_eq!(
            post(cloud, &url, "", "application/json", Some(&bearer))
                .status()
                .as_u16(),
            204
        );
    }

    /// An OIDC token for the service connection, as an earlier step may have got it.
    pub(crate) fn oidc_token(&self) -> String {
        let (cloud, _) = self.cloud();
        let pipelines = &self.world.pipelines;
        let connection = &pipelines.service_connections[0].id;
        let variables = &self.step.variables;
        let address = &variables.get("System.OidcRequestUri").unwrap().value;
        let url = format!("{address}?api-version=7.1&serviceConnectionId={connection}");
        let bearer = format!("Bearer {}", pipelines.job_token);
        let answer = post(&cloud, &url, "", "application/json", Some(&bearer)).into_body();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        answer["oidcToken"].as_str().unwrap().to_owned()
    }

    /// Runs the main stage, and asks it to stop after `stop`.
    pub(crate) async fn build_until(
        self,
        prepare: impl FnOnce(&Cloud),
        stop: Option<Duration>,
    ) -> Stage {
        let (cloud, secrets) = self.cloud();
        prepare(&cloud);
        let output = Output::default();
        let agent = self.agent(&output, None);
        let signal = StopSignal::default();
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        let stage = job::build(&agent, Ok(http), &signal);
        match stop {
            None => stage.await,
            Some(after) => {
                let ask = async {
                    tokio::time::sleep(after).await;
                    signal.requested().cancel();
                };
                tokio::join!(stage, ask);
            }
        }
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage, asks it to stop after `stop`, and asks again after `again`.
    pub(crate) async fn build_until_twice(self, stop: Duration, again: Duration) -> Stage {
        let (cloud, secrets) = self.cloud();
        let output = Output::default();
        let agent = self.agent(&output, None);
        let signal = StopSignal::default();
        let start = Instant::now();
        let ask = async {
            tokio::time::sleep(stop).await;
            signal.requested().cancel();
            tokio::time::sleep(again).await;
            signal.at_once().cancel();
        };
        let http = http(&cloud, &secrets);
        tokio::join!(job::build(&agent, Ok(http), &signal), ask);
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
    }

    /// Runs the main stage, and drops it in the middle: nothing of it runs any more.
    pub(crate) async fn build_until_crash(self, after: Duration) -> Stage {
        let (cloud, secrets) = self.cloud();
        let output = Output::default();
        let agent = self.agent(&output, None);
        let start = Instant::now();
        let http = http(&cloud, &secrets);
        let signal = StopSignal::default();
        tokio::time::timeout(after, job::build(&agent, Ok(http), &signal))
            .await
            .ok();
        Stage::new(cloud, secrets, &output, start.elapsed(), self)
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

impl Stage {
    /// Every stage of every test comes through here, and so is judged: nothing but our own commands, one result, no secret.
    fn new(
        cloud: Arc<Cloud>,
        secrets: LiveSecrets,
        output: &Output,
        elapsed: Duration,
        scene: Scene,
    ) -> Self {
        let transcript = output.text();
        check_protocol(&transcript);
        secrets.check(&transcript);
        let mut notes = transcript.lines().filter_map(|line| {
            line.strip_prefix("##vso[task.settaskvariable variable=imageBuilderLeftovers;")
        });
        let note = notes
            .next_back()
            .and_then(|rest| rest.split_once(']'))
            .map(|(_, data)| data.replace("%AZP25", "%"));
        Self {
            cloud,
            transcript,
            note,
            elapsed,
            secrets,
            scene,
        }
    }

    /// The secrets that have passed on the wire or were there from the beginning.
    pub(super) fn secrets(&self) -> &LiveSecrets {
        &self.secrets
    }

    /// Runs the post-job stage after this one.
    pub(crate) async fn clean_up(self) -> Stage {
        let output = Output::default();
        let agent = self.scene.agent(&output, self.note.as_deref());
        let start = Instant::now();
        let http = http(&self.cloud, &self.secrets);
        job::remove_leftovers(&agent, Ok(http)).await;
        Stage::new(
            self.cloud,
            self.secrets,
            &output,
            start.elapsed(),
            self.scene,
        )
    }

    /// Runs the main stage once more in the same job, as `retryCountOnTaskFailure` does.
    pub(crate) async fn retry(self) -> Stage {
        let output = Output::default();
        let agent = self.scene.agent(&output, self.note.as_deref());
        let start = Instant::now();
        let http = http(&self.cloud, &self.secrets);
        job::build(&agent, Ok(http), &StopSignal::default()).await;
        let elapsed = start.elapsed();
        Stage::new(self.cloud, self.secrets, &output, elapsed, self.scene)
    }

    /// The same, and asks it to stop after `stop`.
    pub(crate) async fn retry_until(self, stop: Duration) -> Stage {
        let output = Output::default();
        let agent = self.scene.agent(&output, self.note.as_deref());
        let (start, signal) = (Instant::now(), StopSignal::default());
        let http = http(&self.cloud, &self.secrets);
        let ask = async {
            tokio::time::sleep(stop).await;
            signal.requested().cancel();
        };
        tokio::join!(job::build(&agent, Ok(http), &signal), ask);
        let elapsed = start.elapsed();
        Stage::new(self.cloud, self.secrets, &output, elapsed, self.scene)
    }

    /// The stage, as if it had left this note.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.note = Some(note.to_owned());
        self
    }

    /// The stage, before a later one for which the step is changed.
    pub(crate) fn step(mut self, change: impl FnOnce(&mut Step)) -> Self {
        change(&mut self.scene.step);
        self
    }

    /// The data of the last `task.complete`, with its result.
    pub(crate) fn result(&self) -> &str {
        let mut results = self
            .transcript
            .lines()
            .filter_map(|line| line.strip_prefix("##vso[task.complete result="));
        let result = results.next().unwrap_or("none;").split(';').next().unwrap();
        assert_eq!(
            results.next(),
            None,
            "a second task.complete in\n{}",
            self.transcript
        );
        result
    }

    /// The transcript without secrets, with stand-ins for the number in the names and for the job's folder.
    pub(crate) fn readable_transcript(&self) -> String {
        let number = self
            .variable("templateName")
            .unwrap()
            .trim_start_matches("t_")
            .to_owned();
        let work = self.scene.step.directories.work.display().to_string();
        let lines = self
            .transcript
            .lines()
            .filter(|line| !line.starts_with("##vso[task.setsecret]"));
        lines
            .map(|line| {
                without_packed_size(&without_times(line))
                    .replace(&number, "NUMBER")
                    .replace(&work, "WORK")
                    + "\n"
            })
            .collect()
    }

    /// The summary as it is on the agent, readable like the transcript.
    pub(crate) fn summary(&self) -> String {
        let mut paths = self
            .transcript
            .lines()
            .filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
        let text = std::fs::read_to_string(paths.next().unwrap()).unwrap();
        assert_eq!(paths.next(), None);
        let number = self.variable("templateName").unwrap();
        text.replace(number.trim_start_matches("t_"), "NUMBER")
    }

    /// The job's own token.
    pub(crate) fn job_token(&self) -> &str {
        &self.scene.world.pipelines.job_token
    }

    /// How often the run's operation or its template was asked for.
    pub(crate) fn polls_of_the_run(&self) -> u64 {
        let journal = self.cloud.journal();
        let from = journal
            .iter()
            .position(|entry| entry.operation == Some("RunTemplate"))
            .unwrap();
        let to = journal
            .iter()
            .position(|entry| entry.operation == Some("GetRunOutput"))
            .unwrap();
        let polls = journal[from..to]
            .iter()
            .filter(|entry| matches!(entry.operation, Some("GetOperation" | "GetTemplate")));
        polls.count().try_into().unwrap()
    }

    /// The errors and warnings, as `type code: text`.
    pub(crate) fn issues(&self, kind: &str) -> Vec<String> {
        let start = format!("##vso[task.logissue type={kind};code=");
        let issues = self
            .transcript
            .lines()
            .filter_map(|line| line.strip_prefix(&start));
        issues
            .map(|rest| rest.replace(";]", ": ").replace("%0A", "\n"))
            .collect()
    }

    /// The one error of a failed stage.
    pub(crate) fn error(&self) -> String {
        let errors = self.issues("error");
        assert_eq!(errors.len(), 1, "{}", self.transcript);
        errors.into_iter().next().unwrap()
    }

    /// The value of a plain variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let start = format!("##vso[task.setvariable variable={name};]");
        self.transcript
            .lines()
            .find_map(|line| line.strip_prefix(&start))
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

/// How small an archive gets may differ from processor to processor.
fn without_packed_size(line: &str) -> String {
    match line.split_once(" B, ") {
        Some((start, rest)) if line.starts_with("created archive:") => {
            let (_, end) = rest.split_once(" compressed").unwrap();
            format!("{start} B, PACKED compressed{end}")
        }
        _ => line.to_owned(),
    }
}

/// A record of the timeline says the time of day, and has the number in its id.
fn without_times(line: &str) -> String {
    if !line.starts_with("##vso[task.logdetail") {
        return line.to_owned();
    }
    let properties = line.split(';').filter(|property| {
        let varies = ["starttime=", "finishtime=", "##vso[task.logdetail id="];
        !varies.iter().any(|begin| property.starts_with(begin))
    });
    let rest: Vec<_> = properties.collect();
    format!("##vso[task.logdetail {}", rest.join(";"))
}

fn post(
    cloud: &Cloud,
    url: &str,
    body: &str,
    kind: &str,
    bearer: Option<&str>,
) -> http::Response<bytes::Bytes> {
    let mut request = http::Request::post(url)
        .header("content-type", kind)
        .header("content-length", body.len());
    if let Some(bearer) = bearer {
        request = request.header("authorization", bearer);
    }
    let request = request.body(bytes::Bytes::copy_from_slice(body.as_bytes()));
    cloud.answer(request.unwrap()).response().unwrap()
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
