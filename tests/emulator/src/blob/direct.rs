//! What the emulator's other services and the tests do with blobs, without a request: look, write as the platform, fetch as somebody.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use time::OffsetDateTime;

use super::access::Access;
use super::failure::Failure;
use super::format::sign;
use super::operation::Operation;
use super::store::{Blob, Committed, Container, Properties};
use super::target::Target;
use super::{BlobAccount, BlobService, Call};

/// A blob as [`BlobService::blobs`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobEntry {
    /// The storage account.
    pub account: String,
    /// The container.
    pub container: String,
    /// The blob's name.
    pub name: String,
    /// The number of bytes.
    pub length: usize,
}

impl BlobService {
    /// A link that reads a blob until a time, signed with the key of its account; none for an account that is not there.
    pub(crate) fn read_link(
        &self,
        endpoint: &str,
        (account, container, blob): (&str, &str, &str),
        expiry: OffsetDateTime,
    ) -> Option<String> {
        let key = &self.account_settings(account)?.key_base64;
        let (version, permissions) = ("2020-10-02", "r");
        let expiry = crate::clock::seconds(expiry);
        let resource = format!("/blob/{account}/{container}/{blob}");
        let lines = [
            permissions,
            "",
            &expiry,
            &resource,
            "",
            "",
            "https",
            version,
            "b",
            "",
            "",
            "",
            "",
            "",
            "",
        ];
        let signature = sign(key, &lines.join("\n"))?;
        let mut link = url::Url::parse(&format!("{endpoint}{container}/{blob}")).ok()?;
        link.query_pairs_mut()
            .append_pair("sv", version)
            .append_pair("spr", "https")
            .append_pair("se", &expiry)
            .append_pair("sr", "b")
            .append_pair("sp", permissions)
            .append_pair("sig", &signature);
        Some(link.into())
    }

    /// Whether a blob exists and is committed.
    pub fn exists(&self, account: &str, container: &str, blob: &str) -> bool {
        self.blob(account, container, blob).is_some()
    }

    /// A blob's contents.
    pub fn blob(&self, account: &str, container: &str, blob: &str) -> Option<&[u8]> {
        let container = self
            .containers
            .get(&(account.to_owned(), container.to_owned()))?;
        container
            .committed(blob)
            .map(|committed| committed.content.as_ref())
    }

    /// All committed blobs.
    pub fn blobs(&self) -> Vec<BlobEntry> {
        let all = self
            .containers
            .iter()
            .flat_map(|((account, container), contents)| {
                contents.blobs.iter().filter_map(|(name, blob)| {
                    let length = blob.committed.as_ref()?.content.len();
                    Some(BlobEntry {
                        account: account.clone(),
                        container: container.clone(),
                        name: name.clone(),
                        length,
                    })
                })
            });
        all.collect()
    }

    /// An account's settings.
    pub fn account_settings(&self, account: &str) -> Option<&BlobAccount> {
        self.settings.accounts.get(account)
    }

    /// Adds an account, or changes its key, switches and roles; its contents stay.
    pub fn set_account(&mut self, account: impl Into<String>, settings: BlobAccount) {
        self.settings.accounts.insert(account.into(), settings);
    }

    /// Removes an account with everything in it.
    pub fn remove_account(&mut self, account: &str) {
        self.settings.accounts.remove(account);
        self.containers.retain(|(owner, _), _| owner != account);
        self.blocked_until.retain(|(owner, _), _| owner != account);
        self.keys.retain(|key| key.account != account);
    }

    /// Fetches a link as anybody would who was given it, without any credential beside the link's own.
    ///
    /// The error says what the service answered; it never repeats the link.
    pub fn read_with_link(&self, link: &url::Url, now: OffsetDateTime) -> Result<Bytes, String> {
        let request = Request::get(link.as_str())
            .body(Bytes::new())
            .map_err(|error| format!("the link is no address: {error}"))?;
        let answer = self.read(&request, now).map_err(|failure| {
            format!(
                "{} {}: {}",
                failure.status.as_u16(),
                failure.code,
                failure.message
            )
        })?;
        Ok(answer.into_body())
    }

