//! The address that gives OIDC tokens: it gets the job's own token, so it must be one of Azure DevOps.

use url::Url;

use super::connection::{OidcRequest, OidcSource};
use super::given::GivenConnection;
use super::problem::quoted;
use super::reading::{Reading, Reported};
use super::service_connection::{entry, https, refuse};
use crate::secret::{Masker, Secret};

/// Hosts of Azure DevOps Services beside the collection's own
/// (<https://learn.microsoft.com/azure/devops/organizations/security/allow-list-ip-url>).
const HOSTS: [&str; 2] = ["dev.azure.com", "vstoken.dev.azure.com"];
/// Where the organizations of old have their hosts.
const OLD_SUFFIX: &str = ".visualstudio.com";

/// Where OIDC tokens come from. A token that an earlier step put into the connection ends after minutes, so it is for jobs that cannot ask
/// for one (<https://github.com/microsoft/azure-pipelines-tasks/pull/21580>).
pub(super) fn source(
    reading: &mut Reading<'_>,
    connection: &GivenConnection,
    masker: &dyn Masker,
) -> Result<OidcSource, Reported> {
    let given = reading.given();
    let address = given.oidc_request_uri.as_deref().map(str::trim);
    let may_ask = address.is_some_and(|text| !text.is_empty()) && given.job_token.is_some();
    let token = entry(&connection.parameters, "idtoken");
    match token.map(|token| Secret::new(token, masker)) {
        Some(token) if !may_ask => Ok(OidcSource::Given(token)),
        token => request(reading).map(|request| OidcSource::Request(request, token)),
    }
}

/// The request for an OIDC token, as the job tells it.
fn request(reading: &mut Reading<'_>) -> Result<OidcRequest, Reported> {
    let given = reading.given();
    let uri = given.oidc_request_uri.as_deref().map(str::trim);
    let uri = match uri.filter(|text| !text.is_empty()) {
        Some(text) => https(reading, text, "the agent's address for OIDC tokens")
            .and_then(|uri| trusted(reading, uri)),
        None => Err(without_address(reading)),
    };
    let job_token = given.job_token.clone().ok_or_else(|| {
        let sentence = "the agent provided no job token, which is needed to request an OIDC token";
        let hint = "run the task as a step of a pipeline job";
        refuse(reading, sentence.to_owned(), Some(hint))
    });
    Ok(OidcRequest {
        uri: uri?,
        job_token: job_token?,
    })
}

fn without_address(reading: &mut Reading<'_>) -> Reported {
    let sentence = "the agent provided no address for the OIDC token that workload identity federation needs ('System.OidcRequestUri')";
    let hint = "update the agent, or use a connection with a client secret";
    refuse(reading, sentence.to_owned(), Some(hint))
}

/// Refuses an address outside of Azure DevOps: somebody may have set the variable to collect the tokens of jobs.
fn trusted(reading: &mut Reading<'_>, uri: Url) -> Result<Url, Reported> {
    let collections = reading.given().collection_uris.iter();
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
    Err(refuse(reading, sentence, Some(hint)))
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
    let is_known = HOSTS.contains(&host) || host.ends_with(OLD_SUFFIX);
    (is_known && uri.port().is_none()) || collections.any(|known| known.origin() == uri.origin())
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
