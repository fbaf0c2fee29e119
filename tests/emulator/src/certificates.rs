//! A throw-away certificate authority, made anew at each start, and the server certificate that it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server over TLS needs, and what its clients have to trust.
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    pub(crate) config: ServerConfig,
}

/// The names and addresses under which the emulator is reached: the last two by way of a proxy that finds it there.
const NAMES: [&str; 5] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "*.azure.emulator",
    "*.blob.azure.emulator",
];

/// Makes a certificate authority and a certificate for [`NAMES`].
///
/// # Errors
///
/// Says what the certificate or TLS library refused; that is a defect, not a matter of the environment.
pub(crate) fn make() -> Result<Certificates, Box<dyn std::error::Error + Send + Sync>> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name
        .push(DnType::CommonName, "azure-emulator throw-away CA");
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(NAMES.map(str::to_owned))?;
    leaf.distinguished_name
        .push(DnType::CommonName, "localhost");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = leaf.signed_by(&key, &issuer)?;

    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let private_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private_key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificates { ca_pem, config })
}
