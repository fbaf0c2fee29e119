//! Another client in the same cloud, and steps of other kinds than builds in it.

use std::sync::Arc;
use std::time::Duration;

use azure_emulator::{Addresses, Cloud, World};
use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::scene::{Scene, Stage};

/// The tags of a template that this task made in pipeline run `build`.
pub(crate) fn marks(build: &str) -> Value {
    json!({
        "imageBuilderTask": "1.1.0",
        "imageBuilderRun": format!("{PROJECT}/{build}"),
        "imageBuilderStep": "job/step",
    })
}

/// Collection and project of the scene.
pub(crate) const PROJECT: &str =
    "5a1d0c3e-8b2f-4d57-9c11-6f0e2b7a9d34/c2b6f3f0-4a57-4c0e-9f5e-3d1a7b8e6c21";

/// Someone who signs in with a secret, and has all permissions.
pub(crate) struct Someone {
    cloud: Arc<Cloud>,
    world: World,
}

impl Someone {
    pub(crate) fn signed_in(cloud: &Arc<Cloud>) -> Self {
        Self {
            cloud: Arc::clone(cloud),
            world: World::contoso(Addresses::in_process()),
        }
    }

    /// A token lives for an hour, and tests for longer.
    fn token(&self) -> String {
        let (login, arm) = (&self.world.addresses.login, &self.world.addresses.arm);
        let application = &self.world.applications[0];
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={arm}/.default",
            application.client,
            application.secret.as_deref().unwrap()
        );
        let url = format!("{login}/{}/oauth2/v2.0/token", self.world.tenant);
        let request = Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("content-length", form.len())
            .body(Bytes::from(form));
        let answer = self.cloud.answer(request.unwrap()).response().unwrap();
        let token: Value = serde_json::from_slice(answer.body()).unwrap();
        token["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response<Bytes> {
        let arm = &self.world.addresses.arm;
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{arm}{path}?api-version=2025-10-01"))
            .header("authorization", format!("Bearer {}", self.token()))
            .header("content-length", bytes.len());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let answer = self.cloud.answer(request.body(bytes).unwrap());
        answer.response().unwrap()
    }

    /// Sends a request without a body to a whole address.
    pub(crate) fn send_to(&self, method: &Method, url: &str) -> Response<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.token()))
            .body(Bytes::new());
        self.cloud.answer(request.unwrap()).response().unwrap()
    }

    /// The id of template `name` in resource group `group`.
    pub(crate) fn id(&self, group: &str, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.VirtualMachineImages/imageTemplates/{name}",
            self.world.group_id(group)
        )
    }

    /// The body of a template into gallery version `1.0.0`, or where the targets are others, into those.
    fn body(&self, tags: &Value, more: &Value) -> Value {
        let gallery = self.world.gallery_id(&self.world.galleries[0]);
        let identity = self.world.identity_id(&self.world.identities[0]);
        let mut body = json!({
            "location": "westeurope",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
            "tags": tags,
            "properties": {
                "source": {"type": "PlatformImage", "publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"},
                "customize": [{"type": "Shell", "name": "one", "inline": ["echo one"]}],
                "distribute": [{
                    "type": "SharedImage",
                    "runOutputName": "out",
                    "galleryImageId": format!("{gallery}/images/ubuntu-2404"),
                    "targetRegions": [{"name": "westeurope"}],
                }],
            },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body["properties"][name] = value.clone();
        }
        body
    }

    /// Makes a template in `rg-images`, and waits until it is provisioned.
    pub(crate) async fn make(&self, name: &str, tags: &Value, more: &Value) {
        self.make_in("rg-images", name, tags, more).await;
    }

    /// The same in another resource group.
    pub(crate) async fn make_in(&self, group: &str, name: &str, tags: &Value, more: &Value) {
        self.begin_in(group, name, tags, more);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }

    /// Asks for a template in `rg-images`.
    pub(crate) fn begin(&self, name: &str, tags: &Value, more: &Value) {
        self.begin_in("rg-images", name, tags, more);
    }

    fn begin_in(&self, group: &str, name: &str, tags: &Value, more: &Value) {
        let path = self.id(group, name);
        let answer = self.send(Method::PUT, &path, Some(&self.body(tags, more)));
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert_eq!(answer.status(), 201, "{text}");
    }

    /// Makes a template, and starts its run.
    pub(crate) async fn make_and_run(&self, name: &str, tags: &Value, more: &Value) {
        self.make(name, tags, more).await;
        self.run(name);
    }

    pub(crate) fn run(&self, name: &str) {
        let path = format!("{}/run", self.id("rg-images", name));
        assert_eq!(self.send(Method::POST, &path, None).status(), 202);
    }

    pub(crate) fn template(&self, name: &str) -> Option<Value> {
        let answer = self.send(Method::GET, &self.id("rg-images", name), None);
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status() == 200).then_some(body)
    }

    /// The time by Azure's clock, as its answers have it.
    pub(crate) fn date(&self) -> String {
        let answer = self.send(Method::GET, &self.id("rg-images", "none"), None);
        answer.headers()["date"].to_str().unwrap().to_owned()
    }

    /// The time by Azure's clock.
    pub(crate) fn time(&self) -> OffsetDateTime {
        OffsetDateTime::parse(&self.date(), &Rfc2822).unwrap()
    }

    /// The state of the run of template `name`; empty where there is none.
    pub(crate) fn state(&self, name: &str) -> String {
        let template = self.template(name).unwrap();
        let state = &template["properties"]["lastRunStatus"]["runState"];
        state.as_str().unwrap_or_default().to_owned()
    }
}

