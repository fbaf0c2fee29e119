//! Image templates: create, run, cancel, delete, look, list.
//!
//! <https://learn.microsoft.com/rest/api/imagebuilder/virtual-machine-image-templates>

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::api::{IMAGE_TEMPLATES, OLDER_IMAGE_TEMPLATES as OLDER};
use super::api_version::newer_members;
use super::client::{Call, asked_pause};
use super::failure::{Cause, Failure};
use super::operation::{self, Started, Status};
use super::pace::Polled;
use super::resource_manager::{Arm, in_version};
use super::retry::Repeat;
use super::template_state::Template;
use crate::resource::{IMAGE_TEMPLATE, ResourceGroupId, ResourceId};
use crate::secret::Secret;
use crate::template::model::{ImageTemplate, json};

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
    /// Submits `body` as template `id`. Answered long before the template is provisioned.
    pub async fn create_template(
        &self,
        id: &ResourceId,
        body: &ImageTemplate,
    ) -> Result<Started, Failure> {
        let doing = format!("Creating image template '{}'", id.name());
        let call = self.request(&doing, Method::PUT, id, IMAGE_TEMPLATES);
        let call = call.json(&json(body));
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
            self.base(),
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
        let cause = Cause::TooNew {
            offered: OLDER,
            members,
        };
        Err(Failure::of(&call.doing, cause))
    }

    /// Reads template `id`.
    pub async fn template(&self, id: &ResourceId) -> Result<Polled<Template>, Failure> {
        let doing = format!("Reading image template '{}'", id.name());
        let call = self.reading(&doing, id, IMAGE_TEMPLATES);
        let answer = self.send_in(call, IMAGE_TEMPLATES).await?;
        let value = serde_json::from_slice(answer.body()).unwrap_or_default();
        Ok(Polled {
            value: Template::read(&value),
            pause: asked_pause(answer.headers()),
        })
    }

    /// Starts the run of template `id`: one request, never repeated when Azure may have obeyed.
    pub async fn start_run(&self, id: &ResourceId) -> Result<Started, Failure> {
        let doing = format!("Starting the run of image template '{}'", id.name());
        let path = format!("{id}/run");
        let call = self.request(&doing, Method::POST, path, IMAGE_TEMPLATES);
        Ok(self.change(call, IMAGE_TEMPLATES).await?.started)
    }

    /// Cancels the run of template `id`. Whatever the success status, there is nothing to poll but the template itself.
    pub async fn cancel_run(&self, id: &ResourceId) -> Result<(), Failure> {
        let doing = format!("Canceling the run of image template '{}'", id.name());
        let path = format!("{id}/cancel");
        let call = self.request(&doing, Method::POST, path, IMAGE_TEMPLATES);
        let call = call.repeated(Repeat::Always);
        self.send_in(call, IMAGE_TEMPLATES).await.map(drop)
    }

    /// Deletes template `id`; `None` if there is none.
    pub async fn delete_template(&self, id: &ResourceId) -> Result<Option<Started>, Failure> {
        let doing = format!("Deleting image template '{}'", id.name());
        self.delete(&doing, id, IMAGE_TEMPLATES).await
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
        let path = format!("{id}/runOutputs/{run_output}");
        let value = self.get(&doing, path, IMAGE_TEMPLATES).await?;
        let text = |member: &str| {
            let text = value
                .pointer(member)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        Ok(RunOutput {
            // What is no id and no address is none: the image itself then tells.
            artifact_id: text("/properties/artifactId").filter(|id| is_id(id)),
            artifact_uri: text("/properties/artifactUri")
                .filter(|address| is_address(address))
                .map(|address| bare(&address)),
        })
    }

    /// Asks once where an operation stands.
    pub async fn operation(
        &self,
        doing: &str,
        address: &Secret,
    ) -> Result<Polled<Status>, Failure> {
        let call = Call::new(doing, Method::GET, address.reveal(), &self.scope);
        let answer = self.client.send(&call).await?;
        Ok(Polled {
            value: operation::read(&answer),
            pause: asked_pause(answer.headers()),
        })
    }
}

fn is_id(text: &str) -> bool {
    text.parse::<ResourceId>().is_ok()
}

fn is_address(text: &str) -> bool {
    let url = Url::parse(text);
    url.is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

/// The address without its query: that of a VHD may carry a signature, and who needs one makes one.
fn bare(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    address.get(..end).unwrap_or_default().to_owned()
}

impl Arm {
    /// All image templates of `group`, to the last page.
    ///
    /// # Errors
    /// Azure refuses, the list goes on at another host, has a page twice, or does not end: then nobody knows what is in the group.
    pub async fn templates(
        &self,
        group: &ResourceGroupId,
    ) -> Result<Vec<(ResourceId, Template)>, Failure> {
        let doing = format!(
            "Listing the image templates of resource group '{}'",
            group.name()
        );
        self.templates_below(&doing, group.as_str()).await
    }

    /// All image templates of `subscription` that the caller may read, to the last page.
    ///
    /// # Errors
    /// As [`Self::templates`].
    pub async fn templates_of_subscription(
        &self,
        subscription: &str,
    ) -> Result<Vec<(ResourceId, Template)>, Failure> {
        let doing = format!("Listing the image templates of subscription '{subscription}'");
        let place = format!("/subscriptions/{subscription}");
        self.templates_below(&doing, &place).await
    }

    /// Looks for template `id` in the list of its resource group: another way to it, where Azure does not answer for the template itself.
    /// `None` if it is not there.
    pub async fn template_in_list(&self, id: &ResourceId) -> Result<Option<Template>, Failure> {
        match self.templates(&id.group()).await {
            Ok(all) => {
                let mut all = all.into_iter();
                Ok(all
                    .find(|(known, _)| known == id)
                    .map(|(_, template)| template))
            }
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn templates_below(
        &self,
        doing: &str,
        place: &str,
    ) -> Result<Vec<(ResourceId, Template)>, Failure> {
        let path = format!("{place}/providers/{IMAGE_TEMPLATE}");
        let mut all = Vec::new();
        for one in self.pages(doing, path, IMAGE_TEMPLATES).await? {
            let id = one.get("id").and_then(Value::as_str);
            let id: Option<ResourceId> = id.and_then(|id| id.parse().ok());
            let Some(id) = id.filter(|id| id.is(IMAGE_TEMPLATE)) else {
                let reason = "an entry of the list is not an image template".to_owned();
                return Err(Failure::of(doing, Cause::Unreadable(reason)));
            };
            all.push((id, Template::read(&one)));
        }
        Ok(all)
    }
}
