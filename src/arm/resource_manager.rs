//! Reading and changing resources: one way to make an address, one loop over the pages of a list.

use std::collections::BTreeSet;
use std::fmt::Display;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::api;
use super::api_version::ApiVersion;
use super::client::{Call, Client};
use super::failure::{Cause, Failure};
use super::operation::Started;
use super::retry::Repeat;
use crate::inputs::connection::Cloud;

/// Azure Resource Manager of one cloud.
#[derive(Debug, Clone)]
pub struct Arm {
    /// Sends requests.
    pub client: Client,
    /// Base address without a trailing slash.
    base: String,
    /// The scope of its tokens.
    pub scope: String,
    pub(super) version: ApiVersion,
}

/// What the name of a resource group may have and an address not, beside what is not ASCII.
const NEVER_IN_AN_ADDRESS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');
/// More pages than any list has; one without an end is not followed further.
const MOST_PAGES: usize = 1000;

/// What a request that changes something was answered.
#[derive(Debug)]
pub struct Changed {
    /// 200 where the resource was there, 201 where it is new, 202 or 204.
    pub status: StatusCode,
    /// The resource as it is now; null where the answer has none.
    pub resource: Value,
    /// The operation that goes on.
    pub started: Started,
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

    /// A request for `path`, an id or an id with more behind it, in version `api`.
    pub(super) fn request(
        &self,
        doing: &str,
        method: Method,
        path: impl Display,
        api: &str,
    ) -> Call {
        let path = path.to_string();
        let path = utf8_percent_encode(&path, NEVER_IN_AN_ADDRESS);
        let url = api::address(format_args!("{}{path}", self.base), api);
        Call::new(doing, method, url, &self.scope)
    }

    /// The request of [`Self::get`], for who sends it in a way of their own.
    pub fn reading(&self, doing: &str, path: impl Display, api: &str) -> Call {
        self.request(doing, Method::GET, path, api)
    }

