//! Service connections that can and cannot be used.

use image_builder::inputs::Scheme;

use crate::job::{CONNECTION_ID, Job, job};
use crate::problems::problems;

fn refused(job: &Job, expected: &[&str]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|text| format!("AIB105 Input 'ibSubscription': {text}"))
        .collect();
    assert_eq!(problems(job), expected);
}

#[test]
fn service_connections_that_lack_something() {
    let mut none = job();
    none.given.connection = None;
    let text = format!(
        "the agent handed over no service connection '{CONNECTION_ID}'\nhint: check that the connection exists in this project and that the pipeline is permitted to use it"
    );
    refused(&none, &[&text]);
    let save = "hint: open the connection in the project settings, then verify and save it";
    refused(
        &job().connection(|connection| connection.parameters.clear()),
        &[
            &format!(
                "the service connection has no application (client) id (parameter 'serviceprincipalid')\n{save}"
            ),
            &format!(
                "the service connection has no directory (tenant) id (parameter 'tenantid')\n{save}"
            ),
            &format!(
                "the service connection has no client secret (parameter 'serviceprincipalkey')\n{save}"
            ),
        ],
    );
    refused(
        &job().connection(|connection| connection.data.clear()),
        &[
            "the service connection is for no subscription (its data has no 'subscriptionId')\nhint: use a connection of scope level 'Subscription'; one for a management group or a workspace does not say where to build",
        ],
    );
    refused(
        &job().connection(|connection| {
            connection.url = Some("http://management.azure.com/".to_owned());
        }),
        &[
            "the service connection's address of Azure Resource Manager is 'http://management.azure.com/', which is not an https address",
        ],
    );
    refused(
        &job().connection(|connection| {
            connection
                .data
                .insert("activedirectoryauthority".to_owned(), "login".to_owned());
        }),
        &["the service connection's sign-in authority is 'login', which is not an https address"],
    );
    refused(
        &job().connection(|connection| {
            connection
                .data
                .insert("environment".to_owned(), "AzureStack".to_owned());
        }),
        &[
            "the service connection is for environment 'AzureStack' and names no sign-in authority (its data has no 'activeDirectoryAuthority')",
        ],
    );
}

#[test]
fn service_connections_of_other_kinds() {
    let works = "which this version does not support\nhint: use a connection with workload identity federation, or with a service principal and a client secret";
    for (scheme, what) in [
        (
            "ManagedServiceIdentity",
            "the managed identity of the agent's VM",
        ),
        ("PublishProfile", "a publish profile"),
        ("Token", "scheme 'Token'"),
    ] {
        refused(
            &job().connection(|connection| connection.scheme = Some(scheme.to_owned())),
            &[&format!(
                "the service connection signs in with {what}, {works}"
            )],
        );
    }
    refused(
        &job().connection(|connection| {
            connection
                .parameters
                .insert("authenticationtype".to_owned(), "spnCertificate".to_owned());
        }),
        &[&format!(
            "the service connection signs in with a certificate, {works}"
        )],
    );
}

#[test]
fn federation_without_its_tokens() {
    let mut bare = job()
        .connection(|connection| connection.scheme = Some("WorkloadIdentityFederation".to_owned()));
    bare.given.oidc_request_uri = None;
    bare.given.job_token = None;
    refused(
        &bare,
        &[
            "the agent gave no address for the OIDC token that workload identity federation needs ('System.OidcRequestUri')\nhint: update the agent, or use a connection with a client secret",
            "the agent gave no token of the job, which the address for OIDC tokens asks for\nhint: run the task as a step of a pipeline job",
        ],
    );
}

#[test]
fn service_connections_that_can_be_used() {
    let job = job();
    let connection = job.plan().unwrap().connection;
    assert_eq!(connection.id, CONNECTION_ID);
    assert_eq!(
        connection.subscription,
        "11111111-1111-1111-1111-111111111111"
    );
    assert!(
        matches!(&connection.scheme, Scheme::Secret { tenant, client, secret }
        if tenant.starts_with("2222") && client.starts_with("3333") && secret.reveal() == "a-client-secret")
    );
    assert!(
        job.masked
            .0
            .lock()
            .unwrap()
            .contains(&"a-client-secret".to_owned())
    );

    let no_scheme = crate::job::job().connection(|connection| connection.scheme = None);
    assert!(matches!(
        no_scheme.plan().unwrap().connection.scheme,
        Scheme::Secret { .. }
    ));

    let federated = crate::job::job().connection(|connection| {
        connection.scheme = Some("workloadidentityfederation".to_owned());
        connection.parameters.remove("serviceprincipalkey");
    });
    let Scheme::Federated { oidc, .. } = federated.plan().unwrap().connection.scheme else {
        panic!("the scheme is federation");
    };
    assert_eq!(
        oidc.uri.as_str(),
        "https://dev.azure.example/contoso/oidctoken"
    );
    assert_eq!(oidc.job_token.reveal(), "job-token");
}

#[test]
fn clouds_are_taken_from_the_connection() {
    let check = |url: &str, data: &[(&str, &str)], expected: [&str; 3]| {
        let job = job().connection(|connection| {
            connection.url = Some(url.to_owned());
            for (key, value) in data {
                connection
                    .data
                    .insert((*key).to_owned(), (*value).to_owned());
            }
        });
        let cloud = job.plan().unwrap().connection.cloud;
        let found = [
            cloud.resource_manager.as_str(),
            cloud.authority.as_str(),
            &cloud.audience,
        ];
        assert_eq!(found, expected);
    };
    let arm = "https://management.azure.com/";
    check(arm, &[], [arm, "https://login.microsoftonline.com/", arm]);
    check(
        "https://management.usgovcloudapi.net",
        &[("environment", "AzureUSGovernment")],
        [
            "https://management.usgovcloudapi.net/",
            "https://login.microsoftonline.us/",
            "https://management.usgovcloudapi.net/",
        ],
    );
    check(
        "https://management.chinacloudapi.cn/",
        &[("environment", "azurechinacloud")],
        [
            "https://management.chinacloudapi.cn/",
            "https://login.chinacloudapi.cn/",
            "https://management.chinacloudapi.cn/",
        ],
    );
    check(
        "https://localhost:8443/arm",
        &[
            ("activedirectoryauthority", "https://localhost:8443/entra"),
            ("environmentauthorityurl", "https://login.windows.net/"),
            (
                "activedirectoryserviceendpointresourceid",
                "https://management.core.windows.net/",
            ),
        ],
        [
            "https://localhost:8443/arm/",
            "https://localhost:8443/entra/",
            "https://management.core.windows.net/",
        ],
    );
    check(
        arm,
        &[("environmentauthorityurl", "https://login.windows.net/")],
        [arm, "https://login.windows.net/", arm],
    );
}