impl Scene {
    /// A cloud in which nothing has happened, before the first step.
    pub(crate) fn cloud_alone(self) -> Stage {
        self.idle(|_| {})
    }

    /// A step of another job in a cloud where something has happened already.
    pub(crate) fn at(self, cloud: &Arc<Cloud>) -> Stage {
        self.idle_in(Arc::clone(cloud))
    }
}

impl Stage {
    /// A step of action `action` in another job of the same pipeline run, with these inputs beside those that every action needs.
    pub(crate) fn asked_for(mut self, action: &str, inputs: &[(&str, &str)]) -> Stage {
        // The note is for the post-job step of the same step alone.
        self.note = None;
        self.step(|step| {
            let needed = ["ibSubscription", "ibAzureResourceGroup"];
            step.inputs
                .retain(|name, _| needed.iter().any(|it| it.eq_ignore_ascii_case(name)));
            step.inputs.insert("action".to_owned(), action.to_owned());
            for (name, value) in inputs {
                step.inputs.insert((*name).to_owned(), (*value).to_owned());
            }
            step.name = Some(action.to_owned());
            step.variables
                .set("System.JobIdentifier", "Later.Later.__default");
        })
    }

    /// The same, run to its end.
    pub(crate) async fn run_action(self, action: &str, inputs: &[(&str, &str)]) -> Stage {
        Box::pin(self.asked_for(action, inputs).retry()).await
    }

    /// The names of the templates that there are.
    pub(crate) fn templates(&self) -> Vec<String> {
        let templates = self.cloud.inventory().templates.into_iter();
        let mut names: Vec<_> = templates
            .map(|(id, _)| id.rsplit('/').next().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// The names of the packages that there are.
    pub(crate) fn packages(&self) -> Vec<String> {
        let blobs = self.cloud.inventory().blobs.into_iter();
        let packages = blobs.filter(|(_, container, ..)| container == "imagebuilder-vststask");
        let mut names: Vec<_> = packages.map(|(_, _, name, _)| name).collect();
        names.sort();
        names
    }

    /// The page of the run.
    pub(crate) fn summary_text(&self) -> String {
        let mut paths = self.transcript.lines();
        let path = paths.find_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
        std::fs::read_to_string(path.unwrap()).unwrap()
    }

    /// The last `image-result.json` that the stage attached.
    pub(crate) fn result_file(&self) -> Value {
        let path = self.variable("resultPath").unwrap();
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }
}

/// The requests with these operations, from number `from` of the journal on. Storage has one of its own: `DeleteBlob`.
pub(crate) fn asked(cloud: &Cloud, from: usize, operations: &[&str]) -> Vec<String> {
    let journal = cloud.journal().into_iter().skip(from);
    journal
        .filter(|entry| {
            let deletion = entry.method == Method::DELETE && entry.operation.is_none();
            let blob = deletion.then_some("DeleteBlob");
            let operation = entry.operation.or(blob);
            operation.is_some_and(|it| operations.contains(&it))
        })
        .map(|entry| entry.to_string())
        .collect()
}
