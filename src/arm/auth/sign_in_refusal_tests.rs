use super::*;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use url::Url;

use crate::arm::auth::{Freshness, ServiceConnectionTokens, TokenSource as _};
use crate::arm::http::{Http, TransportError};
use crate::inputs::connection::{Cloud, KnownCloud};
use crate::secret::{Masker, Secret};

struct Nobody;

impl Masker for Nobody {
    fn mask(&self, _: &str) {}
}

/// A server that answers everything alike, the last answer again and again.
#[derive(Debug)]
struct Server {
    answers: Vec<(u16, String)>,
    asked: AtomicUsize,
}

#[async_trait]
impl Http for Server {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let (status, body) = &self.answers[asked.min(self.answers.len() - 1)];
        let mut response = Response::new(Bytes::from(body.clone()));
        *response.status_mut() = (*status).try_into().unwrap();
        Ok(response)
    }
}

fn secret() -> Scheme {
    Scheme::Secret {
        tenant: "contoso.example".into(),
        client: "client-1".into(),
        secret: Secret::new("geheim", &Nobody),
    }
}

/// Signs in by `scheme` at a server with these answers; what came of it, and how often the server was asked.
async fn signed_in(
    scheme: Scheme,
    answers: &[(u16, &str)],
) -> (Result<Secret, SignInFailure>, usize) {
    let authority: Url = "https://login.microsoftonline.com/".parse().unwrap();
    let resource_manager: Url = "https://management.azure.com/".parse().unwrap();
    let connection = Connection {
        id: "connection".into(),
        subscription: "s".into(),
        scheme,
        cloud: KnownCloud {
            resource_manager: resource_manager.clone(),
            authority: None,
            audience: None,
        },
    };
    let cloud = Cloud {
        audience: resource_manager.to_string(),
        resource_manager,
        authority,
    };
    let answers = answers
        .iter()
        .map(|(status, body)| (*status, (*body).to_owned()));
    let server = Arc::new(Server {
        answers: answers.collect(),
        asked: AtomicUsize::new(0),
    });
    let http: Arc<dyn Http> = server.clone();
    let tokens = ServiceConnectionTokens::new(&connection, &cloud, http, Arc::new(Nobody)).unwrap();
    let token = tokens
        .token("https://management.azure.com//.default", Freshness::Cached)
        .await;
    (token, server.asked.load(Ordering::Relaxed))
}

async fn refusal(scheme: Scheme, status: u16, body: &str) -> SignInFailure {
    signed_in(scheme, &[(status, body)]).await.0.unwrap_err()
}

/// A refusal as Microsoft Entra ID sends it: its text has line ends.
fn entra(number: u32, text: &str) -> String {
    json!({
        "error": "invalid_client",
        "error_description": format!("AADSTS{number}: {text}\r\nTrace ID: 255d1aef-8c98-452f-ac51-23d051240864\r\nCorrelation ID: fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7\r\nTimestamp: 2026-01-09 02:02:12Z"),
        "error_codes": [number],
        "timestamp": "2026-01-09 02:02:12Z",
        "trace_id": "255d1aef-8c98-452f-ac51-23d051240864",
        "correlation_id": "fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7",
    })
    .to_string()
}

