//! From the parts of a service connection to a [`Connection`].
//!
//! The keys are those of an Azure Resource Manager connection in Azure Pipelines
//! (<https://github.com/microsoft/azure-pipelines-tasks/tree/master/common-npm-packages/azure-arm-rest>, `azure-arm-endpoint`).

use url::Url;

use super::connection::{Cloud, Connection, OidcRequest, Scheme};
use super::declared::IB_SUBSCRIPTION;
use super::given::GivenConnection;
use super::problem::{Code, Form, Problem, quoted};
use super::reading::{Reading, Reported};
use crate::secret::{Masker, Secret};

const CONNECTION: Form = Form {
    what: "a service connection",
    looks: "the name of an Azure Resource Manager service connection",
    example: "images-prod",
};

pub(super) fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Connection, Reported> {
    let text = reading.required(&IB_SUBSCRIPTION, CONNECTION)?;
    let Some(given) = reading.given().connection.as_ref() else {
        let sentence = format!(
            "the agent handed over no service connection {}",
            quoted(text)
        );
        let hint = "check that the connection exists in this project and that the pipeline is permitted to use it";
        return Err(refuse(reading, sentence, Some(hint)));
    };
    let scheme = scheme(reading, given, masker);
    let cloud = cloud(reading, given);
    let subscription = subscription(reading, given);
    Ok(Connection {
        id: given.id.clone(),
        subscription: subscription?,
        scheme: scheme?,
        cloud: cloud?,
    })
}

fn refuse(reading: &mut Reading<'_>, text: String, hint: Option<&str>) -> Reported {
    let hint = hint.map(str::to_owned);
    reading.report(Problem::new(
        Code::ServiceConnection,
        &IB_SUBSCRIPTION,
        text,
        hint,
    ))
}

/// An entry of the parameters or the data that is not blank.
fn entry<'a>(
    entries: &'a std::collections::BTreeMap<String, String>,
    key: &str,
) -> Option<&'a str> {
    let text = entries.get(key)?.trim();
    Some(text).filter(|text| !text.is_empty())
}

/// A parameter without which nobody can sign in. `key` is in lower case.
fn parameter(
    reading: &mut Reading<'_>,
    given: &GivenConnection,
    key: &str,
    what: &str,
) -> Result<String, Reported> {
    entry(&given.parameters, key)
        .map(str::to_owned)
        .ok_or_else(|| {
            let sentence = format!("the service connection has no {what} (parameter '{key}')");
            let hint = "open the connection in the project settings, then verify and save it";
            refuse(reading, sentence, Some(hint))
        })
}

/// What works, for the hint to somebody whose connection does not.
const SUPPORTED: &str = "use a connection with workload identity federation, or with a service principal and a client secret";

fn scheme(
    reading: &mut Reading<'_>,
    given: &GivenConnection,
    masker: &dyn Masker,
) -> Result<Scheme, Reported> {
    let unsupported = |reading: &mut Reading<'_>, what: &str| {
        let sentence = format!(
            "the service connection signs in with {what}, which this version does not support"
        );
        Err(refuse(reading, sentence, Some(SUPPORTED)))
    };
    // A connection without a scheme is one with a service principal.
    let name = given.scheme.as_deref().map(str::trim).unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        "" | "serviceprincipal" => {
            let kind = entry(&given.parameters, "authenticationtype").unwrap_or_default();
            if kind.eq_ignore_ascii_case("spnCertificate") {
                return unsupported(reading, "a certificate");
            }
            let client = parameter(
                reading,
                given,
                "serviceprincipalid",
                "application (client) id",
            );
            let tenant = parameter(reading, given, "tenantid", "directory (tenant) id");
            let secret = parameter(reading, given, "serviceprincipalkey", "client secret");
            let secret = secret.map(|text| Secret::new(text, masker));
            Ok(Scheme::Secret {
                tenant: tenant?,
                client: client?,
                secret: secret?,
            })
        }
        "workloadidentityfederation" => {
            let client = parameter(
                reading,
                given,
                "serviceprincipalid",
                "application (client) id",
            );
            let tenant = parameter(reading, given, "tenantid", "directory (tenant) id");
            let oidc = oidc_request(reading);
            Ok(Scheme::Federated {
                tenant: tenant?,
                client: client?,
                oidc: oidc?,
            })
        }
        "managedserviceidentity" => unsupported(reading, "the managed identity of the agent's VM"),
        "publishprofile" => unsupported(reading, "a publish profile"),
        _ => unsupported(reading, &format!("scheme {}", quoted(name))),
    }
}

