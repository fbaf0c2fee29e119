//! Reading and changing resources: one way to make an address, one loop over the pages of a list.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use super::client::Call;
use super::failure::{Cause, Failure};
use super::image_template::Arm;
use super::operation::Started;
use super::retry::Repeat;

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
    fn request(&self, doing: &str, method: Method, path: &dyn Display, api: &str) -> Call {
        let path = path.to_string();
        let mark = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{mark}api-version={api}", self.base());
        Call::new(doing, method, url, &self.scope)
    }

    /// Reads what is at `path`, an id or an id with more behind it (`{id}?$expand=ReplicationStatus`).
    pub async fn get(&self, doing: &str, path: impl Display, api: &str) -> Result<Value, Failure> {
        let call = self.request(doing, Method::GET, &path, api);
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
        let mut call = self.request(doing, Method::GET, &path, api);
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        // The token goes to Azure Resource Manager and nowhere else.
        let own = format!("{}/", self.base());
        for _ in 0..MOST_PAGES {
            let url = call.url.clone();
            let answer = self.send_in(call, api).await?;
            let mut page: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let Some(Value::Array(items)) = page.get_mut("value").map(Value::take) else {
                return Err(Failure::of(
                    doing,
                    Cause::Unreadable("it is not a list".to_owned()),
                ));
            };
            all.extend(items);
            seen.insert(url);
            let next = page.get("nextLink").and_then(Value::as_str);
            let Some(next) = next.filter(|link| !link.is_empty()) else {
                return Ok(all);
            };
            let inside = next.split_at_checked(own.len());
            if !inside.is_some_and(|(start, _)| start.eq_ignore_ascii_case(&own)) {
                let text = "the next page of the list is on another host".to_owned();
                return Err(Failure::of(doing, Cause::Unreadable(text)));
            }
            if seen.contains(next) {
                let text = "the list comes back to a page that was read".to_owned();
                return Err(Failure::of(doing, Cause::Unreadable(text)));
            }
            call = Call::new(doing, Method::GET, next, &self.scope);
        }
        let text = format!("the list has more than {MOST_PAGES} pages");
        Err(Failure::of(doing, Cause::Unreadable(text)))
    }

    /// Writes the whole of a resource. Repeated only where Azure certainly did not act; who sends it looks after a lost answer.
    pub async fn put(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let call = self.request(doing, Method::PUT, &path, api).json(body);
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
        let call = self.request(doing, Method::PATCH, &path, api).json(body);
        self.change(call, api).await
    }

    /// Asks for something to be done or looked up: never repeated where Azure may have acted.
    pub async fn post(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
        body: &Value,
    ) -> Result<Changed, Failure> {
        let call = self.request(doing, Method::POST, &path, api).json(body);
        self.change(call, api).await
    }

    /// Deletes a resource; `None` if there is none, or it is gone at once.
    pub async fn delete(
        &self,
        doing: &str,
        path: impl Display,
        api: &str,
    ) -> Result<Option<Started>, Failure> {
        let call = self.request(doing, Method::DELETE, &path, api);
        match self.change(call.repeated(Repeat::Always), api).await {
            Ok(changed) if changed.status == StatusCode::NO_CONTENT => Ok(None),
            Ok(changed) => Ok(Some(changed.started)),
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn change(&self, call: Call, api: &str) -> Result<Changed, Failure> {
        let answer = self.send_in(call, api).await?;
        Ok(Changed {
            status: answer.status(),
            resource: serde_json::from_slice(answer.body()).unwrap_or_default(),
            started: Started::from_headers(&self.client, self.base(), answer.headers()),
        })
    }

    /// Only the image builder's calls step back to an older version.
    async fn send_in(&self, call: Call, api: &str) -> Result<Response<Bytes>, Failure> {
        if api == super::api::IMAGE_TEMPLATES {
            self.send(call).await
        } else {
            self.client.send(&call).await
        }
    }
}

impl Failure {
    /// Something that went wrong at the first try, or before any.
    pub fn of(doing: impl Into<String>, cause: Cause) -> Self {
        Self {
            doing: doing.into(),
            cause,
            tries: 1,
            elapsed: Duration::ZERO,
            request_id: None,
        }
    }
}
