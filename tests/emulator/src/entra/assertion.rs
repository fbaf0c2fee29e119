//! Client assertions: the application's own, signed with its certificate, and those of outside identities it trusts.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use time::OffsetDateTime;

use super::refusal::Refusal;
use super::{Application, EntraSettings, FederatedCredential};
use crate::tokens::{self, Jwt};

/// The claims that identify an assertion.
struct Presented {
    issuer: String,
    subject: String,
    audience: String,
}

/// Checks a client assertion for `application`; its signature is not checked.
///
/// An assertion whose issuer is the application itself, or whose header names a certificate and whose subject is the application, is the
/// application's own; any other must match a federated credential.
pub(super) fn check(
    settings: &EntraSettings,
    application: &Application,
    assertion: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let jwt = tokens::decode(assertion).map_err(|why| Refusal::malformed_assertion(&why))?;
    let presented = Presented {
        issuer: claim(&jwt, "iss")?,
        subject: claim(&jwt, "sub")?,
        audience: claim(&jwt, "aud")?,
    };
    let until = jwt
        .payload
        .get("exp")
        .and_then(Value::as_i64)
        .ok_or_else(|| missing("exp"))?;
    let from = jwt.payload.get("nbf").and_then(Value::as_i64).unwrap_or(0);
    if now.unix_timestamp() < from || until <= now.unix_timestamp() {
        return Err(Refusal::outside_its_time(now, from, until));
    }
    let named = |text: &str| text.eq_ignore_ascii_case(&application.client);
    if named(&presented.issuer) || (named(&presented.subject) && thumbprint(&jwt).is_some()) {
        certificate(settings, application, &jwt, &presented)
    } else {
        federated(application, &presented)
    }
}

/// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>
fn certificate(
    settings: &EntraSettings,
    application: &Application,
    jwt: &Jwt,
    presented: &Presented,
) -> Result<(), Refusal> {
    let named = |text: &str| text.eq_ignore_ascii_case(&application.client);
    if !named(&presented.issuer) || !named(&presented.subject) {
        return Err(Refusal::foreign_identifier(&application.client));
    }
    let base = format!("{}/{}", settings.authority, settings.tenant);
    let audiences = [
        format!("{base}/oauth2/v2.0/token"),
        format!("{base}/oauth2/token"),
        format!("{base}/v2.0"),
        format!("{base}/"),
    ];
    if !audiences.contains(&presented.audience) {
        return Err(Refusal::foreign_audience());
    }
    let thumbprint = thumbprint(jwt).ok_or_else(|| {
        Refusal::malformed_assertion("its header names no certificate ('x5t#S256' or 'x5t')")
    })?;
    let known = application
        .certificate_thumbprints
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&thumbprint));
    if known {
        Ok(())
    } else {
        Err(Refusal::unknown_certificate(
            &thumbprint,
            &application.client,
        ))
    }
}

/// Matching is exact and case-sensitive since 2024:
/// <https://learn.microsoft.com/entra/identity-platform/reference-breaking-changes>.
fn federated(application: &Application, presented: &Presented) -> Result<(), Refusal> {
    if application.federated.is_empty() {
        return Err(Refusal::no_federated_credentials(&application.client));
    }
    let claims = [
        presented.issuer.as_str(),
        presented.subject.as_str(),
        presented.audience.as_str(),
    ];
    let mut candidates: Vec<&FederatedCredential> = application.federated.iter().collect();
    candidates.retain(|credential| credential.issuer == presented.issuer);
    if candidates.is_empty() {
        return Err(Refusal::no_matching_credential("issuer", claims));
    }
    candidates.retain(|credential| credential.subject == presented.subject);
    if candidates.is_empty() {
        return Err(Refusal::no_matching_credential("subject", claims));
    }
    candidates.retain(|credential| credential.audience == presented.audience);
    if candidates.is_empty() {
        return Err(Refusal::no_matching_credential("audience", claims));
    }
    Ok(())
}

/// The certificate's thumbprint in upper-case hexadecimal digits. The plain alphabet of base64 is taken as well as the URL-safe one: both are
/// in use among Microsoft's own client libraries.
fn thumbprint(jwt: &Jwt) -> Option<String> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let value = ["x5t#S256", "x5t"]
        .iter()
        .find_map(|name| jwt.header.get(*name))?
        .as_str()?;
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(value.replace('-', "+").replace('_', "/"))
        .ok()?;
    Some(
        bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02X}")),
    )
}

fn claim(jwt: &Jwt, name: &str) -> Result<String, Refusal> {
    let value = jwt
        .payload
        .get(name)
        .and_then(Value::as_str)
        .filter(|value| !value.is_empty());
    value.map(str::to_owned).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Refusal {
    Refusal::malformed_assertion(&format!("claim '{name}' is missing"))
}
