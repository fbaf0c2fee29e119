//! The scene of the tests: the default world, a clock that a test moves, and a caller with a token.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::{Addresses, Clock, Cloud, Switches, World, tokens};

pub(super) const VERSION: &str = "2023-07-01";

/// A cloud, a clock that stands still, and a caller.
pub(super) struct Scene {
    pub(super) cloud: Cloud,
    time: Arc<Mutex<OffsetDateTime>>,
    pub(super) token: String,
    pub(super) group: String,
    pub(super) version: &'static str,
}

/// An answer, with the body as text and as JSON.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: http::HeaderMap,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn operation(&self) -> String {
        self.header("azure-asyncoperation").unwrap().to_owned()
    }
}

impl Scene {
    pub(super) fn new(switches: Switches) -> Self {
        Self::with_world(switches, World::contoso(Addresses::in_process()))
    }

    pub(super) fn with_world(switches: Switches, mut world: World) -> Self {
        world.public_files.insert(
            "https://scripts.example/one.sh".to_owned(),
            b"echo one\n".to_vec(),
        );
        let time = Arc::new(Mutex::new(datetime!(2025-04-30 06:06:40 UTC)));
        let clock = Arc::clone(&time);
        let token = tokens::encode(&json!({
            "aud": "https://management.azure.com/",
            "iss": world.issuer(),
            "tid": world.tenant,
            "appid": world.applications[0].client,
            "oid": world.applications[0].object,
            "nbf": 0,
            "exp": 4_000_000_000_i64,
        }));
        Self {
            group: world.group_id("rg-images"),
            cloud: Cloud::new(
                world,
                switches,
                Clock::Given(Arc::new(move || *clock.lock().unwrap())),
            ),
            time,
            token,
            version: VERSION,
        }
    }

    pub(super) fn wait(&self, seconds: i64) {
        *self.time.lock().unwrap() += Duration::seconds(seconds);
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        *self.time.lock().unwrap()
    }

    pub(super) fn send(&self, method: Method, url: &str, body: Option<&Value>) -> Answer {
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-length", bytes.len());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let response = self
            .cloud
            .answer(request.body(bytes).unwrap())
            .response()
            .unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!(
            "https://management.azure.emulator{}{path}?api-version={}",
            self.group, self.version
        )
    }

    pub(super) fn template_url(&self, rest: &str) -> String {
        self.url(&format!(
            "/providers/Microsoft.VirtualMachineImages/imageTemplates/web{rest}"
        ))
    }

    pub(super) fn get(&self, url: &str) -> Answer {
        self.send(Method::GET, url, None)
    }

    pub(super) fn template(&self) -> Value {
        self.get(&self.template_url("")).body
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "location": "westeurope",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {
                format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder", self.group): {}
            }},
            "properties": {
                "source": {"type": "PlatformImage", "publisher": "canonical", "offer": "UbuntuServer", "sku": "18.04-LTS", "version": "latest"},
                "customize": [{"type": "Shell", "name": "one", "scriptUri": "https://scripts.example/one.sh", "sha256Checksum": ""}],
                "distribute": [{
                    "type": "SharedImage",
                    "runOutputName": "out",
                    "galleryImageId": format!("{}/providers/Microsoft.Compute/galleries/galContoso/images/ubuntu-2404", self.group),
                    "targetRegions": [{"name": "eastus2"}],
                }],
                "vmProfile": {},
            },
        })
    }

    pub(super) fn put(&self, body: &Value) -> Answer {
        self.send(Method::PUT, &self.template_url(""), Some(body))
    }

    /// A template that is ready to run.
    pub(super) fn provisioned(switches: Switches) -> Self {
        let scene = Self::new(switches);
        assert_eq!(scene.put(&scene.body()).status, 201);
        scene.wait(60);
        assert_eq!(
            scene.template()["properties"]["provisioningState"],
            "Succeeded"
        );
        scene
    }

    pub(super) fn post(&self, action: &str) -> Answer {
        self.send(
            Method::POST,
            &self.template_url(&format!("/{action}")),
            None,
        )
    }
}
