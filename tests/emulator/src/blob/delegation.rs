//! User delegation keys: <https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key>.

use bytes::Bytes;
use http::{Response, header};
use time::{Duration, OffsetDateTime};

use super::failure::{Failure, set};
use super::format::{children, element, iso_seconds, parse_iso, sign};
use super::sas::DelegationKey;
use super::store::text;
use super::{Access, BlobService, Call};

/// The longest time for which a key may be asked, counted from the moment of the request.
const LONGEST: Duration = Duration::days(7);

impl BlobService {
    pub(super) fn get_user_delegation_key(
        &mut self,
        call: &Call<'_>,
    ) -> Result<Response<Bytes>, Failure> {
        let Access::Principal { object, tenant } = &call.access else {
            return Err(Failure::authentication(
                "Only authentication scheme Bearer is supported.",
            ));
        };
        let (start, expiry) = period(call.request.body(), call.now)?;
        let mut key = DelegationKey {
            account: call.target.account.clone(),
            object: object.clone(),
            tenant: tenant.clone(),
            start: iso_seconds(start),
            expiry: iso_seconds(expiry),
            version: text(call.request.headers(), "x-ms-version").to_owned(),
            value: String::new(),
        };
        // Any value will do that nobody without the account's key can guess.
        let fields = [
            &key.object,
            &key.tenant,
            &key.start,
            &key.expiry,
            &key.version,
        ]
        .map(String::as_str)
        .join("\n");
        let account_key = &self.account(call.target)?.key_base64;
        key.value = sign(account_key, &fields).ok_or_else(|| {
            Failure::new(
                http::StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "The account's key is not base64.",
            )
        })?;
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>{}{}{}{}{}{}{}</UserDelegationKey>",
            element("SignedOid", &key.object),
            element("SignedTid", &key.tenant),
            element("SignedStart", &key.start),
            element("SignedExpiry", &key.expiry),
            element("SignedService", "b"),
            element("SignedVersion", &key.version),
            element("Value", &key.value),
        );
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
        let mut response = Response::new(Bytes::from(document));
        set(
            response.headers_mut(),
            header::CONTENT_TYPE,
            "application/xml",
        );
        Ok(response)
    }
}

/// Reads and checks `KeyInfo`; a missing start is the moment of the request.
fn period(body: &[u8], now: OffsetDateTime) -> Result<(OffsetDateTime, OffsetDateTime), Failure> {
    let children = children(body, "KeyInfo").ok_or_else(|| {
        Failure::bad(
            "InvalidXmlDocument",
            "XML specified is not syntactically valid.",
        )
    })?;
    let (mut start, mut expiry) = (now, None);
    for (name, value) in children {
        let invalid = || {
            let message = "The value for one of the XML nodes is not in the correct format.";
            Failure::bad("InvalidXmlNodeValue", message)
                .with("XmlNodeName", name.clone())
                .with("XmlNodeValue", value.clone())
        };
        let time = parse_iso(&value).ok_or_else(invalid)?;
        match name.as_str() {
            "Start" => start = time,
            "Expiry" if time > now && time - now <= LONGEST => expiry = Some(time),
            "Expiry" => return Err(invalid()),
            other => {
                return Err(Failure::not_emulated(&format!(
                    "the XML node '{other}' of KeyInfo"
                )));
            }
        }
    }
    let expiry = expiry.filter(|expiry| start < *expiry);
    let message = "A required XML node was not specified in the request body.";
    let expiry = expiry.ok_or_else(|| {
        Failure::bad("MissingRequiredXmlNode", message).with("XmlNodeName", "Expiry")
    })?;
    Ok((start, expiry))
}
