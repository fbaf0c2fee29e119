//! All services together: which service a request is for, scripted trouble, and the journal.

mod desktops;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use time::OffsetDateTime;

use crate::arm::routes;
use crate::arm::{Arm, header};
use crate::blob::{BlobAccount, BlobService, BlobSettings};
use crate::clock::Clock;
use crate::devops::{DevOps, DevOpsSettings, OidcSubject};
use crate::entra::{Application, Entra, EntraSettings};
use crate::estate::{Lock, SceneResource, SceneVersion};
use crate::faults::{Effect, Fault, Faults, Seen};
use crate::inventory::Inventory;
use crate::journal::{Entry, Service};
use crate::progress::RunFate;
use crate::reply::{Outcome, Reply};
use crate::switches::Switches;
use crate::tokens::TokenProblem;
use crate::world::{Addresses, BlobAddress, World};

/// The emulated cloud. It answers one request after the other, without sockets; it may be shared between threads.
#[derive(Debug)]
pub struct Cloud {
    clock: Clock,
    addresses: Addresses,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    arm: Arm,
    entra: Entra,
    devops: DevOps,
    blobs: BlobService,
    faults: Faults,
    journal: Vec<Entry>,
}

impl Cloud {
    /// A cloud in which the given scene exists.
    pub fn new(world: World, switches: Switches, clock: Clock) -> Self {
        let state = State {
            entra: Entra::new(EntraSettings {
                authority: world.addresses.login.clone(),
                tenant: world.tenant.clone(),
                applications: world.applications.clone(),
                machine_identities: machine_identities(&world),
                token_lifetime: switches.token_lifetime,
            }),
            devops: DevOps::new(devops_settings(&world)),
            blobs: BlobService::new(blob_settings(&world, &switches)),
            faults: Faults::default(),
            journal: Vec::new(),
            arm: Arm::new(world.clone(), switches),
        };
        Self {
            clock,
            addresses: world.addresses,
            state: Mutex::new(state),
        }
    }

