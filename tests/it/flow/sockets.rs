//! Whole builds with the core's own client over TLS, on a paused clock all the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_emulator::{Clock, Cloud, Server, ServerOptions};
use bytes::Bytes;
use http::{Request, Response};
use image_builder::arm::http::{Http, HttpClient, TransportError};
use image_builder::arm::network_settings::NetworkSettings;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

use super::scene::Scene;
use super::switches::{USUAL, check_succeeded};

/// Sends over sockets in a runtime of its own. The paused clock stands while a blocking task runs, so a request takes no time.
#[derive(Debug)]
struct SocketHttp {
    client: HttpClient,
    network: Handle,
    start: Instant,
    /// What the cloud's clock shows.
    elapsed: Arc<Mutex<Duration>>,
}

#[async_trait]
impl Http for SocketHttp {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        *self.elapsed.lock().unwrap() = self.start.elapsed();
        let (client, network) = (self.client.clone(), self.network.clone());
        let sent = move || network.block_on(client.send(request));
        tokio::task::spawn_blocking(sent).await.unwrap()
    }
}

/// The names of headers have no letter case. A proxy may write them in any.
#[test]
fn header_names_are_read_in_any_letter_case() {
    let network = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let paused = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    for title_case_headers in [false, true] {
        let folder = TempDir::new().unwrap();
        let options = ServerOptions {
            port_base: 0,
            folder: folder.path().to_owned(),
            title_case_headers,
        };
        let (elapsed, begin) = (Arc::new(Mutex::default()), OffsetDateTime::now_utc());
        let now = Arc::clone(&elapsed);
        let mut scene = None;
        let cloud = |addresses| {
            let scene = scene.insert(Scene::windows_at(addresses));
            let clock = Clock::Given(Arc::new(move || begin + *now.lock().unwrap()));
            Cloud::new(scene.world.clone(), scene.switches.clone(), clock)
        };
        let server = Server::start(cloud, &options).unwrap();
        let client = HttpClient::new(&NetworkSettings {
            extra_authorities: vec![std::fs::read(&server.ca_pem_path).unwrap()],
            user_agent: "sockets-test".to_owned(),
            ..NetworkSettings::default()
        });
        let stage = paused.block_on(async {
            let http = SocketHttp {
                client: client.unwrap(),
                network: network.handle().clone(),
                start: Instant::now(),
                elapsed,
            };
            let cloud = Arc::clone(&server.cloud);
            scene.unwrap().build_over(cloud, Arc::new(http)).await
        });
        check_succeeded("over sockets", &stage, USUAL);
    }
}