/// Number, Entra ID's text, our code, what is told of the text, the hint.
const REFUSALS: &[(u32, &str, &str, &str, &str)] = &[
    (
        7_000_215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app 'client-1'.",
        CODE_REFUSED,
        "AADSTS7000215: Invalid client secret provided.",
        "the client secret is wrong: put the secret's value (not its id) into the service connection",
    ),
    (
        7_000_222,
        "The provided client secret keys for app 'client-1' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
        CODE_REFUSED,
        "AADSTS7000222: The provided client secret keys for app 'client-1' are expired.",
        "the client secret has expired: renew it and update the service connection, or convert the connection to workload identity federation",
    ),
    (
        700_016,
        "Application with identifier 'client-1' was not found in the directory 'Contoso Inc. (test)'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
        CODE_REFUSED,
        "AADSTS700016: Application with identifier 'client-1' was not found in the directory 'Contoso Inc. (test)'.",
        "the application is not in this tenant: check the spelling of the service connection's application id and tenant id",
    ),
    (
        90002,
        "Tenant 'contoso.example' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
        CODE_REFUSED,
        "AADSTS90002: Tenant 'contoso.example' not found.",
        "the tenant does not exist in this cloud: check the spelling of the service connection's tenant id, and its environment",
    ),
    (
        700_213,
        "No matching federated identity record found for presented assertion subject 'sc://o/p/c'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
        CODE_NO_FEDERATED_CREDENTIAL,
        "AADSTS700213: No matching federated identity record found for presented assertion subject 'sc://o/p/c'.",
        "add a federated credential to the application that matches the service connection's issuer and subject",
    ),
    (
        700_027,
        "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]",
        CODE_CERTIFICATE,
        "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application.",
        "add the certificate of the service connection to the application in Microsoft Entra ID ('Certificates & secrets'), or update the connection",
    ),
    (
        700_024,
        "Client assertion is not within its valid time range. Current time: 2026-01-09T02:02:12Z, expiry time of assertion 2026-01-09T01:02:12Z.",
        CODE_REFUSED,
        "AADSTS700024: Client assertion is not within its valid time range.",
        "what the agent signed in with was out of its time window: check the agent's clock",
    ),
    (
        7_000_112,
        "Application 'client-1'(x) is disabled.",
        CODE_REFUSED,
        "AADSTS7000112: Application 'client-1'(x) is disabled.",
        "the application, or its service principal in this tenant, is disabled or missing: enable or create it in Microsoft Entra ID ('Enterprise applications')",
    ),
    (
        53003,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        CODE_REFUSED,
        "AADSTS53003: Access has been blocked by Conditional Access policies.",
        "a Conditional Access policy does not let the service connection sign in from this agent: ask the policy's owner to allow the agent's address",
    ),
    (
        90061,
        "Request to External OIDC endpoint failed.",
        CODE_REFUSED,
        "AADSTS90061: Request to External OIDC endpoint failed.",
        "this is most often over in minutes, and signing in was tried several times: run the job again; if it fails again, check Azure Service Health",
    ),
    (
        50000,
        "There was an error issuing a token. Or an issue with our sign-in service.",
        CODE_REFUSED,
        "AADSTS50000: There was an error issuing a token. Or an issue with our sign-in service.",
        "look up the code: https://login.microsoftonline.com/error?code=50000",
    ),
];