    /// Answers a request, as of the clock's time. The service is found by the authority of the URI, or by the `Host` header.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a transport gives its request away"
    )]
    pub fn answer(&self, request: Request<Bytes>) -> Reply {
        let now = self.clock.now();
        let authority = authority(&request);
        let service = self.service(&authority);
        let mut state = self.state();
        let State { arm, blobs, .. } = &mut *state;
        arm.settle(blobs, now);
        let path = request.uri().path().to_owned();
        let operation = (service == Service::Arm)
            .then(|| routes::name_of(request.method(), &path))
            .flatten();
        let seen = Seen {
            operation,
            method: request.method(),
            path: &path,
            authority: &authority,
        };
        let effect = state.faults.next(&seen);
        let reply = state.answer(service, &request, effect, now);
        let status = match &reply.outcome {
            Outcome::Response(response) | Outcome::Truncated(response) => {
                Some(response.status().as_u16())
            }
            Outcome::Reset => None,
        };
        state.journal.push(Entry {
            time: now,
            service,
            operation,
            method: request.method().clone(),
            path,
            status,
        });
        reply
    }

    /// Scripts trouble for coming requests.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Ends all scripted trouble.
    pub fn clear_faults(&self) {
        self.state().faults = Faults::default();
    }

    /// The faults that no request has met; a test that ends with some of them has not tested what it meant to.
    pub fn unconsumed_faults(&self) -> Vec<Fault> {
        self.state().faults.unconsumed()
    }

    /// Scripts how the next run ends that is not scripted yet; runs after that end as the switch says.
    pub fn script_run(&self, fate: RunFate) {
        self.state().arm.fates.push_back(fate);
    }

    /// Changes the switches; what was started before keeps what it was started with.
    pub fn change_switches(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.state().arm.switches);
    }

    /// Everything that was asked so far.
    pub fn journal(&self) -> Vec<Entry> {
        self.state().journal.clone()
    }

    /// The requests so far to one route of Azure Resource Manager.
    pub fn requests(&self, operation: &str) -> impl ExactSizeIterator<Item = Entry> + use<> {
        let mut entries = self.journal();
        entries.retain(|entry| entry.operation == Some(operation));
        entries.into_iter()
    }

    /// What exists now.
    pub fn inventory(&self) -> Inventory {
        let now = self.clock.now();
        let mut state = self.state();
        let State { arm, blobs, .. } = &mut *state;
        arm.settle(blobs, now);
        arm.inventory(blobs)
    }

    /// Puts a blob into the cloud without asking anybody.
    pub fn put_blob(&self, account: &str, container: &str, blob: &str, content: Bytes) {
        self.state()
            .blobs
            .put_from_service(account, container, blob, content);
    }

    /// Puts a blob with metadata into the cloud, as somebody who may write to the container can.
    pub fn plant_blob(
        &self,
        account: &str,
        container: &str,
        blob: &str,
        content: Bytes,
        metadata: &[(&str, &str)],
    ) {
        let now = self.clock.now();
        let blobs = &mut self.state().blobs;
        blobs.put_from_service(account, container, blob, content);
        blobs.describe((account, container, blob), metadata, now);
    }

    /// The content of a blob.
    pub fn blob(&self, account: &str, container: &str, blob: &str) -> Option<Bytes> {
        self.state()
            .blobs
            .blob(account, container, blob)
            .map(Bytes::copy_from_slice)
    }

    /// The tags of an image version or a managed image; none if it does not exist.
    pub fn image_tags(&self, id: &str) -> BTreeMap<String, String> {
        let now = self.clock.now();
        let mut state = self.state();
        let State { arm, blobs, .. } = &mut *state;
        arm.settle(blobs, now);
        let tags = arm.image_tags(id);
        let text = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        tags.into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect()
    }

    /// Puts an image version into its definition without asking anybody, in the place of one that is there.
    pub fn put_image_version(&self, version: &SceneVersion) {
        self.state().arm.add_version(version);
    }

    /// A gallery image version as the newest api-version shows it, with its replication status.
    pub fn image_version(&self, id: &str) -> Option<serde_json::Value> {
        let now = self.clock.now();
        self.settled(now).arm.shown_version(id, now)
    }

    /// The id of the version that `latest` means for a definition in a region.
    pub fn latest_version(&self, definition: &str, region: &str) -> Option<String> {
        let state = self.settled(self.clock.now());
        let version = state.arm.latest(definition, region)?;
        Some(version.id.clone())
    }

    /// Puts a resource into the cloud that is only shown; Resource Graph has it a while later.
    pub fn put_resource(&self, resource: SceneResource) {
        let now = self.clock.now();
        self.state().arm.place(resource, Some(now));
    }

    /// Takes such a resource away; Resource Graph still has it for a while.
    pub fn remove_resource(&self, id: &str) {
        let now = self.clock.now();
        self.state().arm.displace(id, now);
    }

    /// Adds a lock.
    pub fn add_lock(&self, lock: Lock) {
        self.state().arm.world.locks.push(lock);
    }

    /// Moves a template and its run into the past: what had been begun now was begun so much earlier, and whatever is due since then has happened.
    /// False if there is no such template.
    pub fn age_template(&self, name: &str, by: Duration) -> bool {
        self.state().arm.age_template(name, by)
    }

    fn settled(&self, now: OffsetDateTime) -> MutexGuard<'_, State> {
        let mut state = self.state();
        let State { arm, blobs, .. } = &mut *state;
        arm.settle(blobs, now);
        state
    }

    /// Gives an image template these tags in place of its own, as somebody in the portal does.
    pub fn set_template_tags(&self, name: &str, tags: &[(&str, &str)]) {
        let mut state = self.state();
        let mut templates = state.arm.templates.values_mut();
        let end = format!("/{name}");
        if let Some(template) = templates.find(|template| template.id.ends_with(&end)) {
            let tag = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
            template.tags = tags.iter().map(tag).collect();
        }
    }

    /// The tags of an image template; none if it does not exist.
    pub fn template_tags(&self, name: &str) -> BTreeMap<String, String> {
        let state = self.state();
        let template = state
            .arm
            .templates
            .values()
            .find(|template| template.id.ends_with(&format!("/{name}")));
        let tags = template.map(|template| template.tags.clone());
        let text = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        tags.unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in one test's thread must not hide the state from the others.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one of the services has this authority.
    pub(crate) fn knows(&self, authority: &str) -> bool {
        self.service(authority) != Service::Nobody
    }

    fn service(&self, authority: &str) -> Service {
        let same = |origin: &str| {
            origin
                .split_once("://")
                .is_some_and(|(_, known)| known.eq_ignore_ascii_case(authority))
        };
        if same(&self.addresses.arm) {
            Service::Arm
        } else if same(&self.addresses.login) {
            Service::Entra
        } else if same(&self.addresses.devops) {
            Service::Pipelines
        } else if authority == crate::entra::METADATA_SERVICE {
            Service::Metadata
        } else {
            let is_blob = match &self.addresses.blob {
                BlobAddress::Hosts { suffix } => authority
                    .to_ascii_lowercase()
                    .ends_with(&format!(".blob.{suffix}")),
                BlobAddress::Paths { origin } => same(origin),
            };
            if is_blob {
                Service::Blob
            } else {
                Service::Nobody
            }
        }
    }
}

