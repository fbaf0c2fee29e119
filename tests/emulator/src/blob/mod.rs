//! The blob service of Azure Storage: block blobs, their containers, user delegation keys.
//!
//! Requests are read in host style and in path style, authorized in full (`access`, `shared_key`, `sas`), and answered from memory. It must know
//! nothing of Azure Resource Manager: accounts, keys and roles are given to it.

mod access;
mod blobs;
mod blocks;
mod conditions;
mod containers;
mod delegation;
mod direct;
mod failure;
mod format;
mod listing;
mod operation;
mod sas;
mod settings;
mod shared_key;
mod store;
mod target;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, header};
use time::OffsetDateTime;

use access::Access;
pub use direct::BlobEntry;
use failure::{Failure, set};
use operation::Operation;
use sas::DelegationKey;
pub use settings::{BlobAccount, BlobRole, BlobSettings, SERVICE_VERSIONS};
use store::Container;
use target::Target;

/// The emulated service.
#[derive(Debug)]
pub struct BlobService {
    settings: BlobSettings,
    /// Account, container.
    containers: BTreeMap<(String, String), Container>,
    /// When the name of a deleted container is free again.
    blocked_until: BTreeMap<(String, String), OffsetDateTime>,
    keys: Vec<DelegationKey>,
    requests: u64,
    changes: u64,
    /// The latest time that a request has named.
    latest: OffsetDateTime,
}

/// A request that has been understood.
struct Call<'r> {
    request: &'r Request<Bytes>,
    target: &'r Target,
    access: Access,
    now: OffsetDateTime,
}

impl BlobService {
    /// A service that holds nothing yet.
    pub fn new(settings: BlobSettings) -> Self {
        Self {
            settings,
            containers: BTreeMap::new(),
            blocked_until: BTreeMap::new(),
            keys: Vec::new(),
            requests: 0,
            changes: 0,
            latest: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Answers one request.
    pub fn answer(&mut self, request: &Request<Bytes>, now: OffsetDateTime) -> Response<Bytes> {
        self.requests += 1;
        self.latest = self.latest.max(now);
        let request_id = format!("b10b0000-0000-4000-8000-{:012x}", self.requests);
        let head = request.method() == Method::HEAD;
        let mut response = self
            .perform(request, now)
            .unwrap_or_else(|failure| failure.respond(head, &request_id, now));
        let length = response.body().len().to_string();
        let headers = response.headers_mut();
        if !head {
            set(headers, header::CONTENT_LENGTH, &length);
        }
        set(
            headers,
            header::SERVER,
            "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
        );
        set(headers, header::DATE, &format::http_date(now));
        set(
            headers,
            HeaderName::from_static("x-ms-request-id"),
            &request_id,
        );
        for echoed in ["x-ms-client-request-id", "x-ms-version"] {
            if let Some(value) = request.headers().get(echoed) {
                headers.insert(echoed, value.clone());
            }
        }
        response
    }

    fn perform(
        &mut self,
        request: &Request<Bytes>,
        now: OffsetDateTime,
    ) -> Result<Response<Bytes>, Failure> {
        let target = Target::read(request, &self.settings.path_style_hosts)?;
        let operation = Operation::identify(request.method(), &target, request.headers())?;
        let access = self.authorize(self.account(&target)?, (request, &target, operation), now)?;
        if matches!(*request.method(), Method::PUT | Method::POST) {
            require_length(request)?;
        }
        let call = Call {
            request,
            target: &target,
            access,
            now,
        };
        match operation {
            Operation::ListContainers => self.list_containers(&call),
            Operation::GetUserDelegationKey => self.get_user_delegation_key(&call),
            Operation::CreateContainer => self.create_container(&call),
            Operation::GetContainerProperties => self.get_container_properties(&call),
            Operation::DeleteContainer => self.delete_container(&call),
            Operation::ListBlobs => self.list_blobs(&call),
            Operation::PutBlob => self.put_blob(&call),
            Operation::PutBlock => self.put_block(&call),
            Operation::PutBlockList => self.put_block_list(&call),
            Operation::GetBlockList => self.get_block_list(&call),
            Operation::GetBlob => self.get_blob(&call),
            Operation::GetBlobProperties => self.get_blob_properties(&call),
            Operation::SetBlobMetadata => self.set_blob_metadata(&call),
            Operation::DeleteBlob => self.delete_blob(&call),
        }
    }

    fn account(&self, target: &Target) -> Result<&BlobAccount, Failure> {
        // The name of an account that does not exist has no address in real life; no answer of the service can be right here.
        self.settings.accounts.get(&target.account).ok_or_else(|| {
            let message = format!(
                "The emulator knows no storage account '{}'.",
                target.account
            );
            Failure::new(http::StatusCode::NOT_FOUND, "ResourceNotFound", message)
        })
    }

    /// A new entity tag, in the quoted form of the header.
    fn next_etag(&mut self) -> String {
        self.changes += 1;
        format!("\"0x8DE{:012X}\"", self.changes)
    }
}

fn require_length(request: &Request<Bytes>) -> Result<(), Failure> {
    let length = store::text(request.headers(), "content-length");
    if length.is_empty() {
        let message = "Content-Length HTTP header must be specified with the request.";
        return Err(Failure::new(
            http::StatusCode::LENGTH_REQUIRED,
            "MissingContentLengthHeader",
            message,
        ));
    }
    if length.parse() == Ok(request.body().len()) {
        Ok(())
    } else {
        Err(Failure::header_value("Content-Length", length))
    }
}

#[cfg(test)]
mod tests;
