//! Image templates: create, run, cancel, delete, look.
//!
//! <https://learn.microsoft.com/rest/api/imagebuilder/virtual-machine-image-templates>

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use url::Url;

pub use super::api_version::NEWEST as API_VERSION;
use super::api_version::{ApiVersion, OLDER, newer_members};
use super::client::{Call, Client, asked_pause};
use super::failure::{Cause, Failure};
use super::operation::{self, Started, Status};
use super::retry::Repeat;
use super::template_state::Template;
use crate::inputs::connection::Cloud;
use crate::resource::ResourceId;
use crate::secret::Secret;
use crate::template::model::{ImageTemplate, json};

/// Azure Resource Manager of one cloud.
#[derive(Debug, Clone)]
pub struct Arm {
    /// Sends requests.
    pub client: Client,
    /// Base address without a trailing slash.
    base: String,
    /// The scope of its tokens.
    pub scope: String,
    version: ApiVersion,
}

/// An answer, and how long the server asks to wait before the next question.
#[derive(Debug, Clone)]
pub struct Seen<T> {
    /// What was seen.
    pub value: T,
    /// `Retry-After`, if it came.
    pub pause: Option<Duration>,
}

/// What a distribution target left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOutput {
    /// The id of the image or image version.
    pub artifact_id: Option<String>,
    /// The address of the VHD, without a signature.
    pub artifact_uri: Option<String>,
}

impl RunOutput {
    /// What the image is found by.
    pub fn uri(self) -> Option<String> {
        self.artifact_id.or(self.artifact_uri)
    }
}

impl Arm {
    /// Azure Resource Manager of `cloud`.
    ///
    /// The scope keeps the slash that the audience ends with, so that the token's audience is exactly the one that the service connection names;
    /// Microsoft's own tasks do the same (azure-pipelines-tasks-azure-arm-rest, `configureMSALWithSP`).
    pub fn new(client: Client, cloud: &Cloud) -> Self {
        let base = cloud
            .resource_manager
            .as_str()
            .trim_end_matches('/')
            .to_owned();
        let scope = format!("{}/.default", cloud.audience);
        Self {
            client: client.keeping(&scope, &cloud.resource_manager),
            base,
            scope,
            version: ApiVersion::default(),
        }
    }

    /// The base address without a trailing slash.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The base address, to join paths to.
    pub fn address(&self) -> Result<Url, String> {
        let base = &self.base;
        base.parse()
            .map_err(|error| format!("'{base}' is no address: {error}"))
    }

    fn call(&self, doing: String, method: Method, id: &ResourceId, action: &str) -> Call {
        let url = format!("{}{id}{action}?api-version={API_VERSION}", self.base);
        Call::new(doing, method, url, &self.scope)
    }

    /// Sends a call of [`Self::call`] in the version that the cloud offers.
    pub(super) async fn send(&self, call: Call) -> Result<Response<Bytes>, Failure> {
        let spoken = self.version.current();
        match self.client.send(&in_version(&call, spoken)).await {
            Err(failure) if self.version.steps_back(spoken, &failure) => {
                self.client.send(&in_version(&call, OLDER)).await
            }
            other => other,
        }
    }

    pub(super) async fn send_for_json(&self, call: Call) -> Result<(HeaderMap, Value), Failure> {
        let answer = self.send(call).await?;
        let value = serde_json::from_slice(answer.body()).unwrap_or_default();
        Ok((answer.into_parts().0.headers, value))
    }

    /// Submits `body` as template `id`. Answered long before the template is provisioned.
    pub async fn create_template(
        &self,
        id: &ResourceId,
        body: &ImageTemplate,
    ) -> Result<Started, Failure> {
        let doing = format!("Creating image template '{}'", id.name());
        let call = self.call(doing, Method::PUT, id, "").json(&json(body));
        let spoken = self.version.current();
        let sent = if spoken == OLDER {
            self.send_older(&call, body).await
        } else {
            match self.client.send(&call).await {
                Err(failure) if self.version.steps_back(spoken, &failure) => {
                    self.send_older(&call, body).await
                }
                other => other,
            }
        };
        let answer = sent?;
        Ok(Started::from_headers(
            &self.client,
            &self.base,
            answer.headers(),
        ))
    }