impl State {
    fn answer(
        &mut self,
        service: Service,
        request: &Request<Bytes>,
        effect: Option<Effect>,
        now: OffsetDateTime,
    ) -> Reply {
        let (outcome, delay) = match effect {
            None => self.act(service, request, now),
            Some(Effect::Status {
                code,
                headers,
                body,
            }) => (
                Outcome::Response(scripted(code, &headers, body)),
                Duration::ZERO,
            ),
            Some(Effect::ResetBefore) => (Outcome::Reset, Duration::ZERO),
            Some(Effect::ResetAfter) => (Outcome::Reset, self.act(service, request, now).1),
            Some(Effect::Truncate) => match self.act(service, request, now) {
                (Outcome::Response(response), delay) => {
                    (Outcome::Truncated(halved(response)), delay)
                }
                other => other,
            },
            Some(Effect::NotJson) => (Outcome::Response(gateway_page()), Duration::ZERO),
            Some(Effect::Delay(late)) => {
                let (outcome, delay) = self.act(service, request, now);
                (outcome, delay + late)
            }
            Some(Effect::ExpireToken) => (
                Outcome::Response(self.expired(service, request, now)),
                Duration::ZERO,
            ),
        };
        Reply { delay, outcome }
    }

    fn act(
        &mut self,
        service: Service,
        request: &Request<Bytes>,
        now: OffsetDateTime,
    ) -> (Outcome, Duration) {
        let (response, delay) = match service {
            Service::Arm => self.arm.answer(request, &mut self.blobs, now),
            Service::Entra => (self.entra.answer(request, now), Duration::ZERO),
            Service::Pipelines => (self.devops.answer(request, now), Duration::ZERO),
            Service::Blob => (self.blobs.answer(request, now), Duration::ZERO),
            Service::Metadata => (
                self.entra.answer_metadata_service(request, now),
                Duration::ZERO,
            ),
            // A name that nobody has does not even give a connection.
            Service::Nobody => return (Outcome::Reset, Duration::ZERO),
        };
        (Outcome::Response(response), delay)
    }