#[tokio::test(start_paused = true)]
async fn each_refusal_of_entra_is_told_in_its_own_words_with_what_to_do() {
    for (number, text, code, told, hint) in REFUSALS {
        let found = refusal(secret(), 401, &entra(*number, text)).await;
        let expected = SignInFailure {
            code,
            reason: format!("Microsoft Entra ID refused to sign in: {told}"),
            hint: Some((*hint).to_owned()),
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_missing_federated_credential_is_described_by_what_was_presented() {
    let claims = Claims {
        issuer: "https://issuer".into(),
        subject: "sc://o/p/c".into(),
        audience: "api://AzureADTokenExchange".into(),
    };
    let found = of_entra(
        "x AADSTS70021: No matching federated identity record found. Trace ID: 2",
        Some(&claims),
    );
    assert_eq!(
        found.reason,
        "Microsoft Entra ID refused to sign in: AADSTS70021: No matching federated identity record found."
    );
    assert_eq!(
        found.hint.unwrap(),
        "add a federated credential to the application with exactly issuer 'https://issuer', subject 'sc://o/p/c' and audience 'api://AzureADTokenExchange', or recreate the service connection; if the log hides the values, compare with 'Workload identity federation details' of the connection in the project settings"
    );
}

/// A proxy's page, half a document, a number as a text: nobody is told of a parser.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_token_and_no_refusal_is_told_as_such() {
    let network = "check that the agent reaches the authority of the service connection, and its proxy and certificate settings";
    for (status, body, told) in [
        (403, "<html>no</html>", "it answered 403 (Forbidden)"),
        (
            503,
            "<html>no</html>",
            "it answered 503 (Service Unavailable) (after 6 tries in 31 s)",
        ),
        (
            404,
            r#"{"error":{"code":"NotFound"}}"#,
            "it answered 404 (Not Found)",
        ),
        (200, "<html>sign in</html>", NO_TOKEN),
        (200, r#"{"access_token":"#, NO_TOKEN),
        (200, r#"{"access_token":"x","expires_in":"3599"}"#, NO_TOKEN),
        (200, r#"{"access_token":["x"],"expires_in":3599}"#, NO_TOKEN),
    ] {
        let found = refusal(secret(), status, body).await;
        assert_eq!(found.code, CODE_REFUSED);
        let (words, tries) = found
            .reason
            .split_at(found.reason.find(" (after").unwrap_or(found.reason.len()));
        assert_eq!(
            words,
            format!(
                "Microsoft Entra ID gave no token: {}",
                told.split(" (after").next().unwrap()
            )
        );
        assert_eq!(tries.is_empty(), !told.contains("(after"), "{tries}");
        assert_eq!(found.hint.as_deref(), Some(network));
    }
}

const NO_TOKEN: &str = "the answer is not a token";

#[tokio::test(start_paused = true)]
async fn what_is_over_in_a_moment_is_tried_again_and_nothing_else() {
    let token =
        r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"x"}"#;
    for (number, _, _, _, _) in REFUSALS {
        let passing = *number == 90061;
        let refused = entra(*number, "No.");
        let (found, asked) = signed_in(secret(), &[(400, &refused), (200, token)]).await;
        assert_eq!(
            (found.is_ok(), asked),
            (passing, if passing { 2 } else { 1 }),
            "{number}"
        );
    }
    for number in [50166, 501_661, 90006, 90024, 90033] {
        let refused = entra(number, "No.");
        let (found, asked) =
            signed_in(secret(), &[(400, &refused), (401, &refused), (200, token)]).await;
        assert_eq!((found.is_ok(), asked), (true, 3), "{number}");
    }
    let refused = entra(90033, "No.");
    let (found, asked) = signed_in(secret(), &[(400, &refused)]).await;
    assert_eq!((found.is_ok(), asked), (false, 6));
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_the_identity_says_which_one_and_how_to_give_it() {
    let no_vm = "run the job on a VM in Azure that has the identity; Microsoft-hosted agents and machines outside of Azure have none";
    let check = async |client: Option<&str>, status, body: &str, told: &str, hint: &str| {
        let scheme = Scheme::ManagedIdentity {
            client: client.map(str::to_owned),
        };
        let found = refusal(scheme, status, body).await;
        let reason = format!("the agent's machine gave no token for its managed identity: {told}");
        let expected = SignInFailure {
            code: CODE_MANAGED_IDENTITY,
            reason,
            hint: Some(hint.to_owned()),
        };
        assert_eq!(found, expected);
    };
    let missing = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    check(
        Some("client-1"), 400, missing, "Identity not found",
        "assign the identity with client id 'client-1' to the agent's VM: az vm identity assign --identities <resource id of the identity> --resource-group <group> --name <vm>",
    ).await;
    check(
        None, 400, missing, "Identity not found",
        "give the agent's VM a system-assigned identity: az vm identity assign --resource-group <group> --name <vm>; or write the client id of a user-assigned one into the service connection",
    ).await;
    check(
        None, 400,
        r#"{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}"#,
        "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request",
        "write the client id of one of them into the service connection: az vm identity show --resource-group <group> --name <vm>",
    ).await;
    check(
        None,
        403,
        r#"{"error":"forbidden","error_description":"No.\r\nTrace ID: 1"}"#,
        "No.",
        no_vm,
    )
    .await;
    check(None, 200, "<html>a router</html>", NO_TOKEN, no_vm).await;
}

#[test]
fn the_azure_cli_is_told_in_its_first_line() {
    let connection_error = "AzureCliCredential authentication failed. ERROR: AADSTS700082: The refresh token has expired due to inactivity.\r\nTrace ID: 1\nTo troubleshoot, visit https://aka.ms/x";
    assert_eq!(
        own_words(connection_error),
        "AADSTS700082: The refresh token has expired due to inactivity."
    );
    assert_eq!(
        own_words("ERROR: Please run 'az login' to setup account."),
        "Please run 'az login' to setup account."
    );
}
