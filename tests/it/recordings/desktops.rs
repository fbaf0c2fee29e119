//! Host pools: the core's client sends what was recorded, and reads the recorded answers.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use image_builder::arm::desktops::{ImageInfo, UpdateRequest};
use image_builder::arm::http::{Http, TransportError};
use image_builder::arm::operation::Status;
use image_builder::arm::{Arm, Client};
use image_builder::inputs::connection::Cloud;
use image_builder::resource::ResourceId;
use serde_json::{Value, json};

use super::performance::OneToken;
use super::recording::Step;
use super::replay::{BASE, read, response};
use crate::job::Masked;

/// Gives the recorded answer of the same method and path, and keeps what was sent.
#[derive(Debug)]
struct Recorded {
    steps: Vec<Step>,
    sent: Mutex<Vec<(String, Value)>>,
    masked: Arc<Masked>,
}

#[async_trait]
impl Http for Recorded {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let mut steps = self.steps.iter();
        let same = |step: &&Step| step.method == method && step.path.eq_ignore_ascii_case(&path);
        // Of several answers the one to the same body.
        let exact = steps.clone().find(|step| same(step) && step.sent == body);
        let step = exact.or_else(|| steps.find(same));
        let step = step.unwrap_or_else(|| panic!("{method} {path} was not recorded"));
        if method != http::Method::GET {
            let end = path.rsplit('/').next().unwrap();
            self.sent
                .lock()
                .unwrap()
                .push((format!("{method} {end}"), body));
        }
        Ok(response(step))
    }
}

fn arm(name: &str) -> (Arm, Arc<Recorded>) {
    let masked = Arc::new(Masked::default());
    let recorded = Arc::new(Recorded {
        steps: read(name).steps,
        sent: Mutex::default(),
        masked: Arc::clone(&masked),
    });
    let client = Client::new(recorded.clone(), Arc::new(OneToken), masked);
    let cloud = Cloud {
        resource_manager: format!("{BASE}/").parse().unwrap(),
        authority: "https://login.microsoftonline.com/".parse().unwrap(),
        audience: format!("{BASE}/"),
    };
    (Arm::new(client, &cloud), recorded)
}

fn pool() -> ResourceId {
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg000001/providers/Microsoft.DesktopVirtualization/hostPools/hp000001"
        .parse()
        .unwrap()
}

/// The paths of a document's members with the kinds of their values.
fn shape(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| {
                let inner = shape(value).into_iter();
                inner.map(move |rest| format!("{name}.{rest}"))
            })
            .collect(),
        Value::String(_) => vec!["text".to_owned()],
        Value::Number(_) => vec!["number".to_owned()],
        Value::Bool(_) => vec!["boolean".to_owned()],
        other => vec![other.to_string()],
    }
}

fn recorded_body(recorded: &Recorded, end: &str) -> Value {
    let mut steps = recorded.steps.iter();
    let step = steps.find(|step| !step.sent.is_null() && step.path.ends_with(end));
    step.unwrap_or_else(|| panic!("{end}")).sent.clone()
}

#[tokio::test(start_paused = true)]
async fn session_host_update() {
    let (arm, recorded) = arm("session_host_update");
    let status = arm.update_status(&pool()).await.unwrap().value.unwrap();
    assert!(status.is("UpdatingSessionHosts") && !status.is_end());
    assert_eq!(status.start, "2025-06-25T18:56:58Z");
    assert_eq!(
        (status.total, status.completed, status.in_progress),
        (Some(5), 0, 1)
    );
    let request = UpdateRequest {
        deletes_old: true,
        most_at_once: 1,
        delay: 0,
        message: "Updating Session Hosts. Will Log off".to_owned(),
        at: None,
    };
    arm.initiate_update(&pool(), &request).await.unwrap();
    let started = arm.control_update(&pool(), "Cancel").await.unwrap();
    let address = started.operation.unwrap();
    let masked = recorded.masked.0.lock().unwrap().clone();
    assert!(
        masked.iter().any(|it| it == address.reveal()),
        "the address is signed"
    );
    let end = arm.operation("Canceling", &address).await.unwrap();
    assert_eq!(end.value, Status::Succeeded);
    let sent = recorded.sent.lock().unwrap().clone();
    let mut whole = recorded_body(&recorded, "initiateSessionHostUpdate");
    // Times of the status are in the zone of the request: ours is always UTC.
    whole["scheduledDateTimeZone"] = json!("UTC");
    assert_eq!(
        sent[0],
        ("POST initiateSessionHostUpdate".to_owned(), whole)
    );
    let mut control = recorded_body(&recorded, "controlSessionHostUpdate");
    // The message is optional.
    control.as_object_mut().unwrap().remove("cancelMessage");
    assert_eq!(
        sent[1],
        ("POST controlSessionHostUpdate".to_owned(), control)
    );
}

#[tokio::test(start_paused = true)]
async fn session_host_configuration() {
    let (arm, recorded) = arm("session_host_configuration");
    let active = arm
        .host_configuration(&pool(), true)
        .await
        .unwrap()
        .unwrap();
    let image = active.image.unwrap();
    assert_eq!(
        image.to_string(),
        "microsoftwindowsdesktop:windows-11:win11-24h2-avd:26100.6899.251011"
    );
    assert_eq!(active.region.as_deref(), Some("westus2"));
    assert_eq!(active.security.as_deref(), Some("TrustedLaunch"));
    assert_eq!(active.secrets.len(), 2);
    let parts = [
        "microsoftwindowsdesktop",
        "windows-11",
        "win11-24h2-avd",
        "26100.4652.250705",
    ];
    let wanted = ImageInfo::Marketplace(parts.map(str::to_owned));
    let changed = arm.change_host_image(&pool(), &wanted).await.unwrap();
    assert_eq!(changed.status, 202);
    let address = changed.started.operation.unwrap();
    let masked = recorded.masked.0.lock().unwrap().clone();
    assert!(
        masked.iter().any(|it| it == address.reveal()),
        "the address is signed"
    );
    assert_eq!(
        changed.started.pause,
        Some(std::time::Duration::from_secs(60))
    );
    let end = arm.operation("Changing", &address).await.unwrap();
    assert_eq!(end.value, Status::Succeeded);
    // What was recorded changes the number alone; ours names the whole image, with its type, and nothing else.
    let sent = recorded.sent.lock().unwrap().clone();
    let ours = shape(&sent[0].1);
    for member in shape(&recorded_body(
        &recorded,
        "sessionHostConfigurations/default",
    )) {
        let is_other = member == "properties.vmNamePrefix.text";
        assert!(is_other || ours.contains(&member), "{member} {ours:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn host_pool_sessions() {
    let (arm, recorded) = arm("host_pool_sessions");
    let host = arm.session_host(&pool(), "auto2-0").await.unwrap().unwrap();
    assert_eq!(
        (host.status.as_str(), host.sessions),
        ("Available", Some(0))
    );
    let hosts = arm.session_hosts(&pool()).await.unwrap();
    assert!(!hosts.is_empty() && hosts.iter().all(|host| host.machine.is_some()));
    for open in [false, true] {
        let host = arm.let_in(&pool(), "auto2-0", open).await.unwrap().unwrap();
        assert_eq!(host.allow_new_session, open);
    }
    let recorded_bodies: Vec<Value> = recorded
        .steps
        .iter()
        .filter(|step| step.method == http::Method::PATCH)
        .map(|step| step.sent.clone())
        .collect();
    let sent = recorded.sent.lock().unwrap().clone();
    let sent: Vec<Value> = sent.into_iter().map(|(_, body)| body).collect();
    assert_eq!(sent, recorded_bodies);
}
