//! What the blob service is told: accounts, roles, versions, switches.

use std::collections::BTreeMap;

use time::Duration;

/// The versions of the service that this one accepts unless told otherwise: those that Microsoft's clients name, since bearer tokens exist.
pub const SERVICE_VERSIONS: [&str; 36] = [
    "2017-11-09",
    "2018-03-28",
    "2018-11-09",
    "2019-02-02",
    "2019-07-07",
    "2019-10-10",
    "2019-12-12",
    "2020-02-10",
    "2020-04-08",
    "2020-06-12",
    "2020-08-04",
    "2020-10-02",
    "2020-12-06",
    "2021-02-12",
    "2021-04-10",
    "2021-06-08",
    "2021-08-06",
    "2021-10-04",
    "2021-12-02",
    "2022-11-02",
    "2023-01-03",
    "2023-05-03",
    "2023-08-03",
    "2023-11-03",
    "2024-02-04",
    "2024-05-04",
    "2024-08-04",
    "2024-11-04",
    "2025-01-05",
    "2025-05-05",
    "2025-07-05",
    "2025-11-05",
    "2026-02-06",
    "2026-04-06",
    "2026-06-06",
    "2026-10-06",
];

/// What the service knows.
#[derive(Debug, Clone)]
pub struct BlobSettings {
    /// Storage accounts by name.
    pub accounts: BTreeMap<String, BlobAccount>,
    /// The issuer of accepted access tokens, `https://sts.windows.net/{tenant}/`.
    pub issuer: String,
    /// The tenant of the accounts.
    pub tenant: String,
    /// Where the challenge of a 401 answer sends clients to sign in.
    pub authority: String,
    /// Accepted values of `x-ms-version` and `sv`.
    pub service_versions: Vec<String>,
    /// Hosts, beside loopback names and IP addresses, whose path starts with the account's name.
    pub path_style_hosts: Vec<String>,
    /// How long a deleted container's name stays blocked (409 `ContainerBeingDeleted`).
    pub container_deletion: Duration,
    /// How far the date of a request that is signed with a key may be from the service's clock.
    pub clock_skew: Duration,
}

impl BlobSettings {
    /// Settings without accounts: all of [`SERVICE_VERSIONS`], the public cloud's authority, and the 30 seconds for which, as
    /// [documented](https://learn.microsoft.com/rest/api/storageservices/delete-container#remarks), a deleted container's name stays blocked.
    pub fn new(issuer: impl Into<String>, tenant: impl Into<String>) -> Self {
        Self {
            accounts: BTreeMap::new(),
            issuer: issuer.into(),
            tenant: tenant.into(),
            authority: "https://login.microsoftonline.com".into(),
            service_versions: SERVICE_VERSIONS.map(str::to_owned).into(),
            path_style_hosts: Vec::new(),
            container_deletion: Duration::seconds(30),
            clock_skew: Duration::minutes(15),
        }
    }
}

/// A storage account as its data plane knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobAccount {
    /// The account key, base64.
    pub key_base64: String,
    /// `allowSharedKeyAccess` of the account: whether Shared Key and service SAS are accepted.
    pub allow_shared_key: bool,
    /// Roles by object id or client id of a principal; `any` stands for every principal.
    pub roles: BTreeMap<String, Vec<BlobRole>>,
}

/// The built-in roles of the data plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobRole {
    /// Storage Blob Data Reader: read, list, ask for user delegation keys.
    Reader,
    /// Storage Blob Data Contributor: everything.
    Contributor,
    /// Storage Blob Delegator: ask for user delegation keys, nothing else.
    Delegator,
}
