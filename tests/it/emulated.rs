//! Azure Resource Manager of an emulated cloud, asked in process by a caller who has a token, at a time that the test sets.

use std::sync::{Arc, Mutex};

use azure_emulator::{Clock, Cloud, Switches, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// A cloud, its clock, and a token for it.
pub(crate) struct EmulatedArm {
    pub(crate) cloud: Cloud,
    pub(crate) base: String,
    start: OffsetDateTime,
    now: Arc<Mutex<OffsetDateTime>>,
    token: String,
}

impl EmulatedArm {
    /// The clock stands at `start`.
    pub(crate) fn new(world: World, switches: Switches, start: OffsetDateTime) -> Self {
        let now = Arc::new(Mutex::new(start));
        let clock = Arc::clone(&now);
        let token = token(&world);
        Self {
            base: world.addresses.arm.clone(),
            cloud: Cloud::new(
                world,
                switches,
                Clock::Given(Arc::new(move || *clock.lock().unwrap())),
            ),
            start,
            now,
            token,
        }
    }

    /// Sets the clock to this long after the start.
    pub(crate) fn set_elapsed(&self, elapsed: Duration) {
        *self.now.lock().unwrap() = self.start + elapsed;
    }

    /// Moves the clock on.
    pub(crate) fn wait(&self, duration: Duration) {
        *self.now.lock().unwrap() += duration;
    }

    /// Sends one request to an absolute address.
    pub(crate) fn send(&self, method: &Method, url: &str, body: &Value) -> Response<Bytes> {
        let bytes = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-length", bytes.len());
        if !body.is_null() {
            request = request.header("content-type", "application/json");
        }
        let reply = self.cloud.answer(request.body(bytes).unwrap());
        reply
            .response()
            .unwrap_or_else(|| panic!("{method} {url} got no response"))
    }
}

/// The emulator checks what a token claims, not who signed it.
pub(crate) fn token(world: &World) -> String {
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let claims = json!({
        "aud": "https://management.azure.com/",
        "iss": world.issuer(),
        "tid": world.tenant,
        "appid": world.applications[0].client,
        "oid": world.applications[0].object,
        "nbf": 0,
        "exp": 4_000_000_000_i64,
    });
    let header = encode(json!({"typ": "JWT", "alg": "RS256"}));
    format!("{header}.{}.signature", encode(claims))
}

/// The body as JSON; null when there is none.
pub(crate) fn json_of(response: &Response<Bytes>) -> Value {
    if response.body().is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(response.body()).unwrap()
}

/// A header as text.
pub(crate) fn header<'response>(
    response: &'response Response<Bytes>,
    name: &str,
) -> Option<&'response str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}
