//! Our side of the benchmark of packages; `tests/bench/run.py` starts it.
//!
//! - `package-bench tree FOLDER`: makes the mixed tree, the same one each time;
//! - `package-bench sink [CERTIFICATE]`: a server that takes blobs and keeps nothing; prints its port. With a file, over TLS, and the certificate
//!   to trust goes there;
//! - `package-bench pack zip|tar.gz FOLDER [FILE]`: packs, into nowhere or a file;
//! - `package-bench sum zip|tar.gz FOLDER`: reads the folder for the sum of its contents;
//! - `package-bench send zip|tar.gz FOLDER URL`: packs and uploads, as the task does;
//! - `package-bench send-file FILE URL`: uploads a file as it is, for the share that sending has.
//!
//! `URL` is that of the sink, `http://127.0.0.1:1234` or `https://`; what is to be trusted stands in `NODE_EXTRA_CA_CERTS`.

mod nowhere;
mod sink;
mod tree;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use image_builder::arm::Client;
use image_builder::arm::auth::{Freshness, SignInFailure, TokenSource};
use image_builder::arm::http::{Http, HttpClient, Sent, TransportError};
use image_builder::arm::network_settings::NetworkSettings;
use image_builder::file::Exclusion;
use image_builder::secret::{Masker, Secret};
use image_builder::storage::{
    self, BLOCK_BYTES, BlockIds, BlockMemory, Format, PackageSource, Progress, StorageAccount,
};
use tokio::sync::mpsc;

use nowhere::Nowhere;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tree", folder] => Ok(tree::make(Path::new(folder))?),
        ["sink"] => Ok(sink::serve(None)?),
        ["sink", certificate] => Ok(sink::serve(Some(certificate))?),
        ["pack", format, folder] => pack(format, folder, Nowhere::new(None)),
        ["pack", format, folder, file] => pack(
            format,
            folder,
            Nowhere::new(Some(std::fs::File::create(file)?)),
        ),
        ["sum", format, folder] => sum(format, folder),
        ["send", format, folder, url] => upload(format, folder, url, Sending::to(url)?),
        ["send-file", file, url] => send_file(Path::new(file), url),
        _ => Err("see the head of tests/bench/src/main.rs".into()),
    }
}

fn pack(format: &str, folder: &str, nowhere: Nowhere) -> Result<(), Box<dyn Error>> {
    upload(format, folder, "http://127.0.0.1:1", Arc::new(nowhere))
}

fn upload(
    format: &str,
    folder: &str,
    url: &str,
    http: Arc<dyn Http>,
) -> Result<(), Box<dyn Error>> {
    let account = account(url)?;
    let source = source(format, folder)?;
    let client = client(http);
    let runtime = tokio::runtime::Runtime::new()?;
    let uploaded = runtime.block_on(storage::upload(
        &client,
        &account,
        &source,
        &Progress::default(),
        || (),
    ))?;
    let archived = uploaded.archived;
    writeln!(
        io::stdout(),
        "{} {} {}",
        archived.files,
        archived.bytes_read,
        archived.bytes_written
    )?;
    Ok(())
}

/// The part of an upload that is not packing, with the next blocks read meanwhile.
fn send_file(file: &Path, url: &str) -> Result<(), Box<dyn Error>> {
    let client = client(Sending::to(url)?);
    let blob = account(url)?.blob("bench", "package")?;
    let file = File::open(file)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let (sender, mut blocks) = mpsc::channel(2);
        let reading = tokio::task::spawn_blocking(move || read_blocks(&file, &sender));
        let blocks = stream::poll_fn(|context| blocks.poll_recv(context));
        let ids = BlockIds::of(None);
        let count = storage::put_blocks(&client, &blob, blocks, &ids, &Progress::default()).await?;
        reading.await??;
        Ok(storage::commit(&client, &blob, (count, &ids), |call| call).await?)
    })
}

fn read_blocks(file: &File, blocks: &mpsc::Sender<Bytes>) -> io::Result<()> {
    let mut memory = BlockMemory::default();
    loop {
        let mut block = memory.take(BLOCK_BYTES);
        block.resize(BLOCK_BYTES, 0);
        let mut length = 0;
        while let Some(rest) = block.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match (&*file).read(rest)? {
                0 => break,
                more => length += more,
            }
        }
        if length == 0 {
            return Ok(());
        }
        block.truncate(length);
        let sent = blocks.blocking_send(memory.lend(block));
        sent.map_err(io::Error::other)?;
    }
}

/// What a run that keeps packages reads before it knows whether it has to send one.
fn sum(format: &str, folder: &str) -> Result<(), Box<dyn Error>> {
    let source = source(format, folder)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let sum = runtime.block_on(storage::content(&source))?;
    Ok(writeln!(io::stdout(), "{sum}")?)
}

fn client(http: Arc<dyn Http>) -> Client {
    Client::new(http, Arc::new(Anybody), Arc::new(Anybody))
}

fn account(url: &str) -> Result<StorageAccount, Box<dyn Error>> {
    let (_, host) = url.split_once("://").ok_or("the sink's URL has a scheme")?;
    Ok(StorageAccount {
        id: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/bench"
            .to_owned(),
        name: "bench".to_owned(),
        blob_endpoint: format!("https://{host}/bench/").parse()?,
        takes_keys: false,
        is_open: true,
    })
}

fn source(format: &str, folder: &str) -> Result<PackageSource, Box<dyn Error>> {
    let format = match format {
        "zip" => Format::Zip,
        "tar.gz" => Format::TarGz,
        _ => return Err("the format is zip or tar.gz".into()),
    };
    Ok(PackageSource {
        folder: PathBuf::from(folder),
        exclude: Exclusion::default(),
        format,
        container: "bench".to_owned(),
        blob_name: format!("package.{}", format.extension()),
        retained: None,
    })
}

/// To the sink on this machine: over TLS, or without the encryption that the product insists on, where the rest is measured.
#[derive(Debug)]
struct Sending {
    http: HttpClient,
    encrypted: bool,
}

impl Sending {
    fn to(url: &str) -> Result<Arc<dyn Http>, Box<dyn Error>> {
        let authority = std::env::var_os("NODE_EXTRA_CA_CERTS").map(fs::read);
        let network = NetworkSettings {
            extra_authorities: authority.transpose()?.into_iter().collect(),
            ..NetworkSettings::default()
        };
        Ok(Arc::new(Self {
            http: HttpClient::new(&network)?,
            encrypted: url.starts_with("https://"),
        }))
    }
}

#[async_trait]
impl Http for Sending {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if !self.encrypted {
            let address = request.uri().to_string();
            let plain = address.replacen("https://", "http://", 1);
            *request.uri_mut() = plain.parse().map_err(|_| TransportError {
                sent: Sent::NothingEver,
                reason: "the address is malformed".to_owned(),
            })?;
        }
        self.http.send(request).await
    }
}

/// The sink asks nobody who they are.
#[derive(Debug)]
struct Anybody;

#[async_trait]
impl TokenSource for Anybody {
    async fn token(&self, _: &str, _: Freshness) -> Result<Secret, SignInFailure> {
        Ok(Secret::new("token", self))
    }
}

impl Masker for Anybody {
    fn mask(&self, _: &str) {}
}
