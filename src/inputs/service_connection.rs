//! From the parts of a service connection to a [`Connection`].
//!
//! The keys are those of an Azure Resource Manager connection in Azure Pipelines
//! (<https://github.com/microsoft/azure-pipelines-tasks/tree/master/common-npm-packages/azure-arm-rest>, `azure-arm-endpoint`).

use url::Url;

use super::connection::{Connection, KnownCloud, OidcRequest, OidcSource, Scheme};
use super::manifest::IB_SUBSCRIPTION;
use super::problem::{Code, Form, Problem, quoted};
use super::raw_inputs::RawConnection;
use super::reader::{AlreadyReported, Reader};
use crate::secret::{Masker, Secret};

const CONNECTION: Form = Form {
    what: "a service connection",
    format: "the name of an Azure Resource Manager service connection",
    example: "images-prod",
};

/// What a person at a prompt gives in its place.
const SUBSCRIPTION: Form = Form {
    what: "the id of a subscription",
    format: "the id of a subscription (az account show --query id), for which the Azure CLI signs in",
    example: "00000000-0000-0000-0000-000000000000",
};

pub(super) fn read(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Connection, AlreadyReported> {
    let given = reader.raw_inputs();
    let is_person = given.at_prompt && given.connection.is_none();
    let form = if is_person { SUBSCRIPTION } else { CONNECTION };
    let text = reader.required(&IB_SUBSCRIPTION, form)?;
    let Some(given) = reader.raw_inputs().connection.as_ref() else {
        if reader.raw_inputs().at_prompt {
            return at_prompt(reader, text);
        }
        let sentence = format!(
            "the agent did not provide service connection {}",
            quoted(text)
        );
        let hint = "check that the service connection exists in this project and that the pipeline has permission to use it";
        return Err(refuse(reader, sentence, Some(hint)));
    };
    let scheme = scheme(reader, given, masker);
    let cloud = cloud(reader, given);
    let subscription = subscription(reader, given);
    Ok(Connection {
        id: given.id.clone(),
        subscription: subscription?,
        scheme: scheme?,
        cloud: cloud?,
    })
}

/// Without an agent there are no service connections: the input names the subscription itself, and the Azure CLI signs in.
fn at_prompt(reader: &mut Reader<'_>, text: &str) -> Result<Connection, AlreadyReported> {
    let hyphens = |(at, c): (usize, char)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    };
    if text.len() != 36 || !text.char_indices().all(hyphens) {
        let sentence = format!("{} is not the id of a subscription", quoted(text));
        let hint = "outside a pipeline there are no service connections: use the id of the subscription (az account show --query id), and the Azure CLI signs in";
        return Err(refuse(reader, sentence, Some(hint)));
    }
    let resource_manager = https(reader, PUBLIC.resource_manager, "Azure Resource Manager")?;
    let authority = https(reader, PUBLIC.authority, "the sign-in authority")?;
    Ok(Connection {
        id: String::new(),
        subscription: text.to_owned(),
        scheme: Scheme::AzureCli,
        cloud: KnownCloud {
            audience: Some(resource_manager.as_str().to_owned()),
            resource_manager,
            authority: Some(authority),
        },
    })
}

