//! Access tokens: how the emulated services write them, and how they check them.
//!
//! A token is a JSON Web Token without a signature (`alg: none`), and **no signature is ever checked**: whoever can write a token is let in.
//! Checked are the form of the header and of the token, issuer, audience and times, as
//! [Azurite's OAuth level "basic"](https://github.com/Azure/Azurite#oauth-configuration) does it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What a checked access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `aud`: the service the token is for.
    pub audience: String,
    /// `iss`: who issued the token.
    pub issuer: String,
    /// `tid`: the tenant.
    pub tenant: String,
    /// `appid`: the application (client) id.
    pub client: String,
    /// `oid`: the object id of the principal, which role assignments name.
    pub object: String,
    /// `exp`: when the token stops to be valid, in seconds since 1970.
    pub expires: i64,
}

/// Why a service refuses a request's token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// There is no `Authorization: Bearer` header.
    #[error("the request carries no bearer token in its 'Authorization' header")]
    Missing,
    /// The header or the token has not the expected form.
    #[error("the access token is malformed: {0}")]
    Malformed(String),
    /// The token is for another service.
    #[error("the access token is for audience '{found}', which is not this service")]
    WrongAudience {
        /// The audience in the token.
        found: String,
    },
    /// The token was issued by somebody else.
    #[error("the access token was issued by '{found}', which this service does not trust")]
    WrongIssuer {
        /// The issuer in the token.
        found: String,
    },
    /// The token's `nbf` lies ahead.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// The token's `exp` has passed.
    #[error("the access token has expired")]
    Expired,
}

/// Checks the `Authorization: Bearer` header: form, issuer, audience, times.
///
/// Signatures are not checked: tokens are unsigned or carry a dummy signature. No clock skew is granted: a token is valid from `nbf` until the
/// moment before `exp`. (Real services grant about five minutes; a client must not count on it.)
pub fn verify(
    headers: &http::HeaderMap,
    audiences: &[&str],
    issuer: &str,
    now: OffsetDateTime,
) -> Result<Claims, TokenProblem> {
    let payload = decode(bearer(headers)?)
        .map_err(TokenProblem::Malformed)?
        .payload;
    let claims = Claims {
        audience: text(&payload, "aud")?,
        issuer: text(&payload, "iss")?,
        tenant: text(&payload, "tid")?,
        client: text(&payload, "appid")?,
        object: text(&payload, "oid")?,
        expires: seconds(&payload, "exp")?,
    };
    if claims.issuer != issuer {
        return Err(TokenProblem::WrongIssuer {
            found: claims.issuer,
        });
    }
    if !audiences.contains(&claims.audience.as_str()) {
        return Err(TokenProblem::WrongAudience {
            found: claims.audience,
        });
    }
    if seconds(&payload, "nbf")? > now.unix_timestamp() {
        return Err(TokenProblem::NotYetValid);
    }
    if claims.expires <= now.unix_timestamp() {
        return Err(TokenProblem::Expired);
    }
    Ok(claims)
}

/// The token of the `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &http::HeaderMap) -> Result<&str, TokenProblem> {
    let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
    let value = values.next().ok_or(TokenProblem::Missing)?;
    if values.next().is_some() {
        return Err(TokenProblem::Malformed(
            "the 'Authorization' header is sent more than once".into(),
        ));
    }
    let value = value.to_str().map_err(|_| {
        TokenProblem::Malformed("the 'Authorization' header is not ASCII text".into())
    })?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenProblem::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenProblem::Missing);
    }
    Ok(token.trim())
}

/// The readable parts of a JSON Web Token.
#[derive(Debug)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) payload: Value,
}

/// Takes a JSON Web Token in compact form apart. The third part, the signature, may be anything.
pub(crate) fn decode(token: &str) -> Result<Jwt, String> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("a JSON Web Token has three parts, separated by dots".into());
    };
    Ok(Jwt {
        header: object(header, "header")?,
        payload: object(payload, "payload")?,
    })
}

/// Writes an unsigned JSON Web Token with these claims.
pub(crate) fn encode(payload: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "none"});
    format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(payload.to_string())
    )
}

fn object(part: &str, name: &str) -> Result<Value, String> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| format!("its {name} is not base64url"))?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|_| format!("its {name} is not JSON"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(format!("its {name} is not a JSON object"))
    }
}

fn text(payload: &Value, name: &str) -> Result<String, TokenProblem> {
    let value = payload
        .get(name)
        .and_then(Value::as_str)
        .filter(|value| !value.is_empty());
    value
        .map(str::to_owned)
        .ok_or_else(|| TokenProblem::Malformed(format!("claim '{name}' is missing or not text")))
}

fn seconds(payload: &Value, name: &str) -> Result<i64, TokenProblem> {
    payload.get(name).and_then(Value::as_i64).ok_or_else(|| {
        TokenProblem::Malformed(format!(
            "claim '{name}' is missing or not a number of seconds"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const ISSUER: &str = "https://sts.windows.net/t/";

    fn claims() -> Value {
        let now = NOW.unix_timestamp();
        json!({"aud": "https://a/", "iss": ISSUER, "tid": "t", "appid": "c", "oid": "o", "nbf": now, "exp": now + 1})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn check(authorization: &str, expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        let found = verify(&headers, &["https://a", "https://a/"], ISSUER, NOW);
        let found = found
            .map(|claims| claims.object)
            .map_err(|problem| problem.to_string());
        assert_eq!(
            found,
            expected.map(str::to_owned).map_err(str::to_owned),
            "{authorization}"
        );
    }

    #[test]
    fn tokens_are_checked_but_for_their_signature() {
        let now = NOW.unix_timestamp();
        let good = encode(&claims());
        check(&format!("Bearer {good}"), Ok("o"));
        check(&format!("bearer {good}c2lnbmF0dXJl"), Ok("o"));
        let missing = "the request carries no bearer token in its 'Authorization' header";
        check(&format!("Basic {good}"), Err(missing));
        check("Bearer", Err(missing));
        check(
            "Bearer a.b",
            Err(
                "the access token is malformed: a JSON Web Token has three parts, separated by dots",
            ),
        );
        check(
            "Bearer !.b.c",
            Err("the access token is malformed: its header is not base64url"),
        );
        check(
            "Bearer e30.W10.c",
            Err("the access token is malformed: its payload is not a JSON object"),
        );
        let refused = |name: &str, value: Value, text: &str| {
            check(&format!("Bearer {}", encode(&with(name, value))), Err(text));
        };
        refused(
            "oid",
            Value::Null,
            "the access token is malformed: claim 'oid' is missing or not text",
        );
        refused(
            "exp",
            json!("soon"),
            "the access token is malformed: claim 'exp' is missing or not a number of seconds",
        );
        refused(
            "aud",
            json!("https://b/"),
            "the access token is for audience 'https://b/', which is not this service",
        );
        refused(
            "iss",
            json!("https://b/"),
            "the access token was issued by 'https://b/', which this service does not trust",
        );
        refused("nbf", json!(now + 1), "the access token is not valid yet");
        refused("exp", json!(now), "the access token has expired");
    }

    #[test]
    fn no_header_and_two_headers_are_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(
            verify(&headers, &[], ISSUER, NOW),
            Err(TokenProblem::Missing)
        );
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert!(matches!(
            verify(&headers, &[], ISSUER, NOW),
            Err(TokenProblem::Malformed(_))
        ));
    }
}
