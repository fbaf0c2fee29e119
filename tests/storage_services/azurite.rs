//! Azurite as a child process, on a free port of loopback, over HTTPS, with OAuth, and with nothing on the disk but its certificate.
//!
//! Options: <https://github.com/Azure/Azurite#command-line-options>.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// What is to be done when it is not installed.
pub(crate) const NOT_INSTALLED: &str =
    "Azurite is not installed; install it with `npm ci --prefix tests/azurite`";
/// The account that every Azurite has.
pub(crate) const ACCOUNT: &str = "devstoreaccount1";

/// An Azurite that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Azurite {
    /// `https://127.0.0.1:{port}`.
    pub(crate) origin: String,
    /// The certificate authority to trust.
    pub(crate) ca_pem: String,
    process: Child,
    _folder: TempDir,
}

fn installation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azurite")
}

impl Azurite {
    /// Whether `npm ci` has been run to its end: npm writes this file last.
    pub(crate) fn is_installed() -> bool {
        installation()
            .join("node_modules/.package-lock.json")
            .is_file()
    }

    /// Starts it, and waits until it says that it listens.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let ca_pem = make_certificate(folder.path());
        let mut process = Command::new("node")
            .arg(installation().join("start.js"))
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .args([
                "--oauth", "basic", "--cert", "leaf.pem", "--key", "leaf.key",
            ])
            .args(["--inMemoryPersistence", "--silent", "--disableTelemetry"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        let origin = loop {
            let start = said.len();
            if output.read_line(&mut said).unwrap() == 0 {
                let mut errors = process.stderr.take().unwrap();
                errors.read_to_string(&mut said).unwrap();
                panic!("Azurite did not start:\n{said}");
            }
            if let Some((_, origin)) = said[start..].split_once("successfully listens on ") {
                break origin.trim().to_owned();
            }
        };
        drain(output);
        drain(process.stderr.take().unwrap());
        Self {
            origin,
            ca_pem,
            process,
            _folder: folder,
        }
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        // Whether it has ended by itself or is killed now, it is gone then.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Reads what nobody wants, so that a full pipe stops nobody.
fn drain(mut output: impl Read + Send + 'static) {
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
}

/// Writes `leaf.pem` and `leaf.key` for 127.0.0.1; gives back the authority that signed them.
fn make_certificate(folder: &Path) -> String {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("leaf.pem"), leaf.pem()).unwrap();
    std::fs::write(folder.join("leaf.key"), key.serialize_pem()).unwrap();
    ca_pem
}
