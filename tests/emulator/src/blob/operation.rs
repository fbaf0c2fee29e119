//! Which operation a request asks for, and what each of them may carry.
//!
//! Strict: a query parameter or `x-ms-` header that the operation does not know here is refused by name, as in
//! [Azurite's strict mode](https://github.com/Azure/Azurite#strict-mode). The real service ignores some of them.

use http::{HeaderMap, Method};

use super::failure::Failure;
use super::target::Target;

/// The operations of the emulated service, named as in
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    ListContainers,
    GetUserDelegationKey,
    CreateContainer,
    GetContainerProperties,
    DeleteContainer,
    ListBlobs,
    PutBlob,
    PutBlock,
    PutBlockList,
    GetBlockList,
    GetBlob,
    GetBlobProperties,
    SetBlobMetadata,
    DeleteBlob,
}

/// What a role must grant for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Read,
    Write,
    Delegate,
}

/// Parameters of a SAS that take part in its check.
const SAS_PARAMETERS: [&str; 19] = [
    "sv", "st", "se", "sp", "spr", "sr", "sig", "skoid", "sktid", "skt", "ske", "sks", "skv",
    "scid", "rscc", "rscd", "rsce", "rscl", "rsct",
];
const ANY_HEADERS: [&str; 4] = [
    "x-ms-version",
    "x-ms-date",
    "x-ms-client-request-id",
    "x-ms-return-client-request-id",
];
const CONTENT_HEADERS: [&str; 6] = [
    "x-ms-blob-content-type",
    "x-ms-blob-content-encoding",
    "x-ms-blob-content-language",
    "x-ms-blob-content-md5",
    "x-ms-blob-cache-control",
    "x-ms-blob-content-disposition",
];

impl Operation {
    /// Finds the operation, and checks that the request carries nothing unknown.
    pub(super) fn identify(
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
    ) -> Result<Self, Failure> {
        let restype = target.parameter("restype");
        let comp = target.parameter("comp");
        let operation = match (&target.container, &target.blob) {
            (None, _) => Self::of_service(method, restype, comp),
            (Some(_), None) => Self::of_container(method, restype, comp),
            (Some(_), Some(_)) => Self::of_blob(method, restype, comp),
        };
        let operation = operation.ok_or_else(|| {
            let level = match (&target.container, &target.blob) {
                (None, _) => "the service",
                (Some(_), None) => "a container",
                _ => "a blob",
            };
            let (restype, comp) = (restype.unwrap_or_default(), comp.unwrap_or_default());
            Failure::not_emulated(&format!(
                "the operation {method} on {level} with restype='{restype}' and comp='{comp}'"
            ))
        })?;
        operation.check_query(target)?;
        operation.check_headers(headers)?;
        Ok(operation)
    }

    fn of_service(method: &Method, restype: Option<&str>, comp: Option<&str>) -> Option<Self> {
        match (method.as_str(), restype, comp) {
            ("GET", None, Some("list")) => Some(Self::ListContainers),
            ("POST", Some("service"), Some("userdelegationkey")) => {
                Some(Self::GetUserDelegationKey)
            }
            _ => None,
        }
    }

    fn of_container(method: &Method, restype: Option<&str>, comp: Option<&str>) -> Option<Self> {
        match (method.as_str(), restype, comp) {
            ("PUT", Some("container"), None) => Some(Self::CreateContainer),
            ("GET" | "HEAD", Some("container"), None) => Some(Self::GetContainerProperties),
            ("DELETE", Some("container"), None) => Some(Self::DeleteContainer),
            ("GET", Some("container"), Some("list")) => Some(Self::ListBlobs),
            _ => None,
        }
    }

