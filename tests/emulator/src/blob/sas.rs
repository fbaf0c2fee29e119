//! Shared access signatures: service SAS
//! (<https://learn.microsoft.com/rest/api/storageservices/create-service-sas>) and user delegation SAS
//! (<https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas>), versions 2018-11-09 and later.

use time::OffsetDateTime;

use super::failure::Failure;
use super::format::{http_date, parse_iso, sign};
use super::target::Target;

/// The permission letters in the order in which a SAS must name them.
const ORDER: &str = "racwdxyltmeopif";
/// The first versions in which a field was added to the text that is signed.
const WITH_SCOPE: &str = "2020-12-06";
const WITH_CORRELATION: &str = "2020-02-10";
const WITH_DELEGATED_USER: &str = "2025-07-05";
const WITH_REQUEST_PARTS: &str = "2026-04-06";
const FIRST_VERSION: &str = "2018-11-09";

/// A SAS as it stands in a request's query.
pub(super) struct Sas<'a> {
    target: &'a Target,
}

/// A user delegation key as the service remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DelegationKey {
    pub(super) account: String,
    pub(super) object: String,
    pub(super) tenant: String,
    pub(super) start: String,
    pub(super) expiry: String,
    pub(super) version: String,
    /// base64
    pub(super) value: String,
}

impl<'a> Sas<'a> {
    /// The SAS of a request, if it carries one.
    pub(super) fn of(target: &'a Target) -> Option<Self> {
        target.parameter("sig").map(|_| Self { target })
    }

    fn get(&self, name: &str) -> &'a str {
        self.target.parameter(name).unwrap_or_default()
    }

    pub(super) fn version(&self) -> &'a str {
        self.get("sv")
    }

    pub(super) fn permissions(&self) -> &'a str {
        self.get("sp")
    }

    pub(super) fn is_user_delegation(&self) -> bool {
        self.target.parameter("skoid").is_some()
    }

    /// Checks everything but who may do what: form, versions, times, protocol, resource, signature.
    ///
    /// Answers the delegation key of a user delegation SAS, `None` for a service SAS.
    pub(super) fn check<'k>(
        &self,
        account_key: &str,
        keys: &'k [DelegationKey],
        versions: &[String],
        now: OffsetDateTime,
    ) -> Result<Option<&'k DelegationKey>, Failure> {
        self.check_form(versions)?;
        let key = if self.is_user_delegation() {
            Some(self.delegation_key(keys, now)?)
        } else {
            None
        };
        let text = self.string_to_sign();
        let expected = sign(key.map_or(account_key, |key| key.value.as_str()), &text);
        if expected.as_deref() != Some(self.get("sig")) {
            return Err(Failure::authentication(format!(
                "Signature did not match. String to sign used was {text}"
            )));
        }
        Self::check_times(self.get("st"), self.get("se"), now)?;
        if self.get("spr") == "https" && !self.target.https {
            let message =
                "This request is not authorized to perform this operation using this protocol.";
            return Err(Failure::new(
                http::StatusCode::FORBIDDEN,
                "AuthorizationProtocolMismatch",
                message,
            ));
        }
        Ok(key)
    }

    fn check_form(&self, versions: &[String]) -> Result<(), Failure> {
        let malformed = || Err(Failure::authentication("Signature fields not well formed."));
        let version = self.version();
        if !versions.iter().any(|known| known == version) || version < FIRST_VERSION {
            return Err(Failure::authentication(format!(
                "Signed version '{version}' is not supported."
            )));
        }
        for mandatory in ["se", "sp"] {
            if self.get(mandatory).is_empty() {
                return Err(Failure::authentication(format!(
                    "{mandatory} is mandatory. Cannot be empty"
                )));
            }
        }
        let mut rest = ORDER.chars();
        if !self
            .permissions()
            .chars()
            .all(|letter| rest.any(|known| known == letter))
        {
            return malformed();
        }
        match self.get("sr") {
            "c" => {}
            "b" if self.target.blob.is_some() => {}
            "b" => {
                return Err(Failure::authentication(
                    "Signature did not match. The signed resource is a blob, the request addresses none.",
                ));
            }
            "bs" | "bv" | "d" => {
                return Err(Failure::not_emulated(
                    "a SAS for a snapshot, a version or a directory",
                ));
            }
            _ => return malformed(),
        }
        if !matches!(self.get("spr"), "" | "https" | "https,http")
            || parse_iso(self.get("se")).is_none()
        {
            return malformed();
        }
        if !self.get("st").is_empty() && parse_iso(self.get("st")).is_none() {
            return malformed();
        }
        Ok(())
    }

    /// The key that this service issued with exactly these fields.
    fn delegation_key<'k>(
        &self,
        keys: &'k [DelegationKey],
        now: OffsetDateTime,
    ) -> Result<&'k DelegationKey, Failure> {
        let fields = ["skoid", "sktid", "skt", "ske", "skv"].map(|name| self.get(name));
        let key = keys.iter().find(|key| {
            key.account == self.target.account
                && [
                    &key.object,
                    &key.tenant,
                    &key.start,
                    &key.expiry,
                    &key.version,
                ]
                .map(String::as_str)
                    == fields
                && self.get("sks") == "b"
        });
        let key = key.ok_or_else(|| {
            Failure::authentication("Signature validation failed. Signature key not found.")
        })?;
        Self::check_times(&key.start, &key.expiry, now)?;
        Ok(key)
    }

    fn check_times(start: &str, expiry: &str, now: OffsetDateTime) -> Result<(), Failure> {
        let started = parse_iso(start).is_none_or(|start| start <= now);
        if started && parse_iso(expiry).is_some_and(|expiry| now < expiry) {
            return Ok(());
        }
        let shown = |text: &str| parse_iso(text).map(http_date).unwrap_or_default();
        Err(Failure::authentication(format!(
            "Signature not valid in the specified time frame: Start [{}] - Expiry [{}] - Current [{}]",
            shown(start),
            shown(expiry),
            http_date(now)
        )))
    }

    /// The text that is signed; which fields it has depends on the version.
    fn string_to_sign(&self) -> String {
        let version = self.version();
        let resource = self.target.canonical(self.get("sr") == "c");
        let mut lines = vec![self.get("sp"), self.get("st"), self.get("se"), &resource];
        if self.is_user_delegation() {
            lines.extend(["skoid", "sktid", "skt", "ske", "sks", "skv"].map(|name| self.get(name)));
            if version >= WITH_CORRELATION {
                // Authorized and unauthorized object id exist for hierarchical namespaces only; they are refused by name before.
                lines.extend(["", "", self.get("scid")]);
            }
            if version >= WITH_DELEGATED_USER {
                lines.extend(["", ""]);
            }
        } else {
            lines.push(""); // A stored access policy, refused by name before.
        }
        // The second field is the snapshot's time, the first the range of client addresses.
        lines.extend(["", self.get("spr"), version, self.get("sr"), ""]);
        if version >= WITH_SCOPE {
            lines.push("");
        }
        if self.is_user_delegation() && version >= WITH_REQUEST_PARTS {
            lines.extend(["", ""]);
        }
        lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(|name| self.get(name)));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests;
