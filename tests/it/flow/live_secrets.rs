//! Every secret that is alive during a stage, seen from outside of the product: on the wire, in the job and in the cloud.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use azure_emulator::World;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use pipelines_agent::Step;
use serde_json::Value;

/// Shorter texts occur by chance.
const SHORTEST: usize = 8;

/// What must not show. Clones share the collection.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveSecrets(Arc<Mutex<BTreeSet<String>>>);

impl LiveSecrets {
    /// What the job and the cloud hold from the beginning.
    pub(crate) fn of(world: &World, step: &Step) -> Self {
        let secrets = Self::default();
        secrets.add(&step.system.token);
        let connections = step.connections.iter();
        let parameters = connections.flat_map(|connection| &connection.parameters);
        for (name, value) in parameters {
            let name = name.to_lowercase();
            if ["key", "certificate", "token", "password"]
                .iter()
                .any(|word| name.contains(word))
            {
                secrets.add(value);
            }
        }
        let applications = world.applications.iter();
        let applications = applications.filter_map(|application| application.secret.as_deref());
        let accounts = world.storage_accounts.iter();
        applications
            .chain(accounts.map(|account| account.key_base64.as_str()))
            .for_each(|secret| secrets.add(secret));
        secrets
    }

    /// What a request carries.
    pub(super) fn note_request(&self, request: &Request<Bytes>) {
        if let Some(header) = request.headers().get("authorization") {
            self.add(header.to_str().unwrap().trim_start_matches("Bearer "));
        }
        self.note_address(&request.uri().to_string());
        let body = String::from_utf8_lossy(request.body());
        for (name, value) in url::form_urlencoded::parse(body.as_bytes()) {
            if ["client_secret", "client_assertion"].contains(&name.as_ref()) {
                self.add(&value);
            }
        }
        self.note_document(request.body());
    }

    /// What an answer carries.
    pub(super) fn note_response(&self, response: &Response<Bytes>) {
        self.note_headers(response.headers());
        self.note_document(response.body());
        let body = String::from_utf8_lossy(response.body());
        if let Some((_, key)) = body.split_once("<SignedVersion>")
            && let Some((_, value)) = key.split_once("<Value>")
        {
            self.add(value.split('<').next().unwrap());
        }
    }

    /// Fails when one of them shows in the transcript, other than where it is announced for masking.
    pub(crate) fn check(&self, transcript: &str) {
        let secrets = self.all();
        let spoken = transcript
            .lines()
            .filter(|line| !line.starts_with("##vso[task.setsecret]"));
        for line in spoken {
            let plain = line.replace("%AZP25", "%");
            for secret in &secrets {
                assert!(
                    !plain.contains(secret.as_str()),
                    "a secret shows in: {line}"
                );
            }
            let signed = line.replace("sig=***", "");
            assert!(!signed.contains("sig="), "a signature shows in: {line}");
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().clone()
    }

    fn note_headers(&self, headers: &HeaderMap) {
        for name in ["azure-asyncoperation", "location"] {
            if let Some(address) = headers.get(name) {
                self.note_address(address.to_str().unwrap());
            }
        }
    }

    /// A query with more than a version is signed.
    fn note_address(&self, address: &str) {
        let Ok(url) = url::Url::parse(address) else {
            return;
        };
        for (name, value) in url.query_pairs() {
            if ["sig", "s", "h", "t", "c"].contains(&name.as_ref()) {
                self.add(&value);
            }
        }
        if let Some((_, signature)) = url.query().and_then(|query| query.split_once("sig=")) {
            self.add(signature.split('&').next().unwrap());
        }
    }

    fn note_document(&self, body: &[u8]) {
        if let Ok(document) = serde_json::from_slice(body) {
            self.note_value("", &document);
        }
    }

    fn note_value(&self, name: &str, value: &Value) {
        match value {
            Value::String(text)
                if ["access_token", "oidcToken", "adminPassword"].contains(&name) =>
            {
                self.add(text);
            }
            Value::String(text) if text.starts_with("https://") => self.note_address(text),
            Value::Array(items) => items.iter().for_each(|item| self.note_value("", item)),
            Value::Object(members) => {
                members
                    .iter()
                    .for_each(|(name, value)| self.note_value(name, value));
            }
            _ => {}
        }
    }

    /// Masking works on lines, so does leaking.
    fn add(&self, secret: &str) {
        let lines = secret.lines().map(str::trim);
        let lines = lines.filter(|line| line.len() >= SHORTEST && !line.starts_with("-----"));
        self.0.lock().unwrap().extend(lines.map(str::to_owned));
    }
}