    fn of_blob(method: &Method, restype: Option<&str>, comp: Option<&str>) -> Option<Self> {
        match (method.as_str(), restype, comp) {
            ("PUT", None, None) => Some(Self::PutBlob),
            ("PUT", None, Some("block")) => Some(Self::PutBlock),
            ("PUT", None, Some("blocklist")) => Some(Self::PutBlockList),
            ("PUT", None, Some("metadata")) => Some(Self::SetBlobMetadata),
            ("GET", None, Some("blocklist")) => Some(Self::GetBlockList),
            ("GET", None, None) => Some(Self::GetBlob),
            ("HEAD", None, None) => Some(Self::GetBlobProperties),
            ("DELETE", None, None) => Some(Self::DeleteBlob),
            _ => None,
        }
    }

    fn check_query(self, target: &Target) -> Result<(), Failure> {
        let known: &[&str] = match self {
            Self::ListContainers | Self::ListBlobs => {
                &["prefix", "marker", "maxresults", "delimiter", "include"]
            }
            Self::PutBlock => &["blockid"],
            Self::GetBlockList => &["blocklisttype"],
            _ => &[],
        };
        let signed = target.parameter("sig").is_some();
        for (index, (name, value)) in target.query.iter().enumerate() {
            let name = name.as_str();
            let accepted = matches!(name, "restype" | "comp" | "timeout")
                || known.contains(&name)
                || (signed && SAS_PARAMETERS.contains(&name));
            if !accepted {
                return Err(Failure::not_emulated(&format!(
                    "the query parameter '{name}' here"
                )));
            }
            let repeated = target
                .query
                .iter()
                .take(index)
                .any(|(earlier, _)| earlier == name);
            if repeated || (name == "timeout" && value.parse::<u32>().is_err()) {
                return Err(Failure::query_value(name, value));
            }
        }
        Ok(())
    }

    fn check_headers(self, headers: &HeaderMap) -> Result<(), Failure> {
        for name in headers
            .keys()
            .map(http::HeaderName::as_str)
            .filter(|name| name.starts_with("x-ms-"))
        {
            let metadata = name.starts_with("x-ms-meta-");
            let known = match self {
                Self::CreateContainer => metadata || name == "x-ms-blob-public-access",
                Self::PutBlob => {
                    metadata || name == "x-ms-blob-type" || CONTENT_HEADERS.contains(&name)
                }
                // Ignored, as in the real service: the client library for Python repeats the blob's metadata with every block.
                Self::PutBlock | Self::SetBlobMetadata => metadata,
                Self::PutBlockList => metadata || CONTENT_HEADERS.contains(&name),
                Self::GetBlob => matches!(name, "x-ms-range" | "x-ms-range-get-content-md5"),
                Self::DeleteBlob => name == "x-ms-delete-snapshots",
                _ => false,
            };
            if !known && !ANY_HEADERS.contains(&name) {
                return Err(Failure::not_emulated(&format!("the header '{name}' here")));
            }
        }
        Ok(())
    }

    /// What a role must grant:
    /// <https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-blob-service-operations>.
    pub(super) fn right(self) -> Right {
        match self {
            Self::GetUserDelegationKey => Right::Delegate,
            Self::ListContainers
            | Self::GetContainerProperties
            | Self::ListBlobs
            | Self::GetBlockList
            | Self::GetBlob
            | Self::GetBlobProperties => Right::Read,
            Self::CreateContainer
            | Self::DeleteContainer
            | Self::PutBlob
            | Self::PutBlock
            | Self::PutBlockList
            | Self::SetBlobMetadata
            | Self::DeleteBlob => Right::Write,
        }
    }

    /// The SAS permissions of which one is needed; none for operations that a service SAS never allows:
    /// <https://learn.microsoft.com/rest/api/storageservices/create-service-sas#permissions-for-a-directory-container-or-blob>.
    pub(super) fn sas_permissions(self) -> &'static str {
        match self {
            Self::GetBlockList | Self::GetBlob | Self::GetBlobProperties => "r",
            Self::PutBlob => "cw",
            Self::PutBlock | Self::PutBlockList | Self::SetBlobMetadata => "w",
            Self::DeleteBlob => "d",
            Self::ListBlobs => "l",
            Self::ListContainers
            | Self::GetUserDelegationKey
            | Self::CreateContainer
            | Self::GetContainerProperties
            | Self::DeleteContainer => "",
        }
    }
}
