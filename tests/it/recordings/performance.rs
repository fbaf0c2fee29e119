//! A build of the core's on its way through a recording.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use image_builder::arm::api::IMAGE_TEMPLATES;
use image_builder::arm::auth::{Freshness, SignInFailure, TokenSource};
use image_builder::arm::http::Http;
use image_builder::arm::operation::{Started, Status};
use image_builder::arm::template_state::Template;
use image_builder::arm::{Arm, Call, Client};
use image_builder::inputs::connection::Cloud;
use image_builder::inputs::{Owner, Plan};
use image_builder::resource::ResourceId;
use image_builder::run::event::{Event, Events};
use image_builder::run::leftovers::Leftovers;
use image_builder::run::start::start_run;
use image_builder::run::submit::{Created, create_template};
use image_builder::run::watch::{RunEnd, WatchedRun, watch};
use image_builder::secret::{Masker, Secret};
use serde_json::Value;

use super::recording::Step;
use super::replay::{BASE, Replay, read};
use crate::job::{Masked, job};

#[derive(Debug)]
pub(super) struct OneToken;

#[async_trait]
impl TokenSource for OneToken {
    async fn token(&self, _: &str, _: Freshness) -> Result<Secret, SignInFailure> {
        Ok(Secret::new("token", &Masked::default()))
    }
}

#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<Event>>);

impl Events for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Heard {
    /// The states of the run, in the order in which they were told.
    pub(super) fn run_states(&self) -> Vec<String> {
        let heard = self.0.lock().unwrap();
        heard
            .iter()
            .filter_map(|event| match event {
                Event::RunChanged {
                    state, sub_state, ..
                } => Some(format!("{state} {}", sub_state.as_deref().unwrap_or("-"))),
                _ => None,
            })
            .collect()
    }
}

/// A recording, and a build that meets it.
pub(super) struct Performance {
    pub(super) replay: Arc<Replay>,
    pub(super) arm: Arm,
    masked: Arc<Masked>,
    pub(super) heard: Heard,
    plan: Plan,
    sent: Value,
}

impl Performance {
    /// The build of the template that the first step is about.
    pub(super) fn new(steps: Vec<Step>) -> Self {
        let masked = Arc::new(Masked::default());
        let (path, sent) = (steps[0].path.clone(), steps[0].sent.clone());
        let replay = Arc::new(Replay::new(steps));
        let (http, hides): (Arc<dyn Http>, Arc<dyn Masker>) = (replay.clone(), masked.clone());
        let client = Client::new(http, Arc::new(OneToken), hides);
        let cloud = Cloud {
            resource_manager: format!("{BASE}/").parse().unwrap(),
            authority: "https://login.microsoftonline.com/".parse().unwrap(),
            audience: format!("{BASE}/"),
        };
        let template = path.trim_end_matches("/run");
        let performance = Self {
            replay,
            arm: Arm::new(client, &cloud),
            masked,
            heard: Heard::default(),
            plan: job().plan().unwrap(),
            sent,
        };
        performance.about(template)
    }

    pub(super) fn of(name: &str) -> Self {
        Self::new(read(name).steps)
    }

    /// The same build of another template.
    pub(super) fn about(mut self, template: &str) -> Self {
        let id: ResourceId = template.parse().unwrap();
        id.name().clone_into(&mut self.plan.template_name);
        self.plan.template_id = id;
        self
    }

    pub(super) fn id(&self) -> &ResourceId {
        &self.plan.template_id
    }

    pub(super) fn owner(&self) -> Owner {
        Owner::from(&self.plan)
    }

    pub(super) fn no_leftovers(&self) -> Leftovers<'_> {
        Leftovers::none(&self.heard)
    }

    /// Submits the template; the version of its source.
    pub(super) async fn create(&self, leftovers: &mut Leftovers<'_>) -> Option<String> {
        let sent = serde_json::from_value(self.sent.clone()).unwrap();
        let created = create_template(&self.arm, &self.plan, &sent, &self.heard, leftovers).await;
        match created.unwrap() {
            Created::Provisioned(template) => template.source_version,
            Created::NameTaken(failure) => panic!("{failure}"),
        }
    }

    pub(super) async fn start(&self) -> Started {
        let before = Template::default();
        let started = start_run(&self.arm, self.id(), &before, &self.heard);
        started.await.unwrap()
    }

    pub(super) async fn watch(&self, started: &Started) -> RunEnd {
        let limit = Duration::from_secs(4 * 60 * 60);
        let watched = WatchedRun {
            started,
            previous_began: None,
            age: Duration::ZERO,
            limit,
        };
        watch(&self.arm, self.id(), watched, &self.heard)
            .await
            .unwrap()
    }

    /// Sends a request that the core itself has no use for, and follows its operation at the server's pace; how it ended.
    pub(super) async fn follow(&self, step: &Step) -> Status {
        let url = format!("{BASE}{}?api-version={IMAGE_TEMPLATES}", step.path);
        let mut call = Call::new("Asking", step.method.clone(), url, &self.arm.scope);
        if !step.sent.is_null() {
            call = call.json(&step.sent);
        }
        let answer = self.arm.client.send(&call).await.unwrap();
        assert_eq!(answer.status().as_u16(), step.status);
        let started = Started::from_headers(&self.arm.client, BASE, answer.headers());
        self.end(&started).await
    }

    pub(super) async fn end(&self, started: &Started) -> Status {
        let address = started.operation.as_ref().unwrap();
        let mut pause = started.pause;
        loop {
            tokio::time::sleep(pause.unwrap_or(Duration::from_secs(15))).await;
            let seen = self.arm.operation("Following", address).await.unwrap();
            if seen.value.is_end() {
                return seen.value;
            }
            pause = seen.pause;
        }
    }

    /// Whether nothing of the recording was left unread, and each address of an operation was kept secret.
    pub(super) fn finish(&self) {
        assert_eq!(self.replay.unasked(), Vec::<String>::new());
        let masked = self.masked.0.lock().unwrap();
        assert!(
            masked.iter().any(
                |secret| secret.contains("/operations/") || secret.contains("/capsOperations/")
            )
        );
    }
}
