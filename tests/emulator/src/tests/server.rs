//! The server: real sockets and TLS on loopback, one client that trusts the certificate authority.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::{Clock, Cloud, RunningServer, Server, ServerOptions, Switches, World};

/// A server, and the folder of its certificates, which goes with it.
struct Started {
    server: RunningServer,
    _folder: TempDir,
}

impl Deref for Started {
    type Target = RunningServer;

    fn deref(&self) -> &RunningServer {
        &self.server
    }
}

fn start() -> Started {
    start_with(false)
}

fn start_with(title_case_headers: bool) -> Started {
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions {
        port_base: 0,
        folder: folder.path().to_owned(),
        title_case_headers,
    };
    let build = |addresses| {
        Cloud::new(
            World::contoso(addresses),
            Switches::default(),
            Clock::System,
        )
    };
    Started {
        server: Server::start(build, &options).unwrap(),
        _folder: folder,
    }
}

/// Sends one request over a connection of its own and gives back all that comes.
fn exchange(server: &RunningServer, origin: &str, request: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&server.ca_pem_path).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let authority = origin.strip_prefix("https://").unwrap();
    let connection =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap())
            .unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(authority).unwrap());
    let (line, body) = request.split_once('\n').unwrap_or((request, ""));
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A connection that breaks is an answer too: what came before it counts.
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn services_answer_on_their_ports_over_tls() {
    let server = start();
    let (arm, blob) = (
        server.addresses.arm.clone(),
        server.addresses.blob_endpoint("stcontosoimages"),
    );
    let metadata = exchange(
        &server,
        &arm,
        "GET /metadata/endpoints?api-version=2022-09-01",
    );
    assert!(metadata.starts_with("HTTP/1.1 200"), "{metadata}");
    assert!(metadata.contains(&server.addresses.login), "{metadata}");
    let origin = blob.strip_suffix("/stcontosoimages/").unwrap();
    assert!(exchange(&server, origin, "GET /stcontosoimages/c/b").starts_with("HTTP/1.1 4"));
    assert!(
        exchange(&server, &arm, "GET /subscriptions?api-version=2022-12-01")
            .starts_with("HTTP/1.1 401")
    );
    let journal = exchange(&server, &arm, "GET /_emulator/journal");
    assert!(
        journal.contains("arm GET /metadata/endpoints 200"),
        "{journal}"
    );
    assert!(exchange(&server, &arm, "GET /_emulator/inventory").ends_with("nothing"));
}

#[test]
fn header_names_have_the_letter_case_of_the_switch() {
    for (title_case, expected) in [(false, "\r\ncontent-type: "), (true, "\r\nContent-Type: ")] {
        let server = start_with(title_case);
        let get = "GET /metadata/endpoints?api-version=2022-09-01";
        let answer = exchange(&server, &server.addresses.arm, get);
        assert!(answer.contains(expected), "{answer}");
    }
}

#[test]
fn faults_come_over_the_wire_as_they_are() {
    let server = start();
    let arm = server.addresses.arm.clone();
    let get = "GET /metadata/endpoints?api-version=2022-09-01";
    let script = |fault: &str| exchange(&server, &arm, &format!("POST /_emulator/faults\n{fault}"));
    let on = |effect: &str| format!(r#"{{"operation": "MetadataEndpoints", {effect}}}"#);
    assert!(script(&on(r#""effect": "resetAfter""#)).starts_with("HTTP/1.1 204"));
    assert_eq!(exchange(&server, &arm, get), "");
    assert!(script(&on(r#""effect": "truncate""#)).starts_with("HTTP/1.1 204"));
    let cut = exchange(&server, &arm, get);
    assert!(
        cut.starts_with("HTTP/1.1 200") && !cut.ends_with('}'),
        "{cut}"
    );
    assert!(
        script(&on(r#""effect": "status", "status": 503, "body": "busy""#))
            .starts_with("HTTP/1.1 204")
    );
    assert!(exchange(&server, &arm, get).starts_with("HTTP/1.1 503"));
    assert!(script(r#"{"operation": "Nonsense", "effect": "delay"}"#).starts_with("HTTP/1.1 400"));
    assert!(server.cloud.unconsumed_faults().is_empty());
}
