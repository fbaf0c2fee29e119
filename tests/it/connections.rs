//! Service connections that can and cannot be used.

use image_builder::inputs::{OidcSource, Scheme};

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
        "the agent did not provide service connection '{CONNECTION_ID}'\nhint: check that the service connection exists in this project and that the pipeline has permission to use it"
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
            "the service connection has no subscription (its data has no 'subscriptionId')\nhint: use a connection with scope level 'Subscription'; a connection to a management group or a workspace does not specify where to build",
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
}

#[test]
fn service_connections_of_other_kinds() {
    let works = "which this task does not support\nhint: use a connection with workload identity federation, a service principal, or a managed identity";
    for (scheme, what) in [
        ("PublishProfile", "a publish profile"),
        ("Token", "authentication scheme 'Token'"),
    ] {
        refused(
            &job().connection(|connection| connection.scheme = Some(scheme.to_owned())),
            &[&format!("the service connection uses {what}, {works}")],
        );
    }
    let federation_services = job().connection(|connection| {
        let entry = ("enableadfsauthentication".to_owned(), "true".to_owned());
        connection.data.extend([entry]);
    });
    refused(
        &federation_services,
        &[
            "the service connection uses AD FS, which this task does not support: no cloud with AD FS offers Azure VM Image Builder\nhint: use a connection with workload identity federation, a service principal, or a managed identity",
        ],
    );
}

#[test]
fn a_certificate_is_masked_before_it_is_used() {
    let by_certificate = |pem: &str| {
        job().connection(|connection| {
            connection.parameters.remove("serviceprincipalkey");
            let kind = ("authenticationtype", "spnCertificate");
            for (key, value) in [kind, ("serviceprincipalcertificate", pem)] {
                connection
                    .parameters
                    .insert(key.to_owned(), value.to_owned());
            }
        })
    };
    let job = by_certificate("a key\nand a certificate");
    let scheme = job.plan().unwrap().connection.scheme;
    assert!(
        matches!(&scheme, Scheme::Certificate { tenant, client, pem }
        if tenant.starts_with("2222") && client.starts_with("3333") && pem.reveal() == "a key\nand a certificate")
    );
    assert!(!format!("{scheme:?}").contains("a key"));
    let masked = job.masked.0.lock().unwrap();
    assert!(masked.contains(&"a key\nand a certificate".to_owned()));
    refused(
        &by_certificate(""),
        &[
            "the service connection has no certificate with its private key (parameter 'serviceprincipalcertificate')\nhint: open the connection in the project settings, then verify and save it",
        ],
    );
}

#[test]
fn managed_identities_are_the_machines_own_or_assigned() {
    let check = |parameters: &[(&str, &str)], data: &[(&str, &str)], expected: Option<&str>| {
        let owned = |pairs: &[(&str, &str)]| -> Vec<_> {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let job = job().connection(|connection| {
            connection.scheme = Some("ManagedServiceIdentity".to_owned());
            connection.parameters.clear();
            connection.parameters.extend(owned(parameters));
            connection.data.extend(owned(data));
        });
        let scheme = job.plan().unwrap().connection.scheme;
        let Scheme::ManagedIdentity { client } = scheme else {
            panic!("{scheme:?}");
        };
        assert_eq!(client.as_deref(), expected);
    };
    check(&[("tenantid", "t")], &[], None);
    check(&[], &[("msiclientid", "c")], Some("c"));
    check(&[("serviceprincipalid", "p")], &[], Some("p"));
    check(
        &[("serviceprincipalid", "p")],
        &[("msiclientid", "c")],
        Some("c"),
    );
}

#[test]
fn at_a_prompt_the_azure_cli_signs_in() {
    let mut prompt = job().input("ibSubscription", "11111111-1111-1111-1111-111111111111");
    prompt.given.connection = None;
    prompt.given.at_prompt = true;
    let connection = prompt.plan().unwrap().connection;
    assert!(matches!(connection.scheme, Scheme::AzureCli));
    assert_eq!(
        connection.subscription,
        "11111111-1111-1111-1111-111111111111"
    );
    let authority = connection.cloud.authority.unwrap();
    assert_eq!(authority.as_str(), "https://login.microsoftonline.com/");
    let named = prompt.input("ibSubscription", "images-prod");
    refused(
        &named,
        &[
            "'images-prod' is not the id of a subscription\nhint: outside a pipeline there are no service connections: use the id of the subscription (az account show --query id), and the Azure CLI signs in",
        ],
    );
}

#[test]
fn the_jobs_token_is_not_sent_to_strangers() {
    let mut stranger = job()
        .connection(|connection| connection.scheme = Some("WorkloadIdentityFederation".to_owned()));
    stranger.given.oidc_request_uri = Some("https://collector.example/oidctoken".to_owned());
    refused(
        &stranger,
        &[
            "the address for OIDC tokens ('System.OidcRequestUri') is on host 'collector.example', which does not belong to this organization; the job's token is not sent there\nhint: remove the variable 'System.OidcRequestUri' from the pipeline",
        ],
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
            "the agent provided no address for the OIDC token that workload identity federation needs ('System.OidcRequestUri')\nhint: update the agent, or use a connection with a client secret",
            "the agent provided no job token, which is needed to request an OIDC token\nhint: run the task as a step of a pipeline job",
        ],
    );
}

