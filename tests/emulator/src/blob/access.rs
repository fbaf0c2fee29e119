//! Who may do what: bearer tokens with roles, account keys, shared access signatures.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use time::OffsetDateTime;

use super::failure::Failure;
use super::operation::{Operation, Right};
use super::sas::Sas;
use super::target::Target;
use super::{BlobAccount, BlobRole, BlobService, shared_key};
use crate::tokens::{self, TokenProblem};

/// Bearer tokens are understood from this service version on.
const FIRST_BEARER_VERSION: &str = "2017-11-09";

/// On whose behalf a request is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// The account's owner.
    Key,
    /// A principal of the directory.
    Principal { object: String, tenant: String },
    /// The bearer of a link with these permissions.
    Link { permissions: String },
}

impl BlobRole {
    fn grants(self, right: Right) -> bool {
        match self {
            Self::Contributor => true,
            Self::Reader => matches!(right, Right::Read | Right::Delegate),
            Self::Delegator => right == Right::Delegate,
        }
    }
}

impl BlobAccount {
    /// Whether a principal, named by object id or client id, has a right.
    pub(super) fn allows(&self, names: &[&str], right: Right) -> bool {
        let roles = names
            .iter()
            .chain(&["any"])
            .filter_map(|name| self.roles.get(*name))
            .flatten();
        roles.copied().any(|role| role.grants(right))
    }
}

impl BlobService {
    /// Checks service version and authorization of a request.
    pub(super) fn authorize(
        &self,
        account: &BlobAccount,
        (request, target, operation): (&Request<Bytes>, &Target, Operation),
        now: OffsetDateTime,
    ) -> Result<Access, Failure> {
        let headers = request.headers();
        let authorization = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let version = self.version(request)?;
        match (authorization, Sas::of(target)) {
            (Some(_), Some(_)) => {
                let message = "Authentication information is not given in the correct format. Check the value of Authorization header.";
                Err(Failure::bad("InvalidAuthenticationInfo", message))
            }
            (None, Some(sas)) => self.authorize_link(account, &sas, target, operation, now),
            (None, None) => Err(Failure::anonymous(self.challenge())),
            (Some(text), None) => {
                if let Some(credentials) = text.strip_prefix("SharedKey ") {
                    version.ok_or_else(|| Failure::missing_header("x-ms-version"))?;
                    require_keys_allowed(account)?;
                    shared_key::check(
                        credentials,
                        &account.key_base64,
                        (request.method(), target, headers),
                        (now, self.settings.clock_skew),
                    )?;
                    return if operation == Operation::GetUserDelegationKey {
                        Err(Failure::authentication(
                            "Only authentication scheme Bearer is supported.",
                        ))
                    } else {
                        Ok(Access::Key)
                    };
                }
                self.authorize_token(account, (request, target, operation), version, now)
            }
        }
    }

    /// The `x-ms-version` of a request; a version that is not supported is refused.
    fn version<'r>(&self, request: &'r Request<Bytes>) -> Result<Option<&'r str>, Failure> {
        let Some(value) = request.headers().get("x-ms-version") else {
            return Ok(None);
        };
        let version = value.to_str().unwrap_or_default();
        if self
            .settings
            .service_versions
            .iter()
            .any(|known| known == version)
        {
            return Ok(Some(version));
        }
        Err(Failure::header_value("x-ms-version", version))
    }

    fn authorize_token(
        &self,
        account: &BlobAccount,
        (request, target, operation): (&Request<Bytes>, &Target, Operation),
        version: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Access, Failure> {
        if version.is_none_or(|version| version < FIRST_BEARER_VERSION) {
            return Err(Failure::authentication(
                "Authentication scheme Bearer is not supported in this version.",
            ));
        }
        if !target.https {
            return Err(Failure::authentication(
                "Authentication scheme Bearer is not allowed with HTTP.",
            ));
        }
        let own = [target.endpoint.clone(), format!("{}/", target.endpoint)];
        let [bare, with_slash] = &own;
        let audiences = [
            "https://storage.azure.com",
            "https://storage.azure.com/",
            bare,
            with_slash,
        ];
        let claims = tokens::verify(request.headers(), &audiences, &self.settings.issuer, now)
            .map_err(|problem| {
                let detail = match &problem {
                    TokenProblem::WrongIssuer { .. } => {
                        "Issuer validation failed. Issuer did not match.".to_owned()
                    }
                    TokenProblem::WrongAudience { .. } => {
                        "Audience validation failed. Audience did not match.".to_owned()
                    }
                    TokenProblem::NotYetValid => {
                        "Lifetime validation failed. The token is not yet valid.".to_owned()
                    }
                    TokenProblem::Expired => {
                        "Lifetime validation failed. The token is expired.".to_owned()
                    }
                    TokenProblem::Missing | TokenProblem::Malformed(_) => problem.to_string(),
                };
                Failure::token(detail, self.challenge())
            })?;
        if !account.allows(&[&claims.object, &claims.client], operation.right()) {
            return Err(Failure::permission());
        }
        Ok(Access::Principal {
            object: claims.object,
            tenant: claims.tenant,
        })
    }

    fn authorize_link(
        &self,
        account: &BlobAccount,
        sas: &Sas<'_>,
        target: &Target,
        operation: Operation,
        now: OffsetDateTime,
    ) -> Result<Access, Failure> {
        if !sas.is_user_delegation() {
            require_keys_allowed(account)?;
        }
        let key = sas.check(
            &account.key_base64,
            &self.keys,
            &self.settings.service_versions,
            now,
        )?;
        let needed = operation.sas_permissions();
        if needed.is_empty()
            || (operation == Operation::ListBlobs && target.parameter("sr") != Some("c"))
        {
            let message = "This request is not authorized to perform this operation.";
            return Err(Failure::new(
                StatusCode::FORBIDDEN,
                "AuthorizationFailure",
                message,
            ));
        }
        if !needed
            .chars()
            .any(|letter| sas.permissions().contains(letter))
        {
            return Err(Failure::permission());
        }
        // A user delegation SAS allows no more than the role of the user who signed it.
        if key.is_some_and(|key| !account.allows(&[&key.object], operation.right())) {
            return Err(Failure::permission());
        }
        Ok(Access::Link {
            permissions: sas.permissions().to_owned(),
        })
    }

    fn challenge(&self) -> String {
        format!(
            "Bearer authorization_uri={}/{}/oauth2/authorize resource_id=https://storage.azure.com",
            self.settings.authority, self.settings.tenant
        )
    }
}

fn require_keys_allowed(account: &BlobAccount) -> Result<(), Failure> {
    if account.allow_shared_key {
        return Ok(());
    }
    let message = "Key based authentication is not permitted on this storage account.";
    Err(Failure::new(
        StatusCode::FORBIDDEN,
        "KeyBasedAuthenticationNotPermitted",
        message,
    ))
}