    /// Fetches a blob on behalf of a principal, such as the managed identity of an image template; `principal` is its object id.
    ///
    /// The error says what the service would answer.
    pub fn read_as(
        &self,
        address: &url::Url,
        principal: &str,
        now: OffsetDateTime,
    ) -> Result<Bytes, String> {
        let shown = |failure: Failure| {
            format!(
                "{} {}: {}",
                failure.status.as_u16(),
                failure.code,
                failure.message
            )
        };
        let request = Request::get(address.as_str())
            .body(Bytes::new())
            .map_err(|error| format!("the address is malformed: {error}"))?;
        let target = Target::read(&request, &self.settings.path_style_hosts).map_err(shown)?;
        let operation =
            Operation::identify(request.method(), &target, request.headers()).map_err(shown)?;
        if !self
            .account(&target)
            .map_err(shown)?
            .allows(&[principal], operation.right())
        {
            return Err(shown(Failure::permission()));
        }
        let access = Access::Principal {
            object: principal.to_owned(),
            tenant: self.settings.tenant.clone(),
        };
        let answer = self
            .get_blob(&Call {
                request: &request,
                target: &target,
                access,
                now,
            })
            .map_err(shown)?;
        Ok(answer.into_body())
    }

    fn read(
        &self,
        request: &Request<Bytes>,
        now: OffsetDateTime,
    ) -> Result<Response<Bytes>, Failure> {
        let target = Target::read(request, &self.settings.path_style_hosts)?;
        let operation = Operation::identify(request.method(), &target, request.headers())?;
        let access = self.authorize(self.account(&target)?, (request, &target, operation), now)?;
        if operation != Operation::GetBlob {
            return Err(Failure::not_emulated("a link that addresses no blob"));
        }
        self.get_blob(&Call {
            request,
            target: &target,
            access,
            now,
        })
    }

    /// Writes a blob as the platform itself does, without authorization; creates account and container where they are missing.
    ///
    /// A new account accepts its key and has no roles. The blob is dated by the latest request.
    pub fn put_from_service(&mut self, account: &str, container: &str, blob: &str, content: Bytes) {
        if !self.settings.accounts.contains_key(account) {
            let key = format!("{account:-<64}");
            let key_base64 =
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key);
            self.set_account(
                account,
                BlobAccount {
                    key_base64,
                    allow_shared_key: true,
                    roles: BTreeMap::new(),
                },
            );
        }
        self.put_container(account, container);
        let etag = self.next_etag();
        if let Some(container) = self
            .containers
            .get_mut(&(account.to_owned(), container.to_owned()))
        {
            let properties = Properties {
                content_type: "application/octet-stream".into(),
                ..Properties::default()
            };
            let committed = Committed::whole(content, properties, etag, self.latest);
            container.blobs.insert(
                blob.to_owned(),
                Blob {
                    committed: Some(committed),
                    uncommitted: BTreeMap::new(),
                },
            );
        }
    }

    /// Gives a blob this metadata, as of `now`.
    pub fn describe(
        &mut self,
        (account, container, blob): (&str, &str, &str),
        metadata: &[(&str, &str)],
        now: OffsetDateTime,
    ) {
        let container = (account.to_owned(), container.to_owned());
        let container = self.containers.get_mut(&container);
        let blob = container.and_then(|container| container.blobs.get_mut(blob));
        if let Some(committed) = blob.and_then(|blob| blob.committed.as_mut()) {
            let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            committed.properties.metadata = metadata.iter().map(text).collect();
            committed.modified = now;
        }
    }

    /// Creates a container where it is missing, as the management plane does.
    pub fn put_container(&mut self, account: &str, container: &str) {
        let etag = self.next_etag();
        let key = (account.to_owned(), container.to_owned());
        self.containers
            .entry(key)
            .or_insert_with(|| Container::new(etag, Vec::new(), self.latest));
    }
}