    /// Reads what is at `path`, an id or an id with more behind it (`{id}?$expand=ReplicationStatus`).
    pub async fn get(&self, doing: &str, path: impl Display, api: &str) -> Result<Value, Failure> {
        let call = self.request(doing, Method::GET, path, api);
        let answer = self.send_in(call, api).await?;
        Ok(serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    /// As [`Self::get`]; `None` where there is no such resource.
    pub async fn get_if_there(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
    ) -> Result<Option<Value>, Failure> {
        match self.get(doing, path, api).await {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The whole list at `path`, page by page. A list that cannot be read to its end is a failure: who acts on a part of it does harm.
    pub async fn pages(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
    ) -> Result<Vec<Value>, Failure> {
        let mut pages = self.list(doing, path, api);
        let mut all = Vec::new();
        while let Some((page, _)) = pages.next().await? {
            all.extend(page);
        }
        Ok(all)
    }

    /// The pages of the list at `path`, for who asks for each in its own time.
    pub(super) fn list<'a>(
        &'a self,
        doing: &'a str,
        path: impl Display,
        api: &'a str,
    ) -> Pages<'a> {
        Pages {
            arm: self,
            next: Some(self.request(doing, Method::GET, path, api)),
            doing,
            api,
            seen: BTreeSet::new(),
        }
    }

    /// Writes the whole of a resource. Repeated only where Azure certainly did not act; who sends it looks after a lost answer.
    pub async fn put(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let call = self.request(doing, Method::PUT, path, api).json(body);
        self.change(call, api).await
    }

    /// Changes a part of a resource.
    pub async fn patch(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let call = self.request(doing, Method::PATCH, path, api).json(body);
        self.change(call, api).await
    }

    /// Sets members of a resource to values: asking twice does no harm.
    pub(super) async fn set(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let call = self.request(doing, Method::PATCH, path, api).json(body);
        self.change(call.repeated(Repeat::Always), api).await
    }

    /// Asks for something to be done or looked up: never repeated where Azure may have acted.
    pub async fn post(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let call = self.request(doing, Method::POST, path, api).json(body);
        self.change(call, api).await
    }

    /// As [`Self::post`] without a body, for what Azure is to do; what goes on.
    pub(super) async fn ask_for(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
    ) -> Result<Started, Failure> {
        let call = self.request(doing, Method::POST, path, api);
        Ok(self.change(call, api).await?.started)
    }

    /// Reads by a POST, which may be asked as often as a GET.
    pub(super) async fn look_up(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
    ) -> Result<Value, Failure> {
        let call = self.request(doing, Method::POST, path, api);
        let answer = self.send_in(call.repeated(Repeat::Always), api).await?;
        Ok(serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    /// Deletes a resource; `None` if there is none, or it is gone at once.
    pub async fn delete(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
    ) -> Result<Option<Started>, Failure> {
        let call = self.request(doing, Method::DELETE, path, api);
        match self.change(call.repeated(Repeat::Always), api).await {
            Ok(changed) if changed.status == StatusCode::NO_CONTENT => Ok(None),
            Ok(changed) => Ok(Some(changed.started)),
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends a request that changes something.
    pub(super) async fn change(&self, call: Call, api: &str) -> Result<Changed, Failure> {
        let answer = self.send_in(call, api).await?;
        Ok(Changed {
            status: answer.status(),
            resource: serde_json::from_slice(answer.body()).unwrap_or_default(),
            started: Started::from_headers(&self.client, self.base(), answer.headers()),
        })
    }

    /// One short look at `path`, for what a build is as good without: one try, a few seconds. Any cloud may lack the route.
    pub async fn glance(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
    ) -> Result<Value, Failure> {
        self.client.glance(&self.reading(doing, path, api)).await
    }

    /// Only the image builder's calls step back to an older version.
    pub(super) async fn send_in(&self, call: Call, api: &str) -> Result<Response<Bytes>, Failure> {
        if api == api::IMAGE_TEMPLATES {
            self.send(call).await
        } else {
            self.client.send(&call).await
        }
    }

    /// Sends a call to the image builder in the version that the cloud offers.
    async fn send(&self, call: Call) -> Result<Response<Bytes>, Failure> {
        let spoken = self.version.current();
        match self.client.send(&in_version(&call, spoken)).await {
            Err(failure) if self.version.steps_back(spoken, &failure) => {
                self.client
                    .send(&in_version(&call, api::OLDER_IMAGE_TEMPLATES))
                    .await
            }
            other => other,
        }
    }
}

/// A list on its way.
pub(super) struct Pages<'a> {
    arm: &'a Arm,
    next: Option<Call>,
    doing: &'a str,
    api: &'a str,
    /// The addresses of the pages that were read.
    seen: BTreeSet<String>,
}

impl Pages<'_> {
    /// The next page with the headers of its answer; nothing behind the last one. A page that could not be read is asked for again.
    pub(super) async fn next(&mut self) -> Result<Option<(Vec<Value>, HeaderMap)>, Failure> {
        let Some(call) = self.next.clone() else {
            return Ok(None);
        };
        let unreadable = |text: &str| {
            let text = text.to_owned();
            Err(Failure::of(self.doing, Cause::Unreadable(text)))
        };
        if self.seen.len() >= MOST_PAGES {
            return unreadable(&format!("the list has more than {MOST_PAGES} pages"));
        }
        let url = call.url.clone();
        let answer = self.arm.send_in(call, self.api).await?;
        let (parts, body) = answer.into_parts();
        let mut page: Value = serde_json::from_slice(&body).unwrap_or_default();
        let Some(Value::Array(items)) = page.get_mut("value").map(Value::take) else {
            return unreadable("it is not a list");
        };
        self.seen.insert(url);
        let next = page.get("nextLink").and_then(Value::as_str);
        let next = next.filter(|link| !link.is_empty());
        if let Some(next) = next {
            // The token goes to Azure Resource Manager and nowhere else.
            let own = format!("{}/", self.arm.base());
            let inside = next.split_at_checked(own.len());
            if !inside.is_some_and(|(start, _)| start.eq_ignore_ascii_case(&own)) {
                return unreadable("the next page of the list is on another host");
            }
            if self.seen.contains(next) {
                return unreadable("the list comes back to a page that was read");
            }
        }
        self.next = next.map(|next| Call::new(self.doing, Method::GET, next, &self.arm.scope));
        Ok(Some((items, parts.headers)))
    }
}

/// A call of the newest version in another one.
pub(super) fn in_version(call: &Call, version: &str) -> Call {
    let mut call = call.clone();
    if let Some(start) = call.url.strip_suffix(api::IMAGE_TEMPLATES) {
        call.url = format!("{start}{version}");
    }
    call
}
