//! Why there is no token, in words: who refused, why, and what to do.

use super::certificate::Unusable;
use super::oidc::{Claims, PipelinesAssertion};
use super::sign_in::SignInFailure;
use crate::inputs::connection::{Connection, Scheme};

/// Microsoft Entra ID refused, or could not be reached.
pub const CODE_REFUSED: &str = "AIB201";
/// Azure Pipelines gave no OIDC token.
pub const CODE_NO_OIDC_TOKEN: &str = "AIB202";
/// No federated credential matches the service connection.
pub const CODE_NO_FEDERATED_CREDENTIAL: &str = "AIB203";
/// The service connection's certificate cannot be used.
pub const CODE_CERTIFICATE: &str = "AIB205";
/// The agent's machine gave no token for a managed identity.
pub const CODE_MANAGED_IDENTITY: &str = "AIB206";
/// The Azure CLI gave no token.
pub const CODE_AZURE_CLI: &str = "AIB207";
/// The addresses of the service connection's cloud are not to be had.
pub const CODE_NO_CLOUD: &str = "AIB208";

/// A certificate that signs nothing.
pub(super) fn of_certificate(unusable: &Unusable) -> SignInFailure {
    SignInFailure {
        code: CODE_CERTIFICATE,
        reason: format!(
            "the certificate of the service connection cannot be used: {}",
            unusable.reason
        ),
        hint: Some(unusable.hint.to_owned()),
    }
}

/// Turns what a credential says into who refused, why, and what to do.
pub(super) fn explain(
    error: &str,
    connection: &Connection,
    claims: Option<&Claims>,
) -> SignInFailure {
    match &connection.scheme {
        Scheme::ManagedIdentity { client } => of_managed_identity(error, client.as_deref()),
        Scheme::AzureCli => SignInFailure {
            code: CODE_AZURE_CLI,
            reason: format!("the Azure CLI gave no token: {}", own_words(error)),
            hint: Some("sign in with: az login".to_owned()),
        },
        Scheme::Secret { .. } | Scheme::Certificate { .. } | Scheme::Federated { .. } => {
            of_entra(error, claims)
        }
    }
}

fn of_managed_identity(error: &str, client: Option<&str>) -> SignInFailure {
    let text = own_words(error);
    let hint = match client {
        _ if !text.contains("has not been assigned") => {
            "run the job on a VM in Azure that has the identity; Microsoft-hosted agents and machines outside of Azure have none".to_owned()
        }
        Some(client) => format!(
            "assign the identity with client id '{client}' to the agent's VM: az vm identity assign --identities <resource id of the identity> --resource-group <group> --name <vm>"
        ),
        None => "give the agent's VM a system-assigned identity: az vm identity assign --resource-group <group> --name <vm>; or name a user-assigned one in the service connection".to_owned(),
    };
    SignInFailure {
        code: CODE_MANAGED_IDENTITY,
        reason: format!("the agent's machine gave no token for its managed identity: {text}"),
        hint: Some(hint),
    }
}

/// Codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.
fn of_entra(error: &str, claims: Option<&Claims>) -> SignInFailure {
    if let Some(reason) = PipelinesAssertion::refusal_in(error) {
        let hint =
            "check that the pipeline may use the service connection, and that it still exists";
        return SignInFailure {
            code: CODE_NO_OIDC_TOKEN,
            reason,
            hint: Some(hint.to_owned()),
        };
    }
    let Some((number, text)) = aadsts(error) else {
        let reason = format!("Microsoft Entra ID gave no token: {}", own_words(error));
        let hint = "check that the agent reaches the authority of the service connection, and its proxy and certificate settings";
        return SignInFailure {
            code: CODE_REFUSED,
            reason,
            hint: Some(hint.to_owned()),
        };
    };
    let reason = format!("Microsoft Entra ID refused to sign in: {text}");
    let (code, hint) = match number {
        "70021" | "700211" | "700212" | "700213" | "700223" | "700238" | "70025" => (CODE_NO_FEDERATED_CREDENTIAL, federated_hint(claims)),
        "7000215" => (CODE_REFUSED, "the client secret is wrong: put the secret's value (not its id) into the service connection".to_owned()),
        "7000222" => (CODE_REFUSED, "the client secret has expired: renew it and update the service connection, or convert the connection to workload identity federation".to_owned()),
        "700016" => (CODE_REFUSED, "the application is not in this tenant: check the service connection's application id and tenant id".to_owned()),
        "90002" | "900023" => (CODE_REFUSED, "the tenant does not exist in this cloud: check the service connection's tenant id and environment".to_owned()),
        "700027" => (CODE_CERTIFICATE, "add the certificate of the service connection to the application in Microsoft Entra ID ('Certificates & secrets'), or update the connection".to_owned()),
        "700024" => (CODE_REFUSED, "what the agent signed in with was out of its time window: check the agent's clock".to_owned()),
        _ => (CODE_REFUSED, format!("look up the code: https://login.microsoftonline.com/error?code={number}")),
    };
    SignInFailure {
        code,
        reason,
        hint: Some(hint),
    }
}

fn federated_hint(claims: Option<&Claims>) -> String {
    match claims {
        Some(Claims { issuer, subject, audience }) => format!(
            "add a federated credential to the application with exactly issuer '{issuer}', subject '{subject}' and audience '{audience}', or recreate the service connection; if the log hides the values, compare with 'Workload identity federation details' of the connection in the project settings"
        ),
        None => "add a federated credential to the application that matches the service connection's issuer and subject".to_owned(),
    }
}

/// The number and the first line of Microsoft Entra ID's own text.
fn aadsts(error: &str) -> Option<(&str, &str)> {
    let start = error.find("AADSTS")?;
    let text = error.get(start..)?.lines().next()?;
    let text = text.split(" Trace ID:").next().unwrap_or(text).trim();
    let number = text.strip_prefix("AADSTS")?;
    let end = number
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(number.len());
    Some((number.get(..end)?, text))
}

/// Without the name of the credential library's type, and the link to its troubleshooting page.
fn own_words(error: &str) -> &str {
    let text = error.split("\nTo troubleshoot").next().unwrap_or(error);
    let text = text
        .split_once("Credential authentication failed. ")
        .map_or(text, |(_, rest)| rest);
    text.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_entra_are_explained() {
        let check = |error: &str, code: &str, reason: &str, hint: &str| {
            let claims = Claims {
                issuer: "https://issuer".into(),
                subject: "sc://o/p/c".into(),
                audience: "api://AzureADTokenExchange".into(),
            };
            let failure = of_entra(error, Some(&claims));
            assert_eq!(failure.code, code, "{error}");
            assert_eq!(failure.reason, reason);
            let found = failure.hint.unwrap();
            assert!(found.contains(hint), "{found}");
        };
        check(
            "ClientSecretCredential authentication failed. AADSTS7000222: The provided client secret keys are expired.\r\nTrace ID: 1",
            CODE_REFUSED,
            "Microsoft Entra ID refused to sign in: AADSTS7000222: The provided client secret keys are expired.",
            "renew it",
        );
        check(
            "x AADSTS700213: No matching federated identity record found Trace ID: 2",
            CODE_NO_FEDERATED_CREDENTIAL,
            "Microsoft Entra ID refused to sign in: AADSTS700213: No matching federated identity record found",
            "issuer 'https://issuer', subject 'sc://o/p/c'",
        );
        check(
            "connection refused\nTo troubleshoot, visit https://aka.ms/x",
            CODE_REFUSED,
            "Microsoft Entra ID gave no token: connection refused",
            "proxy",
        );
        check(
            "AADSTS50000: odd",
            CODE_REFUSED,
            "Microsoft Entra ID refused to sign in: AADSTS50000: odd",
            "code=50000",
        );
    }
}