fn oidc_request(reading: &mut Reading<'_>) -> Result<OidcRequest, Reported> {
    let given = reading.given();
    let uri = given.oidc_request_uri.as_deref().map(str::trim);
    let uri = match uri.filter(|text| !text.is_empty()) {
        Some(text) => https(reading, text, "the agent's address for OIDC tokens"),
        None => Err(without_oidc_address(reading)),
    };
    let job_token = given.job_token.clone().ok_or_else(|| {
        let sentence =
            "the agent gave no token of the job, which the address for OIDC tokens asks for";
        let hint = "run the task as a step of a pipeline job";
        refuse(reading, sentence.to_owned(), Some(hint))
    });
    Ok(OidcRequest {
        uri: uri?,
        job_token: job_token?,
    })
}

fn without_oidc_address(reading: &mut Reading<'_>) -> Reported {
    let sentence = "the agent gave no address for the OIDC token that workload identity federation needs ('System.OidcRequestUri')";
    let hint = "update the agent, or use a connection with a client secret";
    refuse(reading, sentence.to_owned(), Some(hint))
}

fn subscription(reading: &mut Reading<'_>, given: &GivenConnection) -> Result<String, Reported> {
    entry(&given.data, "subscriptionid")
        .map(str::to_owned)
        .ok_or_else(|| {
            let sentence =
                "the service connection is for no subscription (its data has no 'subscriptionId')";
            let hint = "use a connection of scope level 'Subscription'; one for a management group or a workspace does not say where to build";
            refuse(reading, sentence.to_owned(), Some(hint))
        })
}

/// Sign-in authorities by the connection's `environment`, where the connection does not name its own
/// (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
const AUTHORITIES: &[(&str, &str)] = &[
    ("AzureCloud", "https://login.microsoftonline.com/"),
    ("AzureUSGovernment", "https://login.microsoftonline.us/"),
    ("AzureChinaCloud", "https://login.chinacloudapi.cn/"),
];

fn cloud(reading: &mut Reading<'_>, given: &GivenConnection) -> Result<Cloud, Reported> {
    let url = given.url.as_deref().map(str::trim).unwrap_or_default();
    let resource_manager = https(
        reading,
        url,
        "the service connection's address of Azure Resource Manager",
    );
    let authority = authority(reading, given);
    let resource_manager = base(resource_manager?);
    let audience = entry(&given.data, "activedirectoryserviceendpointresourceid")
        .unwrap_or(resource_manager.as_str());
    Ok(Cloud {
        audience: audience.to_owned(),
        authority: base(authority?),
        resource_manager,
    })
}

fn authority(reading: &mut Reading<'_>, given: &GivenConnection) -> Result<Url, Reported> {
    let own = entry(&given.data, "activedirectoryauthority")
        .or_else(|| entry(&given.data, "environmentauthorityurl"));
    let environment = entry(&given.data, "environment").unwrap_or("AzureCloud");
    let known = AUTHORITIES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(environment));
    let text = own
        .or(known.map(|(_, authority)| *authority))
        .ok_or_else(|| {
            let sentence = format!(
                "the service connection is for environment {} and names no sign-in authority (its data has no 'activeDirectoryAuthority')",
                quoted(environment)
            );
            refuse(reading, sentence, None)
        })?;
    https(reading, text, "the service connection's sign-in authority")
}

fn https(reading: &mut Reading<'_>, text: &str, what: &str) -> Result<Url, Reported> {
    let url = Url::parse(text).ok();
    url.filter(|url| url.scheme() == "https" && url.has_host())
        .ok_or_else(|| {
            let sentence = format!("{what} is {}, which is not an https address", quoted(text));
            refuse(reading, sentence, None)
        })
}

/// The address with a slash at its end, so that paths can be joined to it.
fn base(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}
