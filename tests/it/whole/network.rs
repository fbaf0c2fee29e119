//! The shipped program on agents with a proxy, with certificates, and without any.

use std::fs;
use std::net::TcpListener;

use azure_emulator::{Addresses, Service};
use pipelines_agent::{JobRun, TaskResult};

use super::{check_empty, run};
use crate::pipeline::{Pipeline, quick};
use crate::proxy::Proxy;
use crate::seed;
use crate::texts::check_has;

/// The seed scenario in a cloud whose names only a proxy knows: whatever works has gone through it.
fn behind_proxy(login: Option<&str>) -> (Pipeline, Proxy) {
    let mut pipeline =
        Pipeline::seed_in(quick(), |world| world.addresses = Addresses::in_process());
    let ports = pipeline.server.ports;
    let proxy = Proxy::start(login, move |host| match host {
        "management.azure.emulator" => Some(ports[0]),
        "login.azure.emulator" => Some(ports[1]),
        "dev.azure.emulator" => Some(ports[2]),
        _ => host.ends_with(".blob.azure.emulator").then_some(ports[3]),
    });
    let url = format!("http://127.0.0.1:{}", proxy.port);
    pipeline.step = pipeline.step.variable("Agent.ProxyUrl", url);
    (pipeline, proxy)
}

fn check_built(pipeline: &Pipeline, job: &JobRun) {
    assert_eq!(job.result, TaskResult::Succeeded, "{}", job.log());
    assert_eq!(
        pipeline.server.cloud.inventory().image_versions.len(),
        1,
        "{}",
        job.log()
    );
    check_empty(pipeline);
}

#[test]
fn everything_goes_through_the_agents_proxy() {
    let (pipeline, proxy) = behind_proxy(None);
    let job = run(&pipeline);
    check_built(&pipeline, &job);
    let mut hosts = proxy.seen();
    hosts.sort();
    hosts.dedup();
    // The staging account, where the log is, has a name that Azure made up.
    let made_up = |host: &String| host.len() == "200 .blob.azure.emulator".len() + 24;
    assert_eq!(hosts.iter().filter(|host| made_up(host)).count(), 1);
    hosts.retain(|host| !made_up(host));
    assert_eq!(
        hosts,
        [
            "200 dev.azure.emulator",
            "200 login.azure.emulator",
            "200 management.azure.emulator",
            "200 stcontosoimages.blob.azure.emulator",
        ]
    );
}

#[test]
fn a_proxy_that_wants_a_password_gets_it() {
    let password = "p%ss:wörd hunter2";
    let (mut pipeline, proxy) = behind_proxy(Some(&format!("builder:{password}")));
    pipeline.step = pipeline
        .step
        .variable("Agent.ProxyUsername", "builder")
        .secret_variable("Agent.ProxyPassword", password);
    let job = run(&pipeline);
    check_built(&pipeline, &job);
    assert!(proxy.seen().iter().all(|line| line.starts_with("200 ")));
    assert!(!job.log().contains("hunter2"), "{}", job.log());
}

#[test]
fn a_wrong_password_for_the_proxy_is_explained() {
    let (mut pipeline, proxy) = behind_proxy(Some("builder:right"));
    pipeline.step = pipeline
        .step
        .variable("Agent.ProxyUsername", "builder")
        .secret_variable("Agent.ProxyPassword", "wrong-password");
    let job = run(&pipeline);
    assert_eq!(job.result, TaskResult::Failed);
    check_has(
        &job.log(),
        "the proxy asks for a user name and password, or for other ones (407)",
    );
    let supported = "They are sent as Basic authentication: for a proxy that wants NTLM";
    assert!(job.log().contains(supported), "{}", job.log());
    assert_eq!(proxy.seen(), ["407 dev.azure.emulator"], "it is asked once");
}

/// The emulator is on this machine, where no proxy is asked: a dead one does no harm.
#[test]
fn no_proxy_is_asked_for_what_is_on_this_machine() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = dead.local_addr().unwrap().port();
    let mut pipeline = Pipeline::seed(quick());
    pipeline.step = pipeline
        .step
        .variable("Agent.ProxyUrl", format!("http://127.0.0.1:{port}"))
        .variable("Agent.ProxyBypassList", r#"["\\.example\\.com", "("]"#);
    check_built(&pipeline, &run(&pipeline));
    dead.set_nonblocking(true).unwrap();
    assert!(dead.accept().is_err(), "someone asked the proxy");
}

