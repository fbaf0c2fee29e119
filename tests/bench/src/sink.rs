//! A blob server that takes every request and keeps nothing. One thread for each connection; HTTP/1.1 with lengths or chunks.

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Serves until the process is ended; with `certificate` over TLS, and writes there what clients are to trust.
pub(crate) fn serve(certificate: Option<&str>) -> io::Result<()> {
    let tls = certificate.map(tls).transpose()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut out = io::stdout();
    writeln!(out, "{}", listener.local_addr()?.port())?;
    out.flush()?;
    for stream in listener.incoming() {
        let stream = stream?;
        let tls = tls.clone();
        // A client that goes away in the middle is the client's matter.
        thread::spawn(move || connection(stream, tls).ok());
    }
    Ok(())
}

/// A server with a certificate for this machine, made again; its authority goes to `file`.
fn tls(file: &str) -> io::Result<Arc<ServerConfig>> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
    let made = made.map_err(io::Error::other)?;
    fs::write(file, made.cert.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key);
    Ok(Arc::new(config.map_err(io::Error::other)?))
}

fn connection(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            answer_all(StreamOwned::new(connection, stream))
        }
        None => answer_all(stream),
    }
}

fn answer_all(stream: impl Read + Write) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(256 * 1024, stream);
    loop {
        let Some((length, is_chunked, expects)) = read_head(&mut reader)? else {
            return Ok(());
        };
        if expects {
            reader
                .get_mut()
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if is_chunked {
            discard_chunks(&mut reader)?;
        } else {
            io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        }
        // What the clients look at in answers to Put Block, Put Block List and Put Blob.
        reader.get_mut().write_all(
            b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nx-ms-request-id: 0\r\nx-ms-version: 2020-04-08\r\n\
            x-ms-request-server-encrypted: true\r\nETag: \"0x8\"\r\nLast-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\n\
            Date: Sun, 22 Nov 2026 00:00:00 GMT\r\n\r\n",
        )?;
    }
}

/// The body's length, whether it comes in chunks, and whether the client waits for a word before it.
fn read_head(reader: &mut impl io::BufRead) -> io::Result<Option<(u64, bool, bool)>> {
    let (mut length, mut is_chunked, mut expects) = (0, false, false);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            return Ok(Some((length, is_chunked, expects)));
        }
        if let Some(text) = header.strip_prefix("content-length:") {
            length = text.trim().parse().map_err(io::Error::other)?;
        }
        is_chunked |= header == "transfer-encoding: chunked";
        expects |= header == "expect: 100-continue";
    }
}

fn discard_chunks(reader: &mut impl io::BufRead) -> io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        io::copy(&mut reader.by_ref().take(length + 2), &mut io::sink())?;
        if length == 0 {
            return Ok(());
        }
    }
}
