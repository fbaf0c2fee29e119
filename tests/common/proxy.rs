//! A proxy that only tunnels (CONNECT), asks for a user name and a password if it is told to, and knows where names lead that no DNS has.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{io, thread};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where a host leads: a port of this machine.
type Route = Arc<dyn Fn(&str) -> Option<u16> + Send + Sync>;

/// A proxy that runs until the process ends.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy. `login` is `user:password`, or nothing if anybody may use it.
    pub(crate) fn start(
        login: Option<&str>,
        route: impl Fn(&str) -> Option<u16> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let expected = login.map(|login| format!("Basic {}", STANDARD.encode(login)));
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (log, route): (_, Route) = (Arc::clone(&seen), Arc::new(route));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, route, expected) = (log.clone(), route.clone(), expected.clone());
                // A client that goes away is its own business.
                thread::spawn(move || tunnel(&stream, expected.as_deref(), &route, &log).ok());
            }
        });
        Self { port, seen }
    }

    /// `STATUS HOST` of each request so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn tunnel(
    client: &TcpStream,
    expected: Option<&str>,
    route: &Route,
    log: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut first = lines.first().map_or("", String::as_str).split(' ');
    let (method, target) = (first.next(), first.next().unwrap_or_default());
    let host = target.split(':').next().unwrap_or_default().to_owned();
    let login = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then_some(value)
    });
    let (status, text) = match (method, route(&host)) {
        _ if expected.is_some() && login != expected => (407, "Proxy Authentication Required"),
        (Some("CONNECT"), Some(port)) => return connect(client, port, &host, log),
        (Some("CONNECT"), None) => (502, "Bad Gateway"),
        _ => (405, "Method Not Allowed"),
    };
    log.lock().unwrap().push(format!("{status} {host}"));
    let challenge = if status == 407 {
        "Proxy-Authenticate: Basic realm=\"test\"\r\n"
    } else {
        ""
    };
    let mut answer = client;
    write!(
        answer,
        "HTTP/1.1 {status} {text}\r\n{challenge}Content-Length: 0\r\n\r\n"
    )?;
    client.shutdown(Shutdown::Both)
}

fn connect(client: &TcpStream, port: u16, host: &str, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    log.lock().unwrap().push(format!("200 {host}"));
    (&*client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut from_client, &mut to_server).ok();
        to_server.shutdown(Shutdown::Write).ok();
    });
    io::copy(&mut &server, &mut &*client)?;
    client.shutdown(Shutdown::Write)
}