fn refuse(reader: &mut Reader<'_>, text: String, hint: Option<&str>) -> AlreadyReported {
    let hint = hint.map(str::to_owned);
    reader.report(Problem::new(
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
    reader: &mut Reader<'_>,
    given: &RawConnection,
    key: &str,
    what: &str,
) -> Result<String, AlreadyReported> {
    entry(&given.parameters, key)
        .map(str::to_owned)
        .ok_or_else(|| {
            let sentence = format!("the service connection has no {what} (parameter '{key}')");
            let hint = "open the connection in the project settings, then verify and save it";
            refuse(reader, sentence, Some(hint))
        })
}

/// What works, for the hint to someone whose connection does not.
const SUPPORTED: &str = "use a connection with workload identity federation, a service principal, or a managed identity";

fn scheme(
    reader: &mut Reader<'_>,
    given: &RawConnection,
    masker: &dyn Masker,
) -> Result<Scheme, AlreadyReported> {
    let unsupported = |reader: &mut Reader<'_>, what: &str| {
        let sentence =
            format!("the service connection uses {what}, which this task does not support");
        Err(refuse(reader, sentence, Some(SUPPORTED)))
    };
    // A connection without a scheme is one with a service principal.
    let name = given.scheme.as_deref().map(str::trim).unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        "" | "serviceprincipal" => service_principal(reader, given, masker),
        "workloadidentityfederation" => {
            let principal = principal(reader, given);
            let oidc = oidc_source(reader, given, masker);
            let (tenant, client) = principal?;
            Ok(Scheme::Federated {
                tenant,
                client,
                oidc: oidc?,
            })
        }
        "managedserviceidentity" => {
            // The name in Microsoft's own tasks first, then that of the Terraform provider.
            let client = entry(&given.data, "msiclientid")
                .or_else(|| entry(&given.parameters, "serviceprincipalid"));
            Ok(Scheme::ManagedIdentity {
                client: client.map(str::to_owned),
            })
        }
        "publishprofile" => unsupported(reader, "a publish profile"),
        _ => unsupported(reader, &format!("authentication scheme {}", quoted(name))),
    }
}

/// Tenant and client of a service principal.
fn principal(
    reader: &mut Reader<'_>,
    given: &RawConnection,
) -> Result<(String, String), AlreadyReported> {
    let client = parameter(
        reader,
        given,
        "serviceprincipalid",
        "application (client) id",
    );
    let tenant = parameter(reader, given, "tenantid", "directory (tenant) id");
    Ok((tenant?, client?))
}