    /// The refusal of a token that has expired, in the form of the service.
    fn expired(
        &mut self,
        service: Service,
        request: &Request<Bytes>,
        now: OffsetDateTime,
    ) -> Response<Bytes> {
        if service != Service::Blob {
            let refusal = self.arm.unauthenticated(&TokenProblem::Expired);
            return self.arm.finish_refusal(request, refusal, now);
        }
        let (code, message) = (
            "InvalidAuthenticationInfo",
            "Lifetime validation failed. The token is expired.",
        );
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        let response = Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .header("content-type", "application/xml")
            .header("x-ms-error-code", code)
            .header(
                "www-authenticate",
                "Bearer resource_id=https://storage.azure.com",
            );
        response.body(Bytes::from(body)).unwrap_or_default()
    }
}

/// The names of the routes of Azure Resource Manager, for [`crate::Matcher::operation`].
pub fn operation_names() -> Vec<&'static str> {
    routes::ROUTES.iter().map(|route| route.name).collect()
}

fn authority(request: &Request<Bytes>) -> String {
    match request.uri().authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => header(request.headers(), "host")
            .unwrap_or_default()
            .to_owned(),
    }
}

fn scripted(code: u16, headers: &[(String, String)], body: String) -> Response<Bytes> {
    let is_json = serde_json::from_str::<serde_json::Value>(&body).is_ok();
    let mut response = Response::builder().status(code).header(
        "content-type",
        if is_json {
            "application/json"
        } else {
            "text/plain"
        },
    );
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Bytes::from(body)).unwrap_or_default()
}

fn gateway_page() -> Response<Bytes> {
    let page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
    let mut response = Response::new(Bytes::from_static(page.as_bytes()));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
        .headers_mut()
        .insert("content-type", http::HeaderValue::from_static("text/html"));
    response
}

/// The announced length stays that of the whole body, so that a client can tell.
fn halved(mut response: Response<Bytes>) -> Response<Bytes> {
    let length = http::HeaderValue::from(response.body().len());
    response
        .headers_mut()
        .entry("content-length")
        .or_insert(length);
    response.map(|body| body.slice(..body.len() / 2))
}

/// The agent's machine has all user-assigned identities of the scene, and its own.
fn machine_identities(world: &World) -> Vec<Application> {
    let identity = |client: &str, object: &str| Application {
        client: client.to_owned(),
        object: object.to_owned(),
        ..Application::default()
    };
    let own = identity(
        "5e8d1c7b-2f40-4a96-b3e1-9c0d7a6f5b42",
        "91b7c3d5-e0f2-4846-8a1c-6d3e5f7a9b08",
    );
    let assigned = world.identities.iter();
    let assigned = assigned.map(|known| identity(&known.client, &known.principal));
    std::iter::once(own).chain(assigned).collect()
}

fn devops_settings(world: &World) -> DevOpsSettings {
    let subject = |connection: &crate::world::ServiceConnection| OidcSubject {
        issuer: connection.issuer.clone(),
        subject: connection.subject.clone(),
    };
    let connections = &world.pipelines.service_connections;
    DevOpsSettings {
        origin: world.addresses.devops.clone(),
        organization: world.pipelines.organization.clone(),
        project_id: world.pipelines.project_id.clone(),
        job_token: world.pipelines.job_token.clone(),
        connections: connections
            .iter()
            .map(|connection| (connection.id.clone(), subject(connection)))
            .collect(),
        oidc_lifetime: Duration::from_secs(600),
    }
}

fn blob_settings(world: &World, switches: &Switches) -> BlobSettings {
    let mut settings = BlobSettings::new(world.issuer(), world.tenant.clone());
    settings.authority.clone_from(&world.addresses.login);
    settings.clock_skew = switches.clock_skew.try_into().unwrap_or_default();
    for account in &world.storage_accounts {
        let known = BlobAccount {
            key_base64: account.key_base64.clone(),
            allow_shared_key: account.allow_shared_key,
            roles: account.roles.clone(),
        };
        settings.accounts.insert(account.name.clone(), known);
    }
    settings
}