/// An earlier step may have put a token into the connection. It cannot be renewed, so it is for jobs that cannot ask.
#[test]
fn a_token_that_came_with_the_connection_is_the_last_resort() {
    let with_token = || {
        job().connection(|connection| {
            connection.scheme = Some("WorkloadIdentityFederation".to_owned());
            let token = "a.late.token".to_owned();
            connection.parameters.insert("idtoken".to_owned(), token);
        })
    };
    let source = |job: &Job| match job.plan().unwrap().connection.scheme {
        Scheme::Federated { oidc, .. } => oidc,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        source(&with_token()),
        OidcSource::Request(_, Some(_))
    ));
    for bare in [true, false] {
        let mut job = with_token();
        if bare {
            job.given.oidc_request_uri = None;
        } else {
            job.given.job_token = None;
        }
        let OidcSource::Given(token) = source(&job) else {
            panic!("nobody can be asked");
        };
        assert_eq!(token.reveal(), "a.late.token");
        assert!(
            job.masked
                .0
                .lock()
                .unwrap()
                .contains(&"a.late.token".to_owned())
        );
    }
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
    let Scheme::Federated {
        oidc: OidcSource::Request(oidc, None),
        ..
    } = federated.plan().unwrap().connection.scheme
    else {
        panic!("the scheme is federation");
    };
    assert_eq!(
        oidc.uri.as_str(),
        "https://dev.azure.example/contoso/oidctoken"
    );
    assert_eq!(oidc.job_token.reveal(), "job-token");
}

/// The addresses that a connection with this URL and these data tells; what it does not tell (here: empty) is asked for later.
fn check_cloud(url: &str, data: &[(&str, &str)], [arm, authority, audience]: [&str; 3]) {
    let job = job().connection(|connection| {
        connection.url = Some(url.to_owned());
        for (key, value) in data {
            let (key, value) = ((*key).to_owned(), (*value).to_owned());
            connection.data.insert(key, value);
        }
    });
    let cloud = job.plan().unwrap().connection.cloud;
    assert_eq!(cloud.resource_manager.as_str(), arm);
    let found = cloud.authority.map_or(String::new(), String::from);
    assert_eq!(found, authority, "{url} {data:?}");
    assert_eq!(
        cloud.audience.unwrap_or_default(),
        audience,
        "{url} {data:?}"
    );
}

#[test]
fn the_known_clouds_need_no_more_than_their_names() {
    let [public, government, china] = [
        "https://management.azure.com/",
        "https://management.usgovcloudapi.net/",
        "https://management.chinacloudapi.cn/",
    ];
    let login = "https://login.microsoftonline.com/";
    check_cloud(public, &[], [public, login, public]);
    check_cloud("", &[], [public, login, public]);
    let name = [("environment", "AzureUSGovernment")];
    let expected = [government, "https://login.microsoftonline.us/", government];
    check_cloud("https://management.usgovcloudapi.net", &name, expected);
    let name = [("environment", "azurechinacloud")];
    let expected = [china, "https://login.chinacloudapi.cn/", china];
    check_cloud(china, &name, expected);
    check_cloud("", &name, expected);
}

#[test]
fn what_the_connection_names_comes_first() {
    let arm = "https://management.azure.com/";
    let old = ("environmentauthorityurl", "https://login.windows.net/");
    let new = ("activedirectoryauthority", "https://localhost:8443/entra");
    let core = "https://management.core.windows.net/";
    let audience = ("activedirectoryserviceendpointresourceid", core);
    check_cloud(arm, &[old], [arm, "https://login.windows.net/", arm]);
    check_cloud(
        "https://localhost:8443/arm",
        &[new, old, audience],
        [
            "https://localhost:8443/arm/",
            "https://localhost:8443/entra/",
            core,
        ],
    );
    let own = "https://management.local.azurestack.external/";
    let other = ("environment", "AzureStack");
    check_cloud(own, &[other], [own, "", ""]);
    check_cloud(own, &[other, old], [own, "https://login.windows.net/", ""]);
    check_cloud(own, &[other, audience], [own, "", core]);
}