fn service_principal(
    reader: &mut Reader<'_>,
    given: &RawConnection,
    masker: &dyn Masker,
) -> Result<Scheme, AlreadyReported> {
    if entry(&given.data, "enableadfsauthentication").is_some_and(is_true) {
        let sentence = "the service connection uses AD FS, which this task does not support: no cloud with AD FS offers Azure VM Image Builder";
        return Err(refuse(reader, sentence.to_owned(), Some(SUPPORTED)));
    }
    let principal = principal(reader, given);
    let kind = entry(&given.parameters, "authenticationtype").unwrap_or_default();
    if kind.eq_ignore_ascii_case("spnCertificate") {
        let pem = parameter(
            reader,
            given,
            "serviceprincipalcertificate",
            "certificate with its private key",
        );
        let pem = pem.map(|text| Secret::new(text, masker));
        let (tenant, client) = principal?;
        return Ok(Scheme::Certificate {
            tenant,
            client,
            pem: pem?,
        });
    }
    let secret = parameter(reader, given, "serviceprincipalkey", "client secret");
    let secret = secret.map(|text| Secret::new(text, masker));
    let (tenant, client) = principal?;
    Ok(Scheme::Secret {
        tenant,
        client,
        secret: secret?,
    })
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// Hosts of Azure DevOps Services beside the collection's own
/// (<https://learn.microsoft.com/azure/devops/organizations/security/allow-list-ip-url>).
const DEVOPS_HOSTS: [&str; 2] = ["dev.azure.com", "vstoken.dev.azure.com"];
/// Where the organizations of old have their hosts.
const OLD_DEVOPS_SUFFIX: &str = ".visualstudio.com";

/// Where OIDC tokens come from. A token that an earlier step put into the connection ends after minutes, so it is for jobs that cannot ask
/// for one (<https://github.com/microsoft/azure-pipelines-tasks/pull/21580>).
fn oidc_source(
    reader: &mut Reader<'_>,
    connection: &RawConnection,
    masker: &dyn Masker,
) -> Result<OidcSource, AlreadyReported> {
    let given = reader.raw_inputs();
    let address = given.oidc_request_uri.as_deref().map(str::trim);
    let may_ask = address.is_some_and(|text| !text.is_empty()) && given.job_token.is_some();
    let token = entry(&connection.parameters, "idtoken");
    match token.map(|token| Secret::new(token, masker)) {
        Some(token) if !may_ask => Ok(OidcSource::Given(token)),
        token => oidc_request(reader).map(|request| OidcSource::Request(request, token)),
    }
}

/// The request for an OIDC token, as the job tells it.
fn oidc_request(reader: &mut Reader<'_>) -> Result<OidcRequest, AlreadyReported> {
    let given = reader.raw_inputs();
    let uri = given.oidc_request_uri.as_deref().map(str::trim);
    let uri = match uri.filter(|text| !text.is_empty()) {
        Some(text) => https(reader, text, "the agent's address for OIDC tokens")
            .and_then(|uri| trusted(reader, uri)),
        None => Err(without_address(reader)),
    };
    let job_token = given.job_token.clone().ok_or_else(|| {
        let sentence = "the agent provided no job token, which is needed to request an OIDC token";
        let hint = "run the task as a step of a pipeline job";
        refuse(reader, sentence.to_owned(), Some(hint))
    });
    Ok(OidcRequest {
        uri: uri?,
        job_token: job_token?,
    })
}

fn without_address(reader: &mut Reader<'_>) -> AlreadyReported {
    let sentence = "the agent provided no address for the OIDC token that workload identity federation needs ('System.OidcRequestUri')";
    let hint = "update the agent, or use a connection with a client secret";
    refuse(reader, sentence.to_owned(), Some(hint))
}

/// Refuses an address outside of Azure DevOps, because it gets the job's own token: someone may have set the variable to collect the tokens of jobs.
fn trusted(reader: &mut Reader<'_>, uri: Url) -> Result<Url, AlreadyReported> {
    let collections = reader.raw_inputs().collection_uris.iter();
    if is_trusted(
        &uri,
        collections.filter_map(|text| Url::parse(text.trim()).ok()),
    ) {
        return Ok(uri);
    }
    let sentence = format!(
        "the address for OIDC tokens ('System.OidcRequestUri') is on host {}, which does not belong to this organization; the job's token is not sent there",
        quoted(&server_of(&uri))
    );
    let hint = "remove the variable 'System.OidcRequestUri' from the pipeline";
    Err(refuse(reader, sentence, Some(hint)))
}

/// Host, and port where one is named.
fn server_of(uri: &Url) -> String {
    let host = uri.host_str().unwrap_or_default();
    uri.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The very server that the job talks to, or Azure DevOps Services. Another port of this machine is another server: any user can listen there.
fn is_trusted(uri: &Url, mut collections: impl Iterator<Item = Url>) -> bool {
    let host = uri.host_str().unwrap_or_default();
    let is_known = DEVOPS_HOSTS.contains(&host) || host.ends_with(OLD_DEVOPS_SUFFIX);
    (is_known && uri.port().is_none()) || collections.any(|known| known.origin() == uri.origin())
}

fn subscription(reader: &mut Reader<'_>, given: &RawConnection) -> Result<String, AlreadyReported> {
    let Some(id) = entry(&given.data, "subscriptionid") else {
        let sentence =
            "the service connection has no subscription (its data has no 'subscriptionId')";
        let hint = "use a connection with scope level 'Subscription'; a connection to a management group or a workspace does not specify where to build";
        return Err(refuse(reader, sentence.to_owned(), Some(hint)));
    };
    // It becomes a part of every address.
    if id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Ok(id.to_owned());
    }
    let sentence = format!(
        "the service connection's 'subscriptionId' is {}, which is not the id of a subscription",
        quoted(id)
    );
    let hint = "open the connection in the project settings, then verify and save it";
    Err(refuse(reader, sentence, Some(hint)))
}

/// A cloud whose addresses do not have to be asked for.
struct Builtin {
    environment: &'static str,
    resource_manager: &'static str,
    authority: &'static str,
}

const PUBLIC: Builtin = Builtin {
    environment: "AzureCloud",
    resource_manager: "https://management.azure.com/",
    authority: "https://login.microsoftonline.com/",
};

/// By the connection's `environment` (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
const BUILTIN: [Builtin; 3] = [
    PUBLIC,
    Builtin {
        environment: "AzureUSGovernment",
        resource_manager: "https://management.usgovcloudapi.net/",
        authority: "https://login.microsoftonline.us/",
    },
    Builtin {
        environment: "AzureChinaCloud",
        resource_manager: "https://management.chinacloudapi.cn/",
        authority: "https://login.chinacloudapi.cn/",
    },
];

/// What the connection names comes first, then what is known of its environment. What is missing then, Azure Resource Manager is asked for.
fn cloud(reader: &mut Reader<'_>, given: &RawConnection) -> Result<KnownCloud, AlreadyReported> {
    let environment = entry(&given.data, "environment").unwrap_or(PUBLIC.environment);
    let builtin = BUILTIN
        .iter()
        .find(|cloud| cloud.environment.eq_ignore_ascii_case(environment));
    let url = given.url.as_deref().map(str::trim);
    let url = url
        .filter(|url| !url.is_empty())
        .or(builtin.map(|cloud| cloud.resource_manager));
    let resource_manager = https(
        reader,
        url.unwrap_or_default(),
        "the service connection's address of Azure Resource Manager",
    );
    let authority = entry(&given.data, "activedirectoryauthority")
        .or_else(|| entry(&given.data, "environmentauthorityurl"))
        .or(builtin.map(|cloud| cloud.authority));
    let authority = authority
        .map(|text| https(reader, text, "the service connection's sign-in authority"))
        .transpose();
    let resource_manager = base(resource_manager?);
    let own = builtin.map(|_| resource_manager.as_str());
    let audience = entry(&given.data, "activedirectoryserviceendpointresourceid").or(own);
    Ok(KnownCloud {
        audience: audience.map(str::to_owned),
        authority: authority?.map(base),
        resource_manager,
    })
}

fn https(reader: &mut Reader<'_>, text: &str, what: &str) -> Result<Url, AlreadyReported> {
    let url = Url::parse(text).ok();
    url.filter(|url| url.scheme() == "https" && url.has_host())
        .ok_or_else(|| {
            let sentence = format!("{what} is {}, which is not an https address", quoted(text));
            refuse(reader, sentence, None)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_token_goes_to_azure_devops_only() {
        let check = |uri: &str, collection: &str, expected: bool| {
            let collections = Url::parse(collection).ok().into_iter();
            let found = is_trusted(&Url::parse(uri).unwrap(), collections);
            assert_eq!(found, expected, "{uri} of {collection}");
        };
        check("https://dev.azure.com/contoso/x", "", true);
        check("https://DEV.azure.com/contoso/x", "", true);
        check("https://vstoken.dev.azure.com/x", "", true);
        check("https://contoso.visualstudio.com/x", "", true);
        check("https://dev.azure.com:8443/x", "", false);
        check("https://visualstudio.com.example/x", "", false);
        check("https://evilvisualstudio.com/x", "", false);
        check("https://dev.azure.com.example/x", "", false);
        check("https://dev.azure.com@example.com/x", "", false);
        check("https://localhost:8443/x", "", false);
        check("https://127.0.0.1:8443/x", "", false);
        check("https://[::1]:8443/x", "", false);
        let here = "https://127.0.0.1:8443/contoso/";
        check("https://127.0.0.1:8443/x", here, true);
        check("https://127.0.0.1:8444/x", here, false);
        check("https://localhost:8443/x", here, false);
        check("https://localhost.example:8443/x", "", false);
        check("https://10.0.0.1/x", "", false);
        let server = "https://tfs.example:8080/tfs/DefaultCollection/";
        check("https://tfs.example:8080/tfs/x", server, true);
        check("https://tfs.example/tfs/x", server, false);
        check("https://other.example:8080/tfs/x", server, false);
        check("http://tfs.example:8080/tfs/x", server, false);
    }
}
