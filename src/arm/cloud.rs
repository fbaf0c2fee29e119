//! The addresses of a cloud that is not one of the well-known ones: Azure Resource Manager tells everybody who asks.

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Request, StatusCode};
use serde_json::Value;
use url::Url;

use super::api;
use super::auth::{CODE_NO_CLOUD, SignInFailure};
use super::http::Http;
use super::without_token;
use crate::inputs::connection::{Cloud, KnownCloud};

/// The cloud with all its addresses. Nothing is asked when the service connection tells them.
pub async fn complete(known: &KnownCloud, http: &dyn Http) -> Result<Cloud, SignInFailure> {
    let resource_manager = known.resource_manager.clone();
    if let (Some(authority), Some(audience)) = (&known.authority, &known.audience) {
        return Ok(Cloud {
            resource_manager,
            authority: authority.clone(),
            audience: audience.clone(),
        });
    }
    let addresses = ask(&resource_manager, http)
        .await
        .map_err(|reason| failure(&reason))?;
    let authority = known.authority.clone().or(addresses.authority);
    let audience = known.audience.clone().or(addresses.audience);
    let lacks = |what: &str| failure(&format!("its description of the cloud names no {what}"));
    Ok(Cloud {
        authority: authority.ok_or_else(|| lacks("https address to sign in at"))?,
        audience: audience.ok_or_else(|| lacks("audience of tokens"))?,
        resource_manager,
    })
}

fn failure(reason: &str) -> SignInFailure {
    SignInFailure {
        code: CODE_NO_CLOUD,
        reason: format!("Azure Resource Manager does not report the addresses of its cloud: {reason}"),
        hint: Some("check the 'environment' and the URL of the service connection; a connection that names 'activeDirectoryAuthority' and 'activeDirectoryServiceEndpointResourceId' does not need them".to_owned()),
    }
}

/// What a server tells of its cloud.
#[derive(Debug, PartialEq, Eq)]
struct CloudAddresses {
    authority: Option<Url>,
    audience: Option<String>,
}

async fn ask(resource_manager: &Url, http: &dyn Http) -> Result<CloudAddresses, String> {
    let mut last = String::new();
    for version in api::CLOUDS {
        let mut url = resource_manager.clone();
        url.set_path(&format!("{}metadata/endpoints", url.path()));
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = api::address(url, version)
            .parse()
            .map_err(|_| "its address is malformed".to_owned())?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json);
        let answer = without_token::send(http, &request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.response.status() == StatusCode::OK {
            let body = answer.response.body();
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            if let Some(addresses) = read(&body, resource_manager) {
                return Ok(addresses);
            }
            "the answer does not describe this cloud".clone_into(&mut last);
        } else {
            last = answer.status_text();
        }
    }
    Err(last)
}

/// Reads either form: a list of clouds, of which one has this address, or one object without a name.
fn read(body: &Value, resource_manager: &Url) -> Option<CloudAddresses> {
    let is_this = |cloud: &&Value| {
        let own = cloud.get("resourceManager").and_then(Value::as_str);
        let own = own.and_then(|text| Url::parse(text).ok());
        own.is_some_and(|own| own.origin() == resource_manager.origin())
    };
    let cloud = match body {
        Value::Array(clouds) => clouds.iter().find(is_this)?,
        other => other,
    };
    let authentication = cloud.get("authentication")?;
    let authority = authentication.get("loginEndpoint").and_then(Value::as_str);
    let authority = authority.and_then(|text| Url::parse(text).ok());
    let audience = authentication.pointer("/audiences/0");
    Some(CloudAddresses {
        authority: authority.filter(|url| url.scheme() == "https" && url.has_host()),
        audience: audience.and_then(Value::as_str).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_of_the_description_are_read() {
        let check = |body: Value, expected: Option<(Option<&str>, Option<&str>)>| {
            let server = Url::parse("https://management.azure.example/").unwrap();
            let found = read(&body, &server);
            let expected = expected.map(|(authority, audience)| CloudAddresses {
                authority: authority.map(|text| text.parse().unwrap()),
                audience: audience.map(str::to_owned),
            });
            assert_eq!(found, expected, "{body}");
        };
        let login = "https://login.azure.example/";
        let authentication = json!({
            "loginEndpoint": login,
            "audiences": ["https://management.core.azure.example/", "https://management.azure.example/"],
        });
        let other = json!({
            "resourceManager": "https://management.azure.com/",
            "authentication": {"loginEndpoint": "https://login.microsoftonline.com"},
        });
        let whole = Some((Some(login), Some("https://management.core.azure.example/")));
        let this = json!({"resourceManager": "https://management.azure.example", "authentication": authentication});
        check(json!([other, this]), whole);
        check(
            json!({"galleryEndpoint": "https://x/", "authentication": authentication}),
            whole,
        );
        check(json!([other]), None);
        check(json!({"error": {"code": "NotFound"}}), None);
        check(Value::Null, None);
        check(
            json!({"authentication": {"loginEndpoint": "http://login.azure.example/", "audiences": []}}),
            Some((None, None)),
        );
    }
}