#[test]
fn a_certificate_authority_may_come_from_anywhere() {
    for source in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "Agent.CAInfo"] {
        let mut pipeline = Pipeline::seed(quick());
        let authority = pipeline.server.ca_pem_path.display().to_string();
        pipeline.step = pipeline
            .step
            .variable("Agent.CAInfo", "")
            .variable(source, authority);
        check_built(&pipeline, &run(&pipeline));
    }
}

/// In a container without certificate authorities the agent's own is enough; without that one, the log says what is missing.
#[test]
fn a_machine_without_certificate_authorities_needs_one() {
    for (own, works) in [(true, true), (false, false)] {
        let mut pipeline = Pipeline::seed(quick());
        let empty = pipeline.step.directories.work.join("empty");
        fs::create_dir_all(&empty).unwrap();
        let nothing = empty.join("none.pem").display().to_string();
        pipeline.step = pipeline
            .step
            .variable("SSL_CERT_FILE", nothing)
            .variable("SSL_CERT_DIR", empty.display().to_string());
        if !own {
            pipeline.step = pipeline.step.variable("Agent.CAInfo", "");
        }
        let job = run(&pipeline);
        if works {
            check_built(&pipeline, &job);
        } else {
            assert_eq!(job.result, TaskResult::Failed);
            let log = job.log();
            assert!(job.main.raw_text().contains("code=AIB204;"), "{log}");
            check_has(&log, "this machine has no certificate authorities");
        }
    }
}

#[test]
fn an_agent_that_trusts_everybody_is_warned_of() {
    let mut pipeline = Pipeline::seed(quick());
    pipeline.step = pipeline
        .step
        .variable("Agent.CAInfo", "")
        .variable("Agent.SkipCertValidation", "True");
    let job = run(&pipeline);
    check_built(&pipeline, &job);
    let warnings = job.main.warnings();
    assert_eq!(warnings.len(), 1, "{}", job.log());
    check_has(&job.log(), "The agent trusts every server");
}

#[test]
fn settings_that_cannot_be_used_are_explained() {
    let check = |name: &str, value: &str, text: &str| {
        let mut pipeline = Pipeline::seed(quick());
        pipeline.step = pipeline.step.variable(name, value);
        if name == "Agent.ClientCert" {
            pipeline.step = pipeline.step.variable("Agent.ClientCertKey", value);
        }
        let job = run(&pipeline);
        assert_eq!(job.result, TaskResult::Failed);
        assert!(
            job.main.raw_text().contains("code=AIB204;"),
            "{}",
            job.log()
        );
        assert!(job.log().contains(text), "{}", job.log());
        let journal = pipeline.server.cloud.journal();
        assert!(journal.iter().all(|entry| entry.service == Service::Nobody));
    };
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    check("Agent.ProxyUrl", "proxy.example:3128", "is malformed");
    check(
        "Agent.CAInfo",
        "/nowhere/ca.pem",
        "'/nowhere/ca.pem' cannot be read",
    );
    check(
        "Agent.ClientCert",
        manifest,
        "the agent's client certificate cannot be used",
    );
}

#[test]
fn a_service_principal_with_a_certificate_signs_in() {
    let key = include_str!("../../testdata/keys/rsa-pkcs8.pem");
    let pair = rcgen::KeyPair::from_pem(key).unwrap();
    let signed = rcgen::CertificateParams::default().self_signed(&pair);
    let signed = signed.unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, signed.der());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02X}"));
    let thumbprint: String = digits.collect();
    let mut pipeline = Pipeline::seed_in(quick(), |world| {
        world.applications[0].certificate_thumbprints = vec![thumbprint];
    });
    let world = seed::world(pipeline.server.addresses.clone());
    let connection = seed::connection(&world, "ServicePrincipal")
        .parameter("authenticationType", "spnCertificate")
        .parameter(
            "servicePrincipalCertificate",
            format!("{key}{}", signed.pem()),
        );
    pipeline.step.connections = vec![connection];
    let job = run(&pipeline);
    check_built(&pipeline, &job);
    for line in key.lines().filter(|line| line.len() > 6) {
        let armor = line.starts_with("-----");
        assert!(armor || !job.log().contains(line), "the key shows");
    }
}
