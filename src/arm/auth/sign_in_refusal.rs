//! Why there is no token: who refused, why, and what to do.

use super::certificate::Unusable;
use super::oidc::{Claims, PipelinesAssertion};
use super::{
    CODE_AZURE_CLI, CODE_CERTIFICATE, CODE_MANAGED_IDENTITY, CODE_NO_FEDERATED_CREDENTIAL,
    CODE_NO_OIDC_TOKEN, CODE_REFUSED, SignInFailure,
};
use crate::inputs::connection::{Connection, Scheme};
use serde_json::Value;

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
    let lower = text.to_lowercase();
    let hint = match client {
        // More than one, and the metadata service does not choose.
        _ if lower.contains("multiple user assigned identities") => {
            "write the client id of one of them into the service connection: az vm identity show --resource-group <group> --name <vm>".to_owned()
        }
        _ if !lower.contains("has not been assigned") && !lower.contains("identity not found") => {
            "run the job on a VM in Azure that has the identity; Microsoft-hosted agents and machines outside of Azure have none".to_owned()
        }
        Some(client) => format!(
            "assign the identity with client id '{client}' to the agent's VM: az vm identity assign --identities <resource id of the identity> --resource-group <group> --name <vm>"
        ),
        None => "give the agent's VM a system-assigned identity: az vm identity assign --resource-group <group> --name <vm>; or write the client id of a user-assigned one into the service connection".to_owned(),
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
        let hint = "check that the pipeline has permission to use the service connection, and that it still exists";
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
    let known = KNOWN_REFUSALS
        .iter()
        .find(|known| known.numbers.contains(&number));
    let hint = match known {
        Some(known) if known.hint.is_empty() => federated_hint(claims),
        Some(known) => known.hint.to_owned(),
        None => format!("look up the code: https://login.microsoftonline.com/error?code={number}"),
    };
    // Where this task knows what to do, Azure's own advice would only repeat it.
    let text = known.map_or(text, |_| first_sentence(text));
    SignInFailure {
        code: known.map_or(CODE_REFUSED, |known| known.code),
        reason: format!("Microsoft Entra ID refused to sign in: {text}"),
        hint: Some(hint),
    }
}

/// A refusal of Microsoft Entra ID.
struct KnownRefusal {
    /// Its numbers, without `AADSTS`.
    numbers: &'static [&'static str],
    code: &'static str,
    /// What to do; empty where it depends on what was presented.
    hint: &'static str,
}

const KNOWN_REFUSALS: &[KnownRefusal] = &[
    KnownRefusal {
        numbers: &[
            "70021", "700211", "700212", "700213", "700223", "700238", "70025",
        ],
        code: CODE_NO_FEDERATED_CREDENTIAL,
        hint: "",
    },
    KnownRefusal {
        numbers: &["7000215"],
        code: CODE_REFUSED,
        hint: "the client secret is wrong: put the secret's value (not its id) into the service connection",
    },
    KnownRefusal {
        numbers: &["7000222"],
        code: CODE_REFUSED,
        hint: "the client secret has expired: renew it and update the service connection, or convert the connection to workload identity federation",
    },
    KnownRefusal {
        numbers: &["700016"],
        code: CODE_REFUSED,
        hint: "the application is not in this tenant: check the spelling of the service connection's application id and tenant id",
    },
    KnownRefusal {
        numbers: &["90002", "900023"],
        code: CODE_REFUSED,
        hint: "the tenant does not exist in this cloud: check the spelling of the service connection's tenant id, and its environment",
    },
    KnownRefusal {
        numbers: &["700027"],
        code: CODE_CERTIFICATE,
        hint: "add the certificate of the service connection to the application in Microsoft Entra ID ('Certificates & secrets'), or update the connection",
    },
    KnownRefusal {
        numbers: &["700024"],
        code: CODE_REFUSED,
        hint: "what the agent signed in with was out of its time window: check the agent's clock",
    },
    KnownRefusal {
        numbers: &["7000112", "7000229"],
        code: CODE_REFUSED,
        hint: "the application, or its service principal in this tenant, is disabled or missing: enable or create it in Microsoft Entra ID ('Enterprise applications')",
    },
    KnownRefusal {
        numbers: &["53003", "530036"],
        code: CODE_REFUSED,
        hint: "a Conditional Access policy does not let the service connection sign in from this agent: ask the policy's owner to allow the agent's address",
    },
    KnownRefusal {
        numbers: PASSING,
        code: CODE_REFUSED,
        hint: "this is most often over in minutes, and signing in was tried several times: run the job again; if it fails again, check Azure Service Health",
    },
];

/// What Microsoft Entra ID refuses with status 400 or 401 and grants a moment later, as
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes> says: its own budget of time is used up (90024), its directory is
/// not available (90033), it did not reach Azure Pipelines' keys (50166, 501661, 90061;
/// <https://github.com/Azure/azure-workload-identity/issues/605>), or another server, which may answer again (90006).
const PASSING: &[&str] = &["50166", "501661", "90006", "90024", "90033", "90061"];

/// Whether a refusal, in the words of Microsoft Entra ID, is worth another try.
pub(super) fn is_passing(words: &str) -> bool {
    aadsts(words).is_some_and(|(number, _)| PASSING.contains(&number))
}

/// Up to the first full stop that ends a sentence. Names between quotes may hold any.
fn first_sentence(text: &str) -> &str {
    let mut quoted = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        quoted ^= c == '\'';
        let ends = characters
            .peek()
            .is_none_or(|(_, next)| next.is_whitespace());
        if c == '.' && !quoted && ends {
            return text.get(..=at).unwrap_or(text);
        }
    }
    text
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

/// Without the name of the credential library's type, the link to its troubleshooting page, and what comes after the first line; a JSON document
/// gives what it says.
fn own_words(error: &str) -> String {
    let text = error.split("\nTo troubleshoot").next().unwrap_or(error);
    let text = text
        .split_once("Credential authentication failed. ")
        .map_or(text, |(_, rest)| rest)
        .trim();
    let document = text.find('{').and_then(|at| text.get(at..));
    let document: Option<Value> = document.and_then(|it| serde_json::from_str(it).ok());
    let said = document.as_ref().and_then(|document| {
        let mut members = ["error_description", "message", "error"].into_iter();
        members.find_map(|name| document.get(name)?.as_str())
    });
    let text = said.unwrap_or(text).trim();
    let text = text.strip_prefix("ERROR: ").unwrap_or(text);
    let line = text.lines().next().unwrap_or(text);
    line.split(" Trace ID:")
        .next()
        .unwrap_or(line)
        .trim()
        .to_owned()
}

#[cfg(test)]
#[path = "sign_in_refusal_tests.rs"]
mod tests;