    /// Submits in the older version, unless `body` needs the newest.
    async fn send_older(
        &self,
        call: &Call,
        body: &ImageTemplate,
    ) -> Result<Response<Bytes>, Failure> {
        let members = newer_members(body);
        if members.is_empty() {
            return self.client.send(&in_version(call, OLDER)).await;
        }
        Err(Failure {
            doing: call.doing.clone(),
            cause: Cause::TooNew {
                offered: OLDER,
                members,
            },
            tries: 1,
            elapsed: Duration::ZERO,
            request_id: None,
        })
    }

    /// Looks at template `id`.
    pub async fn template(&self, id: &ResourceId) -> Result<Seen<Template>, Failure> {
        let call = self.call(
            format!("Reading image template '{}'", id.name()),
            Method::GET,
            id,
            "",
        );
        let (headers, value) = self.send_for_json(call).await?;
        Ok(Seen {
            value: Template::read(&value),
            pause: asked_pause(&headers),
        })
    }

    /// Starts the run of template `id`: one request, never repeated when Azure may have obeyed.
    pub async fn start_run(&self, id: &ResourceId) -> Result<Started, Failure> {
        let call = self.call(
            format!("Starting the run of image template '{}'", id.name()),
            Method::POST,
            id,
            "/run",
        );
        let answer = self.send(call).await?;
        Ok(Started::from_headers(
            &self.client,
            &self.base,
            answer.headers(),
        ))
    }

    /// Cancels the run of template `id`. Whatever the success status, there is nothing to poll but the template itself.
    pub async fn cancel_run(&self, id: &ResourceId) -> Result<(), Failure> {
        let call = self.call(
            format!("Canceling the run of image template '{}'", id.name()),
            Method::POST,
            id,
            "/cancel",
        );
        self.send(call.repeated(Repeat::Always)).await.map(drop)
    }

    /// Deletes template `id`; `None` if there is none.
    pub async fn delete_template(&self, id: &ResourceId) -> Result<Option<Started>, Failure> {
        let call = self.call(
            format!("Deleting image template '{}'", id.name()),
            Method::DELETE,
            id,
            "",
        );
        match self.send(call.repeated(Repeat::Always)).await {
            Ok(answer) if answer.status() == StatusCode::NO_CONTENT => Ok(None),
            Ok(answer) => Ok(Some(Started::from_headers(
                &self.client,
                &self.base,
                answer.headers(),
            ))),
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads what target `run_output` left.
    pub async fn run_output(
        &self,
        id: &ResourceId,
        run_output: &str,
    ) -> Result<RunOutput, Failure> {
        let doing = format!(
            "Reading run output '{run_output}' of image template '{}'",
            id.name()
        );
        let call = self.call(doing, Method::GET, id, &format!("/runOutputs/{run_output}"));
        let (_, value) = self.send_for_json(call).await?;
        let text = |member: &str| {
            let text = value
                .pointer(member)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        Ok(RunOutput {
            artifact_id: text("/properties/artifactId"),
            artifact_uri: text("/properties/artifactUri").map(|address| bare(&address)),
        })
    }

    /// Asks once where an operation stands.
    pub async fn operation(&self, doing: &str, address: &Secret) -> Result<Seen<Status>, Failure> {
        let call = Call::new(doing, Method::GET, address.reveal(), &self.scope);
        let answer = self.client.send(&call).await?;
        Ok(Seen {
            value: operation::read(&answer),
            pause: asked_pause(answer.headers()),
        })
    }
}

/// The address without its query: that of a VHD may carry a signature, and who needs one makes one.
fn bare(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    address.get(..end).unwrap_or_default().to_owned()
}

/// A call of the newest version in another one.
fn in_version(call: &Call, version: &str) -> Call {
    let mut call = call.clone();
    if let Some(start) = call.url.strip_suffix(API_VERSION) {
        call.url = format!("{start}{version}");
    }
    call
}
