//! A network that takes everything at once: what is measured is packing alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use image_builder::arm::http::{Http, Sent, TransportError};

/// Keeps nothing, or the blob in a file.
#[derive(Debug)]
pub(crate) struct Nowhere {
    file: Option<Mutex<InOrder>>,
}

/// Blocks may come in another order than theirs.
#[derive(Debug)]
struct InOrder {
    file: File,
    early: BTreeMap<String, Bytes>,
    written: usize,
}

impl Nowhere {
    pub(crate) fn new(file: Option<File>) -> Self {
        let file = file.map(|file| {
            Mutex::new(InOrder {
                file,
                early: BTreeMap::new(),
                written: 0,
            })
        });
        Self { file }
    }
}

#[async_trait]
impl Http for Nowhere {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let query = request.uri().query().unwrap_or_default();
        if let (Some(file), Some(id)) = (&self.file, query.strip_prefix("comp=block&blockid=")) {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let written = file.put(id.to_owned(), request.body().clone());
            written.map_err(|error| TransportError {
                sent: Sent::NothingEver,
                reason: error.to_string(),
            })?;
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = http::StatusCode::CREATED;
        Ok(response)
    }
}

impl InOrder {
    fn put(&mut self, id: String, block: Bytes) -> std::io::Result<()> {
        self.early.insert(id, block);
        while let Some(block) = self.early.remove(&expected_id(self.written)) {
            self.file.write_all(&block)?;
            self.written += 1;
        }
        Ok(())
    }
}

/// base64 of nine digits, three at a time.
fn expected_id(index: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = format!("{index:09}");
    let mut id = String::new();
    for three in digits.as_bytes().chunks(3) {
        let bits = three
            .iter()
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for shift in [18, 12, 6, 0] {
            let letter = ALPHABET.get(bits >> shift & 63).copied().unwrap_or(b'A');
            id.push(char::from(letter));
        }
    }
    id
}
