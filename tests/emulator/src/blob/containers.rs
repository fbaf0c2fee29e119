//! Containers: <https://learn.microsoft.com/rest/api/storageservices/operations-on-containers>.

use bytes::Bytes;
use http::{HeaderName, Response, StatusCode, header};
use time::OffsetDateTime;

use super::failure::{Failure, set};
use super::format::http_date;
use super::store::{Container, metadata, text};
use super::{BlobService, Call};

impl Call<'_> {
    /// The key under which the addressed container is kept.
    pub(super) fn container_key(&self) -> (String, String) {
        (
            self.target.account.clone(),
            self.target.container.clone().unwrap_or_default(),
        )
    }
}

impl BlobService {
    pub(super) fn container(&self, call: &Call<'_>) -> Result<&Container, Failure> {
        self.containers
            .get(&call.container_key())
            .ok_or_else(Failure::container_not_found)
    }

    pub(super) fn container_mut(&mut self, call: &Call<'_>) -> Result<&mut Container, Failure> {
        self.containers
            .get_mut(&call.container_key())
            .ok_or_else(Failure::container_not_found)
    }

    pub(super) fn create_container(&mut self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let key = call.container_key();
        if !is_container_name(&key.1) {
            // The spelling is the service's own.
            return Err(Failure::bad(
                "InvalidResourceName",
                "The specifed resource name contains invalid characters.",
            ));
        }
        if !text(call.request.headers(), "x-ms-blob-public-access").is_empty() {
            let message = "Public access is not permitted on this storage account.";
            return Err(Failure::new(
                StatusCode::CONFLICT,
                "PublicAccessNotPermitted",
                message,
            ));
        }
        if self.containers.contains_key(&key) {
            return Err(Failure::new(
                StatusCode::CONFLICT,
                "ContainerAlreadyExists",
                "The specified container already exists.",
            ));
        }
        if self
            .blocked_until
            .get(&key)
            .is_some_and(|until| call.now < *until)
        {
            let message = "The specified container is being deleted. Try operation later.";
            return Err(Failure::new(
                StatusCode::CONFLICT,
                "ContainerBeingDeleted",
                message,
            ));
        }
        let container =
            Container::new(self.next_etag(), metadata(call.request.headers()), call.now);
        let response = stamped(StatusCode::CREATED, &container.etag, container.modified);
        self.containers.insert(key, container);
        Ok(response)
    }

    pub(super) fn get_container_properties(
        &self,
        call: &Call<'_>,
    ) -> Result<Response<Bytes>, Failure> {
        let container = self.container(call)?;
        let mut response = stamped(StatusCode::OK, &container.etag, container.modified);
        let headers = response.headers_mut();
        for (name, value) in [
            ("x-ms-lease-status", "unlocked"),
            ("x-ms-lease-state", "available"),
            ("x-ms-has-immutability-policy", "false"),
            ("x-ms-has-legal-hold", "false"),
        ] {
            set(headers, HeaderName::from_static(name), value);
        }
        set_metadata(headers, &container.metadata);
        Ok(response)
    }

    pub(super) fn delete_container(&mut self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let key = call.container_key();
        self.containers
            .remove(&key)
            .ok_or_else(Failure::container_not_found)?;
        self.blocked_until
            .insert(key, call.now + self.settings.container_deletion);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok(response)
    }
}

/// An answer that dates what it is about.
pub(super) fn stamped(status: StatusCode, etag: &str, modified: OffsetDateTime) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    set(response.headers_mut(), header::ETAG, etag);
    set(
        response.headers_mut(),
        header::LAST_MODIFIED,
        &http_date(modified),
    );
    response
}

pub(super) fn set_metadata(headers: &mut http::HeaderMap, metadata: &[(String, String)]) {
    for (name, value) in metadata {
        if let Ok(name) = HeaderName::try_from(format!("x-ms-meta-{name}")) {
            set(headers, name, value);
        }
    }
}

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#container-names>
fn is_container_name(name: &str) -> bool {
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let hyphens = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    (3..=63).contains(&name.len()) && letters && !hyphens
}
