//! The client for the network against real sockets: what it shows to servers, and which way it takes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::Request;
use image_builder::arm::http::{Http as _, HttpClient, Sent, TransportError};
use image_builder::arm::network_settings::{self, NetworkSettings};
use image_builder::secret::{Masker, Secret};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::proxy::Proxy;

struct Nobody;

impl Masker for Nobody {
    fn mask(&self, _: &str) {}
}

/// A certificate authority, and a certificate that it signed for `localhost` and its key.
struct Certificates {
    authority: String,
    certificate: String,
    key: String,
}

fn certificates() -> Certificates {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
    Certificates {
        authority: pem,
        certificate: leaf.signed_by(&key, &issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// A server that answers each request with the User-Agent that it was sent; `clients` are the authorities of whom it lets in.
fn serve(own: &Certificates, clients: Option<&Certificates>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            let authority = CertificateDer::from_pem_slice(clients.authority.as_bytes());
            roots.add(authority.unwrap()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            // A client that does not trust us goes away.
            let Ok(length) = stream.read(&mut request) else {
                continue;
            };
            let text = String::from_utf8_lossy(&request[..length]).to_ascii_lowercase();
            let agent = text
                .lines()
                .find_map(|line| line.strip_prefix("user-agent: "));
            let agent = agent.unwrap_or_default();
            let length = agent.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{agent}"
            )
            .ok();
            stream.conn.send_close_notify();
            stream.flush().ok();
        }
    });
    port
}

async fn ask(network: &NetworkSettings, host: &str, port: u16) -> Result<Bytes, TransportError> {
    let client = HttpClient::new(network).unwrap();
    let request = Request::get(format!("https://{host}:{port}/")).body(Bytes::new());
    let answer = client.send(request.unwrap()).await?;
    Ok(answer.into_body())
}

fn trusting(certificates: &Certificates) -> NetworkSettings {
    NetworkSettings {
        extra_authorities: vec![certificates.authority.clone().into_bytes()],
        user_agent: "image-builder-test/1".to_owned(),
        ..NetworkSettings::default()
    }
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_or_not_at_all() {
    let (own, other) = (certificates(), certificates());
    let port = serve(&own, None);
    let answer = ask(&trusting(&own), "localhost", port).await.unwrap();
    assert_eq!(answer, "image-builder-test/1");
    let refused = ask(&trusting(&other), "localhost", port).await.unwrap_err();
    assert_eq!(refused.sent, Sent::NothingEver, "{refused}");
    let wrong_name = ask(&trusting(&own), "127.0.0.1", port).await.unwrap_err();
    assert_eq!(wrong_name.sent, Sent::NothingEver, "{wrong_name}");
    let careless = NetworkSettings {
        trusts_every_server: true,
        ..trusting(&other)
    };
    assert!(ask(&careless, "127.0.0.1", port).await.is_ok());
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_the_agents() {
    let (own, clients) = (certificates(), certificates());
    let port = serve(&own, Some(&clients));
    let with = |shown: &Certificates| NetworkSettings {
        client_certificate: Some(Secret::new(
            format!("{}{}", shown.certificate, shown.key),
            &Nobody,
        )),
        ..trusting(&own)
    };
    assert!(ask(&with(&clients), "localhost", port).await.is_ok());
    assert!(ask(&with(&own), "localhost", port).await.is_err());
    assert!(ask(&trusting(&own), "localhost", port).await.is_err());
    assert!(!format!("{:?}", with(&clients)).contains("PRIVATE KEY"));
}

/// The address is this machine's, but none that everybody knows to be: only the list keeps it from the proxy.
#[cfg(unix)]
#[tokio::test]
async fn the_bypass_list_goes_past_the_proxy() {
    let own = certificates();
    let port = serve(&own, None);
    let proxy = Proxy::start(None, move |_| Some(port));
    let network = |bypass: &str| NetworkSettings {
        proxy: Some(
            network_settings::Proxy::new(
                &format!("http://127.0.0.1:{}", proxy.port),
                None,
                &[bypass.to_owned()],
            )
            .unwrap(),
        ),
        trusts_every_server: true,
        ..trusting(&own)
    };
    ask(&network(r"^https://0\.0\."), "0.0.0.0", port)
        .await
        .unwrap();
    assert!(proxy.seen().is_empty());
    ask(&network(r"^https://1\.0\."), "0.0.0.0", port)
        .await
        .unwrap();
    assert_eq!(proxy.seen(), ["200 0.0.0.0"]);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let proxy = Proxy::start(Some("builder:right"), |_| None);
    let network = |login: Option<&str>| {
        let login = login.map(|password| ("builder".to_owned(), Secret::new(password, &Nobody)));
        let url = format!("http://127.0.0.1:{}", proxy.port);
        NetworkSettings {
            proxy: Some(network_settings::Proxy::new(&url, login, &[]).unwrap()),
            ..trusting(&certificates())
        }
    };
    let check = async |login: Option<&str>, sent: Sent, text: &str| {
        let error = ask(&network(login), "host.invalid", 443).await.unwrap_err();
        assert_eq!(error.sent, sent, "{error}");
        assert!(error.reason.contains(text), "{error}");
    };
    check(None, Sent::NothingEver, "(407)").await;
    check(Some("wrong"), Sent::NothingEver, "(407)").await;
    check(Some("right"), Sent::Nothing, "the proxy refused").await;
}
