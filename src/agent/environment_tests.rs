use super::*;

const ID: &str = "6f1c2b3a-0000-4000-8000-abcdefabcdef";

fn environment(variables: &[(&str, &str)], ignores_case: bool) -> Environment {
    Environment::with_case(
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
        ignores_case,
    )
}

fn unix(variables: &[(&str, &str)]) -> Environment {
    environment(variables, false)
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn inputs_are_found_by_lower_case_name_and_kept_as_they_are() {
    let variables = [
        ("INPUT_SOURCETYPE", " platformImage "),
        ("INPUT_EMPTY", ""),
        ("INPUT_A_B-C", "a\nb"),
        ("input_lower", "x"),
        ("OTHER", "x"),
    ];
    assert_eq!(
        unix(&variables).inputs(),
        map([
            ("sourcetype", " platformImage "),
            ("empty", ""),
            ("a_b-c", "a\nb")
        ])
    );
    let windows = environment(&variables, true).inputs();
    assert_eq!(
        windows.get("lower").map(String::as_str),
        Some("x"),
        "Windows ignores the letter case"
    );
}

#[test]
fn an_endpoint_is_read_from_its_variables_in_any_letter_case() {
    let upper = ID.to_uppercase();
    let expected = Endpoint {
        id: upper.clone(),
        url: Some("https://example.com/".to_owned()),
        scheme: Some("ServicePrincipal".to_owned()),
        parameters: map([("tenantid", "t"), ("serviceprincipalkey", "k")]),
        data: map([("environment", "AzureCloud")]),
    };
    let variables = [
        (format!("ENDPOINT_URL_{ID}"), "https://example.com/"),
        (format!("ENDPOINT_AUTH_SCHEME_{ID}"), "ServicePrincipal"),
        (format!("ENDPOINT_AUTH_PARAMETER_{ID}_TENANTID"), "t"),
        (
            format!("ENDPOINT_AUTH_PARAMETER_{ID}_SERVICEPRINCIPALKEY"),
            "k",
        ),
        (format!("ENDPOINT_AUTH_PARAMETER_{ID}_EMPTY"), ""),
        (format!("ENDPOINT_DATA_{ID}_ENVIRONMENT"), "AzureCloud"),
        (
            "ENDPOINT_URL_00000000-0000-4000-8000-000000000000".to_owned(),
            "https://other",
        ),
    ];
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    for ignores_case in [false, true] {
        assert_eq!(
            environment(&variables, ignores_case)
                .endpoint(&upper)
                .as_ref(),
            Some(&expected)
        );
    }
    assert_eq!(
        unix(&variables).endpoint("6f1c2b3a"),
        None,
        "a part of an id is no id"
    );
    assert_eq!(unix(&variables).endpoint(" "), None);
}

#[test]
fn the_json_variables_fill_what_the_others_lack() {
    let authorization = r#"{"parameters":{"TenantId":"json","servicePrincipalId":"client","none":null,"flag":true},"scheme":"ManagedServiceIdentity"}"#;
    let (auth, data) = (format!("ENDPOINT_AUTH_{ID}"), format!("ENDPOINT_DATA_{ID}"));
    let tenant = format!("ENDPOINT_AUTH_PARAMETER_{ID}_TENANTID");
    let endpoint = unix(&[
        (&auth, authorization),
        (&data, r#"{"subscriptionId":"s","a.b":"c"}"#),
        (&tenant, "own"),
    ])
    .endpoint(ID)
    .unwrap();
    assert_eq!(endpoint.scheme.as_deref(), Some("ManagedServiceIdentity"));
    assert_eq!(
        endpoint.parameters,
        map([
            ("tenantid", "own"),
            ("serviceprincipalid", "client"),
            ("flag", "true")
        ])
    );
    assert_eq!(endpoint.data, map([("subscriptionid", "s"), ("a_b", "c")]));
    assert_eq!(unix(&[(&auth, "not json")]).endpoint(ID), None);
}

#[test]
fn the_job_token_is_the_system_connections() {
    let token = "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN";
    let json = r#"{"parameters":{"AccessToken":"from json"},"scheme":"OAuth"}"#;
    assert_eq!(
        unix(&[(token, "t"), ("SYSTEM_ACCESSTOKEN", "mapped")])
            .job_token()
            .as_deref(),
        Some("t")
    );
    assert_eq!(
        unix(&[("ENDPOINT_AUTH_SYSTEMVSSCONNECTION", json)])
            .job_token()
            .as_deref(),
        Some("from json")
    );
    assert_eq!(unix(&[("SYSTEM_ACCESSTOKEN", "mapped")]).job_token(), None);
}

#[test]
fn variables_are_found_by_their_pipeline_names() {
    let variables = [
        ("BUILD_BUILDID", "42"),
        ("MY_LONG-NAME", "x"),
        ("SECRET_MY_KEY", "s"),
        ("MY_KEY", "p"),
        ("EMPTY", ""),
        ("VSTS_TASKVARIABLE_LEFT_OVERS", "l"),
    ];
    let environment = unix(&variables);
    let variable = |name| environment.variable(name);
    assert_eq!(variable("Build.BuildId").as_deref(), Some("42"));
    assert_eq!(variable("my long-name").as_deref(), Some("x"));
    assert_eq!(
        variable("my.key").as_deref(),
        Some("s"),
        "secret ones first"
    );
    assert_eq!(variable("empty"), None);
    assert_eq!(variable("absent"), None);
    assert_eq!(
        environment.task_variable("left.overs").as_deref(),
        Some("l")
    );
    assert_eq!(environment.task_variable("Build.BuildId"), None);
}

#[test]
fn the_job_describes_itself() {
    let job = unix(&[
        ("AGENT_TEMPDIRECTORY", "/tmp/job"),
        ("SYSTEM_DEFAULTWORKINGDIRECTORY", "/src"),
        ("SYSTEM_DEBUG", "True"),
        ("SYSTEM_TASKINSTANCENAME", "bake"),
        ("AZURE_HTTP_USER_AGENT", "VSTS_1"),
        ("AGENT_CAINFO", "/ca.pem"),
        ("NODE_EXTRA_CA_CERTS", "/more.pem"),
        ("COMMAND_CORRELATION_ID", "c"),
        ("IMAGE_BUILDER_PARENT", "launcher"),
    ]);
    assert_eq!(
        (job.temp_directory(), job.working_directory()),
        (PathBuf::from("/tmp/job"), PathBuf::from("/src"))
    );
    assert_eq!((job.debug(), job.has_launcher()), (true, true));
    assert_eq!(job.step_name().as_deref(), Some("bake"));
    assert_eq!(
        (
            job.user_agent_addition().as_deref(),
            job.correlation_id().as_deref()
        ),
        (Some("VSTS_1"), Some("c"))
    );
    assert_eq!(
        job.extra_certificate_authorities(),
        [PathBuf::from("/ca.pem"), PathBuf::from("/more.pem")]
    );

    let nothing = unix(&[
        ("SYSTEM_DEBUG", "yes"),
        ("SYSTEM_TASKINSTANCENAME", ""),
        ("AGENT_CAINFO", ""),
        ("IMAGE_BUILDER_PARENT", "shell"),
    ]);
    assert_eq!(
        (nothing.debug(), nothing.has_launcher(), nothing.step_name()),
        (false, false, None)
    );
    assert_eq!(
        nothing.extra_certificate_authorities(),
        Vec::<PathBuf>::new()
    );
    assert!(nothing.temp_directory().is_absolute() && nothing.working_directory().is_absolute());
}

#[test]
fn an_agent_is_known_by_what_all_agents_set() {
    for (variables, expected) in [
        (vec![("TF_BUILD", "True")], true),
        (vec![("INPUT_X", "x")], false),
        (vec![("PATH", "/bin")], false),
        (vec![], false),
    ] {
        assert_eq!(unix(&variables).is_agent(), expected, "{variables:?}");
    }
}

#[test]
fn the_address_for_oidc_tokens_is_given_or_follows_from_the_job() {
    let job = [
        ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/contoso/"),
        ("SYSTEM_TEAMPROJECTID", "p"),
        ("SYSTEM_HOSTTYPE", "build"),
        ("SYSTEM_PLANID", "l"),
        ("SYSTEM_JOBID", "j"),
    ];
    let built =
        "https://dev.azure.com/contoso/p/_apis/distributedtask/hubs/build/plans/l/jobs/j/oidctoken";
    assert_eq!(unix(&job).oidc_request_uri().as_deref(), Some(built));
    assert_eq!(unix(&job[1..]).oidc_request_uri(), None);
    assert_eq!(
        unix(&[("SYSTEM_OIDCREQUESTURI", "https://given"), job[0]])
            .oidc_request_uri()
            .as_deref(),
        Some("https://given")
    );
}

#[test]
fn nothing_secret_shows_in_debug_output() {
    let environment = unix(&[
        ("SECRET_K", "hunter2"),
        ("ENDPOINT_AUTH_PARAMETER_x_KEY", "hunter2"),
        ("ENDPOINT_URL_x", "u"),
    ]);
    let shown = format!("{environment:?} {:?}", environment.endpoint("x").unwrap());
    assert!(
        shown.contains("SECRET_K") && shown.contains("key") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn the_agents_way_to_the_network_is_read() {
    let pairs = |pairs: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
        Environment::with_case(pairs.iter().map(owned).collect::<Vec<_>>(), false)
    };
    let none = pairs(&[("AGENT_PROXYUSERNAME", "u"), ("AGENT_CLIENTCERT", "c.pem")]);
    assert_eq!(none.proxy(), None);
    assert_eq!(none.client_certificate(), None);
    assert!(!none.skips_certificate_validation() && !none.is_agent());
    assert!(none.collection_uris().is_empty());

    let all = pairs(&[
        ("AGENT_PROXYURL", "http://proxy:3128"),
        ("AGENT_PROXYUSERNAME", "builder"),
        ("SECRET_AGENT_PROXYPASSWORD", "hunter2"),
        ("AGENT_PROXYBYPASSLIST", r#"["a\\.b","c"]"#),
        ("AGENT_CLIENTCERT", "c.pem"),
        ("AGENT_CLIENTCERTKEY", "k.pem"),
        ("AGENT_SKIPCERTVALIDATION", "True"),
        ("TF_BUILD", "True"),
        ("ENDPOINT_URL_SYSTEMVSSCONNECTION", "https://one/"),
        ("SYSTEM_COLLECTIONURI", "https://two/"),
        ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "https://three/"),
    ]);
    let proxy = all.proxy().unwrap();
    assert!(!format!("{proxy:?}").contains("hunter2"));
    let expected = AgentProxy {
        url: "http://proxy:3128".to_owned(),
        user: Some("builder".to_owned()),
        password: Some("hunter2".to_owned()),
        bypass: vec![r"a\.b".to_owned(), "c".to_owned()],
    };
    assert!(proxy == expected);
    let files = ("c.pem".into(), "k.pem".into());
    assert_eq!(all.client_certificate(), Some(files));
    assert!(all.skips_certificate_validation() && all.is_agent());
    assert_eq!(
        all.collection_uris(),
        ["https://one/", "https://two/", "https://three/"]
    );
}
