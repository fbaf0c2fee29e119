//! The cloud behind HTTPS on loopback: one port for each service, one certificate for all.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::certificates;
use crate::cloud::Cloud;
use crate::control;
use crate::reply::Outcome;
use crate::world::Addresses;

/// The longest body that is read: the longest block of blob storage that a client of this size sends, and some.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// How to start.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The port of Azure Resource Manager; the next three are those of Entra ID, Pipelines and blob storage. 0 lets the system choose all.
    pub port_base: u16,
    /// The folder into which the certificate of the certificate authority is written, as `ca.pem`; it is made if it is missing.
    pub folder: PathBuf,
    /// Whether header names are sent in mixed letter case.
    pub title_case_headers: bool,
}

/// The server.
#[derive(Debug)]
pub struct Server;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct RunningServer {
    /// Where the services are reached.
    pub addresses: Addresses,
    /// The ports of Azure Resource Manager, Entra ID, Pipelines and blob storage.
    pub ports: [u16; 4],
    /// What clients have to trust.
    pub ca_pem_path: PathBuf,
    /// The cloud, to look at it and to script trouble.
    pub cloud: Arc<Cloud>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Takes the ports, makes the certificates and serves the cloud that `build` makes for these addresses, on a thread of its own.
    ///
    /// # Errors
    ///
    /// When a port is taken, the folder cannot be written, or the certificates cannot be made.
    pub fn start(
        build: impl FnOnce(Addresses) -> Cloud,
        options: &ServerOptions,
    ) -> io::Result<RunningServer> {
        let mut ports = Vec::new();
        let mut listeners = Vec::new();
        for offset in 0..4 {
            let wanted = if options.port_base == 0 {
                0
            } else {
                options.port_base.saturating_add(offset)
            };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted))?;
            let port = listener.local_addr()?.port();
            // `localhost` may mean the IPv6 loopback first; a machine without it is served all the same.
            listeners.extend(
                TcpListener::bind((Ipv6Addr::LOCALHOST, port)).map(|listener| (listener, port)),
            );
            listeners.push((listener, port));
            ports.push(port);
        }
        let ports: [u16; 4] = ports
            .try_into()
            .map_err(|_| io::Error::other("four ports are needed"))?;
        let [arm, login, devops, blob] = ports;
        let addresses = Addresses::loopback(arm, login, devops, blob);
        let certificates = certificates::make().map_err(io::Error::other)?;
        std::fs::create_dir_all(&options.folder)?;
        let ca_pem_path = options.folder.join("ca.pem");
        std::fs::write(&ca_pem_path, &certificates.ca_pem)?;
        let cloud = Arc::new(build(addresses.clone()));
        let serving = Serving {
            cloud: Arc::clone(&cloud),
            acceptor: TlsAcceptor::from(Arc::new(certificates.config)),
            title_case_headers: options.title_case_headers,
            control_port: arm,
        };
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("azure-emulator".to_owned())
            .spawn(move || {
                runtime.block_on(serve(listeners, serving, stopped));
                runtime.shutdown_background();
            })?;
        Ok(RunningServer {
            addresses,
            ports,
            ca_pem_path,
            cloud,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        // Dropping the sender stops the server; a thread that has panicked has stopped already.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[derive(Clone)]
struct Serving {
    cloud: Arc<Cloud>,
    acceptor: TlsAcceptor,
    title_case_headers: bool,
    control_port: u16,
}

async fn serve(
    listeners: Vec<(TcpListener, u16)>,
    serving: Serving,
    stopped: oneshot::Receiver<()>,
) {
    for (listener, port) in listeners {
        let taken = listener
            .set_nonblocking(true)
            .and_then(|()| tokio::net::TcpListener::from_std(listener));
        if let Ok(listener) = taken {
            tokio::spawn(accept(listener, port, serving.clone()));
        }
    }
    // Both a message and a dropped sender mean the end.
    drop(stopped.await);
}

async fn accept(listener: tokio::net::TcpListener, port: u16, serving: Serving) {
    loop {
        let Ok((stream, _peer)): io::Result<(_, SocketAddr)> = listener.accept().await else {
            continue;
        };
        let serving = serving.clone();
        tokio::spawn(async move {
            // A client that does not trust the certificate, or goes away, is its own business.
            let Ok(stream) = serving.acceptor.accept(stream).await else {
                return;
            };
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.title_case_headers(serving.title_case_headers);
            let service = service_fn(|request| answer(request, port, &serving));
            drop(
                builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

/// Answers one request; an error closes the connection without an answer.
async fn answer(
    request: Request<Incoming>,
    port: u16,
    serving: &Serving,
) -> io::Result<Response<ReplyBody>> {
    let (mut parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    if port == serving.control_port
        && let Some(response) = control::answer(&serving.cloud, &parts.method, &path, &body)
    {
        return Ok(response.map(ReplyBody::whole));
    }
    // The port tells the service, whatever name the client has for this machine; a virtual name tells it, too.
    let host = parts.headers.get(http::header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let authority = match host.filter(|host| serving.cloud.knows(host)) {
        Some(known) => known.to_owned(),
        None => format!("localhost:{port}"),
    };
    parts.uri = Uri::try_from(format!("https://{authority}{path}")).map_err(io::Error::other)?;
    let reply = serving.cloud.answer(Request::from_parts(parts, body));
    tokio::time::sleep(reply.delay).await;
    match reply.outcome {
        Outcome::Response(response) => Ok(response.map(ReplyBody::whole)),
        Outcome::Truncated(response) => Ok(response.map(ReplyBody::cut)),
        Outcome::Reset => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
    }
}

/// A body that is complete, or that breaks off.
struct ReplyBody {
    content: Option<Bytes>,
    end: BodyEnd,
}

/// What comes after the content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyEnd {
    /// The end.
    Regular,
    /// A pause in which the content is sent, then the connection breaks.
    PauseThenBreak,
    /// The connection breaks.
    Break,
}

impl ReplyBody {
    fn whole(content: Bytes) -> Self {
        Self {
            content: Some(content).filter(|content| !content.is_empty()),
            end: BodyEnd::Regular,
        }
    }

    fn cut(content: Bytes) -> Self {
        Self {
            end: BodyEnd::PauseThenBreak,
            ..Self::whole(content)
        }
    }
}

impl hyper::body::Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(content) = self.content.take() {
            return Poll::Ready(Some(Ok(Frame::data(content))));
        }
        match self.end {
            BodyEnd::Regular => Poll::Ready(None),
            BodyEnd::PauseThenBreak => {
                self.end = BodyEnd::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            BodyEnd::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none() && self.end == BodyEnd::Regular
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.content.as_ref().map_or(0, Bytes::len);
        match self.end {
            BodyEnd::Regular => SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX)),
            BodyEnd::PauseThenBreak | BodyEnd::Break => SizeHint::default(),
        }
    }
}
